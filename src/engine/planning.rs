//! The session state that planning begins with, and how a view is planned.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::error::Result as DfResult;
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::analyzer::Analyzer;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as DfStatement;

use super::parameters::unwrapped;
use super::raw_queries::{self, RawQuerier};
use super::relation_calls::{self, Caller};
use super::run::{located, task};
use super::share::QueryMemory;
use super::snapshot::{CatalogState, Snapshot};
use super::{Engine, models, naming, over, populate, renamed_columns, spilling};
use crate::catalog::definitions::{DATABASE, RelationName, SEARCH_PATH_SCHEMA};
use crate::catalog::pg;
use crate::config::EngineConfig;
use crate::ddl::script;
use crate::ddl::statement::{Statement, StatementKind};
use crate::error::{Error, Result, SqlState};
use crate::federation::keys::{RunTimeKeys, SmallSideFirst};
use crate::functions::pg::json::{JsonOperators, JsonSubscripts};
use crate::functions::{collected, distinct_count, domains, extremes, limited, registry};
use crate::planner::arithmetic::CheckedArithmetic;
use crate::planner::array_casts::ArrayCasts;
use crate::planner::array_operators::ArrayOperators;
use crate::planner::both_zeros::BothZeros;
use crate::planner::bounds;
use crate::planner::carried_types::CarriedTypes;
use crate::planner::cast_names::{self, CastNames};
use crate::planner::clock_casts::ClockCasts;
use crate::planner::coercion::PostgresCoercion;
use crate::planner::column_fields::ColumnFields;
use crate::planner::concatenation::LimitedConcatenation;
use crate::planner::cooperative::CooperativeJoins;
use crate::planner::filter_names;
use crate::planner::filtered_arguments::FilteredArguments;
use crate::planner::forgetful::Forgetful;
use crate::planner::forms;
use crate::planner::forms::subquery::ListedSubqueries;
use crate::planner::forms::whole_rows::WholeRows;
use crate::planner::guarded_cases::GuardedCases;
use crate::planner::hash_groups::HashGroups;
use crate::planner::infinite_casts::InfiniteCasts;
use crate::planner::input::TextInputRules;
use crate::planner::join_conditions::JoinConditions;
use crate::planner::join_filters;
use crate::planner::large_constants::LargeConstants;
use crate::planner::merged::{MergedFilter, MergedOrder};
use crate::planner::names::{NameScope, OneDatabase, Relations, SessionCatalog};
use crate::planner::number_casts::NumberCasts;
use crate::planner::one_step::OneStep;
use crate::planner::output::TextOutputRules;
use crate::planner::plain_constants::PlainConstants;
use crate::planner::remote_query;
use crate::planner::shipping::ShippingPlanner;
use crate::planner::skipping::SkipRule;
use crate::planner::time_arithmetic::TimeArithmetic;
use crate::planner::try_casts::TryCasts;
use crate::planner::types::PgTypePlanner;
use crate::planner::unnested::UnnestedKeys;
use crate::planner::view::InlineViews;
use crate::planner::{
    avg, barrier, distinct_sums, interrupt, lateral, literals, outer_aggregates, sum, whole_groups, written,
};
use crate::quality;

/// Functions, planners and settings that every session begins with.
pub(super) fn base_state(config: &EngineConfig, catalog: Arc<dyn pg::CatalogView>) -> Result<SessionState> {
    let mut options = SessionConfig::new()
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(DATABASE, SEARCH_PATH_SCHEMA);
    let settings = options.options_mut();
    settings.sql_parser.collect_spans = true;
    // 1.5 is numeric, as in Postgres, and keeps all its digits.
    settings.sql_parser.parse_float_as_decimal = true;
    settings.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    settings.execution.parquet.pushdown_filters = true;
    // Field metadata, which says what a column is in Postgres's terms, may differ between a logical union and its
    // physical plan; the types do not.
    settings.execution.skip_physical_aggregate_schema_check = true;
    // Keys of customers are nearly all different: what is grouped by them is not grouped twice for long.
    settings.execution.skip_partial_aggregation_probe_rows_threshold = 16_384;
    settings.execution.time_zone = Some("UTC".to_string());
    spilling::settle(&mut settings.execution)?;
    if let Some(most) = config.query_memory {
        options.set_extension(Arc::new(QueryMemory(most)));
    }
    let mut analyzer = Analyzer::new();
    analyzer.rules.insert(0, Arc::new(InlineViews));
    analyzer.rules.insert(1, Arc::new(PostgresCoercion));
    analyzer.rules.insert(1, Arc::new(ListedSubqueries));
    analyzer.rules.insert(1, Arc::new(CarriedTypes));
    analyzer.rules.push(Arc::new(TryCasts));
    analyzer.rules.push(Arc::new(ArrayCasts));
    analyzer.rules.push(Arc::new(TextInputRules));
    analyzer.rules.push(Arc::new(TextOutputRules));
    analyzer.rules.push(Arc::new(ClockCasts));
    analyzer.rules.push(Arc::new(NumberCasts));
    analyzer.rules.push(Arc::new(CheckedArithmetic));
    analyzer.rules.push(Arc::new(LimitedConcatenation));
    analyzer.rules.push(Arc::new(UnnestedKeys));
    analyzer.rules.push(Arc::new(BothZeros));
    let mut state = SessionStateBuilder::new()
        .with_config(options)
        .with_runtime_env(spilling::runtime(config.memory_limit).build_arc()?)
        .with_expr_planners(vec![Arc::new(JsonSubscripts::new()), Arc::new(ArrayOperators), Arc::new(ColumnFields)])
        .with_default_features()
        .with_analyzer_rules(interrupt::analyzing(analyzer.rules))
        .with_optimizer_rules(interrupt::optimizing(logical_rules()))
        .with_physical_optimizer_rules(physical_rules())
        .with_type_planner(Arc::new(PgTypePlanner::new(None)))
        .with_query_planner(Arc::new(ShippingPlanner))
        .build();
    limited::register(&mut state)?;
    domains::register(&mut state)?;
    registry::register(&mut state)?;
    state.register_expr_planner(Arc::new(JsonOperators::new()))?;
    state.register_expr_planner(Arc::new(CastNames))?;
    state.register_expr_planner(Arc::new(WholeRows))?;
    state.register_expr_planner(Arc::new(TimeArithmetic::new()))?;
    state.register_udaf(avg::function())?;
    state.register_udaf(sum::function())?;
    state.register_udaf(distinct_count::function())?;
    for function in quality::values::functions() {
        state.register_udaf(Arc::new(function))?;
    }
    for function in collected::functions().into_iter().chain(extremes::functions()) {
        state.register_udaf(function)?;
    }
    let context = SessionContext::new_with_state(state);
    pg::register_functions(&context, catalog)?;
    Ok(context.state())
}

