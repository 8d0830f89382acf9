/* What the choosers of joins that know time share. */
#include "plan/join_time.h"

#include <assert.h>

/* ---- Keys as columns --------------------------------------------------------------------- */

KeyInput key_input(Planner *planner, Rel *rel, int32_t key_count)
{
    const Schema *schema = &rel->node.schema;
    KeyInput input = {.rel = rel,
                      .exprs = ARENA_ARRAY(planner->arena, Expr *, schema->count + key_count + 1),
                      .fields = ARENA_ARRAY(planner->arena, Field, schema->count + key_count + 1),
                      .count = schema->count};
    for (int32_t i = 0; i < schema->count; i++) {
        input.exprs[i] = expr_column(planner->arena, i, schema->fields[i].type);
        input.fields[i] = schema->fields[i];
    }
    return input;
}

int32_t key_column(Planner *planner, KeyInput *input, Expr *key)
{
    for (int32_t i = 0; i < input->count; i++)
        if (expr_equal(input->exprs[i], key) ||
            (key->kind == EXPR_COLUMN && input->exprs[i]->kind == EXPR_COLUMN &&
             key->column == input->exprs[i]->column))
            return i;
    input->exprs[input->count] = key;
    input->fields[input->count] = (Field){
        .name = str_from(arena_printf(planner->arena, "$key%d", input->count)), .type = key->type};
    return input->count++;
}

Rel *key_rel(Planner *planner, const KeyInput *input)
{
    if (input->count == input->rel->node.schema.count)
        return input->rel;
    Schema schema = {.fields = input->fields, .count = input->count};
    return rel_calc(planner, input->rel, NULL, input->exprs, &schema);
}

Expr *join_condition(Planner *planner, const List *conditions, const int32_t *map)
{
    Expr *condition = NULL;
    for (int32_t i = 0; i < conditions->count; i++)
        condition = expr_and(planner->arena, condition, LIST_AT(*conditions, i, Expr));
    return condition == NULL ? NULL : expr_remap(planner->arena, condition, map);
}

TimedJoin timed_join(Planner *planner, const JoinSpec *spec, const List *conditions)
{
    Arena *arena = planner->arena;
    int32_t count = spec->keys.count;
    KeyInput inputs[2] = {key_input(planner, spec->left, count),
                          key_input(planner, spec->right, count)};
    int32_t *keys[2] = {ARENA_ARRAY(arena, int32_t, count + 1),
                        ARENA_ARRAY(arena, int32_t, count + 1)};
    bool *matches_null = ARENA_ARRAY(arena, bool, count + 1);
    for (int32_t i = 0; i < count; i++) {
        const JoinKey *key = LIST_AT(spec->keys, i, JoinKey);
        keys[0][i] = key_column(planner, &inputs[0], key->left);
        keys[1][i] = key_column(planner, &inputs[1], key->right);
        matches_null[i] = key->is_null_matched;
    }
    int32_t left = spec->left->node.schema.count;
    int32_t both = left + spec->right->node.schema.count;
    int32_t *map = ARENA_ARRAY(arena, int32_t, both + 1);
    for (int32_t i = 0; i < both; i++)
        map[i] = i < left ? i : i - left + inputs[0].count;
    TimedJoin made = {.join = {.kind = spec->kind,
                               .keys = {{.columns = keys[0], .count = count},
                                        {.columns = keys[1], .count = count}},
                               .matches_null = matches_null,
                               .columns = map}};
    made.join.condition = join_condition(planner, conditions, map);
    for (int32_t i = 0; i < 2; i++)
        made.inputs[i] = key_rel(planner, &inputs[i]);
    assert(spec->schema.count <= both);
    return made;
}

/* ---- Constants --------------------------------------------------------------------------- */

bool constant_integer(Planner *planner, Expr *expr, int64_t *out)
{
    Arena *arena = planner->arena;
    Schema nothing = {0};
    Error error = {0};
    Program *program;
    if (program_compile(arena, &expr, 1, &nothing, &program, &error) != OK)
        return false;
    EvalContext context = {.world = planner->context->world,
                           .scratch = arena,
                           .zone = timezone_utc(),
                           .watermark = TIMESTAMP_MIN,
                           .errors = ARENA_ARRAY(arena, RowError, 1)};
    Batch row = {.row_count = 1, .selection = {.count = 1}};
    Column result;
    program_run(program, &context, &row, &result);
    if (context.error_count > 0 || column_is_null(&result, 0))
        return false;
    *out = value_get(&result, 0).integer;
    return true;
}

Str join_column_name(const JoinSpec *spec, int32_t side, int32_t column)
{
    const Rel *rel = side == 0 ? spec->left : spec->right;
    return rel->node.schema.fields[column].name;
}
