//! `clock_timestamp()`: the time now, which goes on while a statement runs.

use datafusion::logical_expr::{ScalarUDF, Volatility};

use super::row_function::Spec;
use super::timezone::at;
use crate::catalog::types::PgType;

/// `clock_timestamp`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("clock_timestamp", &[], |_| PgType::TimestampTz, |_| Ok(Some(at(chrono::Utc::now().timestamp_micros()))))
        .is(Volatility::Volatile)
        .udf()
}
