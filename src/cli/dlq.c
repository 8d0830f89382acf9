/* weir dlq: what was set aside, and giving it back. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "job/replay.h"
#include "sql/diagnostics.h"
#include "state/letter.h"

enum { SHOW_LETTERS_DEFAULT = 20, SHOW_LETTERS_MAX = 1000000, REASONS_MAX = 64 };

static const Flag dlq_flags[] = {
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder of the pipeline (weir-data)."},
    {"code", 0, FLAG_VALUE, "WRnnnn", "Only letters of this code."},
    {"limit", 0, FLAG_VALUE, "N", "show: the newest N (20)."},
    {"pipeline", 0, FLAG_VALUE, "NAME", "replay: only letters of this pipeline."},
};

static const char *dlq_folder(const Cli *cli)
{
    return arena_printf(cli->arena, "%s/dead-letters", cli_data_dir(cli));
}

static void json_field(JsonWriter *json, const char *key, Str value)
{
    json_key(json, key);
    json_str(json, value);
}

/* ---- Damage -------------------------------------------------------------------------------- */

/* Lines that are no letters. */
typedef struct Damage {
    int64_t lines;
    char first[512]; /* says which one it is */
    bool is_cut;     /* the last one, which may be being written */
} Damage;

static void damage_note(Damage *damage, const Letter *letter)
{
    if (letter->is_cut)
        damage->is_cut = true;
    else if (damage->lines++ == 0)
        snprintf(damage->first, sizeof damage->first, "%.*s", STR_ARGS(letter->reason));
}

static void damage_add(Damage *damage, const Damage *more)
{
    if (damage->lines == 0)
        snprintf(damage->first, sizeof damage->first, "%s", more->first);
    damage->lines += more->lines;
    damage->is_cut = damage->is_cut || more->is_cut;
}

/* After what is whole was printed. */
static ExitCode damage_report(const Cli *cli, const Damage *damage, ExitCode code)
{
    if (damage->is_cut)
        report_note(cli, "the last line is cut short, or being written (" LETTER_DAMAGED_CODE ")");
    if (damage->lines == 0 || code != 0)
        return code;
    Error error = {0};
    Status status = OK;
    if (damage->lines == 1)
        status = fail(&error, ERR_CORRUPT, LETTER_DAMAGED_CODE, "%s", damage->first);
    else
        status = fail(&error, ERR_CORRUPT, LETTER_DAMAGED_CODE, "%s, and so are %s more",
                      damage->first, report_count(cli->arena, damage->lines - 1));
    assert(status != OK);
    error_hint(&error, "`weir dlq show` has what is left of it among the letters");
    return report_failure(cli, &error);
}

/* ---- list ---------------------------------------------------------------------------------- */

typedef struct Reason {
    Str code, stage;
    Str newest; /* what the newest letter of it says */
    int64_t count;
} Reason;

/* Of one table. */
typedef struct Tally {
    Arena *arena;
    const char *only; /* this code, or NULL */
    Str table, newest;
    int64_t letters, replayed;
    Damage damage;
    Reason reasons[REASONS_MAX];
    int32_t reason_count;
} Tally;

static void keep_text(Arena *arena, Str *into, Str text)
{
    if (!str_equal(*into, text))
        *into = str_copy(arena, text);
}

static bool tally_take(void *context, Str line, const Letter *letter)
{
    (void)line;
    Tally *tally = context;
    if (letter->is_damaged) {
        damage_note(&tally->damage, letter);
        return true;
    }
    if (tally->only != NULL && !str_is(letter->code, tally->only))
        return true;
    tally->letters++;
    tally->replayed += letter->replayed.length > 0;
    keep_text(tally->arena, &tally->table, letter->table);
    keep_text(tally->arena, &tally->newest, letter->ts);
    int32_t at = 0;
    while (at < tally->reason_count && !(str_equal(tally->reasons[at].code, letter->code) &&
                                         str_equal(tally->reasons[at].stage, letter->stage)))
        at++;
    if (at == REASONS_MAX)
        return true;
    Reason *reason = &tally->reasons[at];
    tally->reason_count += at == tally->reason_count;
    reason->count++;
    keep_text(tally->arena, &reason->code, letter->code);
    keep_text(tally->arena, &reason->stage, letter->stage);
    keep_text(tally->arena, &reason->newest, letter->reason);
    return true;
}

static int compare_reasons(const void *a, const void *b)
{
    int64_t left = ((const Reason *)a)->count, right = ((const Reason *)b)->count;
    return left < right ? 1 : left > right ? -1 : 0;
}

