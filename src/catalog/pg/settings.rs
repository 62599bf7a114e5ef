//! `pg_settings`: a session's settings, with what Postgres says of each: group, type, unit, limits.

use std::sync::Arc;

use super::rows::{Cell, Rows};
use super::view::{PRESETS, SessionView};

/// What is known of a setting of PostgreSQL 15. What is empty does not apply.
struct Known {
    unit: &'static str,
    category: &'static str,
    context: &'static str,
    kind: &'static str,
    least: &'static str,
    most: &'static str,
    /// The words that it may be, with commas between them.
    words: &'static str,
}

/// What Postgres says of a setting that it has too, by its name in lower case.
fn known(name: &str) -> Option<Known> {
    // A line a setting, read out of a PostgreSQL 15 server.
    let mut lines = include_str!("shapes/settings.txt").lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('|'))?;
    let mut parts = line.split('|');
    let mut next = || parts.next().unwrap_or_default();
    Some(Known {
        unit: next(),
        category: next(),
        context: next(),
        kind: next(),
        least: next(),
        most: next(),
        words: next(),
    })
}

/// `pg_settings`
pub fn pg_settings(session: &Arc<dyn SessionView>, rows: &mut Rows) {
    let mut settings = session.settings();
    let presets = PRESETS.iter().filter(|(name, _)| session.setting(name).is_none());
    settings.extend(presets.map(|(name, value)| ((*name).to_string(), (*value).to_string())));
    settings.sort_by_key(|(name, _)| name.to_lowercase());
    for (name, value) in settings {
        let known = known(&name.to_lowercase());
        let known = known.as_ref();
        let said = |text: &str| if text.is_empty() { Cell::Null } else { text.into() };
        let value = known.and_then(|known| in_unit(&value, known.unit)).unwrap_or(value);
        let ours = if name.starts_with("onerow.") { "Customized Options" } else { "Settings" };
        rows.push([
            ("name", name.into()),
            ("setting", value.as_str().into()),
            ("unit", known.map_or(Cell::Null, |known| said(known.unit))),
            ("category", known.map_or(ours, |known| known.category).into()),
            ("context", known.map_or("user", |known| known.context).into()),
            ("vartype", known.map_or("string", |known| known.kind).into()),
            ("source", "default".into()),
            ("min_val", known.map_or(Cell::Null, |known| said(known.least))),
            ("max_val", known.map_or(Cell::Null, |known| said(known.most))),
            ("enumvals", known.filter(|known| !known.words.is_empty()).map_or(Cell::Null, |known| words(known.words))),
            ("boot_val", value.as_str().into()),
            ("reset_val", value.as_str().into()),
            ("pending_restart", false.into()),
        ]);
    }
}

fn words(list: &str) -> Cell {
    Cell::Texts(list.split(',').map(str::to_string).collect())
}

/// A value as SHOW gives it (`64MB`, `30s`) in the unit that the catalog counts it in. None leaves it.
fn in_unit(shown: &str, unit: &str) -> Option<String> {
    let base = match unit {
        "" => return None,
        unit => size(unit)?,
    };
    let digits = shown.find(|c: char| !c.is_ascii_digit()).unwrap_or(shown.len());
    let (count, of) = shown.split_at_checked(digits)?;
    let count: u64 = count.parse().ok()?;
    let each = if of.is_empty() { base } else { size(of.trim())? };
    Some((count.checked_mul(each)? / base).to_string())
}

/// A unit in bytes or milliseconds; `8kB` is a page.
fn size(unit: &str) -> Option<u64> {
    Some(match unit {
        "B" | "ms" => 1,
        "kB" => 1 << 10,
        "8kB" => 8 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_the_units_of_the_catalog() {
        let work_mem = known("work_mem").unwrap();
        assert_eq!((work_mem.unit, work_mem.kind, work_mem.least), ("kB", "integer", "64"));
        assert_eq!(known("bytea_output").unwrap().words, "escape,hex");
        assert!(known("work").is_none());
        assert_eq!(in_unit("64MB", "kB").as_deref(), Some("65536"));
        assert_eq!(in_unit("4GB", "8kB").as_deref(), Some("524288"));
        assert_eq!(in_unit("30s", "ms").as_deref(), Some("30000"));
        assert_eq!(in_unit("0", "ms").as_deref(), Some("0"));
        assert_eq!(in_unit("on", ""), None);
    }
}
