/* Interval joins: the condition bounds the distance of two time attributes on both sides.
 *
 *     a.ts BETWEEN b.ts - INTERVAL '5' MINUTE AND b.ts + INTERVAL '1' HOUR
 *     a.ts >= b.ts AND a.ts < b.ts + INTERVAL '1' HOUR        in any order, either way round
 *     a.ts = b.ts
 *
 * A comparison is a bound when each of its sides reads one time attribute and nothing else, one of
 * each input; then what is added to them is a constant, found by taking zero for both times. As in
 * Flink there must be an equality alone, or exactly a lower and an upper bound: with anything else
 * the join is a regular one. */
#include <assert.h>

#include "plan/join_time.h"

typedef enum BoundKind { BOUND_EQUAL, BOUND_LOWER, BOUND_UPPER } BoundKind;

/* left time - right time =, >= or <= offset. */
typedef struct TimeBound {
    BoundKind kind;
    int64_t offset_us;
    int32_t columns[2];
    TimeAttribute attribute;
} TimeBound;

typedef struct TimeSide {
    const Expr *column; /* over both sides; NULL: none */
    bool is_mixed;      /* more than that is read */
} TimeSide;

static void side_look(const Expr *expr, TimeSide *side)
{
    if (expr->kind == EXPR_COLUMN) {
        bool is_first = side->column == NULL && expr_outer_depth(expr) == 0;
        side->is_mixed |= !is_first || expr->type.time_attribute == TIME_NONE;
        side->column = expr;
    }
    for (int32_t i = 0; i < expr->arg_count; i++)
        side_look(expr->args[i], side);
}

/* What is added to the time: the expression with the time taken for zero. */
static bool side_offset(Planner *planner, Expr *expr, const TimeSide *side, int64_t *out)
{
    if (!type_is_timestamp(expr->type) || type_physical(expr->type) != PHYSICAL_I64)
        return false;
    Expr **zero = ARENA_ARRAY(planner->arena, Expr *, side->column->column + 1);
    Value value = {.type = type_plain(side->column->type)};
    zero[side->column->column] = expr_literal(planner->arena, value);
    return constant_integer(planner, expr_substitute(planner->arena, expr, zero), out);
}

static bool bound_relation(const char *name, BoundKind *kind, int64_t *strict)
{
    Str text = str_from(name);
    *strict = str_is(text, "<") || str_is(text, ">");
    if (str_is(text, "="))
        *kind = BOUND_EQUAL;
    else if (str_is(text, "<") || str_is(text, "<="))
        *kind = BOUND_UPPER;
    else if (str_is(text, ">") || str_is(text, ">="))
        *kind = BOUND_LOWER;
    else
        return false;
    return true;
}

/* Whether `a relation b` bounds the times. */
static bool bound_make_of(Planner *planner, const JoinSpec *spec, const char *relation, Expr *a,
                          Expr *b, TimeBound *out)
{
    BoundKind kind;
    int64_t strict, offsets[2];
    TimeSide sides[2] = {{0}, {0}};
    int32_t left_count = spec->left->node.schema.count;
    if (!bound_relation(relation, &kind, &strict))
        return false;
    side_look(a, &sides[0]);
    side_look(b, &sides[1]);
    if (sides[0].column == NULL || sides[1].column == NULL || sides[0].is_mixed ||
        sides[1].is_mixed ||
        (sides[0].column->column < left_count) == (sides[1].column->column < left_count))
        return false;
    if (!side_offset(planner, a, &sides[0], &offsets[0]) ||
        !side_offset(planner, b, &sides[1], &offsets[1]))
        return false;
    bool is_turned = sides[0].column->column >= left_count;
    const Rel *rels[2] = {spec->left, spec->right};
    *out = (TimeBound){.kind = kind,
                       .columns = {sides[is_turned].column->column,
                                   sides[!is_turned].column->column - left_count}};
    TimeAttribute attributes[2];
    for (int32_t i = 0; i < 2; i++)
        attributes[i] = rels[i]->node.schema.fields[out->columns[i]].type.time_attribute;
    out->attribute = attributes[0];
    /* a - b relation offset; turned round: b - a */
    int64_t offset = offsets[1] - offsets[0];
    int64_t step = strict * MICROS_PER_MILLI * (kind == BOUND_UPPER ? -1 : 1);
    out->offset_us = is_turned ? -(offset + step) : offset + step;
    if (is_turned && kind != BOUND_EQUAL)
        out->kind = kind == BOUND_UPPER ? BOUND_LOWER : BOUND_UPPER;
    return attributes[0] == attributes[1] && attributes[0] != TIME_NONE;
}

/* The bounds found, and the conditions that are none. */
typedef struct Bounds {
    TimeBound bounds[3];
    int32_t count;
    List others; /* Expr */
} Bounds;

static bool bounds_add(Planner *planner, const JoinSpec *spec, Bounds *bounds, const char *relation,
                       Expr *a, Expr *b)
{
    TimeBound bound;
    if (!bound_make_of(planner, spec, relation, a, b, &bound))
        return false;
    if (bounds->count < 3)
        bounds->bounds[bounds->count++] = bound;
    return true;
}

