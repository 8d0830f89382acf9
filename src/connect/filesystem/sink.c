/* Writing a table of files, by the protocol of Flink's file sink: files are hidden while they are
 * written, and become visible when the checkpoint that covers all of them is durable.
 *
 * Row formats go on with a file across checkpoints, and the checkpoint says how long it was. Bulk
 * formats finish their files at every checkpoint. */
#include "connect/filesystem/sink.h"
#include "base/ceiling.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "connect/filesystem/internal.h"
#include "connect/filesystem/layout.h"
#include "connect/filesystem/paths.h"
#include "data/nested.h"
#include "data/rowcode.h"
#include "data/value.h"

#include <stdio.h>

enum {
    FLUSH_BYTES = 256 * 1024,
    /* Of rows in memory: before a bulk file is written, and of all parts together; or that part of
     * the limit of memory. Writing a bulk file takes several times as much as is in it. */
    BULK_BYTES_MAX = 64 << 20,
    BULK_PART = 32,
    MEMORY_BYTES_MAX = 128 << 20,
    MEMORY_PART = 16,
    OPEN_FILES_MAX = 64, /* with more parts than this, files are open only while written */
};

static void sink_read_options(FilesystemSink *sink, const OptionSet *options)
{
    sink->rolling = (RollingPolicy){
        .file_bytes = options_bytes(options, "sink.rolling-policy.file-size"),
        .rollover_us = options_duration_us(options, "sink.rolling-policy.rollover-interval"),
        .inactivity_us = options_duration_us(options, "sink.rolling-policy.inactivity-interval"),
        .check_us = options_duration_us(options, "sink.rolling-policy.check-interval"),
    };
    int64_t most = ceiling_share(BULK_PART, BULK_BYTES_MAX);
    if (sink->bulk != NULL && sink->rolling.file_bytes > most)
        sink->rolling.file_bytes = most;
    sink->default_partition = options_text(options, "partition.default-name");
}

static void sink_map_columns(FilesystemSink *sink)
{
    const PlanNode *node = sink->base.node;
    const PlanTable *table = node->sink.table;
    Arena *arena = sink->base.arena;
    int32_t count = table->physical.count;
    int32_t *places = ARENA_ARRAY(arena, int32_t, count);
    sink->record = layout_record(arena, table, places);
    sink->record_columns = ARENA_ARRAY(arena, int32_t, count);
    sink->inputs = ARENA_ARRAY(arena, int32_t, count);
    for (int32_t i = 0; i < count; i++) {
        sink->inputs[i] = -1;
        if (places[i] >= 0)
            sink->record_columns[places[i]] = i;
    }
    for (int32_t i = 0; i < node->schema.count; i++)
        if (node->sink.writes[i] >= 0)
            sink->inputs[node->sink.writes[i]] = i;
    sink->partition_count = table->partition_count;
    sink->partition = ARENA_ARRAY(arena, int32_t, table->partition_count);
    for (int32_t i = 0; i < table->partition_count; i++)
        sink->partition[i] = table->partition[i];
}

