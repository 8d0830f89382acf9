/* Tables that stand for one reading of the outside world are read once.
 *
 * Two tables of one connector with the same options would open two connections, and take two
 * snapshots, for the same rows. They get one source with the columns of both, and each a CALC on
 * top that gives its own. The option that only flattens a changelog to inserts
 * (ConnectorInfo.append_only_option) may differ: then the source gives the changelog, and the
 * CALC of the flat table makes every row an insert.
 *
 *     payments ───── CALC ──────────────┐
 *                                       ├── source: the columns of both, every row kind
 *     payment_changes ── CALC, append ──┘
 *
 * The source is named after the first declared of them that reads the changelog, and has its
 * state. Operators above keep the names they would have had without. */
#include <assert.h>

#include "plan/internal.h"

static bool entry_is_flat(const TableEntry *entry)
{
    const char *key = entry->table.connector->append_only_option;
    return options_bool(entry->table.options.options, key);
}

/* ---- Which tables go together ---------------------------------------------------------- */

static const OptionEntry *option_find(const TableEntry *entry, Str key)
{
    for (int32_t i = 0; i < entry->option_count; i++) {
        if (str_equal(entry->options[i].key, key))
            return &entry->options[i];
    }
    return NULL;
}

/* Every option of `a` but `except` is in `b` with the same value. */
static bool options_are_within(const TableEntry *a, const TableEntry *b, const char *except)
{
    for (int32_t i = 0; i < a->option_count; i++) {
        if (str_is(a->options[i].key, except))
            continue;
        const OptionEntry *other = option_find(b, a->options[i].key);
        if (other == NULL || !str_equal(other->value, a->options[i].value))
            return false;
    }
    return true;
}

static bool types_are_same(Type a, Type b)
{
    return type_equal(a, b) && a.is_nullable == b.is_nullable;
}

static bool columns_agree(const Schema *a, const Schema *b)
{
    for (int32_t i = 0; i < a->count; i++) {
        int32_t at = schema_find(b, a->fields[i].name);
        if (at >= 0 && !types_are_same(a->fields[i].type, b->fields[at].type))
            return false;
    }
    return true;
}

static bool keys_are_same(const PlanTable *a, const PlanTable *b)
{
    if (a->key_count != b->key_count)
        return false;
    for (int32_t k = 0; k < a->key_count; k++) {
        if (!str_equal(a->physical.fields[a->key[k]].name, b->physical.fields[b->key[k]].name))
            return false;
    }
    return true;
}

static bool entries_share(const TableEntry *a, const TableEntry *b)
{
    const ConnectorInfo *connector = a->table.connector;
    const char *except = connector->append_only_option;
    return b->table.connector == connector && options_are_within(a, b, except) &&
           options_are_within(b, a, except) && keys_are_same(&a->table, &b->table) &&
           columns_agree(&a->table.physical, &b->table.physical);
}

static bool member_fits(const List *members, const Rel *rel)
{
    for (int32_t i = 0; i < members->count; i++) {
        if (!entries_share(LIST_AT(*members, i, Rel)->entry, rel->entry))
            return false;
    }
    return true;
}

/* ---- One source for them --------------------------------------------------------------- */

typedef struct SharedSource {
    Rel *rel;
    Field *physical, *fields; /* of the table and of what is read; counted there */
    int32_t *columns;
} SharedSource;

/* The leader's source and table, without columns yet. */
static void shared_init(Planner *planner, SharedSource *shared, const Rel *leader, int32_t width)
{
    Arena *arena = planner->arena;
    TableEntry *entry = arena_copy(arena, leader->entry, (int64_t)sizeof *entry);
    const Schema *physical = &leader->entry->table.physical;
    shared->physical = ARENA_ARRAY(arena, Field, width + 1);
    shared->fields = ARENA_ARRAY(arena, Field, width + 1);
    shared->columns = ARENA_ARRAY(arena, int32_t, width + 1);
    for (int32_t i = 0; i < physical->count; i++)
        shared->physical[i] = physical->fields[i]; /* keys are numbers of these */
    entry->table.physical.fields = shared->physical;
    Schema schema = {.fields = shared->fields};
    Rel *rel = rel_new(planner, PLAN_SOURCE, &schema, NULL, 0);
    rel->entry = entry;
    rel->span = leader->span;
    rel->node.changelog = leader->node.changelog;
    rel->node.source.table = &entry->table;
    rel->node.source.columns = shared->columns;
    rel->node.source.is_bounded = leader->node.source.is_bounded;
    shared->rel = rel;
}

