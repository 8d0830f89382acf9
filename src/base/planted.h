/* Bugs on purpose. A test of recovery that does not find them proves nothing, so each can be
 * switched on, one at a time, in a build made with -Dplanted_bugs=true. In every other build
 * `planted` is false and the code behind it is gone. */
#ifndef WEIR_BASE_PLANTED_H
#define WEIR_BASE_PLANTED_H

#include <stdbool.h>

typedef enum PlantedBug {
    PLANTED_NONE,
    PLANTED_STATE_NOT_SYNCED,      /* of a checkpoint */
    PLANTED_RENAME_NOT_SYNCED,     /* the one that makes a checkpoint visible */
    PLANTED_COMMIT_TOO_EARLY,      /* before the checkpoint is durable */
    PLANTED_CHECKSUM_IGNORED,      /* of a checkpoint */
    PLANTED_SYNC_RETRIED,          /* after it has failed */
    PLANTED_SHARD_NOT_RESTORED,    /* the state of the last one is dropped */
    PLANTED_POSITION_BEHIND,       /* files: the last one before a checkpoint is read again */
    PLANTED_PART_NOT_SYNCED,       /* a file is published that is not durable */
    PLANTED_IN_DOUBT_FORGOTTEN,    /* a sink does not hear what it had prepared */
    PLANTED_BARRIER_NOT_ALIGNED,   /* the first of several channels decides */
    PLANTED_OLD_REMOVED_TOO_EARLY, /* the last checkpoint, before the new one exists */
    PLANTED_LETTERS_NOT_MARKED,    /* nobody knows where a run began to set letters aside */
    PLANTED_LETTERS_NOT_HELD,      /* those behind a barrier stand among those before it */
    PLANTED_LETTERS_NOT_SYNCED,    /* with a checkpoint */
    PLANTED_DELETE_NOT_RESTORED,   /* keys that an incremental checkpoint takes back come again */
    PLANTED_CHANGE_NOT_SAVED,      /* a checkpoint under way has values from after its barrier */
    PLANTED_CLOCK_BELIEVED,        /* when it jumps */
    PLANTED_ANSWERS_NOT_AWAITED,   /* redis: what got no answer counts as written */
    PLANTED_ANSWER_LEFT,           /* redis: half of one, when its connection goes */
    PLANTED_FORMER_LEFT,           /* redis: a connection that was given up may go on */
    PLANTED_COUNT,                 /* of those that jobs have; those of the log follow */

    PLANTED_LOG_FIRST = PLANTED_COUNT,
    PLANTED_LOG_NOT_SYNCED = PLANTED_LOG_FIRST, /* acknowledged without it */
    PLANTED_LOG_SYNC_RETRIED,                   /* after it has failed */
    PLANTED_LOG_FOLDER_NOT_SYNCED,              /* a new segment's name may go */
    PLANTED_LOG_CHECKSUM_IGNORED,               /* of a batch */
    PLANTED_LOG_TAIL_TRUSTED,                   /* what a crash left is not written again */
    PLANTED_LOG_CUT_TOO_MUCH,                   /* damage behind the mark counts as a torn end */
    PLANTED_LOG_RETENTION_TOO_MUCH,             /* takes a segment more than it may */
    PLANTED_LOG_SEQUENCES_FORGOTTEN,            /* of producers, by a restart */
    PLANTED_LOG_ABORT_FORGOTTEN,                /* of transactions, by a restart */
    PLANTED_LOG_NEWEST_COMPACTED,               /* the last value of a key goes */
    PLANTED_LOG_MARK_TOO_EARLY,                 /* says of more than is synced that it is */
    PLANTED_LOG_SEAL_IGNORED,                   /* of a batch */
    PLANTED_LOG_PLACE_NOT_SEALED,               /* the seal says nothing of where the batch lies */
    PLANTED_LOG_ABORT_KEPT,                     /* is told of when its marker has gone */
    PLANTED_LOG_END
} PlantedBug;

#ifdef WEIR_PLANTED_BUGS
/* Which one is there; set by the test. */
extern PlantedBug planted_bug;

static inline bool planted(PlantedBug bug)
{
    return planted_bug == bug;
}
#else
#define planted(bug) false
#endif

#endif
