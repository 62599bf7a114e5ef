//! `DateStyle`: dates are shown as ISO has them, and where the year is not first they are read with the month first.

use crate::error::{Error, Result, SqlState};

/// The value as SHOW prints it. 22023 for one that Postgres would not take either, 0A000 for another style or order.
pub(super) fn checked(value: &str) -> Result<String> {
    let invalid = |detail: String| {
        Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"DateStyle\": \"{value}\""))
            .with_detail(detail)
    };
    let (mut style, mut order) = (None, None);
    for word in value.split(',').map(|word| word.trim().trim_matches('"')) {
        let (said, meant) = match word.to_ascii_lowercase().as_str() {
            "" | "default" => continue,
            "iso" => (&mut style, "ISO"),
            "sql" => (&mut style, "SQL"),
            "german" => (&mut style, "German"),
            word if word.starts_with("postgres") => (&mut style, "Postgres"),
            "ymd" => (&mut order, "YMD"),
            "mdy" | "us" => (&mut order, "MDY"),
            word if word.starts_with("noneuro") => (&mut order, "MDY"),
            "dmy" => (&mut order, "DMY"),
            word if word.starts_with("euro") => (&mut order, "DMY"),
            _ => return Err(invalid(format!("Unrecognized key word: \"{word}\"."))),
        };
        if said.replace(meant).is_some_and(|before| before != meant) {
            return Err(invalid("Conflicting \"datestyle\" specifications.".to_string()));
        }
    }
    if style.is_some_and(|style| style != "ISO") {
        return Err(Error::unsupported("only the ISO date style is supported"));
    }
    if let Some(order) = order.filter(|order| *order != "MDY") {
        return Err(Error::unsupported(format!("dates are read in the order MDY, not {order}"))
            .with_hint("Write the year first, as in 2024-12-31: that is read alike in every order."));
    }
    Ok("ISO, MDY".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_orders_and_styles_are_refused() {
        for value in ["ISO", "iso, mdy", "MDY", "US", "NonEuro", "ISO, ISO", "default", ""] {
            assert_eq!(checked(value).unwrap(), "ISO, MDY", "{value}");
        }
        for value in ["ISO, DMY", "DMY", "European", "iso,ymd", "SQL", "German", "PostgreSQL"] {
            assert_eq!(checked(value).unwrap_err().state(), SqlState::FEATURE_NOT_SUPPORTED, "{value}");
        }
        for value in ["nope", "isox", "ISO, DMY, MDY", "ISO, SQL"] {
            assert_eq!(checked(value).unwrap_err().state(), SqlState::INVALID_PARAMETER_VALUE, "{value}");
        }
    }
}
