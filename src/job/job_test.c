/* Whole jobs on hand-made plans, with a source and sinks of the test's own:
 *
 *     numbers (key = i % 97) ──┬── hash ── COUNT(*) BY key ── sink "counts"
 *                              └── sink "rows"
 *
 * The sinks are transactional and keep a ledger outside the job, so that every loss and every
 * repetition shows. */
#include "base/testing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/value.h"
#include "job/internal.h"
#include "job/snapshot.h"

enum { KEY_COUNT = 97, ROWS_PER_BATCH = 50, LEDGER_ROWS_MAX = 400000 };

/* ---- The world outside ------------------------------------------------------------------- */

static struct Outside {
    pthread_mutex_t mutex;
    int64_t rows_total;
    bool is_endless;
    int64_t fail_at;          /* the source fails once at this row; 0: never */
    bool is_failing_in_place; /* what was read before is good */
    bool sink_fails_open;
    int64_t pause_us;              /* of the source, between batches */
    uint8_t seen[LEDGER_ROWS_MAX]; /* how often each number was committed by "rows" */
    int64_t counts[KEY_COUNT];     /* by "counts" */
    int64_t committed[2];          /* the newest checkpoint of each sink */
    int64_t polled;
    int64_t write_takes_us;       /* what a write of "rows" takes on the clock */
    int64_t lead_us;              /* of that clock */
    int64_t writes, count_writes; /* to "rows", and to "counts" */
    bool has_one_key;
    Job *idle_stops; /* stopped by its source when that has nothing more */
} outside = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void outside_reset(int64_t rows_total)
{
    pthread_mutex_lock(&outside.mutex);
    outside.rows_total = rows_total;
    outside.is_endless = outside.is_failing_in_place = false;
    outside.fail_at = outside.pause_us = outside.polled = 0;
    outside.sink_fails_open = false;
    outside.write_takes_us = outside.lead_us = outside.writes = outside.count_writes = 0;
    outside.has_one_key = false;
    outside.idle_stops = NULL;
    memset(outside.seen, 0, sizeof outside.seen);
    memset(outside.counts, 0, sizeof outside.counts);
    memset(outside.committed, 0, sizeof outside.committed);
    pthread_mutex_unlock(&outside.mutex);
}

static void outside_check(int64_t rows)
{
    int64_t counts[KEY_COUNT] = {0};
    for (int64_t i = 0; i < rows; i++) {
        counts[i % KEY_COUNT]++;
        assert_int_equal(outside.seen[i], 1);
    }
    for (int64_t i = rows; i < LEDGER_ROWS_MAX; i++)
        assert_int_equal(outside.seen[i], 0);
    for (int32_t i = 0; i < KEY_COUNT; i++)
        assert_int_equal(outside.counts[i], counts[i]);
}

/* ---- The source -------------------------------------------------------------------------- */

typedef struct NumbersReader {
    SourceReader base;
    int64_t next;
    _Atomic bool is_open;
    _Atomic int32_t made; /* batches, by helpers */
} NumbersReader;

enum { NUMBERS_MADE_MAX = 4 };

static Status numbers_open(SourceReader *base, Str state, Error *error)
{
    (void)error;
    ByteReader bytes = byte_reader(state);
    ((NumbersReader *)base)->next = (int64_t)byte_reader_u64(&bytes);
    atomic_store(&base->progress.phase, PHASE_STREAMING);
    atomic_store(&((NumbersReader *)base)->is_open, true);
    return OK;
}

static bool numbers_help(SourceReader *base, int32_t helper)
{
    NumbersReader *reader = (NumbersReader *)base;
    assert_true(helper >= 0 && helper < base->helper_count);
    assert_true(atomic_load(&reader->is_open));
    if (atomic_load(&reader->made) >= NUMBERS_MADE_MAX)
        return false;
    atomic_fetch_add(&reader->made, 1);
    base->call_helpers(base->call_context);
    assert_true(atomic_load(&reader->is_open)); /* not closed meanwhile */
    return true;
}

static bool numbers_is_ready(SourceReader *base)
{
    return atomic_load(&((NumbersReader *)base)->made) > 0;
}

