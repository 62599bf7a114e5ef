//! EXPLAIN's answer in Postgres's form: one column `QUERY PLAN`, a row a line.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;

use crate::error::Result;

/// Whether a plan only explains another.
pub(super) fn is_explain(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_))
}

/// The schema of EXPLAIN's answer.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("QUERY PLAN", DataType::Utf8View, false)]))
}

/// Whether DataFusion's rows of (kind, plan) hold what will run.
pub(super) fn has_plan(batches: &[RecordBatch]) -> Result<bool> {
    for batch in batches {
        let kinds = cast(batch.column(0), &DataType::Utf8View)?;
        if kinds.as_string_view().iter().flatten().any(|kind| kind == "physical_plan") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The plan's lines from DataFusion's rows of (kind, plan): what will run, and with VERBOSE every step to it. What is
/// computed here although a source holds the rows comes last, with the reason.
pub(super) fn lines(batches: &[RecordBatch], kept: &[String], verbose: bool) -> Result<RecordBatch> {
    let mut lines: Vec<String> = vec![];
    for batch in batches {
        let kinds = cast(batch.column(0), &DataType::Utf8View)?;
        let plans = cast(batch.column(1), &DataType::Utf8View)?;
        for (kind, plan) in kinds.as_string_view().iter().zip(plans.as_string_view()) {
            let (kind, plan) = (kind.unwrap_or_default(), plan.unwrap_or_default());
            // The logical plan says what was asked; what will be done is the physical one.
            if kind == "logical_plan" && !verbose {
                continue;
            }
            if verbose {
                lines.push(format!("{kind}:"));
            }
            lines.extend(plan.lines().map(str::to_string));
        }
    }
    lines.extend(kept.iter().map(|reason| format!("kept here: {reason}")));
    Ok(RecordBatch::try_new(schema(), vec![Arc::new(StringViewArray::from_iter_values(lines))])?)
}
