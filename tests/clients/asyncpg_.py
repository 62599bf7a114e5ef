"""asyncpg: binary results of every type, its own type queries, parameters, cursors, COPY, codecs, errors, cancel."""

import asyncio
import datetime
import decimal
import io
import uuid

import asyncpg

from shown import show

SLOW = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11"


async def failing(awaitable):
    try:
        await awaitable
    except (asyncpg.PostgresError, asyncio.TimeoutError, ValueError) as error:
        said = (str(error) or "").split("\n")[0].split(": expected ")[0]
        return type(error).__name__, getattr(error, "sqlstate", None), said
    return "no error"


async def main():
    client = await asyncpg.connect(server_settings={"application_name": "a client", "timezone": "UTC"})
    show(client.get_server_version().major, client.get_settings().server_encoding, client.get_settings().application_name)
    statement = await client.prepare("SELECT * FROM every_type ORDER BY id")
    for column in statement.get_attributes():
        show(column.name, column.type.oid, column.type.name, column.type.kind, column.type.schema)
    for row in await statement.fetch():
        show(tuple(row))
    values = {
        "bool": True, "int2": 7, "int4": 2**30, "int8": 2**62, "float4": 0.5, "float8": 0.1,
        "numeric(20,5)": decimal.Decimal("12345.67890"), "text": "it's 张三", "varchar": "x", "bytea": b"\x00\xff",
        "date": datetime.date(1969, 7, 20), "time": datetime.time(23, 59, 59, 999999),
        "timestamp": datetime.datetime(9999, 12, 31), "interval": datetime.timedelta(days=3, seconds=5),
        "timestamptz": datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), "uuid": uuid.UUID(int=7),
        "json": '{"a": 1}', "jsonb": '{"a": 1}', "int4[]": [1, None, 3], "text[]": ["a", "", None, 'q"'],
    }
    for name, value in values.items():
        show(name, await client.fetchval(f"SELECT $1::{name}", value), await client.fetchval(f"SELECT $1::{name}", None))
        prepared = await client.prepare(f"SELECT $1::{name} AS v")
        show([p.name for p in prepared.get_parameters()], [a.type.name for a in prepared.get_attributes()])
    show([tuple(r) for r in await client.fetch("SELECT id FROM person WHERE id = ANY($1::int[]) AND born < $2 ORDER BY id",
                                               [1, 2, 5], datetime.date(2000, 1, 1))])
    show(await client.fetchrow("SELECT id, name AS \"Ad\" FROM person WHERE id = $1", 2))
    show(await client.fetchrow("SELECT id FROM person WHERE id = 99"))
    show(await client.execute("CREATE TABLE asyncpg_written (id int PRIMARY KEY, v text, n numeric(10,2))"))
    await client.executemany("INSERT INTO asyncpg_written VALUES ($1, $2, $3)",
                             [(i, f"v{i}", decimal.Decimal(i) / 4) for i in range(300)])
    show(await client.execute("UPDATE asyncpg_written SET v = $1 WHERE id < $2", "new", 7))
    show(await client.execute("BEGIN; SELECT 1; COMMIT"))
    async with client.transaction():
        cursor = await client.cursor("SELECT id FROM asyncpg_written WHERE id >= $1 ORDER BY id", 10)
        show([r["id"] for r in await cursor.fetch(3)], await cursor.forward(10), await cursor.fetchrow())
        show(len([r async for r in client.cursor("SELECT * FROM asyncpg_written", prefetch=50)]))
    try:
        async with client.transaction():
            await client.execute("DELETE FROM asyncpg_written")
            async with client.transaction():
                await client.execute("INSERT INTO asyncpg_written (id) VALUES (1)")
            raise KeyError
    except KeyError:
        show(await client.fetchval("SELECT count(*) FROM asyncpg_written"))
    async with client.transaction(isolation="repeatable_read", readonly=True):
        show(await client.fetchval("SHOW transaction_isolation"))
    out = io.BytesIO()
    show(await client.copy_from_query("SELECT id, v FROM asyncpg_written WHERE id < $1 ORDER BY id", 9, output=out))
    show(out.getvalue())
    records = [(i, None, decimal.Decimal("0.25")) for i in range(1000, 1500)]
    show(await client.copy_records_to_table("asyncpg_written", records=records))
    await client.set_type_codec("numeric", encoder=str, decoder=str, schema="pg_catalog", format="text")
    show(await client.fetchval("SELECT n FROM asyncpg_written WHERE id = 3"))
    for wrong, arguments in (
        ("SELECT nope FROM person", []), ("SELECT * FROM nope", []), ("SELEC 1", []), ("SELECT 1/$1::int", [0]),
        ("SELECT 'x'::int", []), ("INSERT INTO person (id, name) VALUES (1, 'x')", []), ("SELECT $1::int", ["x"]),
    ):
        show(wrong, await failing(client.fetch(wrong, *arguments)))
    show(await failing(client.fetch(SLOW, timeout=0.3)))
    show(await client.fetchval("SELECT 1"))
    await client.execute("DROP TABLE asyncpg_written")
    await client.reset()
    show(await client.fetchval("SHOW application_name"))
    await client.close()

    async with asyncpg.create_pool(min_size=2, max_size=4) as pool:
        async def name(i):
            async with pool.acquire() as one:
                return await one.fetchval("SELECT name FROM person WHERE id = $1", i)
        show(await asyncio.gather(*(name(i % 5 + 1) for i in range(20))))


asyncio.run(main())
