/* weir run: plan a pipeline, run it in the foreground, say what became of it. */
#include <signal.h>

#include "cli/deploy/deploy.h"

enum { PREVIEW_ROWS_DEFAULT = 10, PREVIEW_ROWS_MAX = 1000000 };

static const Flag run_flags[] = {
    {"preview", 0, FLAG_OPTIONAL_VALUE, "N",
     "Show the first N (10) result rows of each statement; write nothing, keep nothing."},
    {"data-dir", 0, FLAG_VALUE, "DIR",
     "Folder for checkpoints, state and dead letters (weir-data)."},
    {"checkpoint-dir", 0, FLAG_VALUE, "DIR|s3://BUCKET/PREFIX",
     "Where checkpoints go (into the folder of --data-dir)."},
    {"fresh", 0, FLAG_SWITCH, NULL, "Start over: discard what could be resumed."},
    {"allow-state-loss", 0, FLAG_SWITCH, NULL,
     "Resume although the pipeline has no place for some of the state."},
    {"parallelism", 'p', FLAG_VALUE, "N", "Number of shards (as many as there are cores)."},
    {"hub-listen", 0, FLAG_VALUE, "HOST:PORT",
     "Let Kafka clients reach the topics of the data folder (DIR/hub)."},
    {"hub-advertise", 0, FLAG_VALUE, "HOST:PORT",
     "Where these clients are sent, if that is not --hub-listen."},
    {"once", 0, FLAG_SWITCH, NULL, "Stop when all that is there now has been read."},
    {"dry-run", 0, FLAG_SWITCH, NULL, "Check and explain; run nothing."},
    {"define", 'D', FLAG_REPEATED, "KEY=VALUE", "Set a setting, above every SET of the script."},
    {"listen", 0, FLAG_VALUE, "HOST:PORT", "Address of the HTTP API (127.0.0.1:8083)."},
    {"allow-plaintext", 0, FLAG_SWITCH, NULL,
     "Let the HTTP API listen beyond this machine, without encryption and passwords."},
    {"no-http", 0, FLAG_SWITCH, NULL, "No HTTP API."},
};

static void run_notice(void *context, const char *text)
{
    report_note(context, "%s", text);
}

/* What runs, for dashboards: always 1. */
static void run_count_build(const Cli *cli)
{
    const char *labels = arena_printf(cli->arena, "version=\"%s\"", WEIR_VERSION);
    metric_set(metric_get(METRIC_GAUGE, "weir_build_info", labels, "The version that runs.", 1), 1);
}

/* ---- Running ----------------------------------------------------------------------------- */

static void run_stop(void *job)
{
    job_stop(job);
}

static ExitCode run_end(Cli *cli, Status status, const Error *error, const Job *job,
                        const JobOptions *options)
{
    ExitCode code = status == OK ? EXIT_OK : report_failure(cli, error);
    if (options->preview != NULL)
        return code;
    if (!cli->is_quiet)
        progress_summarize(cli, job, status == OK);
    if (job_summary(job).dead_letters > 0)
        report_note(cli, "dead letters are in %s/dead-letters", options->data_dir);
    return code;
}

static ExitCode run_fail_open(Cli *cli, const Error *error)
{
    ExitCode code = report_failure(cli, error);
    return error->status == ERR_NOT_FOUND ? EXIT_CANNOT_CREATE : code;
}