static Status numbers_poll(SourceReader *base, Batch **out, Error *error)
{
    NumbersReader *reader = (NumbersReader *)base;
    if (base->helper_count > 0)
        assert_true(atomic_fetch_sub(&reader->made, 1) > 0);
    pthread_mutex_lock(&outside.mutex);
    int64_t left = outside.rows_total - reader->next;
    bool fails = outside.fail_at > 0 && reader->next >= outside.fail_at;
    bool is_endless = outside.is_endless, is_in_place = outside.is_failing_in_place;
    int64_t key_count = outside.has_one_key ? 1 : KEY_COUNT;
    int64_t pause_us = outside.pause_us;
    if (fails)
        outside.fail_at = 0;
    pthread_mutex_unlock(&outside.mutex);
    if (fails) {
        Status status = fail(error, ERR_IO, "WR5001", "the disk of the test is broken");
        error->is_in_place = is_in_place;
        return status;
    }
    if (left <= 0) {
        if (!is_endless)
            return ERR_END;
        if (outside.idle_stops != NULL)
            job_stop(outside.idle_stops);
        base->world->kind->sleep_us(base->world, 1000);
        return ERR_AGAIN;
    }
    if (pause_us > 0)
        base->world->kind->sleep_us(base->world, pause_us);
    int32_t rows = left < ROWS_PER_BATCH ? (int32_t)left : ROWS_PER_BATCH;
    Batch *batch = batch_new(&base->node->schema, rows);
    for (int32_t i = 0; i < rows; i++) {
        ((int64_t *)batch->columns[0].values)[i] = (reader->next + i) % key_count;
        ((int64_t *)batch->columns[1].values)[i] = reader->next + i;
    }
    batch->row_count = rows;
    batch_select_all(batch);
    reader->next += rows;
    pthread_mutex_lock(&outside.mutex);
    outside.polled = reader->next;
    pthread_mutex_unlock(&outside.mutex);
    *out = batch;
    return OK;
}

static void numbers_snapshot(SourceReader *base, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)((NumbersReader *)base)->next);
}

static void numbers_close(SourceReader *base)
{
    atomic_store(&((NumbersReader *)base)->is_open, false);
}

/* ---- The sinks --------------------------------------------------------------------------- */

/* What was written since the last barrier, and what that barrier prepared. */
typedef struct LedgerWriter {
    SinkWriter base;
    Buffer pending, prepared;
} LedgerWriter;

/* The number of a checkpoint and its entries. What was applied before is not applied again. */
static void ledger_apply(const SinkWriter *writer, Str entries)
{
    ByteReader bytes = byte_reader(entries);
    int32_t which = strcmp(writer->node->uid, "rows") == 0;
    int64_t checkpoint = (int64_t)byte_reader_u64(&bytes);
    pthread_mutex_lock(&outside.mutex);
    if (checkpoint <= outside.committed[which])
        bytes = (ByteReader){0};
    else
        outside.committed[which] = checkpoint;
    while (byte_reader_left(&bytes) > 0) {
        uint8_t kind = byte_reader_u8(&bytes);
        int64_t first = (int64_t)byte_reader_u64(&bytes);
        int64_t second = (int64_t)byte_reader_u64(&bytes);
        if (which == 1)
            outside.seen[second]++;
        else
            outside.counts[first] = row_kind_is_retraction(kind) ? 0 : second;
    }
    pthread_mutex_unlock(&outside.mutex);
}

static Status ledger_open(SinkWriter *base, Str state, Error *error)
{
    if (outside.sink_fails_open)
        return fail(error, ERR_UNAVAILABLE, "WR3301", "nobody is there");
    ledger_apply(base, state);
    return OK;
}

static Status ledger_write(SinkWriter *base, const Batch *batch, Error *error)
{
    (void)error;
    LedgerWriter *writer = (LedgerWriter *)base;
    pthread_mutex_lock(&outside.mutex);
    bool is_slow = strcmp(base->node->uid, "rows") == 0;
    outside.lead_us += is_slow ? outside.write_takes_us : 0;
    outside.writes += is_slow;
    outside.count_writes += !is_slow;
    pthread_mutex_unlock(&outside.mutex);
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        buffer_append_u8(&writer->pending, (uint8_t)batch_kind(batch, row));
        for (int32_t k = 0; k < 2; k++)
            buffer_append_u64(&writer->pending,
                              (uint64_t)value_get(&batch->columns[k], row).integer);
    }
    return OK;
}

