/* Avro schemas out of their JSON. */
#include "format/avro_schema.h"

#include <assert.h>

#include "base/map.h"
#include "expr/json/document.h"
#include "format/avro_default.h"

enum {
    SCHEMA_BYTES_MAX = 4 << 20,
    MEMBERS_MAX = 10000, /* of a record, an enum or a union, if nobody has written by it yet */
    DEFAULT_BYTES_MAX = 1 << 20, /* of all fields, as they are written */
    DEFAULT_WORK_MAX = 16 << 20,
};

static const char *const KIND_NAMES[] = {
    [AVRO_NULL] = "null",   [AVRO_BOOLEAN] = "boolean", [AVRO_INT] = "int",
    [AVRO_LONG] = "long",   [AVRO_FLOAT] = "float",     [AVRO_DOUBLE] = "double",
    [AVRO_BYTES] = "bytes", [AVRO_STRING] = "string",   [AVRO_RECORD] = "record",
    [AVRO_ENUM] = "enum",   [AVRO_ARRAY] = "array",     [AVRO_MAP] = "map",
    [AVRO_UNION] = "union", [AVRO_FIXED] = "fixed",
};

enum { PRIMITIVES = AVRO_STRING + 1, KINDS = AVRO_FIXED + 1 };

typedef struct Parser {
    Arena *arena;
    Map *named; /* full name → AvroSchema */
    Error *error;
    int32_t depth;
    AvroDefaultBudget defaults;
    bool is_new; /* what the specification forbids is refused, if it could be read or not */
} Parser;

#define SCHEMA_FAIL(parser, ...) fail((parser)->error, ERR_INVALID, "WR3512", __VA_ARGS__)

static Status parse_schema(Parser *parser, JsonElement element, Str space, AvroSchema **out);

/* ---- Members ------------------------------------------------------------------------------- */

/* A text of the object, copied; no data: there is none. */
static Str member_text(Parser *parser, JsonElement object, const char *name)
{
    JsonElement value;
    if (!json_find_typed(object, name, JSON_STRING, &value))
        return (Str){0};
    return str_copy(parser->arena, json_element_string(value));
}

static bool member_int(JsonElement object, const char *name, int32_t most, int32_t *out)
{
    JsonElement value;
    if (!json_find_typed(object, name, JSON_INT, &value))
        return false;
    int64_t number = json_element_int(value);
    if (number < 0 || number > most)
        return false;
    *out = (int32_t)number;
    return true;
}

static Status check_count(Parser *parser, int32_t count)
{
    if (!parser->is_new || count <= MEMBERS_MAX)
        return OK;
    return SCHEMA_FAIL(parser,
                       "an avro schema has more than %d fields, symbols or branches in one place",
                       (int)MEMBERS_MAX);
}

static int32_t element_count(JsonElement array)
{
    JsonChildren children = json_children(array);
    Str key;
    JsonElement value;
    int32_t count = 0;
    while (json_next(&children, &key, &value))
        count++;
    return count;
}

/* ---- Names --------------------------------------------------------------------------------- */

