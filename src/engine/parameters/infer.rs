//! Which types the parameters of a statement have where the client gives none: those that Postgres finds from what
//! stands beside them.
//!
//! In a copy of the statement a parameter is replaced by a mark (`mark.rs`) that holds what is beside it, and the
//! copy is planned: so the planner's own rules give the types, in the scope that the parameter is in.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, LimitClause, ObjectName, Query, Select, SelectItem, SetExpr, Statement as SqlStatement,
    Subscript, UnaryOperator, Value, ValueWithSpan, VisitorMut, visit_expressions,
};

use super::mark::{self, AMBIGUOUS, Rule, bare};
use super::typed::{cast, count, parameter, visit};
use crate::catalog::types::PgType;
use crate::ddl::statement::Statement;
use crate::engine::session::Session;
use crate::error::Result;
use crate::functions::pg::lagging;

/// The most marks in what a mark holds: each use of it doubles them.
const DEEPEST: usize = 8;
/// The most expressions beside one parameter, as in long lists.
const MOST: usize = 32;

impl Session {
    /// The types of a statement's parameters, `$1` first: those of `hints`, else those that Postgres would find, else
    /// text.
    pub(in crate::engine) async fn parameter_types(
        &self,
        state: &SessionState,
        statement: &Statement,
        parsed: &DfStatement,
        hints: &[Option<PgType>],
    ) -> Result<Vec<PgType>> {
        let named = if statement.text.contains('$') { count(parsed)? } else { 0 };
        let mut kinds = hints.to_vec();
        kinds.resize(named.max(hints.len()), None);
        if kinds.iter().take(named).any(Option::is_none) {
            let wanted: Vec<bool> = kinds.iter().map(Option::is_none).collect();
            let found = self.find_types(state, statement, parsed, &wanted).await?;
            for (index, kind) in kinds.iter_mut().enumerate() {
                if kind.is_none() {
                    *kind = found.get(&index).cloned();
                }
            }
        }
        Ok(kinds.into_iter().map(|kind| kind.unwrap_or(PgType::Text)).collect())
    }

    /// The types that Postgres would find for the parameters that are `wanted`, by their indices.
    pub(in crate::engine) async fn find_types(
        &self,
        state: &SessionState,
        statement: &Statement,
        parsed: &DfStatement,
        wanted: &[bool],
    ) -> Result<HashMap<usize, PgType>> {
        let mut marking = state.clone();
        for rule in Rule::ALL {
            marking.register_udf(rule.udf())?;
        }
        // Where a parameter's places say different things, a plan with a mark in each may not fit together.
        for every in [true, false] {
            let mut marked = parsed.clone();
            let mut uses = Uses { wanted, every, found: vec![], places: HashMap::new(), in_insert: false };
            visit(&mut marked, &mut uses);
            match self.plan(&marking, statement, &marked, &[]).await {
                Ok(plan) => return uses.read(&plan),
                Err(error) if error.state() == AMBIGUOUS => return Err(error),
                Err(_) => {}
            }
        }
        planned(&self.plan(state, statement, parsed, &[]).await?)
    }
}

/// One place of a parameter.
struct Use {
    parameter: usize,
    /// What the place says; none until its mark is planned.
    kind: Option<PgType>,
    mark: Option<(Rule, Vec<SqlExpr>)>,
}

/// Marks the parameters of a statement.
struct Uses<'a> {
    /// The parameters to mark.
    wanted: &'a [bool],
    /// Whether to mark every place, or the first of each.
    every: bool,
    /// In the order of the places.
    found: Vec<Use>,
    /// Where in `found` each parameter is.
    places: HashMap<usize, Vec<usize>>,
    /// The rows of an INSERT have the types of its columns, which the planner knows.
    in_insert: bool,
}

