//! `parse_date_format(text [, option ..])`: the form in which a date is written.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::attempt::{Outcome, read};
use super::prepare::prepare;
use crate::error::Result;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Options, Scalar};

/// `parse_date_format`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The form in which `parse_date` reads a text, as a template: `DD.MM.YYYY`. Where several fit they are all \
         given, with `|` between them: `parse_date` gives NULL then, unless they agree about the day. NULL when the \
         text is no date. Grouping a column by it shows what has to be asked for. A template that it gives can be an \
         option of `parse_date`.",
        "parse_date_format(text [, option ..])",
    )
    .with_argument("text", "The text. NULL gives NULL.")
    .with_argument("option", "What to try, as for `parse_date`.")
    .with_sql_example(
        "\
```sql
SELECT parse_date_format('25.12.2024') AS one, parse_date_format('03/04/2024') AS two;
```
```text
    one     |          two
------------+-----------------------
 DD.MM.YYYY | DD/MM/YYYY|MM/DD/YYYY
```",
    )
    .with_related_udf("parse_date")
    .build();
    Scalar { name: "parse_date_format", least: 1, most: 20, body: Body::Text(form) }.udf(documentation)
}

/// The template, or all that are possible.
pub(super) fn form(text: &str, options: &Options<'_>) -> Result<Option<String>> {
    let prepared = prepare(text).unwrap_or_default();
    Ok(read("parse_date_format", &prepared, options)?.map(|found| match found {
        Outcome::Day(_, template) => template,
        Outcome::Several(templates) => templates.join("|"),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::functions::clean::dates::parse_date::parse;
    use crate::values::calendar::{Civil, civil};

    #[test]
    fn a_form_reads_what_it_was_found_in() {
        for text in [
            "2024-03-01",
            "2024. 3. 1.",
            "20240301",
            "20240301123000",
            "31.12.99",
            "25/12/2024 9:05 PM",
            "2024-03-01T12:30:00.5+02:00",
            "1 Mar 2024",
            "01MAR2024",
            "Friday, March 1st, 2024",
            "1. März 2024",
            "1er mars 2024",
            "1 de marzo de 2024",
            "1 MAYIS 2024",
            "1 марта 2024 г.",
            "2024 Mar 1",
            "2024-W09-5",
            "2024W095",
            "2024-061",
            "２０２４年３月１日（金）",
            "二〇二四年三月一日",
            "令和元年5月1日",
            "民國113年3月1日",
            "2024년 3월 1일 금요일",
            "2024年3月1日 12:30",
            "9999-12-31",
            "31.12.1969",
        ] {
            let day = parse(text, &[]).unwrap();
            assert!(day.is_some(), "{text} is no date");
            let form = form(text, &[]).unwrap().unwrap();
            assert_eq!(parse(text, &[Some(&form)]).unwrap(), day, "{text} as {form}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_is_an_error(text in "\\PC*") {
            prop_assert!(parse(&text, &[]).is_ok());
            prop_assert!(form(&text, &[Some("dmy")]).is_ok());
        }

        #[test]
        fn what_is_written_is_read(days in -100_000_i32..2_900_000) {
            let Civil { year, month, day } = civil(i64::from(days));
            prop_assert_eq!(parse(&format!("{year:04}-{month:02}-{day:02}"), &[]).unwrap(), Some(days));
            prop_assert_eq!(parse(&format!("{year:04}年{month}月{day}日"), &[]).unwrap(), Some(days));
            prop_assert_eq!(parse(&format!("{day}/{month}/{year:04}"), &[Some("dmy")]).unwrap(), Some(days));
            prop_assert_eq!(parse(&format!("{month}-{day}-{year:04}"), &[Some("mdy")]).unwrap(), Some(days));
            let unasked = parse(&format!("{day}.{month}.{year:04}"), &[]).unwrap();
            prop_assert_eq!(unasked, (day > 12 || day == month).then_some(days));
        }
    }
}
