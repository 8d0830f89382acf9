/* Who writes the checkpoints of a place that several machines can reach, a bucket or a shared
 * folder.
 *
 *     PLACE/OWNER     an id of the run that began last
 *
 * The run that begins takes the place over and then looks which checkpoint is the newest. Another
 * one that still runs finds out before it commits its next checkpoint, and ends. Whatever it writes
 * in between has numbers that the new one does not use. The lock of the data folder says nothing
 * here: each machine has one of its own. */
#ifndef WEIR_JOB_LEASE_H
#define WEIR_JOB_LEASE_H

#include "base/world.h"
#include "store/store.h"

enum {
    LEASE_ID_BYTES = 32,
    LEASE_GAP = 1, /* checkpoints that the one before may still write */
};

typedef struct Lease {
    char id[LEASE_ID_BYTES + 1]; /* "": none is held */
} Lease;

/* Take the place over from whoever has it. */
Status lease_take(World *world, Store *store, Lease *lease, Error *error);

/* WR4415 if another run has taken it since; OK where none is held. */
Status lease_check(Store *store, const Lease *lease, Error *error);

/* Nothing is left of it. */
Status lease_give_up(Store *store, Lease *lease, Error *error);

#endif
