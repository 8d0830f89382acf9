/* JSON values into columns. */
#include "format/json_value.h"

#include <assert.h>
#include <math.h>

#include "base/base64.h"
#include "data/real.h"

static int32_t hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits of \uXXXX, or -1. */
static int32_t hex_take(const char *at, const char *end)
{
    if (end - at < 4)
        return -1;
    int32_t value = 0;
    for (int32_t i = 0; i < 4; i++) {
        int32_t digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static void utf8_append(Buffer *out, uint32_t code)
{
    char bytes[4];
    int64_t length;
    if (code < 0x80) {
        bytes[0] = (char)code;
        length = 1;
    } else if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 63));
        length = 2;
    } else if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12);
        bytes[1] = (char)(0x80 | (code >> 6 & 63));
        bytes[2] = (char)(0x80 | (code & 63));
        length = 3;
    } else {
        bytes[0] = (char)(0xf0 | code >> 18);
        bytes[1] = (char)(0x80 | (code >> 12 & 63));
        bytes[2] = (char)(0x80 | (code >> 6 & 63));
        bytes[3] = (char)(0x80 | (code & 63));
        length = 4;
    }
    buffer_append(out, bytes, length);
}

/* Behind the u of \uXXXX, pairs of surrogates joined; a lone one becomes U+FFFD. Returns the
 * end, or NULL. */
static const char *unescape_unicode(Buffer *out, const char *at, const char *end)
{
    int32_t code = hex_take(at, end);
    if (code < 0)
        return NULL;
    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        int32_t low = hex_take(at + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            utf8_append(out, 0x10000 + (((uint32_t)code - 0xd800) << 10) + (uint32_t)low - 0xdc00);
            return at + 6;
        }
    }
    utf8_append(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : (uint32_t)code);
    return at;
}

bool json_unescape(Str raw, Buffer *scratch, Str *out)
{
    *out = raw;
    const char *end = raw.data + raw.length;
    const char *slash = raw.length == 0 ? NULL : memchr(raw.data, '\\', (size_t)raw.length);
    if (slash == NULL)
        return true;
    scratch->length = 0;
    for (const char *at = raw.data; at < end;) {
        buffer_append(scratch, at, slash - at);
        if (slash == end)
            break;
        if (slash + 1 == end)
            return false;
        static const char names[] = "\"\\/bfnrt";
        static const char bytes[] = "\"\\/\b\f\n\r\t";
        const char *name = slash[1] == '\0' ? NULL : strchr(names, slash[1]);
        if (name != NULL) {
            buffer_append_char(scratch, bytes[name - names]);
            at = slash + 2;
        } else if (slash[1] == 'u') {
            at = unescape_unicode(scratch, slash + 2, end);
        } else {
            at = NULL;
        }
        if (at == NULL)
            return false;
        slash = at == end ? NULL : memchr(at, '\\', (size_t)(end - at));
        slash = slash == NULL ? end : slash;
    }
    *out = buffer_str(scratch);
    return true;
}

/* A number as JSON writes it. */
static bool json_number_is_valid(Str raw)
{
    const char *at = raw.data;
    const char *end = at + raw.length;
    at += at < end && *at == '-';
    if (at == end || *at < '0' || *at > '9')
        return false;
    if (*at == '0' && end - at > 1 && at[1] >= '0' && at[1] <= '9')
        return false;
    double ignored;
    return real_parse(raw, &ignored);
}

/* An object or array as text: the white space between its tokens goes. */
static Str json_compact(Str raw, Buffer *scratch)
{
    scratch->length = 0;
    char *to = buffer_reserve(scratch, raw.length);
    bool is_inside = false;
    for (int64_t i = 0; i < raw.length; i++) {
        char c = raw.data[i];
        if (!is_inside && json_is_space(c))
            continue;
        *to++ = c;
        if (c == '"')
            is_inside = !is_inside;
        else if (c == '\\' && is_inside && i + 1 < raw.length)
            *to++ = raw.data[++i];
    }
    scratch->length = to - scratch->data;
    return buffer_str(scratch);
}

static inline void store_text(JsonRow *row, JsonColumn *column, Str text, int32_t index)
{
    ((StrView *)column->values)[index] = str_view_copy(row->batch->arena, text);
}

static TextResult store_integer(JsonColumn *column, int64_t value, int32_t index)
{
    switch (column->column->physical) {
    case PHYSICAL_I8: ((int8_t *)column->values)[index] = (int8_t)value; break;
    case PHYSICAL_I16: ((int16_t *)column->values)[index] = (int16_t)value; break;
    case PHYSICAL_I32: ((int32_t *)column->values)[index] = (int32_t)value; break;
    case PHYSICAL_I64: ((int64_t *)column->values)[index] = value; break;
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_I128:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_STRING: assert(!"not an integer column"); break;
    }
    return TEXT_OK;
}

/* A number with a fraction or an exponent for an integer column: cut towards zero. */
static TextResult store_cut(JsonColumn *column, Str text, int64_t min, int64_t max, int32_t index)
{
    double real;
    if (!real_parse(text, &real))
        return TEXT_BAD;
    real = trunc(real);
    /* INT64_MAX is no double: the next one up is 2^63. */
    if (!(real >= (double)min) || !(real < (double)max + 1.0))
        return TEXT_BAD;
    return store_integer(column, (int64_t)real, index);
}

