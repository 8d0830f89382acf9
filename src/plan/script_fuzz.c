/* Bytes as a script: planning must end without a crash, with a plan or with findings. */
#include "plan/fake_registry.h"
#include "plan/plan.h"
#include "sql/mutate_testing.h"

MUTATE_SQL

static bool fuzz_looks_up(const TableOptions *table, LookupInfo *out)
{
    (void)table;
    *out = (LookupInfo){.cache = {.kind = LOOKUP_CACHE_PARTIAL, .rows_max = 10}};
    return true;
}

static const ConnectorInfo APPEND_STAND_IN = {.name = "append",
                                              .can_read = true,
                                              .can_write = true,
                                              .reads_fields = true,
                                              .looks_up = fuzz_looks_up,
                                              .write_mode = fake_all};
static const ConnectorInfo CHANGES_STAND_IN = {.name = "changes",
                                               .can_read = true,
                                               .can_write = true,
                                               .read_mode = fake_all,
                                               .write_mode = fake_upsert};
static const ConnectorInfo UPSERT_STAND_IN = {.name = "upserts",
                                              .can_read = true,
                                              .can_write = true,
                                              .read_mode = fake_upsert,
                                              .write_mode = fake_append};

/* Tables without a connector get one, as in `weir test`: which, goes by their name. */
static const ConnectorInfo *fuzz_stand_in(void *context, const StandInTable *table)
{
    (void)context;
    if (table->connector != NULL)
        return NULL;
    switch (table->name.length % 3) {
    case 0: return &CHANGES_STAND_IN;
    case 1: return &APPEND_STAND_IN;
    default: return table->key_count > 0 ? &UPSERT_STAND_IN : &APPEND_STAND_IN;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > 16384)
        return 0;
    Arena *arena = arena_new(0);
    Source source = {.name = "fuzz", .text = str_make((const char *)bytes, (int64_t)size)};
    source.allows_open_end = true;
    Diagnostics *diagnostics = diagnostics_new(arena, &source);
    diagnostics_set_target(diagnostics, FLINK_1_20);
    PlanContext context = {.world = world_system(),
                           .registry = &FAKE_REGISTRY,
                           .checks_all = true,
                           .stand_in = fuzz_stand_in,
                           .collector = &FAKE_PRINT};
    Plan *plan = NULL;
    Status status = plan_script(&context, &source, arena, diagnostics, &plan);
    Buffer text = {0};
    if (status == OK) {
        plan_explain(plan, &text);
        plan_explain_json(plan, &text);
        plan_explain_dot(plan, &text);
    } else if (diagnostics_error_count(diagnostics) == 0) {
        __builtin_trap();
    }
    buffer_free(&text);
    arena_free(arena);
    return 0;
}
