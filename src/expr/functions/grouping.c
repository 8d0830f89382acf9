/* GROUPING, GROUPING_ID and GROUP_ID: the planner knows their values for each grouping set, and
 * puts them in the place of the calls. */
#include "expr/internal.h"

static Status bind_grouping(Binding *binding)
{
    binding->result = type_not_null(type_simple(TYPE_BIGINT));
    return OK;
}

/* Not folded, though the arguments may be constants. */
static const Function functions[] = {
    {.info = {"GROUPING", "grouping", "GROUPING(column, ...) -> BIGINT NOT NULL",
              "a bit per column, set where it is not in the grouping set", false},
     .types = "x*>x",
     .bind = bind_grouping,
     .flags = FUNCTION_VOLATILE},
    {.info = {"GROUPING_ID", "grouping", "GROUPING_ID(column, ...) -> BIGINT NOT NULL", "GROUPING",
              false},
     .types = "x*>x",
     .bind = bind_grouping,
     .flags = FUNCTION_VOLATILE},
    {.info = {"GROUP_ID", "grouping", "GROUP_ID() -> BIGINT NOT NULL",
              "tells grouping sets apart that are the same", false},
     .types = ">x",
     .bind = bind_grouping,
     .flags = FUNCTION_VOLATILE},
};

const FunctionFamily grouping_family = {functions, FUNCTION_COUNT(functions)};
