//! The places that only a statement's tree tells: of a condition, of a key, of a branch of a UNION.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CaseWhen, Expr, Function, GroupByExpr, JoinConstraint, JoinOperator, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Spanned, Statement, Value, Visit, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::Location;

use crate::ddl::calls;
use crate::error::Error;

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// The condition of WHERE.
    Where,
    /// That of HAVING.
    Having,
    /// That of FILTER.
    Filter,
    /// Those of CASE.
    When,
    /// That of a join.
    On,
    /// An aggregate in WHERE.
    AggregateInWhere,
    /// An aggregate in an aggregate.
    AggregateInAggregate,
    /// The second branch of UNION and its kin.
    Branch,
    /// The first row of VALUES that is of another length than the first.
    Row,
    /// The key of ORDER BY that is this number.
    OrderNumber(&'a str),
    /// The key of GROUP BY that is this number.
    GroupNumber(&'a str),
    /// The only key of ORDER BY.
    Order,
    /// The column that an INSERT names a second time.
    Twice(&'a str),
    /// The first column of an INSERT for which there is no value.
    Unfilled,
    /// `name.*`
    Star(&'a str),
}

/// The place of the only one that there is.
pub(super) fn place(statement: &DfStatement, part: Part<'_>) -> Option<Location> {
    let mut finder = Finder { part, found: vec![] };
    calls::look(statement, &mut finder).ok()?;
    match finder.found.as_slice() {
        [Some(only)] => Some(*only),
        _ => None,
    }
}

/// Where Postgres takes an expression to begin, as far as its tokens are known.
pub(in crate::engine) fn start(expr: &Expr) -> Option<Location> {
    let location = match expr {
        Expr::Nested(inner) => return start(inner),
        Expr::BinaryOp { left, .. } => return start(left),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => return start(inner),
        Expr::Identifier(name) => name.span.start,
        Expr::CompoundIdentifier(names) => names.first()?.span.start,
        Expr::Value(value) => value.span.start,
        Expr::Function(function) => function.name.span().start,
        _ => return None,
    };
    (location.line > 0).then_some(location)
}

/// The aggregates whose place is looked for.
const AGGREGATES: [&str; 14] = [
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "json_agg",
    "jsonb_agg",
    "max",
    "min",
    "stddev",
    "string_agg",
    "sum",
    "variance",
];

fn is_aggregate(function: &Function) -> bool {
    function.over.is_none() && AGGREGATES.iter().any(|name| calls::names(&function.name, name))
}

struct Finder<'a> {
    part: Part<'a>,
    /// What was found; none for one whose place is not known.
    found: Vec<Option<Location>>,
}

impl Finder<'_> {
    fn condition(&mut self, condition: Option<&Expr>) {
        self.found.extend(condition.map(start));
    }

    fn aggregates(&mut self, within: &impl Visit) {
        let mut aggregates = Aggregates { found: vec![] };
        let _ = Visit::visit(within, &mut aggregates);
        self.found.append(&mut aggregates.found);
    }

    fn numbers(&mut self, keys: &mut dyn Iterator<Item = &Expr>, number: &str) {
        for key in keys {
            if let Expr::Value(value) = key
                && let Value::Number(written, _) = &value.value
                && written == number
            {
                self.found.push(start(key));
            }
        }
    }
}

impl Visitor for Finder<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let keys = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(keys)) => keys.as_slice(),
            _ => &[],
        };
        match (self.part, query.body.as_ref()) {
            (Part::Branch, SetExpr::SetOperation { right, .. }) => self.found.push(first_item(right)),
            (Part::Row, SetExpr::Values(values)) => {
                let width = values.rows.first().map(|row| row.content.len());
                let other = values.rows.iter().find(|row| Some(row.content.len()) != width);
                self.found.extend(other.and_then(|row| row.content.first()).map(start));
            }
            (Part::OrderNumber(number), _) => self.numbers(&mut keys.iter().map(|key| &key.expr), number),
            (Part::Order, _) => self.found.extend(keys.iter().map(|key| start(&key.expr))),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        match self.part {
            Part::Where => self.condition(select.selection.as_ref()),
            Part::Having => self.condition(select.having.as_ref()),
            Part::AggregateInWhere => self.aggregates(&select.selection),
            Part::GroupNumber(number) => {
                if let GroupByExpr::Expressions(keys, _) = &select.group_by {
                    self.numbers(&mut keys.iter(), number);
                }
            }
            Part::On => {
                for join in select.from.iter().flat_map(|from| &from.joins) {
                    if let JoinOperator::Join(JoinConstraint::On(condition))
                    | JoinOperator::Inner(JoinConstraint::On(condition))
                    | JoinOperator::Left(JoinConstraint::On(condition))
                    | JoinOperator::LeftOuter(JoinConstraint::On(condition))
                    | JoinOperator::Right(JoinConstraint::On(condition))
                    | JoinOperator::RightOuter(JoinConstraint::On(condition))
                    | JoinOperator::FullOuter(JoinConstraint::On(condition)) = &join.join_operator
                    {
                        self.condition(Some(condition));
                    }
                }
            }
            Part::Star(name) => {
                for item in &select.projection {
                    if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), _) = item
                        && calls::names(of, name)
                    {
                        let start = of.span().start;
                        self.found.push((start.line > 0).then_some(start));
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        match (self.part, expr) {
            (Part::Filter, Expr::Function(function)) => self.condition(function.filter.as_deref()),
            (Part::AggregateInAggregate, Expr::Function(function)) if is_aggregate(function) => {
                self.aggregates(&function.args);
            }
            (Part::When, Expr::Case { operand: None, conditions, .. }) => {
                self.found.extend(conditions.iter().map(|CaseWhen { condition, .. }| start(condition)));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Error> {
        let Statement::Insert(insert) = statement else { return ControlFlow::Continue(()) };
        let start = |column: &datafusion::sql::sqlparser::ast::ObjectName| {
            let start = column.span().start;
            (start.line > 0).then_some(start)
        };
        match self.part {
            Part::Twice(name) => {
                self.found.extend(insert.columns.iter().filter(|column| calls::names(column, name)).nth(1).map(start));
            }
            Part::Unfilled => {
                let given = match insert.source.as_ref().map(|source| source.body.as_ref()) {
                    Some(SetExpr::Values(values)) => values.rows.first().map(|row| row.content.len()),
                    _ => None,
                };
                self.found.extend(given.and_then(|given| insert.columns.get(given)).map(start));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Where the select list of a branch begins.
fn first_item(branch: &SetExpr) -> Option<Location> {
    match branch {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => start(expr),
            _ => None,
        },
        _ => None,
    }
}

/// Aggregates, those of subqueries left out.
struct Aggregates {
    found: Vec<Option<Location>>,
}

impl Visitor for Aggregates {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        // What a subquery aggregates is no matter of this place's, and may be meant: nothing is known then.
        self.found.push(None);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && is_aggregate(function)
        {
            self.found.push(start(expr));
        }
        ControlFlow::Continue(())
    }
}
