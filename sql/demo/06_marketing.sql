-- 6. Marketing: campaigns and responses
--
-- The files write dates as 31.12.2025 and amounts as 1234,50.

CREATE VIEW marketing.customer_response AS
  SELECT r.response_id,
         p.email,
         r.campaign_id,
         r.kind,
         to_date(blank_to_null(r.responded_on), 'DD.MM.YYYY') AS responded_on
    FROM marketing.response AS r
    LEFT JOIN clean.person AS p ON p.source = 'marketing' AND p.record_id = r.contact_id;

COMMENT ON VIEW marketing.customer_response IS 'What customers did with each mailing';
COMMENT ON COLUMN marketing.customer_response.kind IS
  'The furthest they went: sent, opened, clicked, ordered; or unsubscribed';

CREATE VIEW marketing.campaign_result AS
  SELECT c.campaign_id,
         c.title,
         c.channel,
         to_date(blank_to_null(c.started_on), 'DD.MM.YYYY') AS started_on,
         replace(c.cost, ',', '.')::numeric(12,2) AS cost,
         coalesce(r.sent, 0) AS sent,
         coalesce(r.customers, 0) AS customers,
         coalesce(r.opened, 0) AS opened,
         coalesce(r.clicked, 0) AS clicked,
         coalesce(r.ordered, 0) AS ordered,
         coalesce(r.unsubscribed, 0) AS unsubscribed,
         (replace(c.cost, ',', '.')::numeric(12,2) / nullif(r.ordered, 0))::numeric(12,2) AS cost_per_order
    FROM marketing.campaign AS c
    LEFT JOIN (SELECT campaign_id,
                      count(*) AS sent,
                      count(DISTINCT email) AS customers,
                      count(*) FILTER (WHERE kind IN ('opened', 'clicked', 'ordered')) AS opened,
                      count(*) FILTER (WHERE kind IN ('clicked', 'ordered')) AS clicked,
                      count(*) FILTER (WHERE kind = 'ordered') AS ordered,
                      count(*) FILTER (WHERE kind = 'unsubscribed') AS unsubscribed
                 FROM marketing.customer_response
                GROUP BY campaign_id) AS r ON r.campaign_id = c.campaign_id;

COMMENT ON VIEW marketing.campaign_result IS 'What each campaign cost and brought';
COMMENT ON COLUMN marketing.campaign_result.customers IS 'Different customers reached; the list has some twice';
COMMENT ON COLUMN marketing.campaign_result.opened IS 'Those who opened it, or went further';
COMMENT ON COLUMN marketing.campaign_result.cost_per_order IS 'In euros; NULL when nobody ordered';
