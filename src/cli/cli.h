/* The command line: the only part that reads arguments and environment and writes to a terminal.
 *
 * A command declares its flags as a table, which parses them, suggests the one that was meant and
 * prints the help. Results go to standard output, everything else to standard error. */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include <stdio.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/status.h"
#include "base/world.h"
#include "job/job.h"
#include "plan/plan.h"

#ifndef WEIR_VERSION
#define WEIR_VERSION "0.0.0" /* the build says which */
#endif

/* As sysexits.h has them. */
typedef enum ExitCode {
    EXIT_OK = 0,
    EXIT_CHECK_FAILED = 1,
    EXIT_BAD_USAGE = 64,
    EXIT_BAD_DATA = 65, /* SQL, options, input */
    EXIT_NO_INPUT = 66,
    EXIT_UNREACHABLE = 69,
    EXIT_BUG = 70,
    EXIT_CANNOT_CREATE = 73,
    EXIT_IO_FAILED = 74,
    EXIT_TRY_AGAIN = 75,
    EXIT_NO_PERMISSION = 77,
    EXIT_BAD_CONFIG = 78,
    EXIT_SIGNAL_BASE = 128,
} ExitCode;

typedef enum FlagKind {
    FLAG_SWITCH,
    FLAG_VALUE,          /* --name VALUE, --name=VALUE, -n VALUE */
    FLAG_OPTIONAL_VALUE, /* --name or --name=VALUE */
    FLAG_REPEATED,       /* as FLAG_VALUE, any number of times */
} FlagKind;

typedef struct Flag {
    const char *name; /* without dashes */
    char letter;      /* or 0 */
    FlagKind kind;
    const char *value_name; /* "DIR" */
    const char *help;
} Flag;

typedef struct Cli Cli;

typedef struct Command {
    const char *name;
    const char *arguments; /* "FILE.sql|DIR" */
    const char *summary;   /* one line */
    const char *details;   /* further lines of the help, or NULL */
    const Flag *flags;
    int32_t flag_count;
    int32_t argument_min, argument_max;
    ExitCode (*run)(Cli *cli);
} Command;

/* What a command gets. */
struct Cli {
    World *world;
    Arena *arena;
    const Command *command;
    List arguments;   /* const char *, those that are no flags */
    Map *flags;       /* name -> const char *, "" for a switch */
    List definitions; /* const char *, of the repeated flag */
    bool has_screen;  /* the terminal can move its cursor */
    bool is_quiet, is_verbose, is_json, has_color, is_terminal; /* the last two: of stderr */
};

extern const Command sql_command, run_command, check_command, explain_command, connector_command,
    version_command, functions_command, explain_error_command, test_command, savepoint_command,
    restore_command, diff_command, completion_command, man_command, dlq_command, fsck_command,
    hub_command, key_command, user_command, topic_command, group_command, schema_command,
    deploy_command;

/* ---- args.c -------------------------------------------------------------------------------- */

/* All commands, for help and suggestions. */
int32_t command_count(void);
const Command *command_at(int32_t index);

/* The flags that every command takes. */
const Flag *cli_global_flags(int32_t *count);

/* Run what argv says. */
ExitCode cli_main(int argc, char **argv);

bool cli_has(const Cli *cli, const char *flag);
/* The flag's value, or NULL. */
const char *cli_value(const Cli *cli, const char *flag);
/* --data-dir, or `weir-data`. */
const char *cli_data_dir(const Cli *cli);
/* A whole number of at least `least`; says what is wrong with it otherwise. */
bool cli_number(const Cli *cli, const char *flag, int64_t least, int64_t *out);

/* ---- report.c ------------------------------------------------------------------------------ */

/* An error in the style of the SQL diagnostics, on standard error. */
void report_error(const Cli *cli, const Error *error);
/* A mistake in the arguments: code, message and help; the exit code to return. */
ExitCode report_usage(const Cli *cli, const char *code, const char *help, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A line for people: "weir: resumed from checkpoint 7"; not with --quiet. */
void report_note(const Cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_diagnostics(const Cli *cli, const Diagnostics *diagnostics);
ExitCode exit_code_of(const Error *error);
/* The error, and its exit code: how a command ends that failed. */
ExitCode report_failure(const Cli *cli, const Error *error);
/* 1234567 as 1,234,567. */
const char *report_count(Arena *arena, int64_t count);
/* Write text to standard output. */
ExitCode report_output(const Cli *cli, const Buffer *text);

/* ---- load.c -------------------------------------------------------------------------------- */

/* A pipeline as read and planned. */
typedef struct Script {
    Source source;
    FlinkVersion target; /* whose lacks are named */
    Diagnostics *diagnostics;
    Plan *plan;
} Script;

/* Read FILE, DIR (its *.sql in order of name) or - (standard input). */
Status load_source(Cli *cli, const char *path, Source *out, Error *error);
/* Plan it with the settings of --define and --checkpoint-dir, and show what is wrong with it. */
ExitCode load_plan(Cli *cli, Script *script);
/* Those settings alone, for commands without a script. */
ExitCode load_settings(Cli *cli, const PlanSettings **out);

/* ---- run.c --------------------------------------------------------------------------------- */

/* What a pipeline is called that does not say: its file without .sql. */
const char *run_name(const Cli *cli, const char *path);

/* ---- farewell.c ---------------------------------------------------------------------------- */

/* How a run ended. */
typedef struct Farewell {
    int64_t exit;        /* its exit code */
    bool has_ended;      /* its input was bounded and is done */
    int64_t checkpoint;  /* its last one; 0: none is left */
    int64_t rows_behind; /* that it wrote since that, at most */
    const char *error;   /* "": none */
} Farewell;

/* Ask the run of the data folder to say how it ends, before it is stopped. */
Status farewell_ask(const Cli *cli, const char *home, const char **id, Error *error);
/* Answer, if anybody has asked; while the folder is locked. */
void farewell_say(const Cli *cli, const char *home, ExitCode code, const Error *error,
                  const JobSummary *summary);
/* False: the run has not answered this question. */
bool farewell_hear(const Cli *cli, const char *home, const char *id, Farewell *out);
/* Whatever was asked and answered. */
void farewell_forget(const Cli *cli, const char *home);

/* ---- preview.c, progress.c, signals.c ------------------------------------------------------- */

typedef struct Preview Preview;
/* Collects up to `row_count` rows of each root. */
Preview *preview_open(Cli *cli, const Plan *plan, int64_t row_count);
/* JobOptions.preview. */
bool preview_take(void *preview, int32_t root, const Batch *batch);
/* The rows as tables, to standard output; frees the preview. */
ExitCode preview_print(Preview *preview);

/* A line on a terminal that is written anew, else a line every ten seconds. */
typedef struct ProgressLine ProgressLine;
ProgressLine *progress_open(Cli *cli);
/* JobOptions.observe. */
void progress_show(void *progress, Job *job);
/* Leave the terminal with a clean line. */
void progress_finish(ProgressLine *progress);
/* The last words: rows in and out, and what is kept. */
void progress_summarize(Cli *cli, const Job *job, bool has_succeeded);

/* SIGINT and SIGTERM stop what runs, by the function; a second one ends the process at once. */
typedef struct SignalWatch SignalWatch;
/* Before any other thread is started. */
void signals_block(void);
Status signals_watch(Cli *cli, void (*stop)(void *context), void *context, SignalWatch **out,
                     Error *error);
/* NULL is allowed. */
void signals_end(SignalWatch *watch);

#endif
