-- Statements of the kind that tools ask which cannot be installed for a test, when they connect and list what there is: written down
-- from knowledge of these tools, not recorded from them. Each statement must run and have the columns and types that it has in PostgreSQL; where the
-- line before it says `rows`, the same rows too.

-- Power BI and other programs on Npgsql: types, then tables, columns and keys
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid
FROM (
    SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind,
           elemtyp.oid AS elemtypoid, elemtyp.typname AS elemtypname, elemcls.relkind AS elemrelkind,
           CASE WHEN elemproc.proname='array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype
    FROM (
        SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind,
               CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
               CASE WHEN proc.proname='array_recv' THEN typ.typelem WHEN typ.typtype='r' THEN rngsubtype
                    WHEN typ.typtype='d' THEN typ.typbasetype END AS elemoid
        FROM pg_type AS typ
        LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid)
        LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
        LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)
    ) AS typ
    LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemoid
    LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid)
    LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive
) AS t
JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
WHERE typtype IN ('b', 'r', 'm', 'e', 'd') OR (typtype = 'c' AND relkind='c') OR
    (typtype = 'p' AND typname IN ('record', 'void', 'unknown')) OR
    (typtype = 'a' AND (elemtyptype IN ('b', 'r', 'm', 'e', 'd') OR (elemtyptype = 'p' AND elemtypname IN ('record', 'void')) OR
        (elemtyptype = 'c' AND elemrelkind='c')))
ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'c' THEN 1 WHEN typtype = 'r' THEN 2 WHEN typtype = 'm' THEN 3
              WHEN typtype = 'd' AND elemtyptype <> 'a' THEN 4 WHEN typtype = 'a' THEN 5 WHEN typtype = 'd' AND elemtyptype = 'a' THEN 6 END;
-- fields of composite types, rows
SELECT typ.oid, att.attname, att.atttypid
FROM pg_type AS typ
JOIN pg_namespace AS ns ON (ns.oid = typ.typnamespace)
JOIN pg_class AS cls ON (cls.oid = typ.typrelid)
JOIN pg_attribute AS att ON (att.attrelid = typ.typrelid)
WHERE (typ.typtype = 'c' AND cls.relkind='c') AND attnum > 0 AND NOT attisdropped
ORDER BY typ.oid, att.attnum;
-- enums, rows
SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid=enumtypid ORDER BY oid, enumsortorder;
-- rows
DISCARD ALL;
-- rows
UNLISTEN *;
-- rows
select TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE
from INFORMATION_SCHEMA.tables
where TABLE_SCHEMA not in ('information_schema', 'pg_catalog')
order by TABLE_SCHEMA, TABLE_NAME;
-- rows
select COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE,
       case when (data_type like '%unsigned%') then DATA_TYPE || ' unsigned' else DATA_TYPE end as DATA_TYPE
from INFORMATION_SCHEMA.columns
where TABLE_SCHEMA = 'public' and TABLE_NAME = 'every_type'
order by TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION;
-- keys, rows
select i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME as INDEX_NAME, ii.COLUMN_NAME, ii.ORDINAL_POSITION,
       case when i.CONSTRAINT_TYPE = 'PRIMARY KEY' then 'Y' else 'N' end as PRIMARY_KEY
from INFORMATION_SCHEMA.table_constraints i
inner join INFORMATION_SCHEMA.key_column_usage ii on i.CONSTRAINT_SCHEMA = ii.CONSTRAINT_SCHEMA
  and i.CONSTRAINT_NAME = ii.CONSTRAINT_NAME and i.TABLE_SCHEMA = ii.TABLE_SCHEMA and i.TABLE_NAME = ii.TABLE_NAME
where i.TABLE_SCHEMA = 'public' and i.TABLE_NAME = 'pair' and i.CONSTRAINT_TYPE in ('PRIMARY KEY', 'UNIQUE')
order by i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME, ii.TABLE_SCHEMA, ii.TABLE_NAME, ii.ORDINAL_POSITION;
-- what refers to a table, rows
select pkcol.COLUMN_NAME as PK_COLUMN_NAME, fkcol.TABLE_SCHEMA AS FK_TABLE_SCHEMA, fkcol.TABLE_NAME AS FK_TABLE_NAME,
       fkcol.COLUMN_NAME as FK_COLUMN_NAME, fkcol.ORDINAL_POSITION as ORDINAL,
       fkcon.CONSTRAINT_SCHEMA || '_' || fkcol.TABLE_NAME || '_' || 'person' || '_' || fkcon.CONSTRAINT_NAME as FK_NAME