static void tally_print(const Cli *cli, const Tally *tally, Buffer *out)
{
    buffer_printf(out, "%.*s: %s letter%s", STR_ARGS(tally->table),
                  report_count(cli->arena, tally->letters), tally->letters == 1 ? "" : "s");
    if (tally->replayed > 0)
        buffer_printf(out, ", %s replayed", report_count(cli->arena, tally->replayed));
    if (tally->damage.lines > 0)
        buffer_printf(out, ", %s damaged", report_count(cli->arena, tally->damage.lines));
    if (tally->letters > 0)
        buffer_printf(out, ", the newest of %.*s", STR_ARGS(tally->newest));
    buffer_append_char(out, '\n');
    for (int32_t i = 0; i < tally->reason_count; i++)
        buffer_printf(out, "  %10s  %.*s  %-7.*s  %.*s\n",
                      report_count(cli->arena, tally->reasons[i].count),
                      STR_ARGS(tally->reasons[i].code), STR_ARGS(tally->reasons[i].stage),
                      STR_ARGS(tally->reasons[i].newest));
}

static void tally_write(const Tally *tally, JsonWriter *json)
{
    json_begin_object(json);
    json_field(json, "table", tally->table);
    json_key(json, "letters");
    json_int(json, tally->letters);
    json_key(json, "replayed");
    json_int(json, tally->replayed);
    json_key(json, "damaged");
    json_int(json, tally->damage.lines);
    json_field(json, "newest", tally->newest);
    json_key(json, "reasons");
    json_begin_array(json);
    for (int32_t i = 0; i < tally->reason_count; i++) {
        json_begin_object(json);
        json_field(json, "code", tally->reasons[i].code);
        json_field(json, "stage", tally->reasons[i].stage);
        json_field(json, "reason", tally->reasons[i].newest);
        json_key(json, "count");
        json_int(json, tally->reasons[i].count);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
}

/* The names of the files, none if the folder is missing. */
static Status dlq_files(const Cli *cli, List *files, Error *error)
{
    List names = {0};
    Error trouble = {0};
    Status status =
        cli->world->kind->list(cli->world, dlq_folder(cli), cli->arena, &names, &trouble);
    if (status != OK && status != ERR_NOT_FOUND)
        *error = trouble;
    for (int32_t i = 0; i < names.count; i++)
        if (str_has_suffix(str_from(LIST_AT(names, i, const char)), STR(".jsonl")))
            list_append(files, cli->arena, names.items[i]);
    return status == ERR_NOT_FOUND ? OK : status;
}

static Status dlq_tally(const Cli *cli, const char *file, Tally *tally, Error *error)
{
    /* The name of the file stands for the table until a letter says it. */
    *tally = (Tally){.arena = cli->arena,
                     .only = cli_value(cli, "code"),
                     .table = str_make(file, (int64_t)(strlen(file) - strlen(".jsonl")))};
    int64_t offset = 0;
    const char *path = arena_printf(cli->arena, "%s/%s", dlq_folder(cli), file);
    TRY(letters_read(cli->world, path, &offset,
                     &(LetterTaker){.take = tally_take, .context = tally, .count_max = 0}, error));
    qsort(tally->reasons, (size_t)tally->reason_count, sizeof(Reason), compare_reasons);
    return OK;
}

static ExitCode dlq_list(const Cli *cli)
{
    Error error = {0};
    List files = {0};
    Buffer text = {0};
    JsonWriter json = {.out = &text};
    if (cli->is_json) {
        json_begin_object(&json);
        json_field(&json, "schema", STR("weir.v1.DeadLetterList"));
        json_key(&json, "items");
        json_begin_array(&json);
    }
    Status status = dlq_files(cli, &files, &error);
    Tally *tally = ARENA_NEW(cli->arena, Tally);
    Damage damage = {0};
    for (int32_t i = 0; status == OK && i < files.count; i++) {
        status = dlq_tally(cli, LIST_AT(files, i, const char), tally, &error);
        damage_add(&damage, &tally->damage);
        if (status != OK || tally->letters + tally->damage.lines == 0)
            continue;
        if (cli->is_json)
            tally_write(tally, &json);
        else
            tally_print(cli, tally, &text);
    }
    if (cli->is_json) {
        json_end_array(&json);
        json_end_object(&json);
        buffer_append_char(&text, '\n');
    }
    ExitCode code = status == OK ? report_output(cli, &text) : report_failure(cli, &error);
    if (status == OK && !cli->is_json && text.length == 0)
        report_note(cli, "no dead letters in %s", dlq_folder(cli));
    buffer_free(&text);
    return damage_report(cli, &damage, code);
}

/* ---- show ---------------------------------------------------------------------------------- */

/* The newest lines, in a ring. */
typedef struct Showing {
    const char *only;
    Buffer *lines; /* with their checksums, if they have any */
    int64_t capacity, count;
    Damage damage;
} Showing;

static bool showing_take(void *context, Str line, const Letter *letter)
{
    Showing *showing = context;
    if (letter->is_damaged)
        damage_note(&showing->damage, letter);
    if (showing->only != NULL && !str_is(letter->code, showing->only))
        return true;
    Buffer *place = &showing->lines[showing->count++ % showing->capacity];
    place->length = 0;
    if (letter->is_damaged) {
        letter_append(place, letter);
        place->length--; /* the line feed */
    } else {
        buffer_append_str(place, line);
    }
    return true;
}

/* Bytes that are no text, as far as an eye can take them in. */
static void print_hex(Buffer *out, Str bytes)
{
    enum { SHOWN_MAX = 256 };
    for (int64_t i = 0; i < bytes.length && i < SHOWN_MAX; i++)
        buffer_printf(out, "%02x%s", (unsigned char)bytes.data[i], i % 4 == 3 ? " " : "");
    if (bytes.length > SHOWN_MAX)
        buffer_printf(out, "… %lld bytes", (long long)bytes.length);
}

/* Control characters of a record must not reach the terminal. */
static void print_text(Buffer *out, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7f)
            buffer_printf(out, c == '\n' ? "\n    " : c == '\t' ? "\t" : "\\x%02x", c);
        else
            buffer_append_char(out, (char)c);
    }
}

