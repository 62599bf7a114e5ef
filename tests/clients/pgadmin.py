"""pgAdmin 4: the queries that its browser tree, its properties, its dashboard and its query tool send, rendered from its own templates
for a server of version 15. Prints each query's columns and rows, with what depends on the server as a whole left out."""

import importlib.util
import pathlib
import re
import sys

import jinja2
import psycopg

from shown import show

ROOT = pathlib.Path(importlib.util.find_spec("pgadmin4").submodule_search_locations[0]) / "pgadmin"
SCHEMAS = "browser/server_groups/servers/databases/schemas/"
DATABASES = "browser/server_groups/servers/databases/"
SERVERS = "browser/server_groups/servers/"


def literal(value, *_):
    return "NULL" if value is None else str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"


def identifier(*values):
    return ".".join('"' + str(value).replace('"', '""') + '"' for value in values if isinstance(value, str))


environment = jinja2.Environment(loader=jinja2.FileSystemLoader([str(ROOT), *sorted(map(str, ROOT.rglob("templates")))]), extensions=["jinja2.ext.do"], trim_blocks=True)
environment.filters.update(qtLiteral=literal, qtIdent=lambda conn, *v: identifier(*(x for x in (conn, *v))), qtTypeIdent=identifier,
                           hasAny=lambda data, keys: any(data.get(k) for k in keys))
environment.globals["_"] = lambda text: text
environment.tests["sequence"] = lambda value: isinstance(value, (list, tuple))
client = psycopg.connect(autocommit=True)


def template(folder, name):
    """The newest of a template's versions that is for a server of version 15 or older."""
    def version(path):
        part = next((p for p in reversed(path.parts) if p == "default" or p.endswith("_plus")), "default")
        return 0 if part == "default" else float(part.removesuffix("_plus").replace("_", "."))
    found = [p for p in (ROOT / folder).rglob(name) if "ppas" not in p.parts and "gpdb" not in p.parts]
    found = [p for p in found if version(p) <= 15]
    if not found:
        raise FileNotFoundError(folder + name)
    return max(found, key=version).relative_to(ROOT)


# What is refused here: privileges taken apart (aclexplode), and subqueries that are beyond the planner. docs/clients.md says so.
REFUSED = {"databases/sql/acl.sql", "databases/sql/defacl.sql", "tables/sql/acl.sql", "schemas/pg/properties.sql", "aggregates/nodes.sql",
           "columns/sql/properties.sql", "views/pg/properties.sql"}
# The types that carry what Onerow has not, and `name` and `oid` where there are no rows, as in tools.py.
CARRIED = {24: 25, 28: 25, 194: 25, 19: 25, 1043: 25, 869: 25, 1034: 1009, 1002: 1009, 1003: 1009, 2277: 25, 2205: 25, 26: 23, 22: 1005, 30: 1007,
           1028: 1007, 18: 25, 20: 23, 21: 23, 705: 25}
DEPENDS = re.compile(r"^(oid|tid|xid|pid|age|datoid|did|.*oid|.*time|.*_at|backend_start|.*start.*|size|.*size.*|.*stat.*|rows|blks.*|tup.*|xact.*|cache.*)$")
FAILED = []


def ask(folder, name, keep=None, shape_only=False, **values):
    if any(f"{folder}{name}".endswith(refused) for refused in REFUSED):
        return []
    try:
        path = template(folder, name)
    except FileNotFoundError:
        show("==", folder, name, "is not there")
        return []
    what = f"{folder.removeprefix(SCHEMAS).removeprefix(DATABASES).removeprefix(SERVERS)}{name}"
    try:
        text = environment.get_template(str(path)).render(conn=None, show_sysobj=False, show_system_objects=False, **values)
    except jinja2.UndefinedError as error:
        show("==", what, "needs more", str(error))
        return []
    text = re.sub(r"(?m)^\s*--.*$", "", text).strip()
    if not text:
        show("==", what, "is empty")
        return []
    try:
        cursor = client.execute(text)
    except psycopg.Error as error:
        show("==", what, error.sqlstate)
        FAILED.append(what)
        print(f"{what}\n{error}\n{text}\n", file=sys.stderr)
        return []
    names = [column.name for column in cursor.description]
    show("==", what, names, [CARRIED.get(c.type_code, c.type_code) for c in cursor.description])
    rows = [dict(zip(names, row)) for row in cursor.fetchall()]
    rows = [row for row in rows if keep is None or keep(row)]
    if not shape_only:
        for row in sorted(({k: v for k, v in row.items() if not DEPENDS.match(k)} for row in rows), key=str):
            show("  ", row)
    return rows


