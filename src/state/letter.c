/* Dead letters as lines of JSON, written and read. */
#include "state/letter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/json.h"

enum { READ_BYTES = 1 << 20, HEX_DIGITS = 8 };

/* ---- The checksum -------------------------------------------------------------------------- */

/* The last member is the CRC-32C of what stands in front of its comma. */
static const char seal_begin[] = ",\"crc32c\":\"", seal_end[] = "\"}";

enum { SEAL_BYTES = sizeof seal_begin - 1 + HEX_DIGITS + sizeof seal_end - 1 };

/* Ends the object that begins at `start`. */
static void letter_seal(Buffer *out, int64_t start)
{
    uint32_t check = crc32c(0, out->data + start, out->length - start);
    buffer_printf(out, "%s%08x%s", seal_begin, check, seal_end);
}

/* Without the checksum. False: it has none. */
static bool letter_unseal(Str line, Str *inner, Str *digits)
{
    if (line.length <= SEAL_BYTES)
        return false;
    *inner = str_make(line.data, line.length - SEAL_BYTES);
    *digits = str_make(inner->data + inner->length + sizeof seal_begin - 1, HEX_DIGITS);
    return memcmp(inner->data + inner->length, seal_begin, sizeof seal_begin - 1) == 0 &&
           memcmp(digits->data + HEX_DIGITS, seal_end, sizeof seal_end - 1) == 0;
}

/* ---- Writing ------------------------------------------------------------------------------- */

