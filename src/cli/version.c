/* weir version */
#include "base/json.h"
#include "cli/cli.h"

static ExitCode version_run(Cli *cli)
{
    Buffer text = {0};
    if (cli->is_json) {
        JsonWriter json = {.out = &text};
        json_begin_object(&json);
        json_key(&json, "schema");
        json_text(&json, "weir.v1.Version");
        json_key(&json, "version");
        json_text(&json, WEIR_VERSION);
        json_key(&json, "compiler");
        json_text(&json, __VERSION__);
        json_end_object(&json);
        buffer_append_char(&text, '\n');
    } else {
        buffer_printf(&text, "weir %s\n", WEIR_VERSION);
    }
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

const Command version_command = {
    .name = "version",
    .arguments = "",
    .summary = "Show the version.",
    .run = version_run,
};
