/* Whether one schema reads what another has written, as Avro's SchemaCompatibility sees it. Logical
 * types count for nothing there. */
#include "format/avro_evolution.h"

typedef struct Comparison {
    Arena *arena;
    List *why;  /* const char *; NULL while it is only tried */
    Map *known; /* a reader's and a writer's record → &is_so or &is_not, or what is thought until
                   the answer is there */
} Comparison;

static bool is_so = true, is_not = false;

static bool can_read(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                     const char *path);

static bool refuse(Comparison *self, const char *kind, const char *path, const char *text)
{
    if (self->why != NULL)
        list_append(
            self->why, self->arena,
            arena_printf(self->arena, "%s at %s: %s", kind, path[0] != '\0' ? path : "/", text));
    return false;
}

static bool refuse_type(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                        const char *path)
{
    return refuse(self, "TYPE_MISMATCH", path,
                  arena_printf(self->arena, "%s was written, which cannot be read as %s",
                               avro_schema_text(self->arena, writer),
                               avro_schema_text(self->arena, reader)));
}

/* ---- Names --------------------------------------------------------------------------------- */

static Str name_last(Str full)
{
    Str space = avro_name_space(full);
    return space.length == 0
               ? full
               : str_make(full.data + space.length + 1, full.length - space.length - 1);
}

/* Namespaces do not matter, but for aliases. */
static bool check_names(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                        const char *path)
{
    bool is_same = str_equal(name_last(reader->name), name_last(writer->name));
    for (int32_t i = 0; !is_same && i < reader->alias_count; i++)
        is_same = str_equal(reader->aliases[i], writer->name);
    if (is_same)
        return true;
    return refuse(self, "NAME_MISMATCH", path,
                  arena_printf(self->arena, "`%.*s` was written, which is not `%.*s`",
                               STR_ARGS(writer->name), STR_ARGS(reader->name)));
}

/* ---- Kinds --------------------------------------------------------------------------------- */

static bool check_symbols(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                          const char *path)
{
    for (int32_t i = 0; reader->default_symbol < 0 && i < writer->count; i++) {
        bool is_known = false;
        for (int32_t k = 0; k < reader->count && !is_known; k++)
            is_known = str_equal(writer->symbols[i], reader->symbols[k]);
        if (!is_known)
            return refuse(self, "MISSING_ENUM_SYMBOLS", path,
                          arena_printf(self->arena, "`%.*s` does not know the symbol `%.*s`",
                                       STR_ARGS(reader->name), STR_ARGS(writer->symbols[i])));
    }
    return true;
}

/* The fields of the writer that the reader's is, by its name or an alias: one, or none. */
static int32_t find_fields(const AvroSchema *writer, const AvroField *asked, const AvroField **out)
{
    int32_t count = 0;
    for (int32_t i = 0; i < writer->count; i++) {
        bool is_it = str_equal(writer->fields[i].name, asked->name);
        for (int32_t k = 0; !is_it && k < asked->alias_count; k++)
            is_it = str_equal(writer->fields[i].name, asked->aliases[k]);
        if (is_it && count++ == 0)
            *out = &writer->fields[i];
    }
    return count;
}

static bool check_fields(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                         const char *path)
{
    bool is_good = true;
    for (int32_t i = 0; i < reader->count; i++) {
        const AvroField *field = &reader->fields[i];
        const AvroField *written = NULL;
        int32_t count = find_fields(writer, field, &written);
        const char *place = arena_printf(self->arena, "%s/fields/%d", path, i);
        if (count > 1)
            is_good = refuse(self, "NAME_MISMATCH", place,
                             arena_printf(self->arena, "`%.*s` and its aliases are several fields",
                                          STR_ARGS(field->name)));
        else if (written != NULL)
            is_good &= can_read(self, field->schema, written->schema,
                                arena_printf(self->arena, "%s/type", place));
        else if (!field->has_default)
            is_good = refuse(self, "READER_FIELD_MISSING_DEFAULT_VALUE", place,
                             arena_printf(self->arena, "`%.*s` was not written and has no default",
                                          STR_ARGS(field->name)));
    }
    return is_good;
}

