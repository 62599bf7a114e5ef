SELECT datname FROM pg_catalog.pg_database  WHERE datname LIKE 'on%'
LIMIT 1000
