//! The SQL that PostgreSQL is sent, and where its comparisons mean what ours do.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Operator;
use datafusion::scalar::ScalarValue;

use super::types::{COMPOSITE, ENCODING, NONDETERMINISTIC, access, carrier, is_decimal};
use super::{expressions, parameter};
use crate::catalog::types::PgType;
use crate::federation::dialect::{
    Argument, Comparison, Fidelity, Operand, Parameter, RemoteDialect, Width, same_class,
};
use crate::federation::fragment::Fragment;
use crate::sources::options::Options;
use crate::sources::table::ColumnSpec;

/// PostgreSQL's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct PostgresDialect;

/// How a column compares, of those whose comparisons can be sent.
#[derive(Clone, Debug, PartialEq)]
enum Compares {
    /// By value: numbers without NaN, times, bytes. The placeholder has this type.
    ByValue(PgType),
    /// Equal or not, nothing between.
    Bool,
    /// As our doubles do, but for the two zeros.
    Float(PgType),
    /// As text by bytes, with a placeholder of type text.
    Text { range: bool, like: bool, ascii_only: bool },
    /// `character(n)`: as text by bytes, there and here without the blanks at its end.
    Filled { range: bool, ascii_only: bool },
    /// `character(n)` that is a text here: there trailing blanks do not count, here they do.
    Padded,
    /// As the text of its canonical form.
    Uuid,
}

impl RemoteDialect for PostgresDialect {
    fn quote(&self, identifier: &str) -> String {
        format!("\"{}\"", identifier.replace('"', "\"\""))
    }

    fn table_name(&self, options: &Options, name: &str) -> String {
        let (schema, table) = remote_name(options, name);
        format!("{}.{}", self.quote(schema), self.quote(table))
    }

    fn selected(&self, operand: &Operand) -> Operand {
        match access(&operand.column).cast {
            None => operand.clone(),
            Some(cast) => {
                let sql = cast_sql(&operand.sql, &cast, operand.column.remote_type == "inet");
                operand
                    .in_form(sql, ColumnSpec { remote_type: cast, collation: String::new(), ..operand.column.clone() })
            }
        }
    }

    fn compares(&self, column: &ColumnSpec, op: Comparison, value: &ScalarValue) -> Option<Fidelity> {
        use Comparison::{Eq, Gt, GtEq, Like, Lt, LtEq, NotEq, NotLike};
        let compares = compares(column)?;
        if !fits(&compares, column, value) {
            return None;
        }
        // A value that cannot be bound stays here.
        let text = parameter::text(value)?;
        match compares {
            Compares::ByValue(_) => (!matches!(op, Like | NotLike)).then_some(Fidelity::Exact),
            Compares::Bool => matches!(op, Eq | NotEq).then_some(Fidelity::Exact),
            Compares::Float(_) => {
                let zero = matches!(value, ScalarValue::Float32(Some(v)) if *v == 0.0)
                    || matches!(value, ScalarValue::Float64(Some(v)) if *v == 0.0);
                match op {
                    Like | NotLike => None,
                    _ if is_odd_nan(value) => None,
                    _ if !zero => Some(Fidelity::Exact),
                    // Here -0 may sort below 0, there they are equal: keep both and look again.
                    Eq | LtEq | GtEq => Some(Fidelity::Superset),
                    NotEq | Lt | Gt => None,
                }
            }
            Compares::Text { range, like, ascii_only } => {
                if ascii_only && !text.is_ascii() {
                    return None;
                }
                let sent = match op {
                    Eq | NotEq => true,
                    Lt | LtEq | Gt | GtEq => range,
                    Like | NotLike => like && is_plain_pattern(&text),
                };
                sent.then_some(Fidelity::Exact)
            }
            Compares::Filled { range, ascii_only } => {
                if ascii_only && !text.is_ascii() {
                    return None;
                }
                // Beside a text with blanks at its end nothing is equal here; there they do not count.
                let blank = text.ends_with(' ');
                match op {
                    Eq => Some(if blank { Fidelity::Superset } else { Fidelity::Exact }),
                    NotEq => (!blank).then_some(Fidelity::Exact),
                    Lt | LtEq | Gt | GtEq => (range && !blank).then_some(Fidelity::Exact),
                    Like | NotLike => None,
                }
            }
            // What is equal with its blanks is equal without them.
            Compares::Padded => {
                let sent = op == Eq && (text.is_ascii() || !column.collation.contains(ENCODING));
                sent.then_some(Fidelity::Superset)
            }
            Compares::Uuid => (!matches!(op, Like | NotLike) && is_canonical_uuid(&text)).then_some(Fidelity::Exact),
        }
    }