from (select distinct constraint_catalog, constraint_schema, unique_constraint_schema, constraint_name, unique_constraint_name
      from INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS) fkcon
inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE fkcol on fkcon.CONSTRAINT_SCHEMA = fkcol.CONSTRAINT_SCHEMA and fkcon.CONSTRAINT_NAME = fkcol.CONSTRAINT_NAME
inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE pkcol on fkcon.UNIQUE_CONSTRAINT_SCHEMA = pkcol.CONSTRAINT_SCHEMA and fkcon.UNIQUE_CONSTRAINT_NAME = pkcol.CONSTRAINT_NAME
where pkcol.TABLE_SCHEMA = 'public' and pkcol.TABLE_NAME = 'person' and pkcol.ORDINAL_POSITION = fkcol.ORDINAL_POSITION
order by FK_NAME, fkcol.ORDINAL_POSITION;
select character_set_name from INFORMATION_SCHEMA.character_sets;
-- a table as Power BI reads it, rows
select "$Table"."id" as "id", "$Table"."name" as "name", "$Table"."paid" as "paid"
from "public"."person" "$Table" order by "id" limit 1000 offset 0;
-- its aggregates, rows
select "rows"."name" as "name", count(distinct("rows"."city")) + max(case when "rows"."city" is null then 1 else 0 end) as "a0", sum("rows"."paid") as "a1"
from (select "name", "city", "paid" from "public"."person" "$Table") "rows" group by "name" order by "name" limit 1000001;

-- Metabase: what it asks of the session, tables and fields; rows
show timezone;
-- rows
SELECT nspname FROM pg_namespace WHERE nspname !~ '^information_schema|catalog_history|pg_' AND has_schema_privilege(nspname, 'USAGE') ORDER BY 1;
-- rows
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name",
  CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
       WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type", "d"."description" AS "description"
FROM "pg_catalog"."pg_class" AS "c"
INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid"
LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = 0) AND ("d"."classoid" = 'pg_class'::regclass)
LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname")
WHERE ("c"."relnamespace" = "n"."oid") AND ("c"."relkind" IN ('r', 'p', 'v', 'f', 'm')) AND (n.nspname !~ '^information_schema|catalog_history|pg_')
ORDER BY "type" ASC, "schema" ASC, "name" ASC;
-- rows
SELECT c.column_name AS name, c.udt_name AS "database-type", c.ordinal_position - 1 AS "database-position", c.table_schema AS "table-schema",
  c.table_name AS "table-name", pk.column_name IS NOT NULL AS "pk?",
  col_description(CAST(CAST(format('%I.%I', CAST(c.table_schema AS TEXT), CAST(c.table_name AS TEXT)) AS REGCLASS) AS OID), c.ordinal_position) AS "field-comment",
  (column_default IS NULL OR LOWER(column_default) = 'null') AND is_nullable = 'NO' AS "database-required"
FROM information_schema.columns AS c
LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name FROM information_schema.table_constraints AS tc
           INNER JOIN information_schema.key_column_usage AS kc ON tc.constraint_name = kc.constraint_name AND tc.table_schema = kc.table_schema AND tc.table_name = kc.table_name
           WHERE tc.constraint_type = 'PRIMARY KEY') AS pk ON c.table_schema = pk.table_schema AND c.table_name = pk.table_name AND c.column_name = pk.column_name
WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND c.table_schema IN ('public')
ORDER BY "table-schema", "table-name", "database-position";
-- a sample and a question, rows
SELECT "public"."person"."name" AS "name", COUNT(*) AS "count" FROM "public"."person" WHERE "public"."person"."born" >= DATE '1960-01-01'
GROUP BY "public"."person"."name" ORDER BY "count" DESC, "public"."person"."name" ASC LIMIT 10;
-- rows
SELECT DATE_TRUNC('month', "public"."person"."seen") AS "seen", COUNT(*) AS "count" FROM "public"."person" GROUP BY DATE_TRUNC('month', "public"."person"."seen")
ORDER BY DATE_TRUNC('month', "public"."person"."seen") ASC;
-- rows
SELECT CAST(SUBSTRING("public"."person"."name", 1, 1234) AS text) AS "substring5" FROM "public"."person" ORDER BY "public"."person"."id" LIMIT 3;

