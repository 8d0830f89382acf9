#include "format/json_records.h"

#include "base/memory.h"
#include "format/json_row.h"

enum { DEPTH_MAX = 64 };

struct JsonRecords {
    JsonIndex *index;
};

JsonRecords *json_records_new(void)
{
    JsonRecords *records = memory_allocate(sizeof *records);
    records->index = json_index_new();
    return records;
}

void json_records_free(JsonRecords *records)
{
    if (records == NULL)
        return;
    json_index_free(records->index);
    memory_free(records);
}

static const char *records_index(JsonRecords *records, Str text, JsonWalk *walk)
{
    if (text.length == 0 || text.length > UINT32_MAX)
        return text.length == 0 ? "it is empty" : "it is too long";
    switch (json_index_scan(records->index, text.data, text.length)) {
    case JSON_INDEX_OK: break;
    case JSON_INDEX_CONTROL: return "a string has a control character";
    case JSON_INDEX_UNCLOSED: return "a string is not closed";
    case JSON_INDEX_UTF8: return "it is not utf-8";
    case JSON_INDEX_FAILED: return "malformed json";
    }
    if (json_index_count(records->index) == 0)
        return "it is empty";
    *walk = (JsonWalk){.base = text.data,
                       .at = json_index_positions(records->index),
                       .end = (uint32_t)text.length};
    return NULL;
}

/* ---- Checking ---------------------------------------------------------------------------- */

