//! Which expressions MySQL and MariaDB evaluate as they are evaluated here, and how they are written for them.
//!
//! Their texts compare by collations, which differ from server to server. So a text that is compared, grouped or sorted
//! is first made the bytes of its UTF-8, which compare as texts compare here; as such it comes back, too.

use datafusion::logical_expr::Operator;
use datafusion::scalar::ScalarValue;

use super::dialect::read_as_is;
use super::types::MysqlType;
use crate::catalog::types::PgType;
use crate::federation::dialect::{Argument, Comparison, Operand, Parameter, same_class};
use crate::federation::fragment::Fragment;
use crate::sources::table::ColumnSpec;

/// The type of a text that was made its bytes.
pub(super) const BYTES: &str = "text as bytes";

/// How many bytes of a text count in a sort: what every connection sets `max_sort_length` to.
pub(super) const SORTED_BYTES: u32 = 1024;

/// The most digits that a column may have whose sum cannot reach the 65 that there are.
const MOST_DIGITS_TO_SUM: u8 = 43;

pub(super) fn text_of(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
            Some(text)
        }
        _ => None,
    }
}

/// Whether the collation tells what characters the texts are of.
pub(super) fn is_known(collation: &str) -> bool {
    !matches!(collation.split('_').next().unwrap_or_default(), "" | "binary" | "swe7")
}

/// Whether the collation's character set surely has all characters of the literal: servers refuse one that has not.
pub(super) fn holds(collation: &str, value: &ScalarValue) -> bool {
    let Some(literal) = text_of(value) else { return true };
    match collation.split('_').next().unwrap_or_default() {
        "" | "binary" | "swe7" => false,
        "utf8mb4" => true,
        "utf8" | "utf8mb3" => literal.chars().all(|c| u32::from(c) <= 0xffff),
        _ => literal.is_ascii(),
    }
}

/// A text as the bytes of its UTF-8.
pub(super) fn bytes(text: &Fragment) -> Fragment {
    Fragment::of("CAST(CONVERT({} USING utf8mb4) AS BINARY)", &[text])
}

/// Whether a text is equal to one of the literals without regard to the case of letters, at least.
pub(super) fn alike_one_of(text: &Fragment, literals: &[Parameter]) -> Option<Fragment> {
    let members: Vec<Fragment> = literals.iter().cloned().map(Fragment::parameter).collect();
    // A column's own collation may tell `I` and `i` apart.
    Some(Fragment::of("{} COLLATE utf8mb4_general_ci IN ({})", &[text, &Fragment::join(&members, ", ")]))
}

fn computed(sql: Fragment, remote_type: impl Into<String>, pg_type: PgType) -> Operand {
    Operand::new(sql, ColumnSpec { remote_type: remote_type.into(), ..ColumnSpec::new("computed", pg_type) })
}

fn is_text(column: &ColumnSpec) -> bool {
    column.remote_type == BYTES
}

fn is_whole(pg_type: &PgType) -> bool {
    matches!(pg_type, PgType::Int2 | PgType::Int4 | PgType::Int8)
}

/// Dates are not among them: those that are none are read as null.
pub(super) fn exact(operand: &Operand) -> Option<Operand> {
    let column = &operand.column;
    if is_text(column) {
        return Some(operand.clone());
    }
    match read_as_is(column)? {
        MysqlType::TinyInt
        | MysqlType::SmallInt
        | MysqlType::Int
        | MysqlType::BigInt
        | MysqlType::BigIntUnsigned
        | MysqlType::Decimal(..)
        | MysqlType::Year
        | MysqlType::Double => Some(operand.clone()),
        MysqlType::Char(_) | MysqlType::Text | MysqlType::Choice if is_known(&column.collation) => {
            let spec = ColumnSpec { remote_type: BYTES.into(), collation: String::new(), ..column.clone() };
            Some(operand.in_form(bytes(&operand.sql), ColumnSpec { pg_type: PgType::Text, ..spec }))
        }
        _ => None,
    }
}

/// What compares and sorts as here: doubles do not, for their two zeros.
pub(super) fn comparable(exact: &Operand) -> Option<Operand> {
    (exact.column.pg_type != PgType::Float8).then(|| exact.clone())
}

/// What is sorted as here. Of a text the servers look at the first bytes alone, as many as `max_sort_length` says.
pub(super) fn sortable(exact: &Operand) -> Option<Operand> {
    let operand = comparable(exact)?;
    if !is_text(&operand.column) {
        return Some(operand);
    }
    // Each character takes four bytes at most; a member of an enum has 255 characters at most.
    let remote_type = &operand.bare().column.remote_type;
    let fits = match MysqlType::parse(remote_type)? {
        MysqlType::Char(characters) => characters.saturating_mul(4) <= SORTED_BYTES,
        MysqlType::Choice => remote_type.starts_with("enum"),
        _ => false,
    };
    fits.then_some(operand)
}

