-- 3. Customers: one row each
--
-- GROUP BY says which records are one customer: here, those with the same cleaned e-mail address. A merge function
-- then chooses, for each column, which of their values to believe:
--
--   newest(v, ts)               the value seen last
--   most_trusted(v, trust, ts)  the value of the source trusted most; among equals, the newest
--   majority(v)                 the value that most records have
--   weighted_majority(v, w)     the same, where some records count for more
--
-- NULL never wins. Equal candidates are decided by their values, never by the order of rows.
--
-- Why not newest everywhere? A value is not right because somebody touched its record last. onerow demo prints how
-- often that would be right, beside these rules.

-- Where does a customer live now? Nobody tells all five systems of a move. So each record votes for its postcode, and
-- counts half as much for every 60 days that it is older than the customer's newest: a move wins soon, a slip of the
-- newest record does not. The shop's parcels and the ERP's invoices come back from a wrong address; nobody notices the
-- mailing list's.
CREATE VIEW clean.resident AS
  SELECT *, weighted_majority(postcode, weight) OVER (PARTITION BY email) AS home_postcode
    FROM (SELECT *,
                 CASE source WHEN 'shop' THEN 4
                             WHEN 'erp' THEN 3
                             WHEN 'crm' THEN 2
                             ELSE 0.1 END
                 * power(0.5, extract(epoch FROM max(updated_at) OVER (PARTITION BY email) - updated_at)
                              / (60 * 86400)) AS weight
            FROM clean.person
           WHERE email IS NOT NULL) AS person;

COMMENT ON VIEW clean.resident IS 'Every record with an e-mail address, and where its customer lives by all of them';
COMMENT ON COLUMN clean.resident.weight IS 'How much the record counts for where the customer lives';
COMMENT ON COLUMN clean.resident.home_postcode IS 'The postcode with the most weight among the customer''s records';

CREATE VIEW customer AS
  SELECT email,
         -- In the shop customers type their names themselves. The mailing list only knows A to Z.
         weighted_majority(name, CASE source WHEN 'shop' THEN 5
                                             WHEN 'crm' THEN 4
                                             WHEN 'erp' THEN 3
                                             WHEN 'helpdesk' THEN 2
                                             ELSE 1 END) AS name,
         -- The shop sends text messages, so customers notice when its number is wrong; two others may outvote it.
         weighted_majority(phone, CASE source WHEN 'shop' THEN 5
                                              WHEN 'erp' THEN 2
                                              ELSE 3 END) AS phone,
         -- Street and city are voted on by the records of one postcode alone: taken from any, they could mix two
         -- addresses into one where nobody lives. In the shop customers type them in full.
         weighted_majority(street, CASE source WHEN 'shop' THEN 4 WHEN 'crm' THEN 3 ELSE 2 END)
           FILTER (WHERE postcode = home_postcode) AS street,
         weighted_majority(postcode, weight) AS postcode,
         weighted_majority(city, CASE source WHEN 'shop' THEN 4 WHEN 'erp' THEN 3 ELSE 2 END)
           FILTER (WHERE postcode = home_postcode) AS city,
         -- Invoices and parcels need the right country; elsewhere it may be what the form began with.
         weighted_majority(country, CASE source WHEN 'erp' THEN 4
                                                WHEN 'shop' THEN 4
                                                WHEN 'crm' THEN 2
                                                ELSE 1 END) AS country,
         weighted_majority(birth_date, CASE source WHEN 'shop' THEN 4
                                                   WHEN 'erp' THEN 3
                                                   ELSE 2 END) AS birth_date,
         most_trusted(segment, CASE source WHEN 'crm' THEN 2 ELSE 1 END, updated_at) AS segment,
         count(DISTINCT source) AS sources,
         count(*) AS records,
         max(updated_at) AS updated_at
    FROM clean.resident
   WHERE email IS NOT NULL
   GROUP BY email;

