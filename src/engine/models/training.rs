//! How a model is trained: its query is planned as a view's is, read once, and a tree is learned from the rows.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use futures::TryStreamExt;

use crate::catalog::definitions::quote_identifier;
use crate::catalog::model::ModelDef;
use crate::catalog::types::PgType;
use crate::engine::snapshot::Snapshot;
use crate::engine::{access, planning, run};
use crate::error::{Error, Result, SqlState};
use crate::models::{FeatureKind, Table, Trained, TreeOptions, learn};
use crate::planner::names::Relations;

/// The most labelled rows that a tree is learned from: all of them are in memory. A sample of so many tells as much.
const MOST_ROWS: usize = 1_000_000;

/// What a row takes of a feature, about, in bytes.
const CELL: usize = 16;

/// The query of a model's rows: the label is the first column, then come the features.
pub(super) struct Training {
    state: SessionState,
    plan: LogicalPlan,
    features: Vec<(String, FeatureKind)>,
}

impl Snapshot {
    /// Plans a model's query with its owner's rights; nothing is read. A position in an error counts from the query's
    /// start. 42703 where there is no label, 42804 where a column is no feature.
    pub(in crate::engine) async fn check_model(&self, model: &ModelDef) -> Result<()> {
        self.plan_model(model).await.map(|_| ())
    }

    /// Reads a model's rows and learns from them.
    pub(in crate::engine) async fn train(&self, model: &ModelDef) -> Result<Trained> {
        let training = self.plan_model(model).await?;
        training.learn(model.tree().options.clone()).await.map_err(|error| error.with_position(None))
    }

    async fn plan_model(&self, model: &ModelDef) -> Result<Training> {
        let mut state = self.view_state(&model.owner);
        // `now()` is when the training began.
        state.mark_start_execution();
        let written = Box::pin(planning::plan_query(&state, &model.query)).await?;
        access::check_plan(&written, &self.definitions(), &model.owner)?;
        let analyze = |plan: LogicalPlan| state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
        // Types are settled by the analyser only.
        let analyzed = analyze(written.clone())?;
        let columns: Vec<Column> = written.schema().columns();
        let mut label = None;
        let (mut exprs, mut features) = (vec![], vec![]);
        for (column, field) in columns.into_iter().zip(analyzed.schema().fields()) {
            let name = field.name().clone();
            if features.iter().any(|(known, _)| *known == name)
                || (label.is_some() && name == model.tree().options.label)
            {
                return Err(Error::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("column \"{name}\" specified more than once"),
                )
                .with_hint("Give one of them another name with AS."));
            }
            if name == model.tree().options.label {
                if !matches!(FeatureKind::of_field(field), Some(FeatureKind::Boolean)) {
                    let message = format!("label \"{name}\" must be a boolean, not {}", PgType::of_field(field));
                    return Err(Error::new(SqlState::DATATYPE_MISMATCH, message)
                        .with_hint("It says of each row whether its value was right."));
                }
                label = Some(Expr::Column(column));
                continue;
            }
            let Some(kind) = FeatureKind::of_field(field) else {
                let given = PgType::of_field(field);
                let message = format!("feature \"{name}\" must be a number, a boolean or a text, not {given}");
                let error = Error::new(SqlState::DATATYPE_MISMATCH, message);
                return Err(match given {
                    PgType::Date | PgType::Time | PgType::Timestamp | PgType::TimestampTz | PgType::Interval => error
                        .with_hint(format!(
                            "Make it a number, for example extract(epoch FROM {}).",
                            quote_identifier(&name)
                        )),
                    _ => error.with_hint("Leave it out, or cast it."),
                });
            };
            let given = Expr::Column(column);
            exprs.push(match *field.data_type() == kind.arrow() {
                true => given,
                false => Expr::Cast(Cast::new(Box::new(given), kind.arrow())).alias(&name),
            });
            features.push((name, kind));
        }
        let Some(label) = label else {
            let named: Vec<&str> = features.iter().map(|(name, _)| name.as_str()).collect();
            let label = &model.tree().options.label;
            return Err(Error::new(SqlState::UNDEFINED_COLUMN, format!("label \"{label}\" does not exist"))
                .with_detail(format!("The query has the columns {}.", named.join(", ")))
                .with_hint("Name the boolean column that says what was right: WITH (label = '..')."));
        };
        if features.is_empty() {
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "a model needs a feature")
                .with_hint("Every column beside the label is one."));
        }
        exprs.insert(0, label);
        let plan = analyze(LogicalPlanBuilder::from(written).project(exprs)?.build()?)?;
        Ok(Training { state, plan, features })
    }
}

impl Training {
    async fn learn(self, options: TreeOptions) -> Result<Trained> {
        let memory = MemoryConsumer::new("Model").register(&self.state.runtime_env().memory_pool);
        let mut rows = run::stream(&self.state, &self.plan).await?;
        let mut table = Table::new(&self.features);
        while let Some(batch) = rows.try_next().await? {
            memory.try_grow(batch.num_rows() * batch.num_columns() * CELL)?;
            let before = table.bytes();
            table.push(&batch)?;
            memory.try_grow(table.bytes() - before)?;
            if table.len() > MOST_ROWS {
                return Err(Error::new(
                    SqlState("54000"),
                    format!("a model is learned from at most {MOST_ROWS} labelled rows"),
                )
                .with_hint("Take a sample, for example with ORDER BY random() LIMIT 100000."));
            }
        }
        drop(rows);
        let learned = tokio::task::spawn_blocking(move || learn(table, &options)).await;
        drop(memory);
        learned.map_err(|error| Error::internal(format!("learning failed: {error}")))?
    }
}

/// What a model has learned, for a catalog.
pub(super) fn keep(model: &mut ModelDef, trained: Trained) {
    let tree = model.tree_mut();
    tree.trained = Some(Arc::new(trained));
    tree.untrained = None;
}
