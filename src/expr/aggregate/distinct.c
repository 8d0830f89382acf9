/* DISTINCT: a multiset of the values, and the plain aggregate over those that are present.
 *
 * The inner accumulator is told only when a value comes or goes. COUNT needs none: the set
 * knows how many values it has. */
#include "data/rowcode.h"
#include "expr/aggregate/aggregate.h"
#include "expr/aggregate/valueset.h"

enum { AHEAD = 32 }; /* rows whose memory is fetched at a time */

typedef struct Distinct {
    ValueSet *set; /* owned; NULL: empty */
} Distinct;

static bool is_count(const AggregateCall *call)
{
    return call->kind->inner == &count_kind;
}

static ValueSet *distinct_set(const AggregateCall *call, void *state)
{
    Distinct *distinct = state;
    if (distinct->set == NULL) {
        Physical physical =
            call->arg_count == 1 ? type_physical(call->arg_types[0]) : PHYSICAL_STRING;
        distinct->set = valueset_new(physical, false, false);
    }
    return distinct->set;
}

/* Tell the inner accumulator of one value that came (1) or went (-1). */
static void distinct_tell(const AggregateCall *call, ValueSet *set, const ValueEntry *key,
                          int change)
{
    if (change == 0 || is_count(call))
        return;
    Int128 space = 0;
    Column column = {.type = call->arg_types[0],
                     .physical = set->physical,
                     .is_constant = true,
                     .values = &space};
    valueset_put(set, key, &column, NULL, 0);
    uint8_t *state = (uint8_t *)set->inner;
    uint8_t kind = change > 0 ? ROW_INSERT : ROW_DELETE;
    AggregateRows in = {.states = &state, .args = &column, .rows = {.count = 1}, .kinds = &kind};
    call->kind->inner->update(call, &in);
}

static void distinct_put(const AggregateCall *call, ValueSet *set, const ValueEntry *key,
                         int64_t weight)
{
    distinct_tell(call, set, key, valueset_add(set, key, weight));
}

/* Several columns: their bytes are the value. */
static void distinct_update_many(const AggregateCall *call, const AggregateRows *in)
{
    Column columns[2] = {in->args[0], in->args[1]};
    Batch batch = {.column_count = 2, .row_count = BATCH_ROWS_MAX, .columns = columns};
    Buffer buffer = {0};
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(&columns[0], row) || column_is_null(&columns[1], row))
            continue;
        buffer.length = 0;
        rowcode_write(&buffer, &batch, row, NULL, 2);
        ValueEntry key = valueset_key_text(buffer_str(&buffer));
        distinct_put(call, distinct_set(call, aggregate_state(in, i)), &key,
                     aggregate_weight(in->kinds, row));
    }
    buffer_free(&buffer);
}

/* Sets of many groups are not in the cache: what the rows need is fetched for all of them at a
 * time, instead of waited for row by row. */
static void distinct_update_some(const AggregateCall *call, const AggregateRows *in, int32_t first,
                                 int32_t end)
{
    const Column *column = &in->args[0];
    struct {
        ValueSet *set;
        ValueEntry key;
        int64_t weight;
    } todo[AHEAD];
    int32_t count = 0;
    for (int32_t i = first; i < end; i++)
        __builtin_prefetch(aggregate_state(in, i));
    for (int32_t i = first; i < end; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(column, row))
            continue;
        todo[count].set = distinct_set(call, aggregate_state(in, i));
        todo[count].key = valueset_key(column, row);
        todo[count].weight = aggregate_weight(in->kinds, row);
        __builtin_prefetch(todo[count++].set);
    }
    for (int32_t i = 0; i < count; i++)
        valueset_fetch_slot(todo[i].set, &todo[i].key);
    for (int32_t i = 0; i < count; i++)
        valueset_fetch_entry(todo[i].set, &todo[i].key);
    for (int32_t i = 0; i < count; i++)
        distinct_put(call, todo[i].set, &todo[i].key, todo[i].weight);
}

static void distinct_update(const AggregateCall *call, const AggregateRows *in)
{
    if (call->arg_count == 2) {
        distinct_update_many(call, in);
        return;
    }
    for (int32_t i = 0; i < in->rows.count; i += AHEAD) {
        int32_t end = i + AHEAD < in->rows.count ? i + AHEAD : in->rows.count;
        distinct_update_some(call, in, i, end);
    }
}

static void distinct_combine(const AggregateCall *call, uint8_t *into, const uint8_t *from,
                             int sign)
{
    const ValueSet *other = ((const Distinct *)(const void *)from)->set;
    if (other == NULL)
        return;
    ValueSet *set = distinct_set(call, into);
    for (int32_t i = 0; i < other->entry_count; i++)
        distinct_put(call, set, &other->entries[i], sign * other->entries[i].count);
}

static void distinct_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    distinct_combine(call, into, from, 1);
}

static void distinct_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    distinct_combine(call, into, from, -1);
}

static bool distinct_result(const AggregateCall *call, const uint8_t *state, Column *out,
                            Arena *arena, int32_t row)
{
    static const uint64_t empty[6];
    const ValueSet *set = ((const Distinct *)(const void *)state)->set;
    if (is_count(call)) {
        ((int64_t *)out->values)[row] = set == NULL ? 0 : set->present_count;
        return true;
    }
    const uint64_t *inner = set == NULL ? empty : set->inner;
    return call->kind->inner->result(call, (const uint8_t *)inner, out, arena, row);
}

static void distinct_destroy(const AggregateCall *call, uint8_t *state)
{
    (void)call;
    Distinct *distinct = (void *)state;
    valueset_free(distinct->set);
    distinct->set = NULL;
}

/* The inner accumulator is saved too: fed again in another order, reals would round
 * otherwise. */
static void distinct_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    static const uint64_t empty[6];
    const ValueSet *set = ((const Distinct *)(const void *)state)->set;
    valueset_save(set, out);
    buffer_append(out, set == NULL ? empty : set->inner, call->kind->inner->state_bytes);
}

static bool distinct_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    ValueSet *set = distinct_set(call, state);
    if (!valueset_load(set, in))
        return false;
    Str inner = byte_reader_take(in, call->kind->inner->state_bytes);
    if (in->is_short)
        return false;
    memcpy(set->inner, inner.data, (size_t)inner.length);
    return true;
}

AggregateKind distinct_kind(const AggregateKind *inner)
{
    assert(inner->state_bytes <= (int32_t)sizeof(((ValueSet *)0)->inner));
    assert(!inner->owns_heap);
    return (AggregateKind){
        .name = inner->name,
        .state_bytes = sizeof(Distinct),
        .owns_heap = true,
        .inner = inner,
        .update = distinct_update,
        .merge = distinct_merge,
        .subtract = inner->subtract == NULL ? NULL : distinct_subtract,
        .result = distinct_result,
        .destroy = distinct_destroy,
        .save = distinct_save,
        .load = distinct_load,
    };
}
