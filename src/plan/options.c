/* Binding WITH clauses to option tables. */
#include "plan/options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "sql/diagnostics.h"

enum { OPTION_KEYS_MAX = 512 };

typedef struct BoundOption {
    OptionEntry entry;
    const OptionSpec *spec; /* NULL under a free prefix */
    int64_t integer;        /* INT, DURATION, BYTES, BOOL */
    double real;
    const char *terminated; /* the value */
} BoundOption;

/* Bound once, then only read: several threads do. */
struct OptionSet {
    Arena *arena; /* of the binding */
    BoundOption *options;
    int32_t count;
    const OptionTable *tables;
    int32_t table_count;
};

/* What one call of options_bind works with. */
typedef struct OptionBinder {
    OptionSet *set;
    const OptionRequest *request;
    bool is_failed;
} OptionBinder;

static void binder_report(OptionBinder *binder, const OptionEntry *entry, const char *code,
                          const char *message, const char *help)
{
    binder->is_failed = true;
    binder->request->report(binder->request->context, entry, code, message, help);
}

/* `pattern` equals the key, '#' standing for one or more bytes. */
static bool key_matches(Str pattern, Str key)
{
    int64_t hash = str_find(pattern, STR("#"));
    if (hash < 0)
        return str_equal(pattern, key);
    Str before = str_make(pattern.data, hash);
    Str after = str_make(pattern.data + hash + 1, pattern.length - hash - 1);
    return key.length > before.length + after.length && str_has_prefix(key, before) &&
           str_has_suffix(key, after);
}

static const OptionSpec *tables_find(const OptionTable *tables, int32_t table_count, Str key)
{
    for (int32_t t = 0; t < table_count; t++) {
        Str prefix = str_from(tables[t].prefix);
        if (!str_has_prefix(key, prefix))
            continue;
        Str rest = str_make(key.data + prefix.length, key.length - prefix.length);
        for (int32_t i = 0; i < tables[t].count; i++) {
            if (key_matches(str_from(tables[t].specs[i].key), rest))
                return &tables[t].specs[i];
        }
    }
    return NULL;
}

static bool key_is_free(const char *const *free_prefixes, Str key)
{
    for (int32_t i = 0; free_prefixes != NULL && free_prefixes[i] != NULL; i++) {
        Str prefix = str_from(free_prefixes[i]);
        if (key.length > prefix.length && str_has_prefix(key, prefix))
            return true;
    }
    return false;
}

static bool bool_parse(Str text, int64_t *out)
{
    *out = str_equal_ignoring_case(text, STR("true"));
    return *out == 1 || str_equal_ignoring_case(text, STR("false"));
}

static bool double_parse(Str text, double *out)
{
    char terminated[128];
    char *end;
    text = str_trim(text);
    if (text.length >= (int64_t)sizeof terminated)
        return false;
    memcpy(terminated, text.data, (size_t)text.length);
    terminated[text.length] = '\0';
    *out = strtod(terminated, &end);
    return end != terminated && *end == '\0';
}

/* The choice as the table spells it; false if it is none. */
static bool enum_parse(const char *choices, Str text, Str *out)
{
    Str rest = str_from(choices);
    while (rest.data != NULL) {
        Str choice = str_split(rest, '|', &rest);
        if (str_equal_ignoring_case(choice, text)) {
            *out = choice;
            return true;
        }
    }
    return false;
}

static bool has_range(const OptionSpec *spec)
{
    return spec->least != 0 || spec->most != 0;
}

static bool int_parse(const OptionSpec *spec, Str text, int64_t *out)
{
    return str_parse_int64(str_trim(text), out) &&
           (!has_range(spec) || (*out >= spec->least && *out <= spec->most));
}

static bool option_parse(const OptionSpec *spec, Str text, BoundOption *out)
{
    switch (spec->type) {
    case OPTION_TEXT: return true;
    case OPTION_INT: return int_parse(spec, text, &out->integer);
    case OPTION_DOUBLE: return double_parse(text, &out->real);
    case OPTION_BOOL: return bool_parse(str_trim(text), &out->integer);
    case OPTION_DURATION: return duration_parse(text, &out->integer);
    case OPTION_BYTES: return bytes_parse(text, &out->integer);
    case OPTION_ENUM: return enum_parse(spec->choices, str_trim(text), &out->entry.value);
    }
    return false;
}

