//! What one SQL source does the way the local engine does it.

use std::fmt::Debug;

use datafusion::logical_expr::Operator;
use datafusion::scalar::ScalarValue;

use super::fragment::Fragment;
use crate::catalog::types::PgType;
use crate::sources::options::Options;
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

/// Something that has a value in each row: SQL, and a column's description of what it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// The SQL.
    pub sql: Fragment,
    /// What it gives, as if it were a column of a table: its type here, its type and collation at the source.
    pub column: ColumnSpec,
    /// The bare column that it is another form of: an index may serve that.
    pub origin: Option<Box<Operand>>,
}

impl Operand {
    /// Something computed.
    pub fn new(sql: Fragment, column: ColumnSpec) -> Self {
        Operand { sql, column, origin: None }
    }

    /// The bare column behind it, or itself.
    pub fn bare(&self) -> &Operand {
        self.origin.as_deref().unwrap_or(self)
    }

    /// The same value in another form.
    pub fn in_form(&self, sql: Fragment, column: ColumnSpec) -> Self {
        Operand { sql, column, origin: Some(Box::new(self.bare().clone())) }
    }
}

/// How many bytes a packed number has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// An `i32`.
    Four,
    /// An `i64`.
    Eight,
}

/// An argument of a function.
#[derive(Clone, Debug)]
pub struct Argument {
    /// The argument as SQL, exactly the value that it has here.
    pub operand: Operand,
    /// Its value, when it is a literal.
    pub literal: Option<ScalarValue>,
}

/// One SQL source's words, and where its meaning is the local engine's.
///
/// The first part serves scans of one table. The second, from [`RemoteDialect::exact`] on, serves whole queries; what
/// a dialect does not answer there is computed here.
pub trait RemoteDialect: Debug + Send + Sync {
    /// An identifier in the source's quotes, with quotes in it escaped.
    fn quote(&self, identifier: &str) -> String;

    /// The table's full name at the source, from its options.
    fn table_name(&self, options: &Options, name: &str) -> String;

    /// Whether placeholders have numbers, so that one value can stand in several places.
    fn numbered(&self) -> bool {
        true
    }

    /// The item of a select list that reads this operand: as it is, or cast to what can be read.
    fn selected(&self, operand: &Operand) -> Operand {
        operand.clone()
    }

    /// Whether `column op value` means the same there, at least as a superset; none keeps it here. `value` is
    /// never null.
    fn compares(&self, column: &ColumnSpec, op: Comparison, value: &ScalarValue) -> Option<Fidelity>;

