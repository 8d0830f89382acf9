/* What clients and the topic may say: the first line is a request, each pair of lines behind it a
 * record of the topic. No crash; a schema's canonical text is its own canonical text, and it reads
 * what it wrote; versions are in order, and each schema is found by its number. */
#include <stdlib.h>

#include "registry/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void try_request(Subjects *registry, Str json)
{
    Arena *arena = arena_new(0);
    RegistryRequest request;
    RegistryRefusal refusal;
    AvroSource source;
    AvroSchema *parsed;
    Map *named;
    if (registry_read_request(arena, json, &request, &refusal) &&
        request_resolve(registry, arena, &request, &refusal) &&
        request_canonize(arena, &request, json.length % 2 == 1, &refusal) &&
        str_is(request.schema.type, "AVRO")) {
        Str first = request.schema.text;
        expect(request_canonize(arena, &request, json.length % 2 == 1, &refusal));
        expect(str_equal(first, request.schema.text));
        expect(schema_source(registry, arena, &request.schema, true, &source, &refusal));
        expect(avro_schema_read(arena, &source, &named, &parsed, NULL) == OK);
        List why = {0};
        Error error = {0};
        Status status = avro_can_read(arena, parsed, parsed, &why, &error);
        expect(status == OK || status == ERR_LIMIT || why.count > 0);
    }
    arena_free(arena);
}

static void check_state(const Subjects *registry)
{
    for (int32_t i = 0; i < map_count(registry->subjects); i++) {
        const RegistrySubject *subject = map_value_at(registry->subjects, i);
        expect(subject->count > 0 || subject->level.length > 0 || subject->mode.length > 0);
        for (int32_t k = 0; k < subject->count; k++) {
            const RegistrySchema *schema = subject->versions[k].schema;
            expect(k == 0 || subject->versions[k - 1].number < subject->versions[k].number);
            expect(schema->use_count > 0 && schema->id <= registry->id_max);
            expect(registry_find_id(registry, schema->id) != NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Subjects *registry = registry_new(world_system(), NULL);
    BatchHeader header = {0};
    Str rest = str_make((const char *)data, (int64_t)size);
    Str request = size > 0 ? str_split(rest, '\n', &rest) : (Str){0};
    while (rest.length > 0) {
        Str key = str_split(rest, '\n', &rest);
        Str value = rest.data != NULL ? str_split(rest, '\n', &rest) : (Str){0};
        topic_take(
            registry, &header,
            &(Record){.has_key = true, .key = key, .has_value = value.length > 0, .value = value});
        check_state(registry);
    }
    try_request(registry, request);
    registry_free(registry);
    return 0;
}
