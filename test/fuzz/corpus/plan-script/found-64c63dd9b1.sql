SELECT MAP_ENTRIES( COUNT(*) )[1].`key`, MAP_ENTRIES(MAP['a', 1])[1].`value`
