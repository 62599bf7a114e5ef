//! Column types of MySQL and MariaDB, and what they are here.

use mysql_async::Column;
use mysql_async::consts::{ColumnFlags, ColumnType};

use crate::catalog::types::PgType;

/// The character set of what is no text, in the protocol.
const BINARY_CHARSET: u16 = 63;

/// A column's type at the server, as far as reading and comparing it depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MysqlType {
    /// `tinyint`, `bool` too: any number from -128 to 255 may be in it
    TinyInt,
    /// `smallint`, signed
    SmallInt,
    /// `smallint unsigned`, `mediumint`, `int`
    Int,
    /// `mediumint unsigned`, `int unsigned`, `bigint`
    BigInt,
    /// `bigint unsigned`
    BigIntUnsigned,
    /// `bit(n)`
    Bit(u32),
    /// `decimal(p,s)`
    Decimal(u8, i8),
    Float,
    Double,
    Date,
    /// `datetime`: what clocks show
    DateTime,
    /// `timestamp`: an instant
    Timestamp,
    Time,
    Year,
    /// `char(n)` and `varchar(n)`
    Char(u32),
    /// `tinytext` to `longtext`
    Text,
    /// `enum` and `set`
    Choice,
    Json,
    /// `binary`, `varbinary` and `tinyblob` to `longblob`
    Binary,
    /// `vector`, and geometries in results: the server's own bytes
    Vector,
    /// MariaDB's `uuid`
    Uuid,
    /// `geometry`, `point` and the like
    Geometry,
    /// Whatever else: `inet4`, `inet6`, ..
    Other,
}

