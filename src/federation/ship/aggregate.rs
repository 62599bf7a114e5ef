//! GROUP BY, DISTINCT and aggregate functions.

use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{Aggregate, Expr};

use super::part::{Part, PlanScope, Stay};
use super::translate::{Translator, bare, shown, unwritten};
use crate::catalog::types::PgType;
use crate::federation::dialect::Operand;
use crate::federation::estimate;
use crate::federation::fragment::Fragment;
use crate::federation::predicate::Writer;

/// Of more rows than this a DISTINCT count is quicker here: servers sort for it.
pub(super) const MOST_FOR_DISTINCT: u64 = 200_000;

impl Translator {
    pub(super) fn aggregate(&self, aggregate: &Aggregate) -> Result<Part, Stay> {
        let dialect = self.dialect()?;
        let mut part = self.part(&aggregate.input)?;
        if !part.select.is_plain() {
            part = self.wrap(part)?;
        }
        part.select.order.clear();
        // Servers sort where an aggregate has DISTINCT.
        let sorts = aggregate.aggr_expr.iter().any(is_distinct);
        let form = |exact: &Operand| if sorts { dialect.partitions(exact) } else { dialect.equals(exact) };
        let mut groups = {
            let scope = PlanScope { schema: aggregate.input.schema(), items: &part.select.items };
            let writer = Writer::new(dialect, &scope);
            aggregate.group_expr.iter().map(|expr| group(&form, &writer, expr)).collect::<Result<Vec<_>, _>>()?
        };
        if groups.iter().any(|group| group.sql.has_parameters()) {
            // Servers that compare expressions by their text do not know one with parameters again: it becomes a column.
            let count = groups.len();
            groups.append(&mut part.select.items);
            part.select.items = groups;
            part = self.wrap(part)?;
            let items = part.select.items.split_off(count);
            groups = std::mem::replace(&mut part.select.items, items)
                .iter()
                .map(|item| dialect.exact(item).and_then(|exact| form(&exact)).ok_or(Stay::Silent))
                .collect::<Result<_, _>>()?;
        }
        let items = {
            let scope = PlanScope { schema: aggregate.input.schema(), items: &part.select.items };
            let writer = Writer::new(dialect, &scope);
            let mut items = groups.clone();
            for expr in &aggregate.aggr_expr {
                items.push(self.computed(&writer, expr, aggregate, items.len(), part.read)?);
            }
            items
        };
        let is_unique = part
            .unique
            .iter()
            .any(|key| key.iter().all(|column| groups.iter().any(|group| group.bare().sql == *column)));
        part.rows = match (groups.is_empty(), is_unique) {
            (true, _) => Some(1),
            (false, true) => part.rows,
            (false, false) => {
                let of = |group: &Operand| part.values.iter().find(|(column, _)| *column == group.bare().sql);
                let values: Vec<Option<u64>> =
                    groups.iter().map(|group| of(group).map(|(_, values)| *values)).collect();
                estimate::groups(part.rows, &values)
            }
        };
        part.select.groups = Some(groups);
        part.select.items = items;
        part.unique = vec![];
        part.values = vec![];
        part.base = None;
        part.works = true;
        Ok(part)
    }

    fn computed(
        &self,
        writer: &Writer<'_>,
        expr: &Expr,
        aggregate: &Aggregate,
        index: usize,
        read: Option<u64>,
    ) -> Result<Operand, Stay> {
        let Expr::AggregateFunction(AggregateFunction { func, params }) = bare(expr) else {
            return Err(Stay::because(format!("{} is computed here", shown(expr))));
        };
        let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = params;
        let to = PgType::of_arrow(aggregate.schema.field(index).data_type());
        let name = func.name();
        if !order_by.is_empty() || null_treatment.is_some() {
            return Err(may_differ(expr, name, &to));
        }
        let call = Call { expr, name, args, distinct: *distinct, filter: filter.as_deref(), to };
        self.called(writer, call, read)
    }

