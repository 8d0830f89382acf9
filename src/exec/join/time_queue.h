/* What is due at a time, in order of time: a radix heap.
 *
 * Times that have been taken only grow, as watermarks do, so an item need not be compared with
 * others when it is put: it lies in the bucket of the highest bit in which its time differs from
 * the last one taken. Taking spreads the first bucket that is not empty over those before it; an
 * item moves at most once for each bit of its distance in time.
 *
 *     last taken 0110   bucket 0: 0110   1: 0111   2: —   3: —   4: 1xxx …
 *
 * Items of one time come out in the order in which they were put. */
#ifndef WEIR_EXEC_JOIN_TIME_QUEUE_H
#define WEIR_EXEC_JOIN_TIME_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "data/datetime.h"

enum { TIME_QUEUE_BUCKETS = 65 };

typedef struct TimeItem {
    Timestamp time;
    void *value;
} TimeItem;

typedef struct TimeBucket {
    TimeItem *items;
    int32_t first, end, capacity; /* the items are first … end - 1 */
    Timestamp least;
} TimeBucket;

typedef struct TimeQueue {
    TimeBucket buckets[TIME_QUEUE_BUCKETS];
    Timestamp last;
    int64_t count;
    int64_t bytes; /* on the heap */
} TimeQueue;

void time_queue_open(TimeQueue *queue);
/* A time before the last one taken counts as that one. */
void time_queue_put(TimeQueue *queue, Timestamp time, void *value);
/* The earliest item if its time is at most `limit`. */
bool time_queue_take(TimeQueue *queue, Timestamp limit, TimeItem *out);
void time_queue_close(TimeQueue *queue);

#endif
