//! Text that is cast to another type is read by Postgres's input rules: `\x..` as bytea, `1 mon 2 days` as interval,
//! `{1,2}` as an array, a time without an offset on the session's clock; what is no value of the type is an error.
//!
//! Numeric, and booleans of what is no document, stay with DataFusion's cast, whose rules are the same but for exponents.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use super::{each, exponents};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::{Zone, read_text, rounded};

/// Reads text as one type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextInput {
    kind: PgType,
    /// The session's time zone.
    zone: String,
    /// Whether the text is a document's, of which a number may have a fraction where a whole number is asked for.
    of_jsonb: bool,
    signature: Signature,
}

impl TextInput {
    fn read(&self, text: &str, zone: Zone) -> Result<ScalarValue> {
        match &self.kind {
            // A cast cuts to the length, as Postgres's does; only an assignment refuses what is too long.
            PgType::Varchar(Some(length)) => {
                Ok(ScalarValue::Utf8View(Some(text.chars().take(*length as usize).collect())))
            }
            PgType::Bpchar(Some(length)) => {
                let cut: String = text.chars().take(*length as usize).collect();
                Ok(ScalarValue::Utf8View(Some(self.kind.held(&cut).to_string())))
            }
            PgType::Int2 | PgType::Int4 | PgType::Int8 if self.of_jsonb => {
                let rounded = rounded(text);
                read_text(&self.kind, rounded.as_deref().unwrap_or(text), zone)
            }
            // Only `true` and `false` are truth values there, and 1 is not.
            PgType::Bool if self.of_jsonb => match text.trim() {
                "true" => Ok(ScalarValue::Boolean(Some(true))),
                "false" => Ok(ScalarValue::Boolean(Some(false))),
                other => Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("cannot cast jsonb {} to type boolean", document_kind(other)),
                )),
            },
            kind => read_text(kind, text, zone),
        }
    }

    fn read_all(&self, texts: &ArrayRef) -> Result<ArrayRef> {
        let zone = Zone::parse(&self.zone).ok_or_else(|| Error::internal("the session has no time zone"))?;
        let texts = cast(texts, &DataType::Utf8View)?;
        if texts.is_empty() {
            return Ok(new_empty_array(&self.kind.arrow()));
        }
        let null = ScalarValue::try_from(&self.kind.arrow())?;
        let values = texts
            .as_string_view()
            .iter()
            .map(|text| match text {
                Some(text) => self.read(text, zone),
                None => Ok(null.clone()),
            })
            .collect::<Result<Vec<_>>>()?;
        let array = ScalarValue::iter_to_array(values)?;
        Ok(if array.data_type() == &self.kind.arrow() { array } else { cast(&array, &self.kind.arrow())? })
    }
}

impl ScalarUDFImpl for TextInput {
    fn name(&self) -> &str {
        "text_input"
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| format!("CAST({e} AS {})", self.kind)).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.kind.arrow())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new(self.kind.field("text_input", true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                let read = self.read_all(&value.to_array()?)?;
                // Taken out as a scalar, a list would lose what its elements' field tells of their type.
                Ok(ColumnarValue::Scalar(match read.as_list_opt::<i32>() {
                    Some(list) => ScalarValue::List(Arc::new(list.clone())),
                    None => ScalarValue::try_from_array(&read, 0)?,
                }))
            }
            Some(ColumnarValue::Array(texts)) => Ok(ColumnarValue::Array(self.read_all(texts)?)),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}

/// An array that was cast, with elements that say what type they are.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Labelled {
    kind: PgType,
    signature: Signature,
}

