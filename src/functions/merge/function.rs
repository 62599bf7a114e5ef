//! Merge functions as DataFusion aggregates: one implementation, told by a [`MergeRule`] what to do.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, Signature, Volatility,
};

use super::first::First;
use super::mean::{self, ExactMoments, Mean, Moments, PreciseMoments};
use super::middle::Middle;
use super::rank::{KeySource, RankKey};
use super::rule::{Choice, MergeRule, item_of};
use super::single::{MergeState, Single};
use super::sort_keys::SortKeys;
use super::store::store_for;
use super::votes::{Votes, total_type};
use super::winner::Winner;
use crate::error::Error;

/// A merge function as an aggregate.
pub struct MergeFunction {
    rule: &'static MergeRule,
    signature: Signature,
    documentation: Documentation,
}

impl MergeFunction {
    /// The aggregate for a rule.
    pub fn new(rule: &'static MergeRule) -> Self {
        // Types are coerced leniently and checked in `return_field`, whose errors reach the client as they are.
        let signature = Signature::user_defined(Volatility::Immutable);
        MergeFunction { rule, signature, documentation: (rule.documentation)() }
    }

    /// What it does.
    pub fn rule(&self) -> &'static MergeRule {
        self.rule
    }

    fn refuse_distinct(&self, is_distinct: bool) -> Result<()> {
        if is_distinct && !self.rule.allows_distinct() { Err(self.rule.refuse_distinct().into()) } else { Ok(()) }
    }

    /// The accumulator for a call.
    fn state_for(&self, args: &AccumulatorArgs) -> Result<Box<dyn MergeState>> {
        self.refuse_distinct(args.is_distinct)?;
        let rule = self.rule;
        let types: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        rule.check(&types)?;
        let Some(value) = args.expr_fields.first() else {
            return Err(Error::internal(format!("{} was given no arguments", rule.name)).into());
        };
        match rule.choice {
            Choice::Ranked(_) => {
                let sources: Vec<KeySource> = rule.key_sources(&types).into_iter().map(|(_, source)| source).collect();
                match (sources.len(), sources.iter().any(KeySource::is_wide)) {
                    (1, false) => winner::<i64, 1>(sources, value),
                    (1, true) => winner::<i128, 1>(sources, value),
                    (2, false) => winner::<i64, 2>(sources, value),
                    (2, true) => winner::<i128, 2>(sources, value),
                    (keys, _) => Err(Error::internal(format!("{} ranks by {keys} keys", rule.name)).into()),
                }
            }
            Choice::Ordered => {
                if args.order_bys.is_empty() {
                    return Err(rule.lacks_order().into());
                }
                let types = args
                    .order_bys
                    .iter()
                    .map(|sort| sort.expr.data_type(args.schema))
                    .collect::<Result<Vec<DataType>>>()?;
                let options: Vec<SortOptions> = args.order_bys.iter().map(|sort| sort.options).collect();
                Ok(Box::new(First::new(SortKeys::try_new(&types, &options)?, store_for(value.data_type())?)))
            }
            Choice::Majority | Choice::WeightedMajority | Choice::Unanimous | Choice::AllValues => {
                Ok(Box::new(Votes::try_new(rule, value, types.get(1))?))
            }
            Choice::Median if matches!(value.data_type(), DataType::Decimal128(_, _) | DataType::Interval(_)) => {
                Ok(Box::new(Middle::<i128>::new(rule, value, args.is_distinct)))
            }
            Choice::Median => Ok(Box::new(Middle::<i64>::new(rule, value, args.is_distinct))),
            Choice::WeightedAverage => {
                if mean::is_exact(&types) {
                    Ok(Box::new(Mean::<ExactMoments>::new(rule, value.data_type())))
                } else {
                    Ok(Box::new(Mean::<PreciseMoments>::new(rule, value.data_type())))
                }
            }
        }
    }
}

fn winner<K: RankKey, const N: usize>(sources: Vec<KeySource>, value: &FieldRef) -> Result<Box<dyn MergeState>> {
    let sources: [KeySource; N] =
        sources.try_into().map_err(|_| Error::internal("a merge function has a wrong number of keys"))?;
    Ok(Box::new(Winner::<K, N>::new(sources, store_for(value.data_type())?)))
}

impl fmt::Debug for MergeFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MergeFunction({})", self.rule.name)
    }
}

