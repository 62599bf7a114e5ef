SELECT $a$ x $b$
