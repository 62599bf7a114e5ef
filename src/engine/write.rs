//! INSERT, UPDATE, DELETE and TRUNCATE on small local tables.
//!
//! The new rows are computed by the query engine, checked against the table's keys, made durable in the state
//! folder and only then shown. UPDATE and DELETE write the whole table anew: these tables are small.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::compute::{cast_with_options, concat_batches};
use datafusion::arrow::datatypes::{Int64Type, Schema, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    AssignmentTarget, Delete, Expr as SqlExpr, FromTable, Ident, ObjectName, SetExpr, Statement as SqlStatement,
    TableFactor, TableObject, TableWithJoins, Update,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::run::{bind, collect, located};
use super::session::Session;
use super::write_secured::{Rewrite, without_detail};
use super::{access, naming, planning};
use crate::audit::Touched;
use crate::catalog::blanks::without_blanks;
use crate::catalog::definitions::{LocalTableDef, OWNER, RelationDef, RelationKind, RelationName, quote_identifier};
use crate::catalog::rights::{denied, relation_words};
use crate::catalog::store::RowChange;
use crate::catalog::types::PgType;
use crate::ddl::dialect::PgDialect;
use crate::ddl::script;
use crate::ddl::statement::{NameRef, Statement, StatementKind};
use crate::error::{Error, Result, SqlState, Subject};
use crate::planner::{bounds, forms};
use crate::values::{Zone, read_text, text_values};

/// The schema of a local table. Every column may be null in it: NOT NULL is checked by us, with Postgres's message.
pub(super) fn schema(table: &LocalTableDef) -> SchemaRef {
    let fields: Vec<_> = table.columns.iter().map(|c| c.pg_type().field(&c.name, true)).collect();
    Arc::new(Schema::new(fields))
}

/// The columns' defaults as expressions.
pub(super) fn defaults(table: &LocalTableDef, state: &SessionState) -> Result<HashMap<String, Expr>> {
    let empty = DFSchema::empty();
    table
        .columns
        .iter()
        .filter_map(|column| column.default.as_ref().map(|sql| (column.name.clone(), sql)))
        .map(|(name, sql)| {
            let parsed = DFParserBuilder::new(sql.as_str()).with_dialect(&PgDialect).build()?.parse_into_expr()?;
            Ok((name, state.create_logical_expr_from_sql_expr(parsed, &empty)?))
        })
        .collect()
}

impl Session {
    /// Runs a write, giving its command tag; none when the statement is none.
    pub(super) async fn write(
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

    pub(super) fn writable_ref(&self, name: &NameRef, verb: &str) -> Result<(RelationName, LocalTableDef)> {
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
        let plan = planning::to_plan(state, parsed, &statement.text).await.map_err(|e| located(e, statement))?;
        self.check_columns(relation, &targets, "a")?;
        access::check_planned(&plan, state)?;
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
            if self.secured_relation(relation).is_some() { without_detail(error) } else { error }
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
        let (name, alias) = one_table(&update.table)?;
        let (_writing, state) = self.start_changing().await;
        let (relation, table) = self.writable(name, "update")?;
        let wanted = update.selection.as_ref().map_or_else(|| "true".to_string(), ToString::to_string);
        let mut changes: HashMap<String, String> = HashMap::new();
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(target) = &assignment.target else {
                return Err(Error::unsupported("UPDATE of several columns at once is not supported"));
            };
            let column = target
                .0
                .last()
                .and_then(|p| p.as_ident())
                .map(|i| if i.quote_style.is_some() { i.value.clone() } else { i.value.to_lowercase() });
            let column = column.unwrap_or_default();
            let Some(there) = table.columns.iter().find(|c| c.name == column) else {
                return Err(Error::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{column}\" of relation \"{}\" does not exist", relation.name),
                ));
            };
            let mut value = assignment.value.to_string();
            if value.eq_ignore_ascii_case("default") {
                value = there.default.clone().unwrap_or_else(|| "NULL".to_string());
            }
            if changes.insert(column.clone(), format!("CAST(({value}) AS {})", there.pg_type)).is_some() {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("multiple assignments to same column \"{column}\""),
                ));
            }
        }
        let items: Vec<String> = table
            .columns
            .iter()
            .map(|c| {
                let column = quote_identifier(&c.name);
                match changes.get(&c.name) {
                    Some(value) => format!("CASE WHEN ({wanted}) IS TRUE THEN {value} ELSE {column} END AS {column}"),
                    None => column,
                }
            })
            .collect();
        let from = from_clause(name, alias.as_ref());
        let changed: Vec<String> = changes.keys().cloned().collect();
        self.check_columns(&relation, &changed, "w")?;
        let reads: Vec<&str> = changes.values().map(String::as_str).chain([wanted.as_str()]).collect();
        if let Some(secured) = self.secured_relation(&relation) {
            let (table, wanted) = (&table, wanted.as_str());
            let name = rows_name(name, alias);
            let rewrite = Rewrite { table, access: "update", wanted, items: Some(items), reads, name };
            return self.rewrite_secured(&state, &secured, rewrite, statement, parameters).await;
        }
        self.check_reads(&state, &relation, &reads, &from, statement).await?;
        let rows = format!("SELECT {} FROM {from}", items.join(", "));
        let count = format!("SELECT count(*) FROM {from} WHERE {wanted}");
        self.replace(&state, &relation, &table, &rows, &count, statement, parameters).await
    }

    async fn delete(&self, delete: &Delete, statement: &Statement, parameters: &[ScalarValue]) -> Result<i64> {
        if delete.using.is_some() || delete.returning.is_some() {
            return Err(Error::unsupported("DELETE .. USING and RETURNING are not supported"));
        }
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        let [table] = tables.as_slice() else {
            return Err(Error::unsupported("DELETE from several tables is not supported"));
        };
        let (name, alias) = one_table(table)?;
        let (_writing, state) = self.start_changing().await;
        let (relation, table) = self.writable(name, "delete from")?;
        let wanted = delete.selection.as_ref().map_or_else(|| "true".to_string(), ToString::to_string);
        let from = from_clause(name, alias.as_ref());
        self.check_columns(&relation, &[], "d")?;
        if let Some(secured) = self.secured_relation(&relation) {
            let (table, wanted, reads) = (&table, wanted.as_str(), vec![wanted.as_str()]);
            let name = rows_name(name, alias);
            let rewrite = Rewrite { table, access: "delete", wanted, items: None, reads, name };
            return self.rewrite_secured(&state, &secured, rewrite, statement, parameters).await;
        }
        self.check_reads(&state, &relation, &[&wanted], &from, statement).await?;
        let items: Vec<String> = table.columns.iter().map(|c| quote_identifier(&c.name)).collect();
        let rows = format!("SELECT {} FROM {from} WHERE ({wanted}) IS NOT TRUE", items.join(", "));
        let count = format!("SELECT count(*) FROM {from} WHERE {wanted}");
        self.replace(&state, &relation, &table, &rows, &count, statement, parameters).await
    }

    /// 42501 unless the session's role has a privilege on columns of a table; on one at least where none is named.
    pub(super) fn check_columns(&self, relation: &RelationName, columns: &[String], letter: &str) -> Result<()> {
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

    /// 42501 unless the session's role may read what an UPDATE or DELETE reads.
    async fn check_reads(
        &self,
        state: &SessionState,
        relation: &RelationName,
        expressions: &[&str],
        from: &str,
        statement: &Statement,
    ) -> Result<()> {
        let role = self.role();
        if role == OWNER {
            return Ok(());
        }
        let items: Vec<String> = (0..).zip(expressions).map(|(at, text)| format!("({text}) AS c{at}")).collect();
        let plan = planned(state, &format!("SELECT {} FROM {from}", items.join(", ")), statement).await?;
        access::check_read(&plan, &self.catalog().definitions, &role, relation)
    }

    /// Takes what `rows` gives as the table's rows, and the answer of `count` as how many were touched.
    #[expect(clippy::too_many_arguments, reason = "the two statements differ in nothing else")]
    async fn replace(
        &self,
        state: &SessionState,
        relation: &RelationName,
        table: &LocalTableDef,
        rows: &str,
        count: &str,
        statement: &Statement,
        parameters: &[ScalarValue],
    ) -> Result<i64> {
        let (access, all) = match statement.text.trim_start().get(..6) {
            Some(verb) if verb.eq_ignore_ascii_case("delete") => ("delete", vec![]),
            _ => ("update", table.columns.iter().map(|column| column.name.clone()).collect()),
        };
        if self.is_audited() {
            // What is set reads other relations than what is looked for.
            let looked_for = self.plan_rewritten(state, count, statement, parameters).await?;
            let kept = self.plan_rewritten(state, rows, statement, parameters).await?;
            self.before(|names| {
                let read = Touched::by_plan(&looked_for, names).with(Touched::by_plan(&kept, names));
                read.writing(relation, access, all)
            })
            .await?;
        }
        let touched = self.read(state, count, statement, parameters).await?;
        let touched = touched
            .first()
            .filter(|b| b.num_rows() > 0)
            .map_or(0, |b| b.column(0).as_primitive::<Int64Type>().value(0));
        if touched > 0 {
            let rows = conform(&self.read(state, rows, statement, parameters).await?, table)?;
            check_nulls(&rows, relation, table)?;
            check_keys(std::iter::once(&rows), relation, table)?;
            self.commit_change(
                self.catalog().definitions.as_ref().clone(),
                &[(relation.clone(), RowChange::Replace(std::slice::from_ref(&rows)))],
            )?;
        }
        Ok(touched)
    }

    async fn read(
        &self,
        state: &SessionState,
        query: &str,
        statement: &Statement,
        parameters: &[ScalarValue],
    ) -> Result<Vec<RecordBatch>> {
        let plan = self.plan_rewritten(state, query, statement, parameters).await?;
        collect(state, &plan).await
    }

    /// The plan of a query that a statement was rewritten into.
    async fn plan_rewritten(
        &self,
        state: &SessionState,
        query: &str,
        statement: &Statement,
        parameters: &[ScalarValue],
    ) -> Result<LogicalPlan> {
        let plan = planned(state, query, statement).await?;
        bounds::check(&plan)?;
        bind(plan, parameters.to_vec())
    }
}

