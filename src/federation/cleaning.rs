//! Comparisons of cleaned texts, such as `normalize_email(email) = 'ann@x.org'`, as predicates that keep at least the
//! rows in question. The comparison is made again here.
//!
//! Why nothing is lost. Let a text be *plain* when all its characters lie between blank and tilde. Every predicate
//! keeps all texts that are not plain, so only plain ones count.
//!
//! - `lower(x)`, `upper(x)`: of a plain text only A-Z and a-z change, and these change there as they do here.
//! - `normalize_email(x)`: NFKC and the removal of invisible characters leave a plain text alone. `Name <address>` and
//!   `mailto:` are taken off only where there is a `<` or a `:`, dots only where the trimmed text ends in one; those
//!   texts are kept too. What is left of the others is trimmed and put in lower case, and then is the address or not.
//! - `blank_to_null(x)`: is x itself, or null. It is equal to a text only when x is.
//!
//! A column with the option `normalised 'email'` holds only what `normalize_email` leaves as it is; there the
//! function is the column.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::scalar::ScalarValue;

use super::dialect::{Comparison, Operand, Parameter, RemoteDialect};
use super::fragment::Fragment;
use super::predicate::{RemotePredicate, Writer};
use super::value::{is_text, text_of};
use crate::error::Result;
use crate::sources::options::{Options, invalid};

/// What is not between blank and tilde.
const NOT_PLAIN: &str = "[^ -~]";

/// The same, and `:` and `<`.
const NOT_BARE: &str = "[^ -9;=-~]";

/// The column option that says what a column's texts are: `email`.
const NORMALISED: &str = "normalised";

/// What that option does, for the reference.
pub const NORMALISED_DOC: &str = "email when every text of the column is as normalize_email gives it: a comparison with \
    its result is then sent as one with the column.";

/// Refuses a value that the option cannot have.
pub fn check_option(options: &Options) -> Result<()> {
    match options.get(NORMALISED) {
        None | Some("email") => Ok(()),
        Some(_) => Err(invalid(NORMALISED, "is not a form of texts").with_hint("The only form is 'email'.")),
    }
}

/// The predicate for `expr` being one of the texts; none when `expr` is no function of these over a column of text.
pub(super) fn among(writer: &Writer<'_>, expr: &Expr, values: &[&ScalarValue]) -> Option<RemotePredicate> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    let [inner] = args.as_slice() else { return None };
    let name = func.name();
    if !matches!(name, "normalize_email" | "blank_to_null" | "lower" | "upper") {
        return None;
    }
    let operand = match strip_casts(inner) {
        column @ Expr::Column(_) => writer.value(column)?,
        _ => return None,
    };
    if !is_text(&operand.column.pg_type) {
        return None;
    }
    for value in values {
        text_of(value)?;
    }
    if is_column(name, &operand) {
        return equal_to_one(writer, &operand, values);
    }
    let literals = literals(writer.dialect, &operand, values.iter().copied())?;
    superset(writer.dialect, name, &operand, &literals).map(RemotePredicate::superset)
}

/// The predicate for the operand, or the function of it, being among keys found while a query runs; at least those rows
/// are kept. None when the source cannot be asked that.
pub fn among_keys(
    dialect: &dyn RemoteDialect,
    function: Option<&str>,
    operand: &Operand,
    keys: &ArrayRef,
) -> Option<Fragment> {
    if keys.is_empty() {
        return Some(Fragment::sql("1 = 0"));
    }
    let values = (0..keys.len())
        .map(|index| ScalarValue::try_from_array(keys, index).ok())
        .collect::<Option<Vec<ScalarValue>>>()?;
    let literals = literals(dialect, operand, values.iter())?;
    match function {
        Some(name) if !is_column(name, operand) => superset(dialect, name, operand, &literals),
        _ => dialect.among(&operand.sql, &literals),
    }
}

/// Whether keys of the operand, or of the function of it, can be asked for at all, as far as its type tells.
pub fn takes_keys(dialect: &dyn RemoteDialect, function: Option<&str>, operand: &Operand) -> bool {
    samples(&operand.column.pg_type.arrow())
        .into_iter()
        .any(|sample| sample.to_array().is_ok_and(|keys| among_keys(dialect, function, operand, &keys).is_some()))
}

/// Values of a type, of which a source that can be asked for keys of it takes at least one.
fn samples(data_type: &DataType) -> Vec<ScalarValue> {
    match data_type {
        DataType::Utf8View => ["a", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]
            .into_iter()
            .map(|text| ScalarValue::Utf8View(Some(text.to_string())))
            .collect(),
        DataType::Binary => vec![ScalarValue::Binary(Some(vec![0]))],
        // A day and an instant that every source knows.
        DataType::Date32 => vec![ScalarValue::Date32(Some(10_000))],
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            vec![ScalarValue::TimestampMicrosecond(Some(1_000_000_000_000_000), zone.clone())]
        }
        other => ScalarValue::new_one(other).into_iter().collect(),
    }
}

