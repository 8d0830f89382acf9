/* Reading checkpoints, and which of them there are. */
#include "job/snapshot.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/planted.h"
#include "base/sparse.h"
#include "job/snapshot_format.h"

enum {
    MANIFEST_BYTES_MAX = 64 * 1024 * 1024,
    MANIFEST_FILE_BYTES = 28,
    TABLE_BYTES_MAX = 1024 * 1024 * 1024,
};

/* ---- What is read ------------------------------------------------------------------------ */

static Status snapshot_damaged(const Store *store, const char *name, const char *what, Error *error)
{
    Arena *arena = arena_new(0);
    Status status = fail(error, ERR_CORRUPT, "WR4402", "`%s` is damaged: %s",
                         store_path(store, name, arena), what);
    arena_free(arena);
    error_hint(error, "restore the file from a copy, start over with --fresh, or go back to a "
                      "checkpoint that is whole: --fresh -D execution.state-recovery.path=PATH; "
                      "what was written since then is written again");
    return status;
}

static void decode_file(ByteReader *body, SnapshotFile *file)
{
    file->id = (int64_t)byte_reader_u64(body);
    file->bytes = (int64_t)byte_reader_u64(body);
    file->table_at = (int64_t)byte_reader_u64(body);
    file->table_crc = byte_reader_u32(body);
}

static bool file_is_sound(const SnapshotFile *file, int64_t previous, int64_t id)
{
    return file->id > previous && file->id <= id && file->table_at >= 0 &&
           file->table_at < file->bytes && file->bytes - file->table_at <= TABLE_BYTES_MAX;
}

static bool decode_body(Str text, Snapshot *snapshot)
{
    ByteReader body = byte_reader(text);
    SnapshotHead *head = &snapshot->head;
    head->id = (int64_t)byte_reader_u64(&body);
    head->time_us = (int64_t)byte_reader_u64(&body);
    uint8_t flags = byte_reader_u8(&body);
    head->is_end = (flags & SNAPSHOT_FLAG_END) != 0;
    head->is_over = (flags & SNAPSHOT_FLAG_OVER) != 0;
    snapshot->data =
        snapshot_data_prefix(snapshot->arena, snapshot->place, (flags & SNAPSHOT_FLAG_ALONE) != 0);
    head->shard_count = (int32_t)byte_reader_u32(&body);
    int64_t count = byte_reader_u32(&body);
    if (body.is_short || head->id <= 0 || head->shard_count <= 0 || count == 0 ||
        byte_reader_left(&body) != count * MANIFEST_FILE_BYTES)
        return false;
    int64_t previous = 0;
    for (int64_t i = 0; i < count; i++) {
        SnapshotFile file;
        decode_file(&body, &file);
        if (!file_is_sound(&file, previous, head->id))
            return false;
        previous = file.id;
        snapshot_files_append(&snapshot->files, &file);
    }
    return previous == head->id;
}

static Status snapshot_is_foreign(const Store *store, const char *name, Error *error)
{
    Arena *arena = arena_new(0);
    Status status =
        fail(error, ERR_INVALID, "WR4401", "`%s` was written by another version of weir",
             store_path(store, name, arena));
    arena_free(arena);
    error_hint(error, "go on with that version, or start over with --fresh");
    return status;
}

static bool version_is_known(uint32_t version)
{
    return version >= SNAPSHOT_VERSION_LEAST && version <= SNAPSHOT_VERSION;
}

/* The version that the name and the number of a manifest say; false: it does not start as one. */
static bool manifest_versions(ByteReader *in, uint32_t *named, uint32_t *numbered)
{
    Str magic = byte_reader_take(in, (int64_t)strlen(SNAPSHOT_MAGIC));
    *named = (uint32_t)byte_reader_u8(in) - '0';
    *numbered = byte_reader_u32(in);
    return !in->is_short && str_equal(magic, STR(SNAPSHOT_MAGIC));
}

/* A manifest, but not of a version known here: both its name and its number say so, which one
 * flipped bit cannot bring about. */
static bool manifest_is_foreign(Str manifest)
{
    ByteReader in = byte_reader(manifest);
    uint32_t named, numbered;
    return manifest_versions(&in, &named, &numbered) && !version_is_known(named) &&
           !version_is_known(numbered);
}

