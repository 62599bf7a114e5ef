//! What is asked of the session and of the server: who, where, which settings, what may be done.

use datafusion::error::Result;
use datafusion::logical_expr::Volatility;

use super::names::oid_in;
use super::spec::{Call, Param, Returns, Spec};
use crate::catalog::definitions::{OWNER, RelationDef, RelationKind};
use crate::catalog::pg::Ends;
use crate::catalog::pg::rows::Cell;
use crate::catalog::pg::shapes::PG_CATALOG;
use crate::catalog::pg::snapshot::Relation;
use crate::catalog::pg::view;
use crate::catalog::rights::denied;
use crate::error::{Error, SqlState};

use Param::{Any, Bool, Int, Oid, Text};

/// The functions of this file.
pub const SPECS: &[Spec] = &[
    Spec::new("version", &[], Returns::Text, |_, _| Ok(view::version().into())),
    Spec::new("current_database", &[], Returns::Name, |_, _| Ok(view::database().into())),
    Spec::new("current_catalog", &[], Returns::Name, |_, _| Ok(view::database().into())),
    Spec::new("current_schema", &[], Returns::Name, |call, _| Ok(existing(call).next().into())),
    // Immutable so that it folds to a literal inside the arguments of a table function; a search path does not
    // change within a statement.
    Spec::new("current_schemas", &[Bool], Returns::Names, current_schemas).is(Volatility::Immutable),
    Spec::new("current_user", &[], Returns::Name, |call, _| Ok(call.session.current_user().into())),
    Spec::new("current_role", &[], Returns::Name, |call, _| Ok(call.session.current_user().into())),
    Spec::new("user", &[], Returns::Name, |call, _| Ok(call.session.current_user().into())),
    Spec::new("session_user", &[], Returns::Name, |call, _| Ok(call.session.session_user().into())),
    Spec::new("pg_backend_pid", &[], Returns::Int4, |call, _| Ok(call.session.pid().into())),
    Spec::new("pg_cancel_backend", &[Int], Returns::Bool, |call, row| signal(call, row, false))
        .is(Volatility::Volatile),
    // A wait for its end, as the second argument may ask for, is not made.
    Spec::new("pg_terminate_backend", &[Int, Int], Returns::Bool, |call, row| signal(call, row, true))
        .requires(1)
        .is(Volatility::Volatile),
    Spec::new("pg_postmaster_start_time", &[], Returns::TimestampTz, |call, _| {
        Ok(call.session.backends().map(|backends| backends.since()).into())
    }),
    // No statement here waits for a lock of another's.
    Spec::new("pg_blocking_pids", &[Int], Returns::Ints, |_, _| Ok(Cell::Ints(vec![]))),
    Spec::new("pg_safe_snapshot_blocking_pids", &[Int], Returns::Ints, |_, _| Ok(Cell::Ints(vec![]))),
    Spec::new("current_setting", &[Text, Bool], Returns::Text, current_setting).requires(1),
    Spec::new("set_config", &[Text, Text, Bool], Returns::Text, set_config).is(Volatility::Volatile),
    Spec::new("pg_notify", &[Text, Text], Returns::Void, notify).is(Volatility::Volatile),
    Spec::new("pg_client_encoding", &[], Returns::Name, |_, _| Ok("UTF8".into())),
    Spec::new("getdatabaseencoding", &[], Returns::Name, |_, _| Ok("UTF8".into())),
    Spec::new("pg_encoding_to_char", &[Int], Returns::Name, |call, row| Ok(call.int(0, row).map(encoding_name).into())),
    Spec::new("pg_char_to_encoding", &[Text], Returns::Int4, |call, row| {
        Ok(call.text(0, row).map(encoding_number).into())
    }),
    // There are no advisory locks, so none is held. Pools let go of all when they take a connection back.
    Spec::new("pg_advisory_unlock", &[Int, Int], Returns::Bool, no).requires(1),
    Spec::new("pg_advisory_unlock_shared", &[Int, Int], Returns::Bool, no).requires(1),
    Spec::new("pg_advisory_unlock_all", &[], Returns::Void, |_, _| Ok("".into())),
    Spec::new("pg_is_in_recovery", &[], Returns::Bool, no),
    Spec::new("pg_is_wal_replay_paused", &[], Returns::Bool, no),
    Spec::new("txid_current", &[], Returns::Int8, |_, _| Ok(1.into())),
    Spec::new("pg_my_temp_schema", &[], Returns::Oid, zero),
    Spec::new("pg_is_other_temp_schema", &[Oid], Returns::Bool, no),
    Spec::new("inet_server_addr", &[], Returns::Text, |call, _| {
        Ok(ends(call).map(|ends| ends.server.ip().to_canonical().to_string()).into())
    }),
    Spec::new("inet_server_port", &[], Returns::Int4, |call, _| {
        Ok(ends(call).map(|ends| i64::from(ends.server.port())).into())
    }),
    Spec::new("inet_client_addr", &[], Returns::Text, |call, _| {
        Ok(ends(call).map(|ends| ends.client.ip().to_canonical().to_string()).into())
    }),
    Spec::new("inet_client_port", &[], Returns::Int4, |call, _| {
        Ok(ends(call).map(|ends| i64::from(ends.client.port())).into())
    }),
    Spec::new("row_security_active", &[Any], Returns::Bool, no),
    // Sizes are those of the rows of local tables; nothing else is stored here.
    Spec::new("pg_relation_size", &[Oid, Text], Returns::Int8, relation_size).requires(1),
    Spec::new("pg_table_size", &[Oid], Returns::Int8, relation_size),
    Spec::new("pg_total_relation_size", &[Oid], Returns::Int8, relation_size),
    Spec::new("pg_indexes_size", &[Oid], Returns::Int8, zero),
    Spec::new("pg_database_size", &[Any], Returns::Int8, database_size),
    Spec::new("pg_tablespace_size", &[Any], Returns::Int8, database_size),
    Spec::new("pg_size_pretty", &[Int], Returns::Text, |call, row| Ok(call.int(0, row).map(size_pretty).into())),
    Spec::new("pg_relation_filenode", &[Oid], Returns::Oid, null),
    Spec::new("pg_relation_filepath", &[Oid], Returns::Text, null),
    Spec::new("pg_tablespace_location", &[Oid], Returns::Text, |_, _| Ok("".into())),
    Spec::new("pg_stat_get_numscans", &[Oid], Returns::Int8, zero),
    Spec::new("pg_stat_get_live_tuples", &[Oid], Returns::Int8, zero),
    Spec::new("pg_stat_get_dead_tuples", &[Oid], Returns::Int8, zero),
    Spec::new("pg_relation_is_publishable", &[Oid], Returns::Bool, no),
    Spec::new("pg_relation_is_updatable", &[Oid, Bool], Returns::Int4, zero),
    Spec::new("pg_column_is_updatable", &[Oid, Int, Bool], Returns::Bool, no),
    Spec::new("onerow_stat_reset", &[], Returns::Text, stat_reset).is(Volatility::Volatile),
    Spec::new("pg_sequence_last_value", &[Oid], Returns::Int8, null),
    Spec::new("pg_get_serial_sequence", &[Text, Text], Returns::Text, null),
];

