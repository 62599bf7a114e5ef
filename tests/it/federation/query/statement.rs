//! A query in parts, and smaller ones with what is left of it.

use super::super::dice::Dice;
use super::super::expression::Expr;
use super::super::kind::{Kind, PLACES, Place};
use super::super::load::VIEWS;
use super::super::population::Population;
use super::maker::Maker;

/// What stands in FROM.
#[derive(Clone, Debug)]
pub(super) enum Relation {
    Table { place: Place, name: String, columns: Vec<(String, Kind)> },
    View { name: &'static str, columns: Vec<(String, Kind)> },
    Query(Box<Query>),
}

/// A further relation, and how it is joined.
#[derive(Clone, Debug)]
pub(super) struct Join {
    pub(super) how: &'static str,
    pub(super) relation: Relation,
    pub(super) on: Vec<Expr>,
}

/// One key of ORDER BY, by position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) position: usize,
    pub(super) descending: bool,
    pub(super) nulls_first: Option<bool>,
}

/// A query; its columns are named `x0`, `x1` ..
#[derive(Clone, Debug)]
pub struct Query {
    /// Aliases begin with this letter and the depth, so that no two scopes share one.
    pub(super) scope: String,
    pub(super) from: Relation,
    pub(super) joins: Vec<Join>,
    pub(super) filters: Vec<Expr>,
    pub(super) groups: Vec<Expr>,
    pub(super) having: Option<Expr>,
    pub(super) items: Vec<Expr>,
    pub(super) distinct: bool,
    /// Further queries with the same columns: the operator and the query.
    pub(super) others: Vec<(&'static str, Query)>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: Option<usize>,
}

/// Where the tables of a statement are read: as it says, or all in one place.
pub type Moved = Option<Place>;

impl Query {
    /// The query of a number.
    pub fn new(population: &Population, number: u64) -> Query {
        let mut dice = Dice::new(population.seed, number + 1);
        // Half of the queries stay within one source, where most can be sent.
        let home = if dice.chance(50) { Some(*dice.pick(&PLACES[..3])) } else { None };
        Maker { population, dice: &mut dice, home, depth: 0, scopes: 0 }.query()
    }

    /// The statement, with all tables read from one place if one is given.
    pub fn sql(&self, moved: Moved) -> String {
        let mut sql = self.body(moved);
        for (operator, other) in &self.others {
            sql.push_str(&format!(" {operator} {}", other.body(moved)));
        }
        if !self.order.is_empty() {
            let keys: Vec<String> = self
                .order
                .iter()
                .map(|key| {
                    let nulls = match key.nulls_first {
                        Some(true) => " NULLS FIRST",
                        Some(false) => " NULLS LAST",
                        None => "",
                    };
                    format!("{}{}{nulls}", key.position, if key.descending { " DESC" } else { "" })
                })
                .collect();
            sql.push_str(&format!(" ORDER BY {}", keys.join(", ")));
        }
        if let Some(limit) = self.limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        if let Some(offset) = self.offset {
            sql.push_str(&format!(" OFFSET {offset}"));
        }
        sql
    }

    fn body(&self, moved: Moved) -> String {
        let items: Vec<String> =
            self.items.iter().enumerate().map(|(at, item)| format!("{} AS x{at}", item.sql())).collect();
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let mut sql = format!("SELECT {distinct}{} FROM {} AS {}0", items.join(", "), self.from.sql(moved), self.scope);
        for (at, join) in self.joins.iter().enumerate() {
            sql.push_str(&format!(" {} {} AS {}{}", join.how, join.relation.sql(moved), self.scope, at + 1));
            if !join.on.is_empty() {
                sql.push_str(&format!(" ON {}", all(&join.on)));
            }
        }
        if !self.filters.is_empty() {
            sql.push_str(&format!(" WHERE {}", all(&self.filters)));
        }
        if !self.groups.is_empty() {
            let groups: Vec<String> = self.groups.iter().map(Expr::sql).collect();
            sql.push_str(&format!(" GROUP BY {}", groups.join(", ")));
        }
        if let Some(having) = &self.having {
            sql.push_str(&format!(" HAVING {}", having.sql()));
        }
        sql
    }

    /// Whether its rows are groups.
    pub(super) fn is_aggregated(&self) -> bool {
        !self.groups.is_empty() || self.having.is_some() || self.items.iter().any(Expr::is_aggregate)
    }

    /// Whether the order of all rows is said.
    pub fn is_ordered(&self) -> bool {
        self.order.len() >= self.items.len()
    }

    /// Whether any of so many rows will do: a limit without an order.
    pub fn is_any(&self) -> bool {
        (self.limit.is_some() || self.offset.is_some()) && !self.is_ordered()
    }

    /// The same without its limit and offset.
    pub fn unlimited(&self) -> Query {
        Query { limit: None, offset: None, ..self.clone() }
    }

