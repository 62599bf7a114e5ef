//! May a role call the functions that a plan calls? Looked at only once a privilege on a function was granted or taken
//! away: until then they are everyone's.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, TableFactor,
    TrimWhereField, Visitor,
};

use super::columns::scans;
use crate::catalog::definitions::Definitions;
use crate::catalog::pg::callable;
use crate::catalog::rights::{Rights, denied};
use crate::catalog::types::PgType;
use crate::ddl::calls;
use crate::ddl::script;
use crate::ddl::statement::StatementKind;
use crate::error::{Error, Result};
use crate::planner::secured::Secured;
use crate::planner::view::View;

/// What a plan was made of: it says by what names functions are called, where a plan has only one of several.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written<'a> {
    /// A statement.
    Statement(&'a DfStatement),
    /// A query's text.
    Query(&'a str),
    /// It is not known: a function counts for all its names.
    Unknown,
}

/// The functions that a statement calls by name, each with how many arguments; none where a form of SQL calls it.
type Called = BTreeMap<String, BTreeSet<usize>>;

/// 42501 unless a role may call every function that a plan calls, and those that the views and policies in it call: as in
/// Postgres a view reads with its owner's rights, and calls functions with those of who asks.
pub(super) fn check_calls(
    plan: &LogicalPlan,
    written: Written<'_>,
    definitions: &Definitions,
    role: &str,
) -> Result<()> {
    if definitions.database.functions.is_empty() {
        return Ok(());
    }
    check_all(plan, written, definitions, &definitions.rights(role))
}

fn check_all(plan: &LogicalPlan, written: Written<'_>, definitions: &Definitions, rights: &Rights<'_>) -> Result<()> {
    check_own_calls(plan, written, definitions, rights)?;
    check_beneath(plan, definitions, rights)
}

/// What the relations that a plan reads call.
fn check_beneath(plan: &LogicalPlan, definitions: &Definitions, rights: &Rights<'_>) -> Result<()> {
    scans(plan)?.iter().try_for_each(|scan| check_read(&scan.provider, definitions, rights))
}

fn check_read(provider: &Arc<dyn TableProvider>, definitions: &Definitions, rights: &Rights<'_>) -> Result<()> {
    let secured = provider.downcast_ref::<Secured>();
    if let Some(secured) = secured {
        check_own_calls(&secured.written, Written::Unknown, definitions, rights)?;
    }
    let Some(view) = secured.map_or(provider, |secured| &secured.inner).downcast_ref::<View>() else { return Ok(()) };
    if view.name.schema != "pg_catalog" {
        return check_all(&view.written, Written::Query(&view.query), definitions, rights);
    }
    // A call of a function over relations is one call of that function, however it is done, and of what its relations call.
    view.about().iter().try_for_each(|about| check_read(about, definitions, rights))?;
    check_beneath(&view.written, definitions, rights)
}

/// 42501 unless a role may call every function that a plan calls itself, and not within its views.
pub(super) fn check_own_calls(
    plan: &LogicalPlan,
    written: Written<'_>,
    definitions: &Definitions,
    rights: &Rights<'_>,
) -> Result<()> {
    if definitions.database.functions.is_empty() || rights.is_owner() {
        return Ok(());
    }
    let called = match written {
        Written::Statement(statement) => Some(called_by(statement)?),
        Written::Query(query) => parsed(query).map(|statement| called_by(&statement)).transpose()?,
        Written::Unknown => None,
    };
    let check = Check { definitions, rights, called: called.as_ref() };
    let mut seen = BTreeSet::new();
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        let schema = if inputs.is_empty() { node.schema().as_ref().clone() } else { merge_schema(&inputs) };
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Some((names, arguments)) = function(part)
                    && let Err(error) = check.call(&names, arguments, &schema, kind(part), &mut seen)
                {
                    refused = Some(error);
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    if let Some(error) = refused {
        return Err(error);
    }
    // Those that are something else in the plan: functions in FROM, and what is rewritten.
    for (name, counts) in called.iter().flatten().filter(|(name, _)| !seen.contains(*name)) {
        let unknown = |count: &usize| vec![None; *count];
        if counts.is_empty() {
            check.name(name, None, FUNCTION)?;
        }
        for types in counts.iter().map(unknown) {
            check.name(name, Some(&types), FUNCTION)?;
        }
    }
    Ok(())
}

struct Check<'a> {
    definitions: &'a Definitions,
    rights: &'a Rights<'a>,
    called: Option<&'a Called>,
}

impl Check<'_> {
    /// One call in a plan, of a function with these names.
    fn call(
        &self,
        names: &[&str],
        arguments: &[Expr],
        schema: &DFSchema,
        kind: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<()> {
        // `count(*)` has no argument, and a constant in a plan.
        let of_rows = names.contains(&"count") && matches!(arguments, [Expr::Literal(..)]);
        let mut types = arguments.iter().map(|argument| type_oid(argument, schema)).collect::<Vec<_>>();
        // An end that is added up here may be the length of a time there.
        let is_made = |argument: &Expr| matches!(argument, Expr::BinaryExpr(_) | Expr::ScalarFunction(_));
        if names.contains(&OVERLAPS) && arguments.iter().any(is_made) {
            types.fill(None);
        }
        // Of a statement that is known the patterns are found in its text, also where they left nothing in the plan.
        if self.called.is_none()
            && let Some((_, pattern)) = PATTERNS.iter().find(|(ours, _)| names.contains(ours))
        {
            self.name(pattern, None, FUNCTION)?;
        }
        let is_written = |name: &&&str| self.called.is_none_or(|called| called.contains_key(**name));
        let written: Vec<&str> = names.iter().filter(is_written).copied().collect();
        seen.extend(written.iter().map(|name| (*name).to_string()));
        // What the statement does not call by any name is how something else of it is done. Where Postgres has no function
        // of a name, the call is of the function that has it as another name.
        let of_postgres = written.iter().all(|name| !callable::of_name(name).is_empty());
        for name in if of_postgres { written.as_slice() } else { names } {
            self.name(name, if of_rows { None } else { Some(&types) }, kind)?;
        }
        Ok(())
    }

    /// A call by a name, with its arguments' types as far as they are known; none where not even their number is.
    fn name(&self, name: &str, types: Option<&[Option<i64>]>, kind: &str) -> Result<()> {
        if let Some(acl) = self.definitions.database.functions.get(name)
            && !self.rights.may_execute(acl, name)
        {
            return Err(denied(&format!("{kind} {name}")));
        }
        let meant = match types {
            Some(types) => callable::called(name, types),
            None => callable::of_name(name),
        };
        match meant.iter().all(|function| self.rights.calls(function)) {
            true => Ok(()),
            false => Err(denied(&format!("{kind} {name}"))),
        }
    }
}

/// How messages call a function; an aggregate over a window is one too.
const FUNCTION: &str = "function";

fn kind(expr: &Expr) -> &'static str {
    if matches!(expr, Expr::AggregateFunction(_)) { "aggregate" } else { FUNCTION }
}

