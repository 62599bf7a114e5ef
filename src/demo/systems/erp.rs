//! The ERP: Parquet files of customers and orders, as its nightly export writes them.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::parquet::arrow::ArrowWriter;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::files::{failed, save};
use super::system::{Loaded, System};
use crate::demo::clock::{DAY, HORIZON};
use crate::demo::dice::stream;
use crate::demo::record::Record;
use crate::error::Result;

const STATES: [&str; 6] = ["invoiced", "invoiced", "invoiced", "shipped", "open", "cancelled"];

/// The first customer number less one.
const FIRST_CUSTOMER: i64 = 100_000;

/// Writes `erp/customer.parquet` and `erp/orders.parquet`.
pub fn write(data: &Path, records: &[Record], seed: u64) -> Result<Vec<Loaded>> {
    let customers = customers(records);
    let (orders, count) = orders(records, seed);
    save_parquet(&data.join("erp/customer.parquet"), customers)?;
    save_parquet(&data.join("erp/orders.parquet"), orders)?;
    Ok(vec![
        Loaded {
            system: System::Erp,
            file: "data/erp/customer.parquet".to_string(),
            rows: records.len(),
            holds: "customers",
        },
        Loaded { system: System::Erp, file: "data/erp/orders.parquet".to_string(), rows: count, holds: "orders" },
    ])
}

/// Columns by name, with whether they may be null.
type Columns = Vec<(&'static str, ArrayRef, bool)>;

fn customers(records: &[Record]) -> Columns {
    let texts = |of: fn(&Record) -> Option<&str>| column(records.iter().map(of).collect::<StringArray>());
    let keys = Int64Array::from_iter_values((FIRST_CUSTOMER + 1..).take(records.len()));
    let birthdays: Date32Array = records.iter().map(|record| record.birth_day).collect();
    vec![
        ("customer_no", column(keys), false),
        ("name", texts(|r| Some(r.name.as_str())), false),
        ("mail", texts(|r| r.email.as_deref()), true),
        ("tel", texts(|r| r.phone.as_deref()), true),
        ("street", texts(|r| r.street.as_deref()), true),
        ("zip", texts(|r| r.postcode.as_deref()), true),
        ("town", texts(|r| r.city.as_deref()), true),
        ("country_code", texts(|r| r.country.map(|culture| culture.iso2)), true),
        ("born_on", column(birthdays), true),
        ("created_at", moments(records.iter().map(|r| r.created_at)), false),
        ("changed_at", moments(records.iter().map(|r| r.updated_at)), false),
    ]
}

fn orders(records: &[Record], seed: u64) -> (Columns, usize) {
    let mut rng = stream(seed, System::Erp, 1);
    let (mut customers, mut times, mut cents, mut states) = (vec![], vec![], vec![], vec![]);
    for customer in (FIRST_CUSTOMER + 1..).take(records.len()) {
        for _ in 0..rng.random_range(0..6) {
            customers.push(customer);
            times.push(HORIZON - rng.random_range(0..900 * DAY));
            cents.push(i128::from(rng.random_range(1_500..250_000_u32)));
            states.push(STATES.choose(&mut rng).copied());
        }
    }
    let count = customers.len();
    let numbers = Int64Array::from_iter_values((7_000_001..).take(count));
    let amounts: Decimal128Array = Decimal128Array::from_iter_values(cents).with_data_type(DataType::Decimal128(12, 2));
    let columns: Columns = vec![
        ("order_no", column(numbers), false),
        ("customer_no", column(Int64Array::from(customers)), false),
        ("ordered_at", moments(times.into_iter()), false),
        ("amount", column(amounts), false),
        ("currency", column(StringArray::from_iter_values(std::iter::repeat_n("EUR", count))), false),
        ("status", column(states.into_iter().collect::<StringArray>()), true),
    ];
    (columns, count)
}

fn moments(seconds: impl Iterator<Item = i64>) -> ArrayRef {
    column(TimestampMicrosecondArray::from_iter_values(seconds.map(|s| s * 1_000_000)).with_timezone("UTC"))
}

fn column(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn save_parquet(path: &Path, columns: Columns) -> Result<()> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(failed(path))?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).map_err(failed(path))?;
    writer.write(&batch).map_err(failed(path))?;
    writer.close().map_err(failed(path))?;
    save(path, &bytes)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn times_are_micros_in_utc() {
        let times = moments([HORIZON].into_iter());
        assert_eq!(times.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    }
}
