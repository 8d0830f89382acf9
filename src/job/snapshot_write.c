/* Writing a checkpoint: pieces as they come, then the table of them, then the manifest. */
#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/sparse.h"
#include "job/snapshot.h"
#include "job/snapshot_format.h"

/* Larger pieces are what an operator has beside its tables, and would be copied whole. */
enum { SPARSE_BYTES_MAX = 1 << 20 };

typedef struct WrittenEntry {
    const char *uid, *label;
    StateRole role;
    int32_t shard;
} WrittenEntry;

typedef enum WriterStage {
    WRITER_PIECES,
    WRITER_TABLE,    /* all pieces are in the file, the table is not */
    WRITER_DATA_END, /* the table is, too */
    WRITER_MANIFEST, /* the data file is durable */
    WRITER_DONE,
} WriterStage;

struct SnapshotWriter {
    Arena *arena;
    Store *store;
    const char *place, *name; /* of the manifest's folder, of the data file */
    bool is_alone;
    SnapshotHead head;
    WriterStage stage;
    StoreWrite *data; /* NULL before the first piece, and after the end */
    WrittenEntry *entries;
    int32_t entry_count, entry_capacity;
    Buffer pieces; /* as they stand in the table */
    Buffer sparse; /* the last piece without its zeros */
    char *block;   /* aligned, see FILE_APPEND_UNREAD; what has been added and not been written yet;
                      NULL at first */
    int64_t block_length, block_bytes;
    int64_t taken; /* of the piece that is being added */
    uint32_t piece_count;
    SnapshotFile file;
};

void snapshot_files_append(SnapshotFiles *files, const SnapshotFile *file)
{
    if (files->count == files->capacity) {
        files->capacity = files->capacity == 0 ? 8 : files->capacity * 2;
        files->items = memory_resize(files->items, (int64_t)sizeof(SnapshotFile) * files->capacity);
    }
    files->items[files->count++] = *file;
}

void snapshot_files_free(SnapshotFiles *files)
{
    memory_free(files->items);
    *files = (SnapshotFiles){0};
}

SnapshotWriter *snapshot_writer_new(Store *store, const char *place, const SnapshotHead *head)
{
    assert(head->id > 0 && head->shard_count > 0);
    Arena *arena = arena_new(0);
    SnapshotWriter *writer = ARENA_NEW(arena, SnapshotWriter);
    *writer = (SnapshotWriter){
        .arena = arena, .store = store, .head = *head, .block_bytes = SNAPSHOT_BLOCK_BYTES};
    writer->place = arena_printf(arena, "%s", place);
    writer->is_alone = place[0] == '\0';
    writer->name =
        snapshot_data_name(arena, snapshot_data_prefix(arena, place, writer->is_alone), head->id);
    writer->file.id = head->id;
    return writer;
}

void snapshot_writer_set_block(SnapshotWriter *writer, int64_t bytes)
{
    assert(bytes > 0 && bytes <= SNAPSHOT_BLOCK_BYTES && writer->block_length == 0);
    writer->block_bytes = bytes;
}

void snapshot_writer_free(SnapshotWriter *writer)
{
    if (writer == NULL)
        return;
    store_write_abandon(writer->data);
    memory_free(writer->entries);
    buffer_free(&writer->pieces);
    buffer_free(&writer->sparse);
    if (writer->block != NULL)
        memory_unmap(writer->block, SNAPSHOT_BLOCK_BYTES);
    arena_free(writer->arena);
}

