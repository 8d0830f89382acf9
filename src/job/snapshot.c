/* Snapshots in memory and on disk. */
#include "job/snapshot.h"

#include <assert.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/planted.h"

enum {
    PATH_MAX_BYTES = 4096,
    MANIFEST_BYTES_MAX = 64 * 1024 * 1024,
    MANIFEST_HEAD_BYTES = 16, /* magic, version, length */
    FLAG_END = 1,
};

static const char manifest_magic[8] = {'W', 'E', 'I', 'R', 'C', 'H', 'K', '1'};

Snapshot *snapshot_new(int64_t id, int32_t shard_count)
{
    assert(id > 0 && shard_count > 0);
    Snapshot *snapshot = memory_allocate_zeroed(sizeof *snapshot);
    snapshot->id = id;
    snapshot->shard_count = shard_count;
    return snapshot;
}

void snapshot_free(Snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    for (int32_t i = 0; i < snapshot->entry_count; i++) {
        memory_free(snapshot->entries[i].uid);
        memory_free(snapshot->entries[i].label);
        buffer_free(&snapshot->entries[i].bytes);
    }
    memory_free(snapshot->entries);
    memory_free(snapshot);
}

static char *snapshot_copy_text(Str text)
{
    char *copy = memory_allocate(text.length + 1);
    if (text.length > 0)
        memcpy(copy, text.data, (size_t)text.length);
    copy[text.length] = '\0';
    return copy;
}

static StateEntry *snapshot_add_str(Snapshot *snapshot, Str uid, Str label, StateRole role,
                                    int32_t shard)
{
    if (snapshot->entry_count == snapshot->entry_capacity) {
        snapshot->entry_capacity =
            snapshot->entry_capacity == 0 ? 16 : snapshot->entry_capacity * 2;
        snapshot->entries = memory_resize(snapshot->entries, (int64_t)sizeof *snapshot->entries *
                                                                 snapshot->entry_capacity);
    }
    StateEntry *entry = &snapshot->entries[snapshot->entry_count++];
    *entry = (StateEntry){.uid = snapshot_copy_text(uid),
                          .label = snapshot_copy_text(label),
                          .role = role,
                          .shard = shard};
    return entry;
}

StateEntry *snapshot_add(Snapshot *snapshot, const char *uid, const char *label, StateRole role,
                         int32_t shard)
{
    return snapshot_add_str(snapshot, str_from(uid), str_from(label), role, shard);
}

Str snapshot_letters(const Snapshot *snapshot)
{
    for (int32_t i = 0; i < snapshot->entry_count; i++)
        if (snapshot->entries[i].role == STATE_LETTERS)
            return buffer_str(&snapshot->entries[i].bytes);
    return (Str){0};
}

int64_t snapshot_bytes(const Snapshot *snapshot)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < snapshot->entry_count; i++)
        bytes += snapshot->entries[i].bytes.length;
    return bytes;
}

/* ---- Writing ----------------------------------------------------------------------------- */

static void manifest_encode(const Snapshot *snapshot, uint32_t state_crc, Buffer *out)
{
    Buffer body = {0};
    buffer_append_u64(&body, (uint64_t)snapshot->id);
    buffer_append_u64(&body, (uint64_t)snapshot->time_us);
    buffer_append_u8(&body, snapshot->is_end ? FLAG_END : 0);
    buffer_append_u32(&body, (uint32_t)snapshot->shard_count);
    buffer_append_u64(&body, (uint64_t)snapshot_bytes(snapshot));
    buffer_append_u32(&body, state_crc);
    buffer_append_u32(&body, (uint32_t)snapshot->entry_count);
    int64_t offset = 0;
    for (int32_t i = 0; i < snapshot->entry_count; i++) {
        const StateEntry *entry = &snapshot->entries[i];
        buffer_append_bytes(&body, str_from(entry->uid));
        buffer_append_bytes(&body, str_from(entry->label));
        buffer_append_u8(&body, (uint8_t)entry->role);
        buffer_append_u32(&body, (uint32_t)entry->shard);
        buffer_append_u64(&body, (uint64_t)offset);
        buffer_append_u64(&body, (uint64_t)entry->bytes.length);
        buffer_append_u32(&body, crc32c(0, entry->bytes.data, entry->bytes.length));
        offset += entry->bytes.length;
    }
    buffer_append(out, manifest_magic, sizeof manifest_magic);
    buffer_append_u32(out, SNAPSHOT_VERSION);
    buffer_append_u32(out, (uint32_t)body.length);
    buffer_append_str(out, buffer_str(&body));
    buffer_append_u32(out, crc32c(0, body.data, body.length));
    buffer_free(&body);
}

