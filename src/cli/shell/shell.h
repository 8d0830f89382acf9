/* What the files of the shell share: a session at work. */
#ifndef WEIR_CLI_SHELL_SHELL_H
#define WEIR_CLI_SHELL_SHELL_H

#include <pthread.h>
#include <stdatomic.h>

#include "cli/cli.h"
#include "plan/session.h"

/* How rows of queries are shown. */
typedef enum ShellMode {
    SHELL_TABLE,     /* the rows that are left, kept up to date */
    SHELL_CHANGELOG, /* every change as it comes, with its kind */
    SHELL_TABLEAU,   /* Flink's: changes of a stream, rows of a batch */
    SHELL_JSON,
    SHELL_CSV,
} ShellMode;

typedef struct ShellJob ShellJob;

typedef struct Shell {
    Cli *cli;
    PlanSession *session;
    Arena *arena;
    const char *data_dir;
    const char *mode_flag; /* --mode, or NULL: as the session is set */
    bool is_interactive;
    bool has_screen; /* standard output is a terminal */
    List jobs;       /* ShellJob, oldest first */

    pthread_mutex_t lock;     /* guards what the watch looks at */
    Job *current;             /* what Ctrl-C stops, or NULL */
    _Atomic bool is_stopped;  /* by Ctrl-C: later statements of the text are left out */
    _Atomic bool is_quitting; /* QUIT, or a signal to end */
    pthread_t watch;
    bool is_watched;
} Shell;

/* ---- execute.c ---- */

/* Run the statements of a text; the first mistake ends it. */
ExitCode shell_execute(Shell *shell, const Source *source);
ShellMode shell_mode(const Shell *shell);

/* ---- query.c ---- */

/* Run a query to its end, or until it is stopped, and show its rows. */
ExitCode shell_query(Shell *shell, const Plan *plan);
/* The data folder whose dead letters `table$errors` shows. */
const char *shell_letters_dir(const Shell *shell);
/* What the planner makes queries end in. */
extern const ConnectorInfo shell_collector;
/* job_run, with Ctrl-C stopping the job. */
Status shell_run_job(Shell *shell, Job *job, Error *error);

/* ---- jobs.c ---- */

/* Start an INSERT beside the shell; with `table.dml-sync`, wait for it. The job takes over the
 * arena of the plan and its use of the text. */
ExitCode shell_submit(Shell *shell, const Plan *plan, Arena *arena, SessionText *text);
ExitCode shell_show_jobs(Shell *shell, const char *id);
ExitCode shell_stop_job(Shell *shell, const SqlStopJob *stop);
/* The job that keeps the table up to date ends, and is waited for. */
void shell_drop_materialized(Shell *shell, Str path);
/* Wait for all jobs: 0, or the exit code of the first that failed. */
ExitCode shell_wait_jobs(Shell *shell);
/* Ask all jobs to stop; from any thread. */
void shell_stop_jobs(Shell *shell);

/* ---- view.c ---- */

typedef struct View View;

View *view_open(Shell *shell, const Plan *plan, ShellMode mode);
/* JobOptions.preview */
bool view_take(void *view, int32_t root, const Batch *batch);
/* Draw what has come since; from the thread that runs the job. */
void view_refresh(void *view, Job *job);
/* The last lines. */
void view_close(View *view);
/* What SHOW and the like answer. */
void view_print_result(Shell *shell, const StatementResult *result, Buffer *out);

/* ---- line.c ---- */

/* Read lines from the terminal and execute what they make, until the end. */
ExitCode shell_interact(Shell *shell);
/* The folder for what the program keeps of its user, made if it is not there; or NULL. */
const char *shell_state_folder(const Shell *shell);

/* ---- watch.c ---- */

void shell_watch(Shell *shell);
void shell_unwatch(Shell *shell);

#endif
