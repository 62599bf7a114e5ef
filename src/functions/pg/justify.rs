//! `justify_hours`, `justify_days` and `justify_interval`: 24 hours as a day, 30 days as a month.

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// Nanoseconds in a day.
const DAY: i64 = 86_400_000_000_000;

/// `justify_hours`
pub(super) fn hours() -> ScalarUDF {
    Spec::new(
        "justify_hours",
        &[Param::Interval],
        |_| PgType::Interval,
        |call| {
            justified(call, |span| {
                span.whole_days();
                span.even_days();
            })
        },
    )
    .udf()
}

/// `justify_days`
pub(super) fn days() -> ScalarUDF {
    Spec::new(
        "justify_days",
        &[Param::Interval],
        |_| PgType::Interval,
        |call| {
            justified(call, |span| {
                span.whole_months();
                span.even_months(false);
            })
        },
    )
    .udf()
}

/// `justify_interval`
pub(super) fn interval() -> ScalarUDF {
    Spec::new(
        "justify_interval",
        &[Param::Interval],
        |_| PgType::Interval,
        |call| {
            justified(call, |span| {
                span.whole_days();
                span.whole_months();
                span.even_months(true);
                span.even_days();
            })
        },
    )
    .udf()
}

/// An interval with room to count in.
struct Span {
    months: i64,
    days: i64,
    nanos: i64,
}

impl Span {
    fn whole_days(&mut self) {
        self.days += self.nanos / DAY;
        self.nanos %= DAY;
    }

    fn whole_months(&mut self) {
        self.months += self.days / 30;
        self.days %= 30;
    }

    /// Gives days and time one sign.
    fn even_days(&mut self) {
        if self.days > 0 && self.nanos < 0 {
            self.nanos += DAY;
            self.days -= 1;
        } else if self.days < 0 && self.nanos > 0 {
            self.nanos -= DAY;
            self.days += 1;
        }
    }

    /// Gives months and days one sign; `with_time` when no days but a time of the other sign count too.
    fn even_months(&mut self, with_time: bool) {
        let time = if with_time && self.days == 0 { self.nanos.signum() } else { 0 };
        let below = self.days.signum() + time;
        if self.months > 0 && below < 0 {
            self.days += 30;
            self.months -= 1;
        } else if self.months < 0 && below > 0 {
            self.days -= 30;
            self.months += 1;
        }
    }
}

fn justified(call: &Call<'_>, change: fn(&mut Span)) -> Result<Option<ScalarValue>> {
    let Some(ScalarValue::IntervalMonthDayNano(Some(value))) = call.values.first() else { return Ok(None) };
    let mut span = Span { months: i64::from(value.months), days: i64::from(value.days), nanos: value.nanoseconds };
    change(&mut span);
    let narrow = |count: i64| {
        i32::try_from(count).map_err(|_| Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range"))
    };
    let value = IntervalMonthDayNano::new(narrow(span.months)?, narrow(span.days)?, span.nanos);
    Ok(Some(ScalarValue::IntervalMonthDayNano(Some(value))))
}
