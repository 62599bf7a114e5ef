"""psycopg2: types, parameters in the text, cursors with names, COPY, execute_values, notices, errors, cancel."""

import datetime
import decimal
import io
import threading
import uuid

import psycopg2
import psycopg2.extras
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from shown import failing, show

SLOW = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11"

psycopg2.extras.register_uuid()
client = psycopg2.connect("")
client.autocommit = True
show(client.encoding, client.server_version // 10000, client.get_parameter_status("DateStyle"), client.status)
cursor = client.cursor()
cursor.execute("SELECT * FROM every_type ORDER BY id")
for column in cursor.description:
    show(column.name, column.type_code, column.internal_size, column.precision, column.scale)
for row in cursor:
    show([bytes(value) if isinstance(value, memoryview) else value for value in row])


def one(statement, values=None):
    cursor.execute(statement, values)
    return cursor.fetchall()


for value in (True, 7, 2**62, 0.1, decimal.Decimal("1.50"), "it's \\ 张三", datetime.date(1969, 7, 20), datetime.time(1, 2, 3, 4),
              datetime.datetime(9999, 12, 31, 23, 59, 59), datetime.timedelta(days=3, seconds=5), uuid.UUID(int=7),
              [1, 2], ["a", "b'"], None, psycopg2.extras.Json({"a": 1})):
    show(one("SELECT %s AS v", (value,)))
show(bytes(one("SELECT %s AS v", (psycopg2.Binary(b"\x00\xff'"),))[0][0]))
show(one("SELECT id FROM person WHERE name IN %s ORDER BY id", (("Ann", "张三"),)))
show(one("SELECT id FROM person WHERE name = ANY(%s) ORDER BY id", (["Ann"],)))
show(one(sql.SQL("SELECT {0} FROM {1} ORDER BY {0}").format(sql.Identifier("select"), sql.Identifier("Mixed Case"))))
with client.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as named:
    named.execute("SELECT id, name AS \"Ad\" FROM person WHERE email LIKE %(like)s ORDER BY id", {"like": "%@example.com"})
    show([dict(row) for row in named])

one_row = one("SELECT 1; SELECT 2")
show(one_row)
cursor.execute("CREATE TABLE psycopg2_written (id integer PRIMARY KEY, v text)")
psycopg2.extras.execute_values(cursor, "INSERT INTO psycopg2_written (id, v) VALUES %s", [(i, f"v{i}") for i in range(250)])
show(cursor.rowcount, cursor.statusmessage)
psycopg2.extras.execute_batch(cursor, "UPDATE psycopg2_written SET v = %s WHERE id = %s", [("new", i) for i in range(20)])
show(one("SELECT count(*) FROM psycopg2_written WHERE v = 'new'"))
cursor.copy_from(io.StringIO("1000\tx\n1001\t\\N\n"), "psycopg2_written", columns=("id", "v"))
cursor.copy_expert("COPY psycopg2_written FROM STDIN (FORMAT csv, HEADER)", io.StringIO("id,v\n1002,\"a\nb\"\n"))
out = io.StringIO()
cursor.copy_expert("COPY (SELECT id, v FROM psycopg2_written WHERE id >= 1000 ORDER BY id) TO STDOUT", out)
show(out.getvalue())
client.autocommit = False
with client.cursor("named") as part:
    part.itersize = 50
    part.execute("SELECT id FROM psycopg2_written ORDER BY id")
    show(part.fetchone(), len(part.fetchmany(120)), len(list(part)))
with client.cursor("kept", withhold=True) as kept:
    kept.execute("SELECT id FROM person ORDER BY id")
    show(kept.fetchone())
    client.commit()
    show(kept.fetchall())
client.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
show(failing(lambda: one("DELETE FROM psycopg2_written")))
show(failing(lambda: one("SELECT 1")))
client.rollback()
client.set_session(isolation_level="DEFAULT", readonly="DEFAULT", autocommit=True)
for statement, values in (
    ("SELECT nope FROM person", None), ("SELECT * FROM nope", None), ("SELEC 1", None), ("SELECT 1/%s", (0,)),
    ("SELECT %s::int", ("x",)), ("INSERT INTO person (id, name) VALUES (1, 'x')", None),
):
    show(statement, failing(lambda: one(statement, values)))
threading.Timer(0.3, client.cancel).start()
show(failing(lambda: one(SLOW)))
one_row = one("SELECT 1")
show(one_row)
cursor.execute("DROP TABLE psycopg2_written")
cursor.execute("DROP TABLE IF EXISTS psycopg2_written")
show(client.notices)
client.reset()
client.close()