static void letter_print(Buffer *out, Str line)
{
    Arena *arena = arena_new(0);
    Letter letter;
    bool is_letter = letter_parse(line, arena, &letter);
    assert(is_letter);
    buffer_printf(out, "%.*s%s%.*s  %.*s", STR_ARGS(letter.ts), letter.ts.length > 0 ? "  " : "",
                  STR_ARGS(letter.code), STR_ARGS(letter.stage));
    if (letter.position.length > 0)
        buffer_printf(out, "  %.*s", STR_ARGS(letter.position));
    if (letter.replayed.length > 0)
        buffer_append_text(out, "  replayed");
    buffer_append_text(out, "\n    ");
    print_text(out, letter.reason);
    buffer_append_text(out, "\n    ");
    if (letter.is_text)
        print_text(out, letter.bytes);
    else
        print_hex(out, letter.bytes);
    buffer_append_char(out, '\n');
    arena_free(arena);
}

static ExitCode dlq_missing(const Cli *cli, const char *table)
{
    List files = {0};
    Error error = {0};
    Status status = dlq_files(cli, &files, &error);
    if (status != OK)
        return report_failure(cli, &error);
    Str names[64], best[SUGGESTIONS_MAX];
    int32_t count = 0;
    for (int32_t i = 0; i < files.count && count < 64; i++) {
        Str name = str_from(LIST_AT(files, i, const char));
        names[count++] = str_make(name.data, name.length - (int64_t)strlen(".jsonl"));
    }
    status = fail(&error, ERR_NOT_FOUND, "WR7040", "no dead letters of `%s` in %s", table,
                  dlq_folder(cli));
    if (diagnostics_find_similar(names, count, str_from(table), best) > 0)
        error_hint(&error, "did you mean `%.*s`?", STR_ARGS(best[0]));
    else
        error_hint(&error, "`weir dlq list` shows the tables that have some");
    return report_failure(cli, &error);
}

static bool dlq_has_file(const Cli *cli, const char *table)
{
    FileInfo info;
    const char *path = arena_printf(cli->arena, "%s/%s", dlq_folder(cli),
                                    deadletters_file_name(cli->arena, str_from(table)));
    return cli->world->kind->stat(cli->world, path, &info, NULL) == OK;
}

static void showing_print(const Cli *cli, const Showing *showing, Buffer *text)
{
    JsonWriter json = {.out = text};
    if (cli->is_json) {
        json_begin_object(&json);
        json_field(&json, "schema", STR("weir.v1.DeadLetters"));
        json_key(&json, "items");
        json_begin_array(&json);
    }
    int64_t first = showing->count < showing->capacity ? 0 : showing->count - showing->capacity;
    for (int64_t i = first; i < showing->count; i++) {
        Str line = buffer_str(&showing->lines[i % showing->capacity]);
        if (!cli->is_json) {
            letter_print(text, line);
            continue;
        }
        Buffer bare = {0};
        letter_append_unsealed(&bare, line);
        json_raw(&json, buffer_str(&bare));
        buffer_free(&bare);
    }
    if (cli->is_json) {
        json_end_array(&json);
        json_end_object(&json);
        buffer_append_char(text, '\n');
    }
}

