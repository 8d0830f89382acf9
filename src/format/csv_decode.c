/* The csv format, reading. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/base64.h"
#include "data/nested.h"
#include "data/real.h"
#include "format/csv.h"
#include "format/formats.h"
#include "format/text.h"

enum {
    REASON_BYTES = 512,
    TEXT_BYTES_SHOWN = 80,
    UNCLOSED_MAX = 16, /* per block: from then on quoted fields end with their line */
};

typedef struct CsvColumn {
    Str name;
    Type type;
    int32_t field; /* position in the record */
    int32_t batch_column;
    Column *column;
} CsvColumn;

typedef struct CsvDecoder {
    CsvOptions options;
    CsvColumn *columns;
    int32_t column_count;
    CsvField *fields;
    int32_t field_count;
    TextDates dates;
    NestedBuilder builder;
    Buffer scratch;
    Batch *batch;
    int32_t capacity;
    FormatReject *reject;
    void *reject_context;
    char reason[REASON_BYTES];
} CsvDecoder;

static Status csv_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    CsvDecoder *decoder = ARENA_NEW(arena, CsvDecoder);
    TRY(csv_options_read(arena, spec->options, spec->prefix, &decoder->options, error));
    decoder->column_count = spec->column_count;
    decoder->columns = ARENA_ARRAY(arena, CsvColumn, spec->column_count);
    decoder->field_count = spec->record->count;
    decoder->fields = ARENA_ARRAY(arena, CsvField, spec->record->count + 1);
    decoder->reject = spec->reject;
    decoder->reject_context = spec->reject_context;
    for (int32_t i = 0; i < spec->column_count; i++) {
        const Field *field = &spec->record->fields[spec->columns[i]];
        if (type_is_nested(field->type) && !csv_takes_nested(field->type))
            return fail(error, ERR_INVALID, "WR3504",
                        "column `%.*s` of type %s: csv has arrays and rows of simple types only",
                        STR_ARGS(field->name), type_text(arena, field->type));
        decoder->columns[i] = (CsvColumn){.name = str_copy(arena, field->name),
                                          .type = field->type,
                                          .field = spec->columns[i],
                                          .batch_column = spec->first_column + i};
    }
    *out = (Decoder *)decoder;
    return OK;
}

static void csv_close(Decoder *base)
{
    buffer_free(&((CsvDecoder *)base)->scratch);
    nested_builder_free(&((CsvDecoder *)base)->builder);
}

static TextResult read_integer(Column *column, Str text, int64_t max, int32_t row)
{
    int64_t value;
    if (!text_integer(text_trim(text), -max - 1, max, &value))
        return TEXT_BAD;
    if (column->physical == PHYSICAL_I8)
        ((int8_t *)column->values)[row] = (int8_t)value;
    else if (column->physical == PHYSICAL_I16)
        ((int16_t *)column->values)[row] = (int16_t)value;
    else if (column->physical == PHYSICAL_I32)
        ((int32_t *)column->values)[row] = (int32_t)value;
    else
        ((int64_t *)column->values)[row] = value;
    return TEXT_OK;
}

static TextResult read_real(Column *column, Str text, int32_t row)
{
    double value;
    if (!real_parse(text_trim(text), &value))
        return TEXT_BAD;
    if (column->physical == PHYSICAL_F32)
        ((float *)column->values)[row] = (float)value;
    else
        ((double *)column->values)[row] = value;
    return TEXT_OK;
}

static TextResult read_timestamp(CsvDecoder *decoder, Column *column, Str text, int32_t row)
{
    Int128 value;
    if (!text_timestamp(&decoder->dates, text_trim(text), TEXT_TIMES_SQL, column->type, &value))
        return TEXT_BAD;
    if (column->physical == PHYSICAL_I128)
        ((Int128 *)column->values)[row] = value;
    else
        ((int64_t *)column->values)[row] = (int64_t)value;
    return TEXT_OK;
}

static TextResult read_bytes(CsvDecoder *decoder, Column *column, Str text, int32_t row)
{
    Buffer bytes = {0};
    bool is_decoded = base64_decode(&bytes, text);
    if (is_decoded)
        ((StrView *)column->values)[row] = str_view_copy(decoder->batch->arena, buffer_str(&bytes));
    buffer_free(&bytes);
    return is_decoded ? TEXT_OK : TEXT_BAD;
}

/* TIME may leave its seconds out. */
static TextResult read_time(Column *column, Str text, int32_t row)
{
    return time_parse(text_trim(text), (int32_t *)column->values + row) ? TEXT_OK : TEXT_BAD;
}

