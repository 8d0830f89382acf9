/* Statements one after another: planned over what those before them defined, then run. */
#include "cli/shell/shell.h"

#include "sql/sql.h"

ShellMode shell_mode(const Shell *shell)
{
    static const struct {
        const char *name;
        ShellMode mode;
    } modes[] = {
        {"table", SHELL_TABLE},     {"changelog", SHELL_CHANGELOG},
        {"tableau", SHELL_TABLEAU}, {"json", SHELL_JSON},
        {"csv", SHELL_CSV},
    };
    const char *name = shell->mode_flag;
    if (name == NULL)
        name = session_setting(shell->session, "sql-client.execution.result-mode");
    for (size_t i = 0; name != NULL && i < sizeof modes / sizeof modes[0]; i++) {
        if (str_equal_ignoring_case(str_from(name), str_from(modes[i].name)))
            return modes[i].mode;
    }
    return SHELL_TABLE;
}

static ExitCode execute_print(Shell *shell, const StatementResult *result)
{
    Buffer text = {0};
    view_print_result(shell, result, &text);
    ExitCode code = report_output(shell->cli, &text);
    buffer_free(&text);
    return code;
}

static const char shell_help[] =
    "Statements end with `;` and may take several lines. Among them:\n"
    "\n"
    "  SELECT …                  show rows; Ctrl-C stops a query that does not end\n"
    "  INSERT INTO t SELECT …    start a job beside the shell: SHOW JOBS, STOP JOB 'id'\n"
    "  CREATE, ALTER, DROP       tables, views, databases, catalogs of this session\n"
    "  SHOW TABLES, DESCRIBE t   what there is; also SHOW CREATE TABLE t, SHOW FUNCTIONS\n"
    "  EXPLAIN SELECT …          the plan\n"
    "  SET 'key' = 'value'       settings; SET; lists them, RESET takes them back\n"
    "  SET 'sql-client.execution.result-mode' = 'table' | 'changelog' | 'tableau'\n"
    "  HELP, CLEAR, QUIT         this text; a clean screen; the end (also Ctrl-D)\n"
    "\n"
    "Tab completes words, the arrow keys go through earlier lines.\n";

static ExitCode execute_client(Shell *shell, SqlClient command)
{
    Buffer text = {0};
    if (command == SQL_CLIENT_QUIT)
        atomic_store(&shell->is_quitting, true);
    else if (command == SQL_CLIENT_HELP)
        buffer_append_text(&text, shell_help);
    else if (shell->has_screen)
        buffer_append_text(&text, "\033[2J\033[H");
    ExitCode code = text.length > 0 ? report_output(shell->cli, &text) : EXIT_OK;
    buffer_free(&text);
    return code;
}

/* What only a shell can answer; false: the planner is to be asked. */
static bool execute_here(Shell *shell, const SqlStatement *statement, ExitCode *code)
{
    if (statement->kind == SQL_CLIENT)
        *code = execute_client(shell, statement->client);
    else if (statement->kind == SQL_SHOW && statement->show->kind == SQL_SHOW_JOBS)
        *code = shell_show_jobs(shell, NULL);
    else if (statement->kind == SQL_DESCRIBE && statement->describe.name == NULL)
        *code = shell_show_jobs(shell, str_terminated(shell->cli->arena, statement->describe.job));
    else if (statement->kind == SQL_STOP_JOB)
        *code = shell_stop_job(shell, &statement->stop_job);
    else
        return false;
    return true;
}

/* Words for statements that have nothing to show. */
static void execute_done(const Shell *shell)
{
    if (shell->is_interactive && !shell->cli->is_quiet)
        report_note(shell->cli, "done");
}

static ExitCode execute_statement(Shell *shell, SessionText *text, const SqlStatement *statement)
{
    ExitCode code = EXIT_OK;
    if (execute_here(shell, statement, &code))
        return code;
    Arena *arena = arena_new(0);
    Diagnostics *diagnostics = diagnostics_new(arena, &text->source);
    PlanStep step;
    Status status = session_plan(shell->session, text, statement, arena, diagnostics, &step);
    report_diagnostics(shell->cli, diagnostics);
    if (status != OK) {
        arena_free(arena);
        return EXIT_BAD_DATA;
    }
    if (step.dropped.length > 0)
        shell_drop_materialized(shell, step.dropped);
    if (step.result != NULL)
        code = execute_print(shell, step.result);
    if (step.plan != NULL && statement->kind != SQL_QUERY)
        return shell_submit(shell, step.plan, arena, text);
    if (step.plan != NULL)
        code = shell_query(shell, step.plan);
    else if (step.result == NULL)
        execute_done(shell);
    arena_free(arena);
    return code;
}

ExitCode shell_execute(Shell *shell, const Source *source)
{
    Arena *arena = arena_new(0);
    Diagnostics *diagnostics = diagnostics_new(arena, source);
    SessionText *text = session_read(shell->session, source, diagnostics);
    report_diagnostics(shell->cli, diagnostics);
    bool is_good = diagnostics_error_count(diagnostics) == 0;
    ExitCode code = is_good ? EXIT_OK : EXIT_BAD_DATA;
    atomic_store(&shell->is_stopped, false);
    const List *statements = &text->script->statements;
    for (int32_t i = 0; is_good && code == EXIT_OK && i < statements->count; i++) {
        if (atomic_load(&shell->is_quitting) || atomic_load(&shell->is_stopped))
            break;
        code = execute_statement(shell, text, LIST_AT(*statements, i, SqlStatement));
    }
    session_text_release(shell->session, text);
    arena_free(arena);
    return code;
}
