/* Which columns of a relation are those of a window in which each of its rows lies.
 *
 * Windows begin at a window table function or a window aggregation and stay with the rows through
 * everything that neither changes nor mixes them. Joins and Top-N of windows ask for it. */
#ifndef WEIR_PLAN_WINDOW_PROPERTY_H
#define WEIR_PLAN_WINDOW_PROPERTY_H

#include "plan/internal.h"

typedef struct WindowProperty {
    WindowSpec spec; /* time_column means nothing here */
    /* By column of the relation: there may be several of each. */
    bool *starts, *ends, *times;
} WindowProperty;

/* NULL: the rows lie in no window. */
const WindowProperty *rel_window(Planner *planner, Rel *rel);

/* Reports that this is for windows over event time: what = "a join of". */
void window_refuse_processing_time(Planner *planner, Span span, const char *what);

/* Of the same kind, lengths, offset and kind of time. */
bool window_same(const WindowSpec *a, const WindowSpec *b);

/* For kinds of nodes. An empty one for the relation; the input's, where columns keep their numbers;
 * and columns of the input as columns of the output: output i is input columns[i], or none if that
 * is below 0 or not below the input's count. */
WindowProperty *window_property_new(Planner *planner, const Rel *rel, const WindowSpec *spec);
const WindowProperty *window_property_pass(Planner *planner, Rel *rel);
void window_property_add(WindowProperty *property, const Rel *rel, const WindowProperty *input,
                         int32_t input_count, const int32_t *columns);

#endif
