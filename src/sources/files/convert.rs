//! From what a Parquet file stores to what a column is declared as.
//!
//! A cast that loses nothing, or fails where it would, is left to the reader ([`fits`]), so that it can still skip row
//! groups. The rest is done by [`Convert`] above it.

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, StringViewBuilder};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::json::writer::{EncoderOptions, make_encoder};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::builder::{ColumnBuilder, hyphenated};
use super::datetime::local_to_utc;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::sources::table::ColumnSpec;

/// What has to be done with a column after it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// Nothing.
    Same,
    /// A struct, a map or a list becomes JSON.
    Json,
    /// 16 bytes become a uuid.
    Uuid,
    /// Text becomes a value of the column's type.
    Parse,
    /// Local time of a zone becomes UTC.
    Zone(Tz),
}

/// The type to read a column as, and what to do with it then. A type that the column's cannot hold is 42804.
pub fn plan(stored: &DataType, column: &ColumnSpec, zone: Option<Tz>) -> Result<(DataType, Conversion)> {
    let target = column.pg_type.arrow();
    let value = match stored {
        DataType::Dictionary(_, value) => value.as_ref(),
        other => other,
    };
    let local = DataType::Timestamp(TimeUnit::Microsecond, None);
    Ok(match (&column.pg_type, value) {
        (PgType::Uuid | PgType::Json | PgType::Jsonb | PgType::Varchar(Some(_)) | PgType::Bpchar(_), stored)
            if is_text(stored) =>
        {
            (DataType::Utf8View, Conversion::Parse)
        }
        (_, stored) if is_text(stored) && target != DataType::Utf8View => (DataType::Utf8View, Conversion::Parse),
        (PgType::Text | PgType::Json | PgType::Jsonb | PgType::Record, stored) if is_nested(stored) => {
            (stored.clone(), Conversion::Json)
        }
        (PgType::Uuid, DataType::FixedSizeBinary(16)) => (value.clone(), Conversion::Uuid),
        (PgType::TimestampTz, DataType::Timestamp(_, None)) => (local, Conversion::Zone(zone.unwrap_or(Tz::UTC))),
        (PgType::Uuid | PgType::Json | PgType::Jsonb, _) => {
            return Err(mismatch(&column.name, stored, &column.pg_type));
        }
        (_, stored) if fits(stored, &target) => (target, Conversion::Same),
        _ => return Err(mismatch(&column.name, stored, &column.pg_type)),
    })
}

/// The column type for what a file stores.
pub fn pg_type(field: &Field, zoned: bool) -> PgType {
    let extension = field.metadata().get("ARROW:extension:name").map(String::as_str);
    match (field.data_type(), extension) {
        (DataType::FixedSizeBinary(16), Some("arrow.uuid")) => PgType::Uuid,
        (stored, Some("arrow.json")) if is_text(stored) => PgType::Json,
        (DataType::Timestamp(_, None), _) if zoned => PgType::TimestampTz,
        (DataType::Dictionary(_, value), _) => pg_type(&Field::new(field.name(), value.as_ref().clone(), true), zoned),
        (stored, _) => match item(stored) {
            Some(item) if is_nested(item.data_type()) => PgType::Json,
            Some(_) => PgType::of_arrow(stored),
            None if is_nested(stored) => PgType::Json,
            None => PgType::of_arrow(stored),
        },
    }
}

/// A type that two files' types both fit, or the first.
pub fn wider(a: PgType, b: &PgType) -> PgType {
    let rank = |t: &PgType| match t {
        PgType::Int2 => Some(2),
        PgType::Int4 => Some(4),
        PgType::Int8 => Some(8),
        _ => None,
    };
    match (rank(&a), rank(b), &a, b) {
        (Some(x), Some(y), _, _) if y > x => b.clone(),
        (Some(x), None, _, PgType::Float8) if x < 8 => PgType::Float8,
        (_, _, PgType::Float4, PgType::Float8) => PgType::Float8,
        _ => a,
    }
}

