/* How fast a checkpoint is saved. Done at once, saving is half of what a task does for as long as
 * it takes, and writing it keeps a core busy beside: rows that came at half of what the machine can
 * take were late by 50 ms. So a task that has saved some works for several times as long before it
 * saves more, at first; the longer it has been at it, the less does it wait. From half of the time
 * between two checkpoints on it waits no more. */
#ifndef WEIR_JOB_PACE_H
#define WEIR_JOB_PACE_H

#include <stdint.h>

/* However rare checkpoints are, they are not spread over half of more: the table of a
 * window that ends meanwhile stays for that long. And no step that took long, for whatever reason,
 * is waited for longer than PACE_REST_US_MAX. */
enum { PACE_US_MAX = 2 * 1000 * 1000, PACE_REST_US_MAX = 20 * 1000 };

/* How long to wait behind a step that took `step_us` and ended `since_us` after the barrier, where
 * checkpoints come each `interval_us`. */
static inline int64_t pace_rest_us(int64_t step_us, int64_t since_us, int64_t interval_us)
{
    if (since_us >= interval_us / 2)
        return 0;
    int64_t parts = since_us < interval_us / 8 ? 8 : since_us < interval_us / 4 ? 4 : 2;
    int64_t rest_us = step_us * (parts - 1);
    return rest_us < PACE_REST_US_MAX ? rest_us : PACE_REST_US_MAX;
}

#endif
