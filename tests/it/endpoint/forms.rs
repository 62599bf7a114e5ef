//! Forms of SQL and functions that Postgres has, run here and at a real PostgreSQL.

use super::super::support::wire::{Fault, alike};
use super::super::support::{Fixtures, Outcome, Project, block_on};

fn compare(fixtures: &Fixtures, database: &str, statements: &[&str]) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(&format!("CREATE DATABASE {database}"));
    let project = Project::new("");
    let onerow = project.serve();
    let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_string()).collect();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client(database).await);
        alike(&ours, &theirs, &statements, Fault::code).await
    })
}

/// The table that the statements read.
const TABLE: [&str; 2] = [
    "CREATE TABLE f (a integer PRIMARY KEY, b text, ts timestamp, tz timestamptz, j jsonb, arr integer[])",
    r#"INSERT INTO f VALUES
        (1, 'x', '2024-07-01 12:00:00', '2024-07-01 12:00:00+00', '{"a": {"b": [1, 2, "z"]}, "k": null}', '{1,2}'),
        (2, 'y', '2024-01-01 12:00:00', '2024-01-01 12:00:00+00', '[1, 2, 3]', '{3}')"#,
];

pub fn queries(fixtures: &Fixtures) -> Outcome {
    let statements = [
        "SELECT tz AT TIME ZONE 'Europe/Berlin' AS v, ts AT TIME ZONE 'Europe/Berlin' AS w FROM f ORDER BY a",
        "SELECT tz AT TIME ZONE 'UTC' AS v, tz AT TIME ZONE '+02:00' AS w, tz AT TIME ZONE 'CET' AS x FROM f \
         ORDER BY a",
        "SELECT tz AT TIME ZONE 'Nowhere/Land' FROM f",
        "SELECT 'abc' SIMILAR TO 'a_c' AS a, 'abc' SIMILAR TO 'a' AS b, 'abc' SIMILAR TO '%(b|d)%' AS c",
        "SELECT 'a.c' SIMILAR TO 'a.c' AS a, 'abc' NOT SIMILAR TO 'a.c' AS b, 'a%c' SIMILAR TO 'a#%c' ESCAPE '#' AS c",
        "SELECT 'a_b' LIKE 'a#_b' ESCAPE '#' AS a, 'axb' LIKE 'a#_b' ESCAPE '#' AS b, 'a\\b' LIKE 'a\\b' ESCAPE \
         '' AS c",
        "SELECT 'ab' LIKE 'a\\'",
        "SELECT 'a' LIKE 'a' ESCAPE 'xx'",
        "SELECT a FROM f WHERE a = ANY('{1,5}')",
        "SELECT a FROM f WHERE b = ANY('{y,z}') OR b <> ALL('{x,y}')",
        "SELECT a FROM f WHERE a = ANY('{x}')",
        "SELECT a FROM f WHERE a = ANY(arr)",
        "SELECT a FROM f ORDER BY a FETCH FIRST 1 ROWS ONLY",
        "SELECT a FROM f ORDER BY a OFFSET 1 FETCH NEXT ROW ONLY",
        "TABLE f ORDER BY a LIMIT 1",
        "SELECT EXISTS (SELECT 1 FROM f) AS v, NOT EXISTS (SELECT 1 FROM f WHERE a > 5) AS w",
        "SELECT a, EXISTS (SELECT 1 FROM f u WHERE u.a = f.a + 1) AS v FROM f ORDER BY a",
        "SELECT a, (SELECT b FROM f u WHERE u.a = f.a + 1) AS v FROM f ORDER BY a",
        "SELECT a, (SELECT b FROM f u WHERE u.a = f.a ORDER BY u.b DESC LIMIT 1) AS v FROM f ORDER BY a",
        "SELECT (SELECT u.b FROM f u CROSS JOIN f w WHERE u.a = f.a) AS v FROM f",
        "SELECT 1, 1",
        "SELECT * FROM (SELECT 1, 1) AS t",
        "SELECT DISTINCT a, a FROM f WHERE a = 1",
        "SELECT *, a FROM f WHERE a = 1",
        "SELECT count FROM (SELECT count(*) FROM f) AS t",
        "VALUES (1, '{\"b\": 1}'::jsonb), (2, NULL), (3, '[]'::jsonb), (4, '{\"bb\":1,\"a\":2}')",
        "SELECT v, v IS NULL AS n FROM (VALUES (NULL), ('6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid)) AS t(v)",
        "VALUES (NULL, NULL), (varchar '京', NULL)",
    ];
    compare(fixtures, "forms_queries", &[TABLE.as_slice(), statements.as_slice()].concat())
}

