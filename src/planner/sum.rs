//! `sum(bigint)` is numeric, as in Postgres, so that it cannot overflow.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, Volatility,
};

use crate::error::{Error, SqlState};

/// DataFusion's `sum` with Postgres's types: smallint and integer give bigint, bigint gives numeric.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PgSum {
    sum: Sum,
    signature: Signature,
}

/// The function to register in the place of DataFusion's.
pub fn function() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(PgSum { sum: Sum::new(), signature }))
}

impl AggregateUDFImpl for PgSum {
    fn name(&self) -> &str {
        self.sum.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        let [of] = types else {
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, "sum takes one argument").into());
        };
        Ok(vec![match of {
            DataType::Int64 | DataType::UInt32 => DataType::Decimal128(19, 0),
            DataType::UInt64 => DataType::Decimal128(20, 0),
            t if t.is_integer() => DataType::Int64,
            DataType::Float16 | DataType::Float32 => DataType::Float64,
            DataType::Null => DataType::Float64,
            DataType::Float64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Duration(_) => of.clone(),
            DataType::Dictionary(_, value) => self.coerce_types(std::slice::from_ref(value))?.remove(0),
            other => {
                let name = crate::catalog::types::PgType::of_arrow(other);
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, format!("function sum({name}) does not exist"))
                    .with_hint("You might need to add an explicit type cast.")
                    .into());
            }
        }])
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        self.sum.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        self.sum.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        self.sum.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.sum.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        self.sum.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        self.sum.create_sliding_accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.sum.documentation()
    }

    fn set_monotonicity(&self, of: &DataType) -> SetMonotonicity {
        self.sum.set_monotonicity(of)
    }
}
