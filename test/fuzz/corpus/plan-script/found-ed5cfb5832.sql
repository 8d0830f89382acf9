CREATE CATALOG c WITH ('type' = 'hªve');
