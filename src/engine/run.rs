//! One way to run a statement, for the wire, the command line and the example.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{LogicalPlan, WriteOp};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{RecordBatchStream, SendableRecordBatchStream, execute_stream};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

pub(super) use super::parameters::bind;
use super::parameters::{Parameter, bind_typed, is_write, typed};
use super::reuse::{Lookup, PlanMemo};
use super::session::{Session, SessionAnswer, TransactionState};
use super::share::QueryMemory;
use super::sleeping::{self, Sleep};
use super::snapshot::CatalogState;
use super::{access, constant, explain, modes, naming, places, planning, write};
use crate::audit::{self, Touched};
use crate::catalog::types::PgType;
use crate::ddl::statement::{Ddl, SessionStatement, Statement, StatementKind};
use crate::error::{Error, Result, SqlState};
use crate::planner::interrupt::Interrupt;
use crate::planner::{bounds, origins, result_types};

/// What a statement will take and give.
#[derive(Clone, Debug)]
pub struct Described {
    /// Parameter types, `$1` first.
    pub parameters: Vec<PgType>,
    /// The rows' schema; none for a statement that gives no rows.
    pub schema: Option<SchemaRef>,
}

/// What ends a statement early.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Cancelled, it ends with 57014.
    pub cancel: CancellationToken,
    /// Whether `statement_timeout` is for all of its rows. If not, whoever takes them sees to the time.
    pub timed: bool,
}

impl From<CancellationToken> for Limits {
    fn from(cancel: CancellationToken) -> Self {
        Limits { cancel, timed: true }
    }
}

/// What a statement gave.
pub enum Outcome {
    /// Rows.
    Rows {
        /// Their schema.
        schema: SchemaRef,
        /// The rows; an error in the middle is an error, never an end.
        stream: SendableRecordBatchStream,
        /// What begins the command tag: `SELECT`, `SHOW`, `EXPLAIN`.
        verb: &'static str,
    },
    /// No rows.
    Done {
        /// The whole command tag: `CREATE VIEW`, `INSERT 0 3`, `SET`, `BEGIN`.
        tag: String,
    },
}

impl Session {
    /// Parameter and result types; `hints` are the client's parameter types, where it gave them. Cancelling `cancel`
    /// ends it with 57014.
    pub async fn describe(
        &self,
        statement: &Statement,
        hints: &[Option<PgType>],
        cancel: CancellationToken,
    ) -> Result<Described> {
        let described = Box::pin(self.describe_unplaced(statement, hints, cancel)).await;
        described.map_err(|error| places::placed(error, statement))
    }

    async fn describe_unplaced(
        &self,
        statement: &Statement,
        hints: &[Option<PgType>],
        cancel: CancellationToken,
    ) -> Result<Described> {
        self.plan_until(Interrupt { cancel, deadline: self.deadline() });
        match &statement.kind {
            StatementKind::Session(SessionStatement::Show(name)) => {
                let answer = self.run_session_statement(&SessionStatement::Show(name.clone()))?;
                Ok(Described { parameters: vec![], schema: show_rows(answer)?.map(|batch| batch.schema()) })
            }
            StatementKind::Plan(parsed) => {
                self.check_transaction(statement)?;
                if let Some(sleep) = Sleep::of(parsed) {
                    return Ok(Described { parameters: vec![], schema: Some(sleep.schema()) });
                }
                if write::has_no_values(parsed) {
                    // Nothing that could be a parameter: what it lacks is told when it runs.
                    return Ok(Described { parameters: vec![], schema: None });
                }
                let catalog = self.catalog();
                let before = self.described_before(&catalog, statement, parsed, hints);
                if let Some((_, Some(described))) = &before {
                    return Ok(described.clone());
                }
                let state = self.state_in(Arc::clone(&catalog));
                let parameters = Box::pin(self.parameter_types(&state, statement, parsed, hints)).await?;
                let plan = self.plan(&state, statement, parsed, &parameters).await?;
                let schema = match &plan {
                    LogicalPlan::Dml(_) => None,
                    plan if explain::is_explain(plan) => Some(explain::schema(statement)),
                    plan => {
                        let bound = with_null_parameters(plan.clone(), &parameters)?;
                        let analyzed =
                            state.analyzer().execute_and_check(bound.clone(), state.config_options(), |_, _| {});
                        let schema = Arc::new(analyzed.map_err(|e| located(e, statement))?.schema().as_arrow().clone());
                        Some(shown(&catalog, &bound, &schema).told)
                    }
                };
                let described = Described { parameters, schema };
                if let Some((key, _)) = before {
                    catalog.described.put(key, described.clone());
                }
                Ok(described)
            }
            _ => Ok(Described { parameters: vec![], schema: None }),
        }
    }

