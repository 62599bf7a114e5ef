//! INSERT, UPDATE, DELETE and TRUNCATE on small local tables.
//!
//! The new rows are computed by the query engine, checked against the table's keys, made durable in the state
//! folder and only then shown. UPDATE and DELETE write the whole table anew: these tables are small.

mod change;
mod precision;
mod rows;
mod secured;
mod statement;

use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr as SqlExpr, FromTable, ObjectName, Statement as SqlStatement,
    TableFactor, TableObject, Update,
};

use change::{Change, Value};
pub(super) use precision::rounded;
use rows::check_keys;
pub(super) use rows::{check_nulls, conform, defaults, first_duplicate, schema};
pub(super) use secured::without_detail;
pub(super) use statement::has_no_values;
use statement::{folded, inserted, name_targets, named_columns, one_table, spell_out};

use super::run::{bind, collect, located};
use super::session::Session;
use super::{access, naming, planning};
use crate::audit::Touched;
use crate::catalog::definitions::{LocalTableDef, OWNER, RelationDef, RelationKind, RelationName};
use crate::catalog::rights::{denied, relation_words};
use crate::catalog::store::RowChange;
use crate::ddl::statement::{NameRef, Statement};
use crate::error::{Error, Result, SqlState};
use crate::planner::bounds;

impl Session {
    /// Runs a write, giving its command tag; none when the statement is none.
    pub(in crate::engine) async fn write(
        &self,
        parsed: &DfStatement,
        statement: &Statement,
        parameters: &[ScalarValue],
    ) -> Result<Option<String>> {
        let DfStatement::Statement(sql) = parsed else { return Ok(None) };
        match sql.as_ref() {
            SqlStatement::Insert(insert) => {
                if insert.on.is_some() {
                    return Err(Error::unsupported("INSERT .. ON CONFLICT is not supported"));
                }
                if insert.returning.is_some() {
                    return Err(Error::unsupported("RETURNING is not supported"));
                }
                let TableObject::TableName(name) = &insert.table else {
                    return Err(Error::unsupported("INSERT into a function is not supported"));
                };
                let (_writing, state) = self.start_changing().await;
                let (relation, table) = self.writable(name, "insert into")?;
                let rows = self.insert(&state, parsed, statement, parameters, &relation, &table).await?;
                Ok(Some(format!("INSERT 0 {rows}")))
            }
            SqlStatement::Update(update) => {
                let rows = Box::pin(self.update(update, statement, parameters)).await?;
                Ok(Some(format!("UPDATE {rows}")))
            }
            SqlStatement::Delete(delete) => {
                let rows = Box::pin(self.delete(delete, statement, parameters)).await?;
                Ok(Some(format!("DELETE {rows}")))
            }
            _ => Ok(None),
        }
    }

