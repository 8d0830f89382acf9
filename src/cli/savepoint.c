/* weir savepoint, restore, diff: checkpoints in the hands of a person. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/json.h"
#include "base/lockholder.h"
#include "cli/cli.h"
#include "job/savepoint.h"

enum { TIMEOUT_SECONDS = 60, STOP_LOOK_US = 20 * 1000 };

static const Flag savepoint_flags[] = {
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder that the pipeline runs with (weir-data)."},
    {"checkpoint-dir", 0, FLAG_VALUE, "DIR|s3://BUCKET/PREFIX",
     "Where the pipeline's checkpoints go, if --data-dir is not at hand to say so."},
    {"pipeline", 0, FLAG_VALUE, "NAME", "Which pipeline, where the folder has several."},
    {"latest", 0, FLAG_SWITCH, NULL, "Copy the last checkpoint; do not wait for the next one."},
    {"stop", 0, FLAG_SWITCH, NULL,
     "Stop what runs with the data folder, and copy its last checkpoint."},
    {"timeout", 0, FLAG_VALUE, "SECONDS", "How long to wait for the next checkpoint (60)."},
    {"define", 'D', FLAG_REPEATED, "KEY=VALUE", "Set a setting, such as s3.endpoint."},
};

static const Flag restore_flags[] = {
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder that the pipeline runs with (weir-data)."},
    {"checkpoint-dir", 0, FLAG_VALUE, "DIR|s3://BUCKET/PREFIX",
     "Where the pipeline's checkpoints go, if --data-dir is not at hand to say so."},
    {"pipeline", 0, FLAG_VALUE, "NAME", "The pipeline that shall resume from it."},
    {"define", 'D', FLAG_REPEATED, "KEY=VALUE", "Set a setting, such as s3.endpoint."},
};

static const Flag diff_flags[] = {
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder that the pipeline runs with (weir-data)."},
    {"pipeline", 0, FLAG_VALUE, "NAME", "The pipeline to compare with, if it has another name."},
    {"checkpoint-dir", 0, FLAG_VALUE, "DIR|s3://BUCKET/PREFIX",
     "Where the pipeline's checkpoints go."},
    {"from", 0, FLAG_VALUE, "SAVEPOINT", "Compare with this one, not with the last checkpoint."},
    {"define", 'D', FLAG_REPEATED, "KEY=VALUE", "Set a setting, above every SET of the script."},
};

static SavepointJob savepoint_job(const Cli *cli, const char *pipeline,
                                  const PlanSettings *settings)
{
    return (SavepointJob){.world = cli->world,
                          .data_dir = cli_data_dir(cli),
                          .pipeline = pipeline,
                          .checkpoint_dir = settings->checkpoint_dir,
                          .savepoint_dir = settings->savepoint_dir,
                          .store = &settings->store};
}

static ExitCode savepoint_print(const Cli *cli, const char *path, int64_t id)
{
    Buffer text = {0};
    if (cli->is_json) {
        JsonWriter json = {.out = &text};
        json_begin_object(&json);
        json_key(&json, "schema");
        json_text(&json, "weir.v1.Savepoint");
        json_key(&json, "path");
        json_text(&json, path);
        json_key(&json, "checkpoint");
        json_int(&json, id);
        json_end_object(&json);
        buffer_append_char(&text, '\n');
    } else {
        buffer_printf(&text, "%s\n", path);
    }
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

static Status await_end(const Cli *cli, int64_t process, int64_t seconds, Error *error)
{
    World *world = cli->world;
    int64_t until_us = world_monotonic_us(world) + seconds * MICROS_PER_SECOND;
    for (bool is_running = true;;) {
        TRY(savepoint_is_running(world, cli_data_dir(cli), &is_running, error));
        if (!is_running)
            return OK;
        if (world_monotonic_us(world) >= until_us)
            break;
        world->kind->sleep_us(world, STOP_LOOK_US);
    }
    (void)fail(error, ERR_UNAVAILABLE, "WR4419",
               "process %lld was told to stop and has not ended within %lld seconds",
               (long long)process, (long long)seconds);
    error_hint(error, "it waits for a sink, or for its checkpoint: see what it says; then "
                      "`weir savepoint` without --stop copies its last checkpoint");
    return ERR_UNAVAILABLE;
}

/* What is known of the run that was stopped. */
typedef struct Stopped {
    int64_t process; /* 0: nothing ran */
    const char *question;
} Stopped;

