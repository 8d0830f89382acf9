/* weir run: plan a pipeline, run it in the foreground, say what became of it. */
#include <signal.h>

#include "cli/cli.h"
#include "job/job.h"
#include "serve/serve.h"

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

/* ---- The HTTP API ------------------------------------------------------------------------ */

static bool run_is_ready(void *context, Buffer *why)
{
    if (job_is_running(context))
        return true;
    buffer_append_text(why, "the sources and sinks are not all open");
    return false;
}

/* Only where there is something to ask for, or the user names an address. */
static Status run_serve(Cli *cli, const Plan *plan, Job *job, Server **out, Error *error)
{
    *out = NULL;
    const char *listen = cli_value(cli, "listen");
    if (listen == NULL && plan->settings.all != NULL)
        listen = map_find(plan->settings.all, STR("weir.http.listen"));
    int32_t count = job_served_count(job);
    if (cli_has(cli, "no-http") || (count == 0 && listen == NULL))
        return OK;
    ServedTable **tables = ARENA_ARRAY(cli->arena, ServedTable *, count);
    for (int32_t i = 0; i < count; i++)
        tables[i] = job_served_at(job, i);
    ServeConfig config = {
        .world = cli->world,
        .listen = listen,
        .allows_plaintext = cli_has(cli, "allow-plaintext"),
        .pipeline = job_pipeline(job),
        .tables = tables,
        .table_count = count,
        .is_ready = run_is_ready,
        .ready_context = job,
    };
    TRY(serve_start(&config, out, error));
    report_note(cli, "HTTP API at %s", serve_url(*out));
    return OK;
}

/* ---- Running ----------------------------------------------------------------------------- */

static ExitCode run_job(Cli *cli, const Plan *plan, JobOptions *options)
{
    Error error = {0};
    Job *job;
    options->notice = run_notice;
    options->notice_context = cli;
    ProgressLine *progress = progress_open(cli);
    if (options->preview == NULL && !cli->is_quiet) {
        options->observe = progress_show;
        options->observe_context = progress;
    }
    run_count_build(cli);
    Status status = job_open(cli->world, plan, options, &job, &error);
    if (status != OK) {
        ExitCode code = report_failure(cli, &error);
        return error.status == ERR_NOT_FOUND ? EXIT_CANNOT_CREATE : code;
    }
    SignalWatch *watch;
    Server *server = NULL;
    status = signals_watch(cli, job, &watch, &error);
    if (status == OK && options->preview == NULL)
        status = run_serve(cli, plan, job, &server, &error);
    if (status == OK)
        status = job_run(job, &error);
    signals_end(watch);
    serve_stop(server);
    progress_finish(progress);
    ExitCode code = EXIT_OK;
    if (status != OK)
        code = report_failure(cli, &error);
    if (options->preview == NULL && !cli->is_quiet)
        progress_summarize(cli, job, status == OK);
    if (options->preview == NULL && job_summary(job).dead_letters > 0)
        report_note(cli, "dead letters are in %s/dead-letters", options->data_dir);
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
    ExitCode code = run_job(cli, plan, options);
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

static ExitCode run_run(Cli *cli)
{
    Script script = {0};
    Error error = {0};
    const char *path = LIST_AT(cli->arguments, 0, const char);
    int64_t parallelism = 0;
    if (!cli_number(cli, "parallelism", 1, &parallelism))
        return EXIT_BAD_USAGE;
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
    JobOptions options = {
        .pipeline = run_name(cli, path),
        .data_dir = cli_data_dir(cli),
        .is_fresh = cli_has(cli, "fresh"),
        .allows_state_loss = cli_has(cli, "allow-state-loss"),
        .is_once = cli_has(cli, "once"),
        .hub_listen = cli_value(cli, "hub-listen"),
        .parallelism = parallelism > SHARDS_MAX ? SHARDS_MAX : (int32_t)parallelism,
    };
    if (cli_has(cli, "preview"))
        return run_preview(cli, plan, &options);
    return run_job(cli, plan, &options);
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
