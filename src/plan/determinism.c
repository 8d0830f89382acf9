/* table.optimizer.non-deterministic-update.strategy = TRY_RESOLVE: refuse what would not give the
 * same values again when a row is taken back.
 *
 * A row is taken back by a row with its old values. They are worked out anew, from the old values
 * of the input; NOW(), UUID() or a look-up may then give others, and whoever keeps the rows does
 * not find the one that is to go. So from the roots down: which columns must be the same again, in
 * rows that are not inserts only? All of them, where rows are kept or given to a sink as they are;
 * none, where they are found by a key, which is made of columns alone. */
#include <assert.h>
#include <string.h>

#include "plan/kind.h"

static const char strategy_key[] = "table.optimizer.non-deterministic-update.strategy";

typedef struct Determinism {
    Planner *planner;
    bool **required; /* by place in planner->rels: of each output column */
} Determinism;

/* ---- What is wrong --------------------------------------------------------------------- */

static void report(Planner *planner, const Rel *rel, Span span, const char *what)
{
    Diagnostic *d = REPORT(planner, "WR2086", span, "%s when a row is taken back", what);
    diagnostic_note(d, "rows are changed by %s; the value that goes must be the one that came",
                    changes_origin_text(planner, rel));
    diagnostic_help(d, "leave it out, or SET '%s' = 'IGNORE'", strategy_key);
}

static const Expr *find_volatile(const Expr *expr)
{
    if (expr_is_deterministic(expr))
        return NULL;
    for (int32_t i = 0; i < expr->arg_count; i++) {
        const Expr *inner = find_volatile(expr->args[i]);
        if (inner != NULL)
            return inner;
    }
    return expr;
}

/* `rel` is what the expression reads. */
static void check_expr(Planner *planner, const Rel *rel, const Expr *expr, Span span)
{
    const Expr *call = expr != NULL ? find_volatile(expr) : NULL;
    if (call == NULL)
        return;
    if (call->span_end > call->span_start)
        span = span_make(call->span_start, call->span_end);
    report(
        planner, rel, span,
        arena_printf(planner->arena, "%s() may give another value", function_name(call->function)));
}

/* ---- Downwards ------------------------------------------------------------------------- */

static void require_of_expr(const Expr *expr, bool *below)
{
    if (expr->kind == EXPR_COLUMN)
        below[expr->column] = true;
    for (int32_t i = 0; i < expr->arg_count; i++)
        require_of_expr(expr->args[i], below);
}

static void require_all(const Rel *input, bool *below)
{
    memset(below, true, (size_t)input->node.schema.count);
}

static void require_of_calc(Determinism *self, Rel *rel, const bool *required, bool *const *below)
{
    const Rel *input = rel_input(rel, 0);
    check_expr(self->planner, input, rel->node.calc.filter, rel->span);
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        if (!required[i])
            continue;
        if (rel->node.calc.exprs == NULL) {
            below[0][i] = true;
            continue;
        }
        check_expr(self->planner, input, rel->node.calc.exprs[i], rel->span);
        require_of_expr(rel->node.calc.exprs[i], below[0]);
    }
}

/* Of the output of a join, the columns that are of one side. */
static void require_of_side(const Rel *rel, const PlanJoin *join, const bool *required,
                            int32_t first, int32_t count, bool *below)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        int32_t column = join->columns[i] - first;
        if (required[i] && column >= 0 && column < count)
            below[column] = true;
    }
}

/* A side with a key finds its rows by it. */
static void require_of_join(Determinism *self, Rel *rel, const bool *required, bool *const *below)
{
    const PlanJoin *join = &rel->node.regular_join.join;
    for (int32_t i = 0, first = 0; i < 2; i++) {
        const Rel *input = rel_input(rel, i);
        int32_t count = input->node.schema.count;
        if (!mode_is_append(input->node.changelog)) {
            check_expr(self->planner, input, join->condition, rel->span);
            if (rel->node.regular_join.has_unique[i])
                require_of_side(rel, join, required, first, count, below[i]);
            else
                require_all(input, below[i]);
        }
        first += count;
    }
}

static void require_of_unnest(Determinism *self, Rel *rel, const bool *required, bool *const *below)
{
    const Rel *input = rel_input(rel, 0);
    const PlanJoin *join = &rel->node.unnest.join;
    check_expr(self->planner, input, rel->node.unnest.collection, rel->span);
    check_expr(self->planner, input, join->condition, rel->span);
    require_of_expr(rel->node.unnest.collection, below[0]);
    require_of_side(rel, join, required, 0, input->node.schema.count, below[0]);
}

/* The shortest unique key, so that the changes of a row stay in order; else all columns. */
static ColumnList memory_key(Planner *planner, Rel *input)
{
    const List *keys = rel_unique_keys(planner, input);
    int32_t count = input->node.schema.count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = i;
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        if (set->count == 0 || set->count >= count)
            continue;
        columns = set->columns;
        count = set->count;
    }
    return (ColumnList){.columns = columns, .count = count};
}