-- Grafana: its query builder; rows
SELECT quote_ident(table_schema) AS schema, quote_ident(table_name) AS table FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog') ORDER BY 2;
-- rows
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('public.person'),1) = 2
  THEN quote_ident(table_schema) = (parse_ident('public.person'))[1] AND quote_ident(table_name) = (parse_ident('public.person'))[2]
  ELSE quote_ident(table_name) = 'public.person' END ORDER BY 1;
-- rows
SELECT current_setting('server_version_num')::int/100 >= 1500 AS version;
-- a panel, rows
SELECT (floor(extract(epoch from seen)/86400)*86400)::bigint AS "time", count(id) AS "people" FROM person
WHERE seen BETWEEN '1969-01-01T00:00:00Z' AND '2030-01-01T00:00:00Z' GROUP BY 1 ORDER BY 1;
-- rows
SELECT seen AS "time", name AS metric, paid FROM person WHERE extract(epoch from seen) >= 0 AND seen <= '2030-01-01T00:00:00Z' ORDER BY 1;

-- DBeaver: its catalog
SHOW search_path;
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE 1 = 1 AND datallowconn AND NOT datistemplate ORDER BY db.datname;
SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass
ORDER BY nspname;
SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem
LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C');
-- rows
SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid
FROM pg_catalog.pg_type
LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns
           join (select s.r, (current_schemas(false))[s.r] as nspname from generate_series(1, array_upper(current_schemas(false), 1)) as s(r)) as r using (nspname)) as sp
  ON sp.nspoid = typnamespace WHERE pg_type.oid = 1700 ORDER BY sp.r, pg_type.oid DESC;
SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
WHERE c.relnamespace=2200 AND c.relkind not in ('i','I','c');
SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relnamespace=2200 AND a.attnum > 0 ORDER BY a.attnum;
SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description,
       case when c.contype='c' then "substring"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy
FROM pg_catalog.pg_constraint c
INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid
LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_constraint'::regclass
WHERE c.conrelid='pair'::regclass ORDER BY c.oid;
SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,dsc.description,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr,
       pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size,pg_catalog.pg_stat_get_numscans(i.indexrelid) as index_num_scans
FROM pg_catalog.pg_index i
INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid
INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid
LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid
WHERE i.indrelid='pair'::regclass ORDER BY tabrelname, c.relname;
SELECT c.oid, pg_catalog.pg_total_relation_size(c.oid) as total_rel_size, pg_catalog.pg_relation_size(c.oid) as rel_size
FROM pg_class c WHERE c.relnamespace=2200;
-- rows
SELECT pg_catalog.pg_get_viewdef('customer'::regclass, true) IS NOT NULL AS defined;
select * from pg_catalog.pg_settings where name = 'standard_conforming_strings';
SELECT sa.* FROM pg_catalog.pg_stat_activity sa;
-- rows
SELECT a.name, a.id FROM (SELECT * FROM public.person x WHERE x.id < 3) a ORDER BY a.id LIMIT 200;

-- DataGrip: its introspection; rows
select current_schemas(false) as b;
select round(extract(epoch from pg_postmaster_start_time() at time zone 'UTC')) as startup_time;
select N.oid::bigint as id, datname as name, D.description, datistemplate as is_template, datallowconn as allow_connections,
       pg_catalog.pg_get_userbyid(N.datdba) as "owner"
