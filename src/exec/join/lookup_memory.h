/* What a look-up join has found for rows that may be taken back: a row that goes leaves beside what
 * it came beside, whatever the table has by then.
 *
 *     key of the left row ──> findings, newest first: left row ──> right rows, as rowcode
 *
 * A key has one row, but for moments in which another row takes it over. Equal left rows have
 * findings of their own; which of them goes first makes no difference. */
#ifndef WEIR_EXEC_JOIN_LOOKUP_MEMORY_H
#define WEIR_EXEC_JOIN_LOOKUP_MEMORY_H

#include "exec/exec.h"
#include "exec/join/lookup_store.h"

typedef struct LookupMemory LookupMemory;

/* A right row that was found. */
typedef struct FoundRow FoundRow;
struct FoundRow {
    FoundRow *next;
    int64_t length;
    char bytes[];
};

typedef struct LeftRow {
    const Batch *batch;
    int32_t row;
} LeftRow;

/* For the operator of a look-up join; rows are forgotten after `ttl_us`, 0: never. */
LookupMemory *lookup_memory_new(Operator *op, int64_t ttl_us);
/* NULL is allowed. */
void lookup_memory_free(LookupMemory *memory);

/* The keys of left rows. */
TableKeys lookup_memory_keys(const LookupMemory *memory, const Batch *batch, Selection rows,
                             Arena *arena);
/* The row with key number `at` has come, and this was found for it. */
void lookup_memory_put(LookupMemory *memory, const TableKeys *keys, int32_t at, LeftRow left,
                       const LookupEntry *entry, int64_t now_us);
/* The row with key number `at` goes: what was found for it, for the caller to give back row by row.
 * False if it is not known, or no more. */
bool lookup_memory_take(LookupMemory *memory, const TableKeys *keys, int32_t at, LeftRow left,
                        int64_t now_us, FoundRow **out);
void lookup_memory_give_back(LookupMemory *memory, FoundRow *row);

/* Forget some of what has expired. */
void lookup_memory_sweep(LookupMemory *memory, int64_t now_us);
int64_t lookup_memory_bytes(const LookupMemory *memory);
void lookup_memory_save(const LookupMemory *memory, Buffer *out);
/* False on malformed bytes. */
bool lookup_memory_load(LookupMemory *memory, Str state);

#endif
