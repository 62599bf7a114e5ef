//! MySQL's and MariaDB's SQL, and which comparisons they make as the local engine does.

use datafusion::scalar::ScalarValue;

use super::bind;
use super::types::MysqlType;
use crate::catalog::types::PgType;
use crate::federation::dialect::{Comparison, Fidelity, RemoteDialect};
use crate::sources::options::Options;
use crate::sources::table::ColumnSpec;

/// Collations that compare by bytes and count trailing spaces: MySQL's and MariaDB's.
const BYTE_COLLATIONS: [&str; 2] = ["utf8mb4_0900_bin", "utf8mb4_nopad_bin"];

/// Both servers' SQL.
#[derive(Debug)]
pub(super) struct MysqlDialect {
    database: Option<String>,
}

impl MysqlDialect {
    /// `database` is that of tables which name none.
    pub fn new(database: Option<String>) -> Self {
        MysqlDialect { database }
    }

    /// The database a table is in, as far as options say.
    pub fn database<'a>(&'a self, options: &'a Options) -> Option<&'a str> {
        options.get("dbname").or(self.database.as_deref())
    }

    /// The table's own name at the server.
    pub fn table<'a>(options: &'a Options, name: &'a str) -> &'a str {
        options.get("table_name").unwrap_or(name)
    }
}

/// The column's type at the server, if the column is read as just that.
fn read_as_is(column: &ColumnSpec) -> Option<MysqlType> {
    MysqlType::parse(&column.remote_type).filter(|remote| remote.reads_as(&column.pg_type))
}

/// Whether a column's DATETIME is an instant here, through a zone whose clocks may go back.
fn zoned(remote: MysqlType, column: &ColumnSpec) -> bool {
    remote == MysqlType::DateTime && column.pg_type == PgType::TimestampTz
}

impl RemoteDialect for MysqlDialect {
    fn quote(&self, identifier: &str) -> String {
        format!("`{}`", identifier.replace('`', "``"))
    }

    fn table_name(&self, options: &Options, name: &str) -> String {
        let table = self.quote(Self::table(options, name));
        match self.database(options) {
            Some(database) => format!("{}.{table}", self.quote(database)),
            None => table,
        }
    }

    fn select_item(&self, column: &ColumnSpec) -> String {
        let quoted = self.quote(&column.remote);
        match MysqlType::parse(&column.remote_type) {
            Some(MysqlType::Geometry) if column.pg_type != PgType::Bytea => format!("ST_AsText({quoted})"),
            _ => quoted,
        }
    }

    fn compares(&self, column: &ColumnSpec, op: Comparison, value: &ScalarValue) -> Option<Fidelity> {
        let remote = read_as_is(column)?;
        bind::parameter(remote, value, None)?;
        match remote {
            MysqlType::Char(_) | MysqlType::Text | MysqlType::Choice => text(remote, &column.collation, op, value),
            _ if matches!(op, Comparison::Like | Comparison::NotLike) => None,
            MysqlType::TinyInt
            | MysqlType::SmallInt
            | MysqlType::Int
            | MysqlType::BigInt
            | MysqlType::BigIntUnsigned
            | MysqlType::Decimal(..)
            | MysqlType::Year
            | MysqlType::Binary => Some(Fidelity::Exact),
            MysqlType::Double => double(op, value),
            // Dates that are none are null here. Not even `=` is exact: its negation keeps them.
            MysqlType::DateTime if zoned(remote, column) => {
                (!matches!(op, Comparison::Eq | Comparison::NotEq)).then_some(Fidelity::Superset)
            }
            MysqlType::Date | MysqlType::DateTime | MysqlType::Timestamp => Some(Fidelity::Superset),
            MysqlType::Uuid => match (op, value) {
                (
                    Comparison::Eq | Comparison::NotEq,
                    ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)),
                ) if is_canonical_uuid(text) => Some(Fidelity::Exact),
                _ => None,
            },
            MysqlType::Bit(_)
            | MysqlType::Float
            | MysqlType::Time
            | MysqlType::Json
            | MysqlType::Vector
            | MysqlType::Geometry
            | MysqlType::Other => None,
        }
    }

    fn comparison(&self, column: &ColumnSpec, op: Comparison, placeholder: &str) -> String {
        let quoted = self.quote(&column.remote);
        let plain = format!("{quoted} {} {placeholder}", op.sql());
        match read_as_is(column) {
            // Where clocks go back, later instants show earlier times, by less than a day.
            Some(remote) if zoned(remote, column) => match op {
                Comparison::Gt | Comparison::GtEq => format!("{plain} - INTERVAL 1 DAY"),
                Comparison::Lt | Comparison::LtEq => format!("{plain} + INTERVAL 1 DAY"),
                _ => plain,
            },
            _ => plain,
        }
    }

    fn tests_null(&self, column: &ColumnSpec) -> Option<Fidelity> {
        match MysqlType::parse(&column.remote_type) {
            None => None,
            Some(remote) if remote.has_zero_dates() => None,
            Some(_) => Some(Fidelity::Exact),
        }
    }

    fn placeholder(&self, _: usize, column: &ColumnSpec) -> String {
        match read_as_is(column) {
            Some(MysqlType::Decimal(_, scale)) => format!("CAST(? AS DECIMAL(65,{scale}))"),
            Some(MysqlType::Date) => "CAST(? AS DATE)".to_string(),
            Some(MysqlType::DateTime | MysqlType::Timestamp) => "CAST(? AS DATETIME(6))".to_string(),
            // Bytes that are no UTF-8 would not arrive as they are.
            Some(MysqlType::Binary) => "UNHEX(?)".to_string(),
            _ => "?".to_string(),
        }
    }
}

