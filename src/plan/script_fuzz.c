/* Bytes as a script: planning must end without a crash, with a plan or with findings. */
#include "plan/fake_registry.h"
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > 16384)
        return 0;
    Arena *arena = arena_new(0);
    Source source = {.name = "fuzz", .text = str_make((const char *)bytes, (int64_t)size)};
    source.allows_open_end = true;
    Diagnostics *diagnostics = diagnostics_new(arena, &source);
    PlanContext context = {.world = world_system(), .registry = &FAKE_REGISTRY, .checks_all = true};
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
