//! Whole parts of queries at PostgreSQL, MariaDB and SQLite: what is sent, and that the rows are those made here.

use rusqlite::Connection;
use tokio_postgres::Client;

use super::Test;
use super::support::pushdown::{UGLY_TEXTS, quoted};
use super::support::wire::{Fault, Rows, all_well, rows};
use super::support::{Fixtures, Onerow, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("postgres_runs_what_it_runs_alike", postgres),
    ("mariadb_runs_what_it_runs_alike", mariadb),
    ("sqlite_runs_what_it_runs_alike", sqlite),
    ("texts_longer_than_a_server_sorts", long_texts),
    ("cleaned_texts_are_found_by_their_columns", cleaned),
    ("errors_are_those_made_here", errors),
    ("tables_of_two_servers_meet_here", two_servers),
    ("zones_stay_those_of_their_tables", zones),
    ("the_setting_is_checked", setting),
];

/// A query; for each kind, what its one statement holds. An empty text: it is not sent whole, and EXPLAIN says why.
struct Case {
    sql: &'static str,
    postgres: &'static str,
    mariadb: &'static str,
    sqlite: &'static str,
}

const fn case(sql: &'static str, postgres: &'static str, mariadb: &'static str, sqlite: &'static str) -> Case {
    Case { sql, postgres, mariadb, sqlite }
}

/// The same words everywhere.
const fn all(sql: &'static str, part: &'static str) -> Case {
    case(sql, part, part, part)
}