static void sink_new_uuid(FilesystemSink *sink)
{
    World *world = sink->base.world;
    uint64_t high = world->kind->random_u64(world);
    uint64_t low = world->kind->random_u64(world);
    /* Version 4, variant 1. */
    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    low = (low & (UINT64_MAX >> 2)) | (UINT64_C(1) << 63);
    snprintf(sink->uuid, sizeof sink->uuid, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff), (unsigned)(low >> 48),
             (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

static uint64_t sink_shape(const FilesystemSink *sink)
{
    Buffer text = {0};
    buffer_printf(&text, "%s %s", sink->root, sink->base.node->sink.table->options.format->name);
    for (int32_t i = 0; i < sink->record.count; i++) {
        buffer_printf(&text, " %.*s ", STR_ARGS(sink->record.fields[i].name));
        type_print(&text, sink->record.fields[i].type);
    }
    uint64_t shape = hash_bytes(text.data, text.length);
    buffer_free(&text);
    return shape;
}

static Status sink_open_format(FilesystemSink *sink, Error *error)
{
    const TableOptions *options = &sink->base.node->sink.table->options;
    Arena *arena = sink->base.arena;
    sink->spec = (EncoderSpec){.record = &sink->record,
                               .columns = sink->record_columns,
                               .options = options->options,
                               .prefix = arena_printf(arena, "%s.", options->format->name),
                               .zone = sink->base.zone,
                               .world = sink->base.world};
    if (sink->bulk != NULL)
        return sink->bulk->check(arena, &sink->spec, error);
    return sink->format->encoder->open(arena, &sink->spec, &sink->encoder, error);
}

static void sink_clear(FilesystemSink *sink)
{
    sink_parts_free(sink);
    commits_free(&sink->commits);
    if (sink->encoder != NULL)
        sink->format->encoder->close(sink->encoder);
    sink->encoder = NULL;
    buffer_free(&sink->key);
    buffer_free(&sink->last_key);
    if (sink->scratch != NULL)
        arena_free(sink->scratch);
    sink->scratch = NULL;
}

static Status sink_begin(FilesystemSink *sink, Error *error)
{
    bool is_left;
    sink_new_uuid(sink);
    TRY(part_retriable(note_begin(sink, &is_left, error), error));
    return is_left ? sink_remove_leftovers(sink, error) : OK;
}

/* Comes again after a disk that was full: what the call before made of the state is dropped. */
static Status sink_open(SinkWriter *writer, Str state, Error *error)
{
    FilesystemSink *sink = (FilesystemSink *)writer;
    const TableOptions *options = &writer->node->sink.table->options;
    sink_clear(sink);
    sink->scratch = arena_new(0);
    sink->last_part = -1;
    sink->format = format_find(str_from(options->format->name));
    sink->bulk = bulk_kind_find(options->format);
    const char *name = str_has_suffix(str_from(options->format->name), STR("json"))
                           ? "json"
                           : options->format->name;
    sink->extension = arena_printf(writer->arena, ".%s", name);
    TRY(path_of_option(writer->arena, options_text(options->options, "path"), &sink->root, error));
    sink_read_options(sink, options->options);
    TRY(commits_init(&sink->commits, writer->world, options->options, error));
    sink_map_columns(sink);
    sink->shape = sink_shape(sink);
    sink->commits.is_on = sink->commits.is_on && sink->partition_count > 0;
    TRY(sink_open_format(sink, error));
    TRY(writer->world->kind->make_folder(writer->world, sink->root, error));
    sink->next_check_us = world_now_us(writer->world) + sink->rolling.check_us;
    sink->is_overwrite = writer->node->sink.is_overwrite;
    if (state.length > 0)
        TRY(sink_state_restore(sink, state, error));
    else
        TRY(sink_begin(sink, error));
    arena_reset(sink->scratch);
    return OK;
}

/* The batch's columns as physical columns; what the query does not write is NULL. */
static void sink_view(FilesystemSink *sink, const Batch *batch, Batch *view)
{
    int32_t count = sink->base.node->sink.table->physical.count;
    *view = *batch;
    view->arena = NULL;
    view->column_count = count;
    view->columns = arena_allocate(sink->scratch, (int64_t)sizeof(Column) * count);
    for (int32_t i = 0; i < count; i++) {
        Type type = sink->base.node->sink.table->physical.fields[i].type;
        view->columns[i] = sink->inputs[i] >= 0 ? batch->columns[sink->inputs[i]]
                                                : column_new_constant(sink->scratch, type);
    }
}

/* "day=2024-01-02/store=a%2Fb". */
static void partition_path(const FilesystemSink *sink, const Batch *view, int32_t row, Buffer *out)
{
    const Schema *physical = &sink->base.node->sink.table->physical;
    Buffer text = {0};
    for (int32_t i = 0; i < sink->partition_count; i++) {
        int32_t column = sink->partition[i];
        Value value = value_get(&view->columns[column], row);
        text.length = 0;
        if (!value.is_null)
            value_print(&text, &value, VALUE_PLAIN, NULL);
        if (i > 0)
            buffer_append_char(out, '/');
        path_escape(out, physical->fields[column].name);
        buffer_append_char(out, '=');
        path_escape(out, text.length == 0 ? sink->default_partition : buffer_str(&text));
    }
    buffer_free(&text);
}

/* The partition of a row has one more row from now on. */
static Status partition_open(FilesystemSink *sink, const Batch *view, int32_t row, Str path,
                             Error *error)
{
    if (!sink->commits.is_on || commits_knows(&sink->commits, path))
        return OK;
    const Schema *physical = &sink->base.node->sink.table->physical;
    Schema columns = schema_pick(sink->scratch, physical, sink->partition, sink->partition_count);
    Str *values = ARENA_ARRAY(sink->scratch, Str, sink->partition_count);
    for (int32_t i = 0; i < sink->partition_count; i++) {
        Value value = value_get(&view->columns[sink->partition[i]], row);
        Buffer text = {0};
        if (!value.is_null)
            value_print(&text, &value, VALUE_PLAIN, NULL);
        values[i] =
            str_copy(sink->scratch, text.length == 0 ? sink->default_partition : buffer_str(&text));
        buffer_free(&text);
    }
    return commits_open(&sink->commits, path, &columns, values, world_now_us(sink->base.world),
                        error);
}

/* The part for a row, or -1 if its partition cannot be a folder. Rows of one partition come
 * together, so the last one is looked at first. */
static Status row_part(FilesystemSink *sink, const Batch *view, int32_t row, int32_t *index,
                       Error *error)
{
    sink->key.length = 0;
    rowcode_write(&sink->key, view, row, sink->partition, sink->partition_count);
    if (sink->last_part >= 0 && str_equal(buffer_str(&sink->key), buffer_str(&sink->last_key))) {
        *index = sink->last_part;
        return OK;
    }
    Buffer path = {0};
    partition_path(sink, view, row, &path);
    Status status = OK;
    *index = -1;
    if (sink_partition_fits(sink, buffer_str(&path))) {
        status = partition_open(sink, view, row, buffer_str(&path), error);
        if (status == OK)
            status = sink_part_find(sink, buffer_str(&path), index, error);
    }
    buffer_free(&path);
    TRY(status);
    sink->last_key.length = 0;
    buffer_append_str(&sink->last_key, buffer_str(&sink->key));
    sink->last_part = *index;
    return OK;
}

static int64_t sink_memory(const FilesystemSink *sink)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < sink->part_count; i++)
        bytes += sink->bulk != NULL ? part_bytes(sink->parts[i]) : sink->parts[i]->buffer.length;
    return bytes;
}

