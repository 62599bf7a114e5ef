// node `pg`, with its cursor, query stream and copy streams: every type, parameters, prepared statements, errors, cancel.
'use strict';
const { Client, Pool, types } = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');
const { to, from } = require('pg-copy-streams');
const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');

const SLOW = 'SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11';
const show = (...values) => console.log(...values.map((v) => (typeof v === 'string' ? v : JSON.stringify(v))));
const failing = (promise) => promise.then(() => 'no error', (e) =>
  [e.code, e.severity, e.message.split(': expected ')[0], e.position || null, e.constraint || null, e.table || null]);

async function main() {
  const client = new Client({ application_name: 'a client' });
  const notices = [];
  client.on('notice', (notice) => notices.push([notice.severity, notice.code, notice.message]));
  await client.connect();
  const every = await client.query('SELECT * FROM every_type ORDER BY id');
  for (const f of every.fields) show(f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format);
  for (const row of every.rows) show(row);
  show((await client.query({ text: 'SELECT * FROM every_type ORDER BY id', rowMode: 'array', binary: true })).rows.length);
  const values = [true, 7, '9223372036854775807', 0.1, "it's 张三", Buffer.from([0, 255]), new Date(0), ['a', null, 'q"'], { a: [1] }, null];
  const casts = ['boolean', 'integer', 'bigint', 'float8', 'text', 'bytea', 'timestamptz', 'text[]', 'jsonb', 'text'];
  for (const [at, value] of values.entries()) show(casts[at], (await client.query(`SELECT $1::${casts[at]} AS v`, [value])).rows);
  show((await client.query('SELECT id, name FROM person WHERE id = ANY($1) AND born < $2 ORDER BY id', [[1, 2, 5], '2000-01-01'])).rows);
  for (let i = 0; i < 3; i++) show((await client.query({ name: 'kept', text: 'SELECT name FROM person WHERE id = $1', values: [i] })).rows);
  show((await client.query('SELECT 1 AS a; SELECT 2 AS b')).map((r) => [r.command, r.rows]));
  const made = await client.query('CREATE TABLE node_written (id int PRIMARY KEY, v text)');
  const put = await client.query("INSERT INTO node_written SELECT g, 'v' || g FROM generate_series(1, 500) AS t(g)");
  show(made.command, put.command, put.rowCount);
  const changed = await client.query('UPDATE node_written SET v = $1 WHERE id <= $2', ['new', 5]);
  show(changed.command, changed.rowCount);
  const cursor = client.query(new Cursor('SELECT id FROM node_written WHERE id > $1 ORDER BY id', [10]));
  show((await cursor.read(3)).map((r) => r.id), (await cursor.read(100)).length);
  await cursor.close();
  let streamed = 0;
  for await (const row of client.query(new QueryStream('SELECT * FROM node_written', [], { batchSize: 50 }))) streamed += row.id > 0;
  show(streamed);
  let text = '';
  for await (const piece of client.query(to('COPY (SELECT * FROM node_written WHERE id < 8 ORDER BY id) TO STDOUT'))) text += piece;
  show(text);
  await pipeline(Readable.from(['1000\tx\n10', '01\t\\N\n']), client.query(from('COPY node_written FROM STDIN')));
  show((await client.query('SELECT count(*) AS n FROM node_written')).rows);
  await client.query('BEGIN');
  show(await failing(client.query('SELECT 1/0')), await failing(client.query('SELECT 1')));
  await client.query('ROLLBACK');
  for (const wrong of ['SELECT nope FROM person', 'SELECT * FROM nope', 'SELEC 1', "INSERT INTO person (id, name) VALUES (1, 'x')"]) {
    show(wrong, await failing(client.query(wrong)));
  }
  show(await failing(client.query('SELECT $1::int', ['x'])));
  const other = new Client({ query_timeout: 60000 });
  await other.connect();
  setTimeout(() => other.query('SELECT pg_cancel_backend($1)', [client.processID]), 300);
  show(await failing(client.query(SLOW)));
  await client.query('SET statement_timeout = 200');
  show(await failing(client.query(SLOW)));
  await other.end();
  await client.query('DROP TABLE node_written');
  await client.query('DROP TABLE IF EXISTS node_written');
  show(notices);
  await client.end();
  const pool = new Pool({ max: 4, statement_timeout: 10000, options: '-c search_path=public' });
  const names = await Promise.all([...Array(20).keys()].map((i) => pool.query('SELECT name FROM person WHERE id = $1', [(i % 5) + 1])));
  show(names.map((r) => r.rows[0].name));
  await pool.end();
}
main().catch((error) => { console.error(error); process.exit(1); });
