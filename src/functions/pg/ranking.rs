//! `row_number`, `rank`, `dense_rank` and `ntile` with Postgres's types: DataFusion's numbers have no sign, and no type
//! of Postgres holds those but numeric.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::functions_window::all_default_window_functions;
use datafusion::logical_expr::function::{
    ExpressionArgs, PartitionEvaluatorArgs, WindowFunctionSimplification, WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    Documentation, LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::scalar::ScalarValue;

/// The functions to register in the place of DataFusion's.
pub fn functions() -> Vec<Arc<WindowUDF>> {
    all_default_window_functions()
        .into_iter()
        .filter_map(|of| {
            let to = match of.name() {
                "row_number" | "rank" | "dense_rank" => DataType::Int64,
                "ntile" => DataType::Int32,
                _ => return None,
            };
            Some(Arc::new(WindowUDF::new_from_impl(Ranking { of, to })))
        })
        .collect()
}

/// One of DataFusion's functions, whose results become those of another type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Ranking {
    of: Arc<WindowUDF>,
    to: DataType,
}

impl WindowUDFImpl for Ranking {
    fn name(&self) -> &str {
        self.of.name()
    }

    fn aliases(&self) -> &[String] {
        self.of.aliases()
    }

    fn signature(&self) -> &Signature {
        self.of.signature()
    }

    fn expressions(&self, args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.of.expressions(args)
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> DfResult<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator { of: self.of.partition_evaluator_factory(args)?, to: self.to.clone() }))
    }

    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        self.of.simplify()
    }

    fn field(&self, args: WindowUDFFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new(self.of.field(args)?.as_ref().clone().with_data_type(self.to.clone())))
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.of.sort_options()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> DfResult<Vec<DataType>> {
        self.of.coerce_types(arguments)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        // Read backwards none of them is what it was.
        ReversedUDWF::NotSupported
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.of.documentation()
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.of.inner().limit_effect(args)
    }
}

#[derive(Debug)]
struct Evaluator {
    of: Box<dyn PartitionEvaluator>,
    to: DataType,
}

impl PartitionEvaluator for Evaluator {
    fn get_range(&self, index: usize, rows: usize) -> DfResult<Range<usize>> {
        self.of.get_range(index, rows)
    }

    fn is_causal(&self) -> bool {
        self.of.is_causal()
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> DfResult<ArrayRef> {
        Ok(cast(&self.of.evaluate_all(values, rows)?, &self.to)?)
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> DfResult<ScalarValue> {
        self.of.evaluate(values, range)?.cast_to(&self.to)
    }

    fn evaluate_all_with_rank(&self, rows: usize, ranks: &[Range<usize>]) -> DfResult<ArrayRef> {
        Ok(cast(&self.of.evaluate_all_with_rank(rows, ranks)?, &self.to)?)
    }

    fn supports_bounded_execution(&self) -> bool {
        self.of.supports_bounded_execution()
    }

    fn uses_window_frame(&self) -> bool {
        self.of.uses_window_frame()
    }

    fn include_rank(&self) -> bool {
        self.of.include_rank()
    }
}
