//! `value['key']` of `jsonb`, which is `value -> 'key'`.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, ScalarUDF};

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
