/* Records of Avro's binary data, by a resolved schema. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "data/decimal.h"
#include "format/avro_read_internal.h"
#include "format/json_index.h"

static const char *const CODE_MALFORMED = "WR3511";
static const char *const CODE_FIELD = "WR3502";

enum {
    VARINT_BYTES_MAX = 10,
    ITEMS_SPARE = 1 << 16, /* items beyond one for each byte: of kinds that take no bytes */
};

typedef struct Cursor {
    const char *at, *end;
    int64_t items_left; /* what arrays and maps of the record may still have */
    AvroReading *reading;
} Cursor;

void avro_reading_free(AvroReading *reading)
{
    nested_builder_free(&reading->builder);
}

static bool __attribute__((format(printf, 3, 4)))
cursor_fail(Cursor *cursor, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(cursor->reading->reason, sizeof cursor->reading->reason, format, args);
    va_end(args);
    cursor->reading->code = code;
    return false;
}

static bool cursor_is_short(Cursor *cursor)
{
    return cursor_fail(cursor, CODE_MALFORMED, "the record ends within a value");
}

static bool node_fail(Cursor *cursor, const AvroNode *node, const char *what)
{
    return cursor_fail(cursor, CODE_FIELD, "field `%.*s`: %s", STR_ARGS(node->path), what);
}

/* ---- Bytes --------------------------------------------------------------------------------- */

static inline bool take_long(Cursor *cursor, int64_t *out)
{
    uint64_t value = 0;
    for (int32_t i = 0; i < VARINT_BYTES_MAX; i++) {
        if (cursor->at == cursor->end)
            return cursor_is_short(cursor);
        uint64_t byte = (unsigned char)*cursor->at++;
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
            return true;
        }
    }
    return cursor_fail(cursor, CODE_MALFORMED, "a number has more than %d bytes",
                       (int)VARINT_BYTES_MAX);
}

static inline bool take(Cursor *cursor, int64_t length, Str *out)
{
    if (length < 0 || length > cursor->end - cursor->at)
        return cursor_is_short(cursor);
    *out = str_make(cursor->at, length);
    cursor->at += length;
    return true;
}

static inline bool take_bytes(Cursor *cursor, Str *out)
{
    int64_t length = 0;
    return take_long(cursor, &length) && take(cursor, length, out);
}

/* The count of the next block of an array or map; 0 ends it. *bytes gets its size if it is told,
 * which it is for those who step over it; else -1. */
static bool take_block(Cursor *cursor, int64_t *count, int64_t *bytes)
{
    *bytes = -1;
    if (!take_long(cursor, count))
        return false;
    if (*count < 0 && (*count == INT64_MIN || !take_long(cursor, bytes) || *bytes < 0))
        return cursor_fail(cursor, CODE_MALFORMED, "a block of a list has no good size");
    *count = *count < 0 ? -*count : *count;
    if (*count > cursor->items_left)
        return cursor_fail(cursor, CODE_MALFORMED,
                           "a list has more items than the record has bytes");
    cursor->items_left -= *count;
    return true;
}

/* ---- Stepping over ------------------------------------------------------------------------- */

static bool skip(Cursor *cursor, const AvroSchema *schema, int32_t depth);

static bool skip_blocks(Cursor *cursor, const AvroSchema *schema, int32_t depth)
{
    int64_t count = 0, bytes = 0;
    Str ignored;
    for (;;) {
        if (!take_block(cursor, &count, &bytes))
            return false;
        if (count == 0)
            return true;
        if (bytes >= 0) {
            if (!take(cursor, bytes, &ignored))
                return false;
            continue;
        }
        for (int64_t i = 0; i < count; i++)
            if ((schema->kind == AVRO_MAP && !take_bytes(cursor, &ignored)) ||
                !skip(cursor, schema->branches[0], depth + 1))
                return false;
    }
}

static bool skip_union(Cursor *cursor, const AvroSchema *schema, int32_t depth)
{
    int64_t branch = 0;
    if (!take_long(cursor, &branch))
        return false;
    if (branch < 0 || branch >= schema->count)
        return cursor_fail(cursor, CODE_MALFORMED, "a union has no branch %lld", (long long)branch);
    return skip(cursor, schema->branches[branch], depth + 1);
}