    /// Runs one statement. What the one before it has set for itself alone ends before. Cancelling `cancel` ends it and
    /// its stream with 57014. An error outside a transaction block leaves the session idle; in a block, failed.
    pub async fn run(
        &self,
        statement: &Statement,
        parameters: Vec<Parameter>,
        cancel: CancellationToken,
    ) -> Result<Outcome> {
        self.end_statement(true);
        self.run_again(statement, parameters, cancel.into(), &PlanMemo::default()).await
    }

    /// The same for a statement that is run more than once, with a memo of its own.
    pub async fn run_again(
        &self,
        statement: &Statement,
        parameters: Vec<Parameter>,
        limits: Limits,
        memo: &PlanMemo,
    ) -> Result<Outcome> {
        self.run_guarded(statement, limits, Box::pin(self.run_unguarded(statement, parameters, memo))).await
    }

    /// Runs a statement that is one question to a source, as [`Session::run_again`] does.
    pub async fn run_lookup(&self, statement: &Statement, lookup: Lookup, limits: Limits) -> Result<Outcome> {
        let work = async {
            self.check_transaction(statement)?;
            self.check_login()?;
            self.before(|names| Touched::by_plan(lookup.written(), names)).await?;
            let catalog = self.catalog();
            let shown = |plan: &LogicalPlan, schema: &SchemaRef| shown(&catalog, plan, schema);
            let (shown, stream) = lookup.ask(self, shown).await.map_err(|e| located(e, statement))?;
            Ok(answer(shown, stream))
        };
        self.run_guarded(statement, limits, work).await
    }

    async fn run_guarded(
        &self,
        statement: &Statement,
        limits: Limits,
        work: impl Future<Output = Result<Outcome>>,
    ) -> Result<Outcome> {
        let mut guard = Guard { cancel: limits.cancel, deadline: self.deadline() };
        self.plan_until(Interrupt { cancel: guard.cancel.clone(), deadline: guard.deadline });
        let outcome = guard.until(work).await;
        self.audit(None);
        let outcome = outcome.and_then(|inner| inner).map_err(|error| places::placed(error, statement));
        if outcome.is_err() {
            self.fail();
        }
        guard.deadline = guard.deadline.filter(|_| limits.timed);
        Ok(match outcome? {
            Outcome::Rows { schema, stream, verb } => {
                Outcome::Rows { stream: Box::pin(GuardedStream::new(Arc::clone(&schema), stream, guard)), schema, verb }
            }
            done => done,
        })
    }

    /// Does a piece of work as a statement: cancelling `cancel`, or `statement_timeout`, ends it with 57014.
    pub(super) async fn guarded<T>(
        &self,
        cancel: CancellationToken,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let guard = Guard { cancel, deadline: self.deadline() };
        self.plan_until(Interrupt { cancel: guard.cancel.clone(), deadline: guard.deadline });
        guard.until(work).await.and_then(|done| done)
    }

    /// When a statement that begins now has used up its `statement_timeout`.
    fn deadline(&self) -> Option<tokio::time::Instant> {
        let timeout = self.settings.lock().statement_timeout()?;
        tokio::time::Instant::now().checked_add(timeout)
    }

    /// A statement failed, perhaps in the middle of its rows.
    pub fn fail(&self) {
        let mut transaction = self.transaction.lock();
        if *transaction == TransactionState::InBlock {
            *transaction = TransactionState::Failed;
            drop(transaction);
            self.abort();
        } else {
            drop(transaction);
            self.end_statement(false);
        }
    }

