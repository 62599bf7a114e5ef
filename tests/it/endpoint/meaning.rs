//! Statements whose answers DataFusion alone would get wrong: the same here and at PostgreSQL.

use super::super::support::wire::{Fault, alike};
use super::super::support::{Fixtures, Outcome, Project, block_on};

/// `character(n)` among other texts.
const CHARACTERS: &[&str] = &[
    "CREATE TABLE p (id integer, c char(4), t text, v varchar(6))",
    "INSERT INTO p VALUES (1,'a','a','a'),(2,'b  ','b  ','b  '),(3,'ab','ab','ab \
     '),(4,NULL,NULL,NULL),(5,'a','a ','a ')",
    "SELECT id FROM p WHERE c = 'a' ORDER BY 1",
    "SELECT id FROM p WHERE c = 'a   ' ORDER BY 1",
    "SELECT id FROM p WHERE c = 'a '::text ORDER BY 1",
    "SELECT id FROM p WHERE c = t ORDER BY 1",
    "SELECT id FROM p WHERE c = v ORDER BY 1",
    "SELECT id FROM p WHERE c IN ('a ', 'b') ORDER BY 1",
    "SELECT id FROM p WHERE c BETWEEN 'a ' AND 'ab ' ORDER BY 1",
    "SELECT id FROM p WHERE c LIKE 'a%' ORDER BY 1",
    "SELECT id FROM p WHERE c LIKE 'a' ORDER BY 1",
    "SELECT id FROM p WHERE c LIKE 'a   ' ORDER BY 1",
    "SELECT id FROM p WHERE c ~ 'a$' ORDER BY 1",
    "SELECT id FROM p WHERE c ~ 'a +$' ORDER BY 1",
    "SELECT id FROM p WHERE c ILIKE 'A' ORDER BY 1",
    "SELECT length(c), octet_length(c), char_length(c), upper(c), c || 'x', concat(c, 'x'), concat_ws('-', c, \
     c), c::text || '|', c::varchar || '|', reverse(c), left(c, 2), substr(c, 1, 3), lpad(c, 5, '*'), \
     replace(c, ' ', '_'), md5(c) FROM p ORDER BY id",
    "SELECT c, count(*) FROM p GROUP BY c ORDER BY c",
    "SELECT DISTINCT c FROM p ORDER BY c",
    "SELECT c || '|' FROM p ORDER BY c, id",
    "SELECT min(c), max(c), count(DISTINCT c) FROM p",
    "SELECT array_agg(c ORDER BY id) FROM p",
    "SELECT string_agg(c, ',' ORDER BY id) FROM p",
    "SELECT CASE WHEN id > 1 THEN c END FROM p ORDER BY id",
    "SELECT c FROM p UNION SELECT 'a' ORDER BY 1",
    "SELECT x FROM (SELECT c::text AS x FROM p) q WHERE x = 'a ' ORDER BY 1",
    "SELECT x FROM (SELECT c::text AS x FROM p) q WHERE x = 'a' ORDER BY 1",
    "SELECT nullif(c, 'a ') FROM p ORDER BY id",
    "SELECT CASE c WHEN 'a ' THEN 1 ELSE 0 END FROM p ORDER BY id",
    "SELECT a.id, b.id FROM p a JOIN p b ON a.c = b.c ORDER BY 1, 2",
    "SELECT a.id, b.id FROM p a JOIN p b ON a.c = b.t ORDER BY 1, 2",
    "SELECT id FROM p WHERE c = ANY(ARRAY['a ', 'x']) ORDER BY 1",
    "SELECT id FROM p WHERE c IN (SELECT t FROM p) ORDER BY 1",
    "SELECT c IS NOT DISTINCT FROM 'a ' FROM p ORDER BY id",
    "SELECT to_json(c), json_build_object('k', c) FROM p ORDER BY id",
    "SELECT c, row_number() OVER (PARTITION BY c ORDER BY id) FROM p ORDER BY id",
    "SELECT lag(c) OVER (ORDER BY id), first_value(c) OVER (ORDER BY id) FROM p ORDER BY id",
    "SELECT t::char(2), v::char(3) FROM p ORDER BY id",
    "SELECT c::char(2) FROM p ORDER BY id",
    "SELECT id FROM p WHERE c > 'a' ORDER BY id",
    "SELECT id FROM p WHERE c <> 'a' ORDER BY id",
    "SELECT id FROM p WHERE c NOT IN ('a ', 'q') ORDER BY id",
    "SELECT quote_literal(c) FROM p ORDER BY id",
    "SELECT position('b' in c), strpos(c, ' '), trim(c), btrim(c), starts_with(c, 'a'), split_part(c, 'b', 1) \
     FROM p ORDER BY id",
    "UPDATE p SET c = 'zz ' WHERE c = 'b'",
    "SELECT c FROM p WHERE id = 2",
    "DELETE FROM p WHERE c = 'zz    '",
    "SELECT count(*) FROM p",
    "DROP TABLE p",
];

