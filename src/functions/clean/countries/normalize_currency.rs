//! `normalize_currency(text [, hint])`: a currency by its code of three letters.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::country::find;
use super::currency::{code_of, normalize};
use crate::error::Result;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::scalar::{Body, Options, Scalar};

/// `normalize_currency`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The ISO 4217 code of the currency that a text names, or NULL when it names none, or could be several. It \
         takes codes in any case (also those that were withdrawn since 1998, such as `DEM`), symbols (`€`, `₺`, \
         `zł`, `US$`), and usual names (`Euro`, `Pound Sterling`, `人民币`). A symbol or name of several currencies \
         (`$`, `£`, `¥`, `kr`, `peso`) needs a hint: without one it is NULL, as no guess is made.",
        "normalize_currency(text [, hint])",
    )
    .with_argument("text", "The code, symbol or name. NULL gives NULL.")
    .with_argument(
        "hint",
        "The country that the text comes from, as `normalize_country` takes it, or the code of the currency that it \
         would be. It decides only between what the text could be. NULL and unknown texts are no hint.",
    )
    .with_sql_example(
        "\
```sql
SELECT normalize_currency('€') AS euro, normalize_currency('$') AS either, normalize_currency('$', 'CA') AS canadian;
```
```text
 euro | either | canadian
------+--------+----------
 EUR  |        | CAD
```",
    )
    .with_related_udf("normalize_country")
    .build();
    Scalar { name: "normalize_currency", least: 1, most: 2, body: Body::Text(clean) }.udf(documentation)
}

fn clean(text: &str, options: &Options<'_>) -> Result<Option<String>> {
    let hint = options.first().copied().flatten();
    let code = hint.and_then(code_of);
    let country = hint.and_then(find);
    Ok(normalize(text, country, code).map(str::to_owned))
}