    async fn run_unguarded(
        &self,
        statement: &Statement,
        parameters: Vec<Parameter>,
        memo: &PlanMemo,
    ) -> Result<Outcome> {
        self.check_transaction(statement)?;
        if matches!(statement.kind, StatementKind::Ddl(_) | StatementKind::Plan(_)) {
            self.check_login()?;
        }
        match &statement.kind {
            StatementKind::Empty => Ok(Outcome::Done { tag: String::new() }),
            StatementKind::Session(session) => {
                self.before(|_| Touched::default()).await?;
                let answer = self.run_session_statement(session)?;
                if let SessionAnswer::Tag(tag) = answer {
                    return Ok(Outcome::Done { tag: tag.to_string() });
                }
                match show_rows(answer)? {
                    Some(batch) => Ok(rows_of(batch, "SHOW")),
                    None => Err(Error::internal("SHOW gave nothing")),
                }
            }
            StatementKind::Ddl(ddl) => {
                self.check_writable(&modes::definition_words(ddl, &statement.text))?;
                if self.is_audited() {
                    let placed = self.placed(&self.catalog().definitions, ddl);
                    let ddl = placed.map_err(|e| e.shifted(statement.offset))?;
                    let read = self.read_by(&ddl).await;
                    self.before(|names| match &read {
                        Some(plan) => audit::of_definition(&ddl).with(Touched::by_plan(plan, names)),
                        None => audit::of_definition(&ddl),
                    })
                    .await?;
                }
                let tag = Box::pin(self.define(ddl, statement)).await?;
                Ok(Outcome::Done { tag })
            }
            StatementKind::Plan(parsed) => {
                if let Some(sleep) = Sleep::of(parsed) {
                    self.check_sleep()?;
                    self.before(|_| Touched::default()).await?;
                    sleep.wait().await;
                    return Ok(rows_of(sleep.row()?, "SELECT"));
                }
                let kinds: Vec<PgType> = parameters.iter().map(Parameter::planned).collect();
                if is_write(parsed) {
                    self.check_writable(modes::write_words(parsed))?;
                    let parsed = typed(parsed.as_ref().clone(), &kinds);
                    let values: Vec<ScalarValue> = parameters.iter().map(|p| p.value.clone()).collect();
                    if let Some(tag) = Box::pin(self.write(&parsed, statement, &values)).await? {
                        return Ok(Outcome::Done { tag });
                    }
                }
                let catalog = self.catalog();
                let planning = OnceLock::new();
                let to_plan = || planning.get_or_init(|| self.state_to_answer(Arc::clone(&catalog)));
                let reusable = Box::pin(self.reusable(&to_plan, &catalog, statement, parsed, &parameters, memo)).await;
                if let Some(reusable) = reusable.map_err(|e| e.shifted(statement.offset))? {
                    self.before(|names| Touched::by_plan(reusable.written(), names)).await?;
                    let stream = reusable.stream(self, &catalog).await.map_err(|e| located(e, statement))?;
                    let shown = reusable.shown(&stream.schema(), |plan, schema| shown(&catalog, plan, schema));
                    return Ok(answer(shown, stream));
                }
                let state = planning.into_inner().unwrap_or_else(|| self.state_to_answer(Arc::clone(&catalog)));
                let plan = Box::pin(self.plan(&state, statement, parsed, &kinds)).await?;
                let plan = bind_typed(plan, parameters)?;
                self.before(|names| Touched::by_plan(&plan, names)).await?;
                if explain::is_explain(&plan) {
                    let hidden = access::hides_beneath(&plan, &state)?;
                    return Ok(rows_of(Box::pin(explain::run(state, &plan, statement, hidden)).await?, "EXPLAIN"));
                }
                if let Some(row) = constant::row(&state, &plan).map_err(|e| e.shifted(statement.offset))? {
                    let row = match shown(&catalog, &plan, &row.schema()).rows {
                        Some(schema) => RecordBatch::try_new(schema, row.columns().to_vec())?,
                        None => row,
                    };
                    if kinds.is_empty() {
                        self.engine.answers.remember(&statement.text, &plan, &row);
                    }
                    return Ok(rows_of(row, "SELECT"));
                }
                let stream = stream(&state, &plan).await.map_err(|e| located(e, statement))?;
                Ok(answer(shown(&catalog, &plan, &stream.schema()), stream))
            }
        }
    }

    /// The plan of what a definition reads; none when it reads no rows, or when that cannot be planned, which the
    /// definition will say.
    async fn read_by(&self, ddl: &Ddl) -> Option<LogicalPlan> {
        let query = match ddl {
            Ddl::CreateTable { query: Some(query), .. } => query,
            Ddl::CreateModel { model, .. } => &model.query,
            _ => return None,
        };
        Box::pin(planning::plan_query(&self.state(), query)).await.ok()
    }

