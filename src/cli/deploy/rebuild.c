/* The second job of the process: opened beside the one in charge, rebuilt, and told when it has
 * caught up. */
#include <string.h>

#include "cli/deploy/deploy.h"

enum {
    LOOK_US = 20 * 1000,
    ROUND_SHORT_US = 2 * 1000 * 1000, /* what is left to be read then is read in as short a time */
    TELL_US = 1000 * 1000,
};

void candidate_answer(const Candidate *candidate, DeployState state, const char *text,
                      const Error *error)
{
    const Running *running = candidate->running;
    DeployAnswer answer = {.id = candidate->request.id, .state = state, .text = str_from(text)};
    if (error != NULL)
        answer.error = *error;
    Error trouble = {0};
    if (deploy_answer_put(running->cli->world, running->home, &answer, &trouble) != OK)
        report_error(running->cli, &trouble);
}

ExitCode candidate_plan(Candidate *candidate)
{
    Cli *cli = &candidate->cli;
    candidate->script.source =
        (Source){.name = candidate->request.source, .text = candidate->request.script};
    cli->definitions = (List){0};
    const List *given = &candidate->running->cli->definitions;
    for (int32_t i = 0; i < given->count; i++)
        list_append(&cli->definitions, cli->arena, given->items[i]);
    list_append(&cli->definitions, cli->arena,
                arena_printf(cli->arena, "pipeline.name=%s", candidate->request.name));
    return load_plan(cli, &candidate->script);
}

static void candidate_notice(void *context, const char *text)
{
    const Candidate *candidate = context;
    report_note(&candidate->cli, "%s: %s", candidate->request.name, text);
}

static void *candidate_job_main(void *context)
{
    Candidate *candidate = context;
    candidate->status = job_run(candidate->job, &candidate->error);
    atomic_store(&candidate->has_ended, true);
    return NULL;
}

static Status candidate_open(Candidate *candidate, Error *error)
{
    Running *running = candidate->running;
    const DeployRequest *request = &candidate->request;
    World *world = running->cli->world;
    Arena *arena = candidate->arena;
    TRY(place_prepare(world, running->home, request->name, request->replaces, request->script,
                      error));
    candidate->options = running->options;
    candidate->options.pipeline = request->name;
    candidate->options.data_dir = place_of_deployed(arena, running->home, request->name);
    candidate->options.home = running->home;
    candidate->options.is_fresh = true;
    candidate->options.beside = running->job;
    candidate->options.begin = request->begin;
    candidate->options.notice = candidate_notice;
    candidate->options.notice_context = candidate;
    TRY(job_open(world, candidate->script.plan, &candidate->options, &candidate->job, error));
    if (pthread_create(&candidate->job_thread, NULL, candidate_job_main, candidate) != 0)
        return fail_thread(error, "for the new pipeline");
    candidate->has_job_thread = true;
    return OK;
}

/* What a person who waits sees. */
static void candidate_tell(const Candidate *candidate)
{
    Arena *arena = arena_new(0);
    Buffer text = {0};
    buffer_append_text(&text, "rebuilding");
    for (int32_t i = 0; i < job_source_count(candidate->job); i++) {
        SourceView view = job_source_at(candidate->job, i);
        buffer_printf(&text, "%s %.*s: %s rows", i > 0 ? "," : ":", STR_ARGS(view.table),
                      report_count(arena, view.records));
    }
    candidate_answer(candidate, DEPLOY_WORKS, buffer_terminated(&text), NULL);
    buffer_free(&text);
    arena_free(arena);
}

Status candidate_catch_up(Candidate *candidate, const _Atomic bool *is_stopping, Error *error)
{
    World *world = candidate->running->cli->world;
    int64_t wish = job_ask_for_all(candidate->job);
    int64_t told_us = world_monotonic_us(world);
    while (!job_has_all(candidate->job, wish)) {
        if (atomic_load(&candidate->is_given_up) || atomic_load(is_stopping))
            return fail(error, ERR_CANCELLED, "WR7064", "the deployment was given up");
        if (atomic_load(&candidate->has_ended)) {
            *error = candidate->error;
            if (candidate->status != OK)
                return candidate->status;
            return fail(error, ERR_INVALID, "WR7063", "the new pipeline has come to its end");
        }
        if (world_monotonic_us(world) - told_us >= TELL_US) {
            told_us = world_monotonic_us(world);
            candidate_tell(candidate);
        }
        world->kind->sleep_us(world, LOOK_US);
    }
    return OK;
}

