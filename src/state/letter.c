/* Reading dead letters. */
#include "state/letter.h"

#include <string.h>

#include "base/base64.h"
#include "base/buffer.h"

enum { READ_BYTES = 1 << 20 };

/* ---- One line ------------------------------------------------------------------------------ */

static void append_utf8(Buffer *out, uint32_t c)
{
    if (c < 0x80) {
        buffer_append_u8(out, (uint8_t)c);
        return;
    }
    if (c >= 0x800)
        buffer_append_u8(out, (uint8_t)(0xe0 | c >> 12));
    buffer_append_u8(out, (uint8_t)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6));
    buffer_append_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
}

static bool take_hex(const char *at, uint32_t *out)
{
    *out = 0;
    for (int32_t i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

/* What stands behind a backslash; *at is moved behind it. */
static bool take_escape(const char **at, const char *end, Buffer *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (*at == end)
        return false;
    char c = *(*at)++;
    const char *found = c == '\0' ? NULL : strchr(from, c);
    if (found != NULL) {
        buffer_append_char(out, to[found - from]);
        return true;
    }
    uint32_t code;
    if (c != 'u' || end - *at < 4 || !take_hex(*at, &code))
        return false;
    *at += 4;
    append_utf8(out, code);
    return true;
}

/* A quoted text at *at, which is moved behind it. */
static bool take_text(const char **at, const char *end, Arena *arena, Str *out)
{
    if (*at == end || *(*at)++ != '"')
        return false;
    const char *start = *at;
    while (*at < end && **at != '"' && **at != '\\')
        (*at)++;
    *out = str_make(start, *at - start);
    if (*at < end && *(*at)++ == '"')
        return true;
    Buffer text = {0};
    buffer_append_str(&text, *out);
    (*at)--;
    bool is_whole = false;
    while (*at < end && !is_whole) {
        char c = *(*at)++;
        is_whole = c == '"';
        if (c == '\\' && !take_escape(at, end, &text))
            break;
        if (c != '\\' && !is_whole)
            buffer_append_char(&text, c);
    }
    *out = str_copy(arena, buffer_str(&text));
    buffer_free(&text);
    return is_whole;
}

static bool letter_put(Letter *letter, Str key, Str value, Arena *arena)
{
    struct {
        const char *key;
        Str *field;
    } fields[] = {{"ts", &letter->ts},
                  {"table", &letter->table},
                  {"pipeline", &letter->pipeline},
                  {"stage", &letter->stage},
                  {"code", &letter->code},
                  {"reason", &letter->reason},
                  {"position", &letter->position},
                  {"format", &letter->format},
                  {"replayed", &letter->replayed},
                  {"text", &letter->bytes}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (str_is(key, fields[i].key))
            *fields[i].field = value;
    letter->is_text = letter->is_text || str_is(key, "text");
    if (!str_is(key, "base64"))
        return true;
    Buffer bytes = {0};
    bool is_right = base64_decode(&bytes, value);
    letter->bytes = str_copy(arena, buffer_str(&bytes));
    buffer_free(&bytes);
    return is_right;
}

bool letter_parse(Str line, Arena *arena, Letter *out)
{
    *out = (Letter){0};
    const char *at = line.data, *end = line.data + line.length;
    if (line.length < 2 || *at++ != '{')
        return false;
    for (;;) {
        Str key, value;
        if (!take_text(&at, end, arena, &key) || at == end || *at++ != ':' ||
            !take_text(&at, end, arena, &value) || at == end || !letter_put(out, key, value, arena))
            return false;
        char c = *at++;
        if (c == '}')
            return at == end;
        if (c != ',')
            return false;
    }
}

/* ---- Files --------------------------------------------------------------------------------- */

typedef struct Reading {
    const LetterTaker *taker;
    int64_t count;
    Arena *arena;
    bool is_over;
} Reading;

/* How many bytes of whole lines were taken. */
static int64_t reading_take(Reading *reading, Str block)
{
    int64_t used = 0;
    while (!reading->is_over && used < block.length) {
        const char *start = block.data + used;
        const char *newline = memchr(start, '\n', (size_t)(block.length - used));
        if (newline == NULL)
            break;
        Str line = str_make(start, newline - start);
        used += line.length + 1;
        Letter letter;
        arena_reset(reading->arena);
        if (!letter_parse(line, reading->arena, &letter)) {
            if (reading->taker->keep != NULL)
                reading->taker->keep(reading->taker->context, str_make(start, line.length + 1));
            continue;
        }
        reading->is_over = !reading->taker->take(reading->taker->context, line, &letter);
        if (++reading->count == reading->taker->count_max)
            reading->is_over = true;
    }
    return used;
}

Status letters_read(World *world, const char *path, int64_t *offset, const LetterTaker *taker,
                    Error *error)
{
    File *file;
    Error missing = {0};
    Status status = world->kind->open(world, path, FILE_READ, &file, &missing);
    if (status == ERR_NOT_FOUND)
        return OK;
    if (status != OK) {
        *error = missing;
        return status;
    }
    Reading reading = {.taker = taker, .arena = arena_new(0)};
    Buffer block = {0};
    int64_t wanted = READ_BYTES;
    while (status == OK && !reading.is_over) {
        int64_t got = 0;
        block.length = 0;
        status = world->kind->read_at(file, *offset, buffer_reserve(&block, wanted), wanted, &got,
                                      error);
        int64_t used = status == OK ? reading_take(&reading, str_make(block.data, got)) : 0;
        *offset += used;
        if (used == 0 && got < wanted) {
            if (got > 0 && taker->keep != NULL)
                taker->keep(taker->context, str_make(block.data, got));
            break;
        }
        wanted = used == 0 ? wanted * 2 : READ_BYTES;
    }
    buffer_free(&block);
    arena_free(reading.arena);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}
