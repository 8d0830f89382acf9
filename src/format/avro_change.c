/* Debezium's changes in Avro. The fields of a change are found first, then the rows within them are
 * read. Rules: Flink 1.20, DebeziumAvroDeserializationSchema. */
#include "format/avro_change.h"

#include <stdio.h>

#include "format/avro_write.h"

static const char *const CODE_MALFORMED = "WR3511";
static const char *const CODE_CHANGE = "WR3506";

enum { PART_BEFORE, PART_AFTER, PART_OP, PART_COUNT };

static const Str PART_NAMES[] = {STR("before"), STR("after"), STR("op")};

Schema avro_change_envelope(Arena *arena, const Schema *record)
{
    Type *types = ARENA_ARRAY(arena, Type, record->count + 1);
    Str *names = ARENA_ARRAY(arena, Str, record->count + 1);
    for (int32_t i = 0; i < record->count; i++) {
        types[i] = record->fields[i].type;
        names[i] = record->fields[i].name;
    }
    Type row = type_nullable(type_row(types, names, record->count));
    Field *fields = ARENA_ARRAY(arena, Field, PART_COUNT);
    fields[PART_BEFORE] = (Field){.name = PART_NAMES[PART_BEFORE], .type = row};
    fields[PART_AFTER] = (Field){.name = PART_NAMES[PART_AFTER], .type = row};
    fields[PART_OP] = (Field){.name = PART_NAMES[PART_OP], .type = type_string()};
    return (Schema){.fields = fields, .count = PART_COUNT};
}

static int32_t part_of(Str name)
{
    for (int32_t part = 0; part < PART_COUNT; part++)
        if (str_equal(PART_NAMES[part], name))
            return part;
    return -1;
}

static const AvroField *field_of(const AvroSchema *envelope, int32_t part)
{
    for (int32_t i = 0; envelope->kind == AVRO_RECORD && i < envelope->count; i++)
        if (part_of(envelope->fields[i].name) == part)
            return &envelope->fields[i];
    return NULL;
}