/// Numbers, times and intervals, on two clocks.
const TIMES: &[&str] = &[
    "SELECT round(2.5::float8), round(-2.5::float8), round(3.5::float8), round(0.5::float8), \
     round(2.5::float4), round(2.5), round(-2.5), round(5), round(2.345, 2), round('nan'::float8), \
     round(1e300::float8)",
    "SELECT 2.5::float8::int, 3.5::float8::int, -2.5::float8::int, 2.5::float4::int, 2.5::numeric::int",
    "SELECT trunc(-2.5::float8), ceil(2.1::float8), floor(-2.1::float8)",
    "SELECT date_trunc('month', timestamp '9999-12-31 10:00'), date_trunc('day', timestamp '0001-01-01 10:00'), \
     date_trunc('year', timestamp '2024-05-05'), date_trunc('decade', timestamp '2024-05-05'), \
     date_trunc('century', timestamp '2024-05-05'), date_trunc('millennium', timestamp '2024-05-05'), \
     date_trunc('week', timestamp '2024-05-05'), date_trunc('quarter', timestamp '2024-05-05'), \
     date_trunc('milliseconds', timestamp '2024-05-05 10:11:12.123456')",
    "SELECT date_trunc('month', date '2026-03-15')",
    "SELECT date_trunc('month', timestamptz '2026-03-15 10:00+02'), date_trunc('day', timestamptz '2026-03-15 \
     23:30+00', 'Europe/Berlin')",
    "SELECT date_trunc('hour', interval '3 days 05:30:10'), date_trunc('month', interval '1 year 3 months 5 \
     days'), date_trunc('quarter', interval '1 year 5 months 5 days')",
    "SELECT date_trunc('foo', timestamp '2024-01-01')",
    "SELECT date_trunc('dow', timestamp '2024-01-01')",
    "SELECT date_trunc('week', interval '1 day')",
    "SELECT date_trunc('month', timestamp 'infinity')",
    "SELECT extract(year FROM timestamp '9999-12-31'), extract(year from date '0001-01-01'), extract(second \
     from timestamp '2024-01-01 10:11:12.5'), extract(epoch from timestamp '2024-01-01 10:11:12.5'), \
     extract(epoch from date '9999-12-31'), extract(milliseconds from timestamp '2024-01-01 10:11:12.5'), \
     extract(microseconds from timestamp '2024-01-01 10:11:12.5')",
    "SELECT extract(century from date '2000-01-01'), extract(decade from date '1999-01-01'), extract(millennium \
     from date '2001-01-01'), extract(isoyear from date '2021-01-03'), extract(week from date '2021-01-03'), \
     extract(dow from date '2024-06-09'), extract(isodow from date '2024-06-09'), extract(doy from date \
     '2024-12-31'), extract(quarter from date '2024-12-31'), extract(julian from date '2024-12-31')",
    "SELECT extract(year from date '0044-03-15 BC'), extract(century from date '0044-03-15 BC'), extract(decade \
     from date '0044-03-15 BC')",
    "SELECT date_part('year', timestamp '9999-12-31'), date_part('second', timestamp '2024-01-01 10:11:12.5'), \
     date_part('epoch', timestamp '2024-01-01 10:11:12.5'), date_part('hour', date '2024-01-01')",
    "SELECT extract(epoch from interval '1 year'), extract(epoch from interval '1 month 1 day 01:00'), \
     extract(year from interval '14 months'), extract(month from interval '14 months'), extract(day from \
     interval '40 days'), extract(hour from interval '30 hours'), extract(second from interval '-1.5 seconds'), \
     extract(minute from interval '-90 minutes'), extract(quarter from interval '5 months')",
    "SELECT extract(hour from time '10:11:12.5'), extract(second from time '10:11:12.5'), extract(epoch from \
     time '10:11:12.5')",
    "SELECT extract(day from time '10:11:12')",
    "SELECT extract(timezone from timestamptz '2024-01-01'), extract(timezone_hour from timestamptz '2024-01-01')",
    "SELECT extract(foo from timestamp '2024-01-01')",
    "SELECT extract(dow from interval '1 day')",
    "SELECT age(timestamp '9999-12-31', timestamp '0001-01-01'), age(timestamp '2024-03-31', timestamp \
     '2024-02-29'), age(date '2024-01-01', date '1900-05-05')",
    "SELECT to_char(timestamp '9999-12-31 23:59:59', 'YYYY-MM-DD HH24:MI:SS'), to_char(timestamp '0001-01-01', \
     'YYYY-MM-DD'), to_char(date '9999-12-31', 'Day, DD Month YYYY'), to_char(timestamp '2024-05-05', \
     'IYYY-IW-ID'), to_char(timestamp '2024-05-05 13:00', 'HH12:MI AM')",
    "SELECT date_bin('15 minutes', timestamp '9999-12-31 10:11', timestamp '2001-01-01'), date_bin('7 days', \
     timestamp '0001-01-05', timestamp '2001-01-01')",
    "SELECT date_bin('1 month', timestamp '2024-01-01', timestamp '2001-01-01')",
    "SELECT date_bin('15 minutes', timestamptz '2024-01-01 10:11+00', timestamptz '2001-01-01 00:00+00')",
    "SELECT timestamp '9999-12-31' - timestamp '0001-01-01', timestamp '2024-01-02 10:00' - timestamp \
     '2024-01-01 12:00', timestamp '2024-01-01' - timestamp '2024-01-05 12:00', timestamp '2024-01-01' - date \
     '2023-01-01', date '2024-01-01' - timestamp '2023-01-01 10:00'",
    "SELECT timestamptz '2024-01-01 00:00+00' - timestamptz '2023-01-01 00:00+05'",
    "SELECT 2 * interval '1 day', interval '1 day' * 1.5, interval '1 month' / 3, interval '1 year 2 months' * \
     2.5, interval '1 hour' / 7, -interval '1 day', interval '1 day' * -1",
    "SELECT interval '1 day' / 0",
    "SELECT interval '1 day' = interval '24 hours', interval '1 month' = interval '30 days', interval '36 \
     hours' > interval '1 day', interval '1 month' > interval '29 days', interval '1 day' IN (interval '24 \
     hours'), interval '1 day' BETWEEN interval '23 hours' AND interval '25 hours', interval '1 day' > '23 \
     hours'",
    "SELECT (timestamp '2024-01-03 06:00' - timestamp '2024-01-01') > interval '36 hours', (timestamp \
     '2024-01-03 06:00' - timestamp '2024-01-01') > '2 days'",
    "SELECT x FROM (VALUES (interval '1 day'), (interval '25 hours'), (interval '23 hours'), (interval '1 \
     month')) v (x) ORDER BY x",
    "SELECT min(x), max(x), sum(x), avg(x), count(DISTINCT x) FROM (VALUES (interval '1 day'), (interval '25 \
     hours'), (interval '23 hours'), (interval '24 hours')) v (x)",
    "SELECT sum(x) OVER (ORDER BY x ROWS 1 PRECEDING), avg(x) OVER (ORDER BY x ROWS 1 PRECEDING) FROM (VALUES \
     (interval '1 day'), (interval '25 hours'), (interval '23 hours')) v (x) ORDER BY 1",
    "SELECT g, sum(x), avg(x) FROM (VALUES (1, interval '1 day'), (1, interval '25 hours'), (2, interval '23 \
     hours'), (3, NULL)) v (g, x) GROUP BY g ORDER BY g",
    "SELECT date '2024-01-31' + interval '1 month', date '2024-01-31' + interval '1 hour', interval '1 day' + \
     date '2024-01-31', date '2024-01-31' - interval '1 hour', date '2024-01-31' + 5, 5 + date '2024-01-31', \
     date '2024-01-31' - date '2024-01-01'",
    "SELECT timestamp '9999-12-31' + interval '1 day', timestamp '0001-01-01' - interval '1 day', timestamp \
     '2024-01-31' + interval '1 month', timestamptz '2024-01-31 00:00+00' + interval '1 month'",
    "SELECT time '10:00' + interval '15 hours', time '10:00' - time '08:30', date '2024-01-01' + time '10:00', \
     time '10:00' - interval '11 hours'",
    "SELECT now() - interval '1 day' < now(), current_date - 1 < current_date, now() - current_date >= interval '0'",
    "SELECT '1' + 2, 2 + '1', '1' * 2.5, '3' / 2, 7 % '4', 2 - '1', '1.5'::float8 + '2'",
    "SELECT '1.5' + 2",
    "SELECT extract(day from timestamp '2024-01-03 06:00' - timestamp '2024-01-01'), justify_hours(interval '27 \
     hours'), justify_interval(interval '1 mon -1 hour')",
    "SELECT (timestamp '2024-01-03 06:00' - timestamp '2024-01-01') * 2, (timestamp '2024-01-03 06:00' - \
     timestamp '2024-01-01') / 2, -(timestamp '2024-01-03 06:00' - timestamp '2024-01-01')",
    "SELECT interval '1 day' + interval '1 hour', interval '1 month' - interval '1 day'",
    "SET TIME ZONE 'Europe/Berlin'",
    "SELECT timestamp '2024-07-01'::timestamptz, date '2024-07-01'::timestamptz, timestamptz '2024-07-01 \
     23:30+00'::date, timestamptz '2024-07-01 23:30+00'::timestamp",
    "SELECT extract(hour from timestamptz '2024-07-01 23:30+00'), extract(day from timestamptz '2024-07-01 \
     23:30+00'), date_trunc('day', timestamptz '2024-07-01 23:30+00'), date_trunc('month', date '2024-07-03')",
    "SELECT timestamptz '2024-03-30 12:00' + interval '1 day', timestamptz '2024-03-30 12:00' + interval '24 \
     hours', timestamptz '2024-03-31 12:00' - timestamptz '2024-03-30 12:00'",
    "SELECT timestamptz '2024-07-01 00:00' - timestamp '2024-06-30 00:00', timestamptz '2024-07-01 00:00' = \
     timestamp '2024-07-01', timestamptz '2024-07-01 00:00' = date '2024-07-01', timestamptz '2024-07-01 12:00' \
     > date '2024-07-01'",
    "SELECT date_bin('1 day', timestamptz '2024-07-01 23:30+00', timestamptz '2024-01-01 00:00')",
    "SELECT timestamptz '2024-07-01 23:30+00'::text, '2024-07-01 10:00'::timestamptz",
    "SELECT CASE WHEN true THEN date '2024-07-01' ELSE timestamptz '2024-01-01' END, coalesce(timestamp \
     '2024-07-01', timestamptz '2024-01-01')",
    "SELECT x FROM (SELECT date '2024-07-01' AS x UNION ALL SELECT timestamptz '2024-01-01 00:00') q ORDER BY 1",
    "SET TIME ZONE 'UTC'",
];

