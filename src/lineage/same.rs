//! Which columns are one value in the rows of joins.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Join, LogicalPlan, Operator};

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
    let of = |side: &LogicalPlan, expr: &Expr| typed(side.schema(), expr);
    let filters = join.filter.as_ref().map(split_conjunction).unwrap_or_default();
    let compared = filters.into_iter().filter_map(|condition| match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => Some((left.as_ref(), right.as_ref())),
        _ => None,
    });
    let pairs = join.on.iter().map(|(left, right)| (left, right)).chain(compared);
    let equal = pairs.filter_map(|(one, other)| {
        let (left, right) = of(&join.left, one)
            .zip(of(&join.right, other))
            .or_else(|| of(&join.left, other).zip(of(&join.right, one)))?;
        are_one_value(&left.1, &right.1).then_some((left.0, right.0))
    });
    equal.collect()
}
