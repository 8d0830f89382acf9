SELECT CAST(ROW(1 'x') AS ROW<priôe INT, <  name STRING AS ).prise
