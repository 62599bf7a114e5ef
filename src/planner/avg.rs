//! `avg` of intervals beside DataFusion's of numbers. The mean of numerics has four digits more behind the point: of those
//! that have all digits already it is a wider numeric.

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
use super::sum_widened::{Widened, WidenedGroups};
use crate::catalog::types::{BARE_NUMERIC, PgType};
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

/// The type that values are averaged as, where the mean has no room in their own. A numeric without digits has it in
/// practice, and stays what it is.
fn wide(of: &DataType) -> Option<DataType> {
    match of {
        DataType::Decimal128(precision, scale) if (*precision, *scale) != BARE_NUMERIC && *precision > 34 => {
            Some(DataType::Decimal256(*precision, *scale))
        }
        _ => None,
    }
}

/// The fields of arguments that are averaged as wider ones, with their type.
fn widened(fields: &[FieldRef]) -> Option<([FieldRef; 1], DataType)> {
    let field = fields.first()?;
    let to = wide(field.data_type())?;
    Some(([Arc::new(field.as_ref().clone().with_data_type(to.clone()))], to))
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
        match types {
            [INTERVAL, ..] => Ok(INTERVAL),
            [of] => match wide(of) {
                Some(wide) => self.avg.return_type(&[wide]),
                None => self.avg.return_type(types),
            },
            types => self.avg.return_type(types),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if interval_sums::is_interval(args.expr_fields.first()) {
            return interval_sums::accumulator(&args, true);
        }
        if let Some((fields, to)) = widened(args.expr_fields) {
            let mean = self.avg.accumulator(AccumulatorArgs { expr_fields: &fields, ..args })?;
            return Ok(Box::new(Widened(mean, to)));
        }
        self.avg.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        if interval_sums::is_interval(args.input_fields.first()) {
            return Ok(interval_sums::state_fields(&args));
        }
        if let Some((fields, _)) = widened(args.input_fields) {
            return self.avg.state_fields(StateFieldsArgs { input_fields: &fields, ..args });
        }
        self.avg.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !interval_sums::is_interval(args.expr_fields.first()) && self.avg.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        if let Some((fields, to)) = widened(args.expr_fields) {
            let means = self.avg.create_groups_accumulator(AccumulatorArgs { expr_fields: &fields, ..args })?;
            return Ok(Box::new(WidenedGroups(means, to)));
        }
        self.avg.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if interval_sums::is_interval(args.expr_fields.first()) {
            return interval_sums::accumulator(&args, true);
        }
        if let Some((fields, to)) = widened(args.expr_fields) {
            let mean = self.avg.create_sliding_accumulator(AccumulatorArgs { expr_fields: &fields, ..args })?;
            return Ok(Box::new(Widened(mean, to)));
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
