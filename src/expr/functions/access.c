/* Access to what is inside: row.field, array[index], map[key], CARDINALITY, ELEMENT. */
#include "expr/functions/collection.h"

/* ---- Shared by the collection functions ------------------------------------------------ */

static Status fail_argument(Binding *binding, int32_t index, const char *wanted)
{
    return binding_fail(binding, index, "WR2303", "argument %d of `%s` must be %s, not %s",
                        index + 1, binding->function->info.name, wanted,
                        type_text(binding->arena, type_nullable(binding->args[index]->type)));
}

Status binding_array(Binding *binding, int32_t index, Type *element)
{
    Type type = binding->args[index]->type;
    if (type.id != TYPE_ARRAY)
        return fail_argument(binding, index, "an ARRAY");
    *element = type.children[0];
    return OK;
}

Status binding_map(Binding *binding, int32_t index)
{
    return binding->args[index]->type.id == TYPE_MAP ? OK : fail_argument(binding, index, "a MAP");
}

Status binding_element(Binding *binding, int32_t index, Type element)
{
    Type type = binding->args[index]->type;
    if (cast_kind(type, element) != CAST_IMPLICIT)
        return fail_argument(binding, index, type_text(binding->arena, type_nullable(element)));
    binding_cast(binding, index, element);
    return OK;
}

Status binding_int(Binding *binding, int32_t index)
{
    Type type = binding->args[index]->type;
    if (type.id != TYPE_NULL && (type.id < TYPE_TINYINT || type.id > TYPE_INT))
        return fail_argument(binding, index, "an INT");
    binding_cast(binding, index, type_simple(TYPE_INT));
    return OK;
}

/* ---- row.field ------------------------------------------------------------------------- */

typedef struct FieldPlace {
    int32_t field;
    int32_t slot;
} FieldPlace;

static void *field_prepare(Arena *arena, const Expr *call)
{
    FieldPlace *place = ARENA_NEW(arena, FieldPlace);
    place->field = (int32_t)call->args[1]->literal.integer;
    place->slot = nested_row_slot(call->args[0]->type, place->field);
    return place;
}

static void field_kernel(Call *call)
{
    const FieldPlace *place = call->prepared;
    const Column *rows = &call->args[0];
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        const char *base = column_str(rows, row).data;
        if (nested_row_is_null(base, place->field))
            call_set_null(call, row);
        else
            nested_slot_load(&call->out, row, base, base + place->slot);
    }
}

/* The second argument is the field's index, a literal. */
static Status bind_field(Binding *binding)
{
    Type row = binding->args[0]->type;
    if (row.id != TYPE_ROW)
        return fail_argument(binding, 0, "a ROW");
    assert(binding->args[1]->kind == EXPR_LITERAL);
    int64_t field = binding->args[1]->literal.integer;
    assert(field >= 0 && field < row.child_count);
    binding->result = row.children[field];
    binding->result.time_attribute = TIME_NONE;
    binding->result.is_nullable = row.is_nullable || row.children[field].is_nullable;
    return OK;
}

/* ---- array[index], map[key] ------------------------------------------------------------ */

static void array_at_kernel(Call *call)
{
    const Column *indexes = &call->args[1];
    const int32_t *index = indexes->values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray array = call_array(call, 0, row);
        int32_t at = index[column_index(indexes, row)];
        if (at < 1 || at > array.count || nested_array_is_null(&array, at - 1))
            call_set_null(call, row);
        else
            nested_slot_load(&call->out, row, array.base, nested_array_slot(&array, at - 1));
    }
}

static void map_at_kernel(Call *call)
{
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedMap map = call_map(call, 0, row);
        Str key = column_bytes(&call->args[1], row);
        int32_t at = 0;
        while (at < map.keys.count && (nested_array_is_null(&map.keys, at) ||
                                       !str_equal(nested_array_bytes(&map.keys, at), key)))
            at++;
        if (at == map.keys.count || nested_array_is_null(&map.values, at))
            call_set_null(call, row);
        else
            nested_slot_load(&call->out, row, map.values.base, nested_array_slot(&map.values, at));
    }
}

static Kernel resolve_at(const Expr *call)
{
    return call->args[0]->type.id == TYPE_ARRAY ? array_at_kernel : map_at_kernel;
}

