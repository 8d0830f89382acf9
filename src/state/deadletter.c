/* Dead letters: JSON lines appended to one file per table. */
#include "state/deadletter.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/planted.h"
#include "data/datetime.h"
#include "state/letter.h"
#include "state/lettermark.h"

enum {
    STATE_VERSION = 2,
    STATE_VERSION_SOME = 1, /* with the lengths of files that its run had opened */
    LETTER_FLUSH_BYTES = 65536,
    LETTER_FLUSH_US = 100000, /* a letter after a pause this long is written at once */
    LETTER_FILES_MAX = 256,   /* tables beyond share the first file */
    HELD_BYTES_MAX = 8 << 20, /* in memory; with more, sources wait */
    CODES_MAX = 16,           /* told apart per table */
    RATE_SECONDS = 60,
};

/* How often a table had letters of one code. */
typedef struct CodeCount {
    const char *code;
    int64_t count;
    char reason[256]; /* of the newest */
} CodeCount;

/* The file of one table, opened with its first letter. Lines gather in `pending`. */
typedef struct LetterFile {
    Str table;
    const char *name, *path;
    File *file;
    int64_t bytes; /* its length, of whole lines */
    LetterLength begun;
    Buffer pending;
    Buffer ahead; /* lines behind the barrier of the checkpoint under way */
    int64_t ahead_count;
    int64_t flushed_us;
    int64_t noted_bytes; /* when `noted` was made; -1: never */
    LetterLength noted;
    bool is_dirty;  /* written since the last sync */
    bool is_broken; /* there may be a part of a line at the end */
    bool is_torn;   /* somebody else's last line has no end */
    int64_t count;
    CodeCount codes[CODES_MAX];
    int32_t code_count;
} LetterFile;

/* What all handles share. */
typedef struct LetterStore {
    World *world;
    Arena *arena;
    const char *folder;   /* NULL: count only */
    pthread_mutex_t lock; /* guards all below */
    List files;           /* LetterFile */
    List opened;          /* of these, whose lengths are in the mark */
    List found;           /* LetterLength of files that were there at the beginning */
    int64_t count;        /* in this run */
    int64_t count_before; /* up to the checkpoint that was restored */
    int64_t settled;      /* the newest checkpoint that has noted the lengths */
    const char *writer;   /* NULL: no marks */
    int64_t writer_checkpoint;
    bool has_folder;
    bool is_folder_dirty; /* a file is new in it */
    int64_t retry_us;     /* no try to write before */
    Status trouble;
    Error trouble_error;
    LetterLimits limits;
    int64_t rates[RATE_SECONDS]; /* letters of each second, of the last ones */
    int64_t rate_second;
    void (*alarm)(void *context);
    void *alarm_context;
    void (*observe)(void *context, const DeadLetter *letter); /* or NULL */
    void *observe_context;
    _Atomic int64_t held_bytes;
} LetterStore;

struct DeadLetters {
    LetterStore *store;
    int64_t passed; /* the barrier its task has taken last; changed by its thread, under the lock */
};

DeadLetters *deadletters_open(World *world, const char *folder)
{
    Arena *arena = arena_new(0);
    LetterStore *store = ARENA_NEW(arena, LetterStore);
    store->world = world;
    store->arena = arena;
    if (folder != NULL)
        store->folder = str_terminated(arena, str_from(folder));
    pthread_mutex_init(&store->lock, NULL);
    DeadLetters *letters = ARENA_NEW(arena, DeadLetters);
    letters->store = store;
    return letters;
}

void deadletters_observe(DeadLetters *letters,
                         void (*observe)(void *context, const DeadLetter *letter), void *context)
{
    letters->store->observe = observe;
    letters->store->observe_context = context;
}

const char *deadletters_folder(const DeadLetters *letters)
{
    return letters->store->folder;
}

static const char *const stage_names[] = {
    [STAGE_DECODE] = "decode",
    [STAGE_COMPUTE] = "compute",
    [STAGE_LATE] = "late",
    [STAGE_DELIVER] = "deliver",
};

