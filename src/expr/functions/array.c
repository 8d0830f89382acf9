/* Questions to arrays, and arrays with elements added, taken away or in another order. */
#include "expr/functions/collection.h"

#include <math.h>
#include <stdlib.h>

/* ---- Looking for an element ------------------------------------------------------------ */

/* An argument's value as an array's elements are compared with it. */
typedef struct Needle {
    bool is_null;
    bool is_nan; /* equal to nothing */
    double real; /* 0.0 and -0.0 are equal */
    Physical physical;
    Str bytes;
} Needle;

static Needle call_needle(const Call *call, int32_t index, int32_t row)
{
    const Column *column = &call->args[index];
    Needle needle = {.is_null = column_is_null(column, row), .physical = column->physical};
    if (needle.is_null)
        return needle;
    needle.bytes = column_bytes(column, row);
    if (column->physical == PHYSICAL_F32 || column->physical == PHYSICAL_F64) {
        needle.real = value_get(column, row).real;
        needle.is_nan = isnan(needle.real);
    }
    return needle;
}

static bool needle_is(const Needle *needle, const NestedArray *array, int32_t index)
{
    bool is_null = nested_array_is_null(array, index);
    if (is_null || needle->is_null)
        return is_null && needle->is_null;
    if (needle->physical == PHYSICAL_F32) {
        float element;
        memcpy(&element, nested_array_slot(array, index), sizeof element);
        return !needle->is_nan && (double)element == needle->real;
    }
    if (needle->physical == PHYSICAL_F64) {
        double element;
        memcpy(&element, nested_array_slot(array, index), sizeof element);
        return !needle->is_nan && element == needle->real;
    }
    return str_equal(nested_array_bytes(array, index), needle->bytes);
}

/* Index of the first one, or -1. */
static int32_t needle_find(const Needle *needle, const NestedArray *array)
{
    for (int32_t i = 0; i < array->count; i++)
        if (needle_is(needle, array, i))
            return i;
    return -1;
}

static void contains_kernel(Call *call)
{
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (column_is_null(&call->args[0], row)) {
            call_set_null(call, row);
            continue;
        }
        NestedArray array = call_array(call, 0, row);
        Needle needle = call_needle(call, 1, row);
        out[row] = needle_find(&needle, &array) >= 0;
    }
}

static void position_kernel(Call *call)
{
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray array = call_array(call, 0, row);
        Needle needle = call_needle(call, 1, row);
        out[row] = needle_find(&needle, &array) + 1;
    }
}

static Status bind_contains(Binding *binding)
{
    Type element;
    TRY(binding_array(binding, 0, &element));
    TRY(binding_element(binding, 1, element));
    binding->result = type_simple(TYPE_BOOLEAN);
    binding->result.is_nullable = binding->args[0]->type.is_nullable;
    return OK;
}

static Status bind_position(Binding *binding)
{
    TRY(bind_contains(binding));
    binding->result = type_simple(TYPE_INT);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- Order of elements ----------------------------------------------------------------- */

/* As Java compares: -0.0 before 0.0, NaN behind all. */
static int real_compare(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (int)isnan(a) - (int)isnan(b);
    if (a == 0.0 && b == 0.0)
        return (int)signbit(b) - (int)signbit(a);
    return (a > b) - (a < b);
}

static int value_compare(const Value *a, const Value *b)
{
    switch (type_physical(a->type)) {
    case PHYSICAL_STRING: return str_compare(a->text, b->text);
    case PHYSICAL_I128: return (a->wide > b->wide) - (a->wide < b->wide);
    case PHYSICAL_F32:
    case PHYSICAL_F64: return real_compare(a->real, b->real);
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64: return (a->integer > b->integer) - (a->integer < b->integer);
    case PHYSICAL_NONE: break;
    }
    return 0;
}

static bool type_is_ordered(Type type)
{
    return type_is_numeric(type) || type_is_text(type) || type_is_bytes(type) ||
           type_is_timestamp(type) || type.id == TYPE_DATE || type.id == TYPE_TIME;
}

static Status binding_ordered(Binding *binding, Type *element)
{
    TRY(binding_array(binding, 0, element));
    if (type_is_ordered(*element))
        return OK;
    return binding_fail(binding, 0, "WR2303", "`%s` needs elements that have an order, not %s",
                        binding->function->info.name,
                        type_text(binding->arena, type_nullable(*element)));
}

static void extreme_element_kernel(Call *call)
{
    Type element = call->args[0].type.children[0];
    int sign = strcmp(call->node->expr->function->info.name, "ARRAY_MAX") == 0 ? 1 : -1;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray array = call_array(call, 0, row);
        int32_t best = -1;
        Value found = {0};
        for (int32_t k = 0; k < array.count; k++) {
            Value value = nested_array_value(&array, k, element);
            if (value.is_null || (best >= 0 && value_compare(&value, &found) * sign <= 0))
                continue;
            best = k;
            found = value;
        }
        if (best < 0)
            call_set_null(call, row);
        else
            nested_slot_load(&call->out, row, array.base, nested_array_slot(&array, best));
    }
}

