//! What analysts type.

/// What an analyst types.
pub const QUERIES: &[&str] = &[
    "CREATE TABLE s (id integer, name text, city text, amount numeric(10,2), qty integer, at timestamp, d date, \
     ok boolean, f double precision)",
    "INSERT INTO s VALUES (1,'Ann','Bonn',10.50,3,'2024-01-05 \
     10:00','2024-01-05',true,1.5),(2,'bob','Köln',20.00,NULL,'2024-01-20 \
     23:59:59.999','2024-01-20',false,2.5),(3,NULL,'Bonn',NULL,7,'2024-02-29 \
     00:00','2024-02-29',NULL,-0.5),(4,'Ann','berlin',5.25,0,'2023-12-31 \
     12:00','2023-12-31',true,1e10),(5,'Zoë','',100.00,12,NULL,NULL,false,NULL)",
    "SELECT city, ok, sum(qty) FROM s GROUP BY GROUPING SETS ((city), (ok), ()) ORDER BY 1, 2, 3",
    "SELECT city, ok, grouping(city, ok), count(*) FROM s GROUP BY CUBE (city, ok) ORDER BY 1, 2, 3",
    "SELECT city, ok, count(*) FROM s GROUP BY ROLLUP (city, ok) ORDER BY 1, 2, 3",
    "SELECT id, first_value(name) OVER (PARTITION BY city ORDER BY id), last_value(name) OVER (PARTITION BY \
     city ORDER BY id), nth_value(name, 2) OVER (ORDER BY id) FROM s ORDER BY id",
    "SELECT id, sum(qty) OVER (ORDER BY at RANGE BETWEEN interval '10 days' PRECEDING AND CURRENT ROW) FROM s \
     ORDER BY id",
    "SELECT id, count(*) OVER (ORDER BY d GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM s ORDER BY id",
    "SELECT id, sum(qty) FILTER (WHERE ok) OVER (ORDER BY id) FROM s ORDER BY id",
    "SELECT count(*) FILTER (WHERE ok), count(*) FILTER (WHERE NOT ok), sum(amount) FILTER (WHERE city = \
     'Bonn') FROM s",
    "SELECT bool_and(ok), bool_or(ok), every(ok), bit_and(qty), bit_or(qty) FROM s",
    "SELECT string_agg(name, ', ' ORDER BY name DESC), array_agg(name ORDER BY id), array_agg(DISTINCT city) FROM s",
    "SELECT substring('hello', 2, 3), substring('hello' from 2), substring('hello' for 2), substr('hello', -1, \
     3), substring('hello', 0, 3), overlay('abcdef' placing 'XX' from 2 for 3), position('l' in 'hello'), \
     strpos('hello', 'z'), split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), split_part('a', ',', 5)",
    "SELECT replace('aaa', 'a', 'bb'), translate('12345', '143', 'ax'), ascii('a'), chr(65), md5('a'), \
     to_hex(255), concat_ws(',', 'a', NULL, 'b'), concat('a', NULL, 1), quote_ident('A b'), \
     quote_literal('O''x'), starts_with('abc', 'ab')",
    "SELECT string_to_array('a,b,,c', ','), string_to_array('a,b,,c', ',', ''), string_to_array(NULL, ','), \
     array_to_string(string_to_array('a,b', ','), '-'), unnest(string_to_array('x y', ' '))",
    "SELECT 'abc' LIKE 'a_c', 'abc' ILIKE 'A%', 'a%c' LIKE 'a\\%c', 'abc' NOT LIKE 'b%', 'abc' ~ '^a.c$', 'abc' \
     ~* 'ABC', 'abc' !~ 'x', 'abc' SIMILAR TO '(a|b)%', '' LIKE '%', NULL LIKE 'a'",
    "SELECT name FROM s WHERE name LIKE 'A%' ORDER BY id",
    "SELECT name FROM s ORDER BY name NULLS FIRST",
    "SELECT name FROM s ORDER BY name DESC NULLS LAST, id LIMIT 3 OFFSET 1",
    "SELECT DISTINCT ON (city) city, id FROM s ORDER BY city, id DESC",
    "SELECT 1 / 0",
    "SELECT 2147483647 + 1",
    "SELECT 9223372036854775807 + 1",
    "SELECT cast('12' as int), '12'::int, ' 12 '::int, 'abc'::text::varchar(2), '1,2'::text, cast(1.5 as int), \
     cast(2.5 as int), 't'::boolean, 'yes'::boolean, 1::boolean, true::int, '2024-02-30'::text",
    "SELECT '2024-02-30'::date",
    "SELECT 'abc'::int",
    "SELECT date '2024-01-31' + 1, date '2024-03-01' - date '2024-02-01', date '2024-01-31' + interval '1 \
     month', now() > '2020-01-01', date '2024-01-01' > '2023-12-31', extract(year from d), date_trunc('month', \
     at)::date, to_char(at, 'YYYY-MM'), to_char(d, 'Mon DD, YYYY') FROM s ORDER BY id",
    "SELECT at::date, count(*) FROM s GROUP BY at::date ORDER BY 1",
    "SELECT date_trunc('month', at) AS m, count(*), sum(amount) FROM s GROUP BY 1 ORDER BY 1",
    "SELECT date_trunc('month', d) AS m, count(*) FROM s GROUP BY 1 ORDER BY 1",
    "SELECT to_char(at, 'YYYY-\"W\"IW'), to_char(at, 'Q'), to_char(at, 'DDD'), to_char(at, 'HH12:MI:SS AM'), \
     to_char(at, 'MS'), to_char(at, 'FMMonth') FROM s ORDER BY id",
    "SELECT coalesce(name, 'x'), nullif(city, ''), CASE WHEN qty > 5 THEN 'many' WHEN qty > 0 THEN 'few' ELSE \
     'none' END, CASE city WHEN 'Bonn' THEN 1 ELSE 0 END FROM s ORDER BY id",
    "SELECT id FROM s WHERE qty IN (3, 7, NULL) ORDER BY id",
    "SELECT id FROM s WHERE qty NOT IN (3, NULL) ORDER BY id",
    "SELECT id FROM s WHERE ok IS NOT TRUE ORDER BY id",
    "SELECT id FROM s WHERE name IS DISTINCT FROM 'Ann' ORDER BY id",
    "SELECT id FROM s WHERE (city, ok) = ('Bonn', true) ORDER BY id",
    "SELECT a.id, b.id FROM s a LEFT JOIN s b ON a.name = b.name AND a.id < b.id ORDER BY 1, 2",
    "SELECT a.id, x.n FROM s a CROSS JOIN LATERAL (SELECT count(*) AS n FROM s b WHERE b.city = a.city) x ORDER \
     BY 1",
    "SELECT id, (SELECT max(b.id) FROM s b WHERE b.city = a.city) FROM s a ORDER BY 1",
    "SELECT id FROM s a WHERE EXISTS (SELECT 1 FROM s b WHERE b.city = a.city AND b.id <> a.id) ORDER BY 1",
    "SELECT id FROM s WHERE id > ALL (SELECT 2) AND id = ANY (SELECT id FROM s) ORDER BY 1",
    "SELECT id FROM s WHERE amount > (SELECT avg(amount) FROM s) ORDER BY 1",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n), count(*) FROM r",
    "WITH a AS (SELECT city, count(*) c FROM s GROUP BY city), b AS (SELECT max(c) m FROM a) SELECT city FROM \
     a, b WHERE c = m ORDER BY 1",
    "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t (x, y) NATURAL JOIN (VALUES (1, 'c')) AS u (x, z)",
    "SELECT x, count(*) FROM s, unnest(ARRAY[1, 2]) AS x GROUP BY x ORDER BY x",
    "SELECT '{\"a\": {\"b\": [1, 2]}, \"c\": null}'::jsonb -> 'a' -> 'b' -> 0, '{\"a\": 1}'::json ->> 'a', \
     '{\"a\": {\"b\": 2}}'::jsonb #>> '{a,b}', '{\"a\": 1}'::jsonb ? 'a', '{\"a\": 1, \"b\": 2}'::jsonb @> \
     '{\"a\": 1}', jsonb_array_length('[1,2]'), json_build_object('a', 1, 'b', now() IS NULL), to_jsonb(1.5), \
     jsonb_typeof('[]'), ('{\"a\": 1.50}'::jsonb -> 'a')::text",
    "SELECT to_json(timestamp '2024-01-01 10:00'), to_json(date '2024-01-01'), to_json(1.5::float8), \
     to_json(true), to_json('a\"b'::text), to_json(ARRAY[1,2]), to_jsonb(1e20::float8), to_json(interval '1 \
     day'), to_json(1.50), json_build_object('t', timestamp '2024-01-01')",
    "SELECT json_agg(id ORDER BY id), json_object_agg(id, name), jsonb_agg(at ORDER BY id) FROM s WHERE id < 3",
    "SELECT count(DISTINCT city), count(DISTINCT (city, ok)) FROM s",
    "SELECT id, amount FROM s ORDER BY amount DESC NULLS LAST, id LIMIT 2",
    "SELECT city AS c FROM s GROUP BY c HAVING count(*) > 1",
    "SELECT id FROM s UNION SELECT qty FROM s ORDER BY 1",
    "SELECT true AND NULL, false AND NULL, true OR NULL, NOT NULL::boolean, NULL = NULL, NULL IS NULL, 1 IS \
     DISTINCT FROM NULL",
    "SELECT 'a' < 'B', 'a' = 'a ', 'Z' < 'a', 'ä' > 'z'",
    "SELECT id, at - lag(at) OVER (ORDER BY at) FROM s WHERE at IS NOT NULL ORDER BY at",
    "SELECT age(d), extract(day from age(date '2024-03-01', d)) FROM s WHERE d > '9000-01-01'",
    "SELECT avg(at - timestamp '2024-01-01') FROM s",
    "SELECT d, d + 7, d - 7, d + qty FROM s ORDER BY id",
    "SELECT id FROM s WHERE d >= date_trunc('month', date '2024-01-15') AND d < date_trunc('month', date \
     '2024-01-15') + interval '1 month' ORDER BY id",
    "SELECT id FROM s WHERE at >= '2024-01-01' AND at < '2024-02-01' ORDER BY 1",
    "SELECT max(at)::date - min(at)::date, max(d) - min(d) FROM s",
    "SELECT city || ' ' || qty, city || at, city || d, 'f=' || f, 'ok=' || ok FROM s ORDER BY id",
    "DROP TABLE s",
];

