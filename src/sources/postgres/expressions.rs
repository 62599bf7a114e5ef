//! Which expressions PostgreSQL evaluates as they are evaluated here, and how they are written for it.

use datafusion::logical_expr::Operator;
use datafusion::scalar::ScalarValue;

use super::dialect::{PostgresDialect, cast_sql};
use super::parameter;
use super::types::{ENCODING, NONDETERMINISTIC, access, carrier};
use crate::catalog::types::PgType;
use crate::federation::dialect::{Argument, Operand, Parameter, RemoteDialect, Width};
use crate::federation::fragment::Fragment;
use crate::sources::table::ColumnSpec;

/// In a collation: the texts come from columns of several.
const MIXED: &str = " (mixed)";

/// Something computed, of this type.
pub(super) fn computed(sql: Fragment, remote_type: &str, pg_type: PgType) -> Operand {
    Operand::new(sql, ColumnSpec { remote_type: remote_type.to_string(), ..ColumnSpec::new("computed", pg_type) })
}

fn is_text(pg_type: &PgType) -> bool {
    matches!(pg_type, PgType::Text | PgType::Varchar(_))
}

fn is_whole(pg_type: &PgType) -> bool {
    matches!(pg_type, PgType::Int2 | PgType::Int4 | PgType::Int8)
}

fn is_numeric(pg_type: &PgType) -> bool {
    matches!(pg_type, PgType::Numeric(_))
}

/// Whether a text is of no one collation.
pub(super) fn is_mixed(column: &ColumnSpec) -> bool {
    column.collation.contains(MIXED)
}

/// Whether a text compares by bytes by itself.
pub(super) fn is_c(column: &ColumnSpec) -> bool {
    matches!(column.collation.as_str(), "C" | "POSIX")
}

/// Columns that are read as their own type, and those that are cast to text or to a wider number.
pub(super) fn exact(dialect: &PostgresDialect, operand: &Operand) -> Option<Operand> {
    let column = &operand.column;
    if let Some(cast) = access(column).cast {
        let widens = carrier(&column.remote_type).is_some_and(|remote| is_whole(&remote)) && is_whole(&column.pg_type);
        // Names and padded texts are not cast by this way; whatever else is shown as text is that text.
        let shows = cast == "text" && column.pg_type == PgType::Text && !column.remote_type.is_empty();
        return (widens || shows).then(|| dialect.selected(operand));
    }
    let remote = carrier(&column.remote_type)?;
    let is_own = match (&remote, &column.pg_type) {
        (PgType::Text | PgType::Varchar(_), local) => is_text(local),
        (PgType::Numeric(_), PgType::Numeric(_)) => true,
        (PgType::Timestamp, PgType::TimestampTz) => false,
        (
            PgType::Bool
            | PgType::Int2
            | PgType::Int4
            | PgType::Int8
            | PgType::Float4
            | PgType::Float8
            | PgType::Date
            | PgType::Time
            | PgType::Timestamp
            | PgType::TimestampTz
            | PgType::Uuid
            | PgType::Bytea,
            local,
        ) => remote == *local,
        _ => false,
    };
    is_own.then(|| operand.clone())
}

/// Of texts in another encoding than UTF-8 only the order differs. The two zeros are equal everywhere: which one stands
/// for both is the other's affair, unless it is said.
pub(super) fn equals(exact: &Operand) -> Option<Operand> {
    let column = &exact.column;
    match &column.pg_type {
        pg_type if is_text(pg_type) => {
            if is_mixed(column) || column.collation.contains(NONDETERMINISTIC) {
                return sorts(exact);
            }
            Some(exact.clone())
        }
        PgType::Float4 => one_zero(exact, "real"),
        PgType::Float8 => one_zero(exact, "double precision"),
        _ => Some(exact.clone()),
    }
}

/// A floating point number, and 0 for -0.
fn one_zero(exact: &Operand, of: &str) -> Option<Operand> {
    let sql = Fragment::of(&format!("({{}} + 0::{of})"), &[&exact.sql]);
    Some(exact.in_form(sql, exact.column.clone()))
}