impl ScalarUDFImpl for Labelled {
    fn name(&self) -> &str {
        "array_of_type"
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(Expr::to_string).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.kind.arrow())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new(self.kind.field(self.name(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let target = self.kind.arrow();
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                let list = cast(&value.to_array()?, &target)?;
                let list = list.as_list_opt::<i32>().ok_or_else(|| Error::internal("an array that is none"))?;
                Ok(ColumnarValue::Scalar(ScalarValue::List(Arc::new(list.clone()))))
            }
            Some(ColumnarValue::Array(lists)) => Ok(ColumnarValue::Array(cast(lists, &target)?)),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}

/// Puts [`TextInput`] in the place of casts of text to types that have input rules of their own.
#[derive(Debug, Default)]
pub struct TextInputRules;

impl AnalyzerRule for TextInputRules {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> DfResult<LogicalPlan> {
        let zone = config.execution.time_zone.as_deref().unwrap_or("UTC");
        Ok(plan.transform_up_with_subqueries(|node| read_casts(node, zone))?.data)
    }

    fn name(&self) -> &str {
        "text_input_rules"
    }
}

fn read_casts(plan: LogicalPlan, zone: &str) -> DfResult<Transformed<LogicalPlan>> {
    each::expression(plan, |e, schema| read_cast(e, schema, zone))
}

fn read_cast(expr: Expr, schema: &DFSchema, zone: &str) -> DfResult<Transformed<Expr>> {
    let Expr::Cast(Cast { expr: inner, field }) = expr else { return Ok(Transformed::no(expr)) };
    let kind = PgType::of_field(&field);
    if matches!(kind, PgType::Numeric(_)) && inner.get_type(schema).is_ok_and(|from| from.is_string()) {
        return Ok(Transformed::yes(Expr::Cast(Cast { expr: Box::new(exponents::without(*inner)), field })));
    }
    let of_jsonb = matches!(kind, PgType::Bool | PgType::Int2 | PgType::Int4 | PgType::Int8)
        && inner.get_type(schema).is_ok_and(|from| from.is_string())
        && inner.to_field(schema).is_ok_and(|(_, from)| PgType::of_field(&from) == PgType::Jsonb);
    let has_rules = (matches!(
        kind,
        PgType::Int2
            | PgType::Int4
            | PgType::Int8
            | PgType::Float4
            | PgType::Float8
            | PgType::Bytea
            | PgType::Uuid
            | PgType::Json
            | PgType::Jsonb
            | PgType::Interval
            | PgType::Date
            | PgType::Time
            | PgType::Timestamp
            | PgType::TimestampTz
            | PgType::Array(_)
            | PgType::Varchar(Some(_))
            | PgType::Bpchar(_)
            | PgType::Name
            | PgType::Char
    ) || (of_jsonb && kind == PgType::Bool))
        && (kind.arrow() == *field.data_type());
    if !has_rules {
        return Ok(Transformed::no(Expr::Cast(Cast { expr: inner, field })));
    }
    let inner = match inner.get_type(schema) {
        Ok(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => inner,
        // Whatever is cast to a text of some length is a text first, which is cut.
        Ok(_) if matches!(kind, PgType::Varchar(_) | PgType::Bpchar(_)) => {
            Box::new(Expr::Cast(Cast::new(inner, DataType::Utf8View)))
        }
        // Its inner arrays would be taken for elements, as texts.
        Ok(from) if depth(&from) > depth(field.data_type()) && depth(field.data_type()) > 0 => {
            let message = format!("cast of an array of {} dimensions to {kind}", depth(&from));
            return Err(Error::unsupported(format!("{message} is not supported"))
                .with_hint("Cast the elements.")
                .into());
        }
        // Once it is computed ahead, it would be a list whose elements say nothing of their type.
        Ok(from) if depth(&from) == 1 && labels_elements(field.data_type()) => {
            let function = Labelled { kind, signature: Signature::any(1, Volatility::Immutable) };
            return Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
                Arc::new(ScalarUDF::new_from_impl(function)),
                vec![Expr::Cast(Cast { expr: inner, field })],
            ))));
        }
        _ => return Ok(Transformed::no(Expr::Cast(Cast { expr: inner, field }))),
    };
    let function =
        TextInput { kind, zone: zone.to_string(), of_jsonb, signature: Signature::any(1, Volatility::Immutable) };
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        vec![*inner],
    ))))
}

/// What a document is, in Postgres's words.
fn document_kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'[') => "array",
        Some(b'{') => "object",
        Some(b'n') => "null",
        _ => "numeric",
    }
}

/// Whether the elements of an array say what type they are, as their Arrow type does not.
fn labels_elements(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(item) if !item.metadata().is_empty())
}

/// How many dimensions an array has; 0 for what is none.
fn depth(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) => 1 + depth(item.data_type()),
        _ => 0,
    }
}
