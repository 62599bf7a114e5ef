//! A statement that is sent again with other values in the same conditions.
//!
//! What is written for a query depends on its conditions' values: a text may be compared in another way than the next,
//! or not be sent at all. So the conditions are written each time. Where they come out in the same words as before, the
//! whole statement would too, and only the values are new.

use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::dialect::{Parameter, RemoteDialect};
use super::fragment::{Fragment, Rendered};
use super::predicate::{TableScope, Writer};
use super::query::RemoteQuery;
use crate::sources::table::TableSpec;

/// A statement as it was written once.
#[derive(Debug)]
pub struct Again {
    /// Its text.
    sql: String,
    /// Its conditions.
    filters: Vec<Fragment>,
}

impl Again {
    /// The statement of a query whose parameters all stand in its conditions; none for another.
    pub fn of(query: &RemoteQuery, dialect: &dyn RemoteDialect) -> Option<Again> {
        let Rendered { sql, parameters } = query.render(dialect, &[]);
        let filters = query.select.filters.clone();
        let within: usize = filters.iter().map(Fragment::parameters).sum();
        // A value that stands twice is sent once: the next ones may be two.
        (within == parameters.len() && within > 0 && query.likely.is_none()).then_some(Again { sql, filters })
    }

    /// Its text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The values for the statement with other conditions; none when it is another statement with them.
    pub fn values(&self, filters: &[Fragment]) -> Option<Vec<Parameter>> {
        let alike = filters.len() == self.filters.len()
            && filters.iter().zip(&self.filters).all(|(now, before)| now.is_like(before));
        alike.then(|| filters.iter().flat_map(Fragment::values).cloned().collect())
    }
}

/// The conditions of a statement.
#[derive(Debug)]
pub struct Conditions {
    /// Each as it is written.
    pub written: Vec<Fragment>,
    /// Whether no more than one row meets them, as they name all columns of a key.
    pub of_one_row: bool,
}

/// The conditions that filters of a table come to, where each is exactly what is meant; none where one is not.
pub fn conditions(dialect: &dyn RemoteDialect, table: &TableSpec, filters: &[Expr]) -> Option<Conditions> {
    let scope = TableScope::new(dialect, table);
    let writer = Writer::new(dialect, &scope);
    let written = filters.iter().map(|filter| writer.exact_predicate(filter));
    let written = written.collect::<Option<Vec<Fragment>>>()?;
    (written.iter().map(Fragment::parameters).sum::<usize>() <= dialect.most_parameters()).then(|| {
        let named: Vec<&str> = filters.iter().filter_map(equal_column).collect();
        let is_named = |key: &Vec<String>| !key.is_empty() && key.iter().all(|column| named.contains(&column.as_str()));
        Conditions { written, of_one_row: is_named(&table.primary_key) || table.unique_keys.iter().any(is_named) }
    })
}

/// The column that a filter wants to have one value.
fn equal_column(filter: &Expr) -> Option<&str> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else { return None };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(..)) | (Expr::Literal(..), Expr::Column(column)) => Some(&column.name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use datafusion::scalar::ScalarValue;

    use super::*;
    use crate::catalog::types::PgType;
    use crate::federation::dialect::{Comparison, Fidelity};
    use crate::federation::select;
    use crate::sources::kind::ScanRequest;
    use crate::sources::options::Options;
    use crate::sources::table::ColumnSpec;

    /// A source that compares long texts in other words, and is sent no empty ones.
    #[derive(Debug)]
    struct Choosy;

    impl RemoteDialect for Choosy {
        fn quote(&self, identifier: &str) -> String {
            identifier.to_string()
        }

        fn table_name(&self, _: &Options, name: &str) -> String {
            name.to_string()
        }

        fn compares(&self, _: &ColumnSpec, _: Comparison, value: &ScalarValue) -> Option<Fidelity> {
            (*value != ScalarValue::from("")).then_some(Fidelity::Exact)
        }

        fn comparison(&self, operand: &Fragment, _: Comparison, literal: &Parameter) -> Fragment {
            let is_long = literal.value.to_string().len() > 5;
            Fragment::of(
                if is_long { "{} LIKE {}" } else { "{} = {}" },
                &[operand, &Fragment::parameter(literal.clone())],
            )
        }

        fn placeholder(&self, index: usize, _: &ColumnSpec) -> String {
            format!("${index}")
        }
    }

    #[test]
    fn values_are_put_into_the_same_words_alone() {
        let columns = vec![ColumnSpec::new("a", PgType::Int4), ColumnSpec::new("b", PgType::Text)];
        let table = TableSpec { name: "t".into(), columns, ..TableSpec::default() };
        let filters = |a: i32, b: &str| vec![col("a").eq(lit(a)), col("b").eq(lit(b))];
        let written = |a: i32, b: &str| {
            let request = ScanRequest { projection: vec![0], filters: filters(a, b), limit: None };
            select::write(&Choosy, &table, &request).unwrap()
        };
        let again = Again::of(&written(1, "x"), &Choosy).unwrap();
        assert_eq!(again.sql(), "SELECT a FROM t WHERE (a = $1) AND (b = $2)");
        let values = |a: i32, b: &str| {
            let values = again.values(&conditions(&Choosy, &table, &filters(a, b))?.written)?;
            Some(values.into_iter().map(|parameter| parameter.value.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(values(7, "y"), Some(vec!["7".to_string(), "y".to_string()]));
        assert_eq!(values(7, "a long text"), None, "other words");
        assert_eq!(values(7, ""), None, "not sent at all");
        assert_eq!(again.values(&conditions(&Choosy, &table, &filters(1, "x")[..1]).unwrap().written), None);
        // One value for two conditions is sent once, and the next time there may be two.
        let mut twice = written(1, "x");
        twice.select.filters =
            conditions(&Choosy, &table, &[col("a").eq(lit(1)), col("a").eq(lit(1))]).unwrap().written;
        assert!(Again::of(&twice, &Choosy).is_none());
    }

    #[test]
    fn one_row_has_a_whole_key() {
        let columns = vec![ColumnSpec::new("a", PgType::Int4), ColumnSpec::new("b", PgType::Text)];
        let mut table = TableSpec { name: "t".into(), columns, ..TableSpec::default() };
        let of_one = |table: &TableSpec, filters: &[Expr]| conditions(&Choosy, table, filters).unwrap().of_one_row;
        let both = [col("a").eq(lit(1)), lit("x").eq(col("b"))];
        assert!(!of_one(&table, &both), "no key");
        table.primary_key = vec!["a".into(), "b".into()];
        assert!(of_one(&table, &both));
        assert!(!of_one(&table, &both[..1]), "a part of the key");
        table.unique_keys = vec![vec!["a".into()]];
        assert!(of_one(&table, &both[..1]));
        assert!(!of_one(&table, &[col("a").gt(lit(1))]));
    }
}