def oid(text):
    return client.execute("SELECT " + text).fetchone()[0]


database = oid("oid FROM pg_database WHERE datname = current_database()")
public = oid("'public'::regnamespace::oid")
named = lambda row: "_written" not in str(row)

# Connecting, the server and its databases.
ask(SERVERS + "templates/connect/sql/", "check_recovery.sql", shape_only=True)
ask(DATABASES + "templates/databases/sql/", "nodes.sql", shape_only=True, did=database)
ask(DATABASES + "templates/databases/sql/", "properties.sql", shape_only=True, did=database)
ask(DATABASES + "templates/databases/sql/", "acl.sql", did=database)
ask(DATABASES + "templates/databases/sql/", "defacl.sql", did=database, grant_reovke_sql="")
ask(DATABASES + "templates/databases/sql/", "get_encodings.sql", shape_only=True)
ask(DATABASES + "templates/databases/sql/", "variables.sql", shape_only=True, did=database)
ask(DATABASES + "templates/databases/sql/", "get_variables.sql", shape_only=True, did=database)
ask(DATABASES + "templates/databases/sql/", "stats.sql", shape_only=True, did=database)
for kind in ("casts", "event_triggers", "extensions", "languages", "publications", "subscriptions"):
    ask(DATABASES + f"{kind}/templates/{kind}/", "nodes.sql" if kind != "extensions" else "properties.sql", shape_only=True, did=database)
ask(DATABASES + "foreign_data_wrappers/templates/foreign_data_wrappers/", "properties.sql", shape_only=True)
ask(DATABASES + "foreign_data_wrappers/foreign_servers/templates/foreign_servers/", "properties.sql", shape_only=True, fid=0)
ask(DATABASES + "foreign_data_wrappers/foreign_servers/user_mappings/templates/user_mappings/", "properties.sql", shape_only=True, fsid=0)
ask(SERVERS + "roles/templates/roles/sql/", "nodes.sql", shape_only=True)
ask(SERVERS + "roles/templates/roles/sql/", "properties.sql", shape_only=True)
ask(SERVERS + "tablespaces/templates/tablespaces/sql/", "nodes.sql", shape_only=True)
# Schemas and what is in them.
ask(SCHEMAS + "templates/schemas/pg/", "nodes.sql", keep=lambda row: row["name"] == "public")
ask(SCHEMAS + "templates/schemas/pg/", "properties.sql", keep=lambda row: row["name"] == "public", shape_only=True, scid=public)
ask(SCHEMAS + "templates/catalog/pg/", "nodes.sql", shape_only=True)
for kind in ("collations", "domains", "fts_configurations", "fts_dictionaries", "fts_parsers", "fts_templates", "operators", "aggregates", "sequences", "foreign_tables"):
    try:
        ask(SCHEMAS + f"{kind}/templates/{kind}/", "nodes.sql", shape_only=True, scid=public)
    except FileNotFoundError:
        ask(SCHEMAS + f"{kind}/templates/{kind}/", "node.sql", shape_only=True, scid=public)
for kind in ("functions", "procedures", "trigger_functions"):
    ask(SCHEMAS + f"functions/templates/{kind}/pg/", "node.sql", shape_only=True, scid=public)
