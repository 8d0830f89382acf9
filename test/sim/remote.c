/* The pipeline across a network, and what Redis must hold. */
#include "sim/remote.h"

#include <stdio.h>
#include <string.h>

#include "sim/redis.h"

enum { EVENT_STORES = 4, DIMS = 3 };

const char remote_script[] =
    "SET 'execution.checkpointing.interval' = '40 ms';\n"
    "SET 'parallelism.default' = '2';\n"
    "SET 'table.exec.state.ttl' = '10 h';\n"
    "CREATE TABLE events (id BIGINT, store INT, amount BIGINT, ts TIMESTAMP(3),\n"
    "  p AS PROCTIME()) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json');\n"
    "CREATE TABLE orders (id BIGINT, store INT, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED)\n"
    "  WITH ('connector' = 'sim-changes');\n"
    "CREATE TABLE dims (store INT, name STRING) WITH (\n"
    "  'connector' = 'redis', 'host' = 'redis', 'command' = 'GET', 'key.prefix' = 'dim:');\n"
    "CREATE TABLE totals (store INT, n BIGINT, total BIGINT, PRIMARY KEY (store) NOT ENFORCED)\n"
    "  WITH ('connector' = 'redis', 'host' = 'redis', 'command' = 'HSET',\n"
    "  'value.data.structure' = 'hash', 'key.prefix' = 'totals:');\n"
    "CREATE TABLE latest (id BIGINT, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH (\n"
    "  'connector' = 'redis', 'host' = 'redis', 'command' = 'SET', 'key.prefix' = 'latest:');\n"
    "CREATE TABLE kept (id BIGINT, ordered BIGINT, seen BIGINT, PRIMARY KEY (id) NOT ENFORCED)\n"
    "  WITH ('connector' = 'redis', 'host' = 'redis', 'command' = 'HSET',\n"
    "  'value.data.structure' = 'hash', 'key.prefix' = 'kept:',\n"
    "  'sink.delivery-guarantee' = 'exactly-once');\n"
    "CREATE TABLE named (id BIGINT, name STRING) WITH (\n"
    "  'connector' = 'filesystem', 'path' = 'out/named', 'format' = 'csv');\n"
    "INSERT INTO totals SELECT store, COUNT(*), SUM(amount) FROM orders GROUP BY store;\n"
    "INSERT INTO latest SELECT id, amount FROM orders;\n"
    "INSERT INTO kept\n"
    "  SELECT o.id, o.amount, e.amount AS seen FROM orders o JOIN events e ON o.id = e.id;\n"
    "INSERT INTO named SELECT /*+ LOOKUP('table'='d', 'async'='false') */ e.id, d.name\n"
    "  FROM events e JOIN dims FOR SYSTEM_TIME AS OF e.p AS d ON e.store = d.store;\n";

static SimNetwork *network;
static SimRedis *redis;
static bool loses;

void remote_begin(SimWorld *world, uint64_t seed, const RemoteFaults *faults)
{
    remote_end();
    char key[16], name[16];
    loses = faults->loses;
    redis = sim_redis_new(seed, !loses);
    for (int i = 0; i < DIMS; i++) {
        snprintf(key, sizeof key, "dim:%d", i);
        snprintf(name, sizeof name, "shop%d", i);
        sim_redis_put(redis, key, name);
    }
    sim_redis_refuse(redis, faults->refusals);
    SimServer server = sim_redis_server(redis);
    network = sim_network_new(seed, &faults->net, &server);
    sim_redis_connect(redis, network);
    world->network = network;
}

void remote_end(void)
{
    sim_network_free(network);
    sim_redis_free(redis);
    network = NULL;
    redis = NULL;
}

bool remote_has_failed(void)
{
    return network != NULL && sim_network_failures(network) > 0;
}

/* ---- What must be there -------------------------------------------------------------------- */

static void expect_totals(const Order *live, int32_t count, Buffer *out)
{
    for (int32_t store = 0; store < 16; store++) {
        int64_t orders = 0, sum = 0;
        for (int32_t i = 0; i < count; i++) {
            orders += live[i].store == store;
            sum += live[i].store == store ? live[i].amount : 0;
        }
        if (orders > 0)
            buffer_printf(out, "%d n=%lld total=%lld\n", store, (long long)orders, (long long)sum);
    }
}

static void expect_latest(const Order *live, int32_t count, Buffer *out)
{
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%lld=%lld\n", (long long)live[i].id, (long long)live[i].amount);
}

static void expect_kept(const Scenario *scenario, const Order *live, int32_t count, Buffer *out)
{
    for (int32_t i = 0; i < count; i++)
        if (live[i].id <= scenario->event_count)
            buffer_printf(out, "%lld ordered=%lld seen=%lld\n", (long long)live[i].id,
                          (long long)live[i].amount,
                          (long long)scenario->events[live[i].id - 1].amount);
}

static void expect_named(const Scenario *scenario, Buffer *out)
{
    for (int32_t i = 0; i < scenario->event_count; i++)
        if (scenario->events[i].store < DIMS)
            buffer_printf(out, "%lld,shop%d\n", (long long)scenario->events[i].id,
                          scenario->events[i].store);
}

static const char *check_table(Arena *arena, const char *prefix, Buffer *expected)
{
    Buffer found = {0};
    sim_redis_print(redis, str_from(prefix), &found);
    const char *sorted = scenario_sorted(arena, expected);
    return scenario_compare(arena, prefix, sorted, scenario_sorted(arena, &found));
}

