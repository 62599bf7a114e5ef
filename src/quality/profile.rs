//! `profile('relation')`: what is in each column.
//!
//! Columns that a source can count are counted there: each by three queries, of which one row, one row and at most
//! [`SAMPLED`] rows come back. The others are counted here, in one pass over the relation; those of a very wide one in
//! several, each of which reads its own columns.

use async_trait::async_trait;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;

use super::values::{Order, SAMPLED};
use crate::catalog::definitions::{ColumnDef, quoted};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::federation::ship::cut::cut;
use crate::planner::foreign::ForeignTable;
use crate::planner::relation_function::{Argument, RelationCall, RelationContext, RelationFunction, Takes};
use crate::planner::shipping::PushDown;

/// The result's columns, in order, beside the name and the type.
const RESULTS: &[&str] = &[
    "rows",
    "nulls",
    "distinct_values",
    "min",
    "max",
    "min_length",
    "max_length",
    "frequent_values",
    "frequent_counts",
    "patterns",
    "pattern_counts",
    "likely_key",
    "likely_type",
];

/// The most columns that are counted each by its own queries: a plan reads so many tables and no more.
const MOST_QUERIED: usize = 200;

/// The most columns that are counted here in one pass. Planning one compares its expressions again and again, and each
/// is as long as there are columns: a pass over a thousand takes minutes to plan, twenty over fifty some seconds.
const MOST_IN_A_PASS: usize = 50;

/// The function.
#[derive(Debug)]
pub struct Profile;

#[async_trait]
impl RelationFunction for Profile {
    fn name(&self) -> &'static str {
        "profile"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[Argument { name: "relation", takes: Takes::Relation, required: true }]
    }

    fn description(&self) -> &'static str {
        "What is in each column of a relation: nulls, distinct and frequent values, patterns, likely key and type."
    }

    async fn plan(&self, call: &RelationCall, context: &dyn RelationContext) -> Result<LogicalPlan> {
        let definition = &call.relation(0)?.definition;
        let relation = definition.name.quoted();
        let columns: Vec<Profiled> = definition.columns().iter().enumerate().map(Profiled::new).collect();
        if columns.is_empty() {
            return Err(Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("the columns of relation \"{}\" are not known", definition.name.shown()),
            ));
        }
        let (mut branches, mut here) = (vec![], vec![]);
        let counts_elsewhere = is_of_one_source(&relation, context).await?;
        for column in &columns {
            if counts_elsewhere
                && branches.len() < MOST_QUERIED
                && column.is_counted_elsewhere(&relation, context).await?
            {
                branches.push(column.by_queries(&relation));
            } else {
                here.push(column);
            }
        }
        branches.extend(here.chunks(MOST_IN_A_PASS).map(|columns| in_one_pass(columns, &relation)));
        let shown: Vec<String> = ["column_name", "data_type"].iter().chain(RESULTS).map(|name| quoted(name)).collect();
        let sql = format!(
            "SELECT {} FROM ({}) AS profiled ORDER BY \"$position\"",
            shown.join(", "),
            branches.join(" UNION ALL ")
        );
        context.query(&sql).await
    }
}

/// One column and what can be asked of its type.
struct Profiled {
    position: usize,
    name: String,
    /// The name in double quotes.
    sql: String,
    kind: PgType,
    order: Order,
    /// Whether it has a least and a greatest value.
    ranged: bool,
}

impl Profiled {
    fn new((position, column): (usize, &ColumnDef)) -> Self {
        let kind = column.pg_type();
        let order = match kind {
            PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name => Order::Text,
            PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Float4 | PgType::Float8 | PgType::Numeric(_) => {
                Order::Number
            }
            _ => Order::Other,
        };
        let ranged = order != Order::Other
            || matches!(kind, PgType::Date | PgType::Time | PgType::Timestamp | PgType::TimestampTz);
        Profiled { position, name: column.name.clone(), sql: quoted(&column.name), kind, order, ranged }
    }

    /// The counts of all rows, as one row.
    fn counted(&self, relation: &str) -> String {
        let column = &self.sql;
        let range = if self.ranged { format!("min({column}) AS low, max({column}) AS high, ") } else { String::new() };
        let lengths = match self.order {
            Order::Text => format!("min(length({column})) AS short, max(length({column})) AS long, "),
            _ => String::new(),
        };
        format!("SELECT {range}{lengths}count(*) AS n, count({column}) AS given FROM {relation}")
    }

