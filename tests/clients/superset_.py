"""Apache Superset: a database, a dataset on `customer` with its columns found, and the queries of charts, by its own models and its
specification of PostgreSQL, with its own metadata in memory."""

import contextlib
import io
import os
import tempfile
import urllib.parse

folder = tempfile.mkdtemp()
config = os.path.join(folder, "superset_config.py")
with open(config, "w", encoding="utf-8") as file:
    file.write(f"SECRET_KEY = 'only for this test'\nSQLALCHEMY_DATABASE_URI = 'sqlite:///{folder}/superset.db'\n"
               "FILTER_STATE_CACHE_CONFIG = {'CACHE_TYPE': 'NullCache'}\nEXPLORE_FORM_DATA_CACHE_CONFIG = {'CACHE_TYPE': 'NullCache'}\n"
               "WTF_CSRF_ENABLED = False\nTALISMAN_ENABLED = False\n")
os.environ["SUPERSET_CONFIG_PATH"] = config

import logging
logging.disable(logging.CRITICAL)
from superset.app import create_app

with contextlib.redirect_stdout(io.StringIO()):  # it says where its configuration is
    app = create_app()
with app.app_context():
    from superset import db
    from superset.connectors.sqla.models import SqlaTable, SqlMetric
    from superset.models.core import Database
    from superset.sql.parse import Table

    from shown import failing, show

    from flask_appbuilder import Model
    Model.metadata.create_all(db.engine)
    password = urllib.parse.quote(os.environ["PGPASSWORD"], safe="")
    database = Database(database_name="onerow")
    database.set_sqlalchemy_uri(f"postgresql+psycopg2://{os.environ['PGUSER']}:{password}@{os.environ['PGHOST']}:"
                                f"{os.environ['PGPORT']}/{os.environ['PGDATABASE']}")
    db.session.add(database)
    db.session.commit()
    show(database.backend, sorted(s for s in database.get_all_schema_names() if s != "pg_toast"), database.get_default_schema(None))
    catalog = database.get_default_catalog()
    show(sorted(t[0] for t in database.get_all_table_names_in_schema(None, "public")),
         sorted(t[0] for t in database.get_all_view_names_in_schema(None, "public")))
    for name in ("customer", "person", "every_type"):
        table = Table(name, "public")
        for column in database.get_columns(table):
            show(name, column["column_name"], str(column["type"]), column["nullable"], column.get("comment"))
        show(database.get_pk_constraint(table), database.get_indexes(table), database.get_table_comment(table))
    show(database.get_df("SELECT * FROM customer ORDER BY email").to_csv())
    show(database.select_star(Table("customer", "public"), limit=10, show_cols=True))
    grains = database.db_engine_spec.get_time_grain_expressions()
    with database.get_sqla_engine() as engine, engine.connect() as client:
        for grain, expression in sorted(grains.items(), key=str):
            if grain is None:
                continue
            text = expression.replace("{col}", "seen")
            show(grain, failing(lambda: show(client.exec_driver_sql(f"SELECT {text} FROM person WHERE id = 1").scalar())))
    dataset = SqlaTable(table_name="customer", schema="public", database=database)
    db.session.add(dataset)
    dataset.fetch_metadata()
    dataset.metrics.append(SqlMetric(metric_name="all_records", expression="SUM(records)"))
    db.session.commit()
    show(sorted((c.column_name, c.type, c.is_dttm, c.groupby) for c in dataset.columns))
    query = {"columns": ["name"], "metrics": ["all_records"], "filter": [{"col": "email", "op": "LIKE", "val": "%example.com"}],
             "is_timeseries": False, "granularity": None, "from_dttm": None, "to_dttm": None, "row_limit": 100,
             "orderby": [("name", True)], "extras": {}}
    result = dataset.query(query)
    show(result.status, result.error_message, result.df.to_csv())
    chart = SqlaTable(table_name="person", schema="public", database=database, main_dttm_col="seen")
    db.session.add(chart)
    chart.fetch_metadata()
    db.session.commit()
    import datetime
    query = {"columns": [], "metrics": ["count"], "filter": [], "is_timeseries": True, "granularity": "seen",
             "from_dttm": datetime.datetime(1960, 1, 1), "to_dttm": datetime.datetime(2030, 1, 1), "row_limit": 100,
             "orderby": [], "extras": {"time_grain_sqla": "P1Y"}}
    result = chart.query(query)
    # No order is asked for.
    show(result.status, result.error_message, result.df.sort_values(result.df.columns[0], ignore_index=True).to_csv())
    virtual = SqlaTable(table_name="mine", schema="public", database=database, sql="SELECT city, count(*) AS n FROM person GROUP BY city")
    db.session.add(virtual)
    virtual.fetch_metadata()
    show(sorted((c.column_name, c.type) for c in virtual.columns))
    show(database.db_engine_spec.get_function_names(database)[:0], database.function_names is not None)
    show(failing(lambda: database.get_df("SELECT nope FROM customer")))
