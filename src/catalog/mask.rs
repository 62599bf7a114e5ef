//! Masks: what a column is shown as to those who are not to see it.

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// What stands before a mask's function in a label.
const WORDS: [&str; 3] = ["masked", "with", "function"];

/// The units of times that a mask may leave, as `date_trunc` names them.
const UNITS: [&str; 7] = ["hour", "day", "week", "month", "quarter", "year", "decade"];

/// One mask. None of them fails on any value, and NULL stays NULL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mask {
    /// `null()`
    Null,
    /// `partial(prefix, padding, suffix)`: as many characters of the beginning, the padding, as many of the end. A text
    /// that is not longer than both together is the padding alone.
    Partial {
        /// Characters kept of the beginning.
        prefix: usize,
        /// What stands for what is between.
        padding: String,
        /// Characters kept of the end.
        suffix: usize,
    },
    /// `hash()`: a keyed hash of the text, in hexadecimal digits. Equal texts stay equal.
    Hash,
    /// `truncate('month')`: the beginning of the unit that a time is in.
    Unit(String),
    /// `truncate(n)`: the first n characters of a text; a number's next multiple of n towards zero.
    Step(u32),
}

/// One argument in a label.
enum Argument {
    Number(u32),
    Text(String),
}

impl Mask {
    /// Reads a label. 22023 for one that is no mask.
    pub fn parse(label: &str) -> Result<Mask> {
        let mut rest = label.trim();
        for word in WORDS {
            let (found, after) = rest.split_at(rest.find(char::is_whitespace).ok_or_else(|| wrong(label))?);
            if !found.eq_ignore_ascii_case(word) {
                return Err(wrong(label));
            }
            rest = after.trim_start();
        }
        let (name, arguments) = rest.split_once('(').ok_or_else(|| wrong(label))?;
        let arguments = arguments.trim_end().strip_suffix(')').ok_or_else(|| wrong(label))?;
        let arguments = read(arguments).ok_or_else(|| wrong(label))?;
        match (name.trim().to_ascii_lowercase().as_str(), arguments.as_slice()) {
            ("null", []) => Ok(Mask::Null),
            ("hash", []) => Ok(Mask::Hash),
            ("partial", [Argument::Number(prefix), Argument::Text(padding), Argument::Number(suffix)]) => {
                Ok(Mask::Partial { prefix: *prefix as usize, padding: padding.clone(), suffix: *suffix as usize })
            }
            ("truncate", [Argument::Text(unit)]) => {
                let unit = unit.to_ascii_lowercase();
                if UNITS.contains(&unit.as_str()) { Ok(Mask::Unit(unit)) } else { Err(wrong(label)) }
            }
            ("truncate", [Argument::Number(step)]) if *step > 0 => Ok(Mask::Step(*step)),
            _ => Err(wrong(label)),
        }
    }

    /// 42804 unless the mask can stand for a column of a type: its values are of that type too.
    pub fn check_type(&self, kind: &PgType, column: &str) -> Result<()> {
        let is_text = matches!(kind, PgType::Text | PgType::Varchar(None) | PgType::Name);
        // A number of more digits than can be computed with is a text here, of which no part is to be shown.
        let is_number = matches!(
            kind,
            PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Float4 | PgType::Float8 | PgType::Numeric(_)
        ) && !kind.arrow().is_string();
        let fits = match self {
            Mask::Null => true,
            Mask::Hash | Mask::Partial { .. } => is_text,
            Mask::Unit(unit) => {
                let of_days = unit != "hour";
                matches!(kind, PgType::Timestamp | PgType::TimestampTz) || of_days && *kind == PgType::Date
            }
            Mask::Step(_) => is_number || is_text || matches!(kind, PgType::Varchar(_)),
        };
        if fits {
            return Ok(());
        }
        Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("column \"{column}\" is of type {kind}, which this mask does not give"),
        )
        .with_hint(
            "hash() and partial() are for text, truncate('month') for dates and times, truncate(n) for numbers and \
             texts, null() for all.",
        ))
    }
}

fn wrong(label: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("\"{label}\" is not a valid security label")).with_hint(
        "Labels are MASKED WITH FUNCTION null(), hash(), partial(2, 'xxx', 2), truncate('month') or truncate(10).",
    )
}

/// Arguments between commas: whole numbers and texts in quotes.
fn read(text: &str) -> Option<Vec<Argument>> {
    let mut found = vec![];
    let mut rest = text.trim();
    if rest.is_empty() {
        return Some(found);
    }
    loop {
        if let Some(quoted) = rest.strip_prefix('\'') {
            let mut value = String::new();
            let mut letters = quoted.char_indices().peekable();
            let end = loop {
                match letters.next()? {
                    (_, '\'') if letters.peek().is_some_and(|(_, next)| *next == '\'') => {
                        letters.next();
                        value.push('\'');
                    }
                    (at, '\'') => break at,
                    (_, letter) => value.push(letter),
                }
            };
            found.push(Argument::Text(value));
            rest = quoted.get(end + 1..)?.trim_start();
        } else {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, after) = rest.split_at(end);
            found.push(Argument::Number(digits.parse().ok()?));
            rest = after.trim_start();
        }
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read() {
        for (function, mask) in [
            ("null()", Mask::Null),
            ("HASH( )", Mask::Hash),
            ("partial ( 2 , 'a''ı, (客)' , 0 )", Mask::Partial { prefix: 2, padding: "a'ı, (客)".into(), suffix: 0 }),
            ("truncate('MONTH')", Mask::Unit("month".into())),
            ("truncate(1000)", Mask::Step(1000)),
        ] {
            assert_eq!(Mask::parse(&format!(" masked  WITH\nFunction {function} ")).unwrap(), mask, "{function}");
        }
        for label in [
            "",
            "MASKED",
            "MASKED WITH FUNCTION",
            "MASKED WITH FUNCTION null",
            "MASKED WITH FUNCTION null(1)",
            "MASKED WITH FUNCTION drop()",
            "MASKED WITH FUNCTION truncate(0)",
            "MASKED WITH FUNCTION truncate(-1)",
            "MASKED WITH FUNCTION truncate('moon')",
            "MASKED WITH FUNCTION partial(1, 'x)",
            "MASKED WITH FUNCTION partial(1, 'x', 99999999999)",
            "MASKED WITH FUNCTION partial(1 'x', 2)",
            "MASKED WITH VALUE 1",
        ] {
            assert_eq!(Mask::parse(label).unwrap_err().state(), SqlState::INVALID_PARAMETER_VALUE, "{label}");
        }
    }

    #[test]
    fn masks_fit_types() {
        let fits = |mask: &Mask, kind: PgType| mask.check_type(&kind, "c").is_ok();
        assert!(fits(&Mask::Null, PgType::Jsonb));
        assert!(fits(&Mask::Hash, PgType::Text) && !fits(&Mask::Hash, PgType::Int4));
        assert!(!fits(&Mask::Hash, PgType::Varchar(Some(3))));
        assert!(fits(&Mask::Unit("day".into()), PgType::Date) && !fits(&Mask::Unit("hour".into()), PgType::Date));
        assert!(fits(&Mask::Step(3), PgType::Varchar(Some(3))) && !fits(&Mask::Step(3), PgType::Date));
    }
}
