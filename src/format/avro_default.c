/* JSON values in Avro's binary form, by the rules for defaults of Avro 1.11. */
#include "format/avro_default.h"

#include <math.h>

static bool encode(Buffer *out, const AvroSchema *schema, JsonElement value, int32_t depth);

static bool encode_real(Buffer *out, const AvroSchema *schema, JsonElement value)
{
    JsonType type = json_element_type(value);
    double real;
    if (type == JSON_INT)
        real = (double)json_element_int(value);
    else if (type == JSON_REAL)
        real = json_element_real(value);
    else
        return false;
    float single = (float)real;
    if (schema->kind == AVRO_FLOAT)
        buffer_append(out, &single, sizeof single);
    else
        buffer_append(out, &real, sizeof real);
    return true;
}

/* Each character below 256 is a byte. */
static bool encode_bytes(Buffer *out, const AvroSchema *schema, Str text)
{
    Buffer bytes = {0};
    bool is_good = true;
    for (int64_t i = 0; i < text.length && is_good; i++) {
        unsigned char lead = (unsigned char)text.data[i];
        is_good = lead < 0x80 || ((lead == 0xc2 || lead == 0xc3) && i + 1 < text.length);
        if (is_good && lead >= 0x80)
            lead = (unsigned char)((lead & 3) << 6 | (text.data[++i] & 63));
        buffer_append_u8(&bytes, lead);
    }
    if (schema->kind == AVRO_BYTES)
        avro_append_bytes(out, buffer_str(&bytes));
    else
        buffer_append_str(out, buffer_str(&bytes));
    is_good = is_good && (schema->kind == AVRO_BYTES || bytes.length == schema->size);
    buffer_free(&bytes);
    return is_good;
}

static bool encode_text(Buffer *out, const AvroSchema *schema, JsonElement value)
{
    if (json_element_type(value) != JSON_STRING)
        return false;
    Str text = json_element_string(value);
    if (schema->kind == AVRO_BYTES || schema->kind == AVRO_FIXED)
        return encode_bytes(out, schema, text);
    if (schema->kind == AVRO_STRING) {
        avro_append_bytes(out, text);
        return true;
    }
    for (int32_t i = 0; i < schema->count; i++) {
        if (!str_equal(schema->symbols[i], text))
            continue;
        avro_append_long(out, i);
        return true;
    }
    return false;
}

static bool encode_items(Buffer *out, const AvroSchema *schema, JsonElement value, int32_t depth)
{
    if (json_element_type(value) != (schema->kind == AVRO_MAP ? JSON_OBJECT : JSON_ARRAY))
        return false;
    JsonChildren children = json_children(value);
    Str key;
    JsonElement item;
    while (json_next(&children, &key, &item)) {
        avro_append_long(out, 1); /* a block for each */
        if (schema->kind == AVRO_MAP)
            avro_append_bytes(out, key);
        if (!encode(out, schema->branches[0], item, depth))
            return false;
    }
    avro_append_long(out, 0);
    return true;
}

static bool encode_record(Buffer *out, const AvroSchema *schema, JsonElement value, int32_t depth)
{
    if (json_element_type(value) != JSON_OBJECT)
        return false;
    for (int32_t i = 0; i < schema->count; i++) {
        const AvroField *field = &schema->fields[i];
        JsonChildren children = json_children(value);
        Str key;
        JsonElement item, found = {0};
        bool is_there = false;
        while (json_next(&children, &key, &item)) {
            if (!str_equal(key, field->name))
                continue;
            found = item;
            is_there = true;
        }
        if (!is_there && !field->has_default)
            return false;
        if (!is_there)
            buffer_append_str(out, field->default_bytes);
        else if (!encode(out, field->schema, found, depth))
            return false;
    }
    return true;
}

static bool encode_union(Buffer *out, const AvroSchema *schema, JsonElement value, int32_t depth)
{
    int64_t start = out->length;
    for (int32_t i = 0; i < schema->count; i++) {
        out->length = start;
        avro_append_long(out, i);
        if (encode(out, schema->branches[i], value, depth))
            return true;
    }
    return false;
}

static bool encode_integer(Buffer *out, const AvroSchema *schema, JsonElement value)
{
    if (json_element_type(value) != JSON_INT)
        return false;
    int64_t number = json_element_int(value);
    avro_append_long(out, number);
    return schema->kind == AVRO_LONG || (number >= INT32_MIN && number <= INT32_MAX);
}

static bool encode(Buffer *out, const AvroSchema *schema, JsonElement value, int32_t depth)
{
    if (depth >= AVRO_DEPTH_MAX)
        return false;
    switch (schema->kind) {
    case AVRO_NULL: return json_element_type(value) == JSON_NULL;
    case AVRO_BOOLEAN:
        if (json_element_type(value) != JSON_BOOL)
            return false;
        buffer_append_u8(out, json_element_bool(value));
        return true;
    case AVRO_INT:
    case AVRO_LONG: return encode_integer(out, schema, value);
    case AVRO_FLOAT:
    case AVRO_DOUBLE: return encode_real(out, schema, value);
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_ENUM:
    case AVRO_FIXED: return encode_text(out, schema, value);
    case AVRO_RECORD: return encode_record(out, schema, value, depth + 1);
    case AVRO_ARRAY:
    case AVRO_MAP: return encode_items(out, schema, value, depth + 1);
    case AVRO_UNION: return encode_union(out, schema, value, depth + 1);
    }
    return false;
}

bool avro_default_encode(Arena *arena, const AvroSchema *schema, JsonElement value, Str *out)
{
    Buffer bytes = {0};
    bool is_good = encode(&bytes, schema, value, 0);
    *out = str_copy(arena, buffer_str(&bytes));
    buffer_free(&bytes);
    return is_good;
}
