/* A copy of a whole table, for tables that cannot be asked by key: read at the start, and anew from
 * time to time while the last one goes on answering.
 *
 *     thread: source reader ──> batches      the operator makes entries of them, when all are there
 */
#ifndef WEIR_EXEC_JOIN_LOOKUP_FULL_H
#define WEIR_EXEC_JOIN_LOOKUP_FULL_H

#include "base/list.h"
#include "exec/exec.h"

typedef struct LookupFull LookupFull;

LookupFull *lookup_full_new(Operator *op);
/* Read the table; blocks until it is there. */
Status lookup_full_open(LookupFull *full);
/* Begin to read anew if it is time. */
void lookup_full_tick(LookupFull *full, int64_t now_us);
/* The batches that have been read since the last call, the caller's to free; false if there are
 * none to take over. */
bool lookup_full_take(LookupFull *full, List *batches, Arena *arena);
/* From another thread. */
void lookup_full_interrupt(LookupFull *full);
/* NULL is allowed. */
void lookup_full_close(LookupFull *full);

#endif
