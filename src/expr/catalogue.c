/* The catalogue: all families in one list, found by name. */
#include "expr/internal.h"

static const FunctionFamily *const families[] = {
    &comparison_family, &membership_family, &logic_family,    &arithmetic_family,
    &math_family,       &rounding_family,   &random_family,   &conditional_family,
    &conversion_family, &string_family,     &text_family,     &pattern_family,
    &encoding_family,   &temporal_family,   &calendar_family, &clock_family,
    &url_family,        &class_family,      &json_family,     &json_make_family,
    &session_family,    &grouping_family,   &access_family,   &construct_family,
    &array_family,      &array_set_family,  &map_family,
};

enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

const Function *function_find(Str name)
{
    for (int32_t f = 0; f < FAMILY_COUNT; f++)
        for (int32_t i = 0; i < families[f]->count; i++)
            if (str_equal_ignoring_case(str_from(families[f]->functions[i].info.name), name))
                return &families[f]->functions[i];
    return NULL;
}

const char *function_name(const Function *function)
{
    return function->info.name;
}

/* The index-th listed scalar function, or NULL; counts them into *count. */
static const FunctionInfo *scalar_info_at(int32_t index, int32_t *count)
{
    *count = 0;
    for (int32_t f = 0; f < FAMILY_COUNT; f++) {
        for (int32_t i = 0; i < families[f]->count; i++) {
            const FunctionInfo *info = &families[f]->functions[i].info;
            if (info->signature == NULL)
                continue;
            if (*count == index)
                return info;
            *count += 1;
        }
    }
    return NULL;
}

int32_t function_info_count(void)
{
    int32_t scalars;
    (void)scalar_info_at(-1, &scalars);
    return scalars + aggregate_info_count();
}

const FunctionInfo *function_info_at(int32_t index)
{
    assert(index >= 0 && index < function_info_count());
    int32_t scalars;
    const FunctionInfo *info = scalar_info_at(index, &scalars);
    return info != NULL ? info : aggregate_info_at(index - scalars);
}
