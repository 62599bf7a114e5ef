//! CREATE VIEW, and the columns of a view.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;

use super::dependencies::{cycle_error, cycle_from, dependencies};
use crate::catalog::change::changeable;
use crate::catalog::definitions::{
    ColumnDef, ColumnLineage, Definitions, Origin, PUBLIC, RelationDef, RelationKind, ViewDef,
};
use crate::catalog::model::needs_itself;
use crate::catalog::types::PgType;
use crate::ddl::statement::NameRef;
use crate::engine::models::models_of;
use crate::engine::session::Session;
use crate::engine::snapshot::Snapshot;
use crate::error::{Error, Result, SqlState};
use crate::lineage::origins;
use crate::planner::result_types;

impl Session {
    /// CREATE [OR REPLACE] VIEW: the view must plan, and a replaced one must keep its columns.
    pub(super) async fn create_view(
        &self,
        definitions: &mut Definitions,
        name: &NameRef,
        or_replace: bool,
        mut view: ViewDef,
    ) -> Result<()> {
        let relation = name.to_create();
        let before = match definitions.relations.get(&relation) {
            Some(there) if !or_replace => {
                return Err(Error::new(
                    SqlState::DUPLICATE_TABLE,
                    format!("relation \"{}\" already exists", there.name.name),
                ));
            }
            Some(RelationDef { kind: RelationKind::View(before), origin, .. }) => {
                changeable(origin, &format!("view {relation}"))?;
                Some(before.columns.clone())
            }
            Some(_) => {
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a view", relation.name)));
            }
            None => None,
        };
        view.depends_on = dependencies(&view.query, &[PUBLIC.to_string()], definitions)?;
        view.models = models_of(&view.query, &[PUBLIC.to_string()], definitions)?;
        let replaced = definitions.relations.remove(&relation);
        let mut created = RelationDef {
            name: relation.clone(),
            owner: replaced.as_ref().map_or_else(|| self.role(), |r| r.owner.clone()),
            origin: Origin::State,
            acl: replaced.as_ref().and_then(|r| r.acl.clone()),
            column_acls: replaced.as_ref().map(|r| r.column_acls.clone()).unwrap_or_default(),
            comment: replaced.as_ref().and_then(|r| r.comment.clone()),
            column_comments: replaced.as_ref().map(|r| r.column_comments.clone()).unwrap_or_default(),
            security: replaced.map(|r| r.security).unwrap_or_default(),
            kind: RelationKind::View(view.clone()),
        };
        let mut next = definitions.clone();
        next.add_relation(created.clone())?;
        if let Some(chain) = cycle_from(&next, &relation) {
            return Err(cycle_error(&chain));
        }
        if let Some(circular) = view.models.iter().find(|model| next.model_needs_itself(model)) {
            return Err(needs_itself(circular));
        }
        let snapshot = self.engine.snapshot_of(Arc::new(self.catalog().with(next)))?;
        (view.columns, view.lineage) = planned_columns(&snapshot, &created, &view).await?;
        if let Some(before) = before {
            keeps_columns(&before, &view.columns)?;
        }
        created.kind = RelationKind::View(view);
        definitions.add_relation(created)
    }
}

/// A schema's columns as the catalog shows them.
pub(super) fn column_defs(schema: &Schema, all_nullable: bool) -> Vec<ColumnDef> {
    schema
        .fields()
        .iter()
        .map(|field| ColumnDef {
            name: field.name().clone(),
            pg_type: PgType::of_field(field).to_string(),
            nullable: all_nullable || field.is_nullable(),
            default: None,
        })
        .collect()
}

/// A view's columns, and where they come from; it must plan.
pub(in crate::engine) async fn planned_columns(
    snapshot: &Snapshot,
    relation: &RelationDef,
    view: &ViewDef,
) -> Result<(Vec<ColumnDef>, Vec<ColumnLineage>)> {
    let planned = snapshot.plan_view(relation, view, &relation.owner).await?;
    let schema = planned.schema();
    let columns = column_defs(&result_types::typed(&planned.written, &schema).unwrap_or(schema), true);
    Ok((columns, origins(&planned.written)?))
}

/// CREATE OR REPLACE VIEW may only add columns at the end.
fn keeps_columns(before: &[ColumnDef], after: &[ColumnDef]) -> Result<()> {
    let refused = |message: String| Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    for (index, old) in before.iter().enumerate() {
        let Some(new) = after.get(index) else { return refused("cannot drop columns from view".into()) };
        if new.name != old.name {
            return refused(format!("cannot change name of view column \"{}\" to \"{}\"", old.name, new.name));
        }
        if new.pg_type != old.pg_type {
            return refused(format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                old.name, old.pg_type, new.pg_type
            ));
        }
    }
    Ok(())
}
