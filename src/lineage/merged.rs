//! Where a view merges: the groupings beneath what is renamed, filtered, joined and united, and what the view's columns
//! are made of.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan};

use super::walk;
use super::zeros::{has_zeros, one_zero};
use crate::error::{Error, Result};
use crate::functions::merge;
use crate::planner::output::is_text_output;

/// Everything that a view merges.
#[derive(Debug)]
pub struct Merges {
    /// Its groupings, in the order in which the view's plan reads them; at least one. Several, where it joins what is
    /// merged apart, or unites it.
    pub parts: Vec<Merged>,
    /// The names of the columns that are keys of every grouping, in the order of the view's columns. Of a union also
    /// those that are a literal in some branches, and so tell the branches' rows apart.
    pub keys: Vec<String>,
}

/// One of a view's merges.
#[derive(Debug)]
pub struct Merged {
    /// The grouping, with an aggregate that is a merge function, or with plain ones where nothing else merges.
    pub aggregate: Aggregate,
    /// The view's columns, in order.
    pub columns: Vec<Output>,
    /// What the view keeps of the groups, as far as the grouping's own columns say it.
    pub conditions: Vec<Expr>,
    /// Whether the view leaves out groups for another reason: a join, a LIMIT.
    pub restricted: bool,
    /// The view's plan with a column more, `presence::PRESENT`, that is not null in the rows that this grouping has a
    /// part in. None where it has a part in all of them.
    pub marked: Option<LogicalPlan>,
}

/// One column of a view.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is of the grouping's columns. None when it is made of something else too, such as the other side of a
    /// join.
    pub expr: Option<Expr>,
    /// Whether a window puts other values into it.
    pub over_rows: bool,
}

/// How one of a view's columns helps to tell its rows apart.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyPart {
    /// It is this one of [`Merged::key_exprs`].
    Key(usize),
    /// It is the same in all rows.
    Literal(Expr),
}

impl Merged {
    /// How many columns of the grouping are its keys.
    pub fn key_count(&self) -> usize {
        self.aggregate.schema.fields().len().saturating_sub(self.aggregate.aggr_expr.len())
    }

    /// The expressions of its keys. What GROUP BY names twice is one.
    pub fn keys(&self) -> Result<Vec<&Expr>> {
        Ok(grouping_set_to_exprlist(&self.aggregate.group_expr)?)
    }

    /// The key that an expression over the grouping is.
    pub fn key(&self, expr: &Expr) -> Option<usize> {
        let Expr::Column(column) = expr else { return None };
        self.aggregate.schema.maybe_index_of_column(column).filter(|at| *at < self.key_count())
    }

    /// What the node of lineage groups by: the keys, then the columns of the view that are computed of keys and stand
    /// for them, as expressions over the rows that are merged. The latter are the same in all rows of a group.
    pub fn key_exprs(&self) -> Result<Vec<Expr>> {
        let keys: Vec<Expr> = self.keys()?.into_iter().map(|key| key.clone().unalias()).collect();
        let mut exprs = keys.clone();
        let schema = self.aggregate.input.schema().as_ref();
        for column in self.computed() {
            let Some(expr) = &column.expr else { continue };
            let over_rows = expr.clone().unalias().transform_down(|part| {
                Ok(match self.key(&part).and_then(|at| keys.get(at)) {
                    // Rows of one group may write it differently.
                    Some(key) if has_zeros(&key.get_type(schema)?) => {
                        Transformed::new(one_zero(key.clone()), true, TreeNodeRecursion::Jump)
                    }
                    Some(key) => Transformed::new(key.clone(), true, TreeNodeRecursion::Jump),
                    None => Transformed::no(part),
                })
            });
            exprs.push(over_rows.data()?);
        }
        Ok(exprs)
    }

    /// The view's columns that are computed of keys, where not all of these are columns by themselves:
    /// `id::bigint AS id`.
    fn computed(&self) -> Vec<&Output> {
        let keys = |expr: &Expr| -> Vec<usize> {
            expr.column_refs().into_iter().filter_map(|column| self.key(&Expr::Column(column.clone()))).collect()
        };
        let exprs = self.columns.iter().filter_map(|column| column.expr.as_ref());
        let mut told: HashSet<usize> = exprs.filter_map(|expr| self.key(expr)).collect();
        let mut computed = vec![];
        for column in &self.columns {
            let Some(expr) = &column.expr else { continue };
            let is_element = expr.exists(|part| Ok(matches!(part, Expr::Unnest(_))));
            if keys(expr).iter().any(|key| !told.contains(key))
                && self.is_about_keys(expr)
                && matches!(is_element, Ok(false))
            {
                computed.push(column);
                told.extend(self.told_key(expr));
            }
        }
        computed
    }

