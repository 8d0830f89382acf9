EXECUTE SELECT  PLAN '/tmp/plan.json';
