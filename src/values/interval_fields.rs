//! Which fields of an interval count: `interval '5' minute`, `x::interval day to hour`.

use datafusion::arrow::datatypes::IntervalMonthDayNano;

use crate::values::calendar::SECOND;

/// The fields of an interval's type. Only the smallest cuts: what is larger stays, whatever the type begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntervalFields {
    smallest: Smallest,
    /// MINUTE TO SECOND: `1:30` has no hours.
    begins_with_minutes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Smallest {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl IntervalFields {
    /// Reads `DAY` or `DAY TO HOUR`; none for what is neither.
    pub fn parse(text: &str) -> Option<IntervalFields> {
        let upper = text.to_ascii_uppercase();
        let (first, last) = upper.split_once(" TO ").unwrap_or((upper.as_str(), upper.as_str()));
        let smallest = match last.strip_suffix('S').unwrap_or(last) {
            "YEAR" => Smallest::Year,
            "MONTH" => Smallest::Month,
            "DAY" => Smallest::Day,
            "HOUR" => Smallest::Hour,
            "MINUTE" => Smallest::Minute,
            "SECOND" => Smallest::Second,
            _ => return None,
        };
        Some(IntervalFields { smallest, begins_with_minutes: first == "MINUTE" && smallest == Smallest::Second })
    }

    /// What a number without a unit counts.
    pub fn unit(self) -> &'static str {
        match self.smallest {
            Smallest::Year => "year",
            Smallest::Month => "month",
            Smallest::Day => "day",
            Smallest::Hour => "hour",
            Smallest::Minute => "minute",
            Smallest::Second => "second",
        }
    }

    /// Whether a time of two parts is one of minutes and seconds.
    pub fn begins_with_minutes(self) -> bool {
        self.begins_with_minutes
    }

    /// An interval without what is smaller than its smallest field.
    pub fn kept(self, of: IntervalMonthDayNano) -> IntervalMonthDayNano {
        let second = SECOND.saturating_mul(1_000);
        let whole = |unit: i64| IntervalMonthDayNano { nanoseconds: of.nanoseconds / unit * unit, ..of };
        match self.smallest {
            Smallest::Year => IntervalMonthDayNano::new(of.months / 12 * 12, 0, 0),
            Smallest::Month => IntervalMonthDayNano::new(of.months, 0, 0),
            Smallest::Day => IntervalMonthDayNano::new(of.months, of.days, 0),
            Smallest::Hour => whole(3_600 * second),
            Smallest::Minute => whole(60 * second),
            Smallest::Second => of,
        }
    }
}
