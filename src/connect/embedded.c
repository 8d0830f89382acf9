/* The hub of this process, on a thread of its own. */
#include "connect/embedded.h"

#include <pthread.h>

#include "base/memory.h"
#include "base/str.h"
#include "kafka/server.h"
#include "registry/local.h"

struct EmbeddedHub {
    World *world;
    Arena *arena;
    HubConfig config;
    pthread_mutex_t lock;
    Hub *hub; /* NULL: not open */
    Subjects *schemas;
    LocalRegistry registry;
    pthread_t thread;
    _Atomic bool has_failed;
    Error error;
};

static Status find_schema(void *context, Arena *arena, uint32_t id, AvroSource *out, Error *error)
{
    EmbeddedHub *hub = context;
    TRY(embedded_hub_need(hub, error));
    return registry_local_find(hub->schemas, arena, id, out, error);
}

static Status put_schema(void *context, Str subject, Str schema, uint32_t *id, Error *error)
{
    EmbeddedHub *hub = context;
    TRY(embedded_hub_need(hub, error));
    return registry_local_put(hub->schemas, subject, schema, id, error);
}

EmbeddedHub *embedded_hub_new(World *world, const char *data_dir, const char *listen,
                              const char *advertise)
{
    EmbeddedHub *hub = memory_allocate_zeroed((int64_t)sizeof *hub);
    hub->world = world;
    hub->arena = arena_new(0);
    hub->config = (HubConfig){
        .world = world,
        .folder = arena_printf(hub->arena, "%s/hub", data_dir),
        .listen = listen,
        .advertise = advertise,
        .creates_topics = true,
        .default_partitions = 1,
    };
    hub->registry = (LocalRegistry){.context = hub, .find = find_schema, .put = put_schema};
    pthread_mutex_init(&hub->lock, NULL);
    return hub;
}

void embedded_hub_free(EmbeddedHub *hub)
{
    if (hub == NULL)
        return;
    if (hub->hub != NULL) {
        hub_stop(hub->hub);
        pthread_join(hub->thread, NULL);
        registry_free(hub->schemas);
        Status closed = hub_close(hub->hub, NULL);
        (void)closed; /* what was acknowledged is durable */
    }
    pthread_mutex_destroy(&hub->lock);
    arena_free(hub->arena);
    memory_free(hub);
}

static void *hub_thread(void *context)
{
    EmbeddedHub *hub = context;
    if (hub_run(hub->hub, &hub->error) != OK)
        hub->has_failed = true;
    return NULL;
}

static Status hub_begin(EmbeddedHub *hub, Error *error)
{
    Hub *opened;
    Status status = hub_open(&hub->config, &opened, error);
    if (status != OK)
        return status;
    hub->hub = opened;
    hub->schemas = registry_new(hub->world, hub_topics(opened));
    if (pthread_create(&hub->thread, NULL, hub_thread, hub) == 0)
        return OK;
    hub->hub = NULL;
    registry_free(hub->schemas);
    Status closed = hub_close(opened, NULL);
    (void)closed;
    return fail_thread(error, "for the hub");
}

Status embedded_hub_need(EmbeddedHub *hub, Error *error)
{
    pthread_mutex_lock(&hub->lock);
    Status status = hub->hub != NULL ? OK : hub_begin(hub, error);
    pthread_mutex_unlock(&hub->lock);
    return status;
}

const char *embedded_hub_address(const EmbeddedHub *hub)
{
    return hub_address(hub->hub);
}

int embedded_hub_connect(EmbeddedHub *hub)
{
    return hub->has_failed ? -1 : hub_connect(hub->hub);
}

const LocalRegistry *embedded_hub_registry(EmbeddedHub *hub)
{
    return hub != NULL ? &hub->registry : NULL;
}

Status embedded_hub_trouble(EmbeddedHub *hub, Error *error)
{
    if (hub == NULL || !hub->has_failed)
        return OK;
    if (error != NULL)
        *error = hub->error;
    return hub->error.status;
}
