-- 2. What the data means
--
-- Each system has its own columns, spellings and habits. clean.person puts them into one form: one branch a system,
-- the same columns in each. Cleaning changes how a value is written, never what it says; which value is right is
-- decided in 03_customer.sql.
--
--   normalize_email   lower case, no blanks; NULL when it is no address
--   normalize_phone   +4917012345678, whatever way it was written; a national number needs the country
--   normalize_name    "BERG, ANN" and "ann berg" become "Ann Berg"; full-width letters become plain ones
--   normalize_text    plain letters, single spaces; NULL when nothing is left
--
-- The columns source and record_id say where a row came from. Keep them in every view that is merged from.

CREATE VIEW clean.person AS
  -- The CRM spells countries out, and segments in whatever case.
  SELECT 'crm' AS source,
         id::text AS record_id,
         normalize_email(email) AS email,
         normalize_name(full_name) AS name,
         normalize_phone(phone, country_code) AS phone,
         normalize_text(street) AS street,
         upper(normalize_text(postcode)) AS postcode,
         normalize_text(city) AS city,
         country_code AS country,
         CAST(NULL AS date) AS birth_date,
         lower(normalize_text(segment)) AS segment,
         updated_at::timestamptz AS updated_at
    FROM (SELECT *,
                 CASE lower(country) WHEN 'germany' THEN 'DE'
                                     WHEN 'united kingdom' THEN 'GB'
                                     WHEN 'france' THEN 'FR'
                                     WHEN 'turkey' THEN 'TR'
                                     WHEN 'china' THEN 'CN' END AS country_code
            FROM crm.account) AS account
  UNION ALL
  SELECT 'erp',
         customer_no::text,
         normalize_email(mail),
         normalize_name(name),
         normalize_phone(tel, country_code),
         normalize_text(street),
         upper(normalize_text(zip)),
         normalize_text(town),
         upper(normalize_text(country_code)),
         born_on,
         CAST(NULL AS text),
         changed_at
    FROM erp.customer
  UNION ALL
  SELECT 'shop',
         user_id,
         normalize_email(email),
         normalize_name(name),
         normalize_phone(phone, country),
         normalize_text(street),
         upper(normalize_text(postcode)),
         normalize_text(city),
         upper(normalize_text(country)),
         birth_date,
         CAST(NULL AS text),
         updated_at
    FROM shop.signup
  UNION ALL
  -- The help desk knows no addresses, and writes countries in small letters.
  SELECT 'helpdesk',
         user_id,
         normalize_email(email),
         normalize_name(display_name),
         normalize_phone(phone, upper(country)),
         CAST(NULL AS text),
         CAST(NULL AS text),
         CAST(NULL AS text),
         upper(normalize_text(country)),
         CAST(NULL AS date),
         CAST(NULL AS text),
         last_seen_at
    FROM helpdesk."user"
  UNION ALL
  -- The mailing list has "LAST, FIRST" in capitals, countries in three letters, segments in one.
  SELECT 'marketing',
         contact_id,
         normalize_email(email),
         normalize_name(name),
         CAST(NULL AS text),
         CAST(NULL AS text),
         upper(normalize_text(postcode)),
         normalize_text(city),
         CASE country WHEN 'DEU' THEN 'DE'
                      WHEN 'GBR' THEN 'GB'
                      WHEN 'FRA' THEN 'FR'
                      WHEN 'TUR' THEN 'TR'
                      WHEN 'CHN' THEN 'CN' END,
         to_date(blank_to_null(born), 'DD.MM.YYYY'),
         CASE segment WHEN 'P' THEN 'private'
                      WHEN 'B' THEN 'business'
                      WHEN 'O' THEN 'public'
                      WHEN 'H' THEN 'partner' END,
         to_date(blank_to_null(changed_on), 'DD.MM.YYYY')::timestamptz
    FROM marketing.list;

COMMENT ON VIEW clean.person IS 'Every record of a person in every system, in one form; not yet merged';
COMMENT ON COLUMN clean.person.source IS 'The system that the record is in';
COMMENT ON COLUMN clean.person.record_id IS 'The record''s key in that system';
COMMENT ON COLUMN clean.person.email IS 'What records are matched by; NULL when the system has none';
COMMENT ON COLUMN clean.person.phone IS 'E.164: + and the country calling code first';
COMMENT ON COLUMN clean.person.country IS 'ISO 3166-1, two letters';
COMMENT ON COLUMN clean.person.updated_at IS 'When the system last touched the record';
