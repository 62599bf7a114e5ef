//! Numbers as they are written have Postgres's types: what fits is integer, else bigint, else numeric.
//!
//! DataFusion plans whole numbers as bigint. They are changed in the plan that it makes, before parameters are bound:
//! afterwards a parameter that is bigint could not be told from a number. Positions in ORDER BY and GROUP BY, LIMIT,
//! window frames and the arguments of table functions are planned away by then or are left alone, and so is what is
//! passed to most functions, which want bigint or do not care.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion, TreeNodeRewriter};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Cast, Exists, InSubquery, Placeholder, SetComparison, WindowFunctionDefinition};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, Subquery, Union, Values};
use datafusion::scalar::ScalarValue;

use super::cast_pairs;
use super::filter_types;
use super::long_literals::shortened;
use super::number_casts::exact_float;
use super::number_texts;
use super::operators;
use super::stars;
use super::types;
use super::wide_columns::WideColumns;
use crate::catalog::types::PgType;
use crate::functions::pg::lagging::{LAG, LEAD};

/// Functions whose result has the type of their arguments, or tells it.
const KEEPING: &[&str] = &[
    "abs",
    "array_agg",
    "avg",
    "coalesce",
    "fill_constant",
    "fill_from",
    "first_value",
    "greatest",
    "ifnull",
    "last_value",
    "least",
    "make_array",
    "max",
    "min",
    "named_struct",
    "nullif",
    "nvl",
    LAG,
    LEAD,
    "pg_typeof",
    "struct",
    "sum",
    "to_char",
    "to_hex",
];

/// Gives the literals of a plan that is not analysed yet their types. With `check`, operators that and casts that Postgres
/// does not have are refused (42883, 42846).
pub fn settle(plan: LogicalPlan, check: bool) -> DfResult<LogicalPlan> {
    Ok(plan.rewrite(&mut Settling { check, outer: vec![] })?.data)
}

struct Settling {
    check: bool,
    /// The columns of the queries around a subquery, the nearest last.
    outer: Vec<DFSchemaRef>,
}

impl TreeNodeRewriter for Settling {
    type Node = LogicalPlan;

    fn f_down(&mut self, plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
        if let LogicalPlan::Dml(inserted) = &plan
            && self.check
        {
            cast_pairs::check_inserted(&inserted.input)?;
        }
        // The table that the recursive part reads has its types already.
        let enter = match plan {
            LogicalPlan::RecursiveQuery(_) => TreeNodeRecursion::Jump,
            _ => TreeNodeRecursion::Continue,
        };
        Ok(Transformed::new(plan, false, enter))
    }

