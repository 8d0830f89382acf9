/* The mark in the folder of dead letters. */
#include "state/lettermark.h"

#include "base/base64.h"
#include "base/hash.h"

enum { MARK_BYTES_MAX = 1 << 20 };

static const char mark_name[] = ".writer";
static const char mark_magic[8] = {'W', 'E', 'I', 'R', 'L', 'T', 'R', '1'};

/* ---- Writing and reading ------------------------------------------------------------------- */

void lettermark_encode(const List *lengths, Buffer *out)
{
    buffer_append_u32(out, (uint32_t)lengths->count);
    for (int32_t i = 0; i < lengths->count; i++) {
        const LetterLength *length = LIST_AT(*lengths, i, LetterLength);
        buffer_append_bytes(out, length->name);
        buffer_append_u64(out, (uint64_t)length->bytes);
        buffer_append_u32(out, length->check);
    }
}

bool lettermark_decode(ByteReader *reader, Arena *arena, List *lengths)
{
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && !reader->is_short; i++) {
        LetterLength *length = ARENA_NEW(arena, LetterLength);
        length->name = str_copy(arena, byte_reader_bytes(reader));
        length->bytes = (int64_t)byte_reader_u64(reader);
        length->check = byte_reader_u32(reader);
        if (length->bytes < 0 || str_find(length->name, STR("/")) >= 0)
            return false;
        list_append(lengths, arena, length);
    }
    return !reader->is_short;
}

/* A full disk that shows only in a sync is a failed sync, and never tried again. */
static Status mark_sync_result(Status status)
{
    return status == ERR_FULL ? ERR_IO : status;
}

