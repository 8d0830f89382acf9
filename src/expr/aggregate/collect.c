/* COLLECT, PERCENTILE, and the aggregates of DISTINCT values that need all of them: over a
 * multiset. */
#include <stdlib.h>

#include "base/memory.h"
#include "data/nested.h"
#include "expr/aggregate/sequence.h"

typedef struct Collected {
    ValueSet *set;         /* owned; NULL: empty */
    SequenceState present; /* in order; not for COLLECT */
    TextBox separator;     /* of LISTAGG(DISTINCT) */
} Collected;

static const AggregateKind collect_of_kind;

static const Collected *collected_view(const uint8_t *state)
{
    return (const Collected *)(const void *)state;
}

static ValueSet *collected_set(const AggregateCall *call, void *state)
{
    Collected *collected = state;
    if (collected->set == NULL)
        collected->set = valueset_new(type_physical(call->arg_types[0]), false, false);
    return collected->set;
}

static void collected_add(const AggregateCall *call, Collected *collected, const ValueEntry *key,
                          int64_t weight)
{
    int change = valueset_add(collected_set(call, collected), key, weight);
    if (change == 0 || call->kind == &collect_of_kind)
        return;
    Sequence *sequence = sequence_of(&collected->present, type_physical(call->arg_types[0]));
    if (change > 0)
        sequence_append(sequence, key, false);
    else
        sequence_remove(sequence, key, false);
}

static void collected_update(const AggregateCall *call, const AggregateRows *in)
{
    const Column *column = &in->args[0];
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(column, row))
            continue;
        Collected *collected = aggregate_state(in, i);
        if (call->arg_count == 2 && collected->separator.data == NULL) {
            const StrView *views = in->args[1].values;
            text_box_set(&collected->separator,
                         str_view_str(&views[column_index(&in->args[1], row)]));
        }
        ValueEntry key = valueset_key(column, row);
        collected_add(call, collected, &key, aggregate_weight(in->kinds, row));
    }
}

static void collected_combine(const AggregateCall *call, uint8_t *into, const uint8_t *from,
                              int sign)
{
    const Collected *other = collected_view(from);
    if (other->set == NULL)
        return;
    Collected *collected = (void *)into;
    if (collected->separator.data == NULL && other->separator.data != NULL)
        text_box_set(&collected->separator,
                     str_make(other->separator.data, other->separator.length));
    for (int32_t i = 0; i < other->set->entry_count; i++)
        collected_add(call, collected, &other->set->entries[i],
                      sign * other->set->entries[i].count);
}

static void collected_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    collected_combine(call, into, from, 1);
}

static void collected_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    collected_combine(call, into, from, -1);
}

static void collected_destroy(const AggregateCall *call, uint8_t *state)
{
    Collected *collected = (void *)state;
    valueset_free(collected->set);
    collected->set = NULL;
    sequence_destroy(call, (uint8_t *)&collected->present);
    text_box_free(&collected->separator);
}

static void collected_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    const Collected *collected = collected_view(state);
    buffer_append_u8(out, collected->separator.data != NULL);
    if (collected->separator.data != NULL)
        buffer_append_bytes(out, str_make(collected->separator.data, collected->separator.length));
    valueset_save(collected->set, out);
    sequence_save(call, (const uint8_t *)&collected->present, out);
}

static bool collected_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    Collected *collected = (void *)state;
    if (byte_reader_u8(in) != 0)
        text_box_set(&collected->separator, byte_reader_bytes(in));
    return valueset_load(collected_set(call, collected), in) &&
           sequence_load_as(type_physical(call->arg_types[0]), (uint8_t *)&collected->present, in);
}

/* An entry's value as a constant column; a text borrows from the entry. */
static Column entry_column(const AggregateCall *call, const ValueEntry *entry, Int128 *space)
{
    ValueSet view = {.physical = type_physical(call->arg_types[0])};
    Column column = {.type = call->arg_types[0],
                     .physical = view.physical,
                     .is_constant = true,
                     .values = space};
    if (view.physical == PHYSICAL_STRING)
        memcpy(space, &entry->text, sizeof entry->text);
    else
        valueset_put(&view, entry, &column, NULL, 0);
    return column;
}

/* ---- COLLECT, ARRAY_AGG(DISTINCT) ------------------------------------------------------ */

