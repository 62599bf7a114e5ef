//! Settings of PostgreSQL 15 that clients, dumps and tools set and that mean nothing here: about its planner, its
//! storage, its log. Their values are checked and shown as Postgres does it.

use crate::error::{Error, Result, SqlState};

/// What a setting's value is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// On or off.
    Switch,
    /// One of some words.
    Word(&'static [&'static str]),
    Text,
    /// A number from and to.
    Real(f64, f64),
    /// A whole number from and to, in a unit.
    Number(i64, i64, Unit),
}

/// What a whole number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Plain,
    Bytes,
    Kilobytes,
    /// Of 8 kB.
    Blocks,
    Millis,
    Seconds,
}

use Kind::{Number, Real, Switch, Text, Word};

/// Names, values at first and kinds, by name.
const ACCEPTED: &[(&str, &str, Kind)] = &[
    ("backend_flush_after", "0", Number(0, 256, Unit::Blocks)),
    ("check_function_bodies", "on", Switch),
    ("client_connection_check_interval", "0", Number(0, 2_147_483_647, Unit::Millis)),
    ("commit_delay", "0", Number(0, 100_000, Unit::Plain)),
    ("commit_siblings", "5", Number(0, 1_000, Unit::Plain)),
    ("compute_query_id", "auto", Word(&["auto", "regress", "on", "off"])),
    ("cpu_index_tuple_cost", "0.005", Real(0.0, f64::MAX)),
    ("cpu_operator_cost", "0.0025", Real(0.0, f64::MAX)),
    ("cpu_tuple_cost", "0.01", Real(0.0, f64::MAX)),
    ("deadlock_timeout", "1s", Number(1, 2_147_483_647, Unit::Millis)),
    ("debug_pretty_print", "on", Switch),
    ("debug_print_parse", "off", Switch),
    ("debug_print_plan", "off", Switch),
    ("debug_print_rewritten", "off", Switch),
    ("default_statistics_target", "100", Number(1, 10_000, Unit::Plain)),
    ("default_toast_compression", "pglz", Word(&["pglz", "lz4"])),
    ("effective_io_concurrency", "1", Number(0, 1_000, Unit::Plain)),
    ("enable_async_append", "on", Switch),
    ("enable_bitmapscan", "on", Switch),
    ("enable_gathermerge", "on", Switch),
    ("enable_hashagg", "on", Switch),
    ("enable_hashjoin", "on", Switch),
    ("enable_incremental_sort", "on", Switch),
    ("enable_indexonlyscan", "on", Switch),
    ("enable_indexscan", "on", Switch),
    ("enable_material", "on", Switch),
    ("enable_memoize", "on", Switch),
    ("enable_mergejoin", "on", Switch),
    ("enable_nestloop", "on", Switch),
    ("enable_parallel_append", "on", Switch),
    ("enable_parallel_hash", "on", Switch),
    ("enable_partition_pruning", "on", Switch),
    ("enable_partitionwise_aggregate", "off", Switch),
    ("enable_partitionwise_join", "off", Switch),
    ("enable_seqscan", "on", Switch),
    ("enable_sort", "on", Switch),
    ("enable_tidscan", "on", Switch),
    ("force_parallel_mode", "off", Word(&["off", "on", "regress"])),
    ("geqo_effort", "5", Number(1, 10, Unit::Plain)),
    ("geqo_generations", "0", Number(0, 2_147_483_647, Unit::Plain)),
    ("geqo_pool_size", "0", Number(0, 2_147_483_647, Unit::Plain)),
    ("geqo_seed", "0", Real(0.0, 1.0)),
    ("geqo_selection_bias", "2", Real(1.5, 2.0)),
    ("geqo_threshold", "12", Number(2, 2_147_483_647, Unit::Plain)),
    ("gin_fuzzy_search_limit", "0", Number(0, 2_147_483_647, Unit::Plain)),
    ("gin_pending_list_limit", "4MB", Number(64, 2_147_483_647, Unit::Kilobytes)),
    ("hash_mem_multiplier", "2", Real(1.0, 1000.0)),
    ("jit_above_cost", "100000", Real(-1.0, f64::MAX)),
    ("jit_dump_bitcode", "off", Switch),
    ("jit_expressions", "on", Switch),
    ("jit_inline_above_cost", "500000", Real(-1.0, f64::MAX)),
    ("jit_optimize_above_cost", "500000", Real(-1.0, f64::MAX)),
    ("jit_tuple_deforming", "on", Switch),
    ("log_duration", "off", Switch),
    ("log_error_verbosity", "default", Word(&["terse", "default", "verbose"])),
    ("log_executor_stats", "off", Switch),
    ("log_lock_waits", "off", Switch),
    ("log_min_duration_sample", "-1", Number(-1, 2_147_483_647, Unit::Millis)),
    ("log_min_duration_statement", "-1", Number(-1, 2_147_483_647, Unit::Millis)),
    (
        "log_min_error_statement",
        "error",
        Word(&[
            "debug5", "debug4", "debug3", "debug2", "debug1", "info", "notice", "warning", "error", "log", "fatal",
            "panic",
        ]),
    ),
    (
        "log_min_messages",
        "warning",
        Word(&[
            "debug5", "debug4", "debug3", "debug2", "debug1", "info", "notice", "warning", "error", "log", "fatal",
            "panic",
        ]),
    ),
    ("log_parameter_max_length", "-1", Number(-1, 1_073_741_823, Unit::Bytes)),
    ("log_parameter_max_length_on_error", "0", Number(-1, 1_073_741_823, Unit::Bytes)),
    ("log_parser_stats", "off", Switch),
    ("log_planner_stats", "off", Switch),
    ("log_replication_commands", "off", Switch),
    ("log_statement", "none", Word(&["none", "ddl", "mod", "all"])),
    ("log_statement_sample_rate", "1", Real(0.0, 1.0)),
    ("log_statement_stats", "off", Switch),
    ("log_temp_files", "-1", Number(-1, 2_147_483_647, Unit::Kilobytes)),
    ("log_transaction_sample_rate", "0", Real(0.0, 1.0)),
    ("logical_decoding_work_mem", "64MB", Number(64, 2_147_483_647, Unit::Kilobytes)),
    ("maintenance_io_concurrency", "10", Number(0, 1_000, Unit::Plain)),
    ("max_parallel_maintenance_workers", "2", Number(0, 1_024, Unit::Plain)),
    ("max_parallel_workers", "8", Number(0, 1_024, Unit::Plain)),
    ("max_parallel_workers_per_gather", "2", Number(0, 1_024, Unit::Plain)),
    ("max_stack_depth", "100kB", Number(100, 2_147_483_647, Unit::Kilobytes)),
    ("min_parallel_index_scan_size", "512kB", Number(0, 715_827_882, Unit::Blocks)),
    ("min_parallel_table_scan_size", "8MB", Number(0, 715_827_882, Unit::Blocks)),
    ("parallel_leader_participation", "on", Switch),
    ("parallel_setup_cost", "1000", Real(0.0, f64::MAX)),
    ("parallel_tuple_cost", "0.1", Real(0.0, f64::MAX)),
    ("random_page_cost", "4", Real(0.0, f64::MAX)),
    ("recursive_worktable_factor", "10", Real(0.001, 1000000.0)),
    ("seq_page_cost", "1", Real(0.0, f64::MAX)),
    ("session_replication_role", "origin", Word(&["origin", "replica", "local"])),
    ("stats_fetch_consistency", "cache", Word(&["none", "cache", "snapshot"])),
    ("synchronous_commit", "on", Word(&["local", "remote_write", "remote_apply", "on", "off"])),
    ("tcp_keepalives_count", "0", Number(0, 2_147_483_647, Unit::Plain)),
    ("tcp_keepalives_idle", "0", Number(0, 2_147_483_647, Unit::Seconds)),
    ("tcp_keepalives_interval", "0", Number(0, 2_147_483_647, Unit::Seconds)),
    ("tcp_user_timeout", "0", Number(0, 2_147_483_647, Unit::Millis)),
    ("temp_tablespaces", "", Text),
    ("trace_notify", "off", Switch),
    ("trace_sort", "off", Switch),
    ("track_activities", "on", Switch),
    ("track_counts", "on", Switch),
    ("track_functions", "none", Word(&["none", "pl", "all"])),
    ("track_io_timing", "off", Switch),
    ("track_wal_io_timing", "off", Switch),
    ("update_process_title", "on", Switch),
    ("vacuum_cost_delay", "0", Real(0.0, 100.0)),
    ("vacuum_cost_limit", "200", Number(1, 10_000, Unit::Plain)),
    ("vacuum_cost_page_dirty", "20", Number(0, 10_000, Unit::Plain)),
    ("vacuum_cost_page_hit", "1", Number(0, 10_000, Unit::Plain)),
    ("vacuum_cost_page_miss", "2", Number(0, 10_000, Unit::Plain)),
    ("vacuum_failsafe_age", "1600000000", Number(0, 2_100_000_000, Unit::Plain)),
    ("vacuum_freeze_min_age", "50000000", Number(0, 1_000_000_000, Unit::Plain)),
    ("vacuum_freeze_table_age", "150000000", Number(0, 2_000_000_000, Unit::Plain)),
    ("vacuum_multixact_failsafe_age", "1600000000", Number(0, 2_100_000_000, Unit::Plain)),
    ("vacuum_multixact_freeze_min_age", "5000000", Number(0, 1_000_000_000, Unit::Plain)),
    ("vacuum_multixact_freeze_table_age", "150000000", Number(0, 2_000_000_000, Unit::Plain)),
    ("wal_compression", "off", Word(&["pglz", "lz4", "zstd", "on", "off"])),
    ("wal_init_zero", "on", Switch),
    ("wal_recycle", "on", Switch),
    ("wal_sender_timeout", "1min", Number(0, 2_147_483_647, Unit::Millis)),
    ("wal_skip_threshold", "2MB", Number(0, 2_147_483_647, Unit::Kilobytes)),
];

