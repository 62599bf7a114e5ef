SELECT 'lower(text)'::pg_catalog.regprocedure::pg_catalog.oid
