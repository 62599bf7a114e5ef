//! Aggregates of a whole table, one of them a DISTINCT count of many numbers: asked of pieces of the table.
//!
//! A server sorts for `count(DISTINCT x)`, and to read the rows is to have it write each of them into a message. Between
//! the two: the source makes of each piece of the table what else is asked, and gives the numbers that are to be counted
//! packed into one value. Pieces are read by several connections in one snapshot, and put together here.
//!
//! It gives what one statement would: each row of the snapshot is in one piece; sums of sums, counts of counts and the
//! least of the least are those of all rows; a packed value holds the numbers of its piece and no nulls, which a count of
//! distinct values leaves out as well.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Expr, Extension, LogicalPlan, LogicalPlanBuilder, cast, col, lit, when,
};

use super::aggregate::{Call, MOST_FOR_DISTINCT};
use super::cut::Shipped;
use super::packed::count_packed;
use super::part::PlanScope;
use super::translate::{Translator, bare, only_table, source_of};
use crate::catalog::types::PgType;
use crate::federation::dialect::{Operand, RemoteDialect};
use crate::federation::fragment::Fragment;
use crate::federation::predicate::Writer;
use crate::federation::query::{From, Pieces, RemoteQuery};

/// Of more rows a packed value may grow too large where a table cannot be read in pieces after all.
const MOST_ROWS: u64 = 50_000_000;

/// The plan that gives what this aggregate does; none where its source cannot be asked that, or where that does not pay.
pub(super) fn in_pieces(aggregate: &Aggregate) -> Option<LogicalPlan> {
    if !aggregate.group_expr.is_empty() || !aggregate.aggr_expr.iter().any(counts_distinct) {
        return None;
    }
    let table = only_table(&aggregate.input)?;
    let pages = table.spec().pages?;
    let translator = Translator::new(source_of(&aggregate.input)?, false);
    let dialect = translator.source.dialect()?;
    let part = translator.part(&aggregate.input).ok()?;
    let many = part.read.is_some_and(|rows| rows > MOST_FOR_DISTINCT && rows <= MOST_ROWS);
    if !many || !part.select.is_plain() || !matches!(part.select.from, From::Table(_)) {
        return None;
    }
    let scope = PlanScope { schema: aggregate.input.schema(), items: &part.select.items };
    let writer = Writer::new(dialect, &scope);
    let asked = aggregate.aggr_expr.iter().enumerate().map(|(index, expr)| {
        let to = aggregate.schema.field(index).data_type();
        asked(&translator, dialect, &writer, expr, to)
    });
    let asked = asked.collect::<Option<Vec<_>>>()?;

    let mut select = part.select.clone();
    select.order.clear();
    select.groups = Some(vec![]);
    select.items = asked.iter().map(|one| one.item.clone()).collect();
    let columns = select.items.iter().enumerate().map(|(index, item)| {
        let mut column = dialect.selected(item).column;
        column.name = name(index);
        column.nullable = true;
        column
    });
    let columns: Vec<_> = columns.collect();
    if select.write(dialect, false).parameters() > dialect.most_parameters() {
        return None;
    }
    let fields = columns.iter().map(|column| Field::new(&column.name, column.pg_type.arrow(), true));
    let schema = DFSchema::from_unqualified_fields(fields.collect(), Default::default()).ok()?;
    let mut query = RemoteQuery::new(select, columns, part.tables);
    query.pieces = Some(Pieces { table: dialect.table_name(&table.spec().options, &table.spec().name), pages });
    let shipped = Shipped::new(Arc::clone(&translator.source), query, part.read, Arc::new(schema));
    let shipped = LogicalPlan::Extension(Extension { node: Arc::new(shipped) });
    together(shipped, aggregate, &asked)
}

/// What of each piece is asked, and what of these is made of the whole.
struct Asked {
    item: Operand,
    whole: Whole,
}

enum Whole {
    /// The count of the numbers in packed values.
    Packed(Arc<AggregateUDF>),
    /// The sum of counts.
    Count,
    /// The same function of what it gave.
    Same(Arc<AggregateUDF>),
}

fn asked(
    translator: &Translator,
    dialect: &dyn RemoteDialect,
    writer: &Writer<'_>,
    expr: &Expr,
    to: &DataType,
) -> Option<Asked> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = bare(expr) else { return None };
    let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = params;
    if !order_by.is_empty() || null_treatment.is_some() {
        return None;
    }
    if counts_distinct(expr) {
        let [argument] = args.as_slice() else { return None };
        let mut operand = writer.exact_value(argument)?;
        if let Some(filter) = filter {
            let condition = writer.exact_predicate(filter)?;
            operand.sql = Fragment::of("CASE WHEN {} THEN {} END", &[&condition, &operand.sql]);
        }
        let (item, width) = dialect.packed(&operand)?;
        return Some(Asked { item, whole: Whole::Packed(count_packed(width)) });
    }
    let whole = match func.name() {
        "count" => Whole::Count,
        "sum" if !distinct => Whole::Same(Arc::clone(func)),
        "min" | "max" => Whole::Same(Arc::clone(func)),
        _ => return None,
    };
    let to = PgType::of_arrow(to);
    let call = Call { expr, name: func.name(), args, distinct: *distinct, filter: filter.as_deref(), to };
    let item = translator.called(writer, call, None).ok()?;
    Some(Asked { item, whole })
}

/// The aggregate of what the pieces gave, with the names and types of the one that was asked for.
fn together(shipped: LogicalPlan, aggregate: &Aggregate, asked: &[Asked]) -> Option<LogicalPlan> {
    let calls = asked.iter().enumerate().map(|(index, one)| {
        let function = match &one.whole {
            Whole::Packed(function) | Whole::Same(function) => Arc::clone(function),
            Whole::Count => sum_udaf(),
        };
        let given = vec![col(name(index))];
        Expr::AggregateFunction(AggregateFunction::new_udf(function, given, false, None, vec![], None))
            .alias(name(index))
    });
    let whole = LogicalPlanBuilder::from(shipped).aggregate(Vec::<Expr>::new(), calls.collect::<Vec<_>>()).ok()?;
    let columns = whole.schema().columns();
    let items = columns.into_iter().zip(asked).enumerate().map(|(index, (column, one))| {
        let (qualifier, field) = aggregate.schema.qualified_field(index);
        let mut value = Expr::Column(column);
        if matches!(one.whole, Whole::Count) {
            value = when(value.clone().is_not_null(), value).otherwise(lit(0i64)).ok()?;
        }
        if whole.schema().field(index).data_type() != field.data_type() {
            value = cast(value, field.data_type().clone());
        }
        Some(value.alias_qualified(qualifier.cloned(), field.name()))
    });
    let items = items.collect::<Option<Vec<_>>>()?;
    whole.project(items).ok()?.build().ok()
}

fn name(index: usize) -> String {
    format!("piece_{}", index + 1)
}

fn counts_distinct(expr: &Expr) -> bool {
    matches!(
        bare(expr),
        Expr::AggregateFunction(AggregateFunction { func, params }) if params.distinct && func.name() == "count"
    )
}
