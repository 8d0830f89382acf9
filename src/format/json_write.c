/* Rows as JSON objects, by Flink's writing rules (RowDataToJsonConverters). */
#include "format/json_write.h"

#include "base/json.h"
#include "data/value.h"
#include "format/formats.h"

Status json_object_open(Arena *arena, const EncoderSpec *spec, JsonObject *object, Error *error)
{
    *object = (JsonObject){.count = spec->record->count};
    object->fields = ARENA_ARRAY(arena, JsonField, spec->record->count);
    Buffer key = {0};
    Status status = OK;
    for (int32_t i = 0; i < spec->record->count && status == OK; i++) {
        const Field *field = &spec->record->fields[i];
        if (type_is_nested(field->type))
            status = fail(error, ERR_INVALID, "WR3504",
                          "column `%.*s` of type %s cannot be written as json yet",
                          STR_ARGS(field->name), type_text(arena, field->type));
        key.length = 0;
        json_append_quoted(&key, field->name);
        buffer_append_char(&key, ':');
        object->fields[i] =
            (JsonField){.key = str_copy(arena, buffer_str(&key)), .column = spec->columns[i]};
    }
    buffer_free(&key);
    TRY(status);
    object->writes_plain_decimals =
        format_option_bool(spec->options, spec->prefix, "encode.decimal-as-plain-number");
    object->skips_nulls =
        format_option_bool(spec->options, spec->prefix, "encode.ignore-null-fields");
    Str standard = format_option_text(spec->options, spec->prefix, "timestamp-format.standard");
    object->times =
        str_equal_ignoring_case(standard, STR("ISO-8601")) ? TEXT_TIMES_ISO : TEXT_TIMES_SQL;
    return OK;
}

/* 100, where the usual form would be 1E+2. */
static void write_plain_decimal(const Value *value, Buffer *out)
{
    Int128 number = value->wide;
    int32_t scale = value->type.scale;
    for (; scale > 0 && number % 10 == 0; scale--)
        number /= 10;
    decimal_print(out, number, scale);
}

static void json_value_write(const JsonObject *object, const Value *value, Buffer *out)
{
    if (value->type.id == TYPE_DECIMAL && object->writes_plain_decimals) {
        write_plain_decimal(value, out);
        return;
    }
    int64_t start = out->length;
    value_print(out, value, VALUE_JSON, NULL);
    /* "yyyy-MM-dd HH:mm:ss": the separator is the last blank there is. */
    if (object->times == TEXT_TIMES_ISO && type_is_timestamp(value->type)) {
        char *blank = memchr(out->data + start, ' ', (size_t)(out->length - start));
        if (blank != NULL)
            *blank = 'T';
    }
}

void json_object_write(const JsonObject *object, const Batch *batch, int32_t row, Buffer *out)
{
    buffer_append_char(out, '{');
    bool has_field = false;
    for (int32_t i = 0; i < object->count; i++) {
        const JsonField *field = &object->fields[i];
        Value value = value_get(&batch->columns[field->column], row);
        if (value.is_null && object->skips_nulls)
            continue;
        if (has_field)
            buffer_append_char(out, ',');
        has_field = true;
        buffer_append_str(out, field->key);
        if (value.is_null)
            buffer_append(out, "null", 4);
        else
            json_value_write(object, &value, out);
    }
    buffer_append_char(out, '}');
}
