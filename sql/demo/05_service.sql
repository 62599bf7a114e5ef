-- 5. Service: tickets and ratings

CREATE VIEW service.ticket AS
  SELECT t.ticket_id,
         p.email,
         t.subject,
         t.status,
         t.priority,
         t.opened_at,
         t.closed_at,
         ((extract(epoch FROM t.closed_at) - extract(epoch FROM t.opened_at)) / 3600)::numeric(10,1) AS hours,
         t.rating
    FROM helpdesk.ticket AS t
    LEFT JOIN clean.person AS p ON p.source = 'helpdesk' AND p.record_id = t.user_id;

COMMENT ON VIEW service.ticket IS 'Tickets, by customer';
COMMENT ON COLUMN service.ticket.hours IS 'From opening to closing; NULL while it is open';
COMMENT ON COLUMN service.ticket.rating IS '1 (bad) to 5 (good); NULL when the customer gave none';

CREATE VIEW service.satisfaction AS
  SELECT email,
         count(*) AS tickets,
         count(*) FILTER (WHERE status = 'open') AS open_tickets,
         count(rating) AS ratings,
         avg(rating)::numeric(4,2) AS rating,
         avg(hours)::numeric(10,1) AS hours
    FROM service.ticket
   WHERE email IS NOT NULL
   GROUP BY email;

COMMENT ON VIEW service.satisfaction IS 'How each customer was served, and what they thought of it';
COMMENT ON COLUMN service.satisfaction.rating IS 'The mean of the ratings, 1 to 5';
COMMENT ON COLUMN service.satisfaction.hours IS 'The mean time from opening to closing';