/* What is wrong, or NULL. */
static const char *decode_manifest(Str manifest, Snapshot *snapshot)
{
    ByteReader in = byte_reader(manifest);
    uint32_t named, numbered;
    if (!manifest_versions(&in, &named, &numbered) || named != numbered || !version_is_known(named))
        return "it does not start as a manifest does";
    int64_t length = byte_reader_u32(&in);
    Str body = byte_reader_take(&in, length);
    uint32_t crc = byte_reader_u32(&in);
    if (in.is_short || byte_reader_left(&in) != 0)
        return "its length is not what it says";
    if (crc32c(0, body.data, body.length) != crc)
        return "its checksum does not hold";
    return decode_body(body, snapshot) ? NULL : "its fields make no sense";
}

static Status snapshot_read_manifest(Snapshot *snapshot, Error *error)
{
    const char *name = snapshot_manifest_name(snapshot->arena, snapshot->place);
    Buffer manifest = {0};
    Status status = store_read_whole(snapshot->store, name, MANIFEST_BYTES_MAX, &manifest, error);
    if (status == OK && manifest_is_foreign(buffer_str(&manifest))) {
        status = snapshot_is_foreign(snapshot->store, name, error);
    } else if (status == OK) {
        const char *what = decode_manifest(buffer_str(&manifest), snapshot);
        if (what != NULL)
            status = snapshot_damaged(snapshot->store, name, what, error);
    }
    buffer_free(&manifest);
    return status;
}

/* ---- Tables ------------------------------------------------------------------------------ */

static bool decode_entry(ByteReader *in, Snapshot *snapshot, StateEntry *entry)
{
    *entry = (StateEntry){0};
    entry->uid = str_terminated(snapshot->arena, byte_reader_bytes(in));
    entry->label = str_terminated(snapshot->arena, byte_reader_bytes(in));
    uint8_t role = byte_reader_u8(in);
    entry->role = (StateRole)role;
    entry->shard = (int32_t)byte_reader_u32(in);
    return !in->is_short && role <= STATE_LETTERS && entry->shard >= 0 &&
           entry->shard < snapshot->head.shard_count;
}

static StateEntry *snapshot_same_entry(Snapshot *snapshot, const StateEntry *wanted)
{
    for (int32_t i = 0; i < snapshot->entry_count; i++) {
        StateEntry *entry = &snapshot->entries[i];
        if (entry->role == wanted->role && entry->shard == wanted->shard &&
            strcmp(entry->uid, wanted->uid) == 0)
            return entry;
    }
    return NULL;
}

static void entry_add_records(Snapshot *snapshot, StateEntry *entry, const StatePiece *piece)
{
    if (entry->record_count == entry->record_capacity) {
        entry->record_capacity = entry->record_capacity == 0 ? 4 : entry->record_capacity * 2;
        StatePiece *records = ARENA_ARRAY(snapshot->arena, StatePiece, entry->record_capacity);
        for (int32_t i = 0; i < entry->record_count; i++)
            records[i] = entry->records[i];
        entry->records = records;
    }
    entry->records[entry->record_count++] = *piece;
}

/* `here[i]` is the entry that number i of this table means; NULL for one that the newest file does
 * not have. */
static bool decode_pieces(ByteReader *in, Snapshot *snapshot, int32_t file, StateEntry *const *here,
                          int64_t entry_count)
{
    int64_t count = byte_reader_u32(in);
    bool is_newest = file == snapshot->files.count - 1;
    for (int64_t i = 0; i < count && !in->is_short; i++) {
        int64_t number = byte_reader_u32(in);
        uint8_t kind = byte_reader_u8(in);
        StatePiece piece = {.file = file, .is_sparse = (kind & PIECE_SPARSE) != 0};
        kind &= (uint8_t)~PIECE_SPARSE;
        piece.offset = (int64_t)byte_reader_u64(in);
        piece.length = byte_reader_u32(in);
        piece.crc = byte_reader_u32(in);
        int64_t end = snapshot->files.items[file].table_at;
        if (in->is_short || number >= entry_count || kind > PIECE_RECORDS || piece.offset < 0 ||
            piece.offset > end || piece.length > end - piece.offset)
            return false;
        if (here[number] == NULL)
            continue;
        if (kind == PIECE_RECORDS)
            entry_add_records(snapshot, here[number], &piece);
        else if (is_newest)
            here[number]->rest = piece;
    }
    return !in->is_short && byte_reader_left(in) == 0;
}

