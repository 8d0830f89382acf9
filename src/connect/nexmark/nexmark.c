/* nexmark: the events of the Nexmark benchmark, as the reference generator's connector of that
 * name makes them for Flink, and under the same options.
 *
 * The table has event_type INT and the ROWs person, auction, bid, of which one is not NULL; only
 * what is read of them is made. With `subtasks` the events are divided as the reference divides
 * them over parallel generators: a range of ids each, and each with times of its own from the
 * same beginning. The state is how many events each generator has made, the seed and the
 * beginning. */
#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "connect/connect.h"
#include "connect/nexmark/ahead.h"
#include "connect/nexmark/generator.h"
#include "connect/nexmark/row.h"

enum {
    NEXMARK_STATE_VERSION = 1,
    NEXMARK_WAIT_US = 50 * 1000,
    NEXMARK_SUBTASKS_MAX = 4096,
    NEXMARK_SIZE_MAX = 1 << 20,
    NEXMARK_PART_MAX = 1000 * 1000,
    NEXMARK_CHECK_BYTES = 4096,
    NEXMARK_BATCH_SPAN_US = 1000 * 1000, /* of event time, so that generators stay together */
};

/* What a column of the table is filled with. */
typedef struct NexmarkColumn {
    enum { COLUMN_EVENT_TYPE, COLUMN_ROW, COLUMN_FIELD } source;
    NexmarkKind kind;
    NexmarkField *fields; /* of the ROW; the one of a field alone */
} NexmarkColumn;

/* One of the reference's parallel generators. */
typedef struct NexmarkPart {
    int64_t first_id;    /* its event number 0, of which there is none: they begin with 1 */
    int64_t made, total; /* made: and handed on, which is what a checkpoint keeps */
    int64_t planned;     /* handed on, or going to be */
} NexmarkPart;

typedef struct Nexmark {
    SourceReader base;
    NexmarkConfig config;
    const NexmarkTables *tables;
    NexmarkColumn *columns;
    NexmarkPart *parts;
    int32_t part_count;
    int32_t batch_rows;
    int64_t made; /* by all parts */
    Ahead *ahead; /* NULL: it keeps a pace, so that what comes next follows from the time */
    bool is_paced, stays_alive;
    int64_t paced_events, paced_us; /* events made in this run, and since when */
    double events_per_us;
} Nexmark;