/* What a look-up finds may change. Where it matters it is remembered for the row. */
static void require_of_lookup(Determinism *self, Rel *rel, const bool *required, bool *const *below)
{
    const Rel *input = rel_input(rel, 0);
    const PlanJoin *join = &rel->node.lookup_join.join;
    int32_t count = input->node.schema.count;
    check_expr(self->planner, input, join->condition, rel->span);
    require_of_side(rel, join, required, 0, count, below[0]);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->node.lookup_join.remembers |= required[i] && join->columns[i] >= count;
    if (!rel->node.lookup_join.remembers)
        return;
    rel->node.lookup_join.memory_key = memory_key(self->planner, rel_input(rel, 0));
    rel->node.lookup_join.state_ttl_us =
        settings_duration_us(self->planner, "table.exec.state.ttl");
    require_all(input, below[0]);
}

/* Only what a record says of the row is in its old values as well. */
static void check_source(Determinism *self, const Rel *rel, const bool *required)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        if (!required[i] || rel->node.source.columns[i] >= 0)
            continue;
        report(self->planner, rel, rel->span,
               arena_printf(self->planner->arena, "metadata column `%.*s` may have another value",
                            STR_ARGS(rel->node.schema.fields[i].name)));
        return;
    }
}

/* Sinks whose key is the one that changes go by; others get UPSERT_MATERIALIZE before them. */
static bool is_by_key(const Rel *rel)
{
    if (rel->node.kind == PLAN_SERVE)
        return rel_input(rel, 0)->node.kind != PLAN_UPSERT_MATERIALIZE && !rel->is_single_row;
    return rel->node.sink.table->key_count > 0 &&
           rel_input(rel, 0)->node.kind != PLAN_UPSERT_MATERIALIZE;
}

static void require_of_passed(Determinism *self, Rel *rel, const bool *required, bool *const *below)
{
    (void)self;
    for (int32_t k = 0; k < rel->node.input_count; k++)
        for (int32_t i = 0; i < rel->node.schema.count; i++)
            below[k][i] |= required[i];
}

static void require_of_root(Determinism *self, Rel *rel, const bool *required, bool *const *below)
{
    (void)self, (void)required;
    if (!is_by_key(rel))
        require_all(rel_input(rel, 0), below[0]);
}

/* A source of upserts gives keys; the old values are remembered. */
static void require_nothing(Determinism *self, Rel *rel, const bool *required, bool *const *below)
{
    (void)self, (void)rel, (void)required, (void)below;
}

/* What else keeps rows, or sums of them, looks for those that go. */
static void require_kept(Determinism *self, Rel *rel, const bool *required, bool *const *below)
{
    (void)self, (void)required;
    for (int32_t i = 0; i < rel->node.input_count; i++) {
        if (!mode_is_append(rel->node.inputs[i]->changelog))
            require_all(rel_input(rel, i), below[i]);
    }
}

typedef void (*Require)(Determinism *self, Rel *rel, const bool *required, bool *const *below);

static const struct {
    PlanKind kind;
    bool is_asked; /* only if something is required of it */
    Require require;
} rules[] = {
    {PLAN_CALC, true, require_of_calc},          {PLAN_UNNEST, true, require_of_unnest},
    {PLAN_LOOKUP_JOIN, true, require_of_lookup}, {PLAN_UNION, true, require_of_passed},
    {PLAN_WATERMARK, true, require_of_passed},   {PLAN_REGULAR_JOIN, false, require_of_join},
    {PLAN_NORMALIZE, false, require_nothing},    {PLAN_SINK, false, require_of_root},
    {PLAN_SERVE, false, require_of_root},
};

static void visit(Determinism *self, Rel *rel, const bool *required)
{
    bool is_required = false;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        is_required |= required[i];
    if (rel->node.kind == PLAN_SOURCE && !mode_is_append(rel->node.changelog))
        check_source(self, rel, required);
    if (rel->node.input_count == 0 || mode_is_append(inputs_mode(rel)))
        return;
    bool **below = ARENA_ARRAY(self->planner->arena, bool *, rel->node.input_count);
    for (int32_t i = 0; i < rel->node.input_count; i++)
        below[i] = self->required[rel_input(rel, i)->serial];
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].kind != rel->node.kind)
            continue;
        if (is_required || !rules[i].is_asked)
            rules[i].require(self, rel, required, below);
        return;
    }
    require_kept(self, rel, required, below);
}

void pass_determinism(Planner *planner)
{
    if (settings_is_batch(planner) || !settings_is(planner, strategy_key, "try_resolve"))
        return;
    int32_t count = planner->rels.count;
    Determinism self = {.planner = planner,
                        .required = ARENA_ARRAY(planner->arena, bool *, count + 1)};
    for (int32_t i = 0; i < count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        rel->serial = i;
        rel->has_unique_keys = false; /* columns were numbered anew */
        rel->unique_keys = (List){0};
        self.required[i] = ARENA_ARRAY(planner->arena, bool, rel->node.schema.count + 1);
        memset(self.required[i], false, (size_t)rel->node.schema.count + 1);
    }
    for (int32_t i = count - 1; i >= 0; i--)
        visit(&self, LIST_AT(planner->rels, i, Rel), self.required[i]);
}
