/* Reading table maps: see tablemap.h. */
#include "connect/mysql/tablemap.h"

#include <assert.h>
#include <string.h>

#include "connect/mysql/wire.h"

/* Kinds of optional metadata. */
enum {
    META_SIGNS = 1,
    META_DEFAULT_CHARSET = 2,
    META_COLUMN_CHARSETS = 3,
    META_COLUMN_NAMES = 4,
    META_SET_MEMBERS = 5,
    META_ENUM_MEMBERS = 6,
    META_ENUM_DEFAULT_CHARSET = 10,
    META_ENUM_COLUMN_CHARSETS = 11,
};

static uint64_t tablemap_take_id(const BinlogFormat *format, ByteReader *reader)
{
    uint64_t low = byte_reader_u32(reader);
    return format->is_table_id_short ? low : low | (uint64_t)byte_reader_u16(reader) << 32;
}

Status tablemap_read_id(const BinlogFormat *format, const Event *event, uint64_t *id, Error *error)
{
    ByteReader reader = byte_reader(event->body);
    *id = tablemap_take_id(format, &reader);
    return reader.is_short ? event_fail(event, "a table map is cut short", error) : OK;
}

/* Bytes of metadata a type has. */
static int32_t type_meta_bytes(uint8_t type)
{
    switch (type) {
    case MYSQL_FLOAT:
    case MYSQL_DOUBLE:
    case MYSQL_TIMESTAMP2:
    case MYSQL_DATETIME2:
    case MYSQL_TIME2:
    case MYSQL_BLOB:
    case MYSQL_TINY_BLOB:
    case MYSQL_MEDIUM_BLOB:
    case MYSQL_LONG_BLOB:
    case MYSQL_BLOB_COMPRESSED:
    case MYSQL_GEOMETRY:
    case MYSQL_JSON:
    case MYSQL_VECTOR: return 1;
    case MYSQL_VARCHAR:
    case MYSQL_VARCHAR_COMPRESSED:
    case MYSQL_BIT:
    case MYSQL_NEWDECIMAL:
    case MYSQL_ENUM:
    case MYSQL_SET:
    case MYSQL_STRING:
    case MYSQL_VAR_STRING: return 2;
    default: return 0;
    }
}

/* STRING keeps its real type in the first byte, ENUM and SET among them, mixed with the high
 * bits of lengths over 255. */
static void column_take_string_meta(BinlogColumn *column, uint8_t first, uint8_t second)
{
    if (first == MYSQL_ENUM || first == MYSQL_SET) {
        column->type = first;
        column->meta = second;
        return;
    }
    int32_t length = second;
    if ((first & 0x30) != 0x30)
        length |= ((first & 0x30) ^ 0x30) << 4;
    column->meta = (uint16_t)length;
}

static bool tablemap_take_columns(ByteReader *reader, Str types, TableMap *map)
{
    for (int32_t i = 0; i < map->count; i++) {
        BinlogColumn *column = &map->columns[i];
        column->type = (uint8_t)types.data[i];
        int32_t bytes = type_meta_bytes(column->type);
        uint8_t first = bytes > 0 ? byte_reader_u8(reader) : 0;
        uint8_t second = bytes > 1 ? byte_reader_u8(reader) : 0;
        if (column->type == MYSQL_STRING)
            column_take_string_meta(column, first, second);
        else if (column->type == MYSQL_ENUM || column->type == MYSQL_SET)
            column->meta = second;
        else
            column->meta = (uint16_t)(first | second << 8);
        if (reader->is_short || !value_prepare(column))
            return false;
    }
    return true;
}

static bool type_is_number(uint8_t type)
{
    switch (type) {
    case MYSQL_TINY:
    case MYSQL_SHORT:
    case MYSQL_INT24:
    case MYSQL_LONG:
    case MYSQL_LONGLONG:
    case MYSQL_YEAR:
    case MYSQL_FLOAT:
    case MYSQL_DOUBLE:
    case MYSQL_NEWDECIMAL: return true;
    default: return false;
    }
}

static bool type_is_character(uint8_t type)
{
    switch (type) {
    case MYSQL_STRING:
    case MYSQL_VARCHAR:
    case MYSQL_VAR_STRING:
    case MYSQL_BLOB:
    case MYSQL_TINY_BLOB:
    case MYSQL_MEDIUM_BLOB:
    case MYSQL_LONG_BLOB:
    case MYSQL_BLOB_COMPRESSED:
    case MYSQL_VARCHAR_COMPRESSED: return true;
    default: return false;
    }
}

static bool type_is_member(uint8_t type)
{
    return type == MYSQL_ENUM || type == MYSQL_SET;
}

static void tablemap_take_signs(TableMap *map, Str bits)
{
    int32_t number = 0;
    for (int32_t i = 0; i < map->count; i++) {
        if (!type_is_number(map->columns[i].type))
            continue;
        if (number / 8 < bits.length)
            map->columns[i].is_unsigned = ((uint8_t)bits.data[number / 8] >> (7 - number % 8)) & 1;
        number++;
    }
    map->has_signs = true;
}

