//! From a DataFusion expression to a value in a source's SQL.

use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{BinaryExpr, Case, Cast, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::dialect::{Argument, Operand};
use super::fragment::Fragment;
use super::predicate::Writer;
use crate::catalog::types::PgType;
use crate::planner::arithmetic;
use crate::planner::clock_casts::of_utc_cast;
use crate::planner::concatenation::LIMITED;

impl Writer<'_> {
    /// What has the expression's value there: a bare column as it stands in its table, anything else exactly.
    pub fn value(&self, expr: &Expr) -> Option<Operand> {
        let written = self.value_of(expr);
        self.keep(written, expr)
    }

    /// What has exactly the expression's value there.
    pub fn exact_value(&self, expr: &Expr) -> Option<Operand> {
        let value = self.value(expr)?;
        self.keep(self.dialect.exact(&value), expr)
    }

    fn value_of(&self, expr: &Expr) -> Option<Operand> {
        match expr {
            Expr::Column(column) => self.scope.operand(column),
            Expr::Alias(alias) => self.value(&alias.expr),
            Expr::Literal(value, _) => self.dialect.literal(value),
            Expr::Cast(Cast { expr, field }) => {
                let operand = self.exact_value(expr)?;
                let to = PgType::of_arrow(field.data_type());
                // Text is text, whatever carries it.
                if is_text(&operand.column.pg_type) && to == PgType::Text {
                    return Some(operand);
                }
                self.dialect.cast(&operand, &to)
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
                Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo => {
                    self.arithmetic(left, *op, right)
                }
                Operator::StringConcat => self.dialect.function("||", &self.arguments([left.as_ref(), right])?),
                _ => self.dialect.truth(&self.exact_predicate(expr)?),
            },
            Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Between(_)
            | Expr::Like(_)
            | Expr::InList(_) => self.dialect.truth(&self.exact_predicate(expr)?),
            Expr::ScalarFunction(call) => match arithmetic::operators(call) {
                Some(operators) => self.chain(call, operators),
                None if call.name() == LIMITED => self.concatenation(&call.args),
                None => match of_utc_cast(call) {
                    // On the clock of UTC a cast means what it means there.
                    Some((expr, to)) => {
                        let operand = self.exact_value(expr)?;
                        self.dialect.cast(&operand, &PgType::of_arrow(to))
                    }
                    None => self.dialect.function(call.name(), &self.arguments(&call.args)?),
                },
            },
            Expr::Case(case) => self.case(case),
            _ => None,
        }
    }

    /// `a || b || c`, from left to right.
    fn concatenation(&self, args: &[Expr]) -> Option<Operand> {
        let mut arguments = self.arguments(args)?.into_iter();
        let mut joined = arguments.next()?;
        for argument in arguments {
            joined = Argument { operand: self.dialect.function("||", &[joined, argument])?, literal: None };
        }
        Some(joined.operand)
    }

    fn arguments<'e>(&self, args: impl IntoIterator<Item = &'e Expr>) -> Option<Vec<Argument>> {
        args.into_iter()
            .map(|arg| {
                let literal = match arg {
                    Expr::Literal(value, _) => Some(value.clone()),
                    _ => None,
                };
                Some(Argument { operand: self.exact_value(arg)?, literal })
            })
            .collect()
    }

    fn arithmetic(&self, left: &Expr, op: Operator, right: &Expr) -> Option<Operand> {
        let left = self.exact_value(left)?;
        let right = self.exact_value(right)?;
        self.calculated(&left, op, &right)
    }

    /// Operands of one type with operators between them, from left to right. Each step must have that type there too,
    /// or it would overflow elsewhere.
    fn chain(&self, call: &ScalarFunction, operators: &[Operator]) -> Option<Operand> {
        let of = PgType::of_arrow(&call.func.return_type(&[]).ok()?);
        let mut operands = call.args.iter();
        let mut value = self.exact_value(operands.next()?)?;
        if operators.len() != operands.len() {
            return None;
        }
        for (op, operand) in operators.iter().zip(operands) {
            let operand = self.exact_value(operand)?;
            if value.column.pg_type != of || operand.column.pg_type != of {
                return None;
            }
            value = self.dialect.exact(&self.calculated(&value, *op, &operand)?)?;
        }
        (value.column.pg_type == of).then_some(value)
    }

    fn calculated(&self, left: &Operand, op: Operator, right: &Operand) -> Option<Operand> {
        let (of_left, of_right) = (left.column.pg_type.arrow(), right.column.pg_type.arrow());
        let result = BinaryTypeCoercer::new(&of_left, &op, &of_right).get_result_type().ok()?;
        self.dialect.arithmetic(left, op, right, &PgType::of_arrow(&result))
    }

    /// The conditions must be exact, for a row may fall into one branch only; the results are brought to one form.
    fn case(&self, case: &Case) -> Option<Operand> {
        let mut conditions = vec![];
        let mut results = vec![];
        for (when, then) in &case.when_then_expr {
            let condition = match &case.expr {
                None => self.exact_predicate(when)?,
                Some(of) => {
                    let equals = Expr::BinaryExpr(BinaryExpr::new(of.clone(), Operator::Eq, when.clone()));
                    self.exact_predicate(&equals)?
                }
            };
            conditions.push(condition);
            results.push(then.as_ref());
        }
        if let Some(otherwise) = &case.else_expr {
            results.push(otherwise);
        }
        let is_null = |expr: &Expr| matches!(expr, Expr::Literal(value, _) if value.is_null());
        // Nulls have the type of the others.
        let values = results.iter().filter(|e| !is_null(e)).map(|e| self.exact_value(e)).collect::<Option<Vec<_>>>()?;
        let (values, column) = self.dialect.unite(values)?;
        let mut values = values.into_iter();
        let mut sql = Fragment::sql("CASE");
        let null = Fragment::sql("NULL");
        let mut next = |expr: &Expr| if is_null(expr) { Some(null.clone()) } else { values.next().map(|v| v.sql) };
        for (condition, then) in conditions.iter().zip(&results) {
            sql.push(&Fragment::of(" WHEN {} THEN {}", &[condition, &next(then)?]));
        }
        if let Some(otherwise) = &case.else_expr {
            sql.push(&Fragment::of(" ELSE {}", &[&next(otherwise)?]));
        }
        sql.push_sql(" END");
        self.dialect.exact(&Operand::new(sql, column))
    }
}

/// Whether a type is text without rules of its own.
pub(super) fn is_text(pg_type: &PgType) -> bool {
    matches!(pg_type, PgType::Text | PgType::Varchar(_) | PgType::Name)
}

/// The text of a literal.
pub(super) fn text_of(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
            Some(text)
        }
        _ => None,
    }
}
