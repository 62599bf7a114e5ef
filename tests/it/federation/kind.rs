//! The kinds of columns, what each is called where, and values that have gone wrong somewhere before.

use super::dice::Dice;
use super::known;

/// What a column or an expression holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// smallint
    Small,
    /// integer
    Int,
    /// bigint
    Big,
    /// numeric(12,2)
    Price,
    /// numeric(38,10)
    Wide,
    /// Doubles that are eighths of whole numbers: their sums are the same in every order.
    Ratio,
    /// Doubles at the limits
    Extreme,
    /// Any text
    Text,
    /// Text of ASCII letters, which all agree on the upper and lower case of
    Code,
    /// date
    Day,
    /// timestamp
    Moment,
    /// timestamptz, within the years that MariaDB's TIMESTAMP has
    Instant,
    /// boolean
    Flag,
}

use Kind::{Big, Code, Day, Extreme, Flag, Instant, Int, Moment, Price, Ratio, Small, Text, Wide};

/// All of them.
pub const KINDS: [Kind; 13] = [Small, Int, Big, Price, Wide, Ratio, Extreme, Text, Code, Day, Moment, Instant, Flag];

/// Where the same rows lie; its name is that of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Pg,
    My,
    Lite,
    Csv,
    Jsonl,
    Parquet,
}

/// All of them.
pub const PLACES: [Place; 6] = [Place::Pg, Place::My, Place::Lite, Place::Csv, Place::Jsonl, Place::Parquet];

impl Place {
    pub fn schema(self) -> &'static str {
        match self {
            Place::Pg => "pg",
            Place::My => "my",
            Place::Lite => "lite",
            Place::Csv => "csv",
            Place::Jsonl => "jsonl",
            Place::Parquet => "parquet",
        }
    }
}

