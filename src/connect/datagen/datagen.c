/* datagen: rows out of nothing, as Flink's connector of that name makes them.
 *
 * Each field is either random within bounds or a sequence. A table with a sequence, or with
 * number-of-rows, ends; any other goes on for ever. Rows come at rows-per-second, evenly rather
 * than once a second. The state is the number of rows made: sequences go on behind it. */
#include "connect/datagen/internal.h"

#include "base/ceiling.h"

enum {
    DATAGEN_WAIT_US = 50 * 1000,
    DATAGEN_LENGTH_DEFAULT = 100,
    DATAGEN_LENGTH_MAX = 1024 * 1024,
    DATAGEN_ELEMENTS_DEFAULT = 3,
    DATAGEN_ELEMENTS_MAX = 1024,
    BATCH_BYTES_MAX = 8 << 20,                   /* but for a single row that has more */
    BATCH_PART = 64,                             /* of the limit of memory */
    DATAGEN_UNREACHED_RATE = 1000 * 1000 * 1000, /* a row in a nanosecond: none is waited for */
};

typedef struct Datagen {
    SourceReader base;
    DatagenField *fields;
    int64_t rows_made, rows_total; /* INT64_MAX: without end */
    int64_t rows_per_second;
    int64_t paced_rows, paced_us; /* rows made in this run, and since when */
    uint64_t random;
    int64_t row_bytes; /* of the longest row */
} Datagen;

