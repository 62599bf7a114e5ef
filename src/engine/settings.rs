//! What SET, SHOW and RESET act on: one set of settings for each session.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::utils::datafusion_strsim::levenshtein;

use super::{accepted, date_style, zone_setting};
use crate::catalog::definitions::OWNER;
use crate::catalog::pg;
use crate::error::{Error, Result, SqlState};
use crate::federation::keys::KeyOptions;
use crate::planner::shipping::PushDown;

/// The version that clients are told: they choose what they send by it.
pub(super) const SERVER_VERSION: &str = pg::SERVER_VERSION;

/// Settings with their defaults, by name. Those a client must be told of when they change are marked.
const SETTINGS: &[(&str, &str, bool)] = &[
    ("application_name", "", true),
    ("array_nulls", "on", false),
    ("backslash_quote", "safe_encoding", false),
    ("block_size", "8192", false),
    ("bytea_output", "hex", false),
    ("client_encoding", "UTF8", true),
    ("client_min_messages", "notice", false),
    ("constraint_exclusion", "partition", false),
    ("cursor_tuple_fraction", "0.1", false),
    ("data_checksums", "off", false),
    ("datestyle", "ISO, MDY", true),
    ("default_table_access_method", "heap", false),
    ("default_tablespace", "", false),
    ("default_text_search_config", "pg_catalog.simple", false),
    ("default_transaction_deferrable", "off", false),
    ("default_transaction_isolation", "read committed", false),
    ("default_transaction_read_only", "off", true),
    ("default_with_oids", "off", false),
    ("effective_cache_size", "4GB", false),
    ("escape_string_warning", "on", false),
    ("extra_float_digits", "1", false),
    ("from_collapse_limit", "8", false),
    ("geqo", "on", false),
    ("idle_in_transaction_session_timeout", "0", false),
    ("idle_session_timeout", "0", false),
    ("in_hot_standby", "off", false),
    ("integer_datetimes", "on", false),
    ("intervalstyle", "postgres", true),
    ("is_superuser", "on", true),
    ("jit", "off", false),
    ("join_collapse_limit", "8", false),
    ("lc_collate", "C", false),
    ("lc_ctype", "C", false),
    ("lc_messages", "C", false),
    ("lc_monetary", "C", false),
    ("lc_numeric", "C", false),
    ("lc_time", "C", false),
    ("lo_compat_privileges", "off", false),
    ("lock_timeout", "0", false),
    ("maintenance_work_mem", "64MB", false),
    ("max_identifier_length", "63", false),
    ("max_index_keys", "32", false),
    ("max_prepared_transactions", "0", false),
    ("onerow.max_keys", "20000", false),
    ("onerow.max_result_rows", "0", false),
    ("onerow.merged_filter", "on", false),
    ("onerow.merged_order", "on", false),
    ("onerow.on_source_down", "error", false),
    ("onerow.push_down", "on", false),
    ("onerow.run_time_keys", "on", false),
    ("password_encryption", "scram-sha-256", false),
    ("plan_cache_mode", "auto", false),
    ("quote_all_identifiers", "off", false),
    ("role", "none", false),
    ("row_security", "on", false),
    ("search_path", "public", false),
    ("server_encoding", "UTF8", false),
    ("server_version", SERVER_VERSION, false),
    ("server_version_num", "150000", false),
    ("session_authorization", "onerow", true),
    ("ssl", "off", false),
    ("standard_conforming_strings", "on", true),
    ("statement_timeout", "0", false),
    ("synchronize_seqscans", "on", false),
    ("temp_buffers", "8MB", false),
    ("timezone", "UTC", true),
    ("timezone_abbreviations", "Default", false),
    ("transaction_deferrable", "off", false),
    ("transaction_isolation", "read committed", false),
    ("transaction_read_only", "off", false),
    ("transform_null_equals", "off", false),
    ("wal_level", "replica", false),
    ("work_mem", "64MB", false),
    ("xmlbinary", "base64", false),
    ("xmloption", "content", false),
];

