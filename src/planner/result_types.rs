//! The Postgres types of a query's columns, where the plan's own fields do not say them.
//!
//! A field says in its metadata that a text is a `uuid` or `jsonb`. DataFusion hands that on for columns and casts, and
//! drops it for CASE, `coalesce`, aggregates and arrays. So the types are found here, from the plan as it was written,
//! and put on the answer's fields, and on the arguments of functions that ask for their type (`carried_types`). Plans
//! are left as they are otherwise.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{Case, Cast, TryCast, WindowFunctionDefinition};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, LogicalPlan};
use datafusion::scalar::ScalarValue;

use super::secured::Secured;
use super::view::View;
use crate::catalog::types::{PG_TYPE_KEY, PgType};

/// An answer's schema with the types that a plan's columns have in Postgres; none when it has them already.
pub fn typed(plan: &LogicalPlan, schema: &SchemaRef) -> Option<SchemaRef> {
    let kinds = columns(plan);
    if kinds.len() != schema.fields().len() {
        return None;
    }
    let mut changed = false;
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .zip(kinds)
        .map(|(field, kind)| match carried(field, &kind) {
            Some(field) => {
                changed = true;
                Arc::new(field)
            }
            None => Arc::clone(field),
        })
        .collect();
    changed.then(|| Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

/// The field as one of type `kind`, when it is not and its values can be.
pub(super) fn carried(field: &Field, kind: &PgType) -> Option<Field> {
    if PgType::of_field(field) == *kind {
        return None;
    }
    let mut metadata = field.metadata().clone();
    metadata.insert(PG_TYPE_KEY.to_string(), kind.to_string());
    let named = field.clone().with_metadata(metadata);
    (PgType::of_field(&named) == *kind).then_some(named)
}

/// The type of each column of a plan.
fn columns(plan: &LogicalPlan) -> Vec<PgType> {
    let found = match plan {
        LogicalPlan::Projection(projection) => of_all(&projection.expr, &projection.input),
        LogicalPlan::Aggregate(aggregate) => match grouping_set_to_exprlist(&aggregate.group_expr) {
            Ok(groups) => {
                let input = Input::of(&aggregate.input);
                let mut kinds: Vec<PgType> = groups.into_iter().map(|group| input.kind(group)).collect();
                // Sets of groups have a column of DataFusion's own, which says what set a row is of.
                let fields = aggregate.schema.fields();
                let own = fields.len().saturating_sub(aggregate.aggr_expr.len());
                kinds.extend(fields.iter().take(own).skip(kinds.len()).map(|field| PgType::of_field(field)));
                kinds.extend(aggregate.aggr_expr.iter().map(|expr| input.kind(expr)));
                kinds
            }
            Err(_) => vec![],
        },
        LogicalPlan::Window(window) => {
            let input = Input::of(&window.input);
            let computed: Vec<PgType> = window.window_expr.iter().map(|expr| input.kind(expr)).collect();
            input.kinds.into_iter().chain(computed).collect()
        }
        LogicalPlan::Filter(filter) => columns(&filter.input),
        LogicalPlan::Sort(sort) => columns(&sort.input),
        LogicalPlan::Limit(limit) => columns(&limit.input),
        LogicalPlan::Repartition(repartition) => columns(&repartition.input),
        LogicalPlan::SubqueryAlias(alias) => columns(&alias.input),
        LogicalPlan::Subquery(subquery) => columns(&subquery.subquery),
        LogicalPlan::Distinct(Distinct::All(input)) => columns(input),
        LogicalPlan::Distinct(Distinct::On(on)) => of_all(&on.select_expr, &on.input),
        // A semi-join has the columns of one side only: the left's, unless there are none of those.
        LogicalPlan::Join(join) => {
            let (mut left, right) = (columns(&join.left), columns(&join.right));
            if plan.schema().fields().len() == left.len() + right.len() {
                left.extend(right);
            }
            left
        }
        LogicalPlan::Union(union) => {
            let branches: Vec<Vec<PgType>> = union.inputs.iter().map(|input| columns(input)).collect();
            let fields = union.schema.fields().iter().enumerate();
            fields
                .map(|(at, field)| {
                    let kinds = branches.iter().map(|kinds| kinds.get(at).cloned()).collect::<Option<Vec<_>>>();
                    kinds.and_then(common).unwrap_or_else(|| PgType::of_field(field))
                })
                .collect()
        }
        LogicalPlan::RecursiveQuery(query) => columns(&query.static_term),
        LogicalPlan::Unnest(unnest) => {
            let kinds = columns(&unnest.input);
            let dependencies = unnest.dependency_indices.iter().zip(unnest.schema.fields());
            dependencies
                .map(|(from, field)| {
                    let kind = kinds.get(*from).cloned();
                    let list = unnest
                        .list_type_columns
                        .iter()
                        .find(|(at, list)| at == from && list.output_column.name == *field.name());
                    let kind = match list {
                        Some((_, list)) => kind.and_then(|kind| elements(kind, list.depth)),
                        None => kind,
                    };
                    kind.unwrap_or_else(|| PgType::of_field(field))
                })
                .collect()
        }
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok();
            let view = provider.as_ref().and_then(|provider| provider.downcast_ref::<View>());
            let secured = provider.as_ref().and_then(|provider| provider.downcast_ref::<Secured>());
            match view.map(|view| &view.written).or_else(|| secured.map(|secured| &secured.written)) {
                Some(written) => {
                    let kinds = columns(written);
                    match &scan.projection {
                        Some(wanted) => wanted.iter().filter_map(|at| kinds.get(*at).cloned()).collect(),
                        None => kinds,
                    }
                }
                None if scan.table_name.table() == "pg_index" => vectors(&scan.projected_schema),
                None => vec![],
            }
        }
        _ => vec![],
    };
    // What is not known is what the fields say.
    let fields = plan.schema().fields();
    if found.len() == fields.len() { found } else { fields.iter().map(|field| PgType::of_field(field)).collect() }
}

/// The types of the columns that a node's own expressions read; none where they are not as many as those.
pub(super) fn read_by(plan: &LogicalPlan, schema: &DFSchema) -> Option<Vec<PgType>> {
    let kinds: Vec<PgType> = plan.inputs().into_iter().flat_map(columns).collect();
    (kinds.len() == schema.fields().len()).then_some(kinds)
}

/// The type of an expression over columns of these types.
pub(super) fn of_expression(expr: &Expr, schema: &DFSchema, kinds: &[PgType]) -> PgType {
    Input { schema, kinds: kinds.to_vec() }.kind(expr)
}

/// The columns of `pg_index`, which are arrays while they are computed with.
fn vectors(schema: &DFSchema) -> Vec<PgType> {
    let kinds = schema.fields().iter().map(|field| match field.name().as_str() {
        "indkey" | "indoption" => PgType::Vector(Box::new(PgType::Int2)),
        "indclass" | "indcollation" => PgType::Vector(Box::new(PgType::Oid)),
        _ => PgType::of_field(field),
    });
    kinds.collect()
}

fn of_all(exprs: &[Expr], input: &LogicalPlan) -> Vec<PgType> {
    let input = Input::of(input);
    exprs.iter().map(|expr| input.kind(expr)).collect()
}

/// The columns that expressions stand on.
struct Input<'a> {
    schema: &'a DFSchema,
    kinds: Vec<PgType>,
}

