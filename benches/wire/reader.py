"""psycopg 3 for the bench: a line of JSON in, a line of JSON out.

{"connect": "name", "with": {..}} makes a connection; {"ask": "name", "sql": ".."} reads all rows in binary and gives how
many there are, the sum of the first column, and milliseconds.
"""
import json
import sys
import time

import psycopg

connections = {}


def read(connection, sql):
    began = time.perf_counter()
    rows = total = 0
    with connection.cursor(binary=True) as cursor:
        cursor.execute(sql)
        for row in cursor:
            rows += 1
            total += row[0]
    return {"rows": rows, "sum": total, "ms": (time.perf_counter() - began) * 1000}


for line in sys.stdin:
    wish = json.loads(line)
    try:
        if "connect" in wish:
            connections[wish["connect"]] = psycopg.connect(**wish["with"], autocommit=True)
            answer = {}
        else:
            answer = read(connections[wish["ask"]], wish["sql"])
    except psycopg.Error as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
