//! From a plan to a query, node by node. Each node adds its clause to the SELECT below it, or stands around that as
//! a derived table when the clause would mean something else there.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Expr, FetchType, Filter, Limit, LogicalPlan, Projection, SkipType, Sort, SortExpr, TableScan, Union,
};

use super::part::{Part, PlanScope, Stay};
use crate::federation::dialect::{Operand, RemoteDialect};
use crate::federation::estimate;
use crate::federation::fragment::Fragment;
use crate::federation::predicate::{TableScope, Writer};
use crate::federation::query::{From, Select};
use crate::federation::reason;
pub(super) use crate::federation::reason::shown;
use crate::planner::foreign::ForeignTable;
use crate::planner::one_zero::with_any_zero;
use crate::sources::kind::Source;

/// Writes for one server, which is that of the first table found.
pub(super) struct Translator {
    pub(super) source: Arc<dyn Source>,
    /// Whether what it costs does not count.
    pub(super) always: bool,
    aliases: Cell<usize>,
}

/// The foreign table that a scan reads.
pub(super) fn foreign_table(scan: &TableScan) -> Option<ForeignTable> {
    let provider = source_as_provider(&scan.source).ok()?;
    provider.downcast_ref::<ForeignTable>().cloned()
}

/// The server of the first table of a plan that is at a server with SQL.
pub(super) fn source_of(plan: &LogicalPlan) -> Option<Arc<dyn Source>> {
    if let LogicalPlan::TableScan(scan) = plan {
        let table = foreign_table(scan)?;
        return table.source().dialect().is_some().then(|| Arc::clone(table.source()));
    }
    plan.inputs().into_iter().find_map(source_of)
}

/// The table that a plan reads row by row, perhaps filtered and computed with.
pub(super) fn only_table(plan: &LogicalPlan) -> Option<ForeignTable> {
    match plan {
        LogicalPlan::TableScan(scan) => foreign_table(scan),
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Filter(_) | LogicalPlan::Projection(_) => {
            plan.inputs().into_iter().find_map(only_table)
        }
        _ => None,
    }
}

fn is_same(left: &Arc<dyn Source>, right: &Arc<dyn Source>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(left), Arc::as_ptr(right))
}

impl Translator {
    pub(super) fn new(source: Arc<dyn Source>, always: bool) -> Self {
        Translator { source, always, aliases: Cell::new(0) }
    }

    pub(super) fn dialect(&self) -> Result<&dyn RemoteDialect, Stay> {
        self.source.dialect().ok_or(Stay::Silent)
    }

    pub(super) fn alias(&self, letter: char) -> String {
        self.aliases.set(self.aliases.get() + 1);
        format!("{letter}{}", self.aliases.get())
    }

    pub(super) fn wrap(&self, part: Part) -> Result<Part, Stay> {
        Ok(part.wrapped(self.dialect()?, self.alias('q')))
    }

