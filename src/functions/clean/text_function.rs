//! The shape most cleaning functions share: one text in, one text or NULL out.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::columns::{scalar_text, text_array, view_column};
use crate::error::Error;

/// How one text is cleaned: none for NULL, borrowed where nothing but the ends changed.
pub(super) type Clean = for<'a> fn(&'a str) -> Option<Cow<'a, str>>;

/// A function of one text. Its name says which: two of the same name are the same function.
#[derive(Debug)]
pub(super) struct TextFunction {
    name: &'static str,
    signature: Signature,
    documentation: Documentation,
    clean: Clean,
}

impl TextFunction {
    /// The function as DataFusion registers it.
    pub(super) fn udf(name: &'static str, documentation: Documentation, clean: Clean) -> ScalarUDF {
        let signature = Signature::string(1, Volatility::Immutable);
        ScalarUDF::new_from_impl(TextFunction { name, signature, documentation, clean })
    }
}

impl PartialEq for TextFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TextFunction {}

impl Hash for TextFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Scalar(scalar)] => {
                let cleaned = scalar_text(scalar)?.and_then(self.clean).map(Cow::into_owned);
                Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(cleaned)))
            }
            [ColumnarValue::Array(array)] => {
                let texts = text_array(array)?;
                let cleaned = texts.iter().map(|text| Ok(text.and_then(self.clean)));
                Ok(ColumnarValue::Array(view_column(args.number_rows, cleaned)?))
            }
            _ => Err(Error::internal(format!("{} was called without its one argument", self.name)).into()),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
