/* The state of GROUP BY in a checkpoint: keys, counts and accumulators. */
#include <assert.h>

#include "exec/group_aggregate.h"

/* In batch mode the version is followed by whether the final rows are out. */
enum { GROUP_STATE_VERSION = 1, GROUP_FINAL_STATE_VERSION = 2 };

Status group_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    GroupAggregate *self = (GroupAggregate *)op;
    (void)checkpoint;
    bool is_final = op->node->group_aggregate.is_final;
    buffer_append_u8(out, is_final ? GROUP_FINAL_STATE_VERSION : GROUP_STATE_VERSION);
    if (is_final)
        buffer_append_u8(out, self->has_ended);
    buffer_append_u64(out, (uint64_t)table_count(self->table));
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor)) {
        const GroupHead *head = (const GroupHead *)(const void *)value;
        assert(head->touched == 0);
        table_save_key(self->table, value, out);
        buffer_append_u64(out, (uint64_t)head->records);
        buffer_append_u64(out, (uint64_t)head->written_us);
        accumulators_save(&self->group, value + sizeof(GroupHead), out);
    }
    return OK;
}

static bool group_load(GroupAggregate *self, ByteReader *in)
{
    bool is_final = self->base.node->group_aggregate.is_final;
    if (byte_reader_u8(in) != (is_final ? GROUP_FINAL_STATE_VERSION : GROUP_STATE_VERSION))
        return false;
    /* With keys, a shard that is done has no groups left to emit, but may get those of others. */
    if (is_final && byte_reader_u8(in) != 0)
        self->has_ended = self->key_schema.count == 0;
    uint64_t count = byte_reader_u64(in);
    for (uint64_t i = 0; i < count && !in->is_short; i++) {
        uint64_t hash = table_peek_hash(in);
        uint8_t *value = table_load_key(self->table, in);
        if (value == NULL)
            return false;
        GroupHead *head = (GroupHead *)(void *)value;
        if (head->records != 0)
            return false;
        head->records = (int64_t)byte_reader_u64(in);
        head->written_us = (int64_t)byte_reader_u64(in);
        if (!accumulators_load(&self->group, value + sizeof(GroupHead), in) || in->is_short)
            return false;
        if (!operator_owns_hash(&self->base, hash))
            group_forget(self, value);
    }
    return !in->is_short && byte_reader_left(in) == 0;
}

Status group_restore(Operator *op, Str state)
{
    ByteReader in = byte_reader(state);
    if (group_load((GroupAggregate *)op, &in))
        return OK;
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}