/// Over `customer (id, name, city, code)` and `orders (id, customer_id, n, big, price, ratio, label, at)`, whose texts
/// are ugly and whose numbers are partly null.
const CASES: &[Case] = &[
    all("SELECT city, count(*) FROM s.customer GROUP BY city", "GROUP BY"),
    all("SELECT DISTINCT city FROM s.customer", "GROUP BY"),
    all("SELECT count(*), count(city), min(name), max(name), min(id), max(id) FROM s.customer", "count(*)"),
    all("SELECT count(DISTINCT city), count(DISTINCT name) FROM s.customer", "count(DISTINCT"),
    all("SELECT count(DISTINCT city) FROM s.customer", "count("),
    all("SELECT city, count(*) AS c FROM s.customer GROUP BY city HAVING count(*) > 2", "HAVING"),
    all("SELECT city, min(name) FROM s.customer WHERE name > 'A' AND id <> 7 GROUP BY city", "WHERE"),
    all("SELECT c.name, o.n FROM s.customer c JOIN s.orders o ON o.customer_id = c.id WHERE o.n > 0", " JOIN "),
    all("SELECT a.id, b.id FROM s.customer a JOIN s.customer b ON a.city = b.name", " JOIN "),
    all(
        "SELECT c.id, o.id, o.label FROM s.customer c LEFT JOIN s.orders o ON o.customer_id = c.id AND o.n > 1",
        "LEFT JOIN",
    ),
    all("SELECT o.id, c.name FROM s.customer c RIGHT JOIN s.orders o ON o.customer_id = c.id", "LEFT JOIN"),
    all(
        "SELECT c.id, x.mark FROM s.customer c LEFT JOIN (SELECT id, city || '!' AS mark FROM s.customer WHERE id < 9) x ON x.id = c.id",
        "LEFT JOIN",
    ),
    all(
        "SELECT id FROM s.customer c WHERE EXISTS (SELECT 1 FROM s.orders o WHERE o.customer_id = c.id AND o.n > 1)",
        "(EXISTS",
    ),
    all("SELECT id FROM s.customer WHERE id IN (SELECT customer_id FROM s.orders WHERE n < 0)", "(EXISTS"),
    // MariaDB would give a text the remembered answer for another that its collation takes for equal.
    case(
        "SELECT id FROM s.customer c WHERE NOT EXISTS (SELECT 1 FROM s.orders o WHERE o.label = c.city)",
        "(NOT EXISTS",
        "",
        "(NOT EXISTS",
    ),
    all("SELECT id FROM s.customer WHERE id NOT IN (SELECT customer_id FROM s.orders)", "(NOT EXISTS"),
    all(
        "SELECT id FROM s.customer WHERE id NOT IN (SELECT customer_id FROM s.orders WHERE customer_id > 5)",
        "(NOT EXISTS",
    ),
    all("SELECT id, name FROM s.customer ORDER BY name DESC NULLS LAST, id LIMIT 7", "LIMIT 7"),
    all("SELECT id, city FROM s.customer ORDER BY city, id LIMIT 5", "LIMIT 5"),
    all("SELECT id, city FROM s.customer ORDER BY city DESC, id LIMIT 5 OFFSET 3", "OFFSET 3"),
    all("SELECT id, city FROM s.customer ORDER BY city NULLS FIRST, id DESC OFFSET 30", "OFFSET 30"),
    all("SELECT id, 2 AS two, city FROM s.customer ORDER BY two, id LIMIT 3", "LIMIT 3"),
    all("SELECT count(*) FROM (SELECT id FROM s.customer LIMIT 10 OFFSET 5) t", "OFFSET 5"),
    all("SELECT count(*) FROM (SELECT id FROM s.customer WHERE name > 'Z' LIMIT 1000) t WHERE id > 3", "LIMIT 1000"),
    all(
        "SELECT name, count(*) FROM (SELECT name FROM s.customer UNION ALL SELECT label FROM s.orders) u GROUP BY name",
        "UNION ALL",
    ),
    all("SELECT count(*) FROM (SELECT name FROM s.customer UNION SELECT city FROM s.customer) u", "UNION ALL"),
    all(
        "SELECT origin, count(*) FROM (SELECT 'it''s \\' AS origin, id FROM s.customer UNION ALL SELECT 'o', id FROM s.orders) u GROUP BY origin",
        "UNION ALL",
    ),
    all(
        "SELECT CASE WHEN n > 0 THEN 'more' WHEN n < 0 THEN 'less' ELSE 'none' END AS sign, count(*) FROM s.orders GROUP BY 1",
        "CASE WHEN",
    ),
    all("SELECT count(*) FILTER (WHERE n > 0), count(n) FILTER (WHERE label = 'Ann') FROM s.orders", "CASE WHEN"),
    all("SELECT coalesce(city, 'nowhere'), count(*) FROM s.customer GROUP BY 1", "CASE WHEN"),
    all("SELECT city || '/' || name AS pair, count(*) FROM s.customer GROUP BY 1", "GROUP BY"),
    all("SELECT trim(city) AS t, count(*) FROM s.customer GROUP BY 1", "GROUP BY"),
    all("SELECT id::text AS t, count(*) FROM s.orders GROUP BY 1", "GROUP BY"),
    all("SELECT count(*) FROM s.orders WHERE id::text = '42' AND label IS NOT NULL", "count(*)"),
    all("SELECT count(*) FROM s.customer a JOIN s.customer b ON a.city IS NOT DISTINCT FROM b.city", "count(*)"),
    all("SELECT count(*) FROM s.customer WHERE name = city OR name < city", "count(*)"),
    all("SELECT c.city, count(*) FROM s.customer c JOIN s.orders o ON o.customer_id = c.id GROUP BY c.city", " JOIN "),
    all("SELECT count(*) FROM (SELECT city FROM s.customer GROUP BY city ORDER BY city LIMIT 3) t", "LIMIT 3"),
    all(
        "SELECT city, c FROM (SELECT city, count(*) AS c FROM s.customer GROUP BY city) t ORDER BY c DESC, city LIMIT 4",
        "LIMIT 4",
    ),
    case("SELECT label, sum(n), sum(big), sum(price), sum(n + big) FROM s.orders GROUP BY label", "sum(", "sum(", ""),
    case("SELECT customer_id, sum(price * 2) FROM s.orders GROUP BY customer_id", "sum(", "", ""),
    case("SELECT label, avg(price) FROM s.orders GROUP BY label", "div(sum(", "", ""),
    case("SELECT date_trunc('month', at) AS m, count(*) FROM s.orders GROUP BY 1", "date_trunc('month'", "", ""),
    case("SELECT extract(year FROM at) AS y, count(*) FROM s.orders GROUP BY 1", "date_part('year'", "", ""),
    case("SELECT label, max(price), min(at) FROM s.orders GROUP BY label", "max(", "", ""),
    case("SELECT length(name) AS l, count(*) FROM s.customer GROUP BY 1", "length(", "CHAR_LENGTH(", ""),
    case("SELECT n / 2 AS half, n % 2 AS odd, count(*) FROM s.orders WHERE n <> 0 GROUP BY 1, 2", "GROUP BY", "", ""),
    // Rounding and the order of addition are the engine's own.
    all("SELECT label, sum(ratio) FROM s.orders GROUP BY label", ""),
    all("SELECT label, avg(n) FROM s.orders GROUP BY label", ""),
    all("SELECT upper(city) AS u, count(*) FROM s.customer GROUP BY 1", ""),
    all("SELECT label, min(n) FROM s.orders WHERE normalize_text(label) = 'ann' GROUP BY label", ""),
    all("SELECT id, row_number() OVER (ORDER BY id) FROM s.customer", ""),
    // The first of each group, and what else windows are asked for.
    all(
        "SELECT id, city FROM (SELECT id, city, row_number() OVER (PARTITION BY city ORDER BY id DESC) AS r FROM s.customer) t WHERE r <= 2",
        "row_number() OVER (PARTITION BY",
    ),
    all(
        "SELECT name FROM (SELECT name, rank() OVER (ORDER BY city DESC NULLS LAST) AS k FROM s.customer WHERE id > 3) t WHERE k < 7",
        "rank() OVER (ORDER BY",
    ),
    all(
        "SELECT id, k FROM (SELECT id, dense_rank() OVER (PARTITION BY customer_id ORDER BY n NULLS FIRST) AS k FROM s.orders) t WHERE k = 3",
        "dense_rank() OVER (PARTITION BY",
    ),
    // A text without a length is longer than MariaDB looks when it sorts.
    case(
        "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY label ORDER BY id) AS r FROM s.orders) t WHERE r = 1",
        "row_number() OVER (PARTITION BY",
        "",
        "row_number() OVER (PARTITION BY",
    ),
    all(
        "SELECT id FROM (SELECT id, n, lag(n) OVER (PARTITION BY customer_id ORDER BY id) AS b FROM s.orders) t WHERE b > n",
        "lag(",
    ),
    all(
        "SELECT id FROM (SELECT id, city, lead(city, 2) OVER (ORDER BY id) AS b FROM s.customer) t WHERE b = city",
        "lead(",
    ),
    case(
        "SELECT id, b FROM (SELECT id, lag(big, 3, 7) OVER (ORDER BY id) AS b FROM s.orders) t WHERE b = 7",
        "lag(",
        "",
        "lag(",
    ),
    all(
        "SELECT f, count(*) FROM (SELECT first_value(city) OVER (PARTITION BY code ORDER BY id) AS f FROM s.customer) t GROUP BY f",
        "first_value(",
    ),
    all(
        "SELECT id FROM (SELECT id, last_value(n) OVER (PARTITION BY customer_id ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS l FROM s.orders) t WHERE l IS NULL",
        "last_value(",
    ),
    case(
        "SELECT id, s FROM (SELECT id, sum(n) OVER (PARTITION BY customer_id ORDER BY id) AS s FROM s.orders) t WHERE s > 3",
        "sum(",
        "sum(",
        "",
    ),
    all(
        "SELECT id FROM (SELECT id, count(*) OVER (PARTITION BY customer_id) AS c, count(n) FILTER (WHERE n > 0) OVER (ORDER BY customer_id) AS d FROM s.orders) t WHERE c > 4 AND d < 40",
        "count(*) OVER (PARTITION BY",
    ),
    all(
        "SELECT id, m FROM (SELECT id, n, max(n) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING) AS m, min(n) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 2 PRECEDING) AS l FROM s.orders) t WHERE m = n AND l < m",
        "ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING",
    ),
    all("SELECT id, row_number() OVER (ORDER BY id DESC) AS r FROM s.customer ORDER BY r DESC LIMIT 4", "LIMIT 4"),
    all(
        "SELECT r, count(*) FROM (SELECT row_number() OVER (PARTITION BY city ORDER BY id) AS r FROM s.customer) t GROUP BY r",
        "row_number() OVER",
    ),
    all(
        "SELECT t.id, o.n FROM (SELECT id, row_number() OVER (PARTITION BY city ORDER BY id) AS r FROM s.customer) t JOIN s.orders o ON o.id = t.id WHERE t.r = 1",
        "row_number() OVER",
    ),
    all("SELECT id FROM (SELECT id, sum(ratio) OVER (ORDER BY id) AS s FROM s.orders) t WHERE s > 1", ""),
    all(
        "SELECT id FROM (SELECT id, count(*) OVER (ORDER BY id RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) AS c FROM s.orders) t WHERE c < 3",
        "",
    ),
];

