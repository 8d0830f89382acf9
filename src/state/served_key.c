/* Order-preserving keys: sign bits flipped and big-endian for numbers, escaped and terminated
 * for text. */
#include "state/served_key.h"

#include "data/nested.h"

#include <string.h>

static void append_big_endian(Buffer *out, Uint128 bits, int32_t bytes)
{
    for (int32_t i = bytes - 1; i >= 0; i--)
        buffer_append_u8(out, (uint8_t)(bits >> (8 * i)));
}

/* Text ends in 00 00; a 00 inside is 00 FF, so a prefix sorts before what it begins. */
static void append_text(Buffer *out, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        buffer_append_char(out, text.data[i]);
        if (text.data[i] == '\0')
            buffer_append_u8(out, 0xff);
    }
    buffer_append_u16(out, 0);
}

static void append_double(Buffer *out, double real)
{
    uint64_t bits;
    if (real == 0)
        real = 0; /* -0.0 and 0.0 are one key */
    memcpy(&bits, &real, sizeof bits);
    bits = bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
    append_big_endian(out, bits, 8);
}

void served_key_append(Buffer *out, const Value *value)
{
    buffer_append_u8(out, value->is_null ? 0 : 1);
    if (value->is_null)
        return;
    switch (type_physical(value->type)) {
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64:
        append_big_endian(out, (uint64_t)value->integer ^ (uint64_t)1 << 63, 8);
        break;
    case PHYSICAL_I128: append_big_endian(out, (Uint128)value->wide ^ (Uint128)1 << 127, 16); break;
    case PHYSICAL_F32:
    case PHYSICAL_F64: append_double(out, value->real); break;
    case PHYSICAL_STRING: append_text(out, value->text); break;
    case PHYSICAL_NONE: break;
    }
}

static void read_fixed(ByteReader *reader, Physical physical, Value *value)
{
    float single;
    uint64_t low, high;
    switch (physical) {
    case PHYSICAL_BOOL: value->integer = byte_reader_u8(reader); break;
    case PHYSICAL_I8: value->integer = (int8_t)byte_reader_u8(reader); break;
    case PHYSICAL_I16: value->integer = (int16_t)byte_reader_u16(reader); break;
    case PHYSICAL_I32: value->integer = (int32_t)byte_reader_u32(reader); break;
    case PHYSICAL_I64: value->integer = (int64_t)byte_reader_u64(reader); break;
    case PHYSICAL_I128:
        low = byte_reader_u64(reader);
        high = byte_reader_u64(reader);
        value->wide = (Int128)((Uint128)high << 64 | low);
        break;
    case PHYSICAL_F32:
        low = byte_reader_u32(reader);
        memcpy(&single, &low, sizeof single);
        value->real = (double)single;
        break;
    case PHYSICAL_F64:
        low = byte_reader_u64(reader);
        memcpy(&value->real, &low, sizeof value->real);
        break;
    case PHYSICAL_STRING: value->text = byte_reader_bytes(reader); break;
    case PHYSICAL_NONE: break;
    }
}

bool served_row_values(Str bytes, const Schema *schema, Value *values)
{
    ByteReader reader = byte_reader(bytes);
    for (int32_t i = 0; i < schema->count; i++) {
        Type type = schema->fields[i].type;
        values[i] = (Value){.type = type};
        values[i].is_null = byte_reader_u8(&reader) == 0;
        if (!values[i].is_null)
            read_fixed(&reader, type_physical(type), &values[i]);
        if (!values[i].is_null && !reader.is_short && type_is_nested(type) &&
            !nested_is_valid(values[i].text, type))
            return false;
    }
    return !reader.is_short && byte_reader_left(&reader) == 0;
}

int served_value_compare(const Value *a, const Value *b)
{
    switch (type_physical(a->type)) {
    case PHYSICAL_I128: return (a->wide > b->wide) - (a->wide < b->wide);
    case PHYSICAL_F32:
    case PHYSICAL_F64: return (a->real > b->real) - (a->real < b->real);
    case PHYSICAL_STRING: {
        int order = str_compare(a->text, b->text);
        return (order > 0) - (order < 0);
    }
    case PHYSICAL_NONE: return 0;
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64: break;
    }
    return (a->integer > b->integer) - (a->integer < b->integer);
}
