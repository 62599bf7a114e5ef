SELECT '{a,NULL}'::varchar[]
