//! Texts of values, aggregates with orders, rows and series.

/// Texts of values, aggregates with orders, rows and series.
pub const FORMS: &[&str] = &[
    "SELECT array_agg(v ORDER BY 1, x DESC), string_agg(v::text, ',' ORDER BY 1, v), mode() WITHIN GROUP (ORDER BY 1) \
     FROM (VALUES (1, 2), (2, 1)) AS t (x, v)",
    "SELECT timestamp '2024-07-01 10:11:12.5'::text",
    "SELECT timestamp '2024-07-01'::text || 'x', 'x' || timestamp '2024-07-01'",
    "SELECT timestamptz '2024-07-01 23:30+00'::text",
    "SELECT date '2024-07-01'::text, time '10:11:12.500'::text, interval '1 day 02:00'::text, interval '1 \
     year'::varchar",
    "SELECT true::text, 1::text, 1.50::numeric(10,2)::text, (-0.0)::float8::text",
    "SELECT '\\x41'::bytea::text, ARRAY[1,2]::text, ARRAY['a b','c']::text, '{\"a\":1}'::jsonb::text, \
     ARRAY[true]::text, ARRAY[date '2024-01-01']::text",
    "SELECT concat(date '2024-07-01', timestamp '2024-07-01', 1.5::float8, true, NULL, interval '1 day')",
    "SELECT format('%s is %s', 'a', 5)",
    "SELECT (timestamp '9999-12-31')::text, (date '0001-01-01')::text, (date '0044-03-15 BC')::text, timestamp \
     'infinity'::text",
    "SELECT string_agg(d::text, ',' ORDER BY d) FROM (VALUES (date '2024-01-02'), (date '2024-01-01')) v (d)",
    "SELECT length(now()::text) > 20, (now() - now())::text",
    "SELECT array_to_string(ARRAY[1,2,NULL,3], ','), array_to_string(ARRAY[1,NULL], ',', '*'), \
     array_to_string(ARRAY[1.5::float8], ','), array_to_string(ARRAY[true,false], ','), \
     array_to_string(ARRAY[date '2024-01-01'], ',')",
    "SELECT count(DISTINCT x) FROM (VALUES (0.0::float8), (-0.0::float8), (1)) v (x)",
    "SELECT x, y FROM (VALUES (0.0::float8, 1), (-0.0::float8, 2), (0.0, 3), (-0.0, 0)) v (x, y) ORDER BY x, y",
    "SELECT x, count(*) FROM (VALUES (0.0::float8), (-0.0::float8), (1)) v (x) GROUP BY x ORDER BY 2",
    "SELECT DISTINCT x FROM (VALUES (0.0::float8), (-0.0::float8)) v (x)",
    "SELECT x FROM (VALUES (0.0::float8)) v (x) WHERE x = '-0'",
    "SELECT a.x, b.x FROM (VALUES (0.0::float8)) a (x) JOIN (VALUES (-0.0::float8)) b (x) ON a.x = b.x",
    "SELECT x, rank() OVER (ORDER BY x) FROM (VALUES (0.0::float8), (-0.0::float8), (1)) v (x) ORDER BY 2",
    "SELECT array_agg(v ORDER BY v), string_agg(x, ',' ORDER BY v DESC) FROM (VALUES \
     (2,'b'),(1,'a'),(3,'c'),(4,'d')) t (v, x)",
    "SELECT array_agg(v ORDER BY v), array_agg(v ORDER BY v DESC), array_agg(x ORDER BY x) FROM (VALUES \
     (2,'b'),(1,'a'),(3,'c'),(4,'d')) t (v, x)",
    "SELECT g, array_agg(v ORDER BY v), string_agg(x, ',' ORDER BY v DESC, x), array_agg(DISTINCT v ORDER BY v \
     DESC) FROM (VALUES (1,2,'b'),(1,1,'a'),(2,3,'c'),(2,4,'d'),(1,2,'e')) t (g, v, x) GROUP BY g ORDER BY g",
    "SELECT array_agg(DISTINCT v ORDER BY v DESC) FROM (VALUES (2,'b'),(1,'a'),(3,'c'),(2,'d')) t (v, x)",
    "SELECT string_agg(DISTINCT x, ',' ORDER BY x DESC), array_agg(v ORDER BY x) FROM (VALUES \
     (2,'b'),(1,'a'),(3,'c'),(2,'b')) t (v, x)",
    "SELECT string_agg(x, ',' ORDER BY v DESC, x), string_agg(x, ',' ORDER BY x DESC), string_agg(x, ',' ORDER \
     BY v) FROM (VALUES (2,'b'),(1,'a'),(3,'c'),(4,'d')) t (v, x)",
    "SELECT json_agg(v ORDER BY v), array_agg(v ORDER BY v DESC) FROM (VALUES (2),(1),(5)) t (v)",
    "SELECT id, min(v::date), min(v) FROM (VALUES (1, timestamp '2024-01-01 10:00')) t (id, v) GROUP BY id",
    "SELECT v x, v y FROM (VALUES (1),(2)) a (v) UNION ALL SELECT 1, 2 ORDER BY 1, 2",
    "SELECT v x, v y FROM (VALUES (1),(2)) a (v) UNION ALL SELECT v, v FROM (VALUES (3)) b (v) ORDER BY x, y",
    "SELECT a, a::text FROM (VALUES (1),(2)) t (a) GROUP BY a, a::text ORDER BY 1",
    "SELECT a, a::text, count(*) FROM (VALUES (1),(2),(1)) t (a) GROUP BY 1, 2 ORDER BY 1",
    "SELECT nullif(1, 2::bigint), nullif(1::bigint, 2), nullif(1, 1.5), nullif(1::smallint, 1)",
    "SELECT x = 1 FROM (SELECT 1::bigint AS x EXCEPT SELECT 1.5) t",
    "SELECT x = 1 FROM (SELECT 1::bigint AS x INTERSECT SELECT 1.0) t",
    "SELECT x FROM (VALUES (1, 2), (3, 4)) t (x, y) WHERE (x, y) IN (SELECT 1, 2)",
    "SELECT x FROM (VALUES (1, 2), (3, NULL)) t (x, y) WHERE (x, y) NOT IN (SELECT 1, 3)",
    "SELECT x FROM (VALUES (1, 2), (3, NULL)) t (x, y) WHERE (x, y) NOT IN (SELECT 3, 3)",
    "SELECT x FROM (VALUES (1, 2), (3, 4)) t (x, y) WHERE (x, y) IN ((1, 2), (3, 5))",
    "SELECT x FROM (VALUES (1, 2), (3, 4)) t (x, y) WHERE (x, y) = (1, 2)",
    "SELECT x FROM (VALUES (1, 2), (3, 4)) t (x, y) WHERE (x, y) > (1, 2)",
    "SELECT * FROM generate_series(1, 3)",
    "SELECT generate_series FROM generate_series(1, 3)",
    "SELECT g FROM generate_series(1, 3) g",
    "SELECT g.g, h.x FROM generate_series(1, 3) AS g JOIN generate_series(2, 3) AS h (x) ON g.g = h.x ORDER BY 1",
    "SELECT * FROM generate_series(date '2024-01-01', date '2024-01-03', interval '1 day') AS d",
    "SELECT d::date FROM generate_series(timestamp '2024-01-01', timestamp '2024-01-03', interval '1 day') AS d",
    "SELECT d::date FROM generate_series('2024-01-01'::timestamp, '2024-03-01', '1 month') d",
    "SELECT generate_series(1, 3)",
    "SELECT * FROM unnest(ARRAY[1,2]) AS u",
    "SELECT u FROM unnest(ARRAY['a','b']) u ORDER BY u DESC",
    "SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b']) AS u (a, b)",
];
