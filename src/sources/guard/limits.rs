//! How much of a source one statement may take.

use std::time::Duration;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;

use crate::error::{Error, Result, SqlState};
use crate::sources::options::{Options, invalid};

/// The limits of a server; none where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Statements at once.
    pub statements: Option<usize>,
    /// Rows of one statement.
    pub rows: Option<u64>,
    /// Bytes of values of one statement.
    pub bytes: Option<u64>,
    /// From when a statement is sent to its last row.
    pub time: Option<Duration>,
    /// How long a statement waits for its turn.
    pub acquire_timeout: Duration,
}

impl Limits {
    /// Those that a server's options set; HV00N for a value that cannot be used.
    pub fn new(options: &Options) -> Result<Limits> {
        let statements: usize = options.parsed("max_statements", 0)?;
        if statements > tokio::sync::Semaphore::MAX_PERMITS {
            return Err(invalid("max_statements", "is too large"));
        }
        let rows: u64 = options.parsed("max_rows", 0)?;
        let bytes = options.get("max_bytes").map_or(Ok(0), size)?;
        let time = options.duration("max_time", Duration::ZERO)?;
        Ok(Limits {
            statements: (statements > 0).then_some(statements),
            rows: (rows > 0).then_some(rows),
            bytes: (bytes > 0).then_some(bytes),
            time: (!time.is_zero()).then_some(time),
            acquire_timeout: options.duration("acquire_timeout", Duration::from_secs(30))?,
        })
    }

    /// Whether there is any.
    pub(super) fn any(&self) -> bool {
        self.statements.is_some() || self.rows.is_some() || self.bytes.is_some() || self.time.is_some()
    }

    /// 53400: no statement of the server has ended in time for one more.
    pub(super) fn too_many_statements(&self, server: &str, tables: &str) -> Error {
        let most = self.statements.unwrap_or_default();
        Error::new(
            SqlState::CONFIGURATION_LIMIT_EXCEEDED,
            format!("server \"{server}\": no statement ended that {} could be read after", named(tables)),
        )
        .with_detail(format!(
            "The server may run {most} at once (max_statements), and ran as many for {} ms.",
            self.acquire_timeout.as_millis()
        ))
        .with_hint(
            "Raise the server's options max_statements or acquire_timeout. A query may need several statements of one \
             server at the same time.",
        )
    }

    /// 53400 when a statement gives more than it may.
    pub(super) fn check(&self, server: &str, tables: &str, rows: u64, bytes: u64) -> Result<()> {
        let exceeded = |what: String, option: &str| {
            Error::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                format!("server \"{server}\": {} gave more than {what}", named(tables)),
            )
            .with_detail(format!("That is the most that one statement may give (option {option} of the server)."))
            .with_hint(format!("Ask for less, or raise the server's option {option}."))
        };
        if let Some(most) = self.rows.filter(|most| rows > *most) {
            return Err(exceeded(format!("{most} rows"), "max_rows"));
        }
        match self.bytes.filter(|most| bytes > *most) {
            Some(most) => Err(exceeded(format!("{most} bytes"), "max_bytes")),
            None => Ok(()),
        }
    }

    /// 57014: a statement took longer than it may.
    pub(super) fn too_long(&self, server: &str, tables: &str) -> Error {
        let most = self.time.unwrap_or_default().as_millis();
        Error::new(
            SqlState::QUERY_CANCELED,
            format!("server \"{server}\": reading {} took longer than {most} ms", named(tables)),
        )
        .with_detail("That is the longest that one statement may take (option max_time of the server).")
        .with_hint("Ask for less, or raise the server's option max_time.")
    }
}

/// `table "t"`, or what a statement without a table is about.
fn named(tables: &str) -> String {
    if tables.is_empty() { "a query".to_string() } else { format!("table \"{tables}\"") }
}

/// About how many bytes the values of a batch have.
pub(super) fn bytes(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|column| u64::try_from(values(column)).unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
}

fn values(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().lengths().map(|length| length as usize).sum(),
        DataType::BinaryView => column.as_binary_view().lengths().map(|length| length as usize).sum(),
        // What cannot be told of nested values is counted as it lies in memory.
        _ => column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()),
    }
}

/// A size: `64MB`, `8kB`, or a bare number of bytes; units as Postgres writes them.
fn size(text: &str) -> Result<u64> {
    let wrong = || invalid("max_bytes", "is not a size").with_hint("Use for example '500kB', '64MB' or '1GB'.");
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int32Array, StringViewArray};
    use datafusion::arrow::datatypes::{Field, Schema};

    use super::*;

    fn limits(options: &[(&str, &str)]) -> Result<Limits> {
        Limits::new(&options.iter().copied().collect())
    }

    #[test]
    fn options_are_read_and_checked() {
        let none = limits(&[]).unwrap();
        assert_eq!((none.statements, none.rows, none.bytes, none.time), (None, None, None, None));
        let all = limits(&[("max_statements", "2"), ("max_rows", "10"), ("max_bytes", "64MB"), ("max_time", "500ms")])
            .unwrap();
        assert_eq!((all.statements, all.rows, all.bytes), (Some(2), Some(10), Some(64 << 20)));
        assert_eq!(all.time, Some(Duration::from_millis(500)));
        for wrong in [("max_bytes", "many"), ("max_bytes", "5mb"), ("max_rows", "-1"), ("max_time", "soon")] {
            let state = limits(&[wrong]).unwrap_err().state();
            assert_eq!(state, SqlState::FDW_INVALID_ATTRIBUTE_VALUE, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_over_is_told() {
        let all = limits(&[("max_rows", "10"), ("max_bytes", "100")]).unwrap();
        assert!(all.check("erp", "t", 10, 100).is_ok());
        let rows = all.check("erp", "t", 11, 0).unwrap_err();
        assert_eq!(rows.message(), "server \"erp\": table \"t\" gave more than 10 rows");
        assert_eq!(rows.state(), SqlState::CONFIGURATION_LIMIT_EXCEEDED);
        assert!(all.check("erp", "t", 1, 101).unwrap_err().hint().unwrap().contains("max_bytes"));
    }

    #[test]
    fn values_are_counted_and_not_their_buffers() {
        let schema =
            Schema::new(vec![Field::new("a", DataType::Int32, true), Field::new("b", DataType::Utf8View, true)]);
        let texts = StringViewArray::from(vec![Some("a text that is not kept in its view"), None, Some("b")]);
        let columns: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(vec![1, 2, 3])), Arc::new(texts)];
        let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
        assert_eq!(bytes(&batch), 12 + 35 + 1);
        assert_eq!(bytes(&batch.slice(1, 2)), 8 + 1);
    }
}
