/* A client of a schema registry, as Confluent's has its API: schemas by their number, and numbers
 * by their schema. Private to format/. */
#ifndef WEIR_FORMAT_SCHEMA_REGISTRY_H
#define WEIR_FORMAT_SCHEMA_REGISTRY_H

#include "base/arena.h"
#include "base/status.h"
#include "base/world.h"
#include "format/avro_schema.h"
#include "format/format.h"

typedef struct SchemaRegistry SchemaRegistry;

/* Where it is. */
typedef struct SchemaRegistrySpec {
    World *world;
    const OptionSet *options; /* of a format of that prefix: url, ssl.*, basic-auth.*, … */
    const char *prefix;
    const LocalRegistry *local; /* where no url is given; or NULL */
} SchemaRegistrySpec;

/* Nothing is sent yet. Of one thread. WR3435: there is neither a url nor a local one. */
Status schema_registry_open(Arena *arena, const SchemaRegistrySpec *spec, SchemaRegistry **out,
                            Error *error);
void schema_registry_close(SchemaRegistry *registry);

/* The schema of that number, and those whose names it uses, in the arena; asked once.
 * ERR_NOT_FOUND: there is none. ERR_UNAVAILABLE, retriable: the registry does not answer. Else
 * (WR3514) it refuses. */
Status schema_registry_find(SchemaRegistry *registry, Arena *arena, uint32_t id, AvroSource *out,
                            Error *error);

/* The number of the schema under the subject, which gets it if it does not have it yet; asked again
 * for some seconds if the registry does not answer. */
Status schema_registry_put(SchemaRegistry *registry, Str subject, Str schema, uint32_t *id,
                           Error *error);

#endif
