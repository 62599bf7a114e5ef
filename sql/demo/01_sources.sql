-- 1. Where the data is
--
-- One company, five systems, none of which knows the others. A system is registered with CREATE SERVER; its tables
-- become foreign tables in a schema of their own. Nothing is copied: every query reads the systems as they are.
--
-- A relative path is relative to the folder of this file. Objects may be used before they are defined, also across
-- files, and naming a schema creates it.

-- The CRM is a SQLite database. Its tables need no declaration: IMPORT FOREIGN SCHEMA asks the database for them.
CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database '../data/crm.db');
IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
COMMENT ON SERVER crm IS 'Sales: accounts, contacts with them, opportunities';

-- The ERP exports Parquet files. Parquet knows its column names and types, so the column list is left out.
CREATE SERVER erp FOREIGN DATA WRAPPER files OPTIONS (location '../data/erp');
CREATE FOREIGN TABLE erp.customer SERVER erp OPTIONS (path 'customer.parquet', format 'parquet');
CREATE FOREIGN TABLE erp.orders SERVER erp OPTIONS (path 'orders.parquet', format 'parquet');
COMMENT ON SERVER erp IS 'Invoicing: customers and their orders, exported every night';

-- The web shop writes JSON, one object a line. A declared column that a line does not have is NULL there.
CREATE SERVER shop FOREIGN DATA WRAPPER files OPTIONS (location '../data/shop');
CREATE FOREIGN TABLE shop.signup (
  user_id text,
  name text,
  email text,
  phone text,
  street text,
  postcode text,
  city text,
  country text,
  birth_date date,
  signed_up_at timestamptz,
  updated_at timestamptz
) SERVER shop OPTIONS (path 'signup.jsonl', format 'json');
CREATE FOREIGN TABLE shop."order" (
  order_id text,
  user_id text,
  placed_at timestamptz,
  total numeric(12,2),
  currency text,
  state text
) SERVER shop OPTIONS (path 'order.jsonl', format 'json');
COMMENT ON SERVER shop IS 'The web shop: sign-ups and orders, as customers typed them';

-- The help desk exports CSV. CSV has no types, so they are declared: a phone number must stay text, or its leading
-- zero is gone.
CREATE SERVER helpdesk FOREIGN DATA WRAPPER files OPTIONS (location '../data/helpdesk');
CREATE FOREIGN TABLE helpdesk."user" (
  user_id text,
  display_name text,
  email text,
  phone text,
  country text,
  last_seen_at timestamptz
) SERVER helpdesk OPTIONS (path 'user.csv', format 'csv', header 'true');
CREATE FOREIGN TABLE helpdesk.ticket (
  ticket_id text,
  user_id text,
  subject text,
  status text,
  priority text,
  opened_at timestamptz,
  closed_at timestamptz,
  rating integer
) SERVER helpdesk OPTIONS (path 'ticket.csv', format 'csv', header 'true');
COMMENT ON SERVER helpdesk IS 'Service: users, their tickets, and how they rated the answers';

-- The mailing list is CSV as German spreadsheets write it: semicolons, 31.12.2025, 1234,50. Dates and amounts are
-- read as text here; 06_marketing.sql and 02_clean.sql say what they mean.
CREATE SERVER marketing FOREIGN DATA WRAPPER files OPTIONS (location '../data/marketing');
CREATE FOREIGN TABLE marketing.list (
  contact_id text,
  name text,
  email text,
  postcode text,
  city text,
  country text,
  born text,
  segment text,
  changed_on text
) SERVER marketing OPTIONS (path 'list.csv', format 'csv', header 'true', delimiter ';');
CREATE FOREIGN TABLE marketing.campaign (
  campaign_id text,
  title text,
  channel text,
  started_on text,
  cost text
) SERVER marketing OPTIONS (path 'campaign.csv', format 'csv', header 'true', delimiter ';');
CREATE FOREIGN TABLE marketing.response (
  response_id text,
  campaign_id text,
  contact_id text,
  kind text,
  responded_on text
) SERVER marketing OPTIONS (path 'response.csv', format 'csv', header 'true', delimiter ';');
COMMENT ON SERVER marketing IS 'The mailing list: contacts, campaigns, responses';