/// Settings that no plan depends on.
const UNPLANNED: &[&str] = &[
    "application_name",
    "client_min_messages",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "onerow.max_result_rows",
    "plan_cache_mode",
    "statement_timeout",
];

/// Whether plans are used again: `plan_cache_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlanCache {
    /// From the second time on that a query is asked.
    Auto,
    /// From the first.
    Always,
    /// Never.
    Off,
}

/// The most that onerow.max_keys can be: sources have bounds of their own on what one statement may hold.
const MOST_KEYS: usize = 1_000_000;

/// Settings that SHOW gives and SET refuses.
const READ_ONLY: &[&str] = &[
    "block_size",
    "data_checksums",
    "in_hot_standby",
    "integer_datetimes",
    "is_superuser",
    "lc_collate",
    "lc_ctype",
    "max_identifier_length",
    "max_index_keys",
    "max_prepared_transactions",
    "server_encoding",
    "server_version",
    "server_version_num",
    "session_authorization",
    "ssl",
    "wal_level",
];

/// Who the session acts as: set by statements of their own.
const ROLES: [&str; 2] = ["session_authorization", "role"];

/// Settings that are on or off.
const SWITCHES: &[&str] = &[
    "array_nulls",
    "default_transaction_deferrable",
    "default_transaction_read_only",
    "default_with_oids",
    "escape_string_warning",
    "geqo",
    "jit",
    "lo_compat_privileges",
    "onerow.merged_filter",
    "onerow.merged_order",
    "onerow.run_time_keys",
    "quote_all_identifiers",
    "row_security",
    "standard_conforming_strings",
    "synchronize_seqscans",
    "transaction_deferrable",
    "transaction_read_only",
    "transform_null_equals",
];

/// Settings that name an isolation level.
const LEVELS: &[&str] = &["serializable", "repeatable read", "read committed", "read uncommitted"];

/// How Postgres writes names that are not all lower case.
fn display_name(name: &str) -> &str {
    match name {
        "datestyle" => "DateStyle",
        "intervalstyle" => "IntervalStyle",
        "timezone" => "TimeZone",
        other => other,
    }
}

/// One session's settings.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    values: BTreeMap<String, String>,
    /// What the session began with, for RESET.
    initial: BTreeMap<String, String>,
    changed: Vec<String>,
    /// Another after each change, and never one that other values have had.
    version: u64,
}

