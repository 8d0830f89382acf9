/* Arguments: flags by table, help, and what was perhaps meant. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "sql/diagnostics.h"

static const Command *const commands[] = {
    &run_command,        &sql_command,       &check_command,     &test_command,
    &explain_command,    &connector_command, &functions_command, &savepoint_command,
    &restore_command,    &diff_command,      &version_command,   &explain_error_command,
    &completion_command, &man_command,       &dlq_command,       &fsck_command,
    &hub_command,        &key_command,       &user_command,      &topic_command,
    &group_command,      &schema_command,    &deploy_command,
};

static const Flag global_flags[] = {
    {"help", 'h', FLAG_SWITCH, NULL, "Show help."},
    {"json", 0, FLAG_SWITCH, NULL, "Write results as JSON."},
    {"quiet", 'q', FLAG_SWITCH, NULL, "Say nothing but errors."},
    {"verbose", 'v', FLAG_SWITCH, NULL, "Say more about what happens."},
    {"no-color", 0, FLAG_SWITCH, NULL, "No colours (also: NO_COLOR, TERM=dumb)."},
    {"no-input", 0, FLAG_SWITCH, NULL, "Never ask."},
    {"yes", 'y', FLAG_SWITCH, NULL, "Answer yes to what would be asked."},
    {"log-format", 0, FLAG_VALUE, "text|json|logfmt", "Form of log lines."},
};

enum {
    COMMAND_COUNT = sizeof commands / sizeof commands[0],
    GLOBAL_FLAG_COUNT = sizeof global_flags / sizeof global_flags[0],
    CANDIDATES_MAX = 64,
};

int32_t command_count(void)
{
    return COMMAND_COUNT;
}

const Command *command_at(int32_t index)
{
    assert(index >= 0 && index < COMMAND_COUNT);
    return commands[index];
}

const Flag *cli_global_flags(int32_t *count)
{
    *count = GLOBAL_FLAG_COUNT;
    return global_flags;
}

bool cli_has(const Cli *cli, const char *flag)
{
    return map_find(cli->flags, str_from(flag)) != NULL;
}

/* A flag that is not given may stand in the environment: --data-dir in WEIR_DATA_DIR. */
const char *cli_value(const Cli *cli, const char *flag)
{
    const char *value = map_find(cli->flags, str_from(flag));
    if (value != NULL)
        return value;
    char *name = arena_printf(cli->arena, "WEIR_%s", flag);
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '-' ? '_' : *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *cli_data_dir(const Cli *cli)
{
    const char *given = cli_value(cli, "data-dir");
    return given != NULL ? given : "weir-data";
}

bool cli_number(const Cli *cli, const char *flag, int64_t least, int64_t *out)
{
    const char *value = cli_value(cli, flag);
    if (value == NULL || value[0] == '\0')
        return true;
    if (str_parse_int64(str_from(value), out) && *out >= least)
        return true;
    (void)report_usage(cli, "WR7005", NULL, "`--%s %s`: a whole number of at least %lld is needed",
                       flag, value, (long long)least);
    return false;
}

/* ---- Help -------------------------------------------------------------------------------- */

static void help_flags(const Flag *flags, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        char left[80];
        const char *value = flags[i].value_name == NULL ? "" : flags[i].value_name;
        const char *joint = value[0] == '\0' ? "" : " ";
        const char *end = "";
        if (flags[i].kind == FLAG_OPTIONAL_VALUE)
            joint = "[=", end = "]";
        if (flags[i].letter != 0)
            snprintf(left, sizeof left, "-%c, --%s%s%s%s", flags[i].letter, flags[i].name, joint,
                     value, end);
        else
            snprintf(left, sizeof left, "    --%s%s%s%s", flags[i].name, joint, value, end);
        printf("  %-33s %s\n", left, flags[i].help);
    }
}

static ExitCode help_command(const Command *command)
{
    printf("%s\n\nUsage: weir %s%s%s [flags]\n", command->summary, command->name,
           command->arguments[0] == '\0' ? "" : " ", command->arguments);
    if (command->details != NULL)
        printf("\n%s\n", command->details);
    if (command->flag_count > 0) {
        printf("\nFlags:\n");
        help_flags(command->flags, command->flag_count);
    }
    printf("\nGlobal flags:\n");
    help_flags(global_flags, GLOBAL_FLAG_COUNT);
    return EXIT_OK;
}

