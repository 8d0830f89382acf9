/* Dead letters: JSON lines appended to one file per table. */
#include "state/deadletter.h"

#include <assert.h>
#include <pthread.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "data/datetime.h"

enum {
    LETTER_FLUSH_BYTES = 65536,
    LETTER_FLUSH_US = 100000, /* a letter after a pause this long is written at once */
    LETTER_FILES_MAX = 256,   /* tables beyond share the first file */
};

/* The file of one table, opened with its first letter. Lines gather in `pending`. */
typedef struct LetterFile {
    Str table;
    File *file;
    Buffer pending;
    int64_t pending_count;
    int64_t flushed_us;
    bool is_dirty; /* written since the last sync */
    bool is_broken;
} LetterFile;

struct DeadLetters {
    World *world;
    Arena *arena;
    const char *folder;   /* NULL: count only */
    pthread_mutex_t lock; /* guards all below */
    List files;           /* LetterFile */
    int64_t count;
    bool has_folder;
    void (*observe)(void *context, const DeadLetter *letter); /* or NULL */
    void *observe_context;
};

DeadLetters *deadletters_open(World *world, const char *folder)
{
    DeadLetters *letters = memory_allocate_zeroed((int64_t)sizeof *letters);
    letters->world = world;
    letters->arena = arena_new(0);
    if (folder != NULL)
        letters->folder = str_terminated(letters->arena, str_from(folder));
    pthread_mutex_init(&letters->lock, NULL);
    return letters;
}

void deadletters_observe(DeadLetters *letters,
                         void (*observe)(void *context, const DeadLetter *letter), void *context)
{
    letters->observe = observe;
    letters->observe_context = context;
}

static const char *const stage_names[] = {
    [STAGE_DECODE] = "decode",
    [STAGE_COMPUTE] = "compute",
    [STAGE_LATE] = "late",
    [STAGE_DELIVER] = "deliver",
};

/* Names of tables may hold anything: what is not plain becomes `_` and the hash of the whole
 * keeps two names apart. */
static const char *letter_path(DeadLetters *letters, Str table)
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
    const char *path =
        is_plain ? arena_printf(letters->arena, "%s/%.*s.jsonl", letters->folder, STR_ARGS(table))
                 : arena_printf(letters->arena, "%s/t_%.*s-%08x.jsonl", letters->folder,
                                (int)name.length, name.length == 0 ? "" : name.data,
                                (uint32_t)hash_bytes(table.data, table.length));
    buffer_free(&name);
    return path;
}

static LetterFile *letters_file(DeadLetters *letters, Str table)
{
    for (int32_t i = 0; i < letters->files.count; i++) {
        LetterFile *file = LIST_AT(letters->files, i, LetterFile);
        if (str_equal(file->table, table))
            return file;
    }
    if (letters->files.count == LETTER_FILES_MAX)
        return LIST_AT(letters->files, 0, LetterFile);
    LetterFile *file = ARENA_NEW(letters->arena, LetterFile);
    file->table = str_copy(letters->arena, table);
    list_append(&letters->files, letters->arena, file);
    return file;
}

static void letter_lost(const LetterFile *file, int64_t count, const Error *error)
{
    static const char help[] = "Dead letters that could not be written.";
    metric_add(metric_get(METRIC_COUNTER, "weir_dead_letter_write_failures_total", "", help, 1),
               count);
    log_event(LOG_ERROR, "dead-letters", "could not keep dead letters of %.*s: %s",
              STR_ARGS(file->table), error->text);
}

static Status letter_open(DeadLetters *letters, LetterFile *file, Error *error)
{
    if (file->file != NULL)
        return OK;
    World *world = letters->world;
    if (!letters->has_folder)
        TRY(world->kind->make_folder(world, letters->folder, error));
    letters->has_folder = true;
    const char *path = letter_path(letters, file->table);
    return world->kind->open(world, path, FILE_APPEND, &file->file, error);
}

/* Pending lines go to the file. What cannot be written is lost and said so; a torn line may
 * stand at the end of the file then, so the next write starts on a fresh one. */