impl<'a> Input<'a> {
    fn of(plan: &'a LogicalPlan) -> Input<'a> {
        Input { schema: plan.schema(), kinds: columns(plan) }
    }

    fn kind(&self, expr: &Expr) -> PgType {
        self.known(expr).unwrap_or_else(|| match expr.to_field(self.schema) {
            Ok((_, field)) => PgType::of_field(&field),
            Err(_) => PgType::Text,
        })
    }

    fn column(&self, column: &Column) -> Option<PgType> {
        self.kinds.get(self.schema.maybe_index_of_column(column)?).cloned()
    }

    /// None where the expression's own field says it.
    fn known(&self, expr: &Expr) -> Option<PgType> {
        match expr {
            Expr::Column(column) => self.column(column),
            Expr::Alias(alias) => Some(self.kind(&alias.expr)),
            Expr::Cast(Cast { field, .. }) | Expr::TryCast(TryCast { field, .. }) => Some(PgType::of_field(field)),
            Expr::Case(case) => self.case(case),
            Expr::ScalarFunction(call) => self.function(call.func.name(), &call.args),
            Expr::AggregateFunction(call) => self.aggregate(call.func.name(), call.params.args.first()?),
            Expr::WindowFunction(call) => match &call.fun {
                WindowFunctionDefinition::AggregateUDF(fun) => self.aggregate(fun.name(), call.params.args.first()?),
                WindowFunctionDefinition::WindowUDF(fun) => match fun.name() {
                    "first_value" | "last_value" | "nth_value" | "lag" | "lead" | "fill_max" | "fill_min"
                    | "fill_mode" | "fill_next" | "fill_previous" => Some(bare(self.kind(call.params.args.first()?))),
                    _ => None,
                },
            },
            Expr::ScalarSubquery(subquery) => columns(&subquery.subquery).into_iter().next(),
            _ => None,
        }
    }

    fn case(&self, case: &Case) -> Option<PgType> {
        let branches = case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref());
        let kind = self.shared(branches)?;
        // Without ELSE there is a NULL, which has no length.
        Some(if case.else_expr.is_some() { kind } else { bare(kind) })
    }