    fn comparison(&self, operand: &Fragment, op: Comparison, literal: &Parameter) -> Fragment {
        let column = &literal.column;
        let is_range = matches!(op, Comparison::Lt | Comparison::LtEq | Comparison::Gt | Comparison::GtEq);
        let is_text = matches!(compares(column), Some(Compares::Text { .. } | Compares::Filled { .. }));
        // Under C, and only under it, the order is that of the bytes; a column that is so by itself keeps its index.
        let collate = if is_text && (expressions::is_mixed(column) || (is_range && !expressions::is_c(column))) {
            " COLLATE \"C\""
        } else {
            ""
        };
        let literal = Fragment::parameter(literal.clone());
        Fragment::of(&format!("{{}}{collate} {} {{}}", op.sql()), &[operand, &literal])
    }

    fn tests_null(&self, column: &ColumnSpec) -> Option<Fidelity> {
        // A row of nulls IS NULL there, and its text is not null here.
        let is_row = column.remote_type.is_empty() || column.remote_type.starts_with(COMPOSITE);
        (!is_row).then_some(Fidelity::Exact)
    }

    fn tests_not_null(&self, column: &ColumnSpec) -> Option<Fidelity> {
        // A row with one null is neither there.
        self.tests_null(column)
    }

    fn placeholder(&self, index: usize, column: &ColumnSpec) -> String {
        if let PgType::Array(_) = column.pg_type {
            return format!("${index}::{}", column.remote_type);
        }
        let cast = match compares(column) {
            Some(Compares::ByValue(pg_type) | Compares::Float(pg_type)) => pg_type.to_string(),
            Some(Compares::Bool) => "boolean".to_string(),
            Some(Compares::Padded | Compares::Filled { .. }) => "bpchar".to_string(),
            Some(Compares::Uuid) => "uuid".to_string(),
            Some(Compares::Text { .. }) | None => "text".to_string(),
        };
        format!("${index}::{cast}")
    }

    /// As one parameter, an array: the statement is the same for any number.
    fn among(&self, operand: &Fragment, literals: &[Parameter]) -> Option<Fragment> {
        let column = &literals.first()?.column;
        let any = expressions::any_of(self, literals)?;
        let collate = if expressions::is_mixed(column) { " COLLATE \"C\"" } else { "" };
        Some(Fragment::of(&format!("{{}}{collate} = ANY({{}})"), &[operand, &any]))
    }

    fn lower_trimmed_among(&self, operand: &Fragment, literals: &[Parameter]) -> Option<Fragment> {
        let any = expressions::equal_to(self, literals)?;
        Some(Fragment::of("lower(btrim({}) COLLATE \"C\") {}", &[operand, &any]))
    }

    fn cased_among(&self, operand: &Fragment, literals: &[Parameter], upper: bool) -> Option<Fragment> {
        let any = expressions::equal_to(self, literals)?;
        let function = if upper { "upper" } else { "lower" };
        Some(Fragment::of(&format!("{function}({{}} COLLATE \"C\") {{}}"), &[operand, &any]))
    }

    fn holds(&self, operand: &Fragment, class: &str) -> Option<Fragment> {
        Some(Fragment::of(&format!("{{}} COLLATE \"C\" ~ '{class}'"), &[operand]))
    }

    fn ends_in_dot(&self, operand: &Fragment) -> Option<Fragment> {
        Some(Fragment::of("rtrim({}) COLLATE \"C\" LIKE '%.'", &[operand]))
    }

    fn exact(&self, operand: &Operand) -> Option<Operand> {
        expressions::exact(self, operand)
    }

    fn equals(&self, exact: &Operand) -> Option<Operand> {
        expressions::equals(exact)
    }

    fn sorts(&self, exact: &Operand) -> Option<Operand> {
        expressions::sorts(exact)
    }

    fn relates(&self, left: &Operand, op: Comparison, right: &Operand) -> Option<Fragment> {
        let by_order = matches!(op, Comparison::Lt | Comparison::LtEq | Comparison::Gt | Comparison::GtEq);
        // Two collations are none: then it is said which.
        let by_order = by_order || left.column.collation != right.column.collation;
        // The zeros are equal as they are: a form of them would be known to no index.
        let by_order = by_order || matches!(left.column.pg_type, PgType::Float4 | PgType::Float8);
        let (left, right) =
            if by_order { (self.sorts(left)?, self.sorts(right)?) } else { (self.equals(left)?, self.equals(right)?) };
        (same_class(&left.column.pg_type, &right.column.pg_type)
            && !matches!(op, Comparison::Like | Comparison::NotLike))
        .then(|| Fragment::of(&format!("({{}} {} {{}})", op.sql()), &[&left.sql, &right.sql]))
    }

