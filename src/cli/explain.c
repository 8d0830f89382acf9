/* weir explain: what a script will do, as a tree, as JSON or as a graph. */
#include "cli/cli.h"

static const Flag explain_flags[] = {
    {"dot", 0, FLAG_SWITCH, NULL, "As a Graphviz graph."},
};

/* What names no file and looks like SQL is SQL. */
static Status explain_load(Cli *cli, const char *argument, Source *out, Error *error)
{
    FileInfo info;
    bool is_file = strcmp(argument, "-") == 0 ||
                   cli->world->kind->stat(cli->world, argument, &info, NULL) == OK;
    if (is_file || strchr(argument, ' ') == NULL)
        return load_source(cli, argument, out, error);
    *out = (Source){.name = "<argument>", .text = str_from(argument), .allows_open_end = true};
    return OK;
}

static ExitCode explain_run(Cli *cli)
{
    Script script = {0};
    Error error = {0};
    if (explain_load(cli, LIST_AT(cli->arguments, 0, const char), &script.source, &error) != OK) {
        report_error(cli, &error);
        return exit_code_of(&error);
    }
    ExitCode planned = load_plan(cli, &script);
    if (planned != EXIT_OK)
        return planned;
    Buffer text = {0};
    if (cli_has(cli, "dot"))
        plan_explain_dot(script.plan, &text);
    else if (cli->is_json)
        plan_explain_json(script.plan, &text);
    else
        plan_explain(script.plan, &text);
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

const Command explain_command = {
    .name = "explain",
    .arguments = "FILE.sql|SQL",
    .summary = "Show the plan of a pipeline: operators, row kinds, keys, guarantees.",
    .flags = explain_flags,
    .flag_count = sizeof explain_flags / sizeof explain_flags[0],
    .argument_min = 1,
    .argument_max = 1,
    .run = explain_run,
};