fn mismatch(column: &str, stored: &DataType, pg_type: &PgType) -> Error {
    Error::new(
        SqlState::DATATYPE_MISMATCH,
        format!("column \"{column}\" is declared {pg_type} and stored as {stored}, which that type does not hold"),
    )
    .with_hint("Leave the column's type to be inferred, and cast it in a view.")
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_nested(data_type: &DataType) -> bool {
    item(data_type).is_some() || matches!(data_type, DataType::Struct(_) | DataType::Map(..) | DataType::Union(..))
}

fn item(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

/// Whether every value of a type is one of another, or fails to become one: never is it changed. Times finer than a
/// microsecond are the exception; no type here holds them.
pub fn fits(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    if from == to {
        return true;
    }
    match (from, to) {
        (Null, _) | (Struct(_), Struct(_)) | (Map(..), Map(..)) => true,
        (Dictionary(_, value), _) => fits(value, to),
        (RunEndEncoded(_, value), _) => fits(value.data_type(), to),
        (from, to) if is_text(from) && is_text(to) => true,
        (Binary | LargeBinary | BinaryView | FixedSizeBinary(_), Binary) => true,
        (Binary | LargeBinary | BinaryView | Boolean, Utf8View) => true,
        (from, Utf8View) if from.is_integer() || from.is_decimal() => true,
        (from, to) if from.is_integer() && to.is_integer() => true,
        (from, Decimal128(..) | Decimal256(..)) if from.is_integer() => true,
        (Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32, Float64) => true,
        (Int8 | Int16 | UInt8 | UInt16, Float32) => true,
        (Float16, Float32 | Float64) | (Float32, Float64) => true,
        (Date64, Date32) | (Date32, Timestamp(_, None)) => true,
        (Timestamp(_, from), Timestamp(_, to)) => from.is_some() == to.is_some(),
        (Time32(_) | Time64(_), Time64(_)) => true,
        (Interval(_) | Duration(_), Interval(_)) => true,
        (from, List(to)) => item(from).is_some_and(|from| fits(from.data_type(), to.data_type())),
        (from, Decimal128(_, to) | Decimal256(_, to)) => decimal_scale(from).is_some_and(|from| from <= *to),
        _ => false,
    }
}

fn decimal_scale(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    }
}

/// An expression that gives a column its declared type and refuses nulls where it has none.
pub fn expression(
    input: Arc<dyn PhysicalExpr>,
    column: &ColumnSpec,
    conversion: Conversion,
    server: &str,
    config: &Arc<ConfigOptions>,
) -> Arc<dyn PhysicalExpr> {
    let function = Convert {
        signature: Signature::any(1, Volatility::Immutable),
        server: server.to_string(),
        column: column.name.clone(),
        pg_type: column.pg_type.clone(),
        nullable: column.nullable,
        conversion,
    };
    let field = function.field();
    Arc::new(ScalarFunctionExpr::new(
        NAME,
        Arc::new(ScalarUDF::new_from_impl(function)),
        vec![input],
        field,
        Arc::clone(config),
    ))
}

const NAME: &str = "file_column";

/// Gives one column its declared type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Convert {
    signature: Signature,
    server: String,
    column: String,
    pg_type: PgType,
    nullable: bool,
    conversion: Conversion,
}

impl Convert {
    fn field(&self) -> FieldRef {
        Arc::new(self.pg_type.field(&self.column, self.nullable))
    }

