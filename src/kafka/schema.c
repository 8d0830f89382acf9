/* The little language of schemas, and the wire format by it. */
#include "kafka/schema.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "base/bigendian.h"

enum {
    FIELDS_MAX = 24,
    NO_TAG = -1,
    VERSION_MAX = 0x7fff,
    VARINT_BYTES_MAX = 5,
    REQUEST_ARENA_BYTES_MAX = 64 * 1024 * 1024, /* few bytes can claim many items */
};

typedef struct Field {
    Str name;
    char type; /* '[' for an array */
    bool is_nullable;
    int32_t first, last;
    int32_t tag; /* NO_TAG: it stands in its place */
    const Schema *items;
} Field;

struct Schema {
    Field *fields;
    int32_t count;
};

/* One field of a value. */
typedef struct Cell {
    int64_t number;
    Str bytes;
    bool is_null;
    const PartitionRead *read; /* of records: `bytes` are the rest of it; or NULL */
    Message **items;
    int32_t count, capacity;
} Cell;

struct Message {
    const Schema *schema;
    Cell *cells;
};

/* ---- Schemas --------------------------------------------------------------------------------- */

static const Schema *parse_fields(Arena *arena, const char **at);

static void parse_versions(Field *field, const char **at)
{
    field->last = VERSION_MAX;
    field->tag = NO_TAG;
    char *end = (char *)*at;
    if (*end == '@') {
        field->first = (int32_t)strtol(end + 1, &end, 10);
        if (*end == '-')
            field->last = (int32_t)strtol(end + 1, &end, 10);
        else
            assert(*end++ == '+');
    }
    if (*end == '#')
        field->tag = (int32_t)strtol(end + 1, &end, 10);
    *at = end;
}

static void parse_type(Arena *arena, Field *field, const char **at)
{
    field->type = *(*at)++;
    if (field->type == '[') {
        field->items = parse_fields(arena, at);
        assert(**at == ']');
        (*at)++;
    }
    assert(strchr("bchilusBR[", field->type) != NULL);
    if (**at == '?') {
        field->is_nullable = true;
        (*at)++;
    }
    parse_versions(field, at);
}

static const Schema *parse_fields(Arena *arena, const char **at)
{
    Schema *schema = ARENA_NEW(arena, Schema);
    schema->fields = ARENA_ARRAY(arena, Field, FIELDS_MAX);
    while (**at != '\0' && **at != ']') {
        if (isspace((unsigned char)**at)) {
            (*at)++;
            continue;
        }
        assert(schema->count < FIELDS_MAX);
        Field *field = &schema->fields[schema->count++];
        const char *colon = *at;
        while (*colon == '_' || isalnum((unsigned char)*colon))
            colon++;
        if (*colon == ':') {
            field->name = str_make(*at, colon - *at);
            *at = colon + 1;
        }
        parse_type(arena, field, at);
    }
    return schema;
}

const Schema *schema_new(Arena *arena, const char *text)
{
    const Schema *schema = parse_fields(arena, &text);
    assert(*text == '\0');
    return schema;
}

/* ---- Values ---------------------------------------------------------------------------------- */

Message *message_new(Arena *arena, const Schema *schema)
{
    Message *value = ARENA_NEW(arena, Message);
    value->schema = schema;
    value->cells = ARENA_ARRAY(arena, Cell, schema->count);
    for (int32_t i = 0; i < schema->count; i++)
        value->cells[i].is_null = schema->fields[i].is_nullable;
    return value;
}

static Cell *cell_of(const Message *value, const char *name)
{
    for (int32_t i = 0; i < value->schema->count; i++)
        if (str_is(value->schema->fields[i].name, name))
            return &value->cells[i];
    assert(!"the schema has a field of that name");
    return NULL;
}

int64_t message_number(const Message *value, const char *field)
{
    return cell_of(value, field)->number;
}

Str message_bytes(const Message *value, const char *field)
{
    return cell_of(value, field)->bytes;
}

bool message_is_null(const Message *value, const char *field)
{
    return cell_of(value, field)->is_null;
}

int32_t message_count(const Message *value, const char *field)
{
    return cell_of(value, field)->count;
}

const Message *message_item(const Message *value, const char *field, int32_t index)
{
    const Cell *cell = cell_of(value, field);
    assert(index >= 0 && index < cell->count);
    return cell->items[index];
}

void message_set_number(Message *value, const char *field, int64_t number)
{
    cell_of(value, field)->number = number;
}

