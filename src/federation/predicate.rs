//! From a DataFusion predicate to a source's SQL, with bound parameters.

use std::cell::RefCell;

use datafusion::common::Column;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Operator, TableProviderFilterPushDown};
use datafusion::scalar::ScalarValue;

use super::dialect::{Comparison, Fidelity, Operand, Parameter, RemoteDialect};
use super::fragment::Fragment;
use super::{cleaning, reason};
use crate::catalog::types::PgType;
use crate::sources::table::TableSpec;

/// How many members an IN list may have and still be sent.
const MAX_IN_LIST: usize = 1000;

/// What the columns of an expression are at the source.
pub trait Scope {
    /// The column's operand: bare, as it stands in the table.
    fn operand(&self, column: &Column) -> Option<Operand>;
}

/// The columns of one table, by their names here.
#[derive(Debug)]
pub struct TableScope<'a> {
    dialect: &'a dyn RemoteDialect,
    table: &'a TableSpec,
    /// What stands before the columns: nothing, or an alias with its dot.
    prefix: String,
}

impl<'a> TableScope<'a> {
    /// The columns of `table` by themselves.
    pub fn new(dialect: &'a dyn RemoteDialect, table: &'a TableSpec) -> Self {
        TableScope { dialect, table, prefix: String::new() }
    }

    /// The columns of `table` under an alias.
    pub fn under(dialect: &'a dyn RemoteDialect, table: &'a TableSpec, alias: &str) -> Self {
        TableScope { dialect, table, prefix: format!("{alias}.") }
    }

    /// The operand of the column at `index`.
    pub fn at(&self, index: usize) -> Option<Operand> {
        let mut column = self.table.columns.get(index)?.clone();
        // How times are read, and literals are bound, depends on the table's zone.
        if let Some(zone) = self.table.options.get("timezone") {
            column.options.set("timezone", zone);
        }
        let sql = Fragment::sql(format!("{}{}", self.prefix, self.dialect.quote(&column.remote)));
        Some(Operand::new(sql, column))
    }
}

impl Scope for TableScope<'_> {
    fn operand(&self, column: &Column) -> Option<Operand> {
        self.at(self.table.columns.iter().position(|c| c.name == column.name)?)
    }
}

/// A predicate in a source's SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct RemotePredicate {
    /// The SQL.
    pub sql: Fragment,
    /// How far the source's answer can be trusted.
    pub fidelity: Fidelity,
}

impl RemotePredicate {
    /// One that keeps exactly the right rows.
    pub fn exact(sql: Fragment) -> Self {
        RemotePredicate { sql, fidelity: Fidelity::Exact }
    }

    /// One that may keep more.
    pub fn superset(sql: Fragment) -> Self {
        RemotePredicate { sql, fidelity: Fidelity::Superset }
    }
}

/// Writes expressions over the columns of a scope.
pub struct Writer<'a> {
    pub(super) dialect: &'a dyn RemoteDialect,
    pub(super) scope: &'a dyn Scope,
    /// Why the first part of an expression could not be written.
    kept: RefCell<Option<String>>,
}

impl<'a> Writer<'a> {
    /// A writer in the dialect's words.
    pub fn new(dialect: &'a dyn RemoteDialect, scope: &'a dyn Scope) -> Self {
        Writer { dialect, scope, kept: RefCell::new(None) }
    }

    /// Why the innermost expression that made an expression stay here does, since last asked.
    pub fn kept(&self) -> Option<String> {
        self.kept.borrow_mut().take()
    }

    pub(super) fn keep<T>(&self, written: Option<T>, expr: &Expr) -> Option<T> {
        if written.is_none() {
            self.kept.borrow_mut().get_or_insert_with(|| reason::of(expr));
        }
        written
    }

    /// The predicate in the source's SQL, or none when it must stay here.
    pub fn predicate(&self, expr: &Expr) -> Option<RemotePredicate> {
        let written = self.predicate_of(expr);
        self.keep(written, expr)
    }

    /// The predicate, if the source keeps exactly the rows that would be kept here.
    pub fn exact_predicate(&self, expr: &Expr) -> Option<Fragment> {
        let written = self.predicate(expr)?;
        self.keep((written.fidelity == Fidelity::Exact).then_some(written.sql), expr)
    }

