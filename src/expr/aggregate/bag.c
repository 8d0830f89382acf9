/* MIN and MAX where rows can be taken back: the values with their counts, the best on top. */
#include "expr/aggregate/aggregate.h"
#include "expr/aggregate/valueset.h"

typedef struct Bag {
    ValueSet *set; /* owned; NULL: empty */
} Bag;

static ValueSet *bag_set(const AggregateCall *call, void *state)
{
    Bag *bag = state;
    if (bag->set == NULL)
        bag->set =
            valueset_new(type_physical(call->arg_types[0]), true, call->kind->name[1] == 'A');
    return bag->set;
}

static void bag_update(const AggregateCall *call, const AggregateRows *in)
{
    const Column *column = &in->args[0];
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(column, row))
            continue;
        ValueEntry key = valueset_key(column, row);
        (void)valueset_add(bag_set(call, aggregate_state(in, i)), &key,
                           aggregate_weight(in->kinds, row));
    }
}

static void bag_combine(const AggregateCall *call, uint8_t *into, const uint8_t *from, int sign)
{
    const ValueSet *other = ((const Bag *)(const void *)from)->set;
    if (other == NULL)
        return;
    ValueSet *set = bag_set(call, into);
    for (int32_t i = 0; i < other->entry_count; i++)
        (void)valueset_add(set, &other->entries[i], sign * other->entries[i].count);
}

static void bag_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    bag_combine(call, into, from, 1);
}

static void bag_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    bag_combine(call, into, from, -1);
}

static bool bag_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                       int32_t row)
{
    (void)call;
    ValueSet *set = ((const Bag *)(const void *)state)->set;
    const ValueEntry *best = set == NULL ? NULL : valueset_best(set);
    if (best == NULL)
        return false;
    valueset_put(set, best, out, arena, row);
    return true;
}

static void bag_destroy(const AggregateCall *call, uint8_t *state)
{
    (void)call;
    Bag *bag = (void *)state;
    valueset_free(bag->set);
    bag->set = NULL;
}

static void bag_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    (void)call;
    valueset_save(((const Bag *)(const void *)state)->set, out);
}

static bool bag_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    return valueset_load(bag_set(call, state), in);
}

#define BAG_KIND(text)                                                                             \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(Bag), .owns_heap = true, .update = bag_update,       \
        .merge = bag_merge, .subtract = bag_subtract, .result = bag_result,                        \
        .destroy = bag_destroy, .save = bag_save, .load = bag_load                                 \
    }

static const AggregateKind min_bag_kind = BAG_KIND("MIN");
static const AggregateKind max_bag_kind = BAG_KIND("MAX");

const AggregateKind *bag_kind(Type arg, bool is_max)
{
    if (type_physical(arg) == PHYSICAL_NONE || type_is_nested(arg))
        return NULL;
    return is_max ? &max_bag_kind : &min_bag_kind;
}