static ExitCode dlq_show(const Cli *cli, const char *table)
{
    Error error = {0};
    int64_t limit = SHOW_LETTERS_DEFAULT, offset = 0;
    if (!cli_number(cli, "limit", 1, &limit))
        return EXIT_BAD_USAGE;
    if (!dlq_has_file(cli, table))
        return dlq_missing(cli, table);
    limit = limit > SHOW_LETTERS_MAX ? SHOW_LETTERS_MAX : limit;
    Showing showing = {.only = cli_value(cli, "code"),
                       .lines = ARENA_ARRAY(cli->arena, Buffer, limit),
                       .capacity = limit};
    const char *path = arena_printf(cli->arena, "%s/%s", dlq_folder(cli),
                                    deadletters_file_name(cli->arena, str_from(table)));
    Status status = letters_read(
        cli->world, path, &offset,
        &(LetterTaker){.take = showing_take, .context = &showing, .count_max = 0}, &error);
    Buffer text = {0};
    if (status == OK)
        showing_print(cli, &showing, &text);
    ExitCode code = status == OK ? report_output(cli, &text) : report_failure(cli, &error);
    if (status == OK && showing.count > limit)
        report_note(cli, "%s older ones: --limit N shows more",
                    report_count(cli->arena, showing.count - limit));
    for (int64_t i = 0; i < limit; i++)
        buffer_free(&showing.lines[i]);
    buffer_free(&text);
    return damage_report(cli, &showing.damage, code);
}

/* ---- replay -------------------------------------------------------------------------------- */

static void dlq_notice(void *context, const char *text)
{
    report_note(context, "%s", text);
}

static ExitCode dlq_replay(Cli *cli, const char *table)
{
    Error error = {0};
    if (!dlq_has_file(cli, table))
        return dlq_missing(cli, table);
    ReplayRequest request = {.data_dir = cli_data_dir(cli),
                             .table = str_from(table),
                             .code = cli_value(cli, "code"),
                             .pipeline = cli_value(cli, "pipeline"),
                             .notice = {dlq_notice, cli}};
    ReplayResult result;
    if (replay_letters(cli->world, &request, &result, &error) != OK)
        return report_failure(cli, &error);
    Buffer text = {0};
    if (cli->is_json) {
        JsonWriter json = {.out = &text};
        json_begin_object(&json);
        json_field(&json, "schema", STR("weir.v1.DeadLetterReplay"));
        json_field(&json, "table", str_from(table));
        json_field(&json, "pipeline", str_from(result.pipeline));
        const struct {
            const char *key;
            int64_t count;
        } counts[] = {{"replayed", result.taken},
                      {"replayed_before", result.replayed_before},
                      {"without_record", result.without_record},
                      {"of_other_format", result.of_other_format},
                      {"damaged", result.damaged}};
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            json_key(&json, counts[i].key);
            json_int(&json, counts[i].count);
        }
        json_end_object(&json);
        buffer_append_char(&text, '\n');
    } else {
        buffer_printf(&text, "the next run of `%s` reads %s record%s of `%s` again\n",
                      result.pipeline, report_count(cli->arena, result.taken),
                      result.taken == 1 ? "" : "s", table);
        if (result.without_record > 0)
            buffer_printf(&text, "%s letters hold no record that could be read again\n",
                          report_count(cli->arena, result.without_record));
        if (result.of_other_format > 0)
            buffer_printf(&text, "%s letters are of another format: replay again for them\n",
                          report_count(cli->arena, result.of_other_format));
    }
    if (result.damaged > 0)
        report_note(cli, "%s lines were not looked at (" LETTER_DAMAGED_CODE "), such as: %s",
                    report_count(cli->arena, result.damaged), result.first_damaged);
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

/* ---- The command --------------------------------------------------------------------------- */

static ExitCode dlq_run(Cli *cli)
{
    const char *verb = LIST_AT(cli->arguments, 0, const char);
    const char *table = cli->arguments.count == 2 ? LIST_AT(cli->arguments, 1, const char) : NULL;
    if (strcmp(verb, "list") == 0 && table == NULL)
        return dlq_list(cli);
    if (strcmp(verb, "show") == 0 && table != NULL)
        return dlq_show(cli, table);
    if (strcmp(verb, "replay") == 0 && table != NULL)
        return dlq_replay(cli, table);
    return report_usage(cli, "WR7003",
                        "weir dlq list, weir dlq show TABLE, or weir dlq replay TABLE",
                        "`weir dlq` takes other arguments than these");
}

const Command dlq_command = {
    .name = "dlq",
    .arguments = "list | show TABLE | replay TABLE",
    .summary = "Look at the dead letters, or have their records read again.",
    .details = "replay gives the records that a source could not read back to the pipeline, whose\n"
               "next run reads them once, behind its own input: mend the table first. Stop the\n"
               "pipeline before. In SQL the letters of TABLE are the table TABLE$errors.",
    .flags = dlq_flags,
    .flag_count = sizeof dlq_flags / sizeof dlq_flags[0],
    .argument_min = 1,
    .argument_max = 2,
    .run = dlq_run,
};
