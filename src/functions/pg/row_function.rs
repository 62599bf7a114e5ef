//! The shape that these functions share: one result a row, from values.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use regex::Regex;

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::limited::{MOST, too_large};
use crate::values::Zone;

/// How many patterns one batch keeps compiled.
const KEPT_PATTERNS: usize = 64;

/// What an argument is brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Param {
    /// `text`
    Text,
    /// `bigint`
    Int,
    /// `double precision`
    Float,
    /// `interval`
    Interval,
    /// `timestamp`, `timestamptz` or `date`, as it is; text is a `timestamptz`.
    Moment,
    /// `text[]`
    Texts,
    /// `boolean`
    Bool,
    /// `bytea`
    Bytes,
    /// `jsonb`, or a text that is; no other type becomes it by itself.
    Json,
    /// Whatever it is.
    Any,
}

impl Param {
    fn coerced(self, given: &DataType) -> DataType {
        match self {
            Param::Text | Param::Json => DataType::Utf8View,
            Param::Bool => DataType::Boolean,
            Param::Bytes => DataType::Binary,
            Param::Int => DataType::Int64,
            Param::Float => DataType::Float64,
            Param::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Param::Moment => match given {
                DataType::Date32 => DataType::Date32,
                DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
                _ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            },
            Param::Texts => DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true))),
            Param::Any => given.clone(),
        }
    }
}

/// One function of Postgres's.
pub(super) struct Spec {
    /// Its name.
    pub name: &'static str,
    /// Its parameters. The last one stands for any number more where `variadic` says so.
    pub params: &'static [Param],
    /// How many arguments it must have.
    pub required: usize,
    /// Whether the last parameter may be given many times.
    pub variadic: bool,
    /// Whether a null argument makes the result null without a call.
    pub strict: bool,
    /// Whether its answer may change.
    pub volatility: Volatility,
    /// The result's type, from the arguments as they are brought to their parameters.
    pub returns: fn(&[FieldRef]) -> PgType,
    /// One row's result; none for NULL.
    pub body: fn(&Call<'_>) -> Result<Option<ScalarValue>>,
}

impl Spec {
    /// A strict, immutable function that takes all its parameters.
    pub(super) const fn new(
        name: &'static str,
        params: &'static [Param],
        returns: fn(&[FieldRef]) -> PgType,
        body: fn(&Call<'_>) -> Result<Option<ScalarValue>>,
    ) -> Self {
        Spec {
            name,
            params,
            required: params.len(),
            variadic: false,
            strict: true,
            volatility: Volatility::Immutable,
            returns,
            body,
        }
    }

    /// Only the first arguments must be given.
    pub(super) const fn requires(mut self, required: usize) -> Self {
        self.required = required;
        self
    }

    /// The last parameter may be given many times.
    pub(super) const fn many(mut self) -> Self {
        self.variadic = true;
        self
    }

    /// It is called with nulls too.
    pub(super) const fn called_on_null(mut self) -> Self {
        self.strict = false;
        self
    }

    /// Its answer may change.
    pub(super) const fn is(mut self, volatility: Volatility) -> Self {
        self.volatility = volatility;
        self
    }

    /// The function as DataFusion registers it.
    pub(super) fn udf(self) -> ScalarUDF {
        let signature = Signature::user_defined(self.volatility);
        ScalarUDF::new_from_impl(RowFunction { spec: self, signature })
    }
}

/// One row's arguments.
pub(super) struct Call<'a> {
    /// The values, in order.
    pub values: Vec<ScalarValue>,
    /// Their fields.
    pub fields: &'a [FieldRef],
    /// The result's type.
    pub returns: &'a DataType,
    /// The session's time zone.
    pub zone: Zone,
    patterns: &'a RefCell<HashMap<String, Arc<Regex>>>,
}

impl Call<'_> {
    /// A text argument; none for NULL or one that was left out.
    pub(super) fn text(&self, at: usize) -> Option<&str> {
        self.values.get(at)?.try_as_str().flatten()
    }

    /// A whole number; none for NULL or one that was left out.
    pub(super) fn int(&self, at: usize) -> Option<i64> {
        match self.values.get(at)? {
            ScalarValue::Int64(value) => *value,
            _ => None,
        }
    }

    /// A truth value; none for NULL or one that was left out.
    pub(super) fn truth(&self, at: usize) -> Option<bool> {
        match self.values.get(at)? {
            ScalarValue::Boolean(value) => *value,
            _ => None,
        }
    }

    /// A `text[]`, element by element; none for NULL. One of several dimensions is 2202E.
    pub(super) fn texts(&self, at: usize) -> Result<Option<Vec<Option<String>>>> {
        let Some(ScalarValue::List(list)) = self.values.get(at) else { return Ok(None) };
        if list.is_empty() || list.is_null(0) {
            return Ok(None);
        }
        let elements = list.value(0);
        let Some(texts) = elements.as_string_view_opt() else {
            return Err(Error::new(SqlState("2202E"), "wrong number of array subscripts"));
        };
        Ok(Some(texts.iter().map(|text| text.map(str::to_string)).collect()))
    }

