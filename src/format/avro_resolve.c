/* Schema resolution by Avro 1.11, with the types of columns for a reader.
 *
 * A table says more than a schema can (SMALLINT), and less: it does not know how wide a decimal was
 * written, or in which unit a time. There the writer counts. Beyond the specification, an enum is
 * read as a text and a fixed as bytes. */
#include <assert.h>

#include "format/avro_read_internal.h"

typedef struct Resolver {
    Arena *arena;
    Error *error;
    int32_t depth;
} Resolver;

static Status resolve(Resolver *self, const AvroSchema *writer, const AvroSchema *reader, Type type,
                      Str path, AvroNode **out);

static AvroNode *node_new(Resolver *self, AvroOp op, const AvroSchema *writer, Type type, Str path)
{
    AvroNode *node = ARENA_NEW(self->arena, AvroNode);
    *node = (AvroNode){.op = op, .type = type, .writer = writer, .path = path};
    return node;
}

static Status resolve_refuse(Resolver *self, const AvroSchema *writer, Type type, Str path)
{
    return fail(self->error, ERR_DECODE, "WR3513",
                "field `%.*s` was written as %s, which cannot be "
                "read as %s",
                STR_ARGS(path), avro_schema_text(self->arena, writer),
                type_text(self->arena, type_nullable(type)));
}

static Str path_step(Resolver *self, Str path, const char *between, Str name)
{
    if (path.length == 0)
        return name;
    return str_from(
        arena_printf(self->arena, "%.*s%s%.*s", STR_ARGS(path), between, STR_ARGS(name)));
}

/* ---- Values -------------------------------------------------------------------------------- */

static bool node_take_integer(AvroNode *node, AvroKind kind)
{
    if (kind != AVRO_INT && !(kind == AVRO_LONG && node->type.id == TYPE_BIGINT))
        return false;
    node->op = READ_INTEGER;
    int32_t bits = 8 * physical_bytes(type_physical(node->type));
    node->most = bits == 64 ? INT64_MAX : ((int64_t)1 << (bits - 1)) - 1;
    node->least = -node->most - 1;
    return true;
}

static bool node_take_clock(AvroNode *node, const AvroSchema *writer)
{
    bool is_micros = writer->logical == AVRO_TIME_MICROS;
    if (writer->kind != AVRO_INT && !is_micros)
        return false;
    node->op = READ_TIME;
    node->factor = 1;
    node->divisor = is_micros ? 1000 : 1;
    node->most = (int64_t)MICROS_PER_DAY / (is_micros ? 1 : 1000) - 1;
    return true;
}

/* A long without a meaning is of milliseconds, as in Flink. */
static bool node_take_timestamp(AvroNode *node, const AvroSchema *writer)
{
    if (writer->kind != AVRO_LONG)
        return false;
    bool is_nanos = type_physical(node->type) == PHYSICAL_I128;
    int64_t unit_nanos = writer->logical == AVRO_MICROS  ? 1000
                         : writer->logical == AVRO_NANOS ? 1
                                                         : 1000000;
    int64_t nanos_each = is_nanos ? 1 : 1000;
    node->op = READ_TIME;
    node->factor = unit_nanos >= nanos_each ? unit_nanos / nanos_each : 1;
    node->divisor = unit_nanos >= nanos_each ? 1 : nanos_each / unit_nanos;
    node->least = INT64_MIN;
    node->most = INT64_MAX;
    return true;
}

static bool node_take_text(Resolver *self, AvroNode *node, const AvroSchema *writer,
                           const AvroSchema *reader)
{
    node->op = READ_TEXT;
    if (writer->kind == AVRO_STRING || writer->kind == AVRO_BYTES)
        return true;
    if (type_is_bytes(node->type)) {
        node->op = READ_FIXED;
        return writer->kind == AVRO_FIXED;
    }
    if (writer->kind != AVRO_ENUM)
        return false;
    node->op = READ_SYMBOL;
    Str *symbols = ARENA_ARRAY(self->arena, Str, writer->count + 1);
    bool is_enum = reader != NULL && reader->kind == AVRO_ENUM;
    for (int32_t i = 0; i < writer->count; i++) {
        if (!is_enum)
            symbols[i] = writer->symbols[i];
        else if (reader->default_symbol >= 0)
            symbols[i] = reader->symbols[reader->default_symbol];
        for (int32_t r = 0; is_enum && r < reader->count; r++)
            if (str_equal(reader->symbols[r], writer->symbols[i]))
                symbols[i] = writer->symbols[i];
    }
    node->symbols = symbols;
    return true;
}

static bool node_take_real(AvroNode *node, AvroKind kind)
{
    node->op = kind == AVRO_FLOAT ? READ_FLOAT : kind == AVRO_DOUBLE ? READ_DOUBLE : READ_INTEGER;
    node->least = INT64_MIN;
    node->most = INT64_MAX;
    return kind == AVRO_INT || kind == AVRO_LONG || kind == AVRO_FLOAT ||
           (kind == AVRO_DOUBLE && node->type.id == TYPE_DOUBLE);
}

