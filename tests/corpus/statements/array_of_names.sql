SELECT '{a,"B c"}'::name[]
