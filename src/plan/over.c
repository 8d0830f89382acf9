/* What streaming can compute with OVER, and what it says of the rest. */
#include <assert.h>

#include "plan/kind.h"
#include "plan/over.h"

const char *over_function_name(OverFunction function)
{
    switch (function) {
    case OVER_ROW_NUMBER: return "ROW_NUMBER";
    case OVER_RANK: return "RANK";
    case OVER_DENSE_RANK: return "DENSE_RANK";
    case OVER_AGGREGATE: break;
    }
    return "an aggregate";
}

/* A column that rows are ordered by although it is no time. */
static void report_order(Planner *planner, const Rel *rel, int32_t column)
{
    const Field *field = &rel->node.inputs[0]->schema.fields[column];
    Diagnostic *d =
        REPORT(planner, "WR2501", rel->span,
               "in streaming, OVER is ordered by a time attribute, but `%.*s` is %s",
               STR_ARGS(field->name), type_text(planner->arena, type_nullable(field->type)));
    if (rel->node.over.calls[0].function == OVER_ROW_NUMBER)
        diagnostic_help(d, "for the best N rows, make this a subquery and filter the number around "
                           "it: WHERE rn <= 10");
    else
        diagnostic_help(d, "order by the column that has a WATERMARK, or by PROCTIME()");
}

static bool check_order(Planner *planner, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    if (node->over.order_count == 0) {
        Diagnostic *d = REPORT(planner, "WR2501", rel->span,
                               "in streaming, OVER needs ORDER BY a time attribute");
        diagnostic_help(d, "order by the column that has a WATERMARK, or by PROCTIME()");
        return false;
    }
    const SortColumn *first = &node->over.order[0];
    const Field *field = &node->inputs[0]->schema.fields[first->column];
    if (field->type.time_attribute == TIME_NONE) {
        report_order(planner, rel, first->column);
        return false;
    }
    if (node->over.order_count > 1) {
        REPORT(planner, "WR2502", rel->span,
               "in streaming, OVER is ordered by a time attribute alone");
        return false;
    }
    if (first->is_descending) {
        REPORT(planner, "WR2502", rel->span, "in streaming, OVER is ordered ascending only");
        return false;
    }
    return true;
}

void over_check(Planner *planner, Rel *rel)
{
    const PlanNode *node = &rel->node;
    if (rel->is_refused)
        return;
    for (int32_t i = 0; i < node->over.call_count; i++) {
        OverFunction function = node->over.calls[i].function;
        if (function == OVER_AGGREGATE || function == OVER_ROW_NUMBER)
            continue;
        Diagnostic *d = REPORT(planner, "WR2505", rel->span, "%s is not supported in streaming",
                               over_function_name(function));
        diagnostic_help(d, "number the rows with ROW_NUMBER");
        return;
    }
    if (check_order(planner, rel))
        planner_unsupported(planner, rel->span, "OVER");
}
