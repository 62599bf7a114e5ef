"""psycopg 3: every type in text and binary, parameters, cursors, COPY, pipelines, errors, cancel, types found by name."""

import datetime
import decimal
import threading
import time
import uuid

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types import TypeInfo
from psycopg.types.json import Jsonb

from shown import failing, show

client = psycopg.connect(autocommit=True)
show("status", client.info.transaction_status.name, client.info.server_version // 10000, client.info.encoding)
for name in ("server_encoding", "client_encoding", "DateStyle", "IntervalStyle", "integer_datetimes",
             "standard_conforming_strings", "is_superuser", "session_authorization"):
    show(name, client.info.parameter_status(name))

for binary in (False, True):
    cursor = client.cursor(binary=binary)
    cursor.execute("SELECT * FROM every_type ORDER BY id")
    for column in cursor.description:
        show(column.name, column.type_code, column.type_display, column.precision, column.scale, column.internal_size)
    for row in cursor:
        show(row)

values = [
    True, 7, 2**40, 2**62, 0.1, decimal.Decimal("12345.67890"), "it's \\ \"x\" 张三", b"\x00\xff", datetime.date(1969, 7, 20),
    datetime.time(23, 59, 59, 999999), datetime.datetime(9999, 12, 31, 23, 59, 59),
    datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc), datetime.timedelta(days=3, seconds=5),
    uuid.UUID(int=7), Jsonb({"a": [1, None]}), [1, None, 3], ["a", "", None, 'q"'],
]
for value in values:
    for form in ("%s", "%b", "%t"):
        for binary in (False, True):
            row = client.execute(f"SELECT {form} AS v", (value,), binary=binary).fetchone()
            show(type(value).__name__, form, binary, row)
show(client.execute("SELECT %s::text IS NULL, %s::int", (None, None)).fetchone())
show(client.execute("SELECT id FROM person WHERE born > %s AND paid < %s ORDER BY id",
                    (datetime.date(1969, 1, 1), decimal.Decimal("10"))).fetchall())
show(client.execute("SELECT id FROM person WHERE name = ANY(%s) ORDER BY id", (["Ann", "张三"],)).fetchall())
show(client.cursor(row_factory=dict_row).execute("SELECT id, name AS \"Ad\" FROM person WHERE id = %(id)s", {"id": 2}).fetchall())
show(client.execute(sql.SQL("SELECT {} FROM {} ORDER BY 1").format(sql.Identifier("select"),
                                                              sql.Identifier("Mixed Case"))).fetchall())

client.execute("CREATE TABLE psycopg3_written (id integer PRIMARY KEY, v text, n numeric(10,2))")
cursor = client.cursor()
cursor.executemany("INSERT INTO psycopg3_written VALUES (%s, %s, %s)", [(i, f"v{i}", decimal.Decimal(i) / 4) for i in range(500)])
show("written", cursor.rowcount)
for _ in range(8):  # the sixth time it is prepared
    client.execute("SELECT v FROM psycopg3_written WHERE id = %s", (1,)).fetchone()
cursor.execute("UPDATE psycopg3_written SET v = %s WHERE id < %s", ("new", 10))
show("updated", cursor.rowcount, cursor.statusmessage)
cursor.execute("DELETE FROM psycopg3_written WHERE id >= 490")
show("deleted", cursor.rowcount)
with client.pipeline():
    answers = [client.execute("SELECT n FROM psycopg3_written WHERE id = %s", (i,)) for i in range(5)]
    show([answer.fetchone() for answer in answers])
with client.transaction():
    with client.cursor(name="some", binary=True) as part:
        part.itersize = 100
        part.execute("SELECT id, v FROM psycopg3_written ORDER BY id")
        show("cursor", part.description[0].name, part.fetchone(), len(part.fetchmany(200)), len(part.fetchall()))
try:
    with client.transaction():
        client.execute("DELETE FROM psycopg3_written")
        with client.transaction():
            client.execute("INSERT INTO psycopg3_written VALUES (1, 'inner', 1)")
            raise psycopg.Rollback
        show("inside", client.execute("SELECT count(*) FROM psycopg3_written").fetchone())
        raise KeyError
except KeyError:
    show("after", client.execute("SELECT count(*) FROM psycopg3_written").fetchone())
with cursor.copy("COPY (SELECT id, v, n FROM psycopg3_written WHERE id < 4 ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
    copy.set_types(["int4", "text", "numeric"])
    show(list(copy.rows()))
with cursor.copy("COPY psycopg3_written FROM STDIN") as copy:
    for i in range(1000, 3000):
        copy.write_row((i, None if i % 3 else "tab\t\\", decimal.Decimal("0.25")))
show("copied", cursor.rowcount)
for row in client.cursor().stream("SELECT id, v FROM psycopg3_written WHERE id < 1003 AND id >= 1000 ORDER BY id"):
    show(row)

show(TypeInfo.fetch(client, "numeric").array_oid, TypeInfo.fetch(client, "nope"), TypeInfo.fetch(client, "timestamptz"))
show(client.execute("SELECT %s", (datetime.timedelta(hours=-3),)).fetchone())

show(client.execute("SHOW transaction_isolation").fetchone())
client.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
client.read_only = True
client.autocommit = False
show("read only", failing(lambda: client.execute("DELETE FROM psycopg3_written")))
show("aborted", failing(lambda: client.execute("SELECT 1")))
client.rollback()
client.read_only = None
client.isolation_level = None
client.autocommit = True

for statement, parameters in (
    ("SELECT nope FROM person", None), ("SELECT * FROM nope", None), ("SELEC 1", None), ("SELECT 1/%s", (0,)),
    ("SELECT %s::int", ("x",)), ("SELECT id FROM person WHERE id = %s", ("x",)),
    ("INSERT INTO person (id, name) VALUES (1, 'x')", None), ("INSERT INTO person (id) VALUES (77)", None),
    ("SELECT 9223372036854775807 + %s", (1,)),
):
    show(statement, failing(lambda: client.execute(statement, parameters)))

def cancelled():
    threading.Timer(0.3, client.cancel_safe).start()
    started = time.monotonic()
    try:
        client.execute("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11")
    finally:
        show("at once", time.monotonic() - started < 5)

show(failing(cancelled))
show(client.execute("SELECT 1").fetchone())
client.execute("SET statement_timeout = 200")
show(failing(lambda: client.execute(
    "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11")))
client.execute("RESET statement_timeout")
client.execute("DROP TABLE psycopg3_written")
notices = []
client.add_notice_handler(lambda notice: notices.append((notice.severity, notice.sqlstate, notice.message_primary)))
client.execute("DROP TABLE IF EXISTS psycopg3_written")
show(notices)
client.close()
