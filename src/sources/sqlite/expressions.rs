//! Which expressions SQLite evaluates as they are evaluated here, and how they are written for it.
//!
//! Its columns hold what was put into them, whatever their type. So only whole numbers and texts are computed with, and
//! nothing that would be silent about a value of another kind: no sums, no arithmetic.

use datafusion::scalar::ScalarValue;

use super::dialect::UTF16;
use super::types::{Affinity, affinity};
use crate::catalog::types::PgType;
use crate::federation::dialect::{Argument, Operand, Parameter};
use crate::federation::fragment::Fragment;
use crate::sources::table::ColumnSpec;

/// More literals than this travel as a JSON array.
const MOST_PLACEHOLDERS: usize = 20;

fn computed(sql: Fragment, remote_type: &str, pg_type: PgType) -> Operand {
    Operand::new(sql, ColumnSpec { remote_type: remote_type.into(), ..ColumnSpec::new("computed", pg_type) })
}

fn is_text(operand: &Operand) -> bool {
    matches!(operand.column.pg_type, PgType::Text | PgType::Varchar(_))
        && affinity(&operand.column.remote_type) == Affinity::Text
}

fn is_whole(pg_type: &PgType) -> bool {
    matches!(pg_type, PgType::Int2 | PgType::Int4 | PgType::Int8)
}

pub(super) fn exact(operand: &Operand) -> Option<Operand> {
    let numbers = is_whole(&operand.column.pg_type)
        && matches!(affinity(&operand.column.remote_type), Affinity::Integer | Affinity::Numeric);
    (numbers || is_text(operand)).then(|| operand.clone())
}

/// The column's own collation may be another.
pub(super) fn by_bytes(exact: &Operand) -> Option<Operand> {
    if !is_text(exact) {
        return Some(exact.clone());
    }
    Some(exact.in_form(Fragment::of("{} COLLATE BINARY", &[&exact.sql]), exact.column.clone()))
}

