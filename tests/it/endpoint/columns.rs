//! The columns of answers: expressions that DataFusion would name alike, and types that are no Arrow types.

use super::super::support::wire::{Fault, alike, all_well, is_known};
use super::super::support::{Fixtures, Outcome, Project, block_on};

const TABLE: [&str; 2] = [
    "CREATE TABLE c (g integer, v bigint, a integer, b boolean, s text)",
    "INSERT INTO c VALUES (1, 10, 1, true, 'x'), (1, 20, 1, false, 'y'), (2, 5, 2, true, 'x'), (2, NULL, 3, NULL, NULL)",
];

/// Expressions that differ by a cast, or not at all.
pub fn casts(fixtures: &Fixtures) -> Outcome {
    let statements = [
        "SELECT sum(v), sum(v::int4) FROM c",
        "SELECT sum(1), sum(1::int4)",
        "SELECT sum(1), sum(1::int8), sum(1::numeric(4,1)) FROM c",
        "SELECT sum(v) + sum(v::int4) FROM c",
        "SELECT count(a), count(a::text), count(DISTINCT a), count(DISTINCT a::text), count(*), count(*) FROM c",
        "SELECT max(date '2020-01-01'), max('2020-01-01'), max('2020-01-01'::text)",
        "SELECT string_agg(s, ',' ORDER BY a), string_agg(s::text, ',' ORDER BY a) FROM c WHERE g = 1",
        "SELECT a + 1, (a::int8) + 1 FROM c GROUP BY a + 1, (a::int8) + 1 ORDER BY 1",
        "SELECT a + 1, (a::int8) + 1 FROM c GROUP BY 1, 2 ORDER BY 1",
        "SELECT a::int8, a::text, count(*) FROM c GROUP BY 1, 2 ORDER BY 2 DESC",
        "SELECT a::int8, a::text, sum(v), sum(v::INTEGER) FROM c GROUP BY a::BIGINT, a::text ORDER BY a::text",
        "SELECT CASE WHEN a = 1 THEN 1 END, CASE WHEN a::int8 = 1 THEN 1 END FROM c GROUP BY 1, 2 ORDER BY 1",
        "SELECT upper(s), upper(s::varchar(1)) FROM c GROUP BY upper(s), upper(s::varchar(1)) ORDER BY 1",
        "SELECT g::text, g::int8, sum(v), sum(v::int4) FROM c GROUP BY ROLLUP (g::text, g::int8) ORDER BY 1, 2, 3, 4",
        "SELECT g, sum(v) FROM c GROUP BY g HAVING sum(v::int4) > 6 ORDER BY sum(v::numeric(9,1))",
        "SELECT g FROM c GROUP BY g HAVING max(s::text) = 'y' AND max(s) = 'y'",
        "SELECT g, max(a::text) AS x, max(a) AS y FROM c GROUP BY g ORDER BY max(a::text) DESC, y",
        "SELECT max(a) FROM c HAVING max(a::int8) > 1 ORDER BY max(a::text)",
        "SELECT sum(v) OVER (PARTITION BY g), sum(v::int4) OVER (PARTITION BY g) FROM c",
        "SELECT sum(v) OVER (PARTITION BY g), sum(v) OVER (PARTITION BY g::text) FROM c",
        "SELECT sum(v) OVER w, sum(v::int4) OVER w FROM c WINDOW w AS (ORDER BY a, v)",
        "SELECT DISTINCT a + 1, (a::int8) + 1 FROM c ORDER BY 1",
        "SELECT DISTINCT a::int8, a::text FROM c ORDER BY 1",
        "SELECT * FROM (SELECT sum(v) AS x, sum(v::int4) AS y FROM c) AS q",
        "WITH q AS (SELECT sum(v), sum(v::int4) AS y FROM c) SELECT * FROM q",
        "SELECT (SELECT sum(v) + sum(v::int4) FROM c), 1",
        "SELECT sum(v), sum(v::int4) FROM c UNION ALL SELECT 1, 2 ORDER BY 1",
        "SELECT sum(a) AS \"sum(c.a)\", sum(a::int8) FROM c",
        // The same expression twice.
        "SELECT count(*), count(*) FROM c GROUP BY g HAVING count(*) > 1 ORDER BY count(*)",
        "SELECT max(a) AS x, max(a) AS y FROM c GROUP BY g ORDER BY max(a) DESC",
        "SELECT a + g, a + g, count(*), count(*) FROM c GROUP BY a + g HAVING count(*) > 0 ORDER BY count(*), a + g",
        "SELECT DISTINCT count(*), count(*) FROM c",
        // Sums of sums of integers are numeric once.
        "SELECT sum(sum(a)) OVER () FROM c",
        "SELECT g, sum(sum(a)) OVER (ORDER BY g) FROM c GROUP BY g ORDER BY g",
        "SELECT sum(x), max(x) FROM (SELECT sum(a) AS x FROM c GROUP BY g) AS q",
        "SELECT sum(DISTINCT a), sum(a::int2) FROM c",
        "SELECT count(DISTINCT a), sum(a), sum(v) FROM c",
        "SELECT g, count(DISTINCT s), sum(a), max(a) FROM c GROUP BY g ORDER BY g",
        "SELECT sum(DISTINCT a), sum(DISTINCT v), max(v) FROM c",
        "SELECT sum(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM c ORDER BY 1",
        // A text beside booleans is one.
        "SELECT count(*) FROM c WHERE b = 't'",
        "SELECT count(*) FROM c WHERE b IN ('f', 'yes')",
        "SELECT CASE b WHEN 't' THEN 1 WHEN 'off' THEN 2 ELSE 3 END FROM c ORDER BY 1",
        "SELECT count(*) FROM c WHERE b <> 'maybe'",
    ];
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE columns_casts");
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("columns_casts").await);
        alike(&ours, &theirs, &[TABLE.as_slice(), statements.as_slice()].concat(), Fault::code).await
    })
}