    /// The key that an expression tells: its values differ where those of the key do.
    fn told_key(&self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Alias(alias) => self.told_key(&alias.expr),
            Expr::Cast(cast) => {
                let (from, to) = (cast.expr.get_type(self.aggregate.schema.as_ref()).ok()?, cast.field.data_type());
                // A varchar may be cut.
                let is_whole = !to.is_string() || cast.field.metadata().is_empty();
                self.told_key(&cast.expr).filter(|_| is_whole && differ(&from, to))
            }
            // The other side of a join shows a number of a narrower type: where it is null here there is no other side.
            Expr::TryCast(cast) => {
                let from = cast.expr.get_type(self.aggregate.schema.as_ref()).ok()?;
                self.told_key(&cast.expr).filter(|_| from.is_integer() && cast.field.data_type().is_integer())
            }
            // Days and moments are written each in its own way.
            Expr::ScalarFunction(call) if is_text_output(&call.func) => {
                let [of] = call.args.as_slice() else { return None };
                let from = of.get_type(self.aggregate.schema.as_ref()).ok()?;
                self.told_key(of).filter(|_| matches!(from, DataType::Date32 | DataType::Timestamp(..)))
            }
            other => self.key(other),
        }
    }

    /// The key, or the literal, that the view's column of this name is.
    pub fn key_part(&self, name: &str) -> Option<KeyPart> {
        let expr = self.columns.iter().find(|column| column.name == name)?.expr.as_ref()?;
        if let Some(key) = self.key(expr) {
            return Some(KeyPart::Key(key));
        }
        if literal(expr) {
            return Some(KeyPart::Literal(expr.clone().unalias_nested().data));
        }
        let computed = self.computed().into_iter().position(|column| column.name == name)?;
        Some(KeyPart::Key(self.key_count() + computed))
    }

    /// The keys that the view shows, by their place in [`Merged::key_exprs`], in the order of the view's columns.
    pub fn shown(&self) -> Vec<usize> {
        let computed = self.computed();
        let mut shown = vec![];
        for column in &self.columns {
            let computed = computed.iter().position(|computed| computed.name == column.name);
            let key = match computed {
                Some(at) => Some(self.key_count() + at),
                None => column.expr.as_ref().and_then(|expr| self.key(expr)),
            };
            if let Some(key) = key
                && !shown.contains(&key)
            {
                shown.push(key);
            }
        }
        shown
    }

    /// Whether the view shows no keys, or not all of them, so that its rows do not tell which groups they are.
    pub fn hides_keys(&self) -> bool {
        let exprs = self.columns.iter().filter_map(|column| column.expr.as_ref());
        let told: HashSet<usize> = exprs.filter_map(|expr| self.told_key(expr)).collect();
        told.is_empty() || told.len() < self.key_count()
    }

    /// Whether there are keys of which the view shows nothing.
    pub fn lacks_keys(&self) -> bool {
        let shown = self.columns.iter().filter_map(|column| column.expr.as_ref());
        let shown = shown.filter(|expr| self.is_about_keys(expr)).flat_map(|expr| expr.column_refs());
        let told: HashSet<usize> = shown.filter_map(|column| self.key(&Expr::Column(column.clone()))).collect();
        told.is_empty() || told.len() < self.key_count()
    }

    /// The name of each of [`Merged::key_exprs`]: the view's, or one that no column has.
    pub fn key_names(&self) -> Vec<String> {
        let keys = 0..self.key_count();
        let shown = |key: usize| {
            let is_it = |column: &&Output| column.expr.as_ref().and_then(|expr| self.key(expr)) == Some(key);
            self.columns.iter().find(is_it).map(|column| column.name.clone())
        };
        let keys = keys.map(|key| shown(key).unwrap_or_else(|| format!("#key {key}")));
        keys.chain(self.computed().into_iter().map(|column| column.name.clone())).collect()
    }

    /// The aggregates that an expression over the grouping holds, in the order in which they are written.
    pub fn aggregates(&self, expr: &Expr) -> Result<Vec<usize>> {
        let mut found: Vec<usize> = vec![];
        expr.apply(|part| {
            if let Expr::Column(column) = part
                && let Some(at) = self.aggregate.schema.maybe_index_of_column(column)
                && let Some(aggregate) = at.checked_sub(self.key_count())
                && !found.contains(&aggregate)
            {
                found.push(aggregate);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    }

    /// Whether an expression looks at nothing but keys, and gives the same whenever it is asked.
    pub fn is_about_keys(&self, expr: &Expr) -> bool {
        let asks = expr.exists(|part| Ok(walk::is_subquery(part)));
        let keys = expr.column_refs().into_iter().all(|column| self.key(&Expr::Column(column.clone())).is_some());
        keys && !expr.is_volatile() && matches!(asks, Ok(false))
    }
}

/// Whether a cast makes different values of different values.
fn differ(from: &DataType, to: &DataType) -> bool {
    let digits = |whole: &DataType| match whole {
        DataType::Int8 => Some(3_u8),
        DataType::Int16 => Some(5),
        DataType::Int32 => Some(10),
        DataType::Int64 => Some(19),
        _ => None,
    };
    match (digits(from), to) {
        _ if from == to => true,
        (Some(_), to) if to.is_string() => true,
        (Some(own), DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale)) => {
            *scale >= 0 && i16::from(*precision) - i16::from(*scale) >= i16::from(own)
        }
        (Some(own), to) => digits(to).is_some_and(|room| room >= own),
        (None, to) => from.is_string() && to.is_string(),
    }
}

/// Whether an expression is a literal, cast perhaps.
fn literal(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => literal(&alias.expr),
        Expr::Cast(cast) => literal(&cast.expr),
        Expr::Literal(..) => true,
        _ => false,
    }
}