static TextResult read_value(CsvDecoder *decoder, Column *column, Str text, int32_t row)
{
    Type type = column->type;
    switch (type.id) {
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        ((StrView *)column->values)[row] = str_view_copy(decoder->batch->arena, text);
        return TEXT_OK;
    case TYPE_TINYINT: return read_integer(column, text, INT8_MAX, row);
    case TYPE_SMALLINT: return read_integer(column, text, INT16_MAX, row);
    case TYPE_INT:
    case TYPE_INTERVAL_MONTHS: return read_integer(column, text, INT32_MAX, row);
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MILLIS: return read_integer(column, text, INT64_MAX, row);
    case TYPE_FLOAT:
    case TYPE_DOUBLE: return read_real(column, text, row);
    case TYPE_DECIMAL:
        return text_decimal(text_trim(text), type.precision, type.scale,
                            (Int128 *)column->values + row);
    case TYPE_BOOLEAN:
        ((uint8_t *)column->values)[row] = str_equal_ignoring_case(text_trim(text), STR("true"));
        return TEXT_OK;
    case TYPE_DATE:
        return text_date(&decoder->dates, text_trim(text), (int32_t *)column->values + row)
                   ? TEXT_OK
                   : TEXT_BAD;
    case TYPE_TIME: return read_time(column, text, row);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return read_timestamp(decoder, column, text, row);
    case TYPE_BINARY:
    case TYPE_VARBINARY: return read_bytes(decoder, column, text, row);
    case TYPE_NULL:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    assert(!"refused at open");
    return TEXT_BAD;
}

/* One element, by way of a column of one value. */
static TextResult read_element(CsvDecoder *decoder, Type type, Str text)
{
    Int128 value = 0;
    Column one = {.type = type, .physical = type_physical(type), .values = &value};
    const CsvOptions *options = &decoder->options;
    TextResult result = TEXT_NULL;
    if (type_is_text(type) &&
        !(options->has_null_literal && str_equal(text, options->null_literal))) {
        nested_put_str(&decoder->builder, text);
        return TEXT_OK;
    }
    if (!options->has_null_literal || !str_equal(text, options->null_literal))
        result = read_value(decoder, &one, text, 0);
    if (result == TEXT_BAD && !options->ignores_errors)
        return TEXT_BAD;
    if (result == TEXT_OK)
        nested_put_column(&decoder->builder, &one, 0);
    else
        nested_put_null(&decoder->builder);
    return TEXT_OK;
}

/* An array's elements, or a row's fields, with delimiters between them. An empty text is an empty
 * array, or a NULL row. */
static TextResult read_nested(CsvDecoder *decoder, Column *column, Str text, int32_t row)
{
    Type type = column->type;
    bool is_row = type.id == TYPE_ROW, is_first = true;
    int32_t count = 0;
    Str element;
    if (is_row && text.length == 0)
        return TEXT_NULL;
    nested_abandon(&decoder->builder);
    nested_begin(&decoder->builder, type);
    for (; csv_next_element(&decoder->options, &text, &is_first, &element); count++) {
        if (is_row && count == type.child_count)
            return TEXT_BAD;
        if (read_element(decoder, type.children[is_row ? count : 0], element) == TEXT_BAD)
            return TEXT_BAD;
    }
    if (is_row && count < type.child_count && !decoder->options.ignores_errors)
        return TEXT_BAD;
    nested_end(&decoder->builder);
    Str bytes = nested_result(&decoder->builder);
    ((StrView *)column->values)[row] = str_view_copy(decoder->batch->arena, bytes);
    return TEXT_OK;
}

static bool field_fail(CsvDecoder *decoder, const CsvColumn *column, Str text)
{
    Buffer type = {0};
    type_print(&type, type_nullable(column->type));
    bool is_cut = text.length > TEXT_BYTES_SHOWN;
    Str shown = str_make(text.data, is_cut ? TEXT_BYTES_SHOWN : text.length);
    snprintf(decoder->reason, sizeof decoder->reason,
             "field `%.*s`: '%.*s'%s is not a value of type %s", STR_ARGS(column->name),
             STR_ARGS(shown), is_cut ? "…" : "", buffer_terminated(&type));
    buffer_free(&type);
    return false;
}

/* One column of the row; false when the record must go. */
static bool read_field(CsvDecoder *decoder, CsvColumn *column, int32_t count, int32_t row)
{
    Column *into = column->column;
    TextResult result = TEXT_NULL;
    Str text = {0};
    if (column->field < count) {
        const CsvOptions *options = &decoder->options;
        text = csv_field_text(options, &decoder->fields[column->field], &decoder->scratch);
        if (type_is_nested(column->type))
            result = read_nested(decoder, into, text, row);
        else if (!options->has_null_literal || !str_equal(text, options->null_literal))
            result = read_value(decoder, into, text, row);
    }
    if (result == TEXT_BAD && !decoder->options.ignores_errors)
        return field_fail(decoder, column, text);
    if (result != TEXT_OK)
        column_set_null(into, decoder->batch->arena, row, decoder->capacity);
    else if (into->valid != NULL)
        bitmap_set(into->valid, row, true);
    return true;
}

/* The fields are cut; false: the record is rejected for `reason`, with *code. */
static bool read_record(CsvDecoder *decoder, int32_t count, const char **code)
{
    int32_t expected = decoder->field_count;
    /* A delimiter behind the last field is no field. */
    if (count == expected + 1 && decoder->fields[expected].raw.length == 0 &&
        !decoder->fields[expected].is_quoted)
        count = expected;
    *code = "WR3508";
    if (count > expected) {
        snprintf(decoder->reason, sizeof decoder->reason,
                 "too many entries: expected at most %d but was %d", expected, count);
        return false;
    }
    if (count < expected && !decoder->options.ignores_errors) {
        snprintf(decoder->reason, sizeof decoder->reason,
                 "row length mismatch: %d fields expected but was %d", expected, count);
        return false;
    }
    *code = "WR3502";
    Batch *batch = decoder->batch;
    for (int32_t i = 0; i < decoder->column_count; i++)
        if (!read_field(decoder, &decoder->columns[i], count, batch->row_count))
            return false;
    if (batch->kinds != NULL)
        batch->kinds[batch->row_count] = ROW_INSERT;
    batch->row_count++;
    return true;
}

static void csv_begin(CsvDecoder *decoder, Batch *into, int32_t capacity)
{
    decoder->batch = into;
    decoder->capacity = capacity;
    for (int32_t i = 0; i < decoder->column_count; i++)
        decoder->columns[i].column = &into->columns[decoder->columns[i].batch_column];
}

/* The record at the start of the bytes; returns its length. */
static int64_t take_record(CsvDecoder *decoder, Str bytes, int64_t offset, int32_t *unclosed)
{
    int32_t count;
    int64_t used;
    CsvResult result = csv_split(&decoder->options, bytes, decoder->fields,
                                 decoder->field_count + 1, &count, &used);
    if (result == CSV_BLANK)
        return used;
    const char *code = "WR3508";
    if (result == CSV_OK && read_record(decoder, count, &code))
        return used;
    if (result == CSV_UNCLOSED) {
        *unclosed += 1;
        snprintf(decoder->reason, sizeof decoder->reason, "missing closing quote for value");
    } else if (result == CSV_GARBAGE) {
        snprintf(decoder->reason, sizeof decoder->reason,
                 "expected the column separator behind a closing quote");
    }
    int64_t length = used;
    while (length > 0 && (bytes.data[length - 1] == '\n' || bytes.data[length - 1] == '\r'))
        length--;
    if (!decoder->options.ignores_errors && decoder->reject != NULL)
        decoder->reject(decoder->reject_context, offset, str_make(bytes.data, length), code,
                        decoder->reason);
    return used;
}

static void csv_decode(Decoder *base, Str block, Batch *into, int32_t capacity, int64_t *used)
{
    CsvDecoder *decoder = (CsvDecoder *)base;
    csv_begin(decoder, into, capacity);
    int64_t at = 0;
    int32_t unclosed = 0;
    while (at < block.length && into->row_count < capacity) {
        Str rest = str_make(block.data + at, block.length - at);
        /* Quotes that are never closed would have the rest of the block read for each line. */
        const char *line_end =
            unclosed > UNCLOSED_MAX ? memchr(rest.data, '\n', (size_t)rest.length) : NULL;
        if (line_end != NULL)
            rest.length = line_end - rest.data + 1;
        at += take_record(decoder, rest, at, &unclosed);
    }
    *used = at;
    batch_select_all(into);
}

static void csv_decode_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    CsvDecoder *decoder = (CsvDecoder *)base;
    csv_begin(decoder, into, capacity);
    int32_t unclosed = 0;
    if (message.length > 0)
        (void)take_record(decoder, message, 0, &unclosed);
    batch_select_all(into);
}

