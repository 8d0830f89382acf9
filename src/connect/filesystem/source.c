/* Reading a table of files: which files, from where in them, and what is remembered of it.
 *
 * Files are read in the order of their paths. The position is the file being read, the offset in
 * it, and the files that are done; with source.monitor-interval the folder is looked at again
 * and again for files that are in neither. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/planted.h"
#include "connect/filesystem/blocks.h"
#include "connect/filesystem/bulk.h"
#include "connect/filesystem/internal.h"
#include "connect/filesystem/layout.h"
#include "connect/filesystem/seen.h"

enum { STATE_VERSION = 2, POLL_WAIT_US = 50 * 1000 };

typedef struct FilesystemSource {
    SourceReader base;
    FileLayout layout;
    const char *root;
    const Format *format;
    const char *prefix;
    pcre2_code *pattern;  /* NULL: all files */
    int64_t monitor_us;   /* 0: bounded */
    int64_t next_look_us; /* monotonic */
    SeenFiles seen;
    bool has_looked;
    const FoundFile *file; /* being delivered */
    Value *values;         /* of `file` */
    Arena *value_arena;
    int64_t offset;    /* of `file`, behind what was delivered */
    FileMark mark;     /* of it, there */
    Str restored_path; /* where reading goes on, until the file is met */
    int64_t restored_offset;
    FileMark restored_mark;
    bool is_restored_found;
    Blocks *blocks;
    bool is_bulk; /* then `bulk` stands for `blocks` */
    BulkFiles bulk;
    int64_t file_base_bytes; /* progress before the current file */
    atomic_bool is_interrupted;
} FilesystemSource;

static Status source_compile_pattern(FilesystemSource *source, Error *error)
{
    const OptionSet *options = source->base.node->source.table->options.options;
    if (!options_has(options, "source.path.regex-pattern"))
        return OK;
    Str text = options_text(options, "source.path.regex-pattern");
    int code;
    PCRE2_SIZE at;
    source->pattern =
        pcre2_compile((PCRE2_SPTR)text.data, (PCRE2_SIZE)text.length,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code, &at, NULL);
    if (source->pattern != NULL)
        return OK;
    PCRE2_UCHAR message[128];
    pcre2_get_error_message(code, message, sizeof message);
    return fail(error, ERR_INVALID, "WR3407", "'source.path.regex-pattern': %s at position %d",
                (const char *)message, (int)at);
}

/* Files of records that were given back: no name below the root begins so. */
static const char replay_prefix[] = "//replay/";

static bool source_wants(const FilesystemSource *source, const FoundFile *file)
{
    if (source->pattern == NULL || str_has_prefix(file->relative, str_from(replay_prefix)))
        return true;
    pcre2_match_data *match = memory_expect(pcre2_match_data_create(1, NULL));
    int count = pcre2_match(source->pattern, (PCRE2_SPTR)file->path, PCRE2_ZERO_TERMINATED, 0, 0,
                            match, NULL);
    if (count == PCRE2_ERROR_NOMEMORY)
        memory_exhausted(0);
    pcre2_match_data_free(match);
    return count >= 0;
}

static void source_queue(FilesystemSource *source, const FoundFile *found)
{
    Arena *arena = source->base.arena;
    FoundFile *file = ARENA_NEW(arena, FoundFile);
    *file = *found;
    file->path = str_terminated(arena, str_from(found->path));
    file->relative = str_copy(arena, found->relative);
    int64_t offset = 0;
    if (source->restored_path.length > 0 && str_equal(file->relative, source->restored_path)) {
        offset = source->restored_offset;
        source->is_restored_found = true;
    }
    seen_queue(&source->seen, file->relative);
    atomic_fetch_add(&source->base.progress.bytes_total, file->size_bytes);
    if (source->is_bulk)
        bulk_add(&source->bulk, arena, file, offset, &source->restored_mark);
    else
        blocks_add(source->blocks, file, offset, &source->restored_mark);
}

