//! `normalize_text(text)`: any text in the one form that compares well.

use std::borrow::Cow;

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::characters::tidy;
use super::list::SECTION;
use super::text_function::TextFunction;

/// `normalize_text`.
pub(super) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The text in Unicode's form NFKC (full-width letters, digits and punctuation become the plain ones, ligatures \
         are taken apart), without invisible characters (zero-width characters, soft hyphens, direction marks, byte \
         order marks, control characters), with every line break and run of white space as one space, and with none \
         at the ends. Case and accents are kept. A blank text gives NULL.",
        "normalize_text(text)",
    )
    .with_argument("text", "The text. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT normalize_text('  Ｍａｉｎ　Street\t 5 ') AS address;
```
```text
    address
---------------
 Main Street 5
```",
    )
    .build();
    TextFunction::udf("normalize_text", documentation, clean)
}

/// The tidy text; none when that is empty.
pub(super) fn clean(text: &str) -> Option<Cow<'_, str>> {
    let tidy = tidy(text);
    (!tidy.is_empty()).then_some(tidy)
}