/// The addresses of the connection that asks; none for the command line.
fn ends(call: &Call<'_>) -> Option<Ends> {
    call.session.backends()?.ends_of(call.session.pid())
}

/// As in Postgres NULL is an empty text, which a channel's name must not be.
fn notify(call: &Call<'_>, row: usize) -> Result<Cell> {
    call.session.notify(call.text(0, row).unwrap_or_default(), call.text(1, row).unwrap_or_default())?;
    Ok("".into())
}

/// The size of a relation; NULL for an OID that is none. All of it is in the main fork.
fn relation_size(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(oid) = oid_in(call, 0, row, None) else { return Ok(Cell::Null) };
    if call.text(1, row).is_some_and(|fork| fork != "main") {
        return Ok(0.into());
    }
    Ok(match call.snapshot.relation(oid) {
        // From its size a table's rows can be counted, one by one as they are put in.
        Some(Relation::Defined(relation))
            if !call.snapshot.definitions.may_count(relation, &call.session.current_user()) =>
        {
            Cell::Null
        }
        Some(Relation::Defined(relation)) => bytes_of(call, relation)?.into(),
        Some(Relation::System(_)) => 0.into(),
        None if call.snapshot.index(oid).is_some() => 0.into(),
        None => Cell::Null,
    })
}

fn bytes_of(call: &Call<'_>, relation: &RelationDef) -> Result<i64> {
    let size = match &call.sizes {
        Some(sizes) if matches!(relation.kind, RelationKind::Local(_)) => sizes.size(&relation.name)?,
        _ => return Ok(0),
    };
    Ok(i64::try_from(size.bytes).unwrap_or(i64::MAX))
}

fn database_size(call: &Call<'_>, _: usize) -> Result<Cell> {
    let sizes = call.snapshot.definitions.relations.values().map(|relation| bytes_of(call, relation));
    Ok(sizes.sum::<Result<i64>>()?.into())
}

/// Always true.
pub fn yes(_: &Call<'_>, _: usize) -> Result<Cell> {
    Ok(true.into())
}

/// Always false.
pub fn no(_: &Call<'_>, _: usize) -> Result<Cell> {
    Ok(false.into())
}

/// Always 0.
pub fn zero(_: &Call<'_>, _: usize) -> Result<Cell> {
    Ok(0.into())
}