/* Many partitions hold much together without any of them being large: let go of all that is at
 * or above the average. */
static Status sink_relieve(FilesystemSink *sink, Error *error)
{
    int64_t bytes = sink_memory(sink);
    if (bytes < ceiling_share(MEMORY_PART, MEMORY_BYTES_MAX))
        return OK;
    int64_t average = bytes / sink->part_count;
    for (int32_t i = sink->part_count - 1; i >= 0; i--) {
        Part *part = sink->parts[i];
        if (sink->bulk != NULL && part_bytes(part) >= average)
            TRY(sink_part_close(sink, i, error));
        else if (sink->bulk == NULL && part->buffer.length >= average)
            TRY(part_flush(part, error));
        if (sink->part_count > OPEN_FILES_MAX && i < sink->part_count)
            TRY(part_rest(sink->parts[i], error));
    }
    return OK;
}

/* Carry what waits in memory to the files; nothing of a new batch has been taken yet, so a
 * failure can be repeated. */
static Status sink_flush_large(FilesystemSink *sink, Error *error)
{
    for (int32_t i = sink->part_count - 1; i >= 0; i--) {
        Part *part = sink->parts[i];
        if (part->buffer.length >= FLUSH_BYTES) {
            TRY(part_flush(part, error));
            if (sink->part_count > OPEN_FILES_MAX)
                TRY(part_rest(part, error));
        }
        if (part_bytes(part) >= sink->rolling.file_bytes)
            TRY(sink_part_close(sink, i, error));
    }
    return sink_relieve(sink, error);
}

