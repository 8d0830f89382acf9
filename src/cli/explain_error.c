/* weir explain-error: the entry of a code in docs/errors, which is built in. */
#include "cli/cli.h"

typedef struct ErrorText {
    const char *code;
    const char *text;
} ErrorText;

/* Made from docs/errors when weir is built; ends with NULL. */
extern const ErrorText error_texts[];

static ExitCode explain_error_run(Cli *cli)
{
    Str code = str_from(LIST_AT(cli->arguments, 0, const char));
    for (const ErrorText *entry = error_texts; entry->code != NULL; entry++) {
        if (!str_equal_ignoring_case(code, str_from(entry->code)))
            continue;
        Buffer text = {0};
        buffer_printf(&text, "%s\n\n%s\n", entry->code, entry->text);
        ExitCode result = report_output(cli, &text);
        buffer_free(&text);
        return result;
    }
    return report_usage(cli, "WR7004", "codes look like WR2041", "there is no error `%.*s`",
                        STR_ARGS(code));
}

const Command explain_error_command = {
    .name = "explain-error",
    .arguments = "CODE",
    .summary = "Explain an error by its code.",
    .argument_min = 1,
    .argument_max = 1,
    .run = explain_error_run,
};
