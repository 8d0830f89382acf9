/* Partitions from their first row to their success file. */
#include "connect/filesystem/commit.h"

#include <stdio.h>

#include "base/memory.h"
#include "connect/filesystem/part.h"

enum { COMMIT_PATH_BYTES = 8192, TIME_TEXT_BYTES = 256 };

static const char *const trigger_key = "sink.partition-commit.trigger";
static const char *const zone_key = "sink.partition-commit.watermark-time-zone";
static const char *const pattern_key = "partition.time-extractor.timestamp-pattern";
static const char *const formatter_key = "partition.time-extractor.timestamp-formatter";
static const char *const kind_key = "partition.time-extractor.kind";

static bool is_by_watermark(const OptionSet *options)
{
    return str_equal_ignoring_case(options_text(options, trigger_key), STR("partition-time"));
}

const char *commits_check(const OptionSet *options, const char **key)
{
    if (!is_by_watermark(options))
        return NULL;
    *key = kind_key;
    if (!str_is(options_text(options, kind_key), "default"))
        return "only the 'default' extractor of times is supported yet";
    *key = formatter_key;
    if (!str_is(options_text(options, formatter_key), "yyyy-MM-dd HH:mm:ss"))
        return "another format than 'yyyy-MM-dd HH:mm:ss' is not supported yet";
    return NULL;
}

Status commits_init(Commits *commits, World *world, const OptionSet *options, Error *error)
{
    Str policy = options_text(options, "sink.partition-commit.policy.kind");
    *commits = (Commits){
        .is_on = str_find(policy, STR("success-file")) >= 0,
        .is_by_watermark = is_by_watermark(options),
        .delay_us = options_duration_us(options, "sink.partition-commit.delay"),
        .success_name = options_terminated(options, "sink.partition-commit.success-file.name"),
        .pattern = options_text(options, pattern_key),
        .watermark = TIMESTAMP_MIN,
    };
    return timezone_find(world, options_text(options, zone_key), &commits->zone, error);
}

/* ---- Opening --------------------------------------------------------------------------- */

bool commits_knows(const Commits *commits, Str path)
{
    for (int32_t i = commits->count - 1; i >= 0; i--) {
        if (commits->open[i].checkpoint == 0 && str_is(path, commits->open[i].path))
            return true;
    }
    return false;
}

static void commits_add(Commits *commits, Str path, Timestamp begins, int64_t checkpoint)
{
    if (commits->count == commits->capacity) {
        commits->capacity = commits->capacity == 0 ? 8 : commits->capacity * 2;
        commits->open =
            memory_resize(commits->open, commits->capacity * (int64_t)sizeof *commits->open);
    }
    char *copy = memory_allocate(path.length + 1);
    memcpy(copy, path.data, (size_t)path.length);
    copy[path.length] = '\0';
    commits->open[commits->count++] =
        (OpenPartition){.path = copy, .begins = begins, .checkpoint = checkpoint};
}

/* The pattern with values in place of $column; of two columns that fit, the longer one. */
static void pattern_fill(Buffer *out, Str pattern, const Schema *columns, const Str *values)
{
    for (int64_t at = 0; at < pattern.length;) {
        int32_t found = -1;
        Str rest = str_make(pattern.data + at + 1, pattern.length - at - 1);
        for (int32_t i = 0; pattern.data[at] == '$' && i < columns->count; i++) {
            Str name = columns->fields[i].name;
            if (str_has_prefix(rest, name) &&
                (found < 0 || name.length > columns->fields[found].name.length))
                found = i;
        }
        if (found < 0) {
            buffer_append_char(out, pattern.data[at++]);
            continue;
        }
        buffer_append_str(out, values[found]);
        at += 1 + columns->fields[found].name.length;
    }
}

static bool partition_time(const Commits *commits, const Schema *columns, const Str *values,
                           Buffer *text, Timestamp *out)
{
    if (commits->pattern.length > 0)
        pattern_fill(text, commits->pattern, columns, values);
    else
        buffer_append_str(text, values[0]);
    Timestamp local;
    if (!timestamp_parse(buffer_str(text), ' ', &local))
        return false;
    *out = timezone_to_utc(commits->zone, local);
    return true;
}

Status commits_open(Commits *commits, Str path, const Schema *columns, const Str *values,
                    Timestamp now, Error *error)
{
    Timestamp begins = now;
    Buffer text = {0};
    if (commits->is_by_watermark && !partition_time(commits, columns, values, &text, &begins)) {
        int32_t shown = (int32_t)(text.length < TIME_TEXT_BYTES ? text.length : TIME_TEXT_BYTES);
        (void)fail(error, ERR_INVALID, "WR3413",
                   "the time '%.*s' of partition %.*s is no timestamp", shown, text.data,
                   STR_ARGS(path));
        buffer_free(&text);
        return ERR_INVALID;
    }
    buffer_free(&text);
    commits_add(commits, path, begins, 0);
    return OK;
}

/* ---- Completing ------------------------------------------------------------------------ */

bool commits_is_due(const Commits *commits, const OpenPartition *partition, Timestamp now)
{
    if (partition->checkpoint != 0)
        return false;
    if (commits->watermark == TIMESTAMP_MAX ||
        (!commits->is_by_watermark && commits->delay_us == 0))
        return true;
    Timestamp reached = commits->is_by_watermark ? commits->watermark : now;
    return reached != TIMESTAMP_MIN && reached > partition->begins + commits->delay_us;
}

static Status write_success(const Commits *commits, World *world, const char *root,
                            const char *partition, Error *error)
{
    char path[COMMIT_PATH_BYTES];
    File *file;
    snprintf(path, sizeof path, "%s/%s/%s", root, partition, commits->success_name);
    Status status = world->kind->open(world, path, FILE_CREATE, &file, error);
    return status == OK ? world->kind->close(file, error) : part_retriable(status, error);
}

Status commits_publish(Commits *commits, World *world, const char *root, int64_t checkpoint,
                       Error *error)
{
    Status status = OK;
    int32_t kept = 0;
    for (int32_t i = 0; i < commits->count; i++) {
        OpenPartition *partition = &commits->open[i];
        bool is_complete = partition->checkpoint != 0 && partition->checkpoint <= checkpoint;
        if (is_complete && status == OK)
            status = write_success(commits, world, root, partition->path, error);
        if (is_complete && status == OK)
            memory_free(partition->path);
        else
            commits->open[kept++] = *partition;
    }
    commits->count = kept;
    return status;
}

/* ---- In checkpoints -------------------------------------------------------------------- */

void commits_save(const Commits *commits, Buffer *out)
{
    buffer_append_u32(out, (uint32_t)commits->count);
    for (int32_t i = 0; i < commits->count; i++) {
        buffer_append_bytes(out, str_from(commits->open[i].path));
        buffer_append_u64(out, (uint64_t)commits->open[i].begins);
        buffer_append_u8(out, commits->open[i].checkpoint != 0);
    }
}

/* What the checkpoint completed is written again: it may have been, or not. */
void commits_restore(Commits *commits, ByteReader *reader)
{
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && !reader->is_short; i++) {
        Str path = byte_reader_bytes(reader);
        Timestamp begins = (Timestamp)byte_reader_u64(reader);
        bool is_complete = byte_reader_u8(reader) != 0;
        if (!reader->is_short)
            commits_add(commits, path, begins, is_complete ? 1 : 0);
    }
}

void commits_free(Commits *commits)
{
    for (int32_t i = 0; i < commits->count; i++)
        memory_free(commits->open[i].path);
    memory_free(commits->open);
    commits->open = NULL;
    commits->count = commits->capacity = 0;
}
