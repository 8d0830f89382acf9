/* JSON lines.
 *
 * A window of whole lines is indexed at once. simdjson refuses a window that has a line with an
 * open quote, a raw control character or bytes that are no UTF-8; then the window shrinks until
 * the line stands alone, is dealt with, and the window grows again. */
#include "format/json_lines.h"

#include <assert.h>

enum {
    WINDOW_BYTES_MIN = 512,
    WINDOW_BYTES_MAX = 64 * 1024,
    LINE_BYTES_GUESS = 256,
    MEAN_WEIGHT = 8,
};

void json_lines_open(JsonLines *lines, const DecoderSpec *spec)
{
    lines->index = json_index_new();
    lines->reject = spec->reject;
    lines->reject_context = spec->reject_context;
    lines->window_bytes = WINDOW_BYTES_MAX;
    lines->line_bytes = LINE_BYTES_GUESS;
}

void json_lines_close(JsonLines *lines)
{
    if (lines->index != NULL)
        json_index_free(lines->index);
    buffer_free(&lines->escaped);
    buffer_free(&lines->message);
}

int64_t json_lines_last_end(Str bytes)
{
    const char *last = bytes.length == 0 ? NULL : memrchr(bytes.data, '\n', (size_t)bytes.length);
    return last == NULL ? 0 : last - bytes.data + 1;
}

static int64_t line_length(const char *at, int64_t left)
{
    const char *end = memchr(at, '\n', (size_t)left);
    return end == NULL ? left : end - at;
}

static void lines_reject(JsonLines *lines, int64_t offset, Str record, const char *code,
                         const char *reason)
{
    if (!lines->drops_rejects && lines->reject != NULL)
        lines->reject(lines->reject_context, offset, record, code, reason);
}

static void lines_take(JsonLines *lines, JsonWalk *walk, int64_t offset, Str record)
{
    const char *code = NULL;
    const char *reason = NULL;
    if (!lines->record(lines->context, walk, &code, &reason))
        lines_reject(lines, offset, record, code, reason);
}

/* Control characters inside strings, which Flink takes, as escapes. */
static Str lines_escape(JsonLines *lines, Str line)
{
    Buffer *out = &lines->escaped;
    out->length = 0;
    bool is_inside = false;
    for (int64_t i = 0; i < line.length; i++) {
        char c = line.data[i];
        if (is_inside && (unsigned char)c < ' ') {
            buffer_printf(out, "\\u%04x", (unsigned)c);
            continue;
        }
        buffer_append_char(out, c);
        if (c == '"')
            is_inside = !is_inside;
        else if (c == '\\' && is_inside && i + 1 < line.length)
            buffer_append_char(out, line.data[++i]);
    }
    memset(buffer_reserve(out, DECODER_PADDING), 0, DECODER_PADDING);
    return buffer_str(out);
}

/* One record that could not be indexed in company. */
static void lines_take_alone(JsonLines *lines, Str line, int64_t offset)
{
    Str text = line;
    if (line.length == 0)
        return;
    JsonIndexResult result = json_index_scan(lines->index, text.data, text.length);
    if (result == JSON_INDEX_CONTROL) {
        text = lines_escape(lines, line);
        result = json_index_scan(lines->index, text.data, text.length);
    }
    if (result == JSON_INDEX_OK) {
        JsonWalk walk = {.base = text.data, .end = (uint32_t)text.length};
        walk.at = json_index_positions(lines->index);
        if (json_index_count(lines->index) > 0)
            lines_take(lines, &walk, offset, line);
        return;
    }
    lines_reject(lines, offset, line, "WR3501",
                 result == JSON_INDEX_UTF8       ? "the record is not utf-8"
                 : result == JSON_INDEX_UNCLOSED ? "a string is not closed"
                                                 : "malformed json");
}

typedef struct LinesRoom {
    const Batch *batch;
    int32_t capacity;
    int32_t rows_per_record;
} LinesRoom;

/* An empty batch takes one record in any case: who reads it makes room. */
static inline int32_t room_records(const LinesRoom *room)
{
    int32_t records = (room->capacity - room->batch->row_count) / room->rows_per_record;
    return records <= 0 && room->batch->row_count == 0 ? 1 : records;
}

/* Walk the lines of an indexed window; returns the bytes consumed. */
static int64_t lines_walk(JsonLines *lines, Str window, int64_t offset, const LinesRoom *room)
{
    JsonWalk walk = {.base = window.data, .at = json_index_positions(lines->index)};
    int64_t at = 0;
    int64_t records = 0;
    while (at < window.length && room_records(room) > 0) {
        int64_t length = line_length(window.data + at, window.length - at);
        walk.end = (uint32_t)(at + length);
        if (*walk.at < walk.end) {
            lines_take(lines, &walk, offset + at, str_make(window.data + at, length));
            records++;
        }
        while (*walk.at < walk.end)
            walk.at++;
        at += length + 1;
    }
    at = at < window.length ? at : window.length;
    if (records > 0)
        lines->line_bytes += (at / records - lines->line_bytes) / MEAN_WEIGHT;
    return at;
}

/* Whole lines, about as many as there is room for; at least one. */
static int64_t lines_window(const JsonLines *lines, Str rest, int64_t records)
{
    int64_t bytes = (lines->line_bytes + 1) * records;
    bytes = bytes < lines->window_bytes ? bytes : lines->window_bytes;
    if (bytes >= rest.length)
        return rest.length;
    int64_t whole = json_lines_last_end(str_make(rest.data, bytes));
    if (whole > 0)
        return whole;
    int64_t first = line_length(rest.data, rest.length);
    return first < rest.length ? first + 1 : first;
}

void json_lines_decode(JsonLines *lines, Str block, Batch *into, int32_t capacity, int64_t *used)
{
    assert(block.length <= UINT32_MAX && lines->rows_per_record > 0);
    LinesRoom room = {into, capacity - lines->rows_spare, lines->rows_per_record};
    int64_t at = 0;
    while (at < block.length && room_records(&room) > 0) {
        Str rest = str_make(block.data + at, block.length - at);
        Str window = str_make(rest.data, lines_window(lines, rest, room_records(&room)));
        JsonIndexResult result = json_index_scan(lines->index, window.data, window.length);
        int64_t first = line_length(window.data, window.length);
        if (result == JSON_INDEX_OK) {
            if (json_index_count(lines->index) > 0)
                at += lines_walk(lines, window, at, &room);
            else
                at += window.length;
            if (lines->window_bytes < WINDOW_BYTES_MAX)
                lines->window_bytes *= 2;
        } else if (first + 1 >= window.length || lines->window_bytes <= WINDOW_BYTES_MIN) {
            lines_take_alone(lines, str_make(window.data, first), at);
            at += first + 1;
        } else {
            lines->window_bytes /= 8;
        }
    }
    *used = at < block.length ? at : block.length;
}

/* Copied for its padding. */
void json_lines_message(JsonLines *lines, Str message)
{
    Buffer *copy = &lines->message;
    copy->length = 0;
    memset(buffer_reserve(copy, message.length + DECODER_PADDING) + message.length, 0,
           DECODER_PADDING);
    buffer_append_str(copy, message);
    lines_take_alone(lines, buffer_str(copy), 0);
}
