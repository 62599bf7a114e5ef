//! Arrays and sets of rows, windows, and aggregates of nothing.

/// Arrays of rows, sets of rows, windows, and aggregates of nothing.
pub const SETS: &[&str] = &[
    "CREATE TABLE s (id integer, g text, n integer, at timestamp, b bigint)",
    "INSERT INTO s VALUES (1,'a',3,'1969-12-31',9223372036854775807),(2,'a',1,'9999-12-31',0),(3,'b',1,NULL,-1), \
     (4,'İ',NULL,'2024-02-29 12:00',2),(5,'',2,'2024-02-29',2),(6,NULL,2,'2024-02-29',NULL)",
    "SELECT array_length('{}'::int[], 1), array_length(ARRAY[1,2], 1), array_length(ARRAY[[1,2],[3,4]], 2), \
     array_length(NULL::int[], 1), array_length(ARRAY[1], 2), cardinality('{}'::int[]), array_ndims('{}'::int[]), \
     array_ndims(ARRAY[[1]]), array_position(ARRAY['a','b'], 'b')",
    "SELECT pg_typeof(array_length(ARRAY[1], 1)), pg_typeof(cardinality(ARRAY[1])), pg_typeof(array_ndims(ARRAY[1]))",
    "VALUES (timestamp '2001-01-01'), ('2020-12-31')",
    "VALUES ('2020-12-31'), (timestamp '2001-01-01'), (NULL)",
    "SELECT a, b FROM (VALUES (1, date '2020-01-01'), (2, '2021-01-01'), (NULL, NULL)) v (a, b) ORDER BY 1",
    "SELECT * FROM (VALUES (true, interval '1 day'), ('no', '2 hours')) v",
    "VALUES (date '2020-01-01'), ('x')",
    "SELECT 1::integer AS x EXCEPT SELECT 2::bigint",
    "SELECT pg_typeof(x) FROM (SELECT 1::integer AS x EXCEPT SELECT 2::bigint) t",
    "SELECT pg_typeof(x) FROM (SELECT 1::integer AS x INTERSECT SELECT 1::bigint) t",
    "SELECT pg_typeof(x) FROM (SELECT NULL AS x EXCEPT SELECT 1) t",
    "SELECT '1' EXCEPT SELECT 1",
    "SELECT 1 INTERSECT SELECT '1'",
    "SELECT 'x' EXCEPT SELECT 1",
    "SELECT 'a'::text EXCEPT SELECT 1",
    "SELECT date '2020-01-01' AS d EXCEPT SELECT timestamp '2020-01-01 12:00'",
    "SELECT b::double precision FROM s INTERSECT SELECT b FROM s ORDER BY 1",
    "SELECT b FROM s EXCEPT SELECT n FROM s ORDER BY 1",
    "SELECT g, n FROM s EXCEPT SELECT g, b FROM s ORDER BY 1, 2",
    "SELECT x + 1 FROM (SELECT n AS x FROM s INTERSECT SELECT b FROM s) t ORDER BY 1",
    "SELECT ARRAY(SELECT n FROM s ORDER BY id), ARRAY(SELECT g FROM s WHERE id > 9)",
    "SELECT ARRAY(SELECT n FROM s ORDER BY n DESC NULLS LAST, id LIMIT 3 OFFSET 1)",
    "SELECT id, ARRAY(SELECT t.id FROM s t WHERE t.g = s.g ORDER BY t.id DESC) FROM s ORDER BY id",
    "SELECT id FROM s WHERE 3 = ANY (ARRAY(SELECT id FROM s WHERE g IS NOT NULL)) ORDER BY id",
    "SELECT array_length(ARRAY(SELECT n FROM s), 1), ARRAY(SELECT DISTINCT n FROM s ORDER BY n)",
    "SELECT ARRAY(SELECT id, n FROM s)",
    "SELECT n FROM s ORDER BY n FETCH FIRST 1 ROWS WITH TIES",
    "SELECT n FROM s ORDER BY n DESC NULLS LAST FETCH FIRST 2 ROWS WITH TIES",
    "SELECT count(*) FROM s GROUP BY n ORDER BY 1 DESC FETCH FIRST 1 ROW WITH TIES",
    "SELECT n + 1 AS m FROM s ORDER BY m OFFSET 1 FETCH NEXT 2 ROWS WITH TIES",
    "SELECT DISTINCT n FROM s ORDER BY n FETCH FIRST 2 ROWS WITH TIES",
    "SELECT n AS x FROM s UNION SELECT b FROM s ORDER BY x FETCH FIRST 2 ROWS WITH TIES",
    "SELECT n FROM s FETCH FIRST 2 ROWS WITH TIES",
    "SELECT pg_typeof(row_number() OVER ()), pg_typeof(rank() OVER (ORDER BY 1)), pg_typeof(ntile(2) OVER ())",
    "SELECT id, row_number() OVER w - 1, rank() OVER w, dense_rank() OVER w, ntile(4) OVER w, lag(id, 2, 0) OVER w \
     FROM s WINDOW w AS (ORDER BY g NULLS FIRST, id) ORDER BY id",
    "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY g ORDER BY id DESC) AS r FROM s) t WHERE r = 1 ORDER BY 1",
    // A condition without columns must not go below an aggregate of all rows, which would then count none.
    "SELECT * FROM (SELECT count(*) AS c, 'a' AS t FROM s UNION ALL SELECT 1, 'b') x WHERE t = 'b'",
    "SELECT * FROM (SELECT count(*) AS c, 'a' AS t FROM s) x WHERE t IS NULL",
    "SELECT * FROM (SELECT max(n) AS c FROM s) x WHERE (SELECT min(id) FROM s) > 1",
    "SELECT * FROM (SELECT g, count(*) AS c, 1 AS one FROM s GROUP BY ROLLUP (g)) x WHERE one = 2",
    "SELECT count(*) FROM s HAVING false",
];