    fn convert(&self, array: &ArrayRef, field: &FieldRef) -> DfResult<ArrayRef> {
        match self.conversion {
            Conversion::Same => cast(array, &self.pg_type.arrow()),
            Conversion::Json => json(array, field),
            Conversion::Uuid => uuids(array),
            Conversion::Parse => self.parse(array),
            Conversion::Zone(zone) => {
                let local = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let utc = local
                    .as_primitive::<TimestampMicrosecondType>()
                    .try_unary::<_, TimestampMicrosecondType, _>(|micros| {
                        local_to_utc(micros, zone).ok_or_else(|| {
                            DataFusionError::from(
                                self.place(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")),
                            )
                        })
                    })?;
                Ok(Arc::new(utc.with_timezone("UTC")))
            }
        }
    }

    fn parse(&self, array: &ArrayRef) -> DfResult<ArrayRef> {
        let text = cast(array, &DataType::Utf8View)?;
        let mut builder = ColumnBuilder::new(&self.pg_type, None);
        for value in text.as_string_view() {
            match value {
                Some(value) => {
                    builder.append_text(value).map_err(|bad| self.place(Error::new(bad.state, bad.message)))?;
                }
                None => builder.append_null(),
            }
        }
        Ok(builder.finish()?)
    }

    fn place(&self, error: Error) -> Error {
        error.with_context(format!("column \"{}\" of a Parquet file of server \"{}\"", self.column, self.server))
    }
}

impl ScalarUDFImpl for Convert {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.pg_type.arrow())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(self.field())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let (Some(value), Some(field)) = (args.args.first(), args.arg_fields.first()) else {
            return Err(Error::internal("a column to convert is missing").into());
        };
        let array = self.convert(&value.to_array(args.number_rows)?, field)?;
        if !self.nullable && array.null_count() > 0 {
            let message = format!("null value in column \"{}\" violates not-null constraint", self.column);
            return Err(self.place(Error::new(SqlState::NOT_NULL_VIOLATION, message)).into());
        }
        Ok(ColumnarValue::Array(array))
    }
}

fn cast(array: &ArrayRef, to: &DataType) -> DfResult<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(array, to, &strict)?)
}

fn json(array: &ArrayRef, field: &FieldRef) -> DfResult<ArrayRef> {
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(field, array.as_ref(), &options)?;
    let mut builder = StringViewBuilder::new();
    let mut text = vec![];
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        builder.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(builder.finish()))
}

fn uuids(array: &ArrayRef) -> DfResult<ArrayRef> {
    let bytes = array
        .as_any()
        .downcast_ref::<FixedSizeBinaryArray>()
        .ok_or_else(|| Error::internal("a uuid is not stored in bytes of a fixed size"))?;
    let mut builder = StringViewBuilder::new();
    for value in bytes.iter() {
        builder.append_option(value.map(|value| {
            let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            hyphenated(&hex)
        }));
    }
    Ok(Arc::new(builder.finish()))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int32Array, StructArray};
    use datafusion::arrow::datatypes::Fields;

    use super::*;

    #[test]
    fn only_lossless_casts_fit() {
        use DataType::*;
        assert!(fits(&Int64, &Int32));
        assert!(fits(&UInt64, &Decimal128(20, 0)));
        assert!(fits(&Decimal128(10, 2), &Decimal128(38, 10)));
        assert!(fits(&Timestamp(TimeUnit::Nanosecond, None), &Timestamp(TimeUnit::Microsecond, None)));
        assert!(!fits(&Float64, &Int64));
        assert!(!fits(&Float64, &Decimal128(38, 10)));
        assert!(!fits(&Decimal128(10, 2), &Decimal128(10, 1)));
        assert!(!fits(&Int64, &Float64));
        assert!(!fits(&Timestamp(TimeUnit::Microsecond, Some("UTC".into())), &Timestamp(TimeUnit::Microsecond, None)));
    }

    #[test]
    fn structs_become_json() {
        let inner = Fields::from(vec![Field::new("a", DataType::Int32, true)]);
        let values = Int32Array::from(vec![Some(1), None, None]);
        let nulls = vec![true, true, false];
        let array: ArrayRef = Arc::new(StructArray::new(inner.clone(), vec![Arc::new(values)], Some(nulls.into())));
        let field: FieldRef = Arc::new(Field::new("s", DataType::Struct(inner), true));
        assert_eq!(pg_type(&field, false), PgType::Json);
        let text = json(&array, &field).unwrap();
        let found: Vec<Option<&str>> = text.as_string_view().iter().collect();
        assert_eq!(found, vec![Some(r#"{"a":1}"#), Some(r#"{"a":null}"#), None]);
    }
}