static bool skip(Cursor *cursor, const AvroSchema *schema, int32_t depth)
{
    int64_t ignored = 0;
    Str bytes = {0};
    if (depth > AVRO_DEPTH_MAX)
        return cursor_fail(cursor, CODE_MALFORMED, "a value is nested more than %d deep",
                           (int)AVRO_DEPTH_MAX);
    switch (schema->kind) {
    case AVRO_NULL: return true;
    case AVRO_BOOLEAN: return take(cursor, 1, &bytes);
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_ENUM: return take_long(cursor, &ignored);
    case AVRO_FLOAT: return take(cursor, 4, &bytes);
    case AVRO_DOUBLE: return take(cursor, 8, &bytes);
    case AVRO_BYTES:
    case AVRO_STRING: return take_bytes(cursor, &bytes);
    case AVRO_FIXED: return take(cursor, schema->size, &bytes);
    case AVRO_ARRAY:
    case AVRO_MAP: return skip_blocks(cursor, schema, depth);
    case AVRO_UNION: return skip_union(cursor, schema, depth);
    case AVRO_RECORD: break;
    }
    for (int32_t i = 0; i < schema->count; i++)
        if (!skip(cursor, schema->fields[i].schema, depth + 1))
            return false;
    return true;
}

/* ---- Single values ------------------------------------------------------------------------- */

static bool store_integer(const AvroNode *node, Column *into, int32_t row, int64_t value)
{
    switch (into->physical) {
    case PHYSICAL_I8: ((int8_t *)into->values)[row] = (int8_t)value; break;
    case PHYSICAL_I16: ((int16_t *)into->values)[row] = (int16_t)value; break;
    case PHYSICAL_I32: ((int32_t *)into->values)[row] = (int32_t)value; break;
    case PHYSICAL_I64: ((int64_t *)into->values)[row] = value; break;
    case PHYSICAL_F32: ((float *)into->values)[row] = (float)value; break;
    case PHYSICAL_F64: ((double *)into->values)[row] = (double)value; break;
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_I128:
    case PHYSICAL_STRING: assert(!"resolved to a number"); break;
    }
    (void)node;
    return true;
}

static bool read_integer(Cursor *cursor, const AvroNode *node, Column *into, int32_t row)
{
    int64_t value = 0;
    if (!take_long(cursor, &value))
        return false;
    if (node->writer->kind == AVRO_INT && (value < INT32_MIN || value > INT32_MAX))
        return cursor_fail(cursor, CODE_MALFORMED, "an int is beyond 32 bits");
    if (value < node->least || value > node->most)
        return cursor_fail(cursor, CODE_FIELD, "field `%.*s`: %lld is beyond its type",
                           STR_ARGS(node->path), (long long)value);
    return store_integer(node, into, row, value);
}

static Int128 precision_unit(Type type)
{
    int32_t digits = (type_physical(type) == PHYSICAL_I128 ? 9 : 6) - type.precision;
    return digits > 0 ? decimal_power10(digits) : 1;
}

static bool read_time(Cursor *cursor, const AvroNode *node, Column *into, int32_t row)
{
    int64_t number = 0;
    if (!take_long(cursor, &number))
        return false;
    if (number < node->least || number > node->most)
        return node_fail(cursor, node, "it is beyond the day");
    Int128 value = (Int128)number * node->factor;
    Int128 rest = value % node->divisor;
    value = value / node->divisor - (rest < 0);
    if (into->physical == PHYSICAL_I32) {
        ((int32_t *)into->values)[row] = (int32_t)value;
        return true;
    }
    Int128 unit = precision_unit(node->type);
    rest = value % unit;
    value -= rest < 0 ? rest + unit : rest;
    if (into->physical == PHYSICAL_I128) {
        ((Int128 *)into->values)[row] = value;
        return true;
    }
    if (value < INT64_MIN || value > INT64_MAX)
        return node_fail(cursor, node, "it is out of the range of times");
    ((int64_t *)into->values)[row] = (int64_t)value;
    return true;
}

