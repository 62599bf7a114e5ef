//! `normalize_phone(text, region)`: a telephone number in the one form that compares well.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::characters::normalized;
use super::columns::{scalar_text, text_array, view_column};
use super::list::SECTION;
use super::phone_number::e164;
use super::territory::{self, Territory};
use crate::error::{Error, SqlState};

/// `normalize_phone`.
pub(super) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The telephone number in a text in the form of E.164 (`+4930123456`), or NULL when it is no valid number of \
         its country. Valid means that the country's numbering plan has such numbers, not that somebody answers.\n\n\
         Spaces, brackets, dots, hyphens and slashes go; full-width digits and the digits of other scripts become \
         the plain ones. A number that begins with `+`, with `00` or with what one dials in the region to call \
         abroad has its own country code; any other number is one of the region, with or without its national prefix \
         (the leading `0` in most countries). An extension (`ext. 12`, `x12`, `#12`) is dropped. A text with two \
         numbers, with other words behind the number or with letters for digits (`1-800-FLOWERS`) gives NULL: no \
         number is better than a wrong one.",
        "normalize_phone(text, region)",
    )
    .with_argument(
        "text",
        "The text that holds the number. NULL gives NULL, and so does a text of over 250 characters.",
    )
    .with_argument(
        "region",
        "Where the number is dialled when it has no country code: an ISO 3166-1 country code of two letters, such as \
         `'DE'`, `'CN'` or `'TR'`, in any case. NULL takes only numbers that have one. Any other text is an error \
         (22023).",
    )
    .with_sql_example(
        "\
```sql
SELECT normalize_phone('(030) 12 34 56 ext. 7', 'DE') AS phone;
```
```text
    phone
-------------
 +4930123456
```",
    )
    .build();
    let signature = Signature::string(2, Volatility::Immutable);
    ScalarUDF::new_from_impl(NormalizePhone { signature, documentation })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NormalizePhone {
    signature: Signature,
    documentation: Documentation,
}

impl ScalarUDFImpl for NormalizePhone {
    fn name(&self) -> &str {
        "normalize_phone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        match args.args.as_slice() {
            [ColumnarValue::Scalar(text), ColumnarValue::Scalar(region)] => {
                let home = home(scalar_text(region)?)?;
                let number = scalar_text(text)?.and_then(|text| e164(text, home));
                Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(number)))
            }
            [text, ColumnarValue::Scalar(region)] => {
                let home = home(scalar_text(region)?)?;
                let texts = text_array(&text.to_array(rows)?)?;
                let numbers = texts.iter().map(|text| Ok(text.and_then(|text| e164(text, home))));
                Ok(ColumnarValue::Array(view_column(rows, numbers)?))
            }
            [text, region] => {
                let texts = text_array(&text.to_array(rows)?)?;
                let regions = text_array(&region.to_array(rows)?)?;
                // Rows of one region often follow each other: the last one found is kept.
                let mut last: (Option<&str>, Option<&'static Territory>) = (None, None);
                let numbers = texts.iter().zip(regions.iter()).map(|(text, region)| -> Result<Option<String>> {
                    let Some(text) = text else { return Ok(None) };
                    if region != last.0 {
                        last = (region, home(region)?);
                    }
                    Ok(e164(text, last.1))
                });
                Ok(ColumnarValue::Array(view_column(rows, numbers)?))
            }
            _ => Err(Error::internal("normalize_phone was called without its two arguments").into()),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The territory that a region names; none for NULL.
fn home(region: Option<&str>) -> Result<Option<&'static Territory>> {
    let Some(region) = region else { return Ok(None) };
    let id = normalized(region).trim().to_ascii_uppercase();
    match territory::find(&id) {
        Some(territory) => Ok(Some(territory)),
        None => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("region \"{region}\" of normalize_phone is not a known country code"),
        )
        .with_hint("Use the two letters of ISO 3166-1, such as 'DE', 'GB' or 'CN', or NULL.")
        .into()),
    }
}
