/* Scripts: from files, folders and standard input to a plan. */
#include <unistd.h>

#include "cli/cli.h"
#include "connect/connect.h"
#include "sql/sql.h"

static Status load_stdin(Cli *cli, Source *out, Error *error)
{
    Buffer text = {0};
    for (;;) {
        char *room = buffer_reserve(&text, 65536);
        size_t got = fread(room, 1, 65536, stdin);
        text.length += (int64_t)got;
        if (got == 0 || text.length > SQL_SCRIPT_BYTES_MAX)
            break;
    }
    Status status = OK;
    if (ferror(stdin))
        status = fail(error, ERR_IO, "WR7007", "could not read standard input");
    else if (text.length > SQL_SCRIPT_BYTES_MAX)
        status = fail(error, ERR_LIMIT, "WR7007", "standard input has more than %d bytes",
                      SQL_SCRIPT_BYTES_MAX);
    *out = (Source){.name = "<stdin>", .text = str_copy(cli->arena, buffer_str(&text))};
    buffer_free(&text);
    return status;
}

/* The statements of all files, in order of their names, as if in one. */
static Status load_folder(Cli *cli, const char *path, Source *out, Error *error)
{
    List names = {0};
    TRY(cli->world->kind->list(cli->world, path, cli->arena, &names, error));
    Buffer text = {0};
    const char *name = path;
    int32_t count = 0;
    Status status = OK;
    for (int32_t i = 0; status == OK && i < names.count; i++) {
        const char *file = LIST_AT(names, i, const char);
        if (!str_has_suffix(str_from(file), STR(".sql")))
            continue;
        Str part;
        name = arena_printf(cli->arena, "%s/%s", path, file);
        status = world_read_file(cli->world, name, SQL_SCRIPT_BYTES_MAX, cli->arena, &part, error);
        if (status != OK)
            break;
        buffer_append_str(&text, part);
        buffer_append_char(&text, '\n');
        count++;
    }
    if (status == OK && count == 0)
        status = fail(error, ERR_NOT_FOUND, "WR7008", "the folder `%s` holds no *.sql", path);
    *out =
        (Source){.name = count == 1 ? name : path, .text = str_copy(cli->arena, buffer_str(&text))};
    buffer_free(&text);
    return status;
}

Status load_source(Cli *cli, const char *path, Source *out, Error *error)
{
    if (strcmp(path, "-") == 0)
        return load_stdin(cli, out, error);
    FileInfo info;
    TRY(cli->world->kind->stat(cli->world, path, &info, error));
    if (info.is_folder)
        return load_folder(cli, path, out, error);
    *out = (Source){.name = path};
    return world_read_file(cli->world, path, SQL_SCRIPT_BYTES_MAX, cli->arena, &out->text, error);
}

ExitCode load_plan(Cli *cli, Script *script)
{
    List definitions = cli->definitions;
    OptionEntry *overrides = ARENA_ARRAY(cli->arena, OptionEntry, definitions.count + 1);
    int32_t override_count = definitions.count;
    const char *checkpoint_dir = cli_value(cli, "checkpoint-dir");
    for (int32_t i = 0; i < definitions.count; i++) {
        Str value, key = str_split(str_from(LIST_AT(definitions, i, const char)), '=', &value);
        if (value.data == NULL || key.length == 0)
            return report_usage(cli, "WR7005", "for instance -D parallelism.default=2",
                                "`-D %s`: KEY=VALUE is needed",
                                LIST_AT(definitions, i, const char));
        overrides[i] = (OptionEntry){.key = str_trim(key), .value = str_trim(value)};
    }
    if (checkpoint_dir != NULL)
        overrides[override_count++] = (OptionEntry){.key = STR("execution.checkpointing.dir"),
                                                    .value = str_from(checkpoint_dir)};
    PlanContext context = {
        .world = cli->world,
        .registry = connect_registry(),
        .overrides = overrides,
        .override_count = override_count,
        .checks_all = cli->command == &check_command || cli->command == &hub_command,
    };
    script->diagnostics = diagnostics_new(cli->arena, &script->source);
    diagnostics_set_target(script->diagnostics, script->target);
    Status status =
        plan_script(&context, &script->source, cli->arena, script->diagnostics, &script->plan);
    report_diagnostics(cli, script->diagnostics);
    return status == OK ? EXIT_OK : EXIT_BAD_DATA;
}

ExitCode load_settings(Cli *cli, const PlanSettings **out)
{
    Script *script = ARENA_NEW(cli->arena, Script);
    script->source = (Source){.name = "-D", .text = STR("")};
    ExitCode code = load_plan(cli, script);
    if (code == EXIT_OK)
        *out = &script->plan->settings;
    return code;
}
