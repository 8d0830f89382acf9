/* What the expression kernels and the aggregates reach, beside memcpy of the same bytes in the
 * same run. One core; the data is larger than the caches. Prints one line per kernel: million
 * rows a second, GB a second read, and the ratio to memcpy where bytes are what counts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/world.h"
#include "expr/expr.h"

enum {
    BATCHES = 4096, /* of 2048 rows: 64 MB of BIGINT */
    ROUNDS = 5,     /* the best counts */
    STORES = 1000,
    STATE_BYTES = 64,
};

typedef struct Bench {
    Arena *arena;
    Schema schema;
    Batch *batches[BATCHES];
    RowError *errors;
    Arena *scratch;
    double copy_gb_s;
    uint8_t *states; /* STORES accumulators */
} Bench;

static double seconds_now(void)
{
    World *world = world_system();
    return (double)world->kind->monotonic_us(world) / 1e6;
}

static const Field fields[] = {
    {.name = STR("amount"), .type = {.id = TYPE_BIGINT}},
    {.name = STR("price"), .type = {.id = TYPE_DECIMAL, .precision = 10, .scale = 2}},
    {.name = STR("rate"), .type = {.id = TYPE_DOUBLE}},
    {.name = STR("store"), .type = {.id = TYPE_VARCHAR, .precision = TYPE_LENGTH_MAX}},
};

static void bench_fill(Batch *batch, uint64_t *seed)
{
    for (int32_t row = 0; row < BATCH_ROWS_MAX; row++) {
        *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t random = *seed >> 33;
        ((int64_t *)batch->columns[0].values)[row] = (int64_t)(random % 1000);
        ((Int128 *)batch->columns[1].values)[row] = (Int128)(random % 100000);
        ((double *)batch->columns[2].values)[row] = (double)(random % 1000) / 8;
        char name[16];
        int length = snprintf(name, sizeof name, "store-%03u", (unsigned)(random % STORES));
        ((StrView *)batch->columns[3].values)[row] =
            str_view_copy(batch->arena, str_make(name, length));
    }
    batch->row_count = BATCH_ROWS_MAX;
    batch_select_all(batch);
}

static void bench_start(Bench *bench)
{
    bench->arena = arena_new(0);
    bench->scratch = arena_new(1 << 20);
    bench->schema = (Schema){.fields = fields, .count = 4};
    bench->errors = ARENA_ARRAY(bench->arena, RowError, ROW_ERRORS_MAX);
    bench->states = memory_allocate_zeroed(STORES * STATE_BYTES);
    uint64_t seed = 1;
    for (int32_t i = 0; i < BATCHES; i++) {
        bench->batches[i] = batch_new(&bench->schema, BATCH_ROWS_MAX);
        bench_fill(bench->batches[i], &seed);
    }
}

static void bench_stop(Bench *bench)
{
    for (int32_t i = 0; i < BATCHES; i++)
        batch_free(bench->batches[i]);
    memory_free(bench->states);
    arena_free(bench->scratch);
    arena_free(bench->arena);
}

static void report(const Bench *bench, const char *name, double seconds, int64_t row_bytes)
{
    double rows = (double)BATCHES * BATCH_ROWS_MAX;
    double gb_s = rows * (double)row_bytes / seconds / 1e9;
    printf("%-36s %8.1f M rows/s %7.2f GB/s", name, rows / seconds / 1e6, gb_s);
    if (bench->copy_gb_s > 0)
        printf("   %.2f x memcpy", gb_s / bench->copy_gb_s);
    printf("\n");
}

/* Copying the column of BIGINT, batch by batch, into one place. */
static void measure_copy(Bench *bench)
{
    int64_t *into = memory_allocate(BATCH_ROWS_MAX * (int64_t)sizeof(int64_t));
    double best = 1e9;
    for (int32_t round = 0; round < ROUNDS; round++) {
        double start = seconds_now();
        for (int32_t i = 0; i < BATCHES; i++) {
            memcpy(into, bench->batches[i]->columns[0].values, BATCH_ROWS_MAX * sizeof(int64_t));
            __asm__ volatile("" ::"r"(into) : "memory");
        }
        double seconds = seconds_now() - start;
        best = seconds < best ? seconds : best;
    }
    report(bench, "memcpy of BIGINT", best, 8);
    bench->copy_gb_s = (double)BATCHES * BATCH_ROWS_MAX * 8 / best / 1e9;
    memory_free(into);
}

static Expr *literal(Arena *arena, TypeId id, int64_t number)
{
    Value value = {.type = type_not_null(type_simple(id)), .integer = number};
    return expr_literal(arena, value);
}