    /// In a failed transaction block only its end is accepted.
    fn check_transaction(&self, statement: &Statement) -> Result<()> {
        let ends = matches!(
            statement.kind,
            StatementKind::Empty
                | StatementKind::Session(
                    SessionStatement::Commit { .. }
                        | SessionStatement::Rollback { .. }
                        | SessionStatement::RollbackTo(_)
                )
        );
        if self.transaction_state() == TransactionState::Failed && !ends {
            return Err(Error::new(
                SqlState::IN_FAILED_SQL_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        if matches!(statement.kind, StatementKind::Ddl(_) | StatementKind::Plan(_)) {
            self.note_query();
        }
        Ok(())
    }

    /// Plans a statement of DataFusion's whose parameters have these types; what would change something is refused or
    /// handled elsewhere.
    pub(super) async fn plan(
        &self,
        state: &SessionState,
        statement: &Statement,
        parsed: &DfStatement,
        kinds: &[PgType],
    ) -> Result<LogicalPlan> {
        refuse_shapes(parsed)?;
        let named = typed(naming::name_columns(parsed.clone(), true)?, kinds);
        let plan = planning::to_plan(state, named, &statement.text).await;
        let plan = plan.map_err(|e| sleeping::elsewhere(located(e, statement)))?;
        match &plan {
            LogicalPlan::Ddl(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_) => {
                let words: Vec<&str> = statement.text.split_whitespace().take(2).collect();
                Err(Error::unsupported(format!("{} is not supported", words.join(" ").to_uppercase())))
            }
            _ => {
                // What an UPDATE or DELETE reads and writes is checked where that is done: it need not read every column.
                let changes =
                    matches!(&plan, LogicalPlan::Dml(dml) if matches!(dml.op, WriteOp::Update | WriteOp::Delete));
                if !changes {
                    access::check_planned_of(&plan, state, parsed)?;
                    self.check_explained(parsed, state).await?;
                }
                bounds::check(&plan)?;
                Ok(plan)
            }
        }
    }
}

/// Statements that DataFusion would plan and that mean a write to the server's disk or to nothing.
fn refuse_shapes(parsed: &DfStatement) -> Result<()> {
    match parsed {
        DfStatement::CopyTo(_) => Err(Error::unsupported("COPY to a file of the server is not supported")),
        DfStatement::CreateExternalTable(_) => Err(Error::unsupported("CREATE EXTERNAL TABLE is not supported")),
        DfStatement::Explain(explain) => {
            let reads = matches!(explain.statement.as_ref(), DfStatement::Statement(s) if matches!(s.as_ref(), SqlStatement::Query(_)));
            if explain.options.analyze && !reads {
                return Err(Error::unsupported("EXPLAIN ANALYZE takes a query only"));
            }
            refuse_shapes(&explain.statement)
        }
        DfStatement::Statement(statement) => match statement.as_ref() {
            SqlStatement::Query(query) if !query.locks.is_empty() => {
                Err(Error::unsupported("SELECT FOR UPDATE and FOR SHARE are not supported"))
            }
            _ => Ok(()),
        },
        DfStatement::Reset(_) => Ok(()),
    }
}

/// Plans physically and starts.
pub(super) async fn stream(
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let physical = state.create_physical_plan(plan).await?;
    execute_stream(physical, task(state))
}

/// What a plan runs with. A plan holds its functions: the context is asked for them only where a plan is read from
/// bytes, and copying the lists for each statement takes longer than a lookup.
pub(super) fn task(state: &SessionState) -> Arc<TaskContext> {
    let runtime = state.runtime_env();
    let runtime = match state.config().get_extension::<QueryMemory>() {
        Some(most) => most.of_one(runtime),
        None => Arc::clone(runtime),
    };
    Arc::new(TaskContext::new(
        None,
        state.session_id().to_string(),
        state.config().clone(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        runtime,
    ))
}

/// All the rows of a plan; for statements whose answer is small.
pub(super) async fn collect(state: &SessionState, plan: &LogicalPlan) -> Result<Vec<RecordBatch>> {
    Ok(stream(state, plan).await?.try_collect().await?)
}

/// An error of DataFusion's as ours, with its position in the statement.
pub(super) fn located(error: DataFusionError, statement: &Statement) -> Error {
    let span = error.diagnostic().and_then(|d| d.span);
    let mut error = Error::from(error);
    if let Some(span) = span
        && error.context().is_none()
    {
        error = error.with_line_column(span.start.line as usize, span.start.column as usize);
    }
    // A script's positions count from its start: psql puts its caret by them.
    error.located_in(&statement.text).shifted(statement.offset)
}

/// With nulls of the parameters' types the plan's schema can be found.
fn with_null_parameters(plan: LogicalPlan, types: &[PgType]) -> Result<LogicalPlan> {
    bind_typed(plan, types.iter().map(Parameter::null).collect::<Result<Vec<_>>>()?)
}

fn show_rows(answer: SessionAnswer) -> Result<Option<RecordBatch>> {
    let text = |values: Vec<String>| Arc::new(StringViewArray::from_iter_values(values)) as ArrayRef;
    let field = |name: &str| Field::new(name, DataType::Utf8View, false);
    Ok(match answer {
        SessionAnswer::Tag(_) => None,
        SessionAnswer::One(name, value) => {
            Some(RecordBatch::try_new(Arc::new(Schema::new(vec![field(&name)])), vec![text(vec![value])])?)
        }
        SessionAnswer::All(all) => {
            let schema = Arc::new(Schema::new(vec![field("name"), field("setting"), field("description")]));
            let (names, values): (Vec<_>, Vec<_>) = all.into_iter().unzip();
            let descriptions = vec![String::new(); names.len()];
            Some(RecordBatch::try_new(schema, vec![text(names), text(values), text(descriptions)])?)
        }
    })
}

/// What an answer is shown with.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// The schema of its rows: Postgres's types, and no marks; none when they stay as they are.
    rows: Option<SchemaRef>,
    /// The same with the columns' origins, for who is told of the rows before they come.
    told: SchemaRef,
}

/// What the answer of a plan as it was written is shown with.
fn shown(catalog: &CatalogState, plan: &LogicalPlan, schema: &SchemaRef) -> Shown {
    let typed = result_types::typed(plan, schema);
    let rows = naming::unmarked(typed.as_ref().unwrap_or(schema)).or(typed);
    let plain = rows.as_ref().unwrap_or(schema);
    let told = origins::marked(plan, plain, |origin| catalog.number(origin)).unwrap_or_else(|| Arc::clone(plain));
    Shown { rows, told }
}

/// The rows of a query, under the schema that they are shown with.
fn answer(shown: Shown, stream: SendableRecordBatchStream) -> Outcome {
    let stream = match shown.rows {
        Some(schema) => renamed(schema, stream),
        None => stream,
    };
    Outcome::Rows { schema: shown.told, stream, verb: "SELECT" }
}

/// The same rows under other column names and types of the same values.
fn renamed(schema: SchemaRef, stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let named = Arc::clone(&schema);
    let stream = stream.map(move |batch| Ok(RecordBatch::try_new(Arc::clone(&named), batch?.columns().to_vec())?));
    Box::pin(RecordBatchStreamAdapter::new(schema, stream))
}

fn rows_of(batch: RecordBatch, verb: &'static str) -> Outcome {
    let schema = batch.schema();
    let stream = futures::stream::once(async move { Ok(batch) });
    Outcome::Rows { stream: Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), stream)), schema, verb }
}

