//! What COPY's options mean together, by the rules of Postgres's `ProcessCopyOptions`.

use super::{Copy, CopyOption, OptionValue, encoding};
use crate::error::{Error, Result, SqlState};
use crate::values::copy::{CopyFormat, CopyKind, ForceQuote, Header};

impl Copy {
    /// How the rows are written. Options that contradict each other are errors with Postgres's words.
    pub fn format(&self) -> Result<CopyFormat> {
        let said = self.said()?;
        let csv = said.kind == CopyKind::Csv;
        if said.kind == CopyKind::Binary {
            if said.delimiter.is_some() {
                return Err(Error::syntax("cannot specify DELIMITER in BINARY mode", None));
            }
            if said.null.is_some() {
                return Err(Error::syntax("cannot specify NULL in BINARY mode", None));
            }
        }
        if said.kind == CopyKind::Json {
            let given = [
                ("DELIMITER", said.delimiter.is_some()),
                ("NULL", said.null.is_some()),
                ("HEADER", said.header != Header::No),
            ];
            if let Some((what, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                return Err(Error::syntax(format!("cannot specify {what} in JSON mode"), None));
            }
        }
        let mut format = CopyFormat::new(said.kind);
        if let Some(delimiter) = &said.delimiter {
            format.delimiter = one_byte(delimiter, "delimiter")?;
        }
        format.null = said.null.unwrap_or(format.null);
        check_separators(&format)?;
        if said.kind == CopyKind::Binary && said.header != Header::No {
            return Err(Error::unsupported("cannot specify HEADER in BINARY mode"));
        }
        format.header = said.header;
        let csv_only = |what: &str| Error::unsupported(format!("COPY {what} available only in CSV mode"));
        if let Some(quote) = &said.quote {
            if !csv {
                return Err(csv_only("quote"));
            }
            format.quote = one_byte(quote, "quote")?;
        }
        if csv && format.delimiter == format.quote {
            return Err(invalid("COPY delimiter and quote must be different"));
        }
        format.escape = format.quote;
        if let Some(escape) = &said.escape {
            if !csv {
                return Err(csv_only("escape"));
            }
            format.escape = one_byte(escape, "escape")?;
        }
        if let Some(force_quote) = said.force_quote {
            if !csv {
                return Err(csv_only("force quote"));
            }
            if self.from {
                return Err(Error::unsupported("COPY force quote only available using COPY TO"));
            }
            format.force_quote = force_quote;
        }
        for (what, columns, into) in [
            ("force not null", said.force_not_null, &mut format.force_not_null),
            ("force null", said.force_null, &mut format.force_null),
        ] {
            let Some(columns) = columns else { continue };
            if !csv {
                return Err(csv_only(what));
            }
            if !self.from {
                return Err(Error::unsupported(format!("COPY {what} only available using COPY FROM")));
            }
            *into = columns;
        }
        if format.null.as_bytes().contains(&format.delimiter) {
            return Err(Error::unsupported("COPY delimiter must not appear in the NULL specification"));
        }
        if csv && format.null.as_bytes().contains(&format.quote) {
            return Err(Error::unsupported("CSV quote character must not appear in the NULL specification"));
        }
        Ok(format)
    }

    /// The options by their names, each said once.
    fn said(&self) -> Result<Said> {
        let mut said = Said::default();
        let mut seen: Vec<&str> = vec![];
        for option in &self.options {
            if seen.contains(&option.name.as_str()) {
                return Err(Error::syntax("conflicting or redundant options", Some(option.position)));
            }
            seen.push(&option.name);
            match option.name.as_str() {
                "format" => said.kind = option.kind()?,
                "freeze" => {
                    // Rows are as visible as any other's: there is nothing to freeze.
                    option.truth().ok_or_else(|| Error::syntax("freeze requires a Boolean value", None))?;
                }
                "delimiter" => said.delimiter = Some(option.text()?),
                "null" => said.null = Some(option.text()?),
                "header" => said.header = option.header(self.from)?,
                "quote" => said.quote = Some(option.text()?),
                "escape" => said.escape = Some(option.text()?),
                "force_quote" if option.value == OptionValue::Star => said.force_quote = Some(ForceQuote::All),
                "force_quote" => said.force_quote = Some(ForceQuote::Columns(option.names()?)),
                "force_not_null" => said.force_not_null = Some(option.names()?),
                "force_null" => said.force_null = Some(option.names()?),
                "encoding" => encoding::check(&option.text()?).map_err(|e| e.with_position(Some(option.position)))?,
                name => {
                    return Err(Error::syntax(format!("option \"{name}\" not recognized"), Some(option.position)));
                }
            }
        }
        Ok(said)
    }
}

/// The options as they were said.
struct Said {
    kind: CopyKind,
    delimiter: Option<String>,
    null: Option<String>,
    header: Header,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<ForceQuote>,
    force_not_null: Option<Vec<String>>,
    force_null: Option<Vec<String>>,
}

impl Default for Said {
    fn default() -> Self {
        Said {
            kind: CopyKind::Text,
            delimiter: None,
            null: None,
            header: Header::No,
            quote: None,
            escape: None,
            force_quote: None,
            force_not_null: None,
            force_null: None,
        }
    }
}

impl CopyOption {
    fn text(&self) -> Result<String> {
        match &self.value {
            OptionValue::Text(text) | OptionValue::Number(text) => Ok(text.clone()),
            OptionValue::Star => Ok("*".to_string()),
            OptionValue::Names(names) => Ok(names.join(".")),
            OptionValue::Nothing => Err(Error::syntax(format!("{} requires a parameter", self.name), None)),
        }
    }