bool avro_name_is_valid(Str name)
{
    for (int64_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.length > 0;
}

Str avro_name_full(Arena *arena, Str name, Str space)
{
    if (space.length == 0 || str_find(name, STR(".")) >= 0)
        return name;
    return str_from(arena_printf(arena, "%.*s.%.*s", STR_ARGS(space), STR_ARGS(name)));
}

Str avro_name_space(Str full)
{
    const char *dot = full.length == 0 ? NULL : memrchr(full.data, '.', (size_t)full.length);
    return dot == NULL ? (Str){0} : str_make(full.data, dot - full.data);
}

AvroSchema *avro_name_find(Arena *arena, const Map *named, Str name, Str space)
{
    AvroSchema *found = map_find(named, avro_name_full(arena, name, space));
    return found != NULL ? found : map_find(named, name);
}

static bool name_is_primitive(Str name)
{
    for (int32_t kind = 0; kind < PRIMITIVES; kind++)
        if (str_is(name, KIND_NAMES[kind]))
            return true;
    return false;
}

static Status check_name(Parser *parser, Str full)
{
    for (Str rest = full; rest.data != NULL;)
        if (!avro_name_is_valid(str_split(rest, '.', &rest)) || name_is_primitive(full))
            return SCHEMA_FAIL(parser, "an avro schema is not valid: `%.*s` cannot be a name",
                               STR_ARGS(full));
    return OK;
}

static Status parse_texts(Parser *parser, JsonElement object, const char *name, Str **out,
                          int32_t *count);

/* The name of a record, enum or fixed; it is known from here on. */
static Status parse_name(Parser *parser, JsonElement object, Str space, AvroSchema *schema)
{
    Str name = member_text(parser, object, "name");
    JsonElement ignored;
    if (name.length == 0)
        return SCHEMA_FAIL(parser, "an avro schema is not valid: a %s has no name",
                           KIND_NAMES[schema->kind]);
    if (json_find_member(object, "namespace", &ignored))
        space = member_text(parser, object, "namespace");
    schema->name = avro_name_full(parser->arena, name, space);
    if (parser->is_new)
        TRY(check_name(parser, schema->name));
    if (map_find(parser->named, schema->name) != NULL)
        return SCHEMA_FAIL(parser, "an avro schema is not valid: `%.*s` is defined twice",
                           STR_ARGS(schema->name));
    map_put(parser->named, schema->name, schema);
    TRY(parse_texts(parser, object, "aliases", &schema->aliases, &schema->alias_count));
    for (int32_t i = 0; i < schema->alias_count; i++)
        schema->aliases[i] =
            avro_name_full(parser->arena, schema->aliases[i], avro_name_space(schema->name));
    return OK;
}

/* ---- Kinds --------------------------------------------------------------------------------- */

static Status parse_texts(Parser *parser, JsonElement object, const char *name, Str **out,
                          int32_t *count)
{
    JsonElement list, value;
    Str key;
    *count = 0;
    if (!json_find_member(object, name, &list))
        return OK;
    if (json_element_type(list) != JSON_ARRAY)
        return SCHEMA_FAIL(parser, "an avro schema is not valid: \"%s\" is no list", name);
    TRY(check_count(parser, element_count(list)));
    *out = ARENA_ARRAY(parser->arena, Str, element_count(list) + 1);
    JsonChildren children = json_children(list);
    while (json_next(&children, &key, &value)) {
        if (json_element_type(value) != JSON_STRING)
            return SCHEMA_FAIL(parser, "an avro schema is not valid: \"%s\" has no texts", name);
        (*out)[(*count)++] = str_copy(parser->arena, json_element_string(value));
    }
    return OK;
}

static Status parse_field(Parser *parser, JsonElement object, Str space, AvroField *field)
{
    JsonElement type, value;
    if (json_element_type(object) != JSON_OBJECT || !json_find_member(object, "type", &type))
        return SCHEMA_FAIL(parser, "an avro schema is not valid: a field of `%.*s` has no type",
                           STR_ARGS(space));
    field->name = member_text(parser, object, "name");
    if (!avro_name_is_valid(field->name))
        return SCHEMA_FAIL(parser, "an avro schema is not valid: `%.*s` cannot be a field's name",
                           STR_ARGS(field->name));
    TRY(parse_texts(parser, object, "aliases", &field->aliases, &field->alias_count));
    TRY(parse_schema(parser, type, space, &field->schema));
    field->has_default = json_find_member(object, "default", &value);
    if (!field->has_default || avro_default_encode(parser->arena, field->schema, value,
                                                   &parser->defaults, &field->default_bytes))
        return OK;
    if (parser->defaults.is_spent)
        return SCHEMA_FAIL(parser,
                           "an avro schema is too large: with that of `%.*s`, the defaults of its "
                           "fields come to more than %d bytes, or are too much work to find",
                           STR_ARGS(field->name), (int)DEFAULT_BYTES_MAX);
    return SCHEMA_FAIL(parser, "an avro schema is not valid: the default of `%.*s` is no %s",
                       STR_ARGS(field->name), avro_schema_text(parser->arena, field->schema));
}

static Status parse_record(Parser *parser, JsonElement object, Str space, AvroSchema *schema)
{
    JsonElement list, value;
    Str key;
    TRY(parse_name(parser, object, space, schema));
    if (!json_find_member(object, "fields", &list) || json_element_type(list) != JSON_ARRAY)
        return SCHEMA_FAIL(parser, "an avro schema is not valid: `%.*s` has no fields",
                           STR_ARGS(schema->name));
    TRY(check_count(parser, element_count(list)));
    schema->fields = ARENA_ARRAY(parser->arena, AvroField, element_count(list) + 1);
    JsonChildren children = json_children(list);
    Map *names = map_new(parser->arena);
    while (json_next(&children, &key, &value)) {
        AvroField *field = &schema->fields[schema->count];
        TRY(parse_field(parser, value, avro_name_space(schema->name), field));
        if (parser->is_new && map_find(names, field->name) != NULL)
            return SCHEMA_FAIL(parser, "an avro schema is not valid: `%.*s` has two fields `%.*s`",
                               STR_ARGS(schema->name), STR_ARGS(field->name));
        map_put(names, field->name, field);
        schema->count++;
    }
    return OK;
}

static Status check_symbols(Parser *parser, const AvroSchema *schema, bool has_default)
{
    Map *names = map_new(parser->arena);
    for (int32_t i = 0; i < schema->count; i++) {
        bool is_good =
            avro_name_is_valid(schema->symbols[i]) && map_find(names, schema->symbols[i]) == NULL;
        map_put(names, schema->symbols[i], &schema->symbols[i]);
        if (!is_good)
            return SCHEMA_FAIL(parser,
                               "an avro schema is not valid: `%.*s` cannot be a symbol of `%.*s`, "
                               "or is one twice",
                               STR_ARGS(schema->symbols[i]), STR_ARGS(schema->name));
    }
    if (has_default && schema->default_symbol < 0)
        return SCHEMA_FAIL(parser,
                           "an avro schema is not valid: the default of `%.*s` is no symbol of it",
                           STR_ARGS(schema->name));
    return OK;
}

static Status parse_enum(Parser *parser, JsonElement object, Str space, AvroSchema *schema)
{
    TRY(parse_name(parser, object, space, schema));
    TRY(parse_texts(parser, object, "symbols", &schema->symbols, &schema->count));
    Str text = member_text(parser, object, "default");
    for (int32_t i = 0; i < schema->count; i++)
        if (str_equal(schema->symbols[i], text))
            schema->default_symbol = i;
    return parser->is_new ? check_symbols(parser, schema, text.data != NULL) : OK;
}

static AvroLogical logical_find(AvroKind kind, Str name)
{
    static const struct {
        const char *name;
        AvroKind kind;
        AvroLogical logical;
    } known[] = {
        {"decimal", AVRO_BYTES, AVRO_DECIMAL},
        {"decimal", AVRO_FIXED, AVRO_DECIMAL},
        {"date", AVRO_INT, AVRO_DATE},
        {"time-millis", AVRO_INT, AVRO_TIME_MILLIS},
        {"time-micros", AVRO_LONG, AVRO_TIME_MICROS},
        {"timestamp-millis", AVRO_LONG, AVRO_MILLIS},
        {"timestamp-micros", AVRO_LONG, AVRO_MICROS},
        {"timestamp-nanos", AVRO_LONG, AVRO_NANOS},
        {"local-timestamp-millis", AVRO_LONG, AVRO_MILLIS},
        {"local-timestamp-micros", AVRO_LONG, AVRO_MICROS},
        {"local-timestamp-nanos", AVRO_LONG, AVRO_NANOS},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].kind == kind && str_is(name, known[i].name))
            return known[i].logical;
    return AVRO_PLAIN;
}