/// The columns that an INSERT fills: those that it names, else all.
fn named_columns(parsed: &DfStatement, table: &LocalTableDef) -> Vec<String> {
    let all = || table.columns.iter().map(|column| column.name.clone()).collect();
    let DfStatement::Statement(statement) = parsed else { return all() };
    let SqlStatement::Insert(insert) = statement.as_ref() else { return all() };
    let named: Vec<String> = insert.columns.iter().filter_map(|c| c.0.last()?.as_ident().map(folded)).collect();
    if named.is_empty() { all() } else { named }
}

/// Plans a query that a statement was rewritten to.
pub(super) async fn planned(state: &SessionState, query: &str, statement: &Statement) -> Result<LogicalPlan> {
    let parsed = script::parse(query)?.pop();
    let Some(Statement { kind: StatementKind::Plan(mut parsed), .. }) = parsed else {
        return Err(Error::internal("a rewritten statement did not parse"));
    };
    forms::rewrite(&mut parsed)?;
    // Positions would count in the rewritten text, so they are left out.
    let plan = planning::to_plan(state, *parsed, &statement.text).await;
    plan.map_err(|e| Error::from(e).with_position(None))
}

/// The columns that an INSERT names.
fn inserted(parsed: &DfStatement) -> Vec<String> {
    let DfStatement::Statement(statement) = parsed else { return vec![] };
    let SqlStatement::Insert(insert) = statement.as_ref() else { return vec![] };
    insert.columns.iter().filter_map(|column| column.0.last()?.as_ident().map(folded)).collect()
}

