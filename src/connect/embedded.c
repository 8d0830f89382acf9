/* The hub of this process, on a thread of its own. */
#include "connect/embedded.h"

#include <pthread.h>

#include "base/memory.h"
#include "base/str.h"
#include "kafka/server.h"

struct EmbeddedHub {
    World *world;
    Arena *arena;
    HubConfig config;
    pthread_mutex_t lock;
    Hub *hub; /* NULL: not open */
    pthread_t thread;
    _Atomic bool has_failed;
    Error error;
};

EmbeddedHub *embedded_hub_new(World *world, const char *data_dir, const char *listen)
{
    EmbeddedHub *hub = memory_allocate_zeroed((int64_t)sizeof *hub);
    hub->world = world;
    hub->arena = arena_new(0);
    hub->config = (HubConfig){
        .world = world,
        .folder = arena_printf(hub->arena, "%s/hub", data_dir),
        .listen = listen,
        .creates_topics = true,
        .default_partitions = 1,
    };
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
    if (pthread_create(&hub->thread, NULL, hub_thread, hub) == 0)
        return OK;
    hub->hub = NULL;
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

Status embedded_hub_trouble(EmbeddedHub *hub, Error *error)
{
    if (hub == NULL || !hub->has_failed)
        return OK;
    if (error != NULL)
        *error = hub->error;
    return hub->error.status;
}
