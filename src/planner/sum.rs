//! `sum(bigint)` is numeric, as in Postgres, so that it cannot overflow; intervals have a sum too.

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

use super::interval_sums::{self, INTERVAL};
use super::sum_widened::{Widened, WidenedGroups};
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

/// Whole numbers whose sum is bigint.
fn is_small(of: &DataType) -> bool {
    matches!(of, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16)
}

fn small_input(args: &AccumulatorArgs) -> bool {
    args.expr_fields.first().is_some_and(|field| is_small(field.data_type()))
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
            // Widened while they are added: what is asked again for a coerced type must say the same.
            t if t.is_integer() => t.clone(),
            DataType::Float16 | DataType::Float32 => DataType::Float64,
            DataType::Null => DataType::Float64,
            DataType::Float64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => of.clone(),
            DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
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
        match types {
            [of] if is_small(of) => Ok(DataType::Int64),
            [INTERVAL] => Ok(INTERVAL),
            types => self.sum.return_type(types),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if interval_sums::is_interval(args.expr_fields.first()) {
            return interval_sums::accumulator(&args, false);
        }
        let small = small_input(&args);
        let sum = self.sum.accumulator(args)?;
        Ok(if small { Box::new(Widened(sum, DataType::Int64)) } else { sum })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        if interval_sums::is_interval(args.input_fields.first()) {
            return Ok(interval_sums::state_fields(&args));
        }
        self.sum.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !interval_sums::is_interval(args.expr_fields.first()) && self.sum.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        let small = small_input(&args);
        let sum = self.sum.create_groups_accumulator(args)?;
        Ok(if small { Box::new(WidenedGroups(sum, DataType::Int64)) } else { sum })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if interval_sums::is_interval(args.expr_fields.first()) {
            return interval_sums::accumulator(&args, false);
        }
        let small = small_input(&args);
        let sum = self.sum.create_sliding_accumulator(args)?;
        Ok(if small { Box::new(Widened(sum, DataType::Int64)) } else { sum })
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