COMMENT ON VIEW customer IS 'Each customer as one row, merged from all five systems';
COMMENT ON COLUMN customer.email IS 'The key: lower case, no blanks';
COMMENT ON COLUMN customer.name IS 'The spelling with the most weight; the shop counts for most';
COMMENT ON COLUMN customer.phone IS 'E.164; the number with the most weight; the shop counts for most';
COMMENT ON COLUMN customer.street IS 'As most of the records with this postcode spell it';
COMMENT ON COLUMN customer.postcode IS 'The one with the most weight, which falls with age; it says which address it is';
COMMENT ON COLUMN customer.city IS 'As most of the records with this postcode spell it';
COMMENT ON COLUMN customer.country IS 'ISO 3166-1, two letters; the one with the most weight';
COMMENT ON COLUMN customer.birth_date IS 'The date with the most weight';
COMMENT ON COLUMN customer.segment IS 'private, business, public or partner; the CRM''s before the mailing list''s';
COMMENT ON COLUMN customer.sources IS 'In how many of the five systems the customer is';
COMMENT ON COLUMN customer.records IS 'How many records were merged; more than sources when a system has duplicates';

-- Every contact that sales had with a customer. A system's own key leads through clean.person to the customer.
CREATE VIEW customer_contact AS
  SELECT p.email,
         l.id::text AS contact_id,
         l.channel,
         l.at::timestamptz AS contacted_at,
         blank_to_null(l.note) AS note
    FROM crm.contact_log AS l
    LEFT JOIN clean.person AS p ON p.source = 'crm' AND p.record_id = l.account_id::text;

COMMENT ON VIEW customer_contact IS
  'Calls, mails, chats and meetings, by customer; email is NULL where the CRM has none';

-- The whole picture: who the customer is, what they bought, what they asked for, what they answered to.
CREATE VIEW customer_360 AS
  SELECT c.email,
         c.name,
         c.country,
         c.city,
         c.segment,
         c.sources,
         coalesce(r.orders, 0) AS orders,
         coalesce(r.revenue, 0) AS revenue,
         r.last_order_at,
         coalesce(o.open_opportunities, 0) AS open_opportunities,
         coalesce(o.open_amount, 0) AS open_amount,
         coalesce(s.tickets, 0) AS tickets,
         coalesce(s.open_tickets, 0) AS open_tickets,
         s.rating,
         coalesce(m.mailings, 0) AS mailings,
         coalesce(m.reactions, 0) AS reactions,
         coalesce(l.contacts, 0) AS contacts,
         l.last_contact_at
    FROM customer AS c
    LEFT JOIN sales.revenue AS r ON r.email = c.email
    LEFT JOIN (SELECT email, count(*) AS open_opportunities, sum(amount) AS open_amount
                 FROM sales.opportunity
                WHERE is_open AND email IS NOT NULL GROUP BY email) AS o ON o.email = c.email
    LEFT JOIN service.satisfaction AS s ON s.email = c.email
    LEFT JOIN (SELECT email,
                      count(*) AS mailings,
                      count(*) FILTER (WHERE kind IN ('opened', 'clicked', 'ordered')) AS reactions
                 FROM marketing.customer_response WHERE email IS NOT NULL GROUP BY email) AS m ON m.email = c.email
    LEFT JOIN (SELECT email, count(*) AS contacts, max(contacted_at) AS last_contact_at
                 FROM customer_contact WHERE email IS NOT NULL GROUP BY email) AS l ON l.email = c.email;

COMMENT ON VIEW customer_360 IS 'Each customer with sales, service and marketing in one row';
COMMENT ON COLUMN customer_360.revenue IS 'In euros, without cancelled and returned orders';
COMMENT ON COLUMN customer_360.rating IS 'The mean rating of the customer''s tickets, 1 to 5; NULL when none was rated';

-- Customers by segment. NULL is its own segment: those whose segment no system knows.
CREATE VIEW customer_segment AS
  SELECT segment,
         count(*) AS customers,
         sum(orders) AS orders,
         sum(revenue) AS revenue,
         sum(open_amount) AS open_amount,
         sum(tickets) AS tickets,
         avg(rating)::numeric(4,2) AS rating
    FROM customer_360
   GROUP BY segment;

COMMENT ON VIEW customer_segment IS 'What each segment of customers buys, asks for and thinks of us';
