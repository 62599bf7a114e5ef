"""DuckDB for the bench: a line of JSON in, a line of JSON out.

{"load": [..]} loads extensions, {"run": ".."} runs and forgets, {"ask": ".."} gives rows and milliseconds,
{"clients": 16, "sql": "..", "values": [..], "seconds": 3} gives how many statements they did.
"""
import json
import sys
import threading
import time

import duckdb

connection = duckdb.connect()


def clients(count, sql, values, seconds):
    done = [0] * count
    failed = []
    end = time.perf_counter() + seconds

    def work(number):
        cursor = connection.cursor()
        at = number
        try:
            while time.perf_counter() < end:
                cursor.execute(sql, [values[at % len(values)]]).fetchall()
                done[number] += 1
                at += count
        except duckdb.Error as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return {"count": sum(done), "seconds": time.perf_counter() - began}


def answer(wish):
    if "load" in wish:
        for path in wish["load"]:
            connection.execute(f"LOAD '{path}'")
        return {"version": duckdb.__version__}
    if "run" in wish:
        connection.execute(wish["run"])
        return {}
    if "ask" in wish:
        began = time.perf_counter()
        rows = connection.execute(wish["ask"]).fetchall()
        took = (time.perf_counter() - began) * 1000
        return {"ms": took, "rows": [[None if v is None else str(v) for v in row] for row in rows]}
    return clients(wish["clients"], wish["sql"], wish["values"], wish["seconds"])


for line in sys.stdin:
    try:
        said = answer(json.loads(line))
    except Exception as error:  # whatever it is, the bench tells it
        said = {"error": str(error)}
    print(json.dumps(said), flush=True)
