#include "format/avro_json.h"

#include <math.h>

#include "base/json.h"
#include "data/real.h"

typedef struct Printing {
    ByteReader in;
    Buffer *out;
    Buffer text; /* of bytes, as a text */
} Printing;

static void print(Printing *self, const AvroSchema *schema);

static int64_t take_long(Printing *self)
{
    uint64_t value = 0;
    int32_t shift = 0;
    uint8_t byte;
    do {
        byte = byte_reader_u8(&self->in);
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte >= 0x80 && shift < 64);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static Str take_text(Printing *self)
{
    return byte_reader_take(&self->in, take_long(self));
}

/* Each byte is the character of its number. */
static void print_bytes(Printing *self, Str bytes)
{
    self->text.length = 0;
    for (int64_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        if (byte >= 0x80)
            buffer_append_char(&self->text, (char)(0xc0 | byte >> 6));
        buffer_append_char(&self->text, (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte));
    }
    json_append_quoted(self->out, buffer_str(&self->text));
}

static void print_real(Printing *self, const AvroSchema *schema)
{
    float single;
    double real;
    int64_t start = self->out->length;
    if (schema->kind == AVRO_FLOAT) {
        byte_reader_copy(&self->in, &single, sizeof single);
        real = (double)single;
        real_print_float(self->out, single);
    } else {
        byte_reader_copy(&self->in, &real, sizeof real);
        real_print_double(self->out, real);
    }
    if (isfinite(real))
        return;
    self->out->length = start;
    buffer_append_text(self->out, isnan(real) ? "\"NaN\""
                                  : real > 0  ? "\"Infinity\""
                                              : "\"-Infinity\"");
}

static void print_items(Printing *self, const AvroSchema *schema)
{
    bool is_map = schema->kind == AVRO_MAP, is_first = true;
    buffer_append_char(self->out, is_map ? '{' : '[');
    for (int64_t count = take_long(self); count != 0; count = take_long(self)) {
        if (count < 0)
            (void)take_long(self); /* its size */
        for (int64_t i = 0; i < (count < 0 ? -count : count) && !self->in.is_short; i++) {
            if (!is_first)
                buffer_append_char(self->out, ',');
            is_first = false;
            if (is_map) {
                json_append_quoted(self->out, take_text(self));
                buffer_append_char(self->out, ':');
            }
            print(self, schema->branches[0]);
        }
    }
    buffer_append_char(self->out, is_map ? '}' : ']');
}

static void print_union(Printing *self, const AvroSchema *schema)
{
    const AvroSchema *branch = schema->branches[take_long(self)];
    if (branch->kind == AVRO_NULL) {
        buffer_append_text(self->out, "null");
        return;
    }
    buffer_append_char(self->out, '{');
    json_append_quoted(self->out, str_from(avro_branch_name(branch)));
    buffer_append_char(self->out, ':');
    print(self, branch);
    buffer_append_char(self->out, '}');
}

static void print_record(Printing *self, const AvroSchema *schema)
{
    buffer_append_char(self->out, '{');
    for (int32_t i = 0; i < schema->count; i++) {
        if (i > 0)
            buffer_append_char(self->out, ',');
        json_append_quoted(self->out, schema->fields[i].name);
        buffer_append_char(self->out, ':');
        print(self, schema->fields[i].schema);
    }
    buffer_append_char(self->out, '}');
}

static void print(Printing *self, const AvroSchema *schema)
{
    switch (schema->kind) {
    case AVRO_NULL: buffer_append_text(self->out, "null"); break;
    case AVRO_BOOLEAN:
        buffer_append_text(self->out, byte_reader_u8(&self->in) != 0 ? "true" : "false");
        break;
    case AVRO_INT:
    case AVRO_LONG: buffer_printf(self->out, "%lld", (long long)take_long(self)); break;
    case AVRO_FLOAT:
    case AVRO_DOUBLE: print_real(self, schema); break;
    case AVRO_BYTES: print_bytes(self, take_text(self)); break;
    case AVRO_FIXED: print_bytes(self, byte_reader_take(&self->in, schema->size)); break;
    case AVRO_STRING: json_append_quoted(self->out, take_text(self)); break;
    case AVRO_ENUM: json_append_quoted(self->out, schema->symbols[take_long(self)]); break;
    case AVRO_ARRAY:
    case AVRO_MAP: print_items(self, schema); break;
    case AVRO_UNION: print_union(self, schema); break;
    case AVRO_RECORD: print_record(self, schema); break;
    }
}

void avro_json_print(const AvroSchema *schema, Str bytes, Buffer *out)
{
    Printing printing = {.in = byte_reader(bytes), .out = out};
    print(&printing, schema);
    buffer_free(&printing.text);
}