/// A number that was given to no settings before.
fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Settings {
    /// The defaults, with what the client asked for when it connected.
    pub fn new(asked: &[(String, String)]) -> Result<Settings> {
        let values: BTreeMap<String, String> =
            SETTINGS.iter().map(|(name, value, _)| ((*name).to_string(), (*value).to_string())).collect();
        let mut settings = Settings { initial: values.clone(), values, changed: vec![], version: next_version() };
        for (name, value) in asked {
            settings.set(name, Some(value))?;
        }
        settings.initial = settings.values.clone();
        settings.changed.clear();
        Ok(settings)
    }

    /// Whose session it is: the role that logged in.
    pub fn begin_as(&mut self, role: &str) {
        self.put_back("session_authorization", role);
        self.initial = self.values.clone();
        self.changed.clear();
    }

    /// The role that the session is of.
    pub fn session_role(&self) -> &str {
        self.get("session_authorization").unwrap_or(OWNER)
    }

    /// The role that statements run as.
    pub fn role(&self) -> &str {
        self.get("role").filter(|role| *role != "none").unwrap_or_else(|| self.session_role())
    }

    /// A setting's value. A setting with a dot in its name that was never set has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        self.values.get(&name).map(String::as_str).or_else(|| accepted::default(&name))
    }

    /// Every setting, as SHOW ALL gives them.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut all: Vec<(&str, &str)> =
            self.values.iter().map(|(name, value)| (display_name(name), value.as_str())).collect();
        for (name, value) in accepted::all() {
            if !self.values.contains_key(name) {
                all.push((name, value));
            }
        }
        all.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        all.into_iter()
    }

    /// Sets a setting, or puts back what the session began with.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let name = name.to_ascii_lowercase();
        let value = match value {
            Some(value) => value.to_string(),
            None => self
                .initial
                .get(&name)
                .map_or_else(|| accepted::default(&name).unwrap_or_default().to_string(), String::clone),
        };
        if READ_ONLY.contains(&name.as_str()) && self.values.get(&name) != Some(&value) {
            return Err(Error::new(SqlState("55P02"), format!("parameter \"{name}\" cannot be changed")));
        }
        if name == "role" && self.values.get(&name) != Some(&value) {
            return Err(Error::new(SqlState("55P02"), "parameter \"role\" is set by SET ROLE"));
        }
        if !self.values.contains_key(&name) && accepted::default(&name).is_none() {
            if let Some(wanted) = name.strip_prefix(RESERVED) {
                return Err(reserved(&name, wanted));
            }
            if !name.contains('.') {
                return Err(Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("unrecognized configuration parameter \"{name}\""),
                ));
            }
        }
        let value = checked(&name, value)?;
        if self.values.get(&name) != Some(&value) {
            self.changed.push(name.clone());
        }
        self.values.insert(name, value);
        self.version = next_version();
        Ok(())
    }

    /// Puts back everything that the session began with.
    pub fn reset_all(&mut self) {
        let kept = ROLES.map(|name| (name, self.get(name).unwrap_or_default().to_string()));
        for (name, value) in &self.initial {
            if self.values.get(name) != Some(value) {
                self.changed.push(name.clone());
            }
        }
        self.values = self.initial.clone();
        self.version = next_version();
        // As in Postgres: who the session acts as is no setting that RESET ALL puts back.
        for (name, value) in kept {
            self.put_back(name, &value);
        }
    }

    /// Puts back one value that the setting had before.
    pub fn put_back(&mut self, name: &str, value: &str) {
        self.put(name, value);
        if ROLES.contains(&name) {
            let owner = if self.role() == OWNER { "on" } else { "off" };
            self.put("is_superuser", owner);
        }
    }

    fn put(&mut self, name: &str, value: &str) {
        if self.values.insert(name.to_string(), value.to_string()).as_deref() != Some(value) {
            self.changed.push(name.to_string());
        }
        self.version = next_version();
    }

    /// Puts back all the values that the settings had before.
    pub fn restore(&mut self, before: Settings) {
        // What was not set before is so no more; as in Postgres, a name of somebody's own stays known.
        self.values.retain(|name, _| before.values.contains_key(name) || name.contains('.'));
        for (_, value) in self.values.iter_mut().filter(|(name, _)| !before.values.contains_key(*name)) {
            value.clear();
        }
        self.version = next_version();
        for (name, value) in before.values {
            self.put_back(&name, &value);
        }
    }

    /// The same number as long as no setting has changed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What the client must be told, since last asked.
    pub fn take_changed(&mut self) -> Vec<(String, String)> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort();
        changed.dedup();
        changed
            .into_iter()
            .filter(|name| SETTINGS.iter().any(|(setting, _, told)| setting == name && *told))
            .filter_map(|name| Some((display_name(&name).to_string(), self.values.get(&name)?.clone())))
            .collect()
    }

    /// The schemas of the search path; `"$user"` stands for one that is named as the role.
    pub fn search_path(&self) -> Vec<String> {
        self.get("search_path")
            .unwrap_or_default()
            .split(',')
            .map(|part| part.trim().trim_matches('"'))
            .filter(|part| !part.is_empty())
            .map(|part| if part == "$user" { self.role().to_string() } else { part.to_string() })
            .collect()
    }

    /// Whether plans are used again.
    pub fn plan_cache(&self) -> PlanCache {
        match self.get("plan_cache_mode") {
            Some("force_custom_plan") => PlanCache::Off,
            Some("force_generic_plan") => PlanCache::Always,
            _ => PlanCache::Auto,
        }
    }

    /// The settings that plans can depend on and that are not as they are at first, by their names.
    pub fn differing(&self) -> Vec<(String, String)> {
        // Both are in order of name: they are walked side by side, as each statement asks.
        let mut defaults = SETTINGS.iter().peekable();
        let differs = |(name, value): &(&String, &String)| {
            while defaults.next_if(|(setting, ..)| *setting < name.as_str()).is_some() {}
            let default = defaults.next_if(|(setting, ..)| *setting == name.as_str()).map(|(_, value, _)| *value);
            default != Some(value.as_str()) && !UNPLANNED.contains(&name.as_str()) && accepted::default(name).is_none()
        };
        self.values.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// How much is sent to sources.
    pub fn push_down(&self) -> PushDown {
        self.get("onerow.push_down").and_then(PushDown::parse).unwrap_or_default()
    }

    /// Whether a query leaves out the sources that cannot be reached.
    pub fn skips_down(&self) -> bool {
        self.get("onerow.on_source_down") == Some("skip")
    }

    /// What is set about the keys that sources are sent; none where whole tables are read.
    pub fn keys(&self) -> KeyOptions {
        let defaults = KeyOptions::default();
        let pushes = self.push_down() != PushDown::Off;
        let on = |name: &str| pushes && self.get(name) != Some("off");
        KeyOptions {
            run_time_keys: on("onerow.run_time_keys"),
            max_keys: self.get("onerow.max_keys").and_then(|text| text.parse().ok()).unwrap_or(defaults.max_keys),
            merged_filter: on("onerow.merged_filter"),
            merged_order: on("onerow.merged_order"),
        }
    }

    /// The longest that a statement may take; none when it may take for ever.
    pub fn statement_timeout(&self) -> Option<std::time::Duration> {
        let millis = self.get("statement_timeout").and_then(|text| milliseconds(text).ok())?;
        (millis > 0).then(|| std::time::Duration::from_millis(millis))
    }
}

