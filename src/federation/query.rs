//! A query for one server, in a small relational form of our own, and how it is written.

use super::cleaning;
use super::dialect::{Operand, RemoteDialect};
use super::fragment::{Fragment, Rendered};
use crate::sources::scan::Keys;
use crate::sources::table::ColumnSpec;

/// A whole query with what it gives.
#[derive(Clone, Debug)]
pub struct RemoteQuery {
    /// What is asked.
    pub select: Select,
    /// What comes back, in order: name and type here, type and collation at the source. Empty when rows are only
    /// counted: then there is one constant a row.
    pub columns: Vec<ColumnSpec>,
    /// The foreign tables it reads, for EXPLAIN and errors.
    pub tables: Vec<String>,
    /// How its answer may be asked for, where that is not as a whole.
    pub pieces: Option<Pieces>,
    /// Where its rows are likely to be.
    pub likely: Option<Likely>,
    /// How many restrictions by keys it has.
    keys: usize,
}

/// Where the first rows of a sort are likely to be: when the query gives so many rows with the condition, they are those
/// that it gives without.
#[derive(Clone, Debug)]
pub struct Likely {
    /// One more condition for WHERE.
    pub filter: Fragment,
    /// So many rows.
    pub rows: u64,
    /// What it reads, where pieces of it may be asked instead, each for its first rows: whoever reads them sorts what
    /// comes, and counts it off. None where the query leaves out rows at the beginning.
    pub pieces: Option<Pieces>,
}

/// A table that is meant to be asked piece by piece: whoever asks puts together what the pieces give, however many there
/// are.
#[derive(Clone, Debug)]
pub struct Pieces {
    /// The table, as the source is to be told.
    pub table: String,
    /// About how many pages it has.
    pub pages: u64,
}

/// One SELECT.
#[derive(Clone, Debug)]
pub struct Select {
    /// FROM
    pub from: From,
    /// WHERE: all of these
    pub filters: Vec<Fragment>,
    /// GROUP BY; no groups make one of all rows. None when nothing is aggregated.
    pub groups: Option<Vec<Operand>>,
    /// HAVING: all of these
    pub having: Vec<Fragment>,
    /// The select list.
    pub items: Vec<Operand>,
    /// What all windows in the select list are partitioned by: rows that agree in these decide upon each other's
    /// values. None when there is no window.
    pub partitions: Option<Vec<Operand>>,
    /// ORDER BY, as the dialect writes its members
    pub order: Vec<Fragment>,
    /// LIMIT
    pub limit: Option<u64>,
    /// OFFSET
    pub offset: u64,
}

/// What rows are read from.
#[derive(Clone, Debug)]
pub enum From {
    /// A table, ready to stand after FROM.
    Table(Fragment),
    /// A query, or several whose rows are put together by UNION ALL.
    Query {
        /// The queries; their columns are `c1`, `c2`, ..
        branches: Vec<Select>,
        /// Its alias.
        alias: String,
        /// How its columns are read around it.
        columns: Vec<Fragment>,
    },
    /// A join.
    Join {
        /// Whether rows of the left side stay that find no partner.
        outer: bool,
        /// The left side.
        left: Box<From>,
        /// The right side.
        right: Box<From>,
        /// ON: all of these; none for a cross join
        on: Vec<Fragment>,
    },
}

impl Select {
    /// All rows of `from`.
    pub fn new(from: From, items: Vec<Operand>) -> Self {
        Select {
            from,
            filters: vec![],
            groups: None,
            having: vec![],
            items,
            partitions: None,
            order: vec![],
            limit: None,
            offset: 0,
        }
    }

    /// Whether it gives only some of its rows.
    pub fn is_limited(&self) -> bool {
        self.limit.is_some() || self.offset > 0
    }

    /// Whether it is FROM, WHERE and a select list.
    pub fn is_plain(&self) -> bool {
        self.groups.is_none() && !self.is_limited() && !self.is_windowed()
    }

    /// Whether windows are among its items.
    pub fn is_windowed(&self) -> bool {
        self.partitions.is_some()
    }

