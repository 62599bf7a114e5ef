//! Casts that Postgres does not have and DataFusion does: of a number to a date, of a date to a number, of a date to a
//! time (42846). What is inserted is cast without being asked, and 42804 there.
//!
//! Only what is cast of a column, a literal or another cast is looked at: their types are settled before the plan is
//! analysed.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::scalar::ScalarValue;

use super::try_casts::{CANNOT_COERCE, is_cast, is_number};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// An error for a plan, as it is written, with such a cast.
pub fn check(plan: &LogicalPlan) -> DfResult<()> {
    if let LogicalPlan::Dml(dml) = plan
        && let LogicalPlan::Projection(projection) = dml.input.as_ref()
    {
        let schema = projection.input.schema();
        for expr in &projection.expr {
            let Expr::Alias(alias) = expr else { continue };
            inserted(&alias.name, &alias.expr, schema)?;
            // The values of a list are cast where they stand.
            if let LogicalPlan::Values(values) = projection.input.as_ref()
                && let Some(at) = column_of(&alias.expr).and_then(|column| schema.maybe_index_of_column(column))
            {
                for value in values.values.iter().filter_map(|row| row.get(at)) {
                    inserted(&alias.name, value, &values.schema)?;
                }
            }
        }
    }
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        if inputs.is_empty() {
            return look(node, node.schema(), &mut refused);
        }
        look(node, &merge_schema(&inputs), &mut refused)
    })?;
    refused.map_or(Ok(()), |error: Error| Err(error.into()))
}

fn look(node: &LogicalPlan, schema: &DFSchema, refused: &mut Option<Error>) -> DfResult<TreeNodeRecursion> {
    node.apply_expressions(|expr| {
        expr.apply(|part| {
            if let Expr::Cast(cast) = part
                && let Some((given, wanted)) = apart(cast, schema)
            {
                let message = format!("cannot cast type {given} to {wanted}");
                refused.get_or_insert_with(|| Error::new(CANNOT_COERCE, message));
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
}

/// 42804 for a column of an INSERT that what is given for it cannot become.
fn inserted(name: &str, expr: &Expr, schema: &DFSchema) -> DfResult<()> {
    let Expr::Cast(cast) = expr else { return Ok(()) };
    let Some((given, wanted)) = apart(cast, schema) else { return Ok(()) };
    let message = format!("column \"{name}\" is of type {wanted} but expression is of type {given}");
    Err(Error::new(SqlState::DATATYPE_MISMATCH, message)
        .with_hint("You will need to rewrite or cast the expression.")
        .into())
}

/// The column that an expression is, cast or not.
fn column_of(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Cast(cast) => column_of(&cast.expr),
        _ => None,
    }
}

/// The types of a cast that there is not.
fn apart(cast: &Cast, schema: &DFSchema) -> Option<(PgType, PgType)> {
    let is_settled = matches!(
        cast.expr.as_ref(),
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::Literal(..) | Expr::Cast(_)
    );
    let (_, from) = cast.expr.to_field(schema).ok().filter(|_| is_settled)?;
    // A whole number is an integer where it is written, however it is carried.
    let given = match cast.expr.as_ref() {
        Expr::Literal(ScalarValue::Int64(Some(number)), None) if i32::try_from(*number).is_ok() => PgType::Int4,
        _ => PgType::of_field(&from),
    };
    let wanted = PgType::of_field(&cast.field);
    let (a, b) = (class(&given)?, class(&wanted)?);
    ((a != b || a == Class::Time) && !from.data_type().is_null() && !is_cast(&given, &wanted))
        .then_some((given, wanted))
}

/// Types of which those of one class have nothing to do with those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Number,
    Time,
    Uuid,
}

fn class(kind: &PgType) -> Option<Class> {
    use PgType::{Bool, Date, Interval, Time, Timestamp, TimestampTz, Uuid};
    match kind {
        Bool => Some(Class::Number),
        kind if is_number(kind) => Some(Class::Number),
        Date | Interval | Time | Timestamp | TimestampTz => Some(Class::Time),
        Uuid => Some(Class::Uuid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
    use datafusion::datasource::MemTable;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn casts_that_there_are_not() {
        let context = SessionContext::new();
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int32, true),
            Field::new("d", DataType::Date32, true),
            Field::new("s", DataType::Timestamp(TimeUnit::Microsecond, None), true),
            Field::new("x", DataType::Utf8, true),
        ]));
        context.register_table("t", Arc::new(MemTable::try_new(schema, vec![vec![]]).unwrap())).unwrap();
        for (sql, refused) in [
            ("SELECT n::date FROM t", Some("cannot cast type integer to date")),
            ("SELECT d::int FROM t", Some("cannot cast type date to integer")),
            ("SELECT x::date::int FROM t", Some("cannot cast type date to integer")),
            ("SELECT x FROM t WHERE d::time > '10:00'", Some("cannot cast type date to time without time zone")),
            ("SELECT true::date", Some("cannot cast type boolean to date")),
            ("SELECT x::date, d::timestamp, s::date, s::time, n::text, n::bigint, n::boolean FROM t", None),
            ("SELECT NULL::date, (d - d)::interval FROM t", None),
        ] {
            let plan = context.state().create_logical_plan(sql).await.unwrap();
            let said = check(&plan).err().map(|error| Error::from(error).message().to_string());
            assert_eq!(said.as_deref(), refused, "{sql}");
        }
    }
}
