//! EXPLAIN's answer in Postgres's form: one column `QUERY PLAN`, a row a line, or one JSON document.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::metrics::MetricCategory;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan, execute_stream};
use futures::TryStreamExt;
use serde_json::{Map, Value, json};

use super::run::{collect, located};
use crate::catalog::types::PgType;
use crate::ddl::explain::{ExplainFormat, ExplainOptions};
use crate::ddl::statement::Statement;
use crate::error::{Error, Result};
use crate::federation::kept::Kept;
use crate::planner::forgetful::ForgetConstants;
use crate::sources::scan::SourceScanExec;

/// Whether a plan only explains another.
pub(super) fn is_explain(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_))
}

/// The schema of the answer to an EXPLAIN.
pub(super) fn schema(statement: &Statement) -> SchemaRef {
    schema_of(ExplainOptions::of(&statement.text).format)
}

fn schema_of(format: ExplainFormat) -> SchemaRef {
    let pg_type = match format {
        ExplainFormat::Text => PgType::Text,
        ExplainFormat::Json => PgType::Json,
    };
    Arc::new(Schema::new(vec![pg_type.field("QUERY PLAN", false)]))
}

/// What was planned, and run if that was asked.
struct Explained {
    plan: Arc<dyn ExecutionPlan>,
    /// Why parts of it are computed here although a source holds the rows.
    kept: Vec<String>,
    planning: Duration,
    /// How long it ran.
    running: Option<Duration>,
    /// Whether it reads what who asks may not: then its operators are named, and nothing is told of them.
    hidden: bool,
}

/// Explains a plan, and runs it for EXPLAIN ANALYZE. Of one that is `hidden` only the names of its operators are shown.
pub(super) async fn run(
    mut state: SessionState,
    plan: &LogicalPlan,
    statement: &Statement,
    hidden: bool,
) -> Result<RecordBatch> {
    let options = ExplainOptions::of(&statement.text);
    let kept = Arc::new(Kept::default());
    state.config_mut().set_extension(Arc::clone(&kept));
    let began = Instant::now();
    let inner = match plan {
        LogicalPlan::Explain(explain) => &explain.plan,
        LogicalPlan::Analyze(analyze) => &analyze.input,
        _ => return Err(Error::internal("a statement was explained that is no EXPLAIN")),
    };
    let physical = state.create_physical_plan(inner).await.map_err(|e| located(e, statement))?;
    let kept = if hidden { vec![] } else { kept.reasons() };
    let mut explained = Explained { plan: physical, kept, planning: began.elapsed(), running: None, hidden };
    if options.analyze {
        let began = Instant::now();
        let mut rows = execute_stream(Arc::clone(&explained.plan), state.task_ctx())?;
        while rows.try_next().await.map_err(|e| located(e, statement))?.is_some() {}
        explained.running = Some(began.elapsed());
    }
    let lines = match options.format {
        ExplainFormat::Json => vec![explained.json(&options)?],
        ExplainFormat::Text if options.verbose && !options.analyze && !hidden => {
            let steps = steps(&collect(&state, plan).await?)?;
            steps.into_iter().chain(explained.notes(&options)).collect()
        }
        ExplainFormat::Text => explained.lines(&options),
    };
    let column = Arc::new(StringViewArray::from_iter_values(lines));
    Ok(RecordBatch::try_new(schema_of(options.format), vec![column])?)
}

impl Explained {
    fn lines(&self, options: &ExplainOptions) -> Vec<String> {
        let mut lines = vec![];
        match self.hidden {
            true => names(&mut lines, 0, &self.plan),
            false => add(&mut lines, 0, &self.plan, self.running.is_some(), options),
        }
        lines.extend(self.notes(options));
        lines
    }

    /// What stands below the plan.
    fn notes(&self, options: &ExplainOptions) -> Vec<String> {
        let mut notes: Vec<String> = self.kept.iter().map(|reason| format!("kept here: {reason}")).collect();
        if options.summary {
            notes.push(format!("Planning Time: {:.3} ms", millis(self.planning)));
            notes.extend(self.running.map(|time| format!("Execution Time: {:.3} ms", millis(time))));
        }
        notes
    }

