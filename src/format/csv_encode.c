/* The csv format, writing: Jackson's rules for quotes, as Flink's files show them. */
#include <assert.h>

#include "base/base64.h"
#include "data/decimal.h"
#include "data/nested.h"
#include "data/value.h"
#include "format/csv.h"
#include "format/formats.h"

enum {
    QUOTE_CHECK_CHARS_MAX = 24, /* longer texts are quoted unseen */
    UNIT_BYTES_MAX = 3,         /* of a UTF-16 unit in UTF-8 */
};

typedef struct CsvEncoder {
    CsvOptions options;
    const int32_t *columns;
    int32_t count;
    Buffer text;
} CsvEncoder;

static Status csv_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out, Error *error)
{
    CsvEncoder *encoder = ARENA_NEW(arena, CsvEncoder);
    TRY(csv_options_read(arena, spec->options, spec->prefix, &encoder->options, error));
    encoder->count = spec->record->count;
    encoder->columns =
        arena_copy(arena, spec->columns, (int64_t)sizeof(int32_t) * spec->record->count);
    for (int32_t i = 0; i < spec->record->count; i++) {
        const Field *field = &spec->record->fields[i];
        if (type_is_nested(field->type) && !csv_takes_nested(field->type))
            return fail(error, ERR_INVALID, "WR3504",
                        "column `%.*s` of type %s: csv has arrays and rows of simple types only",
                        STR_ARGS(field->name), type_text(arena, field->type));
    }
    *out = (Encoder *)encoder;
    return OK;
}

static void csv_encoder_close(Encoder *base)
{
    buffer_free(&((CsvEncoder *)base)->text);
}

/* Longer than 24 UTF-16 units, or with a character that does not lie above both the delimiter
 * and the quote. */
static bool needs_quotes(const CsvOptions *options, Str text)
{
    if (options->quote == CSV_NONE)
        return false;
    int32_t highest = options->delimiter > options->quote ? options->delimiter : options->quote;
    int64_t units = 0;
    if (text.length > QUOTE_CHECK_CHARS_MAX * UNIT_BYTES_MAX)
        return true;
    for (int64_t i = 0; i < text.length; i++) {
        int32_t c = (unsigned char)text.data[i];
        if (c <= highest || c == options->escape)
            return true;
        units += (c & 0xc0) != 0x80;
        units += c >= 0xf0;
        if (units > QUOTE_CHECK_CHARS_MAX)
            return true;
    }
    return false;
}

static void write_text(const CsvOptions *options, Str text, Buffer *out)
{
    if (!needs_quotes(options, text)) {
        buffer_append_str(out, text);
        return;
    }
    buffer_append_char(out, (char)options->quote);
    const char *at = text.data;
    const char *end = at + text.length;
    for (;;) {
        const char *special = scan_to(at, end, &options->quoted_ends);
        buffer_append_str(out, str_make(at, special - at));
        if (special == end)
            break;
        buffer_append_char(out, (char)(options->escape != CSV_NONE ? options->escape : *special));
        buffer_append_char(out, *special);
        at = special + 1;
    }
    buffer_append_char(out, (char)options->quote);
}

static void print_decimal(const CsvOptions *options, const Value *value, Buffer *out)
{
    Int128 number = value->wide;
    int32_t scale = value->type.scale;
    if (options->writes_scientific) {
        decimal_print_stripped(out, number, scale);
        return;
    }
    for (; scale > 0 && number % 10 == 0; scale--)
        number /= 10;
    decimal_print(out, number, scale);
}

/* Behind what is in `text`. */
static void print_simple(CsvEncoder *encoder, const Value *value, Buffer *text)
{
    if (value->is_null)
        buffer_append_str(text, encoder->options.null_literal);
    else if (value->type.id == TYPE_DECIMAL)
        print_decimal(&encoder->options, value, text);
    else if (type_is_bytes(value->type))
        base64_encode(text, value->text);
    else if (value->type.id == TYPE_TIME)
        value_print(text, value, VALUE_PRINT, NULL);
    else
        value_print(text, value, VALUE_PLAIN, NULL);
}

/* Elements with delimiters between them; delimiters in an element are not told from those. */
static void print_nested(CsvEncoder *encoder, const Value *value, Buffer *text)
{
    bool is_row = value->type.id == TYPE_ROW;
    int32_t count = value->type.child_count;
    if (!is_row)
        count = nested_array(value->text, value->type.children[0]).count;
    for (int32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_str(text, encoder->options.element_delimiter);
        Value child;
        if (is_row) {
            child = nested_row_value(value->text, value->type, i);
        } else {
            NestedArray array = nested_array(value->text, value->type.children[0]);
            child = nested_array_value(&array, i, value->type.children[0]);
        }
        print_simple(encoder, &child, text);
    }
}

/* The text of the kinds that may be quoted. */
static void print_text(CsvEncoder *encoder, const Value *value)
{
    encoder->text.length = 0;
    if (type_is_nested(value->type))
        print_nested(encoder, value, &encoder->text);
    else
        print_simple(encoder, value, &encoder->text);
}

static const char *csv_encode(Encoder *base, const Batch *batch, int32_t row, Buffer *out)
{
    CsvEncoder *encoder = (CsvEncoder *)base;
    const CsvOptions *options = &encoder->options;
    for (int32_t i = 0; i < encoder->count; i++) {
        if (i > 0)
            buffer_append_char(out, (char)options->delimiter);
        Value value = value_get(&batch->columns[encoder->columns[i]], row);
        bool is_bare = type_is_integer(value.type) || value.type.id == TYPE_FLOAT ||
                       value.type.id == TYPE_DOUBLE || value.type.id == TYPE_BOOLEAN;
        if (value.is_null) {
            buffer_append_str(out, options->null_literal);
        } else if (is_bare) {
            value_print(out, &value, VALUE_PLAIN, NULL);
        } else if (type_is_text(value.type)) {
            write_text(options, value.text, out);
        } else {
            print_text(encoder, &value);
            write_text(options, buffer_str(&encoder->text), out);
        }
    }
    return NULL;
}

const EncoderKind csv_encoder = {
    .open = csv_encoder_open,
    .encode = csv_encode,
    .close = csv_encoder_close,
};
