/* The catalogue in memory and on disk. */
#include "hub/topics.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"

enum {
    CATALOGUE_MAGIC = 0x31435457, /* "WTC1" */
    CATALOGUE_BYTES_MAX = 1 << 28,
    PRODUCER_IDS_RESERVED = 1000, /* with one write of the catalogue */
    FOLDER_ID_BYTES = 6,
    FOLDER_NAME_BYTES_MAX = 200, /* with the id, file systems take it */
};

/* Room to count on, as for offsets. */
static const int64_t PRODUCER_ID_MAX = INT64_C(1) << 62;

struct Topics {
    World *world;
    Log *log;
    Arena *arena; /* of all topics there have been */
    const char *folder, *path;
    List topics; /* Topic *, by name */
    Map *ids;    /* id -> Topic */
    int64_t version;
    int64_t next_producer_id, reserved_producer_id;
    pthread_mutex_t lock;
};

void topics_lock(Topics *topics)
{
    pthread_mutex_lock(&topics->lock);
}

void topics_unlock(Topics *topics)
{
    pthread_mutex_unlock(&topics->lock);
}

Log *topics_log(Topics *topics)
{
    return topics->log;
}

const char *topics_folder(const Topics *topics)
{
    return topics->folder;
}

int64_t topics_version(const Topics *topics)
{
    return topics->version;
}

int32_t topics_count(const Topics *topics)
{
    return topics->topics.count;
}

Topic *topics_at(const Topics *topics, int32_t index)
{
    return LIST_AT(topics->topics, index, Topic);
}

