//! Window functions.
//!
//! A window is written where its partitions, its order and its function are those of here. Among rows that its order
//! leaves equal, `row_number`, `lag`, `first_value` and frames of ROWS take any for the first, there as here and as
//! anywhere: which one is nobody's promise, as with LIMIT, so that does not keep a window here.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{NullTreatment, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, Window, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};
use datafusion::scalar::ScalarValue;

use super::aggregate::Call;
use super::part::{Part, PlanScope, Stay};
use super::translate::{Translator, bare, shown, unwritten};
use crate::catalog::types::PgType;
use crate::federation::dialect::Operand;
use crate::federation::fragment::Fragment;
use crate::federation::predicate::Writer;
use crate::planner::one_zero::with_any_zero;

/// The farthest that a frame or a shift may reach, in rows.
const FARTHEST: u64 = i32::MAX as u64;

impl Translator {
    pub(super) fn window(&self, window: &Window) -> Result<Part, Stay> {
        if !self.dialect()?.has_windows() {
            return Err(Stay::because("window functions are computed here unless the server is known to have them"));
        }
        let mut part = self.part(&window.input)?;
        if !part.select.is_plain() {
            part = self.wrap(part)?;
        }
        part.select.order.clear();
        let mut shared: Option<Vec<Operand>> = None;
        let mut computed = vec![];
        {
            let scope = PlanScope { schema: window.input.schema(), items: &part.select.items };
            let writer = Writer::new(self.dialect()?, &scope);
            for expr in &window.window_expr {
                let field = window.schema.field(part.select.items.len() + computed.len());
                let (operand, partitions) = self.over(&writer, expr, field.data_type(), part.read)?;
                match &mut shared {
                    None => shared = Some(partitions),
                    Some(shared) => {
                        shared.retain(|one| partitions.iter().any(|other| other.bare().sql == one.bare().sql))
                    }
                }
                computed.push(operand);
            }
        }
        part.select.items.extend(computed);
        part.select.partitions = Some(shared.unwrap_or_default());
        // By itself a window gives as many rows as it takes, with more columns.
        part.works |= self.always;
        Ok(part)
    }