/* The file that was being read when the state was written goes first. */
static Status source_queue_all(FilesystemSource *source, const List *files, Error *error)
{
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < files->count; i++) {
            const FoundFile *file = LIST_AT(*files, i, FoundFile);
            bool is_first = source->restored_path.length > 0 &&
                            str_equal(file->relative, source->restored_path);
            if (is_first != (pass == 0) || !source_wants(source, file))
                continue;
            bool is_known;
            TRY(seen_find(&source->seen, file, !source->has_looked, &is_known, error));
            if (!is_known)
                source_queue(source, file);
        }
    }
    source->has_looked = true;
    return OK;
}

static int compare_files(const void *a, const void *b)
{
    const FoundFile *const *left = a;
    const FoundFile *const *right = b;
    return str_compare((*left)->relative, (*right)->relative);
}

/* Whether the bytes of a letter can be read again: the values of partitions stand in the path of
 * the file that they came from. */
static bool source_can_replay(const FilesystemSource *source)
{
    return !source->is_bulk && source->base.node->source.table->partition_count == 0;
}

static Status source_find_replays(FilesystemSource *source, Arena *arena, List *files, Error *error)
{
    const SourceReader *base = &source->base;
    const char *folder =
        base->dead_letters == NULL || !source_can_replay(source)
            ? NULL
            : deadletters_replay_folder(base->dead_letters, arena, base->node->source.table->name);
    FileInfo info;
    if (folder == NULL || base->world->kind->stat(base->world, folder, &info, NULL) != OK)
        return OK;
    List found = {0};
    TRY(paths_find(base->world, arena, folder, &found, error));
    for (int32_t i = 0; i < found.count; i++) {
        FoundFile *file = LIST_AT(found, i, FoundFile);
        file->relative =
            str_from(arena_printf(arena, "%s%.*s", replay_prefix, STR_ARGS(file->relative)));
        list_append(files, arena, file);
    }
    return OK;
}

static Status source_look(FilesystemSource *source, Error *error)
{
    World *world = source->base.world;
    Arena *arena = arena_new(0);
    List files = {0};
    Status status = paths_find(world, arena, source->root, &files, error);
    if (status == OK) {
        if (files.count > 1)
            qsort(files.items, (size_t)files.count, sizeof(void *), compare_files);
        status = source_find_replays(source, arena, &files, error);
    }
    if (status == OK) {
        status = source_queue_all(source, &files, error);
    } else if (status == ERR_NOT_FOUND && error != NULL) {
        error_hint(error, "option 'path' names a file or folder that must exist to be read");
    }
    arena_free(arena);
    source->next_look_us = world_monotonic_us(world) + source->monitor_us;
    return status;
}

static Status source_restore(FilesystemSource *source, Str state, Error *error)
{
    if (state.length == 0)
        return OK;
    ByteReader reader = byte_reader(state);
    uint8_t version = byte_reader_u8(&reader);
    if (version == STATE_VERSION)
        seen_load(&source->seen, &reader);
    source->restored_path = str_copy(source->base.arena, byte_reader_bytes(&reader));
    source->restored_offset = (int64_t)byte_reader_u64(&reader);
    mark_load(&reader, &source->restored_mark);
    if (reader.is_short || version != STATE_VERSION)
        return fail(error, ERR_CORRUPT, "WR3408",
                    "the saved position of a filesystem source cannot be read");
    return OK;
}

static DecoderSpec source_decoder(const FilesystemSource *source)
{
    const PlanTable *table = source->base.node->source.table;
    return (DecoderSpec){.record = &source->layout.record,
                         .columns = source->layout.record_columns,
                         .paths = source->layout.paths,
                         .column_count = source->layout.decoded_count,
                         .bounds = source->layout.bounds,
                         .bound_count = source->layout.bound_count,
                         .options = table->options.options,
                         .prefix = source->prefix,
                         .zone = source->base.zone,
                         .world = source->base.world};
}

static Status source_start_blocks(FilesystemSource *source, Error *error)
{
    BlocksSpec spec = {
        .world = source->base.world,
        .kind = source->format->decoder,
        .decoder = source_decoder(source),
        .batch = &source->layout.decoded,
        .threads = source->base.decode_threads,
        .helpers = source->base.helper_count,
        .call_helpers = source->base.call_helpers,
        .call_context = source->base.call_context,
        .passes_damage = source->monitor_us > 0,
    };
    return blocks_open(source->base.arena, &spec, &source->blocks, error);
}