impl Uses<'_> {
    /// The types after the marked statement was planned; the first place that says one decides.
    fn read(mut self, plan: &LogicalPlan) -> Result<HashMap<usize, PgType>> {
        mark::read(plan, |number, kind| {
            if let Some(place) = self.found.get_mut(number) {
                place.kind.get_or_insert(kind);
            }
        })?;
        let mut kinds = HashMap::new();
        for place in self.found {
            if let Some(kind) = place.kind {
                kinds.entry(place.parameter).or_insert(kind);
            }
        }
        for (index, kind) in planned(plan)? {
            kinds.entry(index).or_insert(kind);
        }
        Ok(kinds)
    }

    /// The parameter that an expression is, if it is to be marked here.
    fn takes(&self, expr: &SqlExpr) -> Option<usize> {
        let index = parameter(expr)?;
        let first = || !self.places.contains_key(&index);
        (self.wanted.get(index) == Some(&true) && (self.every || first())).then_some(index)
    }

    fn add(&mut self, place: Use) {
        self.places.entry(place.parameter).or_default().push(self.found.len());
        self.found.push(place);
    }

    /// A parameter in a place that has one type.
    fn known(&mut self, expr: &mut SqlExpr, kind: PgType) {
        if let Some(parameter) = self.takes(expr) {
            *expr = cast(SqlExpr::Value(Value::Null.with_empty_span()), &kind);
            self.add(Use { parameter, kind: Some(kind), mark: None });
        }
    }

    /// A parameter whose type follows from what is beside it.
    fn mark(&mut self, expr: &mut SqlExpr, rule: Rule, beside: Vec<SqlExpr>) {
        let Some(parameter) = self.takes(expr) else { return };
        if beside.is_empty() || beside.iter().map(marks).sum::<usize>() > DEEPEST {
            return;
        }
        // The same expression in two places, as in SELECT and GROUP BY, must stay the same.
        let known = self.places.get(&parameter).into_iter().flatten().copied();
        let same = |place: &Use| place.mark.as_ref().is_some_and(|(r, b)| *r == rule && *b == beside);
        let number = known.into_iter().find(|at| self.found.get(*at).is_some_and(same));
        let at = number.unwrap_or(self.found.len());
        let number_of = SqlExpr::Value(Value::Number(at.to_string(), false).with_empty_span());
        *expr = call(rule.function(), std::iter::once(number_of).chain(beside.iter().cloned()).collect());
        if number.is_none() {
            self.add(Use { parameter, kind: None, mark: Some((rule, beside)) });
        }
    }

    /// Two sides of an operator, of which one may be a parameter.
    fn pair(&mut self, left: &mut SqlExpr, right: &mut SqlExpr, rule: Rule) {
        match (parameter(left), parameter(right)) {
            (Some(_), None) => self.mark(left, rule, vec![witness(right)]),
            (None, Some(_)) => self.mark(right, rule, vec![witness(left)]),
            _ => {}
        }
    }

    /// A comparison; of rows, member by member.
    fn compare(&mut self, left: &mut SqlExpr, right: &mut SqlExpr) {
        match (left, right) {
            (SqlExpr::Tuple(left), SqlExpr::Tuple(right)) => {
                for (left, right) in left.iter_mut().zip(right) {
                    self.pair(left, right, Rule::Compare);
                }
            }
            (left, right) => self.pair(left, right, Rule::Compare),
        }
    }

    /// Expressions that become one type.
    fn common(&mut self, mut items: Vec<&mut SqlExpr>) {
        if !items.iter().any(|item| self.takes(item).is_some()) {
            return;
        }
        let beside = witnesses(items.iter().map(|item| &**item));
        for item in &mut items {
            if self.takes(item).is_some() {
                self.mark(item, Rule::Common, beside.clone());
            }
        }
    }

    fn operator(&mut self, left: &mut SqlExpr, op: &BinaryOperator, right: &mut SqlExpr) {
        use BinaryOperator as Op;
        match op {
            Op::And | Op::Or => {
                self.known(left, PgType::Bool);
                self.known(right, PgType::Bool);
            }
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => self.compare(left, right),
            Op::Plus => self.pair(left, right, Rule::Add),
            Op::Multiply | Op::Divide => self.pair(left, right, Rule::Scale),
            Op::Minus
            | Op::Modulo
            | Op::BitwiseAnd
            | Op::BitwiseOr
            | Op::PGBitwiseXor
            | Op::PGOverlap
            | Op::AtArrow
            | Op::ArrowAt => self.pair(left, right, Rule::Same),
            Op::StringConcat => self.pair(left, right, Rule::Concat),
            Op::PGRegexMatch
            | Op::PGRegexIMatch
            | Op::PGRegexNotMatch
            | Op::PGRegexNotIMatch
            | Op::PGLikeMatch
            | Op::PGILikeMatch
            | Op::PGNotLikeMatch
            | Op::PGNotILikeMatch => {
                self.known(left, PgType::Text);
                self.known(right, PgType::Text);
            }
            _ => {}
        }
    }

    fn function(&mut self, function: &mut Function) {
        let name = function.name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.to_lowercase());
        let FunctionArguments::List(list) = &mut function.args else { return };
        let mut arguments: Vec<&mut SqlExpr> = list
            .args
            .iter_mut()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect();
        let name = name.as_deref().unwrap_or_default();
        if matches!(name, "coalesce" | "greatest" | "least" | "generate_series" | "fill_constant" | "fill_from") {
            return self.common(arguments);
        }
        match (name, arguments.as_mut_slice()) {
            ("nullif", [one, other]) => self.compare(one, other),
            ("mod", [one, other]) => self.pair(one, other, Rule::Same),
            (
                "abs" | "acos" | "asin" | "atan" | "cbrt" | "ceil" | "ceiling" | "cos" | "degrees" | "exp" | "floor"
                | "ln" | "log" | "log10" | "radians" | "round" | "sign" | "sin" | "sqrt" | "tan" | "trunc"
                | "to_timestamp" | "pg_sleep",
                [only],
            ) => self.known(only, PgType::Float8),
            ("power" | "pow" | "atan2", both) => {
                for argument in both {
                    self.known(argument, PgType::Float8);
                }
            }
            ("round" | "trunc", [number, digits]) => {
                self.known(number, PgType::Numeric(None));
                self.known(digits, PgType::Int4);
            }
            ("chr", [only]) => self.known(only, PgType::Int4),
            ("left" | "right" | "repeat" | "array_length" | "array_upper" | "array_lower", [_, count]) => {
                self.known(count, PgType::Int4);
            }
            ("lag" | "lead" | lagging::LAG | lagging::LEAD, [_, offset, ..]) => self.known(offset, PgType::Int4),
            ("lpad" | "rpad", [_, count, ..]) => self.known(count, PgType::Int4),
            ("split_part", [_, _, count]) => self.known(count, PgType::Int4),
            ("substr" | "substring", [_, counts @ ..]) => {
                for count in counts {
                    self.known(count, PgType::Int4);
                }
            }
            _ => {}
        }
    }

    /// The branches of a UNION have one type in each place.
    fn branches(&mut self, query: &mut Query) {
        let whole = query.clone();
        let SetExpr::SetOperation { left, right, .. } = query.body.as_mut() else { return };
        let (SetExpr::Select(left), SetExpr::Select(right)) = (left.as_mut(), right.as_mut()) else { return };
        for at in 0..left.projection.len().min(right.projection.len()) {
            for swapped in [false, true] {
                let (mine, other) = if swapped { (&mut *right, &*left) } else { (&mut *left, &*right) };
                let Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) =
                    mine.projection.get_mut(at)
                else {
                    continue;
                };
                if let Some(there) = other.projection.get(at).and_then(item)
                    && self.takes(expr).is_some()
                    && parameter(there).is_none()
                    && !is_unknown(there)
                {
                    self.mark(expr, Rule::Common, vec![one_column(&whole, other, there)]);
                }
            }
        }
    }
}