pub fn json(fixtures: &Fixtures) -> Outcome {
    let statements = [
        "SELECT j -> 'a' AS a, j ->> 'a' AS b, j #> '{a,b}' AS c, j #>> '{a,b,2}' AS d, j -> 'none' AS e FROM f \
         ORDER BY a",
        "SELECT j -> 0 AS a, j -> -1 AS b, j ->> 9 AS c, j -> 'k' AS d, j ->> 'k' AS e FROM f ORDER BY a",
        r#"SELECT '{"a": {"b" :1},  "a":[2, 3]}'::json -> 'a' AS a, '[1,{"x" : "y"}]'::json -> 1 AS b"#,
        r#"SELECT a, j @> '{"a": {}}' AS v, j @> '[3, 1]' AS w, '3'::jsonb <@ j AS x FROM f ORDER BY a"#,
        "SELECT a, j ? 'a' AS v, j ?| ARRAY['q', 'k'] AS w, j ?& ARRAY['a', 'k'] AS x FROM f ORDER BY a",
        "SELECT json_agg(a ORDER BY a) AS v, jsonb_agg(b ORDER BY a) AS w, json_agg(a) FILTER (WHERE a > 5) AS \
         x FROM f",
        "SELECT json_build_object('a', 1, 'b', 'x', 'c', NULL, 'd', true) AS v, jsonb_build_object('bb', 1, \
         'a', 'x') AS w",
        "SELECT to_jsonb(b) AS v, to_json(ts) AS w, to_json(tz) AS x, to_jsonb(arr) AS y FROM f ORDER BY a",
        "SELECT jsonb_typeof(j) AS v, jsonb_extract_path_text(j, 'a', 'b', '0') AS w FROM f ORDER BY a",
        "SELECT jsonb_array_length(j) AS v FROM f WHERE a = 2",
        "SELECT jsonb_array_length(j) AS v FROM f WHERE a = 1",
    ];
    compare(fixtures, "forms_json", &[TABLE.as_slice(), statements.as_slice()].concat())
}

