/* Routes, and topics as requests find them. */
#include "door/internal.h"

#include "base/memory.h"

enum { DOOR_THREADS = 16 }; /* one that waits for the disk holds up no others */

static const HttpRoute door_routes[] = {
    {"GET", "/v1/topics", door_list_topics, "List the topics.", "", KEY_CONSUME},
    {"GET", "/v1/topics/{topic}", door_describe_topic,
     "Partitions, offsets and configuration of a topic, and what its records have to be.", "",
     KEY_CONSUME},
    {"GET", "/v1/topics/{topic}/records", door_get_records,
     "Records from `offset` on, or from `time` (milliseconds since 1970) on; without both the "
     "first there are.",
     "partition,offset,time,limit", KEY_CONSUME},
    {"POST", "/v1/topics/{topic}/records", door_post_records,
     "Take one record, or many: a JSON value, an array of them, lines (application/x-ndjson), or "
     "bytes (application/octet-stream). `key` names the field that is the key; `ack=accepted` does "
     "not wait until they are durable; `tombstone=true` writes their keys without values.",
     "key,partition,ack,tombstone", KEY_PRODUCE},
    HTTP_COMMON_ROUTES,
};

static bool door_is_ready(void *context, Buffer *why)
{
    Door *door = context;
    Error error = {0};
    if (!log_is_broken(topics_log(door->config.topics), &error))
        return true;
    buffer_append_text(why, error.text);
    return false;
}

/* Ours, then those of the registry. */
static const HttpRoute *door_gather_routes(Door *door, int32_t *count)
{
    const int32_t own = (int32_t)(sizeof door_routes / sizeof door_routes[0]);
    int32_t more;
    const HttpRoute *of_registry = door_registry_routes(&more);
    *count = own + more;
    door->routes = memory_allocate((int64_t)sizeof(HttpRoute) * *count);
    memcpy(door->routes, door_routes, sizeof door_routes);
    memcpy(door->routes + own, of_registry, sizeof(HttpRoute) * (size_t)more);
    return door->routes;
}

static void door_free(Door *door)
{
    for (int32_t i = 0; i < DOOR_KEY_LOCKS; i++)
        pthread_mutex_destroy(&door->key_locks[i]);
    memory_free(door->routes);
    memory_free(door);
}

Status door_open(const DoorConfig *config, Door **out, Error *error)
{
    Door *door = memory_allocate_zeroed(sizeof *door);
    door->config = *config;
    door->schemas = registry_local(config->registry);
    for (int32_t i = 0; i < DOOR_KEY_LOCKS; i++)
        pthread_mutex_init(&door->key_locks[i], NULL);
    int32_t route_count;
    const HttpRoute *routes = door_gather_routes(door, &route_count);
    int64_t bytes_max = config->content_bytes_max;
    HttpConfig http = {
        .world = config->world,
        .listen = config->listen,
        .port_default = DOOR_PORT_DEFAULT,
        .tls = config->tls,
        .allows_plaintext = config->allows_plaintext,
        .name = "hub",
        .routes = routes,
        .route_count = route_count,
        .context = door,
        .content_bytes_max = bytes_max > 0 ? bytes_max : DOOR_CONTENT_BYTES_DEFAULT,
        .thread_count = DOOR_THREADS,
        .guard = door_guard,
        .problem = door_registry_problem,
        .is_ready = door_is_ready,
        .ready_context = door,
    };
    Status status = http_start(&http, &door->http, error);
    if (status == OK)
        *out = door;
    else
        door_free(door);
    return status;
}

const char *door_url(const Door *door)
{
    return http_url(door->http);
}

void door_close(Door *door)
{
    if (door == NULL)
        return;
    http_stop(door->http);
    door_free(door);
}

const DoorTable *door_table(const Door *door, const char *topic)
{
    for (int32_t i = 0; i < door->config.table_count; i++)
        if (strcmp(door->config.tables[i]->record.topic, topic) == 0)
            return door->config.tables[i];
    return NULL;
}

/* ---- Topics ------------------------------------------------------------------------------ */

