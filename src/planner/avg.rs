//! `avg` of intervals beside DataFusion's of numbers.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::average::Avg;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

use super::interval_sums::{self, INTERVAL};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// DataFusion's `avg`, which takes intervals too.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PgAvg {
    avg: Avg,
    signature: Signature,
}

/// The function to register in the place of DataFusion's.
pub fn function() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(PgAvg { avg: Avg::new(), signature }))
}

impl AggregateUDFImpl for PgAvg {
    fn name(&self) -> &str {
        self.avg.name()
    }

    fn aliases(&self) -> &[String] {
        self.avg.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        let [of] = types else {
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, "avg takes one argument").into());
        };
        Ok(vec![match of {
            of if of.is_decimal() => of.clone(),
            of if of.is_numeric() || of.is_null() => DataType::Float64,
            DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
            DataType::Dictionary(_, value) => self.coerce_types(std::slice::from_ref(value))?.remove(0),
            other => {
                let name = PgType::of_arrow(other);
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, format!("function avg({name}) does not exist"))
                    .with_hint("You might need to add an explicit type cast.")
                    .into());
            }
        }])
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        if types.first() == Some(&INTERVAL) { Ok(INTERVAL) } else { self.avg.return_type(types) }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if interval_sums::is_interval(args.expr_fields.first()) {
            return interval_sums::accumulator(&args, true);
        }
        self.avg.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        if interval_sums::is_interval(args.input_fields.first()) {
            return Ok(interval_sums::state_fields(&args));
        }
        self.avg.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !interval_sums::is_interval(args.expr_fields.first()) && self.avg.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        self.avg.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if interval_sums::is_interval(args.expr_fields.first()) {
            return interval_sums::accumulator(&args, true);
        }
        self.avg.create_sliding_accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.avg.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.avg.order_sensitivity()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.avg.documentation()
    }
}
