//! The options of DataFusion's that SET may change in a session: put back by RESET, and by what a transaction undoes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use datafusion::config::{ConfigOptions, ExecutionOptions, ExplainOptions, OptimizerOptions};

use super::session::Session;
use crate::error::{Error, Result, SqlState};

/// Their values at one moment.
#[derive(Clone, Debug)]
pub(super) struct EngineOptions {
    optimizer: OptimizerOptions,
    explain: ExplainOptions,
    /// Of which SET may change two.
    execution: ExecutionOptions,
}

impl EngineOptions {
    fn of(options: &ConfigOptions) -> Self {
        EngineOptions {
            optimizer: options.optimizer.clone(),
            explain: options.explain.clone(),
            execution: options.execution.clone(),
        }
    }

    fn put(&self, options: &mut ConfigOptions) {
        options.optimizer = self.optimizer.clone();
        options.explain = self.explain.clone();
        options.execution.batch_size = self.execution.batch_size;
        options.execution.target_partitions = self.execution.target_partitions;
    }
}

/// Whether SET may change an option, which is named without `datafusion.`: none that would change the whole server.
pub(super) fn is_of_session(option: &str) -> bool {
    ["optimizer.", "explain."].iter().any(|prefix| option.starts_with(prefix))
        || matches!(option, "execution.batch_size" | "execution.target_partitions")
}

/// 22023 for a value with which one statement could take more than its part of the server: the rows of a batch are
/// in no account of memory while they are computed, and a part of a plan has buffers of its own.
pub(super) fn check(option: &str, value: &str) -> Result<()> {
    let most: u64 = match option {
        "execution.batch_size" => 65_536,
        "execution.target_partitions" => 256,
        _ => return Ok(()),
    };
    match value.trim().parse::<u64>() {
        Ok(number) if number > most => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("{number} is outside the valid range for parameter \"datafusion.{option}\" (1 .. {most})"),
        )),
        // What is no number is refused by DataFusion.
        _ => Ok(()),
    }
}

impl Session {
    /// The options as they are; none while none was changed.
    pub(super) fn engine_options(&self) -> Option<Arc<EngineOptions>> {
        self.has_own_options().then(|| Arc::new(EngineOptions::of(self.config.read().options())))
    }

    /// Makes the options what they were; with none, what they were at first.
    pub(super) fn put_engine_options(&self, then: Option<&EngineOptions>) {
        match then {
            Some(then) => {
                self.own_options.store(true, Ordering::Relaxed);
                then.put(self.config.write().options_mut());
            }
            None => self.reset_engine_options(),
        }
    }

    /// Puts back what SET has changed of DataFusion's options.
    pub(super) fn reset_engine_options(&self) {
        if self.own_options.swap(false, Ordering::Relaxed) {
            let first = self.engine.session_config();
            EngineOptions::of(first.options()).put(self.config.write().options_mut());
        }
    }

    /// Puts one option back that SET LOCAL has changed. One that had no value cannot be given none.
    pub(super) fn put_back_option(&self, name: &str, value: &str) {
        if let Err(error) = self.config.write().options_mut().set(name, value) {
            tracing::debug!(name, %error, "an option is not put back");
        }
    }
}
