SET TimeZone = 'Africa/Casablanca'; SELECT timestamptz '294246-12-31 23:59:59+00'
