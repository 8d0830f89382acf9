/* GROUP BY window_start, window_end of rows that have a window already, because they come out of a
 * window aggregation, a join or Top-N of windows: they are grouped by it again ("attached
 * windows"). Both columns are keys like others; the end says when the window is over. */
#include <assert.h>

#include "plan/kind.h"
#include "plan/window_property.h"

typedef struct AttachedGroup {
    Planner *planner;
    GroupQuery *group;
    const WindowProperty *property;
    GroupColumns columns;
    int32_t *keys; /* columns of the new input */
    int32_t key_count;
    int32_t end; /* of the group's input */
    bool has_time;
    Type time;
} AttachedGroup;

/* The column of the group's input that the key is, or -1. */
static int32_t key_column(const GroupQuery *group, int32_t index)
{
    const Expr *key = LIST_AT(group->keys, index, Expr);
    return key->kind == EXPR_COLUMN ? key->column : -1;
}

/* window_time is not grouped by but made again from the end. */
static bool key_is_time(const AttachedGroup *a, int32_t column)
{
    return column >= 0 && a->property->times[column];
}

static bool attached_find(AttachedGroup *a)
{
    bool has_start = false;
    a->end = -1;
    for (int32_t k = 0; k < a->group->keys.count; k++) {
        int32_t column = key_column(a->group, k);
        if (column < 0)
            continue;
        has_start = has_start || a->property->starts[column];
        if (a->property->ends[column])
            a->end = column;
    }
    return has_start && a->end >= 0;
}

static void attached_bind_keys(AttachedGroup *a)
{
    Planner *planner = a->planner;
    a->keys = ARENA_ARRAY(planner->arena, int32_t, a->group->keys.count + 1);
    for (int32_t k = 0; k < a->group->keys.count; k++) {
        Expr *key = LIST_AT(a->group->keys, k, Expr);
        if (key_is_time(a, key_column(a->group, k))) {
            a->has_time = true;
            a->time = key->type;
            continue;
        }
        a->keys[a->key_count++] =
            group_column(planner, &a->columns, key, group_key_name(a->group, key));
    }
}

static Schema attached_schema(const AttachedGroup *a, const Rel *input,
                              const PlanAggregate *aggregates, int32_t aggregate_count)
{
    int32_t count = a->key_count + aggregate_count;
    Field *fields = ARENA_ARRAY(a->planner->arena, Field, count + 1);
    for (int32_t i = 0; i < a->key_count; i++) {
        fields[i] = input->node.schema.fields[a->keys[i]];
        fields[i].type = type_plain(fields[i].type);
    }
    for (int32_t i = 0; i < aggregate_count; i++)
        fields[a->key_count + i] = (Field){aggregates[i].name, aggregates[i].call->result};
    if (a->has_time)
        fields[count] = (Field){STR("window_time"), a->time};
    return (Schema){.fields = fields, .count = count + a->has_time};
}

static Rel *attached_rel(AttachedGroup *a)
{
    static const WindowColumn time_column[] = {WINDOW_TIME};
    Planner *planner = a->planner;
    const List *uses = &a->group->aggregates;
    Type end_type = a->group->input.schema.fields[a->end].type;
    int32_t end =
        group_column(planner, &a->columns, expr_column(planner->arena, a->end, end_type), (Str){0});
    PlanAggregate *aggregates = group_aggregates(planner, &a->columns, uses);
    group_name_results(a->group, aggregates);
    Rel *input = group_columns_rel(planner, &a->columns, NULL);
    Schema schema = attached_schema(a, input, aggregates, uses->count);
    Rel *rel = rel_new(planner, PLAN_WINDOW_AGGREGATE, &schema, &input, 1);
    rel->span = a->group->span;
    rel->node.window_aggregate.window = a->property->spec;
    rel->node.window_aggregate.window.is_attached = true;
    portable_window(planner, a->property->spec.kind, false, uses);
    rel->node.window_aggregate.window.time_column = end;
    rel->node.window_aggregate.keys = a->keys;
    rel->node.window_aggregate.key_count = a->key_count;
    rel->node.window_aggregate.aggregates = aggregates;
    rel->node.window_aggregate.aggregate_count = uses->count;
    rel->node.window_aggregate.window_columns = time_column;
    rel->node.window_aggregate.window_column_count = a->has_time;
    return rel_intern(planner, rel);
}

bool bind_attached_group(Planner *planner, GroupQuery *group, Bound *out)
{
    AttachedGroup a = {.planner = planner, .group = group, .columns.input = group->input.rel};
    a.property = rel_window(planner, group->input.rel);
    /* Sessions and windows of processing time are grouped again as anything is, by Flink too. */
    if (a.property == NULL || a.property->spec.kind == WINDOW_SESSION ||
        a.property->spec.is_processing_time || !attached_find(&a))
        return false;
    attached_bind_keys(&a);
    Rel *rel = attached_rel(&a);
    Expr **outputs = rel_columns(planner, &rel->node.schema);
    Expr **keys = ARENA_ARRAY(planner->arena, Expr *, group->keys.count + 1);
    int32_t next = 0;
    for (int32_t k = 0; k < group->keys.count; k++) {
        bool is_time = key_is_time(&a, key_column(group, k));
        keys[k] = is_time ? outputs[rel->node.schema.count - 1] : outputs[next++];
    }
    assert(next == a.key_count);
    *out = group_items(planner, group, rel, NULL, keys, outputs + a.key_count);
    return true;
}