/// Names the columns that `INSERT INTO t VALUES (..)` leaves out, and writes defaults where DEFAULT stands.
fn spell_out(mut parsed: DfStatement, table: &LocalTableDef) -> Result<DfStatement> {
    let DfStatement::Statement(statement) = &mut parsed else { return Ok(parsed) };
    let SqlStatement::Insert(insert) = statement.as_mut() else { return Ok(parsed) };
    let named: Vec<String> = insert.columns.iter().filter_map(|c| c.0.last()?.as_ident().map(folded)).collect();
    for name in &named {
        if !table.columns.iter().any(|c| c.name == *name) {
            let of = insert.table.to_string();
            return Err(Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{name}\" of relation \"{of}\" does not exist"),
            ));
        }
    }
    let Some(source) = &mut insert.source else { return Ok(parsed) };
    let SetExpr::Values(values) = source.body.as_mut() else { return Ok(parsed) };
    let widest = values.rows.iter().map(|row| row.content.len()).max().unwrap_or(0);
    let target: Vec<String> = match named.is_empty() {
        true => table.columns.iter().take(widest).map(|c| c.name.clone()).collect(),
        false => named,
    };
    if widest > target.len() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "INSERT has more expressions than target columns"));
    }
    if insert.columns.is_empty() {
        insert.columns = target.iter().map(|name| ObjectName::from(Ident::with_quote('"', name))).collect();
    }
    for row in &mut values.rows {
        for (value, name) in row.content.iter_mut().zip(&target) {
            let is_default = matches!(value, SqlExpr::Identifier(i) if i.quote_style.is_none() && i.value.eq_ignore_ascii_case("default"));
            if is_default {
                let default = table.columns.iter().find(|c| c.name == *name).and_then(|c| c.default.clone());
                let sql = default.unwrap_or_else(|| "NULL".to_string());
                *value = Parser::new(&PgDialect)
                    .try_with_sql(&sql)
                    .and_then(|mut parser| parser.parse_expr())
                    .map_err(datafusion::error::DataFusionError::from)?;
            }
        }
    }
    Ok(parsed)
}

