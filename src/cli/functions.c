/* weir functions: what expressions can be made of, from the catalogue. */
#include "base/json.h"
#include "cli/cli.h"
#include "expr/expr.h"

static void functions_write(JsonWriter *json)
{
    json_begin_object(json);
    json_key(json, "schema");
    json_text(json, "weir.v1.FunctionList");
    json_key(json, "items");
    json_begin_array(json);
    for (int32_t i = 0; i < function_info_count(); i++) {
        const FunctionInfo *info = function_info_at(i);
        json_begin_object(json);
        json_key(json, "name");
        json_text(json, info->name);
        json_key(json, "family");
        json_text(json, info->family);
        json_key(json, "signature");
        json_text(json, info->signature);
        json_key(json, "help");
        json_text(json, info->help == NULL ? "" : info->help);
        json_key(json, "aggregate");
        json_bool(json, info->is_aggregate);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
}

static ExitCode functions_run(Cli *cli)
{
    Buffer text = {0};
    if (cli->is_json) {
        JsonWriter json = {.out = &text};
        functions_write(&json);
        buffer_append_char(&text, '\n');
    }
    for (int32_t i = 0; !cli->is_json && i < function_info_count(); i++) {
        const FunctionInfo *info = function_info_at(i);
        buffer_printf(&text, "%s\n    %s\n", info->signature, info->help == NULL ? "" : info->help);
    }
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

const Command functions_command = {
    .name = "functions",
    .arguments = "",
    .summary = "List the functions of expressions and the aggregates.",
    .run = functions_run,
};
