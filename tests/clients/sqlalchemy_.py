"""SQLAlchemy 2 with psycopg and psycopg2: reflection of every object, the ORM, streams, savepoints, types, errors."""

import os
import urllib.parse

import sqlalchemy as sa
from sqlalchemy import orm

from shown import failing, show

PASSWORD = urllib.parse.quote(os.environ["PGPASSWORD"], safe="")


def engine_of(driver):
    where = f"{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ['PGDATABASE']}"
    return sa.create_engine(f"postgresql+{driver}://{os.environ['PGUSER']}:{PASSWORD}@{where}")


def reflection(engine):
    found = sa.inspect(engine)
    show("schemas", sorted(s for s in found.get_schema_names() if s != "pg_toast"), found.default_schema_name)
    show("tables", sorted(found.get_table_names()), "views", sorted(found.get_view_names()))
    show(found.get_temp_table_names(), found.get_temp_view_names(), found.get_sequence_names(),
         found.get_materialized_view_names(), found.get_enums(), found.get_domains(), found.get_foreign_table_names())
    show(found.has_table("person"), found.has_table("nope"), found.has_table("customer"), found.has_schema("public"),
         found.has_sequence("nope"), found.has_index("pair", "pair_c_d_key"))
    for name in sorted(found.get_table_names() + found.get_view_names()):
        show("==", name)
        for column in found.get_columns(name):
            default = (column["default"] or "").removesuffix("::text")
            show(column["name"], str(column["type"]), repr(column["type"]), column["nullable"], default,
                 column["comment"], column.get("autoincrement"), column.get("identity"), column.get("computed"))
        show("key", found.get_pk_constraint(name), "foreign", found.get_foreign_keys(name))
        show("unique", sorted(found.get_unique_constraints(name), key=str))
        show("indexes", sorted(found.get_indexes(name), key=str))
        show("checks", found.get_check_constraints(name), "comment", found.get_table_comment(name))
        show("options", found.get_table_options(name), "exclusions", getattr(found, "get_exclusion_constraints", lambda n: [])(name))
    for kind in (sa.inspection.inspect, ):
        many = found.get_multi_columns(kind=sa.engine.reflection.ObjectKind.ANY)
        show(sorted((key[1], len(columns)) for key, columns in many.items()))
    show(" ".join(found.get_view_definition("Görünüm").split())[:6])
    show(sorted(found.get_multi_pk_constraint().items(), key=str))
    failed = lambda call: failing(call)[0]
    show(failed(lambda: found.get_columns("nope")), failed(lambda: found.get_pk_constraint("nope")),
         failed(lambda: found.get_view_definition("nope")))
    tables = sa.MetaData()
    tables.reflect(engine, views=True)
    for table in tables.sorted_tables:
        show(sa.schema.CreateTable(table).compile(engine).string.replace("::text", ""))


class Base(orm.DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "sqlalchemy_thing"
    id: orm.Mapped[int] = orm.mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    name: orm.Mapped[str | None] = orm.mapped_column(sa.String(40))
    paid: orm.Mapped[float] = orm.mapped_column(sa.Numeric(12, 2), default=0)


def use(engine):
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)  # the second time it looks and finds it there
    with orm.Session(engine) as session:
        session.add_all([Thing(id=i, name=f"n{i}", paid=i / 4) for i in range(50)])
        session.commit()
        show(session.scalars(sa.select(Thing.name).where(Thing.id.in_([3, 4, 5])).order_by(Thing.id)).all())
        thing = session.get(Thing, 7)
        thing.name = "O'Brien 张"
        session.flush()
        with session.begin_nested() as savepoint:
            session.execute(sa.delete(Thing).where(Thing.id < 10))
            show(session.scalar(sa.select(sa.func.count()).select_from(Thing)))
            savepoint.rollback()
        session.commit()
        show(session.scalar(sa.select(Thing.name).where(Thing.name.ilike("o'%"))))
        show(session.execute(sa.select(Thing.name, sa.func.row_number().over(order_by=Thing.paid.desc()))
                             .order_by(Thing.id.desc()).limit(2).offset(1)).all())
    tables = sa.MetaData()
    tables.reflect(engine)
    every, person = tables.tables["every_type"], tables.tables["person"]
    with engine.connect() as client:
        for row in client.execute(sa.select(every).order_by(every.c.id)):
            show([bytes(v) if isinstance(v, memoryview) else v for v in row])
        streamed = client.execution_options(stream_results=True, max_row_buffer=20).execute(
            sa.select(Thing.id).order_by(Thing.id))
        show(len(streamed.fetchmany(10)), len(streamed.all()))
        show(client.scalars(sa.select(every.c.id).where(every.c.c_jsonb["b"]["c"].as_integer() == 1)).all())
        show(client.scalars(sa.select(person.c.id).where(person.c.seen > sa.func.to_timestamp(0)).order_by(person.c.id)).all())
        show(client.execute(sa.text("SELECT :x + 1 AS y, :t AS t"), {"x": 1, "t": "a:b"}).mappings().all())
        show(client.get_isolation_level(), client.default_isolation_level)
    for wrong in ("SELECT nope FROM person", "SELECT * FROM nope", "INSERT INTO person (id, name) VALUES (1, 'x')"):
        with engine.connect() as client:
            show(wrong, failing(lambda: client.execute(sa.text(wrong))))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as client:
        show(client.scalar(sa.text("SELECT count(*) FROM sqlalchemy_thing")))
    Base.metadata.drop_all(engine)


for driver in ("psycopg", "psycopg2"):
    engine = engine_of(driver)
    reflection(engine)
    use(engine)
    engine.dispose()