pub(super) fn sorts(exact: &Operand) -> Option<Operand> {
    let column = &exact.column;
    match &column.pg_type {
        pg_type if is_text(pg_type) => {
            if column.collation.contains(ENCODING) {
                return None;
            }
            if is_c(column) {
                return Some(exact.clone());
            }
            let sql = Fragment::of("{} COLLATE \"C\"", &[&exact.sql]);
            Some(exact.in_form(sql, ColumnSpec { collation: "C".into(), ..column.clone() }))
        }
        _ => Some(exact.clone()),
    }
}

/// The array of the literals, as one parameter.
pub(super) fn any_of(dialect: &PostgresDialect, literals: &[Parameter]) -> Option<Fragment> {
    let column = &literals.first()?.column;
    let placeholder = dialect.placeholder(1, column);
    let (_, element) = placeholder.split_once("::")?;
    let texts = literals.iter().map(|literal| parameter::text(&literal.value)).collect::<Option<Vec<_>>>()?;
    let value = ScalarValue::Utf8(Some(parameter::array(&texts)));
    let column = ColumnSpec {
        remote_type: format!("{element}[]"),
        pg_type: PgType::Array(Box::new(PgType::Text)),
        ..column.clone()
    };
    Some(Fragment::parameter(Parameter { value, column }))
}

/// `= literal` or `= ANY(literals)`.
pub(super) fn equal_to(dialect: &PostgresDialect, literals: &[Parameter]) -> Option<Fragment> {
    Some(match literals {
        [literal] => Fragment::of("= {}", &[&Fragment::parameter(literal.clone())]),
        literals => Fragment::of("= ANY({})", &[&any_of(dialect, literals)?]),
    })
}

pub(super) fn literal(value: &ScalarValue) -> Option<Operand> {
    let pg_type = PgType::of_arrow(&value.data_type());
    let remote_type = match &pg_type {
        PgType::Bool
        | PgType::Int2
        | PgType::Int4
        | PgType::Int8
        | PgType::Date
        | PgType::Timestamp
        | PgType::TimestampTz
        | PgType::Text => pg_type.to_string(),
        PgType::Numeric(_) => "numeric".to_string(),
        _ => return None,
    };
    // Timestamps here are in microseconds; others of the engine's mean the same only when they are cast.
    if value.data_type() != pg_type.arrow() && !value.data_type().is_string() {
        return None;
    }
    let mut operand = computed(Fragment::default(), &remote_type, pg_type);
    operand.sql = if value.is_null() {
        Fragment::sql(format!("NULL::{remote_type}"))
    } else {
        parameter::text(value)?;
        Fragment::parameter(Parameter { value: value.clone(), column: operand.column.clone() })
    };
    Some(operand)
}

/// Texts of any length are texts, numerics of any scale numerics.
pub(super) fn unite(dialect: &PostgresDialect, operands: Vec<Operand>) -> Option<(Vec<Operand>, ColumnSpec)> {
    let first = operands.first()?.column.clone();
    let alike =
        |operand: &Operand| operand.column.remote_type == first.remote_type && operand.column.pg_type == first.pg_type;
    let zone = first.options.get("timezone");
    if operands.iter().all(|operand| {
        alike(operand) && operand.column.collation == first.collation && operand.column.options.get("timezone") == zone
    }) {
        return Some((operands, first));
    }
    let operands: Vec<Operand> = operands.iter().map(|operand| exact(dialect, operand)).collect::<Option<_>>()?;
    let mut column = operands.first()?.column.clone();
    let of_text = operands.iter().all(|operand| is_text(&operand.column.pg_type));
    if of_text {
        let collation = &column.collation;
        let agree = operands.iter().all(|operand| operand.column.collation == *collation);
        if !agree {
            let encoding = operands.iter().any(|operand| operand.column.collation.contains(ENCODING));
            column.collation = if encoding { format!("{MIXED}{ENCODING})") } else { MIXED.to_string() };
        }
        column.pg_type = PgType::Text;
        column.remote_type = "text".to_string();
    } else if operands.iter().all(|o| is_numeric(&o.column.pg_type) && o.column.pg_type == column.pg_type) {
        column.remote_type = "numeric".to_string();
    } else if !operands.iter().all(|o| o.column.pg_type == column.pg_type && !is_text(&column.pg_type)) {
        return None;
    }
    let operands = operands.into_iter().map(|operand| Operand::new(operand.sql, column.clone())).collect();
    Some((operands, column))
}