/* Names of tables may hold anything: what is not plain becomes `_` and the hash of the whole
 * keeps two names apart. */
const char *deadletters_file_name(Arena *arena, Str table)
{
    Buffer name = {0};
    bool is_plain = table.length > 0 && table.length <= 128 && table.data[0] != '.';
    for (int64_t i = 0; i < table.length; i++) {
        char c = table.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.';
        is_plain = is_plain && is_word;
        if (i < 128)
            buffer_append_char(&name, is_word ? c : '_');
    }
    const char *file = is_plain ? arena_printf(arena, "%.*s.jsonl", STR_ARGS(table))
                                : arena_printf(arena, "t_%.*s-%08x.jsonl", (int)name.length,
                                               name.length == 0 ? "" : name.data,
                                               (uint32_t)hash_bytes(table.data, table.length));
    buffer_free(&name);
    return file;
}

static LetterFile *letters_file(LetterStore *store, Str table)
{
    for (int32_t i = 0; i < store->files.count; i++) {
        LetterFile *file = LIST_AT(store->files, i, LetterFile);
        if (str_equal(file->table, table))
            return file;
    }
    if (store->files.count == LETTER_FILES_MAX)
        return LIST_AT(store->files, 0, LetterFile);
    LetterFile *file = ARENA_NEW(store->arena, LetterFile);
    file->table = str_copy(store->arena, table);
    file->noted_bytes = -1;
    if (store->folder != NULL) {
        file->name = deadletters_file_name(store->arena, table);
        file->path = arena_printf(store->arena, "%s/%s", store->folder, file->name);
    }
    list_append(&store->files, store->arena, file);
    return file;
}

static void letters_hold(LetterStore *store, int64_t bytes)
{
    atomic_fetch_add(&store->held_bytes, bytes);
}

const char *deadletters_replay_folder(const DeadLetters *letters, Arena *arena, Str table)
{
    const LetterStore *store = letters->store;
    if (store->folder == NULL || store->writer == NULL)
        return NULL;
    const char *name = deadletters_file_name(arena, table);
    return arena_printf(arena, "%s/replay/%s/%.*s", store->folder, store->writer,
                        (int)(strlen(name) - strlen(".jsonl")), name);
}

/* ---- Trouble ------------------------------------------------------------------------------- */

static void letters_alarm(LetterStore *store, Status status, const Error *error)
{
    if (store->trouble != OK)
        return;
    store->trouble = status;
    store->trouble_error = *error;
    if (store->alarm != NULL)
        store->alarm(store->alarm_context);
}

static void letter_failed(LetterStore *store, const LetterFile *file, Status status,
                          const Error *error)
{
    static const char help[] = "Attempts to write dead letters that failed.";
    metric_add(metric_get(METRIC_COUNTER, "weir_dead_letter_write_failures_total", "", help, 1), 1);
    log_event(LOG_ERROR, "dead-letters", "could not write dead letters of %.*s: %s",
              STR_ARGS(file->table), error->text);
    store->retry_us = world_monotonic_us(store->world) + LETTER_FLUSH_US;
    if (status != ERR_FULL)
        letters_alarm(store, status, error);
}

/* ---- Writing ------------------------------------------------------------------------------- */

static const LetterLength *letter_begun(const LetterStore *store, int32_t index)
{
    return &LIST_AT(store->opened, index, LetterFile)->begun;
}

/* Before the first line goes to a file, it is durable how long the file was. */
static Status letters_mark(LetterStore *store, Error *error)
{
    if (store->writer == NULL || planted(PLANTED_LETTERS_NOT_MARKED))
        return OK;
    Arena *arena = arena_new(0);
    LetterMark mark = {.writer = str_from(store->writer), .checkpoint = store->writer_checkpoint};
    for (int32_t i = 0; i < store->opened.count; i++)
        list_append(&mark.lengths, arena, (void *)letter_begun(store, i));
    Status status = lettermark_write(store->world, store->folder, &mark, error);
    arena_free(arena);
    return status;
}

