/* PERCENTILE(x, p [, frequency]): the value below which the fraction p of all values lies, with
 * linear interpolation between neighbours; of an array of fractions an array of values.
 *
 * The values are kept as a multiset and sorted for each result. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/nested.h"
#include "expr/aggregate/aggregate.h"
#include "expr/aggregate/valueset.h"

typedef struct Percentile {
    ValueSet *set;     /* owned; NULL: empty. Of doubles */
    TextBox fractions; /* doubles, from the first row */
} Percentile;

typedef struct Weighted {
    double value;
    int64_t count;
} Weighted;

static void percentile_take_fractions(Percentile *percentile, const Column *column, int32_t row)
{
    if (percentile->fractions.data != NULL || column_is_null(column, row))
        return;
    if (column->physical == PHYSICAL_F64) {
        const double *values = column->values;
        text_box_set(&percentile->fractions,
                     str_make((const char *)&values[column_index(column, row)], sizeof(double)));
        return;
    }
    const StrView *views = column->values;
    NestedArray array =
        nested_array(str_view_str(&views[column_index(column, row)]), type_simple(TYPE_DOUBLE));
    Buffer fractions = {0};
    for (int32_t i = 0; i < array.count; i++)
        buffer_append(&fractions, nested_array_slot(&array, i), sizeof(double));
    text_box_set(&percentile->fractions, buffer_str(&fractions));
    buffer_free(&fractions);
}

static ValueSet *percentile_set(Percentile *percentile)
{
    if (percentile->set == NULL)
        percentile->set = valueset_new(PHYSICAL_F64, false, false);
    return percentile->set;
}

static void percentile_update(const AggregateCall *call, const AggregateRows *in)
{
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(&in->args[0], row))
            continue;
        int64_t weight = aggregate_weight(in->kinds, row);
        if (call->arg_count == 3) {
            const int64_t *frequencies = in->args[2].values;
            int64_t frequency = column_is_null(&in->args[2], row)
                                    ? 0
                                    : frequencies[column_index(&in->args[2], row)];
            weight *= frequency > 0 ? frequency : 0;
        }
        if (weight == 0)
            continue;
        Percentile *percentile = aggregate_state(in, i);
        percentile_take_fractions(percentile, &in->args[1], row);
        ValueEntry key = valueset_key(&in->args[0], row);
        (void)valueset_add(percentile_set(percentile), &key, weight);
    }
}

static void percentile_combine(uint8_t *into, const uint8_t *from, int sign)
{
    const Percentile *other = (const void *)from;
    if (other->set == NULL)
        return;
    Percentile *percentile = (void *)into;
    if (percentile->fractions.data == NULL)
        text_box_set(&percentile->fractions,
                     str_make(other->fractions.data, other->fractions.length));
    ValueSet *set = percentile_set(percentile);
    for (int32_t i = 0; i < other->set->entry_count; i++)
        (void)valueset_add(set, &other->set->entries[i], sign * other->set->entries[i].count);
}

static void percentile_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    percentile_combine(into, from, 1);
}

static void percentile_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    percentile_combine(into, from, -1);
}

/* ---- The result ------------------------------------------------------------------------ */

static int weighted_compare(const void *a, const void *b)
{
    double left = ((const Weighted *)a)->value, right = ((const Weighted *)b)->value;
    if (isnan(left) || isnan(right))
        return isnan(left) - isnan(right);
    return (left > right) - (left < right);
}

/* The values with positive counts in order; how many, and the sum of the counts. */
static int32_t percentile_sort(const ValueSet *set, Arena *arena, Weighted **out, int64_t *total)
{
    Weighted *sorted = ARENA_ARRAY(arena, Weighted, set->entry_count + 1);
    int32_t count = 0;
    *total = 0;
    for (int32_t i = 0; i < set->entry_count; i++) {
        if (set->entries[i].count <= 0)
            continue;
        memcpy(&sorted[count].value, set->entries[i].words, sizeof(double));
        sorted[count].count = set->entries[i].count;
        *total += sorted[count++].count;
    }
    qsort(sorted, (size_t)count, sizeof *sorted, weighted_compare);
    *out = sorted;
    return count;
}

/* The value at the 0-based place among all. */
static double value_at(const Weighted *sorted, int32_t count, int64_t place)
{
    int32_t i = 0;
    while (i + 1 < count && place >= sorted[i].count)
        place -= sorted[i++].count;
    return sorted[i].value;
}

static double percentile_at(const Weighted *sorted, int32_t count, int64_t total, double fraction)
{
    double place = fraction * (double)(total - 1);
    int64_t below = (int64_t)floor(place), above = (int64_t)ceil(place);
    double low = value_at(sorted, count, below);
    if (above == below)
        return low;
    double high = value_at(sorted, count, above);
    return low == high ? low : low + (high - low) * (place - (double)below);
}

static bool percentile_result(const AggregateCall *call, const uint8_t *state, Column *out,
                              Arena *arena, int32_t row)
{
    const Percentile *percentile = (const void *)state;
    if (percentile->set == NULL || percentile->set->present_count == 0 ||
        percentile->fractions.data == NULL)
        return false;
    Weighted *sorted;
    int64_t total;
    int32_t count = percentile_sort(percentile->set, arena, &sorted, &total);
    NestedBuilder builder = {0};
    bool is_array = call->result.id == TYPE_ARRAY;
    if (is_array)
        nested_begin(&builder, call->result);
    for (int32_t at = 0; at < percentile->fractions.length; at += (int32_t)sizeof(double)) {
        double fraction;
        memcpy(&fraction, percentile->fractions.data + at, sizeof fraction);
        fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
        double value = percentile_at(sorted, count, total, fraction);
        if (is_array)
            nested_put_fixed(&builder, &value);
        else
            ((double *)out->values)[row] = value;
    }
    if (is_array) {
        nested_end(&builder);
        ((StrView *)out->values)[row] = str_view_copy(arena, nested_result(&builder));
        nested_builder_free(&builder);
    }
    return true;
}

/* ---- Snapshots ------------------------------------------------------------------------- */

static void percentile_destroy(const AggregateCall *call, uint8_t *state)
{
    (void)call;
    Percentile *percentile = (void *)state;
    valueset_free(percentile->set);
    percentile->set = NULL;
    text_box_free(&percentile->fractions);
}

static void percentile_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    (void)call;
    const Percentile *percentile = (const void *)state;
    buffer_append_bytes(out, str_make(percentile->fractions.data, percentile->fractions.length));
    valueset_save(percentile->set, out);
}

static bool percentile_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    (void)call;
    Percentile *percentile = (void *)state;
    Str fractions = byte_reader_bytes(in);
    if (fractions.length % (int64_t)sizeof(double) != 0)
        return false;
    if (fractions.length > 0)
        text_box_set(&percentile->fractions, fractions);
    return valueset_load(percentile_set(percentile), in);
}

const AggregateKind percentile_kind = {
    .name = "PERCENTILE",
    .state_bytes = sizeof(Percentile),
    .owns_heap = true,
    .update = percentile_update,
    .merge = percentile_merge,
    .subtract = percentile_subtract,
    .result = percentile_result,
    .destroy = percentile_destroy,
    .save = percentile_save,
    .load = percentile_load,
};