/* The number of the member's column among those of the shared table. */
static int32_t shared_number(SharedSource *shared, const PlanTable *table, int32_t column)
{
    if (column < 0)
        return column; /* metadata are the connector's, not the table's */
    Schema *physical = &shared->rel->entry->table.physical;
    int32_t at = schema_find(physical, table->physical.fields[column].name);
    if (at >= 0)
        return at;
    shared->physical[physical->count] = table->physical.fields[column];
    return physical->count++;
}

/* The position of the member's column `index` in the shared source. */
static int32_t shared_column(SharedSource *shared, const Rel *member, int32_t index)
{
    const PlanNode *node = &member->node;
    Schema *schema = &shared->rel->node.schema;
    int32_t number = shared_number(shared, node->source.table, node->source.columns[index]);
    for (int32_t i = 0; i < schema->count; i++) {
        if (shared->columns[i] == number)
            return i;
    }
    shared->columns[schema->count] = number;
    shared->fields[schema->count] = node->schema.fields[index];
    return schema->count++;
}

static void shared_join(Planner *planner, SharedSource *shared, Rel *member)
{
    const Schema *schema = &member->node.schema;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++)
        exprs[i] =
            expr_column(planner->arena, shared_column(shared, member, i), schema->fields[i].type);
    Rel *calc = rel_new(planner, PLAN_CALC, schema, &shared->rel, 1);
    calc->span = member->span;
    calc->entry = member->entry;
    calc->node.calc.exprs = exprs;
    calc->node.calc.makes_append =
        shared->rel->node.changelog != CHANGELOG_APPEND && entry_is_flat(member->entry);
    member->stand_in = calc;
}

static void share(Planner *planner, const List *members)
{
    int32_t width = 0;
    for (int32_t i = 0; i < members->count; i++)
        width += LIST_AT(*members, i, Rel)->entry->base.count;
    SharedSource shared;
    shared_init(planner, &shared, LIST_AT(*members, 0, Rel), width);
    for (int32_t i = 0; i < members->count; i++)
        shared_join(planner, &shared, LIST_AT(*members, i, Rel));
    /* What the leader gives is what its source would: no name of its own. */
    LIST_AT(*members, 0, Rel)->stand_in->entry = NULL;
    assert(shared.rel->node.schema.count <= width);
}

/* ---- The pass -------------------------------------------------------------------------- */

static bool comes_before(const Rel *a, const Rel *b)
{
    bool is_flat = entry_is_flat(a->entry);
    if (is_flat != entry_is_flat(b->entry))
        return !is_flat;
    return a->entry->span.start < b->entry->span.start;
}

/* The sources that may be shared, those that read the changelog first, then as declared. */
static List shareable_sources(Planner *planner)
{
    List sources = {0};
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        if (rel->node.kind != PLAN_SOURCE ||
            rel->entry->table.connector->append_only_option == NULL)
            continue;
        list_append(&sources, planner->arena, rel);
        for (int32_t k = sources.count - 1; k > 0; k--) {
            if (!comes_before(rel, LIST_AT(sources, k - 1, Rel)))
                break;
            sources.items[k] = sources.items[k - 1];
            sources.items[k - 1] = rel;
        }
    }
    return sources;
}

void pass_share(Planner *planner)
{
    List sources = shareable_sources(planner);
    for (int32_t i = 0; i < sources.count; i++) {
        Rel *leader = LIST_AT(sources, i, Rel);
        if (leader->stand_in != NULL)
            continue;
        List members = {0};
        list_append(&members, planner->arena, leader);
        for (int32_t k = i + 1; k < sources.count; k++) {
            Rel *rel = LIST_AT(sources, k, Rel);
            if (rel->stand_in == NULL && member_fits(&members, rel))
                list_append(&members, planner->arena, rel);
        }
        if (members.count > 1)
            share(planner, &members);
    }
    pass_stand_in(planner);
}