void message_set_bytes(Message *value, const char *field, Str bytes)
{
    Cell *cell = cell_of(value, field);
    cell->bytes = bytes;
    cell->is_null = bytes.data == NULL;
}

void message_set_records(Message *value, const char *field, const PartitionRead *read)
{
    message_set_bytes(value, field, buffer_str(&read->bytes));
    cell_of(value, field)->read = read;
}

void message_set_text(Message *value, const char *field, const char *text)
{
    message_set_bytes(value, field, text != NULL ? str_from(text) : (Str){0});
}

static Message *cell_append(Cell *cell, const Schema *items, Arena *arena)
{
    if (cell->count == cell->capacity) {
        int32_t capacity = cell->capacity == 0 ? 4 : cell->capacity * 2;
        Message **grown = ARENA_ARRAY(arena, Message *, capacity);
        if (cell->count > 0)
            memcpy(grown, cell->items, sizeof(Message *) * (size_t)cell->count);
        cell->items = grown;
        cell->capacity = capacity;
    }
    cell->is_null = false;
    return cell->items[cell->count++] = message_new(arena, items);
}

Message *message_append(Message *value, const char *field, Arena *arena)
{
    Cell *cell = cell_of(value, field);
    return cell_append(cell, value->schema->fields[cell - value->cells].items, arena);
}

