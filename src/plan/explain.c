/* EXPLAIN as text: each sink with the tree below it, and what it promises.
 *
 *     sink sales [I]  redis, key (store_id)
 *       exactly once in state; redis: idempotent by key store_id
 *     └─ hop 30 min/1 min by store_id [I]  SUM(amount) AS amount, COUNT(*)
 *        ⇠ hash by (store_id)
 *        └─ … */
#include <assert.h>

#include "plan/internal.h"

typedef struct Explainer {
    const Plan *plan;
    Buffer *out;
    bool *is_printed; /* by node id */
    int32_t *consumers;
} Explainer;

static void print_names(Buffer *out, const Schema *schema, const int32_t *columns, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(schema->fields[columns[i]].name));
}

static void print_aggregates(Buffer *out, const PlanNode *node, const PlanAggregate *aggregates,
                             int32_t count)
{
    const Schema *input = &node->inputs[0]->schema;
    for (int32_t i = 0; i < count; i++) {
        const PlanAggregate *a = &aggregates[i];
        buffer_printf(out, "%s%s(%s", i > 0 ? ", " : "", aggregate_name(a->call),
                      a->call->is_distinct ? "DISTINCT " : "");
        if (a->call->arg_count == 0)
            buffer_append_char(out, '*');
        print_names(out, input, a->args, a->call->arg_count);
        buffer_append_char(out, ')');
        if (a->filter >= 0)
            buffer_printf(out, " FILTER %.*s", STR_ARGS(input->fields[a->filter].name));
        buffer_printf(out, " AS %.*s", STR_ARGS(a->name));
    }
}

static void print_calc(Buffer *out, const PlanNode *node)
{
    const Schema *input = &node->inputs[0]->schema;
    for (int32_t i = 0; node->calc.exprs != NULL && i < node->schema.count; i++) {
        const Expr *expr = node->calc.exprs[i];
        Str name = node->schema.fields[i].name;
        buffer_append_text(out, i > 0 ? ", " : "");
        expr_print(out, expr, input);
        if (expr->kind != EXPR_COLUMN || !str_equal(input->fields[expr->column].name, name))
            buffer_printf(out, " AS %.*s", STR_ARGS(name));
    }
    if (node->calc.filter != NULL) {
        buffer_append_text(out, node->calc.exprs != NULL ? " WHERE " : "WHERE ");
        expr_print(out, node->calc.filter, input);
    }
    if (node->calc.makes_append)
        buffer_append_text(out, node->calc.exprs != NULL || node->calc.filter != NULL
                                    ? ", as append-only"
                                    : "as append-only");
}

static void print_source(Buffer *out, const PlanNode *node)
{
    const PlanTable *table = node->source.table;
    buffer_printf(out, "%s", table->connector->name);
    if (table->options.format != NULL)
        buffer_printf(out, " %s", table->options.format->name);
    buffer_printf(out, ", %s: ", node->source.is_bounded ? "bounded" : "unbounded");
    for (int32_t i = 0; i < node->schema.count; i++)
        buffer_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(node->schema.fields[i].name));
    if (table->key_count > 0) {
        buffer_append_text(out, ", key (");
        print_names(out, &table->physical, table->key, table->key_count);
        buffer_append_char(out, ')');
    }
}

static void print_watermark(Buffer *out, const PlanNode *node)
{
    expr_print(out, node->watermark.watermark, &node->inputs[0]->schema);
    if (node->watermark.idle_timeout_us > 0) {
        buffer_append_text(out, ", idle after ");
        duration_print(out, node->watermark.idle_timeout_us / 1000);
    }
}

static void print_sink(Buffer *out, const PlanNode *node)
{
    const PlanTable *table = node->sink.table;
    buffer_append_text(out, table->connector->name);
    if (table->options.format != NULL)
        buffer_printf(out, " %s", table->options.format->name);
    if (table->key_count > 0) {
        buffer_append_text(out, ", key (");
        print_names(out, &table->physical, table->key, table->key_count);
        buffer_append_char(out, ')');
    }
    if (table->partition_count > 0) {
        buffer_append_text(out, ", partitioned by (");
        print_names(out, &table->physical, table->partition, table->partition_count);
        buffer_append_char(out, ')');
    }
}