/// Names the columns that `INSERT INTO t SELECT ..` fills when it gives fewer than the table has.
async fn name_targets(state: &SessionState, parsed: &mut DfStatement, table: &LocalTableDef) -> Result<()> {
    let DfStatement::Statement(statement) = parsed else { return Ok(()) };
    let SqlStatement::Insert(insert) = statement.as_mut() else { return Ok(()) };
    let Some(source) = insert.source.as_ref().filter(|_| insert.columns.is_empty()) else { return Ok(()) };
    let query = DfStatement::Statement(Box::new(SqlStatement::Query(source.clone())));
    let given = planning::to_plan(state, query, "").await?.schema().fields().len();
    if given > table.columns.len() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "INSERT has more expressions than target columns"));
    }
    let names = table.columns.iter().take(given);
    insert.columns = names.map(|c| ObjectName::from(Ident::with_quote('"', &c.name))).collect();
    Ok(())
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn one_table(table: &TableWithJoins) -> Result<(&ObjectName, Option<String>)> {
    match &table.relation {
        TableFactor::Table { name, alias, .. } if table.joins.is_empty() => {
            Ok((name, alias.as_ref().map(ToString::to_string)))
        }
        _ => Err(Error::unsupported("UPDATE and DELETE take one table")),
    }
}

/// The name under which the rows of the table stand in a query of its own.
fn rows_name(name: &ObjectName, alias: Option<String>) -> String {
    alias.map_or_else(
        || name.0.last().map(ToString::to_string).unwrap_or_default(),
        |alias| alias.trim_start_matches("AS ").to_string(),
    )
}

fn from_clause(name: &ObjectName, alias: Option<&String>) -> String {
    match alias {
        Some(alias) => format!("{name} {alias}"),
        None => name.to_string(),
    }
}

/// Rows as one batch of the table's own schema.
pub(super) fn conform(batches: &[RecordBatch], table: &LocalTableDef) -> Result<RecordBatch> {
    let schema = schema(table);
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let mut converted = Vec::with_capacity(batches.len());
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .zip(schema.fields())
            .map(|(column, field)| {
                let column = cast_with_options(column, field.data_type(), &options)?;
                check_texts(&column, &PgType::of_field(field))?;
                Ok(match PgType::of_field(field) {
                    PgType::Bpchar(_) => without_blanks(&column),
                    kind @ (PgType::Jsonb | PgType::Uuid) => normal(&column, &kind)?,
                    _ => column,
                })
            })
            .collect::<Result<Vec<ArrayRef>>>()?;
        converted.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
    }
    Ok(concat_batches(&schema, &converted)?)
}

/// Refuses texts that are no value of the column's type: too long (22001), no uuid, no JSON (22P02).
fn check_texts(column: &ArrayRef, kind: &PgType) -> Result<()> {
    let limit = match kind {
        PgType::Varchar(Some(limit)) | PgType::Bpchar(Some(limit)) => Some(*limit as usize),
        PgType::Uuid | PgType::Json | PgType::Jsonb => None,
        _ => return Ok(()),
    };
    let zone = Zone::parse("UTC").ok_or_else(|| Error::internal("there is no time zone UTC"))?;
    for text in column.as_string_view().iter().flatten() {
        match limit {
            // Blanks at the end may be cut, as the standard says.
            Some(limit) if text.trim_end_matches(' ').chars().count() > limit => {
                return Err(Error::new(SqlState("22001"), format!("value too long for type {kind}")));
            }
            Some(_) => {}
            None => drop(read_text(kind, text, zone)?),
        }
    }
    Ok(())
}

