/* EXPLAIN as text: each sink with the tree below it, and what it promises.
 *
 *     sink sales [I]  redis, key (store_id)
 *       exactly once in state; redis: idempotent by key store_id
 *     └─ hop 30 min/1 min by store_id [I]  SUM(amount) AS amount, COUNT(*)
 *        ⇠ hash by (store_id)
 *        └─ … */
#include <assert.h>

#include "plan/kind.h"

typedef struct Explainer {
    const Plan *plan;
    Buffer *out;
    bool *is_printed; /* by node id */
    int32_t *consumers;
} Explainer;

void explain_names(Buffer *out, const Schema *schema, const int32_t *columns, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(schema->fields[columns[i]].name));
}

void explain_aggregates(Buffer *out, const PlanNode *node, const PlanAggregate *aggregates,
                        int32_t count)
{
    const Schema *input = &node->inputs[0]->schema;
    for (int32_t i = 0; i < count; i++) {
        const PlanAggregate *a = &aggregates[i];
        buffer_printf(out, "%s%s(%s", i > 0 ? ", " : "", aggregate_name(a->call),
                      a->call->is_distinct ? "DISTINCT " : "");
        if (a->call->arg_count == 0)
            buffer_append_char(out, '*');
        explain_names(out, input, a->args, a->call->arg_count);
        buffer_append_char(out, ')');
        if (a->filter >= 0)
            buffer_printf(out, " FILTER %.*s", STR_ARGS(input->fields[a->filter].name));
        buffer_printf(out, " AS %.*s", STR_ARGS(a->name));
    }
}

void explain_table(Buffer *out, const PlanTable *table)
{
    buffer_append_text(out, table->connector->name);
    if (table->options.format != NULL)
        buffer_printf(out, " %s", table->options.format->name);
    if (table->key_count > 0) {
        buffer_append_text(out, ", key (");
        explain_names(out, &table->physical, table->key, table->key_count);
        buffer_append_char(out, ')');
    }
    if (table->partition_count > 0) {
        buffer_append_text(out, ", partitioned by (");
        explain_names(out, &table->physical, table->partition, table->partition_count);
        buffer_append_char(out, ')');
    }
}

void explain_window(Buffer *out, const WindowSpec *window)
{
    if (window->is_attached)
        buffer_append_text(out, "attached ");
    switch (window->kind) {
    case WINDOW_TUMBLE: buffer_append_text(out, "tumble "); break;
    case WINDOW_HOP: buffer_append_text(out, "hop "); break;
    case WINDOW_CUMULATE: buffer_append_text(out, "cumulate "); break;
    case WINDOW_SESSION: buffer_append_text(out, "session "); break;
    }
    duration_print(out, window->size_ms);
    if (window->kind != WINDOW_TUMBLE && window->kind != WINDOW_SESSION) {
        buffer_append_char(out, '/');
        duration_print(out, window->slide_ms);
    }
}

void explain_keys(Buffer *out, const PlanNode *node, const int32_t *keys, int32_t key_count)
{
    for (int32_t i = 0; i < key_count; i++)
        buffer_printf(out, "%s%.*s", i == 0 ? " by " : ", ",
                      STR_ARGS(node->inputs[0]->schema.fields[keys[i]].name));
}

void explain_order(Buffer *out, const PlanNode *node, const SortColumn *order, int32_t count)
{
    const Schema *schema = &node->inputs[0]->schema;
    for (int32_t i = 0; i < count; i++) {
        Str name = schema->fields[order[i].column].name;
        buffer_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(name));
        if (order[i].is_descending)
            buffer_append_text(out, " DESC");
        if (order[i].has_nulls_last != order[i].is_descending)
            buffer_append_text(out, order[i].has_nulls_last ? " NULLS LAST" : " NULLS FIRST");
    }
}

void explain_details(Buffer *out, const PlanNode *node)
{
    const RelKind *kind = rel_kind(node->kind);
    if (kind->details != NULL)
        kind->details(out, node);
}

void explain_distribution(Buffer *out, const PlanNode *node, int32_t input)
{
    if (node->distribution == DISTRIBUTION_SINGLE) {
        buffer_append_text(out, "single");
    } else if (node->distribution == DISTRIBUTION_HASH) {
        const ColumnList *keys = &node->distribution_keys[input];
        buffer_append_text(out, "hash by (");
        explain_names(out, &node->inputs[input]->schema, keys->columns, keys->count);
        buffer_append_char(out, ')');
    }
}

bool plan_table_holds_rows(const PlanTable *table)
{
    const ConnectorInfo *connector = table->connector;
    return connector->holds_rows != NULL && connector->holds_rows(&table->options);
}

/* What the sources below the node ask for, each once. */
static void explain_source_terms(Buffer *out, const PlanNode *node)
{
    for (int32_t i = 0; i < node->input_count; i++)
        explain_source_terms(out, node->inputs[i]);
    if (node->kind != PLAN_SOURCE || node->source.table->connector->rewinds_if == NULL)
        return;
    const PlanTable *table = node->source.table;
    Buffer term = {0};
    buffer_printf(&term, ", of `%.*s` %s", STR_ARGS(table->name), table->connector->rewinds_if);
    if (str_find(buffer_str(out), buffer_str(&term)) < 0)
        buffer_append_str(out, buffer_str(&term));
    buffer_free(&term);
}