    /// The one type of several expressions; a literal in quotes and NULL have none of their own.
    fn shared<'e>(&self, exprs: impl Iterator<Item = &'e Expr>) -> Option<PgType> {
        common(exprs.filter(|expr| !is_untyped(expr)).map(|expr| self.kind(expr)).collect())
    }

    fn function(&self, name: &str, args: &[Expr]) -> Option<PgType> {
        match name {
            "coalesce" | "greatest" | "least" | "nvl" | "ifnull" | "fill_constant" | "fill_from" => {
                self.shared(args.iter())
            }
            "nullif" => self.shared(args.iter().take(1)),
            "make_array" => Some(PgType::Array(Box::new(self.shared(args.iter())?))),
            "array_element" => elements(self.kind(args.first()?), 1),
            "array_slice" | "array_append" | "array_remove" | "array_sort" | "array_distinct" | "array_reverse" => {
                Some(array(self.kind(args.first()?)))
            }
            "array_prepend" => Some(array(self.kind(args.get(1)?))),
            "array_concat" => {
                let kinds: Vec<PgType> = args.iter().map(|arg| array(self.kind(arg))).collect();
                common(kinds)
            }
            _ => None,
        }
    }

    fn aggregate(&self, name: &str, arg: &Expr) -> Option<PgType> {
        let of = || bare(self.kind(arg));
        match name {
            "min" | "max" => Some(match of() {
                PgType::Varchar(_) | PgType::Name | PgType::Char => PgType::Text,
                kind => kind,
            }),
            "array_agg" => Some(PgType::Array(Box::new(of()))),
            "first_value" | "last_value" | "nth_value" => Some(of()),
            _ => None,
        }
    }
}

fn is_untyped(expr: &Expr) -> bool {
    let mut inner = expr;
    while let Expr::Alias(alias) = inner {
        inner = alias.expr.as_ref();
    }
    match inner {
        Expr::Literal(ScalarValue::Null, _) => true,
        Expr::Literal(value, None) => {
            matches!(value.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        _ => false,
    }
}

/// The type that values of all these types have together; none when that is for DataFusion to say.
fn common(kinds: Vec<PgType>) -> Option<PgType> {
    let mut kinds = kinds.into_iter();
    let first = kinds.next()?;
    kinds.try_fold(first, |kind, next| {
        if kind == next {
            return Some(kind);
        }
        match (bare(kind), bare(next)) {
            (kind, next) if kind == next => Some(kind),
            (PgType::Bpchar(_), PgType::Bpchar(_)) => Some(PgType::Bpchar(None)),
            (kind @ PgType::Bpchar(_), PgType::Text) | (PgType::Text, kind @ PgType::Bpchar(_)) => Some(kind),
            _ => None,
        }
    })
}

/// The type of what an array holds, `depth` dimensions down.
fn elements(kind: PgType, depth: usize) -> Option<PgType> {
    let mut kind = kind;
    for _ in 0..depth {
        kind = match kind {
            PgType::Array(element) | PgType::Vector(element) => *element,
            _ => return None,
        };
    }
    Some(bare(kind))
}

/// What a function of arrays gives: the catalog's vectors are plain arrays to it.
fn array(kind: PgType) -> PgType {
    match bare(kind) {
        PgType::Vector(element) => PgType::Array(element),
        kind => kind,
    }
}

/// The type without the length of its texts. That of `character(n)` stays: its values are shown in it. The digits of a numeric are part of how it is carried, and stay.
fn bare(kind: PgType) -> PgType {
    match kind {
        PgType::Varchar(_) => PgType::Varchar(None),
        PgType::Array(element) => PgType::Array(Box::new(bare(*element))),
        kind => kind,
    }
}