/// What stands in IN: placeholders, or the members of a JSON array.
pub(super) fn list(literals: &[Parameter]) -> Option<Fragment> {
    if literals.len() <= MOST_PLACEHOLDERS {
        let members: Vec<Fragment> = literals.iter().cloned().map(Fragment::parameter).collect();
        return Some(Fragment::join(&members, ", "));
    }
    let members = literals
        .iter()
        .map(|literal| match &literal.value {
            ScalarValue::Int16(Some(value)) => Some(serde_json::Value::from(*value)),
            ScalarValue::Int32(Some(value)) => Some(serde_json::Value::from(*value)),
            ScalarValue::Int64(Some(value)) => Some(serde_json::Value::from(*value)),
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
                // A text of JSON ends at a zero byte.
                (!text.contains('\0')).then(|| serde_json::Value::from(text.as_str()))
            }
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    let array = serde_json::Value::Array(members).to_string();
    let column = ColumnSpec { remote_type: "TEXT".into(), ..ColumnSpec::new("keys", PgType::Text) };
    let parameter = Fragment::parameter(Parameter { value: ScalarValue::Utf8(Some(array)), column });
    Some(Fragment::of("SELECT value FROM json_each({})", &[&parameter]))
}

pub(super) fn literal(value: &ScalarValue) -> Option<Operand> {
    let pg_type = PgType::of_arrow(&value.data_type());
    let remote_type = match &pg_type {
        whole if is_whole(whole) => "INTEGER",
        PgType::Text => "TEXT",
        _ => return None,
    };
    if value.data_type() != pg_type.arrow() && !value.data_type().is_string() {
        return None;
    }
    let mut operand = computed(Fragment::sql("NULL"), remote_type, pg_type);
    if !value.is_null() {
        operand.sql = Fragment::parameter(Parameter { value: value.clone(), column: operand.column.clone() });
    }
    Some(operand)
}

pub(super) fn unite(operands: Vec<Operand>) -> Option<(Vec<Operand>, ColumnSpec)> {
    let first = operands.first()?.column.clone();
    let zone = first.options.get("timezone");
    if operands.iter().all(|operand| {
        operand.column.remote_type == first.remote_type
            && operand.column.collation == first.collation
            && operand.column.pg_type == first.pg_type
            && operand.column.options.get("timezone") == zone
    }) {
        return Some((operands, first));
    }
    let mut column = first;
    if operands.iter().all(is_text) {
        let utf16 = operands.iter().any(|operand| operand.column.collation.contains(UTF16));
        column.collation = if utf16 { UTF16.to_string() } else { String::new() };
        column.remote_type = "TEXT".into();
        column.pg_type = PgType::Text;
    } else if operands.iter().all(|o| exact(o).is_some() && o.column.pg_type == column.pg_type && !is_text(o)) {
        column.remote_type = "INTEGER".into();
    } else {
        return None;
    }
    let operands = operands.into_iter().map(|operand| Operand::new(operand.sql, column.clone())).collect();
    Some((operands, column))
}

pub(super) fn cast(operand: &Operand, to: &PgType) -> Option<Operand> {
    use PgType::{Int2, Int4, Int8, Text};
    match (&operand.column.pg_type, to) {
        (from, to) if from == to => Some(operand.clone()),
        (Int2, Int4 | Int8) | (Int4, Int8) => {
            let column = ColumnSpec { pg_type: to.clone(), ..operand.column.clone() };
            Some(operand.in_form(operand.sql.clone(), column))
        }
        (Int2 | Int4 | Int8, Text) => Some(computed(Fragment::of("CAST({} AS TEXT)", &[&operand.sql]), "TEXT", Text)),
        _ => None,
    }
}

pub(super) fn function(name: &str, arguments: &[Argument]) -> Option<Operand> {
    if !arguments.iter().all(|argument| is_text(&argument.operand)) {
        return None;
    }
    let template = match (name, arguments.len()) {
        ("||", 2) => "({} || {})",
        ("btrim" | "trim", 1) => "trim({})",
        ("ltrim", 1) => "ltrim({})",
        ("rtrim", 1) => "rtrim({})",
        _ => return None,
    };
    let utf16 = arguments.iter().any(|argument| argument.operand.column.collation.contains(UTF16));
    let parts: Vec<&Fragment> = arguments.iter().map(|argument| &argument.operand.sql).collect();
    let mut operand = computed(Fragment::of(template, &parts), "TEXT", PgType::Text);
    if utf16 {
        operand.column.collation = UTF16.to_string();
    }
    Some(operand)
}

pub(super) fn aggregate(name: &str, operand: &Operand, to: &PgType) -> Option<Operand> {
    if !matches!(name, "min" | "max") || operand.column.collation.contains(UTF16) {
        return None;
    }
    let operand = by_bytes(operand)?;
    let column = ColumnSpec { pg_type: to.clone(), ..operand.column.clone() };
    Some(Operand::new(Fragment::of(&format!("{name}({{}})"), &[&operand.sql]), column))
}

#[cfg(test)]
mod tests {
    use super::super::dialect::SqliteDialect;
    use super::*;
    use crate::federation::dialect::RemoteDialect;

    fn column(declared: &str, pg_type: PgType) -> Operand {
        let column = ColumnSpec { remote_type: declared.into(), ..ColumnSpec::new("c", pg_type) };
        Operand::new(Fragment::sql("t1.`c`"), column)
    }

    #[test]
    fn only_whole_numbers_and_texts() {
        assert!(exact(&column("INTEGER", PgType::Int8)).is_some());
        assert!(exact(&column("TEXT", PgType::Text)).is_some());
        assert_eq!(exact(&column("", PgType::Text)), None);
        assert_eq!(exact(&column("REAL", PgType::Float8)), None);
        assert_eq!(exact(&column("BOOLEAN", PgType::Bool)), None);
        assert_eq!(aggregate("sum", &column("INTEGER", PgType::Int8), &PgType::Numeric(Some((29, 0)))), None);
    }

    #[test]
    fn many_keys_are_one_parameter() {
        let id = column("INTEGER", PgType::Int8);
        let literal = |n| Parameter { value: ScalarValue::Int64(Some(n)), column: id.column.clone() };
        let few = SqliteDialect.among(&id.sql, &[literal(1), literal(2)]).unwrap();
        assert_eq!(few.render(&SqliteDialect, None).sql, "t1.`c` IN (?1, ?2)");
        let many: Vec<Parameter> = (0..1000).map(literal).collect();
        let rendered = SqliteDialect.among(&id.sql, &many).unwrap().render(&SqliteDialect, None);
        assert_eq!(rendered.sql, "t1.`c` IN (SELECT value FROM json_each(?1))");
        assert_eq!(rendered.parameters.len(), 1);
    }
}
