//! Joins of tables of one server; semi and anti joins become EXISTS and NOT EXISTS.

use datafusion::common::{DFSchema, JoinType, NullEquality};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Join, LogicalPlan};

use super::part::{Part, PlanScope, Stay};
use super::translate::{Translator, shown, unwritten};
use crate::federation::dialect::Comparison;
use crate::federation::fragment::Fragment;
use crate::federation::predicate::Writer;
use crate::federation::query::{From, Select};

impl Translator {
    pub(super) fn join(&self, join: &Join) -> Result<Part, Stay> {
        let joinable = |plan: &LogicalPlan| -> Result<Part, Stay> {
            let mut part = self.part(plan)?;
            if !part.select.is_plain() {
                part = self.wrap(part)?;
            }
            part.select.order.clear();
            Ok(part)
        };
        let (left, right) = (joinable(&join.left)?, joinable(&join.right)?);
        match join.join_type {
            JoinType::Inner => self.inner(join, left, right),
            JoinType::Left => self.outer(join, left, right),
            JoinType::Right => {
                // The sides exchanged; the columns stay in their order.
                let of_right = right.select.items.len();
                let mut part = self.outer(join, right, left)?;
                part.select.items.rotate_left(of_right);
                Ok(part)
            }
            JoinType::LeftSemi => self.existing(join, left, right, false),
            JoinType::LeftAnti => self.existing(join, left, right, true),
            JoinType::RightSemi => self.existing(join, right, left, false),
            JoinType::RightAnti => self.existing(join, right, left, true),
            other => Err(Stay::because(format!("{other} joins are computed here"))),
        }
    }

    /// The conditions of a join, with the pairs of bare columns that it makes equal.
    fn conditions(&self, join: &Join, left: &Part, right: &Part) -> Result<(Vec<Fragment>, Pairs), Stay> {
        let dialect = self.dialect()?;
        let left_scope = PlanScope { schema: join.left.schema(), items: &left.select.items };
        let right_scope = PlanScope { schema: join.right.schema(), items: &right.select.items };
        let (of_left, of_right) = (Writer::new(dialect, &left_scope), Writer::new(dialect, &right_scope));
        let mut conditions = vec![];
        let mut pairs = Pairs::default();
        for (l, r) in &join.on {
            let left = of_left.exact_value(l).ok_or_else(|| unwritten(&of_left, l))?;
            let right = of_right.exact_value(r).ok_or_else(|| unwritten(&of_right, r))?;
            let condition = match join.null_equality {
                NullEquality::NullEqualsNothing => dialect.relates(&left, Comparison::Eq, &right),
                NullEquality::NullEqualsNull => dialect.same(&left, &right),
            };
            conditions.push(condition.ok_or_else(|| {
                Stay::because(format!("{} = {} may hold for others at the source", shown(l), shown(r)))
            })?);
            pairs.left.push(left.bare().sql.clone());
            pairs.right.push(right.bare().sql.clone());
        }
        if let Some(filter) = &join.filter {
            let schema: DFSchema = join
                .left
                .schema()
                .join(join.right.schema())
                .map_err(|_| Stay::because("a join has two columns of one name"))?;
            let items: Vec<_> = left.select.items.iter().chain(&right.select.items).cloned().collect();
            let scope = PlanScope { schema: &schema, items: &items };
            let writer = Writer::new(dialect, &scope);
            for conjunct in split_conjunction(filter) {
                conditions.push(writer.exact_predicate(conjunct).ok_or_else(|| unwritten(&writer, conjunct))?);
            }
        }
        Ok((conditions, pairs))
    }

