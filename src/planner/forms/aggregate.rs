//! Aggregates that are a function of an array: what `array_agg` collects, with its order, DISTINCT and FILTER. And the
//! order of any aggregate.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments,
    OrderByExpr, Value,
};

use super::call::{argument, call, name_of, take};

/// What stands for the call of an aggregate, or none when it is none of these.
pub(super) fn over_array(name: &str, function: &mut Function) -> Option<Expr> {
    match name {
        "json_agg" | "jsonb_agg" => {
            // Each value becomes JSON before it is collected: an array does not say what its elements are.
            let [value]: [&mut Expr; 1] = values(function)?.try_into().ok()?;
            let (element, whole) = match name {
                "json_agg" => ("onerow_json_element", "onerow_json_agg"),
                _ => ("to_json", "onerow_jsonb_agg"),
            };
            *value = call(element, vec![take(value)]);
            Some(call(whole, vec![array(function)]))
        }
        "json_object_agg" | "jsonb_object_agg" => {
            let [key, value]: [&mut Expr; 2] = values(function)?.try_into().ok()?;
            let pair = vec![take(key), call("to_json", vec![take(value)])];
            let FunctionArguments::List(list) = &mut function.args else { return None };
            list.args = vec![argument(call("onerow_json_member", pair))];
            let whole = if name == "json_object_agg" { "onerow_json_object_agg" } else { "onerow_jsonb_object_agg" };
            Some(call(whole, vec![array(function)]))
        }
        "mode" if function.within_group.len() == 1 => Some(call("onerow_mode", vec![in_order(function)?])),
        "percentile_disc" if function.within_group.len() == 1 => {
            let [fraction]: [&mut Expr; 1] = values(function)?.try_into().ok()?;
            let fraction = take(fraction);
            Some(call("onerow_percentile_disc", vec![in_order(function)?, fraction]))
        }
        "percentile_cont" if function.within_group.len() == 1 => {
            let [fraction]: [&mut Expr; 1] = values(function)?.try_into().ok()?;
            let fraction = take(fraction);
            Some(call("onerow_percentile_cont", vec![in_order(function)?, fraction]))
        }
        _ => None,
    }
}

/// The array of the values that WITHIN GROUP sorts by.
fn in_order(function: &mut Function) -> Option<Expr> {
    let [order]: [OrderByExpr; 1] = std::mem::take(&mut function.within_group).try_into().ok()?;
    function.args = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![argument(order.expr.clone())],
        clauses: vec![FunctionArgumentClause::OrderBy(vec![order])],
    });
    Some(array(function))
}

/// In the ORDER BY of a call a number is a constant; the planner would take it for the number of a column.
pub(super) fn constant_orders(function: &mut Function) {
    let clauses = match &mut function.args {
        FunctionArguments::List(list) => list.clauses.as_mut_slice(),
        _ => &mut [],
    };
    let orders = clauses.iter_mut().filter_map(|clause| match clause {
        FunctionArgumentClause::OrderBy(order) => Some(order),
        _ => None,
    });
    for key in orders.flatten().chain(&mut function.within_group) {
        if matches!(&key.expr, Expr::Value(value) if matches!(value.value, Value::Number(..))) {
            key.expr = Expr::Nested(Box::new(take(&mut key.expr)));
        }
    }
}

/// The arguments; none when one of them is named or a star.
fn values(function: &mut Function) -> Option<Vec<&mut Expr>> {
    let FunctionArguments::List(list) = &mut function.args else { return None };
    list.args
        .iter_mut()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// The same call of `array_agg`.
fn array(function: &mut Function) -> Expr {
    function.name = name_of("array_agg");
    Expr::Function(function.clone())
}
