/* What people and programs read: errors, notes, results. */
#include <stdarg.h>

#include "base/memory.h"
#include "cli/cli.h"

static_assert((int)EXIT_TRY_AGAIN == (int)MEMORY_EXIT_CODE,
              "memory that runs out has an exit code");

static const char *paint(const Cli *cli, const char *sequence)
{
    return cli->has_color ? sequence : "";
}

void report_error(const Cli *cli, const Error *error)
{
    const char *code = error->code[0] != '\0' ? error->code : "WR9000";
    fprintf(stderr, "%serror[%s]%s: %s\n", paint(cli, "\033[1;31m"), code, paint(cli, "\033[0m"),
            error->text[0] != '\0' ? error->text : status_name(error->status));
    if (error->hint[0] != '\0')
        fprintf(stderr, "   = help: %s\n", error->hint);
    fprintf(stderr, "   = explain: weir explain-error %s\n", code);
}

ExitCode report_usage(const Cli *cli, const char *code, const char *help, const char *format, ...)
{
    Error error = {.status = ERR_INVALID};
    snprintf(error.code, sizeof error.code, "%s", code);
    va_list args;
    va_start(args, format);
    vsnprintf(error.text, sizeof error.text, format, args);
    va_end(args);
    if (help != NULL)
        error_hint(&error, "%s", help);
    report_error(cli, &error);
    return EXIT_BAD_USAGE;
}

void report_note(const Cli *cli, const char *format, ...)
{
    if (cli->is_quiet)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%sweir:%s ", paint(cli, "\033[2m"), paint(cli, "\033[0m"));
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
}

void report_diagnostics(const Cli *cli, const Diagnostics *diagnostics)
{
    if (diagnostics_count(diagnostics) == 0)
        return;
    if (cli->is_quiet &&
        diagnostics_error_count(diagnostics) + diagnostics_extension_count(diagnostics) == 0)
        return;
    Buffer text = {0};
    diagnostics_render(diagnostics, cli->has_color, &text);
    fwrite(text.data, 1, (size_t)text.length, stderr);
    buffer_free(&text);
}

ExitCode exit_code_of(const Error *error)
{
    if (error->is_retriable && error->status != ERR_IO)
        return EXIT_TRY_AGAIN;
    switch (error->status) {
    case OK: return EXIT_OK;
    case ERR_INVALID:
    case ERR_DECODE:
    case ERR_LIMIT:
    case ERR_END: return EXIT_BAD_DATA;
    case ERR_NOT_FOUND: return EXIT_NO_INPUT;
    case ERR_PERMISSION: return EXIT_NO_PERMISSION;
    case ERR_UNAVAILABLE: return EXIT_UNREACHABLE;
    case ERR_IO:
    case ERR_FULL:
    case ERR_CORRUPT: return EXIT_IO_FAILED;
    case ERR_LOST: return EXIT_BAD_CONFIG;
    case ERR_AGAIN:
    case ERR_CANCELLED: return EXIT_TRY_AGAIN;
    case ERR_INTERNAL: return EXIT_BUG;
    }
    return EXIT_BUG;
}

ExitCode report_failure(const Cli *cli, const Error *error)
{
    report_error(cli, error);
    return exit_code_of(error);
}

const char *report_count(Arena *arena, int64_t count)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)count);
    char *text = arena_allocate(arena, length * 2 + 1);
    int32_t at = 0;
    for (int32_t i = 0; i < length; i++) {
        text[at++] = digits[i];
        if ((length - 1 - i) % 3 == 0 && i + 1 < length && digits[i] != '-')
            text[at++] = ',';
    }
    text[at] = '\0';
    return text;
}

ExitCode report_output(const Cli *cli, const Buffer *text)
{
    size_t wrote = fwrite(text->data, 1, (size_t)text->length, stdout);
    if (wrote == (size_t)text->length && fflush(stdout) == 0)
        return EXIT_OK;
    Error error = {0};
    Status status = fail(&error, ERR_IO, "WR7006", "could not write to standard output");
    (void)status;
    report_error(cli, &error);
    return EXIT_IO_FAILED;
}
