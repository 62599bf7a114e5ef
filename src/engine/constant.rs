//! Queries that read nothing, such as the `SELECT 1` by which pools ask whether a server lives: evaluated at once,
//! without the optimiser and the operators that a real query needs.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::execution::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use parking_lot::Mutex;

use super::session::{Session, TransactionState};
use crate::ddl::statement::Statement;
use crate::error::{Error, Result};

/// The most answers that are remembered.
const MOST: usize = 64;
/// The longest statement, in bytes, whose answer is.
const LONGEST: usize = 64;

/// The answers of statements that hold nothing but literals, by their text: no setting and no catalog changes them.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<HashMap<String, RecordBatch>>);

impl Answers {
    /// Remembers a statement's one row, if its plan is of literals only.
    pub fn remember(&self, text: &str, plan: &LogicalPlan, row: &RecordBatch) {
        let LogicalPlan::Projection(projection) = plan else { return };
        let is_literal = |expr: &Expr| match expr {
            Expr::Alias(alias) => matches!(alias.expr.as_ref(), Expr::Literal(..)),
            expr => matches!(expr, Expr::Literal(..)),
        };
        if text.len() <= LONGEST && projection.expr.iter().all(is_literal) {
            let mut known = self.0.lock();
            if known.len() < MOST {
                known.insert(text.to_string(), row.clone());
            }
        }
    }
}

impl Session {
    /// The row of a statement that is known without planning it; none for any other.
    pub fn known_answer(&self, statement: &Statement) -> Option<RecordBatch> {
        if statement.text.len() > LONGEST || self.transaction_state() == TransactionState::Failed {
            return None;
        }
        let known = self.engine.answers.0.lock().get(&statement.text).cloned();
        if known.is_some() {
            self.note_query();
        }
        known
    }
}

/// The one row of a SELECT without FROM; none for any other plan.
pub(super) fn row(state: &SessionState, plan: &LogicalPlan) -> Result<Option<RecordBatch>> {
    if !is_constant(plan) {
        return Ok(None);
    }
    let analyzed = state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {})?;
    let LogicalPlan::Projection(projection) = &analyzed else { return Ok(None) };
    let one_row = RecordBatch::try_new_with_options(
        Arc::new(Schema::empty()),
        vec![],
        &RecordBatchOptions::new().with_row_count(Some(1)),
    )?;
    let nothing = DFSchema::empty();
    // Some functions, such as now() and coalesce(), exist only until they are simplified.
    let simplifier = ExprSimplifier::new(
        SimplifyContext::builder()
            .with_schema(Arc::new(nothing.clone()))
            .with_config_options(Arc::clone(state.config_options()))
            .with_query_execution_start_time(state.execution_props().query_execution_start_time)
            .build(),
    );
    let (mut fields, mut columns) = (vec![], vec![]);
    for (expr, named) in projection.expr.iter().zip(analyzed.schema().fields()) {
        let value = state.create_physical_expr(simplifier.simplify(expr.clone().unalias())?, &nothing)?;
        let column = value.evaluate(&one_row)?.into_array(1)?;
        let field = Field::new(named.name(), column.data_type().clone(), true);
        fields.push(field.with_metadata(named.metadata().clone()));
        columns.push(column);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(Error::from)?;
    Ok(Some(batch))
}

fn is_constant(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Projection(projection) = plan else { return false };
    matches!(projection.input.as_ref(), LogicalPlan::EmptyRelation(empty) if empty.produce_one_row)
        && projection.expr.iter().all(|expr| !expr.exists(|e| Ok(!is_plain(e))).unwrap_or(true))
}

/// Whether an expression gives one value from nothing but its own operands.
fn is_plain(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Alias(_)
            | Expr::Literal(..)
            | Expr::BinaryExpr(_)
            | Expr::Cast(_)
            | Expr::TryCast(_)
            | Expr::ScalarFunction(_)
            | Expr::Case(_)
            | Expr::Not(_)
            | Expr::Negative(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::Like(_)
    )
}
