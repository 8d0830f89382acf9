/* Whether two pipelines can run side by side, and what would become of each part. */
#include <string.h>

#include "cli/deploy/deploy.h"
#include "exec/exec.h"

static Str option_of(const PlanTable *table, const char *key)
{
    if (key == NULL || !options_has(table->options.options, key))
        return (Str){0};
    return options_text(table->options.options, key);
}

/* A table of the other plan with the same connector and the same value of the option. */
static const PlanTable *find_twin(const Plan *plan, PlanKind kind, const PlanTable *table,
                                  const char *key)
{
    Str value = option_of(table, key);
    for (int32_t i = 0; value.length > 0 && i < plan->node_count; i++) {
        const PlanNode *node = plan->nodes[i];
        if (node->kind != kind)
            continue;
        const PlanTable *other = kind == PLAN_SINK ? node->sink.table : node->source.table;
        if (other->connector == table->connector && str_equal(option_of(other, key), value))
            return other;
    }
    return NULL;
}

static Status fail_shared(const char *what, const PlanTable *table, const PlanTable *twin,
                          const char *key, Error *error)
{
    Status status =
        fail(error, ERR_INVALID, "WR7061",
             "%s `%.*s` has the same '%s' ('%.*s') as `%.*s` of the pipeline that runs", what,
             STR_ARGS(table->name), key, STR_ARGS(option_of(table, key)), STR_ARGS(twin->name));
    error_hint(error, "the two run side by side for a while: give the new table a '%s' of its own",
               key);
    return status;
}

/* Rows that are only added would come again, all of them. */
static Status fail_append(const PlanTable *table, const char *key, Error *error)
{
    Status status = fail(error, ERR_INVALID, "WR7061",
                         "table `%.*s` is written without a key to the '%s' ('%.*s') that the "
                         "pipeline that runs writes to: all rows since the beginning would be "
                         "added once more",
                         STR_ARGS(table->name), key, STR_ARGS(option_of(table, key)));
    error_hint(error,
               "give it another '%s', or a PRIMARY KEY where its connector can write by key; "
               "readers of it move when the new pipeline is in charge",
               key);
    return status;
}

static Status fit_sink(const Plan *old, const PlanNode *node, Buffer *out, Error *error)
{
    const PlanTable *table = node->sink.table;
    const char *ids = "sink.transactional-id-prefix";
    const PlanTable *twin = find_twin(old, PLAN_SINK, table, ids);
    if (twin != NULL)
        return fail_shared("table", table, twin, ids, error);
    const char *place = table->connector->place_option;
    bool is_keyed = sink_is_keyed(node);
    if (!is_keyed && find_twin(old, PLAN_SINK, table, place) != NULL)
        return fail_append(table, place, error);
    buffer_printf(out, "sink %.*s (%s): %s\n", STR_ARGS(table->name), table->connector->name,
                  is_keyed ? "by key, written at the switch; keys that only the old one has stay"
                           : "written from the beginning on");
    return OK;
}

static Status fit_source(const Plan *old, const PlanNode *node, const DeployRequest *request,
                         Buffer *out, Error *error)
{
    const PlanTable *table = node->source.table;
    const PlanTable *twin = find_twin(old, PLAN_SOURCE, table, "server-id");
    if (twin != NULL)
        return fail_shared("table", table, twin, "server-id", error);
    bool is_log = str_has_suffix(str_from(table->connector->name), STR("kafka"));
    SourceBegin begin = request->begin;
    buffer_printf(out, "source %.*s (%s): ", STR_ARGS(table->name), table->connector->name);
    if (!is_log || begin.at == BEGIN_AS_DECLARED)
        buffer_append_text(out, "read from where its options say\n");
    else if (begin.at == BEGIN_EARLIEST)
        buffer_append_text(out, "read from its earliest record on\n");
    else
        buffer_printf(out, "read from the first record of time %lld on\n",
                      (long long)begin.time_ms);
    return OK;
}

static const PlanNode *find_served(const Plan *plan, Str name)
{
    for (int32_t i = 0; i < plan->root_count; i++)
        if (plan->roots[i]->kind == PLAN_SERVE && str_equal(plan->roots[i]->serve.name, name))
            return plan->roots[i];
    return NULL;
}

static void fit_tables(const Plan *old, const Plan *new, Buffer *out)
{
    for (int32_t i = 0; i < new->root_count; i++) {
        if (new->roots[i]->kind != PLAN_SERVE)
            continue;
        Str name = new->roots[i]->serve.name;
        buffer_printf(out, "table %.*s: %s\n", STR_ARGS(name),
                      find_served(old, name) != NULL ? "replaced at the switch"
                                                     : "new, served from the switch on");
    }
    for (int32_t i = 0; i < old->root_count; i++)
        if (old->roots[i]->kind == PLAN_SERVE &&
            find_served(new, old->roots[i]->serve.name) == NULL)
            buffer_printf(out, "table %.*s: served no more after the switch\n",
                          STR_ARGS(old->roots[i]->serve.name));
}

Status deploy_fit(const Plan *old, const Plan *new, const DeployRequest *request, Buffer *out,
                  Error *error)
{
    bool is_endless = false;
    for (int32_t i = 0; i < new->node_count; i++) {
        const PlanNode *node = new->nodes[i];
        if (node->kind == PLAN_SOURCE) {
            TRY(fit_source(old, node, request, out, error));
            is_endless = is_endless || !node->source.is_bounded;
        } else if (node->kind == PLAN_SINK) {
            TRY(fit_sink(old, node, out, error));
        }
    }
    fit_tables(old, new, out);
    if (is_endless)
        return OK;
    return fail(error, ERR_INVALID, "WR7063",
                "the new pipeline comes to an end by itself: it cannot take the place of one that "
                "runs on");
}