static Status ledger_prepare(SinkWriter *base, int64_t checkpoint, Buffer *state, Error *error)
{
    (void)error;
    LedgerWriter *writer = (LedgerWriter *)base;
    writer->prepared.length = 0;
    buffer_append_u64(&writer->prepared, (uint64_t)checkpoint);
    buffer_append_str(&writer->prepared, buffer_str(&writer->pending));
    buffer_append_str(state, buffer_str(&writer->prepared));
    writer->pending.length = 0;
    return OK;
}

static Status ledger_commit(SinkWriter *base, int64_t checkpoint, Error *error)
{
    (void)checkpoint, (void)error;
    LedgerWriter *writer = (LedgerWriter *)base;
    ledger_apply(base, buffer_str(&writer->prepared));
    return OK;
}

static void ledger_close(SinkWriter *base)
{
    LedgerWriter *writer = (LedgerWriter *)base;
    buffer_free(&writer->pending);
    buffer_free(&writer->prepared);
}

/* Whether workers read the source: they do where there is one for each core. */
static bool is_shared;
static bool is_helped;                   /* and make its rows beside each other */
static int32_t jobs_shared, jobs_helped; /* so many did */

static bool numbers_never_waits(const SourceReader *reader)
{
    (void)reader;
    return is_shared;
}

static const SourceKind numbers_source = {
    .size = sizeof(NumbersReader),
    .open = numbers_open,
    .poll = numbers_poll,
    .snapshot = numbers_snapshot,
    .close = numbers_close,
    .never_waits = numbers_never_waits,
};
static const SourceKind helped_source = {
    .size = sizeof(NumbersReader),
    .open = numbers_open,
    .poll = numbers_poll,
    .snapshot = numbers_snapshot,
    .close = numbers_close,
    .never_waits = numbers_never_waits,
    .help = numbers_help,
    .is_ready = numbers_is_ready,
};
static const SinkKind ledger_sink = {
    .size = sizeof(LedgerWriter),
    .open = ledger_open,
    .write = ledger_write,
    .prepare = ledger_prepare,
    .commit = ledger_commit,
    .close = ledger_close,
};
static const ConnectorInfo numbers_info = {.name = "numbers"}, ledger_info = {.name = "ledger"};

/* Instead of connect/connectors.c, which this test does not link. */
const Connector *connector_find(const ConnectorInfo *info)
{
    static const Connector numbers = {.info = &numbers_info, .source = &numbers_source};
    static const Connector helped = {.info = &numbers_info, .source = &helped_source};
    static const Connector ledger = {.info = &ledger_info, .sink = &ledger_sink};
    return info != &numbers_info ? &ledger : is_helped ? &helped : &numbers;
}

/* ---- The plan ---------------------------------------------------------------------------- */

static const int32_t first_column[] = {0}, both_columns[] = {0, 1};
static const ColumnList by_first_column = {.columns = first_column, .count = 1};

static Schema make_schema(Arena *arena, const char *first, const char *second)
{
    Field *fields = ARENA_ARRAY(arena, Field, 2);
    fields[0] = (Field){.name = str_from(first), .type = type_simple(TYPE_BIGINT)};
    fields[1] = (Field){.name = str_from(second), .type = type_simple(TYPE_BIGINT)};
    return (Schema){.fields = fields, .count = 2};
}

static PlanNode *make_node(Plan *plan, PlanKind kind, const char *uid, PlanNode *input)
{
    PlanNode *node = ARENA_NEW(plan->arena, PlanNode);
    node->kind = kind;
    node->id = plan->node_count;
    node->uid = node->label = uid;
    if (input != NULL) {
        node->inputs = ARENA_ARRAY(plan->arena, PlanNode *, 1);
        node->inputs[0] = input;
        node->input_count = 1;
        node->schema = input->schema;
    }
    plan->nodes[plan->node_count++] = node;
    return node;
}

static void make_sink(Plan *plan, const char *uid, PlanNode *input)
{
    PlanNode *sink = make_node(plan, PLAN_SINK, uid, input);
    sink->distribution = DISTRIBUTION_SINGLE;
    PlanTable *table = ARENA_NEW(plan->arena, PlanTable);
    *table =
        (PlanTable){.name = str_from(uid), .connector = &ledger_info, .physical = sink->schema};
    sink->sink.table = table;
    sink->sink.writes = both_columns;
    plan->roots[plan->root_count++] = sink;
}