/* The newest file comes first, and says which entries there are. */
static bool decode_table(Str table, Snapshot *snapshot, int32_t file, bool is_names)
{
    ByteReader in = byte_reader(table);
    int64_t count = byte_reader_u32(&in);
    if (in.is_short || count > table.length)
        return false;
    StateEntry **here = ARENA_ARRAY(snapshot->arena, StateEntry *, count + 1);
    if (is_names)
        snapshot->entries = ARENA_ARRAY(snapshot->arena, StateEntry, count + 1);
    for (int64_t i = 0; i < count; i++) {
        StateEntry entry;
        if (!decode_entry(&in, snapshot, &entry))
            return false;
        if (is_names)
            snapshot->entries[snapshot->entry_count++] = entry;
        here[i] = snapshot_same_entry(snapshot, &entry);
    }
    return is_names || decode_pieces(&in, snapshot, file, here, count);
}

static Status snapshot_read_table(Snapshot *snapshot, int32_t at, bool is_names, Error *error)
{
    const SnapshotFile *file = &snapshot->files.items[at];
    const char *name = snapshot_data_name(snapshot->arena, snapshot->data, file->id);
    Buffer table = {0};
    int64_t bytes = 0;
    Status status = store_size(snapshot->store, name, &bytes, error);
    if (status == ERR_NOT_FOUND)
        return snapshot_damaged(snapshot->store, name, "it is missing", error);
    TRY(status);
    if (bytes != file->bytes)
        return snapshot_damaged(snapshot->store, name, "its length is not what it was", error);
    status = store_read_at(snapshot->store, name, file->table_at, file->bytes - file->table_at,
                           &table, error);
    bool is_sound =
        crc32c(0, table.data, table.length) == file->table_crc || planted(PLANTED_CHECKSUM_IGNORED);
    if (status == OK && !(is_sound && decode_table(buffer_str(&table), snapshot, at, is_names)))
        status = snapshot_damaged(snapshot->store, name, "the checksum of its table does not hold",
                                  error);
    buffer_free(&table);
    return status;
}

/* ---- Opening ----------------------------------------------------------------------------- */

static Status snapshot_load(Snapshot *snapshot, Error *error)
{
    TRY(snapshot_read_manifest(snapshot, error));
    if (snapshot->head.is_over)
        return OK;
    TRY(snapshot_read_table(snapshot, snapshot->files.count - 1, true, error));
    for (int32_t i = 0; i < snapshot->files.count; i++)
        TRY(snapshot_read_table(snapshot, i, false, error));
    return OK;
}

static Snapshot *snapshot_new(Store *store, const char *place)
{
    Arena *arena = arena_new(0);
    Snapshot *snapshot = ARENA_NEW(arena, Snapshot);
    *snapshot = (Snapshot){.arena = arena, .store = store};
    snapshot->place = arena_printf(arena, "%s", place);
    return snapshot;
}

Status snapshot_open(Store *store, const char *place, Snapshot **out, Error *error)
{
    Snapshot *snapshot = snapshot_new(store, place);
    Status status = snapshot_load(snapshot, error);
    if (status == OK)
        *out = snapshot;
    else
        snapshot_close(snapshot);
    return status;
}

void snapshot_close(Snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    snapshot_files_free(&snapshot->files);
    if (snapshot->owns_store)
        store_close(snapshot->store);
    arena_free(snapshot->arena);
}

const char *snapshot_place(Arena *arena, int64_t id)
{
    return arena_printf(arena, "chk-%lld", (long long)id);
}

Status snapshot_open_id(Store *store, int64_t id, Snapshot **out, Error *error)
{
    Arena *arena = arena_new(0);
    const char *place = snapshot_place(arena, id);
    const char *name = snapshot_manifest_name(arena, place);
    Snapshot *snapshot = NULL;
    Status status = snapshot_open(store, place, &snapshot, error);
    if (status == ERR_NOT_FOUND)
        status = snapshot_damaged(store, name, "it is missing", error);
    if (status == OK && snapshot->head.id != id) {
        status = snapshot_damaged(store, name, "it belongs to another checkpoint", error);
        snapshot_close(snapshot);
    } else if (status == OK) {
        *out = snapshot;
    }
    arena_free(arena);
    return status;
}

