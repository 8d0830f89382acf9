SELECT STR_TO_MAP('a,b=1'), STR_TO_MAP('a6b=1')['b']
