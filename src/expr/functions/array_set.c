/* Arrays as sets: ARRAY_DISTINCT, _UNION, _EXCEPT, _INTERSECT; and ARRAY_CONCAT. */
#include "base/hash.h"
#include "expr/functions/collection.h"

/* ---- A set of elements ----------------------------------------------------------------- */

/* Elements of the row's arrays by their bytes. Open addressing in scratch memory, with room for
 * all elements from the start. */
typedef struct ElementSet {
    Str *elements;
    bool *is_taken;
    uint32_t mask;
    bool has_null;
} ElementSet;

static ElementSet set_new(Arena *scratch, int64_t count)
{
    uint32_t slots = 16;
    while (slots < count * 2)
        slots *= 2;
    ElementSet set = {.mask = slots - 1};
    set.elements = arena_allocate(scratch, (int64_t)sizeof(Str) * slots);
    set.is_taken = arena_allocate_zeroed(scratch, (int64_t)sizeof(bool) * slots);
    return set;
}

static uint32_t set_slot(const ElementSet *set, Str bytes)
{
    uint32_t at = (uint32_t)hash_bytes(bytes.data, bytes.length) & set->mask;
    while (set->is_taken[at] && !str_equal(set->elements[at], bytes))
        at = (at + 1) & set->mask;
    return at;
}

static bool set_has(const ElementSet *set, const NestedArray *array, int32_t index)
{
    if (nested_array_is_null(array, index))
        return set->has_null;
    return set->is_taken[set_slot(set, nested_array_bytes(array, index))];
}

/* False if the element was there already. */
static bool set_add(ElementSet *set, const NestedArray *array, int32_t index)
{
    if (nested_array_is_null(array, index)) {
        bool is_new = !set->has_null;
        set->has_null = true;
        return is_new;
    }
    Str bytes = nested_array_bytes(array, index);
    uint32_t at = set_slot(set, bytes);
    if (set->is_taken[at])
        return false;
    set->is_taken[at] = true;
    set->elements[at] = bytes;
    return true;
}

/* ---- Kernels --------------------------------------------------------------------------- */

static void put_new(NestedBuilder *builder, ElementSet *set, const NestedArray *array)
{
    for (int32_t k = 0; k < array->count; k++)
        if (set_add(set, array, k))
            nested_put_element(builder, array, k);
}

static void union_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t count = 0;
        for (int32_t k = 0; k < call->node->arg_count; k++)
            count += call_array(call, k, row).count;
        ElementSet set = set_new(call->eval->scratch, count);
        nested_begin(&builder, call->out.type);
        for (int32_t k = 0; k < call->node->arg_count; k++) {
            NestedArray array = call_array(call, k, row);
            put_new(&builder, &set, &array);
        }
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

/* Elements of the first array that are (INTERSECT) or are not (EXCEPT) in the second, each once. */
static void filter_kernel(Call *call)
{
    bool is_wanted = strcmp(call->node->expr->function->info.name, "ARRAY_INTERSECT") == 0;
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray left = call_array(call, 0, row);
        NestedArray right = call_array(call, 1, row);
        ElementSet others = set_new(call->eval->scratch, right.count);
        ElementSet seen = set_new(call->eval->scratch, left.count);
        for (int32_t k = 0; k < right.count; k++)
            (void)set_add(&others, &right, k);
        nested_begin(&builder, call->out.type);
        for (int32_t k = 0; k < left.count; k++)
            if (set_has(&others, &left, k) == is_wanted && set_add(&seen, &left, k))
                nested_put_element(&builder, &left, k);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static void concat_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        nested_begin(&builder, call->out.type);
        for (int32_t k = 0; k < call->node->arg_count; k++) {
            NestedArray array = call_array(call, k, row);
            for (int32_t e = 0; e < array.count; e++)
                nested_put_element(&builder, &array, e);
        }
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

/* ---- Typing ---------------------------------------------------------------------------- */

static Status bind_arrays(Binding *binding)
{
    Type element, common;
    for (int32_t i = 0; i < binding->arg_count; i++)
        if (binding->args[i]->type.id != TYPE_NULL)
            TRY(binding_array(binding, i, &element));
    TRY(binding_unify(binding, 0, "the arrays", &common));
    binding->result = common;
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static const Function functions[] = {
    {.info = {"ARRAY_DISTINCT", "collection", "ARRAY_DISTINCT(array) -> type of array",
              "each element once, where it came first", false},
     .types = "x>0",
     .bind = bind_arrays,
     .kernel = union_kernel},
    {.info = {"ARRAY_UNION", "collection", "ARRAY_UNION(array, array) -> common type",
              "the elements of both, each once", false},
     .types = "xx>0",
     .bind = bind_arrays,
     .kernel = union_kernel},
    {.info = {"ARRAY_EXCEPT", "collection", "ARRAY_EXCEPT(array, array) -> common type",
              "the elements of the first that the second has not, each once", false},
     .types = "xx>0",
     .bind = bind_arrays,
     .kernel = filter_kernel},
    {.info = {"ARRAY_INTERSECT", "collection", "ARRAY_INTERSECT(array, array) -> common type",
              "the elements of the first that the second has too, each once", false},
     .types = "xx>0",
     .bind = bind_arrays,
     .kernel = filter_kernel},
    {.info = {"ARRAY_CONCAT", "collection", "ARRAY_CONCAT(array, ...) -> common type",
              "all elements, one array's behind the other's", false},
     .types = "x*>0",
     .bind = bind_arrays,
     .kernel = concat_kernel},
};

const FunctionFamily array_set_family = {functions, FUNCTION_COUNT(functions)};
