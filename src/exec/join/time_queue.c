/* What is due at a time, in order of time. */
#include "exec/join/time_queue.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum { BUCKET_ITEMS_MIN = 16 };

void time_queue_open(TimeQueue *queue)
{
    *queue = (TimeQueue){.last = INT64_MIN};
}

void time_queue_close(TimeQueue *queue)
{
    for (int32_t i = 0; i < TIME_QUEUE_BUCKETS; i++)
        memory_free(queue->buckets[i].items);
    time_queue_open(queue);
}

static int32_t queue_bucket(const TimeQueue *queue, Timestamp time)
{
    uint64_t difference = (uint64_t)time ^ (uint64_t)queue->last;
    return difference == 0 ? 0 : 64 - __builtin_clzll(difference);
}

static void bucket_resize(TimeQueue *queue, TimeBucket *bucket, int32_t capacity)
{
    int32_t count = bucket->end - bucket->first;
    assert(count <= capacity);
    TimeItem *items = memory_allocate((int64_t)sizeof(TimeItem) * capacity);
    if (count > 0)
        memcpy(items, bucket->items + bucket->first, sizeof(TimeItem) * (size_t)count);
    memory_free(bucket->items);
    queue->bytes += (int64_t)sizeof(TimeItem) * (capacity - bucket->capacity);
    bucket->items = items;
    bucket->first = 0;
    bucket->end = count;
    bucket->capacity = capacity;
}

static void bucket_drop(TimeQueue *queue, TimeBucket *bucket)
{
    queue->bytes -= (int64_t)sizeof(TimeItem) * bucket->capacity;
    memory_free(bucket->items);
    *bucket = (TimeBucket){0};
}

static void bucket_put(TimeQueue *queue, TimeBucket *bucket, TimeItem item)
{
    if (bucket->end == bucket->capacity) {
        /* The gap in front is room enough when it is half of all. */
        bool has_gap = bucket->first > 0 && bucket->first >= bucket->capacity / 2;
        int32_t grown =
            bucket->capacity < BUCKET_ITEMS_MIN ? BUCKET_ITEMS_MIN : bucket->capacity * 2;
        bucket_resize(queue, bucket, has_gap ? bucket->capacity : grown);
    }
    if (bucket->first == bucket->end || item.time < bucket->least)
        bucket->least = item.time;
    bucket->items[bucket->end++] = item;
}

void time_queue_put(TimeQueue *queue, Timestamp time, void *value)
{
    TimeItem item = {.time = time > queue->last ? time : queue->last, .value = value};
    bucket_put(queue, &queue->buckets[queue_bucket(queue, item.time)], item);
    queue->count++;
}

/* The first bucket that is not empty holds the earliest items; spread it over those before. */
static void queue_spread(TimeQueue *queue, TimeBucket *bucket)
{
    TimeBucket taken = *bucket;
    *bucket = (TimeBucket){0};
    queue->last = taken.least;
    for (int32_t i = taken.first; i < taken.end; i++) {
        TimeBucket *to = &queue->buckets[queue_bucket(queue, taken.items[i].time)];
        assert(to < bucket);
        bucket_put(queue, to, taken.items[i]);
    }
    bucket_drop(queue, &taken);
}

bool time_queue_take(TimeQueue *queue, Timestamp limit, TimeItem *out)
{
    if (queue->count == 0)
        return false;
    int32_t at = 0;
    while (queue->buckets[at].first == queue->buckets[at].end)
        at++;
    TimeBucket *bucket = &queue->buckets[at];
    if (bucket->least > limit)
        return false;
    if (at > 0) {
        queue_spread(queue, bucket);
        bucket = &queue->buckets[0];
    }
    assert(bucket->first < bucket->end);
    *out = bucket->items[bucket->first++];
    queue->count--;
    if (bucket->first == bucket->end) {
        bucket->first = bucket->end = 0;
        if (bucket->capacity > BUCKET_ITEMS_MIN)
            bucket_drop(queue, bucket);
    }
    return true;
}