void message_set_empty(Message *value, const char *field)
{
    cell_of(value, field)->is_null = false;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int64_t read_be(ByteReader *reader, int32_t bytes)
{
    Str taken = byte_reader_take(reader, bytes);
    if (reader->is_short)
        return 0;
    switch (bytes) {
    case 1: return (int8_t)taken.data[0];
    case 2: return (int16_t)load_be16(taken.data);
    case 4: return (int32_t)load_be32(taken.data);
    default: return (int64_t)load_be64(taken.data);
    }
}

static uint32_t read_varint(ByteReader *reader)
{
    uint32_t value = 0;
    for (int shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
        uint8_t byte = byte_reader_u8(reader);
        value |= (uint32_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    reader->is_short = true;
    return 0;
}

void tags_skip(ByteReader *reader)
{
    for (uint32_t left = read_varint(reader); left > 0 && !reader->is_short; left--) {
        read_varint(reader);
        byte_reader_take(reader, read_varint(reader));
    }
}

/* The length of text, bytes or an array; -1 for null. */
static int64_t read_length(ByteReader *reader, char type, WireVersion version)
{
    if (version.is_flexible)
        return (int64_t)read_varint(reader) - 1;
    return read_be(reader, type == 's' ? 2 : 4);
}

static bool read_array(Cell *cell, const Field *field, ByteReader *reader, WireVersion version,
                       Arena *arena)
{
    int64_t count = read_length(reader, '[', version);
    cell->is_null = count < 0;
    if (count > byte_reader_left(reader))
        return false;
    for (int64_t i = 0; i < count; i++) {
        if (arena_bytes(arena) > REQUEST_ARENA_BYTES_MAX ||
            !message_read(cell_append(cell, field->items, arena), reader, version, arena))
            return false;
    }
    return count >= 0 || field->is_nullable;
}

static bool read_cell(Cell *cell, const Field *field, ByteReader *reader, WireVersion version,
                      Arena *arena)
{
    int64_t length;
    switch (field->type) {
    case 'b':
    case 'c': cell->number = read_be(reader, 1); break;
    case 'h': cell->number = read_be(reader, 2); break;
    case 'i': cell->number = read_be(reader, 4); break;
    case 'l': cell->number = read_be(reader, 8); break;
    case 'u': cell->bytes = byte_reader_take(reader, 16); break;
    case '[': return read_array(cell, field, reader, version, arena);
    default:
        length = read_length(reader, field->type, version);
        cell->is_null = length < 0;
        if (length < -1 || (length < 0 && !field->is_nullable))
            return false;
        if (length >= 0)
            cell->bytes = byte_reader_take(reader, length);
        break;
    }
    return !reader->is_short;
}

static bool field_is_in_place(const Field *field, WireVersion version)
{
    return field->tag == NO_TAG && version.number >= field->first && version.number <= field->last;
}

static bool schema_is_struct(const Schema *schema)
{
    return schema->count != 1 || schema->fields[0].name.length > 0;
}

bool message_read(Message *value, ByteReader *reader, WireVersion version, Arena *arena)
{
    for (int32_t i = 0; i < value->schema->count; i++) {
        const Field *field = &value->schema->fields[i];
        if (field_is_in_place(field, version) &&
            !read_cell(&value->cells[i], field, reader, version, arena))
            return false;
    }
    if (version.is_flexible && schema_is_struct(value->schema))
        tags_skip(reader);
    return !reader->is_short;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_be(Buffer *out, int64_t number, int32_t bytes)
{
    char *at = buffer_reserve(out, bytes);
    switch (bytes) {
    case 1: at[0] = (char)number; break;
    case 2: store_be16(at, (uint16_t)number); break;
    case 4: store_be32(at, (uint32_t)number); break;
    default: store_be64(at, (uint64_t)number); break;
    }
    out->length += bytes;
}

static void write_varint(Buffer *out, int64_t number)
{
    uint32_t left = (uint32_t)number;
    for (; left >= 128; left >>= 7)
        buffer_append_u8(out, (uint8_t)(left | 128));
    buffer_append_u8(out, (uint8_t)left);
}

static void write_length(Buffer *out, int64_t length, char type, WireVersion version)
{
    if (version.is_flexible)
        write_varint(out, length + 1);
    else
        write_be(out, length, type == 's' ? 2 : 4);
}

static void write_fields(Buffer *out, const Message *value, WireVersion version,
                         MessagePieces *pieces);

/* Text or bytes. */
static void write_bytes(Buffer *out, const Cell *cell, const Field *field, WireVersion version,
                        MessagePieces *pieces)
{
    int64_t length = cell->bytes.length + (cell->read != NULL ? cell->read->span_bytes : 0);
    write_length(out, cell->is_null ? -1 : length, field->type, version);
    if (cell->is_null)
        return;
    if (pieces == NULL || field->type != 'R' || length < MESSAGE_PIECE_BYTES) {
        assert(length == cell->bytes.length);
        buffer_append_str(out, cell->bytes);
        return;
    }
    pieces->items[pieces->count++] =
        (MessagePiece){.at = out->length, .bytes = cell->bytes, .read = cell->read};
    pieces->bytes += length;
}

static void write_cell(Buffer *out, const Cell *cell, const Field *field, WireVersion version,
                       MessagePieces *pieces)
{
    static const char no_id[16] = {0};
    switch (field->type) {
    case 'b':
    case 'c': write_be(out, cell->number, 1); return;
    case 'h': write_be(out, cell->number, 2); return;
    case 'i': write_be(out, cell->number, 4); return;
    case 'l': write_be(out, cell->number, 8); return;
    case 'u': buffer_append(out, cell->bytes.length == 16 ? cell->bytes.data : no_id, 16); return;
    case '[':
        write_length(out, cell->is_null ? -1 : cell->count, '[', version);
        for (int32_t i = 0; i < cell->count; i++)
            write_fields(out, cell->items[i], version, pieces);
        return;
    default: write_bytes(out, cell, field, version, pieces); return;
    }
}

/* Whether it goes among the tagged fields. */
static bool cell_is_tagged(const Cell *cell, const Field *field, WireVersion version)
{
    bool is_set = cell->number != 0 || cell->count > 0 || cell->bytes.length > 0;
    return is_set && field->tag != NO_TAG && version.number >= field->first &&
           version.number <= field->last;
}

static void write_tagged(Buffer *out, const Message *value, WireVersion version)
{
    const Schema *schema = value->schema;
    int32_t count = 0;
    for (int32_t i = 0; i < schema->count; i++)
        count += cell_is_tagged(&value->cells[i], &schema->fields[i], version);
    write_varint(out, count);
    Buffer content = {0};
    for (int32_t i = 0; count > 0 && i < schema->count; i++) {
        if (!cell_is_tagged(&value->cells[i], &schema->fields[i], version))
            continue;
        content.length = 0;
        write_cell(&content, &value->cells[i], &schema->fields[i], version, NULL);
        write_varint(out, schema->fields[i].tag);
        write_varint(out, content.length);
        buffer_append_str(out, buffer_str(&content));
    }
    buffer_free(&content);
}

static void write_fields(Buffer *out, const Message *value, WireVersion version,
                         MessagePieces *pieces)
{
    for (int32_t i = 0; i < value->schema->count; i++) {
        const Field *field = &value->schema->fields[i];
        if (field_is_in_place(field, version))
            write_cell(out, &value->cells[i], field, version, pieces);
    }
    if (version.is_flexible && schema_is_struct(value->schema))
        write_tagged(out, value, version);
}

void message_write(const Message *value, WireVersion version, Buffer *out)
{
    write_fields(out, value, version, NULL);
}

void message_write_in_pieces(const Message *value, WireVersion version, Buffer *out,
                             MessagePieces *pieces)
{
    write_fields(out, value, version, pieces);
}
