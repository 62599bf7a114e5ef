//! Quoting, formatting, and the options of foreign objects in words.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::error::Result;
use datafusion::logical_expr::Volatility;

use super::format::formatted;
use super::spec::{Call, Param, Returns, Spec};
use crate::catalog::definitions::quote_identifier;
use crate::catalog::pg::rows::Cell;

use Param::{Any, Text, Texts};

/// Options `name=value` as `name 'value'`. Catalog queries over `pg_options_to_table` are rewritten to it.
pub const OPTIONS_SHOWN: &str = "onerow_options_shown";

/// A pattern of LIKE with another escape character, with the backslash for one. Catalog queries are rewritten to it.
pub const LIKE_PATTERN: &str = "onerow_like_pattern";

/// As many arguments as a function that takes any number may be given.
const MANY: usize = 64;

/// The functions of this file.
pub const SPECS: &[Spec] = &[
    Spec::new(OPTIONS_SHOWN, &[Texts], Returns::Texts, |call, row| {
        Ok(call.texts(0, row).map(|options| options.iter().map(|option| shown(option)).collect::<Vec<_>>()).into())
    }),
    Spec::new("quote_ident", &[Text], Returns::Text, |call, row| Ok(call.text(0, row).map(quote_identifier).into())),
    Spec::new("quote_literal", &[Any], Returns::Text, |call, row| Ok(words(call, 0, row)?.map(|t| quoted(&t)).into())),
    Spec::new("quote_nullable", &[Any], Returns::Text, |call, row| {
        Ok(words(call, 0, row)?.map_or_else(|| "NULL".to_string(), |text| quoted(&text)).into())
    }),
    Spec::new("format", &[Any; MANY], Returns::Text, |call, row| {
        let Some(pattern) = words(call, 0, row)? else { return Ok(Cell::Null) };
        let values = (1..call.count()).map(|at| words(call, at, row)).collect::<Result<Vec<_>>>()?;
        Ok(formatted(&pattern, &values)?.into())
    })
    .requires(1)
    .is(Volatility::Immutable),
    Spec::new(LIKE_PATTERN, &[Text, Text], Returns::Text, |call, row| {
        Ok(call.text(0, row).zip(call.text(1, row)).map(|(pattern, escape)| like_pattern(pattern, escape)).into())
    })
    .is(Volatility::Immutable),
];

/// A value of any type as text; none for NULL.
pub fn words(call: &Call<'_>, at: usize, row: usize) -> Result<Option<String>> {
    let Some(values) = call.raw(at).filter(|values| row < values.len() && !values.is_null(row)) else {
        return Ok(None);
    };
    Ok(match values.data_type() {
        DataType::Null => None,
        DataType::Boolean => values.as_boolean_opt().map(|b| if b.value(row) { "t" } else { "f" }.to_string()),
        _ => Some(array_value_to_string(values, row)?),
    })
}

/// A pattern with the backslash in the place of what escapes in it; an empty `escape` escapes nothing.
fn like_pattern(pattern: &str, escape: &str) -> String {
    let escape = escape.chars().next();
    let mut out = String::with_capacity(pattern.len() + 4);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let plain = if Some(character) == escape { characters.next() } else { None };
        match plain {
            Some(character @ ('%' | '_' | '\\')) => out.extend(['\\', character]),
            Some(character) => out.push(character),
            None if character == '\\' => out.push_str("\\\\"),
            None => out.push(character),
        }
    }
    out
}

/// A text literal, with the `E` form where it holds a backslash.
pub fn quoted(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

fn shown(option: &str) -> String {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    format!("{} {}", quote_identifier(name), quoted(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_literals_are_quoted() {
        assert_eq!(shown("host=10.0.0.5"), "host '10.0.0.5'");
        assert_eq!(shown("a b=it's"), "\"a b\" 'it''s'");
        assert_eq!(quoted("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn patterns_with_another_escape() {
        assert_eq!(like_pattern("pg/_%", "/"), "pg\\_%");
        assert_eq!(like_pattern("a//b/c\\", "/"), "a/bc\\\\");
        assert_eq!(like_pattern("a\\%", ""), "a\\\\%");
        assert_eq!(like_pattern("a\\%", "\\"), "a\\%");
    }
}