static Status source_open(SourceReader *reader, Str state, Error *error)
{
    FilesystemSource *source = (FilesystemSource *)reader;
    const PlanTable *table = reader->node->source.table;
    const OptionSet *options = table->options.options;
    Arena *arena = reader->arena;
    layout_of_source(arena, reader->node, &source->layout);
    source->format = format_find(str_from(table->options.format->name));
    source->prefix = arena_printf(arena, "%s.", table->options.format->name);
    source->value_arena = arena_new(0);
    if (options_has(options, "source.monitor-interval"))
        source->monitor_us = options_duration_us(options, "source.monitor-interval");
    TRY(path_of_option(arena, options_text(options, "path"), &source->root, error));
    source->bulk.kind = bulk_kind_find(table->options.format);
    source->is_bulk = source->bulk.kind != NULL;
    seen_init(&source->seen, reader->world, arena, source->is_bulk);
    source->bulk.world = reader->world;
    source->bulk.layout = &source->layout;
    source->bulk.spec = source_decoder(source);
    source->bulk.passes_damage = source->monitor_us > 0;
    TRY(source_compile_pattern(source, error));
    TRY(source_restore(source, state, error));
    if (!source->is_bulk)
        TRY(source_start_blocks(source, error));
    TRY(source_look(source, error));
    if (source->restored_path.length > 0 && !source->is_restored_found)
        return mark_fail(
            arena_printf(arena, "%s: %.*s", source->root, STR_ARGS(source->restored_path)),
            "was half read and is gone", error);
    atomic_store(&reader->progress.phase,
                 source->monitor_us > 0 ? PHASE_STREAMING : PHASE_SNAPSHOT);
    return OK;
}

static void source_reject(void *context, const FoundFile *file, int64_t offset, Str record,
                          const char *code, const char *reason)
{
    FilesystemSource *source = context;
    Arena *arena = arena_new(0);
    const char *position = arena_printf(arena, "%s:%lld", file->path, (long long)offset);
    DeadLetter letter = {.table = source->base.node->source.table->name,
                         .stage = STAGE_DECODE,
                         .code = code,
                         .reason = reason,
                         .position = str_from(position),
                         .bytes = record};
    if (source_can_replay(source) && strcmp(code, BLOCKS_DAMAGED) != 0)
        letter.format = source->base.node->source.table->options.format->name;
    if (source->base.dead_letters != NULL)
        deadletters_add(source->base.dead_letters, &letter);
    arena_free(arena);
}

/* The file changes: its constants are made anew. */
static Status source_enter_file(FilesystemSource *source, const FoundFile *file, Error *error)
{
    if (source->file == file)
        return OK;
    arena_reset(source->value_arena);
    source->restored_path.length = 0;
    source->file = file;
    return layout_file_values(&source->layout, file, source->value_arena, &source->values, error);
}

static void source_finish_file(FilesystemSource *source)
{
    Progress *progress = &source->base.progress;
    seen_done(&source->seen, source->file->relative, &source->mark);
    source->file_base_bytes += source->file->size_bytes;
    atomic_store(&progress->bytes_done, source->file_base_bytes);
    source->file = NULL;
}

/* Whoever took it away may have meant it, or not. */
static void source_pass_over(FilesystemSource *source, const FoundFile *file)
{
    seen_gone(&source->seen, file->relative);
    atomic_fetch_sub(&source->base.progress.bytes_total, file->size_bytes);
    log_event(LOG_WARN, "filesystem",
              "%s: %s went away before it was read: nothing of it is; put it back, and it is",
              "WR3415", file->path);
}

static Status source_wait(FilesystemSource *source, Error *error)
{
    World *world = source->base.world;
    if (source->monitor_us == 0)
        return ERR_END;
    if (atomic_load(&source->is_interrupted))
        return ERR_CANCELLED;
    if (world_monotonic_us(world) < source->next_look_us)
        world->kind->sleep_us(world, POLL_WAIT_US);
    else
        TRY(source_look(source, error));
    return ERR_AGAIN;
}

