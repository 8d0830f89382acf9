/* Stable names of operators.
 *
 * An operator's state is found again by its uid after the script was edited. The uid is a hash of
 * what the operator computes, spelled with the names of the tables' columns: where its rows come
 * from and which filters they passed, its keys, calls and window. So it does not change when
 * another statement comes or goes, when columns are reordered or read in addition, or when
 * views are renamed; it does when the state would mean something else. Sinks and materialized
 * tables are named after their target. */
#include <assert.h>

#include "base/hash.h"
#include "plan/internal.h"

static uint64_t hash_text(uint64_t seed, const char *text)
{
    Str str = str_from(text);
    return hash_combine(seed, hash_bytes(str.data, str.length));
}

static uint64_t hash_str(uint64_t seed, Str text)
{
    return hash_combine(seed, hash_bytes(text.data, text.length));
}

static uint64_t expr_identity(const Expr *expr, const uint64_t *columns)
{
    if (expr->kind == EXPR_COLUMN)
        return columns[expr->column];
    if (expr->kind == EXPR_LITERAL) {
        Buffer text = {0};
        expr_digest(&text, expr);
        uint64_t hash = hash_bytes(text.data, text.length);
        buffer_free(&text);
        return hash;
    }
    uint64_t hash = hash_text(3, function_name(expr->function));
    for (int32_t i = 0; i < expr->arg_count; i++)
        hash = hash_combine(hash, expr_identity(expr->args[i], columns));
    Buffer type = {0};
    type_print(&type, type_nullable(type_plain(expr->type)));
    hash = hash_str(hash, buffer_str(&type));
    buffer_free(&type);
    return hash;
}

static uint64_t window_identity(const WindowSpec *window, const uint64_t *columns)
{
    uint64_t hash = hash_combine((uint64_t)window->kind, columns[window->time_column]);
    hash = hash_combine(hash, (uint64_t)window->size_ms);
    hash = hash_combine(hash, (uint64_t)window->slide_ms);
    return hash_combine(hash, (uint64_t)window->offset_ms);
}

static uint64_t aggregate_identity(const PlanAggregate *aggregate, const uint64_t *columns)
{
    uint64_t hash = hash_text(aggregate->call->is_distinct, aggregate_name(aggregate->call));
    for (int32_t a = 0; a < aggregate->call->arg_count; a++)
        hash = hash_combine(hash, columns[aggregate->args[a]]);
    if (aggregate->filter >= 0)
        hash = hash_combine(hash, hash_u64(columns[aggregate->filter]));
    return hash;
}

static uint64_t table_identity(const TableEntry *entry)
{
    /* Options of the table may change under a job (a password); those of a hint make another
     * reader of the same table. */
    uint64_t hash = hash_str(1, entry->table.path);
    for (int32_t i = 0; i < entry->hint_count; i++)
        hash = hash_str(hash, entry->options[entry->hints[i]].key);
    for (int32_t i = 0; i < entry->hint_count; i++)
        hash = hash_str(hash, entry->options[entry->hints[i]].value);
    return hash;
}

/* Metadata go by their keys: tables on a shared source may call them differently. */
static uint64_t source_identity(Rel *rel)
{
    const PlanTable *table = &rel->entry->table;
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        int32_t column = rel->node.source.columns[i];
        rel->column_identities[i] =
            column >= 0 ? hash_str(11, table->physical.fields[column].name)
                        : hash_text(12, table->connector->metadata[-column - 1].key);
    }
    return table_identity(rel->entry);
}

static uint64_t values_identity(Rel *rel)
{
    Buffer text = {0};
    rel_digest(&text, rel);
    uint64_t hash = hash_bytes(text.data, text.length);
    buffer_free(&text);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] = hash_combine(hash, (uint64_t)i);
    return hash;
}

static uint64_t calc_identity(Rel *rel, const Rel *input)
{
    const uint64_t *columns = input->column_identities;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] = rel->node.calc.exprs == NULL
                                        ? columns[i]
                                        : expr_identity(rel->node.calc.exprs[i], columns);
    uint64_t hash = rel->entry != NULL ? table_identity(rel->entry) : input->identity;
    if (rel->node.calc.filter == NULL)
        return hash;
    return hash_combine(hash, expr_identity(rel->node.calc.filter, columns));
}