    fn same(&self, left: &Operand, right: &Operand) -> Option<Fragment> {
        let (left, right) = (self.sorts(left)?, self.sorts(right)?);
        same_class(&left.column.pg_type, &right.column.pg_type)
            .then(|| Fragment::of("({} IS NOT DISTINCT FROM {})", &[&left.sql, &right.sql]))
    }

    fn literal(&self, value: &ScalarValue) -> Option<Operand> {
        expressions::literal(value)
    }

    fn truth(&self, predicate: &Fragment) -> Option<Operand> {
        Some(expressions::computed(predicate.clone(), "boolean", PgType::Bool))
    }

    fn unite(&self, operands: Vec<Operand>) -> Option<(Vec<Operand>, ColumnSpec)> {
        expressions::unite(self, operands)
    }

    fn cast(&self, operand: &Operand, to: &PgType) -> Option<Operand> {
        expressions::cast(operand, to)
    }

    fn arithmetic(&self, left: &Operand, op: Operator, right: &Operand, to: &PgType) -> Option<Operand> {
        expressions::arithmetic(left, op, right, to)
    }

    fn function(&self, name: &str, arguments: &[Argument]) -> Option<Operand> {
        expressions::function(name, arguments)
    }

    fn aggregate(&self, name: &str, operand: &Operand, to: &PgType) -> Option<Operand> {
        expressions::aggregate(name, operand, to)
    }

    fn packed(&self, exact: &Operand) -> Option<(Operand, Width)> {
        expressions::packed(exact)
    }

    fn beyond(&self, sorts: &Operand, bound: &str, below: bool, nulls: bool) -> Option<Fragment> {
        let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'+' | b'-' | b'.' | b':');
        if bound.is_empty() || !bound.bytes().all(is_plain) {
            return None;
        }
        // Every row is asked this: one comparison, with nulls too.
        let sql = match (below, nulls) {
            (true, false) => format!("{{}} <= '{bound}'"),
            (false, false) => format!("{{}} >= '{bound}'"),
            (true, true) => format!("({{}} > '{bound}') IS NOT TRUE"),
            (false, true) => format!("({{}} < '{bound}') IS NOT TRUE"),
        };
        Some(Fragment::of(&sql, &[&sorts.sql]))
    }

    fn has_windows(&self) -> bool {
        true
    }
}

/// The SQL of a value cast to a type. An address (`is_inet`) becomes the text that it is shown as: the cast to text
/// alone adds a mask to each.
pub(super) fn cast_sql(value: &Fragment, target: &str, is_inet: bool) -> Fragment {
    Fragment::of(&cast_template("{}", target, is_inet), &[value])
}

/// The same of SQL without parameters.
pub(super) fn cast_template(value: &str, target: &str, is_inet: bool) -> String {
    if is_inet && target == "text" { format!("pg_catalog.abbrev({value})") } else { format!("{value}::{target}") }
}

/// A foreign table's schema and name at the source.
pub(super) fn remote_name<'a>(options: &'a Options, name: &'a str) -> (&'a str, &'a str) {
    (options.get("schema_name").unwrap_or("public"), options.get("table_name").unwrap_or(name))
}

/// How a column compares; none when its comparisons must stay here: its type has no order of ours, it is cast on
/// the way, or what it is at the source is not known.
fn compares(column: &ColumnSpec) -> Option<Compares> {
    use PgType::{
        Bool, Bpchar, Bytea, Date, Float4, Float8, Int2, Int4, Int8, Name, Numeric, Oid, Text, Time, Timestamp,
        TimestampTz, Uuid, Varchar,
    };
    let remote = carrier(&column.remote_type)?;
    match (&remote, &column.pg_type) {
        // A wider type here holds every value, in the same order.
        (Int2, Int2) | (Int2 | Int4, Int4) | (Int2 | Int4 | Int8, Int8) => {
            Some(Compares::ByValue(column.pg_type.clone()))
        }
        (Oid, Oid)
        | (Date, Date)
        | (Time, Time)
        | (Timestamp, Timestamp)
        | (TimestampTz, TimestampTz)
        | (Bytea, Bytea) => Some(Compares::ByValue(remote)),
        (Numeric(_), Numeric(_)) if is_decimal(&column.pg_type) => Some(Compares::ByValue(Numeric(None))),
        (Bool, Bool) => Some(Compares::Bool),
        (Float4, Float4) | (Float8, Float8) => Some(Compares::Float(remote)),
        (Uuid, Uuid | Text | Varchar(_)) => Some(Compares::Uuid),
        (Bpchar(_), Bpchar(_)) if is_deterministic(column) => {
            let ascii_only = column.collation.contains(ENCODING);
            Some(Compares::Filled { range: !ascii_only, ascii_only })
        }
        (Bpchar(_), Text | Varchar(_)) if is_deterministic(column) => Some(Compares::Padded),
        (Text | Varchar(_) | Name, Text | Varchar(_) | Name) if is_deterministic(column) => {
            let whole = !column.collation.contains(ENCODING) && !matches!(remote, Name);
            Some(Compares::Text { range: whole, like: whole, ascii_only: column.collation.contains(ENCODING) })
        }
        _ => None,
    }
}

