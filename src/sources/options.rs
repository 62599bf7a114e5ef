//! Options: the name and value pairs of OPTIONS (..).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, SqlState};

/// Where an option may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionPlace {
    /// CREATE SERVER
    Server,
    /// CREATE USER MAPPING
    UserMapping,
    /// CREATE FOREIGN TABLE
    Table,
    /// a column of CREATE FOREIGN TABLE
    Column,
    /// IMPORT FOREIGN SCHEMA
    Import,
}

impl OptionPlace {
    /// As a heading in the reference, and in errors.
    pub fn title(self) -> &'static str {
        match self {
            OptionPlace::Server => "server",
            OptionPlace::UserMapping => "user mapping",
            OptionPlace::Table => "foreign table",
            OptionPlace::Column => "column",
            OptionPlace::Import => "import",
        }
    }
}

/// One option that a kind takes.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name, as in postgres_fdw, mysql_fdw, sqlite_fdw or file_fdw where those have it.
    pub name: &'static str,
    /// Where it may stand.
    pub place: OptionPlace,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// What holds when it is left out, for the reference.
    pub default: &'static str,
    /// What it does, in one sentence, with its unit.
    pub doc: &'static str,
}

/// Name and value pairs; names are lower case. `Debug` shows the names alone, since values may be secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// An option's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// An option's value, or HV00N when it is missing or empty.
    pub fn require(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(Error::new(SqlState::FDW_INVALID_ATTRIBUTE_VALUE, format!("option \"{name}\" is required"))),
        }
    }

    /// An option as a number or other parsed value; `default` when it is left out, HV00N when it does not parse.
    pub fn parsed<T: FromStr>(&self, name: &str, default: T) -> Result<T> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.trim().parse().map_err(|_| invalid(name, "is not a valid number")),
        }
    }

    /// An option as a boolean, spelled as Postgres spells them.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name).map(|v| v.trim().to_ascii_lowercase()).as_deref() {
            None => Ok(default),
            Some("true" | "t" | "on" | "yes" | "y" | "1") => Ok(true),
            Some("false" | "f" | "off" | "no" | "n" | "0") => Ok(false),
            Some(_) => Err(invalid(name, "is not a boolean").with_hint("Use 'true' or 'false'.")),
        }
    }

    /// An option as a length of time: `500ms`, `5s`, `2min`, or a bare number of seconds.
    pub fn duration(&self, name: &str, default: Duration) -> Result<Duration> {
        let Some(text) = self.get(name).map(str::trim) else { return Ok(default) };
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let wrong = || invalid(name, "is not a length of time").with_hint("Use for example '500ms', '5s' or '2min'.");
        let number: u64 = text[..split].parse().map_err(|_| wrong())?;
        let millis = match text[split..].trim() {
            "ms" => 1,
            "" | "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
    }

    /// Sets an option, replacing a value it has.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into().to_ascii_lowercase(), value.into());
    }

    /// Takes an option out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// In order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The options of one place that are no secrets, as `name=value`, for the catalog.
    pub fn shown(&self, specs: &[OptionSpec], place: OptionPlace) -> Vec<String> {
        self.iter()
            .filter(|(name, _)| specs.iter().any(|s| s.place == place && s.name == *name && !s.secret))
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// Refuses an option that the kind does not take here (HV00D), with the ones it does.
    pub fn check(&self, specs: &[OptionSpec], place: OptionPlace) -> Result<()> {
        for (name, _) in self.iter() {
            if !specs.iter().any(|s| s.place == place && s.name == name) {
                let valid: Vec<&str> = specs.iter().filter(|s| s.place == place).map(|s| s.name).collect();
                let error = Error::new(SqlState::FDW_INVALID_OPTION_NAME, format!("invalid option \"{name}\""));
                return Err(if valid.is_empty() {
                    error.with_hint("There are no valid options in this context.")
                } else {
                    error.with_hint(format!("Valid options in this context are: {}", valid.join(", ")))
                });
            }
        }
        Ok(())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Options {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut options = Options::new();
        for (name, value) in pairs {
            options.set(name, value);
        }
        options
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// An option whose value cannot be used. The value itself is left out: it may be a secret.
pub fn invalid(name: &str, why: &str) -> Error {
    Error::new(SqlState::FDW_INVALID_ATTRIBUTE_VALUE, format!("invalid value for option \"{name}\": it {why}"))
}
