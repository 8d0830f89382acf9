SELECT (1, 2) IN ((1, 2), (3, 4)),
       (1, 2) NOT IN ((1, 3), (3, 4)),
       (1, CAST(NULL AS INT)) IN ((1, 2, (3, 4))