/* Whether the node, which is of no nested type, can read what the writer wrote. */
static bool node_take(Resolver *self, AvroNode *node, const AvroSchema *writer,
                      const AvroSchema *reader)
{
    switch (node->type.id) {
    case TYPE_BOOLEAN: node->op = READ_BOOLEAN; return writer->kind == AVRO_BOOLEAN;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_DATE: return node_take_integer(node, writer->kind);
    case TYPE_FLOAT:
    case TYPE_DOUBLE: return node_take_real(node, writer->kind);
    case TYPE_DECIMAL:
        node->op = READ_DECIMAL;
        return writer->kind == AVRO_BYTES || writer->kind == AVRO_FIXED;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY: return node_take_text(self, node, writer, reader);
    case TYPE_TIME: return node_take_clock(node, writer);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return node_take_timestamp(node, writer);
    case TYPE_NULL:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    return false;
}

/* ---- Records ------------------------------------------------------------------------------- */

/* What a record is read into. */
typedef struct Targets {
    const Field *fields;
    const int32_t *targets; /* of each; -1: it is not wanted */
    int32_t count;
} Targets;

static const AvroField *field_find(const AvroSchema *record, Str name)
{
    for (int32_t i = 0; record != NULL && record->kind == AVRO_RECORD && i < record->count; i++)
        if (str_equal(record->fields[i].name, name))
            return &record->fields[i];
    return NULL;
}

/* The writer's field of a column: by its name, else by an alias that the reader has for it. */
static const AvroField *field_of_column(const AvroSchema *writer, const AvroField *asked, Str name)
{
    const AvroField *found = field_find(writer, name);
    for (int32_t i = 0; found == NULL && asked != NULL && i < asked->alias_count; i++)
        found = field_find(writer, asked->aliases[i]);
    return found;
}

static Status resolve_missing(Resolver *self, const AvroField *asked, const Field *field, Str path,
                              AvroFill *fill)
{
    if (asked != NULL && asked->has_default) {
        fill->bytes = asked->default_bytes;
        return resolve(self, asked->schema, asked->schema, field->type, path, &fill->node);
    }
    if (field->type.is_nullable)
        return OK;
    return fail(
        self->error, ERR_DECODE, "WR3513",
        "field `%.*s` is not in the schema of the writer, and has neither a default nor may "
        "it be NULL",
        STR_ARGS(path));
}

static Status resolve_record(Resolver *self, const AvroSchema *writer, const AvroSchema *reader,
                             const Targets *targets, AvroNode *node)
{
    node->op = READ_RECORD;
    node->steps = ARENA_ARRAY(self->arena, AvroStep, writer->count + 1);
    node->fills = ARENA_ARRAY(self->arena, AvroFill, targets->count + 1);
    node->step_count = writer->count;
    for (int32_t i = 0; i < writer->count; i++)
        node->steps[i] = (AvroStep){
            .node = node_new(self, READ_SKIP, writer->fields[i].schema, (Type){0}, (Str){0}),
            .target = -1};
    for (int32_t i = 0; i < targets->count; i++) {
        const Field *field = &targets->fields[i];
        const AvroField *asked = field_find(reader, field->name);
        const AvroField *found = field_of_column(writer, asked, field->name);
        Str path = path_step(self, node->path, ".", field->name);
        if (targets->targets[i] < 0)
            continue;
        if (found == NULL) {
            AvroFill *fill = &node->fills[node->fill_count++];
            fill->target = targets->targets[i];
            TRY(resolve_missing(self, asked, field, path, fill));
            continue;
        }
        AvroStep *step = &node->steps[found - writer->fields];
        step->target = targets->targets[i];
        TRY(resolve(self, found->schema, asked != NULL ? asked->schema : NULL, field->type, path,
                    &step->node));
    }
    return OK;
}

static Status resolve_row(Resolver *self, const AvroSchema *reader, AvroNode *node)
{
    Type type = node->type;
    Field *fields = ARENA_ARRAY(self->arena, Field, type.child_count + 1);
    int32_t *targets = ARENA_ARRAY(self->arena, int32_t, type.child_count + 1);
    for (int32_t i = 0; i < type.child_count; i++) {
        fields[i] = (Field){.name = type.child_names[i], .type = type.children[i]};
        targets[i] = i;
    }
    Targets all = {.fields = fields, .targets = targets, .count = type.child_count};
    return resolve_record(self, node->writer, reader, &all, node);
}

/* ---- Nested values ------------------------------------------------------------------------- */

static Status resolve_items(Resolver *self, const AvroSchema *reader, AvroNode *node)
{
    Type type = node->type;
    bool is_array = type.id == TYPE_ARRAY;
    Type item = is_array ? type.children[0] : nested_value_type(type);
    Str path = path_step(self, node->path, is_array ? "[]" : "{}", STR(""));
    bool has_reader = reader != NULL && reader->kind == node->writer->kind;
    if (!is_array && !type_is_text(nested_key_type(type)))
        return resolve_refuse(self, node->writer, type, node->path);
    node->op = is_array ? READ_ARRAY : READ_MAP;
    node->children = ARENA_ARRAY(self->arena, AvroNode *, 1);
    return resolve(self, node->writer->branches[0], has_reader ? reader->branches[0] : NULL, item,
                   path, &node->children[0]);
}

static Status resolve_nested(Resolver *self, const AvroSchema *reader, AvroNode *node)
{
    AvroKind kind = node->writer->kind;
    if (node->type.id == TYPE_ROW && kind == AVRO_RECORD)
        return resolve_row(self, reader, node);
    if (node->type.id == TYPE_ARRAY ? kind == AVRO_ARRAY
                                    : node->type.id != TYPE_ROW && kind == AVRO_MAP)
        return resolve_items(self, reader, node);
    return resolve_refuse(self, node->writer, node->type, node->path);
}

/* Branches that do not fit are no harm until one is met. If none fits but null, that is a mistake.
 */
static Status resolve_union(Resolver *self, const AvroSchema *reader, AvroNode *node)
{
    const AvroSchema *writer = node->writer;
    node->op = READ_UNION;
    node->children = ARENA_ARRAY(self->arena, AvroNode *, writer->count + 1);
    int32_t good = 0;
    for (int32_t i = 0; i < writer->count; i++) {
        const AvroSchema *branch = writer->branches[i];
        Error ignored = {0};
        Error *error = self->error;
        self->error = &ignored;
        Status status = resolve(self, branch, reader, node->type, node->path, &node->children[i]);
        self->error = error;
        if (status != OK)
            node->children[i] = node_new(self, READ_WRONG, branch, node->type, node->path);
        else if (branch->kind != AVRO_NULL || writer->count == 1)
            good++;
    }
    if (good > 0 || (writer->count == 1 && node->type.is_nullable))
        return OK;
    return resolve_refuse(self, writer, node->type, node->path);
}

/* Of a reader's union the branch that a value of the writer's kind is. */
static const AvroSchema *reader_branch(const AvroSchema *reader, AvroKind kind)
{
    if (reader == NULL || reader->kind != AVRO_UNION)
        return reader;
    const AvroSchema *other = NULL;
    for (int32_t i = 0; i < reader->count; i++) {
        if (reader->branches[i]->kind == kind)
            return reader->branches[i];
        if (reader->branches[i]->kind != AVRO_NULL && other == NULL)
            other = reader->branches[i];
    }
    return other;
}

static Status resolve(Resolver *self, const AvroSchema *writer, const AvroSchema *reader, Type type,
                      Str path, AvroNode **out)
{
    if (self->depth >= AVRO_DEPTH_MAX)
        return fail(self->error, ERR_DECODE, "WR3513", "field `%.*s` is nested too deeply",
                    STR_ARGS(path));
    AvroNode *node = *out = node_new(self, READ_NULL, writer, type, path);
    if (writer->kind == AVRO_NULL && type.is_nullable)
        return OK;
    self->depth++;
    Status status = OK;
    if (writer->kind == AVRO_UNION)
        status = resolve_union(self, reader, node);
    else if (type_is_nested(type))
        status = resolve_nested(self, reader_branch(reader, writer->kind), node);
    else if (!node_take(self, node, writer, reader_branch(reader, writer->kind)))
        status = resolve_refuse(self, writer, type, path);
    self->depth--;
    return status;
}

/* ---- The whole ----------------------------------------------------------------------------- */

static Status resolve_root(Resolver *self, const AvroSchema *writer, const AvroSchema *reader,
                           const Targets *targets, AvroNode **out)
{
    AvroNode *node = *out = node_new(self, READ_WRONG, writer, (Type){0}, (Str){0});
    if (writer->kind == AVRO_RECORD)
        return resolve_record(self, writer, reader_branch(reader, AVRO_RECORD), targets, node);
    bool has_record = false;
    if (writer->kind == AVRO_UNION) {
        node->op = READ_UNION;
        node->children = ARENA_ARRAY(self->arena, AvroNode *, writer->count + 1);
    }
    for (int32_t i = 0; writer->kind == AVRO_UNION && i < writer->count; i++) {
        const AvroSchema *branch = writer->branches[i];
        node->children[i] = node_new(self, READ_WRONG, branch, (Type){0}, (Str){0});
        if (branch->kind == AVRO_RECORD && !has_record) {
            TRY(resolve_root(self, branch, reader, targets, &node->children[i]));
            has_record = true;
        }
    }
    if (has_record)
        return OK;
    return fail(self->error, ERR_DECODE, "WR3513", "what was written is %s, not a record",
                avro_schema_text(self->arena, writer));
}

Status avro_reader_new(Arena *arena, const DecoderSpec *spec, const AvroSchema *writer,
                       const AvroSchema *reader, AvroReader **out, Error *error)
{
    Resolver self = {.arena = arena, .error = error};
    int32_t count = spec->record->count;
    int32_t *columns = ARENA_ARRAY(arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = -1;
    for (int32_t i = 0; i < spec->column_count; i++)
        columns[spec->columns[i]] = spec->first_column + i;
    Targets targets = {.fields = spec->record->fields, .targets = columns, .count = count};
    *out = ARENA_NEW(arena, AvroReader);
    return resolve_root(&self, writer, reader, &targets, &(*out)->root);
}
