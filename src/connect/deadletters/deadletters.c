/* dead-letters: what was set aside of a table, as rows. The planner makes such a table of each name
 * that ends in $errors (plan/errors_table.c).
 *
 * The files are those of deadletter.h. Only whole lines are read; one that is damaged is a row that
 * says so, with what is left of the line. The position is how far each file was read; a file that
 * has become shorter is another one and is read from its start. */
#include <string.h>

#include "base/log.h"
#include "connect/connect.h"
#include "data/value.h"
#include "state/letter.h"

enum { STATE_VERSION = 1, POLL_WAIT_US = 50 * 1000 };

typedef struct LetterPart {
    const char *path;
    int64_t offset;
} LetterPart;

typedef struct LetterSource {
    SourceReader base;
    Str table;
    const char *file_name;
    List parts; /* LetterPart, in the order in which they were found */
    int32_t at;
    int64_t monitor_us; /* 0: bounded */
    int64_t next_look_us;
    Batch *batch; /* being filled */
    bool is_cut;  /* the file ends within a line */
    _Atomic bool is_interrupted;
} LetterSource;

static const OptionSpec letters_options[] = {
    {.key = "table",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "The table whose dead letters to read."},
    {.key = "source.monitor-interval",
     .type = OPTION_DURATION,
     .help =
         "Look for new letters this often, without end; without it reading ends with those that "
         "are there."},
};

/* ---- Files --------------------------------------------------------------------------------- */

static void letters_add_part(LetterSource *source, const char *path, int64_t offset)
{
    for (int32_t i = 0; i < source->parts.count; i++)
        if (strcmp(LIST_AT(source->parts, i, LetterPart)->path, path) == 0)
            return;
    LetterPart *part = ARENA_NEW(source->base.arena, LetterPart);
    *part = (LetterPart){.path = arena_printf(source->base.arena, "%s", path), .offset = offset};
    list_append(&source->parts, source->base.arena, part);
}

static Status letters_look_at(LetterSource *source, Arena *arena, const char *folder, Error *error)
{
    World *world = source->base.world;
    const char *path = arena_printf(arena, "%s/dead-letters/%s", folder, source->file_name);
    FileInfo info;
    Error missing = {0};
    Status status = world->kind->stat(world, path, &info, &missing);
    if (status == OK)
        letters_add_part(source, path, 0);
    else if (status != ERR_NOT_FOUND)
        *error = missing;
    return status == ERR_NOT_FOUND ? OK : status;
}

/* The folder itself, and those of the jobs of a shell below it. */
static Status letters_look(LetterSource *source, const char *folder, Error *error)
{
    World *world = source->base.world;
    Arena *arena = arena_new(0);
    List names = {0};
    Status status = letters_look_at(source, arena, folder, error);
    if (status == OK && world->kind->list(world, folder, arena, &names, NULL) != OK)
        names.count = 0;
    for (int32_t i = 0; status == OK && i < names.count; i++)
        status = letters_look_at(
            source, arena, arena_printf(arena, "%s/%s", folder, LIST_AT(names, i, const char)),
            error);
    arena_free(arena);
    return status;
}

static Status letters_look_all(LetterSource *source, Error *error)
{
    World *world = source->base.world;
    for (const char *const *folder = source->base.letter_folders; folder != NULL && *folder != NULL;
         folder++)
        TRY(letters_look(source, *folder, error));
    for (int32_t i = 0; i < source->parts.count; i++) {
        LetterPart *part = LIST_AT(source->parts, i, LetterPart);
        FileInfo info = {0};
        Status status = world->kind->stat(world, part->path, &info, NULL);
        if (status == ERR_NOT_FOUND || (status == OK && info.size_bytes < part->offset))
            part->offset = 0;
    }
    source->at = 0;
    source->next_look_us = world_monotonic_us(world) + source->monitor_us;
    return OK;
}

/* ---- Rows ---------------------------------------------------------------------------------- */

