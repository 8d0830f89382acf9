/* The pipeline, and the same in a few loops. */
#include "sim/scenario.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "job/job.h"
#include "sim/remote.h"
#include "sql/sql.h"

enum {
    WINDOW_US = 10 * 1000 * 1000,
    EVENT_STEP_US = 900 * 1000,
    EVENT_JITTER_US = 4 * 1000 * 1000,
    TURN_US_MAX = 3000,
    EVENT_STORES = 4,
    BAD_ONE_IN = 6,
};

static const char script[] =
    "SET 'execution.checkpointing.interval' = '40 ms';\n"
    "SET 'parallelism.default' = '2';\n"
    "SET 'table.exec.state.ttl' = '30 min';\n"
    "CREATE TABLE events (id BIGINT, store INT, amount BIGINT, ts TIMESTAMP(3),\n"
    "  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH (\n"
    "  'connector' = 'filesystem', 'path' = 'in', 'format' = 'json');\n"
    "CREATE TABLE orders (id BIGINT, store INT, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED)\n"
    "  WITH ('connector' = 'sim-changes');\n"
    "CREATE TABLE copies (id BIGINT, store INT, amount BIGINT) WITH (\n"
    "  'connector' = 'filesystem', 'path' = 'out/copies', 'format' = 'csv');\n"
    "CREATE TABLE windows (w TIMESTAMP(3), n BIGINT, total BIGINT, store INT)\n"
    "  PARTITIONED BY (store) WITH (\n"
    "  'connector' = 'filesystem', 'path' = 'out/windows', 'format' = 'csv',\n"
    "  'sink.partition-commit.policy.kind' = 'success-file');\n"
    "CREATE TABLE totals (store INT, n BIGINT, total BIGINT, PRIMARY KEY (store) NOT ENFORCED)\n"
    "  WITH ('connector' = 'sim-store');\n"
    "CREATE TABLE pairs (id BIGINT, ordered BIGINT, seen BIGINT, PRIMARY KEY (id) NOT ENFORCED)\n"
    "  WITH ('connector' = 'sim-ledger');\n"
    "CREATE TABLE kept (id BIGINT, ordered BIGINT, seen BIGINT, PRIMARY KEY (id) NOT ENFORCED)\n"
    "  WITH ('connector' = 'sim-held');\n"
    "CREATE TABLE shares (id BIGINT, share BIGINT) WITH (\n"
    "  'connector' = 'filesystem', 'path' = 'out/shares', 'format' = 'csv');\n"
    "INSERT INTO copies SELECT id, store, amount FROM events;\n"
    "INSERT INTO shares SELECT id, 1000 / store FROM events;\n"
    "INSERT INTO windows SELECT window_start, COUNT(*), SUM(amount), store FROM TABLE(\n"
    "  TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))\n"
    "  GROUP BY window_start, window_end, store;\n"
    "INSERT INTO totals SELECT store, COUNT(*), SUM(amount) FROM orders GROUP BY store;\n"
    "CREATE VIEW met AS\n"
    "  SELECT o.id, o.amount, e.amount AS seen FROM orders o JOIN events e ON o.id = e.id;\n"
    "INSERT INTO pairs SELECT * FROM met;\n"
    "INSERT INTO kept SELECT * FROM met;\n";

/* ---- The plan ------------------------------------------------------------------------------ */

static const Registry *registry_with_ours(Arena *arena)
{
    const Registry *standard = connect_registry();
    Registry *all = ARENA_NEW(arena, Registry);
    *all = *standard;
    const ConnectorInfo **infos =
        ARENA_ARRAY(arena, const ConnectorInfo *, standard->connector_count + 4);
    for (int32_t i = 0; i < standard->connector_count; i++)
        infos[i] = standard->connectors[i];
    infos[all->connector_count++] = &sim_changes_info;
    infos[all->connector_count++] = &sim_store_info;
    infos[all->connector_count++] = &sim_held_info;
    infos[all->connector_count++] = &sim_ledger_info;
    all->connectors = infos;
    return all;
}

