SELECT date '5874897-12-31', timestamp '294246-12-31 23:59:59.999999', timestamptz '4714-11-24 BC'