int32_t snapshot_writer_entry(SnapshotWriter *writer, const char *uid, const char *label,
                              StateRole role, int32_t shard)
{
    for (int32_t i = 0; i < writer->entry_count; i++) {
        const WrittenEntry *entry = &writer->entries[i];
        if (entry->role == role && entry->shard == shard && strcmp(entry->uid, uid) == 0)
            return i;
    }
    if (writer->entry_count == writer->entry_capacity) {
        writer->entry_capacity = writer->entry_capacity == 0 ? 16 : writer->entry_capacity * 2;
        writer->entries =
            memory_resize(writer->entries, (int64_t)sizeof(WrittenEntry) * writer->entry_capacity);
    }
    writer->entries[writer->entry_count] =
        (WrittenEntry){.uid = arena_printf(writer->arena, "%s", uid),
                       .label = arena_printf(writer->arena, "%s", label),
                       .role = role,
                       .shard = shard};
    return writer->entry_count++;
}

static Status writer_begin(SnapshotWriter *writer, Error *error)
{
    if (writer->data != NULL)
        return OK;
    return store_write_begin(writer->store, writer->name, &writer->data, error);
}

static Status writer_flush(SnapshotWriter *writer, Error *error)
{
    if (writer->block_length == 0)
        return OK;
    TRY(store_write_add(writer->data, str_make(writer->block, writer->block_length), error));
    writer->block_length = 0;
    return OK;
}

/* In blocks. After ERR_FULL or ERR_UNAVAILABLE the same bytes come again: what was taken of them
 * stays. */
static Status writer_put(SnapshotWriter *writer, Str bytes, Error *error)
{
    TRY(writer_begin(writer, error));
    if (writer->block == NULL)
        writer->block = memory_map(SNAPSHOT_BLOCK_BYTES);
    while (writer->taken < bytes.length) {
        if (writer->block_length == writer->block_bytes)
            TRY(writer_flush(writer, error));
        int64_t room = writer->block_bytes - writer->block_length;
        int64_t left = bytes.length - writer->taken, count = left < room ? left : room;
        memcpy(writer->block + writer->block_length, bytes.data + writer->taken, (size_t)count);
        writer->block_length += count;
        writer->taken += count;
    }
    writer->taken = 0;
    return OK;
}

Status snapshot_writer_add(SnapshotWriter *writer, int32_t entry, PieceKind kind, Str bytes,
                           Error *error)
{
    assert(writer->stage == WRITER_PIECES && entry >= 0 && entry < writer->entry_count);
    assert(bytes.length <= INT32_MAX);
    writer->sparse.length = 0;
    if (bytes.length <= SPARSE_BYTES_MAX && sparse_is_worth(bytes))
        sparse_pack(bytes, &writer->sparse);
    bool is_sparse = writer->sparse.length > 0 && writer->sparse.length < bytes.length;
    if (is_sparse)
        bytes = buffer_str(&writer->sparse);
    TRY(writer_put(writer, bytes, error));
    buffer_append_u32(&writer->pieces, (uint32_t)entry);
    buffer_append_u8(&writer->pieces, (uint8_t)((uint32_t)kind | (is_sparse ? PIECE_SPARSE : 0)));
    buffer_append_u64(&writer->pieces, (uint64_t)writer->file.bytes);
    buffer_append_u32(&writer->pieces, (uint32_t)bytes.length);
    buffer_append_u32(&writer->pieces, crc32c(0, bytes.data, bytes.length));
    writer->piece_count++;
    writer->file.bytes += bytes.length;
    return OK;
}

static Status writer_add_table(SnapshotWriter *writer, Error *error)
{
    Buffer table = {0};
    buffer_append_u32(&table, (uint32_t)writer->entry_count);
    for (int32_t i = 0; i < writer->entry_count; i++) {
        const WrittenEntry *entry = &writer->entries[i];
        buffer_append_bytes(&table, str_from(entry->uid));
        buffer_append_bytes(&table, str_from(entry->label));
        buffer_append_u8(&table, (uint8_t)entry->role);
        buffer_append_u32(&table, (uint32_t)entry->shard);
    }
    buffer_append_u32(&table, writer->piece_count);
    buffer_append_str(&table, buffer_str(&writer->pieces));
    Status status = writer_put(writer, buffer_str(&table), error);
    if (status == OK) {
        writer->file.table_at = writer->file.bytes;
        writer->file.table_crc = crc32c(0, table.data, table.length);
        writer->file.bytes += table.length;
    }
    buffer_free(&table);
    return status;
}

