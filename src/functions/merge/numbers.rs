//! Weights, and values that are averaged: whole numbers and decimals exactly, doubles as they are.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::Result;

use super::columns::{primitive, unexpected};
use crate::error::{Error, SqlState};

/// A column of numbers, in one of the three types that planning leaves.
#[derive(Debug)]
pub(super) enum Numbers {
    Int(Int64Array),
    Decimal(Decimal128Array),
    Double(Float64Array),
}

/// One number: a whole number or a decimal's digits, or a double.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Exact(i128),
    Double(f64),
}

impl Numbers {
    /// Reads a column.
    pub(super) fn read(column: &ArrayRef) -> Result<Self> {
        match column.data_type() {
            DataType::Int64 => Ok(Numbers::Int(primitive::<Int64Type>(column)?.clone())),
            DataType::Decimal128(_, _) => Ok(Numbers::Decimal(primitive::<Decimal128Type>(column)?.clone())),
            DataType::Float64 => Ok(Numbers::Double(primitive::<Float64Type>(column)?.clone())),
            other => Err(unexpected(other)),
        }
    }

    /// The row's number. Null when it is null, or when there is no such row.
    pub(super) fn get(&self, row: usize) -> Option<Number> {
        fn known(array: &dyn Array, row: usize) -> bool {
            row < array.len() && array.is_valid(row)
        }
        match self {
            Numbers::Int(array) => known(array, row).then(|| Number::Exact(i128::from(array.value(row)))),
            Numbers::Decimal(array) => known(array, row).then(|| Number::Exact(array.value(row))),
            Numbers::Double(array) => known(array, row).then(|| Number::Double(array.value(row))),
        }
    }

    /// The row's number as a weight of `function`: an error (22023) when it is negative, infinite or NaN.
    pub(super) fn weight(&self, row: usize, function: &str) -> Result<Option<Number>> {
        let weight = self.get(row);
        let refused = match weight {
            Some(Number::Exact(weight)) if weight < 0 => "negative".to_string(),
            Some(Number::Double(weight)) if !weight.is_finite() || weight < 0.0 => format!("{weight}"),
            _ => return Ok(weight),
        };
        Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("the weight of {function} must be a finite number of zero or more"),
        )
        .with_detail(format!("A weight is {refused}."))
        .into())
    }

    /// Zero in this column's kind of number.
    pub(super) fn zero(&self) -> Number {
        match self {
            Numbers::Double(_) => Number::Double(0.0),
            _ => Number::Exact(0),
        }
    }
}

/// A column of these numbers as the state type `data_type`: a decimal's digits, or doubles.
pub(super) fn column_of(numbers: Vec<Number>, data_type: &DataType) -> Result<ArrayRef> {
    match data_type {
        DataType::Decimal128(_, _) => {
            let digits = numbers.into_iter().map(|number| match number {
                Number::Exact(digits) => Ok(digits),
                Number::Double(_) => Err(unexpected(data_type)),
            });
            let digits = Decimal128Array::from(digits.collect::<Result<Vec<i128>>>()?);
            Ok(Arc::new(digits.with_data_type(data_type.clone())))
        }
        DataType::Float64 => {
            let doubles = numbers.into_iter().map(|number| match number {
                Number::Double(double) => Ok(double),
                Number::Exact(_) => Err(unexpected(data_type)),
            });
            Ok(Arc::new(Float64Array::from(doubles.collect::<Result<Vec<f64>>>()?)))
        }
        other => Err(unexpected(other)),
    }
}

/// A sum that its type cannot hold (22003).
pub(super) fn out_of_range(function: &str) -> datafusion::error::DataFusionError {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("a sum of {function} is out of range")).into()
}