/// Reports over one table, in two time zones.
pub const REPORTS: &[&str] = &[
    "CREATE TABLE e (id integer, dept text, sal numeric(10,2), hired date, mgr integer, ts timestamptz, note \
     varchar(20), tags text[])",
    "INSERT INTO e VALUES (1,'a',100,'2020-01-15',NULL,'2024-03-31 00:30+00','  x \
     ','{x,y}'),(2,'a',200,'2021-06-01',1,'2024-03-31 01:30+00','Y','{}'),(3,'b',150,'2019-12-31',1,'2024-10-27 \
     00:30+00',NULL,NULL),(4,'b',150,'2022-02-28',2,'2024-10-27 \
     01:30+00','','{z}'),(5,NULL,NULL,NULL,3,NULL,'O''Brien','{x,NULL}')",
    "SELECT dept, count(*), sum(sal), round(avg(sal), 2), min(hired), max(hired) FROM e GROUP BY dept ORDER BY dept",
    "SELECT dept, sal, rank() OVER (PARTITION BY dept ORDER BY sal DESC NULLS LAST), dense_rank() OVER (ORDER \
     BY sal), row_number() OVER (ORDER BY sal DESC NULLS LAST, id) FROM e ORDER BY id",
    "SELECT id, sal - avg(sal) OVER (PARTITION BY dept) > 0, sal / sum(sal) OVER () > 0.2 FROM e ORDER BY id",
    "SELECT id, sum(sal) OVER (ORDER BY hired RANGE BETWEEN INTERVAL '1 year' PRECEDING AND CURRENT ROW) FROM e \
     ORDER BY id",
    "SELECT id, count(*) FILTER (WHERE sal > 100) OVER (PARTITION BY dept) FROM e ORDER BY id",
    "WITH RECURSIVE t AS (SELECT id, mgr, 1 AS lvl, id::text AS path FROM e WHERE mgr IS NULL UNION ALL SELECT \
     e.id, e.mgr, t.lvl + 1, t.path || '>' || e.id FROM e JOIN t ON e.mgr = t.id) SELECT * FROM t ORDER BY id",
    "SELECT a.id, b.id FROM e a LEFT JOIN e b ON a.mgr = b.id AND b.sal > 100 ORDER BY 1",
    "SELECT a.id, b.id FROM e a FULL JOIN e b ON a.mgr = b.id ORDER BY 1, 2",
    "SELECT dept FROM e GROUP BY dept HAVING count(*) FILTER (WHERE sal > 100) > 0 ORDER BY 1 NULLS FIRST",
    "SELECT extract(year FROM hired) AS y, count(*) FROM e GROUP BY y ORDER BY y",
    "SELECT extract(year FROM hired) * 100 + extract(month FROM hired) FROM e ORDER BY id",
    "SELECT date_trunc('year', hired)::date, age('2024-01-01', hired), hired + interval '90 days', (hired + \
     interval '1 month')::date - 1 FROM e ORDER BY id",
    "SELECT (date_trunc('month', hired) + interval '1 month - 1 day')::date FROM e ORDER BY id",
    "SELECT (date_trunc('month', hired) + interval '1 month' - interval '1 day')::date FROM e ORDER BY id",
    "SELECT hired, to_char(hired, 'YYYY\"Q\"Q'), extract(isodow FROM hired), hired - extract(isodow FROM \
     hired)::int + 1 FROM e ORDER BY id",
    "SELECT count(*) FROM e WHERE hired >= now() - interval '100 years'",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY sal::float8) FROM e",
    "SELECT trim(note), length(note), note = '', note || '!', '[' || note || ']', upper(note), position('x' IN \
     note), replace(note, '''', '\"') FROM e ORDER BY id",
    "SELECT note FROM e WHERE note LIKE '%''%'",
    "SELECT tags[1], cardinality(tags), 'x' = ANY(tags), array_to_string(tags, ','), array_to_string(tags, ',', \
     '?'), tags::text FROM e ORDER BY id",
    "SELECT DISTINCT unnest(tags) AS t FROM e ORDER BY 1",
    "SELECT t, count(*) FROM (SELECT unnest(tags) AS t FROM e) q GROUP BY t ORDER BY t",
    "SELECT coalesce(dept, 'none') AS d, count(*) FROM e GROUP BY 1 ORDER BY 1",
    "SELECT CASE WHEN sal IS NULL THEN 'unknown' WHEN sal < 150 THEN 'low' ELSE 'high' END AS band, count(*) \
     FROM e GROUP BY band ORDER BY 2 DESC, 1",
    "SELECT dept, string_agg(id::text, '+' ORDER BY id DESC) FROM e GROUP BY dept ORDER BY dept",
    "SELECT json_agg(json_build_object('id', id, 'sal', sal) ORDER BY id) FROM e WHERE id < 3",
    "SELECT jsonb_object_agg(id, dept) FROM e WHERE dept IS NOT NULL",
    "SELECT id FROM e ORDER BY CASE WHEN dept = 'b' THEN 0 ELSE 1 END, id DESC",
    "SELECT id, dept FROM e ORDER BY dept DESC, id LIMIT 3",
    "SELECT sum(CASE WHEN dept = 'a' THEN sal ELSE 0 END), count(CASE WHEN dept = 'a' THEN 1 END), avg(CASE \
     WHEN dept = 'a' THEN sal END)::int FROM e",
    "SELECT dept, sal, sum(sal) FROM e GROUP BY ROLLUP (dept, sal) ORDER BY 1, 2, 3",
    "SELECT dept, grouping(dept), count(*) FROM e GROUP BY ROLLUP (dept) ORDER BY 2, 1",
    "SELECT a.dept FROM e a WHERE a.sal = (SELECT max(b.sal) FROM e b WHERE b.dept = a.dept) ORDER BY a.id",
    "SELECT id FROM e WHERE sal > ANY (SELECT sal FROM e WHERE dept = 'a') ORDER BY id",
    "SELECT id FROM e WHERE mgr NOT IN (SELECT id FROM e WHERE dept = 'a') ORDER BY id",
    "SELECT id FROM e WHERE mgr NOT IN (SELECT mgr FROM e) ORDER BY id",
    "SELECT id, (SELECT count(*) FROM e s WHERE s.mgr = e.id) AS reports FROM e ORDER BY id",
    "SELECT id FROM e WHERE (dept, sal) IN (SELECT dept, max(sal) FROM e GROUP BY dept) ORDER BY id",
    "SELECT id FROM e WHERE (dept, sal) NOT IN (SELECT 'a', 100.00) ORDER BY id",
    "SELECT x.d, y.n FROM (SELECT DISTINCT dept AS d FROM e) x CROSS JOIN LATERAL (SELECT count(*) AS n FROM e \
     WHERE e.dept = x.d) y ORDER BY 1",
    "SELECT corr(id, sal), covar_pop(id, sal) FROM e",
    "SELECT bool_and(sal > 50), bool_or(dept = 'b'), count(DISTINCT dept), array_agg(DISTINCT dept), \
     string_agg(DISTINCT dept, ',') FROM e",
    "SELECT first_value(id) OVER (PARTITION BY dept ORDER BY sal DESC, id) FROM e ORDER BY id",
    "SET TIME ZONE 'Europe/Berlin'",
    "SELECT ts, ts::date, date_trunc('hour', ts), date_trunc('day', ts), extract(hour FROM ts), ts + interval \
     '1 day', ts - interval '1 hour', ts::time, to_char(ts, 'YYYY-MM-DD HH24:MI') FROM e ORDER BY id",
    "SELECT ts::date AS d, count(*) FROM e GROUP BY d ORDER BY d",
    "SELECT id FROM e WHERE ts >= '2024-03-31' AND ts < '2024-03-31 02:00' ORDER BY id",
    "SELECT id FROM e WHERE ts::date = '2024-03-31' ORDER BY id",
    "SELECT id FROM e WHERE ts BETWEEN date '2024-10-27' AND date '2024-10-28' ORDER BY id",
    "SELECT ts AT TIME ZONE 'UTC', ts AT TIME ZONE 'Asia/Tokyo', (hired::timestamp AT TIME ZONE 'Asia/Tokyo') \
     FROM e ORDER BY id",
    "SELECT max(ts) - min(ts), extract(epoch FROM max(ts) - min(ts)), age(max(ts), min(ts)) FROM e",
    "SELECT hired::timestamptz, timestamptz '2024-01-01' - hired, now()::date = current_date, \
     localtimestamp::date = current_date FROM e ORDER BY id",
    "SELECT string_agg(ts::text, ',' ORDER BY id), array_agg(ts ORDER BY id), json_agg(ts ORDER BY id) FROM e \
     WHERE id < 4",
    "SELECT to_json(ts), to_json(hired) FROM e WHERE id < 3 ORDER BY id",
    "SET TIME ZONE 'UTC'",
    "DROP TABLE e",
];