static void manifest_append_file(Buffer *body, const SnapshotFile *file)
{
    buffer_append_u64(body, (uint64_t)file->id);
    buffer_append_u64(body, (uint64_t)file->bytes);
    buffer_append_u64(body, (uint64_t)file->table_at);
    buffer_append_u32(body, file->table_crc);
}

static void manifest_encode(const SnapshotWriter *writer, const SnapshotFiles *earlier, Buffer *out)
{
    Buffer body = {0};
    int32_t earlier_count = earlier == NULL ? 0 : earlier->count;
    buffer_append_u64(&body, (uint64_t)writer->head.id);
    buffer_append_u64(&body, (uint64_t)writer->head.time_us);
    buffer_append_u8(&body, (uint8_t)((writer->head.is_end ? SNAPSHOT_FLAG_END : 0) |
                                      (writer->head.is_over ? SNAPSHOT_FLAG_OVER : 0) |
                                      (writer->is_alone ? SNAPSHOT_FLAG_ALONE : 0)));
    buffer_append_u32(&body, (uint32_t)writer->head.shard_count);
    buffer_append_u32(&body, (uint32_t)earlier_count + 1);
    for (int32_t i = 0; i < earlier_count; i++)
        manifest_append_file(&body, &earlier->items[i]);
    manifest_append_file(&body, &writer->file);
    buffer_append_text(out, SNAPSHOT_MAGIC);
    buffer_append_char(out, (char)('0' + SNAPSHOT_VERSION));
    buffer_append_u32(out, SNAPSHOT_VERSION);
    buffer_append_u32(out, (uint32_t)body.length);
    buffer_append_str(out, buffer_str(&body));
    buffer_append_u32(out, crc32c(0, body.data, body.length));
    buffer_free(&body);
}

static Status writer_put_manifest(SnapshotWriter *writer, const SnapshotFiles *earlier,
                                  Error *error)
{
    Buffer manifest = {0};
    manifest_encode(writer, earlier, &manifest);
    Status status = store_put(writer->store, snapshot_manifest_name(writer->arena, writer->place),
                              buffer_str(&manifest), error);
    buffer_free(&manifest);
    return status;
}

Status snapshot_writer_end(SnapshotWriter *writer, const SnapshotFiles *earlier, Error *error)
{
    if (writer->stage == WRITER_PIECES)
        writer->stage = WRITER_TABLE;
    if (writer->stage == WRITER_TABLE) {
        TRY(writer_add_table(writer, error));
        writer->stage = WRITER_DATA_END;
    }
    if (writer->stage == WRITER_DATA_END) {
        TRY(writer_flush(writer, error));
        Status status = store_write_end(writer->data, error);
        if (status != ERR_UNAVAILABLE)
            writer->data = NULL;
        if (status != OK)
            return status == ERR_FULL ? ERR_IO : status;
        writer->stage = WRITER_MANIFEST;
    }
    assert(writer->stage == WRITER_MANIFEST);
    TRY(writer_put_manifest(writer, earlier, error));
    writer->stage = WRITER_DONE;
    return OK;
}

Status snapshot_write_over(Store *store, int64_t id, Error *error)
{
    Arena *arena = arena_new(0);
    SnapshotHead head = {.id = id, .is_end = true, .is_over = true, .shard_count = 1};
    SnapshotWriter *writer = snapshot_writer_new(store, snapshot_place(arena, id), &head);
    Status status = snapshot_writer_end(writer, NULL, error);
    snapshot_writer_free(writer);
    arena_free(arena);
    return status;
}

const SnapshotFile *snapshot_writer_file(const SnapshotWriter *writer)
{
    return &writer->file;
}