static Status bind_extreme_element(Binding *binding)
{
    Type element;
    TRY(binding_ordered(binding, &element));
    binding->result = type_nullable(element);
    return OK;
}

typedef struct SortItem {
    Value value;
    int32_t index;
} SortItem;

static int item_compare_up(const void *a, const void *b)
{
    return value_compare(&((const SortItem *)a)->value, &((const SortItem *)b)->value);
}

static int item_compare_down(const void *a, const void *b)
{
    return item_compare_up(b, a);
}

static bool call_flag(const Call *call, int32_t index, int32_t row, bool absent)
{
    if (index >= call->node->arg_count)
        return absent;
    const Column *column = &call->args[index];
    return ((const uint8_t *)column->values)[column_index(column, row)] != 0;
}

static void sort_kernel(Call *call)
{
    Type element = call->args[0].type.children[0];
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray array = call_array(call, 0, row);
        bool is_up = call_flag(call, 1, row, true);
        bool are_nulls_first = call_flag(call, 2, row, is_up);
        int64_t bytes = (int64_t)sizeof(SortItem) * array.count;
        SortItem *items = arena_allocate(call->eval->scratch, bytes);
        int32_t count = 0;
        for (int32_t k = 0; k < array.count; k++)
            if (!nested_array_is_null(&array, k))
                items[count++] = (SortItem){nested_array_value(&array, k, element), k};
        if (count > 1)
            qsort(items, (size_t)count, sizeof *items, is_up ? item_compare_up : item_compare_down);
        nested_begin(&builder, call->out.type);
        for (int32_t k = count; are_nulls_first && k < array.count; k++)
            nested_put_null(&builder);
        for (int32_t k = 0; k < count; k++)
            nested_put_element(&builder, &array, items[k].index);
        for (int32_t k = count; !are_nulls_first && k < array.count; k++)
            nested_put_null(&builder);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_sort(Binding *binding)
{
    Type element;
    TRY(binding_ordered(binding, &element));
    for (int32_t i = 1; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (type.id != TYPE_BOOLEAN && type.id != TYPE_NULL)
            return binding_fail(binding, i, "WR2303", "argument %d of `ARRAY_SORT` must be BOOLEAN",
                                i + 1);
        binding_cast(binding, i, type_simple(TYPE_BOOLEAN));
    }
    binding->result = binding->args[0]->type;
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- Arrays from one array ------------------------------------------------------------- */

static void reverse_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray array = call_array(call, 0, row);
        nested_begin(&builder, call->out.type);
        for (int32_t k = array.count - 1; k >= 0; k--)
            nested_put_element(&builder, &array, k);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_reverse(Binding *binding)
{
    Type element;
    TRY(binding_array(binding, 0, &element));
    binding->result = binding->args[0]->type;
    return OK;
}

static int32_t call_int32(const Call *call, int32_t index, int32_t row)
{
    const Column *column = &call->args[index];
    return ((const int32_t *)column->values)[column_index(column, row)];
}

/* A position in an array of `count`, from 1: negative ones count from the end, 0 is 1. */
static int64_t slice_position(int32_t given, int32_t count)
{
    if (given < 0)
        return (int64_t)count + given + 1;
    return given == 0 ? 1 : given;
}

static void slice_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray array = call_array(call, 0, row);
        int64_t from = slice_position(call_int32(call, 1, row), array.count);
        int64_t to = array.count;
        if (call->node->arg_count > 2)
            to = slice_position(call_int32(call, 2, row), array.count);
        nested_begin(&builder, call->out.type);
        for (int64_t k = from < 1 ? 1 : from; k <= to && k <= array.count; k++)
            nested_put_element(&builder, &array, (int32_t)k - 1);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_slice(Binding *binding)
{
    TRY(bind_reverse(binding));
    for (int32_t i = 1; i < binding->arg_count; i++)
        TRY(binding_int(binding, i));
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static void remove_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (column_is_null(&call->args[0], row)) {
            call_set_null(call, row);
            continue;
        }
        NestedArray array = call_array(call, 0, row);
        Needle needle = call_needle(call, 1, row);
        nested_begin(&builder, call->out.type);
        for (int32_t k = 0; k < array.count; k++)
            if (!needle_is(&needle, &array, k))
                nested_put_element(&builder, &array, k);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_remove(Binding *binding)
{
    TRY(bind_contains(binding));
    binding->result = binding->args[0]->type;
    return OK;
}

static void append_kernel(Call *call)
{
    bool is_first = strcmp(call->node->expr->function->info.name, "ARRAY_PREPEND") == 0;
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (column_is_null(&call->args[0], row)) {
            call_set_null(call, row);
            continue;
        }
        NestedArray array = call_array(call, 0, row);
        nested_begin(&builder, call->out.type);
        if (is_first)
            nested_put_column(&builder, &call->args[1], row);
        for (int32_t k = 0; k < array.count; k++)
            nested_put_element(&builder, &array, k);
        if (!is_first)
            nested_put_column(&builder, &call->args[1], row);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_append(Binding *binding)
{
    TRY(bind_contains(binding));
    Type array = binding->args[0]->type;
    Type element = array.children[0];
    element.is_nullable = element.is_nullable || binding->args[1]->type.is_nullable;
    binding->result = type_array(binding->arena, element);
    binding->result.is_nullable = array.is_nullable;
    return OK;
}

/* ---- ARRAY_JOIN ------------------------------------------------------------------------ */

static void join_kernel(Call *call)
{
    bool keeps_nulls = call->node->arg_count > 2;
    Buffer text = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray array = call_array(call, 0, row);
        Str separator = column_str(&call->args[1], row);
        Str null_text = keeps_nulls ? column_str(&call->args[2], row) : (Str){0};
        bool is_first = true;
        text.length = 0;
        for (int32_t k = 0; k < array.count; k++) {
            bool is_null = nested_array_is_null(&array, k);
            if (is_null && !keeps_nulls)
                continue;
            if (!is_first)
                buffer_append_str(&text, separator);
            is_first = false;
            buffer_append_str(&text, is_null ? null_text : nested_array_bytes(&array, k));
        }
        call_set_copy(call, row, buffer_str(&text));
    }
    buffer_free(&text);
}

static Status bind_join(Binding *binding)
{
    Type element;
    TRY(binding_array(binding, 0, &element));
    if (!type_is_text(element))
        return binding_fail(binding, 0, "WR2303",
                            "`ARRAY_JOIN` takes an ARRAY of STRING, not of %s",
                            type_text(binding->arena, type_nullable(element)));
    for (int32_t i = 1; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (!type_is_text(type) && type.id != TYPE_NULL)
            return binding_fail(binding, i, "WR2303", "argument %d of `ARRAY_JOIN` must be STRING",
                                i + 1);
        if (type.id == TYPE_NULL)
            binding_cast(binding, i, type_string());
    }
    binding->result = type_string();
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static const Function functions[] = {
    {.info = {"ARRAY_CONTAINS", "collection", "ARRAY_CONTAINS(array, x) -> BOOLEAN",
              "whether x is one of the elements; NULL may be looked for", false},
     .types = "xx>B",
     .bind = bind_contains,
     .kernel = contains_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"ARRAY_POSITION", "collection", "ARRAY_POSITION(array, x) -> INT",
              "where x comes first, from 1; 0 if it does not", false},
     .types = "xx>I",
     .bind = bind_position,
     .kernel = position_kernel},
    {.info = {"ARRAY_MAX", "collection", "ARRAY_MAX(array) -> type of the element",
              "the largest element, without NULLs; NULL if there is none", false},
     .types = "x>0",
     .bind = bind_extreme_element,
     .kernel = extreme_element_kernel},
    {.info = {"ARRAY_MIN", "collection", "ARRAY_MIN(array) -> type of the element",
              "the smallest element, without NULLs; NULL if there is none", false},
     .types = "x>0",
     .bind = bind_extreme_element,
     .kernel = extreme_element_kernel},
    {.info = {"ARRAY_SORT", "collection",
              "ARRAY_SORT(array [, ascending BOOLEAN [, nulls_first BOOLEAN]]) -> type of array",
              "the elements in order; NULLs first when it goes up", false},
     .types = "x?xx>0",
     .bind = bind_sort,
     .kernel = sort_kernel,
     .flags = FUNCTION_COSTLY},
    {.info = {"ARRAY_REVERSE", "collection", "ARRAY_REVERSE(array) -> type of array",
              "the last element first", false},
     .types = "x>0",
     .bind = bind_reverse,
     .kernel = reverse_kernel},
    {.info = {"ARRAY_SLICE", "collection",
              "ARRAY_SLICE(array, from INT [, to INT]) -> type of array",
              "the elements from one to the other, both from 1 and included; negative ones count "
              "from the end",
              false},
     .types = "xx?x>0",
     .bind = bind_slice,
     .kernel = slice_kernel},
    {.info = {"ARRAY_REMOVE", "collection", "ARRAY_REMOVE(array, x) -> type of array",
              "without the elements that are x", false},
     .types = "xx>0",
     .bind = bind_remove,
     .kernel = remove_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"ARRAY_APPEND", "collection", "ARRAY_APPEND(array, x) -> type of array",
              "with x behind the last element", false},
     .types = "xx>0",
     .bind = bind_append,
     .kernel = append_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"ARRAY_PREPEND", "collection", "ARRAY_PREPEND(array, x) -> type of array",
              "with x before the first element", false},
     .types = "xx>0",
     .bind = bind_append,
     .kernel = append_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"ARRAY_JOIN", "collection",
              "ARRAY_JOIN(array of STRING, separator STRING [, null_text STRING]) -> STRING",
              "the elements as one text; NULLs are left out unless they have a text", false},
     .types = "xx?x>s",
     .bind = bind_join,
     .kernel = join_kernel},
};

const FunctionFamily array_family = {functions, FUNCTION_COUNT(functions)};