/* The folder above, and the name in it. */
static void location_split(const char *location, Arena *arena, const char **above,
                           const char **name)
{
    Str text = str_from(location);
    while (text.length > 1 && text.data[text.length - 1] == '/')
        text.length--;
    int64_t slash = text.length - 1;
    while (slash >= 0 && text.data[slash] != '/')
        slash--;
    *name = str_terminated(arena, str_make(text.data + slash + 1, text.length - slash - 1));
    *above = slash < 0 ? "." : slash == 0 ? "/" : str_terminated(arena, str_make(text.data, slash));
}

Status snapshot_open_at(World *world, const char *location, const StoreOptions *options,
                        Snapshot **out, Error *error)
{
    Arena *arena = arena_new(0);
    const char *above, *name;
    Store *store = NULL;
    location_split(location, arena, &above, &name);
    Status status = store_open(world, above, options, &store, error);
    if (status == OK) {
        status = snapshot_open(store, name, out, error);
        if (status == OK)
            (*out)->owns_store = true;
        else
            store_close(store);
    }
    if (status == ERR_NOT_FOUND)
        status = fail(error, ERR_NOT_FOUND, "WR4408", "there is no savepoint `%s`", location);
    arena_free(arena);
    return status;
}

/* ---- What is in it ----------------------------------------------------------------------- */

Status snapshot_read(const Snapshot *snapshot, const StatePiece *piece, Buffer *out, Error *error)
{
    if (piece->length == 0)
        return OK;
    Buffer sparse = {0}, *into = piece->is_sparse ? &sparse : out;
    Arena *arena = arena_new(0);
    const char *name =
        snapshot_data_name(arena, snapshot->data, snapshot->files.items[piece->file].id);
    int64_t start = into->length;
    Status status = store_read_at(snapshot->store, name, piece->offset, piece->length, into, error);
    if (status == ERR_NOT_FOUND)
        status = snapshot_damaged(snapshot->store, name, "it is missing", error);
    if (status == OK && into->length - start != piece->length)
        status = snapshot_damaged(snapshot->store, name, "it ends too early", error);
    if (status == OK && crc32c(0, into->data + start, piece->length) != piece->crc &&
        !planted(PLANTED_CHECKSUM_IGNORED))
        status = snapshot_damaged(snapshot->store, name, "a checksum does not hold", error);
    if (status == OK && piece->is_sparse && !sparse_unpack(buffer_str(&sparse), out))
        status = snapshot_damaged(snapshot->store, name, "a piece of it makes no sense", error);
    buffer_free(&sparse);
    arena_free(arena);
    return status;
}

const StateEntry *snapshot_find(const Snapshot *snapshot, StateRole role, const char *uid)
{
    for (int32_t i = 0; i < snapshot->entry_count; i++)
        if (snapshot->entries[i].role == role && strcmp(snapshot->entries[i].uid, uid) == 0)
            return &snapshot->entries[i];
    return NULL;
}

int64_t entry_bytes(const StateEntry *entry)
{
    int64_t bytes = entry->rest.length;
    for (int32_t i = 0; i < entry->record_count; i++)
        bytes += entry->records[i].length;
    return bytes;
}

static Status snapshot_copy_piece(const Snapshot *snapshot, const StatePiece *piece,
                                  SnapshotWriter *writer, int32_t entry, PieceKind kind,
                                  Error *error)
{
    Buffer bytes = {0};
    Status status = snapshot_read(snapshot, piece, &bytes, error);
    if (status == OK)
        status = snapshot_writer_add(writer, entry, kind, buffer_str(&bytes), error);
    buffer_free(&bytes);
    return status;
}

static Status snapshot_copy_entry(const Snapshot *snapshot, const StateEntry *from,
                                  SnapshotWriter *writer, Error *error)
{
    int32_t entry = snapshot_writer_entry(writer, from->uid, from->label, from->role, from->shard);
    for (int32_t i = 0; i < from->record_count; i++)
        TRY(snapshot_copy_piece(snapshot, &from->records[i], writer, entry, PIECE_RECORDS, error));
    if (from->rest.length == 0)
        return OK;
    return snapshot_copy_piece(snapshot, &from->rest, writer, entry, PIECE_REST, error);
}

Status snapshot_copy(const Snapshot *snapshot, Store *store, const char *place, int64_t id,
                     Error *error)
{
    SnapshotHead head = snapshot->head;
    head.id = id;
    SnapshotWriter *writer = snapshot_writer_new(store, place, &head);
    Status status = OK;
    for (int32_t i = 0; status == OK && i < snapshot->entry_count; i++)
        status = snapshot_copy_entry(snapshot, &snapshot->entries[i], writer, error);
    if (status == OK)
        status = snapshot_writer_end(writer, NULL, error);
    snapshot_writer_free(writer);
    return status;
}

