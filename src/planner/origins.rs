//! Where a query's columns come from: as in Postgres a column that is nothing but a column of a relation says so, through
//! subqueries in FROM and queries of WITH, and not through views, sets and expressions.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::JoinType;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};

use super::foreign::ForeignTable;
use super::local::LocalTable;
use super::secured::Secured;
use super::view::View;
use crate::catalog::definitions::RelationName;
use crate::catalog::pg;

/// What a field says of its origin: the OID of the relation, a point, and the column's number from 1.
const ORIGIN_KEY: &str = "onerow.origin";

/// What a field says of the type modifier that its column was declared with.
const TYPMOD_KEY: &str = "onerow.typmod";

/// The relation that a column is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A column of a relation that is defined, by its name.
    Defined(RelationName, String),
    /// A column of one of the system's relations: its OID and the column's number.
    System(i32, i16),
}

/// The origin of each column of a plan as it was written, in which views are still views.
pub fn origins(plan: &LogicalPlan) -> Vec<Option<Origin>> {
    let mut finder = Finder { scans: vec![] };
    let fields = finder.visit(plan);
    fields.into_iter().map(|field| finder.origin(field?)).collect()
}

/// A schema whose fields say the origins that `number` knows the OID, the column's number and its type modifier of; none where none has one.
pub fn marked(
    plan: &LogicalPlan,
    schema: &SchemaRef,
    number: impl Fn(&Origin) -> Option<(i32, i16, i32)>,
) -> Option<SchemaRef> {
    let origins = origins(plan);
    if origins.len() != schema.fields().len() || origins.iter().all(Option::is_none) {
        return None;
    }
    let fields = schema.fields().iter().zip(origins).map(|(field, origin)| match origin.as_ref().and_then(&number) {
        Some((relation, column, typmod)) => {
            let mut metadata = field.metadata().clone();
            metadata.insert(ORIGIN_KEY.to_string(), format!("{relation}.{column}"));
            metadata.insert(TYPMOD_KEY.to_string(), typmod.to_string());
            Arc::new(field.as_ref().clone().with_metadata(metadata))
        }
        None => Arc::clone(field),
    });
    Some(Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())))
}

/// The OID and the number that a field was marked with; zeros for any other.
pub fn of_field(field: &Field) -> (i32, i16) {
    let read = |text: &String| {
        let (relation, column) = text.split_once('.')?;
        Some((relation.parse().ok()?, column.parse().ok()?))
    };
    field.metadata().get(ORIGIN_KEY).and_then(read).unwrap_or_default()
}

/// The type modifier of the column that a field was marked as; none for any other, and for a column without one.
pub fn typmod_of_field(field: &Field) -> Option<i32> {
    field.metadata().get(TYPMOD_KEY)?.parse().ok().filter(|typmod| *typmod >= 0)
}

/// For each field of a node's rows, the scan and the column that it is, where it is nothing else.
type Fields = Vec<Option<(usize, usize)>>;

struct Finder {
    scans: Vec<Arc<dyn TableProvider>>,
}