/// The rows of both tables as SQL, with this way to write a text.
fn values(text: fn(&str) -> String) -> (String, String) {
    let at = |index: usize| UGLY_TEXTS.get(index % UGLY_TEXTS.len()).copied().unwrap_or_default();
    let cities = ["Ann", "ann", "ANN ", "Änn", "", "Straße", "O'Brien", r"back\slash", "张伟"];
    let customers: Vec<String> = (0..UGLY_TEXTS.len() + 4)
        .map(|id| {
            let name = if id < UGLY_TEXTS.len() { text(at(id)) } else { "NULL".to_string() };
            let city = match id % 10 {
                9 => "NULL".to_string(),
                place => text(cities.get(place).copied().unwrap_or_default()),
            };
            format!("({id}, {name}, {city}, {})", text(at(id * 5)))
        })
        .collect();
    let orders: Vec<String> = (0..120usize)
        .map(|id| {
            let customer = if id % 11 == 0 { "NULL".to_string() } else { (id * 13 % 50).to_string() };
            let n = if id % 9 == 0 { "NULL".to_string() } else { (id as i64 % 7 - 3).to_string() };
            let big = (id as i64 - 60) * 76_861_433_640_456_465;
            let price = format!("{}{}.{:02}", if id % 4 == 0 { "-" } else { "" }, id * 37 % 300, id * 7 % 100);
            let at_text = format!("'20{:02}-{:02}-{:02} {:02}:10:20.5'", id % 30, id % 12 + 1, id % 28 + 1, id % 24);
            format!("({id}, {customer}, {n}, {big}, {price}, {}.25, {}, {at_text})", id, text(at(id * 3)))
        })
        .collect();
    (customers.join(", "), orders.join(", "))
}