/// Texts in the one form that values of their type have.
fn normal(column: &ArrayRef, kind: &PgType) -> Result<ArrayRef> {
    let read = |text: &str| match read_text(kind, text, Zone::UTC)? {
        ScalarValue::Utf8View(Some(text)) => Ok(text),
        _ => Err(Error::internal(format!("a value of {kind} is no text"))),
    };
    let values = column.as_string_view().iter().map(|text| text.map(read).transpose()).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StringViewArray::from_iter(values)))
}

pub(super) fn check_nulls(rows: &RecordBatch, relation: &RelationName, table: &LocalTableDef) -> Result<()> {
    for (column, values) in table.columns.iter().zip(rows.columns()) {
        if !column.nullable && values.null_count() > 0 {
            return Err(Error::new(
                SqlState::NOT_NULL_VIOLATION,
                format!(
                    "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                    column.name, relation.name
                ),
            )
            .with_subject(Subject {
                schema: relation.schema.clone(),
                table: relation.name.clone(),
                column: Some(column.name.clone()),
                constraint: None,
            }));
        }
    }
    Ok(())
}

/// Refuses rows that have the same key.
pub(super) fn check_keys<'a>(
    batches: impl Iterator<Item = &'a RecordBatch> + Clone,
    relation: &RelationName,
    table: &LocalTableDef,
) -> Result<()> {
    match first_duplicate(batches, relation, table)? {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// The first row that has a key which a row before it has, and the error that says so. A key with a null in it is equal
/// to none, as in Postgres.
pub(super) fn first_duplicate<'a>(
    batches: impl Iterator<Item = &'a RecordBatch> + Clone,
    relation: &RelationName,
    table: &LocalTableDef,
) -> Result<Option<(usize, Error)>> {
    let primary = (!table.primary_key.is_empty()).then_some(("pkey", &table.primary_key));
    let keys = primary.into_iter().chain(table.unique_keys.iter().map(|key| ("key", key)));
    let mut first: Option<(usize, Error)> = None;
    for (suffix, key) in keys {
        let mut seen = HashSet::new();
        let Some(indexes) =
            key.iter().map(|name| table.columns.iter().position(|c| c.name == *name)).collect::<Option<Vec<usize>>>()
        else {
            continue;
        };
        let types = schema(table);
        let fields = indexes.iter().map(|i| SortField::new(types.field(*i).data_type().clone())).collect();
        let converter = RowConverter::new(fields)?;
        let mut before = 0;
        'key: for batch in batches.clone() {
            let columns: Vec<ArrayRef> = indexes.iter().map(|i| Arc::clone(batch.column(*i))).collect();
            let rows = converter.convert_columns(&columns)?;
            for row in 0..batch.num_rows() {
                if columns.iter().any(|c| c.is_null(row)) {
                    continue;
                }
                if first.as_ref().is_some_and(|(found, _)| before + row >= *found) {
                    break 'key;
                }
                if !seen.insert(rows.row(row).owned()) {
                    first = Some((before + row, duplicate(relation, key, suffix, &columns, row)?));
                    break 'key;
                }
            }
            before += batch.num_rows();
        }
    }
    Ok(first)
}

fn duplicate(relation: &RelationName, key: &[String], suffix: &str, columns: &[ArrayRef], row: usize) -> Result<Error> {
    let named: Vec<(String, ArrayRef)> =
        columns.iter().enumerate().map(|(i, c)| (i.to_string(), c.slice(row, 1))).collect();
    let shown = text_values(&RecordBatch::try_from_iter(named)?, "UTC")?;
    let values: Vec<String> = shown.into_iter().flatten().map(Option::unwrap_or_default).collect();
    let name = if suffix == "pkey" {
        format!("{}_pkey", relation.name)
    } else {
        format!("{}_{}_key", relation.name, key.join("_"))
    };
    Ok(Error::new(SqlState::UNIQUE_VIOLATION, format!("duplicate key value violates unique constraint \"{name}\""))
        .with_detail(format!("Key ({})=({}) already exists.", key.join(", "), values.join(", ")))
        .with_subject(Subject {
            schema: relation.schema.clone(),
            table: relation.name.clone(),
            column: None,
            constraint: Some(name),
        }))
}