static bool read_real(Cursor *cursor, const AvroNode *node, Column *into, int32_t row)
{
    Str bytes = {0};
    float single;
    double real;
    if (!take(cursor, node->op == READ_FLOAT ? 4 : 8, &bytes))
        return false;
    if (node->op == READ_FLOAT) {
        memcpy(&single, bytes.data, sizeof single);
        real = (double)single;
    } else {
        memcpy(&real, bytes.data, sizeof real);
        single = (float)real;
    }
    if (into->physical == PHYSICAL_F32)
        ((float *)into->values)[row] = single;
    else
        ((double *)into->values)[row] = real;
    return true;
}

static bool read_decimal(Cursor *cursor, const AvroNode *node, Column *into, int32_t row)
{
    const AvroSchema *writer = node->writer;
    Str bytes = {0};
    if (writer->kind == AVRO_FIXED ? !take(cursor, writer->size, &bytes)
                                   : !take_bytes(cursor, &bytes))
        return false;
    bool is_negative = bytes.length > 0 && bytes.data[0] < 0;
    /* More bytes than a number needs repeat its sign. */
    while (bytes.length > (int64_t)sizeof(Int128) && bytes.data[0] == (is_negative ? -1 : 0)) {
        bytes.data++;
        bytes.length--;
    }
    Uint128 number = is_negative ? ~(Uint128)0 : 0;
    for (int64_t i = 0; i < bytes.length && bytes.length <= (int64_t)sizeof(Int128); i++)
        number = number << 8 | (unsigned char)bytes.data[i];
    Int128 value = (Int128)number;
    int32_t scale = writer->logical == AVRO_DECIMAL ? writer->scale : node->type.scale;
    if (bytes.length > (int64_t)sizeof(Int128) || (value < 0) != is_negative ||
        !decimal_rescale(value, scale, node->type.scale, &value) ||
        !decimal_fits(value, node->type.precision))
        return node_fail(cursor, node, "the decimal is beyond its type");
    ((Int128 *)into->values)[row] = value;
    return true;
}

static bool text_is_utf8(Str text)
{
    uint64_t bits = 0;
    int64_t i = 0;
    for (; i + 8 <= text.length; i += 8) {
        uint64_t word;
        memcpy(&word, text.data + i, sizeof word);
        bits |= word;
    }
    for (; i < text.length; i++)
        bits |= (unsigned char)text.data[i];
    return (bits & 0x8080808080808080) == 0 || json_index_is_utf8(text.data, text.length);
}

static bool read_text(Cursor *cursor, const AvroNode *node, Column *into, int32_t row, Arena *arena)
{
    Str text = {0};
    int64_t symbol = 0;
    if (node->op == READ_FIXED) {
        if (!take(cursor, node->writer->size, &text))
            return false;
    } else if (node->op == READ_TEXT) {
        if (!take_bytes(cursor, &text))
            return false;
    } else {
        if (!take_long(cursor, &symbol))
            return false;
        if (symbol < 0 || symbol >= node->writer->count)
            return cursor_fail(cursor, CODE_MALFORMED, "an enum has no symbol %lld",
                               (long long)symbol);
        text = node->symbols[symbol];
        if (text.data == NULL)
            return node_fail(cursor, node, "the symbol is not one of the reader's");
    }
    if (type_is_text(node->type) && !text_is_utf8(text))
        return node_fail(cursor, node, "the text is not utf-8");
    StrView view = arena != NULL ? str_view_copy(arena, text) : str_view_borrow(text);
    ((StrView *)into->values)[row] = view;
    return true;
}

