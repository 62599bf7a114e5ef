//! How a session finds and makes plans that are used again.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use super::direct::Direct;
use super::generic::{Generic, is_bindable, is_lasting, only_looks_up, sampled};
use super::key::{Asked, DescribedKey};
use super::literals::{self, Literal};
use super::memo::PlanMemo;
use crate::catalog::pg;
use crate::catalog::types::PgType;
use crate::ddl::statement::Statement;
use crate::engine::parameters::{Parameter, count};
use crate::engine::run::{Described, Shown, task};
use crate::engine::session::Session;
use crate::engine::settings::PlanCache;
use crate::engine::snapshot::CatalogState;
use crate::error::Result;
use crate::planner::shipping::PushDown;

/// The longest query, in bytes, whose plan is kept.
const LONGEST: usize = 4 << 10;

/// What is known of a query.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Known {
    /// It was asked once. A plan that many executions can share is made when it is asked again.
    Once,
    /// It must be planned with its values.
    Never,
    /// Its plan.
    Plan(Arc<Generic>),
}

/// A kept plan with the values of one execution.
pub(in crate::engine) struct Reusable {
    generic: Arc<Generic>,
    /// The client's, then those of the literals that were taken out.
    values: Vec<Parameter>,
}

impl Reusable {
    pub(super) fn new(generic: &Arc<Generic>, values: Vec<Parameter>) -> Reusable {
        Reusable { generic: Arc::clone(generic), values }
    }

    /// What rows of `schema` are shown with, which `find` finds from the plan as the query was written.
    pub fn shown(&self, schema: &SchemaRef, find: impl Fn(&LogicalPlan, &SchemaRef) -> Shown) -> Shown {
        let find = || find(&self.generic.written, schema);
        let (of, shown) = self.generic.shown.get_or_init(|| (Arc::clone(schema), find()));
        if of == schema { shown.clone() } else { find() }
    }

    /// The plan as the query was written, in which views are still views.
    pub fn written(&self) -> &LogicalPlan {
        &self.generic.written
    }

    /// Starts: asks the source at once where that is all there is to do, else plans physically.
    pub async fn stream(&self, session: &Session, catalog: &Arc<CatalogState>) -> DfResult<SendableRecordBatchStream> {
        if let Some(direct) = self.direct(session)
            && let Some(asked) = direct.asked(&self.values)?
        {
            let (running, context) = session.engine.running();
            return direct.stream(asked, running, context).await;
        }
        let state = session.state_to_run(Arc::clone(catalog));
        let plan = self.generic.bound(&self.values)?;
        let physical = state.query_planner().create_physical_plan(&plan, &state).await?;
        let stream = execute_stream(Arc::clone(&physical), task(&state))?;
        self.generic.direct.get_or_init(|| Direct::of(&self.generic.plan, &physical));
        Ok(stream)
    }

    /// The scan that is all there is to do, where that is so.
    pub(super) fn direct(&self, session: &Session) -> Option<&Direct> {
        let direct = self.generic.direct.get()?.as_ref()?;
        // What may be left out is found in a plan.
        (!session.settings.lock().skips_down()).then_some(direct)
    }

    pub(super) fn values(&self) -> &[Parameter] {
        &self.values
    }
}

/// What is known of a query that was looked up.
struct Look {
    asked: Asked,
    known: Option<Known>,
    /// The literals that were taken out of it.
    taken: Vec<Literal>,
    mode: PlanCache,
}

/// Gives what a plan is made with.
type ToPlan<'a, 's> = &'a (dyn Fn() -> &'s SessionState + Sync);

/// The settings that are not as they are at first, with their values.
type Settings = Vec<(String, String)>;

impl Session {
    /// A query's plan, if one is kept or is worth keeping; none when it is to be planned as any other statement.
    /// `to_plan` is asked for only where a plan is made.
    pub(in crate::engine) async fn reusable(
        &self,
        to_plan: ToPlan<'_, '_>,
        catalog: &Arc<CatalogState>,
        statement: &Statement,
        parsed: &DfStatement,
        parameters: &[Parameter],
        memo: &PlanMemo,
    ) -> Result<Option<Reusable>> {
        if let Some(reusable) = memo.find(self, catalog, parameters) {
            return Ok(Some(reusable));
        }
        let Some(Look { asked, known, taken, mode }) = self.look(catalog, statement, parsed, parameters) else {
            return Ok(None);
        };
        let generic = match known {
            Some(Known::Plan(generic)) => generic,
            Some(Known::Never) => return Ok(None),
            None if mode == PlanCache::Auto => {
                catalog.plans.put(asked, Known::Once);
                return Ok(None);
            }
            None | Some(Known::Once) => {
                let made = Box::pin(self.generic(to_plan(), statement, &asked, parameters, &taken)).await;
                // Planned as any other statement it fails again, or not; and then for its own reason.
                let Some(generic) = made.unwrap_or_default().map(Arc::new) else {
                    if !self.is_interrupted() {
                        catalog.plans.put(asked, Known::Never);
                    }
                    return Ok(None);
                };
                catalog.plans.put(asked, Known::Plan(Arc::clone(&generic)));
                generic
            }
        };
        Ok(self.with_values(catalog, &generic, &taken, parameters, memo))
    }

