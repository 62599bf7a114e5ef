"""psqlODBC by pyodbc: every type, parameters, the catalog functions, server-side cursors, errors, cancel."""

import datetime
import decimal
import os
import threading
import uuid

import pyodbc

from shown import show

SLOW = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11"
where = (f"Driver={{PostgreSQL Unicode}};Server={os.environ['PGHOST']};Port={os.environ['PGPORT']};Database={os.environ['PGDATABASE']};"
         f"Uid={os.environ['PGUSER']};Pwd={{{os.environ['PGPASSWORD']}}};SSLmode=disable;")


def failing(call):
    try:
        call()
    except pyodbc.Error as error:
        said = error.args[1].split("] ")[-1].split(";\n")[0].split(": expected ")[0].split("\n")[0]
        return type(error).__name__, error.args[0], said
    return "no error"


def use(options):
    show("##", options)
    client = pyodbc.connect(where + options, autocommit=True)
    cursor = client.cursor()
    show(client.getinfo(pyodbc.SQL_DBMS_NAME), client.getinfo(pyodbc.SQL_DBMS_VER).split(".")[0], client.getinfo(pyodbc.SQL_IDENTIFIER_QUOTE_CHAR))
    cursor.execute("SELECT * FROM every_type ORDER BY id")
    for column in cursor.description:
        # Whether it may be null, and how long an array may be, is asked of the table that it comes from, which is not told.
        show(column[0], column[1].__name__, column[2:6] if column[0] not in ("c_ints", "c_texts") else "")
    for row in cursor.fetchall():
        show(tuple(row))
    for value in (True, 7, 2**62, 0.1, decimal.Decimal("1.50"), "it's \\ 张三", b"\x00\xff", datetime.date(1969, 7, 20),
                  datetime.time(23, 59, 59), datetime.datetime(2024, 2, 29, 12, 0, 0, 5000), uuid.UUID(int=7)):
        cast = {bool: "boolean", int: "bigint", float: "float8", decimal.Decimal: "numeric(12,2)", str: "text", bytes: "bytea",
                datetime.date: "date", datetime.time: "time", datetime.datetime: "timestamp", uuid.UUID: "uuid"}[type(value)]
        show(cast, failing(lambda: show(cursor.execute(f"SELECT CAST(? AS {cast}) AS v", value).fetchone()[0])))
    show(cursor.execute("SELECT id, name FROM person WHERE id > ? AND city IS NOT NULL ORDER BY id", 1).fetchall())
    show(cursor.execute("SELECT ? , id FROM person WHERE name = ? ORDER BY id", None, "Ann").fetchall())
    cursor.execute("CREATE TABLE odbc_written (id int PRIMARY KEY, v varchar(20), n numeric(10,2))")
    cursor.executemany("INSERT INTO odbc_written VALUES (?, ?, ?)", [(i, f"v{i}", decimal.Decimal(i) / 4) for i in range(300)])
    show(cursor.execute("UPDATE odbc_written SET v = ? WHERE id < ?", "new", 5).rowcount)
    show(cursor.execute("DELETE FROM odbc_written WHERE id > 290").rowcount)
    cursor.execute("SELECT 1 AS a; SELECT 2 AS b")
    show(cursor.fetchall(), cursor.nextset(), cursor.fetchall(), cursor.nextset())
    cursor.execute("SELECT id FROM odbc_written ORDER BY id")
    show(len(cursor.fetchmany(120)), len(cursor.fetchall()))
    client.autocommit = False
    show(cursor.execute("SELECT count(*) FROM odbc_written").fetchone())
    cursor.execute("DELETE FROM odbc_written")
    client.rollback()
    show(failing(lambda: cursor.execute("SELECT 1/0").fetchall()))
    client.rollback()
    show(cursor.execute("SELECT count(*) FROM odbc_written").fetchone())
    client.commit()
    client.autocommit = True
    cursor.execute("DROP TABLE odbc_written")
    for wrong in ("SELECT nope FROM person", "SELECT * FROM nope", "SELEC 1", "INSERT INTO person (id, name) VALUES (1, 'x')"):
        show(wrong, failing(lambda: cursor.execute(wrong)))
    threading.Timer(0.3, cursor.cancel).start()
    show(failing(lambda: cursor.execute(SLOW).fetchall()))
    show(cursor.execute("SELECT 1").fetchone())

    pick = lambda rows, *at: [tuple(row[i] for i in at) for row in rows]
    show("tables", sorted(pick(cursor.tables(schema="public"), 1, 2, 3, 4)))
    show("catalogs", len(cursor.tables(catalog="%", schema="", table="").fetchall()))
    show("schemas", "public" in [row[1] for row in cursor.tables(catalog="", schema="%", table="")])
    for row in pick(cursor.columns(schema="public", table="every_type"), 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 16, 17):
        show(row)
    for row in pick(cursor.columns(schema="public", table="person"), 3, 5, 6, 10, 11, 12):
        show(tuple(value.removesuffix("::text") if isinstance(value, str) else value for value in row))
    for table in ("person", "pair", "Mixed Case"):
        show("key", pick(cursor.primaryKeys(table, schema="public"), 1, 2, 3, 4, 5))
        show("statistics", pick(cursor.statistics(table, schema="public", unique=True), 1, 2, 3, 5, 6, 7, 8, 9))
        show("best", pick(cursor.rowIdColumns(table, schema="public"), 1, 2, 3, 4))
        show("versions", pick(cursor.rowVerColumns(table, schema="public"), 1, 2))
        show("foreign", pick(cursor.foreignKeys(foreignTable=table), 1, 2))
    show("procedures", len(cursor.procedures(schema="public").fetchall()) >= 0)
    known = pick(cursor.getTypeInfo(), 0, 1, 2)
    show(sorted(row for row in known if row[0] in ("int4", "numeric", "text", "uuid", "timestamptz", "bool")))
    client.close()


use("")
use("UseDeclareFetch=1;Fetch=40;")
use("UseServerSidePrepare=0;ByteaAsLongVarBinary=1;BoolsAsChar=0;")