static Expr *compare(Planner *planner, const char *name, Expr *a, Expr *b)
{
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, 2);
    args[0] = a;
    args[1] = b;
    Expr *out = NULL;
    int32_t bad;
    Error error = {0};
    Status status =
        function_bind(function_find(str_from(name)), planner->arena, args, 2, &out, &bad, &error);
    assert(status == OK);
    return out;
}

static void bounds_look(Planner *planner, const JoinSpec *spec, Bounds *bounds, Expr *conjunct)
{
    Arena *arena = planner->arena;
    const char *name = conjunct->kind == EXPR_CALL ? function_name(conjunct->function) : "";
    if (conjunct->arg_count == 2 &&
        bounds_add(planner, spec, bounds, name, conjunct->args[0], conjunct->args[1]))
        return;
    if (!str_is(str_from(name), "BETWEEN")) {
        list_append(&bounds->others, arena, conjunct);
        return;
    }
    Expr **args = conjunct->args;
    if (!bounds_add(planner, spec, bounds, ">=", args[0], args[1]))
        list_append(&bounds->others, arena, compare(planner, ">=", args[0], args[1]));
    if (!bounds_add(planner, spec, bounds, "<=", args[0], args[2]))
        list_append(&bounds->others, arena, compare(planner, "<=", args[0], args[2]));
}

/* An equality of times stands among the keys. */
static void bounds_look_at_keys(Planner *planner, const JoinSpec *spec, Bounds *bounds)
{
    int32_t left_count = spec->left->node.schema.count;
    const Schema *right = &spec->right->node.schema;
    Expr **columns = rel_columns_at(planner, right, left_count);
    for (int32_t i = 0; i < spec->keys.count; i++) {
        const JoinKey *key = LIST_AT(spec->keys, i, JoinKey);
        if (!key->is_null_matched)
            bounds_add(planner, spec, bounds, "=", key->left,
                       expr_substitute(planner->arena, key->right, columns));
    }
}

static bool bounds_are_whole(const Bounds *bounds, int64_t *lower_us, int64_t *upper_us)
{
    const TimeBound *first = &bounds->bounds[0], *second = &bounds->bounds[1];
    if (bounds->count == 1 && first->kind == BOUND_EQUAL) {
        *lower_us = *upper_us = first->offset_us;
        return true;
    }
    if (bounds->count != 2 || first->columns[0] != second->columns[0] ||
        first->columns[1] != second->columns[1])
        return false;
    if (first->kind == BOUND_UPPER) {
        const TimeBound *swapped = first;
        first = second;
        second = swapped;
    }
    *lower_us = first->offset_us;
    *upper_us = second->offset_us;
    return first->kind == BOUND_LOWER && second->kind == BOUND_UPPER;
}

static bool interval_check_types(Planner *planner, const JoinSpec *spec, const TimeBound *bound)
{
    Type left = spec->left->node.schema.fields[bound->columns[0]].type;
    Type right = spec->right->node.schema.fields[bound->columns[1]].type;
    if (left.id == right.id)
        return true;
    Str names[2] = {join_column_name(spec, 0, bound->columns[0]),
                    join_column_name(spec, 1, bound->columns[1])};
    Diagnostic *d = REPORT(planner, "WR2121", spec->span,
                           "an interval join needs event times of one type, but `%.*s` is %s and "
                           "`%.*s` is %s",
                           STR_ARGS(names[0]), type_text(planner->arena, type_plain(left)),
                           STR_ARGS(names[1]), type_text(planner->arena, type_plain(right)));
    diagnostic_help(d, "declare both columns as TIMESTAMP(3), or both as TIMESTAMP_LTZ(3)");
    return false;
}

Rel *join_interval(Planner *planner, const JoinSpec *spec)
{
    if (spec->kind == JOIN_SEMI || spec->kind == JOIN_ANTI || spec->as_of != NULL)
        return NULL;
    Bounds bounds = {0};
    int64_t lower_us, upper_us;
    bounds_look_at_keys(planner, spec, &bounds);
    for (int32_t i = 0; i < spec->others.count; i++)
        bounds_look(planner, spec, &bounds, LIST_AT(spec->others, i, Expr));
    if (!bounds_are_whole(&bounds, &lower_us, &upper_us))
        return NULL;
    const TimeBound *bound = &bounds.bounds[0];
    if (bound->attribute == TIME_ROWTIME && !interval_check_types(planner, spec, bound))
        return NULL;
    if (lower_us > upper_us) {
        Diagnostic *d = WARN(planner, "WR2123", spec->span,
                             "no two rows can meet: the lower bound of their distance in time is "
                             "above the upper one");
        diagnostic_help(d, "write a.ts BETWEEN b.ts - INTERVAL '…' AND b.ts + INTERVAL '…'");
    }
    TimedJoin made = timed_join(planner, spec, &bounds.others);
    Rel *rel = rel_new(planner, PLAN_INTERVAL_JOIN, &spec->schema, made.inputs, 2);
    rel->span = spec->span;
    rel->node.interval_join.join = made.join;
    rel->node.interval_join.is_event_time = bound->attribute == TIME_ROWTIME;
    for (int32_t i = 0; i < 2; i++)
        rel->node.interval_join.times[i] = bound->columns[i];
    rel->node.interval_join.lower_us = lower_us;
    rel->node.interval_join.upper_us = upper_us;
    rel->node.interval_join.cleanup_us =
        settings_duration_us(planner, "table.exec.interval-join.min-cleanup-interval");
    return rel_intern(planner, rel);
}