static const char *option_expectation(Arena *arena, const OptionSpec *spec)
{
    switch (spec->type) {
    case OPTION_TEXT: return "text";
    case OPTION_INT:
        if (!has_range(spec))
            return "a whole number";
        if (spec->most == INT64_MAX)
            return arena_printf(arena, "a whole number from %lld on", (long long)spec->least);
        return arena_printf(arena, "a whole number from %lld to %lld", (long long)spec->least,
                            (long long)spec->most);
    case OPTION_DOUBLE: return "a number";
    case OPTION_BOOL: return "'true' or 'false'";
    case OPTION_DURATION: return "a duration such as '500 ms', '10 s' or '1 min'";
    case OPTION_BYTES: return "a size such as '64 kb' or '128 mb'";
    case OPTION_ENUM: {
        Buffer text = {0};
        buffer_append_text(&text, "one of ");
        for (const char *c = spec->choices; *c != '\0'; c++) {
            if (*c == '|')
                buffer_append_text(&text, ", ");
            else
                buffer_append_char(&text, *c);
        }
        const char *copy = str_terminated(arena, buffer_str(&text));
        buffer_free(&text);
        return copy;
    }
    }
    return "another value";
}

/* The best few of the choices for a mistyped one. */
static const char *enum_help(Arena *arena, const OptionSpec *spec, Str text)
{
    Str choices[64], best[SUGGESTIONS_MAX];
    int32_t count = 0;
    Str rest = str_from(spec->choices);
    while (rest.data != NULL && count < 64)
        choices[count++] = str_split(rest, '|', &rest);
    int32_t found = diagnostics_find_similar(choices, count, str_trim(text), best);
    return found > 0 ? arena_printf(arena, "did you mean '%.*s'?", STR_ARGS(best[0])) : NULL;
}

/* The pattern with what the given key has in the place of '#': between its first dot and its last,
 * as it stands in `fields.#.min`. */
static Str key_for(Arena *arena, const char *pattern, Str given)
{
    int64_t hash = str_find(str_from(pattern), STR("#")), first = str_find(given, STR("."));
    if (hash < 0 || first < 0)
        return str_from(pattern);
    int64_t last = given.length - 1;
    while (given.data[last] != '.')
        last--;
    if (last == first)
        return str_from(pattern);
    return str_from(arena_printf(arena, "%.*s%.*s%s", (int)hash, pattern, (int)(last - 1 - first),
                                 given.data + first + 1, pattern + hash + 1));
}

/* All keys, patterns made fit for one that is given. */
static int32_t tables_keys(const OptionSet *set, Str given, Str *keys)
{
    int32_t count = 0;
    for (int32_t t = 0; t < set->table_count; t++) {
        for (int32_t i = 0; i < set->tables[t].count && count < OPTION_KEYS_MAX; i++) {
            const char *prefix = set->tables[t].prefix;
            const char *key = set->tables[t].specs[i].key;
            keys[count++] =
                key_for(set->arena, arena_printf(set->arena, "%s%s", prefix, key), given);
        }
    }
    return count;
}

static void binder_report_unknown(OptionBinder *binder, const OptionEntry *entry)
{
    Arena *arena = binder->set->arena;
    Str *keys = ARENA_ARRAY(arena, Str, OPTION_KEYS_MAX);
    int32_t count = tables_keys(binder->set, entry->key, keys);
    Str best[SUGGESTIONS_MAX];
    int32_t found = diagnostics_find_similar(keys, count, entry->key, best);
    Buffer help = {0};
    if (found > 0)
        buffer_printf(&help, "did you mean `%.*s`? ", STR_ARGS(best[0]));
    buffer_append_text(&help, "supported options are ");
    count = tables_keys(binder->set, (Str){0}, keys);
    for (int32_t i = 0; i < count; i++)
        buffer_printf(&help, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(keys[i]));
    binder_report(binder, entry, "WR3001",
                  arena_printf(arena, "unsupported option `%.*s` for %s", STR_ARGS(entry->key),
                               binder->request->owner),
                  str_terminated(arena, buffer_str(&help)));
    buffer_free(&help);
}

