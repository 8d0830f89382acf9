/* Stable names of operators.
 *
 * An operator's state is found again by its uid after the script was edited. The uid is a hash of
 * what the operator computes, spelled with the names of the tables' columns: where its rows come
 * from and which filters they passed, its keys, calls and window. So it does not change when
 * another statement comes or goes, when columns are reordered or read in addition, or when
 * views are renamed; it does when the state would mean something else, or is of another type. Sinks
 * are named after their target; materialized tables too, but their rows are those of one query. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

uint64_t identity_text(uint64_t seed, const char *text)
{
    Str str = str_from(text);
    return hash_combine(seed, hash_bytes(str.data, str.length));
}

uint64_t identity_str(uint64_t seed, Str text)
{
    return hash_combine(seed, hash_bytes(text.data, text.length));
}

uint64_t identity_type(uint64_t seed, Type type)
{
    Buffer text = {0};
    type_print(&text, type_nullable(type_plain(type)));
    uint64_t hash = identity_str(seed, buffer_str(&text));
    buffer_free(&text);
    return hash;
}

uint64_t identity_schema(uint64_t seed, const Schema *schema)
{
    for (int32_t i = 0; i < schema->count; i++)
        seed = identity_type(identity_str(seed, schema->fields[i].name), schema->fields[i].type);
    return seed;
}

/* Of the tree alone. */
static uint64_t identity_tree(const Expr *expr, const uint64_t *columns)
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
    uint64_t hash = identity_text(3, function_name(expr->function));
    for (int32_t i = 0; i < expr->arg_count; i++)
        hash = hash_combine(hash, identity_tree(expr->args[i], columns));
    return identity_type(hash, expr->type);
}

static uint64_t identity_zone(const Rel *rel, uint64_t hash)
{
    return rel->zone_salt == 0 ? hash : hash_combine(hash, rel->zone_salt);
}

uint64_t identity_expr(const Rel *rel, const Expr *expr, const uint64_t *columns)
{
    uint64_t hash = identity_tree(expr, columns);
    return expr_depends_on_zone(expr) ? identity_zone(rel, hash) : hash;
}

uint64_t identity_window(const Rel *rel, const WindowSpec *window, const uint64_t *columns)
{
    uint64_t hash = hash_combine((uint64_t)window->kind, columns[window->time_column]);
    hash = hash_combine(hash, (uint64_t)window->size_ms);
    hash = hash_combine(hash, (uint64_t)window->slide_ms);
    hash = hash_combine(hash, (uint64_t)window->offset_ms);
    if (window->is_processing_time)
        hash = hash_combine(hash, 57);
    if (window->is_local_time)
        hash = identity_zone(rel, hash);
    return window->is_attached ? hash_combine(hash, 53) : hash;
}

uint64_t identity_aggregate(const PlanAggregate *aggregate, const uint64_t *columns)
{
    uint64_t hash = identity_text(aggregate->call->is_distinct, aggregate_name(aggregate->call));
    for (int32_t a = 0; a < aggregate->call->arg_count; a++)
        hash = hash_combine(hash, columns[aggregate->args[a]]);
    if (aggregate->filter >= 0)
        hash = hash_combine(hash, hash_u64(columns[aggregate->filter]));
    return hash;
}

uint64_t identity_table(const TableEntry *entry)
{
    /* Options of the table may change under a job (a password); those of a hint make another
     * reader of the same table. */
    uint64_t hash = identity_str(1, entry->table.path);
    for (int32_t i = 0; i < entry->hint_count; i++)
        hash = identity_str(hash, entry->options[entry->hints[i]].key);
    for (int32_t i = 0; i < entry->hint_count; i++)
        hash = identity_str(hash, entry->options[entry->hints[i]].value);
    return hash;
}

uint64_t identity_pass_on(Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] = input->column_identities[i];
    return input->identity;
}

uint64_t identity_columns(uint64_t seed, const int32_t *list, int32_t count,
                          const uint64_t *columns)
{
    for (int32_t i = 0; i < count; i++)
        seed = hash_combine(seed, columns[list == NULL ? i : list[i]]);
    return seed;
}

uint64_t identity_order(uint64_t seed, const SortColumn *order, int32_t count,
                        const uint64_t *columns)
{
    for (int32_t i = 0; i < count; i++) {
        seed = hash_combine(seed, columns[order[i].column]);
        seed = hash_combine(seed, (uint64_t)order[i].is_descending << 1 |
                                      (uint64_t)order[i].has_nulls_last);
    }
    return seed;
}

uint64_t identity_keyed(Rel *rel, const int32_t *keys, int32_t key_count,
                        const PlanAggregate *aggregates, int32_t aggregate_count)
{
    const Rel *input = rel_input(rel, 0);
    const uint64_t *columns = input->column_identities;
    uint64_t hash = hash_combine(input->identity, (uint64_t)rel->node.kind);
    for (int32_t i = 0; i < key_count; i++) {
        rel->column_identities[i] = columns[keys[i]];
        hash = hash_combine(hash, columns[keys[i]]);
    }
    for (int32_t i = 0; i < aggregate_count; i++) {
        uint64_t call = identity_aggregate(&aggregates[i], columns);
        rel->column_identities[key_count + i] = call;
        hash = hash_combine(hash, call);
    }
    return hash;
}

void pass_identity(Planner *planner, Rel *rel, uint64_t zone_salt)
{
    rel->zone_salt = zone_salt;
    rel->column_identities = ARENA_ARRAY(planner->arena, uint64_t, rel->node.schema.count + 1);
    rel->identity = rel_kind(rel->node.kind)->identify(rel);
}
