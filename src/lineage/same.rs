//! Which columns are one value in the rows of joins.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Join, LogicalPlan, Operator};

use super::walk::is_subquery;

/// Columns that are one value in every row that is left of a join, in sets.
#[derive(Default)]
pub(super) struct Same {
    sets: Vec<Vec<Column>>,
}

impl Same {
    /// What is known of the rows of a join in which both sides have a part, and for which these conditions hold.
    pub fn known(join: &Join, conditions: &[Expr]) -> Same {
        let mut same = Same::default();
        same.beneath(&join.left);
        same.beneath(&join.right);
        for (one, other) in equal_columns(join) {
            same.add(one, other);
        }
        for condition in conditions {
            same.compared(condition, &join.schema);
        }
        same
    }

    /// What inner joins and conditions make equal; both leave columns as they are.
    fn beneath(&mut self, plan: &LogicalPlan) {
        match plan {
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
                self.beneath(&join.left);
                self.beneath(&join.right);
                for (one, other) in equal_columns(join) {
                    self.add(one, other);
                }
            }
            LogicalPlan::Filter(filter) => {
                self.beneath(&filter.input);
                for condition in split_conjunction(&filter.predicate) {
                    self.compared(condition, filter.input.schema());
                }
            }
            _ => {}
        }
    }

    fn compared(&mut self, condition: &Expr, schema: &DFSchema) {
        if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition
            && let Some((one, other)) = typed(schema, left).zip(typed(schema, right))
            && are_one_value(&one.1, &other.1)
        {
            self.add(one.0, other.0);
        }
    }

    fn add(&mut self, one: Column, other: Column) {
        let mut set = vec![one, other];
        for known in std::mem::take(&mut self.sets) {
            if known.iter().any(|column| set.contains(column)) {
                set.extend(known);
            } else {
                self.sets.push(known);
            }
        }
        self.sets.push(set);
    }

    /// A column among these that is the same as another one.
    pub fn of(&self, column: &Column, among: &HashSet<Column>) -> Option<Column> {
        let set = self.sets.iter().find(|set| set.contains(column))?;
        set.iter().find(|other| among.contains(*other)).cloned()
    }
}

/// A column of a plan, with its type.
fn typed(schema: &DFSchema, expr: &Expr) -> Option<(Column, DataType)> {
    let Expr::Column(column) = expr else { return None };
    let at = schema.columns().iter().position(|own| own == column)?;
    Some((column.clone(), schema.fields().get(at)?.data_type().clone()))
}

/// Whether values of these types are one where they are equal: of doubles 0 is equal to -0, of intervals a month to
/// thirty days.
fn are_one_value(one: &DataType, other: &DataType) -> bool {
    one == other && !one.is_floating() && !one.is_nested() && !matches!(one, DataType::Interval(_))
}

/// The columns that a join makes equal, those of the left side first. Only such as are one value where they are equal.
pub(super) fn equal_columns(join: &Join) -> Vec<(Column, Column)> {
    let columns = equal_values(join, &[]).into_iter().filter_map(|pair| match pair {
        (Expr::Column(left), Expr::Column(right)) => Some((left, right)),
        _ => None,
    });
    columns.collect()
}

/// What a join makes equal, that of the left side first: columns, or what is made of them, such as a column that is cast to
/// the type of the other. Only such as are one value where they are equal. The conditions hold for its rows.
pub(super) fn equal_values(join: &Join, conditions: &[Expr]) -> Vec<(Expr, Expr)> {
    let filters = join.filter.as_ref().map(split_conjunction).unwrap_or_default();
    let compared = filters.into_iter().chain(conditions).filter_map(|condition| match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => Some((left.as_ref(), right.as_ref())),
        _ => None,
    });
    let pairs = join.on.iter().map(|(left, right)| (left, right)).chain(compared);
    let equal = pairs.filter_map(|(one, other)| {
        let of = |left: &Expr, right: &Expr| {
            let types = of_side(&join.left, left).zip(of_side(&join.right, right))?;
            are_one_value(&types.0, &types.1).then(|| (left.clone(), right.clone()))
        };
        of(one, other).or_else(|| of(other, one))
    });
    equal.collect()
}

/// The type of what is made of columns of one side of a join, and of nothing else.
fn of_side(side: &LogicalPlan, expr: &Expr) -> Option<DataType> {
    let schema = side.schema();
    let columns = expr.column_refs();
    let is_known = !columns.is_empty() && columns.into_iter().all(|column| schema.has_column(column));
    let asks = expr.exists(|part| Ok(is_subquery(part)));
    if !is_known || expr.is_volatile() || !matches!(asks, Ok(false)) {
        return None;
    }
    expr.get_type(schema.as_ref()).ok()
}

/// The column of the other side that `other` casts to a type of more values, as what stands for it on one's own side,
/// `own`: the same value, which is null where the column has none that is equal.
pub(super) fn narrowed(own: &Expr, other: &Expr, side: &LogicalPlan) -> Option<(Column, Expr)> {
    let Expr::Cast(cast) = other else { return None };
    let (column, narrow) = typed(side.schema(), &cast.expr)?;
    let wide = cast.field.data_type();
    let own = Box::new(own.clone());
    if narrow.is_integer() && wide.is_integer() {
        Some((column, Expr::TryCast(TryCast::new(own, narrow))))
    } else if narrow.is_string() && wide.is_string() && cast.field.metadata().is_empty() {
        Some((column, Expr::Cast(Cast::new(own, narrow))))
    } else {
        None
    }
}
