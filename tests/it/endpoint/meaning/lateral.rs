//! Functions of FROM that read the items before them, and sets of rows in a select list.

/// Functions of FROM that read the items before them, and sets of rows in a select list.
pub const LATERAL: &[&str] = &[
    "CREATE TABLE lt (id int, doc jsonb, arr int[], names text[], n int, words text)",
    "INSERT INTO lt VALUES (1, '{\"items\": [{\"a\": 1, \"b\": \"x\"}, {\"a\": 2, \"b\": null}], \"k\": null}', \
     ARRAY[1,2], ARRAY['a',NULL,'İ'], 3, E'one \t two'), (2, '{\"items\": []}', ARRAY[]::int[], NULL, 0, ''), \
     (3, NULL, NULL, ARRAY['ş'], NULL, NULL), (4, '{\"items\": [\"张\", {\"a\": 1e3}]}', ARRAY[NULL,-2147483648], \
     ARRAY['''','\"'], 1, 'a,b,,c')",
    "SELECT t.id, u FROM lt t, unnest(t.arr) u ORDER BY 1,2",
    "SELECT t.id, u.x, u.n FROM lt t CROSS JOIN LATERAL unnest(t.arr) WITH ORDINALITY AS u(x, n) ORDER BY 1,3",
    "SELECT t.id, u.* FROM lt t LEFT JOIN LATERAL unnest(t.arr, t.names) WITH ORDINALITY AS u(x, y, n) ON true \
     ORDER BY 1, n",
    "SELECT t.id, e.value FROM lt t, jsonb_array_elements(t.doc->'items') e ORDER BY 1",
    "SELECT t.id, e FROM lt t, jsonb_array_elements(t.doc->'items') e ORDER BY 1",
    "SELECT t.id, e->>'a' AS a, e->'b' FROM lt t LEFT JOIN LATERAL jsonb_array_elements(t.doc->'items') AS e ON \
     true ORDER BY t.id",
    "SELECT t.id, e.ordinality, e.value FROM lt t, jsonb_array_elements(t.doc->'items') WITH ORDINALITY e ORDER \
     BY 1,2",
    "SELECT t.id, k FROM lt t, jsonb_object_keys(t.doc) k ORDER BY 1,2",
    "SELECT t.id, m.key, m.value FROM lt t, jsonb_each_text(t.doc) m ORDER BY 1,2",
    "SELECT t.id, m.* FROM lt t LEFT JOIN jsonb_each(t.doc) m ON true ORDER BY 1,2",
    "SELECT t.id, g FROM lt t, generate_series(1, t.n) g ORDER BY 1,2",
    "SELECT t.id, g, o FROM lt t, generate_series(t.n, 1, -1) WITH ORDINALITY AS s(g, o) ORDER BY 1,3",
    "SELECT t.id, w FROM lt t, regexp_split_to_table(t.words, '\\s+') w ORDER BY 1,2",
    "SELECT t.id, w, o FROM lt t, string_to_table(t.words, ',') WITH ORDINALITY AS p(w, o) ORDER BY 1,3",
    "SELECT t.id, w FROM lt t LEFT JOIN LATERAL string_to_table(t.words, NULL) w ON true ORDER BY 1,2",
    "SELECT t.id, x.b, x.one FROM lt t LEFT JOIN LATERAL (SELECT u + 1 AS b, 1 AS one FROM unnest(t.names, t.arr) \
     AS y(q, u)) x ON true ORDER BY 1,2",
    "SELECT t.id, x.b FROM lt t, LATERAL (SELECT t.id + 1 AS b) x ORDER BY 1",
    "SELECT t.id, x.u FROM lt t, LATERAL (SELECT u FROM unnest(t.arr) u WHERE u > t.id - 1) x ORDER BY 1",
    "SELECT t.id, r.a, r.b FROM lt t, jsonb_to_recordset(t.doc->'items') AS r(a int, b text) WHERE t.id = 1 ORDER \
     BY 1,2",
    "SELECT t.id, r.k, r.items FROM lt t LEFT JOIN LATERAL jsonb_to_record(t.doc) AS r(k text, items jsonb) ON \
     true ORDER BY 1",
    "SELECT t.id, a.u, b.v FROM lt t, unnest(t.arr) a(u), unnest(t.names) b(v) ORDER BY 1,2,3",
    "SELECT t.id, e.value->'a', f.key FROM lt t, jsonb_array_elements(t.doc->'items') e, jsonb_each(CASE WHEN \
     jsonb_typeof(e.value) = 'object' THEN e.value END) f ORDER BY 1,3",
    "SELECT DISTINCT k FROM (SELECT id % 2 AS k, array_agg(id) AS a FROM lt GROUP BY id % 2) g, unnest(g.a) u \
     ORDER BY 1",
    "SELECT k, u, count(*) FROM (SELECT id % 2 AS k, array_agg(id) AS a FROM lt GROUP BY id % 2) g, unnest(g.a) u \
     GROUP BY k, u ORDER BY 1, 2",
    "SELECT count(*) FROM lt t JOIN (SELECT k FROM (SELECT id % 2 AS k, array_agg(id) AS a FROM lt GROUP BY id % \
     2) g, unnest(g.a) u) x ON x.k = t.id % 2",
    "SELECT unnest(ARRAY[1,2,3]) AS a, unnest(ARRAY['x','y']) AS b",
    "SELECT id, generate_series(1, n), unnest(arr) FROM lt ORDER BY 1, 2, 3",
    "SELECT id, unnest(arr) + 1 AS u FROM lt ORDER BY 1, 2",
    "SELECT regexp_split_to_table('a1b22c', '\\d+')",
    "SELECT string_to_table('a,b,,', ',', ''), string_to_table('x y', ' ')",
    "SELECT string_to_array('', ','), string_to_array('a,b', ''), string_to_array('a,NULL', ',', 'NULL'), \
     string_to_array(NULL, ','), string_to_array('ab', NULL)",
    "SELECT * FROM unnest(ARRAY[1,2], ARRAY['a']) x",
    "SELECT * FROM unnest(ARRAY[1,2]) WITH ORDINALITY",
    "SELECT * FROM jsonb_array_elements('[1,2]') WITH ORDINALITY AS e(v)",
    "SELECT count(e), max(e::text) FROM lt t, jsonb_array_elements(t.doc->'items') e",
    "SELECT e->>'a', count(*) FROM lt t, jsonb_array_elements(t.doc->'items') e GROUP BY e->>'a' ORDER BY 1",
    "SELECT t.id FROM lt t JOIN unnest(ARRAY[1,3]) AS w(id) USING (id) ORDER BY 1",
    "SELECT t.id, u FROM lt t JOIN LATERAL unnest(t.arr) u ON u > 1 ORDER BY 1",
    "SELECT t.id, j.x FROM lt t, LATERAL (SELECT a.x FROM unnest(t.arr) AS a(x), generate_series(1, t.n) g WHERE \
     g = a.x) j ORDER BY 1",
    "SELECT t.id, j.id AS j FROM lt t, LATERAL (SELECT s.id FROM unnest(t.arr) a(x) JOIN lt s ON s.id = a.x) j \
     ORDER BY 1,2",
    "WITH w AS (SELECT id, arr FROM lt) SELECT w.id, u FROM w, unnest(w.arr) u ORDER BY 1,2",
    "SELECT jsonb_array_elements(doc->'items')->>'a' FROM lt ORDER BY 1",
];