async fn shown(client: &Client, mode: &str, sql: &str) -> Result<Rows, Fault> {
    let mut found = rows(client, &format!("SET onerow.push_down = {mode}; {sql}")).await?;
    // What is cut off is chosen by a total order; the rest is a set.
    if !sql.contains("LIMIT") && !sql.contains("OFFSET") {
        found.sort();
    }
    Ok(found)
}

/// Fails with each case whose statement is another, or whose rows differ from those made here.
fn check(onerow: &Onerow, part_of: fn(&Case) -> &'static str) -> Outcome {
    block_on(async {
        let client = onerow.client().await;
        let mut wrong = vec![];
        for case in CASES {
            let (sql, part) = (case.sql, part_of(case));
            let plan = match shown(&client, "on", &format!("EXPLAIN {sql}")).await {
                Ok(plan) => plan.into_iter().flatten().flatten().collect::<Vec<_>>(),
                Err(fault) => {
                    wrong.push(format!("{sql}\n    {fault}"));
                    continue;
                }
            };
            let scans: Vec<&String> = plan.iter().filter(|line| line.contains("SourceScan")).collect();
            let is_right = match part {
                "" => plan.iter().any(|line| line.starts_with("kept here: ")),
                part => scans.len() == 1 && scans.iter().all(|scan| scan.contains(part)),
            };
            if !is_right {
                wrong.push(format!("{sql}\n    expected {part:?} in\n    {}", plan.join("\n    ")));
            }
            let (on, always, filters, off) = (
                shown(&client, "on", sql).await,
                shown(&client, "always", sql).await,
                shown(&client, "filters", sql).await,
                shown(&client, "off", sql).await,
            );
            for (mode, found) in [("on", on), ("always", always), ("filters", filters)] {
                match (&found, &off) {
                    (Ok(found), Ok(off)) if found == off => {}
                    (found, off) => wrong.push(format!("{sql}\n    {mode}: {found:?}\n    off: {off:?}")),
                }
            }
        }
        all_well(&wrong, CASES.len())
    })
}

