/* Whether one schema reads what another has written, as Avro's SchemaCompatibility sees it. Logical
 * types count for nothing there. */
#include "format/avro_evolution.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    DEPTH_MAX = 1000,            /* of what is within each other, by name or not */
    WORK_MAX = 4 << 20,          /* names looked at */
    WORK_OF_RECORDS = 16,        /* of a pair beside its fields */
    REASON_BYTES_MAX = 64 << 10, /* of all reasons; what is beyond goes unsaid */
};

/* Where in the schema it is: one step, within those around it. */
typedef struct Place {
    const struct Place *outer;
    const char *step;
    int32_t number; /* behind the step; -1: none */
} Place;

typedef struct Comparison {
    Arena *arena;   /* of reasons */
    Arena *scratch; /* of what is known until the end */
    List *why;      /* const char *; NULL while it is only tried */
    Map *known; /* a reader's and a writer's record → &is_so or &is_not, or what is thought until
                   the answer is there */
    int32_t depth;
    int64_t work; /* that is left */
    int64_t reason_bytes;
    bool is_too_much; /* it was given up: there is no answer */
} Comparison;

static bool is_so = true, is_not = false;

static bool can_read(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                     const Place *place);

/* False: that is more than a comparison may take. */
static bool spend(Comparison *self, int64_t work)
{
    self->work -= work;
    self->is_too_much |= self->work < 0;
    return !self->is_too_much;
}

/* ---- Reasons ------------------------------------------------------------------------------- */

static bool tells(const Comparison *self)
{
    return self->why != NULL && self->reason_bytes < REASON_BYTES_MAX;
}

static void print_place(Buffer *out, const Place *place)
{
    if (place->outer == NULL)
        return;
    print_place(out, place->outer);
    buffer_append_text(out, place->step);
    if (place->number >= 0)
        buffer_printf(out, "%d", place->number);
}

