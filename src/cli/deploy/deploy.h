/* A pipeline takes the place of one that runs: what the files of this folder share.
 *
 *   weir deploy (client.c) ── DIR/deploy/request ──> the running weir (running.c)
 *                          <── DIR/deploy/answer ──    │ rebuild.c: a second job beside the first
 *
 * The new job reads its topics from the beginning until it has all that there is, while the old one
 * serves. Then the old one stops with a checkpoint, the new one reads what came meanwhile, one
 * rename says that it is in charge (job/place.h), and readers of the tables get its rows. */
#ifndef WEIR_CLI_DEPLOY_DEPLOY_H
#define WEIR_CLI_DEPLOY_DEPLOY_H

#include <pthread.h>
#include <stdatomic.h>

#include "cli/cli.h"
#include "job/place.h"
#include "serve/serve.h"

/* ---- request.c: what the two say to each other --------------------------------------------- */

typedef struct DeployRequest {
    const char *id;       /* nobody else's */
    const char *replaces; /* the pipeline in charge */
    const char *name;     /* of the new one */
    const char *source;   /* of the script, for messages */
    SourceBegin begin;
    bool is_dry; /* only say what would be done */
    Str script;
} DeployRequest;

typedef enum DeployState { DEPLOY_WORKS, DEPLOY_DONE, DEPLOY_FAILED } DeployState;

typedef struct DeployAnswer {
    const char *id; /* of the request */
    DeployState state;
    Str text; /* what is being done, or what came of it */
    Error error;
} DeployAnswer;

/* `earliest`, `declared` or `@MILLIS`. False: none of them. */
bool deploy_begin_parse(const char *text, SourceBegin *out);

Status deploy_request_put(World *world, const char *home, const DeployRequest *request,
                          Error *error);
/* In the arena; ERR_NOT_FOUND: nobody wants anything. */
Status deploy_request_get(World *world, const char *home, Arena *arena, DeployRequest *out,
                          Error *error);
/* Whether the request is still there: taken back, it is to be given up. */
bool deploy_request_stands(World *world, const char *home);
/* Whoever learns first that it is over removes it; another one's stays. NULL: whosever it is. */
Status deploy_request_drop(World *world, const char *home, const char *id, Error *error);
Status deploy_answer_put(World *world, const char *home, const DeployAnswer *answer, Error *error);
Status deploy_answer_get(World *world, const char *home, Arena *arena, DeployAnswer *out,
                         Error *error);

/* ---- fit.c: what may stand beside the other ------------------------------------------------ */

/* Appends what would become of sources, sinks and tables, a line each. ERR_INVALID: two could not
 * run side by side (WR7061), or the new one would come to an end (WR7063). */
Status deploy_fit(const Plan *old, const Plan *new, const DeployRequest *request, Buffer *out,
                  Error *error);

/* ---- rebuild.c: the second job ------------------------------------------------------------- */

typedef struct Running Running;

/* Who is to take the place. Made and freed by the running weir; its own thread opens it and sees
 * it catch up. */
typedef struct Candidate {
    Running *running;
    Arena *arena;
    Cli cli; /* as of the process, with an arena and definitions of its own */
    DeployRequest request;
    Script script;
    JobOptions options;
    Job *job; /* NULL: not opened */
    pthread_t job_thread, rebuild_thread;
    bool has_job_thread, has_rebuild_thread;
    Status status; /* of job_run; good once has_ended is set */
    Error error;
    _Atomic bool has_ended;   /* job_run has returned */
    _Atomic bool is_given_up; /* by whoever wanted it, or the process ends */
    _Atomic bool is_ready;    /* it has caught up, and the other one was asked to stop */
    _Atomic bool is_over;     /* its own thread has nothing more to do */
} Candidate;

/* Take up a request. NULL: it could not be read; the answer says so. */
Candidate *candidate_start(Running *running);
/* All that can be read now is in the candidate, durably. ERR_CANCELLED when given up or when
 * `is_stopping` is set. */
Status candidate_catch_up(Candidate *candidate, const _Atomic bool *is_stopping, Error *error);
/* Plan the script under the name, with the settings that the process was given. */
ExitCode candidate_plan(Candidate *candidate);
void candidate_answer(const Candidate *candidate, DeployState state, const char *text,
                      const Error *error);
/* Stop its job and free it. */
void candidate_free(Candidate *candidate);

/* ---- running.c: the process ---------------------------------------------------------------- */

struct Running {
    Cli *cli;
    ProgressLine *progress;
    const char *home;
    pthread_mutex_t lock; /* guards what follows */
    Job *job;             /* in charge */
    const Plan *plan;
    JobOptions options;
    Candidate *current;   /* whose job it is; NULL: that of the command line */
    Candidate *candidate; /* who is to be next; NULL: nobody */
    Server *server;       /* or NULL */
    bool is_handing_over; /* the old one has stopped, and all is well */
    _Atomic bool is_stopping;
};

/* JobOptions.observe of every job of the process. */
void running_observe(void *running, Job *job);
/* Stop the job in charge, and whatever is beside it; from any thread. */
void running_stop(void *running);
/* A request that a run before has left, or that nobody could take up: say what became of it. */
void running_settle_request(Running *running);
/* Run the job in charge, and each that takes its place, to the end. */
Status running_run(Running *running, Error *error);
/* The tables of a job, in the arena, for the HTTP API. */
ServedTable **running_tables(Arena *arena, Job *job, int32_t *count);
/* Start the HTTP API, if there is something to ask for or the user names an address. */
Status running_serve(Running *running, Error *error);

#endif
