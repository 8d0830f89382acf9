/* Segments, their indexes, and the walk over batches. */
#include "log/segment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bigendian.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/planted.h"

enum {
    INDEX_MAGIC = 0x32584957,     /* "WIX2" */
    INDEX_OLD_MAGIC = 0x31584957, /* "WIX1": sealed without the segment's identity */
    INDEX_HEAD_BYTES = 48,
    INDEX_ENTRY_BYTES = 16,
    WINDOW_BYTES = 256 * 1024,
};

/* ---- Life ------------------------------------------------------------------------------------ */

static char *path_new(const char *folder, int64_t base_offset, const char *suffix)
{
    Buffer path = {0};
    buffer_printf(&path, "%s/%020" PRId64 "%s", folder, base_offset, suffix);
    buffer_terminated(&path);
    return path.data;
}

uint32_t log_identity(const char *partition_name)
{
    return crc32c(0, partition_name, (int64_t)strlen(partition_name));
}

Segment *log_segment_new(const char *folder, uint32_t identity, int64_t base_offset)
{
    char base[8];
    store_be64(base, (uint64_t)base_offset);
    Segment *segment = memory_allocate_zeroed((int64_t)sizeof *segment);
    segment->log_path = path_new(folder, base_offset, ".log");
    segment->index_path = path_new(folder, base_offset, ".index");
    segment->reader.path = segment->writer.path = segment->log_path;
    segment->base_offset = segment->end_offset = base_offset;
    segment->identity = crc32c(identity, base, sizeof base);
    segment->max_timestamp_ms = segment->first_timestamp_ms = NO_TIMESTAMP;
    return segment;
}

void log_segment_free(Segment *segment, Files *files)
{
    if (segment == NULL)
        return;
    files_drop(files, &segment->reader);
    files_drop(files, &segment->writer);
    memory_free(segment->log_path);
    memory_free(segment->index_path);
    memory_free(segment->table.entries);
    checked_free(&segment->checked);
    memory_free(segment);
}

int64_t log_segment_base_of_name(const char *name, const char *suffix)
{
    int64_t base;
    Str text = str_from(name);
    bool is_one = text.length == SEGMENT_NAME_DIGITS + (int64_t)strlen(suffix) &&
                  str_has_suffix(text, str_from(suffix)) && name[0] == '0' &&
                  str_parse_int64(str_make(name, SEGMENT_NAME_DIGITS), &base);
    return is_one && base <= LOG_OFFSET_MAX ? base : -1;
}

static void table_append(IndexTable *table, IndexEntry entry)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 16 : table->capacity * 2;
        table->entries =
            memory_resize(table->entries, (int64_t)sizeof(IndexEntry) * table->capacity);
    }
    table->entries[table->count++] = entry;
}

void log_segment_seal_batch(const Segment *segment, char *batch)
{
    batch_seal(batch, segment->identity, segment->bytes);
}

bool log_segment_is_sealed(const Segment *segment, int64_t position, Str batch_header)
{
    return batch_is_sealed(batch_header, segment->identity, position) ||
           (segment->allows_old_seals && batch_has_old_seal(batch_header));
}

void log_segment_note(Segment *segment, Str batch_header, const BatchHeader *header,
                      int64_t index_interval_bytes)
{
    assert(batch_header.length == BATCH_HEADER_BYTES);
    assert(header->base_offset >= segment->end_offset);
    if (segment->bytes - segment->indexed_at >= index_interval_bytes) {
        table_append(&segment->table, (IndexEntry){.offset_delta = (uint32_t)(header->base_offset -
                                                                              segment->base_offset),
                                                   .position = (uint32_t)segment->bytes,
                                                   .max_timestamp_ms = segment->max_timestamp_ms});
        segment->indexed_at = segment->bytes;
    }
    if (segment->bytes == 0)
        segment->first_timestamp_ms = header->max_timestamp_ms;
    segment->bytes += header->bytes;
    segment->end_offset = batch_end_offset(header);
    segment->content_hash =
        hash_combine(segment->content_hash, hash_bytes(batch_header.data, BATCH_HEADER_BYTES));
    /* Markers are no records, and a batch that compaction has emptied has none: nobody looks for
     * their time. */
    if (header->max_timestamp_ms > segment->max_timestamp_ms && header->record_count > 0 &&
        !batch_has(header, BATCH_IS_CONTROL))
        segment->max_timestamp_ms = header->max_timestamp_ms;
}