/* Round by round less is left to be read, until a round is short. */
static Status candidate_rebuild(Candidate *candidate, Error *error)
{
    World *world = candidate->running->cli->world;
    int64_t begun_us;
    do {
        begun_us = world_monotonic_us(world);
        TRY(candidate_catch_up(candidate, &candidate->running->is_stopping, error));
    } while (world_monotonic_us(world) - begun_us > ROUND_SHORT_US);
    return OK;
}

static Status candidate_begin(Candidate *candidate, Buffer *fate, Error *error)
{
    Running *running = candidate->running;
    const DeployRequest *request = &candidate->request;
    const char *in_charge = job_pipeline(running->job);
    if (strcmp(request->replaces, in_charge) != 0) {
        Status status =
            fail(error, ERR_NOT_FOUND, "WR7060", "pipeline `%s` is not what runs with `%s`",
                 request->replaces, running->home);
        error_hint(error, "that is `%s`", in_charge);
        return status;
    }
    if (running->options.is_once)
        return fail(error, ERR_INVALID, "WR7063", "the pipeline that runs ends by itself (--once)");
    if (candidate_plan(candidate) != EXIT_OK)
        return fail(error, ERR_INVALID, "WR7062",
                    "the weir that runs cannot plan the script; its messages say why");
    TRY(deploy_fit(running->plan, candidate->script.plan, request, fate, error));
    return request->is_dry ? OK : candidate_open(candidate, error);
}

static void candidate_close_job(Candidate *candidate)
{
    if (candidate->job != NULL)
        job_stop(candidate->job);
    if (candidate->has_job_thread)
        pthread_join(candidate->job_thread, NULL);
    job_close(candidate->job);
    candidate->job = NULL;
    candidate->has_job_thread = false;
}

static void *candidate_main(void *context)
{
    Candidate *candidate = context;
    Running *running = candidate->running;
    Error error = {0};
    Buffer fate = {0};
    candidate_answer(candidate, DEPLOY_WORKS, "planning", NULL);
    Status status = candidate_begin(candidate, &fate, &error);
    bool is_dry = candidate->request.is_dry;
    if (status == OK && !is_dry)
        status = candidate_rebuild(candidate, &error);
    if (status != OK) {
        candidate_close_job(candidate);
        candidate_answer(candidate, DEPLOY_FAILED, "", &error);
    } else if (is_dry) {
        candidate_answer(candidate, DEPLOY_DONE, buffer_terminated(&fate), NULL);
    } else {
        candidate_answer(candidate, DEPLOY_WORKS, "switching", NULL);
        pthread_mutex_lock(&running->lock);
        atomic_store(&candidate->is_ready, true);
        running->is_handing_over = true;
        job_stop(running->job);
        pthread_mutex_unlock(&running->lock);
    }
    buffer_free(&fate);
    atomic_store(&candidate->is_over, true);
    return NULL;
}

Candidate *candidate_start(Running *running)
{
    Error error = {0};
    Arena *arena = arena_new(0);
    Candidate *candidate = ARENA_NEW(arena, Candidate);
    candidate->running = running;
    candidate->arena = arena;
    candidate->cli = *running->cli;
    candidate->cli.arena = arena;
    candidate->request.id = "";
    Status status =
        deploy_request_get(running->cli->world, running->home, arena, &candidate->request, &error);
    if (status == OK) {
        candidate->has_rebuild_thread =
            pthread_create(&candidate->rebuild_thread, NULL, candidate_main, candidate) == 0;
        if (candidate->has_rebuild_thread)
            return candidate;
        status = fail_thread(&error, "for the new pipeline");
    }
    if (status != ERR_NOT_FOUND)
        candidate_answer(candidate, DEPLOY_FAILED, "", &error);
    candidate_free(candidate);
    return NULL;
}

void candidate_free(Candidate *candidate)
{
    atomic_store(&candidate->is_given_up, true);
    if (candidate->has_rebuild_thread)
        pthread_join(candidate->rebuild_thread, NULL);
    candidate_close_job(candidate);
    arena_free(candidate->arena);
}
