/* The note is an object of a local store: lines of KEY=LOCATION. Each note of this file begins with
 * a line that says the checksum of what is behind it; those of older versions do without. */
#include "job/place.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "store/store.h"

enum { NOTE_BYTES_MAX = 64 * 1024 };

static const char note_name[] = "places";
static const char checkpoints_key[] = "checkpoints";
static const char savepoints_key[] = "savepoints";

const char *place_folder_name(Arena *arena, const char *pipeline)
{
    char *name = arena_printf(arena, "%.100s", pipeline);
    bool is_plain = name[0] != '\0' && name[0] != '.' && strlen(pipeline) <= 100;
    for (char *at = name; *at != '\0'; at++) {
        bool is_word = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                       (*at >= '0' && *at <= '9') || *at == '-' || *at == '_' || *at == '.';
        is_plain = is_plain && is_word;
        if (!is_word)
            *at = '_';
    }
    if (is_plain)
        return name;
    uint64_t hash = hash_bytes(pipeline, (int64_t)strlen(pipeline));
    return arena_printf(arena, "_%s-%08x", name, (unsigned)(hash >> 32));
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

const char *place_of_checkpoints(Arena *arena, const char *data_dir, const char *dir,
                                 const char *folder)
{
    if (!is_given(dir))
        return arena_printf(arena, "%s/jobs/%s/checkpoints", data_dir, folder);
    bool has_slash = str_has_suffix(str_from(dir), STR("/"));
    return arena_printf(arena, "%s%s%s", dir, has_slash ? "" : "/", folder);
}

const char *place_of_spill(Arena *arena, const char *data_dir, const char *folder)
{
    return arena_printf(arena, "%s/jobs/%s/spill", data_dir, folder);
}

const char *place_of_sinks(Arena *arena, const char *data_dir, const char *folder)
{
    return arena_printf(arena, "%s/jobs/%s/sinks", data_dir, folder);
}

const char *place_of_end(Arena *arena, const char *data_dir, const char *folder)
{
    return arena_printf(arena, "%s/over-%s", data_dir, folder);
}

static Status notes_open(World *world, Arena *arena, const char *data_dir, const char *folder,
                         Store **out, Error *error)
{
    return store_open(world, arena_printf(arena, "%s/jobs/%s", data_dir, folder), NULL, out, error);
}

/* ---- What is in a note ----------------------------------------------------------------------- */

static Status note_damaged(Store *store, const char *note, Error *error)
{
    Arena *arena = arena_new(0);
    Status status =
        fail(error, ERR_CORRUPT, "WR4463", "`%s` is damaged", store_path(store, note, arena));
    arena_free(arena);
    return status;
}

static void seal_line(Str body, char out[24])
{
    snprintf(out, 24, "crc32c=%08x", crc32c(0, body.data, body.length));
}

static Status note_put(Store *store, const char *note, Str body, Error *error)
{
    char seal[24];
    Buffer text = {0};
    seal_line(body, seal);
    buffer_printf(&text, "%s\n", seal);
    buffer_append_str(&text, body);
    Status status = store_put(store, note, buffer_str(&text), error);
    buffer_free(&text);
    return status;
}

/* What is behind the checksum, in the arena. Without one `*is_sealed` is false, and the caller
 * takes only what older versions have written: nothing that has a line for a checksum. */
static Status note_get(Store *store, const char *note, Arena *arena, Str *body, bool *is_sealed,
                       Error *error)
{
    char seal[24];
    Buffer text = {0};
    Status status = store_read_whole(store, note, NOTE_BYTES_MAX, &text, error);
    Str first = str_split(buffer_str(&text), '\n', body);
    *is_sealed = str_has_prefix(first, STR("crc32c=")) && body->data != NULL;
    seal_line(*body, seal);
    if (status == OK && *is_sealed && !str_is(first, seal))
        status = note_damaged(store, note, error);
    *body = str_copy(arena, *is_sealed ? *body : buffer_str(&text));
    buffer_free(&text);
    return status;
}

/* False: these are no lines of ours. */
static bool note_read(Str text, Arena *arena, Places *out)
{
    bool is_whole = text.length > 0;
    while (is_whole && text.length > 0) {
        Str value;
        Str key = str_split(str_split(text, '\n', &text), '=', &value);
        is_whole = value.data != NULL && text.data != NULL;
        if (str_is(key, checkpoints_key))
            out->checkpoints = str_terminated(arena, value);
        else if (str_is(key, savepoints_key))
            out->savepoints = str_terminated(arena, value);
        else
            is_whole = false;
    }
    return is_whole;
}

Status place_find(World *world, Arena *arena, const char *data_dir, const char *folder, Places *out,
                  Error *error)
{
    Store *store;
    Str text;
    bool is_sealed;
    *out = (Places){.checkpoints = place_of_checkpoints(arena, data_dir, NULL, folder)};
    TRY(notes_open(world, arena, data_dir, folder, &store, error));
    Status status = note_get(store, note_name, arena, &text, &is_sealed, error);
    if (status == OK && !note_read(text, arena, out))
        status = note_damaged(store, note_name, error);
    store_close(store);
    return status == ERR_NOT_FOUND ? OK : status;
}

/* Mostly there is none. */
static Status note_remove(Store *store, const char *name, Error *error)
{
    int64_t bytes;
    Status status = store_size(store, name, &bytes, error);
    if (status == ERR_NOT_FOUND)
        return OK;
    TRY(status);
    return store_remove(store, name, error);
}

Status place_note(World *world, const char *data_dir, const char *folder, const Places *places,
                  Error *error)
{
    Arena *arena = arena_new(0);
    Store *store;
    Buffer text = {0};
    const char *usual = place_of_checkpoints(arena, data_dir, NULL, folder);
    if (strcmp(places->checkpoints, usual) != 0)
        buffer_printf(&text, "%s=%s\n", checkpoints_key, places->checkpoints);
    if (is_given(places->savepoints))
        buffer_printf(&text, "%s=%s\n", savepoints_key, places->savepoints);
    Status status = notes_open(world, arena, data_dir, folder, &store, error);
    if (status == OK) {
        status = text.length > 0 ? note_put(store, note_name, buffer_str(&text), error)
                                 : note_remove(store, note_name, error);
        store_close(store);
    }
    buffer_free(&text);
    arena_free(arena);
    return status;
}

/* ---- Pipelines that took the place of others ------------------------------------------------ */

static const char replaced_name[] = "replaced";
static const char replaces_name[] = "replaces";
static const char script_name[] = "script.sql";

enum { REPLACED_MAX = 10000 }; /* in a row; more are a circle */

const char *place_of_deployed(Arena *arena, const char *home, const char *pipeline)
{
    return arena_printf(arena, "%s/deployed/%s", home, place_folder_name(arena, pipeline));
}

const char *place_of_script(Arena *arena, const char *data_dir)
{
    return arena_printf(arena, "%s/%s", data_dir, script_name);
}

/* A note that names a pipeline. */
typedef struct NameNote {
    const char *name; /* NULL: there is no such note */
    Str more;         /* lines behind it */
} NameNote;

static Status name_read(World *world, Arena *arena, const char *folder, const char *note,
                        NameNote *out, Error *error)
{
    Store *store;
    Str text;
    bool is_sealed;
    *out = (NameNote){0};
    TRY(store_open(world, folder, NULL, &store, error));
    Status status = note_get(store, note, arena, &text, &is_sealed, error);
    Str name = str_split(text, '\n', &out->more);
    if (status == OK &&
        (name.length == 0 || out->more.data == NULL || (!is_sealed && out->more.length > 0)))
        status = note_damaged(store, note, error);
    if (status == OK)
        out->name = str_terminated(arena, name);
    store_close(store);
    return status == ERR_NOT_FOUND ? OK : status;
}

static const char *job_folder(Arena *arena, const char *home, const char *pipeline)
{
    return arena_printf(arena, "%s/jobs/%s", home, place_folder_name(arena, pipeline));
}

/* Whether it is in charge in the place of another one. */
static Status place_is_deployed(World *world, Arena *arena, const char *home, const char *pipeline,
                                bool *out, Error *error)
{
    NameNote old, now = {0};
    const char *folder = place_of_deployed(arena, home, pipeline);
    TRY(name_read(world, arena, folder, replaces_name, &old, error));
    if (old.name != NULL)
        TRY(name_read(world, arena, job_folder(arena, home, old.name), replaced_name, &now, error));
    *out = now.name != NULL && strcmp(now.name, pipeline) == 0;
    return OK;
}

Status place_in_charge(World *world, Arena *arena, const char *home, const char *pipeline,
                       Charge *out, Error *error)
{
    *out = (Charge){.pipeline = pipeline, .data_dir = home};
    for (int32_t i = 0; i <= REPLACED_MAX; i++) {
        NameNote next;
        const char *folder = job_folder(arena, home, out->pipeline);
        TRY(name_read(world, arena, folder, replaced_name, &next, error));
        if (next.name == NULL) {
            TRY(place_is_deployed(world, arena, home, out->pipeline, &out->is_deployed, error));
            if (out->is_deployed)
                out->data_dir = place_of_deployed(arena, home, out->pipeline);
            if (out->is_deployed == out->is_replaced || out->is_deployed)
                return OK;
            break;
        }
        out->pipeline = next.name;
        out->is_replaced = true;
    }
    return fail(error, ERR_CORRUPT, "WR4461",
                "`%s` says that pipeline `%s` was replaced by `%s`, which is not there", home,
                pipeline, out->pipeline);
}

static Status fail_known(const char *home, const char *pipeline, Error *error)
{
    Status status = fail(error, ERR_INVALID, "WR4462",
                         "the data folder `%s` knows a pipeline `%s` already", home, pipeline);
    error_hint(error, "give the new one a name that was not used there, with --name");
    return status;
}

static Status deployed_write(World *world, Arena *arena, const char *folder, const char *replaces,
                             Str script, Error *error)
{
    Store *store;
    TRY(store_open(world, folder, NULL, &store, error));
    Status status = store_put(store, script_name, script, error);
    if (status == OK)
        status = note_put(store, replaces_name,
                          str_from(arena_printf(arena, "%s\nscript=%08x\n", replaces,
                                                crc32c(0, script.data, script.length))),
                          error);
    store_close(store);
    return status;
}

/* In deployments of older versions the note says nothing of the script. */
Status place_check_script(World *world, const char *data_dir, Str script, Error *error)
{
    Arena *arena = arena_new(0);
    NameNote note;
    Status status = name_read(world, arena, data_dir, replaces_name, &note, error);
    const char *expected =
        arena_printf(arena, "script=%08x\n", crc32c(0, script.data, script.length));
    if (status == OK && note.more.length > 0 && !str_is(note.more, expected)) {
        status = fail(error, ERR_CORRUPT, "WR4463", "`%s` is not the script that was deployed",
                      place_of_script(arena, data_dir));
        error_hint(error,
                   "put it back from a copy; another script takes its place by `weir deploy`");
    }
    arena_free(arena);
    return status;
}

Status place_prepare(World *world, const char *home, const char *pipeline, const char *replaces,
                     Str script, Error *error)
{
    Arena *arena = arena_new(0);
    FileInfo info;
    bool is_known = false;
    const char *folder = place_of_deployed(arena, home, pipeline);
    Status status = world->kind->stat(world, job_folder(arena, home, pipeline), &info, error);
    if (status == OK)
        is_known = true;
    else if (status == ERR_NOT_FOUND)
        status = place_is_deployed(world, arena, home, pipeline, &is_known, error);
    if (status == OK && is_known)
        status = fail_known(home, pipeline, error);
    if (status == OK)
        status = world_remove_tree(world, folder, error);
    if (status == OK || status == ERR_NOT_FOUND)
        status = deployed_write(world, arena, folder, replaces, script, error);
    arena_free(arena);
    return status;
}

static Status replaced_note(World *world, const char *home, const char *old, const char *pipeline,
                            Error *error)
{
    Arena *arena = arena_new(0);
    Store *store;
    Status status = store_open(world, job_folder(arena, home, old), NULL, &store, error);
    if (status == OK) {
        status = pipeline == NULL
                     ? note_remove(store, replaced_name, error)
                     : note_put(store, replaced_name,
                                str_from(arena_printf(arena, "%s\n", pipeline)), error);
        store_close(store);
    }
    arena_free(arena);
    return status;
}

Status place_replace(World *world, const char *home, const char *old, const char *pipeline,
                     Error *error)
{
    return replaced_note(world, home, old, pipeline, error);
}

Status place_put_back(World *world, const char *home, const char *old, Error *error)
{
    return replaced_note(world, home, old, NULL, error);
}
