/* Rows as JSON objects, by Flink's writing rules (RowDataToJsonConverters). */
#include "format/json_write.h"

#include "base/json.h"
#include "data/nested.h"
#include "data/value.h"
#include "format/formats.h"

/* No map anywhere in it has other keys. */
static bool type_has_text_keys(Type type)
{
    if ((type.id == TYPE_MAP || type.id == TYPE_MULTISET) && !type_is_text(type.children[0]))
        return false;
    for (int32_t i = 0; i < type.child_count; i++)
        if (!type_has_text_keys(type.children[i]))
            return false;
    return true;
}

static void null_keys_open(Arena *arena, const EncoderSpec *spec, JsonObject *object)
{
    Str mode = format_option_text(spec->options, spec->prefix, "map-null-key.mode");
    if (str_equal_ignoring_case(mode, STR("DROP")))
        object->null_keys = NULL_KEYS_DROPPED;
    if (str_equal_ignoring_case(mode, STR("LITERAL")))
        object->null_keys = NULL_KEYS_NAMED;
    Buffer quoted = {0};
    json_append_quoted(&quoted,
                       format_option_text(spec->options, spec->prefix, "map-null-key.literal"));
    object->null_key = str_copy(arena, buffer_str(&quoted));
    buffer_free(&quoted);
}

Status json_object_open(Arena *arena, const EncoderSpec *spec, JsonObject *object, Error *error)
{
    *object = (JsonObject){.count = spec->record->count};
    object->fields = ARENA_ARRAY(arena, JsonField, spec->record->count);
    Buffer key = {0};
    Status status = OK;
    for (int32_t i = 0; i < spec->record->count && status == OK; i++) {
        const Field *field = &spec->record->fields[i];
        if (!type_has_text_keys(field->type))
            status = fail(error, ERR_INVALID, "WR3504",
                          "column `%.*s` of type %s: the keys of a map in json are texts",
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
    null_keys_open(arena, spec, object);
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

/* What is being written, and what is wrong with it. */
typedef struct JsonWriting {
    const JsonObject *object;
    Buffer *out;
    const char *problem;
} JsonWriting;

static void json_value_write(JsonWriting *writing, const Value *value);

static void json_child_write(JsonWriting *writing, const Value *child)
{
    if (child->is_null)
        buffer_append(writing->out, "null", 4);
    else
        json_value_write(writing, child);
}

static void json_array_write(JsonWriting *writing, const Value *value)
{
    Type element = value->type.children[0];
    NestedArray array = nested_array(value->text, element);
    buffer_append_char(writing->out, '[');
    for (int32_t i = 0; i < array.count; i++) {
        if (i > 0)
            buffer_append_char(writing->out, ',');
        Value child = nested_array_value(&array, i, element);
        json_child_write(writing, &child);
    }
    buffer_append_char(writing->out, ']');
}

static void json_map_write(JsonWriting *writing, const Value *value)
{
    const JsonObject *object = writing->object;
    NestedMap map = nested_map(value->text, value->type);
    bool has_entry = false;
    buffer_append_char(writing->out, '{');
    for (int32_t i = 0; i < map.keys.count; i++) {
        bool is_null = nested_array_is_null(&map.keys, i);
        if (is_null && object->null_keys == NULL_KEYS_FAIL)
            writing->problem = "a map has a NULL key: set json.map-null-key.mode";
        if (is_null && object->null_keys != NULL_KEYS_NAMED)
            continue;
        if (has_entry)
            buffer_append_char(writing->out, ',');
        has_entry = true;
        if (is_null)
            buffer_append_str(writing->out, object->null_key);
        else
            json_append_quoted(writing->out, nested_array_bytes(&map.keys, i));
        buffer_append_char(writing->out, ':');
        Value child = nested_array_value(&map.values, i, nested_value_type(value->type));
        json_child_write(writing, &child);
    }
    buffer_append_char(writing->out, '}');
}

static void json_row_write(JsonWriting *writing, const Value *value)
{
    Type type = value->type;
    const char *base = value->text.data;
    const char *slot = base + nested_row_slot(type, 0);
    bool has_field = false;
    buffer_append_char(writing->out, '{');
    for (int32_t i = 0; i < type.child_count; i++) {
        Value child = {.type = type.children[i], .is_null = nested_row_is_null(base, i)};
        if (!child.is_null)
            child = nested_slot_value(base, slot, type.children[i]);
        slot += nested_slot_bytes(type.children[i]);
        if (child.is_null && writing->object->skips_nulls)
            continue;
        if (has_field)
            buffer_append_char(writing->out, ',');
        has_field = true;
        json_append_quoted(writing->out, type.child_names[i]);
        buffer_append_char(writing->out, ':');
        json_child_write(writing, &child);
    }
    buffer_append_char(writing->out, '}');
}

static void json_value_write(JsonWriting *writing, const Value *value)
{
    Buffer *out = writing->out;
    switch ((int)value->type.id) {
    case TYPE_ARRAY: json_array_write(writing, value); return;
    case TYPE_MAP:
    case TYPE_MULTISET: json_map_write(writing, value); return;
    case TYPE_ROW: json_row_write(writing, value); return;
    default: break;
    }
    if (value->type.id == TYPE_DECIMAL && writing->object->writes_plain_decimals) {
        write_plain_decimal(value, out);
        return;
    }
    int64_t start = out->length;
    value_print(out, value, VALUE_JSON, NULL);
    /* "yyyy-MM-dd HH:mm:ss": the separator is the last blank there is. */
    if (writing->object->times == TEXT_TIMES_ISO && type_is_timestamp(value->type)) {
        char *blank = memchr(out->data + start, ' ', (size_t)(out->length - start));
        if (blank != NULL)
            *blank = 'T';
    }
}

const char *json_object_write(const JsonObject *object, const Batch *batch, int32_t row,
                              Buffer *out)
{
    JsonWriting writing = {.object = object, .out = out};
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
        json_child_write(&writing, &value);
    }
    buffer_append_char(out, '}');
    return writing.problem;
}