/// Only casts that lose nothing and are written alike.
pub(super) fn cast(operand: &Operand, to: &PgType) -> Option<Operand> {
    use PgType::{Date, Int2, Int4, Int8, Numeric, Text, Timestamp};
    let remote = match (&operand.column.pg_type, to) {
        (from, to) if from == to => return Some(operand.clone()),
        (Int2, Int4 | Int8) | (Int4, Int8) => to.to_string(),
        (Int2 | Int4 | Int8, Text) => "text".to_string(),
        (Int2, Numeric(Some((p, s)))) if i16::from(*p) - i16::from(*s) >= 5 => "numeric".to_string(),
        (Int4, Numeric(Some((p, s)))) if i16::from(*p) - i16::from(*s) >= 10 => "numeric".to_string(),
        (Int8, Numeric(Some((p, s)))) if i16::from(*p) - i16::from(*s) >= 19 => "numeric".to_string(),
        // More digits before and after the point.
        (Numeric(Some((p, s))), Numeric(Some((to_p, to_s))))
            if to_s >= s && i16::from(*to_p) - i16::from(*to_s) >= i16::from(*p) - i16::from(*s) =>
        {
            "numeric".to_string()
        }
        (Date, Timestamp) => to.to_string(),
        _ => return None,
    };
    Some(computed(cast_sql(&operand.sql, &remote, false), &remote, to.clone()))
}

pub(super) fn arithmetic(left: &Operand, op: Operator, right: &Operand, to: &PgType) -> Option<Operand> {
    let (of_left, of_right) = (&left.column.pg_type, &right.column.pg_type);
    let whole = is_whole(of_left) && of_left == of_right && to == of_left;
    let numeric = is_numeric(of_left) && is_numeric(of_right) && is_numeric(to);
    let word = match op {
        Operator::Plus if whole || numeric => "+",
        Operator::Minus if whole || numeric => "-",
        Operator::Multiply if whole || numeric => "*",
        // Cut towards zero, there as here; a numeric quotient has other digits there.
        Operator::Divide if whole => "/",
        Operator::Modulo if whole => "%",
        _ => return None,
    };
    let remote = if whole { to.to_string() } else { "numeric".to_string() };
    Some(computed(Fragment::of(&format!("({{}} {word} {{}})"), &[&left.sql, &right.sql]), &remote, to.clone()))
}