/* ---- Index files ----------------------------------------------------------------------------- */

Status log_segment_write_index(const Segment *segment, Files *files, Error *error)
{
    Buffer entries = {0}, out = {0};
    for (int32_t i = 0; i < segment->table.count; i++) {
        buffer_append_u32(&entries, segment->table.entries[i].offset_delta);
        buffer_append_u32(&entries, segment->table.entries[i].position);
        buffer_append_u64(&entries, (uint64_t)segment->table.entries[i].max_timestamp_ms);
    }
    buffer_append_u32(&out, INDEX_MAGIC);
    buffer_append_u32(&out, (uint32_t)segment->table.count);
    buffer_append_u64(&out, (uint64_t)segment->bytes);
    buffer_append_u64(&out, (uint64_t)segment->end_offset);
    buffer_append_u64(&out, (uint64_t)segment->max_timestamp_ms);
    buffer_append_u64(&out, segment->content_hash);
    buffer_append_u32(&out, crc32c(0, entries.data, entries.length));
    buffer_append_u32(&out, crc32c(segment->identity, out.data, out.length));
    assert(out.length == INDEX_HEAD_BYTES);
    buffer_append_str(&out, buffer_str(&entries));
    World *world = files_world(files);
    File *file;
    Status status = world->kind->open(world, segment->index_path, FILE_CREATE, &file, error);
    if (status == OK) {
        status = world->kind->write(file, out.data, out.length, error);
        Status closed = world->kind->close(file, status == OK ? error : NULL);
        status = status != OK ? status : closed;
    }
    buffer_free(&entries);
    buffer_free(&out);
    return status;
}

/* The number of entries, or -1 if it is damaged. Into `segment`, which has the identity of the one
 * that the file should be of. */
static int64_t read_head(Str head, Segment *segment, uint32_t *entries_checksum)
{
    ByteReader reader = byte_reader(head);
    uint32_t magic = byte_reader_u32(&reader);
    bool is_old = segment->allows_old_seals && magic == INDEX_OLD_MAGIC;
    int64_t count = byte_reader_u32(&reader);
    segment->bytes = (int64_t)byte_reader_u64(&reader);
    segment->end_offset = (int64_t)byte_reader_u64(&reader);
    segment->max_timestamp_ms = (int64_t)byte_reader_u64(&reader);
    segment->content_hash = byte_reader_u64(&reader);
    *entries_checksum = byte_reader_u32(&reader);
    uint32_t checksum = byte_reader_u32(&reader);
    bool is_good =
        !reader.is_short && (magic == INDEX_MAGIC || is_old) &&
        segment->end_offset >= segment->base_offset && segment->end_offset <= LOG_OFFSET_MAX &&
        checksum == crc32c(is_old ? 0 : segment->identity, head.data, INDEX_HEAD_BYTES - 4);
    return is_good ? count : -1;
}

/* To be read into. */
static Segment summary_of(const Segment *segment)
{
    return (Segment){.base_offset = segment->base_offset,
                     .identity = segment->identity,
                     .allows_old_seals = segment->allows_old_seals};
}