/* A record may be part of itself: what is asked again meanwhile is taken to be good. */
static bool check_record(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                         const char *path)
{
    const void *pair[] = {reader, writer};
    Str key = str_make((const char *)pair, sizeof pair);
    const bool *known = map_find(self->known, key);
    if (known != NULL && *known)
        return true;
    if (known != NULL)
        return refuse_type(self, reader, writer, path);
    map_put(self->known, key, &is_so);
    bool is_good = check_names(self, reader, writer, path);
    is_good &= check_fields(self, reader, writer, path);
    map_put(self->known, key, is_good ? &is_so : &is_not);
    return is_good;
}

static bool refuse_branch(Comparison *self, const AvroSchema *writer, const char *path)
{
    return refuse(self, "MISSING_UNION_BRANCH", path,
                  arena_printf(self->arena, "the union does not take %s",
                               avro_schema_text(self->arena, writer)));
}

static bool tries(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                  const char *path)
{
    List *why = self->why;
    self->why = NULL;
    bool is_good = can_read(self, reader, writer, path);
    self->why = why;
    return is_good;
}

/* Each branch that may have been written has to be read. */
static bool check_written_union(Comparison *self, const AvroSchema *reader,
                                const AvroSchema *writer, const char *path)
{
    bool is_good = true;
    for (int32_t i = 0; i < writer->count; i++) {
        const char *place = arena_printf(self->arena, "%s/%d", path, i);
        is_good &= can_read(self, reader, writer->branches[i], place);
    }
    return is_good;
}

static bool check_union(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                        const char *path)
{
    for (int32_t i = 0; i < reader->count; i++)
        if (tries(self, reader->branches[i], writer, path))
            return true;
    return refuse_branch(self, writer, path);
}

static bool is_promoted(AvroKind reader, AvroKind writer)
{
    switch (reader) {
    case AVRO_LONG: return writer == AVRO_INT;
    case AVRO_FLOAT: return writer == AVRO_INT || writer == AVRO_LONG;
    case AVRO_DOUBLE: return writer == AVRO_INT || writer == AVRO_LONG || writer == AVRO_FLOAT;
    case AVRO_BYTES: return writer == AVRO_STRING;
    case AVRO_STRING: return writer == AVRO_BYTES;
    case AVRO_NULL:
    case AVRO_BOOLEAN:
    case AVRO_INT:
    case AVRO_RECORD:
    case AVRO_ENUM:
    case AVRO_ARRAY:
    case AVRO_MAP:
    case AVRO_UNION:
    case AVRO_FIXED: break;
    }
    return false;
}

static bool check_kind(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                       const char *path)
{
    bool is_good = true;
    switch ((int)reader->kind) {
    case AVRO_ARRAY:
    case AVRO_MAP:
        return can_read(self, reader->branches[0], writer->branches[0],
                        arena_printf(self->arena, "%s/%s", path,
                                     reader->kind == AVRO_ARRAY ? "items" : "values"));
    case AVRO_FIXED:
        is_good = check_names(self, reader, writer, path);
        if (reader->size != writer->size)
            is_good = refuse(self, "FIXED_SIZE_MISMATCH", path,
                             arena_printf(self->arena, "%d bytes were written, and %d are read",
                                          writer->size, reader->size));
        return is_good;
    case AVRO_ENUM:
        is_good = check_names(self, reader, writer, path);
        return check_symbols(self, reader, writer, path) && is_good;
    case AVRO_RECORD: return check_record(self, reader, writer, path);
    default: return true;
    }
}

static bool can_read(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                     const char *path)
{
    if (writer->kind == AVRO_UNION)
        return check_written_union(self, reader, writer, path);
    if (reader->kind == AVRO_UNION)
        return check_union(self, reader, writer, path);
    if (reader->kind == writer->kind)
        return check_kind(self, reader, writer, path);
    return is_promoted(reader->kind, writer->kind) || refuse_type(self, reader, writer, path);
}

bool avro_can_read(Arena *arena, const AvroSchema *reader, const AvroSchema *writer, List *why)
{
    Comparison self = {.arena = arena, .why = why, .known = map_new(arena)};
    return can_read(&self, reader, writer, "");
}
