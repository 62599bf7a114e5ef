//! What tells the planner that a session skips sources that are down.

use std::any::Any;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::Result as DfResult;

use crate::error::{Error, SqlState};

/// There in the options of a statement that may skip, and only there.
#[derive(Clone, Copy, Debug)]
pub struct SkipsDown;

impl ConfigExtension for SkipsDown {
    const PREFIX: &'static str = "onerow_skips_down";
}

impl ExtensionOptions for SkipsDown {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(*self)
    }

    fn set(&mut self, key: &str, _: &str) -> DfResult<()> {
        Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{key}\"")).into())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        vec![]
    }
}
