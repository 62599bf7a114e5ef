//! `parse_number(text [, mark])`: a number from whatever form it is written in.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::marks::decimal_mark;
use super::read::read;
use crate::error::Result;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Options, Scalar, no_such_option};

/// `parse_number`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The number that a text is, as `numeric`, or NULL when it is none, or could be two: `1.234` and `1,234` are \
         NULL until one says which mark stands before the decimals. What has both marks, or one of them in a place \
         where it can only be one thing, needs no option: `1.234,56`, `1,234.56`, `12,5`, `0.125`, `1.234.567`.\n\n\
         - Thousands may be separated by a point, a comma, a space of any kind or an apostrophe (`1'234.56`, \
         `1 234,56`), in threes; by commas also as in India: `12,34,567`.\n\
         - Negative is `-5`, `5-`, `(5)` and `△5`, with any kind of minus sign.\n\
         - `12.5 %` is 0.125, `5‰` is 0.005, `1.5万` is 15000, `3億` is 300000000, `1.5e3` is 1500.\n\
         - A currency's symbol or ISO code may stand at either end: `€ 5`, `12.50 TRY`.\n\
         - Full-width digits and those of other scripts are digits.\n\n\
         Nothing is rounded: a number with more than ten decimals, or more than 28 digits before them, is NULL. So \
         are `NaN`, `Infinity` and fractions.",
        "parse_number(text [, mark])",
    )
    .with_argument("text", "The text. NULL gives NULL.")
    .with_argument(
        "mark",
        "What stands before the decimals: `'.'`, `','`, or a language with or without a country, whose custom it is: \
         `'de'`, `'de-CH'`, `'en'`, `'tr_TR'`. NULL is as without it. Anything else is an error (22023).",
    )
    .with_sql_example(
        "\
```sql
SELECT parse_number('(1.234,56)')::numeric(10,2) AS certain, parse_number('1.234') AS either,
       parse_number('1.234', 'de')::integer AS german;
```
```text
 certain  | either | german
----------+--------+--------
 -1234.56 |        |   1234
```",
    )
    .build();
    Scalar { name: "parse_number", least: 1, most: 2, body: Body::Number(parse) }.udf(documentation)
}

fn parse(text: &str, options: &Options<'_>) -> Result<Option<i128>> {
    let mark = match options.first().copied().flatten() {
        None => None,
        Some(option) => Some(decimal_mark(option).ok_or_else(|| {
            no_such_option("parse_number", option, "Use '.', ',' or a language such as 'en', 'de' or 'de-CH'.")
        })?),
    };
    Ok(read(text, mark))
}