static Status bind_array_at(Binding *binding)
{
    Expr *index = binding->args[1];
    if (index->type.id != TYPE_NULL && (index->type.id < TYPE_TINYINT || index->type.id > TYPE_INT))
        return binding_fail(binding, 1, "WR2303", "the index of an ARRAY must be an INT, not %s",
                            type_text(binding->arena, type_nullable(index->type)));
    if (index->kind == EXPR_LITERAL && !index->literal.is_null && index->literal.integer < 1) {
        Status status = binding_fail(binding, 1, "WR2303",
                                     "the index of an ARRAY starts at 1, but this is %lld",
                                     (long long)index->literal.integer);
        error_hint(binding->error, "the first element is array[1]");
        return status;
    }
    binding_cast(binding, 1, type_simple(TYPE_INT));
    binding->result = type_nullable(binding->args[0]->type.children[0]);
    return OK;
}

static Status bind_at(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (type.id == TYPE_ARRAY)
        return bind_array_at(binding);
    if (type.id != TYPE_MAP)
        return binding_fail(binding, 0, "WR2303",
                            "`[ ]` takes an element of an ARRAY or a value of a MAP, not of %s",
                            type_text(binding->arena, type_nullable(type)));
    Type key = type.children[0];
    Type given = binding->args[1]->type;
    /* A longer text is no key of shorter ones: it is compared, not cut. */
    if (type_is_text(key) && (type_is_text(given) || given.id == TYPE_NULL))
        key = type_string();
    if (cast_kind(given, key) != CAST_IMPLICIT)
        return binding_fail(binding, 1, "WR2303", "the keys of this MAP are %s, not %s",
                            type_text(binding->arena, type_nullable(key)),
                            type_text(binding->arena, type_nullable(given)));
    binding_cast(binding, 1, key);
    binding->result = type_nullable(type.children[1]);
    return OK;
}

/* ---- CARDINALITY, ELEMENT -------------------------------------------------------------- */

static void cardinality_kernel(Call *call)
{
    bool is_array = call->args[0].type.id == TYPE_ARRAY;
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = is_array ? call_array(call, 0, row).count : call_map(call, 0, row).keys.count;
    }
}

static Status bind_cardinality(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (!type_is_nested(type) || type.id == TYPE_ROW)
        return fail_argument(binding, 0, "an ARRAY, MAP or MULTISET");
    binding->result = type_simple(TYPE_INT);
    binding->result.is_nullable = type.is_nullable;
    return OK;
}

static void element_kernel(Call *call)
{
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray array = call_array(call, 0, row);
        if (array.count > 1)
            call_reject(call, row, "WR4109", "ELEMENT of an ARRAY of %d elements", array.count);
        else if (array.count == 0 || nested_array_is_null(&array, 0))
            call_set_null(call, row);
        else
            nested_slot_load(&call->out, row, array.base, nested_array_slot(&array, 0));
    }
}

static Status bind_element(Binding *binding)
{
    Type element;
    TRY(binding_array(binding, 0, &element));
    binding->result = type_nullable(element);
    return OK;
}

static const Function functions[] = {
    {.info = {".", "collection", "row.field -> type of the field",
              "a field of a ROW; NULL if the row is NULL", false},
     .types = "xx>0",
     .bind = bind_field,
     .kernel = field_kernel,
     .prepare = field_prepare},
    {.info = {"[]", "collection", "array[i INT], map[key] -> type of the element or value",
              "the i-th element, from 1, or the key's value; NULL if there is none", false},
     .types = "xx>0",
     .bind = bind_at,
     .resolve = resolve_at},
    {.info = {"CARDINALITY", "collection", "CARDINALITY(array, map or multiset) -> INT",
              "how many elements or entries there are", false},
     .types = "x>I",
     .bind = bind_cardinality,
     .kernel = cardinality_kernel},
    {.info = {"ELEMENT", "collection", "ELEMENT(array) -> type of the element",
              "the only element; NULL if there is none, several reject the row", false},
     .types = "x>0",
     .bind = bind_element,
     .kernel = element_kernel,
     .flags = FUNCTION_FALLIBLE},
};

const FunctionFamily access_family = {functions, FUNCTION_COUNT(functions)};
