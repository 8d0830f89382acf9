/* Topics of which every key counts: what the hub knows is what they say. Each is of one partition
 * and compacted, whoever makes it; else what is known would be lost with old records. */
#ifndef WEIR_HUB_KEPT_H
#define WEIR_HUB_KEPT_H

#include "hub/config.h"

#define SCHEMAS_TOPIC "_schemas"
#define OFFSETS_TOPIC "__consumer_offsets"
#define TRANSACTIONS_TOPIC "__transaction_state"

/* Whether the name is that of one. */
bool topic_is_kept(Str name);

/* NULL: a topic of the name may be so; else why not, and what it has to be. */
const char *topic_find_fault(Str name, int32_t partition_count, const List *configs);

/* The configuration with what such a topic has to have, and with large records unless it says
 * otherwise; entries (ConfigEntry *) are added in the arena. */
void topic_complete(List *configs, Arena *arena);

#endif