    fn inner(&self, join: &Join, left: Part, right: Part) -> Result<Part, Stay> {
        let (on, pairs) = self.conditions(join, &left, &right)?;
        let (left_once, right_once) = (pairs.pin(&left, true), pairs.pin(&right, false));
        self.found_quickly(&left, &right, left_once || right_once)?;
        let rows = join_rows(&left, &right, left_once, right_once, on.is_empty());
        if on.is_empty() && rows.is_none() {
            return Err(Stay::because("a cross join of tables of unknown size is made here"));
        }
        let computes = left.computes || right.computes;
        let joined_rows = [left.joined, right.joined, rows].into_iter().flatten().max();
        let mut unique = vec![];
        if right_once {
            unique.extend(left.unique);
        }
        if left_once {
            unique.extend(right.unique);
        }
        let mut items = left.select.items;
        items.extend(right.select.items);
        let from =
            From::Join { outer: false, left: Box::new(left.select.from), right: Box::new(right.select.from), on };
        let mut select = Select::new(from, items);
        select.filters = left.select.filters;
        select.filters.extend(right.select.filters);
        let mut part = joined(select, [left.tables, right.tables], rows, sum(left.read, right.read), unique);
        part.values = [left.values, right.values].concat();
        part.computes = computes;
        part.joined = joined_rows;
        Ok(part)
    }

    /// `left LEFT JOIN right`, whichever side of the plan's join each is.
    fn outer(&self, join: &Join, left: Part, mut right: Part) -> Result<Part, Stay> {
        // What is computed of a row that is not there is null, so it must be computed before.
        if right.computes {
            right = self.wrap(right)?;
        }
        let is_left = join.join_type == JoinType::Left;
        let (mut on, pairs) =
            if is_left { self.conditions(join, &left, &right)? } else { self.conditions(join, &right, &left)? };
        let right_once = pairs.pin(&right, !is_left);
        self.found_quickly(&left, &right, right_once)?;
        let rows = match right_once {
            true => left.rows,
            false => left.rows.zip(right.rows).map(|(l, r)| l.max(r)),
        };
        // The right side's filters choose its rows before the join.
        on.extend(right.select.filters);
        let mut items = left.select.items;
        items.extend(right.select.items);
        let from = From::Join { outer: true, left: Box::new(left.select.from), right: Box::new(right.select.from), on };
        let mut select = Select::new(from, items);
        select.filters = left.select.filters;
        let unique = if right_once { left.unique } else { vec![] };
        let joined_rows = [left.joined, right.joined, rows].into_iter().flatten().max();
        let mut part = joined(select, [left.tables, right.tables], rows, sum(left.read, right.read), unique);
        part.values = [left.values, right.values].concat();
        part.computes = left.computes;
        part.joined = joined_rows;
        Ok(part)
    }

