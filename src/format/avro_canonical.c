/* One text for all that mean the same schema: what Schema.toString of Avro's Java library gives, by
 * which Confluent's registry tells whether it has a schema already. */
#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "expr/json/document.h"
#include "expr/json/write.h"
#include "format/avro_evolution.h"

typedef struct Printer {
    Arena *arena;
    const Map *named;
    Buffer *out;
    bool is_sorted;
} Printer;

static void print_schema(Printer *printer, JsonElement element, Str space);

/* ---- Members ------------------------------------------------------------------------------- */

static void print_key(Printer *printer, Str key)
{
    char last = printer->out->data[printer->out->length - 1];
    if (last != '{')
        buffer_append_char(printer->out, ',');
    json_append_quoted(printer->out, key);
    buffer_append_char(printer->out, ':');
}

static void print_text(Printer *printer, const char *key, Str text)
{
    print_key(printer, str_from(key));
    json_append_quoted(printer->out, text);
}

/* The member as it is, if it is there. */
static void print_member(Printer *printer, JsonElement object, const char *key)
{
    JsonElement value;
    if (!json_find_member(object, key, &value))
        return;
    print_key(printer, str_from(key));
    json_write_element(printer->out, value, printer->arena);
}

static void print_doc(Printer *printer, JsonElement object)
{
    JsonElement value;
    if (json_find_typed(object, "doc", JSON_STRING, &value))
        print_text(printer, "doc", json_element_string(value));
}