fn postgres(fixtures: &Fixtures) -> Outcome {
    let server = fixtures.postgres();
    let (customers, orders) = values(quoted);
    server.sql(&format!(
        "CREATE SCHEMA shipped;
         CREATE TABLE shipped.customer (id int PRIMARY KEY, name text COLLATE \"de-x-icu\", city varchar(40), code text);
         CREATE TABLE shipped.orders (id bigint PRIMARY KEY, customer_id int, n int, big bigint, price numeric(10,2),
           ratio float8, label text, at timestamp);
         INSERT INTO shipped.customer VALUES {customers}; INSERT INTO shipped.orders VALUES {orders};"
    ));
    let project =
        Project::new(&format!("{} IMPORT FOREIGN SCHEMA shipped FROM SERVER pg INTO s;", server.declared("pg")));
    check(&project.serve(), |case| case.postgres)
}

/// A text as MariaDB's SQL, whatever its mode.
fn hex(text: &str) -> String {
    let bytes: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("CONVERT(X'{bytes}' USING utf8mb4)")
}

fn mariadb(fixtures: &Fixtures) -> Outcome {
    let server = fixtures.mariadb();
    let (customers, orders) = values(hex);
    server.sql(&format!(
        "CREATE DATABASE shipped CHARACTER SET utf8mb4; USE shipped;
         CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(100) COLLATE utf8mb4_unicode_520_ci,
           city VARCHAR(40) COLLATE utf8mb4_general_ci, code CHAR(40) COLLATE utf8mb4_bin);
         CREATE TABLE orders (id BIGINT PRIMARY KEY, customer_id INT, n INT, big BIGINT, price DECIMAL(10,2), ratio DOUBLE,
           label TEXT COLLATE utf8mb4_general_ci, at DATETIME(6));
         INSERT INTO customer VALUES {customers}; INSERT INTO orders VALUES {orders};"
    ));
    let project =
        Project::new(&format!("{} IMPORT FOREIGN SCHEMA shipped FROM SERVER my INTO s;", server.declared("my")));
    check(&project.serve(), |case| case.mariadb)
}

/// A project beside a database that the SQL fills; its tables are in schema `s`.
fn lite(sql: &str) -> Result<(Project, Onerow), rusqlite::Error> {
    let project = Project::new(
        "CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO s;",
    );
    let database = Connection::open(project.path().join("lite.db"))?;
    database.execute_batch(sql)?;
    drop(database);
    let onerow = project.serve();
    Ok((project, onerow))
}

fn sqlite(_: &Fixtures) -> Outcome {
    let (customers, orders) = values(quoted);
    let (_project, onerow) = lite(&format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, city VARCHAR(40), code TEXT);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT, n INT, big BIGINT, price DECIMAL(10,2), ratio REAL,
           label TEXT, at DATETIME);
         INSERT INTO customer VALUES {customers}; INSERT INTO orders VALUES {orders};"
    ))?;
    check(&onerow, |case| case.sqlite)
}