/// Settings that have a place of their own in a session.
const PLACED: &[(&str, Kind)] = &[
    (
        "client_min_messages",
        Word(&["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"]),
    ),
    ("effective_cache_size", Number(1, 2_147_483_647, Unit::Blocks)),
    ("extra_float_digits", Number(-15, 3, Unit::Plain)),
    ("maintenance_work_mem", Number(1_024, 2_147_483_647, Unit::Kilobytes)),
    ("temp_buffers", Number(100, 1_073_741_823, Unit::Blocks)),
    ("work_mem", Number(64, 2_147_483_647, Unit::Kilobytes)),
];

fn find(name: &str) -> Option<&'static (&'static str, &'static str, Kind)> {
    ACCEPTED.binary_search_by(|(known, ..)| (*known).cmp(name)).ok().and_then(|at| ACCEPTED.get(at))
}

/// The value at first; none for a setting that is not one of these.
pub(super) fn default(name: &str) -> Option<&'static str> {
    find(name).map(|(_, value, _)| *value)
}

/// All of them, with their values at first.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ACCEPTED.iter().map(|(name, value, _)| (*name, *value))
}

/// A value as SHOW prints it; none for a setting that is not one of these. An error (22023) for a value that the setting
/// cannot have.
pub(super) fn checked(name: &str, value: &str) -> Option<Result<String>> {
    let placed = PLACED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    let kind = find(name).map(|(_, _, kind)| *kind).or(placed)?;
    let value = value.trim().trim_matches('"');
    // Two words that Postgres takes and does not list.
    let value = match value.to_ascii_lowercase().as_str() {
        "debug" if name == "client_min_messages" => "debug2",
        "info" if name == "client_min_messages" => return Some(Ok("info".to_string())),
        _ => value,
    };
    Some(kind.read(name, value))
}

