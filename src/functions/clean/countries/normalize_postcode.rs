//! `normalize_postcode(text, country)`: a postcode in the form of its country.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::country::find;
use super::postcode::normalize;
use crate::error::Result;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Options, Scalar};

/// `normalize_postcode`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The postcode in the form that its country writes: `SW1A 1AA`, `1012 AB`, `100-0001`, `00-950`, `LV-1010`. \
         Case, spaces, hyphens and dots do not matter, full-width digits are digits, and the country's code or sign \
         before it is dropped (`D-10115`). NULL when the text has not the form of that country's postcodes, when the \
         country has none, and when the country is not known. A valid form is not a place that exists. A zero that a \
         spreadsheet has taken off the beginning is not put back: `2139` is no postcode of the United States.",
        "normalize_postcode(text, country)",
    )
    .with_argument("text", "The postcode. NULL gives NULL.")
    .with_argument("country", "The country, as `normalize_country` takes it. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT normalize_postcode('sw1a1aa', 'UK') AS london, normalize_postcode('D-10115', 'DE') AS berlin;
```
```text
  london  | berlin
----------+--------
 SW1A 1AA | 10115
```",
    )
    .with_related_udf("normalize_country")
    .build();
    Scalar { name: "normalize_postcode", least: 2, most: 2, body: Body::Text(clean) }.udf(documentation)
}

fn clean(text: &str, options: &Options<'_>) -> Result<Option<String>> {
    let country = options.first().copied().flatten().and_then(find);
    Ok(country.and_then(|country| normalize(text, country)))
}