/* The row stays out, as a dead letter. */
static void sink_refuse(FilesystemSink *sink, const Batch *view, int32_t row, const char *code,
                        const char *reason)
{
    Buffer bytes = {0};
    const PlanTable *table = sink->base.node->sink.table;
    buffer_append_char(&bytes, '{');
    for (int32_t i = 0; i < table->physical.count; i++) {
        Value value = value_get(&view->columns[i], row);
        if (i > 0)
            buffer_append_char(&bytes, ',');
        json_append_quoted(&bytes, table->physical.fields[i].name);
        buffer_append_char(&bytes, ':');
        value_print(&bytes, &value, VALUE_JSON, NULL);
    }
    buffer_append_char(&bytes, '}');
    DeadLetter letter = {.table = table->name,
                         .stage = STAGE_DELIVER,
                         .code = code,
                         .reason = reason,
                         .position = str_from(row_kind_text(batch_kind(view, row))),
                         .bytes = buffer_str(&bytes)};
    if (sink->base.dead_letters != NULL)
        deadletters_add(sink->base.dead_letters, &letter);
    buffer_free(&bytes);
}

/* The view of a batch, for what refuses rows of it. */
typedef struct ViewOf {
    FilesystemSink *sink;
    const Batch *view;
} ViewOf;

static void refuse_row(void *context, int32_t row, const char *reason)
{
    const ViewOf *of = context;
    sink_refuse(of->sink, of->view, row, "WR3510", reason);
}

static Status write_bulk(FilesystemSink *sink, const Batch *view, const int32_t *parts,
                         Error *error)
{
    int32_t count = view->selection.count;
    int32_t *rows = arena_allocate(sink->scratch, (int64_t)sizeof(int32_t) * count);
    ViewOf of = {.sink = sink, .view = view};
    BulkRefuse refuse = {.take = refuse_row, .context = &of};
    for (int32_t p = 0; p < sink->part_count; p++) {
        Selection selection = {.rows = rows};
        for (int32_t i = 0; i < count; i++)
            if (parts[i] == p)
                rows[selection.count++] = selection_row(view->selection, i);
        if (selection.count > 0)
            TRY(sink->bulk->append(sink->parts[p]->bulk, view, selection, &refuse, error));
    }
    return OK;
}

static void write_rows(FilesystemSink *sink, const Batch *view, const int32_t *parts)
{
    for (int32_t i = 0; i < view->selection.count; i++) {
        Buffer *out = &sink->parts[parts[i]]->buffer;
        int64_t start = out->length;
        int32_t row = selection_row(view->selection, i);
        const char *problem = sink->format->encoder->encode(sink->encoder, view, row, out);
        if (problem == NULL) {
            buffer_append_char(out, '\n');
        } else {
            out->length = start;
            sink_refuse(sink, view, row, "WR3510", problem);
        }
    }
}

/* Rows without a part are taken out of the selection and of `parts`. */
static void sink_refuse_unplaced(FilesystemSink *sink, Batch *view, int32_t *parts)
{
    int32_t *rows = arena_allocate(sink->scratch, (int64_t)sizeof(int32_t) * view->selection.count);
    int32_t kept = 0;
    for (int32_t i = 0; i < view->selection.count; i++) {
        int32_t row = selection_row(view->selection, i);
        if (parts[i] < 0) {
            sink_refuse(sink, view, row, "WR3411",
                        "the folder of the partition would have a name of more than 255 bytes, or "
                        "a path of more than 4,096");
            continue;
        }
        parts[kept] = parts[i];
        rows[kept++] = row;
    }
    if (kept < view->selection.count)
        view->selection = (Selection){.rows = rows, .count = kept};
}

static Status sink_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    FilesystemSink *sink = (FilesystemSink *)writer;
    Batch view;
    arena_reset(sink->scratch);
    TRY(sink_flush_large(sink, error));
    sink_view(sink, batch, &view);
    int32_t count = view.selection.count;
    int32_t *parts = arena_allocate(sink->scratch, (int64_t)sizeof(int32_t) * count);
    for (int32_t i = 0; i < count; i++)
        TRY(row_part(sink, &view, selection_row(view.selection, i), &parts[i], error));
    sink_refuse_unplaced(sink, &view, parts);
    count = view.selection.count;
    if (sink->bulk != NULL)
        TRY(write_bulk(sink, &view, parts, error));
    else
        write_rows(sink, &view, parts);
    int64_t now_us = world_now_us(writer->world);
    for (int32_t i = 0; i < count; i++)
        sink->parts[parts[i]]->written_us = now_us;
    return OK;
}

