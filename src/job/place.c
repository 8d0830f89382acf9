/* The note is an object of a local store: lines of KEY=LOCATION. */
#include "job/place.h"

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

static Status notes_open(World *world, Arena *arena, const char *data_dir, const char *folder,
                         Store **out, Error *error)
{
    return store_open(world, arena_printf(arena, "%s/jobs/%s", data_dir, folder), NULL, out, error);
}

static void note_read(Str text, Arena *arena, Places *out)
{
    while (text.length > 0) {
        Str value;
        Str key = str_split(str_split(text, '\n', &text), '=', &value);
        if (str_is(key, checkpoints_key))
            out->checkpoints = str_terminated(arena, value);
        else if (str_is(key, savepoints_key))
            out->savepoints = str_terminated(arena, value);
    }
}

Status place_find(World *world, Arena *arena, const char *data_dir, const char *folder, Places *out,
                  Error *error)
{
    Store *store;
    Buffer text = {0};
    *out = (Places){.checkpoints = place_of_checkpoints(arena, data_dir, NULL, folder)};
    TRY(notes_open(world, arena, data_dir, folder, &store, error));
    Status status = store_read_whole(store, note_name, NOTE_BYTES_MAX, &text, error);
    if (status == OK)
        note_read(buffer_str(&text), arena, out);
    buffer_free(&text);
    store_close(store);
    return status == ERR_NOT_FOUND ? OK : status;
}

/* Mostly there is none. */
static Status note_remove(Store *store, Error *error)
{
    int64_t bytes;
    Status status = store_size(store, note_name, &bytes, error);
    if (status == ERR_NOT_FOUND)
        return OK;
    TRY(status);
    return store_remove(store, note_name, error);
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
        status = text.length > 0 ? store_put(store, note_name, buffer_str(&text), error)
                                 : note_remove(store, error);
        store_close(store);
    }
    buffer_free(&text);
    arena_free(arena);
    return status;
}