static void parse_logical(Parser *parser, JsonElement object, AvroSchema *schema)
{
    schema->logical = logical_find(schema->kind, member_text(parser, object, "logicalType"));
    if (schema->logical != AVRO_DECIMAL)
        return;
    JsonElement ignored;
    bool has_scale = json_find_member(object, "scale", &ignored);
    bool is_good = member_int(object, "precision", INT32_MAX, &schema->precision) &&
                   (!has_scale || member_int(object, "scale", schema->precision, &schema->scale));
    if (!is_good)
        schema->logical = AVRO_PLAIN;
}

static Status parse_child(Parser *parser, JsonElement object, const char *name, Str space,
                          AvroSchema *schema)
{
    JsonElement type;
    if (!json_find_member(object, name, &type))
        return SCHEMA_FAIL(parser, "an avro schema is not valid: a %s has no \"%s\"",
                           KIND_NAMES[schema->kind], name);
    schema->branches = ARENA_ARRAY(parser->arena, AvroSchema *, 1);
    schema->count = 1;
    return parse_schema(parser, type, space, &schema->branches[0]);
}

static Status parse_kind(Parser *parser, JsonElement object, Str space, AvroSchema *schema)
{
    switch ((int)schema->kind) {
    case AVRO_RECORD: return parse_record(parser, object, space, schema);
    case AVRO_ENUM: return parse_enum(parser, object, space, schema);
    case AVRO_ARRAY: return parse_child(parser, object, "items", space, schema);
    case AVRO_MAP: return parse_child(parser, object, "values", space, schema);
    case AVRO_FIXED:
        TRY(parse_name(parser, object, space, schema));
        if (!member_int(object, "size", INT32_MAX, &schema->size))
            return SCHEMA_FAIL(parser, "an avro schema is not valid: `%.*s` has no size",
                               STR_ARGS(schema->name));
        break;
    default: break;
    }
    parse_logical(parser, object, schema);
    return OK;
}

