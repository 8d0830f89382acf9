/* What a job meets outside of its machine, and what survives when that goes down: a database whose
 * changes are read, and two that are written to.
 *
 *     'connector' = 'sim-changes'   changes 0 … n - 1 of the orders, in their order; a position is
 *                                   a number of changes
 *     'connector' = 'sim-store'     rows by PRIMARY KEY; what is written is there at once
 *     'connector' = 'sim-held'      the same, but weir holds rows back until their checkpoint
 *     'connector' = 'sim-ledger'    the same with the checkpoint: all of it or nothing
 *
 * The store comes to the right rows only if each run writes the same rows under a key in the same
 * order, whatever meets when. What a join of two sources gives belongs into the others: a row that
 * was there before a crash may never be there again, and then nobody deletes it.
 *
 * All refuse to answer now and then, by the seed. */
#ifndef WEIR_TEST_SIM_OUTSIDE_H
#define WEIR_TEST_SIM_OUTSIDE_H

#include "base/map.h"
#include "connect/connect.h"

/* An order: 'orders' has (id BIGINT, store INT, amount BIGINT), an event of 'in' those and a
 * time. */
typedef struct Order {
    int64_t id;
    int32_t store;
    int64_t amount;
    int64_t time_us;
} Order;

typedef struct OrderChange {
    RowKind kind;
    Order row;
} OrderChange;

typedef struct Outside {
    Arena *arena;
    OrderChange *changes;
    int32_t change_count;
    Map *tables;               /* name -> Map of key text -> row text, or NULL for a deleted one */
    uint64_t seed;             /* of its moods */
    int32_t refusals;          /* of 1,000 calls */
    int64_t ledger_checkpoint; /* the newest that it has; of one table at most */
} Outside;

/* There is one at a time, because connectors have no context of their own. */
extern Outside *outside;

Outside *outside_new(uint64_t seed, int32_t change_count);
void outside_free(Outside *outside);

/* All rows of a table of the store, sorted, a line each: "3|17|400\n". */
void outside_print(const Outside *outside, const char *table, Buffer *out);

extern const ConnectorInfo sim_changes_info, sim_store_info, sim_held_info, sim_ledger_info;

#endif