/// The same without functions.
pub(super) fn without_functions(state: &SessionState) -> SessionState {
    SessionStateBuilder::new_from_existing(state.clone())
        .with_scalar_functions(vec![])
        .with_higher_order_functions(vec![])
        .with_aggregate_functions(vec![])
        .with_window_functions(vec![])
        .with_table_functions(HashMap::new())
        .build()
}

/// DataFusion's rules for logical plans, with ours among them.
fn logical_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = barrier::guarded(whole_groups::guarded(distinct_sums::rules()));
    // The simplifier is not to find what it would compute too early or compare too closely.
    let simplifier = rules.iter().position(|rule| rule.name() == "simplify_expressions").unwrap_or_default();
    let ours: [Arc<dyn OptimizerRule + Send + Sync>; 3] =
        [Arc::new(PlainConstants), Arc::new(FilteredArguments), Arc::new(GuardedCases)];
    rules.splice(simplifier..simplifier, ours);
    // Once filters are where they can be, those above a grouping are about what it merges.
    let pushed = rules.iter().position(|rule| rule.name() == "push_down_filter").map_or(rules.len(), |at| at + 1);
    rules.insert(pushed, Arc::new(MergedFilter));
    rules.insert(pushed + 1, Arc::new(MergedOrder));
    // Lists are made of comparisons on the way.
    rules.push(Arc::new(BothZeros));
    rules.push(Arc::new(InfiniteCasts));
    rules
}

/// DataFusion's rules for physical plans, with ours among them.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = join_filters::of_few_keys(filter_names::guarded(PhysicalOptimizer::new().rules));
    // Before anything depends on which side of a join is read first.
    let choice = rules.iter().position(|rule| rule.name() == "join_selection").map_or(0, |at| at + 1);
    rules.insert(choice, Arc::new(SmallSideFirst));
    // Before sides are chosen, and before anything is sorted or dealt out by columns that are taken for constants.
    rules.insert(choice.saturating_sub(1), Arc::new(Forgetful));
    rules.push(Arc::new(OneStep));
    rules.push(Arc::new(JoinConditions));
    rules.push(Arc::new(CooperativeJoins));
    rules.push(interrupt::physical());
    rules.push(Arc::new(SkipRule));
    rules.push(Arc::new(LargeConstants));
    rules.push(Arc::new(HashGroups));
    // What it links must not be taken apart: it is the last.
    rules.push(Arc::new(RunTimeKeys));
    rules
}

impl Engine {
    /// What every session's state begins as: it knows no names until it is pinned.
    pub(super) fn session_state(&self) -> SessionState {
        self.base.clone()
    }

    /// What a session's settings begin as.
    pub(super) fn session_config(&self) -> SessionConfig {
        self.base.config().clone()
    }

    /// What a plan that is there is run with, before it is pinned: [`Engine::session_state`] without the functions, as
    /// copying their lists for each statement takes longer than planning a lookup.
    pub(super) fn running_state(&self) -> SessionState {
        self.running.clone()
    }

    /// What asks a source without a plan: a session that knows nothing, and what runs in it.
    pub(super) fn running(&self) -> (&SessionState, Arc<TaskContext>) {
        (&self.running, Arc::clone(self.context.get_or_init(|| task(&self.running))))
    }

