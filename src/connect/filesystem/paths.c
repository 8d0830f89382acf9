/* Paths of tables. */
#include "connect/filesystem/paths.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

Status path_of_option(Arena *arena, Str option, const char **out, Error *error)
{
    Str path = option;
    if (str_has_prefix(path, STR("file:"))) {
        path = str_make(path.data + 5, path.length - 5);
        if (str_has_prefix(path, STR("//")))
            path = str_make(path.data + 2, path.length - 2);
    } else if (str_find(path, STR("://")) >= 0) {
        return fail(error, ERR_INVALID, "WR3401", "path '%.*s' is not in the local file system",
                    STR_ARGS(option));
    }
    while (path.length > 1 && path.data[path.length - 1] == '/')
        path.length--;
    if (path.length == 0)
        return fail(error, ERR_INVALID, "WR3401", "path '%.*s' names no file or folder",
                    STR_ARGS(option));
    *out = str_terminated(arena, path);
    return OK;
}

static bool is_escaped(unsigned char c)
{
    return c < ' ' || c == 0x7f || strchr("\"#%'*/:=?\\{[]^", c) != NULL;
}

void path_escape(Buffer *out, Str value)
{
    for (int64_t i = 0; i < value.length; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (is_escaped(c))
            buffer_printf(out, "%%%02X", c);
        else
            buffer_append_char(out, (char)c);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void path_unescape(Buffer *out, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        int high = -1;
        int low = -1;
        if (text.data[i] == '%' && i + 2 < text.length) {
            high = hex_value(text.data[i + 1]);
            low = hex_value(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            buffer_append_char(out, (char)(high << 4 | low));
            i += 2;
        } else {
            buffer_append_char(out, text.data[i]);
        }
    }
}

bool path_partition(Str relative, Str key, Str *escaped)
{
    while (relative.length > 0) {
        Str rest;
        Str folder = str_split(relative, '/', &rest);
        if (rest.data == NULL)
            return false;
        Str value;
        Str name = str_split(folder, '=', &value);
        if (value.data != NULL && str_equal(name, key)) {
            *escaped = value;
            return true;
        }
        relative = rest;
    }
    return false;
}

typedef struct Search {
    World *world;
    Arena *arena;
    const char *root;
    bool takes_hidden;
    List *out;
} Search;

static void search_add(const Search *search, const char *path, Str relative, const FileInfo *info)
{
    FoundFile *file = ARENA_NEW(search->arena, FoundFile);
    *file = (FoundFile){.path = path,
                        .relative = relative,
                        .size_bytes = info->size_bytes,
                        .modified_us = info->modified_us};
    list_append(search->out, search->arena, file);
}

/* What vanishes between being listed and being looked at is none, nor is a pipe or socket. */
static Status search_folder(const Search *search, const char *folder, int32_t depth, Error *error)
{
    const WorldKind *kind = search->world->kind;
    List names = {0};
    if (depth > DEPTH_MAX) {
        Status status =
            fail(error, ERR_LIMIT, "WR3402", "folders under `%s` lie deeper than %d: `%s`",
                 search->root, DEPTH_MAX, folder);
        error_hint(error, "a symbolic link that leads to a folder above it makes such a circle: "
                          "remove it, or point `path` at the folder that holds the data");
        return status;
    }
    TRY(kind->list(search->world, folder, search->arena, &names, error));
    for (int32_t i = 0; i < names.count; i++) {
        const char *name = LIST_AT(names, i, char);
        if (!search->takes_hidden && (name[0] == '.' || name[0] == '_'))
            continue;
        const char *path = arena_printf(search->arena, "%s/%s", folder, name);
        FileInfo info;
        Status status = kind->stat(search->world, path, &info, error);
        if (status == ERR_NOT_FOUND)
            continue;
        TRY(status);
        Str relative = str_from(path + strlen(search->root) + 1);
        if (info.is_folder) {
            status = search_folder(search, path, depth + 1, error);
            if (status != ERR_NOT_FOUND)
                TRY(status);
        } else if (info.is_file) {
            search_add(search, path, relative, &info);
        }
    }
    return OK;
}

static Status search_root(const Search *search, Error *error)
{
    FileInfo info;
    TRY(search->world->kind->stat(search->world, search->root, &info, error));
    if (info.is_folder)
        return search_folder(search, search->root, 0, error);
    const char *slash = strrchr(search->root, '/');
    search_add(search, search->root, str_from(slash == NULL ? search->root : slash + 1), &info);
    return OK;
}

Status paths_find(World *world, Arena *arena, const char *root, List *out, Error *error)
{
    Search search = {world, arena, root, false, out};
    return search_root(&search, error);
}

Status paths_find_hidden(World *world, Arena *arena, const char *root, List *out, Error *error)
{
    Search search = {world, arena, root, true, out};
    return search_root(&search, error);
}
