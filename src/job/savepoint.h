/* Savepoints: checkpoints that a person keeps, and what a pipeline would make of one.
 *
 *   weir-data/jobs/P/checkpoints/chk-7 ── savepoint_take ──> any folder ── savepoint_restore ──┐
 *                                    ▲                       or bucket                          │
 *                                    └──────────────────────────────────────────────────────────┘
 *
 * A savepoint is the folder of a checkpoint, whole and checked. It does not depend on anything
 * else, and stays until somebody removes it. */
#ifndef WEIR_JOB_SAVEPOINT_H
#define WEIR_JOB_SAVEPOINT_H

#include "base/arena.h"
#include "base/list.h"
#include "base/status.h"
#include "base/world.h"
#include "plan/plan.h"

/* Whose checkpoints. */
typedef struct SavepointJob {
    World *world;
    const char *data_dir;
    const char *pipeline; /* NULL: the only one of the folder, else ERR_INVALID names them */
    /* As in PlanSettings; what is not set is as the last run has noted it. */
    const char *checkpoint_dir, *savepoint_dir;
    const StoreOptions *store;
} SavepointJob;

typedef struct Savepoint {
    int64_t id; /* of the checkpoint */
    const char *path;
} Savepoint;

/* Copy the newest checkpoint to the new folder `path`, or, if that is NULL, to one of a name of its
 * own in the folder of savepoints; durable when OK. If a weir runs with the data folder, its next
 * one is waited for, at most `timeout_us`; 0: the newest will do. ERR_NOT_FOUND: there is none;
 * ERR_CORRUPT: it is damaged. */
Status savepoint_take(const SavepointJob *job, const char *path, int64_t timeout_us, Arena *arena,
                      Savepoint *out, Error *error);

/* Make the savepoint the newest checkpoint of the pipeline, which must have a name and must not be
 * running: its next run resumes from there. */
Status savepoint_restore(const SavepointJob *job, const char *path, int64_t *id, Error *error);

/* Whether a weir holds the data folder now. */
Status savepoint_is_running(World *world, const char *data_dir, bool *out, Error *error);

typedef enum StateFate {
    STATE_KEPT,
    STATE_NEW,  /* of the plan, not in the checkpoint: starts empty, a source at its beginning */
    STATE_LOST, /* in the checkpoint, not of the plan */
} StateFate;

typedef struct StateView {
    StateFate fate;
    const char *label; /* what a person calls the operator */
    const char *what;  /* "position", "state", "to commit" */
    int64_t bytes;     /* in the checkpoint */
    /* STATE_LOST only because it was begun in this session zone, and the plan has another; or
     * NULL. */
    const char *zone;
} StateView;

typedef struct StateViews {
    int64_t checkpoint; /* 0: there is none */
    List views;         /* StateView, one for each operator */
} StateViews;

/* What a run of the plan would find in its newest checkpoint, or in `path` if that is not NULL; in
 * the arena. */
Status savepoint_compare(const SavepointJob *job, const char *path, const Plan *plan, Arena *arena,
                         StateViews *out, Error *error);

#endif