impl Finder {
    fn visit(&mut self, plan: &LogicalPlan) -> Fields {
        let width = plan.schema().fields().len();
        let mut fields = match plan {
            LogicalPlan::TableScan(scan) => match source_as_provider(&scan.source) {
                Ok(provider) => {
                    let at = self.scans.len();
                    self.scans.push(provider);
                    match &scan.projection {
                        Some(projection) => projection.iter().map(|column| Some((at, *column))).collect(),
                        None => (0..width).map(|column| Some((at, column))).collect(),
                    }
                }
                Err(_) => vec![],
            },
            LogicalPlan::Projection(projection) => self.chosen(&projection.expr, &projection.input),
            LogicalPlan::Distinct(Distinct::On(on)) => self.chosen(&on.select_expr, &on.input),
            LogicalPlan::Distinct(Distinct::All(input)) => self.visit(input),
            LogicalPlan::Aggregate(aggregate) => match grouping_set_to_exprlist(&aggregate.group_expr) {
                Ok(groups) => {
                    let below = self.visit(&aggregate.input);
                    groups.iter().map(|group| column_of(group, &aggregate.input, &below)).collect()
                }
                Err(_) => vec![],
            },
            LogicalPlan::Window(window) => self.visit(&window.input),
            LogicalPlan::Filter(filter) => self.visit(&filter.input),
            LogicalPlan::Sort(sort) => self.visit(&sort.input),
            LogicalPlan::Limit(limit) => self.visit(&limit.input),
            LogicalPlan::SubqueryAlias(alias) => self.visit(&alias.input),
            LogicalPlan::Subquery(subquery) => self.visit(&subquery.subquery),
            LogicalPlan::Join(join) => match join.join_type {
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                    let mut both = self.visit(&join.left);
                    both.extend(self.visit(&join.right));
                    both
                }
                JoinType::LeftSemi | JoinType::LeftAnti => self.visit(&join.left),
                JoinType::RightSemi | JoinType::RightAnti => self.visit(&join.right),
                _ => vec![],
            },
            LogicalPlan::Unnest(unnest) => {
                let below = self.visit(&unnest.input);
                let is_list = |from: &usize| unnest.list_type_columns.iter().any(|(at, _)| at == from);
                let kept = |from: &usize| if is_list(from) { None } else { below.get(*from).copied().flatten() };
                unnest.dependency_indices.iter().map(kept).collect()
            }
            _ => vec![],
        };
        fields.resize(width, None);
        fields
    }

    fn chosen(&mut self, exprs: &[Expr], input: &LogicalPlan) -> Fields {
        let below = self.visit(input);
        exprs.iter().map(|expr| column_of(expr, input, &below)).collect()
    }

    fn origin(&self, (scan, column): (usize, usize)) -> Option<Origin> {
        let provider = self.scans.get(scan)?;
        if let Some((oid, number)) = pg::system_column(provider.as_ref(), column) {
            return Some(Origin::System(oid, number));
        }
        let name = if let Some(secured) = provider.downcast_ref::<Secured>() {
            &secured.name
        } else if let Some(table) = provider.downcast_ref::<ForeignTable>() {
            table.name()
        } else if let Some(table) = provider.downcast_ref::<LocalTable>() {
            table.name()
        } else {
            &provider.downcast_ref::<View>()?.name
        };
        let schema = provider.schema();
        Some(Origin::Defined(name.clone(), schema.fields().get(column)?.name().clone()))
    }
}

/// The column of the scan that an expression is, under whatever name.
fn column_of(expr: &Expr, input: &LogicalPlan, below: &[Option<(usize, usize)>]) -> Option<(usize, usize)> {
    match expr {
        Expr::Column(column) => *below.get(input.schema().maybe_index_of_column(column)?)?,
        Expr::Alias(alias) => column_of(&alias.expr, input, below),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;
    use datafusion::datasource::MemTable;
    use datafusion::prelude::SessionContext;

    use super::*;

    /// The number of the scan and the column's name for each column of a query.
    async fn found(sql: &str) -> Vec<String> {
        let context = SessionContext::new();
        for name in ["t", "u"] {
            let fields = ["a", "b"].map(|column| Field::new(column, DataType::Int32, true));
            let schema = Arc::new(Schema::new(fields.to_vec()));
            context.register_table(name, Arc::new(MemTable::try_new(schema, vec![vec![]]).unwrap())).unwrap();
        }
        let plan = context.state().create_logical_plan(sql).await.unwrap();
        let fields = Finder { scans: vec![] }.visit(&plan);
        let shown = |field: &Option<(usize, usize)>| match field {
            Some((scan, column)) => format!("{scan}.{}", ["a", "b"][*column]),
            None => "-".to_string(),
        };
        fields.iter().map(shown).collect()
    }

    #[tokio::test]
    async fn columns_have_origins_as_in_postgres() {
        for (sql, expected) in [
            ("SELECT * FROM t", vec!["0.a", "0.b"]),
            ("SELECT b AS x, a + 1, a FROM t WHERE a > 1 ORDER BY a LIMIT 1", vec!["0.b", "-", "0.a"]),
            ("SELECT t.b, u.b FROM t JOIN u ON t.a = u.a", vec!["0.b", "1.b"]),
            ("SELECT x.n FROM (SELECT b AS n FROM t) x", vec!["0.b"]),
            ("WITH w AS (SELECT a FROM t) SELECT DISTINCT a FROM w", vec!["0.a"]),
            ("SELECT a, max(b) FROM t GROUP BY a", vec!["0.a", "-"]),
            ("SELECT a FROM t UNION ALL SELECT a FROM u", vec!["-"]),
            ("SELECT a, row_number() OVER (ORDER BY b) FROM t", vec!["0.a", "-"]),
            ("SELECT DISTINCT ON (b) a FROM t ORDER BY b", vec!["0.a"]),
            ("VALUES (1)", vec!["-"]),
        ] {
            assert_eq!(found(sql).await, expected, "{sql}");
        }
    }

    #[test]
    fn fields_say_their_origin() {
        let field = Field::new("a", DataType::Int32, true);
        assert_eq!(of_field(&field), (0, 0));
        let marked = field.with_metadata([(ORIGIN_KEY.to_string(), "16385.2".to_string())].into());
        assert_eq!(of_field(&marked), (16_385, 2));
    }
}