static const char *suggest_topic(const HttpRequest *request, Topics *topics, Str name)
{
    const char *best = NULL;
    int best_distance = 3;
    for (int32_t i = 0; i < topics_count(topics); i++) {
        const char *candidate = topics_at(topics, i)->name;
        int distance = str_edit_distance(name, str_from(candidate), 2);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best == NULL ? NULL : arena_printf(request->arena, "did you mean `%s`?", best);
}

void door_fail(HttpRequest *request, const Error *error)
{
    unsigned int status = MHD_HTTP_SERVICE_UNAVAILABLE;
    const char *title = "the log cannot be used";
    if (error->status == ERR_FULL) {
        status = MHD_HTTP_INSUFFICIENT_STORAGE;
        title = "the disk is full";
        http_add_header(request, "Retry-After", "5");
    } else if (error->status == ERR_INVALID) {
        status = MHD_HTTP_CONFLICT;
        title = "not as before";
    } else if (error->status == ERR_NOT_FOUND) {
        status = MHD_HTTP_NOT_FOUND;
        title = "no such topic";
    }
    http_problem(request, status, error->code[0] != '\0' ? error->code : "WR6039", title,
                 arena_printf(request->arena, "%s", error->text),
                 error->hint[0] != '\0' ? arena_printf(request->arena, "%s", error->hint) : NULL);
}

/* Under the lock. */
static Topic *find_or_make(HttpRequest *request, Str name, bool makes, int32_t partition_count)
{
    Door *door = door_of(request);
    Topics *topics = door->config.topics;
    static const List no_configs;
    Topic *topic = topics_find(topics, name);
    if (topic != NULL)
        return topic;
    if (!topic_name_is_valid(name)) {
        http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6030", "not a name",
                     "a topic's name has up to 249 letters, digits, `.`, `_` and `-`", NULL);
        return NULL;
    }
    if (!makes || !door->config.creates_topics) {
        http_problem(request, MHD_HTTP_NOT_FOUND, "WR6031", "no such topic",
                     arena_printf(request->arena, "there is no topic `%.*s`", STR_ARGS(name)),
                     suggest_topic(request, topics, name));
        return NULL;
    }
    Error error = {0};
    if (topics_create(topics, name, partition_count, &no_configs, &topic, &error) != OK)
        door_fail(request, &error);
    return topic;
}

static void topic_take(Arena *arena, const Topic *topic, DoorTopic *out)
{
    *out = (DoorTopic){
        .name = arena_printf(arena, "%s", topic->name),
        .partition_count = topic->partition_count,
        .message_bytes_max = config_of(&topic->configs).message_bytes_max,
        .partitions = ARENA_ARRAY(arena, Partition *, topic->partition_count),
    };
    memset(out->partitions, 0, sizeof(Partition *) * (size_t)topic->partition_count);
}

bool door_find_topic(HttpRequest *request, Str name, bool makes, int32_t partition_count,
                     DoorTopic *out)
{
    Topics *topics = door_of(request)->config.topics;
    topics_lock(topics);
    const Topic *topic = find_or_make(request, name, makes, partition_count);
    if (topic != NULL)
        topic_take(request->arena, topic, out);
    topics_unlock(topics);
    return topic != NULL;
}

bool door_has_topic(HttpRequest *request, const char *name)
{
    Topics *topics = door_of(request)->config.topics;
    topics_lock(topics);
    bool has = topics_find(topics, str_from(name)) != NULL;
    topics_unlock(topics);
    return has;
}

bool door_find_letters(HttpRequest *request, const char *name, DoorTopic *out, Error *error)
{
    Topics *topics = door_of(request)->config.topics;
    static const List no_configs;
    Status status = OK;
    topics_lock(topics);
    Topic *topic = topics_find(topics, str_from(name));
    if (topic == NULL && !topic_name_is_valid(str_from(name)))
        status = fail(error, ERR_INVALID, "WR6030", "`%s` cannot be the name of a topic", name);
    else if (topic == NULL)
        status = topics_create(topics, str_from(name), 1, &no_configs, &topic, error);
    if (status == OK)
        topic_take(request->arena, topic, out);
    topics_unlock(topics);
    return status == OK;
}

Status door_hold(HttpRequest *request, DoorTopic *topic, int32_t index, Error *error)
{
    if (topic->partitions[index] != NULL)
        return OK;
    Topics *topics = door_of(request)->config.topics;
    topics_lock(topics);
    Topic *found = topics_find(topics, str_from(topic->name));
    Status status = ERR_NOT_FOUND;
    if (found != NULL && index < found->partition_count)
        status = topics_partition(topics, found, index, &topic->partitions[index], error);
    else
        status = fail(error, ERR_NOT_FOUND, "WR6031", "the topic `%s` is gone", topic->name);
    if (status == OK)
        partition_hold(topic->partitions[index]);
    else
        topic->partitions[index] = NULL;
    topics_unlock(topics);
    return status;
}

void door_release(DoorTopic *topic)
{
    for (int32_t i = 0; i < topic->partition_count; i++)
        if (topic->partitions[i] != NULL)
            partition_release(topic->partitions[i]);
}