static int compare_places(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

static bool is_among(Str key, const char *names)
{
    for (Str rest = str_from(names); rest.data != NULL;)
        if (str_equal(str_split(rest, ' ', &rest), key))
            return true;
    return false;
}

/* Members that the specification does not give a meaning: `reserved` are those it does. Of those
 * with one name the last counts. */
static void print_properties(Printer *printer, JsonElement object, const char *reserved)
{
    int32_t count = 0, at = 0;
    Str key;
    JsonElement value;
    for (JsonChildren children = json_children(object); json_next(&children, &key, &value);)
        count += !is_among(key, reserved);
    Str *keys = ARENA_ARRAY(printer->arena, Str, count + 1);
    JsonElement *values = ARENA_ARRAY(printer->arena, JsonElement, count + 1);
    int32_t *order = ARENA_ARRAY(printer->arena, int32_t, count + 1);
    for (JsonChildren children = json_children(object); json_next(&children, &key, &value);) {
        if (is_among(key, reserved))
            continue;
        keys[at] = key;
        values[at++] = value;
    }
    count = json_sort_keys(keys, count, order);
    if (!printer->is_sorted)
        qsort(order, (size_t)count, sizeof *order, compare_places);
    for (int32_t i = 0; i < count; i++) {
        print_key(printer, keys[order[i]]);
        json_write_element(printer->out, values[order[i]], printer->arena);
    }
}

static bool has_properties(JsonElement object, const char *reserved)
{
    Str key;
    JsonElement value;
    for (JsonChildren children = json_children(object); json_next(&children, &key, &value);)
        if (!is_among(key, reserved))
            return true;
    return false;
}

#define OF_SCHEMAS "doc fields items name namespace size symbols values type aliases"
#define OF_ENUMS OF_SCHEMAS " default"
#define OF_FIELDS "default doc name order type aliases"

/* ---- Names --------------------------------------------------------------------------------- */

/* Without its namespace, if that is the one around. */
static Str name_short(Str full, Str space)
{
    Str own = avro_name_space(full);
    if (own.length == 0 || !str_equal(own, space))
        return full;
    return str_make(full.data + own.length + 1, full.length - own.length - 1);
}

static void print_name(Printer *printer, Str full, Str space)
{
    Str own = avro_name_space(full);
    print_text(printer, "name", name_short(full, own));
    if (!str_equal(own, space))
        print_text(printer, "namespace", own);
}

/* Each once. */
static void print_aliases(Printer *printer, const Str *aliases, int32_t count, Str space)
{
    if (count == 0)
        return;
    print_key(printer, STR("aliases"));
    Map *seen = map_new(printer->arena);
    for (int32_t i = 0; i < count; i++) {
        if (map_find(seen, aliases[i]) != NULL)
            continue;
        map_put(seen, aliases[i], printer);
        buffer_append_char(printer->out, i == 0 ? '[' : ',');
        json_append_quoted(printer->out, name_short(aliases[i], space));
    }
    buffer_append_char(printer->out, ']');
}

/* ---- Kinds --------------------------------------------------------------------------------- */

static void print_field(Printer *printer, JsonElement field, const AvroField *parsed, Str space)
{
    JsonElement type, order;
    buffer_append_char(printer->out, '{');
    print_text(printer, "name", parsed->name);
    print_key(printer, STR("type"));
    if (json_find_member(field, "type", &type))
        print_schema(printer, type, space);
    print_doc(printer, field);
    print_member(printer, field, "default");
    if (json_find_typed(field, "order", JSON_STRING, &order) &&
        !str_equal_ignoring_case(json_element_string(order), STR("ascending")))
        print_text(printer, "order", str_to_lower(printer->arena, json_element_string(order)));
    print_aliases(printer, parsed->aliases, parsed->alias_count, (Str){0});
    print_properties(printer, field, OF_FIELDS);
    buffer_append_char(printer->out, '}');
}

static void print_fields(Printer *printer, JsonElement object, const AvroSchema *record)
{
    JsonElement list, field;
    Str key;
    int32_t at = 0;
    print_key(printer, STR("fields"));
    buffer_append_char(printer->out, '[');
    bool is_there = json_find_member(object, "fields", &list);
    assert(is_there);
    for (JsonChildren children = json_children(list); json_next(&children, &key, &field); at++) {
        if (at > 0)
            buffer_append_char(printer->out, ',');
        print_field(printer, field, &record->fields[at], avro_name_space(record->name));
    }
    buffer_append_char(printer->out, ']');
}

static void print_named(Printer *printer, JsonElement object, Str kind, Str space)
{
    JsonElement name, given;
    bool is_named = json_find_typed(object, "name", JSON_STRING, &name);
    assert(is_named);
    Str within = space;
    if (json_find_member(object, "namespace", &given))
        within = json_element_type(given) == JSON_STRING ? json_element_string(given) : (Str){0};
    Str full = avro_name_full(printer->arena, json_element_string(name), within);
    const AvroSchema *schema = map_find(printer->named, full);
    assert(schema != NULL);
    print_text(printer, "type", kind);
    print_name(printer, full, space);
    print_doc(printer, object);
    if (schema->kind == AVRO_RECORD)
        print_fields(printer, object, schema);
    print_member(printer, object, schema->kind == AVRO_ENUM ? "symbols" : "size");
    if (schema->kind == AVRO_ENUM)
        print_member(printer, object, "default");
    print_properties(printer, object, schema->kind == AVRO_ENUM ? OF_ENUMS : OF_SCHEMAS);
    print_aliases(printer, schema->aliases, schema->alias_count, avro_name_space(full));
}

/* A name that is defined elsewhere, or a primitive type. */
static void print_reference(Printer *printer, Str name, Str space)
{
    const AvroSchema *schema = avro_name_find(printer->arena, printer->named, name, space);
    json_append_quoted(printer->out, schema != NULL ? name_short(schema->name, space) : name);
}

static void print_object(Printer *printer, JsonElement object, Str space)
{
    JsonElement type, inner;
    bool is_there = json_find_member(object, "type", &type);
    assert(is_there);
    if (json_element_type(type) != JSON_STRING) {
        print_schema(printer, type, space);
        return;
    }
    Str kind = json_element_string(type);
    bool is_array = str_is(kind, "array"), is_map = str_is(kind, "map");
    bool is_named = is_among(kind, "record error enum fixed");
    bool is_primitive = is_among(kind, "null boolean int long float double bytes string");
    if (!is_array && !is_map && !is_named &&
        (!is_primitive || !has_properties(object, OF_SCHEMAS))) {
        print_reference(printer, kind, space);
        return;
    }
    buffer_append_char(printer->out, '{');
    if (is_named) {
        print_named(printer, object, kind, space);
    } else {
        print_text(printer, "type", kind);
        if ((is_array || is_map) &&
            json_find_member(object, is_array ? "items" : "values", &inner)) {
            print_key(printer, is_array ? STR("items") : STR("values"));
            print_schema(printer, inner, space);
        }
        print_properties(printer, object, OF_SCHEMAS);
    }
    buffer_append_char(printer->out, '}');
}

static void print_schema(Printer *printer, JsonElement element, Str space)
{
    Str key;
    JsonElement branch;
    bool is_first = true;
    if (json_element_type(element) == JSON_STRING) {
        print_reference(printer, json_element_string(element), space);
    } else if (json_element_type(element) == JSON_OBJECT) {
        print_object(printer, element, space);
    } else {
        buffer_append_char(printer->out, '[');
        for (JsonChildren children = json_children(element); json_next(&children, &key, &branch);) {
            if (!is_first)
                buffer_append_char(printer->out, ',');
            is_first = false;
            print_schema(printer, branch, space);
        }
        buffer_append_char(printer->out, ']');
    }
}

Status avro_canonical(Arena *arena, const AvroSource *source, bool is_sorted, Str *text,
                      AvroSchema **out, Error *error)
{
    Buffer printed = {0};
    Map *named;
    TRY(avro_schema_read(arena, source, &named, out, error));
    Printer printer = {.arena = arena, .named = named, .out = &printed, .is_sorted = is_sorted};
    JsonDocument *document = json_document_new();
    JsonElement root;
    bool is_json = json_document_parse(document, source->text.data, source->text.length, &root);
    assert(is_json); /* it was read above */
    print_schema(&printer, root, (Str){0});
    *text = str_copy(arena, buffer_str(&printed));
    json_document_free(document);
    buffer_free(&printed);
    return OK;
}
