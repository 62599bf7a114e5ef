//! Statements that should end while they are still being planned.
//!
//! Planning does not wait for anything, so that nothing can end it from outside. DataFusion's rules are wrapped: each
//! looks, before it begins and for most rules at every node of the plan, whether its statement should go on.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::carried::carried_in_config;
use crate::error::{Error, Result, SqlState};

/// What ends a statement that is being planned. It goes along with the settings that it is planned with.
#[derive(Clone, Debug)]
pub struct Interrupt {
    /// Cancelled by the client's request, or when the client is gone.
    pub cancel: CancellationToken,
    /// When `statement_timeout` ends it.
    pub deadline: Option<Instant>,
}

impl Interrupt {
    /// 57014 when somebody wants the statement to end, or nobody waits for it any more.
    pub fn check_cancelled(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(SqlState::QUERY_CANCELED, "canceling statement due to user request"));
        }
        Ok(())
    }

    /// 57014 when the statement should end.
    pub fn check(&self) -> Result<()> {
        self.check_cancelled()?;
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::new(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout"));
        }
        Ok(())
    }
}

carried_in_config!(Interrupt, "onerow_interrupt");

fn check(config: &ConfigOptions) -> DfResult<()> {
    config.extensions.get::<Interrupt>().map_or(Ok(()), Interrupt::check).map_err(DataFusionError::from)
}

/// An analyzer's rules that look first.
pub fn analyzing(rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>>) -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    rules.into_iter().map(|rule| Arc::new(Analyzing(rule)) as Arc<dyn AnalyzerRule + Send + Sync>).collect()
}

/// An optimizer's rules that look first.
pub fn optimizing(rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    rules.into_iter().map(|rule| Arc::new(Optimizing(rule)) as Arc<dyn OptimizerRule + Send + Sync>).collect()
}

/// A rule for physical plans that looks whether its statement should go on, and changes nothing.
pub fn physical() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    Arc::new(Physical)
}

#[derive(Debug)]
struct Analyzing(Arc<dyn AnalyzerRule + Send + Sync>);

impl AnalyzerRule for Analyzing {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> DfResult<LogicalPlan> {
        check(config)?;
        self.0.analyze(plan, config)
    }

    fn name(&self) -> &str {
        self.0.name()
    }
}

#[derive(Debug)]
struct Optimizing(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for Optimizing {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        check(&config.options())?;
        self.0.rewrite(plan, config)
    }
}

#[derive(Debug)]
struct Physical;

impl PhysicalOptimizerRule for Physical {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        check(config)?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        "interrupt"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use datafusion::logical_expr::LogicalPlanBuilder;
    use datafusion::optimizer::{Analyzer, Optimizer, OptimizerContext};

    use super::*;

    fn planned(interrupt: Interrupt) -> Option<SqlState> {
        let mut options = ConfigOptions::default();
        options.extensions.insert(interrupt);
        let plan = LogicalPlanBuilder::empty(true).build().unwrap();
        let analyzer = Analyzer::with_rules(analyzing(Analyzer::new().rules));
        let analyzed = analyzer.execute_and_check(plan.clone(), &options, |_, _| {});
        let context = OptimizerContext::new_with_config_options(Arc::new(options));
        let optimizer = Optimizer::with_rules(optimizing(Optimizer::new().rules));
        let optimized = optimizer.optimize(plan, &context, |_, _| {});
        let state = |result: DfResult<LogicalPlan>| result.err().map(|error| Error::from(error).state());
        let (analyzed, optimized) = (state(analyzed), state(optimized));
        assert_eq!(analyzed, optimized);
        optimized
    }

    #[test]
    fn planning_ends_when_its_statement_does() {
        let token = CancellationToken::new();
        let later = Instant::now().checked_add(Duration::from_secs(3_600));
        assert_eq!(planned(Interrupt { cancel: token.clone(), deadline: later }), None);
        let now = Some(Instant::now());
        let late = planned(Interrupt { cancel: token.clone(), deadline: now });
        assert_eq!(late, Some(SqlState::QUERY_CANCELED));
        token.cancel();
        assert_eq!(planned(Interrupt { cancel: token, deadline: later }), Some(SqlState::QUERY_CANCELED));
    }
}
