/* When keys of a state table have something due, for tables whose entries may leave memory: nothing
 * here points at one.
 *
 * A radix heap, as time_queue.h, whose buckets are tables of keys: times that have been taken only
 * grow, so a key lies in the bucket of the highest digit in which its time differs from the last
 * one taken. What is due goes bucket by bucket; one that is due in part is spread over those before
 * it, so that a key moves at most once for each digit of its distance in time.
 *
 *     last taken 0712   digit 0: 0713 0714 …   digit 1: 072x 073x …   digit 2: 08xx …
 *
 * A key may be put again and again, and is given out once for each bucket that it is in: whoever
 * gets one looks at what the key has by then, and puts it again for the time of what is left. So it
 * is enough to put a key for the earliest that it has. Times are told apart by the millisecond.
 * The tables are derived state: never saved, but made again at the start. */
#ifndef WEIR_EXEC_DUE_H
#define WEIR_EXEC_DUE_H

#include "exec/exec.h"

enum { DUE_DIGIT_BITS = 6, DUE_DIGITS = 1 << DUE_DIGIT_BITS, DUE_LEVELS = 11 };
enum { DUE_RUN_MAX = 256 }; /* keys that are given out together */

typedef struct DueKeys {
    Operator *op;
    const TableKey *key;
    uint64_t last;               /* taken, in milliseconds, in the order of unsigned numbers */
    uint64_t least;              /* that a time put counts as; being taken is what is before */
    uint64_t filled[DUE_LEVELS]; /* which have a table */
    StateTable *buckets[DUE_LEVELS][DUE_DIGITS];
    StateTable *taken;           /* is being given out, and one of them no more; or NULL */
    int64_t cursor;              /* in it */
    uint8_t *run[DUE_RUN_MAX];   /* those that were read together, up to the cursor … */
    int32_t run_count, run_next; /* … and which is given out next */
    int32_t left;
    bool is_paused;
    int32_t idle; /* the next bucket to be looked at for having entries at hand */
} DueKeys;

/* Only where the task has where to spill to. The key must outlive it. One that is all zero is
 * empty, and stays so. */
void due_open(DueKeys *due, Operator *op, const TableKey *key);
void due_close(DueKeys *due);

/* What its tables have in memory. */
int64_t due_bytes(const DueKeys *due);
/* In the midst of putting many. */
Status due_make_room(DueKeys *due);

/* The key of this value of `table` has something due at `time`; a time that has been taken, or is
 * being taken, counts as the next millisecond. */
void due_put(DueKeys *due, const StateTable *table, const uint8_t *value, Timestamp time);

/* Some keys with something due, as values of `bucket`, to be looked up by table_find_from; void
 * when it returns. It makes room in what it fills. */
typedef Status DueVisit(void *context, const StateTable *bucket, const uint8_t *const *values,
                        int32_t count);
/* Give out all keys with something due up to `time`, and be done with them: begin, then go on until
 * it has not been paused. Between messages or where nobody holds values of the tables of this
 * operator. */
void due_begin(DueKeys *due, Timestamp time);
Status due_go_on(DueKeys *due, DueVisit *visit, void *context);
/* From a visit: it is the last one for now, and the last `left` of its keys, which it has not
 * looked at, are given out once more. Rows of a few keys may be more than memory has room for. */
void due_pause(DueKeys *due, int32_t left);

#endif