    /// A number; none for NULL or one that was left out.
    pub(super) fn float(&self, at: usize) -> Option<f64> {
        match self.values.get(at)? {
            ScalarValue::Float64(value) => *value,
            _ => None,
        }
    }

    /// The Postgres type of an argument.
    pub(super) fn pg_type(&self, at: usize) -> Option<PgType> {
        self.fields.get(at).map(|field| PgType::of_field(field))
    }

    /// A regular expression, compiled once a batch. One that is none is 2201B.
    pub(super) fn regex(&self, pattern: &str) -> Result<Arc<Regex>> {
        if let Some(kept) = self.patterns.borrow().get(pattern) {
            return Ok(Arc::clone(kept));
        }
        let compiled = Arc::new(Regex::new(pattern).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
            Error::new(SqlState("2201B"), format!("invalid regular expression: {reason}"))
        })?);
        let mut patterns = self.patterns.borrow_mut();
        if patterns.len() < KEPT_PATTERNS {
            patterns.insert(pattern.to_string(), Arc::clone(&compiled));
        }
        Ok(compiled)
    }
}

/// A text result.
pub(super) fn text(value: impl Into<String>) -> Option<ScalarValue> {
    Some(ScalarValue::Utf8View(Some(value.into())))
}

/// The result type `text`.
pub(super) fn returns_text(_: &[FieldRef]) -> PgType {
    PgType::Text
}

struct RowFunction {
    spec: Spec,
    signature: Signature,
}

impl std::fmt::Debug for RowFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowFunction").field("name", &self.spec.name).finish()
    }
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        let fields: Vec<FieldRef> =
            arg_types.iter().map(|data_type| Arc::new(Field::new("", data_type.clone(), true)) as FieldRef).collect();
        Ok((self.spec.returns)(&fields).arrow())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new((self.spec.returns)(args.arg_fields).field(self.spec.name, true)))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> DfResult<Vec<DataType>> {
        let most = if self.spec.variadic { usize::MAX } else { self.spec.params.len() };
        if arg_types.len() < self.spec.required || arg_types.len() > most {
            return Err(Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("function {} does not take {} arguments", self.spec.name, arg_types.len()),
            )
            .into());
        }
        let last = self.spec.params.last().copied().unwrap_or(Param::Any);
        let of = |at: usize| self.spec.params.get(at).copied().unwrap_or(last);
        let is_json = |given: &DataType| given.is_string() || *given == DataType::Null;
        if let Some((_, given)) =
            arg_types.iter().enumerate().find(|(at, given)| of(*at) == Param::Json && !is_json(given))
        {
            let given = PgType::of_arrow(given);
            return Err(Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("function {} does not take a value of type {given}", self.spec.name),
            )
            .with_hint("to_jsonb makes jsonb of any value.")
            .into());
        }
        Ok(arg_types.iter().enumerate().map(|(at, given)| of(at).coerced(given)).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let changes = self.spec.volatility == Volatility::Volatile;
        let constant = !changes && args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args.args.iter().map(|arg| arg.to_array(rows)).collect::<DfResult<Vec<ArrayRef>>>()?;
        let data_type = args.return_field.data_type();
        let null = ScalarValue::try_from(data_type)?;
        let zone = args.config_options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC);
        let patterns = RefCell::new(HashMap::new());
        let mut results = Vec::with_capacity(rows);
        let mut bytes = 0;
        for row in 0..rows {
            let values = columns
                .iter()
                .map(|column| ScalarValue::try_from_array(column, row))
                .collect::<DfResult<Vec<ScalarValue>>>()?;
            if self.spec.strict && values.iter().any(ScalarValue::is_null) {
                results.push(null.clone());
                continue;
            }
            let call = Call { values, fields: &args.arg_fields, returns: data_type, zone, patterns: &patterns };
            let result = (self.spec.body)(&call)?.unwrap_or_else(|| null.clone());
            bytes += result.try_as_str().flatten().map_or(0, |text| text.len() as u64);
            if bytes > MOST {
                return Err(too_large(&format!("What {} gives", self.spec.name), bytes).into());
            }
            results.push(result);
        }
        if constant {
            return Ok(ColumnarValue::Scalar(results.pop().unwrap_or(null)));
        }
        if results.is_empty() {
            return Ok(ColumnarValue::Array(new_empty_array(data_type)));
        }
        let array = ScalarValue::iter_to_array(results)?;
        Ok(ColumnarValue::Array(if array.data_type() == data_type { array } else { cast(&array, data_type)? }))
    }
}