static TextResult read_integer(JsonColumn *column, Str text, bool is_string, int64_t max,
                               int32_t index)
{
    int64_t value;
    int64_t min = -max - 1;
    if (is_string)
        text = text_trim(text);
    if (text_integer(text, min, max, &value))
        return store_integer(column, value, index);
    return is_string ? TEXT_BAD : store_cut(column, text, min, max, index);
}

static TextResult read_real(JsonColumn *column, Str text, int32_t index)
{
    double value;
    if (!real_parse(text_trim(text), &value))
        return TEXT_BAD;
    if (column->type.id == TYPE_FLOAT)
        ((float *)column->values)[index] = (float)value;
    else
        ((double *)column->values)[index] = value;
    return TEXT_OK;
}

static TextResult read_bool(JsonColumn *column, Str text, int32_t index)
{
    ((uint8_t *)column->values)[index] = str_equal_ignoring_case(text_trim(text), STR("true"));
    return TEXT_OK;
}

static TextResult read_bytes(JsonRow *row, JsonColumn *column, Str text, int32_t index)
{
    Buffer bytes = {0};
    bool is_decoded = base64_decode(&bytes, text);
    if (is_decoded)
        store_text(row, column, buffer_str(&bytes), index);
    buffer_free(&bytes);
    return is_decoded ? TEXT_OK : TEXT_BAD;
}

static TextResult read_timestamp(JsonRow *row, JsonColumn *column, Str text, int32_t index)
{
    Int128 value;
    if (!text_timestamp(&row->dates, text, row->times, column->type, &value))
        return TEXT_BAD;
    if (column->column->physical == PHYSICAL_I128)
        ((Int128 *)column->values)[index] = value;
    else
        ((int64_t *)column->values)[index] = (int64_t)value;
    return TEXT_OK;
}

static TextResult read_day_or_clock(JsonRow *row, JsonColumn *column, Str text, int32_t index)
{
    int32_t value;
    if (column->type.id == TYPE_DATE) {
        if (!text_date(&row->dates, text, &value))
            return TEXT_BAD;
    } else {
        if (!text_time(text, &value))
            return TEXT_BAD;
        value -= value % 1000;
    }
    ((int32_t *)column->values)[index] = value;
    return TEXT_OK;
}

/* The content of a string, or the text of a number or literal. */
static TextResult read_text(JsonRow *row, JsonColumn *column, Str text, bool is_string,
                            int32_t index)
{
    switch (column->type.id) {
    case TYPE_CHAR:
    case TYPE_VARCHAR: store_text(row, column, text, index); return TEXT_OK;
    case TYPE_TINYINT: return read_integer(column, text, is_string, INT8_MAX, index);
    case TYPE_SMALLINT: return read_integer(column, text, is_string, INT16_MAX, index);
    case TYPE_INT:
    case TYPE_INTERVAL_MONTHS: return read_integer(column, text, is_string, INT32_MAX, index);
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MILLIS: return read_integer(column, text, is_string, INT64_MAX, index);
    case TYPE_DECIMAL:
        return text_decimal(text, column->type.precision, column->type.scale,
                            (Int128 *)column->values + index);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return read_timestamp(row, column, text, index);
    case TYPE_FLOAT:
    case TYPE_DOUBLE: return read_real(column, text, index);
    case TYPE_BOOLEAN: return read_bool(column, text, index);
    case TYPE_BINARY:
    case TYPE_VARBINARY: return read_bytes(row, column, text, index);
    case TYPE_DATE:
    case TYPE_TIME: return read_day_or_clock(row, column, text, index);
    case TYPE_NULL:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    assert(!"refused at open");
    return TEXT_BAD;
}

static TextResult read_literal(JsonRow *row, JsonColumn *column, Str raw, int32_t index)
{
    if (str_is(raw, "null"))
        return TEXT_NULL;
    bool is_bool = str_is(raw, "true") || str_is(raw, "false");
    if (is_bool && (type_is_text(column->type) || column->type.id == TYPE_BOOLEAN))
        return read_text(row, column, raw, false, index);
    return TEXT_BAD;
}

TextResult json_value_store(JsonRow *row, JsonColumn *column, Str raw, int32_t index)
{
    assert(raw.length > 0);
    char first = raw.data[0];
    if (first == '"') {
        if (raw.length < 2 || raw.data[raw.length - 1] != '"')
            return TEXT_BAD;
        Str text = str_make(raw.data + 1, raw.length - 2);
        if (!json_unescape(text, &row->scratch, &text))
            return TEXT_BAD;
        return read_text(row, column, text, true, index);
    }
    if (first == '-' || (first >= '0' && first <= '9')) {
        /* The types that read numbers check them on the way. */
        bool is_checked = type_is_numeric(column->type);
        bool has_zero = first == '0' && raw.length > 1 && raw.data[1] >= '0' && raw.data[1] <= '9';
        if (has_zero || (!is_checked && !json_number_is_valid(raw)))
            return TEXT_BAD;
        return read_text(row, column, raw, false, index);
    }
    if (first != '{' && first != '[')
        return read_literal(row, column, raw, index);
    if (!type_is_text(column->type))
        return TEXT_BAD;
    store_text(row, column, json_compact(raw, &row->scratch), index);
    return TEXT_OK;
}