/// Always NULL.
pub fn null(_: &Call<'_>, _: usize) -> Result<Cell> {
    Ok(Cell::Null)
}

/// The schemas of the search path that are there.
fn existing<'a>(call: &'a Call<'_>) -> impl Iterator<Item = String> + 'a {
    call.path.iter().filter(|schema| call.snapshot.schema_oid(schema) != 0).cloned()
}

fn current_schemas(call: &Call<'_>, row: usize) -> Result<Cell> {
    Ok(call
        .bool(0, row)
        .map(|implicit| {
            let system = implicit.then(|| PG_CATALOG.to_string());
            system.into_iter().chain(existing(call)).collect::<Vec<String>>()
        })
        .into())
}

fn current_setting(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(name) = call.text(0, row) else { return Ok(Cell::Null) };
    match call.session.setting(&name.to_lowercase()) {
        Some(value) => Ok(value.into()),
        None if view::preset(name).is_some() => Ok(view::preset(name).into()),
        None if call.bool(1, row) == Some(true) => Ok(Cell::Null),
        None => {
            Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
                .into())
        }
    }
}

fn set_config(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(name) = call.text(0, row) else {
        return Err(Error::new(SqlState("22004"), "SET requires parameter name").into());
    };
    let local = call.bool(2, row) == Some(true);
    let value = call.session.set(&name.to_lowercase(), call.text(1, row), local)?;
    Ok(value.into())
}

/// Cancels what another connection runs, or ends it.
fn signal(call: &Call<'_>, row: usize, ends: bool) -> Result<Cell> {
    let Some(pid) = call.int(0, row) else { return Ok(Cell::Null) };
    let role = call.session.current_user();
    let rights = call.snapshot.definitions.rights(&role);
    match call.session.backends() {
        Some(backends) => Ok(backends.signal(pid, ends, &rights)?.into()),
        None => Ok(false.into()),
    }
}

/// Forgets what sources were asked. As Postgres's `void` the result is an empty text.
fn stat_reset(call: &Call<'_>, _: usize) -> Result<Cell> {
    if call.session.current_user() != OWNER {
        return Err(denied("function onerow_stat_reset").into());
    }
    if let Some(activity) = call.session.source_activity() {
        activity.reset();
    }
    Ok("".into())
}

/// The names of Postgres's encodings, in the order of their numbers.
const ENCODINGS: [&str; 42] = [
    "SQL_ASCII",
    "EUC_JP",
    "EUC_CN",
    "EUC_KR",
    "EUC_TW",
    "EUC_JIS_2004",
    "UTF8",
    "MULE_INTERNAL",
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "WIN1256",
    "WIN1258",
    "WIN866",
    "WIN874",
    "KOI8R",
    "WIN1251",
    "WIN1252",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "WIN1250",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1257",
    "KOI8U",
    "SJIS",
    "BIG5",
    "GBK",
    "UHC",
    "GB18030",
    "JOHAB",
    "SHIFT_JIS_2004",
];

fn encoding_name(number: i64) -> &'static str {
    usize::try_from(number).ok().and_then(|number| ENCODINGS.get(number)).copied().unwrap_or_default()
}

/// As Postgres, which looks at letters and digits alone.
fn encoding_number(name: &str) -> i32 {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
    };
    let name = plain(name);
    let known = match name.as_str() {
        "UNICODE" => "UTF8",
        "ISO88591" => "LATIN1",
        other => other,
    };
    let found = ENCODINGS.iter().position(|encoding| plain(encoding) == known);
    found.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1)
}

/// A number of bytes in the largest unit that leaves at least 10 of it, rounded half away from zero, as Postgres's
/// function of this name.
fn size_pretty(bytes: i64) -> String {
    if bytes.unsigned_abs() < 10 * 1024 {
        return format!("{bytes} bytes");
    }
    let (sign, mut half_units) = (if bytes < 0 { "-" } else { "" }, bytes.unsigned_abs() >> 9);
    let units = ["kB", "MB", "GB", "TB", "PB"];
    let mut unit = 0;
    while half_units >= 20 * 1024 - 1 && unit + 1 < units.len() {
        half_units >>= 10;
        unit += 1;
    }
    format!("{sign}{} {}", half_units.div_ceil(2), units.get(unit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_postgres_prints_them() {
        assert_eq!(size_pretty(0), "0 bytes");
        assert_eq!(size_pretty(10_239), "10239 bytes");
        assert_eq!(size_pretty(10_240), "10 kB");
        assert_eq!(size_pretty(1_048_576 * 10), "10 MB");
        assert_eq!(size_pretty(-20_480), "-20 kB");
    }

    #[test]
    fn encodings() {
        assert_eq!(encoding_name(6), "UTF8");
        assert_eq!(encoding_number("utf-8"), 6);
    }
}
