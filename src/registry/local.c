#include "registry/local.h"

#include "registry/internal.h"

static Status fail_refused(const RegistryRefusal *refusal, Error *error)
{
    Status status = refusal->code == REFUSED_SCHEMA  ? ERR_NOT_FOUND
                    : refusal->code == REFUSED_STORE ? ERR_IO
                                                     : ERR_INVALID;
    return fail(error, status, "WR3514", "the schema registry of this process refuses: %d %.600s",
                refusal->code, refusal->text);
}

/* What is found lives on when the registry has forgotten it. */
static void copy_source(Arena *arena, AvroSource *source)
{
    Str *before = ARENA_ARRAY(arena, Str, source->before_count + 1);
    for (int32_t i = 0; i < source->before_count; i++)
        before[i] = str_copy(arena, source->before[i]);
    source->text = str_copy(arena, source->text);
    source->before = before;
}

Status registry_local_find(Subjects *registry, Arena *arena, uint32_t id, AvroSource *out,
                           Error *error)
{
    RegistryRefusal refusal;
    if (!registry_begin(registry, arena, &refusal))
        return fail_refused(&refusal, error);
    const RegistrySchema *schema = registry_find_id(registry, id);
    bool is_good = schema != NULL ? schema_source(registry, arena, schema, false, out, &refusal)
                                  : registry_refuse(&refusal, arena, REFUSED_SCHEMA,
                                                    "Schema %u not found", id);
    if (is_good)
        copy_source(arena, out);
    registry_end(registry);
    return is_good ? OK : fail_refused(&refusal, error);
}

Status registry_local_put(Subjects *registry, Str subject, Str schema, uint32_t *id, Error *error)
{
    Arena *arena = arena_new(0);
    RegistryRefusal refusal;
    RegistryRequest request = {.schema = {.type = STR("AVRO"), .text = schema}, .id = -1};
    int32_t number = 0;
    bool is_good = registry_canonize(registry, arena, &request, false, &refusal) &&
                   registry_begin(registry, arena, &refusal);
    if (is_good) {
        is_good = registry_register(registry, arena, subject, &request, &number, &refusal);
        registry_end(registry);
    }
    Status status = is_good ? OK : fail_refused(&refusal, error);
    *id = (uint32_t)number;
    arena_free(arena);
    return status;
}

static Status find_in(void *context, Arena *arena, uint32_t id, AvroSource *out, Error *error)
{
    return registry_local_find(context, arena, id, out, error);
}

static Status put_into(void *context, Str subject, Str schema, uint32_t *id, Error *error)
{
    return registry_local_put(context, subject, schema, id, error);
}

LocalRegistry registry_local(Subjects *registry)
{
    return (LocalRegistry){.context = registry, .find = find_in, .put = put_into};
}