/* Without a quote in the bytes every line end ends a record; else records are cut one by one. */
static int64_t csv_last_record_end(Decoder *base, Str bytes)
{
    CsvDecoder *decoder = (CsvDecoder *)base;
    const CsvOptions *options = &decoder->options;
    if (bytes.length == 0)
        return 0;
    bool has_quotes = options->quote != CSV_NONE &&
                      memchr(bytes.data, options->quote, (size_t)bytes.length) != NULL;
    if (!has_quotes && options->escape == CSV_NONE) {
        const char *last = memrchr(bytes.data, '\n', (size_t)bytes.length);
        return last == NULL ? 0 : last - bytes.data + 1;
    }
    int64_t at = 0;
    while (at < bytes.length) {
        int32_t count;
        int64_t used;
        Str rest = str_make(bytes.data + at, bytes.length - at);
        CsvResult result = csv_split(options, rest, decoder->fields, 0, &count, &used);
        bool is_ended = rest.data[used - 1] == '\n';
        if (result == CSV_UNCLOSED || !is_ended)
            break;
        at += used;
    }
    return at;
}

const DecoderKind csv_decoder = {
    .open = csv_open,
    .decode = csv_decode,
    .decode_message = csv_decode_message,
    .last_record_end = csv_last_record_end,
    .close = csv_close,
};