/// The names that nobody can make settings of, so that a slip in one of them is no setting of somebody's own.
const RESERVED: &str = "onerow.";

/// The error of a setting that is none of the reserved ones; `wanted` is its name after the prefix.
fn reserved(name: &str, wanted: &str) -> Error {
    let error = Error::new(SqlState::INVALID_NAME, format!("invalid configuration parameter name \"{name}\""))
        .with_detail("\"onerow\" is a reserved prefix.");
    let most = (wanted.chars().count() / 3).max(1);
    let known = SETTINGS.iter().filter_map(|(known, ..)| known.strip_prefix(RESERVED));
    match known.map(|known| (levenshtein(wanted, known), known)).filter(|(far, _)| *far <= most).min() {
        Some((_, known)) => error.with_hint(format!("Perhaps you meant \"{RESERVED}{known}\".")),
        None => error,
    }
}

/// Refuses a value that the setting cannot have; gives it in the form that SHOW prints.
fn checked(name: &str, value: String) -> Result<String> {
    let invalid = |value: &str| {
        Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"{name}\": \"{value}\""))
    };
    if let Some(checked) = accepted::checked(name, &value) {
        return checked;
    }
    match name {
        switch if SWITCHES.contains(&switch) => match switched(&value) {
            Some(false) if switch == "standard_conforming_strings" => {
                Err(Error::unsupported("standard_conforming_strings cannot be turned off"))
            }
            Some(on) => Ok(if on { "on" } else { "off" }.to_string()),
            None => Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("parameter \"{name}\" requires a Boolean value"),
            )),
        },
        "default_transaction_isolation" | "transaction_isolation" => {
            let level = value.trim_matches('"').to_ascii_lowercase();
            if LEVELS.contains(&level.as_str()) { Ok(level) } else { Err(invalid(&value)) }
        }
        "password_encryption" if !value.eq_ignore_ascii_case("scram-sha-256") => {
            Err(Error::unsupported("only scram-sha-256 is supported for passwords"))
        }
        "timezone" => zone_setting::checked(&value),
        "client_encoding" => match value.trim_matches('"').to_ascii_uppercase().replace('-', "").as_str() {
            "UTF8" | "UNICODE" | "SQL_ASCII" | "AUTO" => Ok("UTF8".to_string()),
            _ => Err(invalid(&value).with_hint("Only UTF8 is supported.")),
        },
        "datestyle" => date_style::checked(&value),
        "intervalstyle" if !value.eq_ignore_ascii_case("postgres") => {
            Err(Error::unsupported("only the postgres interval style is supported"))
        }
        "bytea_output" if !value.eq_ignore_ascii_case("hex") => {
            Err(Error::unsupported("only the hex form of bytea is supported"))
        }
        "statement_timeout" | "lock_timeout" | "idle_in_transaction_session_timeout" | "idle_session_timeout" => {
            let millis = milliseconds(&value).map_err(|()| invalid(&value))?;
            Ok(match millis {
                0 => "0".to_string(),
                m if m % 60_000 == 0 => format!("{}min", m / 60_000),
                m if m % 1_000 == 0 => format!("{}s", m / 1_000),
                m => format!("{m}ms"),
            })
        }
        "plan_cache_mode" => {
            let mode = value.trim_matches('"').to_ascii_lowercase();
            match mode.as_str() {
                "auto" | "force_custom_plan" | "force_generic_plan" => Ok(mode),
                _ => Err(invalid(&value).with_hint("Available values: auto, force_generic_plan, force_custom_plan.")),
            }
        }
        "onerow.push_down" => match PushDown::parse(&value) {
            Some(push_down) => Ok(push_down.name().to_string()),
            None => Err(invalid(&value).with_hint("Available values: always, on, filters, off.")),
        },
        "onerow.on_source_down" => match value.to_ascii_lowercase().as_str() {
            known @ ("error" | "skip") => Ok(known.to_string()),
            _ => Err(invalid(&value).with_hint("Available values: error, skip.")),
        },
        "onerow.max_keys" => match value.trim().parse::<usize>() {
            Ok(keys) if keys <= MOST_KEYS => Ok(keys.to_string()),
            _ => Err(invalid(&value).with_hint(format!("It is a whole number from 0 to {MOST_KEYS}."))),
        },
        "onerow.max_result_rows" => match value.trim().parse::<u64>() {
            Ok(rows) => Ok(rows.to_string()),
            Err(_) => Err(invalid(&value).with_hint("It is a whole number; 0 is no limit.")),
        },
        "application_name" => {
            // As Postgres: 63 bytes at most, and nothing but printable ASCII.
            Ok(value.chars().take(63).map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect())
        }
        _ => Ok(value),
    }
}

/// The unique beginnings of true, false, yes, no, on and off, and 1 and 0.
pub(super) fn switched(value: &str) -> Option<bool> {
    match value.trim_matches('"').to_ascii_lowercase().as_str() {
        "1" | "on" | "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" => Some(true),
        "0" | "of" | "off" | "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" => Some(false),
        _ => None,
    }
}

fn milliseconds(text: &str) -> std::result::Result<u64, ()> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = if whole.is_empty() && !fraction.is_empty() { 0 } else { whole.parse().map_err(|_| ())? };
    // In millionths.
    let fraction: u64 = format!("{fraction:0<6}").get(..6).and_then(|digits| digits.parse().ok()).ok_or(())?;
    let factor = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(()),
    };
    // Rounded to the next whole millisecond, as in Postgres.
    let rest = fraction.checked_mul(factor).ok_or(())?.saturating_add(500_000) / 1_000_000;
    let millis = whole.checked_mul(factor).and_then(|millis| millis.checked_add(rest));
    millis.filter(|millis| *millis <= i32::MAX as u64).ok_or(())
}
