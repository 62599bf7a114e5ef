//! Postgres's types: their names, their OIDs and the Arrow types that carry them.
//!
//! An Arrow type alone does not say `uuid` or `jsonb`, so a field may carry its Postgres type as metadata under
//! [`PG_TYPE_KEY`]; without it the type follows from the Arrow type.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use crate::error::{Error, Result, SqlState};

/// The field metadata key that holds a Postgres type's name, such as `jsonb`.
pub const PG_TYPE_KEY: &str = "onerow.pg_type";

/// A type as Postgres knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PgType {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `oid`, an unsigned 32-bit number
    Oid,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric(precision, scale)`; bare `numeric` reads as numeric(38,10)
    Numeric(Option<(u8, i8)>),
    /// `text`
    Text,
    /// `character varying(n)`
    Varchar(Option<u32>),
    /// `character(n)`, held without the blanks that fill it: they count for nothing but in what is shown
    Bpchar(Option<u32>),
    /// `name`
    Name,
    /// `"char"`, one byte
    Char,
    /// `bytea`
    Bytea,
    /// `date`
    Date,
    /// `time without time zone`
    Time,
    /// `timestamp without time zone`, in microseconds
    Timestamp,
    /// `timestamp with time zone`, in microseconds
    TimestampTz,
    /// `interval`
    Interval,
    /// `uuid`
    Uuid,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// An array of one dimension
    Array(Box<PgType>),
    /// `int2vector` or `oidvector`: an array of the catalog's own, written `1 2` and counted from 0
    Vector(Box<PgType>),
    /// A row value
    Record,
}

/// What the metadata of a field says that has no value but that it is there. It is carried by text.
const VOID: &str = "void";
/// The OID of `void`.
pub const VOID_OID: u32 = 2278;

/// A field of type `void`, which functions have that are called for what they do.
pub fn void_field(name: &str) -> Field {
    Field::new(name, DataType::Utf8View, true).with_metadata([(PG_TYPE_KEY.to_string(), VOID.to_string())].into())
}

/// Whether a field is of type `void`.
pub fn is_void(field: &Field) -> bool {
    field.metadata().get(PG_TYPE_KEY).is_some_and(|name| name == VOID)
}

/// The most digits of a numeric.
const MOST_DIGITS: u8 = 76;

/// Precision and scale of `numeric` without any.
pub const BARE_NUMERIC: (u8, i8) = (38, 10);

impl PgType {
    /// Reads a type's name as Postgres's `format_type` prints it, or one of its usual aliases. Null when it is
    /// none that this program carries as itself; such a type is read as text.
    pub fn parse(name: &str) -> Option<PgType> {
        let name = name.trim().to_ascii_lowercase();
        if let Some(element) = name.strip_suffix("[]") {
            // As many dimensions as an array of Postgres's may have.
            if element.ends_with(&"[]".repeat(6)) {
                return None;
            }
            return Some(PgType::Array(Box::new(PgType::parse(element)?)));
        }
        let (head, args, tail) = match (name.find('('), name.find(')')) {
            (Some(open), Some(close)) if open < close => {
                let args: Option<Vec<i64>> = name[open + 1..close].split(',').map(|a| a.trim().parse().ok()).collect();
                (name[..open].trim().to_string(), args?, name[close + 1..].trim().to_string())
            }
            _ => (name.clone(), vec![], String::new()),
        };
        let base = if tail.is_empty() { head } else { format!("{head} {tail}") };
        let length = args.first().and_then(|n| u32::try_from(*n).ok());
        Some(match base.as_str() {
            "boolean" | "bool" => PgType::Bool,
            "smallint" | "int2" => PgType::Int2,
            "integer" | "int" | "int4" => PgType::Int4,
            "bigint" | "int8" => PgType::Int8,
            "oid" => PgType::Oid,
            "real" | "float4" => PgType::Float4,
            "double precision" | "float8" | "double" | "float" => PgType::Float8,
            "numeric" | "decimal" => PgType::Numeric(match args[..] {
                [] => None,
                [p] => Some((u8::try_from(p).ok()?, 0)),
                [p, s] => Some((u8::try_from(p).ok()?, i8::try_from(s).ok()?)),
                _ => return None,
            }),
            "text" | "string" => PgType::Text,
            "character varying" | "varchar" => PgType::Varchar(length),
            "character" | "char" | "bpchar" => PgType::Bpchar(length.or((base != "bpchar").then_some(1))),
            "name" => PgType::Name,
            "\"char\"" => PgType::Char,
            "bytea" => PgType::Bytea,
            "date" => PgType::Date,
            "time" | "time without time zone" => PgType::Time,
            "timestamp" | "timestamp without time zone" => PgType::Timestamp,
            "timestamptz" | "timestamp with time zone" => PgType::TimestampTz,
            "interval" => PgType::Interval,
            "uuid" => PgType::Uuid,
            "json" => PgType::Json,
            "jsonb" => PgType::Jsonb,
            "record" => PgType::Record,
            _ => return None,
        })
    }

    /// The Arrow type that carries it. Text is `Utf8View`; `numeric` up to 38 digits is `Decimal128`, up to 76
    /// `Decimal256`, above that text.
    pub fn arrow(&self) -> DataType {
        match self {
            PgType::Bool => DataType::Boolean,
            PgType::Int2 => DataType::Int16,
            PgType::Int4 => DataType::Int32,
            PgType::Int8 => DataType::Int64,
            PgType::Oid => DataType::UInt32,
            PgType::Float4 => DataType::Float32,
            PgType::Float8 => DataType::Float64,
            PgType::Numeric(precision) => {
                let (p, s) = precision.unwrap_or(BARE_NUMERIC);
                match p {
                    1..=38 if s <= p as i8 => DataType::Decimal128(p, s),
                    1..=76 if s <= p as i8 => DataType::Decimal256(p, s),
                    _ => DataType::Utf8View,
                }
            }
            PgType::Bytea => DataType::Binary,
            PgType::Date => DataType::Date32,
            PgType::Time => DataType::Time64(TimeUnit::Microsecond),
            PgType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            PgType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            PgType::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            PgType::Array(element) | PgType::Vector(element) => DataType::List(Arc::new(element.field("item", true))),
            PgType::Text
            | PgType::Varchar(_)
            | PgType::Bpchar(_)
            | PgType::Name
            | PgType::Char
            | PgType::Uuid
            | PgType::Json
            | PgType::Jsonb
            | PgType::Record => DataType::Utf8View,
        }
    }

    /// An Arrow field of this type; it carries the type's name where the Arrow type alone does not say it.
    pub fn field(&self, name: &str, nullable: bool) -> Field {
        let field = Field::new(name, self.arrow(), nullable);
        if PgType::of_arrow(field.data_type()) == *self {
            field
        } else {
            field.with_metadata([(PG_TYPE_KEY.to_string(), self.to_string())].into())
        }
    }

    /// The Postgres type of a field: what its metadata says if that fits the Arrow type, else what the Arrow type
    /// says.
    pub fn of_field(field: &Field) -> PgType {
        let named = field.metadata().get(PG_TYPE_KEY).and_then(|name| match name.as_str() {
            // No column can be declared so.
            "int2vector" => Some(PgType::Vector(Box::new(PgType::Int2))),
            "oidvector" => Some(PgType::Vector(Box::new(PgType::Oid))),
            name => PgType::parse(name),
        });
        match named {
            Some(named) if same_carrier(&named.arrow(), field.data_type()) => named,
            _ => PgType::of_arrow(field.data_type()),
        }
    }

    /// The Postgres type that an Arrow type stands for. Unsigned 64-bit is `numeric(20,0)`; structs are records;
    /// what Postgres lacks (maps, unions) is text.
    pub fn of_arrow(data_type: &DataType) -> PgType {
        match data_type {
            DataType::Boolean => PgType::Bool,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => PgType::Int2,
            DataType::Int32 | DataType::UInt16 => PgType::Int4,
            DataType::Int64 | DataType::UInt32 => PgType::Int8,
            DataType::UInt64 => PgType::Numeric(Some((20, 0))),
            DataType::Float16 | DataType::Float32 => PgType::Float4,
            DataType::Float64 => PgType::Float8,
            DataType::Decimal32(p, s)
            | DataType::Decimal64(p, s)
            | DataType::Decimal128(p, s)
            | DataType::Decimal256(p, s) => PgType::Numeric(Some((*p, *s))),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                PgType::Bytea
            }
            DataType::Date32 | DataType::Date64 => PgType::Date,
            DataType::Time32(_) | DataType::Time64(_) => PgType::Time,
            DataType::Timestamp(_, None) => PgType::Timestamp,
            DataType::Timestamp(_, Some(_)) => PgType::TimestampTz,
            DataType::Interval(_) | DataType::Duration(_) => PgType::Interval,
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _) => PgType::Array(Box::new(PgType::of_field(item))),
            DataType::Struct(_) => PgType::Record,
            DataType::Dictionary(_, value) => PgType::of_arrow(value),
            DataType::RunEndEncoded(_, value) => PgType::of_field(value),
            _ => PgType::Text,
        }
    }

    /// Why no value can be of this type: 22023 for a numeric of no digits or too many, 0A000 for one that has more digits
    /// behind the point than digits.
    pub fn fault(&self) -> Option<Error> {
        match self {
            PgType::Array(element) => element.fault(),
            PgType::Numeric(Some((p, _))) if !(1..=MOST_DIGITS).contains(p) => Some(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("NUMERIC precision {p} must be between 1 and {MOST_DIGITS}"),
            )),
            PgType::Numeric(Some((p, s))) if i16::from(*s) > i16::from(*p) => Some(
                Error::unsupported(format!("{self} is not supported: its scale is greater than its precision"))
                    .with_hint(format!("Declare it as numeric({s},{s}).")),
            ),
            _ => None,
        }
    }

    /// The type's name without its modifier, as errors name it.
    pub fn base_name(&self) -> String {
        match self {
            PgType::Numeric(_) => "numeric".to_string(),
            PgType::Varchar(_) => "character varying".to_string(),
            PgType::Bpchar(_) => "character".to_string(),
            PgType::Array(element) => format!("{}[]", element.base_name()),
            other => other.to_string(),
        }
    }

    /// The type's OID in `pg_type`.
    pub fn oid(&self) -> u32 {
        match self {
            PgType::Bool => 16,
            PgType::Bytea => 17,
            PgType::Char => 18,
            PgType::Name => 19,
            PgType::Int8 => 20,
            PgType::Int2 => 21,
            PgType::Int4 => 23,
            PgType::Text => 25,
            PgType::Oid => 26,
            PgType::Json => 114,
            PgType::Float4 => 700,
            PgType::Float8 => 701,
            PgType::Bpchar(_) => 1042,
            PgType::Varchar(_) => 1043,
            PgType::Date => 1082,
            PgType::Time => 1083,
            PgType::Timestamp => 1114,
            PgType::TimestampTz => 1184,
            PgType::Interval => 1186,
            PgType::Numeric(_) => 1700,
            PgType::Record => 2249,
            PgType::Uuid => 2950,
            PgType::Jsonb => 3802,
            PgType::Vector(element) => match element.as_ref() {
                PgType::Oid => 30,
                _ => 22,
            },
            PgType::Array(element) => match element.as_ref() {
                PgType::Bool => 1000,
                PgType::Bytea => 1001,
                PgType::Char => 1002,
                PgType::Name => 1003,
                PgType::Int8 => 1016,
                PgType::Int2 => 1005,
                PgType::Int4 => 1007,
                PgType::Text => 1009,
                PgType::Oid => 1028,
                PgType::Json => 199,
                PgType::Float4 => 1021,
                PgType::Float8 => 1022,
                PgType::Bpchar(_) => 1014,
                PgType::Varchar(_) => 1015,
                PgType::Date => 1182,
                PgType::Time => 1183,
                PgType::Timestamp => 1115,
                PgType::TimestampTz => 1185,
                PgType::Interval => 1187,
                PgType::Numeric(_) => 1231,
                PgType::Record => 2287,
                PgType::Uuid => 2951,
                PgType::Jsonb => 3807,
                PgType::Vector(inner) => match inner.as_ref() {
                    PgType::Oid => 1013,
                    _ => 1006,
                },
                // Postgres has one array type for every depth: the element decides.
                PgType::Array(_) => element.oid(),
            },
        }
    }

    /// The type modifier, as in `pg_attribute.atttypmod`; -1 for none.
    pub fn typmod(&self) -> i32 {
        match self {
            PgType::Numeric(Some((p, s))) => ((i32::from(*p) << 16) | (i32::from(*s) & 0x7ff)) + 4,
            PgType::Varchar(Some(n)) | PgType::Bpchar(Some(n)) => {
                i32::try_from(*n).unwrap_or(i32::MAX).saturating_add(4)
            }
            PgType::Array(element) => element.typmod(),
            _ => -1,
        }
    }

    /// A text as a value of this type is held: `character(n)` without the blanks at its end.
    pub fn held<'a>(&self, text: &'a str) -> &'a str {
        match self {
            PgType::Bpchar(_) => text.trim_end_matches(' '),
            _ => text,
        }
    }

    /// The fixed width in bytes, as in `pg_type.typlen`; -1 for a varying one.
    pub fn typlen(&self) -> i16 {
        match self {
            PgType::Bool | PgType::Char => 1,
            PgType::Int2 => 2,
            PgType::Int4 | PgType::Oid | PgType::Float4 | PgType::Date => 4,
            PgType::Int8 | PgType::Float8 | PgType::Time | PgType::Timestamp | PgType::TimestampTz => 8,
            PgType::Interval | PgType::Uuid => 16,
            PgType::Name => 64,
            _ => -1,
        }
    }

    /// The type with this OID. Null when it is none that this program carries.
    pub fn from_oid(oid: u32) -> Option<PgType> {
        let scalars = [
            PgType::Bool,
            PgType::Bytea,
            PgType::Char,
            PgType::Name,
            PgType::Int8,
            PgType::Int2,
            PgType::Int4,
            PgType::Text,
            PgType::Oid,
            PgType::Json,
            PgType::Float4,
            PgType::Float8,
            PgType::Bpchar(None),
            PgType::Varchar(None),
            PgType::Date,
            PgType::Time,
            PgType::Timestamp,
            PgType::TimestampTz,
            PgType::Interval,
            PgType::Numeric(None),
            PgType::Record,
            PgType::Uuid,
            PgType::Jsonb,
        ];
        scalars.into_iter().find_map(|scalar| {
            if scalar.oid() == oid {
                return Some(scalar);
            }
            let array = PgType::Array(Box::new(scalar));
            (array.oid() == oid).then_some(array)
        })
    }
}

/// Whether two Arrow types hold the same values, if perhaps in another layout.
fn same_carrier(a: &DataType, b: &DataType) -> bool {
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match (a, b) {
        (DataType::List(x), DataType::List(y)) => same_carrier(x.data_type(), y.data_type()),
        // An oid column is carried by whichever integer the catalog happens to use.
        (DataType::UInt32, DataType::Int32 | DataType::Int64) => true,
        _ => a == b || (text(a) && text(b)) || (text(a) && matches!(b, DataType::FixedSizeBinary(16))),
    }
}

impl fmt::Display for PgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PgType::Bool => f.write_str("boolean"),
            PgType::Int2 => f.write_str("smallint"),
            PgType::Int4 => f.write_str("integer"),
            PgType::Int8 => f.write_str("bigint"),
            PgType::Oid => f.write_str("oid"),
            PgType::Float4 => f.write_str("real"),
            PgType::Float8 => f.write_str("double precision"),
            PgType::Numeric(None) => f.write_str("numeric"),
            PgType::Numeric(Some((p, s))) => write!(f, "numeric({p},{s})"),
            PgType::Text => f.write_str("text"),
            PgType::Varchar(None) => f.write_str("character varying"),
            PgType::Varchar(Some(n)) => write!(f, "character varying({n})"),
            PgType::Bpchar(None) => f.write_str("bpchar"),
            PgType::Bpchar(Some(n)) => write!(f, "character({n})"),
            PgType::Name => f.write_str("name"),
            PgType::Char => f.write_str("\"char\""),
            PgType::Bytea => f.write_str("bytea"),
            PgType::Date => f.write_str("date"),
            PgType::Time => f.write_str("time without time zone"),
            PgType::Timestamp => f.write_str("timestamp without time zone"),
            PgType::TimestampTz => f.write_str("timestamp with time zone"),
            PgType::Interval => f.write_str("interval"),
            PgType::Uuid => f.write_str("uuid"),
            PgType::Json => f.write_str("json"),
            PgType::Jsonb => f.write_str("jsonb"),
            PgType::Array(element) => write!(f, "{element}[]"),
            PgType::Vector(element) => f.write_str(match element.as_ref() {
                PgType::Oid => "oidvector",
                _ => "int2vector",
            }),
            PgType::Record => f.write_str("record"),
        }
    }
}

/// Reads a type's name, or says that there is no such type (42704).
pub fn parse_type(name: &str) -> Result<PgType> {
    PgType::parse(name).ok_or_else(|| Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{name}\" does not exist")))
}
