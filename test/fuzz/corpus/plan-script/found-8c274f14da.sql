SELECT ARRAY_SLICE(ARRAY[1, 2, 3, 4, 5], -2),
       ARRAY_SLICE(ARRAY[1, 2, 3, 4, 5], -3, 1  -2),
       ARRAY_SLICE(ARRAY[1, 2, 3, 4, 5], 2, -1)
