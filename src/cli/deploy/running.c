/* What runs in the process of `weir run`: one job in charge, and perhaps one beside it that is to
 * take its place. */
#include <string.h>

#include "cli/deploy/deploy.h"

enum {
    LOOK_US = 5 * 1000,
    WATERMARK_PATIENCE_US = 2 * 1000 * 1000, /* the last records' may be on its way */
};

static void candidate_forget_request(const Candidate *candidate)
{
    const Running *running = candidate->running;
    Status ignored =
        deploy_request_drop(running->cli->world, running->home, candidate->request.id, NULL);
    (void)ignored;
}

void running_observe(void *context, Job *job)
{
    Running *running = context;
    pthread_mutex_lock(&running->lock);
    bool is_in_charge = job == running->job;
    Candidate *candidate = running->candidate;
    pthread_mutex_unlock(&running->lock);
    if (!is_in_charge)
        return;
    if (running->progress != NULL)
        progress_show(running->progress, job);
    bool is_wanted = deploy_request_stands(running->cli->world, running->home);
    if (candidate != NULL && !is_wanted)
        atomic_store(&candidate->is_given_up, true);
    if (candidate != NULL && atomic_load(&candidate->is_over) &&
        !atomic_load(&candidate->is_ready)) {
        candidate_forget_request(candidate);
        candidate_free(candidate);
        candidate = NULL;
        is_wanted = deploy_request_stands(running->cli->world, running->home);
    }
    if (candidate == NULL && is_wanted && job_is_running(job))
        candidate = candidate_start(running);
    pthread_mutex_lock(&running->lock);
    running->candidate = candidate;
    pthread_mutex_unlock(&running->lock);
}

void running_stop(void *context)
{
    Running *running = context;
    pthread_mutex_lock(&running->lock);
    atomic_store(&running->is_stopping, true);
    job_stop(running->job);
    pthread_mutex_unlock(&running->lock);
}

/* ---- A request from before ----------------------------------------------------------------- */