/* A full disk that shows only in a sync has perhaps lost pages already: not to be retried. */
static Status letters_sync_result(Status status)
{
    return status == ERR_FULL ? ERR_IO : status;
}

/* The folder that `path` is in, or ".". */
static const char *parent_of(Arena *arena, const char *path)
{
    char *parent = arena_printf(arena, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        return ".";
    slash[slash == parent ? 1 : 0] = '\0';
    return parent;
}

static Status letters_make_folder(LetterStore *store, Error *error)
{
    World *world = store->world;
    if (store->has_folder)
        return OK;
    TRY(world->kind->make_folder(world, store->folder, error));
    const char *parent = parent_of(store->arena, store->folder);
    TRY(letters_sync_result(world->kind->sync_folder(world, parent, error)));
    store->has_folder = true;
    return OK;
}

static Status letter_measure(LetterStore *store, LetterFile *file, Error *error)
{
    World *world = store->world;
    FileInfo info = {0};
    Error missing = {0};
    Status status = world->kind->stat(world, file->path, &info, &missing);
    if (status == ERR_NOT_FOUND)
        store->is_folder_dirty = true;
    else if (status != OK) {
        *error = missing;
        return status;
    }
    file->begun = (LetterLength){.name = str_from(file->name), .bytes = info.size_bytes};
    file->bytes = info.size_bytes;
    if (info.size_bytes == 0)
        return OK;
    TRY(lettermark_check(world, file->path, info.size_bytes, &file->begun.check, error));
    File *reader;
    char last = '\n';
    int64_t got = 0;
    TRY(world->kind->open(world, file->path, FILE_READ, &reader, error));
    status = world->kind->read_at(reader, info.size_bytes - 1, &last, 1, &got, error);
    Status closed = world->kind->close(reader, status == OK ? error : NULL);
    file->is_torn = last != '\n';
    return status != OK ? status : closed;
}

static Status letter_open(LetterStore *store, LetterFile *file, Error *error)
{
    if (file->file != NULL)
        return OK;
    TRY(letters_make_folder(store, error));
    TRY(letter_measure(store, file, error));
    list_append(&store->opened, store->arena, file);
    Status status = letters_mark(store, error);
    if (status == OK)
        status =
            store->world->kind->open(store->world, file->path, FILE_APPEND, &file->file, error);
    if (status != OK)
        store->opened.count--;
    return status;
}

static Status letter_write(LetterStore *store, LetterFile *file, Error *error)
{
    World *world = store->world;
    TRY(letter_open(store, file, error));
    if (file->is_broken)
        TRY(world->kind->truncate(world, file->path, file->bytes, error));
    file->is_broken = true;
    file->is_dirty = true;
    if (file->is_torn) {
        TRY(world->kind->write(file->file, "\n", 1, error));
        file->bytes++;
        file->is_torn = false;
    }
    TRY(world->kind->write(file->file, file->pending.data, file->pending.length, error));
    file->bytes += file->pending.length;
    file->is_broken = false;
    return OK;
}

/* Pending lines go to the file; what cannot be written stays for another try. */
static Status letter_flush(LetterStore *store, LetterFile *file, Error *error)
{
    if (file->pending.length == 0)
        return OK;
    if (store->trouble != OK && store->trouble != ERR_LIMIT) {
        *error = store->trouble_error;
        return store->trouble;
    }
    if (store->folder != NULL) {
        Status status = letter_write(store, file, error);
        if (status != OK) {
            letter_failed(store, file, status, error);
            return status;
        }
    }
    letters_hold(store, -file->pending.length);
    file->pending.length = 0;
    return OK;
}

static void letters_flush_due(LetterStore *store, LetterFile *file)
{
    int64_t now_us = world_monotonic_us(store->world);
    if (now_us < store->retry_us ||
        (file->pending.length < LETTER_FLUSH_BYTES && now_us - file->flushed_us < LETTER_FLUSH_US))
        return;
    Error error = {0};
    (void)!letter_flush(store, file, &error);
    file->flushed_us = now_us;
}

static void metric_count_letter(Str table, DeadLetterStage stage)
{
    Buffer labels = {0};
    buffer_append_text(&labels, "table=");
    json_append_quoted(&labels, table);
    buffer_printf(&labels, ",stage=\"%s\"", stage_names[stage]);
    metric_add(metric_get(METRIC_COUNTER, "weir_dead_letter_records_total",
                          buffer_terminated(&labels),
                          "Records that could not be decoded, computed with or delivered.", 1),
               1);
    buffer_free(&labels);
}

/* ---- Limits -------------------------------------------------------------------------------- */

/* The counts of seconds that have passed meanwhile start at zero. */
static int64_t letters_rate(LetterStore *store)
{
    int64_t second = world_monotonic_us(store->world) / 1000000, sum = 0;
    int64_t passed = second - store->rate_second;
    for (int64_t i = 0; i < passed && i < RATE_SECONDS; i++)
        store->rates[(second - i) % RATE_SECONDS] = 0;
    store->rate_second = second;
    store->rates[second % RATE_SECONDS]++;
    for (int32_t i = 0; i < RATE_SECONDS; i++)
        sum += store->rates[i];
    return sum;
}

static void letter_count(LetterStore *store, LetterFile *file, const DeadLetter *letter)
{
    store->count++;
    file->count++;
    int32_t at = 0;
    while (at < file->code_count && strcmp(file->codes[at].code, letter->code) != 0)
        at++;
    if (at == CODES_MAX)
        at--; /* the last one stands for the others */
    CodeCount *code = &file->codes[at];
    if (at == file->code_count) {
        file->code_count++;
        code->code = str_terminated(store->arena, str_from(letter->code));
    }
    code->count++;
    snprintf(code->reason, sizeof code->reason, "%s", letter->reason);
}

static void letters_exceed(LetterStore *store, int64_t most, const char *span, const char *key)
{
    const LetterFile *worst = LIST_AT(store->files, 0, LetterFile);
    for (int32_t i = 1; i < store->files.count; i++)
        if (LIST_AT(store->files, i, LetterFile)->count > worst->count)
            worst = LIST_AT(store->files, i, LetterFile);
    const CodeCount *code = &worst->codes[0];
    for (int32_t i = 1; i < worst->code_count; i++)
        if (worst->codes[i].count > code->count)
            code = &worst->codes[i];
    Error error = {0};
    Status status = fail(&error, ERR_LIMIT, "WR4421",
                         "more than %lld dead letters %s: %lld of table `%.*s` in this run, %lld "
                         "of them %s, such as: %s",
                         (long long)most, span, (long long)worst->count, STR_ARGS(worst->table),
                         (long long)code->count, code->code, code->reason);
    error_hint(&error,
               "the last checkpoint is kept: mend the input or the table, or raise '%s', "
               "and run again; `weir dlq show %.*s` shows the records",
               key, STR_ARGS(worst->table));
    letters_alarm(store, status, &error);
}

static void letters_check_limits(LetterStore *store)
{
    const LetterLimits *limits = &store->limits;
    if (limits->most > 0 && store->count_before + store->count > limits->most)
        letters_exceed(store, limits->most, "in all", "weir.dead-letters.max");
    if (limits->most_per_minute > 0 && letters_rate(store) > limits->most_per_minute)
        letters_exceed(store, limits->most_per_minute, "within a minute",
                       "weir.dead-letters.max-per-minute");
}

void deadletters_limit(DeadLetters *letters, const LetterLimits *limits,
                       void (*alarm)(void *context), void *context)
{
    letters->store->limits = *limits;
    letters->store->alarm = alarm;
    letters->store->alarm_context = context;
}

Status deadletters_trouble(DeadLetters *letters, Error *error)
{
    LetterStore *store = letters->store;
    pthread_mutex_lock(&store->lock);
    Status status = store->trouble;
    if (status != OK)
        *error = store->trouble_error;
    pthread_mutex_unlock(&store->lock);
    return status;
}

/* ---- Adding -------------------------------------------------------------------------------- */

static void letter_print(Buffer *out, Str when, const char *pipeline, const DeadLetter *letter)
{
    const Letter line = {.ts = when,
                         .pipeline = str_from(pipeline == NULL ? "" : pipeline),
                         .table = letter->table,
                         .stage = str_from(stage_names[letter->stage]),
                         .code = str_from(letter->code),
                         .reason = str_from(letter->reason),
                         .position = letter->position,
                         .format = str_from(letter->format == NULL ? "" : letter->format),
                         .bytes = letter->bytes};
    letter_append(out, &line);
}

void deadletters_add(DeadLetters *letters, const DeadLetter *letter)
{
    assert(letter->stage <= STAGE_DELIVER);
    assert(letter->code != NULL && letter->reason != NULL);
    LetterStore *store = letters->store;
    metric_count_letter(letter->table, letter->stage);
    Buffer when = {0};
    timestamp_print(&when, world_clock_us(store->world), 3, 'T');
    buffer_append_char(&when, 'Z');

    pthread_mutex_lock(&store->lock);
    if (store->observe != NULL)
        store->observe(store->observe_context, letter);
    LetterFile *file = letters_file(store, letter->table);
    letter_count(store, file, letter);
    bool is_ahead = letters->passed > store->settled && !planted(PLANTED_LETTERS_NOT_HELD);
    Buffer *into = is_ahead ? &file->ahead : &file->pending;
    int64_t before = into->length;
    letter_print(into, buffer_str(&when), store->writer, letter);
    letters_hold(store, into->length - before);
    file->ahead_count += is_ahead;
    letters_flush_due(store, file);
    letters_check_limits(store);
    pthread_mutex_unlock(&store->lock);
    buffer_free(&when);
}

bool deadletters_has_room(DeadLetters *letters)
{
    LetterStore *store = letters->store;
    if (atomic_load(&store->held_bytes) < HELD_BYTES_MAX)
        return true;
    pthread_mutex_lock(&store->lock);
    for (int32_t i = 0; i < store->files.count; i++)
        letters_flush_due(store, LIST_AT(store->files, i, LetterFile));
    pthread_mutex_unlock(&store->lock);
    return atomic_load(&store->held_bytes) < HELD_BYTES_MAX;
}

/* ---- Durable ------------------------------------------------------------------------------- */

/* A failed sync ends the job; who asks meanwhile hears of it, because the next one may say OK. */
static Status letters_sync_failed(LetterStore *store, Status status, const Error *error)
{
    status = letters_sync_result(status);
    if (status != OK)
        letters_alarm(store, status, error);
    return status;
}

static Status letters_sync_files(LetterStore *store, Error *error)
{
    World *world = store->world;
    if (store->trouble != OK && store->trouble != ERR_LIMIT) {
        *error = store->trouble_error;
        return store->trouble;
    }
    for (int32_t i = 0; i < store->files.count; i++)
        TRY(letter_flush(store, LIST_AT(store->files, i, LetterFile), error));
    for (int32_t i = 0; i < store->files.count; i++) {
        LetterFile *file = LIST_AT(store->files, i, LetterFile);
        if (!file->is_dirty || planted(PLANTED_LETTERS_NOT_SYNCED))
            continue;
        TRY(letters_sync_failed(store, world->kind->sync(file->file, error), error));
        file->is_dirty = false;
    }
    if (store->is_folder_dirty)
        TRY(letters_sync_failed(store, world->kind->sync_folder(world, store->folder, error),
                                error));
    store->is_folder_dirty = false;
    return OK;
}

Status deadletters_sync(DeadLetters *letters, Error *error)
{
    LetterStore *store = letters->store;
    pthread_mutex_lock(&store->lock);
    Status status = letters_sync_files(store, error);
    pthread_mutex_unlock(&store->lock);
    return status;
}

/* A file that somebody has taken away keeps what it has; what comes now begins a new one. */
static Status letter_follow(LetterStore *store, LetterFile *file, Error *error)
{
    FileInfo info = {0};
    Error missing = {0};
    Status status = store->world->kind->stat(store->world, file->path, &info, &missing);
    if (status == OK && info.size_bytes >= file->bytes)
        return OK;
    if (status != OK && status != ERR_NOT_FOUND) {
        *error = missing;
        return status;
    }
    log_event(LOG_WARN, "dead-letters", "`%s` was taken away: going on with a new file",
              file->path);
    File *old = file->file;
    file->file = NULL;
    file->noted_bytes = -1;
    int32_t kept = 0;
    for (int32_t i = 0; i < store->opened.count; i++)
        if (LIST_AT(store->opened, i, LetterFile) != file)
            store->opened.items[kept++] = store->opened.items[i];
    store->opened.count = kept;
    return store->world->kind->close(old, error);
}

static Status letters_follow(LetterStore *store, Error *error)
{
    for (int32_t i = store->opened.count - 1; i >= 0; i--) {
        LetterFile *file = LIST_AT(store->opened, i, LetterFile);
        if (file->noted_bytes != file->bytes)
            TRY(letter_follow(store, file, error));
    }
    return OK;
}

static bool letters_has_opened(const LetterStore *store, Str name)
{
    for (int32_t i = 0; i < store->opened.count; i++)
        if (str_is(name, LIST_AT(store->opened, i, LetterFile)->name))
            return true;
    return false;
}

static Status letters_note(LetterStore *store, List *lengths, Arena *arena, Error *error)
{
    for (int32_t i = 0; i < store->opened.count; i++) {
        LetterFile *file = LIST_AT(store->opened, i, LetterFile);
        if (file->noted_bytes != file->bytes) {
            file->noted = (LetterLength){.name = str_from(file->name), .bytes = file->bytes};
            TRY(lettermark_check(store->world, file->path, file->bytes, &file->noted.check, error));
            file->noted_bytes = file->bytes;
        }
        list_append(lengths, arena, &file->noted);
    }
    for (int32_t i = 0; i < store->found.count; i++) {
        LetterLength *length = LIST_AT(store->found, i, LetterLength);
        if (!letters_has_opened(store, length->name))
            list_append(lengths, arena, length);
    }
    return OK;
}

/* What was held back belongs to the next checkpoint, and may go to the files now. */
static void letters_release(LetterStore *store)
{
    for (int32_t i = 0; i < store->files.count; i++) {
        LetterFile *file = LIST_AT(store->files, i, LetterFile);
        buffer_append_str(&file->pending, buffer_str(&file->ahead));
        buffer_free(&file->ahead);
        file->ahead = (Buffer){0};
        file->ahead_count = 0;
    }
}

static int64_t letters_count_ahead(const LetterStore *store)
{
    int64_t count = 0;
    for (int32_t i = 0; i < store->files.count; i++)
        count += LIST_AT(store->files, i, LetterFile)->ahead_count;
    return count;
}

Status deadletters_checkpoint(DeadLetters *letters, int64_t checkpoint, Buffer *state, Error *error)
{
    LetterStore *store = letters->store;
    Arena *arena = arena_new(0);
    List lengths = {0};
    pthread_mutex_lock(&store->lock);
    Status status = letters_sync_files(store, error);
    if (status == OK)
        status = letters_follow(store, error);
    if (status == OK)
        status = letters_note(store, &lengths, arena, error);
    int64_t count = store->count_before + store->count - letters_count_ahead(store);
    if (status == OK && store->writer != NULL) {
        buffer_append_u8(state, STATE_VERSION);
        buffer_append_u64(state, (uint64_t)count);
        lettermark_encode(&lengths, state);
    }
    if (status == OK) {
        store->settled = checkpoint;
        letters_release(store);
    }
    pthread_mutex_unlock(&store->lock);
    arena_free(arena);
    return status;
}

bool deadletters_decode_state(Str state, Arena *arena, LetterState *out)
{
    *out = (LetterState){0};
    if (state.length == 0)
        return true;
    ByteReader reader = byte_reader(state);
    uint8_t version = byte_reader_u8(&reader);
    out->knows_all = version == STATE_VERSION;
    out->count = (int64_t)byte_reader_u64(&reader);
    bool is_known = version == STATE_VERSION || version == STATE_VERSION_SOME;
    if (is_known && lettermark_decode(&reader, arena, &out->lengths))
        return true;
    *out = (LetterState){0};
    return false;
}

/* A file may be taken away, and a replay makes lines longer; nothing makes a file shorter. */
static void letters_compare(const LetterStore *store, const List *noted)
{
    for (int32_t i = 0; i < noted->count; i++) {
        const LetterLength *then = LIST_AT(*noted, i, LetterLength);
        for (int32_t k = 0; k < store->found.count; k++) {
            const LetterLength *now = LIST_AT(store->found, k, LetterLength);
            if (str_equal(now->name, then->name) && now->bytes < then->bytes)
                log_event(LOG_WARN, "dead-letters",
                          LETTER_DAMAGED_CODE ": `%s/%.*s` had %lld bytes at the last checkpoint "
                                              "and has %lld now: letters at its end are missing",
                          store->folder, STR_ARGS(now->name), (long long)then->bytes,
                          (long long)now->bytes);
        }
    }
}

Status deadletters_begin(DeadLetters *letters, const char *writer, int64_t checkpoint, Str state,
                         Error *error)
{
    LetterStore *store = letters->store;
    Arena *arena = arena_new(0);
    LetterState before;
    if (deadletters_decode_state(state, arena, &before))
        store->count_before = before.count;
    Status status = OK;
    if (store->folder != NULL)
        status =
            lettermark_measure(store->world, store->folder, store->arena, &store->found, error);
    if (status == OK)
        letters_compare(store, &before.lengths);
    arena_free(arena);
    TRY(status);
    store->writer = str_terminated(store->arena, str_from(writer));
    store->writer_checkpoint = checkpoint;
    store->settled = checkpoint;
    return OK;
}

DeadLetters *deadletters_of_task(DeadLetters *letters)
{
    LetterStore *store = letters->store;
    pthread_mutex_lock(&store->lock);
    DeadLetters *task = ARENA_NEW(store->arena, DeadLetters);
    task->store = store;
    pthread_mutex_unlock(&store->lock);
    return task;
}

void deadletters_pass(DeadLetters *task, int64_t checkpoint)
{
    pthread_mutex_lock(&task->store->lock);
    task->passed = checkpoint;
    pthread_mutex_unlock(&task->store->lock);
}

bool deadletters_has_mark(const DeadLetters *letters)
{
    LetterStore *store = letters->store;
    pthread_mutex_lock(&store->lock);
    bool has_mark = store->writer != NULL && store->opened.count > 0;
    pthread_mutex_unlock(&store->lock);
    return has_mark;
}

Status deadletters_settle(DeadLetters *letters, Error *error)
{
    if (!deadletters_has_mark(letters) || planted(PLANTED_LETTERS_NOT_MARKED))
        return OK;
    return lettermark_remove(letters->store->world, letters->store->folder, error);
}

int64_t deadletters_count(const DeadLetters *letters)
{
    LetterStore *store = letters->store;
    pthread_mutex_lock(&store->lock);
    int64_t count = store->count;
    pthread_mutex_unlock(&store->lock);
    return count;
}

static void letter_report_lost(const LetterFile *file)
{
    if (file->pending.length > 0)
        log_event(LOG_ERROR, "dead-letters",
                  "%lld bytes of dead letters of %.*s were not written; what is read again after "
                  "the last checkpoint gives them again",
                  (long long)file->pending.length, STR_ARGS(file->table));
}

void deadletters_close(DeadLetters *letters)
{
    if (letters == NULL)
        return;
    LetterStore *store = letters->store;
    letters_release(store);
    Error error = {0};
    for (int32_t i = 0; i < store->files.count; i++) {
        LetterFile *file = LIST_AT(store->files, i, LetterFile);
        (void)!letter_flush(store, file, &error);
        if (store->folder != NULL)
            letter_report_lost(file);
        if (file->file != NULL)
            (void)!store->world->kind->close(file->file, NULL);
        buffer_free(&file->pending);
    }
    pthread_mutex_destroy(&store->lock);
    arena_free(store->arena);
}
