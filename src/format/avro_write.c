/* Rows by a schema: the schema's order, each field from the column of its name. */
#include "format/avro_write.h"

#include <assert.h>
#include <stdio.h>

#include "data/decimal.h"
#include "data/nested.h"

enum { PROBLEM_BYTES = 256 };

typedef struct WriteNode WriteNode;
struct WriteNode {
    Type type;
    const AvroSchema *schema; /* of a union that is NULL or a value: the value's */
    Str path;
    int32_t null_branch, value_branch; /* of such a union; -1: it is none */
    int64_t factor, divisor;           /* of times: from the type's unit to the schema's */
    WriteNode **children;              /* of a record by field, else one */
    int32_t *sources; /* of a record: field of the ROW or column; -1: the default */
};

struct AvroWriter {
    WriteNode *root;
    const int32_t *columns; /* of the batch */
    char problem[PROBLEM_BYTES];
};

typedef struct Binder {
    Arena *arena;
    Error *error;
    int32_t depth;
} Binder;

static Status bind(Binder *self, const AvroSchema *schema, Type type, Str path, WriteNode **out);

/* ---- Binding ------------------------------------------------------------------------------- */

static Status bind_refuse(Binder *self, const AvroSchema *schema, Type type, Str path)
{
    return fail(self->error, ERR_INVALID, "WR3513",
                "column `%.*s` of type %s cannot be written as avro's %s", STR_ARGS(path),
                type_text(self->arena, type_nullable(type)), avro_schema_text(self->arena, schema));
}

static int32_t type_field(Type type, Str name)
{
    for (int32_t i = 0; i < type.child_count; i++)
        if (str_equal(type.child_names[i], name))
            return i;
    return -1;
}

static Status bind_record(Binder *self, WriteNode *node)
{
    const AvroSchema *schema = node->schema;
    Type type = node->type;
    int32_t found = 0;
    node->children = ARENA_ARRAY(self->arena, WriteNode *, schema->count + 1);
    node->sources = ARENA_ARRAY(self->arena, int32_t, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++) {
        const AvroField *field = &schema->fields[i];
        Str path = field->name;
        if (node->path.length > 0)
            path = str_from(arena_printf(self->arena, "%.*s.%.*s", STR_ARGS(node->path),
                                         STR_ARGS(field->name)));
        node->sources[i] = type_field(type, field->name);
        if (node->sources[i] < 0 && !field->has_default)
            return fail(
                self->error, ERR_INVALID, "WR3513",
                "there is no column for the field `%.*s` of the schema, which has no default",
                STR_ARGS(path));
        if (node->sources[i] < 0)
            continue;
        found++;
        TRY(bind(self, field->schema, type.children[node->sources[i]], path, &node->children[i]));
    }
    if (found == type.child_count)
        return OK;
    return fail(self->error, ERR_INVALID, "WR3513",
                "`%.*s` has %d fields, of which the schema %s has only %d",
                STR_ARGS(node->path.length > 0 ? node->path : STR("the table")), type.child_count,
                avro_schema_text(self->arena, schema), found);
}

static bool bind_time(WriteNode *node)
{
    AvroLogical logical = node->schema->logical;
    if (node->type.id == TYPE_TIME) {
        bool is_micros = logical == AVRO_TIME_MICROS;
        node->factor = is_micros ? 1000 : 1;
        node->divisor = 1;
        return node->schema->kind == AVRO_INT || is_micros;
    }
    int64_t unit_nanos = logical == AVRO_MICROS ? 1000 : logical == AVRO_NANOS ? 1 : 1000000;
    int64_t nanos_each = type_physical(node->type) == PHYSICAL_I128 ? 1 : 1000;
    node->factor = nanos_each >= unit_nanos ? nanos_each / unit_nanos : 1;
    node->divisor = nanos_each >= unit_nanos ? 1 : unit_nanos / nanos_each;
    return node->schema->kind == AVRO_LONG;
}