/// MariaDB looks at the first 1024 bytes of a text when it sorts.
fn long_texts(fixtures: &Fixtures) -> Outcome {
    let server = fixtures.mariadb();
    server.sql(
        "CREATE DATABASE long_texts CHARACTER SET utf8mb4; USE long_texts;
         CREATE TABLE t (id INT PRIMARY KEY, body TEXT, short VARCHAR(256), medium VARCHAR(400));
         INSERT INTO t SELECT seq, concat(repeat('ä', 600), 500 - seq % 100), concat(repeat('ä', 250), 500 - seq % 100),
           concat(repeat('ä', 390), 500 - seq % 100) FROM seq_1_to_300;",
    );
    let project =
        Project::new(&format!("{} IMPORT FOREIGN SCHEMA long_texts FROM SERVER my INTO s;", server.declared("my")));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let mut wrong = vec![];
        for column in ["body", "short", "medium"] {
            for sql in [
                format!("SELECT id, right({column}, 3) FROM s.t ORDER BY {column}, id LIMIT 5"),
                format!(
                    "SELECT id, r FROM (SELECT id, row_number() OVER (PARTITION BY {column} ORDER BY id) AS r FROM s.t) x
                      WHERE r = 3 AND id < 250"
                ),
                format!("SELECT right({column}, 3), count(*) FROM s.t GROUP BY {column} HAVING count(*) > 2"),
                format!("SELECT right({column}, 3), count(DISTINCT id % 2) FROM s.t GROUP BY {column}"),
                format!("SELECT count(DISTINCT {column}), max({column}), min({column}) FROM s.t"),
            ] {
                let (pushed, off) = (shown(&client, "always", &sql).await, shown(&client, "off", &sql).await);
                if pushed.is_err() || pushed != off {
                    wrong.push(format!("{sql}\n    pushed: {pushed:?}\n    off: {off:?}"));
                }
            }
        }
        all_well(&wrong, 15)
    })
}

/// Addresses that cleaning makes one of.
const ADDRESSES: &[&str] = &[
    "ann@x.org",
    " Ann@X.org ",
    "ANN@X.ORG.",
    "Ann B <ann@x.org>",
    "mailto:ann@x.org?subject=a",
    "\tann@x.org\n",
    "ann@x.org\u{200b}",
    "ａｎｎ@x.org",
    "ann@\u{212a}.org",
    "ann@k.org",
    "bob@x.org",
    "",
    " ",
    "42",
    "INFO@X.ORG",
    "İnfo@x.org",
    "it's",
    r"x\' OR 1=1 --",
];

