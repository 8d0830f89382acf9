SELECT ARRAY[ ('k' VALUE id) 1,  STRING ('k' VALUE id)   NULL ][0]
