SELECT 'customer'::pg_catalog.regclass::pg_catalog.oid
