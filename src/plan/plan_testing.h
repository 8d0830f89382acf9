/* Planning a script in a test: the plan's text, or the diagnostics' when it has errors. */
#ifndef WEIR_PLAN_PLAN_TESTING_H
#define WEIR_PLAN_PLAN_TESTING_H

#include <stdio.h>

#include "base/testing.h"
#include "plan/fake_registry.h"
#include "plan/plan.h"

typedef struct Planned {
    Arena *arena;
    Source source;
    Diagnostics *diagnostics;
    Plan *plan; /* NULL after errors */
    Status status;
} Planned;

static inline Planned planned_make(const char *script)
{
    Planned planned = {.arena = arena_new(0)};
    planned.source = (Source){.name = "t.sql", .text = str_copy(planned.arena, str_from(script))};
    PlanContext context = {.world = world_system(), .registry = &FAKE_REGISTRY};
    /* The diagnostics keep the source. */
    Source *source = arena_copy(planned.arena, &planned.source, (int64_t)sizeof planned.source);
    planned.diagnostics = diagnostics_new(planned.arena, source);
    planned.status =
        plan_script(&context, source, planned.arena, planned.diagnostics, &planned.plan);
    return planned;
}

static inline void planned_free(Planned *planned)
{
    arena_free(planned->arena);
}

/* "WR2041@12+5 message | help: … | note: …" for each finding, a line each. */
static inline void planned_findings(const Planned *planned, Buffer *out)
{
    for (int32_t i = 0; i < diagnostics_count(planned->diagnostics); i++) {
        const Diagnostic *d = diagnostics_at(planned->diagnostics, i);
        Str at = str_make(planned->source.text.data + d->span.start, d->span.end - d->span.start);
        buffer_printf(out, "%s%s at <%.*s>: %s", d->level == DIAGNOSTIC_ERROR ? "" : "warning ",
                      d->code, STR_ARGS(at), d->message);
        for (int32_t h = 0; h < d->helps.count; h++)
            buffer_printf(out, " | help: %s", LIST_AT(d->helps, h, const char));
        for (int32_t n = 0; n < d->notes.count; n++)
            buffer_printf(out, " | note: %s", LIST_AT(d->notes, n, const char));
        buffer_append_char(out, '\n');
    }
}

static inline void assert_planned_text(const Buffer *got, const char *expected)
{
    if (!str_is(buffer_str(got), expected))
        fprintf(stderr, "--- expected\n%s--- got\n%.*s---\n", expected, STR_ARGS(buffer_str(got)));
    assert_true(str_is(buffer_str(got), expected));
}

static inline void assert_plan(const char *script, const char *expected)
{
    Planned planned = planned_make(script);
    Buffer text = {0};
    planned_findings(&planned, &text);
    if (planned.plan != NULL)
        plan_explain(planned.plan, &text);
    assert_planned_text(&text, expected);
    assert_int_equal(planned.status == OK, planned.plan != NULL);
    buffer_free(&text);
    planned_free(&planned);
}

#endif