Summary log_segment_read_summary(Segment *segment, Files *files, int64_t bytes)
{
    char head[INDEX_HEAD_BYTES];
    int64_t got = 0;
    FileSlot slot = {.path = segment->index_path};
    uint32_t ignored;
    Status status = files_read(files, &slot, 0, str_make(head, sizeof head), &got, NULL);
    files_drop(files, &slot);
    Segment summary = summary_of(segment);
    if (status != OK || read_head(str_make(head, got), &summary, &ignored) < 0 ||
        summary.bytes < bytes)
        return SUMMARY_NONE;
    if (summary.bytes > bytes)
        return SUMMARY_IS_MORE;
    segment->bytes = summary.bytes;
    segment->end_offset = summary.end_offset;
    segment->max_timestamp_ms = summary.max_timestamp_ms;
    segment->content_hash = summary.content_hash;
    return SUMMARY_FITS;
}

void log_segment_reset(Segment *segment)
{
    log_segment_seal(segment);
    segment->end_offset = segment->base_offset;
    segment->max_timestamp_ms = segment->first_timestamp_ms = NO_TIMESTAMP;
    segment->bytes = segment->indexed_at = 0;
    segment->content_hash = 0;
    checked_free(&segment->checked);
}

void log_segment_seal(Segment *segment)
{
    memory_free(segment->table.entries);
    segment->table = (IndexTable){0};
}

/* False if the index file is missing or damaged. */
static bool table_read(const Segment *segment, Files *files, IndexTable *out)
{
    Arena *arena = arena_new(0);
    Str content = {0};
    Segment summary = summary_of(segment);
    uint32_t checksum = 0;
    int64_t count = -1;
    if (world_read_file(files_world(files), segment->index_path, INT32_MAX, arena, &content,
                        NULL) == OK)
        count = read_head(content, &summary, &checksum);
    bool is_good =
        count >= 0 && summary.content_hash == segment->content_hash &&
        content.length == INDEX_HEAD_BYTES + count * INDEX_ENTRY_BYTES &&
        checksum == crc32c(0, content.data + INDEX_HEAD_BYTES, content.length - INDEX_HEAD_BYTES);
    ByteReader reader = byte_reader(content);
    byte_reader_take(&reader, INDEX_HEAD_BYTES);
    for (int64_t i = 0; is_good && i < count; i++) {
        IndexEntry entry = {.offset_delta = byte_reader_u32(&reader),
                            .position = byte_reader_u32(&reader)};
        entry.max_timestamp_ms = (int64_t)byte_reader_u64(&reader);
        table_append(out, entry);
    }
    arena_free(arena);
    return is_good;
}

static Status table_rebuild(Segment *segment, Files *files, IndexTable *out, Error *error)
{
    /* Others read the segment meanwhile: what does not change is enough. */
    Segment again = {.base_offset = segment->base_offset,
                     .index_path = segment->index_path,
                     .identity = segment->identity};
    log_segment_reset(&again);
    BatchCursor cursor;
    cursor_open(&cursor, segment, files, 0, segment->bytes);
    cursor.allows_gaps = true;
    Str batch;
    Status status;
    while ((status = cursor_next(&cursor, &batch, error)) == OK)
        log_segment_note(&again, str_make(batch.data, BATCH_HEADER_BYTES), &cursor.header,
                         INDEX_INTERVAL_BYTES);
    if (status == ERR_END)
        status = cursor.fault == NULL
                     ? OK
                     : log_segment_fail_damaged(segment, cursor.position, cursor.expected_offset,
                                                cursor.fault, error);
    cursor_close(&cursor);
    again.end_offset = segment->end_offset;
    if (status == OK && !segment->is_removed)
        status = log_segment_write_index(&again, files, error);
    *out = again.table;
    return status;
}

Status log_segment_load_table(Segment *segment, Files *files, IndexTable *out, Error *error)
{
    *out = (IndexTable){0};
    if (table_read(segment, files, out))
        return OK;
    return table_rebuild(segment, files, out, error);
}

/* Entries before the answer satisfy a condition that those behind it do not: which is the last? */
static int64_t table_position(const IndexTable *table, int32_t count_before)
{
    return count_before == 0 ? 0 : table->entries[count_before - 1].position;
}

