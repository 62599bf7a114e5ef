//! How a catalog function is declared, and how it is run: row by row, over what is defined now.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::catalog::pg::rows::{Cell, array};
use crate::catalog::pg::schema::Catalog;
use crate::catalog::pg::shapes::catalog_field;
use crate::catalog::pg::snapshot::Snapshot;
use crate::catalog::pg::statics::Statics;
use crate::catalog::pg::view::{CatalogSession, CatalogSizes, SessionView, Sizes};
use crate::catalog::types::{PgType, void_field};
use crate::error::{Error, SqlState};

/// What an argument is brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// An OID; text is left as text, for a name or a number in quotes.
    Oid,
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A boolean.
    Bool,
    /// An array of text.
    Texts,
    /// Whatever it is.
    Any,
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// `text`
    Text,
    /// `name`
    Name,
    /// `boolean`
    Bool,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `oid`
    Oid,
    /// `text[]`
    Texts,
    /// `name[]`
    Names,
    /// `integer[]`
    Ints,
    /// `timestamp with time zone`, in microseconds
    TimestampTz,
    /// `void`: an empty text
    Void,
}

impl Returns {
    fn pg_type(self) -> PgType {
        match self {
            Returns::Text | Returns::Void => PgType::Text,
            Returns::Name => PgType::Name,
            Returns::Bool => PgType::Bool,
            Returns::Int4 => PgType::Int4,
            Returns::Int8 => PgType::Int8,
            Returns::Oid => PgType::Oid,
            Returns::Texts => PgType::Array(Box::new(PgType::Text)),
            Returns::TimestampTz => PgType::TimestampTz,
            Returns::Ints => PgType::Array(Box::new(PgType::Int4)),
            Returns::Names => PgType::Array(Box::new(PgType::Name)),
        }
    }
}

/// One row's answer.
pub type Body = fn(&Call<'_>, usize) -> Result<Cell>;

/// One catalog function.
#[derive(Debug)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// Its parameters; those from `required` on may be left out.
    pub params: &'static [Param],
    /// How many arguments it must have.
    pub required: usize,
    /// What it gives.
    pub returns: Returns,
    /// Whether its answer may change.
    pub volatility: Volatility,
    /// Its answer for one row.
    pub body: Body,
}

impl Spec {
    /// A stable function; all its parameters are required.
    pub const fn new(name: &'static str, params: &'static [Param], returns: Returns, body: Body) -> Self {
        Spec { name, params, required: params.len(), returns, volatility: Volatility::Stable, body }
    }

    /// Says that only the first parameters are required.
    pub const fn requires(mut self, required: usize) -> Self {
        self.required = required;
        self
    }

    /// Says how it may change.
    pub const fn is(mut self, volatility: Volatility) -> Self {
        self.volatility = volatility;
        self
    }
}

/// One call over a batch of rows.
pub struct Call<'a> {
    /// What is defined.
    pub snapshot: Arc<Snapshot>,
    /// Who asks.
    pub session: Arc<dyn SessionView>,
    /// Where bare names are looked up.
    pub path: Vec<String>,
    /// The unchanging rows.
    pub statics: &'static Statics,
    /// How large local tables are; none where nobody knows.
    pub sizes: Option<Arc<dyn Sizes>>,
    /// The arguments' fields.
    pub fields: &'a [FieldRef],
    arguments: Vec<ArrayRef>,
}

impl Call<'_> {
    /// Whether the argument was given at all.
    pub fn given(&self, at: usize) -> bool {
        at < self.arguments.len()
    }

    /// A text argument; none for NULL or one that was left out.
    pub fn text(&self, at: usize, row: usize) -> Option<&str> {
        let values = self.arguments.get(at)?.as_string_view_opt()?;
        (row < values.len() && values.is_valid(row)).then(|| values.value(row))
    }

    /// A whole number.
    pub fn int(&self, at: usize, row: usize) -> Option<i64> {
        let values = self.arguments.get(at)?.as_primitive_opt::<Int64Type>()?;
        (row < values.len() && values.is_valid(row)).then(|| values.value(row))
    }

    /// A boolean.
    pub fn bool(&self, at: usize, row: usize) -> Option<bool> {
        let values = self.arguments.get(at)?.as_boolean_opt()?;
        (row < values.len() && values.is_valid(row)).then(|| values.value(row))
    }

    /// An OID, as a number or as text that is one.
    pub fn oid(&self, at: usize, row: usize) -> Option<i64> {
        self.int(at, row).or_else(|| self.text(at, row)?.trim().parse().ok())
    }

    /// An array of text, without its nulls.
    pub fn texts(&self, at: usize, row: usize) -> Option<Vec<String>> {
        let lists = self.arguments.get(at)?.as_list_opt::<i32>()?;
        if row >= lists.len() || lists.is_null(row) {
            return None;
        }
        let values = lists.value(row);
        Some(values.as_string_view_opt()?.iter().flatten().map(str::to_string).collect())
    }

    /// How many arguments were given.
    pub fn count(&self) -> usize {
        self.arguments.len()
    }

    /// An argument as it came.
    pub fn raw(&self, at: usize) -> Option<&ArrayRef> {
        self.arguments.get(at)
    }
}

/// A catalog function as DataFusion runs it. Two of one name are equal: there is one catalog.
#[derive(Debug)]
pub struct CatalogFunction {
    spec: &'static Spec,
    signature: Signature,
    catalog: Arc<Catalog>,
}

impl CatalogFunction {
    /// The function over a catalog.
    pub fn new(spec: &'static Spec, catalog: Arc<Catalog>) -> Self {
        CatalogFunction { spec, signature: Signature::user_defined(spec.volatility), catalog }
    }
}

impl PartialEq for CatalogFunction {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name
    }
}

impl Eq for CatalogFunction {}

impl Hash for CatalogFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

impl ScalarUDFImpl for CatalogFunction {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(catalog_field(self.spec.name, &self.spec.returns.pg_type()).data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(match self.spec.returns {
            Returns::Void => void_field(self.spec.name),
            returns => catalog_field(self.spec.name, &returns.pg_type()),
        }))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let (least, most) = (self.spec.required, self.spec.params.len());
        if arg_types.len() < least || arg_types.len() > most {
            let error = Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("function {} does not take {} arguments", self.spec.name, arg_types.len()),
            );
            return Err(error.into());
        }
        Ok(arg_types
            .iter()
            .zip(self.spec.params)
            .map(|(given, param)| match param {
                Param::Oid if is_text(given) => DataType::Utf8View,
                Param::Oid | Param::Int => DataType::Int64,
                Param::Text => DataType::Utf8View,
                Param::Bool => DataType::Boolean,
                Param::Texts => DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true))),
                Param::Any => given.clone(),
            })
            .collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arguments = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let session = CatalogSession::of(&args.config_options);
        let call = Call {
            snapshot: self.catalog.snapshot(&args.config_options),
            path: session.search_path(),
            session,
            statics: Statics::get()?,
            sizes: CatalogSizes::of(&args.config_options),
            fields: &args.arg_fields,
            arguments,
        };
        let cells = (0..rows).map(|row| (self.spec.body)(&call, row)).collect::<Result<Vec<Cell>>>()?;
        let result = array(args.return_field.data_type(), &cells.iter().collect::<Vec<_>>());
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