impl Kind {
    /// PostgreSQL's type.
    pub fn sql(self) -> &'static str {
        match self {
            Small => "smallint",
            Int => "integer",
            Big => "bigint",
            Price => "numeric(12,2)",
            Wide => "numeric(38,10)",
            Ratio | Extreme => "double precision",
            Text | Code => "text",
            Day => "date",
            Moment => "timestamp",
            Instant => "timestamptz",
            Flag => "boolean",
        }
    }

    /// The type that a column of this kind has here when it is read from there.
    pub fn read_from(self, place: Place) -> &'static str {
        match (place, self) {
            (Place::Lite, Small | Int) => "bigint",
            _ => self.sql(),
        }
    }

    /// The column's type as it is declared at MariaDB.
    pub fn mariadb(self) -> &'static str {
        match self {
            Small => "SMALLINT",
            Int => "INT",
            Big => "BIGINT",
            Price => "DECIMAL(12,2)",
            Wide => "DECIMAL(38,10)",
            Ratio | Extreme => "DOUBLE",
            Text | Code => "TEXT",
            Day => "DATE",
            Moment => "DATETIME(6)",
            Instant => "TIMESTAMP(6) NULL",
            Flag => "BIT(1)",
        }
    }

    /// The column's type as it is declared in SQLite. Wide numbers are text there, as its own would lose digits.
    pub fn sqlite(self) -> &'static str {
        match self {
            Small | Int => "INTEGER",
            Big => "BIGINT",
            Price => "DECIMAL(12,2)",
            Wide | Text | Code => "TEXT",
            Ratio | Extreme => "DOUBLE",
            Day => "DATE",
            Moment => "DATETIME",
            Instant => "TIMESTAMPTZ",
            Flag => "BOOLEAN",
        }
    }

    pub fn is_text(self) -> bool {
        matches!(self, Text | Code)
    }

    /// Values as PostgreSQL writes them.
    pub fn values(self) -> &'static [&'static str] {
        match self {
            Small => &["0", "1", "2", "3", "-1", "7", "32767", "-32768"],
            Int => &["0", "1", "2", "3", "-1", "10", "42", "2147483647", "-2147483648"],
            Big => &["0", "1", "-1", "3", "42", "9223372036854775807", "-9223372036854775808", "9007199254740993"],
            Price => &["0.00", "1.25", "-1.25", "0.01", "9999999999.99", "-9999999999.99", "3.00", "2.50"],
            Wide => &[
                "0.0000000000",
                "1.2500000000",
                "0.0000000001",
                "-0.0000000001",
                "1234567890123456789012345678.0123456789",
                "-9999999999999999999999999999.9999999999",
                "3.0000000000",
                "0.1000000000",
            ],
            Ratio => &["0", "0.125", "-0.125", "1", "2.5", "1000000.875", "-3", "0.5"],
            Extreme if known::negative_zero() => &["0", "1e+308", "-1e+308", "5e-324", "0.1", "1", "3", "2.5"],
            Extreme => &["0", "-0", "1e+308", "-1e+308", "5e-324", "0.1", "1", "3", "2.5", "1.7976931348623157e+308"],
            Text => TEXTS,
            Code => &["a", "A", "ab", "Ab", "AB", "abc", "b", "Z", "z", "zz", "", "a_b", "axb", "x"],
            Day => &[
                "0001-01-01",
                "1600-02-29",
                "1969-12-31",
                "1970-01-01",
                "2024-02-29",
                "2024-03-31",
                "2024-03-01",
                "2262-04-12",
                "9999-12-31",
            ],
            Moment => &[
                "0001-01-01 00:00:00",
                "1677-09-21 00:12:43.145224",
                "1969-12-31 23:59:59.999999",
                "1970-01-01 00:00:00",
                "2024-02-29 12:00:00.000001",
                "2024-03-31 02:30:00",
                "2024-10-27 02:30:00",
                "2024-03-31 01:59:59.999999",
                "9999-12-31 23:59:59.999999",
            ],
            Instant => &[
                "1970-01-01 00:00:01+00",
                "1999-12-31 23:59:59.999999+00",
                "2024-02-29 12:00:00.000001+00",
                "2024-03-31 00:59:59.999999+00",
                "2024-03-31 01:00:00+00",
                "2024-10-27 00:30:00+00",
                "2024-10-27 01:30:00+00",
                "2038-01-19 03:14:07+00",
            ],
            Flag => &["t", "f"],
        }
    }

    /// One of the values.
    pub fn value(self, dice: &mut Dice) -> &'static str {
        let values = self.values();
        values[dice.below(values.len())]
    }

    /// A value as SQL of this kind's type.
    pub fn literal(self, value: &str) -> String {
        match self {
            Flag => if value == "t" { "true" } else { "false" }.to_string(),
            // A number without a point is bigint here and integer there: the type is said.
            _ => format!("{}::{}", quoted(value), self.sql()),
        }
    }

    /// A value as a person writes it beside a column of this kind.
    pub fn bare(self, value: &str, dice: &mut Dice) -> String {
        match self {
            Small | Int | Big if value != "-9223372036854775808" && dice.chance(70) => value.to_string(),
            Ratio if dice.chance(50) => value.to_string(),
            Text | Code | Day | Moment | Instant if dice.chance(80) => quoted(value),
            _ => self.literal(value),
        }
    }
}

/// A text as SQL: standard quotes, in which a backslash is itself.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Texts that quoting, patterns, collations and case get wrong.
pub const TEXTS: &[&str] = &[
    "Ann",
    "ann",
    "ANN",
    " Ann",
    "Ann ",
    "Ann  ",
    "",
    " ",
    "O'Brien",
    "it''s",
    r"back\slash",
    r"x\' OR 1=1 --",
    r"a\%b",
    "a%b",
    "a_b",
    "axb",
    "\"quoted\"",
    "`ticks`",
    "; DROP TABLE t; --",
    " LIMIT 1",
    "$1 ? :name",
    "istanbul",
    "İstanbul",
    "ıstanbul",
    "ISTANBUL",
    "Straße",
    "Strasse",
    "张伟",
    "e\u{301}a",
    "éa",
    "😀",
    "a\tb",
    "a\nb",
    "NULL",
    "0",
    "00",
    "zz",
    "Zz",
];
