//! `normalize_country(text)`: a country by its code of two letters.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::country::find;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Scalar};

/// `normalize_country`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The ISO 3166-1 code of two letters of the country that a text names, or NULL when it names none. It takes \
         codes of two and three letters, the standard's numbers (also without their leading zeros), English names and \
         usual other ones (`UK`, `Holland`, `Ivory Coast`, `Burma`, `Republic of Korea`), and the country's name in \
         its own language: `Deutschland`, `España`, `Türkiye`, `中国`, `日本`, `Россия`, `مصر`. Case, accents, \
         punctuation and `the` do not matter.\n\n\
         A name that could be two countries, such as `Korea` or `Virgin Islands`, is NULL. `Georgia` and `GA` are \
         read as countries, not as states of the United States. Kosovo has no code in the standard.",
        "normalize_country(text)",
    )
    .with_argument("text", "The name or code. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT normalize_country('The Netherlands') AS nl, normalize_country('TUR') AS tr, normalize_country('中国') AS cn;
```
```text
 nl | tr | cn
----+----+----
 NL | TR | CN
```",
    )
    .with_related_udf("country_name")
    .build();
    let body = Body::Text(|text, _| Ok(find(text).map(|country| country.alpha2.to_string())));
    Scalar { name: "normalize_country", least: 1, most: 1, body }.udf(documentation)
}
