//! Declared types in SQLite, which bind nobody, and what they are here.

use crate::catalog::types::PgType;

/// How SQLite converts what is stored in, and compared with, a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affinity {
    Integer,
    Text,
    /// None at all: also of columns without a type
    Blob,
    Real,
    Numeric,
}

/// The affinity that SQLite gives a declared type, by its own five rules, in their order.
pub(super) fn affinity(declared: &str) -> Affinity {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["INT"]) {
        Affinity::Integer
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if declared.trim().is_empty() || has(&["BLOB"]) {
        Affinity::Blob
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// The type here of a column of a table. `zoned` says that a time zone is known for times that bear none.
pub(super) fn pg_type(declared: &str, zoned: bool) -> PgType {
    let upper = declared.trim().to_ascii_uppercase();
    let (base, arguments) = match upper.split_once('(') {
        Some((base, rest)) => (base.trim(), rest.split(')').next().unwrap_or_default()),
        None => (upper.as_str(), ""),
    };
    match base {
        "BOOL" | "BOOLEAN" => PgType::Bool,
        "JSON" | "JSONB" => PgType::Json,
        "DATE" => PgType::Date,
        "TIME" | "TIME WITHOUT TIME ZONE" => PgType::Time,
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" | "DATETIMEOFFSET" => PgType::TimestampTz,
        "DATETIME" | "DATETIME2" | "SMALLDATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" if zoned => {
            PgType::TimestampTz
        }
        "DATETIME" | "DATETIME2" | "SMALLDATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => PgType::Timestamp,
        "DECIMAL" | "NUMERIC" | "DEC" | "NUMBER" => PgType::Numeric(precision(arguments)),
        "MONEY" => PgType::Numeric(None),
        // By SQLite's rules whole numbers, for the letters INT in them.
        "INTERVAL" | "POINT" => PgType::Text,
        _ => match affinity(base) {
            Affinity::Integer => PgType::Int8,
            Affinity::Real => PgType::Float8,
            Affinity::Blob if !base.is_empty() => PgType::Bytea,
            Affinity::Text | Affinity::Blob | Affinity::Numeric => PgType::Text,
        },
    }
}

/// The type here of a column of a view. An expression's type is only SQLite's guess at an affinity, so it is taken
/// for no more than that.
pub(super) fn view_type(declared: &str, zoned: bool) -> PgType {
    match declared.trim().to_ascii_uppercase().as_str() {
        "NUM" => PgType::Text,
        _ => pg_type(declared, zoned),
    }
}

/// The type here of a column of a view over several SELECTs: where they differ, SQLite calls it a blob, and most often
/// it holds numbers and texts.
pub(super) fn compound_type(declared: &str, zoned: bool) -> PgType {
    match view_type(declared, zoned) {
        PgType::Bytea => PgType::Text,
        other => other,
    }
}

fn precision(arguments: &str) -> Option<(u8, i8)> {
    let mut numbers = arguments.split(',').map(|n| n.trim().parse::<u8>());
    let precision = numbers.next()?.ok()?;
    let scale = match numbers.next() {
        Some(scale) => i8::try_from(scale.ok()?).ok()?,
        None => 0,
    };
    ((1..=76).contains(&precision) && i16::from(scale) <= i16::from(precision)).then_some((precision, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types() {
        for (declared, here) in [
            ("INTEGER", "bigint"),
            ("unsigned big int", "bigint"),
            ("tinyint(1)", "bigint"),
            ("boolean", "boolean"),
            ("VARCHAR(20)", "text"),
            ("", "text"),
            ("STRING", "text"),
            ("UUID", "text"),
            ("ANY", "text"),
            ("INTERVAL", "text"),
            ("BLOB", "bytea"),
            ("double precision", "double precision"),
            ("DECIMAL(10, 2)", "numeric(10,2)"),
            ("NUMERIC", "numeric"),
            ("DECIMAL(2,10)", "numeric"),
            ("DATE", "date"),
            ("DateTime", "timestamp without time zone"),
            ("TIMESTAMP(3)", "timestamp without time zone"),
            ("timestamptz", "timestamp with time zone"),
            ("json", "json"),
        ] {
            assert_eq!(pg_type(declared, false).to_string(), here, "{declared}");
        }
        assert_eq!(pg_type("datetime", true), PgType::TimestampTz);
        assert_eq!(view_type("NUM", false), PgType::Text);
        assert_eq!((view_type("BLOB", false), compound_type("BLOB", false)), (PgType::Bytea, PgType::Text));
    }
}