/// Collations only ever make more texts equal, or alike, than bytes do: `=` and LIKE keep every row that they keep
/// here. Everything else depends on the collation.
fn text(remote: MysqlType, collation: &str, op: Comparison, value: &ScalarValue) -> Option<Fidelity> {
    let literal = match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => text,
        _ => return None,
    };
    if !holds(collation, literal) {
        return None;
    }
    let by_bytes = BYTE_COLLATIONS.contains(&collation) && remote != MysqlType::Choice;
    match op {
        Comparison::Like => like_means_the_same(literal).then_some(Fidelity::Superset),
        Comparison::NotLike => None,
        _ if by_bytes => Some(Fidelity::Exact),
        Comparison::Eq => Some(Fidelity::Superset),
        _ => None,
    }
}

/// Whether the collation's character set surely has all characters of the literal: servers refuse one that has not.
fn holds(collation: &str, literal: &str) -> bool {
    match collation.split('_').next().unwrap_or_default() {
        "" | "binary" | "swe7" => false,
        "utf8mb4" => true,
        "utf8" | "utf8mb3" => literal.chars().all(|c| u32::from(c) <= 0xffff),
        _ => literal.is_ascii(),
    }
}

/// A backslash before any other character than these may mean something else at the server.
fn like_means_the_same(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if c == '\\' && !matches!(characters.next(), Some('%' | '_' | '\\')) {
            return false;
        }
    }
    true
}

/// The two zeros are equal at the server; whether they are here is not asked.
fn double(op: Comparison, value: &ScalarValue) -> Option<Fidelity> {
    match (value, op) {
        (ScalarValue::Float64(Some(value)), _) if *value != 0.0 => Some(Fidelity::Exact),
        (_, Comparison::Eq | Comparison::LtEq | Comparison::GtEq) => Some(Fidelity::Superset),
        _ => None,
    }
}

/// As MariaDB writes them: a different spelling equals there, and not here.
fn is_canonical_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(remote_type: &str, collation: &str) -> ColumnSpec {
        let pg_type = MysqlType::parse(remote_type).unwrap().pg_type(false);
        ColumnSpec { remote_type: remote_type.into(), collation: collation.into(), ..ColumnSpec::new("c", pg_type) }
    }

    fn text_value(text: &str) -> ScalarValue {
        ScalarValue::Utf8View(Some(text.into()))
    }

    #[test]
    fn identifiers_cannot_break_out() {
        let dialect = MysqlDialect::new(Some("sales".into()));
        assert_eq!(dialect.quote("a`b"), "`a``b`");
        assert_eq!(dialect.table_name(&Options::new(), "t"), "`sales`.`t`");
        let options: Options = [("dbname", "x"), ("table_name", "y")].into_iter().collect();
        assert_eq!(dialect.table_name(&options, "t"), "`x`.`y`");
    }

    #[test]
    fn text_goes_as_far_as_collations_allow() {
        let dialect = MysqlDialect::new(None);
        let ci = column("varchar(20)", "utf8mb4_general_ci");
        assert_eq!(dialect.compares(&ci, Comparison::Eq, &text_value("ä")), Some(Fidelity::Superset));
        assert_eq!(dialect.compares(&ci, Comparison::NotEq, &text_value("a")), None);
        assert_eq!(dialect.compares(&ci, Comparison::Lt, &text_value("a")), None);
        assert_eq!(dialect.compares(&ci, Comparison::Like, &text_value("a\\%%")), Some(Fidelity::Superset));
        assert_eq!(dialect.compares(&ci, Comparison::Like, &text_value("a\\b")), None);
        let latin = column("varchar(20)", "latin1_swedish_ci");
        assert_eq!(dialect.compares(&latin, Comparison::Eq, &text_value("ä")), None);
        let bytes = column("varchar(20)", "utf8mb4_0900_bin");
        assert_eq!(dialect.compares(&bytes, Comparison::Lt, &text_value("a")), Some(Fidelity::Exact));
        let unknown = column("varchar(20)", "");
        assert_eq!(dialect.compares(&unknown, Comparison::Eq, &text_value("a")), None);
    }

    #[test]
    fn dates_are_rechecked_and_never_tested_for_null() {
        let dialect = MysqlDialect::new(None);
        let date = column("date", "");
        let value = ScalarValue::Date32(Some(0));
        assert_eq!(dialect.compares(&date, Comparison::Eq, &value), Some(Fidelity::Superset));
        assert_eq!(dialect.tests_null(&date), None);
        let mut zoned = column("datetime", "");
        zoned.pg_type = PgType::TimestampTz;
        let value = ScalarValue::TimestampMicrosecond(Some(0), Some("UTC".into()));
        assert_eq!(dialect.compares(&zoned, Comparison::Eq, &value), None);
        assert_eq!(
            dialect.comparison(&zoned, Comparison::Gt, &dialect.placeholder(1, &zoned)),
            "`c` > CAST(? AS DATETIME(6)) - INTERVAL 1 DAY"
        );
    }

    #[test]
    fn a_column_declared_otherwise_is_compared_here() {
        let dialect = MysqlDialect::new(None);
        let mut number = column("int", "");
        assert_eq!(dialect.compares(&number, Comparison::Lt, &ScalarValue::Int32(Some(1))), Some(Fidelity::Exact));
        number.pg_type = PgType::Text;
        assert_eq!(dialect.compares(&number, Comparison::Eq, &text_value("1")), None);
    }
}