static void binder_report_value(OptionBinder *binder, const OptionSpec *spec,
                                const OptionEntry *entry)
{
    Arena *arena = binder->set->arena;
    const char *message;
    bool is_hidden = spec->is_secret || entry->written.data != NULL;
    const char *expected = option_expectation(arena, spec);
    if (is_hidden)
        message = arena_printf(arena, "invalid value for option `%.*s`: expected %s",
                               STR_ARGS(entry->key), expected);
    else
        message = arena_printf(arena, "invalid value '%.*s' for option `%.*s`: expected %s",
                               STR_ARGS(entry->value), STR_ARGS(entry->key), expected);
    const char *help = NULL;
    if (spec->type == OPTION_ENUM && !is_hidden)
        help = enum_help(arena, spec, entry->value);
    binder_report(binder, entry, "WR3003", message, help);
}

static BoundOption *set_find(const OptionSet *set, Str key)
{
    for (int32_t i = 0; i < set->count; i++) {
        if (str_equal(set->options[i].entry.key, key))
            return &set->options[i];
    }
    return NULL;
}

static void binder_add(OptionBinder *binder, const OptionEntry *entry)
{
    OptionSet *set = binder->set;
    if (set_find(set, entry->key) != NULL) {
        binder_report(
            binder, entry, "WR3004",
            arena_printf(set->arena, "option `%.*s` is given twice", STR_ARGS(entry->key)), NULL);
        return;
    }
    const OptionSpec *spec = tables_find(set->tables, set->table_count, entry->key);
    if (spec == NULL && !key_is_free(binder->request->free_prefixes, entry->key)) {
        binder_report_unknown(binder, entry);
        return;
    }
    BoundOption *bound = &set->options[set->count];
    *bound = (BoundOption){.entry = *entry, .spec = spec};
    if (spec != NULL && !option_parse(spec, entry->value, bound)) {
        binder_report_value(binder, spec, entry);
        return;
    }
    bound->terminated = str_terminated(set->arena, bound->entry.value);
    set->count++;
}

/* It was reported already, with the key as what was meant. */
static bool binder_is_misspelt(const OptionBinder *binder, const OptionEntry *entry, Str key)
{
    const OptionSet *set = binder->set;
    Str best[SUGGESTIONS_MAX];
    return tables_find(set->tables, set->table_count, entry->key) == NULL &&
           !key_is_free(binder->request->free_prefixes, entry->key) &&
           diagnostics_find_similar(&key, 1, entry->key, best) > 0;
}

static void binder_check_required(OptionBinder *binder)
{
    const OptionSet *set = binder->set;
    const OptionRequest *request = binder->request;
    for (int32_t t = 0; t < set->table_count; t++) {
        for (int32_t i = 0; i < set->tables[t].count; i++) {
            const OptionSpec *spec = &set->tables[t].specs[i];
            if (!spec->is_required)
                continue;
            const char *key = arena_printf(set->arena, "%s%s", set->tables[t].prefix, spec->key);
            bool is_given = false;
            for (int32_t e = 0; e < request->entry_count; e++)
                is_given = is_given || str_is(request->entries[e].key, key) ||
                           binder_is_misspelt(binder, &request->entries[e], str_from(key));
            if (is_given)
                continue;
            binder_report(binder, NULL, "WR3002",
                          arena_printf(set->arena, "required option `%s` of %s is missing", key,
                                       binder->request->owner),
                          spec->help);
        }
    }
}

Status options_bind(Arena *arena, const OptionRequest *request, OptionSet **out)
{
    assert(request->entry_count >= 0 && request->table_count >= 0);
    assert(request->report != NULL);
    OptionSet *set = ARENA_NEW(arena, OptionSet);
    set->arena = arena;
    set->options = ARENA_ARRAY(arena, BoundOption, request->entry_count + 1);
    set->tables =
        arena_copy(arena, request->tables, (int64_t)sizeof(OptionTable) * request->table_count);
    set->table_count = request->table_count;
    OptionBinder binder = {.set = set, .request = request};
    for (int32_t i = 0; i < request->entry_count; i++)
        binder_add(&binder, &request->entries[i]);
    binder_check_required(&binder);
    *out = set;
    return binder.is_failed ? ERR_INVALID : OK;
}

