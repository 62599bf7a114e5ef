//! SQLite's SQL, and which comparisons it makes as the local engine does.

use datafusion::scalar::ScalarValue;
use rusqlite::types::Value;

use super::expressions;
use super::types::{Affinity, affinity};
use crate::catalog::types::PgType;
use crate::federation::dialect::{Argument, Comparison, Fidelity, Operand, Parameter, RemoteDialect, same_class};
use crate::federation::fragment::Fragment;
use crate::sources::options::Options;
use crate::sources::table::ColumnSpec;

/// A word in a column's collation: an index begins with the column, without regard to the case of letters.
pub(super) const NOCASE: &str = "NOCASE";

/// A word in a column's collation: the file keeps text in UTF-16, whose bytes have another order than UTF-8's.
pub(super) const UTF16: &str = "UTF-16";

/// SQLite refuses longer patterns.
const MAX_PATTERN: usize = 50_000;

/// SQLite's SQL.
#[derive(Debug)]
pub(super) struct SqliteDialect;

impl SqliteDialect {
    /// The table's own name in the file.
    pub fn table<'a>(options: &'a Options, name: &'a str) -> &'a str {
        options.get("table").unwrap_or(name)
    }

    /// The value to bind for a literal; none when there is no like in SQLite.
    pub fn parameter(value: &ScalarValue) -> Option<Value> {
        Some(match value {
            ScalarValue::Int16(Some(value)) => Value::Integer(i64::from(*value)),
            ScalarValue::Int32(Some(value)) => Value::Integer(i64::from(*value)),
            ScalarValue::Int64(Some(value)) => Value::Integer(*value),
            ScalarValue::Float64(Some(value)) if !value.is_nan() => Value::Real(*value),
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
                Value::Text(text.clone())
            }
            ScalarValue::Binary(Some(bytes))
            | ScalarValue::BinaryView(Some(bytes))
            | ScalarValue::LargeBinary(Some(bytes)) => Value::Blob(bytes.clone()),
            _ => return None,
        })
    }
}

impl RemoteDialect for SqliteDialect {
    /// In backticks: what stands in double quotes and is no column (any more) SQLite takes for a text.
    fn quote(&self, identifier: &str) -> String {
        format!("`{}`", identifier.replace('`', "``"))
    }

    fn table_name(&self, options: &Options, name: &str) -> String {
        format!("`main`.{}", self.quote(Self::table(options, name)))
    }

    fn compares(&self, column: &ColumnSpec, op: Comparison, value: &ScalarValue) -> Option<Fidelity> {
        let like = matches!(op, Comparison::Like | Comparison::NotLike);
        let affinity = affinity(&column.remote_type);
        match (&column.pg_type, Self::parameter(value)?) {
            (PgType::Text | PgType::Varchar(_) | PgType::Uuid, Value::Text(literal)) => {
                text(affinity, &column.collation, op, &literal)
            }
            _ if like => None,
            (PgType::Int2 | PgType::Int4 | PgType::Int8, Value::Integer(_)) => {
                matches!(affinity, Affinity::Integer | Affinity::Numeric).then_some(Fidelity::Exact)
            }
            (PgType::Float8, Value::Real(literal)) if affinity == Affinity::Real => double(op, literal),
            // Of expressions text is read as bytes too, which there are no equals.
            (PgType::Bytea, Value::Blob(_)) if op == Comparison::Eq && !column.remote_type.is_empty() => {
                (affinity == Affinity::Blob).then_some(Fidelity::Exact)
            }
            _ => None,
        }
    }

    fn comparison(&self, operand: &Fragment, op: Comparison, literal: &Parameter) -> Fragment {
        let column = &literal.column;
        let (sql, parameter) = (op.sql(), Fragment::parameter(literal.clone()));
        if !matches!(column.pg_type, PgType::Text | PgType::Varchar(_) | PgType::Uuid) {
            return Fragment::of(&format!("{{}} {sql} {{}}"), &[operand, &parameter]);
        }
        match op {
            // A text with a zero byte ends there for LIKE.
            Comparison::Like => Fragment::of("{} LIKE {} OR instr({}, char(0)) > 0", &[operand, &parameter, operand]),
            Comparison::Eq if column.collation.contains(NOCASE) => Fragment::of(
                "{} = {} COLLATE NOCASE AND {} COLLATE BINARY = {}",
                &[operand, &parameter, operand, &parameter],
            ),
            // On the column's side: SQLite forgets a collation of the other when it joins several `=` into IN.
            _ => Fragment::of(&format!("{{}} COLLATE BINARY {sql} {{}}"), &[operand, &parameter]),
        }
    }

