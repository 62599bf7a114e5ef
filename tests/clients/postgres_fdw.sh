#!/usr/bin/env bash
# postgres_fdw of a real PostgreSQL, which PGHOST and PGPORT name, over the server at TARGET_PORT.
set -euo pipefail
at() { psql -XqAt -v password="$PGPASSWORD" -v ON_ERROR_STOP=1 -P null=NULL "$@"; }
at <<SQL
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS far CASCADE;
DROP SERVER IF EXISTS far CASCADE;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw
  OPTIONS (host '127.0.0.1', port '$TARGET_PORT', dbname '$TARGET_DATABASE', fetch_size '100', async_capable 'true');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'onerow', password :'password');
CREATE SCHEMA far;
SQL
at <<'SQL'
IMPORT FOREIGN SCHEMA public LIMIT TO (person, pair, every_type, customer, "Mixed Case", "Görünüm") FROM SERVER far INTO far
  OPTIONS (import_default 'true', import_collate 'true');
SELECT 'columns';
SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       coalesce((SELECT collname FROM pg_collation l WHERE l.oid = a.attcollation AND l.collname <> 'default'), '-'),
       replace(coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), '::text', '')
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'far'::regnamespace ORDER BY c.relname COLLATE "C", a.attnum;
SELECT 'rows';
SET timezone = 'UTC';
SELECT * FROM far.every_type ORDER BY id;
SELECT * FROM far.person ORDER BY id;
SELECT * FROM far.customer ORDER BY email COLLATE "C";
SELECT * FROM far."Görünüm" ORDER BY 2;
SELECT 'conditions';
SELECT id FROM far.person WHERE name = 'Ann' AND born > '1950-01-01' ORDER BY id;
SELECT id FROM far.person WHERE name LIKE 'O''%' OR email IS NULL ORDER BY id;
SELECT id FROM far.person WHERE id = ANY ('{1,4}') AND paid BETWEEN -1 AND 2 ORDER BY id;
SELECT id FROM far.person WHERE seen < '2024-06-01 00:00:00+02' ORDER BY seen DESC LIMIT 2;
SELECT id FROM far.every_type WHERE c_bool AND c_uuid = '00000000-0000-0000-0000-000000000007' AND c_int2 + 0 = 32767;
SELECT id FROM far.every_type WHERE c_bytea = '\x00ff10' OR c_interval = '-1 day' ORDER BY id;
PREPARE one (int) AS SELECT name FROM far.person WHERE id = $1;
EXECUTE one (1); EXECUTE one (2); EXECUTE one (3); EXECUTE one (3); EXECUTE one (3); EXECUTE one (3); EXECUTE one (4);
SELECT 'joins and aggregates';
SELECT p.id, q.b FROM far.person p JOIN far.pair q ON q.a = p.id ORDER BY 1, 2;
SELECT p.id, q.b FROM far.person p LEFT JOIN far.pair q ON q.a = p.id AND q.c = 'x' ORDER BY 1, 2;
SELECT count(*), sum(paid), min(born), max(name COLLATE "C"), count(DISTINCT name) FROM far.person;
SELECT name, count(*) FROM far.person GROUP BY name HAVING count(*) > 1;
SELECT count(*) FROM far.person p WHERE EXISTS (SELECT 1 FROM far.pair q WHERE q.a = p.id);
SELECT 'what is sent';
SET enable_mergejoin = off; SET enable_hashjoin = off;
EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*), sum(paid) FROM far.person WHERE id > 1;
EXPLAIN (VERBOSE, COSTS OFF) SELECT p.id, q.b FROM far.person p JOIN far.pair q ON q.a = p.id;
SELECT 'cursors';
BEGIN ISOLATION LEVEL REPEATABLE READ;
DECLARE c CURSOR FOR SELECT id FROM far.person ORDER BY id;
FETCH 2 FROM c;
SAVEPOINT s;
SELECT count(*) FROM far.pair;
ROLLBACK TO s;
FETCH ALL FROM c;
COMMIT;
ANALYZE far.person;
SELECT reltuples FROM pg_class WHERE oid = 'far.person'::regclass;
SELECT 'writing';
INSERT INTO far.pair VALUES (100, 1, 'by fdw', NULL), (101, 1, 'by fdw', 'x');
UPDATE far.pair SET d = 'changed' WHERE a = 100;
DELETE FROM far.pair WHERE a = 101;
SELECT * FROM far.pair WHERE c = 'by fdw';
DELETE FROM far.pair WHERE c = 'by fdw';
SQL
for wrong in "SELECT 1/(id - 1) FROM far.person" "INSERT INTO far.pair VALUES (1, 2, 'twice', NULL)" "INSERT INTO far.person (id) VALUES (99)"; do
  psql -XqAt -v VERBOSITY=sqlstate -c "$wrong" 2>&1 | sort -u || true
done
at -c "DROP SERVER far CASCADE" -c "DROP SCHEMA far" 2>/dev/null
