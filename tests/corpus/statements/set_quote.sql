SET search_path = '"'