/// What ends a statement before it is done.
#[derive(Clone, Debug)]
struct Guard {
    cancel: CancellationToken,
    deadline: Option<tokio::time::Instant>,
}

impl Guard {
    async fn until<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            why = self.ended() => Err(why),
            done = work => Ok(done),
        }
    }

    /// Waits until the statement must end, and says why.
    async fn ended(&self) -> Error {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.cancel.cancelled() => Error::new(SqlState::QUERY_CANCELED, "canceling statement due to user request"),
            () = late => Error::new(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout"),
        }
    }
}

/// Rows until the statement is cancelled; the plan's stream is dropped then, which cancels at the sources.
struct GuardedStream {
    schema: SchemaRef,
    inner: Option<SendableRecordBatchStream>,
    ended: Pin<Box<dyn Future<Output = Error> + Send>>,
}

impl GuardedStream {
    fn new(schema: SchemaRef, inner: SendableRecordBatchStream, guard: Guard) -> Self {
        GuardedStream { schema, inner: Some(inner), ended: Box::pin(async move { guard.ended().await }) }
    }
}

impl Stream for GuardedStream {
    type Item = Result<RecordBatch, DataFusionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.inner.is_some()
            && let Poll::Ready(why) = self.ended.as_mut().poll(context)
        {
            self.inner = None;
            return Poll::Ready(Some(Err(why.into())));
        }
        match &mut self.inner {
            Some(inner) => inner.poll_next_unpin(context),
            None => Poll::Ready(None),
        }
    }
}

impl RecordBatchStream for GuardedStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