    /// The local table that a name means, or why it cannot be written.
    fn writable(&self, name: &ObjectName, verb: &str) -> Result<(RelationName, LocalTableDef)> {
        let parts: Vec<String> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(|ident| if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() })
            .collect();
        let mut parts = parts.into_iter().rev();
        let name = NameRef { name: parts.next().unwrap_or_default(), schema: parts.next(), position: 1 };
        self.writable_ref(&name, verb)
    }

    pub(in crate::engine) fn writable_ref(&self, name: &NameRef, verb: &str) -> Result<(RelationName, LocalTableDef)> {
        let catalog = self.catalog();
        let definitions = &catalog.definitions;
        self.check_look(definitions, name)?;
        let path = self.path();
        let relation: &RelationDef = definitions.find(name, &path).ok_or_else(|| {
            Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.shown()))
        })?;
        match &relation.kind {
            RelationKind::Local(table) => Ok((relation.name.clone(), table.clone())),
            RelationKind::View(_) => Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("cannot {verb} view \"{}\"", name.name),
            )
            .with_hint("Views are read-only; change the tables that they read.")),
            RelationKind::Foreign(_) => Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("cannot {verb} foreign table \"{}\"", name.name),
            )
            .with_hint("Sources are read-only; change the rows at the source.")),
        }
    }

    async fn insert(
        &self,
        state: &SessionState,
        parsed: &DfStatement,
        statement: &Statement,
        parameters: &[ScalarValue],
        relation: &RelationName,
        table: &LocalTableDef,
    ) -> Result<usize> {
        let mut parsed = spell_out(naming::name_columns(parsed.clone(), true)?, table)?;
        name_targets(state, &mut parsed, table).await?;
        let named = named_columns(&parsed, table);
        let targets = inserted(&parsed);
        let plan =
            planning::to_plan(state, parsed.clone(), &statement.text).await.map_err(|e| located(e, statement))?;
        self.check_columns(relation, &targets, "a")?;
        access::check_planned_of(&plan, state, &parsed)?;
        access::check_defaults(state, table.columns.iter().filter(|column| !targets.contains(&column.name))).await?;
        bounds::check(&plan)?;
        let LogicalPlan::Dml(dml) = bind(plan, parameters.to_vec())? else {
            return Err(Error::internal("INSERT was planned as something else"));
        };
        self.before(|names| Touched::by_plan(&dml.input, names).writing(relation, "insert", named)).await?;
        let new = collect(state, &dml.input).await?;
        let new = conform(&new, table)?;
        let rows = new.num_rows();
        self.check_inserted(state, relation, table, &new).await?;
        check_nulls(&new, relation, table)?;
        let catalog = self.catalog();
        let there = catalog.rows.read(&self.engine.store, relation)?;
        check_keys(there.iter().chain([&new]), relation, table).map_err(|error| {
            // The row that has the key may be one that is hidden.
            if self.hides_keys(relation, table) { without_detail(error) } else { error }
        })?;
        if rows > 0 {
            self.commit_change(
                catalog.definitions.as_ref().clone(),
                &[(relation.clone(), RowChange::Append(std::slice::from_ref(&new)))],
            )?;
        }
        Ok(rows)
    }

    async fn update(&self, update: &Update, statement: &Statement, parameters: &[ScalarValue]) -> Result<i64> {
        if update.from.is_some() || update.returning.is_some() {
            return Err(Error::unsupported("UPDATE .. FROM and RETURNING are not supported"));
        }
        let (name, rows) = one_table(&update.table)?;
        let (_writing, state) = self.start_changing().await;
        let (relation, table) = self.writable(name, "update")?;
        let mut set: Vec<(String, Value)> = vec![];
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(target) = &assignment.target else {
                return Err(Error::unsupported("UPDATE of several columns at once is not supported"));
            };
            let column = target.0.last().and_then(|part| part.as_ident()).map(folded).unwrap_or_default();
            let Some(there) = table.columns.iter().find(|c| c.name == column) else {
                return Err(Error::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{column}\" of relation \"{}\" does not exist", relation.name),
                ));
            };
            if set.iter().any(|(set, _)| *set == column) {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("multiple assignments to same column \"{column}\""),
                ));
            }
            let value = match &assignment.value {
                SqlExpr::Identifier(word)
                    if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default") =>
                {
                    Value::Default(there.default.clone().unwrap_or_else(|| "NULL".to_string()))
                }
                value => Value::Written(Box::new(value.clone())),
            };
            set.push((column, value));
        }
        let changed: Vec<String> = set.iter().map(|(column, _)| column.clone()).collect();
        self.check_columns(&relation, &changed, "w")?;
        let wanted = update.selection.clone();
        let change = Change::new(relation, table, rows, wanted, Some(set));
        self.change_rows(&state, &change, statement, parameters).await
    }

    async fn delete(&self, delete: &Delete, statement: &Statement, parameters: &[ScalarValue]) -> Result<i64> {
        if delete.using.is_some() || delete.returning.is_some() {
            return Err(Error::unsupported("DELETE .. USING and RETURNING are not supported"));
        }
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        let [table] = tables.as_slice() else {
            return Err(Error::unsupported("DELETE from several tables is not supported"));
        };
        let (name, rows) = one_table(table)?;
        let (_writing, state) = self.start_changing().await;
        let (relation, table) = self.writable(name, "delete from")?;
        self.check_columns(&relation, &[], "d")?;
        let change = Change::new(relation, table, rows, delete.selection.clone(), None);
        self.change_rows(&state, &change, statement, parameters).await
    }

    /// The same for a write that is explained, which is not done: 42501 unless the role may write the columns that it names.
    pub(in crate::engine) async fn check_explained(&self, parsed: &DfStatement, state: &SessionState) -> Result<()> {
        let DfStatement::Explain(explain) = parsed else { return Ok(()) };
        let DfStatement::Statement(sql) = explain.statement.as_ref() else { return Ok(()) };
        match sql.as_ref() {
            SqlStatement::Insert(insert) => {
                let TableObject::TableName(name) = &insert.table else { return Ok(()) };
                let (relation, table) = self.writable(name, "insert into")?;
                // DEFAULT VALUES names none.
                let columns = if insert.source.is_none() { vec![] } else { named_columns(&explain.statement, &table) };
                self.check_columns(&relation, &columns, "a")?;
                let left = table.columns.iter().filter(|column| !columns.contains(&column.name));
                access::check_defaults(state, left).await
            }
            SqlStatement::Update(update) => {
                let TableFactor::Table { name, .. } = &update.table.relation else { return Ok(()) };
                let (relation, _) = self.writable(name, "update")?;
                let target = |assignment: &Assignment| match &assignment.target {
                    AssignmentTarget::ColumnName(name) => name.0.last()?.as_ident().map(folded),
                    AssignmentTarget::Tuple(_) => None,
                };
                let columns: Vec<String> = update.assignments.iter().filter_map(target).collect();
                self.check_columns(&relation, &columns, "w")
            }
            _ => Ok(()),
        }
    }

    /// 42501 unless the session's role has a privilege on columns of a table; on one at least where none is named.
    pub(in crate::engine) fn check_columns(
        &self,
        relation: &RelationName,
        columns: &[String],
        letter: &str,
    ) -> Result<()> {
        let role = self.role();
        if role == OWNER {
            return Ok(());
        }
        let catalog = self.catalog();
        let rights = catalog.definitions.rights(&role);
        let Some(relation) = catalog.definitions.relation(relation) else { return Ok(()) };
        let may = match columns {
            [] => rights.any_column(relation, letter),
            columns => columns.iter().all(|column| rights.column(relation, column, letter)),
        };
        if may { Ok(()) } else { Err(denied(&relation_words(relation))) }
    }
}
