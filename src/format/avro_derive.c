/* Avro schemas of tables, as Flink 1.20's AvroSchemaConverter derives them: what may be NULL is a
 * union with null first, and records within are named after the way to them. */
#include "base/json.h"
#include "data/nested.h"
#include "format/avro_schema.h"

enum { MILLIS_PRECISION_MAX = 3, MICROS_PRECISION_MAX = 6 };

typedef struct Derivation {
    Arena *arena;
    JsonWriter json;
    bool is_legacy;
    Str column; /* for messages */
    Error *error;
} Derivation;

static Status derive_type(Derivation *self, Type type, const char *name);

static Status derive_refuse(Derivation *self, Type type, const char *why)
{
    return fail(self->error, ERR_INVALID, "WR3504", "column `%.*s`: avro has no form for %s%s",
                STR_ARGS(self->column), type_text(self->arena, type_nullable(type)), why);
}

static void derive_logical(Derivation *self, const char *type, const char *logical)
{
    json_begin_object(&self->json);
    json_key(&self->json, "type");
    json_text(&self->json, type);
    json_key(&self->json, "logicalType");
    json_text(&self->json, logical);
    json_end_object(&self->json);
}

static Status derive_timestamp(Derivation *self, Type type)
{
    if (self->is_legacy && (type.id == TYPE_TIMESTAMP_LTZ || type.precision > MILLIS_PRECISION_MAX))
        return derive_refuse(self, type, "; it has one with 'timestamp_mapping.legacy' = 'false'");
    if (type.precision > MICROS_PRECISION_MAX)
        return derive_refuse(self, type, ": it goes to microseconds, TIMESTAMP(6)");
    bool is_millis = type.precision <= MILLIS_PRECISION_MAX;
    if (self->is_legacy || type.id == TYPE_TIMESTAMP_LTZ)
        derive_logical(self, "long", is_millis ? "timestamp-millis" : "timestamp-micros");
    else
        derive_logical(self, "long",
                       is_millis ? "local-timestamp-millis" : "local-timestamp-micros");
    return OK;
}

static void derive_decimal(Derivation *self, Type type)
{
    json_begin_object(&self->json);
    json_key(&self->json, "type");
    json_text(&self->json, "bytes");
    json_key(&self->json, "logicalType");
    json_text(&self->json, "decimal");
    json_key(&self->json, "precision");
    json_int(&self->json, type.precision);
    json_key(&self->json, "scale");
    json_int(&self->json, type.scale);
    json_end_object(&self->json);
}

static Status derive_field(Derivation *self, Str field, Type type, const char *record)
{
    if (!avro_name_is_valid(field))
        return fail(self->error, ERR_INVALID, "WR3504",
                    "column `%.*s`: avro has no fields of the name `%.*s`, only of letters, digits "
                    "and _",
                    STR_ARGS(self->column), STR_ARGS(field));
    json_begin_object(&self->json);
    json_key(&self->json, "name");
    json_str(&self->json, field);
    json_key(&self->json, "type");
    TRY(derive_type(self, type, arena_printf(self->arena, "%s_%.*s", record, STR_ARGS(field))));
    if (type.is_nullable) {
        json_key(&self->json, "default");
        json_null(&self->json);
    }
    json_end_object(&self->json);
    return OK;
}

static Status derive_row(Derivation *self, Type type, const char *name)
{
    json_begin_object(&self->json);
    json_key(&self->json, "type");
    json_text(&self->json, "record");
    json_key(&self->json, "name");
    json_text(&self->json, name);
    json_key(&self->json, "fields");
    json_begin_array(&self->json);
    for (int32_t i = 0; i < type.child_count; i++)
        TRY(derive_field(self, type.child_names[i], type.children[i], name));
    json_end_array(&self->json);
    json_end_object(&self->json);
    return OK;
}

/* An array, or a map of what is not its keys. */
static Status derive_items(Derivation *self, Type type, const char *name)
{
    bool is_array = type.id == TYPE_ARRAY;
    if (!is_array && !type_is_text(nested_key_type(type)))
        return derive_refuse(self, type, ": the keys of its maps are texts");
    json_begin_object(&self->json);
    json_key(&self->json, "type");
    json_text(&self->json, is_array ? "array" : "map");
    json_key(&self->json, is_array ? "items" : "values");
    Type item = is_array ? type.children[0] : nested_value_type(type);
    if (type.id == TYPE_MULTISET)
        item = type_nullable(item);
    TRY(derive_type(self, item, name));
    json_end_object(&self->json);
    return OK;
}

static Status derive_value(Derivation *self, Type type, const char *name)
{
    switch (type.id) {
    case TYPE_BOOLEAN: json_text(&self->json, "boolean"); return OK;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT: json_text(&self->json, "int"); return OK;
    case TYPE_BIGINT: json_text(&self->json, "long"); return OK;
    case TYPE_FLOAT: json_text(&self->json, "float"); return OK;
    case TYPE_DOUBLE: json_text(&self->json, "double"); return OK;
    case TYPE_CHAR:
    case TYPE_VARCHAR: json_text(&self->json, "string"); return OK;
    case TYPE_BINARY:
    case TYPE_VARBINARY: json_text(&self->json, "bytes"); return OK;
    case TYPE_DECIMAL: derive_decimal(self, type); return OK;
    case TYPE_DATE: derive_logical(self, "int", "date"); return OK;
    case TYPE_TIME:
        if (type.precision > MILLIS_PRECISION_MAX)
            return derive_refuse(self, type, ": it goes to milliseconds, TIME(3)");
        derive_logical(self, "int", "time-millis");
        return OK;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return derive_timestamp(self, type);
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET: return derive_items(self, type, name);
    case TYPE_ROW: return derive_row(self, type, name);
    case TYPE_NULL:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS: break;
    }
    return derive_refuse(self, type, "");
}

static Status derive_type(Derivation *self, Type type, const char *name)
{
    if (self->json.depth + 8 > JSON_DEPTH_MAX)
        return derive_refuse(self, type, ": it is nested too deeply");
    if (!type.is_nullable)
        return derive_value(self, type, name);
    json_begin_array(&self->json);
    json_text(&self->json, "null");
    TRY(derive_value(self, type, name));
    json_end_array(&self->json);
    return OK;
}

Status avro_schema_derive(Arena *arena, const Schema *record, bool is_legacy, Buffer *out,
                          Error *error)
{
    Derivation self = {
        .arena = arena, .json = {.out = out}, .is_legacy = is_legacy, .error = error};
    json_begin_object(&self.json);
    json_key(&self.json, "type");
    json_text(&self.json, "record");
    json_key(&self.json, "name");
    json_text(&self.json, "record");
    json_key(&self.json, "namespace");
    json_text(&self.json, "org.apache.flink.avro.generated");
    json_key(&self.json, "fields");
    json_begin_array(&self.json);
    for (int32_t i = 0; i < record->count; i++) {
        self.column = record->fields[i].name;
        TRY(derive_field(&self, record->fields[i].name, record->fields[i].type, "record"));
    }
    json_end_array(&self.json);
    json_end_object(&self.json);
    return OK;
}
