"""dbt: debug, models as views (twice, the second time they are replaced), tests, a model that is made a table, snapshots of docs."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import sys
import tempfile

from dbt.cli.main import dbtRunner
import psycopg2

from shown import show

os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
folder = pathlib.Path(tempfile.mkdtemp()) / "dbt"
shutil.copytree(pathlib.Path(__file__).parent / "dbt_project", folder)
flags = ["--project-dir", str(folder), "--profiles-dir", str(folder)]


def dbt(*command):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        result = dbtRunner().invoke([*command, *flags])
    show("==", *command, result.success)
    if not result.success:
        sys.stderr.write(said.getvalue())
    if result.result is not None and hasattr(result.result, "results"):
        for one in sorted(result.result.results, key=lambda r: r.node.unique_id):
            show(one.node.unique_id, str(one.status), (one.message or "").split("\n")[:2] if one.status not in ("pass", "success") else "", one.failures)


dbt("debug")
dbt("run")
dbt("run")
dbt("run", "--full-refresh", "--select", "golden")
dbt("test")
client = psycopg2.connect("")
cursor = client.cursor()
cursor.execute("SELECT * FROM dbt.golden ORDER BY email")
show(cursor.fetchall())
cursor.execute("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'dbt' ORDER BY 1")
show(cursor.fetchall())
client.close()
(folder / "models" / "golden.sql").write_text("select 1 as email, nope from {{ ref('clean_person') }}")
dbt("run", "--select", "golden")
(folder / "models" / "golden.sql").write_text("select email, id from {{ ref('clean_person') }}")
dbt("run", "--select", "golden")
dbt("docs", "generate")
catalog = json.loads((folder / "target" / "catalog.json").read_text())
for group in ("nodes", "sources"):
    for name, node in sorted(catalog[group].items()):
        show(name, node["metadata"]["type"], node["metadata"]["schema"], node["metadata"]["comment"], node["metadata"]["owner"])
        for column in node["columns"].values():
            show("  ", column["index"], column["name"], column["type"], column["comment"])