fn is_deterministic(column: &ColumnSpec) -> bool {
    !column.collation.contains(NONDETERMINISTIC)
}

/// Whether a literal is of the type that the column is compared in.
fn fits(compares: &Compares, column: &ColumnSpec, value: &ScalarValue) -> bool {
    let given = value.data_type();
    match compares {
        Compares::Text { .. } | Compares::Filled { .. } | Compares::Padded | Compares::Uuid => {
            matches!(given, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        Compares::ByValue(PgType::Bytea) => {
            matches!(given, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
        }
        // An instant is the same in every zone.
        Compares::ByValue(PgType::TimestampTz) => matches!(value, ScalarValue::TimestampMicrosecond(_, Some(_))),
        _ => given == column.pg_type.arrow(),
    }
}

/// Whether a literal is a NaN other than the one that columns hold here: the two are not equal here, and there they are.
fn is_odd_nan(value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Float32(Some(v)) => v.is_nan() && v.to_bits() != f32::NAN.to_bits(),
        ScalarValue::Float64(Some(v)) => v.is_nan() && v.to_bits() != f64::NAN.to_bits(),
        _ => false,
    }
}

/// Whether every backslash of a pattern escapes a wildcard or a backslash. Others read alike here and there, but
/// one at the end is an error there.
fn is_plain_pattern(pattern: &str) -> bool {
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' && !matches!(letters.next(), Some('%' | '_' | '\\')) {
            return false;
        }
    }
    true
}