/* A full disk that shows only at a sync has perhaps lost pages already: not to be retried. */
static Status sync_result(Status status)
{
    return status == ERR_FULL ? ERR_IO : status;
}

static Status manifest_write(World *world, const char *path, const Snapshot *snapshot,
                             uint32_t state_crc, Error *error)
{
    File *file;
    TRY(world->kind->open(world, path, FILE_CREATE, &file, error));
    Buffer manifest = {0};
    manifest_encode(snapshot, state_crc, &manifest);
    Status status = world->kind->write(file, manifest.data, manifest.length, error);
    if (status == OK)
        status = sync_result(world->kind->sync(file, error));
    buffer_free(&manifest);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

static Status state_write(World *world, const char *path, const Snapshot *snapshot, uint32_t *crc,
                          Error *error)
{
    File *file;
    TRY(world->kind->open(world, path, FILE_CREATE, &file, error));
    Status status = OK;
    *crc = 0;
    for (int32_t i = 0; status == OK && i < snapshot->entry_count; i++) {
        const Buffer *bytes = &snapshot->entries[i].bytes;
        *crc = crc32c(*crc, bytes->data, bytes->length);
        if (bytes->length > 0)
            status = world->kind->write(file, bytes->data, bytes->length, error);
    }
    if (status == OK && !planted(PLANTED_STATE_NOT_SYNCED)) {
        status = world->kind->sync(file, error);
        if (status == ERR_IO && planted(PLANTED_SYNC_RETRIED))
            status = world->kind->sync(file, error);
        status = sync_result(status);
    }
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

Status snapshot_write_at(World *world, const char *final, const Snapshot *snapshot, Error *error)
{
    char aside[PATH_MAX_BYTES], path[PATH_MAX_BYTES];
    if (strlen(final) + 16 > PATH_MAX_BYTES)
        return fail(error, ERR_LIMIT, "WR4401", "the path of the data folder is too long: %s",
                    final);
    snprintf(aside, sizeof aside, "%.4000s.tmp", final);
    TRY(world_remove_tree(world, aside, error));
    Status status = world->kind->make_folder(world, aside, error);
    uint32_t crc = 0;
    if (status == OK) {
        snprintf(path, sizeof path, "%.4000s/STATE", aside);
        status = state_write(world, path, snapshot, &crc, error);
    }
    if (status == OK) {
        snprintf(path, sizeof path, "%.4000s/MANIFEST", aside);
        status = manifest_write(world, path, snapshot, crc, error);
    }
    if (status == ERR_FULL) {
        Status removed = world_remove_tree(world, aside, NULL);
        (void)removed; /* the next try removes it first */
        return status;
    }
    TRY(status);
    TRY(sync_result(world->kind->sync_folder(world, aside, error)));
    TRY(world->kind->rename(world, aside, final, error));
    if (planted(PLANTED_RENAME_NOT_SYNCED))
        return OK;
    const char *slash = strrchr(final, '/');
    snprintf(path, sizeof path, "%.*s", slash == NULL ? 1 : (int)(slash - final),
             slash == NULL ? "." : final);
    return sync_result(world->kind->sync_folder(world, path[0] == '\0' ? "/" : path, error));
}

Status snapshot_write(World *world, const char *folder, const Snapshot *snapshot, Error *error)
{
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%.4060s/chk-%lld", folder, (long long)snapshot->id);
    return snapshot_write_at(world, path, snapshot, error);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static Status snapshot_damaged(Error *error, const char *path, const char *what)
{
    Status status = fail(error, ERR_CORRUPT, "WR4402", "`%s` is damaged: %s", path, what);
    error_hint(error, "restore the file from a copy, start over with --fresh, or go back to a "
                      "checkpoint that is whole: --fresh -D execution.state-recovery.path=PATH; "
                      "what was written since then is written again");
    return status;
}

static bool manifest_decode_entry(ByteReader *reader, Str state, Snapshot *into)
{
    Str uid = byte_reader_bytes(reader);
    Str label = byte_reader_bytes(reader);
    uint8_t role = byte_reader_u8(reader);
    int32_t shard = (int32_t)byte_reader_u32(reader);
    int64_t offset = (int64_t)byte_reader_u64(reader);
    int64_t length = (int64_t)byte_reader_u64(reader);
    uint32_t crc = byte_reader_u32(reader);
    if (reader->is_short || role > STATE_LETTERS || shard < 0 || shard >= into->shard_count)
        return false;
    if (offset < 0 || length < 0 || offset > state.length || length > state.length - offset)
        return false;
    if (crc32c(0, state.data + offset, length) != crc && !planted(PLANTED_CHECKSUM_IGNORED))
        return false;
    StateEntry *entry = snapshot_add_str(into, uid, label, (StateRole)role, shard);
    buffer_append(&entry->bytes, state.data + offset, length);
    return true;
}

/* What is wrong with the manifest or the state, or NULL. */
static const char *manifest_decode(Str manifest, Str state, Snapshot **out)
{
    ByteReader reader = byte_reader(manifest);
    Str magic = byte_reader_take(&reader, sizeof manifest_magic);
    uint32_t version = byte_reader_u32(&reader);
    int64_t length = byte_reader_u32(&reader);
    if (reader.is_short || memcmp(magic.data, manifest_magic, sizeof manifest_magic) != 0)
        return "it does not start as a manifest does";
    if (version != SNAPSHOT_VERSION)
        return "it was written by another version of weir";
    Str body = byte_reader_take(&reader, length);
    uint32_t crc = byte_reader_u32(&reader);
    if (reader.is_short || byte_reader_left(&reader) != 0)
        return "its length is not what it says";
    if (crc32c(0, body.data, body.length) != crc)
        return "its checksum does not hold";
    ByteReader fields = byte_reader(body);
    int64_t id = (int64_t)byte_reader_u64(&fields);
    int64_t time_us = (int64_t)byte_reader_u64(&fields);
    uint8_t flags = byte_reader_u8(&fields);
    int32_t shard_count = (int32_t)byte_reader_u32(&fields);
    int64_t state_length = (int64_t)byte_reader_u64(&fields);
    uint32_t state_crc = byte_reader_u32(&fields);
    int32_t entry_count = (int32_t)byte_reader_u32(&fields);
    if (fields.is_short || id <= 0 || shard_count <= 0)
        return "its fields make no sense";
    bool is_damaged =
        state_length != state.length || crc32c(0, state.data, state.length) != state_crc;
    if (is_damaged && !planted(PLANTED_CHECKSUM_IGNORED))
        return "the checksum of STATE beside it does not hold";
    *out = snapshot_new(id, shard_count);
    (*out)->time_us = time_us;
    (*out)->is_end = (flags & FLAG_END) != 0;
    for (int32_t i = 0; i < entry_count; i++)
        if (!manifest_decode_entry(&fields, state, *out))
            return "an entry makes no sense";
    return NULL;
}

Status snapshot_read_at(World *world, const char *folder, Snapshot **out, Error *error)
{
    char path[PATH_MAX_BYTES];
    *out = NULL;
    Arena *arena = arena_new(0);
    Str state = {0}, manifest = {0};
    snprintf(path, sizeof path, "%s/STATE", folder);
    Status status = world_read_file(world, path, INT64_MAX, arena, &state, error);
    if (status == ERR_NOT_FOUND)
        status = snapshot_damaged(error, path, "it is missing");
    if (status == OK) {
        snprintf(path, sizeof path, "%s/MANIFEST", folder);
        status = world_read_file(world, path, MANIFEST_BYTES_MAX, arena, &manifest, error);
        if (status == ERR_NOT_FOUND)
            status = snapshot_damaged(error, path, "it is missing");
    }
    if (status == OK) {
        const char *what = manifest_decode(manifest, state, out);
        if (what != NULL)
            status = snapshot_damaged(error, path, what);
    }
    if (status != OK) {
        snapshot_free(*out);
        *out = NULL;
    }
    arena_free(arena);
    return status;
}

Status snapshot_read(World *world, const char *folder, int64_t id, Snapshot **out, Error *error)
{
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/chk-%lld", folder, (long long)id);
    TRY(snapshot_read_at(world, path, out, error));
    if ((*out)->id == id)
        return OK;
    snapshot_free(*out);
    *out = NULL;
    return snapshot_damaged(error, path, "it belongs to another checkpoint");
}

/* ---- The folder -------------------------------------------------------------------------- */

/* The entries that are checkpoints, or what is left of one. */
static Status snapshot_names(World *world, const char *folder, Arena *arena, List *names,
                             Error *error)
{
    List all = {0};
    Error ignored;
    Status status = world->kind->list(world, folder, arena, &all, &ignored);
    if (status == ERR_NOT_FOUND)
        return OK;
    if (status != OK) {
        *error = ignored;
        return status;
    }
    for (int32_t i = 0; i < all.count; i++)
        if (str_has_prefix(str_from(LIST_AT(all, i, const char)), STR("chk-")))
            list_append(names, arena, all.items[i]);
    return OK;
}

Status snapshot_find(World *world, const char *folder, Arena *arena, int64_t **ids, int32_t *count,
                     Error *error)
{
    List names = {0};
    *ids = NULL;
    *count = 0;
    TRY(snapshot_names(world, folder, arena, &names, error));
    int64_t *found = ARENA_ARRAY(arena, int64_t, names.count);
    for (int32_t i = 0; i < names.count; i++) {
        Str number = str_from(LIST_AT(names, i, const char) + strlen("chk-"));
        int64_t id;
        if (!str_parse_int64(number, &id) || id <= 0)
            continue;
        int32_t at = (*count)++;
        for (; at > 0 && found[at - 1] < id; at--)
            found[at] = found[at - 1];
        found[at] = id;
    }
    *ids = found;
    return OK;
}

Status snapshot_list(World *world, const char *folder, Arena *arena, int64_t **ids, int32_t *count,
                     Error *error)
{
    List names = {0};
    TRY(snapshot_names(world, folder, arena, &names, error));
    for (int32_t i = 0; i < names.count; i++) {
        const char *name = LIST_AT(names, i, const char);
        if (str_has_suffix(str_from(name), STR(".tmp")))
            TRY(world_remove_tree(world, arena_printf(arena, "%s/%s", folder, name), error));
    }
    return snapshot_find(world, folder, arena, ids, count, error);
}

/* Renamed first, and durably so: a removal that is cut short must not look like a damaged
 * checkpoint. */
Status snapshot_remove(World *world, const char *folder, int64_t id, Error *error)
{
    char path[PATH_MAX_BYTES], aside[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/chk-%lld", folder, (long long)id);
    snprintf(aside, sizeof aside, "%s/chk-%lld.tmp", folder, (long long)id);
    TRY(world_remove_tree(world, aside, error));
    TRY(world->kind->rename(world, path, aside, error));
    TRY(world->kind->sync_folder(world, folder, error));
    return world_remove_tree(world, aside, error);
}