static Plan *make_plan(Arena *arena, int64_t interval_us, const char *group_uid)
{
    Plan *plan = ARENA_NEW(arena, Plan);
    plan->arena = arena;
    plan->nodes = ARENA_ARRAY(arena, PlanNode *, 8);
    plan->roots = ARENA_ARRAY(arena, PlanNode *, 8);
    Map *all = map_new(arena);
    map_put(all, STR("execution.checkpointing.interval"), (void *)"x");
    plan->settings = (PlanSettings){.pipeline_name = "test job",
                                    .checkpoint_interval_us = interval_us,
                                    .checkpoints_retained = 2,
                                    .zone = timezone_utc(),
                                    .all = all};
    PlanNode *source = make_node(plan, PLAN_SOURCE, "numbers", NULL);
    PlanTable *table = ARENA_NEW(arena, PlanTable);
    source->schema = make_schema(arena, "k", "n");
    *table =
        (PlanTable){.name = STR("numbers"), .connector = &numbers_info, .physical = source->schema};
    source->source.table = table;
    source->source.columns = both_columns;
    PlanNode *group = make_node(plan, PLAN_GROUP_AGGREGATE, group_uid, source);
    group->schema = make_schema(arena, "k", "c");
    group->distribution = DISTRIBUTION_HASH;
    group->distribution_keys = &by_first_column;
    PlanAggregate *count = ARENA_NEW(arena, PlanAggregate);
    AggregateCall *call;
    Error error = {0};
    assert_int_equal(aggregate_bind(STR("COUNT"), arena, NULL, 0, false, false, &call, &error), OK);
    *count = (PlanAggregate){.call = call, .filter = -1, .name = STR("c")};
    group->group_aggregate.keys = first_column;
    group->group_aggregate.key_count = 1;
    group->group_aggregate.aggregates = count;
    group->group_aggregate.aggregate_count = 1;
    group->group_aggregate.emits_update_before = true;
    make_sink(plan, "counts", group);
    make_sink(plan, "rows", source);
    return plan;
}

/* ---- A disk that fails --------------------------------------------------------------------- */

static _Atomic int32_t full_writes; /* how many writes still find no space */
static _Atomic int32_t failing_syncs;
static _Atomic int32_t syncs_after_failure;
static _Atomic bool has_sync_failed;

static Status disk_write(File *file, const void *bytes, int64_t length, Error *error)
{
    if (atomic_load(&full_writes) > 0 && atomic_fetch_sub(&full_writes, 1) > 0)
        return fail(error, ERR_FULL, "WR5004", "no space left");
    return world_system()->kind->write(file, bytes, length, error);
}

static Status disk_sync(File *file, Error *error)
{
    if (atomic_load(&has_sync_failed))
        atomic_fetch_add(&syncs_after_failure, 1);
    if (atomic_load(&failing_syncs) > 0 && atomic_fetch_sub(&failing_syncs, 1) > 0) {
        atomic_store(&has_sync_failed, true);
        return fail(error, ERR_IO, "WR5001", "could not sync");
    }
    return world_system()->kind->sync(file, error);
}

static int64_t disk_monotonic_us(World *world)
{
    (void)world;
    pthread_mutex_lock(&outside.mutex);
    int64_t lead_us = outside.lead_us;
    pthread_mutex_unlock(&outside.mutex);
    return world_monotonic_us(world_system()) + lead_us;
}

static World *disk_world(void)
{
    static WorldKind kind;
    static World world = {.kind = &kind};
    kind = *world_system()->kind;
    kind.write = disk_write;
    kind.sync = disk_sync;
    kind.monotonic_us = disk_monotonic_us;
    return &world;
}

/* ---- Running ----------------------------------------------------------------------------- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-job-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    Error error;
    return world_remove_tree(world_system(), folder, &error) != OK;
}

typedef struct Run {
    JobOptions options;
    int64_t interval_us;
    const char *group_uid;
    int64_t stop_at; /* stop once the source has given this many rows; 0: run to the end */
    bool is_stopped_when_idle;
    int64_t stop_checkpoint; /* and this checkpoint, or a later one, has been committed */
    JobSummary summary;
    Error error;
    char notices[2048];
} Run;