    /// One function over its window, and what the window is partitioned by.
    fn over(
        &self,
        writer: &Writer<'_>,
        expr: &Expr,
        to: &DataType,
        read: Option<u64>,
    ) -> Result<(Operand, Vec<Operand>), Stay> {
        let dialect = self.dialect()?;
        let Expr::WindowFunction(call) = bare(expr) else {
            return Err(Stay::because(format!("{} is computed here", shown(expr))));
        };
        let WindowFunctionParams { args, partition_by, order_by, window_frame, filter, null_treatment, distinct } =
            &call.params;
        if *distinct || matches!(null_treatment, Some(NullTreatment::IgnoreNulls)) {
            return Err(stays(expr, "is computed here"));
        }
        let partitions = partition_by
            .iter()
            .filter(|key| !matches!(bare(key), Expr::Literal(..)))
            .map(|key| {
                let exact = writer.exact_value(with_any_zero(key)).ok_or_else(|| unwritten(writer, key))?;
                dialect
                    .partitions(&exact)
                    .ok_or_else(|| Stay::because(format!("{} may group otherwise at the source", shown(key))))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let order = self.ordered(writer, order_by)?;
        let (function, framed) = match &call.fun {
            WindowFunctionDefinition::AggregateUDF(aggregate) => {
                let name = aggregate.name();
                if !matches!(name, "sum" | "count" | "min" | "max") {
                    return Err(stays(expr, "is computed here"));
                }
                let to = PgType::of_arrow(to);
                let call = Call { expr, name, args, distinct: false, filter: filter.as_deref(), to };
                (self.called(writer, call, read)?, true)
            }
            WindowFunctionDefinition::WindowUDF(function) => {
                let name = function.name();
                // Without an order some servers refuse the others, and all give what they like.
                if filter.is_some() || (order.is_empty() && name != "row_number") {
                    return Err(stays(expr, "has no order"));
                }
                self.placed(writer, expr, name, args)?
            }
        };
        let mut over = Fragment::of("{} OVER (", &[&function.sql]);
        let mut clauses = vec![];
        if !partitions.is_empty() {
            let keys = Fragment::join(partitions.iter().map(|key| &key.sql), ", ");
            clauses.push(Fragment::of("PARTITION BY {}", &[&keys]));
        }
        if !order.is_empty() {
            clauses.push(Fragment::of("ORDER BY {}", &[&Fragment::join(&order, ", ")]));
        }
        if framed && let Some(frame) = frame(window_frame, !order.is_empty()).map_err(|why| stays(expr, why))? {
            clauses.push(Fragment::sql(frame));
        }
        over.push(&Fragment::join(&clauses, " "));
        over.push_sql(")");
        Ok((Operand::new(over, function.column), partitions))
    }

    /// A function of a row's place among others, and whether its frame counts.
    fn placed(&self, writer: &Writer<'_>, expr: &Expr, name: &str, args: &[Expr]) -> Result<(Operand, bool), Stay> {
        let dialect = self.dialect()?;
        let exact = |argument: &Expr| writer.exact_value(argument).ok_or_else(|| unwritten(writer, argument));
        match (name, args) {
            ("row_number" | "rank" | "dense_rank", []) => {
                Ok((dialect.counted(Fragment::sql(format!("{name}()"))), false))
            }
            ("first_value" | "last_value", [of]) => {
                let of = exact(of)?;
                Ok((Operand::new(Fragment::of(&format!("{name}({{}})"), &[&of.sql]), of.column), true))
            }
            ("lag" | "lead", [of, rest @ ..]) if rest.len() <= 2 => {
                let rows = match rest.first().map(bare) {
                    None => 1,
                    Some(Expr::Literal(ScalarValue::Int64(Some(rows)), _)) => u64::try_from(*rows)
                        .ok()
                        .filter(|rows| *rows <= FARTHEST)
                        .ok_or_else(|| stays(expr, "looks in another direction than its name says"))?,
                    Some(_) => return Err(stays(expr, "is computed here")),
                };
                let of = exact(of)?;
                let default = match rest.get(1).map(bare) {
                    None => None,
                    Some(Expr::Literal(value, _)) if value.is_null() => None,
                    Some(default) => Some(default),
                };
                let Some(default) = default else {
                    let sql = Fragment::of(&format!("{name}({{}}, {rows})"), &[&of.sql]);
                    return Ok((Operand::new(sql, of.column), false));
                };
                if !dialect.shifts_to_defaults() {
                    return Err(stays(expr, "has a default, which not all servers of this kind take"));
                }
                let differs = || stays(expr, "has a default of another type at the source");
                let default = match default {
                    // A number without a cast becomes one of the values' type, here as there.
                    Expr::Literal(value, _) if value.data_type().is_integer() => {
                        let cast = value.cast_to(&of.column.pg_type.arrow()).map_err(|_| differs())?;
                        dialect.literal(&cast).and_then(|literal| dialect.exact(&literal)).ok_or_else(differs)?
                    }
                    default => exact(default)?,
                };
                let (both, column) = dialect.unite(vec![of, default]).ok_or_else(differs)?;
                let [of, default] = both.as_slice() else { return Err(differs()) };
                let sql = Fragment::of(&format!("{name}({{}}, {rows}, {{}})"), &[&of.sql, &default.sql]);
                Ok((Operand::new(sql, column), false))
            }
            _ => Err(stays(expr, "is computed here")),
        }
    }
}

fn stays(expr: &Expr, why: &str) -> Stay {
    Stay::because(format!("{} {why}", shown(bare(expr))))
}

/// The frame; none where it is all of a partition without an order, which needs no words. An error says why it is not
/// written.
fn frame(frame: &WindowFrame, is_ordered: bool) -> Result<Option<String>, &'static str> {
    let is_whole = frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
    if !is_ordered {
        // Without an order all rows are peers, the current one's.
        let reaches = |bound: &WindowFrameBound| bound.is_unbounded() || *bound == WindowFrameBound::CurrentRow;
        let of_peers = frame.units == WindowFrameUnits::Range;
        let all = is_whole || (of_peers && reaches(&frame.start_bound) && reaches(&frame.end_bound));
        return if all { Ok(None) } else { Err("has a frame without an order") };
    }
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => return Err("has a frame of groups"),
    };
    if place(&frame.start_bound) > place(&frame.end_bound) {
        return Err("has a frame that ends before it starts");
    }
    let bound = |bound: &WindowFrameBound| {
        let (value, side) = match bound {
            WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".to_string()),
            WindowFrameBound::Preceding(value) => (value, "PRECEDING"),
            WindowFrameBound::Following(value) => (value, "FOLLOWING"),
        };
        match value {
            value if value.is_null() => Ok(format!("UNBOUNDED {side}")),
            ScalarValue::UInt64(Some(rows)) if frame.units == WindowFrameUnits::Rows && *rows <= FARTHEST => {
                Ok(format!("{rows} {side}"))
            }
            _ => Err("has a frame by distance of values"),
        }
    };
    Ok(Some(format!("{units} BETWEEN {} AND {}", bound(&frame.start_bound)?, bound(&frame.end_bound)?)))
}

/// On which side of a row a bound is.
fn place(bound: &WindowFrameBound) -> u8 {
    match bound {
        WindowFrameBound::Preceding(_) => 0,
        WindowFrameBound::CurrentRow => 1,
        WindowFrameBound::Following(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_out() {
        let rows = |start, end| WindowFrame::new_bounds(WindowFrameUnits::Rows, start, end);
        let by = |n| ScalarValue::UInt64(n);
        let before = |n| WindowFrameBound::Preceding(by(n));
        let after = |n| WindowFrameBound::Following(by(n));
        assert_eq!(
            frame(&WindowFrame::new(Some(false)), true),
            Ok(Some("RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW".into()))
        );
        assert_eq!(
            frame(&rows(before(Some(2)), after(Some(1))), true),
            Ok(Some("ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING".into()))
        );
        assert_eq!(frame(&WindowFrame::new(None), false), Ok(None));
        assert!(frame(&rows(before(Some(2)), after(Some(1))), false).is_err());
        assert!(frame(&rows(WindowFrameBound::CurrentRow, before(Some(1))), true).is_err());
        let distance = WindowFrameBound::Preceding(ScalarValue::Int64(Some(5)));
        let range = WindowFrame::new_bounds(WindowFrameUnits::Range, distance, WindowFrameBound::CurrentRow);
        assert!(frame(&range, true).is_err());
    }
}
