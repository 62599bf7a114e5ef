// node `postgres` (postgres.js): its type query on connect, tagged queries, arrays, cursors, COPY, transactions, cancel.
'use strict';
const postgres = require('postgres');
const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');

const show = (...values) => console.log(...values.map((v) => (typeof v === 'string' ? v : JSON.stringify(v))));
const failing = (promise) => promise.then(() => 'no error', (e) => [e.code, e.severity, e.message.split(': expected ')[0], e.position || null]);

async function main() {
  const notices = [];
  const sql = postgres({ max: 3, onnotice: (n) => notices.push([n.severity, n.code, n.message]), connection: { application_name: 'a client' } });
  const every = await sql`SELECT * FROM every_type ORDER BY id`;
  for (const c of every.columns) show(c.name, c.type);
  for (const row of every) show(row);
  show(await sql`SELECT id, name FROM person WHERE id = ANY(${[1, 2, 5]}) AND name IN ${sql(['Ann', '张三'])} ORDER BY id`);
  show(await sql`SELECT ${sql(['id', 'name'])} FROM ${sql('person')} WHERE born = ${'1969-07-20'}`);
  show(await sql`SELECT ${sql.json({ a: [1, null] })} AS j, ${sql.array(['a', 'b"'])}::text[] AS t, ${null} AS n, ${true}::boolean AS b`);
  show((await sql`SELECT ${sql.typed(7, 20)}::bigint AS v`).map((r) => r.v));
  show((await sql.unsafe('SELECT 1 AS a; SELECT 2 AS b')).map((r) => [...r]));
  await sql`CREATE TABLE postgresjs_written (id int PRIMARY KEY, v text)`;
  const rows = [...Array(300).keys()].map((id) => ({ id, v: id % 3 ? `v${id}` : null }));
  show((await sql`INSERT INTO postgresjs_written ${sql(rows, 'id', 'v')}`).count);
  show((await sql`UPDATE postgresjs_written SET ${sql({ v: 'new' }, 'v')} WHERE id < ${5}`).count);
  const parts = [];
  await sql`SELECT id FROM postgresjs_written ORDER BY id`.cursor(110, (part) => { parts.push(part.length); });
  show(parts);
  let seen = 0;
  await sql`SELECT id FROM postgresjs_written`.forEach(() => { seen += 1; });
  show(seen);
  await pipeline(Readable.from(['1000\tx\n10', '01\t\\N\n']), await sql`COPY postgresjs_written (id, v) FROM STDIN`.writable());
  let text = '';
  for await (const piece of await sql`COPY (SELECT * FROM postgresjs_written WHERE id > 297 ORDER BY id) TO STDOUT`.readable()) text += piece;
  show(text);
  show(await failing(sql.begin(async (one) => {
    await one`DELETE FROM postgresjs_written`;
    await one.savepoint(async (inner) => { await inner`INSERT INTO postgresjs_written (id) VALUES (1)`; });
    throw Object.assign(new Error('back'), { code: 'mine' });
  })));
  show(await sql`SELECT count(*) FROM postgresjs_written`);
  show(await sql.begin('read only', (one) => one`SHOW transaction_read_only`));
  for (const wrong of ['SELECT nope FROM person', 'SELECT * FROM nope', 'SELEC 1', "INSERT INTO person (id, name) VALUES (1, 'x')", 'SELECT 1/0']) {
    show(wrong, await failing(sql.unsafe(wrong)));
  }
  show(await failing(sql`SELECT ${'x'}::int`));
  show((await sql`SELECT * FROM person WHERE id = ${1}`.describe()).types);
  const slow = sql`SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11`;
  setTimeout(() => slow.cancel(), 300);
  show(await failing(slow));
  await sql`DROP TABLE postgresjs_written`;
  await sql`DROP TABLE IF EXISTS postgresjs_written`;
  show(notices);
  await sql.end();
}
main().catch((error) => { console.error(error); process.exit(1); });
