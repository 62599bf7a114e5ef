//! MySQL's and MariaDB's SQL, and which comparisons they make as the local engine does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::logical_expr::Operator;
use datafusion::scalar::ScalarValue;

use super::bind;
use super::expressions::{self, BYTES};
use super::types::MysqlType;
use crate::catalog::types::PgType;
use crate::federation::dialect::{Argument, Comparison, Fidelity, Operand, Parameter, RemoteDialect};
use crate::federation::fragment::Fragment;
use crate::sources::options::Options;
use crate::sources::table::ColumnSpec;

/// Collations that compare by bytes and count trailing spaces: MySQL's and MariaDB's.
const BYTE_COLLATIONS: [&str; 2] = ["utf8mb4_0900_bin", "utf8mb4_nopad_bin"];

/// Both servers' SQL.
#[derive(Debug)]
pub(super) struct MysqlDialect {
    database: Option<String>,
    /// Whether the server has window functions: known once there was a connection.
    windows: Arc<AtomicBool>,
}

impl MysqlDialect {
    /// `database` is that of tables which name none.
    pub fn new(database: Option<String>) -> Self {
        MysqlDialect { database, windows: Arc::default() }
    }

    /// With what tells whether the server has window functions.
    pub fn with_windows(self, windows: Arc<AtomicBool>) -> Self {
        MysqlDialect { windows, ..self }
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
pub(super) fn read_as_is(column: &ColumnSpec) -> Option<MysqlType> {
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

    fn numbered(&self) -> bool {
        false
    }

    fn selected(&self, operand: &Operand) -> Operand {
        let column = &operand.column;
        match MysqlType::parse(&column.remote_type) {
            Some(MysqlType::Geometry) if column.pg_type != PgType::Bytea => {
                let sql = Fragment::of("ST_AsText({})", &[&operand.sql]);
                operand.in_form(sql, ColumnSpec { remote_type: String::new(), ..column.clone() })
            }
            _ => operand.clone(),
        }
    }

    fn compares(&self, column: &ColumnSpec, op: Comparison, value: &ScalarValue) -> Option<Fidelity> {
        let remote = read_as_is(column)?;
        bind::parameter(remote, value, None)?;
        if column.remote_type == BYTES {
            return (!matches!(op, Comparison::Like | Comparison::NotLike)).then_some(Fidelity::Exact);
        }
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

    fn comparison(&self, operand: &Fragment, op: Comparison, literal: &Parameter) -> Fragment {
        let column = &literal.column;
        let parameter = Fragment::parameter(literal.clone());
        let plain = Fragment::of(&format!("{{}} {} {{}}", op.sql()), &[operand, &parameter]);
        let as_bytes = |operand: &Fragment| {
            Fragment::of(&format!("{{}} {} CAST({{}} AS BINARY)", op.sql()), &[operand, &parameter])
        };
        if column.remote_type == BYTES {
            return as_bytes(operand);
        }
        match read_as_is(column) {
            // Where clocks go back, later instants show earlier times, by less than a day.
            Some(remote) if zoned(remote, column) => match op {
                Comparison::Gt | Comparison::GtEq => Fragment::of("{} - INTERVAL 1 DAY", &[&plain]),
                Comparison::Lt | Comparison::LtEq => Fragment::of("{} + INTERVAL 1 DAY", &[&plain]),
                _ => plain,
            },
            Some(remote @ (MysqlType::Char(_) | MysqlType::Text | MysqlType::Choice)) => {
                let bytes = as_bytes(&expressions::bytes(operand));
                match op {
                    Comparison::Like | Comparison::NotLike => plain,
                    _ if compares_by_bytes(remote, &column.collation) => plain,
                    // An index may find what the collation takes for equal; the bytes choose among these.
                    Comparison::Eq if expressions::holds(&column.collation, &literal.value) => {
                        Fragment::of("({} AND {})", &[&plain, &bytes])
                    }
                    _ => bytes,
                }
            }
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

    fn among(&self, operand: &Fragment, literals: &[Parameter]) -> Option<Fragment> {
        const IN_ONE_LIST: usize = 1000;
        let column = &literals.first()?.column;
        let holds = literals.iter().all(|literal| expressions::holds(&column.collation, &literal.value));
        let is_text = matches!(read_as_is(column)?, MysqlType::Char(_) | MysqlType::Text | MysqlType::Choice);
        // What the collation takes for one of them is asked for too: an index may find it.
        let (operand, member) = match is_text {
            true if column.remote_type == BYTES => (operand.clone(), "CAST({} AS BINARY)"),
            true if !holds => (expressions::bytes(operand), "CAST({} AS BINARY)"),
            _ => (operand.clone(), "{}"),
        };
        let lists: Vec<Fragment> = literals
            .chunks(IN_ONE_LIST)
            .map(|chunk| {
                let members: Vec<Fragment> = chunk
                    .iter()
                    .map(|literal| Fragment::of(member, &[&Fragment::parameter(literal.clone())]))
                    .collect();
                Fragment::of("{} IN ({})", &[&operand, &Fragment::join(&members, ", ")])
            })
            .collect();
        (literals.len() <= self.most_parameters()).then(|| Fragment::join(&lists, " OR "))
    }

    fn keys_at_once(&self) -> usize {
        5000
    }

    fn lower_trimmed_among(&self, operand: &Fragment, literals: &[Parameter]) -> Option<Fragment> {
        let trimmed = Fragment::of("TRIM(CONVERT({} USING utf8mb4))", &[operand]);
        expressions::alike_one_of(&trimmed, literals)
    }

    fn cased_among(&self, operand: &Fragment, literals: &[Parameter], _: bool) -> Option<Fragment> {
        expressions::alike_one_of(&Fragment::of("CONVERT({} USING utf8mb4)", &[operand]), literals)
    }

    fn holds(&self, operand: &Fragment, class: &str) -> Option<Fragment> {
        // By bytes: without regard to case the sign for kelvin would be the letter k.
        let sql = format!("CONVERT({{}} USING utf8mb4) COLLATE utf8mb4_bin REGEXP '{class}'");
        Some(Fragment::of(&sql, &[operand]))
    }

    fn ends_in_dot(&self, operand: &Fragment) -> Option<Fragment> {
        Some(Fragment::of("RTRIM(CONVERT({} USING utf8mb4)) LIKE '%.'", &[operand]))
    }

    fn exact(&self, operand: &Operand) -> Option<Operand> {
        expressions::exact(operand)
    }

    fn equals(&self, exact: &Operand) -> Option<Operand> {
        expressions::comparable(exact)
    }

    fn sorts(&self, exact: &Operand) -> Option<Operand> {
        expressions::sortable(exact)
    }

    fn has_windows(&self) -> bool {
        self.windows.load(Ordering::Relaxed)
    }

    /// MariaDB's take none.
    fn shifts_to_defaults(&self) -> bool {
        false
    }

    fn partitions(&self, exact: &Operand) -> Option<Operand> {
        expressions::sortable(exact)
    }

    fn relates(&self, left: &Operand, op: Comparison, right: &Operand) -> Option<Fragment> {
        expressions::relates(left, op, right)
    }

    fn same(&self, left: &Operand, right: &Operand) -> Option<Fragment> {
        let (left, right) = (expressions::comparable(left)?, expressions::comparable(right)?);
        crate::federation::dialect::same_class(&left.column.pg_type, &right.column.pg_type)
            .then(|| Fragment::of("({} <=> {})", &[&left.sql, &right.sql]))
    }

    fn literal(&self, value: &ScalarValue) -> Option<Operand> {
        expressions::literal(value)
    }

    fn unite(&self, operands: Vec<Operand>) -> Option<(Vec<Operand>, ColumnSpec)> {
        expressions::unite(operands)
    }

    fn cast(&self, operand: &Operand, to: &PgType) -> Option<Operand> {
        expressions::cast(operand, to)
    }

    fn arithmetic(&self, left: &Operand, op: Operator, right: &Operand, to: &PgType) -> Option<Operand> {
        expressions::arithmetic(left, op, right, to)
    }

    fn function(&self, name: &str, arguments: &[Argument]) -> Option<Operand> {
        expressions::function(name, arguments)
    }

    fn aggregate(&self, name: &str, operand: &Operand, to: &PgType) -> Option<Operand> {
        expressions::aggregate(name, operand, to)
    }

    /// MariaDB remembers a subquery's answer for each value of what it refers to, and knows texts again by their
    /// collation: `ANN ` gets the answer for `Ann`.
    fn keeps_apart(&self, column: &ColumnSpec) -> bool {
        read_as_is(column).is_some_and(|remote| {
            column.remote_type != BYTES && !matches!(remote, MysqlType::Char(_) | MysqlType::Text | MysqlType::Choice)
        })
    }

    /// MariaDB does not, nor did MySQL before 8.0.18.
    fn joins_by_hash(&self) -> bool {
        false
    }

    /// Nulls come first there, and last where the order is descending.
    fn ordered(&self, key: &Fragment, ascending: bool, nulls_first: bool) -> Fragment {
        let direction = if ascending { "ASC" } else { "DESC" };
        if ascending == nulls_first {
            return Fragment::of(&format!("{{}} {direction}"), &[key]);
        }
        let nulls = if nulls_first { "DESC" } else { "ASC" };
        Fragment::of(&format!("{{}} IS NULL {nulls}, {{}} {direction}"), &[key, key])
    }

    fn limited(&self, limit: Option<u64>, offset: u64) -> String {
        match (limit, offset) {
            (None, 0) => String::new(),
            (Some(limit), 0) => format!(" LIMIT {limit}"),
            // There is no OFFSET without LIMIT.
            (limit, offset) => format!(" LIMIT {} OFFSET {offset}", limit.unwrap_or(u64::MAX)),
        }
    }
}

/// Collations only ever make more texts alike than bytes do: LIKE keeps every row that it keeps here. Other
/// comparisons are made of bytes where the collation's own are not.
fn text(remote: MysqlType, collation: &str, op: Comparison, value: &ScalarValue) -> Option<Fidelity> {
    let literal = expressions::text_of(value)?;
    if !expressions::is_known(collation) {
        return None;
    }
    match op {
        Comparison::Like => {
            (expressions::holds(collation, value) && like_means_the_same(literal)).then_some(Fidelity::Superset)
        }
        Comparison::NotLike => None,
        _ if compares_by_bytes(remote, collation) && !expressions::holds(collation, value) => None,
        _ => Some(Fidelity::Exact),
    }
}

fn compares_by_bytes(remote: MysqlType, collation: &str) -> bool {
    BYTE_COLLATIONS.contains(&collation) && remote != MysqlType::Choice
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

    fn sql(dialect: &MysqlDialect, column: &ColumnSpec, op: Comparison, value: ScalarValue) -> String {
        let literal = Parameter { value, column: column.clone() };
        dialect.comparison(&Fragment::sql("`c`"), op, &literal).render(dialect, None).sql
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
        assert_eq!(dialect.compares(&ci, Comparison::Eq, &text_value("ä")), Some(Fidelity::Exact));
        assert_eq!(dialect.compares(&ci, Comparison::NotEq, &text_value("a")), Some(Fidelity::Exact));
        assert_eq!(
            sql(&dialect, &ci, Comparison::Eq, text_value("a")),
            "(`c` = ? AND CAST(CONVERT(`c` USING utf8mb4) AS BINARY) = CAST(? AS BINARY))"
        );
        assert_eq!(
            sql(&dialect, &ci, Comparison::Lt, text_value("a")),
            "CAST(CONVERT(`c` USING utf8mb4) AS BINARY) < CAST(? AS BINARY)"
        );
        assert_eq!(dialect.compares(&ci, Comparison::Like, &text_value("a\\%%")), Some(Fidelity::Superset));
        assert_eq!(dialect.compares(&ci, Comparison::Like, &text_value("a\\b")), None);
        let latin = column("varchar(20)", "latin1_swedish_ci");
        assert_eq!(
            sql(&dialect, &latin, Comparison::Eq, text_value("ä")),
            "CAST(CONVERT(`c` USING utf8mb4) AS BINARY) = CAST(? AS BINARY)"
        );
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
        assert_eq!(sql(&dialect, &zoned, Comparison::Gt, value), "`c` > CAST(? AS DATETIME(6)) - INTERVAL 1 DAY");
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