static void print_serve(Buffer *out, const PlanNode *node)
{
    if (node->serve.key_count > 0) {
        buffer_append_text(out, "key (");
        print_names(out, &node->schema, node->serve.key, node->serve.key_count);
        buffer_append_char(out, ')');
    } else {
        buffer_append_text(out, "append-only");
    }
    if (node->serve.freshness_us > 0) {
        buffer_append_text(out, ", freshness ");
        duration_print(out, node->serve.freshness_us / 1000);
    }
    if (node->serve.ttl_us > 0) {
        buffer_append_text(out, ", ttl ");
        duration_print(out, node->serve.ttl_us / 1000);
    }
}

/* What the node does, in one line behind its label. */
static void print_details(Buffer *out, const PlanNode *node)
{
    switch (node->kind) {
    case PLAN_SOURCE: print_source(out, node); break;
    case PLAN_VALUES:
        buffer_printf(out, "%d row%s", node->values.row_count,
                      node->values.row_count == 1 ? "" : "s");
        break;
    case PLAN_CALC: print_calc(out, node); break;
    case PLAN_WATERMARK: print_watermark(out, node); break;
    case PLAN_WINDOW_ASSIGN: break;
    case PLAN_WINDOW_AGGREGATE:
        print_aggregates(out, node, node->window_aggregate.aggregates,
                         node->window_aggregate.aggregate_count);
        break;
    case PLAN_GROUP_AGGREGATE:
        print_aggregates(out, node, node->group_aggregate.aggregates,
                         node->group_aggregate.aggregate_count);
        if (node->group_aggregate.state_ttl_us > 0) {
            buffer_append_text(out, ", state ttl ");
            duration_print(out, node->group_aggregate.state_ttl_us / 1000);
        }
        if (node->group_aggregate.is_final)
            buffer_append_text(out, node->group_aggregate.aggregate_count > 0
                                        ? ", at the end of input"
                                        : "at the end of input");
        break;
    case PLAN_NORMALIZE:
    case PLAN_UNION: break;
    case PLAN_SINK: print_sink(out, node); break;
    case PLAN_SERVE: print_serve(out, node); break;
    }
}

void explain_details(Buffer *out, const PlanNode *node)
{
    print_details(out, node);
}

void explain_distribution(Buffer *out, const PlanNode *node)
{
    if (node->distribution == DISTRIBUTION_SINGLE) {
        buffer_append_text(out, "single");
    } else if (node->distribution == DISTRIBUTION_HASH) {
        buffer_append_text(out, "hash by (");
        print_names(out, &node->inputs[0]->schema, node->distribution_keys,
                    node->distribution_key_count);
        buffer_append_char(out, ')');
    }
}

/* The promise of everything from the sources to this root, and its reason. */
void explain_guarantee(Buffer *out, const PlanNode *root)
{
    buffer_append_text(out, "exactly once in state; ");
    if (root->kind == PLAN_SERVE) {
        buffer_printf(out, "%.*s: exactly once, restored with the checkpoint",
                      STR_ARGS(root->serve.name));
        return;
    }
    const PlanTable *table = root->sink.table;
    const char *name = table->connector->name;
    switch (table->connector->guarantee) {
    case SINK_TRANSACTIONAL:
        buffer_printf(out, "%s: exactly once, commits with the checkpoint", name);
        break;
    case SINK_IDEMPOTENT:
        if (table->key_count > 0) {
            buffer_printf(out, "%s: idempotent by key ", name);
            print_names(out, &table->physical, table->key, table->key_count);
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
    print_details(&details, node);
    if (details.length > 0)
        buffer_printf(out, "  %s", buffer_terminated(&details));
    buffer_free(&details);
    if (explainer->consumers[node->id] > 1)
        buffer_printf(out, "  (shared by %d)", explainer->consumers[node->id]);
    buffer_append_char(out, '\n');
    if (node->kind == PLAN_SINK || node->kind == PLAN_SERVE) {
        explain_indent(explainer, depth + 1, false);
        explain_guarantee(out, node);
        buffer_append_char(out, '\n');
    }
    if (node->distribution != DISTRIBUTION_ANY) {
        explain_indent(explainer, depth + 1, false);
        explain_distribution(out, node);
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