    /// The SQL. With `named`, the columns are `c1`, `c2`, ..
    pub fn write(&self, dialect: &dyn RemoteDialect, named: bool) -> Fragment {
        let mut sql = Fragment::sql("SELECT ");
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                sql.push_sql(", ");
            }
            sql.push(&dialect.selected(item).sql);
            if named {
                sql.push_sql(&format!(" AS {}", dialect.quote(&column_name(index))));
            }
        }
        if self.items.is_empty() {
            sql.push_sql("1");
        }
        sql.push_sql(" FROM ");
        sql.push(&self.from.write(dialect));
        clause(&mut sql, " WHERE ", &self.filters, " AND ");
        if let Some(groups) = &self.groups {
            let keys: Vec<Fragment> = groups.iter().map(|group| group.sql.clone()).collect();
            clause(&mut sql, " GROUP BY ", &keys, ", ");
            clause(&mut sql, " HAVING ", &self.having, " AND ");
        }
        clause(&mut sql, " ORDER BY ", &self.order, ", ");
        sql.push_sql(&dialect.limited(self.limit, self.offset));
        sql
    }

    /// Keeps the rows whose `column`th item is among keys. True when that could be added.
    fn restrict(&mut self, dialect: &dyn RemoteDialect, function: Option<&str>, column: usize, slot: usize) -> bool {
        let Some(item) = self.items.get(column) else { return false };
        if self.is_limited() {
            return false;
        }
        let bare = item.bare().clone();
        // A partition is whole or gone.
        let is_whole = |partitions: &Vec<Operand>| partitions.iter().any(|partition| partition.bare().sql == bare.sql);
        if !self.partitions.as_ref().is_none_or(is_whole) {
            return false;
        }
        if !cleaning::takes_keys(dialect, function, &bare) {
            return false;
        }
        match &self.groups {
            None => {
                // Below, where the columns are: not every server takes the restriction down itself.
                if let From::Query { branches, columns, .. } = &mut self.from
                    && let Some(inner) = columns.iter().position(|column| *column == bare.sql)
                {
                    let mut below = branches.clone();
                    if below.iter_mut().all(|branch| branch.restrict(dialect, function, inner, slot)) {
                        *branches = below;
                        return true;
                    }
                }
                self.filters.push(Fragment::keys(slot, function, bare));
                true
            }
            // A group is whole or gone.
            Some(groups) if groups.iter().any(|group| group.sql == item.sql) => {
                self.filters.push(Fragment::keys(slot, function, bare));
                true
            }
            Some(_) => false,
        }
    }
}

/// The name of a query's column, for the query around it.
pub fn column_name(index: usize) -> String {
    format!("c{}", index + 1)
}

fn clause(sql: &mut Fragment, word: &str, members: &[Fragment], joint: &str) {
    if !members.is_empty() {
        sql.push_sql(word);
        sql.push(&Fragment::join(members, joint));
    }
}

impl From {
    fn write(&self, dialect: &dyn RemoteDialect) -> Fragment {
        match self {
            From::Table(table) => table.clone(),
            From::Query { branches, alias, .. } => {
                let branches: Vec<Fragment> = branches.iter().map(|branch| branch.write(dialect, true)).collect();
                Fragment::of(&format!("({{}}) {alias}"), &[&Fragment::join(&branches, " UNION ALL ")])
            }
            From::Join { outer, left, right, on } => {
                let (left, mut written) = (left.write(dialect), right.write(dialect));
                if matches!(right.as_ref(), From::Join { .. }) {
                    written = Fragment::of("({})", &[&written]);
                }
                let word = match (outer, on.is_empty()) {
                    (true, _) => "LEFT JOIN",
                    (false, true) => "CROSS JOIN",
                    (false, false) => "JOIN",
                };
                let mut sql = Fragment::of(&format!("{{}} {word} {{}}"), &[&left, &written]);
                match (outer, on.is_empty()) {
                    (true, true) => sql.push_sql(" ON 1 = 1"),
                    _ => clause(&mut sql, " ON ", on, " AND "),
                }
                sql
            }
        }
    }
}

impl RemoteQuery {
    /// A query that gives `columns`, one for each item.
    pub fn new(select: Select, columns: Vec<ColumnSpec>, tables: Vec<String>) -> Self {
        RemoteQuery { select, columns, tables, pieces: None, likely: None, keys: 0 }
    }

    /// The same query, restricted to rows whose output column, or the function of it, is among keys that are given when
    /// it is sent: the keys of the n-th call are the n-th given. None when its rows are counted off (LIMIT), the
    /// column is an aggregate's, or the source cannot be asked that.
    pub fn keyed(&self, dialect: &dyn RemoteDialect, function: Option<&str>, column: usize) -> Option<RemoteQuery> {
        let mut keyed = self.clone();
        keyed.select.restrict(dialect, function, column, self.keys).then(|| {
            keyed.keys += 1;
            keyed
        })
    }

    /// The query with the condition for where its rows are likely to be, and how many must come; none where nothing is
    /// known of that.
    pub fn likely(&self) -> Option<(RemoteQuery, u64)> {
        let Likely { filter, rows, .. } = self.likely.clone()?;
        let mut query = RemoteQuery { likely: None, ..self.clone() };
        query.select.filters.push(filter);
        Some((query, rows))
    }

    /// The statement for EXPLAIN.
    pub fn describe(&self, dialect: &dyn RemoteDialect) -> String {
        self.select.write(dialect, false).render(dialect, None).sql
    }

    /// The statement with these keys.
    pub fn render(&self, dialect: &dyn RemoteDialect, keys: &[Keys]) -> Rendered {
        self.select.write(dialect, false).render(dialect, Some(keys))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int32Array};
    use datafusion::scalar::ScalarValue;