static void help_all(FILE *stream)
{
    fprintf(stream, "weir runs data pipelines written in Flink SQL.\n\n"
                    "Usage: weir COMMAND [arguments] [flags]\n\nCommands:\n");
    for (int32_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-14s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(stream, "\nweir COMMAND --help tells more. Start with: weir run pipeline.sql\n");
}

/* ---- Parsing ----------------------------------------------------------------------------- */

static const Flag *flag_in(const Flag *flags, int32_t count, Str name, char letter)
{
    for (int32_t i = 0; i < count; i++)
        if (letter != 0 ? flags[i].letter == letter : str_is(name, flags[i].name))
            return &flags[i];
    return NULL;
}

static const Flag *flag_find(const Cli *cli, Str name, char letter)
{
    const Flag *flag = flag_in(cli->command->flags, cli->command->flag_count, name, letter);
    return flag != NULL ? flag : flag_in(global_flags, GLOBAL_FLAG_COUNT, name, letter);
}

/* "did you mean `x`?" or NULL. */
static const char *suggest(Arena *arena, const Str *candidates, int32_t count, Str name,
                           const char *dashes)
{
    Str best[SUGGESTIONS_MAX];
    if (diagnostics_find_similar(candidates, count, name, best) == 0)
        return NULL;
    return arena_printf(arena, "did you mean `%s%.*s`?", dashes, STR_ARGS(best[0]));
}

static ExitCode refuse_flag(const Cli *cli, Str name)
{
    Str candidates[CANDIDATES_MAX];
    int32_t count = 0;
    for (int32_t i = 0; i < cli->command->flag_count; i++)
        candidates[count++] = str_from(cli->command->flags[i].name);
    for (int32_t i = 0; i < GLOBAL_FLAG_COUNT; i++)
        candidates[count++] = str_from(global_flags[i].name);
    assert(count <= CANDIDATES_MAX);
    const char *help = suggest(cli->arena, candidates, count, name, "--");
    if (help == NULL)
        help = arena_printf(cli->arena, "see `weir %s --help`", cli->command->name);
    return report_usage(cli, "WR7002", help, "`weir %s` has no flag `--%.*s`", cli->command->name,
                        STR_ARGS(name));
}

static ExitCode refuse_command(const Cli *cli, const char *name)
{
    Str candidates[CANDIDATES_MAX];
    for (int32_t i = 0; i < COMMAND_COUNT; i++)
        candidates[i] = str_from(commands[i]->name);
    const char *help = suggest(cli->arena, candidates, COMMAND_COUNT, str_from(name), "weir ");
    return report_usage(cli, "WR7001", help != NULL ? help : "`weir --help` lists the commands",
                        "there is no command `%s`", name);
}

static const Command *command_find(const char *name)
{
    for (int32_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static void flag_store(Cli *cli, const Flag *flag, const char *value)
{
    if (flag->kind == FLAG_REPEATED)
        list_append(&cli->definitions, cli->arena, (void *)value);
    map_put(cli->flags, str_from(flag->name), (void *)value);
}

/* One argument that starts with a dash; *at moves on when it takes the next one as its value. */
static ExitCode parse_flag(Cli *cli, char **argv, int argc, int *at)
{
    Str text = str_from(argv[*at]);
    const Flag *flag;
    Str value = {0}, name;
    if (text.data[1] == '-') {
        name = str_split(str_make(text.data + 2, text.length - 2), '=', &value);
        flag = flag_find(cli, name, 0);
    } else {
        name = str_make(text.data + 1, 1);
        flag = flag_find(cli, name, text.data[1]);
        if (text.length > 2)
            value = str_make(text.data + 2, text.length - 2);
    }
    if (flag == NULL)
        return refuse_flag(cli,
                           text.data[1] == '-' ? name : str_make(text.data + 1, text.length - 1));
    bool takes_value = flag->kind == FLAG_VALUE || flag->kind == FLAG_REPEATED;
    if (!takes_value && flag->kind == FLAG_SWITCH && value.data != NULL)
        return report_usage(cli, "WR7005", NULL, "`--%s` takes no value", flag->name);
    if (takes_value && value.data == NULL) {
        if (*at + 1 >= argc)
            return report_usage(cli, "WR7005", NULL, "`--%s` needs a value: %s", flag->name,
                                flag->value_name);
        value = str_from(argv[++*at]);
    }
    flag_store(cli, flag, value.data == NULL ? "" : str_terminated(cli->arena, value));
    return EXIT_OK;
}

static ExitCode parse_arguments(Cli *cli, int argc, char **argv)
{
    bool is_plain = false;
    for (int i = 2; i < argc; i++) {
        bool is_flag = !is_plain && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_flag && strcmp(argv[i], "--") == 0) {
            is_plain = true;
        } else if (is_flag) {
            ExitCode code = parse_flag(cli, argv, argc, &i);
            if (code != EXIT_OK)
                return code;
        } else {
            list_append(&cli->arguments, cli->arena, argv[i]);
        }
    }
    if (cli_has(cli, "help"))
        return EXIT_OK;
    const Command *command = cli->command;
    if (cli->arguments.count < command->argument_min ||
        cli->arguments.count > command->argument_max)
        return report_usage(
            cli, "WR7003",
            arena_printf(cli->arena, "weir %s %s", command->name, command->arguments),
            "`weir %s` takes %s", command->name,
            command->argument_max == 0  ? "no arguments"
            : cli->arguments.count == 0 ? "an argument"
                                        : "other arguments than these");
    return EXIT_OK;
}

/* ---- Surroundings ------------------------------------------------------------------------ */

static void read_environment(Cli *cli)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool is_dumb = term != NULL && strcmp(term, "dumb") == 0;
    cli->is_terminal = isatty(STDERR_FILENO) == 1;
    cli->has_screen = !is_dumb;
    cli->has_color = cli->is_terminal && !is_dumb && (no_color == NULL || no_color[0] == '\0');
}

static ExitCode apply_global_flags(Cli *cli)
{
    cli->is_quiet = cli_has(cli, "quiet");
    cli->is_verbose = cli_has(cli, "verbose");
    cli->is_json = cli_has(cli, "json");
    if (cli_has(cli, "no-color"))
        cli->has_color = false;
    const char *form = cli_value(cli, "log-format");
    LogFormat format = cli->is_terminal ? LOG_TEXT : LOG_LOGFMT;
    if (form != NULL && strcmp(form, "text") == 0)
        format = LOG_TEXT;
    else if (form != NULL && strcmp(form, "json") == 0)
        format = LOG_JSON;
    else if (form != NULL && strcmp(form, "logfmt") == 0)
        format = LOG_LOGFMT;
    else if (form != NULL)
        return report_usage(cli, "WR7005", NULL,
                            "`--log-format %s`: text, json or logfmt is needed", form);
    LogLevel level = cli->is_quiet ? LOG_ERROR : cli->is_verbose ? LOG_DEBUG : LOG_INFO;
    log_configure(level, format, cli->has_color);
    return EXIT_OK;
}

ExitCode cli_main(int argc, char **argv)
{
    Cli cli = {.world = world_system(), .arena = arena_new(0)};
    cli.flags = map_new(cli.arena);
    read_environment(&cli);
    const char *name = argc > 1 ? argv[1] : "";
    ExitCode code = EXIT_OK;
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    cli.command = command_find(name);
    if (name[0] == '\0') {
        help_all(stderr);
        code = EXIT_BAD_USAGE;
    } else if (strcmp(name, "help") == 0 && argc == 3 && command_find(argv[2]) != NULL) {
        code = help_command(command_find(argv[2]));
    } else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
               strcmp(name, "help") == 0) {
        help_all(stdout);
    } else if (cli.command == NULL) {
        code = refuse_command(&cli, name);
    } else {
        code = parse_arguments(&cli, argc, argv);
        if (code == EXIT_OK)
            code = apply_global_flags(&cli);
        if (code == EXIT_OK)
            code = cli_has(&cli, "help") ? help_command(cli.command) : cli.command->run(&cli);
    }
    arena_free(cli.arena);
    return code;
}
