/* Pauses between attempts at something that may pass: each about twice as long as the one before,
 * up to a limit, and never quite the same, so that many who lost one server do not come back as
 * one. */
#ifndef WEIR_BASE_BACKOFF_H
#define WEIR_BASE_BACKOFF_H

#include "base/world.h"

typedef struct Backoff {
    int64_t first_us, most_us; /* of a pause; set by the owner */
    int64_t next_us;           /* at most; 0: the first one comes */
} Backoff;

/* How long to wait now: between half of the pause and all of it. */
static inline int64_t backoff_take_us(Backoff *backoff, World *world)
{
    int64_t pause_us = backoff->next_us > 0 ? backoff->next_us : backoff->first_us;
    backoff->next_us = pause_us * 2 < backoff->most_us ? pause_us * 2 : backoff->most_us;
    uint64_t spread_us = (uint64_t)(pause_us - pause_us / 2);
    return pause_us / 2 + (int64_t)(world->kind->random_u64(world) % (spread_us + 1));
}

/* It has worked: the next trouble begins with a short pause again. */
static inline void backoff_reset(Backoff *backoff)
{
    backoff->next_us = 0;
}

#endif
