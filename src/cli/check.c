/* weir check: what is wrong with pipelines, before they run. */
#include "base/json.h"
#include "cli/cli.h"
#include "sql/extension.h"

enum { PATHS_MAX = 10000 };

static const Flag check_flags[] = {
    {"no-connect", 0, FLAG_SWITCH, NULL, "Do not open what is read to see whether it answers."},
    {"deny-warnings", 0, FLAG_SWITCH, NULL, "Warnings fail the check."},
    {"portable", 0, FLAG_OPTIONAL_VALUE, "flink:VERSION",
     "Name what stock Flink, 1.20 unless told, does not have; it fails the check."},
    {"define", 'D', FLAG_REPEATED, "KEY=VALUE", "Set a setting, above every SET of the script."},
};

typedef struct Check {
    Cli *cli;
    JsonWriter json;
    FlinkVersion target; /* of --portable */
    int32_t problem_count;
} Check;

static void check_problem(Check *check, const char *path, const Error *error)
{
    check->problem_count++;
    if (!check->cli->is_json) {
        report_error(check->cli, error);
        return;
    }
    JsonWriter *json = &check->json;
    json_begin_object(json);
    json_key(json, "level");
    json_text(json, "error");
    json_key(json, "code");
    json_text(json, error->code);
    json_key(json, "message");
    json_text(json, error->text);
    json_key(json, "file");
    json_text(json, path);
    json_key(json, "helps");
    json_begin_array(json);
    if (error->hint[0] != '\0')
        json_text(json, error->hint);
    json_end_array(json);
    json_end_object(json);
}

static void check_inputs(Check *check, const char *path, const Plan *plan)
{
    for (int32_t i = 0; i < plan->node_count; i++) {
        Error error = {0};
        if (job_check_input(check->cli->world, plan, plan->nodes[i], &error) != OK)
            check_problem(check, path, &error);
    }
}

/* What the planner found, as one item. */
static void check_write_diagnostics(Check *check, const char *path, const Diagnostics *diagnostics)
{
    json_begin_object(&check->json);
    json_key(&check->json, "file");
    json_text(&check->json, path);
    json_key(&check->json, "diagnostics");
    diagnostics_write_json(diagnostics, &check->json);
    json_end_object(&check->json);
}

/* The code of the first failure that is not about what the file says: the file is not there. */
static ExitCode check_path(Check *check, const char *path)
{
    Cli *cli = check->cli;
    Script script = {.target = check->target};
    Error error = {0};
    if (load_source(cli, path, &script.source, &error) != OK) {
        check_problem(check, path, &error);
        return exit_code_of(&error);
    }
    ExitCode code = load_plan(cli, &script);
    if (script.diagnostics == NULL)
        return code;
    check->problem_count += diagnostics_error_count(script.diagnostics);
    check->problem_count += diagnostics_extension_count(script.diagnostics);
    if (cli_has(cli, "deny-warnings"))
        check->problem_count += diagnostics_warning_count(script.diagnostics);
    if (cli->is_json && diagnostics_count(script.diagnostics) > 0)
        check_write_diagnostics(check, path, script.diagnostics);
    if (code != EXIT_OK)
        return EXIT_OK;
    if (!cli_has(cli, "no-connect"))
        check_inputs(check, path, script.plan);
    return EXIT_OK;
}

/* --portable[=flink:VERSION] */
static ExitCode check_target(Cli *cli, FlinkVersion *out)
{
    const char *given = cli_value(cli, "portable");
    if (given == NULL)
        return EXIT_OK;
    Str version,
        engine = str_split(str_from(given[0] != '\0' ? given : "flink:1.20"), ':', &version);
    if (str_is(engine, "flink"))
        *out = flink_version_find(version);
    if (*out != FLINK_UNKNOWN)
        return EXIT_OK;
    Buffer known = {0};
    buffer_append_text(&known, "versions are flink:");
    flink_version_list(&known, ", flink:");
    ExitCode code = report_usage(cli, "WR7005", buffer_terminated(&known),
                                 "`--portable=%s`: no such version of Flink is known", given);
    buffer_free(&known);
    return code;
}

static ExitCode check_run(Cli *cli)
{
    Buffer text = {0};
    Check check = {.cli = cli, .json = {.out = &text}};
    ExitCode code = check_target(cli, &check.target);
    if (code != EXIT_OK)
        return code;
    if (cli->is_json) {
        json_begin_object(&check.json);
        json_key(&check.json, "schema");
        json_text(&check.json, "weir.v1.CheckResult");
        json_key(&check.json, "items");
        json_begin_array(&check.json);
    }
    for (int32_t i = 0; i < cli->arguments.count; i++) {
        ExitCode one = check_path(&check, LIST_AT(cli->arguments, i, const char));
        if (code == EXIT_OK)
            code = one;
    }
    if (code == EXIT_OK && check.problem_count > 0)
        code = EXIT_CHECK_FAILED;
    if (cli->is_json) {
        json_end_array(&check.json);
        json_key(&check.json, "ok");
        json_bool(&check.json, code == EXIT_OK);
        json_end_object(&check.json);
        buffer_append_char(&text, '\n');
        ExitCode printed = report_output(cli, &text);
        code = code == EXIT_OK ? printed : code;
    } else if (code == EXIT_OK) {
        report_note(cli, "no problems in %d file%s", cli->arguments.count,
                    cli->arguments.count == 1 ? "" : "s");
    }
    buffer_free(&text);
    return code;
}

const Command check_command = {
    .name = "check",
    .arguments = "PATH...",
    .summary = "Check pipelines: syntax, types, options, and whether sources answer.",
    .flags = check_flags,
    .flag_count = sizeof check_flags / sizeof check_flags[0],
    .argument_min = 1,
    .argument_max = PATHS_MAX,
    .run = check_run,
};