/// Cleaned texts are asked for by what the source can say of them, and looked at again here.
fn cleaned(fixtures: &Fixtures) -> Outcome {
    let rows_of = |text: fn(&str) -> String| {
        let all: Vec<String> = ADDRESSES.iter().enumerate().map(|(id, a)| format!("({id}, {})", text(a))).collect();
        all.join(", ")
    };
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(&format!(
        "CREATE SCHEMA cleaned; CREATE TABLE cleaned.p (id int PRIMARY KEY, email text);
         INSERT INTO cleaned.p VALUES {}, (1000, NULL);
         CREATE TABLE cleaned.n AS SELECT 1 AS id, 'ann@x.org'::text AS email;",
        rows_of(quoted)
    ));
    mariadb.sql(&format!(
        "CREATE DATABASE cleaned CHARACTER SET utf8mb4; USE cleaned;
         CREATE TABLE p (id INT PRIMARY KEY, email VARCHAR(100) COLLATE utf8mb4_general_ci);
         INSERT INTO p VALUES {}, (1000, NULL);",
        rows_of(hex)
    ));
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA cleaned LIMIT TO (p) FROM SERVER pg INTO pg;
         {} IMPORT FOREIGN SCHEMA cleaned FROM SERVER my INTO my;
         CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;
         CREATE FOREIGN TABLE pg.n (id int, email text OPTIONS (normalised 'email')) SERVER pg
           OPTIONS (schema_name 'cleaned', table_name 'n');",
        postgres.declared("pg"),
        mariadb.declared("my")
    ));
    let database = Connection::open(project.path().join("lite.db"))?;
    database.execute_batch(&format!(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO p VALUES {}, (1000, NULL);",
        rows_of(quoted)
    ))?;
    drop(database);
    let onerow = project.serve();
    let predicates = [
        ("normalize_email(email) = 'ann@x.org'", "lower"),
        ("normalize_email(email) IN ('ann@x.org', 'info@x.org', 'ann@k.org')", "lower"),
        ("'ann@x.org' = normalize_email(email)", "lower"),
        ("lower(email) = 'info@x.org'", "lower"),
        ("upper(email) = 'ANN@K.ORG'", "upper"),
        ("blank_to_null(email) = 'ann@x.org'", "="),
        ("blank_to_null(email) = ' '", "="),
        ("trim(email) = 'Ann@X.org'", "trim"),
        ("id::text = '7'", "="),
        ("id::text IN ('7')", "="),
        ("normalize_email(email) = 'ann@x.org' AND id > 1", ">"),
    ];
    block_on(async {
        let client = onerow.client().await;
        let mut wrong = vec![];
        for schema in ["pg", "my", "lite"] {
            for (predicate, word) in predicates {
                let sql = format!("SELECT id FROM {schema}.p WHERE {predicate} ORDER BY id");
                let (on, off) = (shown(&client, "on", &sql).await?, shown(&client, "off", &sql).await?);
                if on != off || on.is_empty() && !predicate.contains("' '") {
                    wrong.push(format!("{sql}\n    on:  {on:?}\n    off: {off:?}"));
                }
                let plan = rows(&client, &format!("SET onerow.push_down = on; EXPLAIN {sql}")).await?;
                let plan: Vec<String> = plan.into_iter().flatten().flatten().collect();
                let scan = plan.iter().find(|line| line.contains("SourceScan")).cloned().unwrap_or_default();
                let sent = scan.split("WHERE").nth(1).unwrap_or_default().to_lowercase();
                let word = if schema == "my" && matches!(word, "lower" | "upper") { "collate" } else { word };
                if !sent.contains(word) {
                    wrong.push(format!("{sql}\n    expected {word} after WHERE in\n    {}", plan.join("\n    ")));
                }
            }
        }
        let plan = rows(&client, "EXPLAIN SELECT id FROM pg.n WHERE normalize_email(email) = 'ann@x.org'").await?;
        let plan = format!("{plan:?}");
        if !plan.contains("\\\"email\\\" = $1") || plan.contains("lower(") {
            wrong.push(plan);
        }
        all_well(&wrong, predicates.len() * 3)
    })?;
    same!(onerow.sql("SELECT id FROM pg.n WHERE normalize_email(email) = 'ann@x.org'")?, "1");
    refused!(
        onerow.sql(
            "CREATE FOREIGN TABLE bad (id int, email text OPTIONS (normalised 'name')) SERVER pg
               OPTIONS (schema_name 'cleaned', table_name 'n')"
        ),
        "HV00N",
        "normalised"
    );
    Ok(())
}

/// What overflows or divides by zero fails alike.
fn errors(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA edges; CREATE TABLE edges.t (id int PRIMARY KEY, big bigint, n int);
         INSERT INTO edges.t VALUES (1, 9223372036854775807, 2147483647), (2, 9223372036854775807, 0), (3, NULL, NULL);",
    );
    mariadb.sql(
        "CREATE DATABASE edges; USE edges; CREATE TABLE t (id INT PRIMARY KEY, big BIGINT, n INT);
         INSERT INTO t VALUES (1, 9223372036854775807, 2147483647), (2, 9223372036854775807, 0), (3, NULL, NULL);",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA edges FROM SERVER pg INTO pg; {} IMPORT FOREIGN SCHEMA edges FROM SERVER my INTO my;",
        postgres.declared("pg"),
        mariadb.declared("my")
    ));
    let onerow = project.serve();
    for schema in ["pg", "my"] {
        for mode in ["on", "off"] {
            let ask = |sql: &str| onerow.sql(&format!("SET onerow.push_down = {mode}; SELECT {sql} FROM {schema}.t"));
            same!(ask("sum(big)")?, "18446744073709551614", "{schema} {mode}");
            same!(ask("sum(n)")?, "2147483647", "{schema} {mode}");
            refused!(ask("max(big + 1)"), "22003");
            refused!(ask("max(n + 1::int)"), "22003");
            refused!(ask("max(10 / n)"), "22012");
        }
    }
    Ok(())
}

