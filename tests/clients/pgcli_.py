"""pgcli: what it asks on start, for completion and for its backslash commands, through its own classes."""

import os

from pgcli.completion_refresher import CompletionRefresher
from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial

from shown import failing, show

execute = PGExecute(os.environ["PGDATABASE"], os.environ["PGUSER"], os.environ["PGPASSWORD"], os.environ["PGHOST"], os.environ["PGPORT"])
show(execute.search_path(), execute.server_version.split(".")[0], execute.superuser)
show("schemas", sorted(set(execute.schemata()) - {"pg_toast"}))
written = lambda row: "_written" in str(row)
show("tables", sorted(tuple(row) for row in execute.tables() if row[0] == "public" and not written(row)))
show("views", sorted(tuple(row) for row in execute.views() if row[0] == "public"))
for row in sorted(tuple(row) for row in execute.table_columns() if row[0] == "public" and not written(row)):
    show(row[:5] + ((row[5] or "").removesuffix("::text"),))
for row in sorted(tuple(row) for row in execute.view_columns() if row[0] == "public"):
    show(row)
show("foreign", list(execute.foreignkeys()))
functions = list(execute.functions())
show("functions", len(functions) > 1000, [(f.func_name, f.arg_types, f.return_type) for f in functions if f.func_name == "initcap"])
types = list(execute.datatypes())
show("types", "information_schema" not in {t[0] for t in types} or len(types) > 5)
show("databases", os.environ["PGDATABASE"] in execute.databases(), execute.full_databases() is not None)
show("zone", execute.get_timezone())
show(str(execute.view_definition("customer"))[:30].split()[:3])
special = PGSpecial()
for command in ("\\dt", "\\dv", "\\d person", "\\d pair", "\\d customer", "\\d+ person", "\\d \"Mixed Case\"", "\\di", "\\ds", "\\dn", "\\l", "\\du",
                "\\dT", "\\dx", "\\dm", "\\dE", "\\df low*", "\\db", "\\dp person", "\\ddp", "\\dD"):
    show("==", command)
    for title, rows, headers, status, *_ in execute.run(command, special):
        shape = command in ("\\l", "\\du", "\\dn", "\\db", "\\dx", "\\df low*", "\\dT")  # what else is in the server
        plain = lambda row: tuple(value.removesuffix("::text") if isinstance(value, str) else value for value in row)
        listed = [] if shape else [plain(row) for row in (rows or []) if not written(row)]
        show(headers, status if not shape else "", sorted(listed, key=str) if not command.startswith("\\d+") else len(listed))
for statement in ("SELECT id, name FROM person ORDER BY id", "SELECT 1; SELECT 2", "SHOW server_encoding"):
    for title, rows, headers, status, sql, success, *_ in execute.run(statement):
        show(headers, [tuple(row) for row in rows or []], (status or "").split("\n")[0][:60], success)
show(failing(lambda: list(execute.run("SELECT nope FROM person"))))
