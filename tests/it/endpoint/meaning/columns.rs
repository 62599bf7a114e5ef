//! Every type of columns.

/// Every type of columns.
pub const COLUMNS: &[&str] = &[
    "CREATE TABLE q (id integer, k text, n integer, b bigint, x numeric(12,3), f double precision, r real, d \
     date, ts timestamp, tz timestamptz, ok boolean, j jsonb, arr integer[], u uuid, tm time, iv interval, by \
     bytea)",
    "INSERT INTO q VALUES (1,'a',1,10000000000,1.005,0.1,0.1,'2024-01-31','2024-01-31 \
     23:59:59.999999','2024-01-31 \
     23:59:59+00',true,'{\"a\":1,\"b\":[1,2]}','{1,2,3}','a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11','10:11:12.5','1 \
     day 02:00','\\x01ff'), (2,'b',-2,-5,-2.500,-2.5,2.5,'1999-12-31','1970-01-01','1970-01-01 \
     00:00+00',false,'{\"a\":null}','{}', NULL,'00:00','1 mon',''), (3, NULL, NULL, NULL, NULL, NULL, NULL, \
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
     (4,'',0,0,0,'NaN','Infinity','0001-01-01','9999-12-31 23:59:59','2024-06-30 \
     22:30+00',true,'[]','{NULL,5}','a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12','23:59:59.999999','-1 day', NULL)",
    "SELECT id, k || n, k || x, k || f, k || r, k || d, k || ts, k || tz, k || ok, k || u, k || tm, k || iv \
     FROM q ORDER BY id",
    "SELECT concat(k, n, x, f, r, d, ts, ok, u, tm, iv) FROM q ORDER BY id",
    "SELECT x::text, f::text, r::text, b::text, ok::text, tm::text, iv::text, by::text, arr::text, j::text, \
     u::text FROM q ORDER BY id",
    "SELECT x::integer, f::numeric(10,2), x::numeric(10,1), x::bigint, r::double precision, n::boolean, \
     ok::integer FROM q WHERE id < 3 ORDER BY id",
    "SELECT to_json(ts), to_json(d), to_json(tz), to_json(x), to_json(f), to_json(arr), to_json(tm), \
     to_json(by), to_json(u) FROM q WHERE id < 3 ORDER BY id",
    "SELECT json_build_object('d', d, 'ts', ts, 'x', x, 'a', arr) FROM q WHERE id < 3 ORDER BY id",
    "SELECT row(id, k, d, ts, f)::text FROM q ORDER BY id",
    "SELECT string_agg(ts::text, ',' ORDER BY id), string_agg(f::text, ';' ORDER BY id), array_agg(d ORDER BY \
     id), array_agg(ts ORDER BY id) FROM q",
    "SELECT array_to_string(array_agg(ts ORDER BY id), '|'), array_to_string(array_agg(f ORDER BY id), '|'), \
     array_to_string(arr, ',') FROM q GROUP BY arr ORDER BY 3",
    "SELECT min(k), max(k), min(d), max(ts), min(f), max(f), max(r), min(tm), max(tm), count(u), min(ok::int) \
     FROM q",
    "SELECT id FROM q ORDER BY f, id",
    "SELECT id FROM q ORDER BY f DESC NULLS LAST, id",
    "SELECT id FROM q WHERE f > 1000 ORDER BY id",
    "SELECT id FROM q WHERE f = 'NaN' ORDER BY id",
    "SELECT id, rank() OVER (ORDER BY f), dense_rank() OVER (ORDER BY ok) FROM q ORDER BY id",
    "SELECT ts - interval '1 month', ts + interval '1 month', d - interval '1 year', tz - tz, ts - d, d - \
     '2024-01-01'::date, d + tm, d + n FROM q WHERE id < 3 ORDER BY id",
    "SELECT ts::time, ts::date, tz::time, d::timestamp, tm::text, tm + interval '1 hour', extract(hour FROM tm) \
     FROM q ORDER BY id",
    "SELECT extract(dow FROM d), extract(doy FROM ts), extract(week FROM d), extract(isoyear FROM d), \
     extract(quarter FROM ts), extract(century FROM d), extract(epoch FROM d), extract(epoch FROM tz), \
     extract(epoch FROM iv), extract(day FROM iv) FROM q ORDER BY id",
    "SELECT to_char(ts, 'YYYY-MM-DD HH24:MI:SS.US'), to_char(ts, 'Dy DD Mon YY'), to_char(d, 'YYYY/Q'), \
     to_char(tz, 'HH24:MI') FROM q ORDER BY id",
    "SELECT age(ts, '2000-01-01'), justify_days(iv), iv * 2, iv / 2, -iv, iv + interval '1 hour', iv > interval \
     '0', abs(extract(epoch FROM iv)) FROM q ORDER BY id",
    "SELECT j -> 'a', j ->> 'a', j -> 'b' -> 0, j -> 'b' ->> 1, j ? 'a', j @> '{\"a\":1}', jsonb_typeof(j), j \
     #> '{b,1}', jsonb_array_length(j -> 'b') FROM q WHERE id < 4 ORDER BY id",
    "SELECT j -> 'a' = '1'::jsonb, (j ->> 'a')::int + 1, coalesce(j ->> 'zz', 'none') FROM q WHERE id < 3 ORDER \
     BY id",
    "SELECT generate_series(1, 3) AS g, 'x' AS y",
    "SELECT g * 2 FROM generate_series(10, 1, -3) AS g",
    "SELECT g, count(q.id) FROM generate_series(0, 3) AS g LEFT JOIN q ON q.n = g GROUP BY g ORDER BY g",
    "SELECT upper(k), length(k), k IS NULL, k = '', nullif(k, ''), coalesce(nullif(k, ''), 'empty'), k IN ('a', \
     NULL), k NOT IN ('a', 'b') FROM q ORDER BY id",
    "SELECT sum(n), sum(b), sum(x), sum(f), avg(x)::numeric(10,4), count(*), count(k), count(DISTINCT ok), \
     sum(n) FILTER (WHERE n > 0), max(n) - min(n) FROM q WHERE id < 4",
    "SELECT ok, count(*), sum(n) FROM q GROUP BY ok ORDER BY ok NULLS FIRST",
    "SELECT d, sum(n) OVER (ORDER BY d ROWS UNBOUNDED PRECEDING), lead(d) OVER (ORDER BY d), d - lag(d) OVER \
     (ORDER BY d) FROM q WHERE d IS NOT NULL ORDER BY d",
    "SELECT ts - lag(ts) OVER (ORDER BY ts) FROM q WHERE ts IS NOT NULL ORDER BY ts",
    "SELECT date_trunc('week', d)::date, count(*) FROM q GROUP BY 1 ORDER BY 1",
    "SELECT n / 2, n % 2, b / 3, x / 2 > 0.5, f / 3, n * 1.5, n + f, b * x FROM q WHERE id < 3 ORDER BY id",
    "SELECT id FROM q WHERE d BETWEEN '2024-01-01' AND '2024-12-31' ORDER BY id",
    "SELECT id FROM q WHERE ts::date = '2024-01-31' ORDER BY id",
    "SELECT id FROM q WHERE d = '2024-01-31'::timestamp ORDER BY id",
    "SELECT id FROM q WHERE tz > now() ORDER BY id",
    "SELECT id FROM q WHERE iv > '1 day' ORDER BY id",
    "SELECT id FROM q WHERE iv BETWEEN '0' AND '2 days' ORDER BY id",
    "SELECT id FROM q WHERE iv IN ('26 hours', '30 days') ORDER BY id",
    "SELECT iv FROM q ORDER BY iv NULLS FIRST",
    "SELECT sum(iv), avg(iv), count(DISTINCT iv) FROM q",
    "SELECT DISTINCT ok, k IS NULL FROM q ORDER BY 1, 2",
    "SELECT id::text || '-' || coalesce(k, '?') AS key, n::float8 / nullif(b, 0) FROM q ORDER BY 1",
    "SELECT x::float8::text, (x * 100)::int, round((f * 100)::numeric, 1), f::int, r::int FROM q WHERE id < 3 \
     ORDER BY id",
    "SELECT ts AT TIME ZONE 'Europe/Berlin', tz AT TIME ZONE 'America/New_York', (tz AT TIME ZONE 'UTC')::date \
     FROM q ORDER BY id",
    "SELECT overlay('abc' placing 'x' from 2), translate(k, 'ab', 'x'), ascii(k), initcap(k || ' foo'), \
     repeat(k, 2), lpad(n::text, 4, '0'), reverse(k), strpos(k, 'a') FROM q ORDER BY id",
    "SELECT to_date('2024-13-01', 'YYYY-MM-DD')",
    "SELECT '2024-02-29'::date + interval '1 year', '2024-01-31'::date + interval '1 month - 1 day', date \
     '2024-03-31' - interval '1 month'",
    "SELECT count(*) FROM q a CROSS JOIN q b WHERE a.iv < b.iv",
    "SELECT a.id, b.id FROM q a JOIN q b ON a.f = b.r ORDER BY 1, 2",
    "SELECT a.id, b.id FROM q a JOIN q b ON a.n = b.x ORDER BY 1, 2",
    "SELECT a.id, b.id FROM q a JOIN q b USING (k) ORDER BY 1, 2",
    "SELECT id, k FROM q UNION ALL SELECT n, u::text FROM q ORDER BY 1 NULLS FIRST, 2 LIMIT 5",
    "SELECT f FROM q EXCEPT SELECT r FROM q ORDER BY 1",
    "SELECT id, n, sum(n) OVER w, avg(x) OVER w > 0, first_value(k) OVER w FROM q WINDOW w AS (PARTITION BY ok \
     ORDER BY id) ORDER BY id",
    "SELECT id, sum(n) OVER (ORDER BY d RANGE BETWEEN '1 year' PRECEDING AND CURRENT ROW) FROM q ORDER BY id",
    "SELECT to_timestamp(1700000000.5), to_timestamp(0)::date, date_part('epoch', to_timestamp(1.5))",
    "SELECT current_date - date '2020-01-01' > 0, now()::date = current_date, localtimestamp - now()::timestamp \
     < interval '1 second'",
    "SELECT 'x' || NULL, NULL::text || 'x', concat('x', NULL), 1 + NULL, NULL = ANY(ARRAY[1])",
    "SELECT '10:00'::time + '1 day'::interval, '2024-01-01'::date + '10:00'::time, '12:00'::time - \
     '10:30'::time, interval '1:30' + time '10:00'",
    "SELECT 0.1 + 0.2 = 0.3, 0.1::float8 + 0.2::float8 = 0.3::float8, 1e308::float8 * 10",
    "SELECT 3::smallint / 2::smallint, 7::bigint / 2, 5.0::real / 2, 1::real / 3, 1.0::float8 / 3, \
     (1::real)::text, (0.1::real)::float8",
    "DROP TABLE q",
];
