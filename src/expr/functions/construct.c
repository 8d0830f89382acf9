/* ARRAY[…], MAP[…] and ROW(…): values put together from columns. */
#include "expr/functions/collection.h"

/* The children's types are those of the arguments by now. */
static void construct_kernel(Call *call)
{
    Type type = call->out.type;
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        nested_begin(&builder, type);
        for (int32_t k = 0; k < call->node->arg_count; k++)
            nested_put_column(&builder, &call->args[k], row);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

/* Every step-th argument from `first` on, brought to one type. */
static Status construct_unify(Binding *binding, int32_t first, int32_t step, const char *what,
                              Type *common)
{
    *common = binding->args[first]->type;
    for (int32_t i = first + step; i < binding->arg_count; i += step) {
        Type type = binding->args[i]->type;
        if (!type_common(binding->arena, *common, type, common))
            return binding_fail(binding, i, "WR2304", "%s have no common type: %s and %s", what,
                                type_text(binding->arena, type_nullable(*common)),
                                type_text(binding->arena, type_nullable(type)));
    }
    common->time_attribute = TIME_NONE;
    for (int32_t i = first; i < binding->arg_count; i += step)
        binding_cast(binding, i, *common);
    return OK;
}

static Status bind_array(Binding *binding)
{
    Type element;
    if (binding->arg_count == 0)
        return binding_fail(binding, -1, "WR2302",
                            "an ARRAY without elements has no type: write "
                            "CAST(NULL AS ARRAY<type>), or take it from a column");
    TRY(construct_unify(binding, 0, 1, "the elements of the ARRAY", &element));
    if (element.id == TYPE_NULL)
        return binding_fail(binding, 0, "WR2304",
                            "the elements of the ARRAY are all untyped NULLs: write "
                            "CAST(NULL AS type)");
    binding->result = type_not_null(type_array(binding->arena, element));
    return OK;
}

static Status bind_map(Binding *binding)
{
    Type key, value;
    assert(binding->arg_count % 2 == 0);
    if (binding->arg_count == 0)
        return binding_fail(binding, -1, "WR2302",
                            "a MAP without entries has no type: write "
                            "CAST(NULL AS MAP<key, value>), or take it from a column");
    TRY(construct_unify(binding, 0, 2, "the keys of the MAP", &key));
    TRY(construct_unify(binding, 1, 2, "the values of the MAP", &value));
    if (key.id == TYPE_NULL)
        return binding_fail(binding, 0, "WR2304",
                            "the keys of the MAP are all untyped NULLs: write CAST(NULL AS type)");
    binding->result = type_not_null(type_map(binding->arena, key, value));
    return OK;
}

/* Fields have the names Flink gives them: EXPR$0, EXPR$1, … */
static Status bind_row(Binding *binding)
{
    int32_t count = binding->arg_count;
    if (count == 0)
        return binding_fail(binding, -1, "WR2302", "a ROW has at least one field");
    Type *fields = ARENA_ARRAY(binding->arena, Type, count);
    Str *names = ARENA_ARRAY(binding->arena, Str, count);
    for (int32_t i = 0; i < count; i++) {
        fields[i] = binding->args[i]->type;
        fields[i].time_attribute = TIME_NONE;
        names[i] = str_from(arena_printf(binding->arena, "EXPR$%d", i));
    }
    binding->result = type_not_null(type_row(fields, names, count));
    return OK;
}

static const Function functions[] = {
    {.info = {"ARRAY[]", "collection", "ARRAY[x, ...] -> ARRAY<type of x>",
              "the values as an array; their types become one", false},
     .bind = bind_array,
     .kernel = construct_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"MAP[]", "collection", "MAP[key, value, ...] -> MAP<type of key, type of value>",
              "keys to values; of a key that comes twice the last value is kept", false},
     .bind = bind_map,
     .kernel = construct_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"ROW()", "collection", "ROW(x, ...), (x, y, ...) -> ROW<EXPR$0 type of x, ...>",
              "the values as one row", false},
     .bind = bind_row,
     .kernel = construct_kernel,
     .flags = FUNCTION_NULLS},
};

const FunctionFamily construct_family = {functions, FUNCTION_COUNT(functions)};
