SELECT 'infinity'::date + 1, 'infinity'::timestamptz AT TIME ZONE 'Asia/Kolkata'
