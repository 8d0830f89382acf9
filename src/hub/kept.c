#include "hub/kept.h"

bool topic_is_kept(Str name)
{
    return str_is(name, SCHEMAS_TOPIC) || str_is(name, OFFSETS_TOPIC) ||
           str_is(name, TRANSACTIONS_TOPIC);
}

const char *topic_find_fault(Str name, int32_t partition_count, const List *configs)
{
    PartitionConfig config = config_of(configs);
    if (!topic_is_kept(name))
        return NULL;
    if (partition_count != 1)
        return "the hub keeps what it knows in this topic: it has one partition";
    if (!config.is_compacted || config.is_deleted)
        return "the hub keeps what it knows in this topic: its cleanup.policy is compact, or old "
               "records would be deleted with what they say";
    return NULL;
}

void topic_complete(List *configs, Arena *arena)
{
    static ConfigEntry needed[] = {{"cleanup.policy", "compact"},
                                   {"segment.bytes", "16777216"},
                                   {"max.message.bytes", "16777216"}};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (config_find_value(configs, str_from(needed[i].name)) == NULL)
            list_append(configs, arena, &needed[i]);
}
