"""psycopg, asyncpg and SQLAlchemy against a running server: python drivers.py PORT. Fails at the first thing that is
not as it is with PostgreSQL."""

import asyncio
import datetime
import decimal
import json
import sys
import uuid

import asyncpg
import psycopg
import sqlalchemy as sa
from psycopg.types.json import Json, Jsonb

PORT = int(sys.argv[1])
UID = uuid.UUID(int=7)


def psycopg_3():
    with psycopg.connect(f"host=127.0.0.1 port={PORT} user=onerow dbname=onerow", autocommit=True) as client:
        client.execute("CREATE TABLE person (id integer PRIMARY KEY, name text, uid uuid, doc jsonb, paid numeric(12,2))")
        client.execute("CREATE TABLE pair (a integer PRIMARY KEY, b text UNIQUE, c integer, UNIQUE (a, c))")
        client.execute("CREATE VIEW shown AS SELECT id, coalesce(uid, uid) AS uid FROM person")
        client.cursor().executemany(
            "INSERT INTO person VALUES (%s, %s, %s, %s, %s)",
            [(1, "Ann", UID, Jsonb({"a": 1}), decimal.Decimal("1.50")), (2, "Ben", None, None, None)],
        )
        one = lambda sql, values: client.execute(sql, values).fetchall()
        assert one("SELECT id FROM person WHERE id = ANY(%s)", ([1, 5],)) == [(1,)]
        assert one("SELECT id FROM person WHERE name = ANY(%s)", (["Ben", "x"],)) == [(2,)]
        assert one("SELECT %s, %s", (UID, Json([1]))) == [(UID, [1])]
        for binary in (False, True):
            row = client.execute("SELECT * FROM person WHERE id = 1", binary=binary).fetchone()
            assert row == (1, "Ann", UID, {"a": 1}, decimal.Decimal("1.50")), row
    with psycopg.connect(f"host=127.0.0.1 port={PORT} user=onerow dbname=onerow") as client:
        for binary in (False, True):
            with client.cursor(name="c", binary=binary) as cursor:
                cursor.execute("SELECT id FROM person WHERE id > %s ORDER BY id", (0,))
                assert cursor.fetchone() == (1,)
                assert cursor.fetchall() == [(2,)]
        client.rollback()
        client.read_only = True
        try:
            client.execute("DELETE FROM person")
            raise AssertionError("a read-only transaction has written")
        except psycopg.errors.ReadOnlySqlTransaction:
            pass


async def asyncpg_():
    client = await asyncpg.connect(host="127.0.0.1", port=PORT, user="onerow", database="onerow")
    assert [r["id"] for r in await client.fetch("SELECT id FROM person WHERE id = ANY($1)", [1, 2])] == [1, 2]
    assert await client.fetchval("SELECT name FROM person WHERE uid = $1", UID) == "Ann"
    assert await client.fetchval("SELECT $1::int + $2", 1, 2) == 3
    assert await client.fetchval("SELECT array_agg(uid) FROM person WHERE id = 1") == [UID]
    assert await client.fetchval("SELECT coalesce(uid, uid) FROM person WHERE id = 1") == UID
    await client.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    assert await client.fetchval("SELECT $1::jsonb", {"a": [1]}) == {"a": [1]}
    await client.executemany("INSERT INTO pair (a, b) VALUES ($1, $2)", [(1, "x"), (2, "y")])
    try:
        await client.execute("INSERT INTO pair (a, b) VALUES (1, 'z')")
        raise AssertionError("a key is there twice")
    except asyncpg.UniqueViolationError as error:
        assert (error.schema_name, error.table_name, error.constraint_name) == ("public", "pair", "pair_pkey")
    assert len(await client.fetch("SELECT id FROM person ORDER BY id LIMIT $1 OFFSET $2", 1, 1)) == 1
    day = datetime.timedelta(days=1)
    assert await client.fetchval("SELECT timestamp '2024-01-01 00:00' + $1", day) == datetime.datetime(2024, 1, 2)
    async with client.transaction():
        assert [r["id"] async for r in client.cursor("SELECT id FROM person ORDER BY id", prefetch=1)] == [1, 2]
    await client.reset()
    await client.close()


def sqlalchemy():
    engine = sa.create_engine(f"postgresql+psycopg://onerow@127.0.0.1:{PORT}/onerow")
    tables = sa.MetaData()
    tables.reflect(engine)
    person = tables.tables["person"]
    assert [column.name for column in person.columns] == ["id", "name", "uid", "doc", "paid"]
    found = sa.inspect(engine)
    assert found.get_view_names() == ["shown"]
    assert found.get_pk_constraint("pair")["constrained_columns"] == ["a"]
    unique = sorted(key["column_names"] for key in found.get_unique_constraints("pair"))
    assert unique == [["a", "c"], ["b"]], unique
    indexes = sorted(index["name"] for index in found.get_indexes("pair"))
    assert indexes == ["pair_a_c_key", "pair_b_key"], indexes
    with engine.begin() as client:
        client.execute(person.insert(), [{"id": 10, "name": "x"}, {"id": 11, "name": "y"}])
        wanted = sa.select(person.c.name).where(person.c.id.in_([10, 11])).order_by(person.c.id)
        assert client.execute(wanted).scalars().all() == ["x", "y"]
        streamed = client.execution_options(stream_results=True).execute(sa.select(person.c.id).order_by(person.c.id))
        assert streamed.scalars().all() == [1, 2, 10, 11]
    engine.dispose()


psycopg_3()
asyncio.run(asyncpg_())
sqlalchemy()
print("well")
