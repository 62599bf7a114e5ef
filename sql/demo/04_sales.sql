-- 4. Sales: opportunities, orders, revenue
--
-- Orders lie in two systems. Each has its own customer number; clean.person says whose e-mail address that is, and
-- with that whose order.

CREATE VIEW sales.opportunity AS
  SELECT o.id::text AS opportunity_id,
         p.email,
         o.title,
         o.stage,
         o.stage NOT IN ('won', 'lost') AS is_open,
         o.amount::numeric(12,2) AS amount,
         o.closes_on::date AS closes_on
    FROM crm.opportunity AS o
    LEFT JOIN clean.person AS p ON p.source = 'crm' AND p.record_id = o.account_id::text;

COMMENT ON VIEW sales.opportunity IS 'What may be sold, by customer; email is NULL where the CRM has none';
COMMENT ON COLUMN sales.opportunity.amount IS 'In euros';

-- order is a word of SQL; after a schema's name it needs no quotes.
CREATE VIEW sales."order" AS
  SELECT o.source,
         o.order_id,
         p.email,
         o.ordered_at,
         o.amount,
         o.currency,
         o.status,
         o.status NOT IN ('cancelled', 'returned') AS counts
    FROM (SELECT 'erp' AS source,
                 order_no::text AS order_id,
                 customer_no::text AS record_id,
                 ordered_at,
                 amount,
                 currency,
                 status
            FROM erp.orders
          UNION ALL
          SELECT 'shop', order_id, user_id, placed_at, total, currency, state FROM shop."order") AS o
    LEFT JOIN clean.person AS p ON p.source = o.source AND p.record_id = o.record_id;

COMMENT ON VIEW sales."order" IS 'Orders from the ERP and the shop, by customer';
COMMENT ON COLUMN sales."order".counts IS 'Whether it is revenue: neither cancelled nor returned';

CREATE VIEW sales.revenue AS
  SELECT email,
         count(*) AS orders,
         coalesce(sum(amount) FILTER (WHERE counts), 0)::numeric(14,2) AS revenue,
         count(*) FILTER (WHERE NOT counts) AS lost_orders,
         min(ordered_at) AS first_order_at,
         max(ordered_at) AS last_order_at
    FROM sales."order"
   WHERE email IS NOT NULL
   GROUP BY email;

COMMENT ON VIEW sales.revenue IS 'What each customer has bought, over both systems';
COMMENT ON COLUMN sales.revenue.revenue IS 'In euros, without cancelled and returned orders';
COMMENT ON COLUMN sales.revenue.lost_orders IS 'Orders that were cancelled or returned';
