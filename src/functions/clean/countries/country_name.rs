//! `country_name(code)`: a country's English name.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::country::find;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Scalar};

/// `country_name`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The usual English name of a country, or NULL when there is no such country. It takes what \
         `normalize_country` takes.",
        "country_name(code)",
    )
    .with_argument("code", "The country's code, number or name. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT country_name('de') AS two, country_name('TUR') AS three, country_name('Holland') AS other;
```
```text
   two   |  three  |    other
---------+---------+-------------
 Germany | Türkiye | Netherlands
```",
    )
    .with_related_udf("normalize_country")
    .build();
    let body = Body::Text(|text, _| Ok(find(text).map(|country| country.name.to_string())));
    Scalar { name: "country_name", least: 1, most: 1, body }.udf(documentation)
}