/* ---- Which there are --------------------------------------------------------------------- */

/* The N of "chk-N/MANIFEST", or 0. */
static int64_t place_id(Str name)
{
    Str rest, place = str_split(name, '/', &rest);
    Str prefix = STR("chk-");
    int64_t id;
    if (!str_is(rest, "MANIFEST") || !str_has_prefix(place, prefix))
        return 0;
    Str number = str_make(place.data + prefix.length, place.length - prefix.length);
    return str_parse_int64(number, &id) && id > 0 ? id : 0;
}

Status snapshot_list(Store *store, Arena *arena, int64_t **ids, int32_t *count, Error *error)
{
    List names = {0};
    *ids = NULL;
    *count = 0;
    TRY(store_list(store, "chk-", arena, &names, error));
    int64_t *found = ARENA_ARRAY(arena, int64_t, names.count + 1);
    for (int32_t i = 0; i < names.count; i++) {
        int64_t id = place_id(str_from(LIST_AT(names, i, const char)));
        if (id == 0)
            continue;
        int32_t at = (*count)++;
        for (; at > 0 && found[at - 1] < id; at--)
            found[at] = found[at - 1];
        found[at] = id;
    }
    *ids = found;
    return OK;
}

/* The files that the manifests name; *is_known: all of them could be read. */
static Status files_in_use(Store *store, Arena *arena, SnapshotFiles *used, bool *is_known,
                           Error *error)
{
    int64_t *ids;
    int32_t count;
    TRY(snapshot_list(store, arena, &ids, &count, error));
    *is_known = true;
    for (int32_t i = 0; i < count; i++) {
        Snapshot *snapshot = snapshot_new(store, snapshot_place(arena, ids[i]));
        Status status = snapshot_read_manifest(snapshot, error);
        for (int32_t k = 0; status == OK && k < snapshot->files.count; k++)
            snapshot_files_append(used, &snapshot->files.items[k]);
        snapshot_close(snapshot);
        if (snapshot_cannot_be_read(status))
            *is_known = false;
        else
            TRY(status);
    }
    return OK;
}

/* The number behind the prefix, or 0: none of ours. */
static int64_t name_number(Str name, Str prefix)
{
    int64_t number;
    Str rest = str_make(name.data + prefix.length, name.length - prefix.length);
    return str_parse_int64(rest, &number) ? number : 0;
}

static bool file_is_used(const SnapshotFiles *used, Str name)
{
    int64_t id = name_number(name, STR(SNAPSHOT_SHARED SNAPSHOT_STATE));
    if (id == 0)
        return true;
    for (int32_t i = 0; i < used->count; i++)
        if (used->items[i].id == id)
            return true;
    return false;
}

/* Where a manifest is damaged or of another version, nobody knows what it needs: then all stays. */
static Status files_remove_unused(Store *store, Error *error)
{
    Arena *arena = arena_new(0);
    SnapshotFiles used = {0};
    List names = {0};
    bool is_known = false;
    Status status = files_in_use(store, arena, &used, &is_known, error);
    if (status == OK && is_known)
        status = store_list(store, SNAPSHOT_SHARED SNAPSHOT_STATE, arena, &names, error);
    for (int32_t i = 0; status == OK && i < names.count; i++) {
        const char *name = LIST_AT(names, i, const char);
        if (!file_is_used(&used, str_from(name)))
            status = store_remove(store, name, error);
    }
    snapshot_files_free(&used);
    arena_free(arena);
    return status;
}

Status snapshot_remove(Store *store, int64_t id, Error *error)
{
    Arena *arena = arena_new(0);
    Status status =
        store_remove(store, snapshot_manifest_name(arena, snapshot_place(arena, id)), error);
    arena_free(arena);
    TRY(status);
    return files_remove_unused(store, error);
}

