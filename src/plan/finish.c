/* The last pass: order, distribution, uids and labels. */
#include <assert.h>

#include "plan/internal.h"

void duration_print(Buffer *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ms != 0 && ms % units[i].ms == 0) {
            buffer_printf(out, "%lld %s", (long long)(ms / units[i].ms), units[i].name);
            return;
        }
    }
    buffer_printf(out, "%lld ms", (long long)ms);
}

/* ---- Labels ---------------------------------------------------------------------------- */

static void label_window(Buffer *out, const WindowSpec *window)
{
    switch (window->kind) {
    case WINDOW_TUMBLE: buffer_append_text(out, "tumble "); break;
    case WINDOW_HOP: buffer_append_text(out, "hop "); break;
    case WINDOW_CUMULATE: buffer_append_text(out, "cumulate "); break;
    }
    duration_print(out, window->size_ms);
    if (window->kind != WINDOW_TUMBLE) {
        buffer_append_char(out, '/');
        duration_print(out, window->slide_ms);
    }
}

static void label_keys(Buffer *out, const PlanNode *node, const int32_t *keys, int32_t key_count)
{
    for (int32_t i = 0; i < key_count; i++)
        buffer_printf(out, "%s%.*s", i == 0 ? " by " : ", ",
                      STR_ARGS(node->inputs[0]->schema.fields[keys[i]].name));
}

static void label_print(Buffer *out, const PlanNode *node)
{
    switch (node->kind) {
    case PLAN_SOURCE: buffer_printf(out, "source %.*s", STR_ARGS(node->source.table->name)); break;
    case PLAN_VALUES: buffer_append_text(out, "values"); break;
    case PLAN_CALC:
        buffer_append_text(out, node->calc.filter == NULL  ? "project"
                                : node->calc.exprs == NULL ? "filter"
                                                           : "filter and project");
        break;
    case PLAN_WATERMARK:
        buffer_printf(out, "watermark %.*s",
                      STR_ARGS(node->schema.fields[node->watermark.time_column].name));
        break;
    case PLAN_WINDOW_ASSIGN: label_window(out, &node->window_assign.window); break;
    case PLAN_WINDOW_AGGREGATE:
        label_window(out, &node->window_aggregate.window);
        label_keys(out, node, node->window_aggregate.keys, node->window_aggregate.key_count);
        break;
    case PLAN_GROUP_AGGREGATE:
        buffer_append_text(out, node->group_aggregate.aggregate_count == 0 ? "distinct" : "group");
        label_keys(out, node, node->group_aggregate.keys, node->group_aggregate.key_count);
        break;
    case PLAN_NORMALIZE:
        buffer_append_text(out, "normalize");
        label_keys(out, node, node->normalize.keys, node->normalize.key_count);
        break;
    case PLAN_UNION: buffer_append_text(out, "union"); break;
    case PLAN_SINK: buffer_printf(out, "sink %.*s", STR_ARGS(node->sink.table->name)); break;
    case PLAN_SERVE: buffer_printf(out, "serve %.*s", STR_ARGS(node->serve.name)); break;
    }
}

const char *node_label(Arena *arena, const PlanNode *node)
{
    Buffer text = {0};
    label_print(&text, node);
    const char *label = str_terminated(arena, buffer_str(&text));
    buffer_free(&text);
    return label;
}

/* ---- Uids ------------------------------------------------------------------------------ */

static const char *uid_prefix(PlanKind kind)
{
    switch (kind) {
    case PLAN_SOURCE: return "source";
    case PLAN_VALUES: return "values";
    case PLAN_CALC: return "calc";
    case PLAN_WATERMARK: return "watermark";
    case PLAN_WINDOW_ASSIGN: return "window";
    case PLAN_WINDOW_AGGREGATE: return "window-aggregate";
    case PLAN_GROUP_AGGREGATE: return "group-aggregate";
    case PLAN_NORMALIZE: return "normalize";
    case PLAN_UNION: return "union";
    case PLAN_SINK: return "sink";
    case PLAN_SERVE: return "serve";
    }
    return "node";
}

/* Operators of one identity are numbered; `taken` counts them. */
static const char *uid_make(Planner *planner, const Rel *rel, Map *taken)
{
    Arena *arena = planner->arena;
    const char *uid = arena_printf(arena, "%s-%016llx", uid_prefix(rel->node.kind),
                                   (unsigned long long)rel->identity);
    int32_t *count = map_find(taken, str_from(uid));
    if (count == NULL) {
        count = ARENA_NEW(arena, int32_t);
        map_put(taken, str_from(uid), count);
    }
    *count += 1;
    return *count == 1 ? uid : arena_printf(arena, "%s-%d", uid, *count);
}

/* ---- Distribution ---------------------------------------------------------------------- */

static void distribute_by(PlanNode *node, const int32_t *keys, int32_t count)
{
    node->distribution = count > 0 ? DISTRIBUTION_HASH : DISTRIBUTION_SINGLE;
    node->distribution_keys = keys;
    node->distribution_key_count = count;
}

static void distribute_sink(Planner *planner, PlanNode *node)
{
    const PlanTable *table = node->sink.table;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, table->key_count + 1);
    int32_t count = 0;
    for (int32_t k = 0; k < table->key_count; k++) {
        for (int32_t i = 0; i < node->schema.count; i++) {
            if (node->sink.writes[i] == table->key[k])
                columns[count++] = i;
        }
    }
    distribute_by(node, columns, count == table->key_count ? count : 0);
}

static void distribute(Planner *planner, PlanNode *node)
{
    switch (node->kind) {
    case PLAN_WINDOW_AGGREGATE:
        distribute_by(node, node->window_aggregate.keys, node->window_aggregate.key_count);
        break;
    case PLAN_GROUP_AGGREGATE:
        distribute_by(node, node->group_aggregate.keys, node->group_aggregate.key_count);
        break;
    case PLAN_NORMALIZE:
        distribute_by(node, node->normalize.keys, node->normalize.key_count);
        break;
    case PLAN_SINK: distribute_sink(planner, node); break;
    case PLAN_SERVE: distribute_by(node, NULL, 0); break;
    case PLAN_SOURCE:
    case PLAN_VALUES:
    case PLAN_CALC:
    case PLAN_WATERMARK:
    case PLAN_WINDOW_ASSIGN:
    case PLAN_UNION: node->distribution = DISTRIBUTION_ANY; break;
    }
}

Plan *pass_finish(Planner *planner)
{
    Plan *plan = ARENA_NEW(planner->arena, Plan);
    Map *taken = map_new(planner->arena);
    plan->arena = planner->arena;
    plan->node_count = planner->rels.count;
    plan->nodes = ARENA_ARRAY(planner->arena, PlanNode *, plan->node_count + 1);
    for (int32_t i = 0; i < plan->node_count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        plan->nodes[i] = &rel->node;
        rel->node.id = i;
        pass_identity(planner, rel);
        distribute(planner, &rel->node);
        rel->node.uid = uid_make(planner, rel, taken);
        rel->node.label = node_label(planner->arena, &rel->node);
        assert(rel->node.changelog != 0);
    }
    plan->root_count = planner->roots.count;
    plan->roots = ARENA_ARRAY(planner->arena, PlanNode *, plan->root_count + 1);
    for (int32_t i = 0; i < plan->root_count; i++)
        plan->roots[i] = &LIST_AT(planner->roots, i, Rel)->node;
    return plan;
}
