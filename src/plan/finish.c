/* The last pass: order, distribution, uids and labels. */
#include <assert.h>
#include <string.h>

#include "plan/kind.h"

/* Before the zone in a uid. */
enum { UID_ZONE_MARK = '@' };
static const char UID_ZONE_MARKS[] = {UID_ZONE_MARK, '\0'};

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

const char *node_label(Arena *arena, const PlanNode *node)
{
    Buffer text = {0};
    rel_kind(node->kind)->label(&text, node);
    const char *label = str_terminated(arena, buffer_str(&text));
    buffer_free(&text);
    return label;
}

/* ---- Uids ------------------------------------------------------------------------------ */

/* The kind's name with dashes. */
static const char *uid_prefix(Planner *planner, PlanKind kind)
{
    char *prefix = arena_printf(planner->arena, "%s", rel_kind(kind)->name);
    for (char *at = prefix; *at != '\0'; at++) {
        if (*at == '_')
            *at = '-';
    }
    return prefix;
}

/* A position belongs to a connector, and maybe to one thing that it reads; what is computed from
 * the rows does not. */
static uint64_t uid_identity(const Rel *rel)
{
    if (rel->node.kind != PLAN_SOURCE)
        return rel->identity;
    const PlanTable *table = rel->node.source.table;
    const ConnectorInfo *connector = table->connector;
    uint64_t hash = identity_text(rel->identity, connector->name);
    return connector->place_option == NULL
               ? hash
               : identity_str(hash, options_text(table->options.options, connector->place_option));
}

/* The nodes whose identity is another where something stands for the zone: what their state means
 * depends on it. Fills the identities. */
static bool *uid_find_zoned(Planner *planner)
{
    enum { ANY_SALT = 67 };
    int32_t count = planner->rels.count;
    bool *is_zoned = ARENA_ARRAY(planner->arena, bool, count + 1);
    uint64_t *salted = ARENA_ARRAY(planner->arena, uint64_t, count + 1);
    for (int32_t i = 0; i < count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        pass_identity(planner, rel, ANY_SALT);
        salted[i] = uid_identity(rel);
    }
    for (int32_t i = 0; i < count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        pass_identity(planner, rel, 0);
        is_zoned[i] = salted[i] != uid_identity(rel);
    }
    return is_zoned;
}

const char *plan_uid_zone(const char *uid)
{
    const char *mark = strchr(uid, UID_ZONE_MARK);
    return mark == NULL ? NULL : mark + 1;
}

bool plan_uid_is_same_but_zone(const char *a, const char *b)
{
    size_t length = strcspn(a, UID_ZONE_MARKS);
    return length == strcspn(b, UID_ZONE_MARKS) && memcmp(a, b, length) == 0;
}

bool plan_uid_takes(const char *uid, const char *found)
{
    return strcmp(uid, found) == 0 ||
           (plan_uid_zone(found) == NULL && plan_uid_is_same_but_zone(uid, found));
}

/* Operators of one identity are numbered; `taken` counts them. */
static const char *uid_make(Planner *planner, const Rel *rel, Map *taken)
{
    Arena *arena = planner->arena;
    const char *uid = arena_printf(arena, "%s-%016llx", uid_prefix(planner, rel->node.kind),
                                   (unsigned long long)uid_identity(rel));
    int32_t *count = map_find(taken, str_from(uid));
    if (count == NULL) {
        count = ARENA_NEW(arena, int32_t);
        map_put(taken, str_from(uid), count);
    }
    *count += 1;
    return *count == 1 ? uid : arena_printf(arena, "%s-%d", uid, *count);
}

/* ---- Distribution ---------------------------------------------------------------------- */

void distribute_by(Planner *planner, PlanNode *node, const int32_t *keys, int32_t count)
{
    assert(node->input_count == 1);
    ColumnList *lists = ARENA_ARRAY(planner->arena, ColumnList, 1);
    lists[0] = (ColumnList){.columns = keys, .count = count};
    node->distribution = count > 0 ? DISTRIBUTION_HASH : DISTRIBUTION_SINGLE;
    node->distribution_keys = lists;
}

Plan *pass_finish(Planner *planner)
{
    Plan *plan = ARENA_NEW(planner->arena, Plan);
    Map *taken = map_new(planner->arena);
    plan->arena = planner->arena;
    plan->node_count = planner->rels.count;
    plan->nodes = ARENA_ARRAY(planner->arena, PlanNode *, plan->node_count + 1);
    const bool *is_zoned = uid_find_zoned(planner);
    Str zone = timezone_name(settings_zone(planner));
    for (int32_t i = 0; i < plan->node_count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        plan->nodes[i] = &rel->node;
        rel->node.id = i;
        const RelKind *kind = rel_kind(rel->node.kind);
        if (kind->distribute != NULL)
            kind->distribute(planner, &rel->node);
        rel->node.uid = uid_make(planner, rel, taken);
        if (is_zoned[i])
            rel->node.uid = arena_printf(planner->arena, "%s%c%.*s", rel->node.uid, UID_ZONE_MARK,
                                         STR_ARGS(zone));
        rel->node.label = node_label(planner->arena, &rel->node);
        assert(rel->node.changelog != 0);
    }
    plan->root_count = planner->roots.count;
    plan->roots = ARENA_ARRAY(planner->arena, PlanNode *, plan->root_count + 1);
    for (int32_t i = 0; i < plan->root_count; i++)
        plan->roots[i] = &LIST_AT(planner->roots, i, Rel)->node;
    return plan;
}