/* Where the name is or would be. */
static int32_t topics_place(const Topics *topics, Str name)
{
    int32_t low = 0, high = topics->topics.count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (str_compare(str_from(topics_at(topics, middle)->name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Topic *topics_find(const Topics *topics, Str name)
{
    int32_t at = topics_place(topics, name);
    bool is_there = at < topics->topics.count && str_is(name, topics_at(topics, at)->name);
    return is_there ? topics_at(topics, at) : NULL;
}

Topic *topics_find_id(const Topics *topics, Str id)
{
    return map_find(topics->ids, id);
}

bool topic_name_is_valid(Str name)
{
    if (name.length == 0 || name.length > TOPIC_NAME_BYTES_MAX || str_is(name, ".") ||
        str_is(name, ".."))
        return false;
    for (int64_t i = 0; i < name.length; i++)
        if (!isalnum((unsigned char)name.data[i]) && strchr("._-", name.data[i]) == NULL)
            return false;
    return memchr(name.data, '\0', (size_t)name.length) == NULL;
}

static void topics_insert(Topics *topics, Topic *topic)
{
    int32_t at = topics_place(topics, str_from(topic->name));
    list_append(&topics->topics, topics->arena, topic);
    void **items = topics->topics.items;
    memmove(&items[at + 1], &items[at], sizeof(void *) * (size_t)(topics->topics.count - 1 - at));
    items[at] = topic;
    map_put(topics->ids, str_make(topic->id, TOPIC_ID_BYTES), topic);
    topics->version++;
}

static void topics_take_out(Topics *topics, const Topic *topic)
{
    int32_t at = topics_place(topics, str_from(topic->name));
    void **items = topics->topics.items;
    assert(items[at] == topic);
    topics->topics.count--;
    memmove(&items[at], &items[at + 1], sizeof(void *) * (size_t)(topics->topics.count - at));
    map_remove(topics->ids, str_make(topic->id, TOPIC_ID_BYTES));
    topics->version++;
}

/* ---- The file -------------------------------------------------------------------------------- */

static Status topics_write(const Topics *topics, Error *error)
{
    Buffer out = {0};
    buffer_append_u32(&out, CATALOGUE_MAGIC);
    buffer_append_u64(&out, (uint64_t)topics->reserved_producer_id);
    for (int32_t i = 0; i < topics->topics.count; i++) {
        const Topic *topic = topics_at(topics, i);
        buffer_append_bytes(&out, str_from(topic->name));
        buffer_append(&out, topic->id, TOPIC_ID_BYTES);
        buffer_append_u32(&out, (uint32_t)topic->partition_count);
        buffer_append_u32(&out, (uint32_t)topic->configs.count);
        for (int32_t j = 0; j < topic->configs.count; j++) {
            const ConfigEntry *entry = LIST_AT(topic->configs, j, ConfigEntry);
            buffer_append_bytes(&out, str_from(entry->name));
            buffer_append_bytes(&out, str_from(entry->value));
        }
    }
    buffer_append_u32(&out, crc32c(0, out.data, out.length));
    Status status = log_replace_file(topics->log, topics->path, buffer_str(&out), error);
    buffer_free(&out);
    return status;
}

static void config_add(Topics *topics, List *configs, Str name, Str value)
{
    ConfigEntry *entry = ARENA_NEW(topics->arena, ConfigEntry);
    entry->name = str_terminated(topics->arena, name);
    entry->value = str_terminated(topics->arena, value);
    list_append(configs, topics->arena, entry);
}

static bool topic_read(Topics *topics, ByteReader *reader)
{
    Topic *topic = ARENA_NEW(topics->arena, Topic);
    Str name = byte_reader_bytes(reader);
    topic->name = str_terminated(topics->arena, name);
    Str id = byte_reader_take(reader, TOPIC_ID_BYTES);
    topic->partition_count = (int32_t)byte_reader_u32(reader);
    if (reader->is_short || !topic_name_is_valid(name) || topic->partition_count <= 0 ||
        topic->partition_count > TOPIC_PARTITIONS_MAX)
        return false;
    memcpy(topic->id, id.data, TOPIC_ID_BYTES);
    for (uint32_t left = byte_reader_u32(reader); left > 0 && !reader->is_short; left--) {
        Str key = byte_reader_bytes(reader), value = byte_reader_bytes(reader);
        if (config_find_fault(key, value, topics->arena) != NULL)
            return false;
        config_add(topics, &topic->configs, key, value);
    }
    if (topics_find(topics, name) != NULL ||
        topics_find_id(topics, str_make(topic->id, TOPIC_ID_BYTES)) != NULL)
        return false;
    topic->partitions = ARENA_ARRAY(topics->arena, Partition *, topic->partition_count);
    topics_insert(topics, topic);
    return !reader->is_short;
}

static bool topics_parse(Topics *topics, Str content)
{
    if (content.length < 8)
        return false;
    Str body = str_make(content.data, content.length - 4);
    ByteReader tail = byte_reader(str_make(content.data + body.length, 4));
    ByteReader reader = byte_reader(body);
    if (byte_reader_u32(&tail) != crc32c(0, body.data, body.length) ||
        byte_reader_u32(&reader) != CATALOGUE_MAGIC)
        return false;
    topics->reserved_producer_id = topics->next_producer_id = (int64_t)byte_reader_u64(&reader);
    if (topics->next_producer_id < 0 || topics->next_producer_id > PRODUCER_ID_MAX)
        return false;
    while (!reader.is_short && byte_reader_left(&reader) > 0)
        if (!topic_read(topics, &reader))
            return false;
    return !reader.is_short;
}

static Status topics_read(Topics *topics, Error *error)
{
    Str content;
    Status status = world_read_file(topics->world, topics->path, CATALOGUE_BYTES_MAX, topics->arena,
                                    &content, error);
    if (status == ERR_NOT_FOUND)
        return OK;
    if (status == OK && !topics_parse(topics, content)) {
        status = fail(error, ERR_CORRUPT, "WR5401", "`%s` is damaged", topics->path);
        error_hint(error, "it lists the topics: put it back from a backup");
    }
    return status;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void topics_free(Topics *topics)
{
    pthread_mutex_destroy(&topics->lock);
    arena_free(topics->arena);
    memory_free(topics);
}

Status topics_open(World *world, const char *folder, const LogOptions *options, Topics **out,
                   Error *error)
{
    *out = NULL;
    Topics *topics = memory_allocate_zeroed((int64_t)sizeof *topics);
    topics->world = world;
    topics->arena = arena_new(0);
    topics->ids = map_new(topics->arena);
    pthread_mutex_init(&topics->lock, NULL);
    topics->folder = arena_printf(topics->arena, "%s", folder);
    topics->path = arena_printf(topics->arena, "%s/topics", folder);
    Status status = log_open(world, folder, options, &topics->log, error);
    if (status == OK)
        status = topics_read(topics, error);
    if (status == OK) {
        *out = topics;
        return OK;
    }
    log_abandon(topics->log);
    topics_free(topics);
    return status;
}

static void topic_release(Topic *topic)
{
    for (int32_t i = 0; i < topic->partition_count; i++)
        if (topic->partitions[i] != NULL)
            partition_release(topic->partitions[i]);
    memset(topic->partitions, 0, sizeof(Partition *) * (size_t)topic->partition_count);
}

Status topics_close(Topics *topics, Error *error)
{
    for (int32_t i = 0; i < topics->topics.count; i++)
        topic_release(topics_at(topics, i));
    Status status = log_close(topics->log, error);
    topics_free(topics);
    return status;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static List configs_copy(Topics *topics, const List *configs)
{
    List copy = {0};
    for (int32_t i = 0; i < configs->count; i++) {
        const ConfigEntry *entry = LIST_AT(*configs, i, ConfigEntry);
        config_add(topics, &copy, str_from(entry->name), str_from(entry->value));
    }
    return copy;
}

Status topics_create(Topics *topics, Str name, int32_t partition_count, const List *configs,
                     Topic **out, Error *error)
{
    assert(topic_name_is_valid(name) && topics_find(topics, name) == NULL);
    assert(partition_count > 0 && partition_count <= TOPIC_PARTITIONS_MAX);
    bool is_kept = topic_is_kept(name);
    Topic *topic = ARENA_NEW(topics->arena, Topic);
    topic->name = str_terminated(topics->arena, name);
    topic->partition_count = is_kept ? 1 : partition_count;
    topic->partitions = ARENA_ARRAY(topics->arena, Partition *, topic->partition_count);
    topic->configs = configs_copy(topics, configs);
    if (is_kept)
        topic_complete(&topic->configs, topics->arena);
    for (int32_t i = 0; i < TOPIC_ID_BYTES; i += 8) {
        uint64_t half = topics->world->kind->random_u64(topics->world);
        memcpy(topic->id + i, &half, sizeof half);
    }
    topics_insert(topics, topic);
    Status status = topics_write(topics, error);
    if (status != OK)
        topics_take_out(topics, topic);
    *out = status == OK ? topic : NULL;
    return status;
}

/* Offsets and transactions may still be noted where the disk has no room for records. */
static PartitionConfig partition_config(const Topic *topic)
{
    PartitionConfig config = config_of(&topic->configs);
    config.uses_reserve = str_has_prefix(str_from(topic->name), STR("__"));
    return config;
}

Status topics_set_configs(Topics *topics, Topic *topic, const List *configs, Error *error)
{
    List before = topic->configs;
    topic->configs = configs_copy(topics, configs);
    Status status = topics_write(topics, error);
    if (status != OK) {
        topic->configs = before;
        return status;
    }
    topics->version++;
    PartitionConfig config = partition_config(topic);
    for (int32_t i = 0; i < topic->partition_count; i++)
        if (topic->partitions[i] != NULL)
            partition_set_config(topic->partitions[i], &config);
    return OK;
}

Status topics_add_partitions(Topics *topics, Topic *topic, int32_t count, Error *error)
{
    assert(count > topic->partition_count && count <= TOPIC_PARTITIONS_MAX);
    int32_t before = topic->partition_count;
    topic->partition_count = count;
    Status status = topics_write(topics, error);
    topic->partition_count = before;
    if (status != OK)
        return status;
    Partition **partitions = ARENA_ARRAY(topics->arena, Partition *, count);
    memcpy(partitions, topic->partitions, sizeof(Partition *) * (size_t)before);
    topic->partitions = partitions;
    topic->partition_count = count;
    topics->version++;
    return OK;
}

static const char *partition_path(const Topic *topic, int32_t index, Arena *arena)
{
    Buffer name = {0};
    buffer_printf(&name, "%.*s.", FOLDER_NAME_BYTES_MAX, topic->name);
    for (int32_t i = 0; i < FOLDER_ID_BYTES; i++)
        buffer_printf(&name, "%02x", (unsigned)(unsigned char)topic->id[i]);
    if (index >= 0)
        buffer_printf(&name, "/%d", (int)index);
    const char *path = str_terminated(arena, buffer_str(&name));
    buffer_free(&name);
    return path;
}

Status topics_delete(Topics *topics, Topic *topic, Error *error)
{
    topics_take_out(topics, topic);
    Status status = topics_write(topics, error);
    if (status != OK) {
        topics_insert(topics, topic);
        return status;
    }
    topic_release(topic);
    Arena *arena = arena_new(0);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        Error why = {0};
        if (log_remove(topics->log, partition_path(topic, i, arena), &why) != OK)
            log_event(LOG_WARN, "hub", "files of a topic that was deleted stay: %s", why.text);
    }
    Status removed = world_remove_tree(
        topics->world,
        arena_printf(arena, "%s/%s", topics->folder, partition_path(topic, -1, arena)), NULL);
    (void)removed; /* the folder is empty, or was named above */
    arena_free(arena);
    return OK;
}

Status topics_partition(Topics *topics, Topic *topic, int32_t index, Partition **out, Error *error)
{
    assert(index >= 0 && index < topic->partition_count);
    Status status = OK;
    if (topic->partitions[index] == NULL) {
        Arena *arena = arena_new(0);
        PartitionConfig config = partition_config(topic);
        status = log_partition(topics->log, partition_path(topic, index, arena), &config,
                               &topic->partitions[index], error);
        arena_free(arena);
    }
    *out = topic->partitions[index];
    return status;
}

Status topics_next_producer_id(Topics *topics, int64_t *out, Error *error)
{
    if (topics->next_producer_id == topics->reserved_producer_id) {
        topics->reserved_producer_id += PRODUCER_IDS_RESERVED;
        Status status = topics_write(topics, error);
        if (status != OK) {
            topics->reserved_producer_id -= PRODUCER_IDS_RESERVED;
            return status;
        }
    }
    *out = topics->next_producer_id++;
    return OK;
}