    /// The SQL of `operand op literal`, for a comparison that [`RemoteDialect::compares`] took.
    fn comparison(&self, operand: &Fragment, op: Comparison, literal: &Parameter) -> Fragment {
        Fragment::of(&format!("{{}} {} {{}}", op.sql()), &[operand, &Fragment::parameter(literal.clone())])
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

    /// A predicate that keeps at least the rows in which the operand is one of the literals, each of which
    /// [`RemoteDialect::compares`] took for `=`; none when the source cannot be asked that of many.
    fn among(&self, operand: &Fragment, literals: &[Parameter]) -> Option<Fragment> {
        const IN_ONE_LIST: usize = 1000;
        let lists: Vec<Fragment> = literals
            .chunks(IN_ONE_LIST)
            .map(|chunk| {
                let members: Vec<Fragment> = chunk.iter().cloned().map(Fragment::parameter).collect();
                Fragment::of("{} IN ({})", &[operand, &Fragment::join(&members, ", ")])
            })
            .collect();
        (literals.len() <= self.most_parameters()).then(|| Fragment::join(&lists, " OR "))
    }

    /// How many keys one statement may be given.
    fn keys_at_once(&self) -> usize {
        usize::MAX
    }

    /// A text in lower case without blanks at its ends, right at least for texts of ASCII from blank to tilde, compared
    /// with the literals: whether it is one of them, or may be equal to one by some collation.
    fn lower_trimmed_among(&self, _operand: &Fragment, _literals: &[Parameter]) -> Option<Fragment> {
        None
    }

    /// The same for a text in lower (`upper` false) or upper case, with its blanks.
    fn cased_among(&self, _operand: &Fragment, _literals: &[Parameter], _upper: bool) -> Option<Fragment> {
        None
    }

    /// Whether a text holds a character of this POSIX class, such as `[^ -~]`.
    fn holds(&self, _operand: &Fragment, _class: &str) -> Option<Fragment> {
        None
    }

    /// Whether a text, without blanks at its end, ends in a dot.
    fn ends_in_dot(&self, _operand: &Fragment) -> Option<Fragment> {
        None
    }

    /// The operand in a form that has exactly the values that it has here, and whose type at the source is known. None
    /// when some value differs or is read as null.
    fn exact(&self, _operand: &Operand) -> Option<Operand> {
        None
    }

    /// The form of an exact operand in which two values are equal when they are equal here: for `=`, GROUP BY and
    /// DISTINCT.
    fn equals(&self, _exact: &Operand) -> Option<Operand> {
        None
    }

    /// The form of an exact operand that sorts as here: for `<`, ORDER BY, min and max.
    fn sorts(&self, _exact: &Operand) -> Option<Operand> {
        None
    }

    /// Exact operands compared with each other, exactly as here; null with null is unknown.
    fn relates(&self, left: &Operand, op: Comparison, right: &Operand) -> Option<Fragment> {
        let (left, right) = match op {
            Comparison::Eq | Comparison::NotEq => (self.equals(left)?, self.equals(right)?),
            Comparison::Lt | Comparison::LtEq | Comparison::Gt | Comparison::GtEq => {
                (self.sorts(left)?, self.sorts(right)?)
            }
            Comparison::Like | Comparison::NotLike => return None,
        };
        same_class(&left.column.pg_type, &right.column.pg_type)
            .then(|| Fragment::of(&format!("({{}} {} {{}})", op.sql()), &[&left.sql, &right.sql]))
    }

    /// Exact operands that are equal, or both null.
    fn same(&self, _left: &Operand, _right: &Operand) -> Option<Fragment> {
        None
    }

    /// A literal; `value` may be null.
    fn literal(&self, _value: &ScalarValue) -> Option<Operand> {
        None
    }

    /// A predicate as a value.
    fn truth(&self, _predicate: &Fragment) -> Option<Operand> {
        None
    }

    /// Operands that are to come in one column, as of CASE or UNION, in forms that agree; and that column.
    fn unite(&self, operands: Vec<Operand>) -> Option<(Vec<Operand>, ColumnSpec)> {
        let first = operands.first()?.column.clone();
        let alike = operands.iter().all(|operand| {
            operand.column.remote_type == first.remote_type
                && operand.column.collation == first.collation
                && operand.column.pg_type == first.pg_type
                && operand.column.options.get("timezone") == first.options.get("timezone")
        });
        alike.then_some((operands, first))
    }

    /// An exact operand cast to another type, as that is done here.
    fn cast(&self, _operand: &Operand, _to: &PgType) -> Option<Operand> {
        None
    }

    /// `left op right` of exact operands, with a result of type `to`.
    fn arithmetic(&self, _left: &Operand, _op: Operator, _right: &Operand, _to: &PgType) -> Option<Operand> {
        None
    }

    /// A function that gives there what it gives here. `||` is one.
    fn function(&self, _name: &str, _arguments: &[Argument]) -> Option<Operand> {
        None
    }

    /// An aggregate of an exact operand, with a result of type `to`: sum, min, max, avg.
    fn aggregate(&self, _name: &str, _operand: &Operand, _to: &PgType) -> Option<Operand> {
        None
    }

    /// An aggregate that gives all values of an exact operand but the nulls in one value of type bytea, big-endian and of
    /// one width; null when there are none. None for anything but whole numbers.
    fn packed(&self, _exact: &Operand) -> Option<(Operand, Width)> {
        None
    }

    /// Whether the operand, in the form that sorts as here, is up to the bound or equal, or with `below` not set from it
    /// on; with `nulls` a null is, too. The bound is one that its source's statistics gave.
    fn beyond(&self, _sorts: &Operand, _bound: &str, _below: bool, _nulls: bool) -> Option<Fragment> {
        None
    }

    /// Whether it has window functions with frames, as far as is known now.
    fn has_windows(&self) -> bool {
        false
    }

    /// Whether `lag` and `lead` take what they give where there is no row.
    fn shifts_to_defaults(&self) -> bool {
        true
    }

    /// The form of an exact operand in which two values are equal when they are equal here, where the source finds that
    /// by sorting: for the partitions of windows, and for groups with distinct aggregates.
    fn partitions(&self, exact: &Operand) -> Option<Operand> {
        self.equals(exact)
    }

    /// What `count` gives.
    fn counted(&self, sql: Fragment) -> Operand {
        let column = ColumnSpec { remote_type: "bigint".into(), ..ColumnSpec::new("count", PgType::Int8) };
        Operand::new(sql, column)
    }

    /// A member of ORDER BY.
    fn ordered(&self, key: &Fragment, ascending: bool, nulls_first: bool) -> Fragment {
        let direction = if ascending { "ASC" } else { "DESC" };
        let nulls = if nulls_first { "FIRST" } else { "LAST" };
        Fragment::of(&format!("{{}} {direction} NULLS {nulls}"), &[key])
    }

    /// LIMIT and OFFSET.
    fn limited(&self, limit: Option<u64>, offset: u64) -> String {
        let mut sql = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        if offset > 0 {
            sql.push_str(&format!(" OFFSET {offset}"));
        }
        sql
    }

    /// Whether a subquery that refers to this column of the query around it is answered for each of its values alone.
    fn keeps_apart(&self, _column: &ColumnSpec) -> bool {
        true
    }

    /// Whether a join of large tables needs no index.
    fn joins_by_hash(&self) -> bool {
        true
    }

    /// The most parameters that one statement may have.
    fn most_parameters(&self) -> usize {
        30_000
    }
}

/// Whether values of the two types compare without a cast.
pub fn same_class(left: &PgType, right: &PgType) -> bool {
    let is_text = |t: &PgType| matches!(t, PgType::Text | PgType::Varchar(_) | PgType::Name);
    let is_whole = |t: &PgType| matches!(t, PgType::Int2 | PgType::Int4 | PgType::Int8);
    let is_numeric = |t: &PgType| matches!(t, PgType::Numeric(_));
    left == right
        || (is_text(left) && is_text(right))
        || (is_whole(left) && is_whole(right))
        || (is_numeric(left) && is_numeric(right))
}
