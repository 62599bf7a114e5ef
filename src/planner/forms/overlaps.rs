//! `(s1, e1) OVERLAPS (s2, e2)`, in which an end may be the length of the time instead.

use datafusion::sql::sqlparser::ast::{BinaryOperator, DataType, Expr};

use super::call::call;
use super::row_comparisons;
use crate::error::{Error, Result};

/// Calls a function for OVERLAPS. 42601 where there are not two on both sides.
pub(super) fn called(expr: &mut Expr) -> Result<()> {
    let Expr::BinaryOp { left, op: BinaryOperator::Overlaps, right } = expr else { return Ok(()) };
    let mut ends = period(left, "left")?;
    ends.extend(period(right, "right")?);
    *expr = call("onerow_overlaps", ends);
    Ok(())
}

fn period(side: &Expr, which: &str) -> Result<Vec<Expr>> {
    let wrong = || Error::syntax(format!("wrong number of parameters on {which} side of OVERLAPS expression"), None);
    let fields = row_comparisons::fields(side).ok_or_else(wrong)?;
    let [start, end] = <[Expr; 2]>::try_from(fields).map_err(|_| wrong())?;
    let end = if is_interval(&end) {
        let nested = |expr: Expr| Box::new(Expr::Nested(Box::new(expr)));
        Expr::BinaryOp { left: nested(start.clone()), op: BinaryOperator::Plus, right: nested(end) }
    } else {
        end
    };
    Ok(vec![start, end])
}

/// Whether an expression says that it is an interval.
fn is_interval(expr: &Expr) -> bool {
    match expr {
        Expr::Interval(_) | Expr::Cast { data_type: DataType::Interval { .. }, .. } => true,
        Expr::TypedString(typed) => matches!(typed.data_type, DataType::Interval { .. }),
        Expr::Nested(inner) => is_interval(inner),
        _ => false,
    }
}
