/* Rows for a sink by key that wait until their checkpoint is durable: the last one of each key.
 *
 *   push ──> held ──(barrier: into the checkpoint)──> durable ──> the connector, by key
 *
 * What is written then is never taken back, whatever a replay would have made of it, so the sink
 * shows every key's rows exactly once and in their order; the price is that nothing is seen before
 * its checkpoint. Inside exec/; one thread at a time. */
#ifndef WEIR_EXEC_HELD_H
#define WEIR_EXEC_HELD_H

#include "base/buffer.h"
#include "data/batch.h"

typedef struct HeldRows HeldRows;

/* `key` are columns of the schema, which outlives it. */
HeldRows *held_new(const Schema *schema, const int32_t *key, int32_t key_count);
/* NULL is allowed. */
void held_free(HeldRows *held);

/* Take the selected rows, which are no -U; of several under a key the last one counts. */
void held_add(HeldRows *held, const Batch *batch);

int64_t held_count(const HeldRows *held);
void held_clear(HeldRows *held);

/* Into a checkpoint, and back: added to what is there. False for bytes that are not what was
 * written. */
void held_save(const HeldRows *held, Buffer *out);
bool held_load(HeldRows *held, Str bytes);

/* The next rows, in the order in which their keys came first, at most a batch full of them; from
 * *cursor = 0 until false. The batch lives in the arena and borrows from the rows. */
bool held_next(const HeldRows *held, int64_t *cursor, Arena *arena, Batch *out);

#endif
