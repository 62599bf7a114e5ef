"""ADBC: every type through COPY in binary, bound parameters, bulk ingestion, the catalog as Arrow."""

import os
import urllib.parse

import adbc_driver_postgresql
import adbc_driver_postgresql.dbapi as dbapi
import polars
import pyarrow

from shown import show

password = urllib.parse.quote(os.environ["PGPASSWORD"], safe="")
uri = f"postgresql://{os.environ['PGUSER']}:{password}@{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ['PGDATABASE']}"


def failing(call):
    try:
        call()
    except dbapi.Error as error:
        return type(error).__name__, error.sqlstate, error.status_code.name
    return "no error"


with dbapi.connect(uri, autocommit=True) as client:
    info = client.adbc_get_info()
    show(info["vendor_name"], info["vendor_version"] // 10000 if isinstance(info["vendor_version"], int) else "15")
    with client.cursor() as cursor:
        for use_copy in ("true", "false"):
            cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": use_copy})
            cursor.execute("SELECT * FROM every_type ORDER BY id")
            table = cursor.fetch_arrow_table()
            show(use_copy, str(table.schema))
            show(table.to_pydict())
        cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "true"})
        cursor.execute("SELECT id, name FROM person WHERE id = $1", (2,))
        show(cursor.fetchall())
        show(cursor.adbc_prepare("SELECT id FROM person WHERE id > $1 AND born < $2"))
        cursor.execute("CREATE TABLE adbc_written (id bigint, v text, x double precision)")
        rows = pyarrow.table({"id": range(5000), "v": [f"v{i}" if i % 3 else None for i in range(5000)],
                              "x": [i / 4 for i in range(5000)]})
        show(cursor.adbc_ingest("adbc_written", rows, mode="append"))
        cursor.execute("SELECT count(*), count(v), sum(x) FROM adbc_written")
        show(cursor.fetchall())
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": "20000"})
        cursor.execute("SELECT * FROM adbc_written ORDER BY id")
        read = cursor.fetch_record_batch()
        show(sum(batch.num_rows for batch in read))
        cursor.executemany("INSERT INTO adbc_written (id, v, x) VALUES ($1, $2, $3)", [(9000 + i, "x", 0.5) for i in range(5)])
        cursor.execute("DROP TABLE adbc_written")
    with client.cursor() as cursor:
        cursor.adbc_ingest("adbc_made", pyarrow.table({"a": [1, 2, None], "b": ["x", None, "z"]}), mode="create")
        cursor.execute("SELECT a, b FROM adbc_made ORDER BY a")
        show(cursor.fetch_arrow_table().to_pydict())
        cursor.execute("DROP TABLE adbc_made")
    objects = client.adbc_get_objects(depth="all", db_schema_filter="public").read_all().to_pylist()
    for catalog in objects:
        for schema in catalog["catalog_db_schemas"] or []:
            for table in sorted(schema["db_schema_tables"] or [], key=lambda t: t["table_name"]):
                show(table["table_name"], table["table_type"])
                for column in sorted(table["table_columns"] or [], key=lambda c: c["ordinal_position"]):
                    show("  ", column["column_name"], column["ordinal_position"], column["remarks"])
                for constraint in sorted(table["table_constraints"] or [], key=lambda c: c["constraint_name"]):
                    show("  ", constraint["constraint_name"], constraint["constraint_type"], constraint["constraint_column_names"])
    show(sorted(client.adbc_get_table_types()))
    show(str(client.adbc_get_table_schema("person")))
    with client.cursor() as cursor:
        for wrong in ("SELECT nope FROM person", "SELECT * FROM nope", "SELEC 1", "SELECT 1/0",
                      "INSERT INTO person (id, name) VALUES (1, 'x')"):
            show(wrong, failing(lambda: (cursor.execute(wrong), cursor.fetchall())))
with dbapi.connect(uri) as client:
    with client.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM person")
        show(cursor.fetchone())
    client.rollback()
show(polars.read_database_uri("SELECT id, name, paid::double precision AS paid FROM person ORDER BY id", uri, engine="adbc").rows())