static const OptionSpec datagen_options[] = {
    {.key = "rows-per-second",
     .type = OPTION_INT,
     .default_text = "10000",
     .help = "How many rows to make in a second."},
    {.key = "number-of-rows",
     .type = OPTION_INT,
     .help = "How many rows to make in all; without it, and without a sequence, there is no end."},
    {.key = "scan.parallelism",
     .type = OPTION_INT,
     .help = "Accepted for Flink's sake: weir makes rows on one thread."},
    {.key = "fields.#.kind",
     .type = OPTION_ENUM,
     .default_text = "random",
     .choices = "random|sequence",
     .help = "Random values, or whole numbers counting from `start` to `end`."},
    {.key = "fields.#.min",
     .type = OPTION_TEXT,
     .help = "Least random number; the least of the type if not given."},
    {.key = "fields.#.max",
     .type = OPTION_TEXT,
     .help = "Greatest random number; the greatest of the type if not given."},
    {.key = "fields.#.max-past",
     .type = OPTION_DURATION,
     .default_text = "0",
     .help = "How far before now a random timestamp may lie."},
    {.key = "fields.#.length",
     .type = OPTION_INT,
     .help = "Length of random text or bytes, 100 if not given; CHAR and BINARY keep their own. "
             "Elements of an array, map or multiset, 3 if not given."},
    {.key = "fields.#.var-len",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Text and bytes of any length from 1 to `length`."},
    {.key = "fields.#.start", .type = OPTION_INT, .help = "First number of a sequence."},
    {.key = "fields.#.end", .type = OPTION_INT, .help = "Last number of a sequence."},
    {.key = "fields.#.null-rate",
     .type = OPTION_DOUBLE,
     .default_text = "0",
     .help = "Share of NULL among the values, from 0 to 1."},
};

static const char *field_key(char *into, Str field, const char *option)
{
    int length = snprintf(into, DATAGEN_KEY_BYTES, "fields.%.*s.%s", STR_ARGS(field), option);
    assert(length > 0);
    return into;
}

static bool field_has(const OptionSet *options, Str field, const char *option)
{
    char key[DATAGEN_KEY_BYTES];
    return options_has(options, field_key(key, field, option));
}

static bool field_is_sequence(const OptionSet *options, Str field)
{
    char key[DATAGEN_KEY_BYTES];
    Str kind = options_text(options, field_key(key, field, "kind"));
    return str_equal_ignoring_case(kind, STR("sequence"));
}

/* Names of fields with a sequence are found by their options: the schema is not at hand here. */
static bool datagen_is_bounded(const TableOptions *table)
{
    if (options_has(table->options, "number-of-rows"))
        return true;
    for (int32_t i = 0; i < options_count(table->options); i++) {
        OptionEntry entry = options_at(table->options, i);
        if (str_has_prefix(entry.key, STR("fields.")) && str_has_suffix(entry.key, STR(".kind")) &&
            str_equal_ignoring_case(entry.value, STR("sequence")))
            return true;
    }
    return false;
}

/* ---- Checking ---------------------------------------------------------------------------- */

static const char *field_bind_sequence(const OptionSet *options, Str name, DatagenField *into,
                                       const char **option)
{
    char key[DATAGEN_KEY_BYTES];
    *option = "start";
    if (!field_has(options, name, "start") || !field_has(options, name, "end"))
        return "a sequence needs `start` and `end`";
    into->start = options_int(options, field_key(key, name, "start"));
    into->end = options_int(options, field_key(key, name, "end"));
    if (into->end < into->start)
        return "the `end` of a sequence is not before its `start`";
    return datagen_sequence_fits(into) ? NULL : "a sequence needs a number or text column";
}

static const char *field_bind_random(const OptionSet *options, const Field *from,
                                     DatagenField *into, const char **option)
{
    char key[DATAGEN_KEY_BYTES];
    *option = "length";
    into->length = DATAGEN_LENGTH_DEFAULT;
    bool is_fixed = from->type.id == TYPE_CHAR || from->type.id == TYPE_BINARY;
    if (field_has(options, from->name, "length") && !is_fixed)
        into->length = options_int(options, field_key(key, from->name, "length"));
    else if (is_fixed || from->type.precision < DATAGEN_LENGTH_DEFAULT)
        into->length = from->type.precision;
    if (into->physical == PHYSICAL_STRING &&
        (into->length < 1 || into->length > DATAGEN_LENGTH_MAX))
        return "the length lies between 1 and 1048576";
    *option = "min";
    Str least = options_text(options, field_key(key, from->name, "min"));
    Str greatest = options_text(options, field_key(key, from->name, "max"));
    return datagen_bind_bounds(into, least, greatest);
}

static const char *field_bind(Arena *arena, const OptionSet *options, const Field *from,
                              DatagenField *into, const char **option);

/* The parts of a column are called as Flink calls them: row.field, array.element, map.key,
 * map.value. */
static const char *field_bind_nested(Arena *arena, const OptionSet *options, const Field *from,
                                     DatagenField *into, const char **option)
{
    char key[DATAGEN_KEY_BYTES];
    Type type = from->type;
    *option = "length";
    into->length = DATAGEN_ELEMENTS_DEFAULT;
    if (type.id != TYPE_ROW && field_has(options, from->name, "length"))
        into->length = options_int(options, field_key(key, from->name, "length"));
    if (into->length < 0 || into->length > DATAGEN_ELEMENTS_MAX)
        return "the number of elements lies between 0 and 1024";
    int64_t deepest = 1;
    into->child_count = type.child_count;
    into->children = ARENA_ARRAY(arena, DatagenField, type.child_count + 1);
    for (int32_t i = 0; i < type.child_count; i++) {
        Str part = type.id == TYPE_MAP ? i == 0 ? STR("key") : STR("value") : STR("element");
        if (type.id == TYPE_ROW)
            part = type.child_names[i];
        Field child = {.type = type.children[i]};
        child.name =
            str_from(arena_printf(arena, "%.*s.%.*s", STR_ARGS(from->name), STR_ARGS(part)));
        if (field_is_sequence(options, child.name))
            return "only whole columns can be a sequence";
        const char *what = field_bind(arena, options, &child, &into->children[i], option);
        if (what != NULL)
            return what;
        if (into->children[i].elements > deepest)
            deepest = into->children[i].elements;
    }
    into->elements = type.id == TYPE_ROW || into->length == 0 ? deepest : into->length * deepest;
    *option = "length";
    return into->elements <= DATAGEN_ELEMENTS_MAX ? NULL
                                                  : "one value has more than 1024 elements in all";
}

/* What is wrong with the field's options, or NULL; `option` gets the one to point at. */
static const char *field_bind(Arena *arena, const OptionSet *options, const Field *from,
                              DatagenField *into, const char **option)
{
    char key[DATAGEN_KEY_BYTES];
    *option = "kind";
    if (from->name.length > DATAGEN_KEY_BYTES - 32)
        return "the column's name is too long for datagen";
    *into =
        (DatagenField){.type = from->type, .physical = type_physical(from->type), .elements = 1};
    double null_rate = options_double(options, field_key(key, from->name, "null-rate"));
    *option = "null-rate";
    if (!(null_rate >= 0 && null_rate <= 1))
        return "the share of NULL lies between 0 and 1";
    into->null_threshold = (uint64_t)(null_rate * 4294967296.0);
    into->max_past_us = options_duration_us(options, field_key(key, from->name, "max-past"));
    into->is_var_len = options_bool(options, field_key(key, from->name, "var-len"));
    into->is_sequence = field_is_sequence(options, from->name);
    if (into->is_sequence)
        return field_bind_sequence(options, from->name, into, option);
    if (type_is_nested(from->type))
        return field_bind_nested(arena, options, from, into, option);
    return field_bind_random(options, from, into, option);
}

static OptionEntry datagen_entry(const OptionSet *options, Str field, const char *option)
{
    char key[DATAGEN_KEY_BYTES];
    field_key(key, field, option);
    for (int32_t i = 0; i < options_count(options); i++)
        if (str_is(options_at(options, i).key, key))
            return options_at(options, i);
    return options_count(options) > 0 ? options_at(options, 0) : (OptionEntry){0};
}

static Status datagen_check(const TableCheck *check)
{
    const TableOptions *table = check->table;
    const Schema *schema = check->physical;
    Status status = OK;
    Arena *arena = arena_new(0);
    for (int32_t i = 0; i < schema->count; i++) {
        DatagenField field;
        const char *option;
        const char *what = field_bind(arena, table->options, &schema->fields[i], &field, &option);
        if (what == NULL)
            continue;
        OptionEntry entry = datagen_entry(table->options, schema->fields[i].name, option);
        char message[DATAGEN_KEY_BYTES + 128];
        snprintf(message, sizeof message, "column `%.*s`: %s",
                 (int)(schema->fields[i].name.length < 128 ? schema->fields[i].name.length : 128),
                 schema->fields[i].name.data, what);
        check->report(check->report_context, &entry, "WR3381", message, NULL);
        status = ERR_INVALID;
    }
    arena_free(arena);
    return status;
}

/* Of the longest value. */
static int64_t field_bytes(const DatagenField *field)
{
    int64_t inside = type_is_nested(field->type) ? 0 : field->length;
    for (int32_t i = 0; i < field->child_count; i++)
        inside += field_bytes(&field->children[i]);
    bool is_collection = type_is_nested(field->type) && field->type.id != TYPE_ROW;
    return (int64_t)sizeof(StrView) + (is_collection ? inside * field->length : inside);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static Status datagen_open(SourceReader *reader, Str state, Error *error)
{
    Datagen *datagen = (Datagen *)reader;
    const PlanTable *table = reader->node->source.table;
    const OptionSet *options = table->options.options;
    const Schema *schema = &reader->node->schema;
    datagen->fields = ARENA_ARRAY(reader->arena, DatagenField, schema->count);
    datagen->rows_total = INT64_MAX;
    if (options_has(options, "number-of-rows"))
        datagen->rows_total = options_int(options, "number-of-rows");
    /* All of the table's sequences count, also those of columns that nobody reads. */
    for (int32_t i = 0; i < table->physical.count; i++) {
        DatagenField field;
        const char *option;
        const char *what =
            field_bind(reader->arena, options, &table->physical.fields[i], &field, &option);
        if (what != NULL)
            return fail(error, ERR_INVALID, "WR3381", "column `%.*s`: %s",
                        STR_ARGS(table->physical.fields[i].name), what);
        if (field.is_sequence && field.end - field.start < datagen->rows_total)
            datagen->rows_total = field.end - field.start + 1;
        for (int32_t k = 0; k < schema->count; k++)
            if (reader->node->source.columns[k] == i)
                datagen->fields[k] = field;
    }
    datagen->row_bytes = 1;
    for (int32_t k = 0; k < schema->count; k++)
        datagen->row_bytes += field_bytes(&datagen->fields[k]);
    ByteReader bytes = byte_reader(state);
    if (state.length > 0)
        datagen->rows_made = (int64_t)byte_reader_u64(&bytes);
    if (bytes.is_short || datagen->rows_made < 0)
        return fail(error, ERR_CORRUPT, "WR3382", "the saved position of `%.*s` makes no sense",
                    STR_ARGS(table->name));
    datagen->rows_per_second = options_int(options, "rows-per-second");
    if (datagen->rows_per_second < 1)
        datagen->rows_per_second = 1;
    datagen->paced_us = world_monotonic_us(reader->world);
    datagen->random = reader->world->kind->random_u64(reader->world);
    atomic_store(&reader->progress.phase, PHASE_STREAMING);
    if (datagen->rows_total != INT64_MAX)
        atomic_store(&reader->progress.rows_total, datagen->rows_total);
    return OK;
}

/* How many rows are due; waits a moment if none is. */
static int64_t datagen_await_due(Datagen *datagen)
{
    World *world = datagen->base.world;
    for (int32_t attempt = 0; attempt < 2; attempt++) {
        int64_t elapsed_us = world_monotonic_us(world) - datagen->paced_us;
        double due_rows = (double)elapsed_us * (double)datagen->rows_per_second / 1e6 + 1;
        int64_t due = due_rows > 9e18 ? INT64_MAX : (int64_t)due_rows - datagen->paced_rows;
        if (due > 0)
            return due;
        /* Until the next row is due, and a little more, so that a fast table makes batches. */
        double next_us = (double)datagen->paced_rows * 1e6 / (double)datagen->rows_per_second;
        int64_t wait_us = (int64_t)next_us - elapsed_us + 1000;
        world->kind->sleep_us(world, wait_us < DATAGEN_WAIT_US ? wait_us : DATAGEN_WAIT_US);
    }
    return 0;
}

static Status datagen_poll(SourceReader *reader, Batch **out, Error *error)
{
    (void)error;
    Datagen *datagen = (Datagen *)reader;
    int64_t left = datagen->rows_total - datagen->rows_made;
    if (left <= 0)
        return ERR_END;
    int64_t due = datagen_await_due(datagen);
    if (due == 0)
        return ERR_AGAIN;
    int64_t count = due < left ? due : left;
    int64_t fitting = ceiling_share(BATCH_PART, BATCH_BYTES_MAX) / datagen->row_bytes;
    int64_t most = fitting < 1 ? 1 : fitting < BATCH_ROWS_MAX ? fitting : BATCH_ROWS_MAX;
    int32_t rows = (int32_t)(count < most ? count : most);
    Batch *batch = batch_new(&reader->node->schema, rows);
    Timestamp now = world_now_us(reader->world);
    DatagenFill fill = {
        .utc = now,
        .local = timezone_to_local(reader->zone, now),
        .random = &datagen->random,
        .first_row = datagen->rows_made,
        .arena = batch->arena,
        .rows = rows,
    };
    for (int32_t i = 0; i < batch->column_count; i++)
        datagen_fill(&datagen->fields[i], &fill, &batch->columns[i]);
    batch->row_count = rows;
    batch_select_all(batch);
    datagen->rows_made += rows;
    datagen->paced_rows += rows;
    atomic_store(&reader->progress.rows_done, datagen->rows_made);
    *out = batch;
    return OK;
}

static void datagen_snapshot(SourceReader *reader, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)((Datagen *)reader)->rows_made);
}

static void datagen_close(SourceReader *reader)
{
    (void)reader;
}

static bool datagen_never_waits(const SourceReader *reader)
{
    const OptionSet *options = reader->node->source.table->options.options;
    return options_int(options, "rows-per-second") >= DATAGEN_UNREACHED_RATE;
}

static const SourceKind datagen_source = {
    .size = sizeof(Datagen),
    .open = datagen_open,
    .poll = datagen_poll,
    .snapshot = datagen_snapshot,
    .close = datagen_close,
    .never_waits = datagen_never_waits,
};

static const ConnectorInfo datagen_info = {
    .name = "datagen",
    .summary = "Makes random rows and sequences, for demonstrations and tests.",
    .options = datagen_options,
    .option_count = sizeof datagen_options / sizeof datagen_options[0],
    .can_read = true,
    .is_bounded = datagen_is_bounded,
    .check = datagen_check,
};

extern const Connector datagen_connector;
const Connector datagen_connector = {.info = &datagen_info, .source = &datagen_source};
