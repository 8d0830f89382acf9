/* Rows that a join keeps, each in one piece of memory: what the join knows of it, then the row in
 * compact form (state/rows.h).
 *
 *     KeptRow [ previous | next | time | … ][ null bits | values | texts ]
 *
 * They never move, and their memory goes back to the heap with them, so that the rows of a key can
 * leave memory and come back (state/cold.h). Columns of many rows are gathered at one go. */
#ifndef WEIR_EXEC_JOIN_KEPT_H
#define WEIR_EXEC_JOIN_KEPT_H

#include "base/buffer.h"
#include "data/batch.h"
#include "data/datetime.h"
#include "state/rows.h"

typedef struct KeptRow KeptRow;

struct KeptRow {
    KeptRow *previous, *next; /* of one key */
    uint8_t *entry;           /* of the key, for the owner */
    int64_t sequence;         /* the owner's, for an order across keys */
    Timestamp time;
    uint8_t kind;
    uint8_t is_matched; /* the owner's, as are these: */
    bool is_due;        /* the time has come */
    bool is_forgotten;  /* about to go */
};

/* Where the rows of one input lie. */
typedef struct KeptRows {
    const RowLayout *layout; /* the header is a KeptRow */
    Blocks heap;
    const Schema *schema;
    Batch *one; /* for rows of checkpoints that are in the code of rows; made when there is one */
} KeptRows;

/* The schema must outlive it. */
void kept_open(KeptRows *kept, Arena *arena, const Schema *schema);
/* With all rows. */
void kept_close(KeptRows *kept);
int64_t kept_bytes(const KeptRows *kept);

/* Keep the rows; out[i] becomes the i-th, its header zeroed but for the kind. */
void kept_add(KeptRows *kept, const Batch *batch, Selection rows, KeptRow **out);
/* The row is no more. */
void kept_remove(KeptRows *kept, KeptRow *row);

/* Kind and values; what else is in the header is left to the owner. */
void kept_save(const KeptRows *kept, const KeptRow *row, Buffer *out);
/* The row, or NULL on malformed bytes. */
KeptRow *kept_load(KeptRows *kept, ByteReader *in);

/* The row as a batch of one, which lends it; in the arena. */
Batch kept_batch(const KeptRows *kept, const KeptRow *row, Arena *arena);

#endif
