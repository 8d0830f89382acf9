/* Comparisons with constants go down to the source, if its format can leave rows out by them. */
#include "data/bound.h"
#include "plan/internal.h"

/* Types that weir and the formats order alike: a DOUBLE may be NaN. */
static bool type_takes_bounds(Type type)
{
    switch ((int)type.id) {
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_DECIMAL:
    case TYPE_VARCHAR:
    case TYPE_DATE: return true;
    default: return false;
    }
}

/* The sign with its sides exchanged: 3 < a is a > 3. NULL: not one of these. */
static const char *sign_of(Str name, bool is_turned)
{
    static const char *const signs[][2] = {{"=", "="}, {"<>", "<>"}, {"<", ">"},
                                           {">", "<"}, {"<=", ">="}, {">=", "<="}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (str_is(name, signs[i][0]))
            return signs[i][is_turned];
    return NULL;
}

static bool bound_of(const Expr *expr, ColumnBound *out)
{
    if (expr->kind != EXPR_CALL || expr->arg_count != 2)
        return false;
    bool is_turned = expr->args[0]->kind == EXPR_LITERAL;
    const Expr *column = expr->args[is_turned], *literal = expr->args[!is_turned];
    const char *sign = sign_of(str_from(function_name(expr->function)), is_turned);
    if (sign == NULL || column->kind != EXPR_COLUMN || literal->kind != EXPR_LITERAL ||
        literal->literal.is_null || !type_takes_bounds(column->type))
        return false;
    *out = (ColumnBound){.column = column->column, .sign = sign, .value = literal->literal};
    out->value.type = column->type;
    bool is_text = column->type.id == TYPE_VARCHAR && type_is_text(literal->type);
    return is_text || type_equal(column->type, literal->type);
}

static bool source_takes_bounds(const Rel *rel)
{
    const PlanTable *table = rel->node.source.table;
    return rel->consumer_count == 1 && table->connector->takes_bounds &&
           table->options.format != NULL && table->options.format->takes_bounds;
}

/* Up to the first conjunct of another form: it may be one that rejects rows, and then those behind
 * it must not decide which. */
static void source_bound(Planner *planner, Rel *rel, Expr *filter)
{
    List conjuncts = {0};
    expr_conjuncts(planner->arena, filter, &conjuncts);
    ColumnBound *bounds = ARENA_ARRAY(planner->arena, ColumnBound, conjuncts.count);
    int32_t count = 0;
    while (count < conjuncts.count &&
           bound_of(LIST_AT(conjuncts, count, const Expr), &bounds[count]))
        count++;
    rel->node.source.bounds = bounds;
    rel->node.source.bound_count = count;
}

void pass_bounds(Planner *planner)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        if (rel->node.kind != PLAN_CALC || rel->node.calc.filter == NULL)
            continue;
        Rel *input = rel_input(rel, 0);
        if (input->node.kind == PLAN_SOURCE && source_takes_bounds(input))
            source_bound(planner, input, rel->node.calc.filter);
    }
}
