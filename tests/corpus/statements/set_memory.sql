SET work_mem = '1e308TB'
