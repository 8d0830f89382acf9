/* weir man: the manual page, made from the tables of the commands. */
#include "cli/cli.h"

/* Text of a page: backslashes, dashes, and points at the beginning of a line mean something. */
static void man_text(Buffer *out, const char *text)
{
    bool is_line_start = true;
    for (; *text != '\0'; text++) {
        if (is_line_start && (*text == '.' || *text == '\''))
            buffer_append_text(out, "\\&");
        if (*text == '\\')
            buffer_append_text(out, "\\e");
        else if (*text == '-')
            buffer_append_text(out, "\\-");
        else
            buffer_append_char(out, *text);
        is_line_start = *text == '\n';
    }
}

static void man_flags(Buffer *out, const Flag *flags, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const Flag *flag = &flags[i];
        buffer_append_text(out, ".TP\n");
        if (flag->letter != 0)
            buffer_printf(out, "\\fB\\-%c\\fR, ", flag->letter);
        buffer_append_text(out, "\\fB\\-\\-");
        man_text(out, flag->name);
        buffer_append_text(out, "\\fR");
        if (flag->kind != FLAG_SWITCH) {
            bool is_optional = flag->kind == FLAG_OPTIONAL_VALUE;
            buffer_append_text(out, is_optional ? "[=\\fI" : " \\fI");
            man_text(out, flag->value_name);
            buffer_append_text(out, is_optional ? "\\fR]" : "\\fR");
        }
        buffer_append_char(out, '\n');
        man_text(out, flag->help);
        buffer_append_char(out, '\n');
    }
}

static void man_print_command(Buffer *out, const Command *command)
{
    buffer_append_text(out, ".SS weir ");
    man_text(out, command->name);
    buffer_append_char(out, ' ');
    man_text(out, command->arguments);
    buffer_append_char(out, '\n');
    man_text(out, command->summary);
    buffer_append_char(out, '\n');
    if (command->details != NULL) {
        buffer_append_text(out, ".PP\n.nf\n");
        man_text(out, command->details);
        buffer_append_text(out, "\n.fi\n");
    }
    man_flags(out, command->flags, command->flag_count);
}

static const struct {
    int32_t code;
    const char *meaning;
} man_exits[] = {
    {EXIT_OK, "done"},
    {EXIT_CHECK_FAILED, "a check or test has found something"},
    {EXIT_BAD_USAGE, "wrong arguments"},
    {EXIT_BAD_DATA, "a mistake in SQL, options or input"},
    {EXIT_NO_INPUT, "a file is not there"},
    {EXIT_UNREACHABLE, "a server does not answer"},
    {EXIT_BUG, "a bug of weir"},
    {EXIT_CANNOT_CREATE, "a file cannot be made"},
    {EXIT_IO_FAILED, "reading or writing failed"},
    {EXIT_TRY_AGAIN, "trouble that may pass"},
    {EXIT_NO_PERMISSION, "not allowed"},
    {EXIT_BAD_CONFIG, "wrong settings"},
    {EXIT_SIGNAL_BASE + 2, "interrupted a second time"},
};

static ExitCode man_run(Cli *cli)
{
    Buffer text = {0};
    int32_t count;
    const Flag *flags = cli_global_flags(&count);
    buffer_printf(&text,
                  ".TH WEIR 1 \"\" \"weir %s\" \"User Commands\"\n"
                  ".SH NAME\nweir \\- data pipelines written in Flink SQL\n"
                  ".SH SYNOPSIS\n\\fBweir\\fR \\fICOMMAND\\fR [\\fIarguments\\fR] [\\fIflags\\fR]\n"
                  ".SH COMMANDS\n",
                  WEIR_VERSION);
    for (int32_t i = 0; i < command_count(); i++)
        man_print_command(&text, command_at(i));
    buffer_append_text(&text, ".SH GLOBAL FLAGS\n");
    man_flags(&text, flags, count);
    buffer_append_text(&text, ".SH ENVIRONMENT\nA flag with a value may stand in the environment: "
                              "WEIR_DATA_DIR for \\-\\-data\\-dir.\n.SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof man_exits / sizeof man_exits[0]; i++)
        buffer_printf(&text, ".TP\n%d\n%s\n", man_exits[i].code, man_exits[i].meaning);
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

const Command man_command = {
    .name = "man",
    .arguments = "",
    .summary = "Print the manual page: weir man | man -l -",
    .run = man_run,
};
