//! `blank_to_null(text)`: an empty field as what it means.

use std::borrow::Cow;

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::characters::is_blank;
use super::list::SECTION;
use super::text_function::TextFunction;

/// `blank_to_null`.
pub(super) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "NULL for a text that is empty or holds only white space and invisible characters, any other text exactly as \
         it is. White space is Unicode's: no-break spaces, ideographic spaces (U+3000) and line breaks are blank, and \
         so are zero-width characters, byte order marks and control characters.",
        "blank_to_null(text)",
    )
    .with_argument("text", "The text. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT coalesce(blank_to_null('   '), 'unknown') AS city;
```
```text
  city
---------
 unknown
```",
    )
    .build();
    TextFunction::udf("blank_to_null", documentation, clean)
}

/// None when nothing of the text can be seen, else the text itself.
pub(super) fn clean(text: &str) -> Option<Cow<'_, str>> {
    text.chars().any(|c| !is_blank(c)).then_some(Cow::Borrowed(text))
}