bool options_has(const OptionSet *options, const char *key)
{
    return set_find(options, str_from(key)) != NULL;
}

/* The given value, or the default parsed. Without either `entry.value` has no data. */
static BoundOption options_get(const OptionSet *options, const char *key, OptionType type)
{
    const BoundOption *given = set_find(options, str_from(key));
    const OptionSpec *spec = given != NULL ? given->spec : NULL;
    if (given == NULL)
        spec = tables_find(options->tables, options->table_count, str_from(key));
    assert(spec == NULL || spec->type == type ||
           (type == OPTION_TEXT && spec->type == OPTION_ENUM));
    assert(given != NULL || spec != NULL);
    if (given != NULL)
        return *given;
    BoundOption bound = {.spec = spec};
    if (spec->default_text != NULL) {
        bound.entry.value = str_from(spec->default_text);
        bound.terminated = spec->default_text;
        bool is_parsed = option_parse(spec, bound.entry.value, &bound);
        assert(is_parsed);
    }
    return bound;
}

Str options_text(const OptionSet *options, const char *key)
{
    return options_get(options, key, OPTION_TEXT).entry.value;
}

const char *options_terminated(const OptionSet *options, const char *key)
{
    const char *text = options_get(options, key, OPTION_TEXT).terminated;
    return text == NULL ? "" : text;
}

int64_t options_int(const OptionSet *options, const char *key)
{
    return options_get(options, key, OPTION_INT).integer;
}

double options_double(const OptionSet *options, const char *key)
{
    return options_get(options, key, OPTION_DOUBLE).real;
}

bool options_bool(const OptionSet *options, const char *key)
{
    return options_get(options, key, OPTION_BOOL).integer != 0;
}

int64_t options_duration_us(const OptionSet *options, const char *key)
{
    return options_get(options, key, OPTION_DURATION).integer;
}

int64_t options_bytes(const OptionSet *options, const char *key)
{
    return options_get(options, key, OPTION_BYTES).integer;
}

int32_t options_count(const OptionSet *options)
{
    return options->count;
}

OptionEntry options_at(const OptionSet *options, int32_t index)
{
    assert(index >= 0 && index < options->count);
    return options->options[index].entry;
}

OptionEntry options_entry(const OptionSet *options, const char *key)
{
    for (int32_t i = 0; i < options->count; i++)
        if (str_is(options->options[i].entry.key, key))
            return options->options[i].entry;
    return (OptionEntry){.key = str_from(key)};
}

static bool key_has_word(Str key, Str word)
{
    for (int64_t i = 0; i + word.length <= key.length; i++)
        if (str_equal_ignoring_case(str_make(key.data + i, word.length), word))
            return true;
    return false;
}

bool options_is_extension(const OptionSet *options, int32_t index)
{
    assert(index >= 0 && index < options->count);
    const OptionSpec *spec = options->options[index].spec;
    return spec != NULL && spec->is_extension;
}

bool options_is_secret(const OptionSet *options, Str key)
{
    const BoundOption *given = set_find(options, key);
    const OptionSpec *spec = given != NULL ? given->spec : NULL;
    if (spec == NULL)
        spec = tables_find(options->tables, options->table_count, key);
    if (spec != NULL)
        return spec->is_secret;
    /* Under a free prefix nothing is declared: judge by the name. */
    return key_has_word(key, STR("password")) || key_has_word(key, STR("secret")) ||
           key_has_word(key, STR("token")) || key_has_word(key, STR("credential"));
}

Str options_shown(const OptionSet *options, int32_t index)
{
    OptionEntry entry = options_at(options, index);
    if (entry.written.data != NULL)
        return entry.written;
    return options_is_secret(options, entry.key) ? STR("******") : entry.value;
}
