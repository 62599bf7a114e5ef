//! What a random query is made of.

use super::super::dice::Dice;
use super::super::expression::{Column, Expr, Writer};
use super::super::kind::{Kind, PLACES, Place};
use super::super::known;
use super::super::load::VIEWS;
use super::super::population::Population;
use super::statement::{Join, Order, Query, Relation};

/// Kinds that tables are joined by, those first that every table has.
const JOINED: [Kind; 10] = [
    Kind::Code,
    Kind::Text,
    Kind::Int,
    Kind::Instant,
    Kind::Small,
    Kind::Big,
    Kind::Price,
    Kind::Wide,
    Kind::Day,
    Kind::Moment,
];

/// Kinds that have a sum whose digits PostgreSQL and we agree on.
const SUMMED: [Kind; 5] = [Kind::Small, Kind::Int, Kind::Big, Kind::Price, Kind::Ratio];

pub(super) struct Maker<'a> {
    pub(super) population: &'a Population,
    pub(super) dice: &'a mut Dice,
    pub(super) home: Option<Place>,
    pub(super) depth: usize,
    pub(super) scopes: usize,
}

impl Maker<'_> {
    pub(super) fn query(&mut self) -> Query {
        let mut query = self.select(None);
        while self.dice.chance(12) && query.others.len() < 2 {
            let kinds: Vec<Kind> = query.items.iter().map(|item| item.kind).collect();
            let other = self.select(Some(&kinds));
            query.others.push((*self.dice.pick(&["UNION ALL", "UNION ALL", "UNION", "EXCEPT", "INTERSECT"]), other));
        }
        // Operators of different rank would need brackets.
        if let Some(first) = query.others.first().map(|(operator, _)| *operator) {
            for (operator, _) in &mut query.others {
                *operator = first;
            }
        }
        self.order(&mut query);
        query
    }

    fn order(&mut self, query: &mut Query) {
        let width = query.items.len();
        if self.dice.chance(45) {
            let mut positions: Vec<usize> = (1..=width).collect();
            for at in 0..width {
                let other = self.dice.below(width);
                positions.swap(at, other);
            }
            query.order = positions
                .into_iter()
                .map(|position| Order {
                    position,
                    descending: self.dice.chance(40),
                    nulls_first: self.dice.chance(40).then(|| self.dice.chance(50)),
                })
                .collect();
        }
        // Beneath another query, a limit needs an order, or its rows are anyone's guess.
        if (self.depth == 0 || query.is_ordered()) && self.dice.chance(25) {
            query.limit = Some(self.dice.between(0, 12));
            query.offset = self.dice.chance(40).then(|| self.dice.between(0, 6));
        }
    }

    fn relation(&mut self) -> Relation {
        if self.depth < 2 && self.dice.chance(10) {
            self.depth += 1;
            let query = self.query();
            self.depth -= 1;
            return Relation::Query(Box::new(query));
        }
        if self.home.is_none() && self.dice.chance(25) {
            let (name, columns) = *self.dice.pick(&VIEWS);
            let columns = columns.iter().map(|(name, kind)| ((*name).to_string(), *kind)).collect();
            return Relation::View { name, columns };
        }
        let place = self.home.unwrap_or_else(|| *self.dice.pick(&PLACES));
        let table = self.dice.pick(&self.population.tables);
        Relation::Table { place, name: table.name.clone(), columns: table.columns.clone() }
    }

    fn select(&mut self, wanted: Option<&[Kind]>) -> Query {
        let scope = ["a", "b", "c", "d", "e", "f", "g", "h"].get(self.scopes).copied().unwrap_or("z").to_string();
        let scope = if scope == "z" { format!("z{}_", self.scopes) } else { scope };
        self.scopes += 1;
        let numbered = wanted.is_none() && self.depth < 2 && self.dice.chance(12);
        let from = if numbered { self.numbered() } else { self.relation() };
        let mut columns = in_scope(&scope, 0, &from);
        let mut joins = vec![];
        let count = *self.dice.pick(&[0, 0, 0, 1, 1, 2]);
        for at in 1..=count {
            let relation = self.relation();
            let theirs = in_scope(&scope, at, &relation);
            let how = *self.dice.pick(&["JOIN", "JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
            let on = self.condition(&columns, &theirs, how != "FULL JOIN");
            columns.extend(theirs);
            joins.push(Join { how, relation, on });
        }
        let mut filters = vec![];
        // The first few of each partition.
        if let (true, Some(number)) = (numbered, columns.iter().rfind(|c| c.sql.starts_with(&format!("{scope}0."))))
            && number.kind == Kind::Big
        {
            let op = *self.dice.pick(&["<=", "=", "<"]);
            filters.push(Expr::leaf(Kind::Flag, format!("{} {op} {}", number.sql, self.dice.between(1, 3))));
        }
        while self.dice.chance(55) && filters.len() < 3 {
            filters.push(self.filter(&columns));
        }
        let mut query = Query {
            scope,
            from,
            joins,
            filters,
            groups: vec![],
            having: None,
            items: vec![],
            distinct: false,
            others: vec![],
            order: vec![],
            limit: None,
            offset: None,
        };
        match wanted {
            Some(kinds) => {
                let mut writer = Writer { dice: &mut *self.dice, columns: &columns };
                query.items = kinds.iter().map(|kind| writer.leaf(*kind)).collect();
            }
            None if self.dice.chance(30) => self.group(&mut query, &columns),
            None => {
                let count = self.dice.between(1, 4);
                let mut writer = Writer { dice: &mut *self.dice, columns: &columns };
                for _ in 0..count {
                    let plain = writer.dice.chance(50);
                    let kind = writer.kind();
                    query.items.push(if plain { writer.any_column() } else { writer.expr(kind, 2) });
                }
                query.distinct = self.dice.chance(15);
            }
        }
        query
    }

    /// A query with window functions over its own columns. Rows that its windows do not order are alike in all that it
    /// gives, so that nothing depends on which of them comes first.
    fn numbered(&mut self) -> Relation {
        self.depth += 1;
        let mut query = self.select(None);
        self.depth -= 1;
        let plain = |item: &Expr| !matches!(item.kind, Kind::Extreme | Kind::Flag);
        if query.is_aggregated() || query.distinct || !query.items.iter().all(plain) {
            return Relation::Query(Box::new(query));
        }
        let keys = query.items.clone();
        for _ in 0..self.dice.between(1, 2) {
            query.items.push(self.window(&keys));
        }
        Relation::Query(Box::new(query))
    }

    /// A window function over `keys`, by all of which its rows are ordered.
    fn window(&mut self, keys: &[Expr]) -> Expr {
        let chosen = self.dice.below(keys.len());
        let argument = keys[chosen].clone();
        let kind = argument.kind;
        let summed = match kind {
            Kind::Big | Kind::Price => Some(Kind::Wide),
            Kind::Small | Kind::Int if !known::sum_of_integers() => Some(Kind::Big),
            _ => None,
        };
        let (result, function) = match self.dice.below(11) {
            0..=2 => (Kind::Big, "row_number()".to_string()),
            3 => (Kind::Big, "rank()".to_string()),
            4 => (Kind::Big, "dense_rank()".to_string()),
            5 => (kind, format!("lag(\u{1}, {})", self.dice.between(0, 2))),
            6 => (kind, "lead(\u{1})".to_string()),
            7 => (kind, format!("{}_value(\u{1})", self.dice.pick(&["first", "last"]))),
            8 => (kind, format!("{}(\u{1})", self.dice.pick(&["min", "max"]))),
            9 if summed.is_some() => (summed.unwrap_or(kind), "sum(\u{1})".to_string()),
            _ => (Kind::Big, "count(\u{1})".to_string()),
        };
        let takes = function.contains('\u{1}');
        let is_framed = takes && (!function.starts_with('l') || function.starts_with("last"));
        let mut parts: Vec<Expr> = if takes { vec![argument] } else { vec![] };
        let mut over = String::new();
        if self.dice.chance(70) {
            over.push_str("PARTITION BY \u{1} ");
            parts.push(self.dice.pick(keys).clone());
        }
        let count = keys.len();
        let order: Vec<String> = (0..count)
            .map(|at| {
                parts.push(keys[(at + chosen) % count].clone());
                let direction = if self.dice.chance(40) { " DESC" } else { "" };
                let nulls = match self.dice.below(4) {
                    0 => " NULLS FIRST",
                    1 => " NULLS LAST",
                    _ => "",
                };
                format!("\u{1}{direction}{nulls}")
            })
            .collect();
        over.push_str(&format!("ORDER BY {}", order.join(", ")));
        if is_framed && self.dice.chance(50) {
            let frame = *self.dice.pick(&[
                " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
                " ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
                " ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING",
                " ROWS UNBOUNDED PRECEDING",
                " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
                " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
            ]);
            over.push_str(frame);
        }
        Expr::new(result, format!("{function} OVER ({over})"), parts)
    }

    /// What two relations are joined by.
    fn condition(&mut self, ours: &[Column], theirs: &[Column], more: bool) -> Vec<Expr> {
        let shared: Vec<Kind> = JOINED
            .into_iter()
            .filter(|kind| ours.iter().any(|c| c.kind == *kind) && theirs.iter().any(|c| c.kind == *kind))
            .collect();
        if shared.is_empty() {
            return vec![Expr::leaf(Kind::Flag, "true")];
        }
        let kind = if self.dice.chance(50) { shared[0] } else { *self.dice.pick(&shared) };
        let pair = |dice: &mut Dice, kind: Kind| {
            let ours = Writer { dice: &mut *dice, columns: ours }.column(kind)?;
            let theirs = Writer { dice: &mut *dice, columns: theirs }.column(kind)?;
            Some(vec![ours, theirs])
        };
        let mut on = vec![];
        if let Some(parts) = pair(self.dice, kind) {
            let template = match (self.dice.below(100), kind) {
                (0..8, Kind::Small | Kind::Int | Kind::Big) => "\u{1}::bigint = \u{1}::bigint",
                (8..14, Kind::Small | Kind::Int | Kind::Big) => "\u{1}::text = \u{1}::text",
                (0..8, Kind::Code | Kind::Text) => "\u{1} || 'x' = \u{1} || 'x'",
                (8..14, Kind::Code | Kind::Text) => "coalesce(\u{1}, 'none') = \u{1}",
                _ => "\u{1} = \u{1}",
            };
            on.push(Expr::new(Kind::Flag, template, parts.clone()));
            // The same once more, as tools write it, perhaps the other way round.
            if self.dice.chance(8) {
                let parts = if self.dice.chance(50) { parts } else { parts.into_iter().rev().collect() };
                on.push(Expr::new(Kind::Flag, "\u{1} = \u{1}", parts));
            }
        }
        if more && self.dice.chance(20) {
            let kind = *self.dice.pick(&shared);
            let op = *self.dice.pick(&["<", ">=", "<>", "="]);
            if let Some(parts) = pair(self.dice, kind) {
                on.push(Expr::new(Kind::Flag, format!("\u{1} {op} \u{1}"), parts));
            }
        }
        if more && self.dice.chance(20) {
            on.push(Writer { dice: &mut *self.dice, columns: theirs }.predicate(1));
        }
        on
    }

    fn filter(&mut self, columns: &[Column]) -> Expr {
        if self.depth < 2 && self.dice.chance(22) {
            return self.subquery(columns);
        }
        Writer { dice: &mut *self.dice, columns }.predicate(2)
    }

    /// A predicate with a query in it.
    fn subquery(&mut self, columns: &[Column]) -> Expr {
        let scope = format!("s{}", self.scopes);
        self.scopes += 1;
        let place = self.home.unwrap_or_else(|| *self.dice.pick(&PLACES));
        let table = self.dice.pick(&self.population.tables);
        // The place is fixed: a subquery stays where it is when the tables around it are moved, which is as good.
        let relation = Relation::Table { place, name: table.name.clone(), columns: table.columns.clone() };
        let theirs = in_scope(&scope, 0, &relation);
        let from = format!("{} AS {scope}0", relation.sql(None));
        let shared: Vec<Kind> = JOINED
            .into_iter()
            .filter(|kind| columns.iter().any(|c| c.kind == *kind) && theirs.iter().any(|c| c.kind == *kind))
            .collect();
        if shared.is_empty() {
            return Writer { dice: &mut *self.dice, columns }.predicate(1);
        }
        let kind = *self.dice.pick(&shared);
        let Some(outer) = (Writer { dice: &mut *self.dice, columns }).column(kind) else {
            return Expr::leaf(Kind::Flag, "true");
        };
        let mut writer = Writer { dice: &mut *self.dice, columns: &theirs };
        let Some(inner) = writer.column(kind) else { return Expr::leaf(Kind::Flag, "true") };
        let filter = writer.predicate(1);
        let with = self.dice.chance(50);
        let not = if self.dice.chance(40) { "NOT " } else { "" };
        match self.dice.below(5) {
            0 | 1 => {
                let and = if with { " AND \u{1}" } else { "" };
                let mut parts = vec![inner, outer];
                parts.extend(with.then_some(filter));
                Expr::new(Kind::Flag, format!("{not}EXISTS (SELECT 1 FROM {from} WHERE \u{1} = \u{1}{and})"), parts)
            }
            2 | 3 => {
                let only = if with { " WHERE \u{1}" } else { "" };
                let mut parts = vec![outer, inner];
                parts.extend(with.then_some(filter));
                Expr::new(Kind::Flag, format!("\u{1} {not}IN (SELECT \u{1} FROM {from}{only})"), parts)
            }
            _ => {
                let op = *self.dice.pick(&["=", "<", ">="]);
                let (only, name) = (if with { " WHERE \u{1}" } else { "" }, *self.dice.pick(&["max", "min"]));
                let mut parts = vec![outer, inner];
                parts.extend(with.then_some(filter));
                Expr::new(Kind::Flag, format!("\u{1} {op} (SELECT {name}(\u{1}) FROM {from}{only})"), parts)
            }
        }
    }

    fn group(&mut self, query: &mut Query, columns: &[Column]) {
        let mut writer = Writer { dice: &mut *self.dice, columns };
        for _ in 0..*writer.dice.pick(&[0, 1, 1, 2]) {
            let plain = writer.dice.chance(70);
            let kind = writer.kind();
            let group = if plain { writer.any_column() } else { writer.expr(kind, 1) };
            // A constant in GROUP BY is a position.
            let is_column = |part: &Expr| columns.iter().any(|c| part.sql().contains(&c.sql));
            if is_column(&group) && query.groups.iter().all(|g| g.sql() != group.sql()) {
                query.groups.push(group);
            }
        }
        query.items = query.groups.clone();
        for _ in 0..writer.dice.between(1, 3) {
            let item = aggregate(&mut writer);
            query.items.push(item);
        }
        if !query.groups.is_empty() && writer.dice.chance(25) {
            let template = *writer.dice.pick(&["count(*) > 1", "count(*) < 3", "count(*) <> 2"]);
            query.having = Some(Expr::leaf(Kind::Flag, template));
        }
    }
}

fn aggregate(writer: &mut Writer<'_>) -> Expr {
    let filter = |writer: &mut Writer<'_>, mut expr: Expr| {
        if writer.dice.chance(15) {
            let predicate = writer.predicate(1);
            expr = Expr::new(expr.kind, "\u{1} FILTER (WHERE \u{1})", vec![expr, predicate]);
        }
        expr
    };
    let kind = writer.kind();
    let argument = if writer.dice.chance(75) { writer.leaf(kind) } else { writer.expr(kind, 1) };
    let found = match writer.dice.below(6) {
        0 => Expr::leaf(Kind::Big, "count(*)"),
        1 => Expr::new(Kind::Big, "count(\u{1})", vec![argument]),
        2 => Expr::new(Kind::Big, "count(DISTINCT \u{1})", vec![argument]),
        3 => {
            let summed = if known::sum_of_integers() { &SUMMED[2..] } else { &SUMMED[..] };
            let kind = *writer.dice.pick(summed);
            let argument = writer.leaf(kind);
            // Whole numbers have an average with other digits there.
            let (name, exempt) = if writer.dice.chance(25) { ("avg", kind != Kind::Ratio) } else { ("sum", false) };
            let result = if kind == Kind::Ratio { Kind::Ratio } else { Kind::Wide };
            let sum = Expr::new(result, format!("{name}(\u{1})"), vec![argument]);
            if exempt { sum.exempt() } else { sum }
        }
        _ if kind == Kind::Flag => Expr::new(kind, "bool_or(\u{1})", vec![argument]),
        4 => Expr::new(kind, "min(\u{1})", vec![argument]),
        _ => Expr::new(kind, "max(\u{1})", vec![argument]),
    };
    filter(writer, found)
}

fn in_scope(scope: &str, at: usize, relation: &Relation) -> Vec<Column> {
    let columns = relation.columns();
    columns.into_iter().map(|(name, kind)| Column { sql: format!("{scope}{at}.{name}"), kind }).collect()
}