/* In the order of the columns of errors_table.c. */
static Value letters_value(const Letter *letter, int32_t column)
{
    Str texts[] = {(Str){0},       letter->pipeline, letter->table, letter->stage, letter->code,
                   letter->reason, letter->position, letter->bytes, letter->bytes};
    Value value = {.text = texts[column]};
    if (column > 0) {
        value.is_null = column == 8 && !letter->is_text;
        return value;
    }
    Str ts = letter->ts;
    ts.length -= str_has_suffix(ts, STR("Z"));
    Timestamp time = 0;
    value.is_null = !timestamp_parse(ts, 'T', &time);
    value.integer = time;
    return value;
}

static bool letters_take(void *context, Str line, const Letter *letter)
{
    (void)line;
    LetterSource *source = context;
    Batch *batch = source->batch;
    source->is_cut = letter->is_cut;
    if (letter->is_cut)
        return true;
    Letter damaged = *letter;
    damaged.table = source->table;
    letter = letter->is_damaged ? &damaged : letter;
    const int32_t *columns = source->base.node->source.columns;
    for (int32_t i = 0; i < batch->column_count; i++) {
        Column *column = &batch->columns[i];
        Value value = letters_value(letter, columns[i]);
        value.type = column->type;
        if (value.is_null)
            column_set_null(column, batch->arena, batch->row_count, BATCH_ROWS_MAX);
        else
            value_set(column, batch->arena, batch->row_count, BATCH_ROWS_MAX, &value);
    }
    batch->row_count++;
    return true;
}

/* ---- The source ---------------------------------------------------------------------------- */

static Status letters_restore(LetterSource *source, Str state, Error *error)
{
    if (state.length == 0)
        return OK;
    ByteReader reader = byte_reader(state);
    bool is_known = byte_reader_u8(&reader) == STATE_VERSION;
    uint32_t count = byte_reader_u32(&reader);
    for (uint32_t i = 0; i < count && !reader.is_short; i++) {
        const char *path = str_terminated(source->base.arena, byte_reader_bytes(&reader));
        letters_add_part(source, path, (int64_t)byte_reader_u64(&reader));
    }
    if (reader.is_short || !is_known)
        return fail(error, ERR_CORRUPT, "WR3395",
                    "the saved position in dead letters cannot be read");
    return OK;
}

