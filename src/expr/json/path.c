/* Reading a path, and following it through a document. */
#include "expr/json/path_internal.h"

#include <assert.h>

/* ---- Reading --------------------------------------------------------------------------- */

char path_peek(const PathReader *reader)
{
    return reader->at < reader->text.length ? reader->text.data[reader->at] : '\0';
}

void path_skip_spaces(PathReader *reader)
{
    while (path_peek(reader) == ' ' || path_peek(reader) == '\t' || path_peek(reader) == '\n')
        reader->at++;
}

bool path_accept(PathReader *reader, const char *token)
{
    Str wanted = str_from(token);
    Str rest = str_make(reader->text.data + reader->at, reader->text.length - reader->at);
    if (!str_has_prefix(rest, wanted))
        return false;
    reader->at += wanted.length;
    return true;
}

Status path_fail(PathReader *reader, const char *what)
{
    return fail(reader->error, ERR_INVALID, "WR2311",
                "the JSON path '%.*s' is not valid: %s at character %lld", STR_ARGS(reader->text),
                what, (long long)reader->at + 1);
}

Status path_read_integer(PathReader *reader, int64_t *out)
{
    int64_t start = reader->at;
    if (path_peek(reader) == '-')
        reader->at++;
    while (path_peek(reader) >= '0' && path_peek(reader) <= '9')
        reader->at++;
    Str digits = str_make(reader->text.data + start, reader->at - start);
    if (digits.length > 10 || !str_parse_int64(digits, out))
        return path_fail(reader, "a number is expected");
    return OK;
}

Status path_read_quoted(PathReader *reader, Str *out)
{
    char quote = path_peek(reader);
    assert(quote == '\'' || quote == '"');
    reader->at++;
    char *text = arena_allocate(reader->arena, reader->text.length - reader->at + 1);
    int64_t length = 0;
    while (path_peek(reader) != quote) {
        if (path_peek(reader) == '\\')
            reader->at++;
        if (reader->at >= reader->text.length)
            return path_fail(reader, "the quoted name does not end");
        text[length++] = path_peek(reader);
        reader->at++;
    }
    reader->at++;
    *out = str_make(text, length);
    return OK;
}

static bool is_name_end(char c)
{
    return c == '\0' || strchr(".[]() \t\n,=!<>&|", c) != NULL;
}

static Status read_function(PathReader *reader, Str name, Step *step)
{
    static const struct {
        const char *name;
        StepFunction function;
    } functions[] = {{"length", STEP_LENGTH}, {"size", STEP_LENGTH}, {"min", STEP_MIN},
                     {"max", STEP_MAX},       {"avg", STEP_AVERAGE}, {"sum", STEP_SUM},
                     {"first", STEP_FIRST},   {"last", STEP_LAST}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (!str_is(name, functions[i].name))
            continue;
        step->kind = STEP_FUNCTION;
        step->function = functions[i].function;
        return path_accept(reader, "()") ? OK : path_fail(reader, "`()` is expected");
    }
    return path_fail(reader, "there is no such function");
}

/* Behind a dot: a name, `*` or a function. */
static Status read_plain(PathReader *reader, Step *step)
{
    if (path_accept(reader, "*")) {
        step->kind = STEP_ALL;
        return OK;
    }
    int64_t start = reader->at;
    while (!is_name_end(path_peek(reader)))
        reader->at++;
    Str name = str_make(reader->text.data + start, reader->at - start);
    if (name.length == 0)
        return path_fail(reader, "a name is expected");
    if (path_peek(reader) == '(')
        return read_function(reader, name, step);
    Str *names = ARENA_NEW(reader->arena, Str);
    *names = name;
    step->kind = STEP_MEMBERS;
    step->names = names;
    step->count = 1;
    return OK;
}

static Status read_names(PathReader *reader, Step *step)
{
    List names = {0};
    do {
        path_skip_spaces(reader);
        if (path_peek(reader) != '\'' && path_peek(reader) != '"')
            return path_fail(reader, "a quoted name is expected");
        Str *name = ARENA_NEW(reader->arena, Str);
        TRY(path_read_quoted(reader, name));
        list_append(&names, reader->arena, name);
        path_skip_spaces(reader);
    } while (path_accept(reader, ","));
    Str *all = ARENA_ARRAY(reader->arena, Str, names.count);
    for (int32_t i = 0; i < names.count; i++)
        all[i] = *LIST_AT(names, i, Str);
    *step = (Step){.kind = STEP_MEMBERS, .names = all, .count = names.count};
    return OK;
}