/* "int", or the name of what is defined elsewhere. */
static Status parse_named(Parser *parser, Str name, Str space, AvroSchema **out)
{
    for (int32_t kind = 0; kind < PRIMITIVES; kind++) {
        if (!str_is(name, KIND_NAMES[kind]))
            continue;
        *out = ARENA_NEW(parser->arena, AvroSchema);
        **out = (AvroSchema){.kind = (AvroKind)kind, .default_symbol = -1};
        return OK;
    }
    *out = avro_name_find(parser->arena, parser->named, name, space);
    if (*out != NULL)
        return OK;
    return SCHEMA_FAIL(parser, "an avro schema is not valid: there is no type `%.*s`",
                       STR_ARGS(name));
}

static Status parse_union(Parser *parser, JsonElement list, Str space, AvroSchema **out)
{
    AvroSchema *schema = *out = ARENA_NEW(parser->arena, AvroSchema);
    *schema = (AvroSchema){.kind = AVRO_UNION, .default_symbol = -1};
    TRY(check_count(parser, element_count(list)));
    schema->branches = ARENA_ARRAY(parser->arena, AvroSchema *, element_count(list) + 1);
    Map *known = map_new(parser->arena);
    JsonChildren children = json_children(list);
    Str key;
    JsonElement value;
    while (json_next(&children, &key, &value)) {
        AvroSchema **branch = &schema->branches[schema->count++];
        TRY(parse_schema(parser, value, space, branch));
        if ((*branch)->kind == AVRO_UNION)
            return SCHEMA_FAIL(parser, "an avro schema is not valid: a union within a union");
        Str text =
            (*branch)->name.length > 0 ? (*branch)->name : str_from(KIND_NAMES[(*branch)->kind]);
        if (parser->is_new && map_find(known, text) != NULL)
            return SCHEMA_FAIL(parser, "an avro schema is not valid: a union has %.*s twice",
                               STR_ARGS(text));
        map_put(known, text, *branch);
    }
    return OK;
}