/// The names of the function that an expression calls, and its arguments.
fn function(expr: &Expr) -> Option<(Vec<&str>, &[Expr])> {
    fn names<'a>(name: &'a str, aliases: &'a [String]) -> Vec<&'a str> {
        // The function of Postgres that OVERLAPS is, which has forms for many types.
        let form = (name == OVERLAPS).then_some("overlaps");
        std::iter::once(name).chain(aliases.iter().map(String::as_str)).chain(form).collect()
    }
    match expr {
        Expr::ScalarFunction(call) => Some((names(call.func.name(), call.func.aliases()), &call.args)),
        Expr::AggregateFunction(call) => Some((names(call.func.name(), call.func.aliases()), &call.params.args)),
        Expr::WindowFunction(call) => {
            let names = match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => names(function.name(), function.aliases()),
                WindowFunctionDefinition::WindowUDF(function) => names(function.name(), function.aliases()),
            };
            Some((names, &call.params.args))
        }
        _ => None,
    }
}

/// What `OVERLAPS` is in a plan.
const OVERLAPS: &str = "onerow_overlaps";

/// The functions of Postgres that patterns call, by what stands for them in a plan, whose arguments are others.
const PATTERNS: [(&str, &str); 2] =
    [("onerow_like_pattern", "like_escape"), ("onerow_similar_pattern", "similar_to_escape")];

