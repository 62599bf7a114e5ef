//! `TRY_CAST(x AS type)`: what CAST gives, and NULL where CAST is an error because of the value.
//!
//! It is the cast itself, planned by the same rules and evaluated over a column; where that fails the column is halved
//! until what is left is the rows that fail. So it can never read a value otherwise than CAST does.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, new_empty_array, new_null_array};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{ScalarFunction, TryCast};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use super::one_cast::OneCast;
use super::{cast_pairs, each, time_arithmetic};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// Puts the cast, tried, in the place of each TRY_CAST. It stands before the rules for casts and applies them itself.
#[derive(Debug, Default)]
pub struct TryCasts;

impl AnalyzerRule for TryCasts {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|node| each::expression(node, |e, schema| tried(e, schema, config)))?.data)
    }

    fn name(&self) -> &str {
        "try_casts"
    }
}

fn tried(expr: Expr, schema: &DFSchema, config: &ConfigOptions) -> DfResult<Transformed<Expr>> {
    let Expr::TryCast(TryCast { expr: inner, field }) = expr else { return Ok(Transformed::no(expr)) };
    let (_, from) = inner.to_field(schema)?;
    let wanted = PgType::of_field(&field);
    if let Some(given) = cast_pairs::given(&inner, schema)
        && !cast_pairs::is_cast(&given, &wanted)
        && !cast_pairs::is_of_integer(&given, &wanted)
    {
        return Err(cast_pairs::no_cast(&given, &wanted).into());
    }
    // It is none of Arrow's casts, and no value fails.
    if wanted == PgType::Interval && time_arithmetic::is_time(from.data_type()) {
        return Ok(Transformed::yes(time_arithmetic::span(*inner)));
    }
    let cast = OneCast::planned(&from, field, config)?;
    let function = TriedCast { cast, signature: Signature::any(1, Volatility::Immutable) };
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        vec![*inner],
    ))))
}

/// A cast that is tried.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TriedCast {
    cast: OneCast,
    signature: Signature,
}

impl TriedCast {
    /// Appends what becomes of the rows: the cast of all of them, or of each half where one of them fails.
    fn read(&self, rows: &RecordBatch, read: &mut Vec<ArrayRef>) -> DfResult<()> {
        let count = rows.num_rows();
        match self.cast.of(rows) {
            Ok(column) => read.push(column),
            Err(error) => {
                let error = Error::from(error);
                // Class 22 are the errors about values; 0A000 are those that cannot be had here, such as a numeric NaN.
                if !error.state().0.starts_with("22") && error.state() != SqlState::FEATURE_NOT_SUPPORTED {
                    return Err(error.into());
                }
                if count <= 1 {
                    read.push(new_null_array(self.cast.to().data_type(), count));
                } else {
                    self.read(&rows.slice(0, count / 2), read)?;
                    self.read(&rows.slice(count / 2, count - count / 2), read)?;
                }
            }
        }
        Ok(())
    }

    fn column(&self, values: ArrayRef) -> DfResult<ArrayRef> {
        if values.is_empty() {
            return Ok(new_empty_array(self.cast.to().data_type()));
        }
        let rows = self.cast.rows(values)?;
        let mut read = vec![];
        self.read(&rows, &mut read)?;
        match <[ArrayRef; 1]>::try_from(read) {
            Ok([column]) => Ok(column),
            Err(read) => {
                let columns: Vec<&dyn Array> = read.iter().map(|column| column.as_ref()).collect();
                Ok(concat(&columns)?)
            }
        }
    }
}

impl ScalarUDFImpl for TriedCast {
    fn name(&self) -> &str {
        "try_cast"
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.cast.to().data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        let to = Field::clone(self.cast.to());
        Ok(Arc::new(to.with_name("try_cast").with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                let read = self.column(value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&read, 0)?))
            }
            Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(self.column(Arc::clone(values))?)),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}