/// Whether text is a uuid as it is read from the source: 36 characters, lower case. Such texts sort as their bytes.
fn is_canonical_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(remote_type: &str, pg_type: PgType) -> ColumnSpec {
        ColumnSpec { remote_type: remote_type.into(), ..ColumnSpec::new("c", pg_type) }
    }

    fn text(value: &str) -> ScalarValue {
        ScalarValue::Utf8View(Some(value.into()))
    }

    #[test]
    fn names_are_quoted() {
        let options: Options = [("schema_name", "app"), ("table_name", "Mixed \"Case")].into_iter().collect();
        assert_eq!(PostgresDialect.table_name(&options, "t"), "\"app\".\"Mixed \"\"Case\"");
        assert_eq!(PostgresDialect.table_name(&Options::new(), "order"), "\"public\".\"order\"");
        let selected = |remote: &str| {
            let operand = Operand::new(Fragment::sql("\"c\""), column(remote, PgType::Text));
            PostgresDialect.selected(&operand).sql.render(&PostgresDialect, None).sql
        };
        assert_eq!(selected("public.mood"), "\"c\"::text");
        assert_eq!(selected("inet"), "pg_catalog.abbrev(\"c\")");
        assert_eq!(selected("inet[]"), "\"c\"::text");
    }

    #[test]
    fn text_is_compared_by_bytes() {
        let name = column("text", PgType::Text);
        assert_eq!(PostgresDialect.compares(&name, Comparison::Lt, &text("a")), Some(Fidelity::Exact));
        let sql = |op| {
            let literal = Parameter { value: text("a"), column: name.clone() };
            let sql = PostgresDialect.comparison(&Fragment::sql("\"c\""), op, &literal);
            sql.render(&PostgresDialect, None).sql
        };
        assert_eq!(sql(Comparison::Lt), "\"c\" COLLATE \"C\" < $1::text");
        assert_eq!(sql(Comparison::Eq), "\"c\" = $1::text");
        assert_eq!(PostgresDialect.compares(&name, Comparison::Like, &text("a\\")), None);
        assert_eq!(PostgresDialect.compares(&name, Comparison::Like, &text("50\\%%")), Some(Fidelity::Exact));
        assert_eq!(PostgresDialect.compares(&name, Comparison::Eq, &text("a\0")), None);
        let folded = ColumnSpec { collation: format!("ci{NONDETERMINISTIC}"), ..name.clone() };
        assert_eq!(PostgresDialect.compares(&folded, Comparison::Eq, &text("a")), None);
        let latin = ColumnSpec { collation: format!("{ENCODING}LATIN1)"), ..name.clone() };
        assert_eq!(PostgresDialect.compares(&latin, Comparison::Eq, &text("a")), Some(Fidelity::Exact));
        assert_eq!(PostgresDialect.compares(&latin, Comparison::Eq, &text("é")), None);
        assert_eq!(PostgresDialect.compares(&latin, Comparison::Gt, &text("a")), None);
        let padded = column("character(5)", PgType::Bpchar(Some(5)));
        assert_eq!(PostgresDialect.compares(&padded, Comparison::Eq, &text("a")), Some(Fidelity::Exact));
        assert_eq!(PostgresDialect.compares(&padded, Comparison::Lt, &text("a")), Some(Fidelity::Exact));
        assert_eq!(PostgresDialect.compares(&padded, Comparison::Eq, &text("a ")), Some(Fidelity::Superset));
        assert_eq!(PostgresDialect.compares(&padded, Comparison::NotEq, &text("a ")), None);
        assert_eq!(PostgresDialect.compares(&padded, Comparison::Like, &text("a%")), None);
        let as_text = column("character(5)", PgType::Text);
        assert_eq!(PostgresDialect.compares(&as_text, Comparison::Eq, &text("a")), Some(Fidelity::Superset));
        assert_eq!(PostgresDialect.compares(&as_text, Comparison::NotEq, &text("a")), None);
        let citext = column("public.citext", PgType::Text);
        assert_eq!(PostgresDialect.compares(&citext, Comparison::Eq, &text("a")), None);
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let id = column("integer", PgType::Int4);
        assert_eq!(PostgresDialect.compares(&id, Comparison::Eq, &ScalarValue::Int32(Some(1))), Some(Fidelity::Exact));
        assert_eq!(PostgresDialect.compares(&id, Comparison::Eq, &ScalarValue::Int64(Some(1))), None);
        assert_eq!(PostgresDialect.placeholder(2, &id), "$2::integer");
        let weight = column("double precision", PgType::Float8);
        let zero = ScalarValue::Float64(Some(0.0));
        assert_eq!(PostgresDialect.compares(&weight, Comparison::Eq, &zero), Some(Fidelity::Superset));
        assert_eq!(PostgresDialect.compares(&weight, Comparison::Lt, &zero), None);
        let nan = |value| PostgresDialect.compares(&weight, Comparison::Eq, &ScalarValue::Float64(Some(value)));
        assert_eq!((nan(f64::NAN), nan(-f64::NAN)), (Some(Fidelity::Exact), None));
        assert_eq!(
            PostgresDialect.compares(&weight, Comparison::Lt, &ScalarValue::Float64(Some(1.5))),
            Some(Fidelity::Exact)
        );
        let naive = column("timestamp without time zone", PgType::TimestampTz);
        let at = ScalarValue::TimestampMicrosecond(Some(0), Some("UTC".into()));
        assert_eq!(PostgresDialect.compares(&naive, Comparison::Gt, &at), None);
        let price = column("numeric(10,2)", PgType::Numeric(Some((10, 2))));
        let ten = ScalarValue::Decimal128(Some(1000), 10, 2);
        assert_eq!(PostgresDialect.compares(&price, Comparison::GtEq, &ten), Some(Fidelity::Exact));
    }

    #[test]
    fn only_canonical_uuids_are_sent() {
        let id = column("uuid", PgType::Uuid);
        let canonical = text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
        assert_eq!(PostgresDialect.compares(&id, Comparison::Lt, &canonical), Some(Fidelity::Exact));
        let upper = text("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11");
        assert_eq!(PostgresDialect.compares(&id, Comparison::Eq, &upper), None);
    }

    #[test]
    fn rows_are_not_tested_for_null() {
        assert_eq!(PostgresDialect.tests_null(&column("composite public.address", PgType::Text)), None);
        assert_eq!(PostgresDialect.tests_null(&column("public.mood", PgType::Text)), Some(Fidelity::Exact));
        assert_eq!(PostgresDialect.tests_null(&column("", PgType::Text)), None);
    }
}
