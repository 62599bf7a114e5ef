//! Quoting, and the options of foreign objects in words.

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::error::Result;

use super::spec::{Call, Param, Returns, Spec};
use crate::catalog::definitions::quote_identifier;

use Param::{Any, Text, Texts};

/// Options `name=value` as `name 'value'`. Catalog queries over `pg_options_to_table` are rewritten to it.
pub const OPTIONS_SHOWN: &str = "onerow_options_shown";

/// The functions of this file.
pub const SPECS: &[Spec] = &[
    Spec::new(OPTIONS_SHOWN, &[Texts], Returns::Texts, |call, row| {
        Ok(call.texts(0, row).map(|options| options.iter().map(|option| shown(option)).collect::<Vec<_>>()).into())
    }),
    Spec::new("quote_ident", &[Text], Returns::Text, |call, row| Ok(call.text(0, row).map(quote_identifier).into())),
    Spec::new("quote_literal", &[Any], Returns::Text, |call, row| Ok(words(call, row)?.map(|t| quoted(&t)).into())),
    Spec::new("quote_nullable", &[Any], Returns::Text, |call, row| {
        Ok(words(call, row)?.map_or_else(|| "NULL".to_string(), |text| quoted(&text)).into())
    }),
];

/// A value of any type as text.
fn words(call: &Call<'_>, row: usize) -> Result<Option<String>> {
    match call.raw(0) {
        Some(values) if row < values.len() && !values.is_null(row) => Ok(Some(array_value_to_string(values, row)?)),
        _ => Ok(None),
    }
}

/// A text literal, with the `E` form where it holds a backslash.
fn quoted(text: &str) -> String {
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
}
