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
    case OVER_AGGREGATE:
    case OVER_FUNCTIONS: break;
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

/* Streaming goes in order of time. */
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

/* Batch mode sorts by anything; without an order, all rows of a partition are peers. */
static bool check_batch(Planner *planner, Rel *rel)
{
    const PlanNode *node = &rel->node;
    OverFrame *frame = &rel->node.over.frame;
    if (node->over.order_count == 0 && frame->to == FRAME_UNBOUNDED_FOLLOWING)
        *frame = (OverFrame){.from = FRAME_UNBOUNDED_PRECEDING, .to = FRAME_CURRENT_ROW};
    if (frame->from != FRAME_PRECEDING || frame->is_rows)
        return true;
    const SortColumn *first = &node->over.order[0];
    bool is_time = node->over.order_count == 1 && !first->is_descending &&
                   type_is_timestamp(node->inputs[0]->schema.fields[first->column].type);
    if (!is_time)
        planner_unsupported(planner, rel->span,
                            "RANGE with a bound over anything but ascending times");
    return is_time;
}

static bool check_frame(Planner *planner, const Rel *rel)
{
    const OverFrame *frame = &rel->node.over.frame;
    bool starts_before = frame->from == FRAME_UNBOUNDED_PRECEDING || frame->from == FRAME_PRECEDING;
    if (starts_before && frame->to == FRAME_CURRENT_ROW)
        return true;
    Diagnostic *d = REPORT(planner, "WR2504", rel->span,
                           "a frame of OVER begins before the current row and ends with it");
    diagnostic_help(d, "write BETWEEN … PRECEDING AND CURRENT ROW");
    return false;
}

/* Rows that leave a frame are taken back, which some aggregates do in another form. */
static void rebind_bounded(Planner *planner, Rel *rel)
{
    const PlanNode *node = &rel->node;
    if (node->over.frame.from != FRAME_PRECEDING)
        return;
    for (int32_t i = 0; i < node->over.call_count; i++) {
        if (node->over.calls[i].function == OVER_AGGREGATE)
            aggregates_rebind(planner, rel, &node->over.calls[i].aggregate, 1);
    }
}

void over_check(Planner *planner, Rel *rel)
{
    if (rel->is_refused)
        return;
    bool is_batch = settings_is_batch(planner);
    bool is_good = is_batch ? check_batch(planner, rel) : check_order(planner, rel);
    if (!is_good || !check_frame(planner, rel))
        return;
    if (!mode_is_append(inputs_mode(rel))) {
        Diagnostic *d = REPORT(planner, "WR2508", rel->span,
                               "OVER takes rows that only come, but here they change by %s",
                               changes_origin_text(planner, rel_input(rel, 0)));
        diagnostic_help(d, "aggregate by window first: the results of a window are final");
        return;
    }
    rebind_bounded(planner, rel);
}
