/* weir sql: statements one after another, from a terminal, arguments, files or a pipe. */
#include <unistd.h>

#include "cli/shell/shell.h"
#include "connect/connect.h"

static const Flag sql_flags[] = {
    {"execute", 'e', FLAG_VALUE, "SQL", "Run these statements and end."},
    {"file", 'f', FLAG_VALUE, "FILE.sql", "Run the statements of a file (-: standard input)."},
    {"init", 'i', FLAG_VALUE, "FILE.sql", "Statements to run first."},
    {"mode", 0, FLAG_VALUE, "table|changelog|tableau|json|csv", "How rows are shown."},
    {"define", 'D', FLAG_REPEATED, "KEY=VALUE", "A setting to begin with."},
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder for the state and dead letters of jobs."},
};

static ExitCode sql_failed(const Cli *cli, const Error *error)
{
    report_error(cli, error);
    return exit_code_of(error);
}

static ExitCode sql_check_mode(const Shell *shell)
{
    static const char *const modes[] = {"table", "changelog", "tableau", "json", "csv"};
    for (size_t i = 0; shell->mode_flag != NULL && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(shell->mode_flag, modes[i]) == 0)
            return EXIT_OK;
    }
    if (shell->mode_flag == NULL)
        return EXIT_OK;
    return report_usage(shell->cli, "WR7005", NULL,
                        "`--mode %s`: table, changelog, tableau, json or csv is needed",
                        shell->mode_flag);
}

static ExitCode sql_define(Shell *shell)
{
    Cli *cli = shell->cli;
    Source source = {.name = "-D"};
    Diagnostics *diagnostics = diagnostics_new(cli->arena, &source);
    for (int32_t i = 0; i < cli->definitions.count; i++) {
        const char *given = LIST_AT(cli->definitions, i, const char);
        Str value, key = str_split(str_from(given), '=', &value);
        if (value.data == NULL || key.length == 0)
            return report_usage(cli, "WR7005", "for instance -D parallelism.default=2",
                                "`-D %s`: KEY=VALUE is needed", given);
        session_configure(shell->session, diagnostics, str_trim(key), str_trim(value));
    }
    report_diagnostics(cli, diagnostics);
    return diagnostics_error_count(diagnostics) == 0 ? EXIT_OK : EXIT_BAD_DATA;
}

static ExitCode sql_run_file(Shell *shell, const char *path)
{
    Source source;
    Error error = {0};
    if (load_source(shell->cli, path, &source, &error) != OK)
        return sql_failed(shell->cli, &error);
    /* Text that is piped in may lack the last `;`. */
    source.allows_open_end = strcmp(path, "-") == 0;
    return shell_execute(shell, &source);
}

static ExitCode sql_run_text(Shell *shell, const char *text)
{
    Source source = {.name = "<argument>", .text = str_from(text), .allows_open_end = true};
    return shell_execute(shell, &source);
}

static ExitCode sql_run_all(Shell *shell)
{
    const Cli *cli = shell->cli;
    const char *init = cli_value(cli, "init");
    const char *text = cli_value(cli, "execute");
    const char *file = cli_value(cli, "file");
    ExitCode code = sql_define(shell);
    if (code == EXIT_OK && init != NULL)
        code = sql_run_file(shell, init);
    if (code != EXIT_OK)
        return code;
    if (shell->is_interactive)
        return shell_interact(shell);
    if (text != NULL)
        code = sql_run_text(shell, text);
    if (code == EXIT_OK && (file != NULL || text == NULL))
        code = sql_run_file(shell, file != NULL ? file : "-");
    return code;
}

static const char *sql_data_dir(const Shell *shell)
{
    const char *given = cli_value(shell->cli, "data-dir");
    if (given != NULL)
        return given;
    const char *folder = shell_state_folder(shell);
    return folder != NULL ? arena_printf(shell->arena, "%s/jobs", folder) : "weir-data";
}

static ExitCode sql_run(Cli *cli)
{
    Shell shell = {.cli = cli, .arena = cli->arena, .mode_flag = cli_value(cli, "mode")};
    ExitCode code = sql_check_mode(&shell);
    if (code != EXIT_OK)
        return code;
    bool has_text = cli_value(cli, "execute") != NULL || cli_value(cli, "file") != NULL;
    shell.is_interactive = !has_text && isatty(STDIN_FILENO) == 1;
    shell.has_screen = isatty(STDOUT_FILENO) == 1 && cli->has_screen;
    shell.data_dir = sql_data_dir(&shell);
    PlanContext context = {
        .world = cli->world, .registry = connect_registry(), .collector = &shell_collector};
    shell.session = session_new(&context, cli->arena);
    pthread_mutex_init(&shell.lock, NULL);
    /* Before any other thread is started. */
    signals_block();
    shell_watch(&shell);
    code = sql_run_all(&shell);
    /* A script waits for its jobs; whoever leaves the shell, or fails, ends them. */
    if (shell.is_interactive || code != EXIT_OK)
        shell_stop_jobs(&shell);
    ExitCode jobs = shell_wait_jobs(&shell);
    shell_unwatch(&shell);
    session_free(shell.session);
    pthread_mutex_destroy(&shell.lock);
    return code != EXIT_OK || shell.is_interactive ? code : jobs;
}

const Command sql_command = {
    .name = "sql",
    .arguments = "",
    .summary = "A shell for SQL: look at tables, try queries, start jobs.",
    .details = "Without -e and -f it reads statements from the terminal, or from standard input if "
               "that is\n"
               "none. Definitions and settings last until the end. Queries show their rows: as a "
               "table of\n"
               "what is left, or by --mode as the changes that come, as JSON lines or as CSV. An "
               "INSERT runs\n"
               "as a job beside the shell; a script waits for its jobs at the end.",
    .flags = sql_flags,
    .flag_count = sizeof sql_flags / sizeof sql_flags[0],
    .argument_min = 0,
    .argument_max = 0,
    .run = sql_run,
};
