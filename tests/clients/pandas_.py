"""pandas, Polars and ConnectorX: reading in one piece and in chunks, writing with to_sql."""

import os
import urllib.parse

import connectorx
import pandas
import polars
import sqlalchemy as sa

from shown import show

where = f"{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ['PGDATABASE']}"
user = f"{os.environ['PGUSER']}:{urllib.parse.quote(os.environ['PGPASSWORD'], safe='')}"
engine = sa.create_engine(f"postgresql+psycopg://{user}@{where}")
pandas.set_option("display.width", 250, "display.max_columns", 30)

person = pandas.read_sql("SELECT * FROM person ORDER BY id", engine)
show(person.dtypes.to_string())
show(person.to_csv())
show(pandas.read_sql_table("every_type", engine).drop(columns=["c_bytea"]).sort_values("id").to_csv())
show(pandas.read_sql(sa.text("SELECT name FROM person WHERE id = :id"), engine, params={"id": 2}, index_col="name").index.tolist())
people = pandas.DataFrame({"id": range(1000), "v": [f"v{i}" if i % 3 else None for i in range(1000)], "x": [i / 4 for i in range(1000)]})
show(people.to_sql("pandas_written", engine, index=False, if_exists="replace", chunksize=200, method="multi"))
show(people.head(10).to_sql("pandas_written", engine, index=False, if_exists="append"))
with engine.connect().execution_options(stream_results=True) as client:
    chunks = [len(chunk) for chunk in pandas.read_sql("SELECT * FROM pandas_written ORDER BY id", client, chunksize=300)]
show(chunks)
show(pandas.read_sql("SELECT count(*) AS n, sum(x) AS x, count(v) AS v FROM pandas_written", engine).to_csv())

uri = f"postgresql://{user}@{where}"
columns = ("id, c_bool, c_int2, c_int8, c_float4, c_float8, c_numeric, c_text, c_varchar, c_char, c_bytea, c_date, c_time, "
           "c_timestamp, c_timestamptz, c_uuid, c_json, c_jsonb, c_ints")
for protocol in ("binary", "cursor", "csv"):
    asked = columns if protocol != "csv" else columns.replace(", c_ints", "").replace(", c_bytea", "")
    try:
        read = connectorx.read_sql(uri, f"SELECT {asked} FROM every_type ORDER BY id", return_type="arrow", protocol=protocol)
        show(protocol, str(read.schema), str(read.to_pydict()))
    except BaseException as error:  # it panics
        show(protocol, type(error).__name__, str(error)[:300])
parts = connectorx.read_sql(uri, "SELECT id, v, x FROM pandas_written", partition_on="id", partition_num=4, return_type="arrow")
show(parts.num_rows, sum(parts.column("id").to_pylist()))

frame = polars.read_database_uri("SELECT id, name, paid, born, seen FROM person ORDER BY id", uri, engine="connectorx")
show(frame.schema, frame.rows())
frame = polars.read_database("SELECT id, c_bool, c_int8, c_float8, c_numeric, c_text, c_date, c_timestamp, c_timestamptz, c_ints "
                             "FROM every_type ORDER BY id", engine)
show(frame.schema, frame.rows())
for batch in polars.read_database("SELECT id FROM pandas_written ORDER BY id", engine, iter_batches=True, batch_size=400):
    show(batch.height)
with engine.begin() as client:
    client.execute(sa.text("DROP TABLE pandas_written"))