    fn truth(&self) -> Option<bool> {
        match &self.value {
            OptionValue::Nothing => Some(true),
            OptionValue::Text(word) => match word.to_ascii_lowercase().as_str() {
                "true" | "on" => Some(true),
                "false" | "off" => Some(false),
                _ => None,
            },
            OptionValue::Number(number) => match number.as_str() {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn kind(&self) -> Result<CopyKind> {
        match self.text()?.as_str() {
            "text" => Ok(CopyKind::Text),
            "csv" => Ok(CopyKind::Csv),
            "binary" => Ok(CopyKind::Binary),
            "json" => Ok(CopyKind::Json),
            other => Err(invalid(format!("COPY format \"{other}\" not recognized")).with_position(Some(self.position))),
        }
    }

    fn header(&self, from: bool) -> Result<Header> {
        match (self.truth(), &self.value) {
            (Some(true), _) => Ok(Header::Names),
            (Some(false), _) => Ok(Header::No),
            (None, OptionValue::Text(word)) if word.eq_ignore_ascii_case("match") => {
                if from {
                    Ok(Header::Match)
                } else {
                    Err(Error::unsupported(format!("cannot use \"{word}\" with HEADER in COPY TO")))
                }
            }
            _ => Err(Error::syntax("header requires a Boolean value or \"match\"", None)),
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        match &self.value {
            OptionValue::Names(names) => Ok(names.clone()),
            _ => Err(invalid(format!("argument to option \"{}\" must be a list of column names", self.name))
                .with_position(Some(self.position))),
        }
    }
}

fn one_byte(text: &str, what: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(Error::unsupported(format!("COPY {what} must be a single one-byte character"))),
    }
}

/// What separates fields and stands for a null must not be taken for anything else.
fn check_separators(format: &CopyFormat) -> Result<()> {
    if matches!(format.delimiter, b'\r' | b'\n') {
        return Err(invalid("COPY delimiter cannot be newline or carriage return"));
    }
    if format.null.contains(['\r', '\n']) {
        return Err(invalid("COPY null representation cannot use newline or carriage return"));
    }
    if format.kind != CopyKind::Csv && matches!(format.delimiter, b'\\' | b'.' | b'a'..=b'z' | b'0'..=b'9') {
        return Err(invalid(format!("COPY delimiter cannot be \"{}\"", char::from(format.delimiter))));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn defaults_of_the_forms() {
        let format = |text: &str| parse(text).unwrap().format().unwrap();
        let text = format("COPY t FROM STDIN");
        assert_eq!((text.kind, text.delimiter, text.null.as_str()), (CopyKind::Text, b'\t', "\\N"));
        let csv = format("COPY t FROM STDIN (FORMAT csv, QUOTE '''', header match)");
        assert_eq!((csv.delimiter, csv.null.as_str(), csv.quote, csv.escape), (b',', "", b'\'', b'\''));
        assert_eq!(csv.header, Header::Match);
        assert_eq!(format("COPY t TO STDOUT (header off)").header, Header::No);
        assert_eq!(format("COPY t TO STDOUT DELIMITER E'\\t' ENCODING 'utf-8'").delimiter, b'\t');
        assert_eq!(format("COPY t TO STDOUT csv force quote *").force_quote, ForceQuote::All);
    }

    #[test]
    fn contradictions() {
        for (options, state, message, position) in [
            ("(format nope)", "22023", "COPY format \"nope\" not recognized", Some(19)),
            ("(format csv, format csv)", "42601", "conflicting or redundant options", Some(31)),
            ("(nope 1)", "42601", "option \"nope\" not recognized", Some(19)),
            ("(format)", "42601", "format requires a parameter", None),
            ("(header 2)", "42601", "header requires a Boolean value or \"match\"", None),
            ("(header match)", "0A000", "cannot use \"match\" with HEADER in COPY TO", None),
            ("(encoding 'nope')", "22023", "argument to option \"encoding\" must be a valid encoding name", Some(19)),
            ("(force_null *)", "22023", "argument to option \"force_null\" must be a list of column names", Some(19)),
            ("(format binary, null 'x')", "42601", "cannot specify NULL in BINARY mode", None),
            ("(format json, header)", "42601", "cannot specify HEADER in JSON mode", None),
            ("(format json, quote 'x')", "0A000", "COPY quote available only in CSV mode", None),
            ("(delimiter 'ab')", "0A000", "COPY delimiter must be a single one-byte character", None),
            ("(delimiter 'a')", "22023", "COPY delimiter cannot be \"a\"", None),
            ("(quote 'x')", "0A000", "COPY quote available only in CSV mode", None),
            ("csv quote ','", "22023", "COPY delimiter and quote must be different", None),
            ("csv force null a", "0A000", "COPY force null only available using COPY FROM", None),
            ("null 'a\tb'", "0A000", "COPY delimiter must not appear in the NULL specification", None),
        ] {
            let error = parse(&format!("COPY t TO STDOUT {options}")).unwrap().format().unwrap_err();
            let found = (error.state().0, error.message(), error.position());
            assert_eq!(found, (state, message, position), "{options}");
        }
    }
}
