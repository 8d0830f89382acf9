SELECT MAP_KEYS(MAP['b', 1]), ]  MAP_VALUES ['b', 1] 