    /// Fixes what a statement sees: all its names are looked up in this one state of the catalog, in `scope`.
    pub(super) fn pin(self: &Arc<Self>, state: &mut SessionState, catalog: Arc<CatalogState>, scope: &NameScope) {
        self.pin_to(state, Snapshot::new(Arc::clone(self), catalog), scope);
    }

    /// The same in a state of the catalog that is read in a way of its own.
    pub(super) fn pin_to(self: &Arc<Self>, state: &mut SessionState, snapshot: Snapshot, scope: &NameScope) {
        let definitions = snapshot.definitions();
        let querier = RawQuerier::new(self, &definitions, &scope.role);
        state.config_mut().set_extension(Arc::new(querier));
        let snapshot = Arc::new(snapshot);
        let sizes: Arc<dyn pg::Sizes> = Arc::<Snapshot>::clone(&snapshot);
        let relations: Arc<dyn Relations> = snapshot;
        state.config_mut().set_extension(Arc::new(Caller::new(&relations, scope)));
        let names = SessionCatalog::new(relations, scope.clone(), self.system_schemas.clone());
        state.register_catalog_list(Arc::new(OneDatabase(Arc::new(names))));
        let extensions = &mut state.config_mut().options_mut().extensions;
        extensions.insert(pg::CatalogMoment(definitions));
        extensions.insert(pg::CatalogSizes(sizes));
    }
}

/// Plans a statement of `text`, or the PREPARE that types its parameters, with DataFusion's planner; its literals have
/// Postgres's types. Nothing is analysed yet.
pub(super) async fn to_plan(state: &SessionState, mut statement: DfStatement, text: &str) -> DfResult<LogicalPlan> {
    forms::scalars_as_queries(&mut statement, state)?;
    written::spell(&mut statement);
    populate::prepare(state, &mut statement).await?;
    renamed_columns::complete(state, &mut statement).await?;
    let own = raw_queries::prepared(state, &mut statement, text).await?;
    let state = own.as_ref().unwrap_or(state);
    let own = relation_calls::prepared(state, &mut statement).await?;
    let state = own.as_ref().unwrap_or(state);
    let own = models::prepared(state, &mut statement)?;
    let state = own.as_ref().unwrap_or(state);
    let kept = cast_names::has_casts(&statement).then(|| statement.clone());
    let done = settled(state, statement, text).await;
    let clashes = match &done {
        Ok(plan) => cast_names::groups_clash(plan)?,
        Err(error) => cast_names::is_clash(error),
    };
    match kept {
        Some(mut named) if clashes => {
            cast_names::mark(&mut named);
            settled(state, named, text).await.or(done)
        }
        _ => done,
    }
}

async fn settled(state: &SessionState, statement: DfStatement, text: &str) -> DfResult<LogicalPlan> {
    let planned = Box::pin(state.statement_to_plan(statement)).await.map_err(|error| over::missing(state, error))?;
    let planned = unwrapped(planned);
    // How queries of the catalog are written anew is another matter.
    if !pg::mentions_catalog(text) {
        outer_aggregates::check(&planned)?;
    }
    let plan = lateral::joined(planned)?;
    remote_query::check_writes(&plan)?;
    // The columns of pg_catalog are not all of Postgres's types.
    literals::settle(plan, !pg::mentions_catalog(text))
}

/// Plans a query's text; a position in an error counts from the query's start.
pub(super) async fn plan_query(state: &SessionState, query: &str) -> Result<LogicalPlan> {
    let mut statements = script::parse(query)?;
    let statement = match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => statement,
        _ => return Err(Error::syntax("a view is one query", Some(1))),
    };
    let text = Statement { kind: StatementKind::Empty, ..statement.clone() };
    let StatementKind::Plan(parsed) = statement.kind else {
        return Err(Error::syntax("a view must be a query", Some(1)));
    };
    let named = naming::name_columns(*parsed, false)?;
    let plan = to_plan(state, named, &text.text).await.map_err(|e| located(e, &text))?;
    match plan {
        LogicalPlan::Ddl(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_) => Err(Error::syntax("a view must be a query", Some(1))),
        plan => {
            bounds::check(&plan)?;
            Ok(plan)
        }
    }
}

/// Gives the columns the names of CREATE VIEW name (a, b).
pub(super) fn rename(plan: LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
    if names.is_empty() {
        return Ok(plan);
    }
    let columns: Vec<_> = plan.schema().columns();
    if names.len() > columns.len() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "CREATE VIEW specifies more column names than columns"));
    }
    let items: Vec<_> = columns
        .into_iter()
        .enumerate()
        .map(|(i, column)| match names.get(i) {
            Some(name) => col(column).alias(name),
            None => col(column),
        })
        .collect();
    Ok(LogicalPlanBuilder::from(plan).project(items)?.build()?)
}

/// A view's column names must differ, as in Postgres.
pub(super) fn check_columns(plan: &LogicalPlan, view: &RelationName) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for field in plan.schema().fields() {
        if !seen.insert(field.name()) {
            return Err(Error::new(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{}\" specified more than once", field.name()),
            )
            .with_detail(format!("It is a column of view \"{view}\" twice."))
            .with_hint("Give one of them another name with AS."));
        }
    }
    Ok(())
}
