/* The registry asked within its process, as a client over the network would ask it. */
#ifndef WEIR_REGISTRY_LOCAL_H
#define WEIR_REGISTRY_LOCAL_H

#include "format/avro_schema.h"
#include "format/format.h"
#include "registry/registry.h"

/* For formats; the registry outlives it. */
LocalRegistry registry_local(Subjects *registry);

/* As schema_registry_find. */
Status registry_local_find(Subjects *registry, Arena *arena, uint32_t id, AvroSource *out,
                           Error *error);
/* As schema_registry_put. */
Status registry_local_put(Subjects *registry, Str subject, Str schema, uint32_t *id, Error *error);

#endif
