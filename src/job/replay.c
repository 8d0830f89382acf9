/* Records among the dead letters go back to where they came from.
 *
 *     dead-letters/replay/PIPELINE/TABLE/ID.CHECK.FORMAT     for the pipeline's source of TABLE
 *
 * CHECK is the CRC-32C of the records. 1. They go to ID.CHECK.FORMAT.aside, durably.  2. Each of
 * their letters says "replayed":"ID", by one rename.  3. The file gets its name. Whatever was cut
 * short is brought to its end by the next one who opens the folder: a file aside counts if its
 * letters say so. The source remembers which files it has read, as it does with its own. */
#include "job/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "job/internal.h"
#include "job/place.h"
#include "state/letter.h"
#include "state/lettermark.h"

enum { BLOCK_BYTES = 1 << 20 };

static const char aside_suffix[] = ".aside";

/* ---- What was cut short -------------------------------------------------------------------- */

typedef struct Search {
    Str id;
    const char *member; /* how a line says it */
    const char *damaged;
    Arena *arena;
    bool is_found;
} Search;

static bool search_take(void *context, Str line, const Letter *letter)
{
    Search *search = context;
    if (letter->is_damaged && search->damaged == NULL)
        search->damaged = str_terminated(search->arena, letter->reason);
    search->is_found = letter->is_damaged ? str_find(line, str_from(search->member)) >= 0
                                          : str_equal(letter->replayed, search->id);
    return !search->is_found;
}

/* Either way could be wrong: records that nobody reads again, or some that are read twice. */
static Status replay_in_doubt(const Search *search, const char *path, Error *error)
{
    Status status =
        fail(error, ERR_CORRUPT, LETTER_DAMAGED_CODE,
             "%s, so it cannot be told whether `%s` was replayed", search->damaged, path);
    error_hint(error,
               "take the name's last part `%s` away to have its records read, or remove "
               "the file, and take the damaged line away",
               aside_suffix);
    return status;
}

