//! `GROUPING SETS (ROLLUP (a, b), CUBE (c))`: the sets that ROLLUP and CUBE stand for, which the planner takes for functions.
//! So are those of `ROLLUP ((a, b), c)`, of which it knows single columns alone.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, GroupByExpr,
};

use super::call::folded;

/// How many columns a CUBE has that is written out; the planner refuses more sets than it makes.
const WIDEST: usize = 12;

/// Writes out the sets of ROLLUP and CUBE within GROUPING SETS, and where one of their parts is of several columns. `()`
/// beside others says nothing; by itself it is the one group of all rows.
pub(super) fn spell_out(group_by: &mut GroupByExpr) {
    let GroupByExpr::Expressions(exprs, _) = group_by else { return };
    let is_nothing = |expr: &Expr| matches!(expr, Expr::Tuple(columns) if columns.is_empty());
    if exprs.iter().any(is_nothing) {
        exprs.retain(|expr| !is_nothing(expr));
        if exprs.is_empty() {
            exprs.push(Expr::GroupingSets(vec![vec![]]));
        }
    }
    let several = |parts: &[Vec<Expr>]| parts.iter().any(|part| part.len() != 1);
    for expr in exprs {
        match expr {
            Expr::GroupingSets(sets) => *sets = std::mem::take(sets).into_iter().flat_map(spelled).collect(),
            Expr::Rollup(parts) if several(parts) => *expr = Expr::GroupingSets(of_rollup(parts)),
            Expr::Cube(parts) if several(parts) && parts.len() <= WIDEST => *expr = Expr::GroupingSets(of_cube(parts)),
            _ => {}
        }
    }
}

fn of_rollup(parts: &[Vec<Expr>]) -> Vec<Vec<Expr>> {
    (0..=parts.len()).rev().map(|count| parts.iter().take(count).flatten().cloned().collect()).collect()
}

fn of_cube(parts: &[Vec<Expr>]) -> Vec<Vec<Expr>> {
    let chosen = |bits: usize| {
        let parts = parts.iter().enumerate().filter(move |(at, _)| (bits >> at) & 1 == 1);
        parts.flat_map(|(_, part)| part).cloned().collect()
    };
    (0..1usize << parts.len()).rev().map(chosen).collect()
}

fn spelled(set: Vec<Expr>) -> Vec<Vec<Expr>> {
    let ([Expr::Function(function)], Some(name)) = (set.as_slice(), name_of(&set)) else { return vec![set] };
    let Some(parts) = parts(function) else { return vec![set] };
    match name.as_str() {
        "rollup" => of_rollup(&parts),
        "cube" if parts.len() <= WIDEST => of_cube(&parts),
        _ => vec![set],
    }
}

fn name_of(set: &[Expr]) -> Option<String> {
    match set {
        [Expr::Function(function)] => folded(&function.name),
        _ => None,
    }
}

/// The arguments: a column each, or several in parentheses.
fn parts(function: &Function) -> Option<Vec<Vec<Expr>>> {
    let FunctionArguments::List(FunctionArgumentList { args, .. }) = &function.args else { return None };
    args.iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Tuple(columns))) => Some(columns.clone()),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(column)) => Some(vec![column.clone()]),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    #[test]
    fn sets_are_written_out() {
        let statement = script::parse("SELECT 1 FROM t GROUP BY GROUPING SETS (rollup(a, (b, c)), cube(d, e), (f))");
        let StatementKind::Plan(mut parsed) = statement.unwrap().pop().unwrap().kind else { panic!("no query") };
        super::super::rewrite(&mut parsed).unwrap();
        assert_eq!(
            parsed.to_string(),
            "SELECT 1 FROM t GROUP BY GROUPING SETS ((a, b, c), (a), (), (d, e), (e), (d), (), (f))"
        );
    }

    #[test]
    fn parts_of_several_columns_are_written_out() {
        for (group_by, becomes) in [
            ("ROLLUP ((a, b), c)", "GROUPING SETS ((a, b, c), (a, b), ())"),
            ("a, CUBE ((b, c))", "a, GROUPING SETS ((b, c), ())"),
            ("ROLLUP (a, b)", "ROLLUP (a, b)"),
            ("(), a", "a"),
            ("()", "GROUPING SETS (())"),
        ] {
            let statement = script::parse(&format!("SELECT 1 FROM t GROUP BY {group_by}"));
            let StatementKind::Plan(mut parsed) = statement.unwrap().pop().unwrap().kind else { panic!("no query") };
            super::super::rewrite(&mut parsed).unwrap();
            assert_eq!(parsed.to_string(), format!("SELECT 1 FROM t GROUP BY {becomes}"));
        }
    }
}