from pg_catalog.pg_database N left join pg_catalog.pg_shdescription D on N.oid = D.objoid
order by case when datname = pg_catalog.current_database() then -1::bigint else N.oid::bigint end;
select N.oid::bigint as id, N.xmin as state_number, nspname as name, D.description, pg_catalog.pg_get_userbyid(N.nspowner) as "owner"
from pg_catalog.pg_namespace N left join pg_catalog.pg_description D on N.oid = D.objoid
order by case when nspname = pg_catalog.current_schema() then -1::bigint else N.oid::bigint end;
select case when pg_catalog.pg_is_in_recovery() then null else pg_catalog.txid_current() end as current_txid;
select T.relkind as table_kind, T.relname as table_name, T.oid as table_id, T.xmin as table_state_number, T.reltablespace as tablespace_id,
       T.reloptions as options, T.relpersistence as persistence, T.relispartition as is_partition,
       pg_catalog.pg_get_userbyid(T.relowner) as "owner"
from pg_catalog.pg_class T
where relnamespace = 2200::oid and relkind in ('r', 'm', 'v', 'f', 'p') order by table_kind, table_id;
select T.relkind as table_kind, C.attnum as column_position, C.attname as column_name, C.xmin as column_state_number, C.atttypmod as type_mod,
       C.attndims as dimensions_number, pg_catalog.format_type(C.atttypid, C.atttypmod) as type_spec, C.atttypid as type_id,
       C.attnotnull as mandatory, pg_catalog.pg_get_expr(D.adbin, T.oid) as column_default_expression, not C.attislocal as column_is_inherited,
       C.attisdropped as column_is_dropped
from pg_catalog.pg_class T
inner join pg_catalog.pg_attribute C on C.attrelid = T.oid
left join pg_catalog.pg_attrdef D on D.adrelid = C.attrelid and D.adnum = C.attnum
where T.relnamespace = 2200::oid and T.relkind in ('r', 'v', 'f') and C.attnum > 0 order by T.oid, C.attnum;
select T.oid as table_id, relkind as table_kind, C.oid::bigint as con_id, conname as con_name, contype as con_kind, conkey as con_columns,
       conindid as index_id, confrelid as ref_table_id, condeferrable as is_deferrable, condeferred as is_init_deferred,
       confupdtype as on_update, confdeltype as on_delete, connoinherit as no_inherit, confkey as ref_columns
from pg_catalog.pg_constraint C join pg_catalog.pg_class T on C.conrelid = T.oid
where relkind in ('r', 'v', 'f', 'p') and relnamespace = 2200::oid and contype in ('p', 'u', 'f', 'c', 'x') and connamespace = 2200::oid
order by conrelid, con_id;
select D.objoid id, case when 'pg_catalog.pg_opclass'::regclass = D.classoid then 'C' else D.objsubid::varchar end as kind, D.objsubid sub_id, D.description
from pg_catalog.pg_description D join pg_catalog.pg_class C on D.objoid = C.oid
where C.relnamespace = 2200::oid and D.classoid = 'pg_catalog.pg_class'::regclass order by 1, 3;

-- Tableau and Looker: beside JDBC's and ODBC's own lists (see Jdbc.java and odbc.py); rows
SET TIME ZONE 'UTC';
-- rows
SELECT 1;
-- rows
SELECT "person"."name" AS "name", SUM("person"."paid") AS "sum:paid:ok" FROM "public"."person" "person" GROUP BY 1 ORDER BY 1;
-- rows
SELECT "customer"."email" AS "email" FROM "public"."customer" "customer" WHERE (1 = 0) LIMIT 1;
-- rows
SELECT EXTRACT(YEAR FROM "person"."born")::integer AS "yr:born:ok", COUNT(DISTINCT "person"."id") AS "ctd:id:ok" FROM "public"."person" "person" GROUP BY 1 ORDER BY 1 NULLS FIRST;
-- rows
SELECT person.name AS "person.name", COALESCE(SUM(person.paid), 0) AS "person.total", (DATE_TRUNC('quarter', person.seen))::date AS "person.quarter"
FROM public.person AS person WHERE ((person.seen >= (TIMESTAMP '1969-01-01') AND person.seen < (TIMESTAMP '2030-01-01')))
GROUP BY 1, 3 ORDER BY 2 DESC, 1, 3 LIMIT 500;
-- rows
WITH person AS (SELECT * FROM public.person) SELECT person.city AS "person.city" FROM person GROUP BY 1 ORDER BY 1 LIMIT 500;
SELECT pid, usename, query, state, query_start FROM pg_stat_activity WHERE state = 'active';
