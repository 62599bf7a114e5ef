//! `value['key']` of `jsonb`, which is `value -> 'key'`, and `array[n]`, which is NULL where n is not positive.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, ScalarUDF, lit, when};
use datafusion::scalar::ScalarValue;

use super::get;
use crate::catalog::types::PgType;

/// Plans subscripts of `jsonb`. It must come before DataFusion's planner of arrays and structs, which takes them all.
#[derive(Debug)]
pub struct JsonSubscripts {
    get: Option<Arc<ScalarUDF>>,
}

impl JsonSubscripts {
    /// The planner.
    pub fn new() -> Self {
        JsonSubscripts { get: get::all().into_iter().find(|function| function.name() == get::GET).map(Arc::new) }
    }
}

impl Default for JsonSubscripts {
    fn default() -> Self {
        JsonSubscripts::new()
    }
}

impl ExprPlanner for JsonSubscripts {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let is_jsonb = access.expr.to_field(schema).is_ok_and(|(_, field)| PgType::of_field(&field) == PgType::Jsonb);
        if let GetFieldAccess::ListIndex { key } = &access.field_access
            && access.expr.get_type(schema).is_ok_and(|of| of.is_list())
            && let Some(index) = from_the_start(key, schema)?
        {
            let field_access = GetFieldAccess::ListIndex { key: Box::new(index) };
            return Ok(PlannerResult::Original(RawFieldAccessExpr { field_access, ..access }));
        }
        let Some(get) = self.get.as_ref().filter(|_| is_jsonb) else { return Ok(PlannerResult::Original(access)) };
        let RawFieldAccessExpr { expr, field_access } = access;
        Ok(match field_access {
            GetFieldAccess::NamedStructField { name } => {
                PlannerResult::Planned(get.call(vec![expr, Expr::Literal(name, None)]))
            }
            GetFieldAccess::ListIndex { key } => PlannerResult::Planned(get.call(vec![expr, *key])),
            field_access => PlannerResult::Original(RawFieldAccessExpr { expr, field_access }),
        })
    }
}

/// The index of an array's element, or NULL where it is not positive: DataFusion counts those from the end, in Postgres
/// there is no such element. None when the index needs no care.
fn from_the_start(key: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let positive = matches!(key, Expr::Literal(ScalarValue::Int64(Some(index)), _) if *index > 0);
    if positive || !key.get_type(schema).is_ok_and(|of| of.is_integer()) {
        return Ok(None);
    }
    when(key.clone().gt(lit(0i64)), key.clone()).end().map(Some)
}