    fn predicate_of(&self, expr: &Expr) -> Option<RemotePredicate> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                match (self.predicate(left), self.predicate(right)) {
                    (Some(l), Some(r)) => Some(both(&l, "AND", &r)),
                    // One side alone keeps more rows than both.
                    (Some(one), None) | (None, Some(one)) => Some(RemotePredicate::superset(one.sql)),
                    (None, None) => None,
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                Some(both(&self.predicate(left)?, "OR", &self.predicate(right)?))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match *op {
                Operator::IsDistinctFrom => self.distinct(left, right).map(|same| negated(&same)),
                Operator::IsNotDistinctFrom => self.distinct(left, right),
                op => self.compared(left, comparison(op)?, right),
            },
            Expr::Not(inner) => {
                let inner = self.predicate(inner)?;
                // The complement of a superset would lose rows.
                (inner.fidelity == Fidelity::Exact).then(|| negated(&inner))
            }
            Expr::IsNull(inner) => {
                let operand = self.tested(inner)?;
                let fidelity = self.dialect.tests_null(&operand.column)?;
                Some(RemotePredicate { sql: Fragment::of("({} IS NULL)", &[&operand.sql]), fidelity })
            }
            Expr::IsNotNull(inner) => {
                let operand = self.tested(inner)?;
                let fidelity = self.dialect.tests_not_null(&operand.column)?;
                Some(RemotePredicate { sql: Fragment::of("({} IS NOT NULL)", &[&operand.sql]), fidelity })
            }
            Expr::Between(Between { expr, negated: is_negated, low, high }) => {
                let low = self.compared(expr, Comparison::GtEq, low)?;
                let high = self.compared(expr, Comparison::LtEq, high)?;
                let between = both(&low, "AND", &high);
                match is_negated {
                    false => Some(between),
                    true => (between.fidelity == Fidelity::Exact).then(|| negated(&between)),
                }
            }
            Expr::Like(Like {
                negated: is_negated,
                expr,
                pattern,
                escape_char: None | Some('\\'),
                case_insensitive: false,
            }) => {
                let op = if *is_negated { Comparison::NotLike } else { Comparison::Like };
                match pattern.as_ref() {
                    Expr::Literal(..) => self.compared(expr, op, pattern),
                    _ => None,
                }
            }
            Expr::InList(InList { expr, list, negated: is_negated })
                if !list.is_empty() && list.len() <= MAX_IN_LIST =>
            {
                let literals: Vec<&ScalarValue> = list
                    .iter()
                    .map(|member| match member {
                        Expr::Literal(value, _) => Some(value),
                        _ => None,
                    })
                    .collect::<Option<_>>()?;
                if !is_negated && let Some(cleaned) = cleaning::among(self, expr, &literals) {
                    return Some(cleaned);
                }
                let (op, joint) = if *is_negated { (Comparison::NotEq, " AND ") } else { (Comparison::Eq, " OR ") };
                let operand = self.value(expr)?;
                let mut fidelity = Fidelity::Exact;
                let mut members = Vec::with_capacity(list.len());
                for value in literals {
                    let member = self.compare(&operand, op, value)?;
                    fidelity = fidelity.min(member.fidelity);
                    members.push(member.sql);
                }
                Some(RemotePredicate { sql: Fragment::of("({})", &[&Fragment::join(&members, joint)]), fidelity })
            }
            Expr::Column(_) | Expr::Case(_) => {
                let operand = self.value(expr)?;
                if operand.column.pg_type != PgType::Bool {
                    return None;
                }
                self.compare(&operand, Comparison::Eq, &ScalarValue::Boolean(Some(true)))
            }
            // The planner simplifies filters that it has pushed down.
            Expr::Literal(ScalarValue::Boolean(Some(true)), _) => {
                Some(RemotePredicate::exact(Fragment::sql("(1 = 1)")))
            }
            Expr::Literal(ScalarValue::Boolean(Some(false)), _) => {
                Some(RemotePredicate::exact(Fragment::sql("(1 = 0)")))
            }
            Expr::IsTrue(inner) => {
                let inner = self.exact_predicate(inner)?;
                Some(RemotePredicate::exact(Fragment::of("({} IS TRUE)", &[&inner])))
            }
            Expr::IsNotTrue(inner) => {
                let inner = self.exact_predicate(inner)?;
                Some(RemotePredicate::exact(Fragment::of("({} IS NOT TRUE)", &[&inner])))
            }
            _ => None,
        }
    }

    /// What is tested for null: a bare column, or something computed exactly.
    fn tested(&self, expr: &Expr) -> Option<Operand> {
        let operand = self.value(expr)?;
        match expr {
            Expr::Column(_) => Some(operand),
            _ => self.dialect.exact(&operand),
        }
    }

    /// `left op right`, of which one side may be a literal.
    fn compared(&self, left: &Expr, op: Comparison, right: &Expr) -> Option<RemotePredicate> {
        match (left, right) {
            (Expr::Literal(..), Expr::Literal(..)) => None,
            (_, Expr::Literal(value, _)) => {
                if op == Comparison::Eq
                    && let Some(cleaned) = cleaning::among(self, left, &[value])
                {
                    return Some(cleaned);
                }
                if let Some(number) = self.number_as_text(left, op, value) {
                    return Some(number);
                }
                self.compare(&self.value(left)?, op, value)
            }
            (Expr::Literal(..), _) => self.compared(right, op.swapped()?, left),
            _ => {
                let left = self.dialect.exact(&self.value(left)?)?;
                let right = self.dialect.exact(&self.value(right)?)?;
                self.dialect.relates(&left, op, &right).map(RemotePredicate::exact)
            }
        }
    }

    /// Whether both are null or equal.
    fn distinct(&self, left: &Expr, right: &Expr) -> Option<RemotePredicate> {
        let left = self.dialect.exact(&self.value(left)?)?;
        let right = self.dialect.exact(&self.value(right)?)?;
        self.dialect.same(&left, &right).map(RemotePredicate::exact)
    }

    /// A whole number as text is equal to a text when the number is equal to the number that the text spells as it is
    /// spelled here: `id::text = '42'`.
    fn number_as_text(&self, expr: &Expr, op: Comparison, value: &ScalarValue) -> Option<RemotePredicate> {
        let Expr::Cast(Cast { expr: inner, .. }) = expr else { return None };
        let text = match value {
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
                text
            }
            _ => return None,
        };
        if !matches!(op, Comparison::Eq | Comparison::NotEq) {
            return None;
        }
        let operand = self.value(inner)?;
        let number = text.parse::<i64>().ok().filter(|number| number.to_string() == *text)?;
        let literal = match operand.column.pg_type {
            PgType::Int2 => ScalarValue::Int16(Some(i16::try_from(number).ok()?)),
            PgType::Int4 => ScalarValue::Int32(Some(i32::try_from(number).ok()?)),
            PgType::Int8 => ScalarValue::Int64(Some(number)),
            _ => return None,
        };
        self.compare(&operand, op, &literal)
    }

    /// An operand compared with a literal.
    pub(super) fn compare(&self, operand: &Operand, op: Comparison, value: &ScalarValue) -> Option<RemotePredicate> {
        if value.is_null() {
            return None;
        }
        let fidelity = self.dialect.compares(&operand.column, op, value)?;
        let literal = Parameter { value: value.clone(), column: operand.column.clone() };
        let sql = self.dialect.comparison(&operand.sql, op, &literal);
        Some(RemotePredicate { sql: Fragment::of("({})", &[&sql]), fidelity })
    }
}