static bool refuse(Comparison *self, const char *kind, const Place *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool refuse(Comparison *self, const char *kind, const Place *place, const char *format, ...)
{
    if (!tells(self))
        return false;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    Buffer out = {0};
    buffer_printf(&out, "%s at ", kind);
    print_place(&out, place);
    buffer_printf(&out, "%s: %s", place->outer == NULL ? "/" : "", text);
    list_append(self->why, self->arena, arena_printf(self->arena, "%s", buffer_terminated(&out)));
    self->reason_bytes += out.length;
    buffer_free(&out);
    return false;
}

static bool refuse_type(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                        const Place *place)
{
    if (!tells(self))
        return false;
    return refuse(self, "TYPE_MISMATCH", place, "%s was written, which cannot be read as %s",
                  avro_schema_text(self->scratch, writer), avro_schema_text(self->scratch, reader));
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
                        const Place *place)
{
    bool is_same = str_equal(name_last(reader->name), name_last(writer->name));
    for (int32_t i = 0; !is_same && i < reader->alias_count; i++)
        is_same = str_equal(reader->aliases[i], writer->name);
    if (is_same)
        return true;
    return refuse(self, "NAME_MISMATCH", place, "`%.*s` was written, which is not `%.*s`",
                  STR_ARGS(writer->name), STR_ARGS(reader->name));
}

/* ---- Kinds --------------------------------------------------------------------------------- */

static bool check_symbols(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                          const Place *place)
{
    const Str *missing = NULL;
    if (reader->default_symbol >= 0)
        return true;
    if (!spend(self, reader->count + writer->count))
        return false;
    Arena *scratch = arena_new(0);
    Map *symbols = map_new(scratch);
    for (int32_t i = 0; i < reader->count; i++)
        map_put(symbols, reader->symbols[i], &reader->symbols[i]);
    for (int32_t i = 0; i < writer->count && missing == NULL; i++)
        if (map_find(symbols, writer->symbols[i]) == NULL)
            missing = &writer->symbols[i];
    arena_free(scratch);
    return missing == NULL ||
           refuse(self, "MISSING_ENUM_SYMBOLS", place, "`%.*s` does not know the symbol `%.*s`",
                  STR_ARGS(reader->name), STR_ARGS(*missing));
}

/* Which of the writer's fields one of the reader's is, by its name or an alias. */
typedef struct Match {
    const AvroField *written; /* NULL: none */
    bool is_ambiguous;
} Match;

static void match_name(Match *match, const Map *fields, Str name)
{
    const AvroField *found = map_find(fields, name);
    match->is_ambiguous |= found != NULL && match->written != NULL && found != match->written;
    if (found != NULL)
        match->written = found;
}

/* Of each field of the reader; NULL: that is too much. */
static Match *match_fields(Comparison *self, const AvroSchema *reader, const AvroSchema *writer)
{
    int64_t work = writer->count + reader->count;
    for (int32_t i = 0; i < reader->count; i++)
        work += reader->fields[i].alias_count;
    if (!spend(self, work))
        return NULL;
    Arena *scratch = arena_new(0);
    Map *fields = map_new(scratch);
    Match *matches = ARENA_ARRAY(self->scratch, Match, reader->count + 1);
    for (int32_t i = 0; i < writer->count; i++)
        map_put(fields, writer->fields[i].name, &writer->fields[i]);
    for (int32_t i = 0; i < reader->count; i++) {
        const AvroField *field = &reader->fields[i];
        match_name(&matches[i], fields, field->name);
        for (int32_t k = 0; k < field->alias_count; k++)
            match_name(&matches[i], fields, field->aliases[k]);
    }
    arena_free(scratch);
    return matches;
}

static bool check_fields(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                         const Place *outer)
{
    const Match *matches = match_fields(self, reader, writer);
    bool is_good = matches != NULL;
    for (int32_t i = 0; matches != NULL && i < reader->count; i++) {
        const AvroField *field = &reader->fields[i];
        const AvroField *written = matches[i].written;
        Place place = {outer, "/fields/", i}, type = {&place, "/type", -1};
        if (matches[i].is_ambiguous)
            is_good = refuse(self, "NAME_MISMATCH", &place,
                             "`%.*s` and its aliases are several fields", STR_ARGS(field->name));
        else if (written != NULL)
            is_good &= can_read(self, field->schema, written->schema, &type);
        else if (!field->has_default)
            is_good = refuse(self, "READER_FIELD_MISSING_DEFAULT_VALUE", &place,
                             "`%.*s` was not written and has no default", STR_ARGS(field->name));
    }
    return is_good;
}

/* A record may be part of itself: what is asked again meanwhile is taken to be good. */
static bool check_record(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                         const Place *place)
{
    /* Most branches of a union are told apart by their names, and need not be remembered. */
    if (self->why == NULL && !check_names(self, reader, writer, place))
        return false;
    if (!spend(self, WORK_OF_RECORDS))
        return false;
    const void *pair[] = {reader, writer};
    Str key = str_make((const char *)pair, sizeof pair);
    const bool *known = map_find(self->known, key);
    if (known != NULL && *known)
        return true;
    if (known != NULL)
        return refuse_type(self, reader, writer, place);
    map_put(self->known, key, &is_so);
    bool is_good = check_names(self, reader, writer, place);
    is_good &= check_fields(self, reader, writer, place);
    map_put(self->known, key, is_good ? &is_so : &is_not);
    return is_good;
}

static bool refuse_branch(Comparison *self, const AvroSchema *writer, const Place *place)
{
    if (!tells(self))
        return false;
    return refuse(self, "MISSING_UNION_BRANCH", place, "the union does not take %s",
                  avro_schema_text(self->scratch, writer));
}

static bool tries(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                  const Place *place)
{
    List *why = self->why;
    self->why = NULL;
    bool is_good = can_read(self, reader, writer, place);
    self->why = why;
    return is_good;
}

/* Each branch that may have been written has to be read. */
static bool check_written_union(Comparison *self, const AvroSchema *reader,
                                const AvroSchema *writer, const Place *outer)
{
    bool is_good = true;
    for (int32_t i = 0; i < writer->count; i++) {
        Place place = {outer, "/", i};
        is_good &= can_read(self, reader, writer->branches[i], &place);
    }
    return is_good;
}

static bool check_union(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                        const Place *place)
{
    for (int32_t i = 0; i < reader->count; i++)
        if (tries(self, reader->branches[i], writer, place))
            return true;
    return refuse_branch(self, writer, place);
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
                       const Place *place)
{
    bool is_good = true;
    Place inner = {place, reader->kind == AVRO_ARRAY ? "/items" : "/values", -1};
    switch ((int)reader->kind) {
    case AVRO_ARRAY:
    case AVRO_MAP: return can_read(self, reader->branches[0], writer->branches[0], &inner);
    case AVRO_FIXED:
        is_good = check_names(self, reader, writer, place);
        if (reader->size != writer->size)
            is_good = refuse(self, "FIXED_SIZE_MISMATCH", place,
                             "%d bytes were written, and %d are read", writer->size, reader->size);
        return is_good;
    case AVRO_ENUM:
        is_good = check_names(self, reader, writer, place);
        return check_symbols(self, reader, writer, place) && is_good;
    case AVRO_RECORD: return check_record(self, reader, writer, place);
    default: return true;
    }
}

static bool can_read(Comparison *self, const AvroSchema *reader, const AvroSchema *writer,
                     const Place *place)
{
    bool is_good;
    self->is_too_much |= self->depth >= DEPTH_MAX;
    if (!spend(self, 1))
        return false;
    self->depth++;
    if (writer->kind == AVRO_UNION)
        is_good = check_written_union(self, reader, writer, place);
    else if (reader->kind == AVRO_UNION)
        is_good = check_union(self, reader, writer, place);
    else if (reader->kind == writer->kind)
        is_good = check_kind(self, reader, writer, place);
    else
        is_good =
            is_promoted(reader->kind, writer->kind) || refuse_type(self, reader, writer, place);
    self->depth--;
    return is_good;
}

Status avro_can_read(Arena *arena, const AvroSchema *reader, const AvroSchema *writer, List *why,
                     Error *error)
{
    Arena *scratch = arena_new(0);
    Comparison self = {.arena = arena,
                       .scratch = scratch,
                       .why = why,
                       .known = map_new(scratch),
                       .work = WORK_MAX};
    bool is_good = can_read(&self, reader, writer, &(Place){0});
    arena_free(scratch);
    if (self.is_too_much)
        return fail(error, ERR_LIMIT, "WR3512",
                    "two avro schemas cannot be compared: they have more than %d names within each "
                    "other, or too many that could be meant by one another",
                    (int)DEPTH_MAX);
    return is_good ? OK : ERR_INVALID;
}