/// Values with a part changed: every statement has one answer or one error.
pub fn json_changes(fixtures: &Fixtures) -> Outcome {
    let mut statements: Vec<String> = TABLE.iter().map(|sql| (*sql).to_string()).collect();
    let values = [
        r#"{"a": {"b": [1, 2, "z"]}, "k": null, "张": "x"}"#,
        r#"["a", 1, {"a": 2}, null, "a"]"#,
        "[]",
        "{}",
        "1",
        r#""a""#,
        "null",
        r#"{"a": 1, "a": {"b": 7}, "é\n\"": 1e3}"#,
    ];
    let paths = [
        "{a}", "{a,b}", "{a,b,1}", "{a,b,-1}", "{a,b,9}", "{a,b,-9}", "{0}", "{-1}", "{x,y}", "{}", "{a,NULL}", "{2,a}",
    ];
    for value in values {
        for path in paths {
            statements.push(format!("SELECT '{value}'::jsonb #- '{path}' AS v"));
            for new in [r#"{"z": 1, "b": 2}"#, "null"] {
                statements.push(format!("SELECT jsonb_set('{value}', '{path}', '{new}') AS v"));
            }
            statements.push(format!("SELECT jsonb_set('{value}'::jsonb, '{path}'::text[], '9', false) AS v"));
            statements.push(format!("SELECT jsonb_insert('{value}', '{path}', '\"n\"') AS v"));
            statements.push(format!("SELECT jsonb_insert('{value}', '{path}', '\"n\"', true) AS v"));
            statements.push(format!("SELECT jsonb_set_lax('{value}', '{path}', NULL, true, 'delete_key') AS v"));
        }
        for other in values {
            statements.push(format!("SELECT '{value}'::jsonb || '{other}' AS v, '{value}' || '{other}'::jsonb AS w"));
        }
        for without in ["'a'", "'a'::text", "'{a,k}'::text[]", "ARRAY['张', NULL]", "0", "-1", "7", "NULL::text"] {
            statements.push(format!("SELECT '{value}'::jsonb - {without} AS v"));
        }
        statements.push(format!("SELECT jsonb_pretty('{value}') AS v, jsonb_strip_nulls('{value}') AS w"));
        statements.push(format!("SELECT json_strip_nulls('{value}') AS v"));
    }
    let others = [
        "SELECT jsonb_set_lax('{\"a\": 1}', '{a}', NULL) AS v, jsonb_set_lax('{\"a\": 1}', '{a}', NULL, true, \
         'return_target') AS w",
        "SELECT jsonb_set_lax('{\"a\": 1}', '{a}', NULL, true, 'raise_exception')",
        "SELECT jsonb_set_lax('{\"a\": 1}', '{a}', NULL, true, 'x')",
        "SELECT jsonb_set('{\"a\": 1}', NULL, '2') AS v, jsonb_set(NULL, '{a}', '2') AS w",
        "SELECT jsonb_set('{\"a\": 1}', '{a}', 5)",
        "SELECT json_object('{a,1,b,NULL}') AS v, jsonb_object('{b,1,a,2,b,3}') AS w, json_object('{}') AS x",
        "SELECT json_object('{a,b}', '{1,NULL}') AS v, jsonb_object(ARRAY['张'], ARRAY['\"']) AS w",
        "SELECT json_object('{a}')",
        "SELECT json_object('{NULL,1}')",
        "SELECT json_object('{a}', '{1,2}')",
        "SELECT a, j::jsonb || '{\"n\": 1}' AS v, j - 'a' AS w FROM f ORDER BY a",
        "SELECT a, coalesce(j, '{}')::jsonb || '{\"n\": 1}' AS v FROM f ORDER BY a",
        "SELECT a, jsonb_set(j, '{a}', to_jsonb(b)) AS v FROM f WHERE a = 1",
        "SELECT 'a'::text || '1'::jsonb AS v, b || j::text AS w FROM f ORDER BY a",
        "UPDATE f SET j = jsonb_set(j, '{k}', '5') || jsonb_build_object('b', b) WHERE a = 1",
        "SELECT j FROM f ORDER BY a",
    ];
    statements.extend(others.iter().map(|sql| (*sql).to_string()));
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    compare(fixtures, "forms_json_changes", &statements)
}

