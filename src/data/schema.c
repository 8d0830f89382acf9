/* Schemas: look-up by name and projection. */
#include "data/schema.h"

#include <assert.h>

int32_t schema_find(const Schema *schema, Str name)
{
    for (int32_t i = 0; i < schema->count; i++)
        if (str_equal(schema->fields[i].name, name))
            return i;
    return -1;
}

Schema schema_pick(Arena *arena, const Schema *schema, const int32_t *indexes, int32_t count)
{
    assert(count >= 0);
    Field *fields = ARENA_ARRAY(arena, Field, count);
    for (int32_t i = 0; i < count; i++) {
        assert(indexes[i] >= 0 && indexes[i] < schema->count);
        fields[i] = schema->fields[indexes[i]];
    }
    return (Schema){.fields = fields, .count = count};
}
