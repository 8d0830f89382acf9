/* A binary heap with the moves of java.util.PriorityQueue. */
#include "exec/match/queue.h"

#include <assert.h>
#include <string.h>

enum { QUEUE_CAPACITY_MIN = 2 };

static void queue_grow(MatchQueue *queue, Blocks *blocks)
{
    int32_t capacity = queue->capacity == 0 ? QUEUE_CAPACITY_MIN : queue->capacity * 2;
    Match **items = blocks_take(blocks, (int64_t)sizeof(Match *) * capacity);
    if (queue->count > 0)
        memcpy(items, queue->items, sizeof(Match *) * (size_t)queue->count);
    blocks_give(blocks, queue->items, (int64_t)sizeof(Match *) * queue->capacity);
    queue->items = items;
    queue->capacity = capacity;
}

void queue_append(MatchQueue *queue, Blocks *blocks, Match *match)
{
    if (queue->count == queue->capacity)
        queue_grow(queue, blocks);
    queue->items[queue->count++] = match;
}

void queue_add(MatchQueue *queue, Blocks *blocks, Match *match)
{
    queue_append(queue, blocks, match);
    int32_t at = queue->count - 1;
    int64_t start = match_start(match);
    while (at > 0) {
        int32_t parent = (at - 1) / 2;
        if (start >= match_start(queue->items[parent]))
            break;
        queue->items[at] = queue->items[parent];
        at = parent;
    }
    queue->items[at] = match;
}

static void queue_sift_down(MatchQueue *queue, int32_t at, Match *match)
{
    int32_t half = queue->count / 2;
    int64_t start = match_start(match);
    while (at < half) {
        int32_t child = 2 * at + 1;
        if (child + 1 < queue->count &&
            match_start(queue->items[child]) > match_start(queue->items[child + 1]))
            child++;
        if (start <= match_start(queue->items[child]))
            break;
        queue->items[at] = queue->items[child];
        at = child;
    }
    queue->items[at] = match;
}

Match *queue_poll(MatchQueue *queue)
{
    assert(queue->count > 0);
    Match *first = queue->items[0];
    Match *last = queue->items[--queue->count];
    if (queue->count > 0)
        queue_sift_down(queue, 0, last);
    return first;
}

void queue_remove_before(MatchQueue *queue, int64_t start, MatchQueue *removed, Blocks *blocks)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < queue->count; i++) {
        Match *match = queue->items[i];
        if (match_start(match) < start)
            queue_append(removed, blocks, match);
        else
            queue->items[kept++] = match;
    }
    if (kept == queue->count)
        return;
    queue->count = kept;
    for (int32_t i = kept / 2 - 1; i >= 0; i--)
        queue_sift_down(queue, i, queue->items[i]);
}

void queue_free(MatchQueue *queue, Blocks *blocks)
{
    blocks_give(blocks, queue->items, (int64_t)sizeof(Match *) * queue->capacity);
    *queue = (MatchQueue){0};
}
