//! The plan that a prepared statement had the last time it ran.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::generic::Generic;
use super::session::Reusable;
use crate::catalog::types::PgType;
use crate::engine::parameters::Parameter;
use crate::engine::session::Session;
use crate::engine::snapshot::CatalogState;

/// Where a prepared statement keeps the plan that it had: whoever runs it again need not look for that by its text.
#[derive(Debug, Default)]
pub struct PlanMemo(Mutex<Option<Arc<Remembered>>>);

/// A plan with all that it depends on besides the statement.
#[derive(Debug)]
struct Remembered {
    /// The state of the catalog. It is not kept for this, and its place in memory is not another's as long as this is there.
    catalog: Weak<CatalogState>,
    /// Of the settings, the role among them.
    version: u64,
    kinds: Vec<PgType>,
    generic: Arc<Generic>,
    /// The values of the literals that were taken out.
    literals: Vec<Parameter>,
}

impl PlanMemo {
    /// Keeps a plan, in place of another.
    pub(super) fn keep(
        &self,
        session: &Session,
        catalog: &Arc<CatalogState>,
        kinds: Vec<PgType>,
        generic: &Arc<Generic>,
        literals: Vec<Parameter>,
    ) {
        let version = session.settings.lock().version();
        let (catalog, generic) = (Arc::downgrade(catalog), Arc::clone(generic));
        *self.0.lock() = Some(Arc::new(Remembered { catalog, version, kinds, generic, literals }));
    }

    /// The plan with these values, where it is still the one.
    pub(super) fn find(
        &self,
        session: &Session,
        catalog: &Arc<CatalogState>,
        parameters: &[Parameter],
    ) -> Option<Reusable> {
        let known = self.0.lock().clone()?;
        let is_it = std::ptr::eq(known.catalog.as_ptr(), Arc::as_ptr(catalog))
            && known.kinds.len() == parameters.len()
            && known.kinds.iter().zip(parameters).all(|(kind, it)| !it.value.is_null() && *kind == it.planned())
            && !session.has_own_options()
            && known.version == session.settings.lock().version();
        is_it.then(|| Reusable::new(&known.generic, [parameters, &known.literals].concat()))
    }
}
