/* What the session knows: the planner hands it in as the argument, so that the call is a constant.
 */
#include "expr/internal.h"

static Status bind_current_database(Binding *binding)
{
    binding->rewritten = binding->args[0];
    return OK;
}

static const Function functions[] = {
    {.info = {"CURRENT_DATABASE", "session", "CURRENT_DATABASE() -> STRING NOT NULL",
              "the database that names without one are looked up in", false},
     .types = "s>s",
     .bind = bind_current_database},
};

const FunctionFamily session_family = {functions, FUNCTION_COUNT(functions)};