fn both(left: &RemotePredicate, joint: &str, right: &RemotePredicate) -> RemotePredicate {
    RemotePredicate {
        sql: Fragment::of(&format!("({{}} {joint} {{}})"), &[&left.sql, &right.sql]),
        fidelity: left.fidelity.min(right.fidelity),
    }
}

/// Only of what is exact.
fn negated(predicate: &RemotePredicate) -> RemotePredicate {
    RemotePredicate::exact(Fragment::of("(NOT {})", &[&predicate.sql]))
}

fn comparison(op: Operator) -> Option<Comparison> {
    Some(match op {
        Operator::Eq => Comparison::Eq,
        Operator::NotEq => Comparison::NotEq,
        Operator::Lt => Comparison::Lt,
        Operator::LtEq => Comparison::LtEq,
        Operator::Gt => Comparison::Gt,
        Operator::GtEq => Comparison::GtEq,
        _ => return None,
    })
}

/// What a dialect does with a predicate, in DataFusion's words.
pub fn support(dialect: &dyn RemoteDialect, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown {
    let scope = TableScope::new(dialect, table);
    match Writer::new(dialect, &scope).predicate(filter) {
        Some(written) if written.sql.parameters() > dialect.most_parameters() => {
            TableProviderFilterPushDown::Unsupported
        }
        Some(RemotePredicate { fidelity: Fidelity::Exact, .. }) => TableProviderFilterPushDown::Exact,
        Some(RemotePredicate { fidelity: Fidelity::Superset, .. }) => TableProviderFilterPushDown::Inexact,
        None => TableProviderFilterPushDown::Unsupported,
    }
}