/// Texts of values, aggregates with orders, rows and series.
const FORMS: &[&str] = &[
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

/// What an analyst types.
const QUERIES: &[&str] = &[
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

/// Every type of columns.
const COLUMNS: &[&str] = &[
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

/// Reports over one table, in two time zones.
const REPORTS: &[&str] = &[
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

/// Joins, subqueries, windows and sets.
const JOINS: &[&str] = &[
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'a'), (3, 'b')) SELECT s FROM e a WHERE s > (SELECT min(s) FROM e) \
     ORDER BY s",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'a'), (3, 'b')) SELECT s FROM e WHERE s IN (SELECT s FROM e WHERE k \
     = 'a') ORDER BY s",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'a'), (3, 'b')) SELECT s FROM e WHERE s NOT IN (SELECT s FROM e \
     WHERE k = 'a') ORDER BY s",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'a'), (3, 'b')) SELECT s FROM e WHERE EXISTS (SELECT 1 FROM e x \
     WHERE x.k = e.k AND x.s > e.s) ORDER BY s",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'a'), (3, 'b')) SELECT s, (SELECT count(*) FROM e x WHERE x.k = \
     e.k) FROM e ORDER BY s",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'a'), (3, NULL)) SELECT s FROM e WHERE k NOT IN (SELECT k FROM e \
     WHERE s = 3) ORDER BY s",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'a'), (3, NULL)) SELECT s, k IN ('a', 'b'), k NOT IN ('b', NULL) \
     FROM e ORDER BY s",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'b'), (3, 'b')) SELECT k, count(*) FROM e GROUP BY k HAVING \
     count(*) > (SELECT count(*) / 3 FROM e) ORDER BY k",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'b'), (3, 'b')) SELECT * FROM e a JOIN e b ON a.s < b.s AND a.k = b.k",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'b'), (3, 'b')), f (s) AS (VALUES (2), (3), (4)) SELECT e.s, f.s \
     FROM e LEFT JOIN f ON e.s = f.s WHERE f.s IS NULL",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'b'), (3, 'b')), f (s) AS (VALUES (2), (3), (4)) SELECT e.s, f.s \
     FROM e RIGHT JOIN f ON e.s = f.s ORDER BY 2",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'b'), (3, 'b')), f (s) AS (VALUES (2), (3), (4)) SELECT \
     coalesce(e.s, f.s) FROM e FULL JOIN f USING (s) ORDER BY 1",
    "WITH e (s, k) AS (VALUES (1, 'a'), (2, 'b'), (3, 'b')), f (s) AS (VALUES (2), (3), (4)) SELECT s FROM e \
     FULL JOIN f USING (s) ORDER BY 1",
    "SELECT nth_value(x, 2) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), \
     ntile(3) OVER (ORDER BY x) FROM (VALUES (1), (2), (3), (4)) t (x)",
    "SELECT x FROM (VALUES (1), (NULL), (2)) t (x) ORDER BY x DESC",
    "SELECT x FROM (VALUES (1), (NULL), (2)) t (x) ORDER BY x DESC LIMIT 1",
    "SELECT x FROM (VALUES (3), (1), (2)) t (x) ORDER BY -x OFFSET 1 LIMIT 1",
    "SELECT x, y FROM (VALUES (1, 'b'), (1, 'a'), (0, 'c')) t (x, y) ORDER BY x DESC, y",
    "SELECT count(*), count(x), sum(x), avg(x), min(x), max(x) FROM (VALUES (1), (NULL)) t (x) WHERE x > 5",
    "SELECT max(x) FROM (VALUES (1)) t (x) WHERE false",
    "SELECT sum(x) FROM (VALUES (1), (2)) t (x) HAVING sum(x) > 10",
    "SELECT 1 WHERE NOT EXISTS (SELECT 1 WHERE false)",
    "SELECT x / y FROM (VALUES (7, 2), (-7, 2), (7, -2)) t (x, y)",
    "SELECT x % y, mod(x, y) FROM (VALUES (7, 2), (-7, 2), (7, -2)) t (x, y)",
    "SELECT x::int FROM (VALUES (0.5), (1.5), (2.5), (-0.5), (-1.5)) t (x)",
    "SELECT x::float8::int FROM (VALUES (0.5), (1.5), (2.5), (-0.5), (-1.5)) t (x)",
    "SELECT 'a' || 1, 'a' || 1.50, 'a' || true, 1 || 'a', 'a' || NULL || 'b', 'a' || 'b' || 2 + 1",
    "SELECT lower('ABC') = 'abc', 'abc' = 'ABC', 'a' < 'b', 'a' || 'b' = 'ab', 'ab' BETWEEN 'aa' AND 'ac', 'a' \
     IN ('A', 'a')",
    "SELECT upper(left('abc', 1)) || substring('abc', 2), regexp_replace('a1b2', '[0-9]', '', 'g'), \
     split_part('x-y-z', '-', 2), length('äöü'), reverse('abc'), strpos('hello', 'l')",
    "SELECT true::int + 1, (1 = 1)::text, NOT true, true > false, bool 'yes', 'f'::bool",
    "SELECT date '2024-02-29' + interval '1 year', date '2024-01-31' + interval '1 month', timestamp \
     '2024-01-01' + interval '1 month - 1 day'",
    "SELECT date '2024-03-01' - 1, '2024-03-01'::date - '2024-02-01'::date, date '2024-03-01' > timestamp \
     '2024-02-29 23:59', date '2024-03-01' = timestamp '2024-03-01'",
    "SELECT extract(days FROM interval '40 days'), extract(epoch FROM interval '1 hour')::int, interval '90 \
     minutes'::text, '1:30'::interval, interval '1' day, interval '2' month",
    "SELECT to_char(date '2024-03-05', 'DD.MM.YYYY'), to_char(timestamp '2024-03-05 14:05', 'HH:MI am'), \
     to_char(date '2024-03-05', 'FMDD FMMonth'), to_char(date '2024-01-01', 'WW IW D ID')",
    "SELECT CASE WHEN NULL THEN 1 ELSE 2 END, CASE 1 WHEN 1 THEN 'a' END, CASE WHEN 1 = 2 THEN 'x' END",
    "SELECT array_agg(x ORDER BY x DESC), array_agg(DISTINCT x ORDER BY x DESC), string_agg(x::text, ',' ORDER \
     BY x) FROM (VALUES (1), (3), (2), (3)) t (x)",
    "SELECT * FROM (SELECT 1 AS a, 2 AS b) x, (SELECT 3 AS c) y",
    "SELECT DISTINCT x % 2 FROM (VALUES (1), (2), (3)) t (x) ORDER BY 1",
    "SELECT x, count(*) OVER () FROM (VALUES (1), (2)) t (x) LIMIT 1",
    "SELECT 1 AS a UNION SELECT 1 UNION ALL SELECT 1",
    "SELECT x FROM (VALUES (1), (2), (3)) t (x) EXCEPT SELECT 2 ORDER BY 1",
    "SELECT x FROM (VALUES (1), (2), (2)) t (x) INTERSECT SELECT 2",
];

/// Arrays of rows, sets of rows, windows, and aggregates of nothing.
const SETS: &[&str] = &[
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

/// Runs all of them here and in a database of their own.
pub fn statements(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE meaning LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("meaning").await);
        let all = [CHARACTERS, TIMES, FORMS, QUERIES, COLUMNS, REPORTS, JOINS, SETS].concat();
        alike(&ours, &theirs, &all, Fault::code).await
    })
}
