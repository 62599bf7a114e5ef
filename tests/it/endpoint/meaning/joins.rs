//! Joins, subqueries, windows and sets.

/// Joins, subqueries, windows and sets.
pub const JOINS: &[&str] = &[
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