/* Beside it another one may be made ready to take its place. */
static ExitCode run_job(Cli *cli, const Plan *plan, JobOptions *options)
{
    Error error = {0};
    ProgressLine *progress = progress_open(cli);
    Running running = {.cli = cli,
                       .progress = cli->is_quiet ? NULL : progress,
                       .home = options->home != NULL ? options->home : options->data_dir,
                       .plan = plan};
    options->notice = run_notice;
    options->notice_context = cli;
    options->observe = running_observe;
    options->observe_context = &running;
    running.options = *options;
    run_count_build(cli);
    pthread_mutex_init(&running.lock, NULL);
    if (job_open(cli->world, plan, options, &running.job, &error) != OK)
        return run_fail_open(cli, &error);
    running_settle_request(&running);
    farewell_forget(cli, running.home);
    SignalWatch *watch;
    Status status = signals_watch(cli, running_stop, &running, &watch, &error);
    if (status == OK)
        status = running_serve(&running, &error);
    if (status == OK)
        status = running_run(&running, &error);
    signals_end(watch);
    serve_stop(running.server);
    progress_finish(progress);
    ExitCode code = run_end(cli, status, &error, running.job, &running.options);
    JobSummary summary = job_summary(running.job);
    farewell_say(cli, running.home, code, &error, &summary);
    if (running.current != NULL)
        candidate_free(running.current);
    else
        job_close(running.job);
    pthread_mutex_destroy(&running.lock);
    return code;
}

static ExitCode run_previewed(Cli *cli, const Plan *plan, JobOptions *options)
{
    Error error = {0};
    Job *job;
    SignalWatch *watch;
    options->notice = run_notice;
    options->notice_context = cli;
    run_count_build(cli);
    if (job_open(cli->world, plan, options, &job, &error) != OK)
        return run_fail_open(cli, &error);
    Status status = signals_watch(cli, run_stop, job, &watch, &error);
    if (status == OK)
        status = job_run(job, &error);
    signals_end(watch);
    ExitCode code = run_end(cli, status, &error, job, options);
    job_close(job);
    return code;
}

static ExitCode run_preview(Cli *cli, const Plan *plan, JobOptions *options)
{
    int64_t rows = PREVIEW_ROWS_DEFAULT;
    if (!cli_number(cli, "preview", 1, &rows))
        return EXIT_BAD_USAGE;
    Preview *preview = preview_open(cli, plan, rows < PREVIEW_ROWS_MAX ? rows : PREVIEW_ROWS_MAX);
    options->preview = preview_take;
    options->preview_context = preview;
    ExitCode code = run_previewed(cli, plan, options);
    ExitCode printed = preview_print(preview);
    return code != EXIT_OK ? code : printed;
}