pub(super) fn function(name: &str, arguments: &[Argument]) -> Option<Operand> {
    let text = |argument: &Argument| {
        let column = &argument.operand.column;
        is_text(&column.pg_type) && !column.collation.contains(NONDETERMINISTIC)
    };
    let whole = |argument: &Argument| match &argument.literal {
        Some(ScalarValue::Int64(Some(value))) => i32::try_from(*value).ok(),
        Some(ScalarValue::Int32(Some(value))) => Some(*value),
        _ => None,
    };
    let word = |argument: &Argument| match &argument.literal {
        Some(ScalarValue::Utf8(Some(word)) | ScalarValue::Utf8View(Some(word))) => Some(word.to_ascii_lowercase()),
        _ => None,
    };
    let is_utf8 = |argument: &Argument| !argument.operand.column.collation.contains(ENCODING);
    let sql = |template: &str| {
        let parts: Vec<&Fragment> = arguments.iter().map(|argument| &argument.operand.sql).collect();
        Fragment::of(template, &parts)
    };
    // What is made of a text has its collation.
    let of_text = |template: &str| {
        let column = &arguments.first()?.operand.column;
        let collation = column.collation.clone();
        let mut operand = computed(sql(template), "text", PgType::Text);
        let agree = arguments
            .iter()
            .all(|argument| argument.operand.column.collation == collation || argument.literal.is_some());
        operand.column.collation = if agree { collation } else { MIXED.to_string() };
        Some(operand)
    };
    if !arguments.iter().all(is_utf8) {
        return None;
    }
    match (name, arguments) {
        ("||", [left, right]) if text(left) && text(right) => of_text("({} || {})"),
        ("btrim" | "trim", [of]) if text(of) => of_text("btrim({})"),
        ("ltrim", [of]) if text(of) => of_text("ltrim({})"),
        ("rtrim", [of]) if text(of) => of_text("rtrim({})"),
        ("character_length" | "length" | "char_length", [of]) if text(of) => {
            Some(computed(sql("length({})"), "integer", PgType::Int4))
        }
        ("substr", [of, from, count]) if text(of) && whole(from)? >= 1 && whole(count)? >= 0 => {
            let count = format!("substr({{}}, {}, {})", whole(from)?, whole(count)?);
            let mut operand = of_text("{}")?;
            operand.sql = Fragment::of(&count, &[&of.operand.sql]);
            Some(operand)
        }
        ("left" | "right", [of, count]) if text(of) && whole(count)? >= 0 => {
            let mut operand = of_text("{}")?;
            operand.sql = Fragment::of(&format!("{name}({{}}, {})", whole(count)?), &[&of.operand.sql]);
            Some(operand)
        }
        ("replace", [of, from, to]) if text(of) && text(from) && text(to) && !word(from)?.is_empty() => {
            of_text("replace({}, {}, {})")
        }
        ("date_trunc", [unit, of]) if of.operand.column.pg_type == PgType::Timestamp => {
            let unit = word(unit).filter(|unit| {
                matches!(unit.as_str(), "second" | "minute" | "hour" | "day" | "month" | "quarter" | "year")
            })?;
            let sql = Fragment::of(&format!("date_trunc('{unit}', {{}})"), &[&of.operand.sql]);
            Some(computed(sql, "timestamp without time zone", PgType::Timestamp))
        }
        ("date_part", [unit, of]) if matches!(of.operand.column.pg_type, PgType::Timestamp | PgType::Date) => {
            let unit = word(unit).filter(|unit| {
                matches!(unit.as_str(), "minute" | "hour" | "day" | "month" | "quarter" | "year" | "doy")
                    && (of.operand.column.pg_type == PgType::Timestamp || !matches!(unit.as_str(), "minute" | "hour"))
            })?;
            let sql = Fragment::of(&format!("date_part('{unit}', {{}})::integer"), &[&of.operand.sql]);
            Some(computed(sql, "integer", PgType::Int4))
        }
        _ => None,
    }
}

pub(super) fn aggregate(name: &str, operand: &Operand, to: &PgType) -> Option<Operand> {
    let of = &operand.column.pg_type;
    match name {
        "sum" if is_whole(of) || is_numeric(of) => {
            let remote = if matches!(of, PgType::Int2 | PgType::Int4) { "bigint" } else { "numeric" };
            Some(computed(Fragment::of("sum({})", &[&operand.sql]), remote, to.clone()))
        }
        "min" | "max" => {
            let sorts = sorts(operand)?;
            if matches!(of, PgType::Bool | PgType::Uuid | PgType::Bytea) {
                return None;
            }
            let column = ColumnSpec { pg_type: to.clone(), ..sorts.column };
            // Of a varchar it is a text.
            let remote_type = if is_text(of) { "text".to_string() } else { column.remote_type.clone() };
            let sql = Fragment::of(&format!("{name}({{}})"), &[&sorts.sql]);
            Some(Operand::new(sql, ColumnSpec { remote_type, ..column }))
        }
        // Here the digits after the type's last are cut off, there they are rounded.
        "avg" if is_numeric(of) => {
            let PgType::Numeric(Some((_, scale))) = to else { return None };
            let scale = u32::try_from(*scale).ok()?;
            let digits = "0".repeat(usize::try_from(scale).ok()?);
            let sql = format!("(div(sum({{}}) * 1{digits}, count({{}})) / 1{digits}.{digits})");
            Some(computed(Fragment::of(&sql, &[&operand.sql, &operand.sql]), "numeric", to.clone()))
        }
        _ => None,
    }
}