impl Kind {
    fn read(self, name: &str, value: &str) -> Result<String> {
        let refused = |message: String| Error::new(SqlState::INVALID_PARAMETER_VALUE, message);
        let invalid = || refused(format!("invalid value for parameter \"{name}\": \"{value}\""));
        let outside = |value: String, least: String, most: String| {
            refused(format!("{value} is outside the valid range for parameter \"{name}\" ({least} .. {most})"))
        };
        match self {
            Text => Ok(value.to_string()),
            Switch => match super::settings::switched(value) {
                Some(on) => Ok(if on { "on" } else { "off" }.to_string()),
                None => Err(refused(format!("parameter \"{name}\" requires a Boolean value"))),
            },
            Word(words) => {
                let found = words.iter().find(|word| word.eq_ignore_ascii_case(value));
                let on_or_off = || {
                    let word = if super::settings::switched(value)? { "on" } else { "off" };
                    words.iter().find(|known| **known == word)
                };
                match found.or_else(on_or_off) {
                    Some(word) => Ok((*word).to_string()),
                    None => Err(invalid().with_hint(format!("Available values: {}.", words.join(", ")))),
                }
            }
            Real(least, most) => {
                let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
                let number = digits.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(invalid)?;
                if number < least || number > most {
                    return Err(outside(number.to_string(), least.to_string(), most.to_string()));
                }
                Ok(number.to_string())
            }
            Number(least, most, unit) => {
                let number = unit.read(value).ok_or_else(|| match unit.names() {
                    [] => invalid(),
                    names => {
                        let names: Vec<String> = names.iter().map(|(name, _)| format!("\"{name}\"")).collect();
                        let (last, others) = names.split_last().map_or(("", &[][..]), |(l, o)| (l.as_str(), o));
                        let listed = format!("{}, and {last}", others.join(", "));
                        invalid().with_hint(format!("Valid units for this parameter are {listed}."))
                    }
                })?;
                if number < least || number > most {
                    let number = format!("{number} {}", unit.own()).trim_end().to_string();
                    return Err(outside(number, least.to_string(), most.to_string()));
                }
                Ok(unit.show(number))
            }
        }
    }
}