    /// A query's plan, if one is kept.
    pub(super) fn kept(
        &self,
        catalog: &Arc<CatalogState>,
        statement: &Statement,
        parsed: &DfStatement,
        parameters: &[Parameter],
        memo: &PlanMemo,
    ) -> Option<Reusable> {
        if let Some(reusable) = memo.find(self, catalog, parameters) {
            return Some(reusable);
        }
        let look = self.look(catalog, statement, parsed, parameters)?;
        let Some(Known::Plan(generic)) = look.known else { return None };
        self.with_values(catalog, &generic, &look.taken, parameters, memo)
    }

    /// Looks a query up; none when plans of its kind are not kept.
    fn look(
        &self,
        catalog: &CatalogState,
        statement: &Statement,
        parsed: &DfStatement,
        parameters: &[Parameter],
    ) -> Option<Look> {
        let (query, mode, settings) = self.may_reuse(statement, parsed)?;
        // A parameter without a value is an error, and must not get that of a literal.
        if statement.text.contains('$') && !count(parsed).is_ok_and(|named| named <= parameters.len()) {
            return None;
        }
        // Nulls are no literals that are looked up, and other values are compared in other ways.
        if parameters.iter().any(|parameter| parameter.value.is_null()) {
            return None;
        }
        let kinds: Vec<PgType> = parameters.iter().map(Parameter::planned).collect();
        let mut asked = Asked { query: query.clone(), numbers: vec![], kinds, settings, role: self.role() };
        let mut taken = literals::take(&mut asked.query, parameters.len() + 1);
        asked.numbers = taken.iter().map(Literal::is_number).collect();
        let mut known = catalog.plans.get(&asked);
        if !taken.is_empty() && matches!(known, Some(Known::Never)) {
            asked.query = query.clone();
            asked.numbers = vec![];
            taken = vec![];
            known = catalog.plans.get(&asked);
        }
        Some(Look { asked, known, taken, mode })
    }

    /// A plan with the values of one execution; none where a literal has none of the plan's type. The plan is kept with the
    /// statement.
    fn with_values(
        &self,
        catalog: &Arc<CatalogState>,
        generic: &Arc<Generic>,
        taken: &[Literal],
        parameters: &[Parameter],
        memo: &PlanMemo,
    ) -> Option<Reusable> {
        let values = taken.iter().zip(&generic.literals);
        let values = values.map(|(literal, kind)| Some(Parameter { value: literal.value(kind)?, kind: kind.clone() }));
        let values = values.collect::<Option<Vec<_>>>()?;
        memo.keep(self, catalog, parameters.iter().map(Parameter::planned).collect(), generic, values.clone());
        Some(Reusable::new(generic, [parameters, &values].concat()))
    }

    /// A plan for all values of a query's parameters; none when there is no such plan.
    async fn generic(
        &self,
        state: &SessionState,
        statement: &Statement,
        asked: &Asked,
        parameters: &[Parameter],
        taken: &[Literal],
    ) -> Result<Option<Generic>> {
        let parsed = DfStatement::Statement(Box::new(asked.query.clone()));
        let mut literals = vec![];
        if !taken.is_empty() {
            let wanted: Vec<bool> =
                (0..parameters.len() + taken.len()).map(|index| index >= parameters.len()).collect();
            let found = self.find_types(state, statement, &parsed, &wanted).await?;
            for index in 0..taken.len() {
                let Some(kind) = found.get(&(index + parameters.len())) else { return Ok(None) };
                literals.push(kind.clone());
            }
        }
        let values = taken.iter().zip(&literals);
        let values = values.map(|(literal, kind)| Some(Parameter { value: literal.value(kind)?, kind: kind.clone() }));
        let Some(values) = values.collect::<Option<Vec<_>>>() else { return Ok(None) };
        let kinds = [asked.kinds.as_slice(), &literals].concat();
        let written = self.plan(state, statement, &parsed, &kinds).await?;
        if !only_looks_up(&written)? {
            return Ok(None);
        }
        let Some(plan) = sampled(written.clone(), &[parameters, &values].concat())? else { return Ok(None) };
        let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
        if !is_lasting(&analyzed)? {
            return Ok(None);
        }
        let plan = state.optimizer().optimize(analyzed, state, |_, _| {})?;
        let (shown, direct) = (OnceLock::new(), OnceLock::new());
        Ok(is_bindable(&plan)?.then_some(Generic { written, shown, plan, direct, literals }))
    }

    /// What was said of a query's columns before.
    pub(in crate::engine) fn described_before(
        &self,
        catalog: &CatalogState,
        statement: &Statement,
        parsed: &DfStatement,
        hints: &[Option<PgType>],
    ) -> Option<(DescribedKey, Option<Described>)> {
        let (query, _, settings) = self.may_reuse(statement, parsed)?;
        let role = self.role();
        let key = DescribedKey { query: query.clone(), hints: hints.to_vec(), settings, role };
        let known = catalog.described.get(&key);
        Some((key, known))
    }

    /// The query, when plans of its kind may be kept, with what the session says of that.
    fn may_reuse<'a>(
        &self,
        statement: &Statement,
        parsed: &'a DfStatement,
    ) -> Option<(&'a SqlStatement, PlanCache, Settings)> {
        let DfStatement::Statement(query) = parsed else { return None };
        if !matches!(query.as_ref(), SqlStatement::Query(_))
            || statement.text.len() > LONGEST
            || pg::mentions_catalog(&statement.text)
            || self.has_own_options()
        {
            return None;
        }
        let settings = self.settings.lock();
        let mode = settings.plan_cache();
        let pushes = matches!(settings.push_down(), PushDown::On | PushDown::Always);
        (mode != PlanCache::Off && pushes).then(|| (query.as_ref(), mode, settings.differing()))
    }
}