static Status sink_tick(SinkWriter *writer, int64_t now_us, Error *error)
{
    FilesystemSink *sink = (FilesystemSink *)writer;
    const RollingPolicy *rolling = &sink->rolling;
    if (now_us < sink->next_check_us)
        return OK;
    for (int32_t i = sink->part_count - 1; i >= 0; i--) {
        const Part *part = sink->parts[i];
        if (now_us - part->opened_us >= rolling->rollover_us ||
            now_us - part->written_us >= rolling->inactivity_us ||
            part_bytes(part) >= rolling->file_bytes)
            TRY(sink_part_close(sink, i, error));
    }
    sink->next_check_us = now_us + rolling->check_us;
    return OK;
}

static Status sink_sync_part(const FilesystemSink *sink, Part *part, Error *error)
{
    TRY(part_sync(part, error));
    return sink->part_count > OPEN_FILES_MAX ? part_rest(part, error) : OK;
}

/* Partitions that are complete by now: their files end here. */
static Status sink_complete(FilesystemSink *sink, int64_t checkpoint, Error *error)
{
    Commits *commits = &sink->commits;
    int64_t now_us = world_now_us(sink->base.world);
    for (int32_t i = 0; i < commits->count; i++) {
        OpenPartition *partition = &commits->open[i];
        if (!commits_is_due(commits, partition, now_us))
            continue;
        for (int32_t p = sink->part_count - 1; p >= 0; p--) {
            if (str_is(sink->parts[p]->partition, partition->path))
                TRY(sink_part_close(sink, p, error));
        }
        partition->checkpoint = checkpoint;
        sink->last_part = -1; /* the next row opens it again */
    }
    return OK;
}

static Status sink_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    FilesystemSink *sink = (FilesystemSink *)writer;
    /* What overwrites stays hidden until its input has ended. */
    bool is_shown = !sink->is_overwrite || sink->has_ended;
    if (is_shown)
        TRY(sink_complete(sink, checkpoint, error));
    for (int32_t i = sink->part_count - 1; i >= 0; i--) {
        if (sink->bulk != NULL)
            TRY(sink_part_close(sink, i, error));
        else
            TRY(sink_sync_part(sink, sink->parts[i], error));
    }
    TRY(sink_sync_new_folders(sink, error));
    for (int32_t i = 0; is_shown && i < sink->pending_count; i++)
        if (sink->pending[i].checkpoint == 0)
            sink->pending[i].checkpoint = checkpoint;
    if (sink->has_ended && sink->is_marked && sink->removal_checkpoint == 0)
        sink->removal_checkpoint = checkpoint;
    sink_state_write(sink, state);
    return OK;
}

static Status sink_commit(SinkWriter *writer, int64_t checkpoint, Error *error)
{
    FilesystemSink *sink = (FilesystemSink *)writer;
    TRY(sink_publish(sink, checkpoint, error));
    return note_end(sink, error);
}

static Status sink_advance(SinkWriter *writer, Timestamp watermark, Error *error)
{
    (void)error;
    ((FilesystemSink *)writer)->commits.watermark = watermark;
    return OK;
}

static Status sink_finish(SinkWriter *writer, Error *error)
{
    FilesystemSink *sink = (FilesystemSink *)writer;
    sink->commits.watermark = TIMESTAMP_MAX;
    for (int32_t i = sink->part_count - 1; i >= 0; i--)
        TRY(sink_part_close(sink, i, error));
    /* After a restart behind the end, the mark says whether the old files have gone. */
    if (sink->is_overwrite && !sink->has_ended)
        TRY(overwrite_mark(sink, error));
    sink->has_ended = true;
    return OK;
}

static void sink_close(SinkWriter *writer)
{
    sink_clear((FilesystemSink *)writer);
}

const SinkKind filesystem_sink = {
    .size = sizeof(FilesystemSink),
    .open = sink_open,
    .write = sink_write,
    .tick = sink_tick,
    .advance = sink_advance,
    .prepare = sink_prepare,
    .commit = sink_commit,
    .finish = sink_finish,
    .close = sink_close,
};
