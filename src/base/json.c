/* JSON writer. */
#include "base/json.h"

#include <assert.h>

#include "base/scan.h"

static void json_before_item(JsonWriter *json)
{
    if (json->is_after_key) {
        json->is_after_key = false;
        return;
    }
    if (json->has_item[json->depth])
        buffer_append_char(json->out, ',');
    json->has_item[json->depth] = true;
}

static void json_open(JsonWriter *json, char bracket)
{
    json_before_item(json);
    assert(json->depth + 1 < JSON_DEPTH_MAX);
    json->depth++;
    json->has_item[json->depth] = false;
    buffer_append_char(json->out, bracket);
}

static void json_shut(JsonWriter *json, char bracket)
{
    assert(json->depth > 0);
    assert(!json->is_after_key);
    json->depth--;
    buffer_append_char(json->out, bracket);
}

void json_begin_object(JsonWriter *json)
{
    json_open(json, '{');
}

void json_end_object(JsonWriter *json)
{
    json_shut(json, '}');
}

void json_begin_array(JsonWriter *json)
{
    json_open(json, '[');
}

void json_end_array(JsonWriter *json)
{
    json_shut(json, ']');
}

void json_key_str(JsonWriter *json, Str key)
{
    assert(!json->is_after_key);
    json_before_item(json);
    json_append_quoted(json->out, key);
    buffer_append_char(json->out, ':');
    json->is_after_key = true;
}

void json_key(JsonWriter *json, const char *key)
{
    json_key_str(json, str_from(key));
}

void json_str(JsonWriter *json, Str value)
{
    json_before_item(json);
    json_append_quoted(json->out, value);
}

void json_text(JsonWriter *json, const char *value)
{
    json_str(json, str_from(value));
}

void json_int(JsonWriter *json, int64_t value)
{
    json_before_item(json);
    buffer_printf(json->out, "%lld", (long long)value);
}

void json_bool(JsonWriter *json, bool value)
{
    json_before_item(json);
    buffer_append_text(json->out, value ? "true" : "false");
}

void json_null(JsonWriter *json)
{
    json_before_item(json);
    buffer_append_text(json->out, "null");
}

void json_raw(JsonWriter *json, Str value)
{
    json_before_item(json);
    buffer_append_str(json->out, value);
}

/* Length of the well-formed UTF-8 sequence at `at`, or 0. */
static int utf8_length(const unsigned char *at, int64_t left)
{
    unsigned char first = at[0];
    int length = first < 0x80   ? 1
                 : first < 0xc2 ? 0
                 : first < 0xe0 ? 2
                 : first < 0xf0 ? 3
                 : first < 0xf5 ? 4
                                : 0;
    if (length == 0 || length > left)
        return 0;
    for (int i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ||
        (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

static void append_escaped(Buffer *out, unsigned char c)
{
    switch (c) {
    case '"': buffer_append_text(out, "\\\""); break;
    case '\\': buffer_append_text(out, "\\\\"); break;
    case '\n': buffer_append_text(out, "\\n"); break;
    case '\r': buffer_append_text(out, "\\r"); break;
    case '\t': buffer_append_text(out, "\\t"); break;
    case '\b': buffer_append_text(out, "\\b"); break;
    case '\f': buffer_append_text(out, "\\f"); break;
    default: buffer_printf(out, "\\u%04X", c); break;
    }
}

void json_append_quoted(Buffer *out, Str value)
{
    const char *at = value.data;
    const char *end = at + value.length;
    buffer_append_char(out, '"');
    for (;;) {
        const char *special = scan_to_json_special(at, end);
        buffer_append(out, at, special - at);
        if (special == end)
            break;
        at = special;
        int length = (int8_t)*at >= 0 ? 0 : utf8_length((const unsigned char *)at, end - at);
        if ((int8_t)*at >= 0)
            append_escaped(out, (unsigned char)*at);
        else if (length == 0)
            buffer_append_text(out, "\xef\xbf\xbd");
        else
            buffer_append(out, at, length);
        at += length > 0 ? length : 1;
    }
    buffer_append_char(out, '"');
}
