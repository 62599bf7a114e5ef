PREPARE a (int
