//! Operators before a number that the planner does not know: `~ 5`, `@ -5`, `|/ 25`, `||/ 27`.

use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, DataType, Expr, UnaryOperator, Value};

use super::call::{call, take};

/// Writes such an operator as what it means.
pub(super) fn written_out(expr: &mut Expr) {
    let Expr::UnaryOp { op, expr: operand } = expr else { return };
    *expr = match op {
        UnaryOperator::PGAbs => call("abs", vec![take(operand)]),
        UnaryOperator::PGSquareRoot => call("sqrt", vec![double(take(operand))]),
        UnaryOperator::PGCubeRoot => call("cbrt", vec![double(take(operand))]),
        UnaryOperator::BitwiseNot => {
            let one = Box::new(Expr::value(Value::Number("1".to_string(), false)));
            let all = Box::new(Expr::UnaryOp { op: UnaryOperator::Minus, expr: one });
            let number = Box::new(Expr::Nested(Box::new(take(operand))));
            let turned = Expr::BinaryOp { left: all, op: BinaryOperator::PGBitwiseXor, right: number };
            Expr::Nested(Box::new(turned))
        }
        _ => return,
    };
}

fn double(number: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(Expr::Nested(Box::new(number))),
        data_type: DataType::Float8,
        array: false,
        format: None,
    }
}
