/* Jobs that run beside the shell: each on a thread, with a data folder of its own. */
#include <inttypes.h>

#include "cli/shell/shell.h"
#include "data/datetime.h"

enum { JOB_ID_BYTES = 33, JOB_ID_SHORT = 8 };

struct ShellJob {
    Shell *shell;
    char id[JOB_ID_BYTES];
    const char *name;
    const char *served; /* path of the materialized table that it keeps up to date, or NULL */
    const char *data_dir;
    Arena *arena; /* of the plan */
    SessionText *text;
    Job *job; /* NULL once it has ended */
    pthread_t thread;
    bool is_joined;
    int64_t started_us; /* since 1970 */
    /* Written by its thread before has_ended. */
    Status status;
    Error error;
    JobSummary summary;
    _Atomic bool has_ended;
    bool is_stop_wanted;
};

/* What is kept for a resumption has no use; dead letters stay. */
static void job_forget_state(const ShellJob *job)
{
    World *world = job->shell->cli->world;
    Arena *arena = arena_new(0);
    Error ignored = {0};
    Status status =
        world_remove_tree(world, arena_printf(arena, "%s/jobs", job->data_dir), &ignored);
    if (status == OK && job->summary.dead_letters == 0)
        status = world_remove_tree(world, job->data_dir, &ignored);
    (void)status;
    arena_free(arena);
}

static void *shell_job_main(void *context)
{
    ShellJob *job = context;
    Shell *shell = job->shell;
    job->status = job_run(job->job, &job->error);
    job->summary = job_summary(job->job);
    pthread_mutex_lock(&shell->lock);
    job_close(job->job);
    job->job = NULL;
    pthread_mutex_unlock(&shell->lock);
    job_forget_state(job);
    atomic_store(&job->has_ended, true);
    return NULL;
}

static const char *job_status_text(const ShellJob *job)
{
    if (!atomic_load(&job->has_ended))
        return job->is_stop_wanted ? "CANCELLING" : "RUNNING";
    if (job->status != OK)
        return "FAILED";
    return job->summary.has_ended ? "FINISHED" : "CANCELED";
}

/* Flink's: the names of the targets. */
static const char *job_name(Shell *shell, const Plan *plan)
{
    const char *given = plan->settings.pipeline_name;
    if (given != NULL && given[0] != '\0')
        return arena_printf(shell->arena, "%s", given);
    Buffer name = {0};
    for (int32_t i = 0; i < plan->root_count; i++) {
        const PlanNode *root = plan->roots[i];
        Str path = root->kind == PLAN_SINK ? root->sink.table->path : root->serve.path;
        buffer_printf(&name, "%s%.*s", i > 0 ? "," : "insert-into_", STR_ARGS(path));
    }
    const char *text = str_terminated(shell->arena, buffer_str(&name));
    buffer_free(&name);
    return text;
}

static ExitCode job_report_end(const ShellJob *job)
{
    const Cli *cli = job->shell->cli;
    if (job->status != OK) {
        report_error(cli, &job->error);
        return exit_code_of(&job->error);
    }
    if (job->summary.dead_letters > 0)
        report_note(cli, "%s dead letters are in %s/dead-letters",
                    report_count(cli->arena, job->summary.dead_letters), job->data_dir);
    report_note(cli, "job %.*s: %s, %s rows written", JOB_ID_SHORT, job->id, job_status_text(job),
                report_count(cli->arena, job->summary.rows_out));
    return EXIT_OK;
}

static ExitCode job_join(ShellJob *job)
{
    if (job->is_joined)
        return EXIT_OK;
    pthread_join(job->thread, NULL);
    job->is_joined = true;
    session_text_release(job->shell->session, job->text);
    arena_free(job->arena);
    return job_report_end(job);
}

static ShellJob *job_new(Shell *shell, const Plan *plan, Arena *arena, SessionText *text)
{
    World *world = shell->cli->world;
    ShellJob *job = ARENA_NEW(shell->arena, ShellJob);
    job->shell = shell;
    snprintf(job->id, sizeof job->id, "%016" PRIx64 "%016" PRIx64, world->kind->random_u64(world),
             world->kind->random_u64(world));
    job->name = job_name(shell, plan);
    if (plan->roots[0]->kind == PLAN_SERVE)
        job->served = str_terminated(shell->arena, plan->roots[0]->serve.path);
    job->data_dir = arena_printf(shell->arena, "%s/%s", shell->data_dir, job->id);
    job->arena = arena;
    job->text = session_text_use(text);
    job->started_us = world_now_us(world);
    return job;
}

