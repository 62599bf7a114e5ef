//! Before a statement with `jsonb_populate_record(NULL::customer, doc)` in FROM is planned, the relation whose rows it
//! makes is looked up: the call becomes `jsonb_to_record(doc)` with that relation's columns. So do those of
//! `json_populate_record` and of the recordsets.

use std::ops::ControlFlow;

use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, TableAlias, TableAliasColumnDef,
    TableFactor, Value, VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::relation_calls;
use crate::catalog::types::PgType;
use crate::ddl::calls;
use crate::ddl::dialect::PgDialect;
use crate::ddl::name::relation_name;
use crate::ddl::statement::NameRef;
use crate::error::{Error, Result, SqlState};
use crate::planner::forms;

/// The functions, and what each is with a list of columns.
const FUNCTIONS: &[(&str, &str)] = &[
    ("json_populate_record", "json_to_record"),
    ("jsonb_populate_record", "jsonb_to_record"),
    ("json_populate_recordset", "json_to_recordset"),
    ("jsonb_populate_recordset", "jsonb_to_recordset"),
];

/// Puts the columns of the relations in the calls' places.
///
/// # Errors
/// 42704 for a relation that is not there, 0A000 for a row that is not NULL.
pub(super) async fn prepare(state: &SessionState, statement: &mut DfStatement) -> DfResult<()> {
    let names = named(statement)?;
    if names.is_empty() {
        return Ok(());
    }
    let mut columns = vec![];
    for name in names {
        let relation = Box::pin(relation_calls::relation(state, &name)).await.map_err(|error| match error.state() {
            SqlState::UNDEFINED_TABLE => {
                Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{}\" does not exist", name.shown()))
            }
            _ => error,
        })?;
        let schema = relation.provider.schema();
        let fields = schema.fields().iter().map(|field| {
            let name = Ident::with_quote('"', field.name());
            Ok(TableAliasColumnDef { name, data_type: Some(data_type(&PgType::of_field(field))?) })
        });
        columns.push(fields.collect::<Result<Vec<_>>>()?);
    }
    Ok(calls::change(statement, &mut Filler { columns: columns.into_iter(), found: vec![], fills: true })?)
}

/// The relations whose rows a statement makes, as it names them, in the order of the calls.
pub(super) fn named(statement: &mut DfStatement) -> Result<Vec<NameRef>> {
    let mut finder = Filler { columns: vec![].into_iter(), found: vec![], fills: false };
    calls::change(statement, &mut finder)?;
    Ok(finder.found)
}

/// A type as it is written.
fn data_type(pg_type: &PgType) -> Result<DataType> {
    let text = pg_type.to_string();
    let parsed = Parser::new(&PgDialect).try_with_sql(&text).and_then(|mut parser| parser.parse_data_type());
    parsed.map_err(|error| Error::internal(format!("the type {text} cannot be read: {error}")))
}

struct Filler {
    /// The columns of each call's relation.
    columns: std::vec::IntoIter<Vec<TableAliasColumnDef>>,
    found: Vec<NameRef>,
    fills: bool,
}

impl Filler {
    fn fill(&mut self, factor: &mut TableFactor) -> Result<()> {
        let (name, args, alias) = match factor {
            TableFactor::Table { name, args: Some(list), alias, with_ordinality: false, .. } => {
                (name, &mut list.args, alias)
            }
            TableFactor::Function { name, args, alias, with_ordinality: false, .. } => (name, args, alias),
            _ => return Ok(()),
        };
        let Some((known, records)) = FUNCTIONS.iter().find(|(known, _)| calls::names(name, known)) else {
            return Ok(());
        };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(row)), json] = args.as_slice() else { return Ok(()) };
        let relation = row_of(row).ok_or_else(|| {
            Error::unsupported(format!("{known} fills only rows that are NULL"))
                .with_hint(format!("Write the relation whose columns are wanted: {known}(NULL::customer, doc)."))
        })?;
        if !self.fills {
            self.found.push(relation_name(&relation.to_string())?);
            return Ok(());
        }
        let Some(columns) = self.columns.next() else { return Err(Error::internal("a row type was not looked up")) };
        *args = vec![json.clone()];
        *name = ObjectName::from(vec![Ident::new(*records)]);
        let given = alias.take();
        let renamed = given.as_ref().map(|alias| alias.columns.clone()).unwrap_or_default();
        let called = given.map_or_else(|| Ident::new(*known), |alias| alias.name);
        *alias = Some(TableAlias { explicit: true, name: called, columns, at: None });
        forms::unfold_records(factor);
        if let TableFactor::Derived { alias: Some(alias), .. } = factor {
            alias.columns = renamed;
        }
        Ok(())
    }
}

/// The relation whose row `NULL::relation` is.
fn row_of(row: &Expr) -> Option<&ObjectName> {
    match row {
        Expr::Nested(inner) => row_of(inner),
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type: DataType::Custom(name, with),
            ..
        } if with.is_empty() && matches!(expr.as_ref(), Expr::Value(value) if value.value == Value::Null) => Some(name),
        _ => None,
    }
}

impl VisitorMut for Filler {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.fill(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}
