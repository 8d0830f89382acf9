CREATE CATALOG c WITH  STRING ;
CREATE CATALOG IF NOT EXISTS  'generic_in_memory'  WITH ('type' = 'generic_in_memory')
CREATE CATALOG c  r.f  WITH ( = 'generic_in_memoryÎ)
CREATE CATALOG c ;