/// What jsonpath finds: every path of every value.
pub fn json_paths(fixtures: &Fixtures) -> Outcome {
    let values = [
        r#"{"a": [1, 2.50, {"b": "x"}, [3, null]], "c": {"d": null, "名": "b", "e f": true}, "n": -1e3}"#,
        r#"[{"a": 1, "t": "Zoë"}, {"a": 2.0, "t": "zoe"}, {"t": null}, 7, "7"]"#,
        "[]",
        "7",
        "null",
    ];
    let paths = [
        "$",
        "lax $.a[*]",
        "strict $.a[*]",
        "$.a.b",
        "strict $.a.b",
        "$.a[0, 2 to last]",
        "strict $.a[3 to 9]",
        "$.a[last].type()",
        "$.a[1.9]",
        "$.a[\"x\"]",
        "$.*",
        "strict $.*",
        "$[*].size()",
        "strict $.size()",
        "$.c.\"e f\"",
        "$.c.名",
        "$[*] ? (@.a >= 2).t",
        "$.a ? (@ > 1)",
        "$.a[*] ? (@ == 2.5 || @.b == \"x\")",
        "$[*] ? (@.t starts with \"Z\")",
        "$[*].t ? (@ like_regex \"^zo\" flag \"i\")",
        "$[*] ? (exists(@.a ? (@ != 1)))",
        "$[*] ? (!exists(@.a))",
        "$ ? ((@.a == \"x\") is unknown)",
        "$.n == -1000",
        "$.n < 0 && $.c.d == null",
        "$[*].a == 1",
        "strict $[*].a == 1",
        "$[*] ? (@ == $x || @ == $\"名\")",
        "-1.50e2",
        "$.a[0] + $.a[1] * 2 - 1",
        "$.a + 1",
        "-$.a[0 to 1]",
        "-$.c",
        "$.n / 7",
        "$.n % 0",
        "$ ? (@.n / 0 > 1)",
        "$[*] ? (@.a * 2 > 2)",
        "(1 + 2) * 3 == 9",
        "$.a[last - 1]",
        "$.**",
        "$.**{1}",
        "$.**{last}",
        "$.**{1 to 2}.b",
        "strict $.**.b",
        "strict $.**{2 to last}[*]",
        "$.**.type()",
        "$.n.abs()",
        "$.a[0 to 1].double()",
        "$[*].double()",
        "$.a[1].floor()",
        "$.n.ceiling()",
        "$.a.floor()",
        "-1.50.floor()",
        "\" 1.5e3 \".double()",
        "$.keyvalue().key",
        "$.c.keyvalue().value",
        "$.**{1 to}",
        "1 + (2 > 1)",
        "$.a[",
        "@.a",
        "$.a ==",
        "$ ? (@.a)",
    ];
    let mut statements = vec![];
    for value in values {
        for path in paths {
            let asked = format!("'{value}', '{path}', '{{\"x\": 7, \"名\": null}}'");
            statements.push(format!("SELECT jsonb_path_query_array({asked}) AS v"));
            statements.push(format!("SELECT jsonb_path_query_array({asked}, true) AS v"));
            statements.push(format!("SELECT jsonb_path_query_first({asked}, true) AS v"));
            statements.push(format!("SELECT jsonb_path_match({asked}) AS v"));
            // Postgres asks no further once an item is found, so that what fails behind it is not told (docs/differences.md).
            if ["$.a.floor()", "$.keyvalue().key", "-$.c"].contains(&path) {
                continue;
            }
            statements.push(format!("SELECT jsonb_path_exists({asked}, true) AS v"));
            if !path.contains("$x") {
                statements.push(format!("SELECT '{value}'::jsonb @? '{path}' AS v, '{value}'::jsonb @@ '{path}' AS w"));
            }
        }
    }
    statements.extend(
        [
            "SELECT jsonb_path_query('[1, [2], {\"a\": 3}]', '$[*]') AS v",
            "SELECT * FROM jsonb_path_query('[1, 2, 3]', '$[*] ? (@ > $least)', '{\"least\": 1}') AS q",
            "SELECT jsonb_path_query('[1]', '$[*] ? (@ == $gone)')",
            "SELECT jsonb_path_exists('1', '$', '1')",
            "SELECT jsonb_path_query_first(NULL, '$') AS v",
        ]
        .map(str::to_string),
    );
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    compare(fixtures, "forms_json_paths", &statements)
}

/// Rows of tables as values.
pub fn whole_rows(fixtures: &Fixtures) -> Outcome {
    let statements = [
        "CREATE TABLE c (c0 integer, c1 text)",
        "INSERT INTO c VALUES (1, 'x'), (NULL, NULL)",
        "SELECT t FROM (SELECT a, b, j, arr, tz FROM f) AS t ORDER BY a",
        "SELECT row_to_json(f) AS v, to_jsonb(f) AS w, to_json(F.*) AS x FROM f ORDER BY a",
        "SELECT row_to_json(c) FROM c ORDER BY c0",
        "SELECT json_agg(t ORDER BY a DESC) FROM f AS t",
        "SELECT jsonb_agg(x ORDER BY a) FROM (SELECT a, b AS \"B c\", NULL AS n FROM f) AS x",
        "SELECT json_agg(arr ORDER BY a) AS v, json_agg(j ORDER BY a) AS w, json_agg(CASE WHEN a = 2 THEN arr END \
         ORDER BY a) AS x FROM f",
        "SELECT a, json_build_object('row', t, 'n', json_build_array(t, 1)) AS v FROM f AS t ORDER BY a",
        "WITH q AS (SELECT a, b FROM f) SELECT json_object_agg(b, q ORDER BY a) FROM q",
        "SELECT to_json(r) FROM (SELECT 1 AS a, 2, 3) AS r",
        "SELECT to_json(r) FROM (SELECT 1 AS r) AS r",
        "SELECT to_json(g) FROM generate_series(1, 2) AS g",
        "SELECT b.a, to_json(x) AS v FROM f AS b JOIN f AS x USING (a) ORDER BY b.a",
        "SELECT a, (SELECT json_agg(i) FROM (SELECT 1 AS n) AS i) AS v FROM f ORDER BY a",
        "SELECT a FROM f WHERE to_jsonb(f) ->> 'b' = 'y'",
        "SELECT (x).b, (f).a + 1 AS n FROM f LEFT JOIN (SELECT a, b FROM f WHERE a = 1) AS x ON x.a = f.a ORDER BY f.a",
        "SELECT to_json(nothing) FROM f",
    ];
    compare(fixtures, "forms_whole_rows", &[TABLE.as_slice(), statements.as_slice()].concat())
}

