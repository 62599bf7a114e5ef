//! A statement that changes the catalog, as typed over the wire.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::logical_expr::LogicalPlan;

use super::foreign::add_from;
use super::view::column_defs;
use crate::catalog::definitions::{Definitions, LocalTableDef, Origin, RelationKind, RelationName, ViewDef};
use crate::catalog::store::RowChange;
use crate::catalog::types::PgType;
use crate::ddl::statement::{Ddl, Statement};
use crate::engine::session::Session;
use crate::engine::{access, planning, run, write};
use crate::error::{Error, Result, SqlState};

impl Session {
    /// Runs a statement that changes the catalog, giving its command tag.
    pub(in crate::engine) async fn define(&self, ddl: &Ddl, statement: &Statement) -> Result<String> {
        if let Ddl::RefreshServer { name } = ddl {
            self.check_definition(&self.catalog().definitions, ddl)?;
            return self.refresh_server(name).await;
        }
        let _writing = self.start_writing().await;
        let before = Arc::clone(&self.catalog().definitions);
        let placed = self.placed(&before, ddl).map_err(|e| e.shifted(statement.offset))?;
        let ddl: &Ddl = &placed;
        self.check_definition(&before, ddl).map_err(|e| e.shifted(statement.offset))?;
        let mut definitions = before.as_ref().clone();
        let path = self.path();
        let mut rows: Vec<(RelationName, Vec<RecordBatch>)> = vec![];
        let mut notices = vec![];
        let positioned = |e: Error| e.shifted(statement.offset);
        let tag = match ddl {
            Ddl::DropServer { names, if_exists, cascade } => {
                notices = definitions.drop_servers(names, *if_exists, *cascade)?;
                "DROP SERVER"
            }
            Ddl::DropSchema { names, if_exists, cascade } => {
                notices = definitions.drop_schemas(names, *if_exists, *cascade)?;
                "DROP SCHEMA"
            }
            Ddl::Drop { kind, names, if_exists, cascade } => {
                notices = definitions.drop_relations(*kind, names, *if_exists, *cascade, &path)?;
                return self.finish(definitions, &[], notices, &format!("DROP {}", kind.words().to_uppercase()));
            }
            Ddl::Rename { kind, name, if_exists, to } => {
                let renamed = self.rename(&mut definitions, *kind, name, *if_exists, to);
                notices = Box::pin(renamed).await.map_err(positioned)?;
                return self.finish(definitions, &[], notices, &format!("ALTER {}", kind.words().to_uppercase()));
            }
            Ddl::Comment { target, text } => {
                definitions.comment(target, text.clone(), &Origin::State, &path).map_err(positioned)?;
                "COMMENT"
            }
            Ddl::CreateView { name, or_replace, columns, options, query, query_offset } => {
                let view = ViewDef {
                    query: query.clone(),
                    column_names: columns.clone(),
                    security_invoker: options.security_invoker,
                    security_barrier: options.security_barrier,
                    columns: vec![],
                    depends_on: vec![],
                    models: vec![],
                    lineage: vec![],
                    broken: None,
                };
                self.create_view(&mut definitions, name, *or_replace, view)
                    .await
                    .map_err(|e| e.shifted(*query_offset + statement.offset))?;
                "CREATE VIEW"
            }
            Ddl::CreateRule { rule, or_replace } => {
                Box::pin(self.create_rule(&mut definitions, rule, *or_replace)).await.map_err(positioned)?;
                "CREATE RULE"
            }
            Ddl::CreateModel { model, or_replace } => {
                let created = Box::pin(self.create_model(&mut definitions, model, *or_replace)).await;
                created.map_err(|e| e.shifted(model.query_offset + statement.offset))?;
                "CREATE MODEL"
            }
            Ddl::DropModel { names, if_exists, cascade } => {
                notices = definitions.drop_models(names, *if_exists, *cascade, &path).map_err(positioned)?;
                "DROP MODEL"
            }
            Ddl::DropRule { name, relation, if_exists } => {
                notices = self.drop_rule(&mut definitions, relation, name, *if_exists).map_err(positioned)?;
                "DROP RULE"
            }
            Ddl::CreateTable { name, query: Some(query), if_not_exists, .. } => {
                let relation = name.to_create();
                if *if_not_exists && definitions.relations.contains_key(&relation) {
                    notices.push(format!("relation \"{}\" already exists, skipping", name.name));
                    "CREATE TABLE AS"
                } else {
                    let state = self.state();
                    let plan = planning::plan_query(&state, query).await?;
                    access::check_plan(&plan, &before, &self.role())?;
                    // Types are settled by the analyser only.
                    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
                    check_rows(&plan)?;
                    let batches = run::collect(&state, &plan).await?;
                    let table = LocalTableDef {
                        columns: column_defs(plan.schema().as_arrow(), true),
                        primary_key: vec![],
                        unique_keys: vec![],
                    };
                    let batch = write::conform(&batches, &table)?;
                    let count = batch.num_rows();
                    add_from(&mut definitions, &relation, RelationKind::Local(table), &Origin::State)?;
                    rows.push((relation, vec![batch]));
                    self.own_what_is_new(&mut definitions, &before);
                    return self.finish(definitions, &rows, notices, &format!("SELECT {count}"));
                }
            }
            Ddl::Truncate { names } => {
                for name in names {
                    let (relation, _) = self.writable_ref(name, "truncate")?;
                    rows.push((relation, vec![]));
                }
                "TRUNCATE TABLE"
            }
            Ddl::CreateRole { name, options } => self.create_role(&mut definitions, name, options)?,
            Ddl::AlterRole { name, options } => self.alter_role(&mut definitions, name, options)?,
            Ddl::RenameRole { name, to } => self.rename_role(&mut definitions, name, to)?,
            Ddl::DropRole { names, if_exists } => {
                notices = self.drop_role(&mut definitions, names, *if_exists)?;
                "DROP ROLE"
            }
            Ddl::DropOwned { roles, cascade } => {
                notices = self.drop_owned(&mut definitions, roles, *cascade)?;
                "DROP OWNED"
            }
            Ddl::ReassignOwned { roles, to } => self.reassign_owned(&mut definitions, roles, to)?,
            Ddl::GrantRole(grant) => {
                let (tag, told) = self.grant_role(&mut definitions, grant)?;
                notices = told;
                tag
            }
            Ddl::Grant(grant) => self.grant(&mut definitions, grant).map_err(positioned)?,
            Ddl::Security(statement) => {
                let (tag, told) = self.secure(&mut definitions, statement).await.map_err(positioned)?;
                return self.finish(definitions, &[], told, &tag);
            }
            Ddl::DefaultPrivileges(change) => self.change_defaults(&mut definitions, change)?,
            other => {
                let (tag, told) =
                    self.engine.apply(&mut definitions, other, &Origin::State).await.map_err(positioned)?;
                notices = told;
                tag
            }
        };
        self.own_what_is_new(&mut definitions, &before);
        self.finish(definitions, &rows, notices, tag)
    }

    fn finish(
        &self,
        definitions: Definitions,
        rows: &[(RelationName, Vec<RecordBatch>)],
        notices: Vec<String>,
        tag: &str,
    ) -> Result<String> {
        let rows: Vec<_> = rows.iter().map(|(name, rows)| (name.clone(), RowChange::Replace(rows))).collect();
        self.commit_change(definitions, &rows)?;
        self.notice(notices);
        Ok(tag.to_string())
    }
}

/// Makes sure that no column of a table would be a row: Postgres has no such type for a column (42P16).
fn check_rows(plan: &LogicalPlan) -> Result<()> {
    match plan.schema().fields().iter().find(|field| PgType::of_field(field) == PgType::Record) {
        Some(field) => {
            let message = format!("column \"{}\" has pseudo-type record", field.name());
            Err(Error::new(SqlState("42P16"), message).with_hint("Make columns of its fields, as in (row).field."))
        }
        None => Ok(()),
    }
}
