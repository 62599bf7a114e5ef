//! `parse_date(text [, option ..])`: a date from whatever form it is written in.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::attempt::{Outcome, read};
use super::prepare::prepare;
use crate::error::Result;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Options, Scalar};

/// `parse_date`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The date that a text is, or NULL when it is none, or could be two: `03/04/2024` is NULL until one says which \
         comes first. `25/12/2024` can be read in one way only, and `3/3/2024` is one day either way.\n\n\
         Without options, these are read, with one or two digits for day and month unless they touch:\n\n\
         | form | examples |\n| --- | --- |\n\
         | year, month, day | `2024-03-01`, `2024/3/1`, `2024.03.01`, `2024. 3. 1.`, `20240301` (1600 to 2399) |\n\
         | day and month, year, where only one order is possible | `25.12.2024`, `12/25/2024`, `31-12-99` |\n\
         | with the month's name | `1 Mar 2024`, `01-MAR-2024`, `March 1st, 2024`, `1. März 2024`, \
         `1 de marzo de 2024`, `1 Ağustos 2024`, `Fri, 1 Mar 2024`, `2024 Mar 1` |\n\
         | Chinese, Japanese, Korean | `2024年3月1日`, `二〇二四年三月一日`, `2024年3月1日(金)`, `令和6年3月1日`, \
         `民國113年3月1日`, `2024년 3월 1일` |\n\
         | ISO week and day of the year | `2024-W09-5`, `2024-061` |\n\
         | any of these with a time behind it | `2024-03-01T12:30:00Z`, `25/12/2024 9:05 PM`, `20240301123000` |\n\n\
         Full-width digits and those of other scripts are digits. A time of day is left out, and a time zone is not \
         applied. Names of months are English, German, French, Spanish, Italian, Portuguese, Dutch, Danish, \
         Norwegian, Swedish, Turkish, Polish and Russian, long or short. Two digits of a year are the one nearest to \
         2020, as in Postgres. Years are 1 to 9999.",
        "parse_date(text [, option ..])",
    )
    .with_argument("text", "The text. NULL gives NULL.")
    .with_argument(
        "option",
        "What to try, in order; the first that fits counts. `'dmy'`, `'mdy'` or `'ymd'`: all of the above with this \
         order, also in years of two digits and in `01032024`. A template such as `'DD.MM.YYYY'`, of `YYYY`, `YY`, \
         `MM`, `Mon`, `Month`, `DD`, `DDth`, `DDD`, `Day`, `Dy`, `IYYY`, `IW`, `ID`, `HH24`, `HH12`, `MI`, `SS`, \
         `US`, `AM`, `TZ`, `EE` (an era) and `\"text\"`: the whole text must fit. `'excel'`: the number of a day in a \
         spreadsheet. NULL asks for nothing. Anything else is an error (22023).",
    )
    .with_sql_example(
        "\
```sql
SELECT parse_date('2024年3月1日') AS certain, parse_date('03/04/2024') AS either, parse_date('03/04/2024', 'dmy') AS asked;
```
```text
  certain   | either |   asked
------------+--------+------------
 2024-03-01 |        | 2024-04-03
```",
    )
    .with_related_udf("parse_date_format")
    .build();
    Scalar { name: "parse_date", least: 1, most: 20, body: Body::Date(parse) }.udf(documentation)
}

/// The day, as days since 1970.
pub(super) fn parse(text: &str, options: &Options<'_>) -> Result<Option<i32>> {
    // Options are looked at even where the text is none, so that a wrong one is always an error.
    let prepared = prepare(text).unwrap_or_default();
    Ok(match read("parse_date", &prepared, options)? {
        Some(Outcome::Day(days, _)) => Some(days),
        Some(Outcome::Several(_)) | None => None,
    })
}
