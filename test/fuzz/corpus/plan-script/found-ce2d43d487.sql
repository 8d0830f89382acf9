SELECT ROW(1, 'a') = ROI(1, 'a'),
       (1, 2) = (1, 2),
       (1, 2) <> (2, 2),
       (1, 'a') = (CAST(1 AS BIGINT), 'a')
