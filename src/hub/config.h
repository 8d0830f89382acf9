/* The configuration of a topic: Kafka's keys, as a table that reads, checks and lists them. */
#ifndef WEIR_HUB_CONFIG_H
#define WEIR_HUB_CONFIG_H

#include "base/list.h"
#include "log/partition.h"

typedef enum ConfigType { CONFIG_INT, CONFIG_LONG, CONFIG_DOUBLE, CONFIG_CHOICE } ConfigType;

typedef struct ConfigKey {
    const char *name;
    ConfigType type;
    int64_t least;
    const char *standard; /* the default, as text */
    const char *choices;  /* of CONFIG_CHOICE, separated by | */
    const char *help;
} ConfigKey;

/* What a topic has set. */
typedef struct ConfigEntry {
    const char *name, *value;
} ConfigEntry;

int32_t config_key_count(void);
const ConfigKey *config_key_at(int32_t index);

/* NULL: there is none of that name. */
const ConfigKey *config_find_key(Str name);
/* What the entries (ConfigEntry *) say, or NULL. */
const char *config_find_value(const List *entries, Str name);

/* NULL if the value may be set; else why not, in the arena. */
const char *config_find_fault(Str name, Str value, Arena *arena);

/* The entries (ConfigEntry *) are without fault. */
PartitionConfig config_of(const List *entries);

#endif
