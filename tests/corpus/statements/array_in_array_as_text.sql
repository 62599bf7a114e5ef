SELECT ARRAY[[1,2],[3,4]]::text[]