static void set_nested(Column *out, int32_t row, Arena *arena, NestedBuilder *builder)
{
    nested_end(builder);
    ((StrView *)out->values)[row] = str_view_copy(arena, nested_result(builder));
    nested_builder_free(builder);
}

typedef struct Ranked {
    const ValueEntry *entry;
    Physical physical;
} Ranked;

static int ranked_compare(const void *a, const void *b)
{
    const Ranked *left = a, *right = b;
    return valueset_compare(left->physical, left->entry, right->entry);
}

/* The values in order, so that equal multisets are equal values whatever way they came about. */
static bool collect_result(const AggregateCall *call, const uint8_t *state, Column *out,
                           Arena *arena, int32_t row)
{
    const ValueSet *set = collected_view(state)->set;
    int32_t entry_count = set == NULL ? 0 : set->entry_count, count = 0;
    Ranked *sorted = ARENA_ARRAY(arena, Ranked, entry_count + 1);
    for (int32_t i = 0; i < entry_count; i++)
        if (set->entries[i].count > 0)
            sorted[count++] = (Ranked){.entry = &set->entries[i], .physical = set->physical};
    qsort(sorted, (size_t)count, sizeof *sorted, ranked_compare);
    NestedBuilder builder = {0};
    nested_begin(&builder, call->result);
    for (int32_t i = 0; i < count; i++) {
        Int128 space = 0;
        Column column = entry_column(call, sorted[i].entry, &space);
        int32_t times = call->is_distinct ? 1 : (int32_t)sorted[i].entry->count;
        nested_put_column(&builder, &column, 0);
        nested_put_fixed(&builder, &times);
    }
    set_nested(out, row, arena, &builder);
    return true;
}

static bool distinct_array_result(const AggregateCall *call, const uint8_t *state, Column *out,
                                  Arena *arena, int32_t row)
{
    const Sequence *sequence = collected_view(state)->present.sequence;
    if (sequence_length(sequence) == 0)
        return false;
    NestedBuilder builder = {0};
    nested_begin(&builder, call->result);
    for (int32_t i = 0; i < sequence->count; i++) {
        if (sequence->items[i].value.count == 0)
            continue;
        Int128 space = 0;
        Column column = entry_column(call, &sequence->items[i].value, &space);
        nested_put_column(&builder, &column, 0);
    }
    set_nested(out, row, arena, &builder);
    return true;
}

/* ---- LISTAGG(DISTINCT) ----------------------------------------------------------------- */

static bool distinct_listagg_result(const AggregateCall *call, const uint8_t *state, Column *out,
                                    Arena *arena, int32_t row)
{
    (void)call;
    const Collected *collected = collected_view(state);
    const Sequence *sequence = collected->present.sequence;
    if (sequence_length(sequence) == 0)
        return false;
    Str separator = STR(",");
    if (collected->separator.data != NULL)
        separator = str_make(collected->separator.data, collected->separator.length);
    Buffer text = {0};
    bool is_first = true;
    for (int32_t i = 0; i < sequence->count; i++) {
        const ValueEntry *value = &sequence->items[i].value;
        if (value->count == 0)
            continue;
        if (!is_first)
            buffer_append_str(&text, separator);
        is_first = false;
        buffer_append_str(&text, str_view_str(&value->text));
    }
    ((StrView *)out->values)[row] = str_view_copy(arena, buffer_str(&text));
    buffer_free(&text);
    return true;
}

#define COLLECTED_KIND(text, finisher, subtracter)                                                 \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(Collected), .owns_heap = true,                       \
        .update = collected_update, .merge = collected_merge, .subtract = (subtracter),            \
        .result = (finisher), .destroy = collected_destroy, .save = collected_save,                \
        .load = collected_load                                                                     \
    }

static const AggregateKind collect_of_kind =
    COLLECTED_KIND("COLLECT", collect_result, collected_subtract);
static const AggregateKind distinct_array_of_kind =
    COLLECTED_KIND("ARRAY_AGG", distinct_array_result, NULL);
static const AggregateKind distinct_listagg_of_kind =
    COLLECTED_KIND("LISTAGG", distinct_listagg_result, NULL);

const AggregateKind *collect_kind(Type arg)
{
    return type_physical(arg) == PHYSICAL_NONE ? NULL : &collect_of_kind;
}

const AggregateKind *distinct_order_kind(const AggregateKind *kind)
{
    if (kind == &listagg_kind)
        return &distinct_listagg_of_kind;
    return kind == &array_kind ? &distinct_array_of_kind : NULL;
}