    /// How many of all rows its limit and offset leave.
    pub fn leaves(&self, all: usize) -> usize {
        let rest = all.saturating_sub(self.offset.unwrap_or(0));
        self.limit.map_or(rest, |limit| limit.min(rest))
    }

    /// Whether PostgreSQL's answer may be another, as docs/differences.md says.
    pub fn is_exempt(&self) -> bool {
        let expressions = self.items.iter().chain(&self.filters).chain(&self.groups).chain(&self.having);
        let joined = self.joins.iter().flat_map(|join| &join.on);
        expressions.chain(joined).any(Expr::is_exempt)
            || self.others.iter().any(|(_, other)| other.is_exempt())
            || std::iter::once(&self.from)
                .chain(self.joins.iter().map(|join| &join.relation))
                .any(|relation| matches!(relation, Relation::Query(query) if query.is_exempt()))
    }

    /// Whether it reads no view, so that its tables can be read elsewhere.
    pub fn is_movable(&self) -> bool {
        let sql = self.sql(Some(Place::Parquet));
        VIEWS.iter().all(|(name, _)| !sql.contains(&format!("public.{name}")))
    }

    /// Simpler queries, of which some may be none that can be asked.
    pub fn simpler(&self) -> Vec<Query> {
        let mut found = vec![];
        let mut add = |change: &dyn Fn(&mut Query)| {
            let mut query = self.clone();
            change(&mut query);
            found.push(query);
        };
        for at in 0..self.others.len() {
            add(&|q| drop(q.others.remove(at)));
            add(&|q| {
                let (_, mut other) = q.others.remove(at);
                other.order = q.order.clone();
                (other.limit, other.offset) = (q.limit, q.offset);
                *q = other;
            });
        }
        if let Relation::Query(inner) = &self.from {
            add(&|q| *q = (**inner).clone());
        }
        if !self.joins.is_empty() {
            add(&|q| drop(q.joins.pop()));
        }
        for at in 0..self.filters.len() {
            add(&|q| drop(q.filters.remove(at)));
        }
        for (at, join) in self.joins.iter().enumerate().filter(|(_, join)| join.on.len() > 1) {
            for part in 0..join.on.len() {
                add(&|q| drop(q.joins[at].on.remove(part)));
            }
        }
        if self.having.is_some() {
            add(&|q| q.having = None);
        }
        if self.limit.is_some() || self.offset.is_some() {
            add(&|q| (q.limit, q.offset) = (None, None));
            add(&|q| q.offset = None);
        } else if !self.order.is_empty() {
            add(&|q| q.order.clear());
        }
        if self.distinct {
            add(&|q| q.distinct = false);
        }
        if self.items.len() > 1 {
            for at in 0..self.items.len() {
                add(&|q| q.drop_item(at));
            }
        }
        for at in 0..self.items.len() {
            for simple in self.items[at].simpler() {
                add(&|q| q.items[at] = simple.clone());
            }
        }
        for at in 0..self.filters.len() {
            for simple in self.filters[at].simpler() {
                add(&|q| q.filters[at] = simple.clone());
            }
        }
        for (at, join) in self.joins.iter().enumerate() {
            if let Relation::Query(inner) = &join.relation {
                for simple in inner.simpler() {
                    add(&|q| q.joins[at].relation = Relation::Query(Box::new(simple.clone())));
                }
            }
        }
        if let Relation::Query(inner) = &self.from {
            for simple in inner.simpler() {
                add(&|q| q.from = Relation::Query(Box::new(simple.clone())));
            }
        }
        found
    }

    fn drop_item(&mut self, at: usize) {
        self.items.remove(at);
        for (_, other) in &mut self.others {
            other.drop_item(at);
        }
        self.order.retain(|key| key.position != at + 1);
        for key in &mut self.order {
            key.position -= usize::from(key.position > at + 1);
        }
    }
}

impl Relation {
    pub(super) fn sql(&self, moved: Moved) -> String {
        match self {
            Relation::Table { place, name, .. } => format!("{}.{name}", moved.unwrap_or(*place).schema()),
            Relation::View { name, .. } => format!("public.{name}"),
            Relation::Query(query) => format!("({})", query.sql(moved)),
        }
    }

    pub(super) fn columns(&self) -> Vec<(String, Kind)> {
        match self {
            Relation::Table { columns, .. } | Relation::View { columns, .. } => columns.clone(),
            Relation::Query(query) => {
                query.items.iter().enumerate().map(|(at, item)| (format!("x{at}"), item.kind)).collect()
            }
        }
    }
}

fn all(conjuncts: &[Expr]) -> String {
    let conjuncts: Vec<String> = conjuncts.iter().map(Expr::sql).collect();
    conjuncts.join(" AND ")
}
