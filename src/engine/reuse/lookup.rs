//! A statement that asks one source for a few rows: so little to do that it needs no thread of its own.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;

use super::direct::Asked;
use super::memo::PlanMemo;
use super::session::Reusable;
use crate::ddl::statement::{Statement, StatementKind};
use crate::engine::parameters::Parameter;
use crate::engine::run::Shown;
use crate::engine::session::Session;
use crate::error::Error;

/// A kept plan that is one scan, with values that its source takes exactly. Nothing is planned when it runs.
pub struct Lookup {
    reusable: Reusable,
    asked: Asked,
}

impl Lookup {
    /// The plan as the query was written.
    pub(in crate::engine) fn written(&self) -> &LogicalPlan {
        self.reusable.written()
    }

    /// Asks the source: the rows, and what they are shown with, as [`Reusable::shown`] says.
    pub(in crate::engine) async fn ask(
        self,
        session: &Session,
        find: impl Fn(&LogicalPlan, &SchemaRef) -> Shown,
    ) -> DfResult<(Shown, SendableRecordBatchStream)> {
        let none = || DataFusionError::from(Error::internal("a lookup is none any more"));
        let direct = self.reusable.direct(session).ok_or_else(none)?;
        let (running, context) = session.engine.running();
        let stream = direct.stream(self.asked, running, context).await?;
        Ok((self.reusable.shown(&stream.schema(), find), stream))
    }
}

impl Session {
    /// What a statement with a kept plan comes to with these values, where that is one question to a source, and few rows are
    /// expected; none when it is to be run as any other, which also tells what is wrong with it.
    pub fn lookup(&self, statement: &Statement, parameters: &[Parameter], memo: &PlanMemo) -> Option<Lookup> {
        let StatementKind::Plan(parsed) = &statement.kind else { return None };
        let reusable = self.kept(&self.catalog(), statement, parsed, parameters, memo)?;
        let asked = reusable.direct(self).filter(|direct| direct.is_light())?.asked(reusable.values()).ok()??;
        Some(Lookup { reusable, asked })
    }
}