static Status parse_object(Parser *parser, JsonElement object, Str space, AvroSchema **out)
{
    JsonElement type;
    if (!json_find_member(object, "type", &type))
        return SCHEMA_FAIL(parser, "an avro schema is not valid: it has no \"type\"");
    if (json_element_type(type) != JSON_STRING)
        return parse_schema(parser, type, space, out);
    Str name = json_element_string(type);
    for (int32_t kind = 0; kind < KINDS; kind++) {
        if (kind == AVRO_UNION ||
            !(str_is(name, KIND_NAMES[kind]) || (kind == AVRO_RECORD && str_is(name, "error"))))
            continue;
        *out = ARENA_NEW(parser->arena, AvroSchema);
        **out = (AvroSchema){.kind = (AvroKind)kind, .default_symbol = -1};
        return parse_kind(parser, object, space, *out);
    }
    return parse_named(parser, str_copy(parser->arena, name), space, out);
}

static Status parse_schema(Parser *parser, JsonElement element, Str space, AvroSchema **out)
{
    if (parser->depth >= AVRO_DEPTH_MAX)
        return SCHEMA_FAIL(parser, "an avro schema is not valid: it is nested more than %d deep",
                           (int)AVRO_DEPTH_MAX);
    parser->depth++;
    Status status;
    switch ((int)json_element_type(element)) {
    case JSON_STRING:
        status =
            parse_named(parser, str_copy(parser->arena, json_element_string(element)), space, out);
        break;
    case JSON_ARRAY: status = parse_union(parser, element, space, out); break;
    case JSON_OBJECT: status = parse_object(parser, element, space, out); break;
    default:
        status =
            SCHEMA_FAIL(parser, "an avro schema is not valid: a type is neither a text, nor an "
                                "object, nor a list");
    }
    parser->depth--;
    return status;
}

static Status parse_text(Parser *parser, JsonDocument *document, Str json, AvroSchema **out)
{
    JsonElement root;
    if (json.length > SCHEMA_BYTES_MAX)
        return SCHEMA_FAIL(parser, "an avro schema is not valid: it has more than %d bytes",
                           (int)SCHEMA_BYTES_MAX);
    if (!json_document_parse(document, json.data, json.length, &root))
        return SCHEMA_FAIL(parser, "an avro schema is not valid: it is no json");
    return parse_schema(parser, root, (Str){0}, out);
}

Status avro_schema_read(Arena *arena, const AvroSource *source, Map **named, AvroSchema **out,
                        Error *error)
{
    Parser parser = {.arena = arena,
                     .named = map_new(arena),
                     .error = error,
                     .defaults = {.bytes = DEFAULT_BYTES_MAX, .work = DEFAULT_WORK_MAX},
                     .is_new = source->is_new};
    JsonDocument *document = json_document_new();
    Status status = OK;
    *named = parser.named;
    for (int32_t i = 0; status == OK && i < source->before_count; i++)
        status = parse_text(&parser, document, source->before[i], out);
    if (status == OK)
        status = parse_text(&parser, document, source->text, out);
    json_document_free(document);
    return status;
}

Status avro_schema_parse(Arena *arena, Str json, AvroSchema **out, Error *error)
{
    AvroSource source = {.text = json};
    Map *ignored;
    return avro_schema_read(arena, &source, &ignored, out, error);
}

const char *avro_branch_name(const AvroSchema *schema)
{
    /* Names were copied, and are terminated. */
    return schema->name.length > 0 ? schema->name.data : KIND_NAMES[schema->kind];
}

const char *avro_schema_text(Arena *arena, const AvroSchema *schema)
{
    if (schema->kind != AVRO_UNION)
        return schema->name.length > 0 ? str_terminated(arena, schema->name)
                                       : KIND_NAMES[schema->kind];
    Buffer out = {0};
    for (int32_t i = 0; i < schema->count; i++)
        buffer_printf(&out, "%s%s", i == 0 ? "" : " or ",
                      avro_schema_text(arena, schema->branches[i]));
    const char *text = arena_printf(arena, "%s", buffer_terminated(&out));
    buffer_free(&out);
    return text;
}
