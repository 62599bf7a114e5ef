-- What the clients' tests look at, in statements that Onerow and PostgreSQL both run.
CREATE TABLE person (
  id integer PRIMARY KEY,
  name varchar(40) NOT NULL,
  email text UNIQUE,
  city text DEFAULT 'unknown',
  born date,
  paid numeric(12,2),
  seen timestamptz
);
CREATE TABLE "Mixed Case" ("Kötü Ad" text, "select" integer NOT NULL, PRIMARY KEY ("select"));
CREATE TABLE pair (a integer NOT NULL, b bigint NOT NULL, c text, d text, PRIMARY KEY (a, b), UNIQUE (c, d));
CREATE TABLE every_type (
  id integer PRIMARY KEY,
  c_bool boolean,
  c_int2 smallint,
  c_int8 bigint,
  c_float4 real,
  c_float8 double precision,
  c_numeric numeric(20,4),
  c_text text,
  c_varchar varchar(20),
  c_char char(5),
  c_bytea bytea,
  c_date date,
  c_time time,
  c_timestamp timestamp,
  c_timestamptz timestamptz,
  c_interval interval,
  c_uuid uuid,
  c_json json,
  c_jsonb jsonb,
  c_ints integer[],
  c_texts text[]
);
INSERT INTO person (id, name, email, city, born, paid, seen) VALUES
  (1, 'Ann', 'ann@example.com', 'Paris', '1969-07-20', 1.50, '2024-02-29 23:59:59.999999+00'),
  (2, 'Şükrü "İ"', 'SUKRU@example.com', NULL, '9999-12-31', 9999999999.99, '1969-12-31 23:59:59+00'),
  (3, '张三', NULL, '', NULL, NULL, NULL),
  (4, 'O''Brien', 'ob@example.com', '  Cork ', '2000-02-29', -0.01, '2024-01-01 00:00:00+05:30'),
  (5, 'Ann', 'ann2@example.com', E'tab\there', '1900-01-01', 0, '2024-06-30 12:00:00+00');
INSERT INTO "Mixed Case" ("Kötü Ad", "select") VALUES ('x', 1), (NULL, 2);
INSERT INTO pair (a, b, c, d) VALUES (1, 9223372036854775807, 'x', 'y'), (1, 2, 'x', NULL), (2, 1, NULL, NULL);
INSERT INTO every_type VALUES
  (1, true, 32767, 9223372036854775807, 1.5, 0.1, 1234567890123456.7891, 'a''b"c\d', 'varchar', 'ab', '\x00ff10',
   '2024-02-29', '23:59:59.999999', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.789+00',
   '1 year 2 mons 3 days 04:05:06.789', '00000000-0000-0000-0000-000000000007', '{"a": [1, null]}', '{"b": {"c": 1}}',
   '{1,NULL,-3}', '{"a b","",NULL,"q\"uote"}'),
  (2, false, -32768, -9223372036854775808, -0.25, -1e300, -0.0001, '', '', '', '', '1969-12-31', '00:00:00',
   '1900-01-01 00:00:00', '1969-12-31 23:59:59.5+00', '-1 days', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '[]', '[]',
   '{}', '{}'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL);
CREATE VIEW customer AS SELECT lower(email) AS email, max(name) AS name, count(*) AS records
  FROM person WHERE email IS NOT NULL GROUP BY lower(email);
CREATE VIEW "Görünüm" AS SELECT "Kötü Ad" AS a, "select" FROM "Mixed Case";
COMMENT ON TABLE person IS 'Each person''s row';
COMMENT ON COLUMN person.email IS 'As it was typed';
COMMENT ON VIEW customer IS 'Each customer as one row';
COMMENT ON COLUMN customer.records IS 'How many rows it is made of';