/// Whole numbers as the bytes that the server would send, one after another.
pub(super) fn packed(operand: &Operand) -> Option<(Operand, Width)> {
    let (send, width) = match carrier(&operand.column.remote_type)? {
        PgType::Int2 | PgType::Int4 => ("int4send", Width::Four),
        PgType::Int8 => ("int8send", Width::Eight),
        _ => return None,
    };
    let sql = format!("pg_catalog.string_agg(pg_catalog.{send}({{}}), ''::pg_catalog.bytea)");
    Some((computed(Fragment::of(&sql, &[&operand.sql]), "bytea", PgType::Bytea), width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::dialect::Comparison;

    fn column(remote_type: &str, pg_type: PgType) -> Operand {
        let column = ColumnSpec { remote_type: remote_type.into(), ..ColumnSpec::new("c", pg_type) };
        Operand::new(Fragment::sql("t1.\"c\""), column)
    }

    fn sql(operand: Option<Operand>) -> Option<String> {
        operand.map(|operand| operand.sql.render(&PostgresDialect, None).sql)
    }

    #[test]
    fn text_groups_as_it_is_and_sorts_by_bytes() {
        let name = column("text", PgType::Text);
        assert_eq!(sql(equals(&name)).as_deref(), Some("t1.\"c\""));
        assert_eq!(sql(sorts(&name)).as_deref(), Some("t1.\"c\" COLLATE \"C\""));
        assert_eq!(sql(aggregate("min", &name, &PgType::Text)).as_deref(), Some("min(t1.\"c\" COLLATE \"C\")"));
        let german = Operand {
            column: ColumnSpec { collation: "de-x-icu".into(), ..name.column.clone() },
            ..column("text", PgType::Text)
        };
        let equal = PostgresDialect.relates(&name, Comparison::Eq, &german).unwrap();
        assert_eq!(equal.render(&PostgresDialect, None).sql, "(t1.\"c\" COLLATE \"C\" = t1.\"c\" COLLATE \"C\")");
        let (_, both) = unite(&PostgresDialect, vec![name, german]).unwrap();
        assert!(is_mixed(&both));
    }

    #[test]
    fn doubles_are_computed_here() {
        let ratio = column("double precision", PgType::Float8);
        assert!(exact(&PostgresDialect, &ratio).is_some());
        assert_eq!(sql(equals(&ratio)).as_deref(), Some("(t1.\"c\" + 0::double precision)"));
        let equal = PostgresDialect.relates(&ratio, Comparison::Eq, &ratio).unwrap();
        assert_eq!(equal.render(&PostgresDialect, None).sql, "(t1.\"c\" = t1.\"c\")");
        assert_eq!(sql(aggregate("max", &ratio, &PgType::Float8)).as_deref(), Some("max(t1.\"c\")"));
        assert_eq!(aggregate("sum", &ratio, &PgType::Float8), None);
        assert_eq!(aggregate("avg", &column("integer", PgType::Int4), &PgType::Float8), None);
    }

    #[test]
    fn padded_and_zoned_columns_are_not_exact() {
        assert_eq!(exact(&PostgresDialect, &column("character(5)", PgType::Bpchar(Some(5)))), None);
        assert_eq!(exact(&PostgresDialect, &column("timestamp without time zone", PgType::TimestampTz)), None);
        let mood = exact(&PostgresDialect, &column("public.mood", PgType::Text));
        assert_eq!(sql(mood).as_deref(), Some("t1.\"c\"::text"));
    }

    #[test]
    fn keys_are_one_parameter() {
        let id = column("integer", PgType::Int4);
        let literal = |n| Parameter { value: ScalarValue::Int32(Some(n)), column: id.column.clone() };
        let among = PostgresDialect.among(&id.sql, &[literal(1), literal(2)]).unwrap();
        let rendered = among.render(&PostgresDialect, None);
        assert_eq!(rendered.sql, "t1.\"c\" = ANY($1::integer[])");
        assert_eq!(rendered.parameters[0].value, ScalarValue::Utf8(Some("{\"1\",\"2\"}".into())));
    }
}
