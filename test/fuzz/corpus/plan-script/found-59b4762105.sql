SET  USING (id)  -- c
  = 'Europe/Berln'