static const OptionSpec nexmark_options[] = {
    {.key = "first-event.rate",
     .type = OPTION_INT,
     .default_text = "10000",
     .help = "Events in a second of event time."},
    {.key = "next-event.rate",
     .type = OPTION_INT,
     .default_text = "10000",
     .help = "Accepted; the reference generator keeps to first-event.rate as well."},
    {.key = "events.num",
     .type = OPTION_INT,
     .default_text = "0",
     .help = "How many events to make in all; 0: without end."},
    {.key = "person.proportion",
     .type = OPTION_INT,
     .default_text = "1",
     .help = "Persons in a round of events."},
    {.key = "auction.proportion",
     .type = OPTION_INT,
     .default_text = "3",
     .help = "Auctions in a round of events."},
    {.key = "bid.proportion",
     .type = OPTION_INT,
     .default_text = "46",
     .help = "Bids in a round of events."},
    {.key = "person.avg-size",
     .type = OPTION_BYTES,
     .default_text = "200 bytes",
     .help = "Bytes to which `extra` fills a person, on average."},
    {.key = "auction.avg-size",
     .type = OPTION_BYTES,
     .default_text = "500 bytes",
     .help = "Bytes to which `extra` fills an auction, on average."},
    {.key = "bid.avg-size",
     .type = OPTION_BYTES,
     .default_text = "100 bytes",
     .help = "Bytes to which `extra` fills a bid, on average."},
    {.key = "bid.hot-ratio.auctions",
     .type = OPTION_INT,
     .default_text = "2",
     .help = "One bid in so many is not on the hot auction."},
    {.key = "bid.hot-ratio.bidders",
     .type = OPTION_INT,
     .default_text = "4",
     .help = "One bid in so many is not by the hot bidder."},
    {.key = "auction.hot-ratio.sellers",
     .type = OPTION_INT,
     .default_text = "4",
     .help = "One auction in so many is not by the hot seller."},
    {.key = "rate.shape",
     .type = OPTION_ENUM,
     .default_text = "SQUARE",
     .choices = "SQUARE|SINE",
     .help = "Accepted; the reference generator's rate does not change either."},
    {.key = "rate.period",
     .type = OPTION_DURATION,
     .default_text = "600 s",
     .help = "Accepted, as rate.shape."},
    {.key = "rate.limited",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Make events no sooner than at their own time."},
    {.key = "max-emit-speed",
     .type = OPTION_BOOL,
     .default_text = "true",
     .help = "Make events as fast as they are taken; false: no sooner than at their own time."},
    {.key = "keep-alive",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Stay running after the last event."},
    {.key = "stop-at",
     .type = OPTION_INT,
     .default_text = "-1",
     .help = "End after so many events in all, even if events.num is greater."},
    {.key = "subtasks",
     .type = OPTION_INT,
     .default_text = "1",
     .help = "Divide the events as the reference divides them over so many generators."},
    {.key = "seed",
     .type = OPTION_INT,
     .help = "Draw the same random values in every run; without it they differ from run to run."},
    {.key = "base-time",
     .type = OPTION_TEXT,
     .help = "Time of the first event, 'yyyy-MM-dd HH:mm:ss'; now if not given."},
};

/* ---- Options and columns ----------------------------------------------------------------- */

typedef struct NexmarkProblem {
    const char *key; /* of the option, or NULL: the table's columns */
    char text[192];
    char help[128];
} NexmarkProblem;

static const char *const kind_names[NEXMARK_KINDS] = {"person", "auction", "bid"};

static bool option_is_within(const char *key, int64_t value, int64_t least, int64_t greatest,
                             NexmarkProblem *problem)
{
    if (value >= least && value <= greatest)
        return true;
    problem->key = key;
    snprintf(problem->text, sizeof problem->text, "'%s' lies between %lld and %lld", key,
             (long long)least, (long long)greatest);
    return false;
}

static bool kinds_read(const OptionSet *options, NexmarkConfig *config, NexmarkProblem *problem)
{
    static const char *const proportions[] = {"person.proportion", "auction.proportion",
                                              "bid.proportion"};
    static const char *const sizes[] = {"person.avg-size", "auction.avg-size", "bid.avg-size"};
    config->total = 0;
    for (int32_t k = 0; k < NEXMARK_KINDS; k++) {
        int64_t part = options_int(options, proportions[k]);
        int64_t size = options_bytes(options, sizes[k]);
        int64_t least = k == NEXMARK_BID ? 0 : 1; /* ids of bids count the other two */
        if (!option_is_within(proportions[k], part, least, NEXMARK_PART_MAX, problem) ||
            !option_is_within(sizes[k], size, 0, NEXMARK_SIZE_MAX, problem))
            return false;
        config->proportions[k] = part;
        config->sizes[k] = size;
        config->total += part;
    }
    return true;
}

static bool ratio_read(const OptionSet *options, const char *key, int64_t *ratio,
                       NexmarkProblem *problem)
{
    *ratio = options_int(options, key);
    return option_is_within(key, *ratio, 1, NEXMARK_PART_MAX, problem);
}

static bool config_read(const OptionSet *options, NexmarkConfig *config, NexmarkProblem *problem)
{
    int64_t rate = options_int(options, "first-event.rate");
    int64_t subtasks = options_int(options, "subtasks");
    int64_t events = options_int(options, "events.num");
    if (!kinds_read(options, config, problem) ||
        !ratio_read(options, "bid.hot-ratio.auctions", &config->hot_auctions, problem) ||
        !ratio_read(options, "bid.hot-ratio.bidders", &config->hot_bidders, problem) ||
        !ratio_read(options, "auction.hot-ratio.sellers", &config->hot_sellers, problem) ||
        !option_is_within("first-event.rate", rate, 1, INT32_MAX, problem) ||
        !option_is_within("subtasks", subtasks, 1, NEXMARK_SUBTASKS_MAX, problem) ||
        !option_is_within("events.num", events, 0, INT64_MAX, problem))
        return false;
    config->delay_us = (double)MICROS_PER_SECOND / (double)rate * (double)subtasks;
    if (!options_has(options, "base-time") ||
        timestamp_parse(options_text(options, "base-time"), ' ', &config->base))
        return true;
    problem->key = "base-time";
    snprintf(problem->text, sizeof problem->text, "'base-time' is no timestamp");
    return false;
}

static bool type_fits(Type type, const NexmarkFieldInfo *info)
{
    switch (info->shape) {
    case NEXMARK_NUMBER: return type.id == TYPE_BIGINT;
    case NEXMARK_TIME: return type.id == TYPE_TIMESTAMP && type_physical(type) == PHYSICAL_I64;
    case NEXMARK_TEXT: return type.id == TYPE_VARCHAR && type.precision == TYPE_LENGTH_MAX;
    }
    return false;
}

static void names_of_kind(NexmarkKind kind, char *out, size_t room)
{
    size_t at = 0;
    for (int32_t i = 0; i < NEXMARK_FIELDS; i++) {
        if (nexmark_field(i)->kind == kind && at < room)
            at += (size_t)snprintf(out + at, room - at, "%s%s",
                                   at > 0 ? ", " : "fields: ", nexmark_field(i)->name);
    }
}

static bool row_bind(Arena *arena, const Field *from, NexmarkColumn *column,
                     NexmarkProblem *problem)
{
    Type type = from->type;
    column->fields = ARENA_ARRAY(arena, NexmarkField, type.child_count + 1);
    for (int32_t i = 0; i < type.child_count; i++) {
        Str name = type.child_names[i];
        int32_t field = nexmark_find_field(column->kind, name);
        int32_t shown = (int32_t)(name.length < 64 ? name.length : 64);
        if (field < 0) {
            snprintf(problem->text, sizeof problem->text, "nexmark's %s has no field `%.*s`",
                     kind_names[column->kind], shown, name.data);
            names_of_kind(column->kind, problem->help, sizeof problem->help);
            return false;
        }
        const NexmarkFieldInfo *info = nexmark_field(field);
        if (!type_fits(type.children[i], info)) {
            static const char *const shapes[] = {"BIGINT", "TIMESTAMP(3)", "STRING"};
            snprintf(problem->text, sizeof problem->text, "field `%s` of nexmark's %s is %s",
                     info->name, kind_names[column->kind], shapes[info->shape]);
            return false;
        }
        column->fields[i] = (NexmarkField)field;
    }
    return true;
}

static bool column_bind(Arena *arena, const Field *from, NexmarkColumn *column,
                        NexmarkProblem *problem)
{
    *column = (NexmarkColumn){.source = COLUMN_ROW};
    int32_t shown = (int32_t)(from->name.length < 64 ? from->name.length : 64);
    if (str_is(from->name, "event_type")) {
        column->source = COLUMN_EVENT_TYPE;
        if (from->type.id == TYPE_INT)
            return true;
        snprintf(problem->text, sizeof problem->text, "nexmark's column `event_type` is INT");
        return false;
    }
    for (int32_t k = 0; k < NEXMARK_KINDS; k++) {
        if (!str_is(from->name, kind_names[k]))
            continue;
        column->kind = (NexmarkKind)k;
        if (from->type.id == TYPE_ROW)
            return row_bind(arena, from, column, problem);
        snprintf(problem->text, sizeof problem->text, "nexmark's column `%s` is a ROW",
                 kind_names[k]);
        return false;
    }
    snprintf(problem->text, sizeof problem->text, "nexmark has no column `%.*s`", shown,
             from->name.data);
    snprintf(problem->help, sizeof problem->help, "columns: event_type, person, auction, bid");
    return false;
}

static bool nexmark_is_bounded(const TableOptions *table)
{
    return (options_int(table->options, "events.num") > 0 ||
            options_int(table->options, "stop-at") >= 0) &&
           !options_bool(table->options, "keep-alive");
}

static OptionEntry entry_of(const OptionSet *options, const char *key)
{
    for (int32_t i = 0; key != NULL && i < options_count(options); i++) {
        if (str_is(options_at(options, i).key, key))
            return options_at(options, i);
    }
    return options_count(options) > 0 ? options_at(options, 0) : (OptionEntry){0};
}

static Status nexmark_check(const TableCheck *check)
{
    const OptionSet *options = check->table->options;
    Arena *arena = arena_new(NEXMARK_CHECK_BYTES);
    NexmarkConfig config;
    NexmarkProblem problem = {0};
    bool is_good = config_read(options, &config, &problem);
    for (int32_t i = 0; i < check->physical->count && is_good; i++) {
        NexmarkColumn column;
        is_good = column_bind(arena, &check->physical->fields[i], &column, &problem);
    }
    arena_free(arena);
    if (is_good)
        return OK;
    OptionEntry entry = entry_of(options, problem.key);
    check->report(check->report_context, &entry, "WR3386", problem.text,
                  problem.help[0] != '\0' ? problem.help : NULL);
    return ERR_INVALID;
}

/* ---- Opening ----------------------------------------------------------------------------- */

static void parts_divide(Nexmark *nexmark, const OptionSet *options)
{
    int32_t count = (int32_t)options_int(options, "subtasks");
    int64_t total = options_int(options, "events.num");
    if (total == 0)
        total = INT64_MAX / (nexmark->config.total * NEXMARK_SIZE_MAX);
    int64_t stop = options_int(options, "stop-at");
    nexmark->parts = ARENA_ARRAY(nexmark->base.arena, NexmarkPart, count);
    nexmark->part_count = count;
    int64_t share = total / count, stop_share = stop / count;
    for (int32_t i = 0; i < count; i++) {
        NexmarkPart *part = &nexmark->parts[i];
        bool is_last = i + 1 == count;
        int64_t stop_at = is_last ? stop - stop_share * i : stop_share;
        part->first_id = 1 + share * i;
        part->total = is_last ? total - share * i : share;
        if (stop >= 0 && part->total > stop_at)
            part->total = stop_at;
    }
}

static Status state_read(Nexmark *nexmark, Str state, Error *error)
{
    ByteReader bytes = byte_reader(state);
    uint32_t version = byte_reader_u32(&bytes);
    uint32_t count = byte_reader_u32(&bytes);
    nexmark->config.seed = byte_reader_u64(&bytes);
    nexmark->config.base = (Timestamp)byte_reader_u64(&bytes);
    bool is_good = version == NEXMARK_STATE_VERSION && count == (uint32_t)nexmark->part_count;
    for (int32_t i = 0; i < nexmark->part_count && is_good; i++) {
        nexmark->parts[i].made = (int64_t)byte_reader_u64(&bytes);
        is_good = nexmark->parts[i].made >= 0;
        nexmark->parts[i].planned = nexmark->parts[i].made;
        nexmark->made += nexmark->parts[i].made;
    }
    if (is_good && !bytes.is_short)
        return OK;
    return fail(error, ERR_CORRUPT, "WR3387", "the saved position of `%.*s` makes no sense",
                STR_ARGS(nexmark->base.node->source.table->name));
}

static Status columns_bind(Nexmark *nexmark, Error *error)
{
    const PlanNode *node = nexmark->base.node;
    const PlanTable *table = node->source.table;
    nexmark->columns = ARENA_ARRAY(nexmark->base.arena, NexmarkColumn, node->schema.count + 1);
    for (int32_t i = 0; i < node->schema.count; i++) {
        const Field *field = &table->physical.fields[node->source.columns[i]];
        NexmarkColumn *column = &nexmark->columns[i];
        NexmarkProblem problem = {0};
        if (!column_bind(nexmark->base.arena, field, column, &problem))
            return fail(error, ERR_INVALID, "WR3386", "%s", problem.text);
        if (node->source.paths == NULL || node->source.paths[i].depth == 0)
            continue;
        assert(column->source == COLUMN_ROW && node->source.paths[i].depth == 1);
        column->source = COLUMN_FIELD;
        column->fields += node->source.paths[i].fields[0];
    }
    return OK;
}

/* ---- Making ------------------------------------------------------------------------------ */

/* The generator whose time is the least, the first of several; NULL: all have ended. */
static NexmarkPart *nexmark_turn(Nexmark *nexmark)
{
    NexmarkPart *next = NULL;
    for (int32_t i = 0; i < nexmark->part_count; i++) {
        NexmarkPart *part = &nexmark->parts[i];
        if (part->planned < part->total && (next == NULL || part->planned < next->planned))
            next = part;
    }
    return next;
}

static void fill_event_types(const NexmarkRun *run, int32_t *out)
{
    for (int32_t k = 0; k < NEXMARK_KINDS; k++) {
        for (int32_t i = 0; i < run->row_counts[k]; i++)
            out[run->rows[k][i]] = k;
    }
}

/* The next rows, at most so many; false: all have been planned. */
static bool nexmark_plan_some(Nexmark *nexmark, int64_t rows_max, AheadPlan *plan)
{
    NexmarkPart *part = nexmark_turn(nexmark);
    if (part == NULL)
        return false;
    int64_t left = part->total - part->planned;
    int64_t rows = rows_max < left ? rows_max : left;
    *plan = (AheadPlan){
        .sequence = (int32_t)(part - nexmark->parts),
        .rows = rows < nexmark->batch_rows ? (int32_t)rows : nexmark->batch_rows,
        .first = part->planned,
    };
    part->planned += plan->rows;
    return true;
}

static bool nexmark_plan(void *context, AheadPlan *plan)
{
    const SourceReader *reader = context;
    if (reader->helper_count > 0)
        reader->call_helpers(reader->call_context);
    return nexmark_plan_some(context, BATCH_ROWS_MAX, plan);
}

static Batch *nexmark_make(void *context, const AheadPlan *plan)
{
    const Nexmark *nexmark = context;
    const NexmarkPart *part = &nexmark->parts[plan->sequence];
    Batch *batch = batch_new(&nexmark->base.node->schema, plan->rows);
    NexmarkRun run = nexmark_run(&nexmark->config, nexmark->tables, part->first_id, plan->first + 1,
                                 plan->rows, batch->arena);
    for (int32_t i = 0; i < batch->column_count; i++) {
        const NexmarkColumn *column = &nexmark->columns[i];
        if (column->source == COLUMN_EVENT_TYPE)
            fill_event_types(&run, batch->columns[i].values);
        else if (column->source == COLUMN_FIELD)
            nexmark_fill_column(&run, column->fields[0], &batch->columns[i]);
        else
            nexmark_fill_rows(&run, column->kind, column->fields, &batch->columns[i]);
    }
    batch->row_count = plan->rows;
    batch_select_all(batch);
    return batch;
}

static bool options_are_paced(const OptionSet *options)
{
    return options_bool(options, "rate.limited") || !options_bool(options, "max-emit-speed");
}

static Status nexmark_open(SourceReader *reader, Str state, Error *error)
{
    Nexmark *nexmark = (Nexmark *)reader;
    const OptionSet *options = reader->node->source.table->options.options;
    NexmarkProblem problem = {0};
    Timestamp now = timezone_to_local(reader->zone, world_now_us(reader->world));
    nexmark->config.base = now - now % MICROS_PER_MILLI;
    if (!config_read(options, &nexmark->config, &problem))
        return fail(error, ERR_INVALID, "WR3386", "%s", problem.text);
    nexmark->config.seed = options_has(options, "seed")
                               ? hash_u64((uint64_t)options_int(options, "seed") + 1)
                               : reader->world->kind->random_u64(reader->world);
    parts_divide(nexmark, options);
    TRY(columns_bind(nexmark, error));
    if (state.length > 0)
        TRY(state_read(nexmark, state, error));
    nexmark->tables = nexmark_tables(reader->arena, &nexmark->config);
    double rows = NEXMARK_BATCH_SPAN_US / nexmark->config.delay_us;
    bool is_one = nexmark->part_count == 1;
    nexmark->batch_rows = is_one || rows >= BATCH_ROWS_MAX ? BATCH_ROWS_MAX
                          : rows >= 1                      ? (int32_t)rows
                                                           : 1;
    nexmark->is_paced = options_are_paced(options);
    nexmark->stays_alive = options_bool(options, "keep-alive");
    nexmark->events_per_us = nexmark->part_count / nexmark->config.delay_us;
    nexmark->paced_us = world_monotonic_us(reader->world);
    atomic_store(&reader->progress.phase, PHASE_STREAMING);
    atomic_store(&reader->progress.rows_total, options_int(options, "events.num"));
    if (nexmark->is_paced)
        return OK;
    AheadSpec spec = {
        .context = nexmark,
        .plan = nexmark_plan,
        .make = nexmark_make,
        /* Who polls makes batches, too. */
        .threads = reader->helper_count > 0 ? 0 : reader->decode_threads - 1,
        .holder = reader->holder,
    };
    nexmark->ahead = ahead_open(reader->arena, &spec);
    return OK;
}

/* ---- Reading ----------------------------------------------------------------------------- */

/* How many events are due; waits a moment if none is. */
static int64_t nexmark_await_due(Nexmark *nexmark)
{
    World *world = nexmark->base.world;
    for (int32_t attempt = 0; attempt < 2; attempt++) {
        int64_t elapsed_us = world_monotonic_us(world) - nexmark->paced_us;
        double due = (double)elapsed_us * nexmark->events_per_us - (double)nexmark->paced_events;
        if (due >= 1)
            return due > BATCH_ROWS_MAX ? BATCH_ROWS_MAX : (int64_t)due;
        /* Until the next one is due, and a little more, so that there are batches. */
        double wait_us = (1 - due) / nexmark->events_per_us + 1000;
        world->kind->sleep_us(world,
                              wait_us < NEXMARK_WAIT_US ? (int64_t)wait_us : NEXMARK_WAIT_US);
    }
    return 0;
}

/* What is due by its pace. */
static Status nexmark_make_due(Nexmark *nexmark, AheadPlan *plan, Batch **out)
{
    int64_t due = nexmark_await_due(nexmark);
    if (due == 0)
        return ERR_AGAIN;
    if (!nexmark_plan_some(nexmark, due, plan))
        return ERR_END;
    *out = nexmark_make(nexmark, plan);
    nexmark->paced_events += plan->rows;
    return OK;
}

static Status nexmark_poll(SourceReader *reader, Batch **out, Error *error)
{
    (void)error;
    Nexmark *nexmark = (Nexmark *)reader;
    AheadPlan plan;
    Status status = OK;
    if (nexmark->ahead == NULL)
        status = nexmark_make_due(nexmark, &plan, out);
    else if (!ahead_take(nexmark->ahead, &plan, out))
        status = ERR_END;
    if (status == ERR_END && nexmark->stays_alive) {
        reader->world->kind->sleep_us(reader->world, NEXMARK_WAIT_US);
        return ERR_AGAIN;
    }
    TRY(status);
    nexmark->parts[plan.sequence].made += plan.rows;
    nexmark->made += plan.rows;
    atomic_store(&reader->progress.rows_done, nexmark->made);
    return OK;
}

static void nexmark_snapshot(SourceReader *reader, Buffer *out)
{
    const Nexmark *nexmark = (const Nexmark *)reader;
    buffer_append_u32(out, NEXMARK_STATE_VERSION);
    buffer_append_u32(out, (uint32_t)nexmark->part_count);
    buffer_append_u64(out, nexmark->config.seed);
    buffer_append_u64(out, (uint64_t)nexmark->config.base);
    for (int32_t i = 0; i < nexmark->part_count; i++)
        buffer_append_u64(out, (uint64_t)nexmark->parts[i].made);
}

static void nexmark_close(SourceReader *reader)
{
    ahead_close(((Nexmark *)reader)->ahead);
}

static bool nexmark_never_waits(const SourceReader *reader)
{
    const OptionSet *options = reader->node->source.table->options.options;
    return !options_are_paced(options) && !options_bool(options, "keep-alive");
}

static bool nexmark_help(SourceReader *reader, int32_t helper)
{
    (void)helper;
    return ahead_help(((Nexmark *)reader)->ahead);
}

static bool nexmark_is_ready(SourceReader *reader)
{
    return ahead_is_ready(((Nexmark *)reader)->ahead);
}

static const SourceKind nexmark_source = {
    .size = sizeof(Nexmark),
    .open = nexmark_open,
    .poll = nexmark_poll,
    .snapshot = nexmark_snapshot,
    .close = nexmark_close,
    .never_waits = nexmark_never_waits,
    .help = nexmark_help,
    .is_ready = nexmark_is_ready,
};

static const ConnectorInfo nexmark_info = {
    .name = "nexmark",
    .is_extension = true,
    .summary = "Makes the events of the Nexmark benchmark: persons, auctions, bids.",
    .options = nexmark_options,
    .option_count = sizeof nexmark_options / sizeof nexmark_options[0],
    .can_read = true,
    .reads_fields = true,
    .is_bounded = nexmark_is_bounded,
    .check = nexmark_check,
};

extern const Connector nexmark_connector;
const Connector nexmark_connector = {.info = &nexmark_info, .source = &nexmark_source};
