//! Merge functions over windows: of whole partitions they give what a grouping by the columns of PARTITION BY gives, in
//! each of a partition's rows.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{Aggregate, Expr, Window, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition};

use super::walk::is_subquery;
use crate::error::Result;
use crate::functions::effect::effect;
use crate::functions::merge;
use crate::planner::one_zero::without_zeros;

/// The partitions that some of a window's merge functions look at, as a grouping of the window's input.
pub struct Partitions {
    pub grouping: Aggregate,
    /// The column of the grouping that each of the window's own expressions is, where it is one.
    columns: Vec<Option<Column>>,
}

impl Partitions {
    /// Those of a window, one for each PARTITION BY. Empty where no merge function looks at whole partitions.
    pub fn of(window: &Window) -> Result<Vec<Partitions>> {
        let calls: Vec<Option<&WindowFunction>> =
            window.window_expr.iter().map(|expr| over_window(expr).filter(|call| is_whole(call))).collect();
        let mut keys: Vec<&[Expr]> = vec![];
        for call in calls.iter().flatten().filter(|call| is_merge(call)) {
            let of_call = call.params.partition_by.as_slice();
            if !keys.contains(&of_call) {
                keys.push(of_call);
            }
        }
        keys.into_iter().map(|keys| Partitions::by(keys, window, &calls)).collect()
    }

    fn by(keys: &[Expr], window: &Window, calls: &[Option<&WindowFunction>]) -> Result<Partitions> {
        let mut aggregates: Vec<Expr> = vec![];
        let mut places = vec![];
        for call in calls {
            let call = call.filter(|call| call.params.partition_by == keys);
            let Some(aggregate) = call.and_then(as_aggregate) else {
                places.push(None);
                continue;
            };
            let at = aggregates.iter().position(|known| *known == aggregate).unwrap_or(aggregates.len());
            if at == aggregates.len() {
                aggregates.push(aggregate);
            }
            places.push(Some(at));
        }
        let count = aggregates.len();
        let input = Arc::clone(&window.input);
        // A grouping takes the zeros for one by itself: none need be added to floating point numbers.
        let mut groups: Vec<Expr> = vec![];
        for key in keys.iter().cloned().map(without_zeros) {
            if !groups.contains(&key) {
                groups.push(key);
            }
        }
        let grouping = Aggregate::try_new(input, groups, aggregates)?;
        let columns = grouping.schema.columns();
        let own = columns.get(columns.len().saturating_sub(count)..).unwrap_or_default();
        let columns = places.into_iter().map(|at| at.and_then(|at| own.get(at).cloned())).collect();
        Ok(Partitions { grouping, columns })
    }

    /// An expression over the window's output as one over the grouping. None where it looks at something of the row, or
    /// asks a query.
    pub fn over(&self, expr: Expr, window: &Window) -> Result<Option<Expr>> {
        let given = window.input.schema().columns().len();
        let keys = self.grouping.schema.columns();
        let mut lost = false;
        let over: DfResult<Expr> = expr
            .transform_down(|part| {
                let bare = without_zeros(part.clone());
                if let Some(at) = self.grouping.group_expr.iter().position(|key| *key == bare)
                    && let Some(key) = keys.get(at)
                {
                    return Ok(Transformed::new(Expr::Column(key.clone()), true, TreeNodeRecursion::Jump));
                }
                let merged = match &part {
                    Expr::Column(column) => {
                        let at = window.schema.maybe_index_of_column(column).and_then(|at| at.checked_sub(given));
                        at.and_then(|at| self.columns.get(at)).cloned().flatten()
                    }
                    _ => None,
                };
                if let Some(merged) = merged {
                    return Ok(Transformed::new(Expr::Column(merged), true, TreeNodeRecursion::Jump));
                }
                if matches!(part, Expr::Column(_)) || is_subquery(&part) {
                    lost = true;
                    return Ok(Transformed::new(part, false, TreeNodeRecursion::Stop));
                }
                Ok(Transformed::no(part))
            })
            .data();
        let over = over?;
        Ok((!lost).then_some(over))
    }
}

/// Whether a window calls merge functions over whole partitions.
pub fn merges_partitions(window: &Window) -> bool {
    window.window_expr.iter().filter_map(over_window).any(|call| is_merge(call) && is_whole(call))
}

/// Whether a window calls merge functions.
pub fn merges_rows(window: &Window) -> bool {
    window.window_expr.iter().filter_map(over_window).any(is_merge)
}

/// The call of a plain aggregate of whole partitions; none for one that cleans.
pub fn plain_over(expr: &Expr) -> Option<&WindowFunction> {
    let is_plain = |call: &&WindowFunction| {
        let is_aggregate = matches!(call.fun, WindowFunctionDefinition::AggregateUDF(_));
        is_aggregate && !is_merge(call) && effect(call.fun.name()).is_none() && is_whole(call)
    };
    over_window(expr).filter(is_plain)
}

fn over_window(expr: &Expr) -> Option<&WindowFunction> {
    match expr {
        Expr::Alias(alias) => over_window(&alias.expr),
        Expr::WindowFunction(call) => Some(call),
        _ => None,
    }
}

/// Whether a window function is a merge function.
pub fn is_merge(call: &WindowFunction) -> bool {
    merge::rule(call.fun.name()).is_some()
}

/// Whether a call sees all rows of a partition for each of them.
fn is_whole(call: &WindowFunction) -> bool {
    let frame = &call.params.window_frame;
    let ends = match &frame.end_bound {
        WindowFrameBound::Following(_) => frame.end_bound.is_unbounded(),
        // Without an order all rows are alike.
        WindowFrameBound::CurrentRow => {
            call.params.order_by.is_empty() && !matches!(frame.units, WindowFrameUnits::Rows)
        }
        WindowFrameBound::Preceding(_) => false,
    };
    ends && matches!(frame.start_bound, WindowFrameBound::Preceding(_)) && frame.start_bound.is_unbounded()
}

/// The same call of a group's rows. None for what is no aggregate.
pub fn as_aggregate(call: &WindowFunction) -> Option<Expr> {
    let WindowFunctionDefinition::AggregateUDF(function) = &call.fun else { return None };
    let params = &call.params;
    Some(Expr::AggregateFunction(AggregateFunction::new_udf(
        Arc::clone(function),
        params.args.clone(),
        params.distinct,
        params.filter.clone(),
        vec![],
        params.null_treatment,
    )))
}