pub fn functions(fixtures: &Fixtures) -> Outcome {
    let statements = [
        "SELECT age(timestamp '2024-03-01', timestamp '2023-01-15') AS a, age(timestamp '2023-01-31', timestamp \
         '2024-03-01') AS b",
        "SELECT clock_timestamp() >= now() AS a, statement_timestamp() = now() AS b, localtimestamp IS NOT NULL AS c",
        "SELECT div(7, 2) AS a, div(-7, 2) AS b, mod(-7, 3) AS c",
        "SELECT sign(-3.5::numeric) AS a, sign(0) AS b, sign(2.5::float8) AS c",
        "SELECT div(1, 0)",
        "SELECT isfinite(date '2020-01-01') AS a, length(gen_random_uuid()::text) AS b",
        "SELECT isfinite(date 'infinity') AS a, isfinite(timestamp '-infinity') AS b, isfinite(interval '1 day') AS c",
        "SELECT isfinite(timestamptz 'infinity') AS a, isfinite(timestamptz '9999-12-31 00:00+00') AS b",
        "SELECT justify_days('35 days') AS a, justify_hours('27 hours') AS b, justify_interval('1 mon -1 hour') AS c",
        "SELECT mode() WITHIN GROUP (ORDER BY v) AS m FROM (VALUES ('a'), ('b'), ('b'), (NULL), (NULL), (NULL)) \
         AS t(v)",
        "SELECT regexp_split_to_array('a, b,c', ',\\s*') AS a, regexp_split_to_array('abc', '') AS b",
        "SELECT substring('foobar' from 'o.b') AS a, substring('foobar' from 'o(.)b') AS b, substring('foo', 'x') AS c",
        "SELECT substring('foobar' from 2 for 3) AS a",
        "SELECT width_bucket(5.35, 0.024, 10.06, 5) AS a, width_bucket(-1, 0, 10, 5) AS b, width_bucket(10, 0, \
         10, 5) AS c",
        "SELECT width_bucket(1, 0, 10, 0)",
        "SELECT to_char(timestamp '2024-03-01 13:04:05.678', 'YYYY-MM-DD HH24:MI:SS.MS') AS a",
        "SELECT to_char(timestamp '2024-03-01 13:04:05', 'Day, FMDDth Mon YY HH12:MI am|IYYY-IW|DDD|Q') AS a",
        "SELECT to_char(date '2024-12-31', 'FMMonth \"the\" FMDD, YYYY') AS a, to_char(date '2024-12-31', \
         'MONTH|dy|J') AS b",
        "SELECT to_date('31.12.2025', 'DD.MM.YYYY') AS a, to_date('20240301', 'YYYYMMDD') AS b, to_date('5 Dec \
         99', 'DD Mon YY') AS c",
        "SELECT to_date('2024-3-1', 'YYYY-MM-DD') AS a, to_date('2024-060', 'YYYY-DDD') AS b",
        "SELECT to_date('31.02.2025', 'DD.MM.YYYY')",
        "SELECT to_date('x', 'YYYY')",
        "SELECT to_timestamp('2024-01-01 10:00:00', 'YYYY-MM-DD HH24:MI:SS') AS a, to_timestamp(1.5) AS b",
        "SELECT to_timestamp('2024-01-01 01:30 PM -03', 'YYYY-MM-DD HH12:MI AM TZH') AS a",
    ];
    compare(fixtures, "forms_functions", &statements)
}

/// Of Postgres's extensions, so there is nothing to compare with.
pub fn fuzzy(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let row = client
            .query_one("SELECT soundex('Pfister') AS a, levenshtein('GUMBO', 'GAMBOL') AS b", &[])
            .await
            .map_err(Fault::from)?;
        same!(row.get::<_, String>(0), "P236".to_string(), "soundex");
        same!(row.get::<_, i32>(1), 2, "levenshtein");
        let long = client.simple_query("SELECT levenshtein(repeat('x', 256), 'y')").await;
        same!(long.map_err(Fault::from).err().map(|fault| fault.state), Some("22023".to_string()), "the longest text");
        Ok(())
    })
}