fn two_servers(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA meet; CREATE TABLE meet.a (id int PRIMARY KEY, city text);
         INSERT INTO meet.a SELECT g, 'c' || g % 5 FROM generate_series(1, 50) g;",
    );
    let project = Project::new(&format!(
        "{} {} IMPORT FOREIGN SCHEMA meet FROM SERVER one INTO one; IMPORT FOREIGN SCHEMA meet FROM SERVER two INTO two;",
        postgres.declared("one"),
        postgres.declared("two"),
    ));
    let onerow = project.serve();
    let sql = "SELECT count(*) FROM one.a x JOIN two.a y ON x.id = y.id";
    let plan = onerow.sql(&format!("EXPLAIN {sql}"))?;
    holds!(plan, "kept here: tables of several servers meet here");
    same!(onerow.sql(sql)?, "50");
    // Each server still does its own part.
    let sql = "SELECT x.city, x.c, y.c FROM (SELECT city, count(*) AS c FROM one.a GROUP BY city) x
               JOIN (SELECT city, count(*) AS c FROM two.a GROUP BY city) y ON x.city = y.city ORDER BY 1";
    let plan = onerow.sql(&format!("EXPLAIN {sql}"))?;
    same!(plan.matches("GROUP BY").count(), 2, "{plan}");
    same!(onerow.sql(sql)?.lines().count(), 5);
    // A local table is joined here, and a lookup of one row is one row.
    onerow.sql("CREATE TABLE mine (id int)")?;
    onerow.sql("INSERT INTO mine VALUES (3)")?;
    same!(onerow.sql("SELECT a.city FROM one.a JOIN mine ON mine.id = a.id")?, "c3");
    Ok(())
}

fn zones(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA zoned; CREATE TABLE zoned.t (id int PRIMARY KEY, at timestamp);
         INSERT INTO zoned.t VALUES (1, '2024-07-01 12:00:00'), (2, '2024-01-01 12:00:00');",
    );
    let table = |name: &str, zone: &str| {
        format!(
            "CREATE FOREIGN TABLE public.{name} (id int, at timestamptz) SERVER pg
               OPTIONS (schema_name 'zoned', table_name 't', timezone '{zone}');"
        )
    };
    let project = Project::new(&format!(
        "{} {} {}",
        postgres.declared("pg"),
        table("berlin", "Europe/Berlin"),
        table("tokyo", "Asia/Tokyo")
    ));
    let onerow = project.serve();
    let sql = "SELECT b.id, b.at, t.at FROM berlin b JOIN tokyo t ON t.id = b.id ORDER BY 1";
    holds!(onerow.sql(&format!("EXPLAIN {sql}"))?, " JOIN ");
    same!(
        onerow.sql(sql)?,
        "1|2024-07-01 10:00:00+00|2024-07-01 03:00:00+00\n2|2024-01-01 11:00:00+00|2024-01-01 03:00:00+00"
    );
    Ok(())
}

fn setting(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE SCHEMA setting; CREATE TABLE setting.t (id int PRIMARY KEY, name text);");
    let project =
        Project::new(&format!("{} IMPORT FOREIGN SCHEMA setting FROM SERVER pg INTO s;", postgres.declared("pg")));
    let onerow = project.serve();
    refused!(onerow.sql("SET onerow.push_down = sometimes"), "22023", "onerow.push_down");
    same!(onerow.sql("SHOW onerow.push_down")?, "on");
    let off = onerow.sql("SET onerow.push_down = off; EXPLAIN SELECT name FROM s.t WHERE id = 3 LIMIT 1")?;
    lacks!(off, "WHERE");
    lacks!(off, "LIMIT 1");
    let filters = onerow.sql("SET onerow.push_down = filters; EXPLAIN SELECT count(*) FROM s.t WHERE id = 3")?;
    holds!(filters, "WHERE");
    lacks!(filters, "count(*) FROM");
    Ok(())
}