/// Whether the function is equal to a text only where its argument is.
fn is_column(function: &str, operand: &Operand) -> bool {
    match function {
        "blank_to_null" => true,
        "normalize_email" => operand.column.options.get(NORMALISED).is_some_and(|what| what == "email"),
        _ => false,
    }
}

/// A literal that the column cannot be compared with is left to the comparison here.
fn literals<'v>(
    dialect: &dyn RemoteDialect,
    operand: &Operand,
    values: impl Iterator<Item = &'v ScalarValue>,
) -> Option<Vec<Parameter>> {
    values
        .map(|value| {
            let taken = dialect.compares(&operand.column, Comparison::Eq, value).is_some();
            taken.then(|| Parameter { value: value.clone(), column: operand.column.clone() })
        })
        .collect()
}

fn superset(
    dialect: &dyn RemoteDialect,
    function: &str,
    operand: &Operand,
    literals: &[Parameter],
) -> Option<Fragment> {
    if !is_text(&operand.column.pg_type) {
        return None;
    }
    let parts = match function {
        "normalize_email" => vec![
            dialect.lower_trimmed_among(&operand.sql, literals)?,
            dialect.holds(&operand.sql, NOT_BARE)?,
            dialect.ends_in_dot(&operand.sql)?,
        ],
        "lower" | "upper" => vec![
            dialect.cased_among(&operand.sql, literals, function == "upper")?,
            dialect.holds(&operand.sql, NOT_PLAIN)?,
        ],
        _ => return None,
    };
    Some(Fragment::of("({})", &[&Fragment::join(&parts, " OR ")]))
}

fn equal_to_one(writer: &Writer<'_>, operand: &Operand, values: &[&ScalarValue]) -> Option<RemotePredicate> {
    let members = values
        .iter()
        .map(|value| writer.compare(operand, Comparison::Eq, value).map(|member| member.sql))
        .collect::<Option<Vec<_>>>()?;
    Some(RemotePredicate::superset(Fragment::of("({})", &[&Fragment::join(&members, " OR ")])))
}

/// Casts between carriers of text change nothing.
fn strip_casts(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) if cast.field.data_type().is_string() => strip_casts(&cast.expr),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{AsArray, StringViewArray};
    use datafusion::arrow::datatypes::Field;
    use datafusion::common::config::ConfigOptions;
    use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

    use super::*;
    use crate::functions::registry;

    /// What the function makes of each text.
    fn cleaned(function: &str, texts: &[String]) -> Vec<Option<String>> {
        let udf = registry::scalars().into_iter().find(|udf| udf.name() == function).unwrap();
        let column: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
        let field = Arc::new(Field::new("c", DataType::Utf8View, true));
        let args = ScalarFunctionArgs {
            number_rows: column.len(),
            args: vec![ColumnarValue::Array(column)],
            arg_fields: vec![Arc::clone(&field)],
            return_field: field,
            config_options: Arc::new(ConfigOptions::default()),
        };
        let ColumnarValue::Array(cleaned) = udf.invoke_with_args(args).unwrap() else { panic!("an array") };
        cleaned.as_string_view().iter().map(|text| text.map(str::to_string)).collect()
    }

    /// All texts of up to four of the pieces, some of which are traps.
    fn texts() -> Vec<String> {
        const PIECES: [&str; 18] = [
            "ann", "A", "@", "@x.org", ".", "<", ">", " ", "mailto:", "?b", "\t", "İ", "K", "\u{ff41}", "\u{200b}",
            "\u{212a}", "\u{3002}", "-",
        ];
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..4 {
            last = last.iter().flat_map(|text| PIECES.iter().map(move |piece| format!("{text}{piece}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn no_address_is_lost() {
        let bare = |c: char| matches!(c, ' '..='9' | ';' | '='..='~');
        let texts = texts();
        let mut found = 0;
        for (text, cleaned) in texts.iter().zip(cleaned("normalize_email", &texts)) {
            let Some(address) = cleaned else { continue };
            found += 1;
            let kept = text.trim_matches(' ').to_ascii_lowercase() == address
                || !text.chars().all(bare)
                || text.trim_end_matches(' ').ends_with('.');
            assert!(kept, "{text:?} is {address:?}");
        }
        assert!(found > 100, "{found} addresses");
    }

    #[test]
    fn a_text_that_is_not_blank_is_itself() {
        let texts = texts();
        for (text, cleaned) in texts.iter().zip(cleaned("blank_to_null", &texts)) {
            assert!(cleaned.is_none_or(|cleaned| cleaned == *text), "{text:?}");
        }
    }
}
