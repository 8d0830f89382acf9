/* Which columns of a relation are those of a window in which each of its rows lies. */
#include "plan/window_property.h"

#include <assert.h>

#include "plan/kind.h"

void window_refuse_processing_time(Planner *planner, Span span, const char *what)
{
    Diagnostic *d = planner_unsupported(
        planner, span, arena_printf(planner->arena, "%s processing-time windows", what));
    diagnostic_help(d, "give the table an event time; the time at which rows come is one: "
                       "`ts AS LOCALTIMESTAMP, WATERMARK FOR ts AS ts`");
}

bool window_same(const WindowSpec *a, const WindowSpec *b)
{
    return a->kind == b->kind && a->size_ms == b->size_ms && a->slide_ms == b->slide_ms &&
           a->offset_ms == b->offset_ms && a->is_local_time == b->is_local_time &&
           a->is_processing_time == b->is_processing_time;
}

WindowProperty *window_property_new(Planner *planner, const Rel *rel, const WindowSpec *spec)
{
    int32_t count = rel->node.schema.count + 1;
    WindowProperty *property = ARENA_NEW(planner->arena, WindowProperty);
    property->spec = *spec;
    property->starts = ARENA_ARRAY(planner->arena, bool, count);
    property->ends = ARENA_ARRAY(planner->arena, bool, count);
    property->times = ARENA_ARRAY(planner->arena, bool, count);
    return property;
}

void window_property_add(WindowProperty *property, const Rel *rel, const WindowProperty *input,
                         int32_t input_count, const int32_t *columns)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        if (columns[i] < 0 || columns[i] >= input_count)
            continue;
        property->starts[i] |= input->starts[columns[i]];
        property->ends[i] |= input->ends[columns[i]];
        property->times[i] |= input->times[columns[i]];
    }
}

const WindowProperty *window_property_pass(Planner *planner, Rel *rel)
{
    const WindowProperty *input = rel_window(planner, rel_input(rel, 0));
    if (input == NULL)
        return NULL;
    int32_t count = rel_input(rel, 0)->node.schema.count;
    int32_t *same = ARENA_ARRAY(planner->arena, int32_t, rel->node.schema.count + 1);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        same[i] = i;
    WindowProperty *property = window_property_new(planner, rel, &input->spec);
    window_property_add(property, rel, input, count, same);
    return property;
}

const WindowProperty *rel_window(Planner *planner, Rel *rel)
{
    const RelKind *kind = rel_kind(rel->node.kind);
    return kind->window == NULL ? NULL : kind->window(planner, rel);
}