/* The promise of everything from the sources to this root, and its reason. */
void explain_guarantee(Buffer *out, const PlanNode *root)
{
    Buffer terms = {0};
    explain_source_terms(&terms, root);
    buffer_append_text(out, "exactly once in state");
    buffer_append_str(out, buffer_str(&terms));
    buffer_append_text(out, "; ");
    buffer_free(&terms);
    if (root->kind == PLAN_SERVE) {
        buffer_printf(out, "%.*s: exactly once, restored with the checkpoint",
                      STR_ARGS(root->serve.name));
        return;
    }
    const PlanTable *table = root->sink.table;
    const ConnectorInfo *connector = table->connector;
    const char *name = connector->name;
    if (plan_table_holds_rows(table)) {
        buffer_printf(out, "%s: exactly once, written by key when the checkpoint is durable", name);
        return;
    }
    SinkGuarantee guarantee = connector->guarantee_of != NULL
                                  ? connector->guarantee_of(&table->options)
                                  : connector->guarantee;
    switch (guarantee) {
    case SINK_TRANSACTIONAL:
        buffer_printf(out, "%s: exactly once, commits with the checkpoint", name);
        break;
    case SINK_IDEMPOTENT:
        if (table->key_count > 0) {
            buffer_printf(out, "%s: idempotent by key ", name);
            explain_names(out, &table->physical, table->key, table->key_count);
            buffer_append_text(out, ", rows after the last checkpoint may come again");
        } else {
            buffer_printf(out, "%s: at least once, because the table has no PRIMARY KEY", name);
        }
        break;
    case SINK_AT_LEAST_ONCE:
        buffer_printf(out, "%s: at least once, rows after the last checkpoint may come again",
                      name);
        break;
    }
}

static void explain_indent(Explainer *explainer, int32_t depth, bool is_head)
{
    for (int32_t i = 0; i + 1 < depth; i++)
        buffer_append_text(explainer->out, "   ");
    if (depth > 0)
        buffer_append_text(explainer->out, is_head ? "└─ " : "   ");
}

/* The same for all inputs, told once where they agree. */
void explain_distributions(Buffer *out, const PlanNode *node)
{
    int32_t count = node->distribution == DISTRIBUTION_HASH ? node->input_count : 1;
    for (int32_t i = 0; i < count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        explain_distribution(out, node, i);
    }
}

static void explain_state(Explainer *explainer, const PlanNode *node, int32_t depth)
{
    const PlanSettings *settings = &explainer->plan->settings;
    StatePlace place = plan_state_place(node);
    bool may_spill =
        settings->spills_state || (settings->may_spill_state && settings->memory_limit_bytes > 0);
    if (!may_spill || place == STATE_NONE)
        return;
    explain_indent(explainer, depth, false);
    buffer_append_text(explainer->out, place == STATE_MAY_SPILL ? "state may leave memory\n"
                                                                : "state stays in memory\n");
}

static void explain_node(Explainer *explainer, const PlanNode *node, int32_t depth)
{
    Buffer *out = explainer->out;
    explain_indent(explainer, depth, true);
    buffer_printf(out, "#%d %s ", node->id, node->label);
    changelog_print(out, node->changelog);
    if (explainer->is_printed[node->id]) {
        buffer_append_text(out, "  (shared, see above)\n");
        return;
    }
    explainer->is_printed[node->id] = true;
    Buffer details = {0};
    explain_details(&details, node);
    if (details.length > 0)
        buffer_printf(out, "  %s", buffer_terminated(&details));
    buffer_free(&details);
    if (explainer->consumers[node->id] > 1)
        buffer_printf(out, "  (shared by %d)", explainer->consumers[node->id]);
    buffer_append_char(out, '\n');
    explain_state(explainer, node, depth + 1);
    if (node->kind == PLAN_SINK || node->kind == PLAN_SERVE) {
        explain_indent(explainer, depth + 1, false);
        explain_guarantee(out, node);
        buffer_append_char(out, '\n');
    }
    if (node->distribution != DISTRIBUTION_ANY) {
        explain_indent(explainer, depth + 1, false);
        explain_distributions(out, node);
        buffer_append_char(out, '\n');
    }
    for (int32_t i = 0; i < node->input_count; i++)
        explain_node(explainer, node->inputs[i], depth + 1);
}

void plan_explain(const Plan *plan, Buffer *out)
{
    Explainer explainer = {.plan = plan, .out = out};
    Arena *arena = arena_new(0);
    explainer.is_printed = ARENA_ARRAY(arena, bool, plan->node_count + 1);
    explainer.consumers = ARENA_ARRAY(arena, int32_t, plan->node_count + 1);
    for (int32_t i = 0; i < plan->node_count; i++) {
        const PlanNode *node = plan->nodes[i];
        assert(node->id == i);
        for (int32_t k = 0; k < node->input_count; k++)
            explainer.consumers[node->inputs[k]->id]++;
    }
    for (int32_t i = 0; i < plan->root_count; i++) {
        if (i > 0)
            buffer_append_char(out, '\n');
        explain_node(&explainer, plan->roots[i], 0);
    }
    arena_free(arena);
}