static Status read_indexes(PathReader *reader, Step *step)
{
    enum { INDEXES_MAX = 100 };
    int64_t *indexes = ARENA_ARRAY(reader->arena, int64_t, INDEXES_MAX);
    int32_t count = 0;
    if (path_peek(reader) != ':') {
        do {
            path_skip_spaces(reader);
            if (count == INDEXES_MAX)
                return path_fail(reader, "there are too many indexes");
            TRY(path_read_integer(reader, &indexes[count++]));
            path_skip_spaces(reader);
        } while (path_accept(reader, ","));
    }
    *step = (Step){.kind = STEP_ITEMS, .indexes = indexes, .count = count};
    if (count > 1 || !path_accept(reader, ":"))
        return OK;
    step->kind = STEP_SLICE;
    step->has_from = count == 1;
    step->from = step->has_from ? indexes[0] : 0;
    path_skip_spaces(reader);
    step->has_to = path_peek(reader) != ']';
    if (step->has_to)
        TRY(path_read_integer(reader, &step->to));
    return OK;
}

/* Behind an opening bracket. */
static Status read_bracket(PathReader *reader, Step *step)
{
    path_skip_spaces(reader);
    char c = path_peek(reader);
    if (c == '\'' || c == '"') {
        TRY(read_names(reader, step));
    } else if (path_accept(reader, "*")) {
        step->kind = STEP_ALL;
    } else if (path_accept(reader, "?")) {
        step->kind = STEP_FILTER;
        path_skip_spaces(reader);
        if (!path_accept(reader, "("))
            return path_fail(reader, "`(` is expected");
        TRY(filter_read(reader, &step->filter));
        if (!path_accept(reader, ")"))
            return path_fail(reader, "`)` is expected");
    } else {
        TRY(read_indexes(reader, step));
    }
    path_skip_spaces(reader);
    return path_accept(reader, "]") ? OK : path_fail(reader, "`]` is expected");
}

static bool step_is_definite(const Step *step, bool is_last)
{
    switch (step->kind) {
    case STEP_MEMBERS: return step->count == 1 || is_last;
    case STEP_ITEMS: return step->count == 1;
    case STEP_FUNCTION: return true;
    case STEP_SLICE:
    case STEP_ALL:
    case STEP_DEEP:
    case STEP_FILTER: break;
    }
    return false;
}

static Status path_append(PathReader *reader, JsonPath *path, const Step *step)
{
    if (path->step_count == JSON_PATH_STEPS_MAX)
        return path_fail(reader, "it has too many steps");
    path->steps[path->step_count++] = *step;
    return OK;
}

Status path_read_steps(PathReader *reader, JsonPath *path)
{
    for (;;) {
        Step step = {0};
        if (path_accept(reader, "..")) {
            TRY(path_append(reader, path, &(Step){.kind = STEP_DEEP}));
            TRY(path_accept(reader, "[") ? read_bracket(reader, &step) : read_plain(reader, &step));
        } else if (path_accept(reader, ".")) {
            TRY(path_accept(reader, "[") ? read_bracket(reader, &step) : read_plain(reader, &step));
        } else if (path_accept(reader, "[")) {
            TRY(read_bracket(reader, &step));
        } else {
            break;
        }
        TRY(path_append(reader, path, &step));
        if (step.kind == STEP_FUNCTION)
            break;
    }
    path->is_definite = true;
    for (int32_t i = 0; i < path->step_count; i++)
        path->is_definite &= step_is_definite(&path->steps[i], i + 1 == path->step_count);
    return OK;
}

/* A word at the beginning, with white space behind it. */
static bool path_accept_mode(PathReader *reader, const char *word)
{
    Str wanted = str_from(word);
    if (reader->text.length - reader->at <= wanted.length)
        return false;
    Str start = str_make(reader->text.data + reader->at, wanted.length);
    char behind = reader->text.data[reader->at + wanted.length];
    if (!str_equal_ignoring_case(start, wanted) || (behind != ' ' && behind != '\t'))
        return false;
    reader->at += wanted.length;
    path_skip_spaces(reader);
    return true;
}

Status json_path_compile(Arena *arena, Str text, JsonPath **out, Error *error)
{
    PathReader reader = {.arena = arena, .text = text, .error = error};
    JsonPath *path = ARENA_NEW(arena, JsonPath);
    path_skip_spaces(&reader);
    path->is_lax = path_accept_mode(&reader, "lax");
    if (!path->is_lax)
        path_accept_mode(&reader, "strict");
    if (!path_accept(&reader, "$"))
        return path_fail(&reader, "`$` is expected");
    TRY(path_read_steps(&reader, path));
    path_skip_spaces(&reader);
    if (reader.at < text.length)
        return path_fail(&reader, "something else than `.` or `[` stands");
    *out = path;
    return OK;
}

bool json_path_is_lax(const JsonPath *path)
{
    return path->is_lax;
}

/* ---- Following ------------------------------------------------------------------------- */