static bool text_is_utf8(Str text)
{
    int64_t i = 0;
    while (i < text.length) {
        uint8_t lead = (uint8_t)text.data[i++];
        if (lead < 0x80)
            continue;
        int32_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || i + more > text.length)
            return false;
        uint8_t second = (uint8_t)text.data[i];
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
            (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
            return false;
        for (int32_t k = 0; k < more; k++)
            if (((uint8_t)text.data[i++] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static void letter_put_bytes(JsonWriter *json, Str bytes)
{
    if (text_is_utf8(bytes)) {
        json_key(json, "text");
        json_str(json, bytes);
        return;
    }
    Buffer base64 = {0};
    base64_encode(&base64, bytes);
    json_key(json, "base64");
    json_str(json, buffer_str(&base64));
    buffer_free(&base64);
}

static void letter_put_text(JsonWriter *json, const char *key, Str value)
{
    json_key(json, key);
    json_str(json, value);
}

void letter_append(Buffer *out, const Letter *letter)
{
    int64_t start = out->length;
    JsonWriter json = {.out = out};
    json_begin_object(&json);
    letter_put_text(&json, "ts", letter->ts);
    if (letter->pipeline.length > 0)
        letter_put_text(&json, "pipeline", letter->pipeline);
    letter_put_text(&json, "table", letter->table);
    letter_put_text(&json, "stage", letter->stage);
    letter_put_text(&json, "code", letter->code);
    letter_put_text(&json, "reason", letter->reason);
    letter_put_text(&json, "position", letter->position);
    if (letter->format.length > 0)
        letter_put_text(&json, "format", letter->format);
    letter_put_bytes(&json, letter->bytes);
    letter_seal(out, start);
    buffer_append_char(out, '\n');
}

void letter_append_replayed(Buffer *out, Str line, const char *id)
{
    Str inner, digits;
    int64_t start = out->length;
    if (!letter_unseal(line, &inner, &digits))
        inner = str_make(line.data, line.length - 1);
    buffer_append_str(out, inner);
    buffer_printf(out, ",\"replayed\":\"%s\"", id);
    letter_seal(out, start);
    buffer_append_char(out, '\n');
}

void letter_append_unsealed(Buffer *out, Str line)
{
    Str inner, digits;
    bool is_sealed = letter_unseal(line, &inner, &digits);
    buffer_append_str(out, is_sealed ? inner : line);
    if (is_sealed)
        buffer_append_char(out, '}');
}

/* ---- Reading a line ------------------------------------------------------------------------ */

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

/* Members in the order in which they are written, the last two of the bytes as one. */
enum {
    MEMBER_FORMAT = 7,
    MEMBER_TEXT = 8,
    MEMBER_BASE64,
    MEMBER_REPLAYED,
    MEMBER_COUNT,
    MEMBERS_ALWAYS = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6,
};

static const char *const member_names[] = {"ts",   "pipeline", "table",    "stage",
                                           "code", "reason",   "position", "format",
                                           "text", "base64",   "replayed"};

/* The members of a line, as they come. */
typedef struct Members {
    uint32_t seen; /* bits of their numbers */
    int32_t last;
    bool is_strange; /* one is unknown or out of its place */
} Members;

static bool letter_put(Letter *letter, Members *members, Str key, Str value, Arena *arena)
{
    Str *fields[] = {&letter->ts,    &letter->pipeline, &letter->table,    &letter->stage,
                     &letter->code,  &letter->reason,   &letter->position, &letter->format,
                     &letter->bytes, &letter->bytes,    &letter->replayed};
    static_assert(sizeof fields / sizeof fields[0] == MEMBER_COUNT, "a field for each name");
    int32_t member = 0;
    while (member < MEMBER_COUNT && !str_is(key, member_names[member]))
        member++;
    members->is_strange = members->is_strange || member == MEMBER_COUNT || member <= members->last;
    if (member == MEMBER_COUNT)
        return true;
    members->last = member;
    members->seen |= 1U << member;
    *fields[member] = value;
    letter->is_text = letter->is_text || member == MEMBER_TEXT;
    if (member != MEMBER_BASE64)
        return true;
    Buffer bytes = {0};
    bool is_right = base64_decode(&bytes, value);
    letter->bytes = str_copy(arena, buffer_str(&bytes));
    buffer_free(&bytes);
    return is_right;
}

/* Before there were checksums these members were written, in this order. A line that has lost its
 * checksum to damage has what is left of it in place of a known member. */
static bool members_are_of_old(const Members *members)
{
    uint32_t bytes = members->seen & (1U << MEMBER_TEXT | 1U << MEMBER_BASE64);
    return !members->is_strange && (members->seen & MEMBERS_ALWAYS) == MEMBERS_ALWAYS &&
           (bytes == 1U << MEMBER_TEXT || bytes == 1U << MEMBER_BASE64);
}

static bool seal_is_right(Str inner, Str digits)
{
    char expected[HEX_DIGITS + 1];
    snprintf(expected, sizeof expected, "%08x", crc32c(0, inner.data, inner.length));
    return str_is(digits, expected);
}

/* The members of an object up to `end`, where its brace stood. */
static bool letter_take_members(Str inner, Arena *arena, Letter *out, Members *members)
{
    const char *at = inner.data, *end = inner.data + inner.length;
    *members = (Members){.last = -1};
    if (inner.length == 0 || *at++ != '{')
        return false;
    for (;;) {
        Str key, value;
        if (!take_text(&at, end, arena, &key) || at == end || *at++ != ':' ||
            !take_text(&at, end, arena, &value) || !letter_put(out, members, key, value, arena))
            return false;
        if (at == end)
            return true;
        if (*at++ != ',')
            return false;
    }
}

bool letter_parse(Str line, Arena *arena, Letter *out)
{
    *out = (Letter){0};
    Str inner, digits;
    Members members;
    if (letter_unseal(line, &inner, &digits))
        return seal_is_right(inner, digits) && letter_take_members(inner, arena, out, &members);
    if (line.length == 0 || line.data[line.length - 1] != '}')
        return false;
    inner = str_make(line.data, line.length - 1);
    return letter_take_members(inner, arena, out, &members) && members_are_of_old(&members);
}

/* ---- Files --------------------------------------------------------------------------------- */

typedef struct Reading {
    const LetterTaker *taker;
    World *world;
    const char *path;
    File *file;
    int64_t offset;  /* of the next line */
    int64_t counted; /* the lines up to here */
    int64_t line_number;
    int64_t count;
    Arena *arena;
    bool is_over;
} Reading;

/* Which line begins at the offset; counted only when it is asked for. */
static Status reading_number(Reading *reading, Error *error)
{
    Buffer block = {0};
    Status status = OK;
    int64_t got = 1;
    while (status == OK && got > 0 && reading->counted < reading->offset) {
        int64_t left = reading->offset - reading->counted;
        int64_t wanted = left < READ_BYTES ? left : READ_BYTES;
        block.length = 0;
        status = reading->world->kind->read_at(reading->file, reading->counted,
                                               buffer_reserve(&block, wanted), wanted, &got, error);
        for (int64_t i = 0; status == OK && i < got; i++)
            reading->line_number += block.data[i] == '\n';
        reading->counted += got;
    }
    buffer_free(&block);
    return status;
}

/* What stands in place of a letter. */
static Status reading_damaged(Reading *reading, Str line, bool is_cut, Letter *out, Error *error)
{
    TRY(reading_number(reading, error));
    const char *slash = strrchr(reading->path, '/');
    long long number = (long long)reading->line_number + 1;
    *out = (Letter){
        .stage = STR("damaged"),
        .code = STR(LETTER_DAMAGED_CODE),
        .reason = str_from(arena_printf(reading->arena, "line %lld of `%s` is %s", number,
                                        reading->path, is_cut ? "cut short" : "damaged")),
        .position = str_from(arena_printf(reading->arena, "%s:%lld",
                                          slash == NULL ? reading->path : slash + 1, number)),
        .bytes = line,
        .is_text = text_is_utf8(line),
        .is_damaged = true,
        .is_cut = is_cut,
    };
    return OK;
}

/* How many bytes of whole lines were taken. */
static Status reading_take(Reading *reading, Str block, int64_t *used, Error *error)
{
    *used = 0;
    while (!reading->is_over && *used < block.length) {
        const char *start = block.data + *used;
        const char *newline = memchr(start, '\n', (size_t)(block.length - *used));
        if (newline == NULL)
            break;
        Str line = str_make(start, newline - start);
        Letter letter;
        arena_reset(reading->arena);
        if (!letter_parse(line, reading->arena, &letter))
            TRY(reading_damaged(reading, line, false, &letter, error));
        *used += line.length + 1;
        reading->offset += line.length + 1;
        reading->is_over = !reading->taker->take(reading->taker->context, line, &letter);
        if (++reading->count == reading->taker->count_max)
            reading->is_over = true;
    }
    return OK;
}

static Status reading_take_cut(Reading *reading, Str part, Error *error)
{
    Letter letter;
    if (part.length == 0)
        return OK;
    arena_reset(reading->arena);
    TRY(reading_damaged(reading, part, true, &letter, error));
    reading->taker->take(reading->taker->context, part, &letter);
    return OK;
}

static Status reading_run(Reading *reading, Error *error)
{
    Buffer block = {0};
    int64_t wanted = READ_BYTES;
    Status status = OK;
    while (status == OK && !reading->is_over) {
        int64_t got = 0, used = 0;
        block.length = 0;
        status = reading->world->kind->read_at(reading->file, reading->offset,
                                               buffer_reserve(&block, wanted), wanted, &got, error);
        if (status == OK)
            status = reading_take(reading, str_make(block.data, got), &used, error);
        if (status == OK && used == 0 && got < wanted) {
            status = reading_take_cut(reading, str_make(block.data, got), error);
            break;
        }
        wanted = used == 0 ? wanted * 2 : READ_BYTES;
    }
    buffer_free(&block);
    return status;
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
    Reading reading = {.taker = taker,
                       .world = world,
                       .path = path,
                       .file = file,
                       .offset = *offset,
                       .arena = arena_new(0)};
    status = reading_run(&reading, error);
    *offset = reading.offset;
    arena_free(reading.arena);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}
