/* The state of GROUP BY in a checkpoint: counts and accumulators by key. */
#include <assert.h>
#include <stddef.h>

#include "exec/group_aggregate.h"

/* In batch mode the version is followed by whether the final rows are out. */
enum { GROUP_STATE_VERSION = 3, GROUP_FINAL_STATE_VERSION = 4 };

static void group_save(void *owner, const uint8_t *value, Buffer *out)
{
    const GroupAggregate *self = owner;
    const GroupHead *head = (const GroupHead *)(const void *)value;
    assert(head->touched == 0);
    buffer_append_u64(out, (uint64_t)head->records);
    buffer_append_u64(out, (uint64_t)group_written_us(&self->clock, head));
    accumulators_save(&self->group, value + sizeof(GroupHead), out);
}

static bool group_load(void *owner, uint8_t *value, ByteReader *in)
{
    const GroupAggregate *self = owner;
    GroupHead *head = group_head(value);
    head->records = (int64_t)byte_reader_u64(in);
    group_set_written_us(&self->clock, head,
                         operator_load_written(&self->base, self->clock.ttl_us, in));
    return accumulators_load(&self->group, group_state(value), in);
}

static void group_clear(void *owner, uint8_t *value)
{
    const GroupAggregate *self = owner;
    accumulators_clear(&self->group, group_state(value));
}

/* Those whose values are words when no time is kept of them. */
TableCodec group_codec(const GroupAggregate *self)
{
    TableCodec codec = {.save = group_save, .load = group_load, .clear = group_clear};
    bool has_words = self->clock.ttl_us == 0 &&
                     codec_add_word(&codec, (int32_t)offsetof(GroupHead, records)) &&
                     codec_add_word(&codec, -1) &&
                     accumulators_add_words(&self->group, (int32_t)sizeof(GroupHead), &codec);
    if (!has_words)
        codec.word_count = 0;
    return codec;
}

Status group_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    bool is_final = op->node->group_aggregate.is_final;
    buffer_append_u8(out, is_final ? GROUP_FINAL_STATE_VERSION : GROUP_STATE_VERSION);
    if (is_final)
        buffer_append_u8(out, ((GroupAggregate *)op)->has_ended);
    return OK;
}

Status group_restore(Operator *op, Str state)
{
    GroupAggregate *self = (GroupAggregate *)op;
    ByteReader in = byte_reader(state);
    bool is_final = op->node->group_aggregate.is_final;
    uint8_t version = byte_reader_u8(&in);
    /* With keys, a shard that is done has no groups left to emit, but may get those of others. */
    if (is_final && byte_reader_u8(&in) != 0)
        self->has_ended = self->key_schema.count == 0;
    bool is_known = version == (is_final ? GROUP_FINAL_STATE_VERSION : GROUP_STATE_VERSION);
    return is_known && !in.is_short && byte_reader_left(&in) == 0 ? OK : operator_is_damaged(op);
}