/// Texts by their bytes; equal columns of one collation by that too, for their indexes.
pub(super) fn relates(left: &Operand, op: Comparison, right: &Operand) -> Option<Fragment> {
    if matches!(op, Comparison::Like | Comparison::NotLike) {
        return None;
    }
    let (left, right) = (comparable(left)?, comparable(right)?);
    if !same_class(&left.column.pg_type, &right.column.pg_type) {
        return None;
    }
    let compared = Fragment::of(&format!("({{}} {} {{}})", op.sql()), &[&left.sql, &right.sql]);
    let (l, r) = (left.bare(), right.bare());
    let indexed = op == Comparison::Eq
        && is_text(&left.column)
        && !is_text(&l.column)
        && !is_text(&r.column)
        && l.column.collation == r.column.collation;
    Some(match indexed {
        true => Fragment::of("({} = {} AND {})", &[&l.sql, &r.sql, &compared]),
        false => compared,
    })
}

pub(super) fn literal(value: &ScalarValue) -> Option<Operand> {
    let pg_type = PgType::of_arrow(&value.data_type());
    let remote_type = match &pg_type {
        PgType::Int2 => "smallint".to_string(),
        PgType::Int4 => "int".to_string(),
        PgType::Int8 => "bigint".to_string(),
        PgType::Numeric(Some((p, s))) if *p <= 65 => format!("decimal({p},{s})"),
        PgType::Text => BYTES.to_string(),
        _ => return None,
    };
    if value.data_type() != pg_type.arrow() && !value.data_type().is_string() {
        return None;
    }
    let mut operand = computed(Fragment::sql("NULL"), remote_type, pg_type);
    if !value.is_null() {
        let parameter = Fragment::parameter(Parameter { value: value.clone(), column: operand.column.clone() });
        let template = if is_text(&operand.column) { "CAST({} AS BINARY)" } else { "{}" };
        operand.sql = Fragment::of(template, &[&parameter]);
    }
    Some(operand)
}

pub(super) fn unite(operands: Vec<Operand>) -> Option<(Vec<Operand>, ColumnSpec)> {
    let first = operands.first()?.column.clone();
    if operands.iter().all(|operand| {
        operand.column.remote_type == first.remote_type
            && operand.column.collation == first.collation
            && operand.column.pg_type == first.pg_type
            && operand.column.options.get("timezone") == first.options.get("timezone")
    }) {
        return Some((operands, first));
    }
    let operands: Vec<Operand> = operands.iter().map(exact).collect::<Option<_>>()?;
    let mut column = operands.first()?.column.clone();
    let texts = operands.iter().all(|operand| is_text(&operand.column));
    let numbers = operands.iter().all(|operand| operand.column.pg_type == column.pg_type && is_whole(&column.pg_type));
    if numbers {
        column.remote_type = "bigint".into();
        if column.pg_type != PgType::Int8 {
            return None;
        }
    } else if !texts {
        return None;
    }
    let operands = operands.into_iter().map(|operand| Operand::new(operand.sql, column.clone())).collect();
    Some((operands, column))
}

pub(super) fn cast(operand: &Operand, to: &PgType) -> Option<Operand> {
    use PgType::{Int2, Int4, Int8, Text};
    match (&operand.column.pg_type, to) {
        (from, to) if from == to => Some(operand.clone()),
        (Int2, Int4) => Some(operand.in_form(operand.sql.clone(), number(operand, "int", to))),
        (Int2 | Int4, Int8) => Some(operand.in_form(operand.sql.clone(), number(operand, "bigint", to))),
        (Int2 | Int4 | Int8, Text) => {
            let sql = Fragment::of("CAST(CONVERT({} USING utf8mb4) AS BINARY)", &[&operand.sql]);
            Some(computed(sql, BYTES, Text))
        }
        _ => None,
    }
}

fn number(operand: &Operand, remote_type: &str, to: &PgType) -> ColumnSpec {
    ColumnSpec { remote_type: remote_type.into(), pg_type: to.clone(), ..operand.column.clone() }
}

/// Only of signed bigint: smaller numbers are calculated in it there, and would not overflow where they do here.
pub(super) fn arithmetic(left: &Operand, op: Operator, right: &Operand, to: &PgType) -> Option<Operand> {
    let signed = |operand: &Operand| {
        operand.column.pg_type == PgType::Int8 && !operand.bare().column.remote_type.contains("unsigned")
    };
    if !signed(left) || !signed(right) || *to != PgType::Int8 {
        return None;
    }
    let word = match op {
        Operator::Plus => "+",
        Operator::Minus => "-",
        Operator::Multiply => "*",
        _ => return None,
    };
    Some(computed(Fragment::of(&format!("({{}} {word} {{}})"), &[&left.sql, &right.sql]), "bigint", to.clone()))
}