/// Finds where a view merges; of one without merge functions where it makes values of several by plain aggregates. 42809
/// for a view that does neither; 0A000 for one whose groups share rows, or of whose
/// several merges it is not known which belong together.
pub fn find(plan: &LogicalPlan, view: &str) -> Result<Merges> {
    let parts = walk::merges_of(plan, view)?;
    let keys = match parts.as_slice() {
        [only] => {
            let names = only.key_names();
            only.shown().into_iter().filter_map(|at| names.get(at).cloned()).collect()
        }
        several => common_keys(several, view)?,
    };
    Ok(Merges { parts, keys })
}

/// The columns by which the rows of several merges are told apart: keys, or literals, of each. 0A000 where a merge has
/// another key besides.
fn common_keys(parts: &[Merged], view: &str) -> Result<Vec<String>> {
    let Some(first) = parts.first() else { return Ok(vec![]) };
    let mut keys = vec![];
    for column in &first.columns {
        let Some(of_each) = parts.iter().map(|part| part.key_part(&column.name)).collect::<Option<Vec<_>>>() else {
            continue;
        };
        let is_literal = of_each.iter().all(|part| matches!(part, KeyPart::Literal(_)));
        if !is_literal || of_each.windows(2).any(|pair| matches!(pair, [one, other] if one != other)) {
            keys.push(column.name.clone());
        }
    }
    for part in parts {
        let told: HashSet<usize> = keys
            .iter()
            .filter_map(|name| match part.key_part(name) {
                Some(KeyPart::Key(key)) => Some(key),
                _ => None,
            })
            .collect();
        if part.shown().iter().any(|key| *key < part.key_count() && !told.contains(key)) {
            return Err(Error::unsupported(format!("the rows that view \"{view}\" merges apart have different keys"))
                .with_detail("It is not known which merged values belong to one of its rows.")
                .with_hint(
                    "Join them by all columns of each GROUP BY, and unite them with the keys in the same columns; or \
                     ask for the lineage of each of the views that it reads.",
                ));
        }
    }
    Ok(keys)
}

/// Whether an aggregate is a merge function.
pub fn is_merge_function(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_merge_function(&alias.expr),
        Expr::AggregateFunction(call) => merge::rule(call.func.name()).is_some(),
        _ => false,
    }
}
