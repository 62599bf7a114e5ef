//! The shape of functions of one text and of texts that say how to read it: text, date, number or a pair of names out.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, Date32Array, Decimal128Array, StringViewArray, StringViewBuilder, StructArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::columns::{scalar_text, text_array};
use crate::catalog::types::{BARE_NUMERIC, PgType};
use crate::error::{Error, Result, SqlState};

/// One row's arguments after the text itself; none for NULL.
pub(super) type Options<'a> = [Option<&'a str>];

/// The family name and the given name of a person; either may be unknown.
pub(super) type Names = (Option<String>, Option<String>);

/// How a text is turned into a value; none for NULL. An error is about an option, never about the text.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// `text`
    Text(fn(&str, &Options<'_>) -> Result<Option<String>>),
    /// `date`, as days since 1970
    Date(fn(&str, &Options<'_>) -> Result<Option<i32>>),
    /// Bare `numeric`, as its digits
    Number(fn(&str, &Options<'_>) -> Result<Option<i128>>),
    /// A row of `family` and `given`
    Names(fn(&str, &Options<'_>) -> Result<Option<Names>>),
}

/// A function of a text and of options, which are texts too. A text that is NULL gives NULL.
pub(super) struct Scalar {
    /// Its name.
    pub name: &'static str,
    /// How many arguments it takes at least.
    pub least: usize,
    /// How many arguments it takes at most.
    pub most: usize,
    /// What it does.
    pub body: Body,
}

impl Scalar {
    /// The function as DataFusion registers it.
    pub(super) fn udf(self, documentation: Documentation) -> ScalarUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(ScalarFunction { spec: self, signature, documentation })
    }
}

struct ScalarFunction {
    spec: Scalar,
    signature: Signature,
    documentation: Documentation,
}

impl std::fmt::Debug for ScalarFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScalarFunction").field("name", &self.spec.name).finish()
    }
}

impl PartialEq for ScalarFunction {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name
    }
}

impl Eq for ScalarFunction {}

impl Hash for ScalarFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}

impl ScalarUDFImpl for ScalarFunction {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> DfResult<DataType> {
        Ok(match self.spec.body {
            Body::Text(_) => DataType::Utf8View,
            Body::Date(_) => DataType::Date32,
            Body::Number(_) => DataType::Decimal128(BARE_NUMERIC.0, BARE_NUMERIC.1),
            Body::Names(_) => DataType::Struct(name_fields()),
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.spec.name, self.return_type(&types)?, true)))
    }

    fn coerce_types(&self, given: &[DataType]) -> DfResult<Vec<DataType>> {
        let fits = (self.spec.least..=self.spec.most).contains(&given.len());
        if !fits || !given.iter().all(is_text) {
            return Err(no_such_function(self.spec.name, given).into());
        }
        Ok(vec![DataType::Utf8View; given.len()])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arguments = args.args.iter().map(Argument::of).collect::<DfResult<Vec<_>>>()?;
        let Some((text, options)) = arguments.split_first() else {
            return Err(Error::internal(format!("{} was called without a text", self.spec.name)).into());
        };
        let rows = Rows { text, options, count: rows };
        let column: ArrayRef = match self.spec.body {
            Body::Text(body) => Arc::new(texts(rows.run(body)?)?),
            Body::Date(body) => Arc::new(Date32Array::from(rows.run(body)?)),
            Body::Number(body) => {
                let numbers = Decimal128Array::from(rows.run(body)?);
                Arc::new(numbers.with_precision_and_scale(BARE_NUMERIC.0, BARE_NUMERIC.1)?)
            }
            Body::Names(body) => names(rows.run(body)?)?,
        };
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?));
        }
        Ok(ColumnarValue::Array(column))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Whether a type is text, or NULL without a type.
pub(super) fn is_text(given: &DataType) -> bool {
    match given {
        DataType::Dictionary(_, value) => is_text(value),
        given => given.is_string() || given.is_null(),
    }
}

/// 42883, in Postgres's words.
pub(super) fn no_such_function(name: &str, given: &[DataType]) -> Error {
    let given: Vec<String> = given
        .iter()
        .map(|given| match given {
            given if is_text(given) => "text".to_string(),
            given => PgType::of_arrow(given).to_string(),
        })
        .collect();
    Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {name}({}) does not exist", given.join(", ")))
        .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

/// 22023: an option that a function does not know.
pub(super) fn no_such_option(name: &str, option: &str, known: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("{name} does not know the option \"{option}\""))
        .with_hint(known)
}

/// The fields of a pair of names.
fn name_fields() -> Fields {
    Fields::from(vec![Field::new("family", DataType::Utf8View, true), Field::new("given", DataType::Utf8View, true)])
}

enum Argument {
    One(Option<String>),
    Column(StringViewArray),
}

impl Argument {
    fn of(value: &ColumnarValue) -> DfResult<Argument> {
        Ok(match value {
            ColumnarValue::Scalar(scalar) => Argument::One(scalar_text(scalar)?.map(str::to_owned)),
            ColumnarValue::Array(array) => Argument::Column(text_array(array)?),
        })
    }

    fn get(&self, row: usize) -> Option<&str> {
        match self {
            Argument::One(text) => text.as_deref(),
            Argument::Column(column) => (row < column.len() && column.is_valid(row)).then(|| column.value(row)),
        }
    }
}

struct Rows<'a> {
    text: &'a Argument,
    options: &'a [Argument],
    count: usize,
}

impl Rows<'_> {
    fn run<T>(&self, body: fn(&str, &Options<'_>) -> Result<Option<T>>) -> DfResult<Vec<Option<T>>> {
        let mut options = Vec::with_capacity(self.options.len());
        let mut results = Vec::with_capacity(self.count);
        for row in 0..self.count {
            options.clear();
            options.extend(self.options.iter().map(|option| option.get(row)));
            results.push(match self.text.get(row) {
                Some(text) => body(text, &options)?,
                None => None,
            });
        }
        Ok(results)
    }
}

fn texts(values: impl IntoIterator<Item = Option<String>>) -> DfResult<StringViewArray> {
    let mut column = StringViewBuilder::new();
    for value in values {
        match value {
            Some(text) => column.try_append_value(text)?,
            None => column.append_null(),
        }
    }
    Ok(column.finish())
}

fn names(values: Vec<Option<Names>>) -> DfResult<ArrayRef> {
    let nulls: NullBuffer = values.iter().map(Option::is_some).collect();
    let (family, given): (Vec<_>, Vec<_>) = values.into_iter().map(Option::unwrap_or_default).unzip();
    let columns: Vec<ArrayRef> = vec![Arc::new(texts(family)?), Arc::new(texts(given)?)];
    Ok(Arc::new(StructArray::try_new(name_fields(), columns, Some(nulls))?))
}