/* As Ctrl-C does: it takes a last checkpoint and ends. Nothing to do if nothing runs. */
static Status stop_holder(const Cli *cli, int64_t seconds, Stopped *out, Error *error)
{
    const char *data_dir = cli_data_dir(cli);
    bool is_running;
    TRY(savepoint_is_running(cli->world, data_dir, &is_running, error));
    if (!is_running) {
        report_note(cli,
                    "nothing runs with `%s`: what the last run may have written behind its last "
                    "checkpoint is not in it",
                    data_dir);
        return OK;
    }
    int64_t process = lockholder_find(arena_printf(cli->arena, "%s/lock", data_dir));
    if (process == 0)
        return fail(error, ERR_INVALID, "WR4418",
                    "something runs with `%s`, but it cannot be seen from here which process it is",
                    data_dir);
    TRY(farewell_ask(cli, data_dir, &out->question, error));
    out->process = process;
    if (kill((pid_t)process, SIGTERM) != 0 && errno != ESRCH)
        return fail(error, ERR_INVALID, "WR4418", "process %lld could not be stopped: %s",
                    (long long)process, strerror(errno));
    return await_end(cli, process, seconds, error);
}

/* That the checkpoint is the run's last word: nothing was written behind it. What was copied stays,
 * as it is a checkpoint like any other. */
static Status check_farewell(const Cli *cli, const Stopped *stopped, const Savepoint *taken,
                             Error *error)
{
    Farewell heard;
    bool has_heard = farewell_hear(cli, cli_data_dir(cli), stopped->question, &heard);
    farewell_forget(cli, cli_data_dir(cli));
    if (has_heard && heard.exit == EXIT_OK && heard.checkpoint == taken->id)
        return OK;
    Status status;
    if (!has_heard)
        status = fail(error, ERR_UNAVAILABLE, "WR4426",
                      "process %lld did not say how it ended: it was killed, or is of an older "
                      "version; what it may have written behind checkpoint %lld is not in `%s`",
                      (long long)stopped->process, (long long)taken->id, taken->path);
    else
        status = fail(error, ERR_UNAVAILABLE, "WR4426",
                      "the run did not stop in order (exit code %lld): up to %lld rows that it has "
                      "written are behind checkpoint %lld, which is in `%s`%s%s",
                      (long long)heard.exit, (long long)heard.rows_behind, (long long)taken->id,
                      taken->path, heard.error[0] != '\0' ? ": " : "", heard.error);
    error_hint(error, "the copy is whole: what goes on from it makes those rows again; to have "
                      "none behind it, start the run again and stop it once more");
    return status;
}

/* Where there is nothing to copy. */
static void note_farewell(const Cli *cli, const Stopped *stopped)
{
    Farewell heard;
    bool has_heard = farewell_hear(cli, cli_data_dir(cli), stopped->question, &heard);
    farewell_forget(cli, cli_data_dir(cli));
    if (has_heard && heard.has_ended)
        report_note(cli, "the pipeline had read all of its input, and has come to its end");
    else if (has_heard)
        report_note(cli, "the run has ended with exit code %lld", (long long)heard.exit);
}

static ExitCode savepoint_run(Cli *cli)
{
    int64_t seconds = TIMEOUT_SECONDS;
    if (!cli_number(cli, "timeout", 1, &seconds))
        return EXIT_BAD_USAGE;
    Error stopping = {0};
    Stopped stopped = {0};
    if (cli_has(cli, "stop") && stop_holder(cli, seconds, &stopped, &stopping) != OK)
        return report_failure(cli, &stopping);
    if (cli_has(cli, "latest") || cli_has(cli, "stop"))
        seconds = 0;
    const PlanSettings *settings;
    ExitCode code = load_settings(cli, &settings);
    if (code != EXIT_OK)
        return code;
    const char *path = cli->arguments.count > 0 ? LIST_AT(cli->arguments, 0, const char) : NULL;
    SavepointJob job = savepoint_job(cli, cli_value(cli, "pipeline"), settings);
    Savepoint taken;
    Error error = {0};
    if (savepoint_take(&job, path, seconds * MICROS_PER_SECOND, cli->arena, &taken, &error) != OK) {
        if (stopped.process != 0)
            note_farewell(cli, &stopped);
        return report_failure(cli, &error);
    }
    report_note(cli, "copied checkpoint %lld", (long long)taken.id);
    if (stopped.process != 0 && check_farewell(cli, &stopped, &taken, &error) != OK)
        return report_failure(cli, &error);
    return savepoint_print(cli, taken.path, taken.id);
}

static ExitCode restore_run(Cli *cli)
{
    const char *path = LIST_AT(cli->arguments, 0, const char);
    const char *pipeline = cli_value(cli, "pipeline");
    if (pipeline == NULL)
        return report_usage(cli, "WR7022",
                            "it is the name of the script's file without .sql, or "
                            "`pipeline.name`",
                            "--pipeline NAME is needed: which pipeline shall resume from `%s`?",
                            path);
    const PlanSettings *settings;
    ExitCode code = load_settings(cli, &settings);
    if (code != EXIT_OK)
        return code;
    SavepointJob job = savepoint_job(cli, pipeline, settings);
    Error error = {0};
    int64_t id = 0;
    if (savepoint_restore(&job, path, &id, &error) != OK)
        return report_failure(cli, &error);
    report_note(cli, "the next run of `%s` resumes from it, as checkpoint %lld", pipeline,
                (long long)id);
    return EXIT_OK;
}

/* ---- diff ---------------------------------------------------------------------------------- */

