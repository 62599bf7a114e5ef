//! What makes JSON of a value, or tells its type, is told the value's type in Postgres.
//!
//! A `jsonb` is carried by text. What comes out of `coalesce`, CASE, a subquery, an aggregate or a set of rows is a text to
//! DataFusion, of which `to_jsonb` would make a string with the document's words in it. The types are known from the
//! plan as it was written, so this goes before all that rewrites it.

use std::sync::Arc;

use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::{each, result_types};
use crate::catalog::types::{PG_TYPE_KEY, PgType};
use crate::error::Error;

/// The functions whose result depends on more than what carries their arguments.
const ASKING: &[&str] = &[
    "array_to_json",
    "json_build_array",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "onerow_json_element",
    "onerow_whole_row",
    "pg_typeof",
    "row_to_json",
    "to_json",
    "to_jsonb",
];

/// Tells functions that ask for it what their arguments are in Postgres.
#[derive(Debug, Default)]
pub struct CarriedTypes;

impl AnalyzerRule for CarriedTypes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(tell)?.data)
    }

    fn name(&self) -> &str {
        "carried_types"
    }
}

fn tell(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let mut asks = false;
    plan.apply_expressions(|expr| {
        asks |= expr.exists(|e| Ok(is_asking(e)))?;
        Ok(if asks { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !asks {
        return Ok(Transformed::no(plan));
    }
    let Some(kinds) = result_types::read_by(&plan, &each::input_schema(&plan)?) else {
        return Ok(Transformed::no(plan));
    };
    let told = each::expression(plan, |expr, schema| Ok(told(expr, schema, &kinds)))?;
    if !told.transformed {
        return Ok(told);
    }
    Ok(Transformed::yes(told.data.recompute_schema()?))
}

fn is_asking(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if ASKING.contains(&call.func.name()))
}

fn told(mut expr: Expr, schema: &DFSchema, kinds: &[PgType]) -> Transformed<Expr> {
    let mut changed = false;
    if is_asking(&expr)
        && let Expr::ScalarFunction(call) = &mut expr
    {
        for arg in &mut call.args {
            let Ok((_, field)) = arg.to_field(schema) else { continue };
            let kind = result_types::of_expression(arg, schema, kinds);
            // The value of a subquery says nothing of its type once it is there.
            let says = match arg {
                Expr::ScalarSubquery(_) => Field::new(field.name(), field.data_type().clone(), true),
                _ => field.as_ref().clone(),
            };
            if result_types::carried(&says, &kind).is_none() {
                continue;
            }
            let function = Carried { kind, signature: Signature::any(1, Volatility::Immutable) };
            *arg = Arc::new(ScalarUDF::new_from_impl(function)).call(vec![std::mem::take(arg)]);
            changed = true;
        }
    }
    Transformed::new(expr, changed, TreeNodeRecursion::Continue)
}

/// Its argument, with the type that it has in Postgres.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Carried {
    kind: PgType,
    signature: Signature,
}

impl Carried {
    /// What carries the result: the elements of an array say themselves what they are.
    fn carrier(&self, given: &DataType) -> DataType {
        match self.kind {
            PgType::Array(_) => self.kind.arrow(),
            _ => given.clone(),
        }
    }
}

impl ScalarUDFImpl for Carried {
    fn name(&self) -> &str {
        "onerow_carried"
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(ToString::to_string).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        Ok(arg_types.first().map_or(DataType::Null, |given| self.carrier(given)))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let Some(given) = args.arg_fields.first() else { return Err(Error::internal("no argument").into()) };
        let mut metadata = given.metadata().clone();
        metadata.insert(PG_TYPE_KEY.to_string(), self.kind.to_string());
        Ok(Arc::new(Field::new(self.name(), self.carrier(given.data_type()), true).with_metadata(metadata)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let to = args.return_field.data_type().clone();
        let Some(value) = args.args.into_iter().next() else { return Err(Error::internal("no argument").into()) };
        if value.data_type() == to {
            return Ok(value);
        }
        // As a scalar a list would lose what its elements' field tells of their type.
        Ok(ColumnarValue::Array(cast(&value.into_array(args.number_rows)?, &to)?))
    }
}
