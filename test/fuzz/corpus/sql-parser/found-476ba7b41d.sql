REMOVE  '/tmp/b.jar'   'r'   'r'  ;