int64_t table_find_offset(const IndexTable *table, int64_t offset_delta)
{
    int32_t low = 0, high = table->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (table->entries[middle].offset_delta <= offset_delta)
            low = middle + 1;
        else
            high = middle;
    }
    return table_position(table, low);
}

int64_t table_find_time(const IndexTable *table, int64_t timestamp_ms)
{
    int32_t low = 0, high = table->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (table->entries[middle].max_timestamp_ms < timestamp_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return table_position(table, low);
}

/* ---- Walking --------------------------------------------------------------------------------- */

void cursor_open(BatchCursor *cursor, Segment *segment, Files *files, int64_t position, int64_t end)
{
    *cursor = (BatchCursor){.segment = segment,
                            .files = files,
                            .position = position,
                            .end = end,
                            .expected_offset = segment->base_offset,
                            .allows_gaps = position > 0,
                            .window_at = position};
}

void cursor_close(BatchCursor *cursor)
{
    buffer_free(&cursor->window);
}

/* Hold `bytes` from the position, or what there is of them. */
static Status cursor_hold(BatchCursor *cursor, int64_t bytes, Str *out, Error *error)
{
    int64_t left = cursor->end - cursor->position;
    bytes = bytes < left ? bytes : left;
    int64_t at = cursor->position - cursor->window_at;
    if (at + bytes > cursor->window.length) {
        int64_t wanted = bytes > WINDOW_BYTES ? bytes : WINDOW_BYTES;
        wanted = wanted < left ? wanted : left;
        cursor->window.length = 0;
        cursor->window_at = cursor->position;
        char *into = buffer_reserve(&cursor->window, wanted);
        TRY(files_read(cursor->files, &cursor->segment->reader, cursor->position,
                       str_make(into, wanted), &cursor->window.length, error));
        at = 0;
    }
    int64_t held = cursor->window.length - at;
    *out = str_make(cursor->window.data + at, held < bytes ? held : bytes);
    return OK;
}

static const char *cursor_judge(const BatchCursor *cursor, Str batch)
{
    const BatchHeader *header = &cursor->header;
    if (batch.length < header->bytes)
        return "the file ends within a batch";
    if (!batch_is_intact(batch) && !planted(PLANTED_LOG_CHECKSUM_IGNORED))
        return "the checksum of a batch is wrong";
    if (!log_segment_is_sealed(cursor->segment, cursor->position, batch))
        return "a batch belongs elsewhere, or its offset or length is not as it was written";
    bool is_expected = header->base_offset == cursor->expected_offset ||
                       (cursor->allows_gaps && header->base_offset > cursor->expected_offset);
    return is_expected && batch_end_offset(header) <= LOG_OFFSET_MAX
               ? NULL
               : "a batch does not have the offset that comes next";
}

Status cursor_next(BatchCursor *cursor, Str *batch, Error *error)
{
    if (cursor->position >= cursor->end)
        return ERR_END;
    Str head;
    TRY(cursor_hold(cursor, BATCH_HEADER_BYTES, &head, error));
    if (!batch_read_header(head, &cursor->header)) {
        cursor->fault = head.length < BATCH_HEADER_BYTES ? "the file ends within a batch"
                                                         : "there is no batch where one should be";
        return ERR_END;
    }
    TRY(cursor_hold(cursor, cursor->header.bytes, batch, error));
    cursor->fault = cursor_judge(cursor, *batch);
    if (cursor->fault != NULL)
        return ERR_END;
    cursor->position += cursor->header.bytes;
    cursor->expected_offset = batch_end_offset(&cursor->header);
    return OK;
}

Status log_segment_fail_damaged(const Segment *segment, int64_t position, int64_t offset,
                                const char *fault, Error *error)
{
    Status status =
        fail(error, ERR_CORRUPT, "WR5301", "`%s` is damaged at byte %lld, from offset %lld on: %s",
             segment->log_path, (long long)position, (long long)offset, fault);
    error_hint(error,
               "what was acknowledged there cannot be read: put the file back from a backup, "
               "or move the partition's folder away");
    return status;
}
