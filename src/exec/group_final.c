/* GROUP BY of bounded input in batch mode: nothing before the end, then a final row of every
 * group, in the order in which the groups were first seen. Without keys there is one row even if
 * nothing came. Input is inserts only. */
#include <assert.h>

#include "exec/group_aggregate.h"

Status group_final_push(GroupAggregate *self, const Batch *batch)
{
    Arena *scratch = self->base.task->scratch;
    Selection rows = batch->selection;
    assert(!self->has_ended && rows.count > 0);
    uint8_t **values = ARENA_ARRAY(scratch, uint8_t *, rows.count);
    TableKeys keys =
        table_keys(&self->key, batch, self->base.node->group_aggregate.keys, rows, scratch);
    table_find_or_insert(self->table, &keys, 0, rows.count, values);
    for (int32_t i = 0; i < rows.count; i++) {
        assert(batch_kind(batch, selection_row(rows, i)) == ROW_INSERT);
        group_head(values[i])->records++;
    }
    accumulators_update(&self->group, values, (int32_t)sizeof(GroupHead), batch, rows, scratch);
    return OK;
}

/* The results of a group in the next row, behind its keys. */
static void group_final_put(GroupAggregate *self, const uint8_t *state, Batch *out)
{
    assert(out->row_count < BATCH_ROWS_MAX);
    accumulators_result(&self->group, state, out->columns + self->key_schema.count, out->arena,
                        out->row_count, BATCH_ROWS_MAX);
    out->row_count++;
}

static Status group_final_emit(GroupAggregate *self, Batch *out)
{
    batch_select_all(out);
    Status status = operator_emit_lending(&self->base, out, self->lent);
    batch_reset(out, &self->base.node->schema, BATCH_ROWS_MAX);
    return status;
}

static Status group_final_emit_all(GroupAggregate *self, Batch *out)
{
    if (self->key_schema.count == 0 && table_count(self->table) == 0) {
        int64_t bytes = (int64_t)sizeof(GroupHead) + self->group.bytes;
        group_final_put(self, group_state(arena_allocate_zeroed(out->arena, bytes)), out);
    }
    int64_t cursor = 0;
    uint8_t *value;
    while (table_read_run(self->table, &cursor, &value, 1) > 0) {
        table_read_key(self->table, value, out, BATCH_ROWS_MAX);
        group_final_put(self, group_state(value), out);
        if (out->row_count == BATCH_ROWS_MAX)
            TRY(group_final_emit(self, out));
    }
    return group_final_emit(self, out);
}

Status group_final_end(GroupAggregate *self)
{
    if (self->has_ended)
        return OK;
    self->has_ended = true;
    Batch *out = batch_new(&self->base.node->schema, BATCH_ROWS_MAX);
    Status status = group_final_emit_all(self, out);
    batch_free(out);
    table_clear(self->table);
    return status;
}
