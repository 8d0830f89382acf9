/* What the values of a window's tables are: where their parts lie, and what a checkpoint has of
 * them. Of a HOP it has the slices, without what ties them to the running values; those are built
 * from the slices again. Of a CUMULATE, which lets go of its slices, it has both. */
#include <stddef.h>

#include "exec/window/running.h"

static void slice_save(void *owner, const uint8_t *value, Buffer *out)
{
    const WindowLayout *layout = owner;
    buffer_append_u64(out, (uint64_t)((const SliceHead *)(const void *)value)->records);
    accumulators_save(&layout->sums, value + layout->slice_sums, out);
    accumulators_save(&layout->others, value + layout->slice_others, out);
}

/* Its values are words if all it has are. */
static void slice_find_words(WindowLayout *layout)
{
    TableCodec *codec = &layout->slice_codec;
    bool has_words = codec_add_word(codec, (int32_t)offsetof(SliceHead, records)) &&
                     accumulators_add_words(&layout->sums, layout->slice_sums, codec) &&
                     accumulators_add_words(&layout->others, layout->slice_others, codec);
    if (!has_words)
        codec->word_count = 0;
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
    if (layout->has_chains)
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

/* Of a HOP that has no chains: nothing of it is in checkpoints. */
static void derived_save(void *owner, const uint8_t *value, Buffer *out)
{
    const WindowLayout *layout = owner;
    const RunningHead *head = (const RunningHead *)(const void *)value;
    running_save(owner, value, out);
    buffer_append_u32(out, (uint32_t)head->slices);
    buffer_append_u8(out, head->has_front);
    buffer_append_u8(out, head->has_back);
    accumulators_save(&layout->others, value + layout->running_front, out);
    accumulators_save(&layout->others, value + layout->running_back, out);
}

static bool derived_load(void *owner, uint8_t *value, ByteReader *in)
{
    const WindowLayout *layout = owner;
    RunningHead *head = running_head(value);
    if (!running_load(owner, value, in))
        return false;
    head->slices = (int32_t)byte_reader_u32(in);
    head->has_front = byte_reader_u8(in) != 0;
    head->has_back = byte_reader_u8(in) != 0;
    return accumulators_load(&layout->others, value + layout->running_front, in) &&
           accumulators_load(&layout->others, value + layout->running_back, in);
}

static void undo_save(void *owner, const uint8_t *value, Buffer *out)
{
    const WindowLayout *layout = owner;
    buffer_append_u8(out, *value);
    accumulators_save(&layout->others, value + sizeof(int64_t), out);
}

static bool undo_load(void *owner, uint8_t *value, ByteReader *in)
{
    const WindowLayout *layout = owner;
    *value = byte_reader_u8(in);
    return accumulators_load(&layout->others, value + sizeof(int64_t), in);
}

static void undo_clear(void *owner, uint8_t *value)
{
    const WindowLayout *layout = owner;
    accumulators_clear(&layout->others, value + sizeof(int64_t));
}

WindowLayout window_layout(Arena *arena, const PlanAggregate *aggregates, int32_t count,
                           WindowKind kind, bool spills)
{
    WindowLayout layout = {0};
    /* Only HOP ever takes a slice out of its window. */
    bool has_stacks = kind == WINDOW_HOP;
    AccumulatorChoice sums = has_stacks ? CHOOSE_INVERTIBLE : CHOOSE_ALL;
    layout.sums = accumulators_choose(arena, aggregates, count, sums);
    if (has_stacks)
        layout.others = accumulators_choose(arena, aggregates, count, CHOOSE_OTHERS);
    int32_t others = layout.others.bytes;
    layout.keeps_slices = kind == WINDOW_HOP;
    layout.has_chains = kind == WINDOW_HOP && !spills;
    layout.slice_sums = (int32_t)(layout.has_chains ? sizeof(SliceHead) : sizeof(int64_t));
    layout.slice_others = layout.slice_sums + layout.sums.bytes;
    layout.slice_undo = layout.slice_others + others;
    layout.slice_has_undo = layout.slice_undo + others;
    bool has_undo = layout.has_chains && layout.others.count > 0;
    layout.slice_bytes = has_undo ? layout.slice_has_undo + 8 : layout.slice_undo;
    layout.undo_bytes = layout.others.count > 0 && !layout.has_chains ? 8 + others : 0;
    layout.running_sums = (int32_t)sizeof(RunningHead);
    layout.running_front = layout.running_sums + layout.sums.bytes;
    layout.running_back = layout.running_front + others;
    layout.running_bytes = layout.running_back + others;
    bool owns_heap = layout.sums.owns_heap || layout.others.owns_heap;
    layout.slice_codec = (TableCodec){
        .save = slice_save, .load = slice_load, .clear = owns_heap ? slice_clear : NULL};
    slice_find_words(&layout);
    if (!layout.keeps_slices || layout.has_chains)
        layout.running_codec = (TableCodec){
            .save = running_save, .load = running_load, .clear = owns_heap ? running_clear : NULL};
    else if (owns_heap)
        layout.running_codec =
            (TableCodec){.save = derived_save, .load = derived_load, .clear = running_clear};
    else
        layout.running_codec = (TableCodec){0};
    layout.undo_codec = (TableCodec){
        .save = undo_save, .load = undo_load, .clear = layout.others.owns_heap ? undo_clear : NULL};
    return layout;
}