    fn placeholder(&self, index: usize, _: &ColumnSpec) -> String {
        format!("?{index}")
    }

    /// Many as one parameter, a JSON array.
    fn among(&self, operand: &Fragment, literals: &[Parameter]) -> Option<Fragment> {
        let column = &literals.first()?.column;
        // By the column's own collation, which an index may have: it takes no fewer for equal.
        let collate = if column.collation.contains(NOCASE) { "" } else { " COLLATE BINARY" };
        let collate = if matches!(column.pg_type, PgType::Text | PgType::Varchar(_)) { collate } else { "" };
        let list = expressions::list(literals)?;
        Some(Fragment::of(&format!("{{}}{collate} IN ({{}})"), &[operand, &list]))
    }

    fn lower_trimmed_among(&self, operand: &Fragment, literals: &[Parameter]) -> Option<Fragment> {
        Some(Fragment::of("lower(trim({})) IN ({})", &[operand, &expressions::list(literals)?]))
    }

    fn cased_among(&self, operand: &Fragment, literals: &[Parameter], upper: bool) -> Option<Fragment> {
        let function = if upper { "upper" } else { "lower" };
        Some(Fragment::of(&format!("{function}({{}}) IN ({{}})"), &[operand, &expressions::list(literals)?]))
    }

    fn holds(&self, operand: &Fragment, class: &str) -> Option<Fragment> {
        // A pattern ends at a zero byte.
        let class = class.replace("[^", "*[^").replace(']', "]*");
        let sql = format!("({{}} GLOB '{class}' OR instr({{}}, char(0)) > 0)");
        Some(Fragment::of(&sql, &[operand, operand]))
    }

    fn ends_in_dot(&self, operand: &Fragment) -> Option<Fragment> {
        Some(Fragment::of("rtrim({}) GLOB '*.'", &[operand]))
    }

    fn exact(&self, operand: &Operand) -> Option<Operand> {
        expressions::exact(operand)
    }

    fn equals(&self, exact: &Operand) -> Option<Operand> {
        expressions::by_bytes(exact)
    }

    fn sorts(&self, exact: &Operand) -> Option<Operand> {
        (!exact.column.collation.contains(UTF16)).then(|| expressions::by_bytes(exact))?
    }

    fn same(&self, left: &Operand, right: &Operand) -> Option<Fragment> {
        let (left, right) = (self.equals(left)?, self.equals(right)?);
        same_class(&left.column.pg_type, &right.column.pg_type)
            .then(|| Fragment::of("({} IS {})", &[&left.sql, &right.sql]))
    }

    fn literal(&self, value: &ScalarValue) -> Option<Operand> {
        expressions::literal(value)
    }

    fn unite(&self, operands: Vec<Operand>) -> Option<(Vec<Operand>, ColumnSpec)> {
        expressions::unite(operands)
    }

    fn cast(&self, operand: &Operand, to: &PgType) -> Option<Operand> {
        expressions::cast(operand, to)
    }

    fn function(&self, name: &str, arguments: &[Argument]) -> Option<Operand> {
        expressions::function(name, arguments)
    }

    fn aggregate(&self, name: &str, operand: &Operand, to: &PgType) -> Option<Operand> {
        expressions::aggregate(name, operand, to)
    }

    fn has_windows(&self) -> bool {
        true
    }

    fn limited(&self, limit: Option<u64>, offset: u64) -> String {
        // Numbers there end at those of a bigint.
        let limit = limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        match (limit, offset) {
            (None, 0) => String::new(),
            (Some(limit), 0) => format!(" LIMIT {limit}"),
            // There is no OFFSET without LIMIT.
            (limit, offset) => format!(" LIMIT {} OFFSET {offset}", limit.unwrap_or(-1)),
        }
    }

    /// Expressions that are nested more than 1000 deep are refused, and each further member of an AND or OR is one level.
    fn most_parameters(&self) -> usize {
        500
    }
}