ExitCode shell_submit(Shell *shell, const Plan *plan, Arena *arena, SessionText *text)
{
    ShellJob *job = job_new(shell, plan, arena, text);
    JobOptions options = {.pipeline = "job",
                          .data_dir = job->data_dir,
                          .letters_dir = shell_letters_dir(shell),
                          .is_fresh = true};
    Status status = job_open(shell->cli->world, plan, &options, &job->job, &job->error);
    bool is_started = status == OK && pthread_create(&job->thread, NULL, shell_job_main, job) == 0;
    if (!is_started) {
        if (status == OK)
            status = fail(&job->error, ERR_UNAVAILABLE, "WR7030", "no thread for another job");
        job_close(job->job);
        report_error(shell->cli, &job->error);
        ExitCode code = exit_code_of(&job->error);
        session_text_release(shell->session, text);
        arena_free(arena);
        return code;
    }
    pthread_mutex_lock(&shell->lock);
    list_append(&shell->jobs, shell->arena, job);
    pthread_mutex_unlock(&shell->lock);
    report_note(shell->cli, "job %s: %s", job->id, job->name);
    const char *is_sync = session_setting(shell->session, "table.dml-sync");
    if (is_sync == NULL || !str_equal_ignoring_case(str_from(is_sync), STR("true")))
        return EXIT_OK;
    /* Ctrl-C while waiting stops this one. */
    pthread_mutex_lock(&shell->lock);
    shell->current = job->job;
    if (atomic_load(&shell->is_stopped) && job->job != NULL)
        job_stop(job->job);
    pthread_mutex_unlock(&shell->lock);
    pthread_join(job->thread, NULL);
    pthread_mutex_lock(&shell->lock);
    shell->current = NULL;
    pthread_mutex_unlock(&shell->lock);
    job->is_joined = true;
    session_text_release(shell->session, text);
    arena_free(arena);
    return job_report_end(job);
}

ExitCode shell_show_jobs(Shell *shell, const char *id)
{
    static const Str heads[] = {STR("job id"), STR("job name"), STR("status"), STR("start time")};
    Arena *arena = arena_new(0);
    StatementResult result = {.columns = heads, .column_count = 4};
    for (int32_t i = 0; i < shell->jobs.count; i++) {
        const ShellJob *job = LIST_AT(shell->jobs, i, ShellJob);
        if (id != NULL && strncmp(job->id, id, strlen(id)) != 0)
            continue;
        Buffer time = {0};
        timestamp_print(&time, job->started_us, 3, ' ');
        Str *row = ARENA_ARRAY(arena, Str, 4);
        row[0] = str_from(job->id);
        row[1] = str_from(job->name);
        row[2] = str_from(job_status_text(job));
        row[3] = str_copy(arena, buffer_str(&time));
        buffer_free(&time);
        list_append(&result.rows, arena, row);
    }
    Buffer text = {0};
    ExitCode code = EXIT_OK;
    if (id != NULL && result.rows.count == 0) {
        code = report_usage(shell->cli, "WR2407", "SHOW JOBS lists those of this session",
                            "there is no job '%s'", id);
        code = EXIT_BAD_DATA;
    } else {
        view_print_result(shell, &result, &text);
        code = report_output(shell->cli, &text);
    }
    buffer_free(&text);
    arena_free(arena);
    return code;
}

static void job_ask_to_stop(ShellJob *job)
{
    pthread_mutex_lock(&job->shell->lock);
    job->is_stop_wanted = true;
    if (job->job != NULL)
        job_stop(job->job);
    pthread_mutex_unlock(&job->shell->lock);
}

ExitCode shell_stop_job(Shell *shell, const SqlStopJob *stop)
{
    for (int32_t i = 0; i < shell->jobs.count; i++) {
        ShellJob *job = LIST_AT(shell->jobs, i, ShellJob);
        if (stop->job.length == 0 || !str_has_prefix(str_from(job->id), stop->job))
            continue;
        job_ask_to_stop(job);
        return job_join(job);
    }
    report_usage(shell->cli, "WR2407", "SHOW JOBS lists those of this session",
                 "there is no job '%.*s'", STR_ARGS(stop->job));
    return EXIT_BAD_DATA;
}

void shell_drop_materialized(Shell *shell, Str path)
{
    for (int32_t i = 0; i < shell->jobs.count; i++) {
        ShellJob *job = LIST_AT(shell->jobs, i, ShellJob);
        if (job->served == NULL || !str_is(path, job->served))
            continue;
        job_ask_to_stop(job);
        job_join(job);
    }
}

void shell_stop_jobs(Shell *shell)
{
    pthread_mutex_lock(&shell->lock);
    for (int32_t i = 0; i < shell->jobs.count; i++) {
        ShellJob *job = LIST_AT(shell->jobs, i, ShellJob);
        job->is_stop_wanted = true;
        if (job->job != NULL)
            job_stop(job->job);
    }
    pthread_mutex_unlock(&shell->lock);
}

ExitCode shell_wait_jobs(Shell *shell)
{
    ExitCode code = EXIT_OK;
    for (int32_t i = 0; i < shell->jobs.count; i++) {
        ExitCode ended = job_join(LIST_AT(shell->jobs, i, ShellJob));
        code = code == EXIT_OK ? ended : code;
    }
    return code;
}