void running_settle_request(Running *running)
{
    Cli *cli = running->cli;
    DeployRequest request;
    Charge charge;
    DeployAnswer answer = {.state = DEPLOY_DONE, .text = STR("")};
    Status status = deploy_request_get(cli->world, running->home, cli->arena, &request, NULL);
    if (status == ERR_NOT_FOUND)
        return;
    if (status == OK) {
        answer.id = request.id;
        status = place_in_charge(cli->world, cli->arena, running->home, request.replaces, &charge,
                                 &answer.error);
        if (status == OK && strcmp(charge.pipeline, request.name) != 0) {
            status = fail(&answer.error, ERR_CANCELLED, "WR7064",
                          "weir was ended meanwhile and runs anew: `%s` is in charge as before",
                          charge.pipeline);
            error_hint(&answer.error, "deploy again");
        }
        answer.state = status == OK ? DEPLOY_DONE : DEPLOY_FAILED;
        status = deploy_answer_put(cli->world, running->home, &answer, NULL);
    }
    status = deploy_request_drop(cli->world, running->home, NULL, NULL);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

ServedTable **running_tables(Arena *arena, Job *job, int32_t *count)
{
    *count = job_served_count(job);
    ServedTable **tables = ARENA_ARRAY(arena, ServedTable *, *count + 1);
    for (int32_t i = 0; i < *count; i++)
        tables[i] = job_served_at(job, i);
    return tables;
}

static bool running_is_ready(void *context, Buffer *why)
{
    Running *running = context;
    pthread_mutex_lock(&running->lock);
    bool is_ready = running->is_handing_over || job_is_running(running->job);
    pthread_mutex_unlock(&running->lock);
    if (!is_ready)
        buffer_append_text(why, "the sources and sinks are not all open");
    return is_ready;
}

Status running_serve(Running *running, Error *error)
{
    Cli *cli = running->cli;
    const char *listen = cli_value(cli, "listen");
    const Map *settings = running->plan->settings.all;
    if (listen == NULL && settings != NULL)
        listen = map_find(settings, STR("weir.http.listen"));
    int32_t count;
    ServedTable **tables = running_tables(cli->arena, running->job, &count);
    if (cli_has(cli, "no-http") || (count == 0 && listen == NULL))
        return OK;
    ServeConfig config = {
        .world = cli->world,
        .listen = listen,
        .allows_plaintext = cli_has(cli, "allow-plaintext"),
        .pipeline = arena_printf(cli->arena, "%s", job_pipeline(running->job)),
        .tables = tables,
        .table_count = count,
        .is_ready = running_is_ready,
        .ready_context = running,
    };
    TRY(serve_start(&config, &running->server, error));
    report_note(cli, "HTTP API at %s", serve_url(running->server));
    return OK;
}

/* ---- One takes the place of the other ------------------------------------------------------ */

static bool tables_are_as_far(Job *old, Job *new)
{
    for (int32_t i = 0; i < job_served_count(new); i++) {
        ServedTable *table = job_served_at(new, i);
        for (int32_t k = 0; k < job_served_count(old); k++) {
            ServedTable *other = job_served_at(old, k);
            if (strcmp(served_spec(table)->name, served_spec(other)->name) == 0 &&
                served_watermark(table) < served_watermark(other))
                return false;
        }
    }
    return true;
}

/* Event time follows the records a moment later. Where the new pipeline says that its is further
 * behind, it never is as far. */
static void await_watermarks(const Running *running, const Candidate *candidate)
{
    World *world = running->cli->world;
    int64_t until_us = world_monotonic_us(world) + WATERMARK_PATIENCE_US;
    while (!tables_are_as_far(running->job, candidate->job) &&
           world_monotonic_us(world) < until_us && !atomic_load(&candidate->has_ended))
        world->kind->sleep_us(world, LOOK_US);
}

/* From here on `job` is in charge. */
static void running_put_in_charge(Running *running, Job *job, const Plan *plan,
                                  const JobOptions *options, Candidate *candidate)
{
    int32_t count;
    Job *old = running->job;
    Candidate *before = running->current;
    job_take_over(job);
    pthread_mutex_lock(&running->lock);
    running->job = job;
    running->plan = plan;
    running->options = *options;
    running->options.beside = NULL;
    running->current = candidate;
    running->is_handing_over = false;
    if (atomic_load(&running->is_stopping))
        job_stop(job);
    pthread_mutex_unlock(&running->lock);
    ServedTable **tables =
        running_tables(candidate != NULL ? candidate->arena : running->cli->arena, job, &count);
    if (running->server != NULL)
        serve_replace(running->server, tables, count);
    if (before != NULL && before != candidate) {
        candidate_free(before);
        return;
    }
    job_close(old);
    if (before != NULL)
        before->job = job;
}

/* Others may ask from now on. */
static void running_close_request(Running *running, const Candidate *candidate)
{
    candidate_forget_request(candidate);
    pthread_mutex_lock(&running->lock);
    running->candidate = NULL;
    pthread_mutex_unlock(&running->lock);
}

/* The new one has all that the old one had: one rename makes it the one in charge. */
static Status running_succeed(Running *running, Candidate *candidate, Error *error)
{
    Cli *cli = running->cli;
    TRY(candidate_catch_up(candidate, &running->is_stopping, error));
    await_watermarks(running, candidate);
    TRY(place_replace(cli->world, running->home, candidate->request.replaces,
                      candidate->request.name, error));
    report_note(cli, "`%s` has taken the place of `%s`; its data folder is `%s`",
                candidate->request.name, candidate->request.replaces, candidate->options.data_dir);
    running_put_in_charge(running, candidate->job, candidate->script.plan, &candidate->options,
                          candidate);
    if (running->server == NULL) {
        Error trouble = {0};
        if (running_serve(running, &trouble) != OK)
            report_error(cli, &trouble);
    }
    candidate_answer(candidate, DEPLOY_DONE, "", NULL);
    running_close_request(running, candidate);
    return OK;
}

/* The one that has stopped goes on: nothing has become of the other. */
static Status running_go_back(Running *running, Error *error)
{
    Job *job;
    JobOptions options = running->options;
    options.beside = running->job;
    options.is_fresh = false;
    TRY(job_open(running->cli->world, running->plan, &options, &job, error));
    running_put_in_charge(running, job, running->plan, &options, running->current);
    return OK;
}

/* The job in charge has come to its end, with this status. True: another one is in charge now. */
static bool running_goes_on(Running *running, Status *status, Error *error)
{
    Candidate *candidate = running->candidate;
    if (candidate == NULL)
        return false;
    bool is_ready = false;
    Error why = {0};
    if (!atomic_load(&candidate->is_ready))
        atomic_store(&candidate->is_given_up, true);
    pthread_join(candidate->rebuild_thread, NULL);
    candidate->has_rebuild_thread = false;
    is_ready = atomic_load(&candidate->is_ready) && !atomic_load(&running->is_stopping) &&
               !job_summary(running->job).has_ended;
    Status outcome = OK;
    if (is_ready) {
        if (*status != OK)
            report_error(running->cli, error);
        outcome = running_succeed(running, candidate, &why);
        if (running->job == candidate->job)
            return true;
    } else {
        outcome = fail(&why, ERR_CANCELLED, "WR7064",
                       "the deployment was given up: the pipeline that runs has ended");
    }
    assert(outcome != OK);
    candidate_answer(candidate, DEPLOY_FAILED, "", &why);
    running_close_request(running, candidate);
    candidate_free(candidate);
    if (!is_ready || *status != OK || atomic_load(&running->is_stopping))
        return false;
    report_error(running->cli, &why);
    *status = running_go_back(running, error);
    return *status == OK;
}

/* Of a job that has a thread of its own, wait for that. */
static Status running_run_once(Running *running, Error *error)
{
    Candidate *current = running->current;
    if (current == NULL || !current->has_job_thread)
        return job_run(running->job, error);
    pthread_join(current->job_thread, NULL);
    current->has_job_thread = false;
    *error = current->error;
    return current->status;
}

Status running_run(Running *running, Error *error)
{
    Status status;
    do {
        *error = (Error){0};
        status = running_run_once(running, error);
    } while (running_goes_on(running, &status, error));
    return status;
}