static bool number_is_whole(Str text)
{
    int64_t at = 0;
    at += at < text.length && text.data[at] == '-';
    int64_t digits = at;
    while (at < text.length && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    if (at == digits || (text.data[digits] == '0' && at > digits + 1))
        return false;
    if (at < text.length && text.data[at] == '.') {
        digits = ++at;
        while (at < text.length && text.data[at] >= '0' && text.data[at] <= '9')
            at++;
        if (at == digits)
            return false;
    }
    if (at < text.length && (text.data[at] | 0x20) == 'e') {
        at++;
        at += at < text.length && (text.data[at] == '+' || text.data[at] == '-');
        digits = at;
        while (at < text.length && text.data[at] >= '0' && text.data[at] <= '9')
            at++;
        if (at == digits)
            return false;
    }
    return at == text.length;
}

static bool scalar_is_whole(const JsonWalk *walk, uint32_t start)
{
    Str text = json_walk_scalar(walk, start);
    if (text.data[0] == '"')
        return text.length >= 2 && text.data[text.length - 1] == '"';
    return str_is(text, "true") || str_is(text, "false") || str_is(text, "null") ||
           number_is_whole(text);
}

typedef enum Expected { EXPECT_VALUE, EXPECT_FIRST, EXPECT_MORE, EXPECT_DONE } Expected;

/* One value from the walk's next token on; false where it is none. Objects and arrays are on a
 * stack of their closing brackets. */
static bool walk_check(JsonWalk *walk)
{
    char closing[DEPTH_MAX];
    int32_t depth = 0;
    Expected expected = EXPECT_VALUE;
    uint32_t at = 0;
    while (expected != EXPECT_DONE) {
        char c = json_walk_next(walk, &at);
        bool is_end = depth > 0 && c == closing[depth - 1];
        if (expected == EXPECT_MORE && c == ',') {
            c = json_walk_next(walk, &at);
            is_end = false;
        } else if (expected == EXPECT_MORE && !is_end) {
            return false;
        }
        if (is_end && expected != EXPECT_VALUE) {
            depth--;
        } else {
            if (depth > 0 && closing[depth - 1] == '}') {
                if (c != '"' || !scalar_is_whole(walk, at) || json_walk_next(walk, &at) != ':')
                    return false;
                c = json_walk_next(walk, &at);
            }
            if (c == '{' || c == '[') {
                if (depth == DEPTH_MAX)
                    return false;
                closing[depth++] = c == '{' ? '}' : ']';
                expected = EXPECT_FIRST;
                continue;
            }
            if (!json_begins_scalar(c) || !scalar_is_whole(walk, at))
                return false;
        }
        expected = depth == 0 ? EXPECT_DONE : EXPECT_MORE;
    }
    return *walk->at >= walk->end;
}

const char *json_records_fault(JsonRecords *records, Str text)
{
    JsonWalk walk;
    const char *fault = records_index(records, text, &walk);
    if (fault == NULL && !walk_check(&walk))
        fault = "malformed json";
    return fault;
}

/* ---- Taking apart ------------------------------------------------------------------------ */

static void records_add(Str **out, int32_t *count, Str record)
{
    if ((*count & (*count - 1)) == 0) {
        int64_t capacity = *count == 0 ? 1 : (int64_t)*count * 2;
        *out = memory_resize(*out, (int64_t)sizeof(Str) * capacity);
    }
    (*out)[(*count)++] = record;
}

static Str trimmed(const char *base, uint32_t start, uint32_t end)
{
    while (end > start && json_is_space(base[end - 1]))
        end--;
    return str_make(base + start, end - start);
}

/* The elements of the array whose bracket was taken last. */
static const char *walk_split(JsonWalk *walk, Str **out, int32_t *count)
{
    uint32_t at = 0;
    char c = json_walk_next(walk, &at);
    if (c == ']')
        return *walk->at >= walk->end ? NULL : "something follows the array";
    for (;;) {
        uint32_t start = at;
        if (!json_begins_value(c))
            return "an array element is no value";
        if ((c == '{' || c == '[') && !json_walk_skip_nested(walk, &at))
            return "an array element does not end";
        uint32_t limit = json_walk_limit(walk);
        c = json_walk_next(walk, &at);
        if (c != ',' && c != ']')
            return "the array does not end";
        records_add(out, count, trimmed(walk->base, start, limit));
        if (c == ']')
            return *walk->at >= walk->end ? NULL : "something follows the array";
        c = json_walk_next(walk, &at);
    }
}

const char *json_records_split(JsonRecords *records, Str text, Arena *arena, Str **out,
                               int32_t *count)
{
    JsonWalk walk;
    Str *found = NULL;
    *count = 0;
    const char *fault = records_index(records, text, &walk);
    if (fault != NULL)
        return fault;
    uint32_t start = 0;
    if (json_walk_next(&walk, &start) == '[')
        fault = walk_split(&walk, &found, count);
    else
        records_add(&found, count, trimmed(walk.base, start, (uint32_t)text.length));
    *out = arena_copy(arena, found, (int64_t)sizeof(Str) * *count);
    memory_free(found);
    return fault;
}

/* ---- Members ----------------------------------------------------------------------------- */

bool json_records_member(JsonRecords *records, Str text, Str name, Buffer *scratch, Str *out)
{
    JsonWalk walk;
    uint32_t at = 0;
    if (records_index(records, text, &walk) != NULL || json_walk_next(&walk, &at) != '{')
        return false;
    for (;;) {
        if (json_walk_next(&walk, &at) != '"')
            return false;
        Str key = json_walk_scalar(&walk, at);
        if (json_walk_next(&walk, &at) != ':')
            return false;
        char c = json_walk_next(&walk, &at);
        if (key.length == name.length + 2 &&
            memcmp(key.data + 1, name.data, (size_t)name.length) == 0) {
            Str raw = json_walk_scalar(&walk, at);
            *out = raw;
            if (c == '"')
                return raw.length >= 2 &&
                       json_unescape(str_make(raw.data + 1, raw.length - 2), scratch, out);
            return json_begins_scalar(c) && c != 'n';
        }
        if ((c == '{' || c == '[') && !json_walk_skip_nested(&walk, &at))
            return false;
        if (json_walk_next(&walk, &at) != ',')
            return false;
    }
}

bool json_records_is_utf8(Str text)
{
    return json_index_is_utf8(text.data, text.length) != 0;
}