impl PartialEq for MergeFunction {
    fn eq(&self, other: &Self) -> bool {
        self.rule.name == other.rule.name
    }
}

impl Eq for MergeFunction {}

impl Hash for MergeFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rule.name.hash(state);
    }
}

impl AggregateUDFImpl for MergeFunction {
    fn name(&self) -> &str {
        self.rule.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(self.rule.coerce(arg_types))
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let fields: Vec<FieldRef> =
            arg_types.iter().map(|data_type| Arc::new(Field::new("", data_type.clone(), true))).collect();
        Ok(self.rule.return_field(&fields)?.data_type().clone())
    }

    fn return_field(&self, arg_fields: &[FieldRef]) -> Result<FieldRef> {
        Ok(self.rule.return_field(arg_fields)?)
    }

    /// Refuses DISTINCT while the query is planned, before another rule takes it for a GROUP BY; and the lack of an
    /// ORDER BY.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        let rule = self.rule;
        if rule.allows_distinct() {
            return None;
        }
        Some(Box::new(move |call: AggregateFunction, _: &SimplifyContext| {
            if call.params.distinct {
                Err(DataFusionError::from(rule.refuse_distinct()))
            } else if rule.choice == Choice::Ordered && call.params.order_by.is_empty() {
                Err(DataFusionError::from(rule.lacks_order()))
            } else {
                Ok(Expr::AggregateFunction(call))
            }
        }))
    }

    /// No function needs its rows sorted. `Beneficial` is how a function gets what its ORDER BY names, as further
    /// columns.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        match self.rule.choice {
            Choice::Ordered => AggregateOrderSensitivity::Beneficial,
            _ => AggregateOrderSensitivity::Insensitive,
        }
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        _beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        Ok(Some(self))
    }

    /// A frame whose start moves would have to forget rows.
    fn create_sliding_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let name = self.rule.name;
        Err(Error::unsupported(format!("a window frame whose start moves is not supported for {name}"))
            .with_hint("Let the frame begin with UNBOUNDED PRECEDING.")
            .into())
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Single::new(self.state_for(&acc_args)?)))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let state: Box<dyn GroupsAccumulator> = self.state_for(&args)?;
        Ok(state)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field =
            |name: &str, data_type: DataType| Arc::new(Field::new(format_state_name(args.name, name), data_type, true));
        let types: Vec<DataType> = args.input_fields.iter().map(|field| field.data_type().clone()).collect();
        self.rule.check(&types)?;
        let Some(value) = args.input_fields.first() else { return Ok(Vec::new()) };
        Ok(match self.rule.choice {
            Choice::Ranked(_) => {
                let winner = value.as_ref().clone().with_name(format_state_name(args.name, "value"));
                let mut fields = vec![Arc::new(winner.with_nullable(true))];
                for (nth, (_, source)) in self.rule.key_sources(&types).into_iter().enumerate() {
                    if let Some((data_type, _)) = source.state() {
                        let name = self.rule.arguments.get(nth + 1).map_or("key", |argument| argument.name);
                        fields.push(field(name, data_type));
                    }
                }
                fields
            }
            Choice::Ordered => {
                let winner = value.as_ref().clone().with_name(format_state_name(args.name, "value"));
                let mut fields = vec![Arc::new(winner.with_nullable(true))];
                for (nth, key) in args.ordering_fields.iter().enumerate() {
                    fields.push(field(&format!("order_{nth}"), key.data_type().clone()));
                }
                fields
            }
            Choice::Median => vec![field("values", DataType::List(item_of(value)))],
            Choice::Majority | Choice::WeightedMajority | Choice::Unanimous | Choice::AllValues => {
                let mut fields = vec![field("values", DataType::List(item_of(value)))];
                if let Some(total) = total_type(self.rule, types.get(1)) {
                    fields.push(field("totals", DataType::List(Arc::new(Field::new_list_field(total, true)))));
                }
                fields
            }
            Choice::WeightedAverage => {
                let (parts, data_type) = if mean::is_exact(&types) {
                    (ExactMoments::PARTS, ExactMoments::part_type())
                } else {
                    (PreciseMoments::PARTS, PreciseMoments::part_type())
                };
                parts.iter().map(|part| field(part, data_type.clone())).collect()
            }
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
