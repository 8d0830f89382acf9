SELECT CEILING( USE .2),   A B   ,  ) ( . )