    /// The part that a plan is; its items are the plan's columns.
    pub(super) fn part(&self, plan: &LogicalPlan) -> Result<Part, Stay> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(alias) => self.part(&alias.input),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Sort(sort) => self.sort(sort),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::RecursiveQuery(_) => Err(Stay::because("WITH RECURSIVE is computed here")),
            LogicalPlan::Unnest(_) => Err(Stay::because("arrays are taken apart here")),
            LogicalPlan::Values(_) => Err(Stay::because("rows that stand in the statement are here")),
            _ => Err(Stay::Silent),
        }
    }

    fn scan(&self, scan: &TableScan) -> Result<Part, Stay> {
        let table = foreign_table(scan).ok_or_else(|| Stay::because("rows that no server holds are read here"))?;
        if !is_same(table.source(), &self.source) {
            return Err(Stay::because("tables of several servers meet here"));
        }
        let (dialect, spec) = (self.dialect()?, table.spec());
        let alias = self.alias('t');
        let scope = TableScope::under(dialect, spec, &alias);
        let projection: Vec<usize> = match &scan.projection {
            Some(projection) => projection.clone(),
            None => (0..spec.columns.len()).collect(),
        };
        let items: Vec<Operand> =
            projection.iter().map(|index| scope.at(*index)).collect::<Option<_>>().ok_or(Stay::Silent)?;
        let name = format!("{} {alias}", dialect.table_name(&spec.options, &spec.name));
        let mut select = Select::new(From::Table(Fragment::sql(name)), items);
        let writer = Writer::new(dialect, &scope);
        for filter in &scan.filters {
            // A filter that is only a superset here is made again above.
            select.filters.push(writer.predicate(filter).ok_or_else(|| unwritten(&writer, filter))?.sql);
        }
        // The scan's own limit is what a Limit above asks for anyway.
        let known = table.source().statistics(spec);
        let rows = estimate::scan(spec, &scan.filters, None, known.as_deref());
        let unique = std::iter::once(&spec.primary_key)
            .chain(&spec.unique_keys)
            .filter(|key| !key.is_empty())
            .filter_map(|key| {
                key.iter()
                    .map(|name| scope.at(spec.columns.iter().position(|c| c.name == *name)?).map(|o| o.sql))
                    .collect()
            })
            .collect();
        let values = spec.columns.iter().enumerate().filter_map(|(index, column)| {
            let known = known.as_deref()?;
            let groups = known.groups(&column.remote, estimate::size(spec, Some(known))?)?;
            Some((scope.at(index)?.sql, groups))
        });
        let values = values.collect();
        Ok(Part {
            select,
            tables: vec![spec.name.clone()],
            rows,
            read: rows,
            base: estimate::size(spec, known.as_deref()),
            joined: None,
            unique,
            values,
            works: false,
            computes: false,
        })
    }

    fn projection(&self, projection: &Projection) -> Result<Part, Stay> {
        let mut part = self.part(&projection.input)?;
        let dialect = self.dialect()?;
        if part.select.is_windowed() && !renames(&projection.expr) {
            // A window is written once.
            part = self.wrap(part)?;
        }
        let items = {
            let scope = PlanScope { schema: projection.input.schema(), items: &part.select.items };
            let writer = Writer::new(dialect, &scope);
            let (mut items, mut reasons) = (vec![], vec![]);
            for expr in &projection.expr {
                // What was told of the expression before counts no more.
                writer.kept();
                match writer.value(expr) {
                    Some(item) => items.push(item),
                    None => match unwritten(&writer, expr) {
                        Stay::Because(reason) if !reasons.contains(&reason) => reasons.push(reason),
                        _ => {}
                    },
                }
            }
            if !reasons.is_empty() {
                return Err(Stay::because(reasons.join("; ")));
            }
            items
        };
        part.computes |= projection.expr.iter().any(|expr| !matches!(bare(expr), Expr::Column(_)));
        part.select.items = items;
        Ok(part)
    }

    fn filter(&self, filter: &Filter) -> Result<Part, Stay> {
        let mut part = self.part(&filter.input)?;
        // Of the rows of a window few are asked for: the first of each partition.
        part.works |= part.select.is_windowed();
        if part.select.is_limited() || part.select.is_windowed() {
            part = self.wrap(part)?;
        }
        let written = {
            let scope = PlanScope { schema: filter.input.schema(), items: &part.select.items };
            let writer = Writer::new(self.dialect()?, &scope);
            split_conjunction(&filter.predicate)
                .into_iter()
                .map(|conjunct| writer.exact_predicate(conjunct).ok_or_else(|| unwritten(&writer, conjunct)))
                .collect::<Result<Vec<_>, _>>()?
        };
        match part.select.groups {
            None => part.select.filters.extend(written),
            Some(_) => part.select.having.extend(written),
        }
        part.rows = estimate::fraction(part.rows);
        Ok(part)
    }

    /// A sort matters only to what is counted off above it; what is shipped is sorted again here.
    fn sort(&self, sort: &Sort) -> Result<Part, Stay> {
        let mut part = self.part(&sort.input)?;
        if part.select.is_limited() || part.select.is_windowed() {
            part = self.wrap(part)?;
        }
        let order = {
            let scope = PlanScope { schema: sort.input.schema(), items: &part.select.items };
            self.ordered(&Writer::new(self.dialect()?, &scope), &sort.expr)?
        };
        part.select.order = order;
        if let Some(fetch) = sort.fetch {
            let fetch = u64::try_from(fetch).unwrap_or(u64::MAX);
            part.select.limit = Some(fetch);
            part.rows = Some(part.rows.map_or(fetch, |rows| rows.min(fetch)));
            part.works = true;
        }
        Ok(part)
    }

    /// The members of ORDER BY.
    pub(super) fn ordered(&self, writer: &Writer<'_>, keys: &[SortExpr]) -> Result<Vec<Fragment>, Stay> {
        let dialect = self.dialect()?;
        let mut order = vec![];
        for key in keys {
            // A literal sorts nothing, and MySQL would take it for the number of a column.
            if matches!(bare(&key.expr), Expr::Literal(..)) {
                continue;
            }
            // A source that sorts numbers as here takes their zeros for one.
            let exact = writer.exact_value(with_any_zero(&key.expr)).and_then(|exact| dialect.sorts(&exact));
            let operand =
                exact.ok_or_else(|| Stay::because(format!("{} may sort otherwise at the source", shown(&key.expr))))?;
            if !operand.sql.is_parameter() {
                order.push(dialect.ordered(&operand.sql, key.asc, key.nulls_first));
            }
        }
        Ok(order)
    }

    fn limit(&self, limit: &Limit) -> Result<Part, Stay> {
        let (Ok(SkipType::Literal(skip)), Ok(FetchType::Literal(fetch))) =
            (limit.get_skip_type(), limit.get_fetch_type())
        else {
            return Err(Stay::Silent);
        };
        let skip = u64::try_from(skip).unwrap_or(u64::MAX);
        let fetch = fetch.map(|fetch| u64::try_from(fetch).unwrap_or(u64::MAX));
        let mut part = self.part(&limit.input)?;
        let select = &mut part.select;
        if select.offset > 0 {
            part = self.wrap(part)?;
            (part.select.limit, part.select.offset) = (fetch, skip);
        } else {
            // Of the first n rows without the first m, the first k.
            let left = select.limit.map(|limit| limit.saturating_sub(skip));
            select.limit = match (left, fetch) {
                (Some(left), Some(fetch)) => Some(left.min(fetch)),
                (left, fetch) => left.or(fetch),
            };
            select.offset = skip;
        }
        // The first rows of one table are read by its scan.
        part.works |= skip > 0 || !part.select.order.is_empty() || part.select.is_windowed();
        if let Some(most) = part.select.limit {
            part.rows = Some(part.rows.map_or(most, |rows| rows.min(most)));
        }
        Ok(part)
    }

    /// UNION ALL; duplicates are removed by an Aggregate above.
    fn union(&self, union: &Union) -> Result<Part, Stay> {
        let dialect = self.dialect()?;
        let mut parts = union.inputs.iter().map(|input| self.part(input)).collect::<Result<Vec<_>, _>>()?;
        for part in &mut parts {
            if part.select.is_limited() {
                *part = self.wrap(part.clone())?;
            }
            part.select.order.clear();
        }
        for index in 0..union.schema.fields().len() {
            let operands = parts.iter().map(|part| part.select.items.get(index).cloned()).collect::<Option<Vec<_>>>();
            let (operands, _) = operands
                .and_then(|operands| dialect.unite(operands))
                .ok_or_else(|| Stay::because(format!("column {} of UNION has several types", index + 1)))?;
            for (part, operand) in parts.iter_mut().zip(operands) {
                if let Some(item) = part.select.items.get_mut(index) {
                    *item = operand;
                }
            }
        }
        let total = |of: fn(&Part) -> Option<u64>| parts.iter().map(of).sum::<Option<u64>>();
        let (rows, read) = (total(|part| part.rows), total(|part| part.read));
        let joined = parts.iter().filter_map(|part| part.joined).max();
        let works = parts.iter().any(|part| part.works);
        let computes = parts.iter().any(|part| part.computes);
        let tables = parts.iter().flat_map(|part| part.tables.clone()).collect();
        let mut branches = parts.into_iter().map(|part| part.select);
        let first = branches.next().ok_or(Stay::Silent)?;
        let (unique, values) = (vec![], vec![]);
        let part = Part { select: first, tables, rows, read, base: None, joined, unique, values, works, computes };
        let mut wrapped = self.wrap(part)?;
        if let From::Query { branches: first, .. } = &mut wrapped.select.from {
            first.extend(branches);
        }
        Ok(wrapped)
    }
}

/// Why an expression stays here.
pub(super) fn unwritten(writer: &Writer<'_>, expr: &Expr) -> Stay {
    let inner = writer.kept().unwrap_or_else(|| reason::of(expr));
    if writer.predicate(expr).is_some() {
        return Stay::because(format!("{} is asked of the source more widely and made again here", shown(expr)));
    }
    Stay::because(inner)
}

/// Whether expressions are different columns, perhaps under other names.
fn renames(exprs: &[Expr]) -> bool {
    let mut seen = HashSet::new();
    exprs.iter().all(|expr| matches!(bare(expr), Expr::Column(column) if seen.insert(column)))
}

/// The expression without its aliases.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        other => other,
    }
}