    /// The document, with the keys of Postgres where it has them.
    fn json(&self, options: &ExplainOptions) -> Result<String> {
        let mut document = Map::new();
        let plan = match self.hidden {
            true => named(&self.plan),
            false => node(&self.plan, self.running.is_some(), options),
        };
        document.insert("Plan".to_string(), plan);
        if !self.kept.is_empty() {
            document.insert("Kept Here".to_string(), json!(self.kept));
        }
        if options.summary {
            document.insert("Planning Time".to_string(), json!(rounded(self.planning)));
            if let Some(time) = self.running {
                document.insert("Execution Time".to_string(), json!(rounded(time)));
            }
        }
        serde_json::to_string_pretty(&[document]).map_err(|e| Error::internal(format!("a plan as JSON: {e}")))
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Milliseconds with three digits, as Postgres has them.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// One node of a plan in a line.
struct Line<'a> {
    plan: &'a Arc<dyn ExecutionPlan>,
    options: &'a ExplainOptions,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.plan.downcast_ref::<SourceScanExec>() {
            Some(scan) => scan.write(f, self.options.costs, self.options.timing),
            None => self.plan.fmt_as(DisplayFormatType::Default, f),
        }
    }
}

fn add(lines: &mut Vec<String>, depth: usize, plan: &Arc<dyn ExecutionPlan>, analyzed: bool, options: &ExplainOptions) {
    let plan = ForgetConstants::shown(plan);
    let mut line = format!("{}{}", "  ".repeat(depth), Line { plan, options });
    if analyzed {
        let metrics = plan.metrics().map(|metrics| {
            let metrics = if options.verbose { metrics } else { metrics.aggregate_by_name() };
            let metrics = metrics.sorted_for_display().timestamps_removed();
            match options.timing {
                true => metrics.to_string(),
                false => {
                    use MetricCategory::{Bytes, Rows, Uncategorized};
                    metrics.filter_by_categories(&[Rows, Bytes, Uncategorized]).to_string()
                }
            }
        });
        line.push_str(&format!(", metrics=[{}]", metrics.unwrap_or_default()));
    }
    lines.push(line);
    for child in plan.children() {
        add(lines, depth + 1, child, analyzed, options);
    }
}

/// The operators alone.
fn names(lines: &mut Vec<String>, depth: usize, plan: &Arc<dyn ExecutionPlan>) {
    let plan = ForgetConstants::shown(plan);
    lines.push(format!("{}{}", "  ".repeat(depth), plan.name()));
    for child in plan.children() {
        names(lines, depth + 1, child);
    }
}

/// The same as JSON.
fn named(plan: &Arc<dyn ExecutionPlan>) -> Value {
    let plan = ForgetConstants::shown(plan);
    let mut node = Map::new();
    node.insert("Node Type".to_string(), json!(plan.name()));
    let children: Vec<Value> = plan.children().into_iter().map(named).collect();
    if !children.is_empty() {
        node.insert("Plans".to_string(), Value::Array(children));
    }
    Value::Object(node)
}

fn node(plan: &Arc<dyn ExecutionPlan>, analyzed: bool, options: &ExplainOptions) -> Value {
    let plan = ForgetConstants::shown(plan);
    let mut node = Map::new();
    let mut put = |key: &str, value: Value| {
        node.insert(key.to_string(), value);
    };
    put("Node Type", json!(plan.name()));
    match plan.downcast_ref::<SourceScanExec>() {
        Some(scan) => {
            put("Server", json!(scan.server()));
            put("Relation Name", json!(scan.table()));
            put("Remote SQL", json!(scan.sends()));
            if let Some(rows) = scan.rows().filter(|_| options.costs) {
                put("Plan Rows", json!(rows));
            }
            if !scan.keys().is_empty() {
                put("Keys", json!(scan.keys()));
            }
            if let Some(sent) = scan.sent() {
                put("Keys Sent", json!(sent));
            }
            if let Some(cost) = scan.cost() {
                put("Actual Rows", json!(cost.rows));
                put("Bytes Received", json!(cost.bytes));
                put("Round Trips", json!(cost.round_trips));
                if options.timing {
                    put("Time at Source", json!(rounded(cost.time)));
                }
            }
        }
        None => {
            put("Details", json!(Line { plan, options }.to_string()));
            let rows = plan.metrics().filter(|_| analyzed).and_then(|metrics| metrics.output_rows());
            if let Some(rows) = rows {
                put("Actual Rows", json!(rows));
            }
        }
    }
    let children: Vec<Value> = plan.children().into_iter().map(|child| self::node(child, analyzed, options)).collect();
    if !children.is_empty() {
        put("Plans", Value::Array(children));
    }
    Value::Object(node)
}

/// Every step to the plan, from DataFusion's rows of (step, plan).
fn steps(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let mut lines: Vec<String> = vec![];
    for batch in batches {
        let kinds = cast(batch.column(0), &DataType::Utf8View)?;
        let plans = cast(batch.column(1), &DataType::Utf8View)?;
        for (kind, plan) in kinds.as_string_view().iter().zip(plans.as_string_view()) {
            lines.push(format!("{}:", kind.unwrap_or_default()));
            lines.extend(plan.unwrap_or_default().lines().map(str::to_string));
        }
    }
    Ok(lines)
}