static uint64_t pass_on_identity(Rel *rel, const Rel *input)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] = input->column_identities[i];
    return input->identity;
}

static uint64_t keyed_identity(Rel *rel, const Rel *input, const int32_t *keys, int32_t key_count,
                               const PlanAggregate *aggregates, int32_t aggregate_count)
{
    const uint64_t *columns = input->column_identities;
    uint64_t hash = hash_combine(input->identity, (uint64_t)rel->node.kind);
    for (int32_t i = 0; i < key_count; i++) {
        rel->column_identities[i] = columns[keys[i]];
        hash = hash_combine(hash, columns[keys[i]]);
    }
    for (int32_t i = 0; i < aggregate_count; i++) {
        uint64_t call = aggregate_identity(&aggregates[i], columns);
        rel->column_identities[key_count + i] = call;
        hash = hash_combine(hash, call);
    }
    return hash;
}

static uint64_t window_aggregate_identity(Rel *rel, const Rel *input)
{
    const PlanNode *node = &rel->node;
    int32_t before = node->window_aggregate.key_count + node->window_aggregate.aggregate_count;
    for (int32_t i = before; i < node->schema.count; i++)
        rel->column_identities[i] =
            hash_combine(21, (uint64_t)node->window_aggregate.window_columns[i - before]);
    uint64_t hash =
        keyed_identity(rel, input, node->window_aggregate.keys, node->window_aggregate.key_count,
                       node->window_aggregate.aggregates, node->window_aggregate.aggregate_count);
    return hash_combine(hash,
                        window_identity(&node->window_aggregate.window, input->column_identities));
}

static uint64_t assign_identity(Rel *rel, const Rel *input)
{
    int32_t before = rel->node.schema.count - 3;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] =
            i < before ? input->column_identities[i] : hash_combine(21, (uint64_t)(i - before));
    return hash_combine(input->identity,
                        window_identity(&rel->node.window_assign.window, input->column_identities));
}

static uint64_t union_identity(Rel *rel)
{
    uint64_t hash = 31;
    for (int32_t k = 0; k < rel->node.input_count; k++) {
        const Rel *input = rel_input(rel, k);
        hash = hash_combine(hash, input->identity);
        for (int32_t i = 0; i < rel->node.schema.count; i++)
            rel->column_identities[i] =
                hash_combine(rel->column_identities[i], input->column_identities[i]);
    }
    return hash;
}

void pass_identity(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    const Rel *input = node->input_count > 0 ? rel_input(rel, 0) : NULL;
    rel->column_identities = ARENA_ARRAY(planner->arena, uint64_t, node->schema.count + 1);
    switch (node->kind) {
    case PLAN_SOURCE: rel->identity = source_identity(rel); break;
    case PLAN_VALUES: rel->identity = values_identity(rel); break;
    case PLAN_CALC: rel->identity = calc_identity(rel, input); break;
    case PLAN_WATERMARK:
    case PLAN_NORMALIZE: rel->identity = pass_on_identity(rel, input); break;
    case PLAN_WINDOW_ASSIGN: rel->identity = assign_identity(rel, input); break;
    case PLAN_WINDOW_AGGREGATE: rel->identity = window_aggregate_identity(rel, input); break;
    case PLAN_GROUP_AGGREGATE:
        rel->identity =
            keyed_identity(rel, input, node->group_aggregate.keys, node->group_aggregate.key_count,
                           node->group_aggregate.aggregates, node->group_aggregate.aggregate_count);
        /* What streaming has emitted, batch mode still owes. */
        if (node->group_aggregate.is_final)
            rel->identity = hash_combine(rel->identity, 51);
        break;
    case PLAN_UNION: rel->identity = union_identity(rel); break;
    case PLAN_SINK: rel->identity = hash_str(41, node->sink.table->path); break;
    case PLAN_SERVE: rel->identity = hash_str(43, node->serve.path); break;
    }
    assert(rel->column_identities != NULL);
}
