"""psycopg, asyncpg and SQLAlchemy against a running server: python drivers.py PORT. Fails at the first thing that is
not as it is with PostgreSQL."""

import asyncio
import datetime
import decimal
import io
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
        psycopg_copy(client)
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


CREATE_COPIED = "CREATE TABLE copied (id integer PRIMARY KEY, t text, n numeric(12,2), d date, y bytea, a integer[])"
COPIED = [
    (1, "tab\t, \"quote\" and \\N", decimal.Decimal("1.50"), datetime.date(9999, 12, 31), b"\x00\xff", [1, None]),
    (2, "", decimal.Decimal("-0.01"), datetime.date(1, 1, 1), b"", []),
    (3, "张三 Şükrü\r\n\\.\n", None, None, None, None),
    (4, None, decimal.Decimal("9999999999.99"), datetime.date(2024, 2, 29), b"x", [-1]),
]


def psycopg_copy(client):
    client.execute(CREATE_COPIED)
    types = ["int4", "text", "numeric", "date", "bytea", "int4[]"]
    for options in ("", " (FORMAT binary)"):
        with client.cursor() as cursor, cursor.copy("COPY copied FROM STDIN" + options) as copy:
            copy.set_types(types)
            for row in COPIED:
                copy.write_row(row)
        asked = "COPY (SELECT * FROM copied ORDER BY id) TO STDOUT"
        with client.cursor() as cursor, cursor.copy(asked + options) as copy:
            copy.set_types(types)
            rows = list(copy.rows())
        assert rows == COPIED, rows
        client.execute("DELETE FROM copied")
    with client.cursor() as cursor:
        with cursor.copy("COPY copied (id, t) FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write("id,t\n1,\"a\nb\"\n")
            copy.write("2,\n")
        assert cursor.rowcount == 2
    try:
        with client.cursor() as cursor, cursor.copy("COPY copied (id) FROM STDIN") as copy:
            copy.write_row((3,))
            copy.write_row((1,))
        raise AssertionError("a key is there twice")
    except psycopg.errors.UniqueViolation as error:
        assert error.diag.context == "COPY copied, line 2", error.diag.context
    try:
        with client.cursor() as cursor, cursor.copy("COPY copied (id) FROM STDIN") as copy:
            copy.write_row((4,))
            raise KeyError("the program fails")
    except KeyError:
        pass
    assert client.execute("SELECT id, t FROM copied ORDER BY id").fetchall() == [(1, "a\nb"), (2, None)]
    client.execute("DROP TABLE copied")


async def asyncpg_copy(client):
    await client.execute(CREATE_COPIED)
    assert await client.copy_records_to_table("copied", records=COPIED) == "COPY 4"
    assert [tuple(row) for row in await client.fetch("SELECT * FROM copied ORDER BY id")] == COPIED
    for options in ({}, {"format": "csv", "header": True}, {"format": "binary"}):
        out = io.BytesIO()
        assert await client.copy_from_table("copied", output=out, **options) == "COPY 4"
        asked = io.BytesIO()
        query = "SELECT * FROM copied WHERE id > $1"
        assert await client.copy_from_query(query, 0, output=asked, **options) == "COPY 4"
        assert asked.getvalue() == out.getvalue()
        await client.execute("DELETE FROM copied")
        out.seek(0)
        assert await client.copy_to_table("copied", source=out, **options) == "COPY 4"
        assert [tuple(row) for row in await client.fetch("SELECT * FROM copied ORDER BY id")] == COPIED
    try:
        await client.copy_records_to_table("copied", records=[(9, "x"), (1, "y")], columns=["id", "t"])
        raise AssertionError("a key is there twice")
    except asyncpg.UniqueViolationError as error:
        assert error.detail == "Key (id)=(1) already exists.", error.detail
    assert await client.fetchval("SELECT count(*) FROM copied") == 4
    await client.execute("DROP TABLE copied")


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
    await asyncpg_copy(client)
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
