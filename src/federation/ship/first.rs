//! The first rows of a sort, looked for where the source's statistics say that they are.
//!
//! A server without an index on the sorted column compares every row with the first ones so far. Its statistics know a
//! value beyond which a hundredth of the rows lie, far more than are wanted: asked for those alone it is done with most
//! rows after one comparison. That the statistics may be wrong does not matter. Rows that are not beyond the value come
//! after all that are; when there were as many as wanted, they are the first, and else all rows are asked.
//!
//! The same holds of pieces of the table, each asked for its first rows beyond the value: the first of them all are among
//! these.

use datafusion::logical_expr::{Expr, LogicalPlan, Sort};

use super::part::Part;
use super::translate::{Translator, bare, only_table};
use crate::federation::query::{From, Likely, Pieces};
use crate::planner::one_zero::with_any_zero;

/// More rows are not held until it is known whether they are the right ones.
const MOST: u64 = 10_000;

/// In a smaller table it makes no difference.
const LEAST_ROWS: u64 = 100_000;

/// How many times as many rows as wanted are expected to be there: what a histogram tells is a guess.
const SPARE: u64 = 4;

/// Where the rows of a sort that are wanted are likely to be.
pub(super) fn likely(translator: &Translator, part: &Part, sort: &Sort) -> Option<Likely> {
    let select = &part.select;
    let limit = select.limit.filter(|limit| *limit > 0)?;
    let wanted = limit.checked_add(select.offset).filter(|wanted| *wanted <= MOST)?;
    let base = part.base.filter(|rows| *rows >= LEAST_ROWS)?;
    let is_whole = matches!(select.from, From::Table(_)) && select.filters.is_empty();
    if !is_whole || select.groups.is_some() || select.is_windowed() || !only_columns(&sort.input) {
        return None;
    }
    let key = sort.expr.first()?;
    let Expr::Column(column) = bare(with_any_zero(bare(&key.expr))) else { return None };
    let item = select.items.get(sort.input.schema().maybe_index_of_column(column)?)?;
    let dialect = translator.source.dialect()?;
    let sorted = dialect.sorts(&dialect.exact(item)?)?;
    let table = only_table(&sort.input)?;
    let known = table.source().statistics(table.spec())?;
    let tails = known.columns.get(&item.column.remote)?.tails.as_ref()?;
    if base as f64 * tails.share < wanted.saturating_mul(SPARE) as f64 || sorted.sql != item.bare().sql {
        return None;
    }
    let bound = if key.asc { &tails.low } else { &tails.high };
    let filter = dialect.beyond(&sorted, bound, key.asc, key.nulls_first)?;
    let pieces = table
        .spec()
        .pages
        .filter(|_| select.offset == 0)
        .map(|pages| Pieces { table: dialect.table_name(&table.spec().options, &table.spec().name), pages });
    Some(Likely { filter, rows: limit, pieces })
}

/// Whether a plan gives columns of a table as they are.
fn only_columns(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::SubqueryAlias(alias) => only_columns(&alias.input),
        LogicalPlan::Projection(projection) => {
            projection.expr.iter().all(|expr| matches!(bare(expr), Expr::Column(_))) && only_columns(&projection.input)
        }
        _ => false,
    }
}
