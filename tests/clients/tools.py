"""The statements of tools.sql: their columns and types, and the rows of those that say so."""

import pathlib
import re
import sys

import psycopg

from shown import show

# What carries types of the catalog that Onerow has not, as docs/clients.md says; and `name` and `oid` where there are no rows.
CARRIED = {24: 25, 28: 25, 194: 25, 19: 25, 1043: 25, 869: 25, 1034: 1009, 2277: 25, 1002: 1009, 1003: 1009, 26: 23, 22: 1005, 30: 1007, 1028: 1007}

text = pathlib.Path(__file__).with_name("tools.sql").read_text(encoding="utf-8")
client = psycopg.connect(autocommit=True)
failed = 0
for piece in re.split(r";\n", text):
    said = " ".join(line[3:] for line in piece.splitlines() if line.startswith("-- "))
    statement = "\n".join(line for line in piece.splitlines() if not line.startswith("--")).strip()
    if not statement:
        continue
    show("==", " ".join(statement.split())[:100])
    try:
        cursor = client.execute(statement)
    except psycopg.Error as error:
        failed += 1
        show(error.sqlstate, str(error).split("\n")[0])
        continue
    if cursor.description is None:
        show(cursor.statusmessage)
        continue
    for column in cursor.description:
        show("  ", column.name, CARRIED.get(column.type_code, column.type_code))
    rows = cursor.fetchall()
    if said.split()[-1:] == ["rows"]:
        for row in rows:
            show(row)
    else:
        show("rows" if rows else "no rows")
show("failed", failed)
