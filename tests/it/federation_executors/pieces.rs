//! Aggregates that are asked of pieces of a table, and the first rows of a sort where statistics say they are.

use crate::support::wire::{Rows, rows};
use crate::support::{Fixtures, Outcome, Project, block_on};

/// The same answer from two servers of one database, one read over four connections, from what is computed here alone,
/// and from PostgreSQL.
pub fn put_together(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA pieces;
         CREATE TABLE pieces.t AS
           SELECT CASE WHEN g % 11 > 0 THEN (g * 7919 % 50021 - 20000)::integer END AS near,
                  (ARRAY[g, -g, 9223372036854775807, -9223372036854775808, 2147483648, NULL])[g % 6 + 1]::bigint AS far,
                  (g % 300)::smallint AS small, CASE WHEN g % 5 > 0 THEN g / 100.0 END::numeric(12,2) AS amount,
                  CASE g % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'Ç' END AS name, g / 3.0::double precision AS double,
                  repeat('x', 60) AS pad
             FROM generate_series(1::bigint, 300000) AS g;
         DELETE FROM pieces.t WHERE small = 7;
         CREATE TABLE pieces.none AS SELECT * FROM pieces.t; ANALYZE pieces.t; ANALYZE pieces.none; DELETE FROM pieces.none;",
    );
    let imported = |name: &str, parts: u8| {
        format!(
            "{} IMPORT FOREIGN SCHEMA pieces FROM SERVER {name} INTO {name};\n",
            postgres.declared_with(name, &format!(", parallel_reads '{parts}'"))
        )
    };
    let project = Project::new(&format!("{}{}", imported("parted", 4), imported("whole", 1)));
    let onerow = project.serve();
    let packed = [
        "count(DISTINCT near), sum(amount) FROM {}.t",
        "count(DISTINCT far), count(*), count(amount), min(name), max(far), min(near) FROM {}.t",
        "count(DISTINCT near) AS n, count(DISTINCT far), count(DISTINCT small), sum(near), sum(far) FROM {}.t",
        "count(DISTINCT near) FILTER (WHERE name = 'Ç'), count(*) FILTER (WHERE amount > 5), sum(small) FROM {}.t",
        "count(DISTINCT near + 1), sum(amount) FROM {}.t t",
        "count(DISTINCT near) * 2 + count(*), max(amount) FROM {}.t",
        "count(DISTINCT near), sum(amount), count(*) FROM {}.none",
        "count(DISTINCT near), sum(amount) FROM {}.t HAVING count(*) > 5",
    ];
    let not_packed = [
        // Its last digits depend on the order of rows.
        "count(DISTINCT near), round(sum(double)) FROM {}.t",
        "count(DISTINCT name), sum(amount) FROM {}.t",
        // Few rows, as far as is known: counted there.
        "count(DISTINCT near + 1), sum(amount) FROM {}.t t WHERE amount > 1000.50 AND name <> ''' OR 1=1 --'",
        "name, count(DISTINCT near), sum(amount) FROM {}.t GROUP BY name ORDER BY name",
    ];
    block_on(async {
        let (client, source) = (onerow.client().await, postgres.client("postgres").await);
        for (queries, is_packed) in [(&packed[..], true), (&not_packed[..], false)] {
            for sql in queries.iter().map(|query| format!("SELECT {query}")) {
                rows(&client, "SET onerow.push_down = on").await?;
                let plan = format!("{:?}", rows(&client, &format!("EXPLAIN {}", sql.replace("{}", "parted"))).await?);
                same!(plan.contains("string_agg("), is_packed, "{sql}: {plan}");
                if is_packed {
                    holds!(plan, "parts by ctid, one snapshot");
                }
                let expected: Rows = rows(&source, &sql.replace("{}", "pieces")).await?;
                for push_down in ["on", "always", "filters", "off"] {
                    rows(&client, &format!("SET onerow.push_down = {push_down}")).await?;
                    for server in ["parted", "whole"] {
                        let found = rows(&client, &sql.replace("{}", server)).await?;
                        same!(found, expected, "{sql} of {server}, push_down = {push_down}");
                    }
                }
            }
        }
        Ok(())
    })
}

/// Sorted by columns without an index, up and down, with nulls first and last: the rows of PostgreSQL, whether or not
/// its statistics are right.
pub fn first_rows(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA first_rows;
         CREATE TABLE first_rows.t AS
           SELECT g AS id, CASE WHEN g % 50000 > 0 THEN g * 48271 % 100003 / 100.0 END::numeric(10,2) AS amount,
                  timestamp '1969-12-31 23:00' + (g * 7919 % 200003)::integer * interval '1 minute' AS at,
                  date '9999-12-31' - (g * 31 % 100003)::integer AS day, g * 7 % 40 AS few, g * 7919 % 200003 AS sorted, repeat('x', 30) AS pad
             FROM generate_series(1::bigint, 200000) AS g;
         CREATE INDEX ON first_rows.t (sorted); ANALYZE first_rows.t;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA first_rows FROM SERVER s INTO s;",
        postgres.declared_with("s", ", parallel_reads '2'")
    ));
    let onerow = project.serve();
    let queries = [
        ("SELECT id, amount FROM {}.t ORDER BY amount DESC NULLS LAST, id LIMIT 10", true),
        ("SELECT id, amount FROM {}.t ORDER BY amount DESC, id LIMIT 10", true),
        ("SELECT amount, id FROM {}.t ORDER BY amount, id LIMIT 7 OFFSET 3", true),
        ("SELECT amount, id FROM {}.t ORDER BY amount NULLS FIRST, id DESC LIMIT 20", true),
        ("SELECT at AS moment, id FROM {}.t t ORDER BY moment DESC, id LIMIT 5", true),
        ("SELECT id, day FROM {}.t ORDER BY day, id LIMIT 12", true),
        // More than the tail holds, a value that repeats, an index, a filter: as before.
        ("SELECT id FROM {}.t ORDER BY amount, id LIMIT 1500", false),
        ("SELECT id FROM {}.t ORDER BY few DESC, id LIMIT 3", false),
        ("SELECT id FROM {}.t ORDER BY sorted DESC LIMIT 3", false),
        ("SELECT id FROM {}.t WHERE id % 3 = 0 ORDER BY amount DESC NULLS LAST, id LIMIT 3", false),
    ];
    block_on(async {
        let (client, source) = (onerow.client().await, postgres.client("postgres").await);
        // Statistics are read behind the first query.
        for _ in 0..100 {
            let plan = rows(&client, &format!("EXPLAIN {}", queries[0].0.replace("{}", "s"))).await?;
            if format!("{plan:?}").contains("first where ") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        for (sql, is_likely) in queries {
            let plan = format!("{:?}", rows(&client, &format!("EXPLAIN {}", sql.replace("{}", "s"))).await?);
            same!(plan.contains("first where "), is_likely, "{sql}: {plan}");
            let in_parts = is_likely && !sql.contains("OFFSET");
            same!(plan.contains("statistics, in 2 parts by ctid, one snapshot"), in_parts, "{sql}: {plan}");
            let expected = rows(&source, &sql.replace("{}", "first_rows")).await?;
            same!(rows(&client, &sql.replace("{}", "s")).await?, expected, "{sql}");
        }
        // What the statistics know of is gone.
        postgres.sql("DELETE FROM first_rows.t WHERE amount IS NULL OR amount > 900 OR amount < 100");
        for (sql, _) in queries {
            let expected = rows(&source, &sql.replace("{}", "first_rows")).await?;
            same!(rows(&client, &sql.replace("{}", "s")).await?, expected, "{sql}, after a deletion");
        }
        Ok(())
    })
}
