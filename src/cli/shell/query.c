/* A query at work: a preview of its plan, whose rows go to a view. */
#include "cli/shell/shell.h"

static ChangelogMode collector_mode(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_ALL;
}

const ConnectorInfo shell_collector = {
    .name = "result",
    .summary = "The rows of a query, shown.",
    .can_write = true,
    .write_mode = collector_mode,
};

Status shell_run_job(Shell *shell, Job *job, Error *error)
{
    pthread_mutex_lock(&shell->lock);
    shell->current = job;
    /* A Ctrl-C from before the job was there counts. */
    if (atomic_load(&shell->is_stopped))
        job_stop(job);
    pthread_mutex_unlock(&shell->lock);
    Status status = job_run(job, error);
    pthread_mutex_lock(&shell->lock);
    shell->current = NULL;
    pthread_mutex_unlock(&shell->lock);
    return status;
}

/* Of the pipelines that run from this folder: each job of the shell has one of its own. */
const char *shell_letters_dir(const Shell *shell)
{
    return cli_data_dir(shell->cli);
}

ExitCode shell_query(Shell *shell, const Plan *plan)
{
    Error error = {0};
    Job *job;
    View *view = view_open(shell, plan, shell_mode(shell));
    JobOptions options = {
        .pipeline = "query",
        .data_dir = shell->data_dir,
        .letters_dir = shell_letters_dir(shell),
        .preview = view_take,
        .preview_context = view,
        .observe = view_refresh,
        .observe_context = view,
    };
    Status status = job_open(shell->cli->world, plan, &options, &job, &error);
    if (status == OK) {
        status = shell_run_job(shell, job, &error);
        int64_t letters = job_summary(job).dead_letters;
        job_close(job);
        view_close(view);
        if (letters > 0)
            report_note(shell->cli, "%s row%s could not be computed with and %s left out",
                        report_count(shell->cli->arena, letters), letters == 1 ? "" : "s",
                        letters == 1 ? "was" : "were");
    } else {
        view_close(view);
    }
    if (status == OK)
        return EXIT_OK;
    report_error(shell->cli, &error);
    return exit_code_of(&error);
}
