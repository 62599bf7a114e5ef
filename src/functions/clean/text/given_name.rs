//! `given_name(text)`: the given names of a person.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::parts::parts;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Scalar};

/// `given_name`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The given names in a person's name, in the form of `normalize_name`, or NULL when it is not known.\n\n\
         What stands before the comma of `Last, First` is the family name. Else it is the last word, with the \
         particles before it (`van der Berg`); titles (`Dr.`) and suffixes (`Jr.`, `III`) belong to neither. \
         Chinese, Japanese and Korean names begin with it: `split_chinese_name` says where it ends, a space does, \
         and in Korean it has one syllable but for those that have two. A name of one word has neither part. Of two \
         family names without a comma, as in Spanish, only the last one is found.",
        "given_name(text)",
    )
    .with_argument("text", "The name. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT given_name('Ann Berg') AS one, given_name('VAN DER BERG, JAN') AS other;
```
```text
 one | other
-----+-------
 Ann | Jan
```",
    )
    .with_related_udf("split_chinese_name")
    .build();
    let body = Body::Text(|text, _| Ok(parts(text).and_then(|parts| parts.1)));
    Scalar { name: "given_name", least: 1, most: 1, body }.udf(documentation)
}