Status snapshot_remove_all(Store *store, int64_t id, Error *error)
{
    Arena *arena = arena_new(0);
    int64_t *ids;
    int32_t count;
    List names = {0};
    Status status = snapshot_list(store, arena, &ids, &count, error);
    for (int32_t i = 0; status == OK && i < count; i++)
        if (ids[i] != id)
            status = store_remove(
                store, snapshot_manifest_name(arena, snapshot_place(arena, ids[i])), error);
    if (status == OK)
        status = store_list(store, SNAPSHOT_SHARED SNAPSHOT_STATE, arena, &names, error);
    if (status == OK)
        status = store_list(store, SNAPSHOT_BEGIN, arena, &names, error);
    if (status == OK)
        status = store_list(store, SNAPSHOT_MADE, arena, &names, error);
    for (int32_t i = 0; status == OK && i < names.count; i++)
        status = store_remove(store, LIST_AT(names, i, const char), error);
    if (status == OK)
        status =
            store_remove(store, snapshot_manifest_name(arena, snapshot_place(arena, id)), error);
    arena_free(arena);
    return status;
}

/* The folder may be that of another version, which keeps more in it. */
Status snapshot_discard(Store *store, int64_t id, Error *error)
{
    Arena *arena = arena_new(0);
    List names = {0};
    Status status = snapshot_remove(store, id, error);
    if (status == OK)
        status = store_list(store, arena_printf(arena, "%s/", snapshot_place(arena, id)), arena,
                            &names, error);
    for (int32_t i = 0; status == OK && i < names.count; i++)
        status = store_remove(store, LIST_AT(names, i, const char), error);
    arena_free(arena);
    return status;
}

/* The highest number behind `prefix` among the stored names; 0: there is none. */
static Status store_highest(Store *store, Arena *arena, const char *prefix, int64_t *out,
                            Error *error)
{
    List names = {0};
    *out = 0;
    TRY(store_list(store, prefix, arena, &names, error));
    for (int32_t i = 0; i < names.count; i++) {
        int64_t id = name_number(str_from(LIST_AT(names, i, const char)), str_from(prefix));
        *out = id > *out ? id : *out;
    }
    return OK;
}

/* An empty object says the number, in place of those of the same prefix. */
static Status snapshot_note(Store *store, const char *prefix, int64_t number, Error *error)
{
    Arena *arena = arena_new(0);
    List earlier = {0};
    const char *name = arena_printf(arena, "%s%lld", prefix, (long long)number);
    Status status = store_list(store, prefix, arena, &earlier, error);
    if (status == OK)
        status = store_put(store, name, STR(""), error);
    for (int32_t i = 0; status == OK && i < earlier.count; i++)
        if (strcmp(LIST_AT(earlier, i, const char), name) != 0)
            status = store_remove(store, LIST_AT(earlier, i, const char), error);
    arena_free(arena);
    return status;
}

Status snapshot_note_beginning(Store *store, int64_t last, Error *error)
{
    return snapshot_note(store, SNAPSHOT_BEGIN, last, error);
}

Status snapshot_note_made(Store *store, int64_t id, Error *error)
{
    return snapshot_note(store, SNAPSHOT_MADE, id, error);
}

Status snapshot_last_made(Store *store, int64_t *id, Error *error)
{
    Arena *arena = arena_new(0);
    Status status = store_highest(store, arena, SNAPSHOT_MADE, id, error);
    arena_free(arena);
    return status;
}

/* Before the first manifest there is one data file at the most; later there is always a manifest,
 * and from before anything was committed the note that there is. */
Status snapshot_check_found(Store *store, Error *error)
{
    Arena *arena = arena_new(0);
    int64_t newest = 0, begin = 0, made = 0;
    Status status = store_highest(store, arena, SNAPSHOT_SHARED SNAPSHOT_STATE, &newest, error);
    if (status == OK)
        status = store_highest(store, arena, SNAPSHOT_BEGIN, &begin, error);
    if (status == OK)
        status = store_highest(store, arena, SNAPSHOT_MADE, &made, error);
    newest = newest > begin + 1 || made <= begin ? newest : made;
    if (status == OK && (newest > begin + 1 || made > begin)) {
        status = fail(error, ERR_CORRUPT, "WR4402",
                      "there was checkpoint %lld in `%s`, and there is none: its MANIFEST is gone",
                      (long long)newest, store_path(store, "shared", arena));
        error_hint(error, "put it back from a copy, or start over with --fresh");
    }
    arena_free(arena);
    return status;
}

Status snapshot_sweep(Store *store, Error *error)
{
    TRY(store_sweep(store, "chk-", error));
    TRY(store_sweep(store, SNAPSHOT_SHARED, error));
    return files_remove_unused(store, error);
}