impl MysqlType {
    /// Reads `COLUMN_TYPE` of `information_schema`, such as `int(10) unsigned`; none for an empty text.
    pub fn parse(column_type: &str) -> Option<MysqlType> {
        let text = column_type.trim().to_ascii_lowercase();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        let (base, rest) = text.split_at(end);
        if base.is_empty() {
            return None;
        }
        let arguments: Vec<u32> = rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(inner, _)| inner.split(',').map_while(|n| n.trim().parse().ok()).collect())
            .unwrap_or_default();
        let first = arguments.first().copied();
        let unsigned = rest.contains("unsigned");
        Some(match base {
            "tinyint" | "bool" | "boolean" => MysqlType::TinyInt,
            "smallint" if unsigned => MysqlType::Int,
            "smallint" => MysqlType::SmallInt,
            "mediumint" | "int" | "integer" if unsigned => MysqlType::BigInt,
            "mediumint" | "int" | "integer" => MysqlType::Int,
            "bigint" if unsigned => MysqlType::BigIntUnsigned,
            "bigint" => MysqlType::BigInt,
            "bit" => MysqlType::Bit(first.unwrap_or(1)),
            "decimal" | "numeric" | "dec" => {
                let precision = first.and_then(|p| u8::try_from(p).ok()).unwrap_or(10);
                let scale = arguments.get(1).and_then(|s| i8::try_from(*s).ok()).unwrap_or(0);
                MysqlType::Decimal(precision, scale)
            }
            "float" => MysqlType::Float,
            "double" | "real" => MysqlType::Double,
            "date" => MysqlType::Date,
            "datetime" => MysqlType::DateTime,
            "timestamp" => MysqlType::Timestamp,
            "time" => MysqlType::Time,
            "year" => MysqlType::Year,
            "char" | "varchar" => MysqlType::Char(first.unwrap_or(1)),
            "tinytext" | "text" | "mediumtext" | "longtext" => MysqlType::Text,
            "enum" | "set" => MysqlType::Choice,
            "json" => MysqlType::Json,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => MysqlType::Binary,
            "vector" => MysqlType::Vector,
            "uuid" => MysqlType::Uuid,
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
            | "geometrycollection" | "geomcollection" => MysqlType::Geometry,
            _ => MysqlType::Other,
        })
    }

    /// The type here. `zoned` says that a time zone is known for what clocks show.
    pub fn pg_type(self, zoned: bool) -> PgType {
        match self {
            MysqlType::TinyInt | MysqlType::SmallInt => PgType::Int2,
            MysqlType::Int | MysqlType::Year => PgType::Int4,
            MysqlType::BigInt => PgType::Int8,
            MysqlType::BigIntUnsigned => PgType::Numeric(Some((20, 0))),
            MysqlType::Bit(1) => PgType::Bool,
            MysqlType::Bit(2..=63) => PgType::Int8,
            MysqlType::Bit(_) => PgType::Numeric(Some((20, 0))),
            MysqlType::Decimal(p, s) => PgType::Numeric(Some((p, s))),
            MysqlType::Float => PgType::Float4,
            MysqlType::Double => PgType::Float8,
            MysqlType::Date => PgType::Date,
            MysqlType::DateTime if !zoned => PgType::Timestamp,
            MysqlType::DateTime | MysqlType::Timestamp => PgType::TimestampTz,
            MysqlType::Time => PgType::Interval,
            MysqlType::Char(n) => PgType::Varchar(Some(n)),
            MysqlType::Json => PgType::Json,
            MysqlType::Binary | MysqlType::Vector => PgType::Bytea,
            MysqlType::Uuid => PgType::Uuid,
            MysqlType::Text | MysqlType::Choice | MysqlType::Geometry | MysqlType::Other => PgType::Text,
        }
    }

    /// Whether a column declared so is read as its own type, and not converted: only then do comparisons there mean
    /// what they mean here.
    pub fn reads_as(self, declared: &PgType) -> bool {
        let text = |t: &PgType| matches!(t, PgType::Text | PgType::Varchar(_));
        let own = self.pg_type(false);
        *declared == own
            || (self == MysqlType::DateTime && *declared == PgType::TimestampTz)
            || (text(declared) && (text(&own) || own == PgType::Uuid))
    }

    /// Whether some of its values are no dates of the calendar, and are read as null.
    pub fn has_zero_dates(self) -> bool {
        matches!(self, MysqlType::Date | MysqlType::DateTime | MysqlType::Timestamp)
    }

    /// The type of a result's column, which no table need stand behind.
    pub fn of_result(column: &Column) -> MysqlType {
        let unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
        let binary = column.character_set() == BINARY_CHARSET
            && !column.flags().intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG);
        match column.column_type() {
            ColumnType::MYSQL_TYPE_TINY => MysqlType::TinyInt,
            ColumnType::MYSQL_TYPE_SHORT if unsigned => MysqlType::Int,
            ColumnType::MYSQL_TYPE_SHORT => MysqlType::SmallInt,
            ColumnType::MYSQL_TYPE_INT24 | ColumnType::MYSQL_TYPE_LONG if unsigned => MysqlType::BigInt,
            ColumnType::MYSQL_TYPE_INT24 | ColumnType::MYSQL_TYPE_LONG => MysqlType::Int,
            ColumnType::MYSQL_TYPE_LONGLONG if unsigned => MysqlType::BigIntUnsigned,
            ColumnType::MYSQL_TYPE_LONGLONG => MysqlType::BigInt,
            ColumnType::MYSQL_TYPE_YEAR => MysqlType::Year,
            ColumnType::MYSQL_TYPE_FLOAT => MysqlType::Float,
            ColumnType::MYSQL_TYPE_DOUBLE => MysqlType::Double,
            ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL => {
                // The length counts the sign and the point.
                let scale = column.decimals();
                let extra = u32::from(scale > 0) + u32::from(!unsigned);
                let precision = column.column_length().saturating_sub(extra).clamp(1, 65);
                let precision = u8::try_from(precision).unwrap_or(65).max(scale);
                MysqlType::Decimal(precision, i8::try_from(scale).unwrap_or(0))
            }
            ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => MysqlType::Date,
            ColumnType::MYSQL_TYPE_DATETIME => MysqlType::DateTime,
            ColumnType::MYSQL_TYPE_TIMESTAMP => MysqlType::Timestamp,
            ColumnType::MYSQL_TYPE_TIME => MysqlType::Time,
            ColumnType::MYSQL_TYPE_BIT => MysqlType::Bit(column.column_length()),
            ColumnType::MYSQL_TYPE_JSON => MysqlType::Json,
            ColumnType::MYSQL_TYPE_GEOMETRY | ColumnType::MYSQL_TYPE_VECTOR => MysqlType::Vector,
            ColumnType::MYSQL_TYPE_NULL => MysqlType::Text,
            _ if binary => MysqlType::Binary,
            _ => MysqlType::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_as_the_servers_write_them() {
        let pg = |text: &str| MysqlType::parse(text).unwrap().pg_type(false).to_string();
        for (remote, here) in [
            ("tinyint(1)", "smallint"),
            ("tinyint(3) unsigned", "smallint"),
            ("smallint(5) unsigned zerofill", "integer"),
            ("mediumint(8) unsigned", "bigint"),
            ("int", "integer"),
            ("int(10) unsigned", "bigint"),
            ("bigint(20)", "bigint"),
            ("bigint unsigned", "numeric(20,0)"),
            ("decimal(65,30)", "numeric(65,30)"),
            ("bit(1)", "boolean"),
            ("bit(8)", "bigint"),
            ("bit(64)", "numeric(20,0)"),
            ("varchar(255)", "character varying(255)"),
            ("enum('unsigned','a(1)')", "text"),
            ("datetime(6)", "timestamp without time zone"),
            ("timestamp", "timestamp with time zone"),
            ("time(3)", "interval"),
            ("year(4)", "integer"),
            ("double(10,2)", "double precision"),
            ("longblob", "bytea"),
            ("inet6", "text"),
            ("uuid", "uuid"),
            ("point", "text"),
        ] {
            assert_eq!(pg(remote), here, "{remote}");
        }
        assert_eq!(MysqlType::parse(""), None);
    }

    #[test]
    fn zoned_datetimes_are_instants() {
        assert_eq!(MysqlType::DateTime.pg_type(true), PgType::TimestampTz);
        assert!(MysqlType::DateTime.reads_as(&PgType::TimestampTz));
        assert!(!MysqlType::Int.reads_as(&PgType::Text));
    }
}
