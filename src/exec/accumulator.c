/* Aggregate calls laid out in values of state tables. */
#include "exec/accumulator.h"

#include <assert.h>
#include <string.h>

AccumulatorGroup accumulators_choose(Arena *arena, const PlanAggregate *aggregates, int32_t count,
                                     AccumulatorChoice choice)
{
    AccumulatorGroup group = {.calls = ARENA_ARRAY(arena, Accumulator, count)};
    for (int32_t i = 0; i < count; i++) {
        const AggregateCall *call = aggregates[i].call;
        if (choice != CHOOSE_ALL && aggregate_is_invertible(call) != (choice == CHOOSE_INVERTIBLE))
            continue;
        int32_t bytes = aggregate_state_bytes(call);
        assert(bytes >= 0 && bytes % 8 == 0);
        Accumulator *one = &group.calls[group.count++];
        *one = (Accumulator){
            .call = call,
            .filter = aggregates[i].filter,
            .offset = group.bytes,
            .result = i,
            .plain_bytes = aggregate_plain_bytes(call),
        };
        memcpy(one->args, aggregates[i].args, sizeof one->args);
        group.bytes += bytes;
        group.owns_heap = group.owns_heap || aggregate_owns_heap(call);
    }
    return group;
}

AccumulatorGroup accumulators_choose_counted(Arena *arena, const PlanAggregate *aggregates,
                                             int32_t count, int32_t records)
{
    assert(records < 0);
    AccumulatorGroup group = accumulators_choose(arena, aggregates, count, CHOOSE_ALL);
    group.bytes = 0;
    for (int32_t i = 0; i < group.count; i++) {
        Accumulator *one = &group.calls[i];
        one->is_kept_outside = one->filter < 0 && aggregate_counts_rows(one->call);
        one->offset = one->is_kept_outside ? records : group.bytes;
        group.bytes += one->is_kept_outside ? 0 : aggregate_state_bytes(one->call);
    }
    return group;
}

/* The rows for which the filter is TRUE, and their states. */
static Selection accumulator_filter(const Column *filter, Selection rows, uint8_t *const **states,
                                    Arena *scratch)
{
    assert(filter->physical == PHYSICAL_BOOL);
    const uint8_t *flags = filter->values;
    int32_t *kept = arena_allocate(scratch, (int64_t)sizeof(int32_t) * rows.count);
    uint8_t **kept_states = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * rows.count);
    int32_t count = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        kept[count] = row;
        kept_states[count] = (*states)[i];
        count += flags[column_index(filter, row)] != 0 && !column_is_null(filter, row);
    }
    *states = kept_states;
    return (Selection){.rows = kept, .count = count};
}

void accumulators_update(const AccumulatorGroup *group, uint8_t *const *states, int32_t offset,
                         const Batch *batch, Selection rows, Arena *scratch)
{
    if (rows.count == 0)
        return;
    for (int32_t i = 0; i < group->count; i++) {
        const Accumulator *one = &group->calls[i];
        if (one->is_kept_outside)
            continue;
        Column args[AGGREGATE_ARGS_MAX] = {0};
        for (int32_t k = 0; k < one->call->arg_count; k++)
            args[k] = batch->columns[one->args[k]];
        Selection chosen = rows;
        uint8_t *const *chosen_states = states;
        if (one->filter >= 0)
            chosen =
                accumulator_filter(&batch->columns[one->filter], rows, &chosen_states, scratch);
        if (chosen.count > 0)
            aggregate_update(one->call, chosen_states, offset + one->offset, args, chosen,
                             batch->kinds);
    }
}

void accumulators_merge(const AccumulatorGroup *group, uint8_t *into, const uint8_t *from)
{
    for (int32_t i = 0; i < group->count; i++)
        aggregate_merge(group->calls[i].call, into + group->calls[i].offset,
                        from + group->calls[i].offset);
}

static AggregatePairs pairs_at(const AggregatePairs *pairs, int32_t offset)
{
    AggregatePairs moved = *pairs;
    moved.into_offset += offset;
    moved.from_offset += offset;
    return moved;
}

void accumulators_merge_run(const AccumulatorGroup *group, const AggregatePairs *pairs)
{
    for (int32_t i = 0; i < group->count; i++) {
        AggregatePairs own = pairs_at(pairs, group->calls[i].offset);
        aggregate_merge_run(group->calls[i].call, &own);
    }
}

void accumulators_subtract_run(const AccumulatorGroup *group, const AggregatePairs *pairs)
{
    for (int32_t i = 0; i < group->count; i++) {
        AggregatePairs own = pairs_at(pairs, group->calls[i].offset);
        aggregate_subtract_run(group->calls[i].call, &own);
    }
}

void accumulators_clear(const AccumulatorGroup *group, uint8_t *state)
{
    for (int32_t i = 0; group->owns_heap && i < group->count; i++)
        if (aggregate_owns_heap(group->calls[i].call))
            aggregate_destroy(group->calls[i].call, state + group->calls[i].offset);
    memset(state, 0, (size_t)group->bytes);
}

void accumulators_move(const AccumulatorGroup *group, uint8_t *into, uint8_t *from)
{
    memcpy(into, from, (size_t)group->bytes);
    memset(from, 0, (size_t)group->bytes);
}

void accumulators_result(const AccumulatorGroup *group, const uint8_t *state, Column *columns,
                         Arena *arena, int32_t row, int32_t capacity)
{
    for (int32_t i = 0; i < group->count; i++)
        aggregate_result(group->calls[i].call, state + group->calls[i].offset,
                         &columns[group->calls[i].result], arena, row, capacity);
}

void accumulators_result_run(const AccumulatorGroup *group, const AggregateStates *states,
                             Column *columns, Arena *arena, int32_t row, int32_t capacity)
{
    for (int32_t i = 0; i < group->count; i++) {
        AggregateStates own = *states;
        own.offset += group->calls[i].offset;
        aggregate_result_run(group->calls[i].call, &own, &columns[group->calls[i].result], arena,
                             row, capacity);
    }
}

/* A few words, of many keys one after the other in each checkpoint. */
static inline void words_append(Buffer *out, const uint8_t *from, int32_t bytes)
{
    char *to = buffer_reserve(out, bytes);
    for (int32_t i = 0; i < bytes; i += 8)
        memcpy(to + i, from + i, 8);
    out->length += bytes;
}

void accumulators_save(const AccumulatorGroup *group, const uint8_t *state, Buffer *out)
{
    for (int32_t i = 0; i < group->count; i++) {
        const Accumulator *one = &group->calls[i];
        if (one->plain_bytes > 0)
            words_append(out, state + one->offset, one->plain_bytes);
        else
            aggregate_save(one->call, state + one->offset, out);
    }
}

bool accumulators_add_words(const AccumulatorGroup *group, int32_t offset, TableCodec *codec)
{
    for (int32_t i = 0; i < group->count; i++) {
        const Accumulator *one = &group->calls[i];
        if (one->plain_bytes <= 0)
            return false;
        for (int32_t k = 0; k < one->plain_bytes; k += 8)
            if (!codec_add_word(codec, offset + one->offset + k))
                return false;
    }
    return true;
}

bool accumulators_load(const AccumulatorGroup *group, uint8_t *state, ByteReader *in)
{
    for (int32_t i = 0; i < group->count; i++)
        if (!aggregate_load(group->calls[i].call, state + group->calls[i].offset, in))
            return false;
    return true;
}
