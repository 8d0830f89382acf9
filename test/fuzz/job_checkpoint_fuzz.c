/* Checkpoints as a disk may give them back: a manifest and the data files that it names.
 *
 *     flags manifest  @S!  the data file of the first state that it names  @S!  …
 *
 * With the flag IS_MENDED all checksums and lengths are made right first, so that what is behind
 * them is reached. The answer is a checkpoint, each piece of which can be read or is damaged, or an
 * error with a code; and a copy of what could be read says the same. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "job/snapshot.h"
#include "sim/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MARK "@S!"

enum {
    IS_MENDED = 1,
    HEAD_BYTES = 16, /* of a manifest: name, version, length */
    FILES_AT = HEAD_BYTES + 25,
    FILE_BYTES = 28,
    PIECE_BYTES = 21,
    FILES_MAX = 16,
};

static void store_le(char *at, uint64_t value, int32_t bytes)
{
    for (int32_t i = 0; i < bytes; i++)
        at[i] = (char)(value >> (8 * i));
}

static uint64_t load_le(const char *at, int32_t bytes)
{
    uint64_t value = 0;
    for (int32_t i = 0; i < bytes; i++)
        value |= (uint64_t)(uint8_t)at[i] << (8 * i);
    return value;
}

/* Only damage that is named, or another version. */
static bool is_good(Status status, const Error *error)
{
    bool is_named = status == OK || ((status == ERR_CORRUPT || status == ERR_INVALID) &&
                                     error->code[0] == 'W' && error->text[0] != '\0');
    if (!is_named)
        fprintf(stderr, "%s %s %s\n", status_name(status), error->code, error->text);
    assert(is_named);
    return status == OK;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* The checksums of the pieces that the table names. */
static void mend_pieces(Buffer *data, int64_t table_at)
{
    Str table = str_make(data->data + table_at, data->length - table_at);
    ByteReader in = byte_reader(table);
    for (uint32_t left = byte_reader_u32(&in); left > 0 && !in.is_short; left--) {
        byte_reader_bytes(&in);
        byte_reader_bytes(&in);
        byte_reader_take(&in, 5);
    }
    for (uint32_t left = byte_reader_u32(&in); left > 0; left--) {
        Str piece = byte_reader_take(&in, PIECE_BYTES);
        if (in.is_short)
            return;
        uint64_t offset = load_le(piece.data + 5, 8), length = load_le(piece.data + 13, 4);
        if (offset <= (uint64_t)table_at && length <= (uint64_t)table_at - offset)
            store_le((char *)piece.data + 17, crc32c(0, data->data + offset, (int64_t)length), 4);
    }
}

static void mend_file(char *file, Buffer *data)
{
    int64_t table_at = (int64_t)load_le(file + 16, 8);
    store_le(file + 8, (uint64_t)data->length, 8);
    if (table_at < 0 || table_at >= data->length)
        return;
    mend_pieces(data, table_at);
    store_le(file + 24, crc32c(0, data->data + table_at, data->length - table_at), 4);
}

static void mend_manifest(Buffer *manifest)
{
    store_le(manifest->data + 12, (uint64_t)(manifest->length - HEAD_BYTES), 4);
    buffer_append_u32(manifest,
                      crc32c(0, manifest->data + HEAD_BYTES, manifest->length - HEAD_BYTES));
}

static Str next_part(Str *rest)
{
    const char *found = memmem(rest->data, (size_t)rest->length, FILE_MARK, strlen(FILE_MARK));
    Str part = *rest;
    if (found == NULL) {
        *rest = str_make(rest->data + rest->length, 0);
        return part;
    }
    part.length = found - rest->data;
    const char *behind = found + strlen(FILE_MARK);
    *rest = str_make(behind, rest->data + rest->length - behind);
    return part;
}

/* The id of the checkpoint, as the manifest says it. */
static int64_t put_files(SimWorld *world, Str input, bool is_mended)
{
    Buffer manifest = {0}, data = {0};
    char path[64];
    buffer_append_str(&manifest, next_part(&input));
    int64_t id = manifest.length >= FILES_AT ? (int64_t)load_le(manifest.data + HEAD_BYTES, 8) : 1;
    for (int32_t i = 0; i < FILES_MAX && input.length > 0; i++) {
        data.length = 0;
        buffer_append_str(&data, next_part(&input));
        int64_t at = FILES_AT + (int64_t)i * FILE_BYTES;
        if (at + FILE_BYTES > manifest.length)
            break;
        if (is_mended)
            mend_file(manifest.data + at, &data);
        snprintf(path, sizeof path, "chk/shared/state-%lld",
                 (long long)load_le(manifest.data + at, 8));
        sim_world_put(world, path, buffer_str(&data));
    }
    if (is_mended && manifest.length >= HEAD_BYTES)
        mend_manifest(&manifest);
    snprintf(path, sizeof path, "chk/chk-%lld/MANIFEST", (long long)id);
    sim_world_put(world, path, buffer_str(&manifest));
    buffer_free(&manifest);
    buffer_free(&data);
    return id;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Each piece; false if one is damaged. */
static bool read_pieces(const Snapshot *snapshot, Buffer *out)
{
    Error error = {0};
    bool is_whole = true;
    for (int32_t i = 0; i < snapshot->entry_count; i++) {
        const StateEntry *entry = &snapshot->entries[i];
        buffer_printf(out, "%s %s %d %d:", entry->uid, entry->label, (int)entry->role,
                      (int)entry->shard);
        for (int32_t r = 0; r < entry->record_count; r++)
            is_whole &= is_good(snapshot_read(snapshot, &entry->records[r], out, &error), &error);
        if (entry->rest.length > 0)
            is_whole &= is_good(snapshot_read(snapshot, &entry->rest, out, &error), &error);
    }
    return is_whole;
}

static void copy(const Snapshot *snapshot, World *world, const Buffer *before)
{
    Error error = {0};
    Store *store;
    Snapshot *again;
    Buffer after = {0};
    assert(store_open(world, "copy", NULL, &store, &error) == OK);
    Status status = snapshot_copy(snapshot, store, "", 1, &error);
    assert(is_good(status, &error));
    assert(is_good(snapshot_open(store, "", &again, &error), &error));
    /* Entries that say the same of themselves become one. */
    if (again->entry_count == snapshot->entry_count)
        assert(read_pieces(again, &after) && str_equal(buffer_str(before), buffer_str(&after)));
    snapshot_close(again);
    store_close(store);
    buffer_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    log_configure(LOG_OFF, LOG_TEXT, false);
    SimWorld *world = sim_world_new(1);
    Str input = str_make((const char *)data + 1, (int64_t)size - 1);
    int64_t id = put_files(world, input, (data[0] & IS_MENDED) != 0);
    Error error = {0};
    Store *store;
    Snapshot *snapshot;
    assert(store_open(&world->base, "chk", NULL, &store, &error) == OK);
    if (is_good(snapshot_open_id(store, id, &snapshot, &error), &error)) {
        Buffer pieces = {0};
        if (read_pieces(snapshot, &pieces) && !snapshot->head.is_over)
            copy(snapshot, &world->base, &pieces);
        snapshot_close(snapshot);
        buffer_free(&pieces);
    }
    store_close(store);
    sim_world_free(world);
    return 0;
}