static Status mark_write_aside(World *world, const char *path, Str content, Error *error)
{
    File *file;
    TRY(world->kind->open(world, path, FILE_CREATE, &file, error));
    Status status = world->kind->write(file, content.data, content.length, error);
    if (status == OK)
        status = mark_sync_result(world->kind->sync(file, error));
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

/* As world_replace_file, which the caller may try again when the disk is full. */
static Status mark_replace(World *world, const char *folder, Str content, Error *error)
{
    Arena *arena = arena_new(0);
    const char *path = arena_printf(arena, "%s/%s", folder, mark_name);
    const char *aside = arena_printf(arena, "%s.tmp", path);
    Status status = mark_write_aside(world, aside, content, error);
    if (status == OK)
        status = world->kind->rename(world, aside, path, error);
    if (status == OK)
        status = mark_sync_result(world->kind->sync_folder(world, folder, error));
    arena_free(arena);
    return status;
}

Status lettermark_write(World *world, const char *folder, const LetterMark *mark, Error *error)
{
    Buffer body = {0}, whole = {0};
    buffer_append_bytes(&body, mark->writer);
    buffer_append_u64(&body, (uint64_t)mark->checkpoint);
    lettermark_encode(&mark->lengths, &body);
    buffer_append(&whole, mark_magic, sizeof mark_magic);
    buffer_append_u32(&whole, crc32c(0, body.data, body.length));
    buffer_append_str(&whole, buffer_str(&body));
    /* As text: people look at everything in this folder. */
    Buffer text = {0};
    base64_encode(&text, buffer_str(&whole));
    buffer_append_char(&text, '\n');
    Status status = mark_replace(world, folder, buffer_str(&text), error);
    buffer_free(&text);
    buffer_free(&body);
    buffer_free(&whole);
    return status;
}

static Status mark_damaged(Error *error, const char *path)
{
    Status status = fail(error, ERR_CORRUPT, "WR4420", "`%s` is damaged", path);
    error_hint(error, "it says which dead letters the last run had not yet made part of a "
                      "checkpoint; remove it, and they may stand twice");
    return status;
}

Status lettermark_read(World *world, const char *folder, Arena *arena, LetterMark **out,
                       Error *error)
{
    *out = NULL;
    const char *path = arena_printf(arena, "%s/%s", folder, mark_name);
    Str text;
    Error trouble = {0};
    Status status = world_read_file(world, path, MARK_BYTES_MAX, arena, &text, &trouble);
    if (status == ERR_NOT_FOUND)
        return OK;
    if (status != OK) {
        *error = trouble;
        return status;
    }
    Buffer bytes = {0};
    bool is_base64 = base64_decode(&bytes, str_trim(text));
    text = str_copy(arena, buffer_str(&bytes));
    buffer_free(&bytes);
    ByteReader reader = byte_reader(text);
    Str magic = byte_reader_take(&reader, sizeof mark_magic);
    uint32_t check = byte_reader_u32(&reader);
    Str body = byte_reader_take(&reader, byte_reader_left(&reader));
    if (!is_base64 || reader.is_short ||
        !str_equal(magic, str_make(mark_magic, sizeof mark_magic)) ||
        crc32c(0, body.data, body.length) != check)
        return mark_damaged(error, path);
    reader = byte_reader(body);
    LetterMark *mark = ARENA_NEW(arena, LetterMark);
    mark->writer = str_copy(arena, byte_reader_bytes(&reader));
    mark->checkpoint = (int64_t)byte_reader_u64(&reader);
    if (!lettermark_decode(&reader, arena, &mark->lengths) || str_find(mark->writer, STR("/")) >= 0)
        return mark_damaged(error, path);
    *out = mark;
    return OK;
}

Status lettermark_check(World *world, const char *path, int64_t bytes, uint32_t *out, Error *error)
{
    char tail[LETTER_CHECK_BYTES];
    int64_t length = bytes < LETTER_CHECK_BYTES ? bytes : LETTER_CHECK_BYTES, got = 0;
    *out = 0;
    if (length == 0)
        return OK;
    File *file;
    TRY(world->kind->open(world, path, FILE_READ, &file, error));
    Status status = world->kind->read_at(file, bytes - length, tail, length, &got, error);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    *out = crc32c(0, tail, got);
    return status != OK ? status : closed;
}

Status lettermark_measure(World *world, const char *folder, Arena *arena, List *lengths,
                          Error *error)
{
    List names = {0};
    Error missing = {0};
    Status status = world->kind->list(world, folder, arena, &names, &missing);
    if (status != OK && status != ERR_NOT_FOUND)
        *error = missing;
    if (status != OK)
        return status == ERR_NOT_FOUND ? OK : status;
    for (int32_t i = 0; i < names.count; i++) {
        const char *name = LIST_AT(names, i, const char);
        const char *path = arena_printf(arena, "%s/%s", folder, name);
        FileInfo info = {0};
        if (!str_has_suffix(str_from(name), STR(".jsonl")) ||
            world->kind->stat(world, path, &info, NULL) != OK || !info.is_file)
            continue;
        LetterLength *length = ARENA_NEW(arena, LetterLength);
        *length = (LetterLength){.name = str_from(name), .bytes = info.size_bytes};
        TRY(lettermark_check(world, path, info.size_bytes, &length->check, error));
        list_append(lengths, arena, length);
    }
    return OK;
}

/* ---- Settling ------------------------------------------------------------------------------ */

typedef struct Settling {
    World *world;
    const char *folder;
    const LetterNotice *notice;
    Arena *arena;
} Settling;

Status lettermark_cut(World *world, const char *path, int64_t bytes, Error *error)
{
    if (bytes == 0)
        return world->kind->remove(world, path, error);
    TRY(world->kind->truncate(world, path, bytes, error));
    File *file;
    TRY(world->kind->open(world, path, FILE_APPEND, &file, error));
    Status status = world->kind->sync(file, error);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

static Status settle_file(const Settling *settling, const LetterLength *length, Error *error)
{
    World *world = settling->world;
    const char *path =
        arena_printf(settling->arena, "%s/%.*s", settling->folder, STR_ARGS(length->name));
    FileInfo info = {0};
    Error trouble = {0};
    Status status = world->kind->stat(world, path, &info, &trouble);
    if (status == ERR_NOT_FOUND && length->bytes == 0)
        return OK;
    if (status != OK && status != ERR_NOT_FOUND) {
        *error = trouble;
        return status;
    }
    if (status == OK && info.size_bytes == length->bytes)
        return OK;
    uint32_t check = length->check;
    if (status == OK && info.size_bytes > length->bytes)
        TRY(lettermark_check(world, path, length->bytes, &check, error));
    if (status == OK && info.size_bytes > length->bytes && check == length->check)
        return lettermark_cut(world, path, length->bytes, error);
    settling->notice->say(
        settling->notice->context,
        arena_printf(settling->arena,
                     "the dead letters in `%s` are not as the last run left them: "
                     "somebody has %s the file",
                     path, status == OK ? "changed" : "moved or removed"));
    return OK;
}

static const LetterLength *settle_find(const List *lengths, Str name)
{
    for (int32_t i = 0; i < lengths->count; i++) {
        const LetterLength *length = LIST_AT(*lengths, i, LetterLength);
        if (str_equal(length->name, name))
            return length;
    }
    return NULL;
}

/* What is cut is durable before the mark goes: cutting again does no harm. */
Status lettermark_settle(World *world, const char *folder, const LetterMark *mark,
                         const List *lengths, const LetterNotice *notice, Error *error)
{
    Settling settling = {world, folder, notice, arena_new(0)};
    Status status = OK;
    for (int32_t i = 0; status == OK && i < mark->lengths.count; i++) {
        const LetterLength *begun = LIST_AT(mark->lengths, i, LetterLength);
        const LetterLength *newer = settle_find(lengths, begun->name);
        bool is_newer = newer != NULL && newer->bytes >= begun->bytes;
        status = settle_file(&settling, is_newer ? newer : begun, error);
    }
    if (status == OK)
        status = world->kind->sync_folder(world, folder, error);
    if (status == OK)
        status = lettermark_remove(world, folder, error);
    arena_free(settling.arena);
    return status;
}

Status lettermark_remove(World *world, const char *folder, Error *error)
{
    Arena *arena = arena_new(0);
    Status status =
        world->kind->remove(world, arena_printf(arena, "%s/%s", folder, mark_name), error);
    arena_free(arena);
    TRY(status);
    return world->kind->sync_folder(world, folder, error);
}
