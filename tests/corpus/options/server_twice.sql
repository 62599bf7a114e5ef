CREATE SERVER s FOREIGN DATA WRAPPER postgres OPTIONS (host 'x', host 'y')