/* The branch that is of the kind, or -1; of no union 0 if it is itself. */
static int32_t branch_of(const AvroSchema *schema, AvroKind kind)
{
    if (schema->kind != AVRO_UNION)
        return schema->kind == kind ? 0 : -1;
    for (int32_t i = 0; i < schema->count; i++)
        if (schema->branches[i]->kind == kind)
            return i;
    return -1;
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct AvroChanges {
    const AvroSchema *envelope;      /* of the writer */
    AvroReader *readers[PART_COUNT]; /* of before and after; NULL: there never is one */
};

Status avro_changes_new(Arena *arena, const DecoderSpec *spec, const AvroSchema *writer,
                        const AvroSchema *reader, AvroChanges **out, Error *error)
{
    AvroChanges *changes = *out = ARENA_NEW(arena, AvroChanges);
    changes->envelope = writer;
    if (field_of(writer, PART_OP) == NULL || field_of(writer, PART_AFTER) == NULL)
        return fail(error, ERR_DECODE, "WR3513",
                    "what was written is %s, which has no fields `op` and `after`: it is no change "
                    "of debezium",
                    avro_schema_text(arena, writer));
    for (int32_t part = PART_BEFORE; part <= PART_AFTER; part++) {
        const AvroField *written = field_of(writer, part), *asked = field_of(reader, part);
        if (written != NULL && branch_of(written->schema, AVRO_RECORD) >= 0)
            TRY(avro_reader_new(arena, spec, written->schema, asked != NULL ? asked->schema : NULL,
                                &changes->readers[part], error));
    }
    return OK;
}

static bool reading_fail(AvroReading *reading, const char *code, const char *what)
{
    reading->code = code;
    snprintf(reading->reason, sizeof reading->reason, "%s", what);
    return false;
}

/* What is written of a value that may be in a union, without its branch; NULL is no data. The bytes
 * were stepped over, and are good. */
static Str value_bytes(const AvroSchema **schema, Str bytes)
{
    if ((*schema)->kind == AVRO_UNION) {
        uint64_t branch = 0;
        int32_t shift = 0;
        unsigned char byte;
        do {
            byte = (unsigned char)bytes.data[0];
            branch |= (uint64_t)(byte & 0x7f) << shift;
            shift += 7;
            bytes = str_make(bytes.data + 1, bytes.length - 1);
        } while (byte >= 0x80);
        *schema = (*schema)->branches[branch >> 1];
    }
    return (*schema)->kind == AVRO_NULL ? (Str){0} : bytes;
}

/* One letter: c, r, u, d. '?': it is another. */
static char op_letter(const AvroSchema *schema, Str bytes)
{
    bytes = value_bytes(&schema, bytes);
    /* A text of one byte has its length, 1, before it. */
    bool is_letter = schema->kind == AVRO_STRING && bytes.length == 2 && bytes.data[0] == 2;
    return is_letter ? bytes.data[1] : '?';
}

static bool find_parts(const AvroSchema *envelope, AvroReading *reading, Str message, Str *parts)
{
    for (int32_t i = 0; i < envelope->count; i++) {
        Str start = message;
        int32_t part = part_of(envelope->fields[i].name);
        if (!avro_skip_next(envelope->fields[i].schema, reading, &message))
            return false;
        if (part >= 0)
            parts[part] = str_make(start.data, start.length - message.length);
    }
    return message.length == 0 ||
           reading_fail(reading, CODE_MALFORMED, "bytes are left behind the change");
}

/* A change that is taken apart. */
typedef struct Change {
    const AvroChanges *changes;
    AvroReading *reading;
    Str parts[PART_COUNT];
    Batch *into;
    int32_t capacity;
} Change;

static bool change_lacks(Change *change, int32_t part, RowKind kind)
{
    AvroReading *reading = change->reading;
    if (kind == ROW_UPDATE_BEFORE)
        return reading_fail(
            reading, CODE_CHANGE,
            "the \"before\" field of UPDATE message is null; if this is the Debezium Postgres "
            "connector, the table must have REPLICA IDENTITY FULL");
    return reading_fail(reading, CODE_CHANGE,
                        part == PART_BEFORE ? "the \"before\" field of the record is null"
                                            : "the \"after\" field of the record is null");
}

/* The row of a part, which has to be there. */
static bool read_row(Change *change, int32_t part, RowKind kind)
{
    const AvroField *field = field_of(change->changes->envelope, part);
    const AvroReader *reader = change->changes->readers[part];
    const AvroSchema *schema = field != NULL ? field->schema : NULL;
    int32_t at = change->into->row_count;
    if (schema == NULL || reader == NULL || value_bytes(&schema, change->parts[part]).data == NULL)
        return change_lacks(change, part, kind);
    if (!avro_read_message(reader, change->reading, change->parts[part], change->into,
                           change->capacity))
        return false;
    change->into->kinds[at] = (uint8_t)kind;
    return true;
}

static bool read_rows(Change *change)
{
    const AvroField *op = field_of(change->changes->envelope, PART_OP);
    switch (op_letter(op->schema, change->parts[PART_OP])) {
    case 'c':
    case 'r': return read_row(change, PART_AFTER, ROW_INSERT);
    case 'u':
        return read_row(change, PART_BEFORE, ROW_UPDATE_BEFORE) &&
               read_row(change, PART_AFTER, ROW_UPDATE_AFTER);
    case 'd': return read_row(change, PART_BEFORE, ROW_DELETE);
    default: break;
    }
    return reading_fail(change->reading, CODE_CHANGE,
                        "the \"op\" field of the record is none of c, r, u and d");
}

bool avro_changes_read(const AvroChanges *changes, AvroReading *reading, Str message, Batch *into,
                       int32_t capacity)
{
    Change change = {.changes = changes, .reading = reading, .into = into, .capacity = capacity};
    int32_t start = into->row_count;
    if (find_parts(changes->envelope, reading, message, change.parts) && read_rows(&change))
        return true;
    into->row_count = start;
    return false;
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct AvroChangeWriter {
    const AvroSchema *envelope;
    AvroWriter *writers[PART_COUNT]; /* of before and after */
};

static Status refuse_field(const AvroField *field, const char *what, Error *error)
{
    return fail(error, ERR_INVALID, "WR3513", "field `%.*s` of the change: %s",
                STR_ARGS(field->name), what);
}

static Status check_field(Arena *arena, const EncoderSpec *spec, const AvroField *field,
                          AvroChangeWriter *writer, Error *error)
{
    int32_t part = part_of(field->name);
    if (part < 0)
        return field->has_default
                   ? OK
                   : refuse_field(field, "nothing is known for it, and it has no default", error);
    if (part == PART_OP)
        return branch_of(field->schema, AVRO_STRING) >= 0
                   ? OK
                   : refuse_field(field, "it has to be a string", error);
    if (field->schema->kind != AVRO_UNION || branch_of(field->schema, AVRO_NULL) < 0)
        return refuse_field(field, "it has to be a union of null and a record", error);
    return avro_writer_new(arena, spec, field->schema, &writer->writers[part], error);
}

Status avro_change_writer_new(Arena *arena, const EncoderSpec *spec, const AvroSchema *schema,
                              AvroChangeWriter **out, Error *error)
{
    AvroChangeWriter *writer = *out = ARENA_NEW(arena, AvroChangeWriter);
    writer->envelope = schema;
    for (int32_t part = 0; part < PART_COUNT; part++)
        if (field_of(schema, part) == NULL)
            return fail(error, ERR_INVALID, "WR3513",
                        "a change has the fields before, after and op, but there is no `%s`",
                        PART_NAMES[part].data);
    for (int32_t i = 0; i < schema->count; i++)
        TRY(check_field(arena, spec, &schema->fields[i], writer, error));
    return OK;
}

static void write_op(const AvroSchema *schema, bool is_deleted, Buffer *out)
{
    if (schema->kind == AVRO_UNION)
        avro_append_long(out, branch_of(schema, AVRO_STRING));
    avro_append_bytes(out, is_deleted ? STR("d") : STR("c"));
}

const char *avro_change_write(AvroChangeWriter *writer, const Batch *batch, int32_t row,
                              Buffer *out)
{
    const char *problem = NULL;
    bool is_deleted = row_kind_is_retraction((uint8_t)batch_kind(batch, row));
    for (int32_t i = 0; problem == NULL && i < writer->envelope->count; i++) {
        const AvroField *field = &writer->envelope->fields[i];
        int32_t part = part_of(field->name);
        if (part < 0)
            buffer_append_str(out, field->default_bytes);
        else if (part == PART_OP)
            write_op(field->schema, is_deleted, out);
        else if ((part == PART_BEFORE) == is_deleted)
            problem = avro_write(writer->writers[part], batch, row, out);
        else
            avro_append_long(out, branch_of(field->schema, AVRO_NULL));
    }
    return problem;
}
