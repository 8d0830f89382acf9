/* A join of rows whose times lie within bounds of each other. */
#include "base/hash.h"
#include "plan/kind/pair.h"

static void interval_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    pair_digest(out, rel, &node->interval_join.join);
    buffer_printf(out, "%d/%d/%d/%lld/%lld/%lld", node->interval_join.is_event_time,
                  node->interval_join.times[0], node->interval_join.times[1],
                  (long long)node->interval_join.lower_us, (long long)node->interval_join.upper_us,
                  (long long)node->interval_join.cleanup_us);
}

static ChangelogMode interval_mode(const Rel *rel, ChangelogMode optional)
{
    (void)rel, (void)optional;
    return CHANGELOG_APPEND;
}

static UpdateBefore interval_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_UNNEEDED;
}

static void interval_settle(Planner *planner, Rel *rel)
{
    pair_report_updates(planner, rel, "an interval join");
}

static void interval_keys(Planner *planner, Rel *rel)
{
    pair_keys(planner, rel, &rel->node.interval_join.join);
}

static void interval_mark(const Rel *rel, bool *const *below)
{
    pair_mark(rel, &rel->node.interval_join.join, below);
    for (int32_t i = 0; rel->node.interval_join.is_event_time && i < 2; i++)
        below[i][rel->node.interval_join.times[i]] = true;
}

/* Time that passes by the clock says nothing of the event times of the rows that wait for it: what
 * comes out would be late. Known only now, when the columns that nobody reads are gone. */
static void interval_check_times(Planner *planner, const Rel *rel)
{
    for (int32_t side = 0; side < 2; side++) {
        const Schema *schema = &rel->node.inputs[side]->schema;
        for (int32_t i = 0; i < schema->count; i++) {
            if (schema->fields[i].type.time_attribute != TIME_ROWTIME)
                continue;
            Diagnostic *d = REPORT(planner, "WR2122", rel->span,
                                   "an interval join over processing time cannot carry the event "
                                   "time `%.*s`",
                                   STR_ARGS(schema->fields[i].name));
            diagnostic_help(d,
                            "compare the event times of both sides, or read CAST(%.*s AS "
                            "TIMESTAMP(3)) instead",
                            STR_ARGS(schema->fields[i].name));
            return;
        }
    }
}

static void interval_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t **maps = pair_prune(planner, rel, &node->interval_join.join);
    for (int32_t i = 0; node->interval_join.is_event_time && i < 2; i++)
        node->interval_join.times[i] = maps[i][node->interval_join.times[i]];
    if (!node->interval_join.is_event_time)
        interval_check_times(planner, rel);
}

static uint64_t interval_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    uint64_t hash = pair_identify(rel, &node->interval_join.join);
    for (int32_t i = 0; node->interval_join.is_event_time && i < 2; i++)
        hash =
            hash_combine(hash, rel_input(rel, i)->column_identities[node->interval_join.times[i]]);
    hash = hash_combine(hash, (uint64_t)node->interval_join.lower_us);
    return hash_combine(hash, (uint64_t)node->interval_join.upper_us);
}

static void interval_label(Buffer *out, const PlanNode *node)
{
    pair_label(out, node, "interval join", &node->interval_join.join);
}

static void print_bound(Buffer *out, int64_t us)
{
    if (us == 0)
        return;
    buffer_append_text(out, us < 0 ? " - " : " + ");
    duration_print(out, (us < 0 ? -us : us) / 1000);
}

static void interval_details(Buffer *out, const PlanNode *node)
{
    const PlanJoin *join = &node->interval_join.join;
    Str names[2] = {STR("the clock of the left"), STR("the clock of the right")};
    for (int32_t i = 0; node->interval_join.is_event_time && i < 2; i++)
        names[i] = node->inputs[i]->schema.fields[node->interval_join.times[i]].name;
    buffer_printf(out, "%s, %.*s from %.*s", join_kind_text(join->kind), STR_ARGS(names[0]),
                  STR_ARGS(names[1]));
    print_bound(out, node->interval_join.lower_us);
    buffer_printf(out, " to %.*s", STR_ARGS(names[1]));
    print_bound(out, node->interval_join.upper_us);
    pair_explain_condition(out, node, join);
}

static void interval_distribute(Planner *planner, PlanNode *node)
{
    pair_distribute(planner, node, &node->interval_join.join);
}

const RelKind interval_join_kind = {
    .kind = PLAN_INTERVAL_JOIN,
    .name = "interval_join",
    .state = STATE_MAY_SPILL,
    .digest = interval_digest,
    .mode = interval_mode,
    .asks = interval_asks,
    .settle = interval_settle,
    .keys = interval_keys,
    .mark = interval_mark,
    .prune = interval_prune,
    .identify = interval_identify,
    .label = interval_label,
    .details = interval_details,
    .distribute = interval_distribute,
};