static void run_notice(void *context, const char *text)
{
    Run *run = context;
    size_t used = strlen(run->notices);
    snprintf(run->notices + used, sizeof run->notices - used, "%s\n", text);
}

static void *run_stop(void *context)
{
    void **pair = context;
    Job *job = pair[0];
    const Run *run = pair[1];
    for (;;) {
        pthread_mutex_lock(&outside.mutex);
        bool is_time =
            outside.polled >= run->stop_at && outside.committed[0] >= run->stop_checkpoint;
        pthread_mutex_unlock(&outside.mutex);
        if (is_time)
            break;
        world_system()->kind->sleep_us(world_system(), 200);
    }
    job_stop(job);
    return NULL;
}

static Status run_job(Run *run)
{
    Arena *arena = arena_new(0);
    Plan *plan =
        make_plan(arena, run->interval_us, run->group_uid != NULL ? run->group_uid : "group");
    run->options.data_dir = folder;
    run->options.notice = run_notice;
    run->options.notice_context = run;
    run->notices[0] = '\0';
    run->error = (Error){0};
    Job *job = NULL;
    run->options.cores = is_shared ? 1 : 0;
    Status status = job_open(disk_world(), plan, &run->options, &job, &run->error);
    if (status == OK)
        jobs_shared += job->crew.shared_count > 0;
    if (status == OK && job->crew.shared_count > 0)
        jobs_helped += job->crew.shared[0].tasks[0]->reader->helper_count > 0;
    if (status == OK) {
        outside.idle_stops = run->is_stopped_when_idle ? job : NULL;
        pthread_t thread;
        void *pair[2] = {job, run};
        if (run->stop_at > 0)
            assert_int_equal(pthread_create(&thread, NULL, run_stop, pair), 0);
        status = job_run(job, &run->error);
        if (run->stop_at > 0)
            pthread_join(thread, NULL);
        run->summary = job_summary(job);
        job_close(job);
    }
    arena_free(arena);
    return status;
}

static int32_t kept_entries(void)
{
    Arena *arena = arena_new(0);
    List names = {0};
    Error error;
    assert_int_equal(world_system()->kind->list(world_system(), folder, arena, &names, &error), OK);
    arena_free(arena);
    return names.count;
}

/* ---- Tests ------------------------------------------------------------------------------- */

static void test_runs_to_the_end_and_leaves_nothing(void **state)
{
    (void)state;
    int64_t rows_in = 0; /* metrics live on between jobs */
    for (int32_t shards = 1; shards <= 4; shards++) {
        outside_reset(20000);
        Run run = {.options = {.parallelism = shards}};
        assert_int_equal(run_job(&run), OK);
        outside_check(20000);
        assert_true(run.summary.has_ended);
        assert_true(shards == 1 || run.summary.rows_in == rows_in + 20000);
        rows_in = run.summary.rows_in;
        assert_int_equal(run.summary.kept_checkpoint, 0);
        assert_int_equal(kept_entries(), 1); /* the lock */
    }
}

static void test_stops_and_resumes(void **state)
{
    (void)state;
    outside_reset(300000);
    outside.pause_us = 20;
    outside.is_endless = true; /* so that no stop comes after the end on a busy machine */
    Run run = {.options = {.parallelism = 3}, .interval_us = 3000};
    int32_t stops = 0;
    for (int64_t at = 40000; at < 300000; at += 60000) {
        run.stop_at = at;
        assert_int_equal(run_job(&run), OK);
        assert_false(run.summary.has_ended);
        assert_true(run.summary.kept_checkpoint > 0);
        if (stops++ > 0)
            assert_non_null(strstr(run.notices, "resumed from checkpoint"));
        pthread_mutex_lock(&outside.mutex);
        int64_t polled = outside.polled;
        pthread_mutex_unlock(&outside.mutex);
        outside_check(polled);
        /* Another number of shards finds its keys again. */
        run.options.parallelism = 1 + stops % 4;
    }
    run.stop_at = 0;
    outside.is_endless = false;
    assert_int_equal(run_job(&run), OK);
    outside_check(300000);
    assert_int_equal(kept_entries(), 1);
}