impl Unit {
    /// The units that a value may be written in, each as so many of the smallest, the largest first where it is shown.
    fn names(self) -> &'static [(&'static str, f64)] {
        const SIZES: &[(&str, f64)] =
            &[("B", 1.0), ("kB", 1_024.0), ("MB", 1_048_576.0), ("GB", 1_073_741_824.0), ("TB", 1_099_511_627_776.0)];
        const TIMES: &[(&str, f64)] =
            &[("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("min", 60_000.0), ("h", 3_600_000.0), ("d", 86_400_000.0)];
        match self {
            Unit::Plain => &[],
            Unit::Bytes | Unit::Kilobytes | Unit::Blocks => SIZES,
            Unit::Millis | Unit::Seconds => TIMES,
        }
    }

    /// The unit of a number without one: how many of the smallest it is.
    fn base(self) -> f64 {
        match self {
            Unit::Plain | Unit::Bytes | Unit::Millis => 1.0,
            Unit::Kilobytes => 1_024.0,
            Unit::Blocks => 8_192.0,
            Unit::Seconds => 1_000.0,
        }
    }

    fn own(self) -> &'static str {
        match self {
            Unit::Plain => "",
            Unit::Bytes => "B",
            Unit::Kilobytes => "kB",
            Unit::Blocks => "8kB",
            Unit::Millis => "ms",
            Unit::Seconds => "s",
        }
    }

    /// A value in the setting's own unit.
    fn read(self, text: &str) -> Option<i64> {
        let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (digits, unit) = text.split_at_checked(end)?;
        let number = digits.trim().parse::<f64>().ok().filter(|number| number.is_finite())?;
        let factor = match unit.trim() {
            "" => self.base(),
            unit => self.names().iter().find(|(name, _)| *name == unit)?.1,
        };
        let counted = (number * factor / self.base()).round();
        (counted.abs() < 9e15).then_some(counted as i64)
    }

    /// A value in the largest unit of which it is a whole number.
    fn show(self, number: i64) -> String {
        let smallest = number as f64 * self.base();
        let fits = |(_, factor): &&(&str, f64)| (smallest / factor).fract() == 0.0;
        match self.names().iter().rev().find(fits).filter(|_| number > 0) {
            Some((name, factor)) => format!("{}{name}", smallest / factor),
            None => number.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_values_are_theirs() {
        assert!(ACCEPTED.is_sorted_by_key(|(name, ..)| *name));
        for (name, value) in all() {
            let shown = checked(name, value).unwrap().unwrap();
            assert_eq!(checked(name, &shown).unwrap().unwrap(), shown, "{name}");
        }
    }

    #[test]
    fn values_are_shown_as_in_postgres() {
        for (name, value, shown) in [
            ("enable_seqscan", "FALSE", "off"),
            ("synchronous_commit", "Remote_Write", "remote_write"),
            ("synchronous_commit", "true", "on"),
            ("random_page_cost", "1.10", "1.1"),
            ("seq_page_cost", "1.0", "1"),
            ("work_mem", "4096", "4MB"),
            ("work_mem", "1.5GB", "1536MB"),
            ("work_mem", "100", "100kB"),
            ("min_parallel_table_scan_size", "1", "8kB"),
            ("deadlock_timeout", "2s", "2s"),
            ("log_min_duration_statement", "-1", "-1"),
            ("log_min_duration_statement", "90000", "90s"),
            ("tcp_keepalives_idle", "120", "2min"),
            ("default_statistics_target", "500", "500"),
            ("session_replication_role", "\"replica\"", "replica"),
            ("client_min_messages", "DEBUG", "debug2"),
            ("client_min_messages", "info", "info"),
            ("extra_float_digits", "-15", "-15"),
        ] {
            assert_eq!(checked(name, value).unwrap().unwrap(), shown, "{name} = {value}");
        }
        for (name, value) in [
            ("enable_seqscan", "maybe"),
            ("work_mem", "1 parsec"),
            ("work_mem", "0"),
            ("work_mem", ""),
            ("geqo_seed", "2"),
            ("geqo_seed", "NaN"),
            ("session_replication_role", "nobody"),
            ("default_statistics_target", "1MB"),
            ("client_min_messages", "debug9"),
            ("extra_float_digits", "9"),
        ] {
            let error = checked(name, value).unwrap().unwrap_err();
            assert_eq!(error.state(), SqlState::INVALID_PARAMETER_VALUE, "{name} = {value}");
        }
        assert!(checked("nope", "1").is_none());
    }
}
