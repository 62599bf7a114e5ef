SELECT 'İ' ILIKE 'i', upper('ı'), lower('İ')