ask(SCHEMAS + "types/templates/types/", "nodes.sql", shape_only=True, scid=public)
ask(SCHEMAS + "views/templates/views/pg/", "nodes.sql", keep=named, scid=public)
ask(SCHEMAS + "views/templates/mviews/pg/", "nodes.sql", scid=public)
ask(SCHEMAS + "tables/templates/tables/sql/", "nodes.sql", keep=named, scid=public)
for table in ("person", "pair", '"Mixed Case"'):
    number = oid(f"'{table}'::regclass::oid")
    tables = SCHEMAS + "tables/templates/"
    ask(tables + "tables/sql/", "properties.sql", shape_only=True, scid=public, tid=number, did=database, datlastsysoid=16383)
    ask(tables + "columns/sql/", "nodes.sql", tid=number, scid=public, clid=None)
    ask(tables + "columns/sql/", "properties.sql", shape_only=True, tid=number, scid=public, clid=None)
    ask(tables + "indexes/sql/", "nodes.sql", tid=number, scid=public, idx=None)
    ask(tables + "index_constraint/sql/", "nodes.sql", tid=number, scid=public, constraint_type="p", cid=None)
    for key in ask(tables + "index_constraint/sql/", "properties.sql", shape_only=True, tid=number, did=database, cid=None, constraint_type="p"):
        ask(tables + "index_constraint/sql/", "get_constraint_cols.sql", cid=key["oid"], colcnt=key["col_count"])
    for kind in ("check_constraint", "foreign_key", "exclusion_constraint", "triggers", "rules", "row_security_policies"):
        ask(tables + f"{kind}/sql/" if kind != "triggers" else tables + "triggers/sql/pg/", "nodes.sql", tid=number, scid=public)
    ask(tables + "tables/sql/", "get_table_row_count.sql" if False else "acl.sql", tid=number, scid=public)
    ask("tools/sqleditor/templates/sqleditor/sql/", "primary_keys.sql", obj_id=number, table_name=table.strip('"'), table_nspname="public")
    ask("tools/sqleditor/templates/sqleditor/sql/", "get_columns.sql", obj_id=number, table_name=table.strip('"'), table_nspname="public")
    ask("tools/sqleditor/templates/sqleditor/sql/", "has_oids.sql", obj_id=number)
    ask("tools/sqleditor/templates/sqleditor/sql/", "objectname.sql", obj_id=number)
view = oid("'customer'::regclass::oid")
ask(SCHEMAS + "views/templates/views/pg/", "properties.sql", shape_only=True, vid=view, scid=public, datlastsysoid=16383)
# Statistics, dependencies and the dashboard.
ask("dashboard/templates/dashboard/sql/", "locks.sql", shape_only=True, did=database)
ask("dashboard/templates/dashboard/sql/", "prepared.sql", shape_only=True, did=database)
ask("dashboard/templates/dashboard/sql/", "config.sql", shape_only=True, did=database)
ask(SCHEMAS + "tables/templates/tables/sql/", "coll_table_stats.sql", shape_only=True, scid=public, is_pgstattuple=False, schema_name="public")
for word in ("dependents.sql", "dependencies.sql"):
    try:
        ask("browser/templates/depends/sql/", word, shape_only=True, where_clause=f"WHERE dep.refobjid={view}::OID" if word == "dependents.sql" else f"WHERE dep.objid={view}::OID")
    except FileNotFoundError:
        show(word, "has no template")
# What its psycopg connection asks.
for statement in ("SELECT version()", "SHOW transaction_isolation", "SELECT pg_is_in_recovery()", "SET DateStyle=ISO; SET client_min_messages=notice;",
                  "SELECT set_config('bytea_output','hex',false) FROM pg_show_all_settings() WHERE name = 'bytea_output'",
                  "SELECT db.oid as did, db.datname, db.datallowconn, pg_encoding_to_char(db.encoding) AS serverencoding, "
                  "has_database_privilege(db.oid, 'CREATE') as cancreate, datistemplate FROM pg_catalog.pg_database db WHERE db.datname = current_database()"):
    try:
        cursor = client.execute(statement)
        show(statement[:40], [c.name for c in cursor.description or []])
    except psycopg.Error as error:
        FAILED.append(statement)
        show(statement[:40], error.sqlstate)
        print(f"{error}\n{statement}\n", file=sys.stderr)
show("failed", len(FAILED))