static Expr *call(Arena *arena, const char *name, Expr *a, Expr *b)
{
    Expr *args[] = {a, b};
    Expr *out = NULL;
    int32_t bad_arg;
    Error error;
    if (function_bind(function_find(str_from(name)), arena, args, 2, &out, &bad_arg, &error) != OK)
        abort();
    return out;
}

/* As WHERE if it is BOOLEAN, else as a computed column. */
static void measure_expr(Bench *bench, const char *name, Expr *expr, int64_t row_bytes)
{
    Program *program;
    if (program_compile(bench->arena, &expr, 1, &bench->schema, &program, NULL) != OK)
        abort();
    EvalContext context = {
        .world = world_system(), .scratch = bench->scratch, .errors = bench->errors};
    double best = 1e9;
    for (int32_t round = 0; round < ROUNDS; round++) {
        double start = seconds_now();
        for (int32_t i = 0; i < BATCHES; i++) {
            Column out;
            if (expr->type.id == TYPE_BOOLEAN)
                (void)program_select(program, &context, bench->batches[i]);
            else
                program_run(program, &context, bench->batches[i], &out);
            arena_reset(bench->scratch);
        }
        double seconds = seconds_now() - start;
        best = seconds < best ? seconds : best;
    }
    report(bench, name, best, row_bytes);
}

/* By store: the accumulators of the rows are looked up beforehand and not measured. */
static void measure_aggregate(Bench *bench, const char *label, const char *name, int32_t column,
                              bool has_kinds)
{
    AggregateCall *aggregate;
    Type type = fields[column].type;
    if (aggregate_bind(str_from(name), bench->arena, &type, 1, false, has_kinds, &aggregate,
                       NULL) != OK)
        abort();
    static uint8_t *states[BATCH_ROWS_MAX];
    static uint8_t kinds[BATCH_ROWS_MAX];
    for (int32_t row = 0; row < BATCH_ROWS_MAX; row++) {
        int64_t store = ((int64_t *)bench->batches[0]->columns[0].values)[row];
        states[row] = bench->states + store * STATE_BYTES;
        kinds[row] = ROW_UPDATE_AFTER;
    }
    double best = 1e9;
    for (int32_t round = 0; round < ROUNDS; round++) {
        memset(bench->states, 0, STORES * STATE_BYTES);
        double start = seconds_now();
        for (int32_t i = 0; i < BATCHES; i++)
            aggregate_update(aggregate, states, 0, &bench->batches[i]->columns[column],
                             bench->batches[i]->selection, has_kinds ? kinds : NULL);
        double seconds = seconds_now() - start;
        best = seconds < best ? seconds : best;
    }
    report(bench, label, best, physical_bytes(type_physical(type)));
}

int main(void)
{
    Bench bench = {0};
    bench_start(&bench);
    Arena *arena = bench.arena;
    Expr *amount = expr_column(arena, 0, fields[0].type);
    Expr *price = expr_column(arena, 1, fields[1].type);
    Expr *rate = expr_column(arena, 2, fields[2].type);
    Expr *store = expr_column(arena, 3, fields[3].type);
    Expr *hundred = literal(arena, TYPE_INT, 100);
    Value name = {.type = type_not_null(type_char(9)), .text = STR("store-042")};
    measure_copy(&bench);
    Expr *rare = call(arena, "<", amount, hundred);
    measure_expr(&bench, "WHERE amount < 100 (10 %)", rare, 8);
    measure_expr(&bench, "WHERE amount > 500 (50 %)",
                 call(arena, ">", amount, literal(arena, TYPE_INT, 500)), 8);
    measure_expr(&bench, "WHERE store = 'store-042'",
                 call(arena, "=", store, expr_literal(arena, name)), 16);
    measure_expr(&bench, "WHERE amount < 100 AND price > 500",
                 call(arena, "AND", rare, call(arena, ">", price, literal(arena, TYPE_INT, 500))),
                 8);
    measure_expr(&bench, "amount * 100 + amount",
                 call(arena, "+", call(arena, "*", amount, hundred), amount), 8);
    measure_expr(&bench, "rate * rate", call(arena, "*", rate, rate), 8);
    measure_expr(&bench, "price + price (DECIMAL)", call(arena, "+", price, price), 16);
    measure_expr(&bench, "price * price (DECIMAL)", call(arena, "*", price, price), 16);
    measure_aggregate(&bench, "COUNT(amount) by store", "COUNT", 0, false);
    measure_aggregate(&bench, "SUM(amount) by store", "SUM", 0, false);
    measure_aggregate(&bench, "SUM(amount) by store, changelog", "SUM", 0, true);
    measure_aggregate(&bench, "SUM(price) by store (DECIMAL)", "SUM", 1, false);
    measure_aggregate(&bench, "AVG(rate) by store", "AVG", 2, false);
    measure_aggregate(&bench, "MAX(amount) by store", "MAX", 0, false);
    bench_stop(&bench);
    return 0;
}