/* A value that is not NULL and of no nested type; texts are copied to the arena, or borrowed. */
static inline bool read_single(Cursor *cursor, const AvroNode *node, Column *into, int32_t row,
                               Arena *arena)
{
    Str bytes = {0};
    switch (node->op) {
    case READ_INTEGER: return read_integer(cursor, node, into, row);
    case READ_TEXT:
    case READ_SYMBOL:
    case READ_FIXED: return read_text(cursor, node, into, row, arena);
    case READ_TIME: return read_time(cursor, node, into, row);
    case READ_FLOAT:
    case READ_DOUBLE: return read_real(cursor, node, into, row);
    case READ_DECIMAL: return read_decimal(cursor, node, into, row);
    case READ_BOOLEAN:
        if (!take(cursor, 1, &bytes))
            return false;
        ((uint8_t *)into->values)[row] = bytes.data[0] != 0;
        return true;
    case READ_WRONG:
        return node_fail(cursor, node, "this branch of its union is no value of its type");
    case READ_SKIP:
    case READ_NULL:
    case READ_UNION:
    case READ_ARRAY:
    case READ_MAP:
    case READ_RECORD: break;
    }
    assert(!"no single value");
    return false;
}

/* The branch that was written, of a union; NULL after a failure. */
static const AvroNode *take_branch(Cursor *cursor, const AvroNode *node)
{
    int64_t branch = 0;
    while (node->op == READ_UNION) {
        if (!take_long(cursor, &branch))
            return NULL;
        if (branch < 0 || branch >= node->writer->count) {
            cursor_fail(cursor, CODE_MALFORMED, "a union has no branch %lld", (long long)branch);
            return NULL;
        }
        node = node->children[branch];
    }
    return node;
}

/* ---- Nested values ------------------------------------------------------------------------- */

static bool build(Cursor *cursor, const AvroNode *node);

static bool build_items(Cursor *cursor, const AvroNode *node)
{
    NestedBuilder *builder = &cursor->reading->builder;
    int64_t count = 0, ignored = 0;
    Str key = {0};
    nested_begin(builder, node->type);
    do {
        if (!take_block(cursor, &count, &ignored))
            return false;
        for (int64_t i = 0; i < count; i++) {
            if (node->op == READ_MAP) {
                if (!take_bytes(cursor, &key))
                    return false;
                if (!text_is_utf8(key))
                    return node_fail(cursor, node, "a key is not utf-8");
                nested_put_str(builder, key);
            }
            if (!build(cursor, node->children[0]))
                return false;
        }
    } while (count > 0);
    nested_end(builder);
    return true;
}

/* A default in place of what the writer does not have. */
static Cursor fill_cursor(const Cursor *cursor, Str bytes)
{
    return (Cursor){.at = bytes.data,
                    .end = bytes.data + bytes.length,
                    .items_left = bytes.length,
                    .reading = cursor->reading};
}

static bool build_row(Cursor *cursor, const AvroNode *node)
{
    NestedBuilder *builder = &cursor->reading->builder;
    nested_begin(builder, node->type);
    for (int32_t i = 0; i < node->step_count; i++) {
        const AvroStep *step = &node->steps[i];
        if (step->target < 0) {
            if (!skip(cursor, step->node->writer, 0))
                return false;
            continue;
        }
        nested_field(builder, step->target);
        if (!build(cursor, step->node))
            return false;
    }
    for (int32_t i = 0; i < node->fill_count; i++) {
        const AvroFill *fill = &node->fills[i];
        if (fill->node == NULL)
            continue;
        Cursor bytes = fill_cursor(cursor, fill->bytes);
        nested_field(builder, fill->target);
        if (!build(&bytes, fill->node))
            return false;
    }
    nested_end(builder);
    return true;
}

/* The next child of what is being built. */
static bool build(Cursor *cursor, const AvroNode *node)
{
    NestedBuilder *builder = &cursor->reading->builder;
    node = take_branch(cursor, node);
    if (node == NULL)
        return false;
    if (node->op == READ_ARRAY || node->op == READ_MAP)
        return build_items(cursor, node);
    if (node->op == READ_RECORD)
        return build_row(cursor, node);
    if (node->op == READ_NULL) {
        nested_put_null(builder);
        return true;
    }
    Int128 value = 0;
    Column single = {.type = node->type, .physical = type_physical(node->type), .values = &value};
    if (!read_single(cursor, node, &single, 0, NULL))
        return false;
    nested_put_column(builder, &single, 0);
    return true;
}