pub(super) fn function(name: &str, arguments: &[Argument]) -> Option<Operand> {
    if !arguments.iter().all(|argument| is_text(&argument.operand.column)) {
        return None;
    }
    let parts: Vec<&Fragment> = arguments.iter().map(|argument| &argument.operand.sql).collect();
    let template = match (name, arguments.len()) {
        ("||", 2) => "CONCAT({}, {})",
        ("btrim" | "trim", 1) => "TRIM({})",
        ("ltrim", 1) => "LTRIM({})",
        ("rtrim", 1) => "RTRIM({})",
        ("character_length" | "length" | "char_length", 1) => {
            return Some(computed(Fragment::of("CHAR_LENGTH(CONVERT({} USING utf8mb4))", &parts), "int", PgType::Int4));
        }
        _ => return None,
    };
    Some(computed(Fragment::of(template, &parts), BYTES, PgType::Text))
}

pub(super) fn aggregate(name: &str, operand: &Operand, to: &PgType) -> Option<Operand> {
    let operand = comparable(operand)?;
    let of = &operand.column.pg_type;
    match name {
        "sum" => {
            let fits = match of {
                PgType::Numeric(Some((p, _))) => *p <= MOST_DIGITS_TO_SUM,
                of => is_whole(of),
            };
            let remote_type = match to {
                PgType::Int8 => "bigint".to_string(),
                PgType::Numeric(Some((p, s))) if *p <= 65 => format!("decimal({p},{s})"),
                _ => return None,
            };
            fits.then(|| computed(Fragment::of("sum({})", &[&operand.sql]), remote_type, to.clone()))
        }
        "min" | "max" if of == to || is_text(&operand.column) => {
            let sql = Fragment::of(&format!("{name}({{}})"), &[&operand.sql]);
            Some(Operand::new(sql, operand.column))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialect::MysqlDialect;
    use super::*;
    use crate::federation::dialect::RemoteDialect;

    fn column(remote_type: &str, collation: &str) -> Operand {
        let pg_type = MysqlType::parse(remote_type).unwrap().pg_type(false);
        let column = ColumnSpec {
            remote_type: remote_type.into(),
            collation: collation.into(),
            ..ColumnSpec::new("c", pg_type)
        };
        Operand::new(Fragment::sql("t1.`c`"), column)
    }

    fn sql(fragment: Option<Fragment>) -> Option<String> {
        fragment.map(|fragment| fragment.render(&MysqlDialect::new(None), None).sql)
    }

    #[test]
    fn texts_are_made_their_bytes() {
        let name = exact(&column("varchar(20)", "utf8mb4_general_ci")).unwrap();
        let bytes = "CAST(CONVERT(t1.`c` USING utf8mb4) AS BINARY)";
        assert_eq!(sql(Some(name.sql.clone())).as_deref(), Some(bytes));
        assert_eq!(
            sql(relates(&name, Comparison::Eq, &name)),
            Some(format!("(t1.`c` = t1.`c` AND ({bytes} = {bytes}))"))
        );
        assert_eq!(exact(&column("varchar(20)", "")), None);
        assert_eq!(exact(&column("date", "")), None);
    }

    #[test]
    fn what_is_longer_than_a_sort_looks_is_not_sorted_there() {
        let sorts =
            |remote: &str| exact(&column(remote, "utf8mb4_general_ci")).and_then(|exact| sortable(&exact)).is_some();
        assert!(sorts("varchar(256)") && sorts("enum('a','b')") && sorts("int"));
        assert!(!sorts("varchar(257)") && !sorts("text") && !sorts("set('a','b')"));
    }

    #[test]
    fn sums_are_exact_or_made_here() {
        let sum = |remote: &str, to| aggregate("sum", &column(remote, ""), &to).map(|o| o.column.remote_type);
        assert_eq!(sum("int", PgType::Int8).as_deref(), Some("bigint"));
        assert_eq!(sum("decimal(10,2)", PgType::Numeric(Some((20, 2)))).as_deref(), Some("decimal(20,2)"));
        assert_eq!(sum("decimal(60,2)", PgType::Numeric(Some((70, 2)))), None);
        assert_eq!(sum("double", PgType::Float8), None);
    }

    #[test]
    fn keys_are_asked_for_by_the_collation_where_it_knows_them() {
        let among = |collation: &str, keys: [&str; 2]| {
            let column = column("varchar(20)", collation);
            let literals = keys.map(|key| Parameter {
                value: ScalarValue::Utf8View(Some(key.to_string())),
                column: column.column.clone(),
            });
            sql(MysqlDialect::new(None).among(&column.sql, &literals))
        };
        assert_eq!(among("utf8mb4_general_ci", ["a", "ä"]).as_deref(), Some("t1.`c` IN (?, ?)"));
        assert_eq!(
            among("latin1_swedish_ci", ["a", "張"]).as_deref(),
            Some("CAST(CONVERT(t1.`c` USING utf8mb4) AS BINARY) IN (CAST(? AS BINARY), CAST(? AS BINARY))")
        );
    }
}