static Status source_poll(SourceReader *reader, Batch **out, Error *error)
{
    FilesystemSource *source = (FilesystemSource *)reader;
    BlocksItem item;
    if (atomic_load(&source->is_interrupted))
        return ERR_CANCELLED;
    Status status = source->is_bulk
                        ? bulk_next(&source->bulk, &item, source_reject, source, error)
                        : blocks_next(source->blocks, &item, source_reject, source, error);
    if (status == ERR_END)
        return source_wait(source, error);
    TRY(status);
    if (item.is_gone) {
        source_pass_over(source, item.file);
        return ERR_AGAIN;
    }
    status = source_enter_file(source, item.file, error);
    if (status != OK) {
        batch_free(item.batch);
        return status;
    }
    source->offset = item.end_offset;
    source->mark = item.mark;
    if (!source->is_bulk)
        atomic_store(&reader->progress.bytes_done, source->file_base_bytes + item.end_offset);
    if (item.batch != NULL) {
        layout_arrange(&source->layout, source->values, item.batch);
        atomic_fetch_add(&reader->progress.rows_done, item.batch->row_count);
    }
    if (item.is_file_end)
        source_finish_file(source);
    *out = item.batch;
    return item.batch != NULL ? OK : ERR_AGAIN;
}

static void source_snapshot(SourceReader *reader, Buffer *out)
{
    FilesystemSource *source = (FilesystemSource *)reader;
    buffer_append_u8(out, STATE_VERSION);
    seen_save(&source->seen, planted(PLANTED_POSITION_BEHIND) ? 1 : 0, out);
    bool is_inside = source->file != NULL;
    /* Nothing was delivered since the restore: the position is still the restored one. */
    Str path = is_inside ? source->file->relative : source->restored_path;
    buffer_append_bytes(out, path);
    buffer_append_u64(out, (uint64_t)(is_inside ? source->offset : source->restored_offset));
    mark_save(is_inside ? &source->mark : &source->restored_mark, out);
}

static void source_interrupt(SourceReader *reader)
{
    FilesystemSource *source = (FilesystemSource *)reader;
    atomic_store(&source->is_interrupted, true);
    if (source->blocks != NULL)
        blocks_interrupt(source->blocks);
}

static void source_close(SourceReader *reader)
{
    FilesystemSource *source = (FilesystemSource *)reader;
    if (source->blocks != NULL)
        blocks_end(source->blocks);
    bulk_close(&source->bulk);
    pcre2_code_free(source->pattern);
    arena_free(source->value_arena);
}

/* Files that are there are read as fast as they can be decoded. A pipe waits for its writer, and so
 * does a folder that is watched; bulk formats have readers of their own. */
static bool source_never_waits(const SourceReader *reader)
{
    const PlanTable *table = reader->node->source.table;
    if (options_has(table->options.options, "source.monitor-interval") ||
        bulk_kind_find(table->options.format) != NULL)
        return false;
    Arena *arena = arena_new(0);
    const char *path;
    FileInfo info;
    Status status =
        path_of_option(arena, options_text(table->options.options, "path"), &path, NULL);
    if (status == OK)
        status = reader->world->kind->stat(reader->world, path, &info, NULL);
    arena_free(arena);
    return status == OK && (info.is_file || info.is_folder);
}

static bool source_help(SourceReader *reader, int32_t helper)
{
    return blocks_help(((FilesystemSource *)reader)->blocks, helper);
}

static bool source_is_ready(SourceReader *reader)
{
    return blocks_is_ready(((FilesystemSource *)reader)->blocks);
}

const SourceKind filesystem_source = {
    .size = sizeof(FilesystemSource),
    .open = source_open,
    .poll = source_poll,
    .snapshot = source_snapshot,
    .interrupt = source_interrupt,
    .close = source_close,
    .never_waits = source_never_waits,
    .help = source_help,
    .is_ready = source_is_ready,
};
