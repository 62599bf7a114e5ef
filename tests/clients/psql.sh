#!/usr/bin/env bash
# psql 15: its backslash commands on relations that both servers have, variables, \gdesc, \crosstabview, cursors by FETCH_COUNT,
# \copy, errors with their places, scripts that stop.
set -uo pipefail
at() { psql -X -P null=NULL "$@" 2>&1; }
for command in '\d' '\dt' '\dv' '\di' '\ds' '\d person' '\d pair' '\d "Mixed Case"' '\d every_type' '\d customer' '\d person_pkey' \
  '\dt public.p*' '\dv public.*' '\d nope' '\dp person' '\dT int4' '\dC nope' '\df lower' '\do nope' '\dy' '\dX' '\dRp' '\dE' '\dm' '\sf nope' '\dg nope'; do
  echo "== $command"
  # The sources of a default are as they were typed here, with their cast there.
  at -c "$command" | sed -e "s/'unknown'::text/'unknown'/" -e 's/  */ /g' -e 's/^ //' -e 's/ $//' -e 's/^-[-+]*$/--/'
done
at -A -c '\d+ person' -c '\d+ customer' | sed -n -e "s/'unknown'::text/'unknown'/" -e '1,9p'
at <<'SQL'
\set who Ann
\set ON_ERROR_ROLLBACK on
SELECT id FROM person WHERE name = :'who' ORDER BY id;
SELECT id, name, paid, 'a' AS x FROM person ORDER BY id \gdesc
SELECT $1::int, $2 \gdesc
\x
SELECT * FROM every_type WHERE id = 1;
\x
\pset format csv
SELECT * FROM person ORDER BY id;
\pset format unaligned
\set FETCH_COUNT 2
SELECT id, name FROM person ORDER BY id;
\set FETCH_COUNT 0
SELECT name, id, 1 FROM person WHERE id IN (1, 2) ORDER BY id \crosstabview
SELECT 'SELECT ' || id FROM person ORDER BY id LIMIT 2 \gexec
SELECT max(id) AS most FROM person \gset
\echo :most :ROW_COUNT
BEGIN;
SELECT 1/0;
SELECT 'goes on';
COMMIT;
SELECT zzzzzz FROM person;
SELECT *
  FROM nope;
INSERT INTO person (id, name) VALUES (1, 'twice');
\echo :SQLSTATE :LAST_ERROR_MESSAGE
CREATE TABLE psql_written (id int PRIMARY KEY, v text);
\copy psql_written FROM PSTDIN
1	one
2	\N
\.
\copy (SELECT * FROM psql_written ORDER BY id) TO STDOUT CSV HEADER
SELECT * FROM psql_written ORDER BY id \g (format=wrapped)
DROP TABLE psql_written;
DROP TABLE IF EXISTS psql_written;
\encoding
SQL
at -v ON_ERROR_STOP=1 -c 'SELECT 1' -c 'SELECT nope' -c 'SELECT 2'
echo "ended with $?"
at -1 -v ON_ERROR_STOP=1 -f - <<'SQL'
CREATE TABLE never (id int);
SELECT 1/0;
SQL
at -At -c "SELECT to_regclass('never') IS NULL"
