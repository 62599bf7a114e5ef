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

CREATE VIEW customer AS
  SELECT email,
         name,
         phone,
         get_field(address, 'street') AS street,
         get_field(address, 'postcode') AS postcode,
         get_field(address, 'city') AS city,
         country,
         birth_date,
         segment,
         sources,
         records,
         updated_at
    FROM (SELECT email,
                 -- In the shop customers type their names themselves. The mailing list only knows A to Z.
                 weighted_majority(name, CASE source WHEN 'shop' THEN 5
                                                     WHEN 'crm' THEN 4
                                                     WHEN 'erp' THEN 3
                                                     WHEN 'helpdesk' THEN 2
                                                     ELSE 1 END) AS name,
                 -- The shop's number comes first: it sends text messages, so customers notice when it is wrong.
                 most_trusted(phone, CASE source WHEN 'shop' THEN 4
                                                 WHEN 'crm' THEN 3
                                                 WHEN 'helpdesk' THEN 2
                                                 ELSE 1 END, updated_at) AS phone,
                 -- Street, postcode and city are chosen as one value: taken one by one, they could mix two
                 -- addresses into one where nobody lives. Only whole addresses are candidates.
                 newest(named_struct('street', street, 'postcode', postcode, 'city', city), updated_at)
                   FILTER (WHERE street IS NOT NULL AND postcode IS NOT NULL AND city IS NOT NULL) AS address,
                 majority(country) AS country,
                 weighted_majority(birth_date, CASE source WHEN 'erp' THEN 3
                                                           WHEN 'shop' THEN 4
                                                           ELSE 2 END) AS birth_date,
                 most_trusted(segment, CASE source WHEN 'crm' THEN 2 ELSE 1 END, updated_at) AS segment,
                 count(DISTINCT source) AS sources,
                 count(*) AS records,
                 max(updated_at) AS updated_at
            FROM clean.person
           WHERE email IS NOT NULL
           GROUP BY email) AS merged;

COMMENT ON VIEW customer IS 'Each customer as one row, merged from all five systems';
COMMENT ON COLUMN customer.email IS 'The key: lower case, no blanks';
COMMENT ON COLUMN customer.name IS 'The spelling with the most weight; the shop counts for most';
COMMENT ON COLUMN customer.phone IS 'E.164; from the source trusted most: shop, CRM, help desk, ERP';
COMMENT ON COLUMN customer.street IS 'Street, postcode and city are of one record: the newest with a whole address';
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
