/* The file of marks: one line of numbers per partition, written aside and renamed as a whole.
 *
 * It is written after what it tells of is durable, about each second: what is acknowledged in the
 * last second before a crash is found on disk, but damage to it cannot be told from a torn end. */
#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/planted.h"
#include "log/internal.h"

enum {
    MARKS_MAGIC = 0x324d5057,     /* "WPM2" */
    MARKS_OLD_MAGIC = 0x314d5057, /* "WPM1": of before seals had places */
    MARKS_DIGIT_BITS = 24,        /* how far up the digit of the version stands */
    MARKS_BYTES_MAX = 1 << 30,
};

static const char *marks_path(const Log *log, Arena *arena)
{
    return arena_printf(arena, "%s/marks", log->folder);
}

static bool mark_is_sound(const Mark *mark)
{
    return mark->start_offset >= 0 && mark->start_offset <= LOG_OFFSET_MAX &&
           mark->durable_end >= 0 && mark->durable_end <= LOG_OFFSET_MAX && mark->gaps_end >= 0 &&
           mark->clean_end >= 0 && mark->old_seals_end >= 0;
}

/* ERR_CORRUPT, or ERR_INVALID where all is well with it, but a later version has written it. */
static Status marks_parse(Log *log, Str content)
{
    if (content.length < 8)
        return ERR_CORRUPT;
    Str body = str_make(content.data, content.length - 4);
    ByteReader tail = byte_reader(str_make(content.data + body.length, 4));
    ByteReader reader = byte_reader(body);
    uint32_t magic = byte_reader_u32(&reader);
    if (byte_reader_u32(&tail) != crc32c(0, body.data, body.length))
        return ERR_CORRUPT;
    if (magic != MARKS_MAGIC && magic != MARKS_OLD_MAGIC) {
        uint32_t name_mask = (UINT32_C(1) << MARKS_DIGIT_BITS) - 1;
        bool is_named = ((magic ^ MARKS_MAGIC) & name_mask) == 0;
        return is_named && magic > MARKS_MAGIC ? ERR_INVALID : ERR_CORRUPT;
    }
    log->marks_are_old = magic == MARKS_OLD_MAGIC;
    while (!reader.is_short && byte_reader_left(&reader) > 0) {
        LogEntry *entry = ARENA_NEW(log->arena, LogEntry);
        Str name = byte_reader_bytes(&reader);
        entry->name = (char *)str_terminated(log->arena, name);
        entry->mark.start_offset = (int64_t)byte_reader_u64(&reader);
        entry->mark.durable_end = (int64_t)byte_reader_u64(&reader);
        entry->mark.gaps_end = (int64_t)byte_reader_u64(&reader);
        entry->mark.clean_end = (int64_t)byte_reader_u64(&reader);
        entry->mark.old_seals_end =
            magic == MARKS_MAGIC ? (int64_t)byte_reader_u64(&reader) : OLD_SEALS_EVERYWHERE;
        if (!mark_is_sound(&entry->mark))
            return ERR_CORRUPT;
        entry->written = entry->mark;
        map_put(log->entries, name, entry);
    }
    return reader.is_short ? ERR_CORRUPT : OK;
}

static Status marks_fail(const Log *log, const char *path, Status status, Error *error)
{
    if (status == ERR_INVALID) {
        status =
            fail(error, ERR_INVALID, "WR5307", "`%s` was written by a later version of weir", path);
        error_hint(error, "go on with that version, or with a copy of the folder from before it");
        return status;
    }
    status = fail(error, ERR_CORRUPT, "WR5302", "`%s` is damaged", path);
    error_hint(error,
               "without it nobody knows whether the end of a partition is missing; look "
               "with `weir fsck %s`, and remove it to take what is there for all there "
               "was",
               log->folder);
    return status;
}

Status marks_read(Log *log, Error *error)
{
    Arena *arena = arena_new(0);
    const char *path = marks_path(log, arena);
    Str content;
    Status status = world_read_file(log->world, path, MARKS_BYTES_MAX, arena, &content, error);
    if (status == OK) {
        status = marks_parse(log, content);
        if (status != OK)
            status = marks_fail(log, path, status, error);
    }
    arena_free(arena);
    return status == ERR_NOT_FOUND ? OK : status;
}

/* What the next file says of it; whether that is news. */
static bool entry_update(LogEntry *entry)
{
    Partition *partition = entry->partition;
    if (partition != NULL) {
        pthread_mutex_lock(&partition->lock);
        entry->mark = partition->mark;
        if (planted(PLANTED_LOG_MARK_TOO_EARLY))
            entry->mark.durable_end = partition->end_offset;
        pthread_mutex_unlock(&partition->lock);
    }
    return memcmp(&entry->mark, &entry->written, sizeof entry->mark) != 0;
}

static void marks_print(const Log *log, Buffer *out)
{
    buffer_append_u32(out, MARKS_MAGIC);
    for (int32_t i = 0; i < map_count(log->entries); i++) {
        const LogEntry *entry = map_value_at(log->entries, i);
        buffer_append_bytes(out, str_from(entry->name));
        buffer_append_u64(out, (uint64_t)entry->mark.start_offset);
        buffer_append_u64(out, (uint64_t)entry->mark.durable_end);
        buffer_append_u64(out, (uint64_t)entry->mark.gaps_end);
        buffer_append_u64(out, (uint64_t)entry->mark.clean_end);
        buffer_append_u64(out, (uint64_t)entry->mark.old_seals_end);
    }
    buffer_append_u32(out, crc32c(0, out->data, out->length));
}

Status log_write_marks(Log *log, Error *error)
{
    Buffer content = {0};
    pthread_mutex_lock(&log->marks_lock);
    bool is_news = log->marks_are_old;
    pthread_mutex_lock(&log->lock);
    int32_t count = map_count(log->entries);
    for (int32_t i = 0; i < count; i++)
        is_news |= entry_update(map_value_at(log->entries, i));
    marks_print(log, &content);
    pthread_mutex_unlock(&log->lock);
    Status status = OK;
    if (is_news) {
        Arena *arena = arena_new(0);
        status = log_replace_file(log, marks_path(log, arena), buffer_str(&content), error);
        arena_free(arena);
    }
    if (status == OK)
        log->marks_are_old = false;
    pthread_mutex_lock(&log->lock);
    for (int32_t i = 0; status == OK && i < count && i < map_count(log->entries); i++) {
        LogEntry *entry = map_value_at(log->entries, i);
        entry->written = entry->mark;
    }
    pthread_mutex_unlock(&log->lock);
    pthread_mutex_unlock(&log->marks_lock);
    buffer_free(&content);
    return status;
}
