//! Numbers, times and intervals.

/// Numbers, times and intervals, on two clocks.
pub const TIMES: &[&str] = &[
    "SELECT round(2.5::float8), round(-2.5::float8), round(3.5::float8), round(0.5::float8), \
     round(2.5::float4), round(2.5), round(-2.5), round(5), round(2.345, 2), round('nan'::float8), \
     round(1e300::float8)",
    "SELECT 2.5::float8::int, 3.5::float8::int, -2.5::float8::int, 2.5::float4::int, 2.5::numeric::int",
    "SELECT trunc(-2.5::float8), ceil(2.1::float8), floor(-2.1::float8)",
    "SELECT date_trunc('month', timestamp '9999-12-31 10:00'), date_trunc('day', timestamp '0001-01-01 10:00'), \
     date_trunc('year', timestamp '2024-05-05'), date_trunc('decade', timestamp '2024-05-05'), \
     date_trunc('century', timestamp '2024-05-05'), date_trunc('millennium', timestamp '2024-05-05'), \
     date_trunc('week', timestamp '2024-05-05'), date_trunc('quarter', timestamp '2024-05-05'), \
     date_trunc('milliseconds', timestamp '2024-05-05 10:11:12.123456')",
    "SELECT date_trunc('month', date '2026-03-15')",
    "SELECT date_trunc('month', timestamptz '2026-03-15 10:00+02'), date_trunc('day', timestamptz '2026-03-15 \
     23:30+00', 'Europe/Berlin')",
    "SELECT date_trunc('hour', interval '3 days 05:30:10'), date_trunc('month', interval '1 year 3 months 5 \
     days'), date_trunc('quarter', interval '1 year 5 months 5 days')",
    "SELECT date_trunc('foo', timestamp '2024-01-01')",
    "SELECT date_trunc('dow', timestamp '2024-01-01')",
    "SELECT date_trunc('week', interval '1 day')",
    "SELECT date_trunc('month', timestamp 'infinity')",
    "SELECT extract(year FROM timestamp '9999-12-31'), extract(year from date '0001-01-01'), extract(second \
     from timestamp '2024-01-01 10:11:12.5'), extract(epoch from timestamp '2024-01-01 10:11:12.5'), \
     extract(epoch from date '9999-12-31'), extract(milliseconds from timestamp '2024-01-01 10:11:12.5'), \
     extract(microseconds from timestamp '2024-01-01 10:11:12.5')",
    "SELECT extract(century from date '2000-01-01'), extract(decade from date '1999-01-01'), extract(millennium \
     from date '2001-01-01'), extract(isoyear from date '2021-01-03'), extract(week from date '2021-01-03'), \
     extract(dow from date '2024-06-09'), extract(isodow from date '2024-06-09'), extract(doy from date \
     '2024-12-31'), extract(quarter from date '2024-12-31'), extract(julian from date '2024-12-31')",
    "SELECT extract(year from date '0044-03-15 BC'), extract(century from date '0044-03-15 BC'), extract(decade \
     from date '0044-03-15 BC')",
    "SELECT date_part('year', timestamp '9999-12-31'), date_part('second', timestamp '2024-01-01 10:11:12.5'), \
     date_part('epoch', timestamp '2024-01-01 10:11:12.5'), date_part('hour', date '2024-01-01')",
    "SELECT extract(epoch from interval '1 year'), extract(epoch from interval '1 month 1 day 01:00'), \
     extract(year from interval '14 months'), extract(month from interval '14 months'), extract(day from \
     interval '40 days'), extract(hour from interval '30 hours'), extract(second from interval '-1.5 seconds'), \
     extract(minute from interval '-90 minutes'), extract(quarter from interval '5 months')",
    "SELECT extract(hour from time '10:11:12.5'), extract(second from time '10:11:12.5'), extract(epoch from \
     time '10:11:12.5')",
    "SELECT extract(day from time '10:11:12')",
    "SELECT extract(timezone from timestamptz '2024-01-01'), extract(timezone_hour from timestamptz '2024-01-01')",
    "SELECT extract(foo from timestamp '2024-01-01')",
    "SELECT extract(dow from interval '1 day')",
    "SELECT age(timestamp '9999-12-31', timestamp '0001-01-01'), age(timestamp '2024-03-31', timestamp \
     '2024-02-29'), age(date '2024-01-01', date '1900-05-05')",
    "SELECT to_char(timestamp '9999-12-31 23:59:59', 'YYYY-MM-DD HH24:MI:SS'), to_char(timestamp '0001-01-01', \
     'YYYY-MM-DD'), to_char(date '9999-12-31', 'Day, DD Month YYYY'), to_char(timestamp '2024-05-05', \
     'IYYY-IW-ID'), to_char(timestamp '2024-05-05 13:00', 'HH12:MI AM')",
    "SELECT date_bin('15 minutes', timestamp '9999-12-31 10:11', timestamp '2001-01-01'), date_bin('7 days', \
     timestamp '0001-01-05', timestamp '2001-01-01')",
    "SELECT date_bin('1 month', timestamp '2024-01-01', timestamp '2001-01-01')",
    "SELECT date_bin('15 minutes', timestamptz '2024-01-01 10:11+00', timestamptz '2001-01-01 00:00+00')",
    "SELECT timestamp '9999-12-31' - timestamp '0001-01-01', timestamp '2024-01-02 10:00' - timestamp \
     '2024-01-01 12:00', timestamp '2024-01-01' - timestamp '2024-01-05 12:00', timestamp '2024-01-01' - date \
     '2023-01-01', date '2024-01-01' - timestamp '2023-01-01 10:00'",
    "SELECT timestamptz '2024-01-01 00:00+00' - timestamptz '2023-01-01 00:00+05'",
    "SELECT 2 * interval '1 day', interval '1 day' * 1.5, interval '1 month' / 3, interval '1 year 2 months' * \
     2.5, interval '1 hour' / 7, -interval '1 day', interval '1 day' * -1",
    "SELECT interval '1 day' / 0",
    "SELECT interval '1 day' = interval '24 hours', interval '1 month' = interval '30 days', interval '36 \
     hours' > interval '1 day', interval '1 month' > interval '29 days', interval '1 day' IN (interval '24 \
     hours'), interval '1 day' BETWEEN interval '23 hours' AND interval '25 hours', interval '1 day' > '23 \
     hours'",
    "SELECT (timestamp '2024-01-03 06:00' - timestamp '2024-01-01') > interval '36 hours', (timestamp \
     '2024-01-03 06:00' - timestamp '2024-01-01') > '2 days'",
    "SELECT x FROM (VALUES (interval '1 day'), (interval '25 hours'), (interval '23 hours'), (interval '1 \
     month')) v (x) ORDER BY x",
    "SELECT min(x), max(x), sum(x), avg(x), count(DISTINCT x) FROM (VALUES (interval '1 day'), (interval '25 \
     hours'), (interval '23 hours'), (interval '24 hours')) v (x)",
    "SELECT sum(x) OVER (ORDER BY x ROWS 1 PRECEDING), avg(x) OVER (ORDER BY x ROWS 1 PRECEDING) FROM (VALUES \
     (interval '1 day'), (interval '25 hours'), (interval '23 hours')) v (x) ORDER BY 1",
    "SELECT g, sum(x), avg(x) FROM (VALUES (1, interval '1 day'), (1, interval '25 hours'), (2, interval '23 \
     hours'), (3, NULL)) v (g, x) GROUP BY g ORDER BY g",
    "SELECT date '2024-01-31' + interval '1 month', date '2024-01-31' + interval '1 hour', interval '1 day' + \
     date '2024-01-31', date '2024-01-31' - interval '1 hour', date '2024-01-31' + 5, 5 + date '2024-01-31', \
     date '2024-01-31' - date '2024-01-01'",
    "SELECT timestamp '9999-12-31' + interval '1 day', timestamp '0001-01-01' - interval '1 day', timestamp \
     '2024-01-31' + interval '1 month', timestamptz '2024-01-31 00:00+00' + interval '1 month'",
    "SELECT time '10:00' + interval '15 hours', time '10:00' - time '08:30', date '2024-01-01' + time '10:00', \
     time '10:00' - interval '11 hours'",
    "SELECT now() - interval '1 day' < now(), current_date - 1 < current_date, now() - current_date >= interval '0'",
    "SELECT '1' + 2, 2 + '1', '1' * 2.5, '3' / 2, 7 % '4', 2 - '1', '1.5'::float8 + '2'",
    "SELECT '1.5' + 2",
    "SELECT extract(day from timestamp '2024-01-03 06:00' - timestamp '2024-01-01'), justify_hours(interval '27 \
     hours'), justify_interval(interval '1 mon -1 hour')",
    "SELECT (timestamp '2024-01-03 06:00' - timestamp '2024-01-01') * 2, (timestamp '2024-01-03 06:00' - \
     timestamp '2024-01-01') / 2, -(timestamp '2024-01-03 06:00' - timestamp '2024-01-01')",
    "SELECT interval '1 day' + interval '1 hour', interval '1 month' - interval '1 day'",
    "SET TIME ZONE 'Europe/Berlin'",
    "SELECT timestamp '2024-07-01'::timestamptz, date '2024-07-01'::timestamptz, timestamptz '2024-07-01 \
     23:30+00'::date, timestamptz '2024-07-01 23:30+00'::timestamp",
    "SELECT extract(hour from timestamptz '2024-07-01 23:30+00'), extract(day from timestamptz '2024-07-01 \
     23:30+00'), date_trunc('day', timestamptz '2024-07-01 23:30+00'), date_trunc('month', date '2024-07-03')",
    "SELECT timestamptz '2024-03-30 12:00' + interval '1 day', timestamptz '2024-03-30 12:00' + interval '24 \
     hours', timestamptz '2024-03-31 12:00' - timestamptz '2024-03-30 12:00'",
    "SELECT timestamptz '2024-07-01 00:00' - timestamp '2024-06-30 00:00', timestamptz '2024-07-01 00:00' = \
     timestamp '2024-07-01', timestamptz '2024-07-01 00:00' = date '2024-07-01', timestamptz '2024-07-01 12:00' \
     > date '2024-07-01'",
    "SELECT date_bin('1 day', timestamptz '2024-07-01 23:30+00', timestamptz '2024-01-01 00:00')",
    "SELECT timestamptz '2024-07-01 23:30+00'::text, '2024-07-01 10:00'::timestamptz",
    "SELECT CASE WHEN true THEN date '2024-07-01' ELSE timestamptz '2024-01-01' END, coalesce(timestamp \
     '2024-07-01', timestamptz '2024-01-01')",
    "SELECT x FROM (SELECT date '2024-07-01' AS x UNION ALL SELECT timestamptz '2024-01-01 00:00') q ORDER BY 1",
    "SET TIME ZONE 'UTC'",
];