    /// The aggregate that a call asks for, of groups or of the rows of a window.
    pub(super) fn called(&self, writer: &Writer<'_>, call: Call<'_>, read: Option<u64>) -> Result<Operand, Stay> {
        let dialect = self.dialect()?;
        let Call { expr, name, args, distinct, filter, to } = call;
        let stays = || may_differ(expr, name, &to);
        let [argument] = args else { return Err(stays()) };
        let condition = match filter {
            Some(filter) => Some(writer.exact_predicate(filter).ok_or_else(|| unwritten(writer, filter))?),
            None => None,
        };
        let only = |sql: &Fragment| match &condition {
            Some(condition) => Fragment::of("CASE WHEN {} THEN {} END", &[condition, sql]),
            None => sql.clone(),
        };
        if name == "count" {
            // count(*) comes as the count of a literal.
            if matches!(argument, Expr::Literal(value, _) if !value.is_null()) && !distinct {
                let rows = match &condition {
                    Some(_) => only(&Fragment::sql("1")),
                    None => Fragment::sql("*"),
                };
                return Ok(dialect.counted(Fragment::of("count({})", &[&rows])));
            }
            if distinct {
                if !self.always && read.is_some_and(|rows| rows > MOST_FOR_DISTINCT) {
                    return Err(Stay::because(format!(
                        "{} of more than {MOST_FOR_DISTINCT} rows is quicker here",
                        shown(bare(expr))
                    )));
                }
                let operand = writer.exact_value(argument).and_then(|exact| dialect.equals(&exact));
                let operand = operand.ok_or_else(stays)?;
                return Ok(dialect.counted(Fragment::of("count(DISTINCT {})", &[&only(&operand.sql)])));
            }
            let operand = writer.exact_value(argument).ok_or_else(|| unwritten(writer, argument))?;
            return Ok(dialect.counted(Fragment::of("count({})", &[&only(&operand.sql)])));
        }
        // The least and the greatest of distinct values are those of all.
        if distinct && !matches!(name, "min" | "max") {
            return Err(stays());
        }
        // A sum does not depend on the width of its numbers.
        let argument = match (name, argument) {
            ("sum", Expr::Cast(cast)) if widens(writer, &cast.expr, &cast.field) => &cast.expr,
            (_, other) => other,
        };
        let mut operand = writer.exact_value(argument).ok_or_else(stays)?;
        operand.sql = only(&operand.sql);
        dialect.aggregate(name, &operand, &to).ok_or_else(stays)
    }
}

/// An aggregate of one argument.
pub(super) struct Call<'a> {
    /// The whole, for what is told of it.
    pub expr: &'a Expr,
    /// The function.
    pub name: &'a str,
    /// Its arguments.
    pub args: &'a [Expr],
    /// DISTINCT
    pub distinct: bool,
    /// FILTER
    pub filter: Option<&'a Expr>,
    /// What it gives here.
    pub to: PgType,
}

/// Why an aggregate is made here.
fn may_differ(expr: &Expr, name: &str, to: &PgType) -> Stay {
    let is_double = matches!(to, PgType::Float4 | PgType::Float8);
    let why = match name {
        "avg" if is_double => "is double precision, whose last digits are the engine's own",
        "sum" if is_double => "has last digits that depend on the order of its rows",
        _ => "may give something else at the source",
    };
    Stay::because(format!("{} {why}", shown(bare(expr))))
}

/// Whether an aggregate is of distinct values.
fn is_distinct(expr: &Expr) -> bool {
    matches!(bare(expr), Expr::AggregateFunction(AggregateFunction { params, .. }) if params.distinct)
}

fn group(form: &dyn Fn(&Operand) -> Option<Operand>, writer: &Writer<'_>, expr: &Expr) -> Result<Operand, Stay> {
    if matches!(expr, Expr::GroupingSet(_)) {
        return Err(Stay::because("grouping sets are computed here"));
    }
    let exact = writer.exact_value(expr).ok_or_else(|| unwritten(writer, expr))?;
    form(&exact).ok_or_else(|| Stay::because(format!("{} may group otherwise at the source", shown(expr))))
}

/// Whether a cast makes a whole number or a numeric without digits to lose of a whole number.
fn widens(writer: &Writer<'_>, expr: &Expr, field: &datafusion::arrow::datatypes::FieldRef) -> bool {
    let is_whole = |t: &PgType| matches!(t, PgType::Int2 | PgType::Int4 | PgType::Int8);
    let to = PgType::of_arrow(field.data_type());
    writer.value(expr).is_some_and(|operand| is_whole(&operand.column.pg_type))
        && (is_whole(&to) || matches!(to, PgType::Numeric(Some((19.., 0)))))
}
