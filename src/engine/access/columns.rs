//! Which columns of the relations that a plan reads it uses: those that stand in an expression, or that come out at its
//! top. A plan is looked at as it is written, so that `SELECT *` uses all columns and `count(*)` none.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, JoinType};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Subquery};

/// One scan of a plan, with the indexes of the provider's columns that are used.
pub(super) struct Scanned {
    /// What is scanned.
    pub provider: Arc<dyn TableProvider>,
    /// The columns.
    pub used: BTreeSet<usize>,
}

/// For each field of a node's rows, the scan and the column that it is, where it is nothing else.
type Fields = Vec<Option<(usize, usize)>>;

/// The rows that expressions of subqueries may refer to.
#[derive(Clone)]
struct Scope {
    schema: DFSchemaRef,
    fields: Fields,
}

/// Every scan of a plan and of the subqueries in it.
pub(super) fn scans(plan: &LogicalPlan) -> DfResult<Vec<Scanned>> {
    let mut found = Finder { scans: vec![] };
    let fields = found.visit(plan, &[])?;
    found.mark_all(&fields);
    Ok(found.scans)
}

struct Finder {
    scans: Vec<Scanned>,
}

impl Finder {
    /// Visits a node and gives what its rows are made of. `outer` are the rows around a subquery, the nearest last.
    fn visit(&mut self, plan: &LogicalPlan, outer: &[Scope]) -> DfResult<Fields> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source)?;
                let width = provider.schema().fields().len();
                let at = self.scans.len();
                self.scans.push(Scanned { provider, used: BTreeSet::new() });
                let fields: Fields = match &scan.projection {
                    Some(projection) => projection.iter().map(|column| Some((at, *column))).collect(),
                    None => (0..width).map(|column| Some((at, column))).collect(),
                };
                // None are there before anything is pushed down; if there are, they count.
                if !scan.filters.is_empty() {
                    self.mark_all(&fields);
                }
                Ok(fields)
            }
            // `t AS x (a, b, c)` gives a relation's columns other names, and uses none.
            LogicalPlan::SubqueryAlias(alias) => self.visit(renamed(&alias.input).unwrap_or(&alias.input), outer),
            LogicalPlan::Subquery(subquery) => self.visit(&subquery.subquery, outer),
            LogicalPlan::Filter(filter) => self.passing(plan, &filter.input, outer),
            LogicalPlan::Sort(sort) => self.passing(plan, &sort.input, outer),
            LogicalPlan::Limit(limit) => self.passing(plan, &limit.input, outer),
            LogicalPlan::Window(window) => {
                let mut fields = self.passing(plan, &window.input, outer)?;
                fields.resize(plan.schema().fields().len(), None);
                Ok(fields)
            }
            LogicalPlan::Projection(projection) => {
                self.passing(plan, &projection.input, outer)?;
                Ok(vec![None; plan.schema().fields().len()])
            }
            LogicalPlan::Aggregate(aggregate) => {
                self.passing(plan, &aggregate.input, outer)?;
                Ok(vec![None; plan.schema().fields().len()])
            }
            LogicalPlan::Distinct(Distinct::On(distinct)) => {
                self.passing(plan, &distinct.input, outer)?;
                Ok(vec![None; plan.schema().fields().len()])
            }
            LogicalPlan::Join(join)
                if matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full) =>
            {
                let left = self.visit(&join.left, outer)?;
                // A LATERAL query on the right refers to the rows on the left.
                let beside = Scope { schema: Arc::clone(join.left.schema()), fields: left.clone() };
                let right = self.visit(&join.right, &within(outer, beside))?;
                let fields: Fields = left.into_iter().chain(right).collect();
                let scope = Scope { schema: Arc::clone(plan.schema()), fields };
                self.expressions(plan, &scope, outer)?;
                Ok(scope.fields)
            }
            other => {
                // VALUES has no rows beneath, and may have subqueries.
                if other.inputs().is_empty() {
                    let fields = vec![None; other.schema().fields().len()];
                    let scope = Scope { schema: Arc::clone(other.schema()), fields };
                    self.expressions(other, &scope, outer)?;
                }
                for input in other.inputs() {
                    let fields = self.visit(input, outer)?;
                    self.mark_all(&fields);
                    let scope = Scope { schema: Arc::clone(input.schema()), fields };
                    self.expressions(other, &scope, outer)?;
                }
                Ok(vec![None; other.schema().fields().len()])
            }
        }
    }

    /// A node whose expressions are about the rows of its one input.
    fn passing(&mut self, plan: &LogicalPlan, input: &LogicalPlan, outer: &[Scope]) -> DfResult<Fields> {
        let fields = self.visit(input, outer)?;
        let scope = Scope { schema: Arc::clone(input.schema()), fields };
        self.expressions(plan, &scope, outer)?;
        Ok(scope.fields)
    }

    fn expressions(&mut self, plan: &LogicalPlan, scope: &Scope, outer: &[Scope]) -> DfResult<()> {
        plan.apply_expressions(|expr| {
            expr.apply(|part| {
                match part {
                    Expr::Column(column) => self.mark(column, scope),
                    Expr::OuterReferenceColumn(_, column) => self.mark_outer(column, outer),
                    Expr::Exists(Exists { subquery, .. })
                    | Expr::InSubquery(InSubquery { subquery, .. })
                    | Expr::SetComparison(SetComparison { subquery, .. })
                    | Expr::ScalarSubquery(subquery) => self.subquery(subquery, scope, outer)?,
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(())
    }

    fn subquery(&mut self, subquery: &Subquery, scope: &Scope, outer: &[Scope]) -> DfResult<()> {
        let fields = self.visit(&subquery.subquery, &within(outer, scope.clone()))?;
        self.mark_all(&fields);
        Ok(())
    }

    fn mark(&mut self, column: &Column, scope: &Scope) {
        let mut known = false;
        for (at, (qualifier, field)) in scope.schema.iter().enumerate() {
            // A name alone may be any that has it.
            let meant = match &column.relation {
                Some(relation) => qualifier.is_some_and(|there| there.resolved_eq(relation)),
                None => true,
            };
            if meant && *field.name() == column.name {
                known = true;
                self.mark_field(scope.fields.get(at).copied().flatten());
            }
        }
        if !known {
            self.mark_all(&scope.fields);
        }
    }

    fn mark_outer(&mut self, column: &Column, outer: &[Scope]) {
        match outer.iter().rev().find(|scope| scope.schema.maybe_index_of_column(column).is_some()) {
            Some(scope) => self.mark(column, scope),
            None => outer.iter().for_each(|scope| self.mark_all(&scope.fields)),
        }
    }

    fn mark_all(&mut self, fields: &Fields) {
        fields.iter().for_each(|field| self.mark_field(*field));
    }

    fn mark_field(&mut self, field: Option<(usize, usize)>) {
        if let Some((scan, column)) = field
            && let Some(scan) = self.scans.get_mut(scan)
        {
            scan.used.insert(column);
        }
    }
}

/// The relation of which a plan shows every column, in its order, by other names.
fn renamed(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    let LogicalPlan::Projection(projection) = plan else { return None };
    let (scan, columns) = (projection.input.as_ref(), projection.input.schema().columns());
    let is_all = projection.expr.len() == columns.len()
        && projection.expr.iter().zip(&columns).all(|(expr, of)| {
            matches!(expr, Expr::Alias(alias) if matches!(alias.expr.as_ref(), Expr::Column(column) if column == of))
        });
    (is_all && matches!(scan, LogicalPlan::TableScan(_))).then_some(scan)
}

fn within(outer: &[Scope], scope: Scope) -> Vec<Scope> {
    outer.iter().cloned().chain([scope]).collect()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::MemTable;
    use datafusion::prelude::SessionContext;

    use super::*;

    /// The columns of each scan that a query uses.
    async fn used(sql: &str) -> Vec<String> {
        let context = SessionContext::new();
        for name in ["t", "u"] {
            let fields = ["a", "b", "c"].map(|column| Field::new(column, DataType::Int32, true));
            let schema = Arc::new(Schema::new(fields.to_vec()));
            context.register_table(name, Arc::new(MemTable::try_new(schema, vec![vec![]]).unwrap())).unwrap();
        }
        let plan = context.state().create_logical_plan(sql).await.unwrap();
        let name = |scan: &Scanned| -> String { scan.used.iter().map(|column| ["a", "b", "c"][*column]).collect() };
        scans(&plan).unwrap().iter().map(name).collect()
    }

    #[tokio::test]
    async fn what_stands_in_an_expression_is_used() {
        for (sql, expected) in [
            ("SELECT * FROM t", vec!["abc"]),
            ("SELECT a FROM t WHERE b > 1", vec!["ab"]),
            ("SELECT count(*) FROM t", vec![""]),
            ("SELECT 1 FROM t ORDER BY c", vec!["c"]),
            ("SELECT x.a FROM t x JOIN u y ON x.b = y.c", vec!["ab", "c"]),
            ("SELECT a FROM t JOIN u USING (a)", vec!["a", "a"]),
            ("SELECT a FROM t WHERE b IN (SELECT c FROM u)", vec!["ab", "c"]),
            ("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.c = t.b)", vec!["ab", "c"]),
            ("SELECT (SELECT max(u.a) FROM u WHERE u.b = t.c) FROM t", vec!["c", "ab"]),
            ("SELECT z.n FROM (SELECT b AS n FROM t) z", vec!["b"]),
            ("SELECT y FROM t AS z (x, y, v) WHERE v > 1", vec!["bc"]),
            ("SELECT z.x FROM (SELECT a AS x, b AS y, c AS v, a AS w FROM t) z", vec!["abc"]),
            ("WITH w AS (SELECT a, b FROM t) SELECT a FROM w", vec!["ab"]),
            ("SELECT a FROM t UNION SELECT b FROM u", vec!["a", "b"]),
            ("SELECT DISTINCT ON (b) a FROM t ORDER BY b", vec!["ab"]),
            ("VALUES ((SELECT max(a) FROM t WHERE b > 0))", vec!["ab"]),
            ("SELECT * FROM (VALUES (1, (SELECT c FROM t LIMIT 1))) AS v (x, y)", vec!["c"]),
            ("SELECT sum(a) OVER (PARTITION BY b) FROM t", vec!["ab"]),
            ("SELECT sum(a) FILTER (WHERE b > 0) FROM t GROUP BY c HAVING max(c) > 1", vec!["abc"]),
        ] {
            let mut found = used(sql).await;
            let mut expected: Vec<String> = expected.into_iter().map(str::to_string).collect();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{sql}");
        }
    }
}
