//! Which of Postgres's types are carried as themselves, and how each column is asked for.

use datafusion::arrow::datatypes::DataType;

use crate::catalog::types::PgType;
use crate::sources::table::ColumnSpec;

/// Ends a column's collation when equality there is not equality of bytes.
pub(super) const NONDETERMINISTIC: &str = " (nondeterministic)";

/// Begins the part of a text column's collation that names the database's encoding, where that is not UTF8.
pub(super) const ENCODING: &str = " (encoding ";

/// Begins the remote type of a row-valued column: of such a one IS NULL means something else.
pub(super) const COMPOSITE: &str = "composite ";

/// The type that carries a remote type as it is; none for one that is read as text. `remote_type` is as
/// `format_type` prints it, with a schema when it is not a built-in one.
pub(super) fn carrier(remote_type: &str) -> Option<PgType> {
    if remote_type.contains('.') || remote_type.starts_with(COMPOSITE) {
        return None;
    }
    if remote_type.starts_with("interval") {
        // `interval day to second(3)` holds no other values than `interval`.
        let array = remote_type.ends_with("[]");
        return Some(if array { PgType::Array(Box::new(PgType::Interval)) } else { PgType::Interval });
    }
    PgType::parse(remote_type).filter(is_carried)
}

/// Whether values of this type are decoded from their binary form.
pub(super) fn is_carried(pg_type: &PgType) -> bool {
    match pg_type {
        PgType::Record | PgType::Vector(_) => false,
        PgType::Numeric(Some((p, s))) => (1..=76).contains(p) && *s >= 0 && i16::from(*s) <= i16::from(*p),
        PgType::Array(element) => !matches!(element.as_ref(), PgType::Array(_)) && is_carried(element),
        _ => true,
    }
}

/// The type here of a column that was not declared. With a time zone, times without one become times with one.
pub(super) fn local(remote_type: &str, zoned: bool) -> PgType {
    let pg_type = carrier(remote_type).unwrap_or(PgType::Text);
    if !zoned {
        return pg_type;
    }
    match pg_type {
        PgType::Timestamp => PgType::TimestampTz,
        PgType::Array(element) if *element == PgType::Timestamp => PgType::Array(Box::new(PgType::TimestampTz)),
        other => other,
    }
}

/// How a column is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    /// The type that the source is told to cast it to; none to take it as it is.
    pub(super) cast: Option<String>,
    /// The type that then travels.
    pub(super) wire: PgType,
}

/// How a column is asked for: as it is where its own type decodes into the declared one, else cast there.
pub(super) fn access(column: &ColumnSpec) -> Access {
    match carrier(&column.remote_type) {
        Some(wire) if decodes(&wire, &column.pg_type) => Access { cast: None, wire },
        _ => {
            let wire = castable(&column.pg_type);
            Access { cast: Some(wire.to_string()), wire }
        }
    }
}

/// Whether the binary form of `wire` decodes into `target` without a change of meaning.
fn decodes(wire: &PgType, target: &PgType) -> bool {
    use PgType::{Array, Bpchar, Char, Json, Jsonb, Name, Numeric, Text, Timestamp, TimestampTz, Uuid, Varchar};
    match (wire, target) {
        // A value that the declared precision cannot hold exactly is an error when it comes, never rounded there.
        (Numeric(_), Numeric(_)) => is_decimal(target),
        (Text | Varchar(_) | Bpchar(_) | Name, Text | Varchar(_) | Bpchar(_) | Name) => true,
        (Char | Uuid | Json | Jsonb, Text | Varchar(_)) => true,
        (Jsonb, Json) => true,
        (Timestamp, TimestampTz) => true,
        (Array(wire), Array(target)) => !matches!(target.as_ref(), Array(_)) && decodes(wire, target),
        _ => wire == target,
    }
}

/// Whether a numeric type is carried by a decimal.
pub(super) fn is_decimal(pg_type: &PgType) -> bool {
    matches!(pg_type.arrow(), DataType::Decimal128(..) | DataType::Decimal256(..))
}

/// What to cast to for a declared type: without the lengths and scales that would cut a value short.
fn castable(target: &PgType) -> PgType {
    match target {
        PgType::Numeric(_) if is_decimal(target) => PgType::Numeric(None),
        PgType::Numeric(_) | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name | PgType::Char | PgType::Record => {
            PgType::Text
        }
        PgType::Array(element) => PgType::Array(Box::new(castable(element))),
        other => other.clone(),
    }
}

/// Whether a column that was expected as `wire` may come with this OID.
pub(super) fn comes_as(wire: &PgType, oid: u32) -> bool {
    let is_text = |oid: u32| oid == PgType::Text.oid() || oid == PgType::Varchar(None).oid();
    wire.oid() == oid || (is_text(wire.oid()) && is_text(oid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(remote_type: &str, pg_type: PgType) -> ColumnSpec {
        ColumnSpec { remote_type: remote_type.into(), ..ColumnSpec::new("c", pg_type) }
    }

    #[test]
    fn types_are_carried_or_read_as_text() {
        for (remote, expected) in [
            ("integer", Some(PgType::Int4)),
            ("numeric", Some(PgType::Numeric(None))),
            ("numeric(50,2)", Some(PgType::Numeric(Some((50, 2))))),
            ("numeric(100,5)", None),
            ("numeric(5,-2)", None),
            ("numeric(2,5)", None),
            ("interval day to second(3)", Some(PgType::Interval)),
            ("timestamp(3) without time zone", Some(PgType::Timestamp)),
            ("timestamp with time zone[]", Some(PgType::Array(Box::new(PgType::TimestampTz)))),
            ("character varying(10)[]", Some(PgType::Array(Box::new(PgType::Varchar(Some(10)))))),
            ("time with time zone", None),
            ("money", None),
            ("inet[]", None),
            ("public.string", None),
            ("composite public.address", None),
            ("", None),
        ] {
            assert_eq!(carrier(remote), expected, "{remote}");
        }
        assert_eq!(local("timestamp without time zone", true), PgType::TimestampTz);
        assert_eq!(local("public.mood", false), PgType::Text);
    }

    #[test]
    fn columns_are_cast_only_where_they_must_be() {
        let cast = |remote: &str, pg_type: PgType| access(&column(remote, pg_type)).cast;
        assert_eq!(cast("character varying(20)", PgType::Text), None);
        assert_eq!(cast("timestamp without time zone", PgType::TimestampTz), None);
        assert_eq!(cast("public.mood", PgType::Text).as_deref(), Some("text"));
        assert_eq!(cast("integer", PgType::Int8).as_deref(), Some("bigint"));
        assert_eq!(cast("text", PgType::Numeric(Some((10, 2)))).as_deref(), Some("numeric"));
        assert_eq!(cast("numeric", PgType::Numeric(Some((10, 2)))), None);
        assert_eq!(cast("integer", PgType::Varchar(Some(2))).as_deref(), Some("text"));
        assert_eq!(cast("", PgType::Date).as_deref(), Some("date"));
        assert_eq!(cast("numeric(100,5)", PgType::Text).as_deref(), Some("text"));
    }
}