/// Types that a field says in its metadata, through whatever gives the values on.
pub fn kept_types(fixtures: &Fixtures) -> Outcome {
    const KINDS: [&str; 8] = ["uuid", "jsonb", "json", "varchar", "name", "oid", "int4", "text"];
    const FORMS: [&str; 14] = [
        "coalesce(v, v)",
        "CASE WHEN true THEN v END",
        "CASE WHEN true THEN v ELSE NULL END",
        "array_agg(v)",
        "(array_agg(v))[1]",
        "ARRAY[v]",
        "ARRAY[v, v]",
        "array_append(ARRAY[v], v)",
        "unnest(ARRAY[v])",
        "first_value(v) OVER ()",
        "lag(v) OVER ()",
        "array_agg(v) OVER ()",
        "coalesce(CASE WHEN true THEN v END, v)",
        "unnest(array_agg(v))",
    ];
    let mut statements = vec![];
    for kind in KINDS {
        for form in FORMS {
            statements.push(format!("SELECT {form} AS v FROM (SELECT NULL::{kind} AS v) AS q"));
        }
        statements.push(format!("SELECT v FROM (SELECT NULL::{kind} AS v UNION ALL SELECT NULL::{kind}) AS q"));
        statements.push(format!("SELECT v[1] FROM (SELECT array_agg(v) AS v FROM (SELECT NULL::{kind} AS v) r) AS q"));
    }
    for (kind, functions) in [("varchar", "min(v)"), ("oid", "max(v)"), ("name", "max(v)"), ("date", "min(v)")] {
        statements.push(format!("SELECT {functions} AS v FROM (SELECT NULL::{kind} AS v) AS q"));
    }
    // What has no value is of type `void`.
    statements.push("SELECT pg_sleep(0)".to_string());
    statements.push("SELECT pg_notify('a', 'b')".to_string());
    statements.push("SELECT indkey, indoption, indclass, indcollation FROM pg_index".to_string());
    let postgres = fixtures.postgres();
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("postgres").await);
        let mut differing = vec![];
        for statement in &statements {
            let mut seen = vec![];
            for client in [&ours, &theirs] {
                let said = client.prepare(statement).await.map_err(|error| Fault::from(error).code());
                seen.push(
                    said.map(|said| said.columns().iter().map(|c| c.type_().name().to_string()).collect::<Vec<_>>()),
                );
            }
            let [here, there] = seen.as_slice() else { continue };
            if here != there && !is_known(statement) {
                differing.push(format!("{statement}\n    here:       {here:?}\n    PostgreSQL: {there:?}"));
            }
        }
        all_well(&differing, statements.len())
    })
}

/// Which column of which relation a column of an answer is, as drivers are told.
pub fn origins(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE origins");
    let statements = [
        "SELECT * FROM c",
        "SELECT s AS x, a + 1, c.g FROM c WHERE v > 1 ORDER BY b LIMIT 1",
        "SELECT x.*, y.n FROM c x JOIN d y ON x.a = y.n",
        "SELECT a, n FROM c LEFT JOIN d ON a = n",
        "SELECT q.t FROM (SELECT s AS t, a FROM c) q WHERE a > 0",
        "WITH q AS (SELECT a, max(v) AS m FROM c GROUP BY a) SELECT a, m FROM q",
        "SELECT g, count(*) FROM c GROUP BY g",
        "SELECT DISTINCT s FROM c",
        "SELECT a, row_number() OVER (ORDER BY a) FROM c",
        "SELECT a FROM c UNION SELECT n FROM d",
        "SELECT * FROM vc",
        "SELECT w.a FROM (SELECT * FROM vc) w",
        "SELECT (SELECT max(n) FROM d), a FROM c",
        "SELECT n FROM generate_series(1, 2) AS n",
        "SELECT 1, NULL, now()",
        "VALUES (1)",
        "SELECT a FROM c WHERE a = $1::int",
        "SELECT relname, oid FROM pg_class",
        "SELECT table_name FROM information_schema.tables",
    ];
    block_on(async {
        let [ours, theirs] = [onerow.client().await, postgres.client("origins").await];
        for client in [&ours, &theirs] {
            for statement in
                TABLE.into_iter().chain(["CREATE TABLE d (n integer)", "CREATE VIEW vc AS SELECT s, a FROM c"])
            {
                client.batch_execute(statement).await.map_err(|error| format!("{statement}: {error}"))?;
            }
        }
        let mut differing = vec![];
        for statement in statements {
            let mut told = vec![];
            for client in [&ours, &theirs] {
                let prepared = client.prepare(statement).await.map_err(|error| format!("{statement}: {error}"))?;
                let mut named = vec![];
                for column in prepared.columns() {
                    let relation = match column.table_oid() {
                        Some(oid) if oid != 0 => {
                            let name = format!("SELECT relname FROM pg_class WHERE oid = {oid}");
                            let found = client.simple_query(&name).await.map_err(|error| error.to_string())?;
                            let name = found.iter().find_map(|message| match message {
                                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_string),
                                _ => None,
                            });
                            name.unwrap_or_else(|| format!("nothing of OID {oid}"))
                        }
                        _ => "-".to_string(),
                    };
                    named.push(format!("{relation}.{}", column.column_id().unwrap_or_default()));
                }
                told.push(named.join(" "));
            }
            if told.first() != told.last() {
                differing.push(format!("{statement}: {}", told.join("  PostgreSQL: ")));
            }
        }
        all_well(&differing, statements.len())
    })
}
