//! `family_name(text)`: the family name of a person.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::parts::parts;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Scalar};

/// `family_name`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The family name in a person's name, in the form of `normalize_name`, or NULL when it is not known.\n\n\
         What stands before the comma of `Last, First` is the family name. Else it is the last word, with the \
         particles before it (`van der Berg`); titles (`Dr.`) and suffixes (`Jr.`, `III`) belong to neither. \
         Chinese, Japanese and Korean names begin with it: `split_chinese_name` says where it ends, a space does, \
         and in Korean it has one syllable but for those that have two. A name of one word has neither part. Of two \
         family names without a comma, as in Spanish, only the last one is found.",
        "family_name(text)",
    )
    .with_argument("text", "The name. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT family_name('Ann Berg') AS one, family_name('VAN DER BERG, JAN') AS other;
```
```text
 one  |    other
------+--------------
 Berg | van der Berg
```",
    )
    .with_related_udf("split_chinese_name")
    .build();
    let body = Body::Text(|text, _| Ok(parts(text).and_then(|parts| parts.0)));
    Scalar { name: "family_name", least: 1, most: 1, body }.udf(documentation)
}