static void test_survives_failures_without_loss_or_repetition(void **state)
{
    (void)state;
    outside_reset(100000);
    outside.pause_us = 20;
    Run run = {.options = {.parallelism = 2}, .interval_us = 1000};
    for (int64_t at = 5000; at < 100000; at += 9000) {
        outside.fail_at = at;
        assert_int_equal(run_job(&run), ERR_IO);
        assert_string_equal(run.error.code, "WR5001");
    }
    assert_int_equal(run_job(&run), OK);
    outside_check(100000);
}

/* No checkpoint comes by time here: the one of the failure has all that was read before it. */
static void test_fails_in_place_behind_a_checkpoint(void **state)
{
    (void)state;
    outside_reset(100000);
    outside.is_failing_in_place = true;
    Run run = {.options = {.parallelism = 2}};
    for (int64_t at = 5000; at < 100000; at += 30000) {
        outside.fail_at = at;
        assert_int_equal(run_job(&run), ERR_IO);
        assert_string_equal(run.error.code, "WR5001");
        assert_true(run.summary.kept_checkpoint > 0);
        assert_true(outside.polled >= at && outside.polled < at + 2 * ROWS_PER_BATCH);
        outside_check(outside.polled);
    }
    assert_int_equal(run_job(&run), OK);
    outside_check(100000);
}

static void test_takes_barriers_while_nothing_comes(void **state)
{
    (void)state;
    outside_reset(100);
    outside.is_endless = true;
    Run run = {.options = {.parallelism = 2}, .stop_at = 100};
    int64_t began_us = world_monotonic_us(world_system());
    assert_int_equal(run_job(&run), OK);
    assert_true(world_monotonic_us(world_system()) - began_us < 2000000);
    outside_check(100);
    /* --once ends by itself. */
    run.stop_at = 0;
    run.options.is_once = true;
    outside.rows_total = 200;
    assert_int_equal(run_job(&run), OK);
    outside_check(200);
    /* --fresh says what it discards, and starts over. */
    run.options.is_fresh = true;
    outside_reset(300);
    assert_int_equal(run_job(&run), OK);
    assert_non_null(strstr(run.notices, "discarded checkpoint"));
    outside_check(300);
}

static void test_refuses_to_lose_state_unless_told(void **state)
{
    (void)state;
    outside_reset(1000);
    outside.is_endless = true;
    Run run = {.options = {.parallelism = 2}, .stop_at = 1000};
    assert_int_equal(run_job(&run), OK);
    run.group_uid = "another group";
    assert_int_equal(run_job(&run), ERR_LOST);
    assert_string_equal(run.error.code, "WR4407");
    assert_non_null(strstr(run.error.text, "`group`"));
    run.options.allows_state_loss = true;
    outside.is_endless = false;
    run.stop_at = 0;
    assert_int_equal(run_job(&run), OK);
    assert_non_null(strstr(run.notices, "dropped the state of `group`"));
}

/* Overwrite the newest `count` checkpoints; how many there are. */
static int32_t damage_checkpoints(int32_t count)
{
    Arena *arena = arena_new(0);
    Error error = {0};
    List names = {0};
    const char *jobs = arena_printf(arena, "%s/jobs", folder);
    assert_int_equal(world_system()->kind->list(world_system(), jobs, arena, &names, &error), OK);
    assert_int_equal(names.count, 1);
    const char *checkpoints =
        arena_printf(arena, "%s/%s/checkpoints", jobs, LIST_AT(names, 0, const char));
    int64_t *ids;
    int32_t found;
    Store *store;
    assert_int_equal(store_open(world_system(), checkpoints, NULL, &store, &error), OK);
    assert_int_equal(snapshot_list(store, arena, &ids, &found, &error), OK);
    store_close(store);
    for (int32_t i = 0; i < count && i < found; i++) {
        const char *path =
            arena_printf(arena, "%s/shared/state-%lld", checkpoints, (long long)ids[i]);
        assert_int_equal(world_replace_file(world_system(), path, STR("rubbish"), &error), OK);
    }
    arena_free(arena);
    return found;
}

/* An older checkpoint would do, but sinks have committed the newer one: nobody goes back unasked.
 */
