/* Which columns stand in the key of a message, and which in its value. */
#include "connect/kafka/kafka.h"

#include <string.h>

bool kafka_is_upsert(const PlanTable *table)
{
    return strcmp(table->connector->name, "upsert-kafka") == 0;
}

static bool part_has(const KafkaPart *part, int32_t column)
{
    for (int32_t i = 0; i < part->schema.count; i++)
        if (part->physical[i] == column)
            return true;
    return false;
}

static void part_add(Arena *arena, KafkaPart *part, const Schema *physical, int32_t column)
{
    if (part->physical == NULL) {
        part->physical = ARENA_ARRAY(arena, int32_t, physical->count);
        part->schema.fields = ARENA_ARRAY(arena, Field, physical->count);
    }
    Field *fields = (Field *)part->schema.fields;
    fields[part->schema.count] = physical->fields[column];
    part->physical[part->schema.count++] = column;
}

static const char *key_add(Arena *arena, const Schema *physical, Str name, KafkaPart *key)
{
    int32_t column = schema_find(physical, name);
    if (column >= 0) {
        if (!part_has(key, column))
            part_add(arena, key, physical, column);
        return NULL;
    }
    Buffer names = {0};
    for (int32_t i = 0; i < physical->count; i++)
        buffer_printf(&names, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(physical->fields[i].name));
    const char *problem =
        arena_printf(arena, "there is no physical column `%.*s` for the key; the columns are %s",
                     STR_ARGS(name), buffer_terminated(&names));
    buffer_free(&names);
    return problem;
}

/* The format of the key sees the names without the prefix, which keeps them apart from the
 * value's. */
static const char *key_strip(Arena *arena, const OptionSet *options, KafkaPart *key)
{
    Str prefix = options_text(options, "key.fields-prefix");
    Field *fields = (Field *)key->schema.fields;
    for (int32_t i = 0; i < key->schema.count && prefix.length > 0; i++) {
        Str name = fields[i].name;
        if (!str_has_prefix(name, prefix))
            return arena_printf(arena,
                                "all fields of the key must begin with '%.*s', but `%.*s` "
                                "does not",
                                STR_ARGS(prefix), STR_ARGS(name));
        fields[i].name = str_make(name.data + prefix.length, name.length - prefix.length);
    }
    return NULL;
}

static const char *key_make(Arena *arena, const OptionSet *options, const Schema *physical,
                            const ColumnList *primary_key, KafkaPart *key)
{
    for (int32_t i = 0; primary_key != NULL && i < primary_key->count; i++)
        part_add(arena, key, physical, primary_key->columns[i]);
    Str rest = primary_key == NULL ? options_text(options, "key.fields") : (Str){0};
    while (rest.data != NULL && rest.length > 0) {
        const char *problem = key_add(arena, physical, str_trim(str_split(rest, ';', &rest)), key);
        if (problem != NULL)
            return problem;
    }
    return NULL;
}

const char *kafka_record_make(Arena *arena, const OptionSet *options, const Schema *physical,
                              const ColumnList *primary_key, KafkaRecord *out, const char **option)
{
    *out = (KafkaRecord){0};
    *option = primary_key != NULL ? "key.format" : "key.fields";
    const char *problem = key_make(arena, options, physical, primary_key, &out->key);
    if (problem != NULL)
        return problem;
    bool includes_key =
        str_equal_ignoring_case(options_text(options, "value.fields-include"), STR("ALL"));
    for (int32_t i = 0; i < physical->count; i++)
        if (includes_key || !part_has(&out->key, i))
            part_add(arena, &out->value, physical, i);
    *option = "key.fields-prefix";
    return key_strip(arena, options, &out->key);
}

void kafka_record_of(Arena *arena, const PlanTable *table, KafkaRecord *out)
{
    ColumnList key = {table->key, table->key_count};
    const char *option;
    const char *problem = kafka_record_make(arena, table->options.options, &table->physical,
                                            kafka_is_upsert(table) ? &key : NULL, out, &option);
    assert(problem == NULL);
}