/* Collations of the columns that `applies` picks: all of them, or a default and exceptions. */
static void tablemap_take_charsets(TableMap *map, Str value, bool has_default,
                                   bool (*applies)(uint8_t type))
{
    ByteReader reader = byte_reader(value);
    uint64_t standard = has_default ? wire_lenenc(&reader) : 0;
    uint64_t exception = UINT64_MAX, exception_collation = 0;
    uint64_t number = 0;
    for (int32_t i = 0; i < map->count; i++) {
        if (!applies(map->columns[i].type))
            continue;
        uint64_t collation = standard;
        if (!has_default) {
            collation = wire_lenenc(&reader);
        } else {
            if ((exception == UINT64_MAX || exception < number) && byte_reader_left(&reader) > 0) {
                exception = wire_lenenc(&reader);
                exception_collation = wire_lenenc(&reader);
            }
            if (exception == number)
                collation = exception_collation;
        }
        map->columns[i].charset = charset_from_collation(collation);
        number++;
    }
    map->has_charsets = true;
}

static void tablemap_take_names(TableMap *map, Str value, Arena *arena)
{
    ByteReader reader = byte_reader(value);
    Str *names = ARENA_ARRAY(arena, Str, map->count);
    for (int32_t i = 0; i < map->count; i++)
        names[i] = str_copy(arena, wire_lenenc_bytes(&reader));
    if (!reader.is_short)
        map->names = names;
}

static void tablemap_take_members(TableMap *map, Str value, uint8_t type, Arena *arena)
{
    ByteReader reader = byte_reader(value);
    const Str **members = (const Str **)map->members;
    int32_t *counts = (int32_t *)map->member_counts;
    if (members == NULL) {
        members = ARENA_ARRAY(arena, const Str *, map->count);
        counts = ARENA_ARRAY(arena, int32_t, map->count);
    }
    for (int32_t i = 0; i < map->count; i++) {
        if (map->columns[i].type != type)
            continue;
        uint64_t count = wire_lenenc(&reader);
        if (reader.is_short || count > (uint64_t)byte_reader_left(&reader))
            return;
        Str *list = ARENA_ARRAY(arena, Str, count + 1);
        for (uint64_t j = 0; j < count; j++)
            list[j] = str_copy(arena, wire_lenenc_bytes(&reader));
        members[i] = list;
        counts[i] = (int32_t)count;
    }
    if (reader.is_short)
        return;
    map->members = (const Str *const *)members;
    map->member_counts = counts;
}

static void tablemap_take_metadata(ByteReader *reader, TableMap *map, Arena *arena)
{
    while (byte_reader_left(reader) > 0) {
        uint8_t kind = byte_reader_u8(reader);
        Str value = wire_lenenc_bytes(reader);
        if (reader->is_short)
            return;
        switch (kind) {
        case META_SIGNS: tablemap_take_signs(map, value); break;
        case META_DEFAULT_CHARSET:
            tablemap_take_charsets(map, value, true, type_is_character);
            break;
        case META_COLUMN_CHARSETS:
            tablemap_take_charsets(map, value, false, type_is_character);
            break;
        case META_ENUM_DEFAULT_CHARSET:
            tablemap_take_charsets(map, value, true, type_is_member);
            break;
        case META_ENUM_COLUMN_CHARSETS:
            tablemap_take_charsets(map, value, false, type_is_member);
            break;
        case META_COLUMN_NAMES: tablemap_take_names(map, value, arena); break;
        case META_SET_MEMBERS: tablemap_take_members(map, value, MYSQL_SET, arena); break;
        case META_ENUM_MEMBERS: tablemap_take_members(map, value, MYSQL_ENUM, arena); break;
        default: break;
        }
    }
}

Status tablemap_read(const BinlogFormat *format, const Event *event, Arena *arena, TableMap *out,
                     Error *error)
{
    *out = (TableMap){0};
    ByteReader reader = byte_reader(event->body);
    out->id = tablemap_take_id(format, &reader);
    (void)byte_reader_u16(&reader);
    out->database = str_copy(arena, byte_reader_take(&reader, byte_reader_u8(&reader)));
    (void)byte_reader_u8(&reader);
    out->name = str_copy(arena, byte_reader_take(&reader, byte_reader_u8(&reader)));
    (void)byte_reader_u8(&reader);
    uint64_t count = wire_lenenc(&reader);
    if (reader.is_short || count > TABLE_COLUMNS_MAX)
        return event_fail(event, "a table map is cut short", error);
    out->count = (int32_t)count;
    out->columns = ARENA_ARRAY(arena, BinlogColumn, count + 1);
    Str types = byte_reader_take(&reader, (int64_t)count);
    Str meta = wire_lenenc_bytes(&reader);
    (void)byte_reader_take(&reader, ((int64_t)count + 7) / 8); /* which columns may be NULL */
    if (reader.is_short)
        return event_fail(event, "a table map is cut short", error);
    ByteReader meta_reader = byte_reader(meta);
    if (!tablemap_take_columns(&meta_reader, types, out))
        return event_fail(event, "a table map has columns of an unknown type", error);
    tablemap_take_metadata(&reader, out, arena);
    return OK;
}