impl VisitorMut for Uses<'_> {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &mut SqlStatement) -> ControlFlow<()> {
        self.in_insert |= matches!(statement, SqlStatement::Insert(_));
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for condition in [&mut select.selection, &mut select.having].into_iter().flatten() {
            self.known(condition, PgType::Bool);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
            for bound in limit.iter_mut().chain(offset.iter_mut().map(|offset| &mut offset.value)) {
                self.known(bound, PgType::Int8);
            }
        }
        if matches!(query.body.as_ref(), SetExpr::SetOperation { .. }) {
            self.branches(query);
        } else if let SetExpr::Values(values) = query.body.as_mut()
            && !self.in_insert
        {
            let width = values.rows.iter().map(|row| row.content.len()).max().unwrap_or(0);
            for column in 0..width {
                self.common(values.rows.iter_mut().filter_map(|row| row.content.get_mut(column)).collect());
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
        match expr {
            SqlExpr::BinaryOp { left, op, right } => self.operator(left, op, right),
            SqlExpr::IsDistinctFrom(left, right) | SqlExpr::IsNotDistinctFrom(left, right) => {
                self.compare(left, right);
            }
            SqlExpr::AnyOp { left, right, .. } | SqlExpr::AllOp { left, right, .. } => {
                match (parameter(left), parameter(right)) {
                    (None, Some(_)) => self.mark(right, Rule::Array, vec![witness(left)]),
                    (Some(_), None) if matches!(right.as_ref(), SqlExpr::Subquery(_)) => {
                        self.mark(left, Rule::Compare, vec![witness(right)]);
                    }
                    (Some(_), None) => self.mark(left, Rule::Element, vec![witness(right)]),
                    _ => {}
                }
            }
            SqlExpr::InList { expr, list, .. } => {
                if parameter(expr).is_some() {
                    let beside = witnesses(list.iter());
                    self.mark(expr, Rule::Common, beside);
                } else {
                    for item in list {
                        self.compare(expr, item);
                    }
                }
            }
            SqlExpr::InSubquery { expr, subquery, .. } => {
                self.mark(expr, Rule::Compare, vec![SqlExpr::Subquery(subquery.clone())]);
            }
            SqlExpr::Between { expr, low, high, .. } => {
                if parameter(expr).is_some() {
                    let beside = witnesses([&**low, &**high]);
                    self.mark(expr, Rule::Common, beside);
                } else {
                    self.compare(expr, low);
                    self.compare(expr, high);
                }
            }
            SqlExpr::Like { expr, pattern, .. }
            | SqlExpr::ILike { expr, pattern, .. }
            | SqlExpr::SimilarTo { expr, pattern, .. } => {
                self.known(expr, PgType::Text);
                self.known(pattern, PgType::Text);
            }
            SqlExpr::UnaryOp { op: UnaryOperator::Not, expr }
            | SqlExpr::IsTrue(expr)
            | SqlExpr::IsNotTrue(expr)
            | SqlExpr::IsFalse(expr)
            | SqlExpr::IsNotFalse(expr)
            | SqlExpr::IsUnknown(expr)
            | SqlExpr::IsNotUnknown(expr) => self.known(expr, PgType::Bool),
            SqlExpr::Case { operand, conditions, else_result, .. } => {
                for when in conditions.iter_mut() {
                    match operand {
                        Some(operand) => self.compare(operand, &mut when.condition),
                        None => self.known(&mut when.condition, PgType::Bool),
                    }
                }
                let results = conditions.iter_mut().map(|when| &mut when.result);
                self.common(results.chain(else_result.as_deref_mut()).collect());
            }
            SqlExpr::Cast { expr, data_type, .. } => {
                let name = data_type.to_string().to_lowercase();
                if let Some(kind) = PgType::parse(name.trim_start_matches("pg_catalog.")) {
                    self.known(expr, bare(&kind));
                }
            }
            SqlExpr::Function(function) => self.function(function),
            SqlExpr::Array(array) => self.common(array.elem.iter_mut().collect()),
            SqlExpr::Substring { expr, substring_from, substring_for, .. } => {
                self.known(expr, PgType::Text);
                for count in [substring_from, substring_for].into_iter().flatten() {
                    self.known(count, PgType::Int4);
                }
            }
            SqlExpr::CompoundFieldAccess { access_chain, .. } => {
                for access in access_chain {
                    if let AccessExpr::Subscript(Subscript::Index { index }) = access {
                        self.known(index, PgType::Int4);
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The expressions that say a type, not more than need be; literals of text and NULL say one only if nothing else does.
fn witnesses<'a>(items: impl IntoIterator<Item = &'a SqlExpr>) -> Vec<SqlExpr> {
    let (unknown, known): (Vec<&SqlExpr>, Vec<&SqlExpr>) =
        items.into_iter().filter(|item| parameter(item).is_none()).partition(|item| is_unknown(item));
    let said = if known.is_empty() { unknown } else { known };
    said.into_iter().take(MOST).map(witness).collect()
}

fn is_unknown(expr: &SqlExpr) -> bool {
    match expr {
        SqlExpr::Nested(inner) => is_unknown(inner),
        SqlExpr::Value(ValueWithSpan { value, .. }) => {
            !matches!(value, Value::Number(..) | Value::Boolean(_) | Value::Placeholder(_))
        }
        _ => false,
    }
}

/// An expression as what is beside a parameter. A whole number is integer where it fits, as in Postgres.
fn witness(expr: &SqlExpr) -> SqlExpr {
    let small = match expr {
        SqlExpr::Nested(inner) => return witness(inner),
        SqlExpr::UnaryOp { op: UnaryOperator::Minus, expr } => is_integer(expr),
        other => is_integer(other),
    };
    if small { cast(expr.clone(), &PgType::Int4) } else { expr.clone() }
}

fn is_integer(expr: &SqlExpr) -> bool {
    matches!(expr, SqlExpr::Value(ValueWithSpan { value: Value::Number(digits, _), .. })
        if digits.parse::<i32>().is_ok())
}

/// How many marks an expression holds.
fn marks(expr: &SqlExpr) -> usize {
    let mut found = 0;
    let _ = visit_expressions(expr, |e: &SqlExpr| {
        if let SqlExpr::Function(function) = e
            && function.name.0.last().and_then(|part| part.as_ident()).is_some_and(|name| is_mark(&name.value))
        {
            found += 1;
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

fn is_mark(name: &str) -> bool {
    Rule::ALL.into_iter().any(|rule| rule.function() == name)
}

fn item(item: &SelectItem) -> Option<&SqlExpr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// One column of a branch of a UNION, as a subquery.
fn one_column(whole: &Query, branch: &Select, column: &SqlExpr) -> SqlExpr {
    let select = Select { projection: vec![SelectItem::UnnamedExpr(witness(column))], ..branch.clone() };
    SqlExpr::Subquery(Box::new(Query {
        body: Box::new(SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        ..whole.clone()
    }))
}

fn call(name: &str, arguments: Vec<SqlExpr>) -> SqlExpr {
    SqlExpr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// What the planner itself finds: from comparisons, casts, the columns of INSERT and UPDATE, LIMIT.
fn planned(plan: &LogicalPlan) -> Result<HashMap<usize, PgType>> {
    let index = |id: &str| id.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1);
    let (mut known, mut casts) = (HashMap::new(), HashMap::new());
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for bound in [&limit.skip, &limit.fetch].into_iter().flatten() {
                if let Expr::Placeholder(placeholder) = bound.as_ref()
                    && let Some(index) = index(&placeholder.id)
                {
                    casts.entry(index).or_insert(PgType::Int8);
                }
            }
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                match e {
                    Expr::Cast(Cast { expr: inner, field }) => {
                        if let Expr::Placeholder(placeholder) = inner.as_ref()
                            && let Some(index) = index(&placeholder.id)
                        {
                            casts.entry(index).or_insert_with(|| bare(&PgType::of_field(field)));
                        }
                    }
                    Expr::Placeholder(placeholder) => {
                        if let Some(field) = &placeholder.field
                            && let Some(index) = index(&placeholder.id)
                        {
                            known.entry(index).or_insert_with(|| bare(&PgType::of_field(field)));
                        }
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    for (index, kind) in casts {
        known.entry(index).or_insert(kind);
    }
    Ok(known)
}
