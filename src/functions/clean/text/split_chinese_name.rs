//! `split_chinese_name(text)`: the family name and the given name.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::chinese::split;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Scalar};

/// `split_chinese_name`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The parts of a Chinese name, simplified or traditional, as a row of `family` and `given`. Family names of two \
         characters are known (`欧阳`, `司马`, `諸葛`), and so are a husband's and one's own (`范徐丽泰`). A space in the \
         name says where it parts. NULL when the name is not all Chinese characters, or its family name is not known.",
        "split_chinese_name(text)",
    )
    .with_argument("text", "The name. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT (split_chinese_name('欧阳娜娜')).family AS family, (split_chinese_name('欧阳娜娜')).given AS given;
```
```text
 family | given
--------+-------
 欧阳   | 娜娜
```",
    )
    .with_related_udf("family_name")
    .build();
    let body = Body::Names(|text, _| Ok(split(text).map(|(family, given)| (Some(family), Some(given)))));
    Scalar { name: "split_chinese_name", least: 1, most: 1, body }.udf(documentation)
}
