//! SQLite's SQL, and which comparisons it makes as the local engine does.

use datafusion::scalar::ScalarValue;
use rusqlite::types::Value;

use super::types::{Affinity, affinity};
use crate::catalog::types::PgType;
use crate::federation::dialect::{Comparison, Fidelity, RemoteDialect};
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

    fn comparison(&self, column: &ColumnSpec, op: Comparison, placeholder: &str) -> String {
        let quoted = self.quote(&column.remote);
        let sql = op.sql();
        if !matches!(column.pg_type, PgType::Text | PgType::Varchar(_) | PgType::Uuid) {
            return format!("{quoted} {sql} {placeholder}");
        }
        match op {
            // A text with a zero byte ends there for LIKE.
            Comparison::Like => format!("{quoted} LIKE {placeholder} OR instr({quoted}, char(0)) > 0"),
            Comparison::Eq if column.collation.contains(NOCASE) => {
                format!("{quoted} = {placeholder} COLLATE NOCASE AND {quoted} COLLATE BINARY = {placeholder}")
            }
            // On the column's side: SQLite forgets a collation of the other when it joins several `=` into IN.
            _ => format!("{quoted} COLLATE BINARY {sql} {placeholder}"),
        }
    }

    fn placeholder(&self, index: usize, _: &ColumnSpec) -> String {
        format!("?{index}")
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
        assert_eq!(SqliteDialect.comparison(&name, Comparison::Lt, "?1"), "`c` COLLATE BINARY < ?1");
        assert_eq!(SqliteDialect.compares(&name, Comparison::Like, &text_value("a%")), Some(Fidelity::Superset));
        assert_eq!(SqliteDialect.compares(&name, Comparison::Like, &text_value("a\\%")), None);
        assert_eq!(SqliteDialect.compares(&column("TEXT", UTF16), Comparison::Lt, &value), None);
        assert_eq!(
            SqliteDialect.comparison(&column("TEXT", NOCASE), Comparison::Eq, "?1"),
            "`c` = ?1 COLLATE NOCASE AND `c` COLLATE BINARY = ?1"
        );
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