/* Whether the schema has the values of the type, which is no nested one. */
static bool bind_single(WriteNode *node)
{
    AvroKind kind = node->schema->kind;
    switch (node->type.id) {
    case TYPE_BOOLEAN: return kind == AVRO_BOOLEAN;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_DATE: return kind == AVRO_INT || kind == AVRO_LONG;
    case TYPE_BIGINT: return kind == AVRO_LONG;
    case TYPE_FLOAT: return kind == AVRO_FLOAT || kind == AVRO_DOUBLE;
    case TYPE_DOUBLE: return kind == AVRO_DOUBLE;
    case TYPE_DECIMAL:
        return node->schema->logical == AVRO_DECIMAL && node->schema->scale >= node->type.scale;
    case TYPE_CHAR:
    case TYPE_VARCHAR: return kind == AVRO_STRING || kind == AVRO_ENUM;
    case TYPE_BINARY:
    case TYPE_VARBINARY: return kind == AVRO_BYTES || kind == AVRO_FIXED;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return bind_time(node);
    case TYPE_NULL:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    return false;
}

static Status bind_value(Binder *self, WriteNode *node)
{
    Type type = node->type;
    AvroKind kind = node->schema->kind;
    if (type.id == TYPE_ROW && kind == AVRO_RECORD)
        return bind_record(self, node);
    bool is_array = type.id == TYPE_ARRAY && kind == AVRO_ARRAY;
    bool is_map = type_is_nested(type) && type.id != TYPE_ROW && type.id != TYPE_ARRAY &&
                  kind == AVRO_MAP && type_is_text(nested_key_type(type));
    if (is_array || is_map) {
        node->children = ARENA_ARRAY(self->arena, WriteNode *, 1);
        return bind(self, node->schema->branches[0],
                    is_array ? type.children[0] : nested_value_type(type), node->path,
                    &node->children[0]);
    }
    if (!type_is_nested(type) && bind_single(node))
        return OK;
    return bind_refuse(self, node->schema, type, node->path);
}

/* A union is one of null and a value. */
static Status bind(Binder *self, const AvroSchema *schema, Type type, Str path, WriteNode **out)
{
    WriteNode *node = *out = ARENA_NEW(self->arena, WriteNode);
    *node = (WriteNode){
        .type = type, .schema = schema, .path = path, .null_branch = -1, .value_branch = -1};
    for (int32_t i = 0; schema->kind == AVRO_UNION && i < schema->count; i++)
        *(schema->branches[i]->kind == AVRO_NULL ? &node->null_branch : &node->value_branch) = i;
    if (schema->kind == AVRO_UNION) {
        if (schema->count > 2 || node->value_branch < 0 ||
            (schema->count == 2 && node->null_branch < 0))
            return bind_refuse(self, schema, type, path);
        node->schema = schema->branches[node->value_branch];
    }
    if (self->depth >= AVRO_DEPTH_MAX)
        return bind_refuse(self, schema, type, path);
    self->depth++;
    Status status = bind_value(self, node);
    self->depth--;
    return status;
}

Status avro_writer_new(Arena *arena, const EncoderSpec *spec, const AvroSchema *schema,
                       AvroWriter **out, Error *error)
{
    Binder self = {.arena = arena, .error = error};
    int32_t count = spec->record->count;
    Type *types = ARENA_ARRAY(arena, Type, count + 1);
    Str *names = ARENA_ARRAY(arena, Str, count + 1);
    for (int32_t i = 0; i < count; i++) {
        types[i] = spec->record->fields[i].type;
        names[i] = spec->record->fields[i].name;
    }
    AvroWriter *writer = *out = ARENA_NEW(arena, AvroWriter);
    writer->columns = spec->columns;
    return bind(&self, schema, type_not_null(type_row(types, names, count)), (Str){0},
                &writer->root);
}

/* ---- Writing ------------------------------------------------------------------------------- */

void avro_append_long(Buffer *out, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (; rest >= 0x80; rest >>= 7)
        buffer_append_u8(out, (uint8_t)(rest | 0x80));
    buffer_append_u8(out, (uint8_t)rest);
}

void avro_append_bytes(Buffer *out, Str bytes)
{
    avro_append_long(out, bytes.length);
    buffer_append_str(out, bytes);
}

static bool write_value(AvroWriter *writer, const WriteNode *node, const Value *value, Buffer *out);

static bool write_fail(AvroWriter *writer, const WriteNode *node, const char *what)
{
    snprintf(writer->problem, sizeof writer->problem, "field `%.*s`: %s", STR_ARGS(node->path),
             what);
    return false;
}

/* As few bytes as tell the number and its sign, the first of them first. */
static bool write_decimal(AvroWriter *writer, const WriteNode *node, const Value *value,
                          Buffer *out)
{
    Int128 number;
    const AvroSchema *schema = node->schema;
    if (!decimal_rescale(value->wide, node->type.scale, schema->scale, &number) ||
        (schema->precision <= DECIMAL_PRECISION_MAX && !decimal_fits(number, schema->precision)))
        return write_fail(writer, node, "the decimal is beyond the precision of the schema");
    char bytes[sizeof number];
    int32_t used = 0;
    for (Int128 rest = number;; rest >>= 8) {
        bytes[sizeof bytes - 1 - (size_t)used++] = (char)(rest & 0xff);
        bool is_negative = (rest & 0x80) != 0;
        if ((rest >> 8) == (is_negative ? -1 : 0))
            break;
    }
    if (schema->kind == AVRO_BYTES) {
        avro_append_bytes(out, str_make(bytes + sizeof bytes - used, used));
        return true;
    }
    if (used > schema->size)
        return write_fail(writer, node, "the decimal is beyond the bytes of the schema");
    for (int32_t i = used; i < schema->size; i++)
        buffer_append_u8(out, number < 0 ? 0xff : 0);
    buffer_append(out, bytes + sizeof bytes - used, used);
    return true;
}

static bool write_time(AvroWriter *writer, const WriteNode *node, const Value *value, Buffer *out)
{
    bool is_wide = type_physical(node->type) == PHYSICAL_I128;
    Int128 number = (is_wide ? value->wide : (Int128)value->integer) * node->factor;
    Int128 rest = number % node->divisor;
    number = number / node->divisor - (rest < 0);
    if (number < INT64_MIN || number > INT64_MAX)
        return write_fail(writer, node, "the time is beyond 64 bits");
    avro_append_long(out, (int64_t)number);
    return true;
}

static bool write_text(AvroWriter *writer, const WriteNode *node, Str text, Buffer *out)
{
    const AvroSchema *schema = node->schema;
    switch ((int)schema->kind) {
    case AVRO_FIXED:
        if (text.length != schema->size)
            return write_fail(writer, node, "it has not as many bytes as the schema's fixed");
        buffer_append_str(out, text);
        return true;
    case AVRO_ENUM:
        for (int32_t i = 0; i < schema->count; i++) {
            if (!str_equal(schema->symbols[i], text))
                continue;
            avro_append_long(out, i);
            return true;
        }
        return write_fail(writer, node, "it is no symbol of the schema's enum");
    default: avro_append_bytes(out, text); return true;
    }
}

static bool write_items(AvroWriter *writer, const WriteNode *node, const Value *value, Buffer *out)
{
    Type type = node->type;
    bool is_array = type.id == TYPE_ARRAY;
    Type item = is_array ? type.children[0] : nested_value_type(type);
    NestedMap map = is_array ? (NestedMap){.values = nested_array(value->text, item)}
                             : nested_map(value->text, type);
    if (map.values.count > 0)
        avro_append_long(out, map.values.count);
    for (int32_t i = 0; i < map.values.count; i++) {
        if (!is_array) {
            if (nested_array_is_null(&map.keys, i))
                return write_fail(writer, node, "a map has a NULL key");
            avro_append_bytes(out, nested_array_bytes(&map.keys, i));
        }
        Value child = nested_array_value(&map.values, i, item);
        if (!write_value(writer, node->children[0], &child, out))
            return false;
    }
    avro_append_long(out, 0);
    return true;
}

static bool write_row(AvroWriter *writer, const WriteNode *node, const Value *value, Buffer *out)
{
    for (int32_t i = 0; i < node->schema->count; i++) {
        if (node->sources[i] < 0) {
            buffer_append_str(out, node->schema->fields[i].default_bytes);
            continue;
        }
        Value child = nested_row_value(value->text, node->type, node->sources[i]);
        if (!write_value(writer, node->children[i], &child, out))
            return false;
    }
    return true;
}

static bool write_present(AvroWriter *writer, const WriteNode *node, const Value *value,
                          Buffer *out)
{
    float single = (float)value->real;
    switch (node->type.id) {
    case TYPE_BOOLEAN: buffer_append_u8(out, value->integer != 0); return true;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_DATE: avro_append_long(out, value->integer); return true;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        if (node->schema->kind == AVRO_FLOAT)
            buffer_append(out, &single, sizeof single);
        else
            buffer_append(out, &value->real, sizeof value->real);
        return true;
    case TYPE_DECIMAL: return write_decimal(writer, node, value, out);
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY: return write_text(writer, node, value->text, out);
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return write_time(writer, node, value, out);
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET: return write_items(writer, node, value, out);
    case TYPE_ROW: return write_row(writer, node, value, out);
    case TYPE_NULL:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS: break;
    }
    assert(!"refused when it was bound");
    return false;
}

static bool write_value(AvroWriter *writer, const WriteNode *node, const Value *value, Buffer *out)
{
    if (value->is_null && node->null_branch < 0)
        return write_fail(writer, node, "it is NULL, which the schema does not allow");
    if (node->value_branch >= 0)
        avro_append_long(out, value->is_null ? node->null_branch : node->value_branch);
    return value->is_null || write_present(writer, node, value, out);
}

const char *avro_write(AvroWriter *writer, const Batch *batch, int32_t row, Buffer *out)
{
    const WriteNode *root = writer->root;
    if (root->value_branch >= 0)
        avro_append_long(out, root->value_branch);
    for (int32_t i = 0; i < root->schema->count; i++) {
        if (root->sources[i] < 0) {
            buffer_append_str(out, root->schema->fields[i].default_bytes);
            continue;
        }
        Value value = value_get(&batch->columns[writer->columns[root->sources[i]]], row);
        if (!write_value(writer, root->children[i], &value, out))
            return writer->problem;
    }
    return NULL;
}