    /// How many different values there are, as one row.
    fn different(&self, relation: &str) -> String {
        let column = &self.sql;
        format!(
            "SELECT count(*) AS different FROM (SELECT {column} AS \"$value\" FROM {relation} \
             WHERE {column} IS NOT NULL GROUP BY {column}) AS groups"
        )
    }

    /// The most frequent values with their counts. A name in ORDER BY is first the query's own: theirs are no column's.
    fn frequent(&self, relation: &str) -> String {
        let column = &self.sql;
        format!(
            "SELECT {column} AS \"$value\", count(*) AS \"$count\" FROM {relation} WHERE {column} IS NOT NULL \
             GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT {SAMPLED}"
        )
    }

    /// Whether the relation's source would run all of its queries.
    async fn is_counted_elsewhere(&self, relation: &str, context: &dyn RelationContext) -> Result<bool> {
        for query in [self.counted(relation), self.different(relation), self.frequent(relation)] {
            if !is_run_elsewhere(&query, context).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The column's row by queries of its own.
    fn by_queries(&self, relation: &str) -> String {
        let mut parts = self.parts(|part| match part {
            Part::Low => "counted.low::text".to_string(),
            Part::High => "counted.high::text".to_string(),
            Part::Short => "counted.short::bigint".to_string(),
            Part::Long => "counted.long::bigint".to_string(),
            Part::Rows => "counted.n".to_string(),
            Part::Given => "counted.given".to_string(),
            Part::Different => "each_value.different".to_string(),
            Part::Of(name) => format!("get_field(sample.found, '{name}')"),
        });
        for (name, sql) in RESULTS.iter().zip(&mut parts) {
            *sql = format!("{sql} AS {}", quoted(name));
        }
        format!(
            "SELECT {} AS \"$position\", {} AS column_name, {} AS data_type, {} FROM ({}) AS counted CROSS JOIN ({}) \
             AS each_value CROSS JOIN (SELECT {}(\"$value\"::text, \"$count\") AS found FROM ({}) AS sampled) \
             AS sample",
            self.position,
            literal(&self.name),
            literal(&self.kind.to_string()),
            parts.join(", "),
            self.counted(relation),
            self.different(relation),
            self.order.function(),
            self.frequent(relation),
        )
    }

    /// The aggregates of the column in one pass over the relation, each with its position in its name.
    fn aggregates(&self) -> Vec<String> {
        let (column, at) = (&self.sql, self.position);
        // The two zeros are one value, and so are intervals that are as long.
        let value = match &self.kind {
            kind @ (PgType::Float4 | PgType::Float8) => format!("({column} + 0::{kind})"),
            PgType::Interval => format!("justify_interval({column})"),
            _ => column.clone(),
        };
        let mut all = vec![
            format!("count({column}) AS given_{at}"),
            format!("{}({value}::text, 1) AS found_{at}", self.order.function()),
        ];
        if self.ranged {
            all.push(format!("min({value}) AS low_{at}, max({value}) AS high_{at}"));
        }
        if self.order == Order::Text {
            all.push(format!("min(length({column})) AS short_{at}, max(length({column})) AS long_{at}"));
        }
        all
    }

    /// The results in order, made of what was counted.
    fn parts(&self, part: impl Fn(Part) -> String) -> Vec<String> {
        let none = || "NULL::text".to_string();
        let text = self.order == Order::Text;
        let length = |of: Part| if text { part(of) } else { "NULL::bigint".to_string() };
        let range = |of: Part| if self.ranged { part(of) } else { none() };
        let (rows, given, different) = (part(Part::Rows), part(Part::Given), part(Part::Different));
        vec![
            rows.clone(),
            format!("{rows} - {given}"),
            different.clone(),
            range(Part::Low),
            range(Part::High),
            length(Part::Short),
            length(Part::Long),
            part(Part::Of("values")),
            part(Part::Of("counts")),
            part(Part::Of("patterns")),
            part(Part::Of("pattern_counts")),
            format!("{rows} > 0 AND {given} = {rows} AND {different} = {rows}"),
            if text { part(Part::Of("likely")) } else { literal(&self.kind.to_string()) },
        ]
    }
}

/// Something that was counted of a column.
enum Part {
    Rows,
    Given,
    Different,
    Low,
    High,
    Short,
    Long,
    /// A part of what the most frequent values show.
    Of(&'static str),
}

/// The rows of columns that are counted here together: what was counted of each is picked by its position.
fn in_one_pass(columns: &[&Profiled], relation: &str) -> String {
    let aggregates: Vec<String> = columns.iter().flat_map(|column| column.aggregates()).collect();
    let picked = |of: &dyn Fn(&Profiled) -> Option<String>, none: &str| {
        let of_each = |column: &&Profiled| Some(format!("WHEN {} THEN {}", column.position, of(column)?));
        let cases: Vec<String> = columns.iter().filter_map(of_each).collect();
        if cases.is_empty() { none.to_string() } else { format!("CASE p.i {} END", cases.join(" ")) }
    };
    let ranged =
        |what: &str| picked(&|column| column.ranged.then(|| format!("{what}_{}::text", column.position)), "NULL::text");
    let length = |what: &str| {
        let of_text = |column: &Profiled| column.order == Order::Text;
        picked(&|column| of_text(column).then(|| format!("{what}_{}::bigint", column.position)), "NULL::bigint")
    };
    let named: Vec<String> = columns
        .iter()
        .map(|column| {
            let (name, kind) = (literal(&column.name), literal(&column.kind.to_string()));
            format!("({}, {name}, {kind}, {})", column.position, column.order == Order::Text)
        })
        .collect();
    let picked = format!(
        "SELECT p.i, p.name, p.kind, p.is_text, counted.n, {} AS given, {} AS found, {} AS low, {} AS high, {} AS short, \
         {} AS long FROM (SELECT count(*) AS n, {} FROM {relation}) AS counted CROSS JOIN (VALUES {}) AS p(i, name, kind, \
         is_text)",
        picked(&|column| Some(format!("given_{}", column.position)), "NULL::bigint"),
        picked(&|column| Some(format!("found_{}", column.position)), "NULL"),
        ranged("low"),
        ranged("high"),
        length("short"),
        length("long"),
        aggregates.join(", "),
        named.join(", ")
    );
    let found = |part: &str| format!("get_field(found, '{part}')");
    let results = [
        "n".to_string(),
        "n - given".to_string(),
        found("different"),
        "low".to_string(),
        "high".to_string(),
        "short".to_string(),
        "long".to_string(),
        found("values"),
        found("counts"),
        found("patterns"),
        found("pattern_counts"),
        format!("n > 0 AND given = n AND {} = n", found("different")),
        format!("CASE WHEN is_text THEN {} ELSE kind END", found("likely")),
    ];
    let shown: Vec<String> =
        RESULTS.iter().zip(&results).map(|(name, sql)| format!("{sql} AS {}", quoted(name))).collect();
    format!(
        "SELECT i AS \"$position\", name AS column_name, kind AS data_type, {} FROM ({picked}) AS picked",
        shown.join(", ")
    )
}

/// A text literal, of type text.
fn literal(text: &str) -> String {
    format!("'{}'::text", text.replace('\'', "''"))
}

/// Whether a relation is rows of one foreign table, whose source may then count them, and may be asked to.
async fn is_of_one_source(relation: &str, context: &dyn RelationContext) -> Result<bool> {
    let state = context.state();
    let mode = state.config().get_extension::<PushDown>().map_or(PushDown::On, |mode| *mode);
    if !matches!(mode, PushDown::On | PushDown::Always) {
        return Ok(false);
    }
    let plan = context.query(&format!("SELECT * FROM {relation}")).await?;
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    let (mut tables, mut plain) = (0, true);
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {}
            LogicalPlan::TableScan(_) if reads_foreign(node) => tables += 1,
            _ => plain = false,
        }
        Ok(if plain { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(plain && tables == 1)
}

fn reads_foreign(node: &LogicalPlan) -> bool {
    let LogicalPlan::TableScan(scan) = node else { return false };
    source_as_provider(&scan.source).is_ok_and(|provider| provider.downcast_ref::<ForeignTable>().is_some())
}

/// Whether a source would run a query, so that no row of a table comes here for it.
async fn is_run_elsewhere(query: &str, context: &dyn RelationContext) -> Result<bool> {
    let state = context.state();
    let always = state.config().get_extension::<PushDown>().is_some_and(|mode| *mode == PushDown::Always);
    let plan = context.query(query).await?;
    let plan = cut(state.optimize(&plan)?, always, None)?;
    let mut read = false;
    plan.apply_with_subqueries(|node| {
        read |= reads_foreign(node);
        Ok(if read { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(!read)
}
