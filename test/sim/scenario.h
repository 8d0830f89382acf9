/* One pipeline, its input, and what must come out: worked out here from the input alone.
 *
 *     files of events ──┬── copies          files, exactly once
 *                       │   (what is no event, and a share that divides by zero: dead letters,
 *                       │    exactly once)
 *                       ├── TUMBLE 10 s ──── windows, files by store, exactly once
 *                       └──┐
 *     changes of orders ──┼── JOIN ──────── pairs, kept: by key, exactly once
 *                          └── GROUP BY ─── totals, by key */
#ifndef WEIR_TEST_SIM_SCENARIO_H
#define WEIR_TEST_SIM_SCENARIO_H

#include "plan/plan.h"
#include "sim/outside.h"
#include "sim/world.h"

typedef struct Scenario {
    Arena *arena;
    Plan *plan;
    Order *events;
    bool *is_bad_behind; /* a line that is no event follows this one */
    int32_t event_count;
    int32_t events_per_file;
    uint64_t seed;
    bool is_remote; /* the pipeline of remote.h in place of this one */
} Scenario;

/* Plans the pipeline. The seed decides the input. */
Scenario *scenario_new(uint64_t seed, int32_t event_count, bool is_remote);
void scenario_free(Scenario *scenario);

/* A machine with the files of events, before anything has run; and `outside` anew. */
SimWorld *scenario_begin(const Scenario *scenario, uint64_t seed);

/* NULL when all of it is there, once and nothing else; or what is not so, in the arena. */
const char *scenario_check(const Scenario *scenario, SimWorld *world, Arena *arena);

/* Run the job until it ends, fails or the power goes; `schedule` decides who has a turn. */
Status scenario_run(const Scenario *scenario, SimWorld *world, uint64_t *schedule, Error *error);

/* The number of the newest checkpoint to resume from; 0: there is none. */
int64_t scenario_checkpoint(const SimWorld *world);

/* For remote.c. The lines of a text, sorted; it is freed. */
const char *scenario_sorted(Arena *arena, Buffer *text);
/* All lines of the visible files below a folder, sorted; of partitions with their values behind. */
const char *scenario_files(SimWorld *world, const char *folder, Arena *arena);
/* The orders that are there when all changes have come; how many. */
int32_t scenario_orders_left(Order *live);
/* NULL when they are equal. */
const char *scenario_compare(Arena *arena, const char *what, const char *expected,
                             const char *found);

#endif
