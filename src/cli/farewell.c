/* How a run ended, for whoever asked it to stop: DIR/stop is the question, DIR/stopped the answer,
 * lines of KEY=VALUE and the text of the error last. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { FAREWELL_BYTES_MAX = 64 * 1024 };

static const char *farewell_path(Arena *arena, const char *home, const char *name)
{
    return arena_printf(arena, "%s/%s", home, name);
}

Status farewell_ask(const Cli *cli, const char *home, const char **id, Error *error)
{
    World *world = cli->world;
    *id = arena_printf(cli->arena, "%016llx", (unsigned long long)world->kind->random_u64(world));
    return world_replace_file(world, farewell_path(cli->arena, home, "stop"), str_from(*id), error);
}

void farewell_forget(const Cli *cli, const char *home)
{
    static const char *const names[] = {"stop", "stopped"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        Status ignored =
            cli->world->kind->remove(cli->world, farewell_path(cli->arena, home, names[i]), NULL);
        (void)ignored;
    }
}

void farewell_say(const Cli *cli, const char *home, ExitCode code, const Error *error,
                  const JobSummary *summary)
{
    Str id;
    Buffer text = {0};
    Error trouble = {0};
    if (world_read_file(cli->world, farewell_path(cli->arena, home, "stop"), FAREWELL_BYTES_MAX,
                        cli->arena, &id, NULL) != OK)
        return;
    buffer_printf(&text, "id=%.*s\nexit=%d\nended=%d\ncheckpoint=%lld\nbehind=%lld\nerror=%s\n",
                  STR_ARGS(id), (int)code, summary->has_ended, (long long)summary->kept_checkpoint,
                  (long long)summary->rows_behind, error->text);
    if (world_replace_file(cli->world, farewell_path(cli->arena, home, "stopped"),
                           buffer_str(&text), &trouble) != OK)
        report_note(cli, "could not say how it ended: %s", trouble.text);
    buffer_free(&text);
}

/* False: it is not there. */
static bool farewell_number(Str value, int64_t *out)
{
    return value.data != NULL && str_parse_int64(value, out);
}

bool farewell_hear(const Cli *cli, const char *home, const char *id, Farewell *out)
{
    Str text;
    bool is_ours = false, has_code = false;
    *out = (Farewell){.error = ""};
    if (world_read_file(cli->world, farewell_path(cli->arena, home, "stopped"), FAREWELL_BYTES_MAX,
                        cli->arena, &text, NULL) != OK)
        return false;
    while (text.length > 0) {
        Str value;
        int64_t number = 0;
        Str key = str_split(str_split(text, '\n', &text), '=', &value);
        bool is_number = farewell_number(value, &number);
        if (str_is(key, "id"))
            is_ours = str_is(value, id);
        else if (str_is(key, "exit") && is_number)
            has_code = true, out->exit = number;
        else if (str_is(key, "ended"))
            out->has_ended = number == 1;
        else if (str_is(key, "checkpoint"))
            out->checkpoint = number;
        else if (str_is(key, "behind"))
            out->rows_behind = number;
        else if (str_is(key, "error"))
            out->error = str_terminated(cli->arena, value);
    }
    return is_ours && has_code;
}
