/* Nested values as text, in the styles of value_print. */
#include "data/nested.h"

#include <math.h>

#include "base/json.h"
#include "data/datetime.h"

typedef struct Printer {
    Buffer *out;
    ValueStyle style;
    const TimeZone *zone;
} Printer;

/* Keys, files and Redis have no form of their own for nested values: JSON. */
static bool printer_is_json(const Printer *printer)
{
    return printer->style == VALUE_JSON || printer->style == VALUE_PLAIN;
}

static void print_separator(const Printer *printer, int32_t index)
{
    if (index > 0)
        buffer_append_text(printer->out, printer_is_json(printer) ? "," : ", ");
}

/* A value that JSON has no form of, in quotes. */
static void print_quoted(const Printer *printer, const Value *value)
{
    Buffer text = {0};
    value_print(&text, value, VALUE_PLAIN, printer->zone);
    json_append_quoted(printer->out, buffer_str(&text));
    buffer_free(&text);
}

/* In plain style numbers keep their form: 10.50 where the json format writes 10.5. */
static bool child_is_quoted(const Value *child)
{
    if (child->type.id == TYPE_FLOAT || child->type.id == TYPE_DOUBLE)
        return !isfinite(child->real);
    return !type_is_numeric(child->type) && child->type.id != TYPE_BOOLEAN &&
           !type_is_nested(child->type);
}

static void print_child(const Printer *printer, const Value *child)
{
    ValueStyle style = printer->style;
    if (child->is_null)
        buffer_append_text(printer->out, style == VALUE_CAST ? "NULL" : "null");
    else if (style != VALUE_PLAIN)
        value_print(printer->out, child, style, printer->zone);
    else if (type_is_bytes(child->type))
        value_print(printer->out, child, VALUE_JSON, printer->zone);
    else if (child_is_quoted(child))
        print_quoted(printer, child);
    else
        value_print(printer->out, child, VALUE_PLAIN, printer->zone);
}

static void print_array(const Printer *printer, Str bytes, Type element)
{
    NestedArray array = nested_array(bytes, element);
    buffer_append_char(printer->out, '[');
    for (int32_t i = 0; i < array.count; i++) {
        print_separator(printer, i);
        Value child = nested_array_value(&array, i, element);
        print_child(printer, &child);
    }
    buffer_append_char(printer->out, ']');
}

static void print_map(const Printer *printer, Str bytes, Type type)
{
    NestedMap map = nested_map(bytes, type);
    buffer_append_char(printer->out, '{');
    for (int32_t i = 0; i < map.keys.count; i++) {
        print_separator(printer, i);
        Value key = nested_array_value(&map.keys, i, nested_key_type(type));
        if (printer_is_json(printer))
            print_quoted(printer, &key); /* a text, whatever the map's keys are */
        else
            print_child(printer, &key);
        buffer_append_char(printer->out, printer_is_json(printer) ? ':' : '=');
        Value value = nested_array_value(&map.values, i, nested_value_type(type));
        print_child(printer, &value);
    }
    buffer_append_char(printer->out, '}');
}

static void print_row(const Printer *printer, Str bytes, Type type)
{
    bool is_json = printer_is_json(printer);
    const char *open = printer->style == VALUE_CAST ? "(" : "+I[";
    buffer_append_text(printer->out, is_json ? "{" : open);
    const char *slot = bytes.data + nested_row_slot(type, 0);
    for (int32_t i = 0; i < type.child_count; i++) {
        print_separator(printer, i);
        if (is_json) {
            json_append_quoted(printer->out, type.child_names[i]);
            buffer_append_char(printer->out, ':');
        }
        Value child = nested_slot_value(bytes.data, slot, type.children[i]);
        child.is_null = nested_row_is_null(bytes.data, i);
        print_child(printer, &child);
        slot += nested_slot_bytes(type.children[i]);
    }
    const char *close = printer->style == VALUE_CAST ? ")" : "]";
    buffer_append_text(printer->out, is_json ? "}" : close);
}

void nested_print(Buffer *out, const Value *value, ValueStyle style, const TimeZone *zone)
{
    assert(type_is_nested(value->type) && !value->is_null);
    Printer printer = {.out = out, .style = style, .zone = zone};
    if (value->type.id == TYPE_ROW)
        print_row(&printer, value->text, value->type);
    else if (value->type.id == TYPE_ARRAY)
        print_array(&printer, value->text, value->type.children[0]);
    else
        print_map(&printer, value->text, value->type);
}