/* ---- What may have been there --------------------------------------------------------------- */

/* The place of a state of the order, from `from` on: an amount, or -1 before it comes and when it
 * is gone. -1: it has no such state there. */
static int32_t find_version(int64_t id, int64_t amount, int32_t from)
{
    if (amount < 0 && from == 0)
        return 0;
    for (int32_t i = from > 0 ? from - 1 : 0; i < outside->change_count; i++) {
        const OrderChange *change = &outside->changes[i];
        bool is_gone = change->kind == ROW_DELETE || change->kind == ROW_UPDATE_BEFORE;
        if (change->row.id == id && (is_gone ? -1 : change->row.amount) == amount)
            return i + 1;
    }
    return -1;
}

/* Rows that are held back until their checkpoint is durable never go back to an older state. */
static const char *check_order(const Scenario *scenario, Arena *arena)
{
    int32_t *places = ARENA_ARRAY(arena, int32_t, outside->change_count + 2);
    int64_t at = 0;
    for (const char *line; (line = sim_redis_change(redis, STR("kept:"), &at)) != NULL;) {
        long long id, amount = -1, seen = -1;
        int parts = sscanf(line, "%lld ordered=%lld seen=%lld", &id, &amount, &seen);
        bool is_sound = (parts == 3 || parts == 1) && id >= 1 && id <= outside->change_count;
        int32_t place = is_sound ? find_version(id, amount, places[id]) : -1;
        if (place < 0 || (parts == 3 && seen != scenario->events[id - 1].amount))
            return arena_printf(arena, "kept: \"%s\" was written when it was not so any more",
                                line);
        places[id] = place;
    }
    return NULL;
}

static bool was_total(int32_t store, int64_t orders, int64_t sum)
{
    int64_t n = 0, total = 0;
    for (int32_t i = 0; i < outside->change_count; i++) {
        const OrderChange *change = &outside->changes[i];
        if (change->row.store != store)
            continue;
        int64_t sign = change->kind == ROW_DELETE || change->kind == ROW_UPDATE_BEFORE ? -1 : 1;
        n += sign;
        total += sign * change->row.amount;
        if (n == orders && total == sum)
            return true;
    }
    return false;
}

static bool was_there(const Scenario *scenario, const char *prefix, const char *line)
{
    long long id, a, b;
    if (strcmp(prefix, "latest:") == 0)
        return sscanf(line, "%lld=%lld", &id, &a) == 2 && find_version(id, a, 1) > 0;
    if (strcmp(prefix, "totals:") == 0)
        return sscanf(line, "%lld n=%lld total=%lld", &id, &a, &b) == 3 &&
               was_total((int32_t)id, a, b);
    return sscanf(line, "%lld ordered=%lld seen=%lld", &id, &a, &b) == 3 &&
           id <= scenario->event_count && b == scenario->events[id - 1].amount &&
           find_version(id, a, 1) > 0;
}

/* A server that has lost what it had confirmed may hold old rows, but none that never was. */
static const char *check_history(const Scenario *scenario, const char *prefix, Arena *arena)
{
    Buffer found = {0};
    const char *wrong = NULL;
    sim_redis_print(redis, str_from(prefix), &found);
    for (Str text = buffer_str(&found); text.length > 0;) {
        const char *line = str_terminated(arena, str_split(text, '\n', &text));
        if (!was_there(scenario, prefix, line))
            wrong = arena_printf(arena, "%s\"%s\" was never so", prefix, line);
    }
    buffer_free(&found);
    return wrong;
}

/* No row is refused by Redis, and none that was looked up cannot be read. */
static const char *check_letters(SimWorld *world, Arena *arena)
{
    static const char *const tables[] = {"totals", "latest", "kept", "dims"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const char *path = arena_printf(arena, "weir-data/dead-letters/%s.jsonl", tables[i]);
        const Inode *file = disk_find(world->disk, path);
        Str text = file == NULL ? (Str){0} : inode_content(file);
        if (text.length > 0)
            return arena_printf(arena, "dead letters of %s:\n%.*s", tables[i], STR_ARGS(text));
    }
    return NULL;
}

const char *remote_check(const Scenario *scenario, SimWorld *world, Arena *arena)
{
    sim_network_settle(network, world->now_us);
    Order *live = ARENA_ARRAY(arena, Order, outside->change_count + 1);
    int32_t count = scenario_orders_left(live);
    Buffer totals = {0}, latest = {0}, kept = {0}, named = {0};
    expect_totals(live, count, &totals);
    expect_latest(live, count, &latest);
    expect_kept(scenario, live, count, &kept);
    expect_named(scenario, &named);
    const char *wrong = scenario_compare(arena, "named", scenario_sorted(arena, &named),
                                         scenario_files(world, "out/named", arena));
    if (wrong == NULL)
        wrong = check_letters(world, arena);
    if (loses) {
        static const char *const prefixes[] = {"totals:", "latest:", "kept:"};
        for (int i = 0; i < 3 && wrong == NULL; i++)
            wrong = check_history(scenario, prefixes[i], arena);
    } else if (wrong == NULL) {
        wrong = check_table(arena, "totals:", &totals);
        wrong = wrong != NULL ? wrong : check_table(arena, "latest:", &latest);
        wrong = wrong != NULL ? wrong : check_table(arena, "kept:", &kept);
        wrong = wrong != NULL ? wrong : check_order(scenario, arena);
    }
    buffer_free(&totals);
    buffer_free(&latest);
    buffer_free(&kept);
    return wrong;
}