typedef struct Walk {
    const JsonPath *path;
    JsonElement root;
    Arena *arena;
    JsonElement *items;
    int32_t count, capacity;
    JsonFound *merged; /* of members at the end */
    int32_t visits;
} Walk;

/* Several `..` in one path visit places again and again: more than this is no result. */
enum { WALK_VISITS_MAX = 1000000 };

static void walk_from(Walk *walk, int32_t step, JsonElement element);

static void walk_take(Walk *walk, JsonElement element)
{
    if (walk->count == walk->capacity) {
        int32_t capacity = walk->capacity == 0 ? 8 : walk->capacity * 2;
        JsonElement *items = ARENA_ARRAY(walk->arena, JsonElement, capacity);
        if (walk->count > 0)
            memcpy(items, walk->items, (size_t)walk->count * sizeof *items);
        walk->items = items;
        walk->capacity = capacity;
    }
    walk->items[walk->count++] = element;
}

static bool member_find(JsonElement object, Str name, JsonElement *out)
{
    JsonChildren children = json_children(object);
    bool is_found = false;
    Str key;
    JsonElement value;
    while (json_next(&children, &key, &value)) {
        if (str_equal(key, name)) {
            *out = value;
            is_found = true;
        }
    }
    return is_found;
}

static int64_t item_count(JsonElement array)
{
    JsonChildren children = json_children(array);
    int64_t count = 0;
    Str key;
    JsonElement value;
    while (json_next(&children, &key, &value))
        count++;
    return count;
}

/* Several members at the end of a definite path make one object. */
static void walk_merge(Walk *walk, const Step *step, JsonElement object)
{
    JsonFound *found = ARENA_NEW(walk->arena, JsonFound);
    Str *keys = ARENA_ARRAY(walk->arena, Str, step->count);
    found->kind = JSON_FOUND_MEMBERS;
    found->items = ARENA_ARRAY(walk->arena, JsonElement, step->count);
    found->keys = keys;
    for (int32_t i = 0; i < step->count; i++) {
        if (member_find(object, step->names[i], &found->items[found->count]))
            keys[found->count++] = step->names[i];
    }
    walk->merged = found;
}

static void walk_members(Walk *walk, int32_t index, JsonElement element)
{
    const Step *step = &walk->path->steps[index];
    if (json_element_type(element) != JSON_OBJECT)
        return;
    if (step->count > 1 && walk->path->is_definite) {
        walk_merge(walk, step, element);
        return;
    }
    for (int32_t i = 0; i < step->count; i++) {
        JsonElement value;
        if (member_find(element, step->names[i], &value))
            walk_from(walk, index + 1, value);
    }
}

/* Items from `first` to before `end`. */
static void walk_range(Walk *walk, int32_t index, JsonElement array, int64_t first, int64_t end)
{
    JsonChildren children = json_children(array);
    Str key;
    JsonElement value;
    for (int64_t i = 0; i < end && json_next(&children, &key, &value); i++) {
        if (i >= first)
            walk_from(walk, index + 1, value);
    }
}

static void walk_items(Walk *walk, int32_t index, JsonElement element)
{
    const Step *step = &walk->path->steps[index];
    if (json_element_type(element) != JSON_ARRAY)
        return;
    int64_t count = item_count(element);
    if (step->kind == STEP_SLICE) {
        int64_t first = step->from < 0 ? count + step->from : step->from;
        int64_t end = !step->has_to ? count : step->to < 0 ? count + step->to : step->to;
        walk_range(walk, index, element, first < 0 ? 0 : first, end);
        return;
    }
    for (int32_t i = 0; i < step->count; i++) {
        int64_t at = step->indexes[i] < 0 ? count + step->indexes[i] : step->indexes[i];
        if (at >= 0 && at < count)
            walk_range(walk, index, element, at, at + 1);
    }
}

static void walk_all(Walk *walk, int32_t index, JsonElement element)
{
    JsonType type = json_element_type(element);
    if (type != JSON_ARRAY && type != JSON_OBJECT)
        return;
    JsonChildren children = json_children(element);
    Str key;
    JsonElement value;
    while (json_next(&children, &key, &value))
        walk_from(walk, index + 1, value);
}

/* The step behind `..` here, then below. */
static void walk_deep(Walk *walk, int32_t index, JsonElement element)
{
    JsonType type = json_element_type(element);
    if (type != JSON_ARRAY && type != JSON_OBJECT)
        return;
    walk_from(walk, index + 1, element);
    JsonChildren children = json_children(element);
    Str key;
    JsonElement value;
    while (json_next(&children, &key, &value))
        walk_deep(walk, index, value);
}

