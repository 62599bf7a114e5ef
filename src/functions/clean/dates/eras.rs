//! Eras of Japan and of the Republic of China, by their names.

use crate::values::calendar::{Civil, days};

/// An era: its names, the year before its first one, and its first and last day.
struct Era {
    names: &'static [&'static str],
    before: i64,
    first: (i64, u32, u32),
    last: (i64, u32, u32),
}

/// Japan counts days in the Gregorian calendar since 1873. The last days are those before the next era began.
const ERAS: &[Era] = &[
    Era { names: &["令和"], before: 2018, first: (2019, 5, 1), last: (9999, 12, 31) },
    Era { names: &["平成"], before: 1988, first: (1989, 1, 8), last: (2019, 4, 30) },
    Era { names: &["昭和"], before: 1925, first: (1926, 12, 25), last: (1989, 1, 7) },
    Era { names: &["大正"], before: 1911, first: (1912, 7, 30), last: (1926, 12, 24) },
    Era { names: &["明治"], before: 1867, first: (1873, 1, 1), last: (1912, 7, 29) },
    Era {
        names: &["中華民國", "中华民国", "中華民国", "民國", "民国"],
        before: 1911,
        first: (1912, 1, 1),
        last: (9999, 12, 31),
    },
];

/// An era that a text begins with, and what is left of the text.
pub(super) fn begins(text: &str) -> Option<(usize, &str)> {
    ERAS.iter().enumerate().find_map(|(at, era)| Some((at, era.names.iter().find_map(|name| text.strip_prefix(name))?)))
}

/// The day by a year of an era. None when the era did not have it.
pub(super) fn day(era: usize, year: i64, month: u32, day: u32) -> Option<i64> {
    let era = ERAS.get(era)?;
    let of = |(year, month, day): (i64, u32, u32)| days(Civil { year, month, day });
    let found = of((era.before.checked_add(year)?, month, day))?;
    (year >= 1 && of(era.first)? <= found && found <= of(era.last)?).then_some(found)
}