fn type_oid(expr: &Expr, schema: &DFSchema) -> Option<i64> {
    // A whole number is an integer where it is written, however it is carried.
    if let Expr::Literal(ScalarValue::Int64(Some(number)), None) = expr
        && i32::try_from(*number).is_ok()
    {
        return Some(PgType::Int4.oid().into());
    }
    let (_, field) = expr.to_field(schema).ok()?;
    Some(PgType::of_field(&field).oid().into())
}

fn parsed(query: &str) -> Option<DfStatement> {
    match script::parse(query).ok()?.pop()?.kind {
        StatementKind::Plan(statement) => Some(*statement),
        _ => None,
    }
}

fn called_by(statement: &DfStatement) -> Result<Called> {
    let mut finder = Finder { called: Called::new() };
    calls::look(statement, &mut finder)?;
    Ok(finder.called)
}

/// Values that are calls here, and no functions in Postgres.
const VALUES: [&str; 5] = ["current_catalog", "current_role", "current_user", "session_user", "user"];

struct Finder {
    called: Called,
}

impl Finder {
    fn by_name(&mut self, name: &ObjectName, count: usize) {
        let Some(ident) = name.0.last().and_then(|part| part.as_ident()) else { return };
        let folded = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() };
        if VALUES.contains(&folded.as_str()) {
            return;
        }
        self.called.entry(folded).or_default().insert(count);
    }

    fn by_form(&mut self, name: &str) {
        self.called.entry(name.to_string()).or_default();
    }
}

impl Visitor for Finder {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &SqlExpr) -> ControlFlow<Error> {
        match expr {
            SqlExpr::Function(function) => {
                if let FunctionArguments::List(list) = &function.args {
                    let is_star = |arg: &FunctionArg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
                    let stars = list.args.iter().filter(|arg| is_star(arg)).count();
                    self.by_name(&function.name, list.args.len() - stars + function.within_group.len());
                } else if let FunctionArguments::Subquery(_) = &function.args {
                    self.by_name(&function.name, 1);
                }
            }
            SqlExpr::Extract { .. } => self.by_form("extract"),
            SqlExpr::Substring { .. } => self.by_form("substring"),
            SqlExpr::Overlay { .. } => self.by_form("overlay"),
            SqlExpr::Position { .. } => self.by_form("position"),
            SqlExpr::Ceil { .. } => self.by_form("ceil"),
            SqlExpr::Floor { .. } => self.by_form("floor"),
            SqlExpr::AtTimeZone { .. } => self.by_form("timezone"),
            SqlExpr::Like { escape_char: Some(_), .. } | SqlExpr::ILike { escape_char: Some(_), .. } => {
                self.by_form("like_escape");
            }
            SqlExpr::SimilarTo { escape_char, .. } => {
                let count = if escape_char.is_some() { 2 } else { 1 };
                self.called.entry("similar_to_escape".to_string()).or_default().insert(count);
            }
            SqlExpr::BinaryOp { op: BinaryOperator::Overlaps, .. } => self.by_form("overlaps"),
            SqlExpr::Trim { trim_where, .. } => self.by_form(match trim_where {
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
                _ => "btrim",
            }),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        match factor {
            TableFactor::Table { name, args: Some(args), .. } => self.by_name(name, args.args.len()),
            TableFactor::Function { name, args, .. } => self.by_name(name, args.len()),
            TableFactor::UNNEST { .. } => self.by_form("unnest"),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_by_their_names() {
        let statement = parsed(
            "SELECT Upper(a), count(*), extract(year FROM d), current_user, trim(LEADING ' ' FROM a) \
             FROM generate_series(1, 3) AS g, t WHERE EXISTS (SELECT pg_catalog.now()) AND a LIKE 'b' ESCAPE '!' \
             AND a NOT LIKE 'c' AND a SIMILAR TO 'd' AND (d, d) OVERLAPS (d, d)",
        )
        .unwrap();
        let called = called_by(&statement).unwrap();
        let names: Vec<&str> = called.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "count",
                "extract",
                "generate_series",
                "ltrim",
                "now",
                "onerow_like_pattern",
                "overlaps",
                "similar_to_escape",
                "upper"
            ]
        );
        assert_eq!(called["similar_to_escape"], BTreeSet::from([1]));
        assert_eq!(called["count"], BTreeSet::from([0]));
        assert_eq!(called["generate_series"], BTreeSet::from([2]));
        assert!(called["extract"].is_empty());
    }
}
