/* The World of a test: files of the real one, a clock that only the test moves, the same random
 * numbers in each run, and variables of the environment that are all set. */
#ifndef WEIR_TRIAL_WORLD_H
#define WEIR_TRIAL_WORLD_H

#include "base/world.h"

typedef struct TrialWorld {
    World base; /* first: a TrialWorld * is a World * */
    WorldKind kind;
    World *real;
    int64_t now_us;
    uint64_t seed;
} TrialWorld;

/* The clock stands at 2024-01-01 00:00:00 UTC. */
void trial_world_init(TrialWorld *world, World *real);

/* Let intervals and pauses be real, for a job with threads; the wall clock still stands. */
void trial_world_let_run(TrialWorld *world);

#endif
