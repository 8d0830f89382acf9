/* EXPLAIN: the plan of a statement, as a plan of its own. A table that the statement would make is
 * there while it is bound only. */
#include <assert.h>

#include "plan/internal.h"

/* Takes every change, as whoever looks at a query does. */
static const ConnectorInfo explain_collector = {.name = "result", .can_write = true};

void bind_explain(Planner *planner, const SqlExplain *explain)
{
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    PlanContext context = *planner->context;
    context.checks_all = false;
    if (context.collector == NULL)
        context.collector = &explain_collector;
    Planner inner;
    planner_begin(&inner, planner->session, planner->arena, planner->diagnostics);
    inner.context = &context;
    inner.is_partial = planner->is_partial;
    bind_statement(&inner, explain->statement);
    planner_undo(&inner);
    if (inner.roots.count == 0 || diagnostics_mistake_count(planner->diagnostics) > errors)
        return;
    const Plan *plan = planner_finish(&inner);
    if (plan == NULL)
        return;
    Buffer text = {0};
    if ((explain->details & SQL_EXPLAIN_JSON_EXECUTION_PLAN) != 0)
        plan_explain_json(plan, &text);
    else
        plan_explain(plan, &text);
    result_add_text(planner, buffer_str(&text));
    buffer_free(&text);
}