/// Text compares by bytes there as it does here. Columns without the affinity of text may hold numbers, which read as
/// text, and equal none there.
fn text(affinity: Affinity, collation: &str, op: Comparison, literal: &str) -> Option<Fidelity> {
    match op {
        Comparison::NotLike => None,
        _ if affinity != Affinity::Text => {
            (op == Comparison::Eq && literal.trim().parse::<f64>().is_err()).then_some(Fidelity::Exact)
        }
        Comparison::Eq | Comparison::NotEq => Some(Fidelity::Exact),
        Comparison::Lt | Comparison::LtEq | Comparison::Gt | Comparison::GtEq => {
            (!collation.contains(UTF16)).then_some(Fidelity::Exact)
        }
        // Without regard to the case of letters, and without an escape.
        Comparison::Like => (!literal.contains('\\') && !literal.contains('\0') && literal.len() <= MAX_PATTERN)
            .then_some(Fidelity::Superset),
    }
}

/// The two zeros are equal in SQLite; whether they are here is not asked.
fn double(op: Comparison, literal: f64) -> Option<Fidelity> {
    match op {
        _ if literal != 0.0 => Some(Fidelity::Exact),
        Comparison::Eq | Comparison::LtEq | Comparison::GtEq => Some(Fidelity::Superset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(declared: &str, collation: &str) -> ColumnSpec {
        let pg_type = super::super::types::pg_type(declared, false);
        ColumnSpec { remote_type: declared.into(), collation: collation.into(), ..ColumnSpec::new("c", pg_type) }
    }

    fn text_value(text: &str) -> ScalarValue {
        ScalarValue::Utf8View(Some(text.into()))
    }

    #[test]
    fn identifiers_cannot_break_out() {
        assert_eq!(SqliteDialect.quote("a`\"b"), "`a``\"b`");
        let options: Options = [("table", "x")].into_iter().collect();
        assert_eq!(SqliteDialect.table_name(&options, "t"), "`main`.`x`");
    }

    #[test]
    fn text_is_compared_by_bytes() {
        let name = column("TEXT", "");
        let value = text_value("a");
        assert_eq!(SqliteDialect.compares(&name, Comparison::Lt, &value), Some(Fidelity::Exact));
        let sql = |column: &ColumnSpec, op| {
            let literal = Parameter { value: text_value("a"), column: column.clone() };
            SqliteDialect.comparison(&Fragment::sql("`c`"), op, &literal).render(&SqliteDialect, None).sql
        };
        assert_eq!(sql(&name, Comparison::Lt), "`c` COLLATE BINARY < ?1");
        assert_eq!(SqliteDialect.compares(&name, Comparison::Like, &text_value("a%")), Some(Fidelity::Superset));
        assert_eq!(SqliteDialect.compares(&name, Comparison::Like, &text_value("a\\%")), None);
        assert_eq!(SqliteDialect.compares(&column("TEXT", UTF16), Comparison::Lt, &value), None);
        assert_eq!(sql(&column("TEXT", NOCASE), Comparison::Eq), "`c` = ?1 COLLATE NOCASE AND `c` COLLATE BINARY = ?1");
    }

    #[test]
    fn a_column_without_affinity_may_hold_numbers() {
        let any = column("", "");
        assert_eq!(SqliteDialect.compares(&any, Comparison::Eq, &text_value("5")), None);
        assert_eq!(SqliteDialect.compares(&any, Comparison::Eq, &text_value("5-a")), Some(Fidelity::Exact));
        assert_eq!(SqliteDialect.compares(&any, Comparison::NotEq, &text_value("5-a")), None);
        let mut number = column("TEXT", "");
        number.pg_type = PgType::Int8;
        assert_eq!(SqliteDialect.compares(&number, Comparison::Eq, &ScalarValue::Int64(Some(5))), None);
    }

    #[test]
    fn zeros_are_left_open() {
        let double = column("REAL", "");
        let value = |v| ScalarValue::Float64(Some(v));
        assert_eq!(SqliteDialect.compares(&double, Comparison::Lt, &value(1.5)), Some(Fidelity::Exact));
        assert_eq!(SqliteDialect.compares(&double, Comparison::Eq, &value(-0.0)), Some(Fidelity::Superset));
        assert_eq!(SqliteDialect.compares(&double, Comparison::Lt, &value(0.0)), None);
    }
}
