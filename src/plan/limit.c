/* The bounds of what one script may ask of the planner.
 *
 * A short text can mean something very large: views made of views double what they hold, NULLIF
 * its argument. What grows without the text growing is counted here, and refused by name. */
#include "plan/internal.h"

bool planner_has_room(Planner *planner, Span span)
{
    if (!planner->is_full && arena_bytes(planner->arena) > PLAN_BYTES_MAX) {
        planner->is_full = true;
        Diagnostic *d = REPORT(planner, "WR2039", span, "the script is too large to plan");
        diagnostic_note(d, "its plan would take more than %d MiB",
                        (int)(PLAN_BYTES_MAX / (1024 * 1024)));
        diagnostic_help(d, "split the script");
    }
    return !planner->is_full;
}

/* Types within the type, itself counted, up to a little more than the limit. */
static int32_t type_size(const Type *type, int32_t limit)
{
    int32_t size = 1;
    for (int32_t i = 0; i < type->child_count && size <= limit; i++)
        size += type_size(&type->children[i], limit - size);
    return size;
}

bool type_is_small(Planner *planner, Type type, Span span)
{
    if (type.child_count == 0 || type_size(&type, PLAN_TYPE_NODES_MAX) <= PLAN_TYPE_NODES_MAX)
        return true;
    REPORT(planner, "WR2039", span, "a type has at most %d fields and elements within each other",
           PLAN_TYPE_NODES_MAX);
    return false;
}

bool expr_is_small(Planner *planner, const Expr *expr, Span span)
{
    if (expr_size(expr, PLAN_BOUND_NODES_MAX) > PLAN_BOUND_NODES_MAX) {
        Diagnostic *d = REPORT(planner, "WR2039", span, "an expression has at most %d parts",
                               PLAN_BOUND_NODES_MAX);
        diagnostic_note(d, "NULLIF and BETWEEN SYMMETRIC count their arguments twice");
        return false;
    }
    return type_is_small(planner, expr->type, span);
}
