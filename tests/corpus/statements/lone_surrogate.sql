SELECT '"\ud800"'::jsonb
