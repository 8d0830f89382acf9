/* A running dataflow: a plan made into tasks, channels and threads, checkpointed and resumed.
 *
 *     job_open ── lock the data folder, find the checkpoint, lay out the tasks
 *     job_run  ── open, read until the end of input, job_stop or the first error
 *     job_close
 *
 * job_run blocks; job_stop and the functions that look may be called from other threads
 * meanwhile. Nothing here prints. */
#ifndef WEIR_JOB_JOB_H
#define WEIR_JOB_JOB_H

#include "base/arena.h"
#include "base/status.h"
#include "base/world.h"
#include "connect/connect.h"
#include "data/batch.h"
#include "plan/plan.h"
#include "state/deadletter.h"
#include "state/served.h"

typedef struct Job Job;

enum {
    SHARDS_MAX = 256,
    CHECKPOINT_INTERVAL_DEFAULT_US = 10 * 1000 * 1000, /* when the script sets none */
};

typedef struct JobOptions {
    const char *pipeline;    /* its name, if the script sets none */
    const char *data_dir;    /* all of the job's own files lie below it */
    const char *letters_dir; /* another data folder whose dead letters tables show, or NULL */
    const char *home; /* the data folder that data_dir is part of, with the hub; NULL: itself */
    const char *hub_listen; /* HOST:PORT at which others reach the hub of this process, or NULL */
    const char *hub_advertise; /* where they are sent, or NULL: the same */
    bool is_fresh;             /* discard what could be resumed */
    bool allows_state_loss;    /* go on without state that the plan has no operator for */
    bool is_once;              /* stop when all that is there now has been read */
    int32_t parallelism;       /* overrides the script's; 0: as the script says */
    int32_t cores;             /* as if the machine had so many; 0: as it has */

    /* The job whose place this one may take (job_take_over), while that runs or after it has ended.
     * Its hub is used, and until then sinks by key keep their rows. NULL: nobody's. */
    Job *beside;
    SourceBegin begin; /* of sources that have no position yet */

    /* With a preview, roots write nothing and no file is touched: the rows that would be written
     * go to the callback, from the thread of the root's task. It returns false when it has seen
     * enough of this root; when that is so of every root, the job ends. */
    bool (*preview)(void *context, int32_t root, const Batch *batch);
    void *preview_context;

    /* For a simulated world: no thread is started. Whenever job_run would wait for its `count`
     * threads, it takes over the work of the one that this function names, for one turn; if
     * all have nothing to do, it lets the World sleep. NULL: threads. */
    int32_t (*choose)(void *context, int32_t count);
    void *choose_context;
    /* For a simulated world, with the same context: whether memory has no more room for state.
     * NULL: it always has. */
    bool (*is_full)(void *context);

    /* Called by job_run every second or so, from its thread. May be NULL. */
    void (*observe)(void *context, Job *job);
    void *observe_context;
    /* Something the user should know ("resumed from checkpoint 7"); from the thread of job_open or
     * job_run. May be NULL. */
    void (*notice)(void *context, const char *text);
    void *notice_context;
} JobOptions;

/* Lock the data folder, read the newest whole checkpoint and lay out the job. Nothing is
 * connected yet. The plan must outlive the job. */
Status job_open(World *world, const Plan *plan, const JobOptions *options, Job **out, Error *error);

/* Run until all input has ended, or until job_stop, or until something fails. OK in the first two
 * cases: after the end nothing is left to resume, after a stop a checkpoint is. */
Status job_run(Job *job, Error *error);

/* Take a last checkpoint and end; from any thread, any number of times. */
void job_stop(Job *job);

/* ---- Taking the place of another one ------------------------------------------------------- */

/* Ask, from any thread, for all that the sources can be given now; the number of the wish. */
int64_t job_ask_for_all(Job *job);
/* Whether it has been read, has gone through the whole job and is part of a durable checkpoint. */
bool job_has_all(const Job *job, int64_t wish);
/* The job that this one is beside has ended and will not go on: its hub and its folder's lock are
 * this one's now, and the sinks let go of what they have kept. From any thread, once. */
void job_take_over(Job *job);

/* Frees tables and metrics readers too: stop the HTTP listener first. NULL is allowed. */
void job_close(Job *job);

/* Open what a PLAN_SOURCE reads or a PLAN_LOOKUP_JOIN asks and close it again: does it answer, and
 * as it should? Nothing is done for other nodes. */
Status job_check_input(World *world, const Plan *plan, const PlanNode *node, Error *error);

/* The materialized tables, in the order of the script; they live until job_close. */
int32_t job_served_count(const Job *job);
ServedTable *job_served_at(const Job *job, int32_t index);

/* True between the opening of all sources and sinks and the end. */
bool job_is_running(const Job *job);

/* NULL in a preview. */
DeadLetters *job_dead_letters(const Job *job);

/* The name under which state is kept and metrics are labelled. */
const char *job_pipeline(const Job *job);

/* What a person wants to see of a source. */
typedef struct SourceView {
    Str table;
    const Progress *progress;
    int64_t records; /* read in this run */
} SourceView;
int32_t job_source_count(const Job *job);
SourceView job_source_at(const Job *job, int32_t index);

typedef struct JobSummary {
    int64_t rows_in, rows_out; /* read from sources; written to sinks and tables */
    int64_t rows_late;
    int64_t dead_letters;
    int64_t checkpoints;     /* completed in this run */
    int64_t duration_us;     /* of job_run so far */
    bool has_ended;          /* the input was bounded and is done */
    int64_t kept_checkpoint; /* left to resume from; 0: none */
    int64_t rows_behind;     /* written since that, or some of them just before */
} JobSummary;
JobSummary job_summary(const Job *job);

#endif
