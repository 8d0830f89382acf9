/* Values by reference: ${env:NAME} and ${file:PATH}, so that secrets stay out of scripts. */
#include <assert.h>

#include "base/buffer.h"
#include "plan/options.h"

enum { OPTION_FILE_BYTES_MAX = 1024 * 1024 };

typedef struct Resolver {
    World *world;
    Arena *arena;
    OptionEntry *entry;
    OptionReport *report;
    void *context;
} Resolver;

static Status resolver_fail(Resolver *resolver, const char *message, const char *help)
{
    resolver->report(resolver->context, resolver->entry, "WR3005", message, help);
    return ERR_INVALID;
}

static Status resolve_environment(Resolver *resolver, Str name, Str *out)
{
    const char *terminated = str_terminated(resolver->arena, name);
    const char *value = world_environment(resolver->world, terminated);
    if (value == NULL)
        return resolver_fail(
            resolver,
            arena_printf(resolver->arena, "environment variable `%s` is not set", terminated),
            arena_printf(resolver->arena, "set it before the start: export %s=…", terminated));
    *out = str_copy(resolver->arena, str_from(value));
    return OK;
}

static Status resolve_file(Resolver *resolver, Str path, Str *out)
{
    Error error = {0};
    const char *terminated = str_terminated(resolver->arena, path);
    if (world_read_file(resolver->world, terminated, OPTION_FILE_BYTES_MAX, resolver->arena, out,
                        &error) != OK)
        return resolver_fail(resolver, arena_printf(resolver->arena, "%s", error.text), NULL);
    if (str_has_suffix(*out, STR("\n")))
        out->length--;
    if (str_has_suffix(*out, STR("\r")))
        out->length--;
    return OK;
}

/* `reference` is what stands between "${" and "}". False if it is none of ours. */
static bool reference_split(Str reference, bool *is_file, Str *name)
{
    *is_file = str_has_prefix(reference, STR("file:"));
    int64_t skip = *is_file ? 5 : 4;
    if (!*is_file && !str_has_prefix(reference, STR("env:")))
        return false;
    *name = str_make(reference.data + skip, reference.length - skip);
    return name->length > 0;
}

static Status resolve_into(Resolver *resolver, Buffer *out, bool *is_changed)
{
    Str rest = resolver->entry->value;
    while (rest.length > 0) {
        int64_t start = str_find(rest, STR("${"));
        Str tail = start < 0 ? (Str){0} : str_make(rest.data + start, rest.length - start);
        int64_t end = start < 0 ? -1 : str_find(tail, STR("}"));
        bool is_file;
        Str name;
        if (end < 0) {
            buffer_append_str(out, rest);
            return OK;
        }
        buffer_append_str(out, str_make(rest.data, start));
        if (reference_split(str_make(tail.data + 2, end - 2), &is_file, &name)) {
            Str value;
            TRY(is_file ? resolve_file(resolver, name, &value)
                        : resolve_environment(resolver, name, &value));
            buffer_append_str(out, value);
            *is_changed = true;
        } else {
            buffer_append_str(out, str_make(tail.data, end + 1));
        }
        rest = str_make(tail.data + end + 1, tail.length - end - 1);
    }
    return OK;
}

Status option_resolve(World *world, Arena *arena, OptionEntry *entry, OptionReport *report,
                      void *context)
{
    assert(entry != NULL && report != NULL);
    if (str_find(entry->value, STR("${")) < 0)
        return OK;
    Resolver resolver = {world, arena, entry, report, context};
    Buffer text = {0};
    bool is_changed = false;
    Status status = resolve_into(&resolver, &text, &is_changed);
    if (status == OK && is_changed) {
        entry->written = entry->value;
        entry->value = str_copy(arena, buffer_str(&text));
    }
    buffer_free(&text);
    return status;
}
