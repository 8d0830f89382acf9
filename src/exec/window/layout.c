/* What the values of a window's tables are: where their parts lie, and what a checkpoint has of
 * them. Of a HOP it has the slices, without what ties them to the running values; those are built
 * from the slices again. Of a CUMULATE, which lets go of its slices, it has both. */
#include "exec/window/running.h"

static void slice_save(void *owner, const uint8_t *value, Buffer *out)
{
    const WindowLayout *layout = owner;
    buffer_append_u64(out, (uint64_t)((const SliceHead *)(const void *)value)->records);
    accumulators_save(&layout->sums, value + layout->slice_sums, out);
    accumulators_save(&layout->others, value + layout->slice_others, out);
}

static bool slice_load(void *owner, uint8_t *value, ByteReader *in)
{
    const WindowLayout *layout = owner;
    slice_head(value)->records = (int64_t)byte_reader_u64(in);
    return accumulators_load(&layout->sums, value + layout->slice_sums, in) &&
           accumulators_load(&layout->others, value + layout->slice_others, in);
}

static void slice_clear(void *owner, uint8_t *value)
{
    const WindowLayout *layout = owner;
    accumulators_clear(&layout->sums, value + layout->slice_sums);
    accumulators_clear(&layout->others, value + layout->slice_others);
    accumulators_clear(&layout->others, value + layout->slice_undo);
}

static void running_save(void *owner, const uint8_t *value, Buffer *out)
{
    const WindowLayout *layout = owner;
    buffer_append_u64(out, (uint64_t)((const RunningHead *)(const void *)value)->records);
    accumulators_save(&layout->sums, value + layout->running_sums, out);
}

static bool running_load(void *owner, uint8_t *value, ByteReader *in)
{
    const WindowLayout *layout = owner;
    running_head(value)->records = (int64_t)byte_reader_u64(in);
    return accumulators_load(&layout->sums, value + layout->running_sums, in);
}

static void running_clear(void *owner, uint8_t *value)
{
    const WindowLayout *layout = owner;
    accumulators_clear(&layout->sums, value + layout->running_sums);
    accumulators_clear(&layout->others, value + layout->running_front);
    accumulators_clear(&layout->others, value + layout->running_back);
}

WindowLayout window_layout(Arena *arena, const PlanAggregate *aggregates, int32_t count,
                           WindowKind kind)
{
    WindowLayout layout = {0};
    /* Only HOP ever takes a slice out of its window. */
    bool has_stacks = kind == WINDOW_HOP;
    AccumulatorChoice sums = has_stacks ? CHOOSE_INVERTIBLE : CHOOSE_ALL;
    layout.sums = accumulators_choose(arena, aggregates, count, sums);
    if (has_stacks)
        layout.others = accumulators_choose(arena, aggregates, count, CHOOSE_OTHERS);
    int32_t others = layout.others.bytes;
    layout.has_chains = kind == WINDOW_HOP;
    layout.slice_sums = (int32_t)(layout.has_chains ? sizeof(SliceHead) : sizeof(int64_t));
    layout.slice_others = layout.slice_sums + layout.sums.bytes;
    layout.slice_undo = layout.slice_others + others;
    layout.slice_has_undo = layout.slice_undo + others;
    layout.slice_bytes = layout.slice_has_undo + (layout.others.count > 0 ? 8 : 0);
    layout.running_sums = (int32_t)sizeof(RunningHead);
    layout.running_front = layout.running_sums + layout.sums.bytes;
    layout.running_back = layout.running_front + others;
    layout.running_bytes = layout.running_back + others;
    bool owns_heap = layout.sums.owns_heap || layout.others.owns_heap;
    layout.slice_codec = (TableCodec){slice_save, slice_load, owns_heap ? slice_clear : NULL};
    layout.running_codec =
        (TableCodec){running_save, running_load, owns_heap ? running_clear : NULL};
    return layout;
}
