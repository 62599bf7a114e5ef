//! What is cast to text is written by Postgres's output rules: `2024-07-01 10:00:00`, `1e+20`, `{1,2}`, `1 day`.
//!
//! Whole numbers, numeric and booleans stay with DataFusion's cast, whose rules are the same.

use std::sync::Arc;

use bytes::BytesMut;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
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

use super::each;
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::values::encode::Column;
use crate::values::{Format, Zone};

/// Writes values of one type as text, or the elements of arrays.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextOutput {
    to: DataType,
    signature: Signature,
}

/// The values of a type as text, as a column of [`DataType::Utf8View`].
pub(crate) fn written(kind: &PgType, values: &ArrayRef, zone: Zone) -> Result<ArrayRef> {
    let column = Column::new(kind, values, Format::Text, zone)?;
    let mut texts = StringViewBuilder::with_capacity(values.len());
    let mut out = BytesMut::new();
    for row in 0..values.len() {
        if column.is_null(row) {
            texts.append_null();
            continue;
        }
        out.clear();
        column.write_text(row, &mut out)?;
        texts.append_value(String::from_utf8_lossy(&out));
    }
    Ok(Arc::new(texts.finish()))
}

impl TextOutput {
    fn write(&self, field: &Field, values: &ArrayRef, zone: Zone) -> Result<ArrayRef> {
        let DataType::List(item) = &self.to else {
            return Ok(cast(&written(&PgType::of_field(field), values, zone)?, &self.to)?);
        };
        let wrong = || Error::internal("the elements of what is no array");
        let lists = values.as_list_opt::<i32>().ok_or_else(wrong)?;
        let kind = match PgType::of_field(field) {
            PgType::Array(kind) => *kind,
            _ => return Err(wrong()),
        };
        let elements = written(&kind, lists.values(), zone)?;
        let nulls = lists.nulls().cloned();
        Ok(Arc::new(ListArray::try_new(Arc::clone(item), lists.offsets().clone(), elements, nulls)?))
    }
}

impl ScalarUDFImpl for TextOutput {
    fn name(&self) -> &str {
        "text_output"
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| format!("CAST({e} AS text)")).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new(Field::new("text_output", self.to.clone(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let zone = args.config_options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC);
        let Some(field) = args.arg_fields.first() else { return Err(Error::internal("nothing to cast").into()) };
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                let texts = self.write(field, &value.to_array()?, zone)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&texts, 0)?))
            }
            Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(self.write(field, values, zone)?)),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}

/// A value as the text that it is shown as.
pub(super) fn shown(expr: Expr, to: DataType) -> Expr {
    let function = TextOutput { to, signature: Signature::any(1, Volatility::Stable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![expr]))
}

/// Whether a function writes values as text. What it gives depends on them and on the session's time zone alone.
pub(crate) fn is_text_output(function: &ScalarUDF) -> bool {
    function.inner().is::<TextOutput>()
}

/// Puts [`TextOutput`] in the place of casts to text of types that have output rules of their own.
#[derive(Debug, Default)]
pub struct TextOutputRules;

impl AnalyzerRule for TextOutputRules {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(write_casts)?.data)
    }

    fn name(&self) -> &str {
        "text_output_rules"
    }
}

fn write_casts(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    each::expression(plan, write_cast)
}

fn write_cast(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr: inner, field })
            if field.data_type().is_string() && inner.get_type(schema).is_ok_and(|from| has_rules(&from)) =>
        {
            Ok(Transformed::yes(shown(*inner, field.data_type().clone())))
        }
        Expr::ScalarFunction(ScalarFunction { func, mut args }) if func.name() == "array_to_string" => {
            if let Some(list) = args.first_mut()
                && let Ok(DataType::List(item)) = list.get_type(schema)
                && (has_rules(item.data_type()) || *item.data_type() == DataType::Boolean)
                && !matches!(item.data_type(), DataType::List(_))
            {
                let texts = DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true)));
                *list = shown(std::mem::take(list), texts);
            }
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
        }
        expr => Ok(Transformed::no(expr)),
    }
}

fn has_rules(from: &DataType) -> bool {
    matches!(
        from,
        DataType::Float16
            | DataType::Float32
            | DataType::Float64
            | DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(..)
            | DataType::Interval(_)
            | DataType::Duration(_)
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::List(_)
            | DataType::LargeList(_)
            | DataType::Struct(_)
    )
}