    fn f_up(&mut self, plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
        let plan = match plan {
            plan @ (LogicalPlan::RecursiveQuery(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Extension(_)) => return Ok(Transformed::no(plan)),
            LogicalPlan::Values(values) => self.values(values)?,
            plan => self.node(plan)?,
        };
        Ok(Transformed::yes(plan))
    }
}

impl Settling {
    fn node(&mut self, plan: LogicalPlan) -> DfResult<LogicalPlan> {
        let schema: DFSchemaRef = Arc::new(merge_schema(&plan.inputs()));
        let names = NamePreserver::new(&plan);
        let wide = if self.check { WideColumns::below(&plan)? } else { WideColumns::default() };
        let plan = plan
            .map_expressions(|expr| {
                if matches!(expr, Expr::GroupingSet(_)) {
                    return Ok(Transformed::no(expr));
                }
                let saved = names.save(&expr);
                Ok(expr.transform_up(|e| self.expression(e, &schema, &wide))?.update_data(|e| saved.restore(e)))
            })?
            .data;
        match plan {
            LogicalPlan::Union(union) => {
                let inputs = if self.check { number_texts::in_union(union.inputs)? } else { union.inputs };
                Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?))
            }
            plan => plan.recompute_schema(),
        }
    }

    fn expression(&mut self, expr: Expr, schema: &DFSchemaRef, wide: &WideColumns) -> DfResult<Transformed<Expr>> {
        if self.check {
            operators::check(&expr, schema)?;
            stars::check(&expr, schema)?;
            filter_types::check(&expr, schema)?;
            cast_pairs::check(&expr, schema, wide)?;
        }
        Ok(Transformed::yes(match expr {
            Expr::Literal(value, metadata) => Expr::Literal(narrowed(value), metadata),
            Expr::Cast(Cast { expr, field }) => {
                let field = of_cast(field, &expr, schema);
                Expr::Cast(Cast { expr: Box::new(widened(*expr)), field })
            }
            Expr::TryCast(mut cast) => {
                cast.field = of_cast(cast.field, &cast.expr, schema);
                cast.expr = Box::new(widened(*cast.expr));
                Expr::TryCast(cast)
            }
            // Not all columns of the catalog have Postgres's types.
            Expr::Case(case) if self.check => Expr::Case(number_texts::in_case(case, schema)?),
            Expr::ScalarFunction(mut function) => {
                function.args = arguments(function.func.name(), function.args);
                if self.check {
                    number_texts::in_call(function.func.name(), &mut function.args, schema)?;
                }
                Expr::ScalarFunction(function)
            }
            Expr::AggregateFunction(mut function) => {
                function.params.args = arguments(function.func.name(), function.params.args);
                Expr::AggregateFunction(function)
            }
            Expr::WindowFunction(mut function) => {
                let name = match &function.fun {
                    WindowFunctionDefinition::AggregateUDF(udaf) => udaf.name().to_string(),
                    WindowFunctionDefinition::WindowUDF(udwf) if matches!(udwf.name(), LAG | LEAD) => {
                        udwf.name().to_string()
                    }
                    WindowFunctionDefinition::WindowUDF(_) => String::new(),
                };
                function.params.args = arguments(&name, std::mem::take(&mut function.params.args));
                Expr::WindowFunction(function)
            }
            Expr::BinaryExpr(mut binary) => {
                if operators::compares(binary.op) {
                    shortened(&mut binary.left);
                    shortened(&mut binary.right);
                }
                Expr::BinaryExpr(with_parameter(binary))
            }
            Expr::Between(mut between) => {
                [&mut between.expr, &mut between.low, &mut between.high].into_iter().for_each(|e| shortened(e));
                Expr::Between(between)
            }
            Expr::OuterReferenceColumn(field, column) => {
                let found =
                    self.outer.iter().rev().find_map(|outer| {
                        outer.maybe_index_of_column(&column).map(|index| Arc::clone(outer.field(index)))
                    });
                Expr::OuterReferenceColumn(found.unwrap_or(field), column)
            }
            Expr::ScalarSubquery(subquery) => Expr::ScalarSubquery(self.subquery(subquery, schema)?),
            Expr::Exists(Exists { subquery, negated }) => {
                Expr::Exists(Exists { subquery: self.subquery(subquery, schema)?, negated })
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                Expr::InSubquery(InSubquery { expr, subquery: self.subquery(subquery, schema)?, negated })
            }
            Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
                let subquery = self.subquery(subquery, schema)?;
                Expr::SetComparison(SetComparison { expr, subquery, op, quantifier })
            }
            other => return Ok(Transformed::no(other)),
        }))
    }

    fn subquery(&mut self, subquery: Subquery, schema: &DFSchemaRef) -> DfResult<Subquery> {
        let Subquery { subquery, outer_ref_columns, spans } = subquery;
        self.outer.push(Arc::clone(schema));
        let mut inner = Settling { check: self.check, outer: std::mem::take(&mut self.outer) };
        let plan = Arc::unwrap_or_clone(subquery).rewrite(&mut inner).map(|done| done.data);
        let columns = outer_ref_columns
            .into_iter()
            .map(|column| Ok(column.transform_up(|e| inner.expression(e, schema, &WideColumns::default()))?.data))
            .collect::<DfResult<Vec<_>>>();
        self.outer = inner.outer;
        self.outer.pop();
        Ok(Subquery { subquery: Arc::new(plan?), outer_ref_columns: columns?, spans })
    }

    /// The rows of VALUES. DataFusion has cast each row to a type that it found for all of them.
    fn values(&mut self, values: Values) -> DfResult<LogicalPlan> {
        let Values { schema, values: mut rows } = values;
        let nothing: DFSchemaRef = Arc::new(DFSchema::empty());
        for value in rows.iter_mut().flatten() {
            let expr = std::mem::take(value);
            *value = expr.transform_up(|e| self.expression(e, &nothing, &WideColumns::default()))?.data;
        }
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        for (column, field) in fields.iter_mut().enumerate() {
            let to = column_type(&rows, column, field, &nothing);
            for row in &mut rows {
                if let Some(value) = row.get_mut(column) {
                    *value = as_member(std::mem::take(value), field.data_type(), &to, &nothing)?;
                }
            }
            if to != *field.data_type() {
                *field = Arc::new(Field::clone(field).with_data_type(to));
            }
        }
        let schema = DFSchema::from_unqualified_fields(Fields::from(fields), HashMap::new())?;
        Ok(LogicalPlan::Values(Values { schema: Arc::new(schema), values: rows }))
    }
}

/// The field of a cast of `value`.
fn of_cast(field: FieldRef, value: &Expr, schema: &DFSchema) -> FieldRef {
    let from = value.to_field(schema).ok().map(|(_, from)| PgType::of_field(&from));
    types::cast_field(field, from.as_ref())
}

