SELECT '{"{\"a\": 1}",NULL}'::json[], '{"[1]"}'::jsonb[]