static const char *fate_name(StateFate fate)
{
    switch (fate) {
    case STATE_KEPT: return "kept";
    case STATE_NEW: return "new";
    case STATE_LOST: break;
    }
    return "lost";
}

static void diff_print(const List *views, Buffer *out)
{
    for (int32_t i = 0; i < views->count; i++) {
        const StateView *view = LIST_AT(*views, i, StateView);
        buffer_printf(out, "%-5s %-9s %10lld bytes  %s", fate_name(view->fate), view->what,
                      (long long)view->bytes, view->label);
        if (view->zone != NULL)
            buffer_printf(out, " (begun with table.local-time-zone = %s)", view->zone);
        buffer_append_char(out, '\n');
    }
}

static void diff_print_json(const StateViews *found, Buffer *out)
{
    const List *views = &found->views;
    JsonWriter json = {.out = out};
    json_begin_object(&json);
    json_key(&json, "schema");
    json_text(&json, "weir.v1.StateDiff");
    json_key(&json, "checkpoint");
    json_int(&json, found->checkpoint);
    json_key(&json, "items");
    json_begin_array(&json);
    for (int32_t i = 0; i < views->count; i++) {
        const StateView *view = LIST_AT(*views, i, StateView);
        json_begin_object(&json);
        json_key(&json, "fate");
        json_text(&json, fate_name(view->fate));
        json_key(&json, "what");
        json_text(&json, view->what);
        json_key(&json, "operator");
        json_text(&json, view->label);
        json_key(&json, "bytes");
        json_int(&json, view->bytes);
        if (view->zone != NULL) {
            json_key(&json, "zone");
            json_text(&json, view->zone);
        }
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    buffer_append_char(out, '\n');
}

static bool diff_loses(const List *views)
{
    for (int32_t i = 0; i < views->count; i++)
        if (LIST_AT(*views, i, StateView)->fate == STATE_LOST)
            return true;
    return false;
}

static ExitCode diff_run(Cli *cli)
{
    const char *file = LIST_AT(cli->arguments, 0, const char);
    Script script = {0};
    Error error = {0};
    if (load_source(cli, file, &script.source, &error) != OK)
        return report_failure(cli, &error);
    ExitCode code = load_plan(cli, &script);
    if (code != EXIT_OK)
        return code;
    const char *name = cli_value(cli, "pipeline");
    if (name == NULL)
        name = script.plan->settings.pipeline_name;
    SavepointJob job = savepoint_job(
        cli, name != NULL && name[0] != '\0' ? name : run_name(cli, file), &script.plan->settings);
    StateViews found;
    if (savepoint_compare(&job, cli_value(cli, "from"), script.plan, cli->arena, &found, &error) !=
        OK)
        return report_failure(cli, &error);
    if (found.checkpoint == 0)
        report_note(cli, "there is no checkpoint of `%s` in `%s`: it would start at the beginning",
                    job.pipeline, job.data_dir);
    Buffer text = {0};
    if (cli->is_json)
        diff_print_json(&found, &text);
    else
        diff_print(&found.views, &text);
    code = report_output(cli, &text);
    buffer_free(&text);
    if (code == EXIT_OK && diff_loses(&found.views)) {
        report_note(cli, "a run would refuse to lose this (WR4407) without --allow-state-loss");
        return EXIT_CHECK_FAILED;
    }
    return code;
}

/* ---- The commands -------------------------------------------------------------------------- */

const Command savepoint_command = {
    .name = "savepoint",
    .arguments = "[TARGET]",
    .summary = "Copy a checkpoint of a pipeline, running or stopped, to a new place.",
    .details = "TARGET is a new folder or s3://BUCKET/PREFIX; without one a name is made in the\n"
               "pipeline's execution.checkpointing.savepoint-dir. A running pipeline's next\n"
               "checkpoint is waited for, or it is stopped with --stop. What is copied is whole "
               "and stays until you remove it:\n"
               "`weir restore` gives it to a pipeline, and so does\n"
               "-D execution.state-recovery.path=TARGET.",
    .flags = savepoint_flags,
    .flag_count = sizeof savepoint_flags / sizeof savepoint_flags[0],
    .argument_min = 0,
    .argument_max = 1,
    .run = savepoint_run,
};

const Command restore_command = {
    .name = "restore",
    .arguments = "SAVEPOINT",
    .summary = "Let the next run of a pipeline resume from a savepoint.",
    .flags = restore_flags,
    .flag_count = sizeof restore_flags / sizeof restore_flags[0],
    .argument_min = 1,
    .argument_max = 1,
    .run = restore_run,
};

const Command diff_command = {
    .name = "diff",
    .arguments = "FILE.sql|DIR",
    .summary = "Say what state an edited pipeline would keep, begin anew and lose.",
    .details = "Exit code 1 if something would be lost.",
    .flags = diff_flags,
    .flag_count = sizeof diff_flags / sizeof diff_flags[0],
    .argument_min = 1,
    .argument_max = 1,
    .run = diff_run,
};
