//! The types of EXCEPT and INTERSECT: those at which both sides meet, as in Postgres. DataFusion has the left side's.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column, JoinType, NullEquality, TableReference};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, Join, LogicalPlan, Projection};

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// Brings both sides of a join that stands for EXCEPT or INTERSECT to their common types; `common` knows those that are
/// not DataFusion's choice. Types that do not meet are 42804. Any other join stays as it is.
pub(super) fn settle(join: Join, common: impl Fn(&DataType, &DataType) -> Option<DataType>) -> DfResult<Join> {
    let Some(operator) = operator(&join) else { return Ok(join) };
    let (left, right) = (join.left.schema(), join.right.schema());
    let mut wanted = Vec::with_capacity(left.fields().len());
    for (index, (one, other)) in left.fields().iter().zip(right.fields()).enumerate() {
        let sides =
            [(one.data_type(), is_quoted(&join.left, index)), (other.data_type(), is_quoted(&join.right, index))];
        wanted.push(meet(operator, sides, &common)?);
    }
    if wanted.iter().all(Option::is_none) {
        return Ok(join);
    }
    let (left, right) = (brought(&join.left, &wanted)?, brought(&join.right, &wanted)?);
    let column =
        |(qualifier, field): (Option<&TableReference>, &FieldRef)| Expr::Column(Column::from((qualifier, field)));
    let on = left.schema().iter().map(column).zip(right.schema().iter().map(column)).collect();
    Ok(Join { left: Arc::new(left), right: Arc::new(right), on, ..join })
}

/// The word of a join that stands for a set operation: it compares all columns in their order, nulls too.
fn operator(join: &Join) -> Option<&'static str> {
    let word = match join.join_type {
        JoinType::LeftAnti => "EXCEPT",
        JoinType::LeftSemi => "INTERSECT",
        _ => return None,
    };
    let (left, right) = (join.left.schema(), join.right.schema());
    let width = left.fields().len();
    let compares_all = width == right.fields().len()
        && width == join.on.len()
        && join.on.iter().enumerate().all(|(index, (l, r))| {
            let is = |expr: &Expr, name: &str| matches!(expr, Expr::Column(column) if column.name == name);
            is(l, left.field(index).name()) && is(r, right.field(index).name())
        });
    (compares_all && join.filter.is_none() && join.null_equality == NullEquality::NullEqualsNull).then_some(word)
}

/// The type of a column whose sides have these types, each with whether it is a literal in quotes; none where they agree.
fn meet(
    operator: &str,
    [(left, left_quoted), (right, right_quoted)]: [(&DataType, bool); 2],
    common: impl Fn(&DataType, &DataType) -> Option<DataType>,
) -> Result<Option<DataType>> {
    if left == right || (left.is_string() && right.is_string()) {
        return Ok(None);
    }
    if left.is_null() || (left_quoted && !right.is_null()) {
        return Ok(Some(right.clone()));
    }
    if right.is_null() || right_quoted {
        return Ok(Some(left.clone()));
    }
    let met = match left.is_string() || right.is_string() {
        true => None,
        false => common(left, right).or_else(|| type_union_resolution(&[left.clone(), right.clone()])),
    };
    match met {
        Some(met) => Ok(Some(met)),
        None => Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("{operator} types {} and {} cannot be matched", PgType::of_arrow(left), PgType::of_arrow(right)),
        )),
    }
}

/// Whether a column of a plan is a literal in quotes, which has no type of its own.
fn is_quoted(plan: &LogicalPlan, index: usize) -> bool {
    match plan {
        LogicalPlan::Distinct(Distinct::All(input)) => is_quoted(input, index),
        LogicalPlan::SubqueryAlias(alias) => is_quoted(&alias.input, index),
        LogicalPlan::Projection(projection) => projection.expr.get(index).is_some_and(
            |expr| matches!(expr.clone().unalias(), Expr::Literal(value, _) if value.data_type().is_string()),
        ),
        _ => false,
    }
}

/// The same rows with columns of these types; below DISTINCT, as values that differ may become one.
fn brought(plan: &LogicalPlan, wanted: &[Option<DataType>]) -> DfResult<LogicalPlan> {
    if let LogicalPlan::Distinct(Distinct::All(input)) = plan {
        return Ok(LogicalPlan::Distinct(Distinct::All(Arc::new(brought(input, wanted)?))));
    }
    let schema = plan.schema();
    let items = schema.iter().zip(wanted).map(|((qualifier, field), to)| {
        let column = Expr::Column(Column::from((qualifier, field)));
        match to {
            Some(to) if to != field.data_type() => {
                Ok(column.cast_to(to, schema)?.alias_qualified(qualifier.cloned(), field.name()))
            }
            _ => Ok(column),
        }
    });
    let items = items.collect::<DfResult<Vec<_>>>()?;
    Ok(LogicalPlan::Projection(Projection::try_new(items, Arc::new(plan.clone()))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_meet_or_are_refused() {
        let met = |left: &DataType, right: &DataType, quoted: bool| {
            meet("EXCEPT", [(left, quoted), (right, false)], |_, _| None).map_err(|error| error.state())
        };
        let (int, long, text) = (DataType::Int32, DataType::Int64, DataType::Utf8View);
        assert_eq!(met(&int, &int, false), Ok(None));
        assert_eq!(met(&int, &long, false), Ok(Some(long.clone())));
        assert_eq!(met(&DataType::Null, &int, false), Ok(Some(int.clone())));
        assert_eq!(met(&text, &int, true), Ok(Some(int.clone())), "a literal in quotes is what the other is");
        assert_eq!(met(&text, &int, false), Err(SqlState::DATATYPE_MISMATCH));
    }
}