static Status file_check(World *world, const char *path, uint32_t *out, Error *error)
{
    File *file;
    Buffer block = {0};
    int64_t got = 1;
    *out = 0;
    TRY(world->kind->open(world, path, FILE_READ, &file, error));
    Status status = OK;
    for (int64_t at = 0; status == OK && got > 0; at += got) {
        block.length = 0;
        status = world->kind->read_at(file, at, buffer_reserve(&block, BLOCK_BYTES), BLOCK_BYTES,
                                      &got, error);
        *out = status == OK ? crc32c(*out, block.data, got) : 0;
    }
    buffer_free(&block);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

/* The source takes every line of the file for a record. Files of older versions have no CHECK. */
static Status replay_check(World *world, const char *path, Str name, Arena *arena, Error *error)
{
    Str format;
    uint32_t check;
    (void)str_split(name, '.', &name);
    Str expected = str_split(name, '.', &format);
    if (str_has_suffix(name, str_from(aside_suffix)))
        name.length -= (int64_t)strlen(aside_suffix);
    if (format.data == NULL || str_find(name, STR(".")) < 0)
        return OK;
    TRY(file_check(world, path, &check, error));
    if (str_is(expected, arena_printf(arena, "%08x", check)))
        return OK;
    Status status = fail(error, ERR_CORRUPT, LETTER_DAMAGED_CODE, "`%s` is damaged", path);
    error_hint(error, "it holds records that were given back; remove it, and take `replayed` out "
                      "of their letters together with `crc32c` to give them back again");
    return status;
}

/* One file of a table's folder: is it there or not? */
static Status replay_decide(World *world, const char *folder, const char *letters, const char *name,
                            Arena *arena, Error *error)
{
    Str text = str_from(name);
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    if (str_has_suffix(text, STR(".tmp")))
        return world->kind->remove(world, path, error);
    if (!str_has_suffix(text, str_from(aside_suffix)))
        return replay_check(world, path, text, arena, error);
    Search search = {.id = str_split(text, '.', &(Str){0}), .arena = arena};
    search.member = arena_printf(arena, "\"replayed\":\"%.*s\"", STR_ARGS(search.id));
    int64_t offset = 0;
    TRY(letters_read(world, letters, &offset,
                     &(LetterTaker){.take = search_take, .context = &search}, error));
    if (!search.is_found && search.damaged != NULL)
        return replay_in_doubt(&search, path, error);
    if (!search.is_found)
        return world->kind->remove(world, path, error);
    TRY(replay_check(world, path, text, arena, error));
    text.length -= (int64_t)strlen(aside_suffix);
    const char *whole = arena_printf(arena, "%s/%.*s", folder, STR_ARGS(text));
    return world->kind->rename(world, path, whole, error);
}

static Status list_if_there(World *world, const char *path, Arena *arena, List *names, Error *error)
{
    Error trouble = {0};
    Status status = world->kind->list(world, path, arena, names, &trouble);
    if (status != OK && status != ERR_NOT_FOUND)
        *error = trouble;
    return status == ERR_NOT_FOUND ? OK : status;
}

static Status replay_end_table(World *world, const char *letters_folder, const char *folder,
                               const char *table, Arena *arena, Error *error)
{
    List names = {0};
    const char *letters = arena_printf(arena, "%s/%s.jsonl", letters_folder, table);
    TRY(list_if_there(world, folder, arena, &names, error));
    for (int32_t i = 0; i < names.count; i++)
        TRY(replay_decide(world, folder, letters, LIST_AT(names, i, const char), arena, error));
    return names.count > 0 ? world->kind->sync_folder(world, folder, error) : OK;
}

Status replay_finish(World *world, const char *data_dir, const char *writer, Error *error)
{
    Arena *arena = arena_new(0);
    const char *letters = arena_printf(arena, "%s/dead-letters", data_dir);
    const char *folder = arena_printf(arena, "%s/replay/%s", letters, writer);
    List tables = {0};
    Status status = list_if_there(world, folder, arena, &tables, error);
    for (int32_t i = 0; status == OK && i < tables.count; i++) {
        const char *table = LIST_AT(tables, i, const char);
        status = replay_end_table(world, letters, arena_printf(arena, "%s/%s", folder, table),
                                  table, arena, error);
    }
    arena_free(arena);
    return status;
}

Status replay_forget(World *world, const char *data_dir, const char *writer, Error *error)
{
    Arena *arena = arena_new(0);
    const char *folder = arena_printf(arena, "%s/dead-letters/replay/%s", data_dir, writer);
    Status status = world_remove_tree(world, folder, error);
    arena_free(arena);
    return status;
}

bool replay_is_there(World *world, const char *data_dir, const char *writer)
{
    Arena *arena = arena_new(0);
    FileInfo info;
    const char *folder = arena_printf(arena, "%s/dead-letters/replay/%s", data_dir, writer);
    bool is_there = world->kind->stat(world, folder, &info, NULL) == OK;
    arena_free(arena);
    return is_there;
}

/* ---- A replay ------------------------------------------------------------------------------ */

typedef struct Replay {
    const ReplayRequest *request;
    ReplayResult *result;
    Arena *arena;
    const char *id;
    Str pipeline, other_pipeline, format; /* of the first letter that is taken */
    Buffer records, lines;
} Replay;

/* Whether the letter's record goes back; counts why not. */
static bool replay_wants(Replay *replay, const Letter *letter)
{
    const ReplayRequest *request = replay->request;
    ReplayResult *result = replay->result;
    /* A file that is shared because there are too many, or a block of another one. */
    if (!str_equal(letter->table, request->table))
        return false;
    if (request->code != NULL && !str_is(letter->code, request->code))
        return false;
    if (request->pipeline != NULL && !str_is(letter->pipeline, request->pipeline))
        return false;
    result->replayed_before += letter->replayed.length > 0;
    result->without_record += letter->replayed.length == 0 && letter->format.length == 0;
    if (letter->replayed.length > 0 || letter->format.length == 0)
        return false;
    if (result->taken == 0) {
        replay->pipeline = str_copy(replay->arena, letter->pipeline);
        replay->format = str_copy(replay->arena, letter->format);
    }
    if (!str_equal(letter->pipeline, replay->pipeline))
        replay->other_pipeline = str_copy(replay->arena, letter->pipeline);
    bool is_same = str_equal(letter->format, replay->format);
    result->of_other_format += !is_same;
    return is_same;
}

static bool replay_take(void *context, Str line, const Letter *letter)
{
    Replay *replay = context;
    /* What a person or a torn write has left in the file stays in it. */
    if (letter->is_damaged && replay->result->damaged++ == 0)
        snprintf(replay->result->first_damaged, sizeof replay->result->first_damaged, "%.*s",
                 STR_ARGS(letter->reason));
    bool is_taken = !letter->is_damaged && replay_wants(replay, letter);
    if (is_taken) {
        replay->result->taken++;
        buffer_append_str(&replay->records, letter->bytes);
        buffer_append_char(&replay->records, '\n');
        letter_append_replayed(&replay->lines, line, replay->id);
        return true;
    }
    buffer_append_str(&replay->lines, line);
    if (!letter->is_cut)
        buffer_append_char(&replay->lines, '\n');
    return true;
}

static Status replay_judge(const Replay *replay, Error *error)
{
    const ReplayRequest *request = replay->request;
    const ReplayResult *result = replay->result;
    if (replay->other_pipeline.length > 0) {
        Status status = fail(error, ERR_INVALID, "WR4422",
                             "the dead letters of `%.*s` are of several pipelines, such as `%.*s` "
                             "and `%.*s`",
                             STR_ARGS(request->table), STR_ARGS(replay->pipeline),
                             STR_ARGS(replay->other_pipeline));
        error_hint(error, "say which one with --pipeline");
        return status;
    }
    if (result->taken > 0)
        return OK;
    Status status =
        fail(error, ERR_INVALID, "WR4423",
             "no dead letter of `%.*s` can be replayed: %lld hold no record as it came, "
             "%lld were replayed before",
             STR_ARGS(request->table), (long long)result->without_record,
             (long long)result->replayed_before);
    error_hint(error,
               "rows that failed behind the source, and what a database sent, cannot be read "
               "again: mend them where they come from");
    return status;
}

/* Without one all is read again from the start, the bad records among it. */
static Status replay_need_checkpoint(World *world, const Replay *replay, Error *error)
{
    int64_t *ids;
    int32_t count;
    Store *store;
    Places places;
    TRY(place_find(world, replay->arena, replay->request->data_dir,
                   str_terminated(replay->arena, replay->pipeline), &places, error));
    TRY(store_open(world, places.checkpoints, NULL, &store, error));
    Status status = snapshot_list(store, replay->arena, &ids, &count, error);
    store_close(store);
    if (status != OK || count > 0)
        return status;
    status = fail(error, ERR_NOT_FOUND, "WR4424", "pipeline `%.*s` has nothing to resume",
                  STR_ARGS(replay->pipeline));
    error_hint(error, "its next run reads all of its input again, and with it these records");
    return status;
}

static Status replay_write(World *world, Replay *replay, const char *letters, Error *error)
{
    Arena *arena = replay->arena;
    const char *data_dir = replay->request->data_dir;
    const char *file_name = deadletters_file_name(arena, replay->request->table);
    const char *root = arena_printf(arena, "%s/dead-letters/replay", data_dir);
    const char *pipeline = arena_printf(arena, "%s/%.*s", root, STR_ARGS(replay->pipeline));
    const char *folder = arena_printf(arena, "%s/%.*s", pipeline,
                                      (int)(strlen(file_name) - strlen(".jsonl")), file_name);
    const char *path = arena_printf(arena, "%s/%s.%08x.%.*s", folder, replay->id,
                                    crc32c(0, replay->records.data, replay->records.length),
                                    STR_ARGS(replay->format));
    const char *aside = arena_printf(arena, "%s%s", path, aside_suffix);
    TRY(world->kind->make_folder(world, folder, error));
    TRY(world->kind->sync_folder(world, pipeline, error));
    TRY(world->kind->sync_folder(world, root, error));
    TRY(world->kind->sync_folder(world, arena_printf(arena, "%s/dead-letters", data_dir), error));
    TRY(world_replace_file(world, aside, buffer_str(&replay->records), error));
    TRY(world_replace_file(world, letters, buffer_str(&replay->lines), error));
    TRY(world->kind->rename(world, aside, path, error));
    return world->kind->sync_folder(world, folder, error);
}

static Status replay_locked(World *world, const ReplayRequest *request, Replay *replay,
                            Error *error)
{
    const char *letters = arena_printf(replay->arena, "%s/dead-letters/%s", request->data_dir,
                                       deadletters_file_name(replay->arena, request->table));
    DataFolder data = {.world = world, .path = request->data_dir};
    TRY(recover_settle_letters(&data, &request->notice, error));
    List pipelines = {0};
    const char *root = arena_printf(replay->arena, "%s/dead-letters/replay", request->data_dir);
    TRY(list_if_there(world, root, replay->arena, &pipelines, error));
    for (int32_t i = 0; i < pipelines.count; i++)
        TRY(replay_finish(world, request->data_dir, LIST_AT(pipelines, i, const char), error));
    int64_t offset = 0;
    LetterTaker taker = {.take = replay_take, .context = replay};
    TRY(letters_read(world, letters, &offset, &taker, error));
    TRY(replay_judge(replay, error));
    TRY(replay_need_checkpoint(world, replay, error));
    return replay_write(world, replay, letters, error);
}

Status replay_letters(World *world, const ReplayRequest *request, ReplayResult *result,
                      Error *error)
{
    *result = (ReplayResult){0};
    Replay replay = {.request = request, .result = result, .arena = arena_new(0)};
    /* No other replay has had this name: the source would take its file for one that it has read.
     */
    replay.id = arena_printf(replay.arena, "%lld-%08x", (long long)world_now_us(world),
                             (uint32_t)world->kind->random_u64(world));
    File *lock;
    Status status = recover_lock_folder(world, request->data_dir, &lock, error);
    if (status == OK) {
        status = replay_locked(world, request, &replay, error);
        Status closed = world->kind->close(lock, NULL);
        (void)closed;
    }
    snprintf(result->pipeline, sizeof result->pipeline, "%.*s", STR_ARGS(replay.pipeline));
    buffer_free(&replay.records);
    buffer_free(&replay.lines);
    arena_free(replay.arena);
    return status;
}