/// The type of a column of VALUES whose rows DataFusion made `field`'s.
fn column_type(rows: &[Vec<Expr>], column: usize, field: &Field, nothing: &DFSchema) -> DataType {
    let planned = field.data_type();
    let members = || rows.iter().filter_map(|row| row.get(column));
    let whole = |value: &Expr| match value {
        Expr::Literal(literal, _) => literal.is_null() || literal.data_type() == DataType::Int32,
        value => value.get_type(nothing).is_ok_and(|t| t == DataType::Int32),
    };
    let of_float = |value: &Expr| match value {
        Expr::Cast(Cast { expr, field }) => {
            field.data_type() == planned && expr.get_type(nothing).is_ok_and(|t| t.is_floating())
        }
        _ => false,
    };
    if *planned == DataType::Int64 && members().all(whole) {
        DataType::Int32
    } else if planned.is_decimal() && members().any(of_float) {
        // Floating point wins over numeric.
        DataType::Float64
    } else {
        planned.clone()
    }
}

/// A member of a column of VALUES that was `planned` and is to be `to`.
fn as_member(value: Expr, planned: &DataType, to: &DataType, nothing: &DFSchema) -> DfResult<Expr> {
    let value = match value {
        Expr::Cast(Cast { expr, field }) if planned != to && field.data_type() == planned => *expr,
        value => value,
    };
    match value {
        Expr::Literal(literal, metadata) if literal.is_null() => {
            Ok(Expr::Literal(ScalarValue::try_from(to)?, metadata))
        }
        Expr::Literal(literal, metadata) => match exact_float(&literal, to)? {
            Some(exact) => Ok(Expr::Literal(exact, metadata)),
            None => Expr::Literal(literal, metadata).cast_to(to, nothing),
        },
        // A parameter without a type stays one.
        value if value.get_type(nothing).map_or(true, |t| t == *to) => Ok(value),
        value => value.cast_to(to, nothing),
    }
}

/// A whole number as Postgres types it.
fn narrowed(value: ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::Int64(Some(n)) => {
            i32::try_from(n).map_or(ScalarValue::Int64(Some(n)), |small| ScalarValue::Int32(Some(small)))
        }
        ScalarValue::UInt64(Some(n)) => {
            let digits = n.to_string().len() as u8;
            ScalarValue::Decimal128(Some(n.into()), digits, 0)
        }
        other => other,
    }
}

/// A number that is cast or passed to a function, as DataFusion planned it.
fn widened(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Int32(Some(n)), metadata) => {
            Expr::Literal(ScalarValue::Int64(Some(n.into())), metadata)
        }
        other => other,
    }
}

fn arguments(function: &str, args: Vec<Expr>) -> Vec<Expr> {
    if KEEPING.contains(&function) { args } else { args.into_iter().map(widened).collect() }
}

/// A parameter whose type was found from the number beside it is integer where that is.
fn with_parameter(binary: BinaryExpr) -> BinaryExpr {
    let BinaryExpr { mut left, op, mut right } = binary;
    let is_number = |e: &Expr| matches!(e, Expr::Literal(ScalarValue::Int32(_), _));
    let (left_is_number, right_is_number) = (is_number(&left), is_number(&right));
    if op != Operator::StringConcat {
        if let (Expr::Placeholder(parameter), true) = (left.as_mut(), right_is_number) {
            narrow_parameter(parameter);
        }
        if let (Expr::Placeholder(parameter), true) = (right.as_mut(), left_is_number) {
            narrow_parameter(parameter);
        }
    }
    BinaryExpr { left, op, right }
}

fn narrow_parameter(parameter: &mut Placeholder) {
    if let Some(field) = parameter.field.as_ref().filter(|field| *field.data_type() == DataType::Int64) {
        parameter.field = Some(Arc::new(Field::clone(field).with_data_type(DataType::Int32)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_of_the_first_type_that_holds_them() {
        let typed = |n| narrowed(ScalarValue::Int64(Some(n))).data_type();
        assert_eq!(typed(0), DataType::Int32);
        assert_eq!(typed(2_147_483_647), DataType::Int32);
        assert_eq!(typed(-2_147_483_648), DataType::Int32);
        assert_eq!(typed(-2_147_483_649), DataType::Int64);
        assert_eq!(typed(2_147_483_648), DataType::Int64);
        assert_eq!(typed(i64::MIN), DataType::Int64);
        assert_eq!(narrowed(ScalarValue::UInt64(Some(u64::MAX))).data_type(), DataType::Decimal128(20, 0));
    }
}