/* ---- Records ------------------------------------------------------------------------------- */

typedef struct Row {
    Batch *batch;
    int32_t index, capacity;
} Row;

static bool read_column(Cursor *cursor, const AvroNode *node, const Row *row, int32_t target)
{
    Column *into = &row->batch->columns[target];
    NestedBuilder *builder = &cursor->reading->builder;
    node = take_branch(cursor, node);
    if (node == NULL)
        return false;
    if (node->op == READ_NULL) {
        column_set_null(into, row->batch->arena, row->index, row->capacity);
        return true;
    }
    if (node->op == READ_ARRAY || node->op == READ_MAP || node->op == READ_RECORD) {
        nested_abandon(builder);
        if (!build(cursor, node))
            return false;
        ((StrView *)into->values)[row->index] =
            str_view_copy(row->batch->arena, nested_result(builder));
    } else if (!read_single(cursor, node, into, row->index, row->batch->arena)) {
        return false;
    }
    if (into->valid != NULL)
        bitmap_set(into->valid, row->index, true);
    return true;
}

static bool read_record(Cursor *cursor, const AvroNode *node, const Row *row)
{
    for (int32_t i = 0; i < node->step_count; i++) {
        const AvroStep *step = &node->steps[i];
        if (step->target < 0 ? !skip(cursor, step->node->writer, 0)
                             : !read_column(cursor, step->node, row, step->target))
            return false;
    }
    for (int32_t i = 0; i < node->fill_count; i++) {
        const AvroFill *fill = &node->fills[i];
        Cursor bytes = fill_cursor(cursor, fill->bytes);
        if (fill->node == NULL)
            column_set_null(&row->batch->columns[fill->target], row->batch->arena, row->index,
                            row->capacity);
        else if (!read_column(&bytes, fill->node, row, fill->target))
            return false;
    }
    return true;
}

static Cursor cursor_of(Str data, AvroReading *reading)
{
    return (Cursor){.at = data.data,
                    .end = data.data + data.length,
                    .items_left = data.length + ITEMS_SPARE,
                    .reading = reading};
}

static bool read_root(Cursor *cursor, const AvroReader *reader, const Row *row)
{
    assert(row->index < row->capacity);
    const AvroNode *root = take_branch(cursor, reader->root);
    if (root == NULL)
        return false;
    if (root->op != READ_RECORD)
        return cursor_fail(cursor, CODE_FIELD, "what was written is no record");
    return read_record(cursor, root, row);
}

static void row_add(const Row *row)
{
    if (row->batch->kinds != NULL)
        row->batch->kinds[row->index] = ROW_INSERT;
    row->batch->row_count++;
}

bool avro_read_message(const AvroReader *reader, AvroReading *reading, Str message, Batch *into,
                       int32_t capacity)
{
    Cursor cursor = cursor_of(message, reading);
    Row row = {.batch = into, .index = into->row_count, .capacity = capacity};
    if (!read_root(&cursor, reader, &row))
        return false;
    if (cursor.at != cursor.end)
        return cursor_fail(&cursor, CODE_MALFORMED, "%lld bytes are left behind the record",
                           (long long)(cursor.end - cursor.at));
    row_add(&row);
    return true;
}

bool avro_skip_next(const AvroSchema *schema, AvroReading *reading, Str *data)
{
    Cursor cursor = cursor_of(*data, reading);
    bool is_good = skip(&cursor, schema, 0);
    *data = is_good ? str_make(cursor.at, cursor.end - cursor.at) : (Str){0};
    return is_good;
}

bool avro_read_next(const AvroReader *reader, AvroReading *reading, Str *data, Batch *into,
                    int32_t capacity)
{
    Cursor cursor = cursor_of(*data, reading);
    Row row = {.batch = into, .index = into->row_count, .capacity = capacity};
    if (read_root(&cursor, reader, &row)) {
        *data = str_make(cursor.at, cursor.end - cursor.at);
        row_add(&row);
        return true;
    }
    AvroReading ignored = {0};
    (void)avro_skip_next(reader->root->writer, &ignored, data);
    return false;
}
