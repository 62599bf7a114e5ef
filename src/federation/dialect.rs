//! What one SQL source does the way the local engine does it.

use std::fmt::Debug;

use datafusion::scalar::ScalarValue;

use crate::sources::table::ColumnSpec;

/// How far a source's answer to a predicate can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fidelity {
    /// It keeps every row that the local engine would, and perhaps more: recheck here.
    Superset,
    /// It keeps exactly the rows that the local engine would.
    Exact,
}

/// A comparison of a column with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`, also of each member of IN
    Eq,
    /// `<>`, also of each member of NOT IN
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// `LIKE` with backslash as its escape
    Like,
    /// `NOT LIKE`
    NotLike,
}

impl Comparison {
    /// The operator in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Comparison::Eq => "=",
            Comparison::NotEq => "<>",
            Comparison::Lt => "<",
            Comparison::LtEq => "<=",
            Comparison::Gt => ">",
            Comparison::GtEq => ">=",
            Comparison::Like => "LIKE",
            Comparison::NotLike => "NOT LIKE",
        }
    }

    /// The comparison with its sides exchanged, if it has one.
    pub fn swapped(self) -> Option<Comparison> {
        Some(match self {
            Comparison::Eq | Comparison::NotEq => self,
            Comparison::Lt => Comparison::Gt,
            Comparison::LtEq => Comparison::GtEq,
            Comparison::Gt => Comparison::Lt,
            Comparison::GtEq => Comparison::LtEq,
            Comparison::Like | Comparison::NotLike => return None,
        })
    }
}

/// A literal on its way to a source: the column it is compared with decides how it is bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The value, of the column's Arrow type or one that the dialect accepted for it; never null.
    pub value: ScalarValue,
    /// The column that it is compared with.
    pub column: ColumnSpec,
}

/// One SQL source's words, and where its meaning is the local engine's.
pub trait RemoteDialect: Debug + Send + Sync {
    /// An identifier in the source's quotes, with quotes in it escaped.
    fn quote(&self, identifier: &str) -> String;

    /// The table's full name at the source, from its options.
    fn table_name(&self, options: &crate::sources::options::Options, name: &str) -> String;

    /// The item of the select list that reads this column: the quoted column, or a cast of it.
    fn select_item(&self, column: &ColumnSpec) -> String {
        self.quote(&column.remote)
    }

    /// Whether `column op value` means the same there, at least as a superset; none keeps it here. `value` is
    /// never null.
    fn compares(&self, column: &ColumnSpec, op: Comparison, value: &ScalarValue) -> Option<Fidelity>;

    /// The SQL of `column op <placeholder>`; `placeholder` is ready to stand there.
    fn comparison(&self, column: &ColumnSpec, op: Comparison, placeholder: &str) -> String {
        format!("{} {} {placeholder}", self.quote(&column.remote), op.sql())
    }

    /// Whether `column IS NULL` there is what it is here: not when some value is read as null.
    fn tests_null(&self, _column: &ColumnSpec) -> Option<Fidelity> {
        Some(Fidelity::Exact)
    }

    /// Whether `column IS NOT NULL` there is what it is here. A value that is read as null here only makes the
    /// source keep more, so that is the rule; none for a type where the two tests are no opposites.
    fn tests_not_null(&self, column: &ColumnSpec) -> Option<Fidelity> {
        Some(self.tests_null(column).unwrap_or(Fidelity::Superset))
    }

    /// The placeholder for the `index`th parameter, from 1, with a cast where the source needs one.
    fn placeholder(&self, index: usize, column: &ColumnSpec) -> String;
}