static Plan *scenario_plan(Arena *arena, World *world, const char *text)
{
    Source *source = ARENA_NEW(arena, Source);
    *source = (Source){.name = "scenario.sql", .text = str_from(text)};
    PlanContext context = {.world = world, .registry = registry_with_ours(arena)};
    Diagnostics *diagnostics = diagnostics_new(arena, source);
    Plan *plan = NULL;
    Status status = plan_script(&context, source, arena, diagnostics, &plan);
    if (status != OK) {
        Buffer why = {0};
        diagnostics_render(diagnostics, false, &why);
        fprintf(stderr, "%s", buffer_terminated(&why));
        abort();
    }
    return plan;
}

/* ---- The input ----------------------------------------------------------------------------- */

static void event_time_print(int64_t time_us, Buffer *out)
{
    int64_t seconds = time_us / 1000000;
    buffer_printf(out, "2024-01-01 %02d:%02d:%02d.%03d", (int)(seconds / 3600),
                  (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(time_us / 1000 % 1000));
}

static void events_make(Scenario *scenario, uint64_t seed)
{
    scenario->events_per_file = 1 + (int32_t)random_below(&seed, 15);
    for (int32_t i = 0; i < scenario->event_count; i++) {
        int64_t time_us = (int64_t)i * EVENT_STEP_US + random_below(&seed, EVENT_JITTER_US);
        scenario->is_bad_behind[i] = random_below(&seed, BAD_ONE_IN) == 0;
        scenario->events[i] = (Order){.id = i + 1,
                                      .store = (int32_t)random_below(&seed, EVENT_STORES),
                                      .amount = random_below(&seed, 1000),
                                      .time_us = time_us / 1000 * 1000};
    }
}

Scenario *scenario_new(uint64_t seed, int32_t event_count, bool is_remote)
{
    Arena *arena = arena_new(0);
    Scenario *scenario = ARENA_NEW(arena, Scenario);
    scenario->arena = arena;
    scenario->seed = seed;
    scenario->event_count = event_count;
    scenario->is_remote = is_remote;
    scenario->events = ARENA_ARRAY(arena, Order, event_count);
    scenario->is_bad_behind = ARENA_ARRAY(arena, bool, event_count);
    events_make(scenario, seed);
    SimWorld *world = sim_world_new(seed);
    scenario->plan = scenario_plan(arena, &world->base, is_remote ? remote_script : script);
    sim_world_free(world);
    return scenario;
}

void scenario_free(Scenario *scenario)
{
    if (scenario != NULL)
        arena_free(scenario->arena);
}

SimWorld *scenario_begin(const Scenario *scenario, uint64_t seed)
{
    SimWorld *world = sim_world_new(seed);
    Buffer text = {0};
    char path[32];
    for (int32_t i = 0; i < scenario->event_count; i++) {
        const Order *event = &scenario->events[i];
        buffer_printf(&text, "{\"id\":%lld,\"store\":%d,\"amount\":%lld,\"ts\":\"",
                      (long long)event->id, event->store, (long long)event->amount);
        event_time_print(event->time_us, &text);
        buffer_append_text(&text, "\"}\n");
        if (scenario->is_bad_behind[i])
            buffer_printf(&text, "no event %d\n", i + 1);
        bool is_last = i + 1 == scenario->event_count;
        if (!is_last && (i + 1) % scenario->events_per_file != 0)
            continue;
        snprintf(path, sizeof path, "in/%06d.json", i);
        sim_world_put(world, path, buffer_str(&text));
        text.length = 0;
    }
    buffer_free(&text);
    outside_free(outside);
    outside = outside_new(scenario->seed, scenario->event_count);
    return world;
}

/* ---- What must come out -------------------------------------------------------------------- */

typedef struct Line {
    const char *text;
} Line;

static int compare_lines(const void *a, const void *b)
{
    return strcmp(((const Line *)a)->text, ((const Line *)b)->text);
}

/* The lines of a text, sorted. */
static const char *sort_text(Arena *arena, Str text)
{
    int64_t count = 0;
    Line *lines = ARENA_ARRAY(arena, Line, text.length + 1);
    while (text.length > 0)
        lines[count++].text = str_terminated(arena, str_split(text, '\n', &text));
    qsort(lines, (size_t)count, sizeof *lines, compare_lines);
    Buffer out = {0};
    for (int64_t i = 0; i < count; i++)
        buffer_printf(&out, "%s\n", lines[i].text);
    const char *sorted = arena_printf(arena, "%s", buffer_terminated(&out));
    buffer_free(&out);
    return sorted;
}

static bool is_visible(Str path)
{
    while (path.length > 0) {
        Str part = str_split(path, '/', &path);
        if (part.data[0] == '.' || part.data[0] == '_')
            return false;
    }
    return true;
}

const char *scenario_files(SimWorld *world, const char *folder, Arena *arena)
{
    List paths = {0};
    disk_list_files(world->disk, arena, &paths);
    Buffer all = {0};
    for (int32_t i = 0; i < paths.count; i++) {
        const char *path = LIST_AT(paths, i, const char);
        if (!str_has_prefix(str_from(path), str_from(folder)) || !is_visible(str_from(path)))
            continue;
        int store;
        bool has_store = sscanf(path + strlen(folder), "/store=%d/", &store) == 1;
        Str text = inode_content(disk_find(world->disk, path));
        while (text.length > 0) {
            Str line = str_split(text, '\n', &text);
            buffer_append_str(&all, line);
            if (has_store)
                buffer_printf(&all, ",%d", store);
            buffer_append_char(&all, '\n');
        }
    }
    const char *sorted = sort_text(arena, buffer_str(&all));
    buffer_free(&all);
    return sorted;
}

static void expect_copies(const Scenario *scenario, Buffer *out)
{
    for (int32_t i = 0; i < scenario->event_count; i++)
        buffer_printf(out, "%lld,%d,%lld\n", (long long)scenario->events[i].id,
                      scenario->events[i].store, (long long)scenario->events[i].amount);
}

static void expect_shares(const Scenario *scenario, Buffer *out)
{
    for (int32_t i = 0; i < scenario->event_count; i++)
        if (scenario->events[i].store > 0)
            buffer_printf(out, "%lld,%d\n", (long long)scenario->events[i].id,
                          1000 / scenario->events[i].store);
}

static void expect_letters(const Scenario *scenario, Buffer *out)
{
    for (int32_t i = 0; i < scenario->event_count; i++) {
        const Order *event = &scenario->events[i];
        if (scenario->is_bad_behind[i])
            buffer_printf(out, "decode no event %d\n", i + 1);
        if (event->store == 0)
            buffer_printf(out, "compute %lld\n", (long long)event->id);
    }
}

/* The letters that lie there, each by what it is about. */
static void letters_print(SimWorld *world, Buffer *out)
{
    const Inode *file = disk_find(world->disk, "weir-data/dead-letters/events.jsonl");
    Str text = file == NULL ? (Str){0} : inode_content(file);
    while (text.length > 0) {
        Str line = str_split(text, '\n', &text);
        int64_t bad = str_find(line, STR("no event ")), id = str_find(line, STR("{\\\"id\\\":"));
        if (!str_has_suffix(line, STR("}")))
            buffer_append_text(out, "torn\n");
        else if (bad >= 0)
            buffer_printf(out, "decode no event %lld\n", atoll(line.data + bad + 9));
        else
            buffer_printf(out, "compute %lld\n", id < 0 ? -1 : atoll(line.data + id + 8));
    }
}

static void expect_windows(const Scenario *scenario, Buffer *out)
{
    int64_t last = (int64_t)scenario->event_count * EVENT_STEP_US + EVENT_JITTER_US;
    for (int64_t start = 0; start <= last; start += WINDOW_US) {
        int64_t counts[EVENT_STORES] = {0}, sums[EVENT_STORES] = {0};
        for (int32_t i = 0; i < scenario->event_count; i++) {
            const Order *event = &scenario->events[i];
            if (event->time_us < start || event->time_us >= start + WINDOW_US)
                continue;
            counts[event->store]++;
            sums[event->store] += event->amount;
        }
        for (int32_t store = 0; store < EVENT_STORES; store++) {
            if (counts[store] == 0)
                continue;
            buffer_append_char(out, '"');
            event_time_print(start, out);
            out->length -= 4; /* CSV writes no zero milliseconds */
            buffer_printf(out, "\",%lld,%lld,%d\n", (long long)counts[store],
                          (long long)sums[store], store);
        }
    }
}

int32_t scenario_orders_left(Order *live)
{
    int32_t count = 0;
    for (int32_t i = 0; i < outside->change_count; i++) {
        const OrderChange *change = &outside->changes[i];
        bool is_gone = change->kind == ROW_DELETE || change->kind == ROW_UPDATE_BEFORE;
        int32_t at = 0;
        while (at < count && live[at].id != change->row.id)
            at++;
        if (is_gone)
            live[at] = live[--count];
        else
            live[count++] = change->row;
    }
    return count;
}

static void expect_totals(const Order *live, int32_t count, Buffer *out)
{
    for (int32_t store = 0; store < 16; store++) {
        int64_t orders = 0, sum = 0;
        for (int32_t i = 0; i < count; i++) {
            orders += live[i].store == store;
            sum += live[i].store == store ? live[i].amount : 0;
        }
        if (orders > 0)
            buffer_printf(out, "%d|%lld|%lld\n", store, (long long)orders, (long long)sum);
    }
}

static void expect_pairs(const Scenario *scenario, const Order *live, int32_t count, Buffer *out)
{
    for (int32_t i = 0; i < count; i++)
        if (live[i].id <= scenario->event_count)
            buffer_printf(out, "%lld|%lld|%lld\n", (long long)live[i].id, (long long)live[i].amount,
                          (long long)scenario->events[live[i].id - 1].amount);
}

const char *scenario_compare(Arena *arena, const char *what, const char *expected,
                             const char *found)
{
    if (strcmp(expected, found) == 0)
        return NULL;
    return arena_printf(arena, "%s differ\n--- expected\n%s--- found\n%s", what, expected, found);
}

const char *scenario_sorted(Arena *arena, Buffer *text)
{
    const char *sorted = sort_text(arena, buffer_str(text));
    buffer_free(text);
    return sorted;
}

static const char *check_letters(const Scenario *scenario, SimWorld *world, Arena *arena)
{
    Buffer expected = {0}, found = {0};
    expect_shares(scenario, &expected);
    const char *sorted = scenario_sorted(arena, &expected);
    const char *wrong =
        scenario_compare(arena, "shares", sorted, scenario_files(world, "out/shares", arena));
    if (wrong != NULL)
        return wrong;
    expected = (Buffer){0};
    expect_letters(scenario, &expected);
    letters_print(world, &found);
    sorted = scenario_sorted(arena, &expected);
    return scenario_compare(arena, "dead letters", sorted, scenario_sorted(arena, &found));
}

const char *scenario_check(const Scenario *scenario, SimWorld *world, Arena *arena)
{
    if (scenario->is_remote)
        return remote_check(scenario, world, arena);
    Order *live = ARENA_ARRAY(arena, Order, outside->change_count + 1);
    int32_t count = scenario_orders_left(live);
    Buffer copies = {0}, windows = {0}, totals = {0}, pairs = {0}, stored = {0};
    expect_copies(scenario, &copies);
    const char *wrong = scenario_compare(arena, "copies", scenario_sorted(arena, &copies),
                                         scenario_files(world, "out/copies", arena));
    if (wrong == NULL)
        wrong = check_letters(scenario, world, arena);
    expect_windows(scenario, &windows);
    const char *sorted = scenario_sorted(arena, &windows);
    if (wrong == NULL)
        wrong =
            scenario_compare(arena, "windows", sorted, scenario_files(world, "out/windows", arena));
    expect_totals(live, count, &totals);
    outside_print(outside, "totals", &stored);
    sorted = scenario_sorted(arena, &totals);
    const char *found = scenario_sorted(arena, &stored);
    if (wrong == NULL)
        wrong = scenario_compare(arena, "totals", sorted, found);
    expect_pairs(scenario, live, count, &pairs);
    outside_print(outside, "pairs", &stored);
    sorted = scenario_sorted(arena, &pairs);
    found = scenario_sorted(arena, &stored);
    if (wrong == NULL)
        wrong = scenario_compare(arena, "pairs", sorted, found);
    outside_print(outside, "kept", &stored);
    found = scenario_sorted(arena, &stored);
    return wrong != NULL ? wrong : scenario_compare(arena, "kept", sorted, found);
}

/* ---- Running ------------------------------------------------------------------------------- */

typedef struct Turns {
    SimWorld *world;
    uint64_t *schedule;
    Job *job;
    int64_t stop_us; /* 0: never */
    int64_t full_us; /* INT64_MAX: never */
} Turns;

static int32_t turns_choose(void *context, int32_t count)
{
    Turns *turns = context;
    turns->world->now_us += random_below(turns->schedule, TURN_US_MAX);
    int32_t turn = (int32_t)random_below(turns->schedule, count);
    sim_trace(turns->world, (uint64_t)turns->world->now_us);
    sim_trace(turns->world, (uint64_t)turn);
    if (turns->stop_us > 0 && turns->world->now_us >= turns->stop_us)
        job_stop(turns->job);
    return turn;
}

static bool turns_are_full(void *context)
{
    const Turns *turns = context;
    return turns->world->now_us >= turns->full_us;
}

Status scenario_run(const Scenario *scenario, SimWorld *world, uint64_t *schedule, Error *error)
{
    Turns turns = {.world = world, .schedule = schedule, .full_us = INT64_MAX};
    if (world->faults.is_full)
        turns.full_us = world->now_us + world->faults.full_after_us;
    if (world->faults.stop_after_us > 0)
        turns.stop_us = world->now_us + world->faults.stop_after_us;
    JobOptions options = {.pipeline = "sim",
                          .data_dir = "weir-data",
                          .choose = turns_choose,
                          .choose_context = &turns,
                          .is_full = turns_are_full,
                          .parallelism = world->shards};
    Job *job = NULL;
    error_clear(error);
    TRY(job_open(&world->base, scenario->plan, &options, &job, error));
    turns.job = job;
    Status status = job_run(job, error);
    JobSummary summary = job_summary(job);
    world->has_stopped = status == OK && !summary.has_ended;
    /* Counters live on between jobs. */
    static int64_t rows_before;
    world->rows_in = summary.rows_in > rows_before ? summary.rows_in - rows_before : 0;
    rows_before += world->rows_in;
    job_close(job);
    return status;
}

int64_t scenario_checkpoint(const SimWorld *world)
{
    static const char folder[] = "weir-data/jobs/sim/checkpoints/chk-";
    Arena *arena = arena_new(0);
    List paths = {0};
    int64_t newest = 0;
    disk_list_files(world->disk, arena, &paths);
    for (int32_t i = 0; i < paths.count; i++) {
        const char *path = LIST_AT(paths, i, const char);
        int64_t number = 0;
        if (str_has_prefix(str_from(path), STR(folder)) &&
            str_has_suffix(str_from(path), STR("/MANIFEST")))
            number = atoll(path + strlen(folder));
        newest = number > newest ? number : newest;
    }
    arena_free(arena);
    return newest;
}