/* The items of an array that pass, or the object itself. */
static void walk_filter(Walk *walk, int32_t index, JsonElement element)
{
    const Filter *filter = walk->path->steps[index].filter;
    JsonType type = json_element_type(element);
    if (type == JSON_OBJECT && filter_accepts(filter, element, walk->root, walk->arena))
        walk_from(walk, index + 1, element);
    if (type != JSON_ARRAY)
        return;
    JsonChildren children = json_children(element);
    Str key;
    JsonElement value;
    while (json_next(&children, &key, &value)) {
        if (filter_accepts(filter, value, walk->root, walk->arena))
            walk_from(walk, index + 1, value);
    }
}

static void walk_from(Walk *walk, int32_t step, JsonElement element)
{
    if (walk->visits++ >= WALK_VISITS_MAX)
        return;
    if (step == walk->path->step_count || walk->path->steps[step].kind == STEP_FUNCTION) {
        walk_take(walk, element);
        return;
    }
    switch (walk->path->steps[step].kind) {
    case STEP_MEMBERS: walk_members(walk, step, element); break;
    case STEP_ITEMS:
    case STEP_SLICE: walk_items(walk, step, element); break;
    case STEP_ALL: walk_all(walk, step, element); break;
    case STEP_DEEP: walk_deep(walk, step, element); break;
    case STEP_FILTER: walk_filter(walk, step, element); break;
    case STEP_FUNCTION: assert(!"the end of the path"); break;
    }
}

/* ---- Functions at the end -------------------------------------------------------------- */

static bool element_number(JsonElement element, double *out)
{
    switch (json_element_type(element)) {
    case JSON_INT: *out = (double)json_element_int(element); return true;
    case JSON_UNSIGNED: *out = (double)json_element_unsigned(element); return true;
    case JSON_REAL: *out = json_element_real(element); return true;
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_STRING:
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return false;
}

static JsonFound found_aggregate(StepFunction function, const JsonElement *items, int32_t count)
{
    double sum = 0, least = 0, most = 0;
    int32_t numbers = 0;
    for (int32_t i = 0; i < count; i++) {
        double number;
        if (!element_number(items[i], &number))
            continue;
        least = numbers == 0 || number < least ? number : least;
        most = numbers == 0 || number > most ? number : most;
        sum += number;
        numbers++;
    }
    if (numbers == 0)
        return (JsonFound){.kind = JSON_FOUND_NOTHING};
    JsonFound found = {.kind = JSON_FOUND_REAL, .real = sum};
    if (function == STEP_AVERAGE)
        found.real = sum / numbers;
    else if (function == STEP_MIN)
        found.real = least;
    else if (function == STEP_MAX)
        found.real = most;
    return found;
}

/* A function of a list found, or of the one array that is there. */
static JsonFound found_function(const Walk *walk, StepFunction function)
{
    Walk items = *walk;
    if (walk->path->is_definite) {
        if (walk->count == 0)
            return (JsonFound){.kind = JSON_FOUND_NOTHING};
        JsonElement only = walk->items[0];
        JsonType type = json_element_type(only);
        if (type != JSON_ARRAY && type != JSON_OBJECT)
            return (JsonFound){.kind = JSON_FOUND_NOTHING};
        items.items = NULL;
        items.count = items.capacity = 0;
        JsonChildren children = json_children(only);
        Str key;
        JsonElement value;
        while (json_next(&children, &key, &value))
            walk_take(&items, value);
    }
    if (function == STEP_LENGTH)
        return (JsonFound){.kind = JSON_FOUND_INTEGER, .integer = items.count};
    if (function == STEP_FIRST || function == STEP_LAST) {
        if (items.count == 0)
            return (JsonFound){.kind = JSON_FOUND_NOTHING};
        int32_t at = function == STEP_FIRST ? 0 : items.count - 1;
        return (JsonFound){.kind = JSON_FOUND_ELEMENT, .element = items.items[at]};
    }
    return found_aggregate(function, items.items, items.count);
}

JsonFound json_path_find(const JsonPath *path, JsonElement root, Arena *arena)
{
    Walk walk = {.path = path, .root = root, .arena = arena};
    walk_from(&walk, 0, root);
    if (walk.visits > WALK_VISITS_MAX)
        return (JsonFound){.kind = JSON_FOUND_NOTHING};
    int32_t last = path->step_count - 1;
    if (last >= 0 && path->steps[last].kind == STEP_FUNCTION)
        return found_function(&walk, path->steps[last].function);
    if (walk.merged != NULL)
        return *walk.merged;
    if (!path->is_definite)
        return (JsonFound){.kind = JSON_FOUND_LIST, .items = walk.items, .count = walk.count};
    if (walk.count == 0)
        return (JsonFound){.kind = JSON_FOUND_NOTHING};
    return (JsonFound){.kind = JSON_FOUND_ELEMENT, .element = walk.items[0]};
}