static Status letter_flush(DeadLetters *letters, LetterFile *file, Error *error)
{
    if (letters->folder == NULL)
        file->pending.length = 0;
    if (file->pending.length == 0)
        return OK;
    Status status = letter_open(letters, file, error);
    if (status == OK && file->is_broken)
        status = letters->world->kind->write(file->file, "\n", 1, error);
    if (status == OK)
        status = letters->world->kind->write(file->file, file->pending.data, file->pending.length,
                                             error);
    file->is_broken = status != OK;
    file->is_dirty = file->is_dirty || file->file != NULL;
    if (status != OK)
        letter_lost(file, file->pending_count, error);
    file->pending.length = 0;
    file->pending_count = 0;
    return status;
}

static bool text_is_utf8(Str text)
{
    int64_t i = 0;
    while (i < text.length) {
        uint8_t lead = (uint8_t)text.data[i++];
        if (lead < 0x80)
            continue;
        int32_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || i + more > text.length)
            return false;
        uint8_t second = (uint8_t)text.data[i];
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
            (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
            return false;
        for (int32_t k = 0; k < more; k++)
            if (((uint8_t)text.data[i++] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static void letter_bytes(JsonWriter *json, Str bytes)
{
    if (text_is_utf8(bytes)) {
        json_key(json, "text");
        json_str(json, bytes);
        return;
    }
    Buffer base64 = {0};
    base64_encode(&base64, bytes);
    json_key(json, "base64");
    json_str(json, buffer_str(&base64));
    buffer_free(&base64);
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

void deadletters_add(DeadLetters *letters, const DeadLetter *letter)
{
    assert(letter->stage <= STAGE_DELIVER);
    assert(letter->code != NULL && letter->reason != NULL);
    metric_count_letter(letter->table, letter->stage);
    Buffer when = {0};
    timestamp_print(&when, world_now_us(letters->world), 3, 'T');
    buffer_append_char(&when, 'Z');

    pthread_mutex_lock(&letters->lock);
    if (letters->observe != NULL)
        letters->observe(letters->observe_context, letter);
    LetterFile *file = letters_file(letters, letter->table);
    JsonWriter json = {.out = &file->pending};
    json_begin_object(&json);
    json_key(&json, "ts");
    json_str(&json, buffer_str(&when));
    json_key(&json, "table");
    json_str(&json, letter->table);
    json_key(&json, "stage");
    json_text(&json, stage_names[letter->stage]);
    json_key(&json, "code");
    json_text(&json, letter->code);
    json_key(&json, "reason");
    json_text(&json, letter->reason);
    json_key(&json, "position");
    json_str(&json, letter->position);
    letter_bytes(&json, letter->bytes);
    json_end_object(&json);
    buffer_append_char(&file->pending, '\n');
    file->pending_count++;
    letters->count++;
    int64_t now_us = world_monotonic_us(letters->world);
    if (file->pending.length >= LETTER_FLUSH_BYTES ||
        now_us - file->flushed_us >= LETTER_FLUSH_US) {
        Error error = {0};
        (void)!letter_flush(letters, file, &error);
        file->flushed_us = now_us;
    }
    pthread_mutex_unlock(&letters->lock);
    buffer_free(&when);
}

Status deadletters_sync(DeadLetters *letters, Error *error)
{
    Status first = OK;
    pthread_mutex_lock(&letters->lock);
    for (int32_t i = 0; i < letters->files.count; i++) {
        LetterFile *file = LIST_AT(letters->files, i, LetterFile);
        Error trouble = {0};
        Status status = letter_flush(letters, file, &trouble);
        if (status == OK && file->is_dirty && file->file != NULL)
            status = letters->world->kind->sync(file->file, &trouble);
        file->is_dirty = file->is_dirty && status != OK;
        if (status != OK && first == OK) {
            first = status;
            *error = trouble;
        }
    }
    pthread_mutex_unlock(&letters->lock);
    return first;
}

int64_t deadletters_count(const DeadLetters *letters)
{
    DeadLetters *locked = (DeadLetters *)(uintptr_t)letters;
    pthread_mutex_lock(&locked->lock);
    int64_t count = letters->count;
    pthread_mutex_unlock(&locked->lock);
    return count;
}

void deadletters_close(DeadLetters *letters)
{
    if (letters == NULL)
        return;
    Error error = {0};
    (void)!deadletters_sync(letters, &error);
    for (int32_t i = 0; i < letters->files.count; i++) {
        LetterFile *file = LIST_AT(letters->files, i, LetterFile);
        if (file->file != NULL)
            (void)!letters->world->kind->close(file->file, NULL);
        buffer_free(&file->pending);
    }
    pthread_mutex_destroy(&letters->lock);
    arena_free(letters->arena);
    memory_free(letters);
}