    /// The rows of `kept` for which there is a row of `other`, or none.
    fn existing(&self, join: &Join, kept: Part, other: Part, none: bool) -> Result<Part, Stay> {
        let is_left = matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti);
        let (left, right) = if is_left { (&kept, &other) } else { (&other, &kept) };
        let (conditions, pairs) = self.conditions(join, left, right)?;
        self.found_quickly(&kept, &other, pairs.pin(&other, !is_left))?;
        self.refers(join, &kept, if is_left { join.left.schema() } else { join.right.schema() })?;
        let nulls = if join.null_aware { self.unless_null(join, left, right)? } else { vec![] };
        let dialect = self.dialect()?;
        let exists = |condition: Vec<Fragment>, none: bool| {
            let mut inner = Select::new(other.select.from.clone(), vec![]);
            inner.filters.clone_from(&other.select.filters);
            inner.filters.extend(condition);
            let word = if none { "NOT EXISTS" } else { "EXISTS" };
            Fragment::of(&format!("({word} ({{}}))"), &[&inner.write(dialect, false)])
        };
        let mut select = Select::new(kept.select.from, kept.select.items);
        select.filters = kept.select.filters;
        select.filters.push(exists(conditions, none));
        if let [of_kept, of_other] = nulls.as_slice() {
            // NOT IN: nothing is "not in" what holds a null, and a null only is not in what is empty. Apart from the
            // condition itself, so that servers still see an anti join in that.
            select.filters.push(exists(vec![of_other.clone()], true));
            select.filters.push(Fragment::of("((NOT {}) OR {})", &[of_kept, &exists(vec![], true)]));
        }
        let read = sum(kept.read, other.read);
        let joined_rows = kept.joined.max(other.joined);
        let mut part = joined(select, [kept.tables, other.tables], kept.rows, read, kept.unique);
        part.values = kept.values;
        part.computes = kept.computes;
        part.joined = joined_rows;
        part.base = kept.base;
        Ok(part)
    }

    /// Refuses a subquery that would refer to a column around it which its server takes for equal to others.
    fn refers(&self, join: &Join, kept: &Part, schema: &DFSchema) -> Result<(), Stay> {
        let dialect = self.dialect()?;
        let conditions = join.on.iter().flat_map(|(l, r)| [l, r]).chain(&join.filter);
        for column in conditions.flat_map(Expr::column_refs) {
            let item = schema.maybe_index_of_column(column).and_then(|index| kept.select.items.get(index));
            if item.is_some_and(|item| !dialect.keeps_apart(&item.bare().column)) {
                return Err(Stay::because(format!(
                    "a subquery with {column} may be answered from a cache for another text"
                )));
            }
        }
        Ok(())
    }

    /// Whether either side of the one condition of NOT IN is null.
    fn unless_null(&self, join: &Join, left: &Part, right: &Part) -> Result<Vec<Fragment>, Stay> {
        let dialect = self.dialect()?;
        let ([(l, r)], None) = (join.on.as_slice(), &join.filter) else {
            return Err(Stay::because("NOT IN of several columns is computed here"));
        };
        let is_null = |part: &Part, expr: &Expr, schema: &DFSchema| {
            let scope = PlanScope { schema, items: &part.select.items };
            Writer::new(dialect, &scope).exact_predicate(&Expr::IsNull(Box::new(expr.clone())))
        };
        match (is_null(left, l, join.left.schema()), is_null(right, r, join.right.schema())) {
            (Some(of_left), Some(of_right)) => Ok(vec![of_left, of_right]),
            _ => Err(Stay::because("NOT IN of a column whose nulls differ is computed here")),
        }
    }

    /// A server that joins by loops needs an index for it, of which only keys are known; or small tables.
    fn found_quickly(&self, left: &Part, right: &Part, is_pinned: bool) -> Result<(), Stay> {
        const MOST_LOOPS: u64 = 1_000_000;
        let loops = left.rows.zip(right.rows).map(|(l, r)| l.saturating_mul(r));
        if self.always || is_pinned || self.dialect()?.joins_by_hash() || loops.is_some_and(|loops| loops <= MOST_LOOPS)
        {
            return Ok(());
        }
        Err(Stay::because("a join that is not on a key is quicker here"))
    }
}

/// The bare columns that a join makes equal, left and right.
#[derive(Default)]
struct Pairs {
    left: Vec<Fragment>,
    right: Vec<Fragment>,
}

impl Pairs {
    /// Whether a row finds at most one row of this side.
    fn pin(&self, part: &Part, is_left: bool) -> bool {
        let columns = if is_left { &self.left } else { &self.right };
        part.unique.iter().any(|key| key.iter().all(|column| columns.contains(column)))
    }
}

/// About how many rows an inner join gives. Where one side's columns are a key of it, each row of the other finds its
/// partner unless that was filtered away.
fn join_rows(left: &Part, right: &Part, left_once: bool, right_once: bool, is_cross: bool) -> Option<u64> {
    let (l, r) = (left.rows?, right.rows?);
    let share = |rows: u64, of: &Part| match (of.rows, of.base) {
        (Some(kept), Some(base)) if base > 0 && kept < base => {
            u64::try_from(u128::from(rows) * u128::from(kept) / u128::from(base)).unwrap_or(u64::MAX).max(1)
        }
        _ => rows,
    };
    Some(match (left_once, right_once) {
        _ if is_cross => l.saturating_mul(r),
        (_, true) => share(l, right),
        (true, false) => share(r, left),
        (false, false) => l.max(r),
    })
}

fn sum(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    Some(left?.saturating_add(right?))
}

fn joined(
    select: Select,
    tables: [Vec<String>; 2],
    rows: Option<u64>,
    read: Option<u64>,
    unique: Vec<Vec<Fragment>>,
) -> Part {
    Part {
        select,
        tables: tables.concat(),
        rows,
        read,
        base: None,
        joined: None,
        unique,
        values: vec![],
        works: true,
        computes: false,
    }
}
