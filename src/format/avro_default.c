/* JSON values in Avro's binary form, by the rules of Avro 1.11 for defaults and for records that
 * are written in JSON. */
#include "format/avro_default.h"

#include <math.h>

enum { RECORD_BYTES_MAX = 64 << 20, RECORD_WORK_MAX = 256 << 20 }; /* of a record in JSON */

/* Where values go, and how much they may still come to. */
typedef struct Encoding {
    Buffer *out;
    AvroDefaultBudget *budget;
    bool is_tagged; /* unions say which branch it is: {"string": "x"} */
} Encoding;

/* False: it was more than there may be. */
static bool spend(const Encoding *self, int64_t work)
{
    self->budget->work -= work;
    self->budget->is_spent |= self->budget->work < 0 || self->out->length > self->budget->bytes;
    return !self->budget->is_spent;
}

static bool encode(const Encoding *self, const AvroSchema *schema, JsonElement value,
                   int32_t depth);

/* What JSON has no number for. */
static bool take_non_number(Str text, double *out)
{
    *out = str_is(text, "NaN")         ? (double)NAN
           : str_is(text, "-Infinity") ? -(double)INFINITY
                                       : (double)INFINITY;
    return str_is(text, "NaN") || str_is(text, "Infinity") || str_is(text, "-Infinity");
}

static bool encode_real(const Encoding *self, const AvroSchema *schema, JsonElement value)
{
    Buffer *out = self->out;
    JsonType type = json_element_type(value);
    double real;
    if (type == JSON_INT)
        real = (double)json_element_int(value);
    else if (type == JSON_REAL)
        real = json_element_real(value);
    else if (!self->is_tagged || type != JSON_STRING ||
             !take_non_number(json_element_string(value), &real))
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

static bool encode_text(const Encoding *self, const AvroSchema *schema, JsonElement value)
{
    Buffer *out = self->out;
    if (json_element_type(value) != JSON_STRING)
        return false;
    Str text = json_element_string(value);
    if (!spend(self, text.length + schema->count))
        return false;
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

static bool encode_items(const Encoding *self, const AvroSchema *schema, JsonElement value,
                         int32_t depth)
{
    Buffer *out = self->out;
    if (json_element_type(value) != (schema->kind == AVRO_MAP ? JSON_OBJECT : JSON_ARRAY))
        return false;
    JsonChildren children = json_children(value);
    Str key;
    JsonElement item;
    while (json_next(&children, &key, &item)) {
        if (!spend(self, key.length))
            return false;
        avro_append_long(out, 1); /* a block for each */
        if (schema->kind == AVRO_MAP)
            avro_append_bytes(out, key);
        if (!encode(self, schema->branches[0], item, depth))
            return false;
    }
    avro_append_long(out, 0);
    return true;
}

static bool encode_record(const Encoding *self, const AvroSchema *schema, JsonElement value,
                          int32_t depth)
{
    Buffer *out = self->out;
    if (json_element_type(value) != JSON_OBJECT)
        return false;
    for (int32_t i = 0; i < schema->count; i++) {
        const AvroField *field = &schema->fields[i];
        JsonChildren children = json_children(value);
        Str key;
        JsonElement item, found = {0};
        bool is_there = false;
        while (json_next(&children, &key, &item)) {
            if (!spend(self, 1))
                return false;
            if (!str_equal(key, field->name))
                continue;
            found = item;
            is_there = true;
        }
        if (!is_there && !field->has_default)
            return false;
        if (!is_there && !spend(self, field->default_bytes.length))
            return false;
        if (!is_there)
            buffer_append_str(out, field->default_bytes);
        else if (!encode(self, field->schema, found, depth))
            return false;
    }
    return true;
}

/* null, or an object of one member, which is called as the branch is. */
static bool encode_branch(const Encoding *self, const AvroSchema *schema, JsonElement value,
                          int32_t depth)
{
    Str name = STR("null"), key;
    JsonElement inner = value, other;
    if (json_element_type(value) != JSON_NULL) {
        if (json_element_type(value) != JSON_OBJECT)
            return false;
        JsonChildren children = json_children(value);
        if (!json_next(&children, &name, &inner) || json_next(&children, &key, &other))
            return false;
    }
    for (int32_t i = 0; i < schema->count; i++) {
        if (!str_is(name, avro_branch_name(schema->branches[i])))
            continue;
        avro_append_long(self->out, i);
        return encode(self, schema->branches[i], inner, depth);
    }
    return false;
}

static bool encode_union(const Encoding *self, const AvroSchema *schema, JsonElement value,
                         int32_t depth)
{
    Buffer *out = self->out;
    int64_t start = out->length;
    if (self->is_tagged)
        return encode_branch(self, schema, value, depth);
    for (int32_t i = 0; i < schema->count; i++) {
        out->length = start;
        avro_append_long(out, i);
        if (encode(self, schema->branches[i], value, depth))
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

static bool encode(const Encoding *self, const AvroSchema *schema, JsonElement value, int32_t depth)
{
    Buffer *out = self->out;
    if (depth >= AVRO_DEPTH_MAX || !spend(self, 1))
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
    case AVRO_DOUBLE: return encode_real(self, schema, value);
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_ENUM:
    case AVRO_FIXED: return encode_text(self, schema, value);
    case AVRO_RECORD: return encode_record(self, schema, value, depth + 1);
    case AVRO_ARRAY:
    case AVRO_MAP: return encode_items(self, schema, value, depth + 1);
    case AVRO_UNION: return encode_union(self, schema, value, depth + 1);
    }
    return false;
}

bool avro_default_encode(Arena *arena, const AvroSchema *schema, JsonElement value,
                         AvroDefaultBudget *budget, Str *out)
{
    Buffer bytes = {0};
    Encoding encoding = {.out = &bytes, .budget = budget};
    bool is_good = encode(&encoding, schema, value, 0);
    budget->bytes -= bytes.length;
    budget->is_spent |= budget->bytes < 0;
    *out = str_copy(arena, budget->is_spent ? (Str){0} : buffer_str(&bytes));
    buffer_free(&bytes);
    return is_good && !budget->is_spent;
}

bool avro_json_encode(const AvroSchema *schema, JsonElement value, Buffer *out)
{
    AvroDefaultBudget budget = {.bytes = out->length + RECORD_BYTES_MAX, .work = RECORD_WORK_MAX};
    Encoding encoding = {.out = out, .budget = &budget, .is_tagged = true};
    return encode(&encoding, schema, value, 0) && !budget.is_spent;
}