static void test_refuses_a_damaged_checkpoint(void **state)
{
    (void)state;
    outside_reset(5000);
    outside.is_endless = true;
    outside.pause_us = 200;
    Run run = {
        .options = {.parallelism = 2}, .interval_us = 2000, .stop_at = 5000, .stop_checkpoint = 3};
    assert_int_equal(run_job(&run), OK);
    run.stop_checkpoint = 0;
    assert_true(run.summary.checkpoints > 2);
    assert_int_equal(damage_checkpoints(1), 2); /* as many as are retained */
    run.stop_at = 1;
    assert_int_equal(run_job(&run), ERR_CORRUPT);
    assert_non_null(strstr(run.error.text, "is damaged"));
    assert_non_null(strstr(run.error.hint, "--fresh"));
    outside_reset(500);
    run.stop_at = 0;
    run.options.is_fresh = true;
    assert_int_equal(run_job(&run), OK);
    outside_check(500);
}

static void test_waits_for_space_and_goes_on(void **state)
{
    (void)state;
    outside_reset(50000);
    outside.is_endless = true;
    outside.pause_us = 200;
    atomic_store(&full_writes, 1);
    Run run = {
        .options = {.parallelism = 2}, .interval_us = 2000, .stop_at = 50000, .stop_checkpoint = 1};
    assert_int_equal(run_job(&run), OK);
    assert_int_equal(atomic_load(&full_writes), 0);
    outside_check(50000);
    outside.is_endless = false;
    run.stop_at = 0;
    assert_int_equal(run_job(&run), OK);
    outside_check(50000);
}

/* After a sync has failed nobody knows what is on the disk: no second try, the job ends, and the
 * next one goes on from the checkpoint before. */
static void test_ends_when_a_sync_fails(void **state)
{
    (void)state;
    outside_reset(50000);
    outside.pause_us = 50;
    Run run = {.options = {.parallelism = 2}, .interval_us = 2000, .stop_at = 10000};
    assert_int_equal(run_job(&run), OK);
    run.stop_at = 0;
    atomic_store(&failing_syncs, 1);
    assert_int_equal(run_job(&run), ERR_IO);
    assert_int_equal(atomic_load(&syncs_after_failure), 0);
    assert_true(run.summary.kept_checkpoint > 0);
    atomic_store(&has_sync_failed, false);
    assert_int_equal(run_job(&run), OK);
    outside_check(50000);
}

static void test_keeps_two_jobs_apart(void **state)
{
    (void)state;
    outside_reset(10);
    File *lock;
    Error error = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/lock", folder);
    assert_int_equal(world_system()->kind->lock(world_system(), path, &lock, &error), OK);
    Run run = {0};
    assert_int_equal(run_job(&run), ERR_UNAVAILABLE);
    assert_string_equal(run.error.code, "WR4406");
    assert_true(run.error.is_retriable);
    assert_int_equal(world_system()->kind->close(lock, &error), OK);
    assert_int_equal(run_job(&run), OK);
    outside_check(10);
}

static void test_ends_when_a_sink_cannot_be_opened(void **state)
{
    (void)state;
    outside_reset(1000);
    outside.sink_fails_open = true;
    Run run = {.options = {.parallelism = 2}};
    assert_int_equal(run_job(&run), ERR_UNAVAILABLE);
    assert_string_equal(run.error.code, "WR3301");
    assert_int_equal(outside.polled, 0); /* nothing was read in vain */
}

/* Whose turn it is: everybody's, and from its first rows on the source's until it has no more, so
 * that all of them wait for the sinks when the stop comes. */
typedef struct Turns {
    int32_t last, source; /* -1: not known yet */
    int64_t polled;
} Turns;

static int32_t turns_choose(void *context, int32_t count)
{
    Turns *turns = context;
    if (turns->source < 0 && outside.polled > turns->polled)
        turns->source = turns->last;
    turns->polled = outside.polled;
    bool is_reading = turns->source >= 0 && outside.polled < outside.rows_total;
    turns->last = is_reading ? turns->source : (turns->last + 1) % count;
    return turns->last;
}

/* Patience is with what does not move: a sink that takes its time for each of many batches has
 * them all, though that is several times as long as a stop waits. */
