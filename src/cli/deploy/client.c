/* weir deploy: ask the weir that runs to put a new pipeline in the place of its own. */
#include <inttypes.h>
#include <string.h>

#include "cli/deploy/deploy.h"
#include "job/savepoint.h"

enum { LOOK_US = 100 * 1000 };

static const Flag deploy_flags[] = {
    {"replace", 0, FLAG_VALUE, "NAME", "The pipeline that runs and whose place it takes."},
    {"name", 0, FLAG_VALUE, "NAME", "Name of the new pipeline (`pipeline.name`, or the file's)."},
    {"from", 0, FLAG_VALUE, "earliest|@MILLIS|declared",
     "Where its kafka tables begin: with the earliest record, with the first of a time, or where "
     "their options say (earliest)."},
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder that the running pipeline was given (weir-data)."},
    {"dry-run", 0, FLAG_SWITCH, NULL, "Say what would become of each part; change nothing."},
    {"cancel", 0, FLAG_SWITCH, NULL, "Give up the deployment that is under way."},
    {"define", 'D', FLAG_REPEATED, "KEY=VALUE", "Set a setting while the script is checked."},
};

static Status fail_not_running(const char *home, Error *error)
{
    Status status =
        fail(error, ERR_NOT_FOUND, "WR7060", "no pipeline runs with the data folder `%s`", home);
    error_hint(error, "--data-dir names the folder that `weir run` was given; where nothing runs, "
                      "`weir run` starts the new pipeline");
    return status;
}

static ExitCode deploy_cancel(Cli *cli, const char *home)
{
    Error error = {0};
    if (!deploy_request_stands(cli->world, home)) {
        Status status = fail(&error, ERR_NOT_FOUND, "WR7060",
                             "no deployment is under way in the data folder `%s`", home);
        (void)status;
        return report_failure(cli, &error);
    }
    if (deploy_request_drop(cli->world, home, NULL, &error) != OK)
        return report_failure(cli, &error);
    report_note(cli, "asked to give it up");
    return EXIT_OK;
}

/* The weir that was asked is gone: what stands in the folder counts. */
static Status deploy_look_who(Cli *cli, const char *home, const DeployRequest *request,
                              Error *error)
{
    Charge charge;
    TRY(place_in_charge(cli->world, cli->arena, home, request->replaces, &charge, error));
    if (strcmp(charge.pipeline, request->name) == 0)
        return OK;
    Status status =
        fail(error, ERR_CANCELLED, "WR7064",
             "the weir that was asked has ended: `%s` is in charge as before", charge.pipeline);
    error->is_retriable = true;
    error_hint(error, "start it with `weir run`, then deploy again");
    return status;
}

/* OK: the new one is in charge, or the answer to --dry-run is there, in the arena of the command.
 */
static Status deploy_await(Cli *cli, const char *home, const DeployRequest *request, Str *text,
                           Error *error)
{
    char told[256] = "";
    for (;;) {
        Arena *arena = arena_new(0);
        DeployAnswer answer;
        bool is_running;
        /* Before the answer: a process that ends has said its last word by then. */
        Status status = savepoint_is_running(cli->world, home, &is_running, error);
        Status seen = deploy_answer_get(cli->world, home, arena, &answer, NULL);
        bool is_ours = seen == OK && strcmp(answer.id, request->id) == 0;
        bool is_over = is_ours && answer.state != DEPLOY_WORKS;
        if (is_over && answer.state == DEPLOY_FAILED) {
            *error = answer.error;
            status = answer.error.status;
        } else if (is_over) {
            *text = str_copy(cli->arena, answer.text);
        } else if (status == OK && !is_running) {
            status = deploy_look_who(cli, home, request, error);
            is_over = true;
        } else if (is_ours && !str_is(answer.text, told)) {
            snprintf(told, sizeof told, "%.*s", STR_ARGS(answer.text));
            report_note(cli, "%s", told);
        }
        arena_free(arena);
        if (is_over || status != OK) {
            Status ignored = deploy_request_drop(cli->world, home, request->id, NULL);
            (void)ignored;
            return status;
        }
        cli->world->kind->sleep_us(cli->world, LOOK_US);
    }
}

static ExitCode deploy_ask(Cli *cli, const char *home, DeployRequest *request)
{
    Error error = {0};
    bool is_running;
    Str text = {0};
    Status status = savepoint_is_running(cli->world, home, &is_running, &error);
    if (status == OK && !is_running)
        status = fail_not_running(home, &error);
    if (status == OK && deploy_request_stands(cli->world, home)) {
        status = fail(&error, ERR_UNAVAILABLE, "WR7060", "a deployment is under way in `%s`", home);
        error_hint(&error, "wait for its end, or give it up with `weir deploy --cancel`");
    }
    request->id = arena_printf(cli->arena, "%016" PRIx64, cli->world->kind->random_u64(cli->world));
    if (status == OK)
        status = deploy_request_put(cli->world, home, request, &error);
    if (status == OK)
        status = deploy_await(cli, home, request, &text, &error);
    if (status != OK)
        return report_failure(cli, &error);
    if (request->is_dry) {
        Buffer out = {0};
        buffer_append_str(&out, text);
        ExitCode code = report_output(cli, &out);
        buffer_free(&out);
        return code;
    }
    report_note(cli, "`%s` is in charge in the place of `%s`", request->name, request->replaces);
    return EXIT_OK;
}

static ExitCode deploy_run(Cli *cli)
{
    const char *home = cli_data_dir(cli);
    DeployRequest request = {.replaces = cli_value(cli, "replace"),
                             .is_dry = cli_has(cli, "dry-run")};
    if (cli_has(cli, "cancel"))
        return deploy_cancel(cli, home);
    if (cli->arguments.count == 0 || request.replaces == NULL)
        return report_usage(cli, "WR7065", "weir deploy FILE.sql --replace NAME",
                            "the script and --replace are needed: what takes whose place?");
    if (!deploy_begin_parse(cli_value(cli, "from"), &request.begin))
        return report_usage(cli, "WR7065", "earliest, declared, or @ and milliseconds since 1970",
                            "`--from %s` is no place to begin", cli_value(cli, "from"));
    const char *path = LIST_AT(cli->arguments, 0, const char);
    Script script = {0};
    Error error = {0};
    if (load_source(cli, path, &script.source, &error) != OK)
        return report_failure(cli, &error);
    ExitCode code = load_plan(cli, &script);
    if (code != EXIT_OK)
        return code;
    request.name = cli_value(cli, "name");
    if (request.name == NULL)
        request.name = script.plan->settings.pipeline_name;
    if (request.name == NULL || request.name[0] == '\0')
        request.name = run_name(cli, path);
    if (strcmp(request.name, request.replaces) == 0)
        return report_usage(cli, "WR7065", "for instance --name with a version in it",
                            "the new pipeline needs a name of its own, and is called `%s`, too",
                            request.name);
    request.source = script.source.name;
    request.script = script.source.text;
    return deploy_ask(cli, home, &request);
}

const Command deploy_command = {
    .name = "deploy",
    .arguments = "FILE.sql|DIR --replace NAME",
    .summary = "Rebuild a result with a new script, then take the place of the one that runs.",
    .details =
        "The running weir computes the new pipeline from the topics' history beside the old one,\n"
        "which goes on serving. When it has caught up the old one stops, and readers get the new\n"
        "result in one step. A crash before leaves the old one in charge, one behind it the new.",
    .flags = deploy_flags,
    .flag_count = sizeof deploy_flags / sizeof deploy_flags[0],
    .argument_min = 0,
    .argument_max = 1,
    .run = deploy_run,
};