static ExitCode run_dry(const Cli *cli, const Plan *plan)
{
    Buffer text = {0};
    plan_explain(plan, &text);
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

/* The file's or folder's own name: so two scripts can share a data folder, one after the other. */
const char *run_name(const Cli *cli, const char *path)
{
    Str name = str_from(path);
    while (name.length > 1 && name.data[name.length - 1] == '/')
        name.length--;
    for (int64_t i = name.length - 1; i >= 0; i--) {
        if (name.data[i] != '/')
            continue;
        name = str_make(name.data + i + 1, name.length - i - 1);
        break;
    }
    if (str_has_suffix(name, STR(".sql")))
        name.length -= 4;
    if (name.length == 0 || str_is(name, "-") || str_is(name, ".") || str_is(name, ".."))
        name = STR("pipeline");
    return str_terminated(cli->arena, name);
}

static ExitCode run_nothing(const Cli *cli, const char *path)
{
    Error error = {0};
    Status status = fail(&error, ERR_INVALID, "WR7009", "`%s` has nothing to run", path);
    (void)status;
    error_hint(&error, "add an INSERT INTO or a CREATE MATERIALIZED TABLE");
    return report_failure(cli, &error);
}

/* What SHOW and the like answer, before anything runs. */
static ExitCode run_print_results(const Cli *cli, const Plan *plan)
{
    if (plan->results.count == 0)
        return EXIT_OK;
    Buffer text = {0};
    for (int32_t i = 0; i < plan->results.count; i++) {
        if (i > 0)
            buffer_append_char(&text, '\n');
        statement_result_print(LIST_AT(plan->results, i, StatementResult), &text);
    }
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

/* The pipeline of this name may have been replaced: then the one in charge runs, by the script that
 * was deployed. */
static ExitCode run_find_charge(Cli *cli, Script *script, JobOptions *options)
{
    Error error = {0};
    Charge charge;
    const char *home = cli_data_dir(cli);
    const char *name = script->plan->settings.pipeline_name;
    if (name == NULL || name[0] == '\0')
        name = options->pipeline;
    Status status = OK;
    if (options->is_fresh)
        status = place_put_back(cli->world, home, name, &error);
    if (status == OK)
        status = place_in_charge(cli->world, cli->arena, home, name, &charge, &error);
    if (status != OK)
        return report_failure(cli, &error);
    options->data_dir = charge.data_dir;
    options->home = charge.is_deployed ? home : NULL;
    if (!charge.is_replaced)
        return EXIT_OK;
    const char *path = place_of_script(cli->arena, charge.data_dir);
    report_note(cli, "`%s` was replaced by `%s`, which runs: its script is `%s`", name,
                charge.pipeline, path);
    *script = (Script){0};
    status = load_source(cli, path, &script->source, &error);
    if (status == OK)
        status = place_check_script(cli->world, charge.data_dir, script->source.text, &error);
    if (status != OK)
        return report_failure(cli, &error);
    options->pipeline = charge.pipeline;
    list_append(&cli->definitions, cli->arena,
                arena_printf(cli->arena, "pipeline.name=%s", charge.pipeline));
    return load_plan(cli, script);
}

static ExitCode run_planned(Cli *cli, const char *path, Script *script, int64_t parallelism)
{
    JobOptions options = {
        .pipeline = run_name(cli, path),
        .data_dir = cli_data_dir(cli),
        .is_fresh = cli_has(cli, "fresh"),
        .allows_state_loss = cli_has(cli, "allow-state-loss"),
        .is_once = cli_has(cli, "once"),
        .hub_listen = cli_value(cli, "hub-listen"),
        .hub_advertise = cli_value(cli, "hub-advertise"),
        .parallelism = parallelism > SHARDS_MAX ? SHARDS_MAX : (int32_t)parallelism,
    };
    if (cli_has(cli, "preview"))
        return run_preview(cli, script->plan, &options);
    ExitCode code = run_find_charge(cli, script, &options);
    return code != EXIT_OK ? code : run_job(cli, script->plan, &options);
}

static ExitCode run_run(Cli *cli)
{
    Script script = {0};
    Error error = {0};
    const char *path = LIST_AT(cli->arguments, 0, const char);
    int64_t parallelism = 0;
    if (!cli_number(cli, "parallelism", 1, &parallelism))
        return EXIT_BAD_USAGE;
    if (cli_has(cli, "hub-advertise") && !cli_has(cli, "hub-listen"))
        return report_usage(cli, "WR7003", "--hub-listen HOST:PORT --hub-advertise HOST:PORT",
                            "--hub-advertise says where others reach what --hub-listen opens");
    /* From here on a signal waits until there is a job that it can stop. */
    signals_block();
    if (load_source(cli, path, &script.source, &error) != OK)
        return report_failure(cli, &error);
    ExitCode code = load_plan(cli, &script);
    if (code != EXIT_OK)
        return code;
    const Plan *plan = script.plan;
    code = run_print_results(cli, plan);
    if (code != EXIT_OK)
        return code;
    if (plan->root_count == 0)
        return plan->results.count > 0 ? EXIT_OK : run_nothing(cli, path);
    if (cli_has(cli, "dry-run"))
        return run_dry(cli, plan);
    return run_planned(cli, path, &script, parallelism);
}

const Command run_command = {
    .name = "run",
    .arguments = "FILE.sql|DIR|-",
    .summary = "Run a pipeline in the foreground.",
    .details =
        "Running the same file with the same folder again resumes where it stopped. Ctrl-C takes "
        "a\n"
        "last checkpoint and ends; a second one ends at once. A pipeline whose input ends leaves\n"
        "nothing to resume. A checkpoint is taken every 10 s unless the script sets\n"
        "'execution.checkpointing.interval' ('0 s': only at the end).",
    .flags = run_flags,
    .flag_count = sizeof run_flags / sizeof run_flags[0],
    .argument_min = 1,
    .argument_max = 1,
    .run = run_run,
};