static void test_a_stop_waits_for_rows_that_move(void **state)
{
    (void)state;
    enum { BATCHES = 60, WRITE_US = 2 * 1000 * 1000 };
    outside_reset(BATCHES * ROWS_PER_BATCH);
    outside.is_endless = true;
    outside.write_takes_us = WRITE_US;
    Turns turns = {.source = -1};
    Run run = {.options = {.parallelism = 1, .choose = turns_choose, .choose_context = &turns},
               .is_stopped_when_idle = true};
    assert_int_equal(run_job(&run), OK);
    assert_true(outside.writes > 45); /* 90 s, of which a stop waits for 30 */
    outside_check(BATCHES * ROWS_PER_BATCH);
    outside.is_endless = false;
    outside.write_takes_us = 0;
    run.is_stopped_when_idle = false;
    assert_int_equal(run_job(&run), OK);
    outside_check(BATCHES * ROWS_PER_BATCH);
}

/* The source has turns until more waits than the worker takes in one, then the worker has one, then
 * the sinks; so that it is known what they got although there was always more to work at. */
typedef struct Busy {
    int32_t last, source, step;
    int64_t count_writes; /* after that */
} Busy;

enum { BUSY_BATCHES = 40 };

static int32_t busy_choose(void *context, int32_t count)
{
    Busy *busy = context;
    if (outside.polled == 0 || busy->step > count) {
        busy->source = busy->last = (busy->last + 1) % count;
        return busy->last;
    }
    if (outside.polled < (int64_t)BUSY_BATCHES * ROWS_PER_BATCH)
        return busy->source;
    if (busy->step == count)
        busy->count_writes = outside.count_writes;
    return busy->step++ % count; /* the worker is the first */
}

static void test_few_rows_do_not_wait_for_others(void **state)
{
    (void)state;
    outside_reset((int64_t)2 * BUSY_BATCHES * ROWS_PER_BATCH);
    outside.has_one_key = true;
    Busy busy = {0};
    Run run = {.options = {.parallelism = 1, .choose = busy_choose, .choose_context = &busy}};
    assert_int_equal(run_job(&run), OK);
    assert_true(busy.count_writes > 0);
    assert_int_equal(outside.counts[0], 2 * BUSY_BATCHES * ROWS_PER_BATCH);
}

static bool preview_rows(void *context, int32_t root, const Batch *batch)
{
    _Atomic int64_t *counts = context;
    return atomic_fetch_add(&counts[root], batch->selection.count) + batch->selection.count < 500;
}

static void test_previews_without_touching_anything(void **state)
{
    (void)state;
    outside_reset(100000);
    outside.is_endless = true;
    outside.sink_fails_open = true;
    int32_t kept = kept_entries();
    _Atomic int64_t counts[2] = {0};
    Run run = {.options = {.parallelism = 2, .preview = preview_rows, .preview_context = counts}};
    assert_int_equal(run_job(&run), OK);
    assert_true(counts[0] >= 500 && counts[1] >= 500);
    assert_int_equal(kept_entries(), kept);
    outside_check(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_to_the_end_and_leaves_nothing),
        cmocka_unit_test(test_stops_and_resumes),
        cmocka_unit_test(test_survives_failures_without_loss_or_repetition),
        cmocka_unit_test(test_fails_in_place_behind_a_checkpoint),
        cmocka_unit_test(test_takes_barriers_while_nothing_comes),
        cmocka_unit_test(test_refuses_to_lose_state_unless_told),
        cmocka_unit_test(test_refuses_a_damaged_checkpoint),
        cmocka_unit_test(test_waits_for_space_and_goes_on),
        cmocka_unit_test(test_ends_when_a_sync_fails),
        cmocka_unit_test(test_keeps_two_jobs_apart),
        cmocka_unit_test(test_ends_when_a_sink_cannot_be_opened),
        cmocka_unit_test(test_a_stop_waits_for_rows_that_move),
        cmocka_unit_test(test_few_rows_do_not_wait_for_others),
        cmocka_unit_test(test_previews_without_touching_anything),
    };
    int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    is_shared = true;
    failed +=
        cmocka_run_group_tests_name("workers read the source", tests, make_folder, remove_folder);
    is_helped = true;
    failed +=
        cmocka_run_group_tests_name("workers help the source", tests, make_folder, remove_folder);
    return failed + (jobs_shared == 0) + (jobs_helped == 0);
}