    use super::*;
    use crate::catalog::types::PgType;
    use crate::federation::dialect::{Comparison, Fidelity, Parameter};
    use crate::sources::options::Options;

    #[derive(Debug)]
    struct Plain;

    impl RemoteDialect for Plain {
        fn quote(&self, identifier: &str) -> String {
            identifier.to_string()
        }

        fn table_name(&self, _: &Options, name: &str) -> String {
            name.to_string()
        }

        fn compares(&self, _: &ColumnSpec, _: Comparison, _: &ScalarValue) -> Option<Fidelity> {
            Some(Fidelity::Exact)
        }

        fn placeholder(&self, index: usize, _: &ColumnSpec) -> String {
            format!("${index}")
        }
    }

    fn column(sql: &str) -> Operand {
        Operand::new(Fragment::sql(sql), ColumnSpec::new("c", PgType::Int4))
    }

    fn query(select: Select) -> RemoteQuery {
        RemoteQuery::new(select, vec![], vec![])
    }

    fn table() -> From {
        From::Table(Fragment::sql("t t1"))
    }

    #[test]
    fn clauses_stand_in_their_order_and_placeholders_are_numbered_last() {
        let parameter = |value| Parameter { value: ScalarValue::Int32(Some(value)), column: column("a").column };
        let mut select =
            Select::new(table(), vec![column("t1.a"), Operand::new(Fragment::sql("count(*)"), column("n").column)]);
        select.groups = Some(vec![column("t1.a")]);
        select.having.push(Fragment::of("count(*) > {}", &[&Fragment::parameter(parameter(2))]));
        select.filters.push(Fragment::of("t1.b = {}", &[&Fragment::parameter(parameter(1))]));
        select.order.push(Plain.ordered(&Fragment::sql("t1.a"), true, false));
        select.limit = Some(3);
        select.offset = 4;
        let rendered = query(select).render(&Plain, &[]);
        assert_eq!(
            rendered.sql,
            "SELECT t1.a, count(*) FROM t t1 WHERE t1.b = $1 GROUP BY t1.a HAVING count(*) > $2 \
             ORDER BY t1.a ASC NULLS LAST LIMIT 3 OFFSET 4"
        );
        let values: Vec<ScalarValue> = rendered.parameters.into_iter().map(|p| p.value).collect();
        assert_eq!(values, [ScalarValue::Int32(Some(1)), ScalarValue::Int32(Some(2))]);
    }

    #[test]
    fn keys_go_below_groups_and_unions_and_never_below_a_limit() {
        let keys = Keys { values: Arc::new(Int32Array::from(vec![7, 8])) as ArrayRef };
        let mut grouped = Select::new(table(), vec![column("t1.a"), column("count(*)")]);
        grouped.groups = Some(vec![column("t1.a")]);
        let keyed = query(grouped.clone()).keyed(&Plain, None, 0).unwrap();
        assert_eq!(
            keyed.describe(&Plain),
            "SELECT t1.a, count(*) FROM t t1 WHERE t1.a IN (keys found while it runs) GROUP BY t1.a"
        );
        assert_eq!(
            keyed.render(&Plain, std::slice::from_ref(&keys)).sql,
            "SELECT t1.a, count(*) FROM t t1 WHERE (t1.a IN ($1, $2)) GROUP BY t1.a"
        );
        assert!(query(grouped.clone()).keyed(&Plain, None, 1).is_none());
        let mut limited = Select::new(table(), vec![column("t1.a")]);
        limited.limit = Some(1);
        assert!(query(limited).keyed(&Plain, None, 0).is_none());
        let from = From::Query { branches: vec![grouped], alias: "q2".into(), columns: vec![Fragment::sql("q2.c1")] };
        let outer = query(Select::new(from, vec![column("q2.c1")])).keyed(&Plain, None, 0).unwrap();
        assert_eq!(
            outer.render(&Plain, &[keys]).sql,
            "SELECT q2.c1 FROM (SELECT t1.a AS c1, count(*) AS c2 FROM t t1 WHERE (t1.a IN ($1, $2)) GROUP BY t1.a) q2"
        );
        let number = column("row_number() OVER (PARTITION BY t1.a ORDER BY t1.b)");
        let mut windowed = Select::new(table(), vec![column("t1.a"), column("t1.b"), number]);
        windowed.partitions = Some(vec![column("t1.a")]);
        assert!(query(windowed.clone()).keyed(&Plain, None, 1).is_none(), "the rows of a partition number each other");
        assert!(query(windowed.clone()).keyed(&Plain, None, 2).is_none());
        assert!(query(windowed).keyed(&Plain, None, 0).is_some());
        let empty = Keys { values: Arc::new(Int32Array::from(Vec::<i32>::new())) };
        assert!(outer.render(&Plain, &[empty]).sql.contains("WHERE (1 = 0)"));
    }
}