/* A replay has made lines longer since: go on with the next whole one. Some come again then. */
static Status letters_align(LetterSource *source, LetterPart *part, Error *error)
{
    World *world = source->base.world;
    FileInfo info = {0};
    File *file;
    if (part->offset == 0 || world->kind->stat(world, part->path, &info, NULL) != OK ||
        info.size_bytes < part->offset)
        return OK;
    TRY(world->kind->open(world, part->path, FILE_READ, &file, error));
    Status status = OK;
    int64_t at = part->offset - 1;
    for (bool is_found = false; status == OK && !is_found && at < info.size_bytes;) {
        char block[4096];
        int64_t got = 0;
        status = world->kind->read_at(file, at, block, sizeof block, &got, error);
        const char *end = status != OK || got == 0 ? NULL : memchr(block, '\n', (size_t)got);
        is_found = end != NULL || got == 0;
        at += end != NULL ? end - block + 1 : got;
    }
    if (at != part->offset)
        log_event(LOG_WARN, "dead-letters",
                  "`%s` was written anew since it was read: going on with the line at byte %lld",
                  part->path, (long long)at);
    part->offset = at;
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

static Status letters_open(SourceReader *reader, Str state, Error *error)
{
    LetterSource *source = (LetterSource *)reader;
    const OptionSet *options = reader->node->source.table->options.options;
    source->table = options_text(options, "table");
    source->file_name = deadletters_file_name(reader->arena, source->table);
    if (options_has(options, "source.monitor-interval"))
        source->monitor_us = options_duration_us(options, "source.monitor-interval");
    TRY(letters_restore(source, state, error));
    for (int32_t i = 0; i < source->parts.count; i++)
        TRY(letters_align(source, LIST_AT(source->parts, i, LetterPart), error));
    TRY(letters_look_all(source, error));
    atomic_store(&reader->progress.phase,
                 source->monitor_us > 0 ? PHASE_STREAMING : PHASE_SNAPSHOT);
    return OK;
}

static Status letters_wait(LetterSource *source, Error *error)
{
    World *world = source->base.world;
    if (source->monitor_us == 0)
        return ERR_END;
    if (world_monotonic_us(world) >= source->next_look_us)
        TRY(letters_look_all(source, error));
    else
        world->kind->sleep_us(world, POLL_WAIT_US);
    return ERR_AGAIN;
}

/* Who looks again later may find the rest of the line. */
static void letters_tell_cut(LetterSource *source, const LetterPart *part)
{
    if (source->is_cut && source->monitor_us == 0)
        log_event(LOG_WARN, "dead-letters",
                  LETTER_DAMAGED_CODE ": `%s` ends within a line, which is left out: it was cut "
                                      "short, or is being written",
                  part->path);
    source->is_cut = false;
}

static Status letters_poll(SourceReader *reader, Batch **out, Error *error)
{
    LetterSource *source = (LetterSource *)reader;
    if (source->is_interrupted)
        return ERR_CANCELLED;
    if (source->at == source->parts.count)
        return letters_wait(source, error);
    LetterPart *part = LIST_AT(source->parts, source->at, LetterPart);
    source->batch = batch_new(&reader->node->schema, BATCH_ROWS_MAX);
    Status status = letters_read(
        reader->world, part->path, &part->offset,
        &(LetterTaker){.take = letters_take, .context = source, .count_max = BATCH_ROWS_MAX},
        error);
    Batch *batch = source->batch;
    source->batch = NULL;
    if (status != OK || batch->row_count == 0) {
        letters_tell_cut(source, part);
        batch_free(batch);
        source->at++;
        return status != OK ? status : ERR_AGAIN;
    }
    batch_select_all(batch);
    atomic_fetch_add(&reader->progress.rows_done, batch->row_count);
    *out = batch;
    return OK;
}

static void letters_snapshot(SourceReader *reader, Buffer *out)
{
    const LetterSource *source = (const LetterSource *)reader;
    buffer_append_u8(out, STATE_VERSION);
    buffer_append_u32(out, (uint32_t)source->parts.count);
    for (int32_t i = 0; i < source->parts.count; i++) {
        const LetterPart *part = LIST_AT(source->parts, i, LetterPart);
        buffer_append_bytes(out, str_from(part->path));
        buffer_append_u64(out, (uint64_t)part->offset);
    }
}

static void letters_interrupt(SourceReader *reader)
{
    ((LetterSource *)reader)->is_interrupted = true;
}

static void letters_close(SourceReader *reader)
{
    (void)reader;
}

static const SourceKind letters_source = {
    .size = sizeof(LetterSource),
    .open = letters_open,
    .poll = letters_poll,
    .snapshot = letters_snapshot,
    .interrupt = letters_interrupt,
    .close = letters_close,
};

/* ---- The connector ------------------------------------------------------------------------- */

static bool letters_are_bounded(const TableOptions *table)
{
    return !options_has(table->options, "source.monitor-interval");
}

/* The source knows its columns by their place. */
static Status letters_check(const TableCheck *check)
{
    static const char *const names[] = {"ts",     "pipeline", "table",  "stage", "code",
                                        "reason", "position", "record", "text"};
    enum { COUNT = sizeof names / sizeof names[0] };
    bool is_right = check->physical->count == COUNT;
    for (int32_t i = 0; is_right && i < COUNT; i++) {
        const Field *field = &check->physical->fields[i];
        TypeId id = i == 0 ? TYPE_TIMESTAMP_LTZ : i == 7 ? TYPE_VARBINARY : TYPE_VARCHAR;
        is_right = str_is(field->name, names[i]) && field->type.id == id;
    }
    if (is_right)
        return OK;
    OptionEntry entry = {.key = STR("connector")};
    check->report(check->report_context, &entry, "WR3396",
                  "a table of dead letters has other columns",
                  "do not declare it: read `TABLE$errors`");
    return ERR_INVALID;
}

static const ConnectorInfo letters_info = {
    .name = "dead-letters",
    .summary = "Reads what was set aside of a table; every TABLE has it as `TABLE$errors`.",
    .options = letters_options,
    .option_count = sizeof letters_options / sizeof letters_options[0],
    .can_read = true,
    .is_extension = true,
    .is_bounded = letters_are_bounded,
    .check = letters_check,
};

extern const Connector deadletters_connector;
const Connector deadletters_connector = {.info = &letters_info, .source = &letters_source};
