/* Row images into batches: the hot path. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "connect/mysql/source.h"

bool mysql_source_has_room(MysqlSource *source)
{
    if (source->batch == NULL) {
        source->batch = batch_new(&source->reader.node->schema, BATCH_ROWS_MAX);
        source->batch_bytes = 0;
    }
    return source->batch->row_count + 2 <= BATCH_ROWS_MAX &&
           source->batch_bytes < SOURCE_BATCH_BYTES;
}

static void put_metadata(MysqlSource *source, const SourceTable *table, int64_t op_us, RowKind kind)
{
    Batch *batch = source->batch;
    const PlanNode *node = source->reader.node;
    int32_t row = batch->row_count;
    for (int32_t i = 0; i < node->schema.count; i++) {
        int32_t column = node->source.columns[i];
        if (column >= 0)
            continue;
        void *values = batch->columns[i].values;
        switch ((SourceMetadata)(-column - 1)) {
        case META_TABLE:
            ((StrView *)values)[row] = str_view_copy(batch->arena, table->schema->name);
            break;
        case META_DATABASE:
            ((StrView *)values)[row] = str_view_copy(batch->arena, table->schema->database);
            break;
        case META_OP_TS: ((int64_t *)values)[row] = op_us; break;
        case META_ROW_KIND:
            ((StrView *)values)[row] = str_view_borrow(str_from(row_kind_text(kind)));
            break;
        }
    }
}

void mysql_source_end_row(MysqlSource *source, const SourceTable *table, int64_t op_us,
                          RowKind kind)
{
    Batch *batch = source->batch;
    assert(batch->row_count < BATCH_ROWS_MAX);
    if (source->wants_metadata)
        put_metadata(source, table, op_us, kind);
    if (source->options.is_append_only)
        kind = ROW_INSERT;
    if (kind != ROW_INSERT && batch->kinds == NULL)
        batch_need_kinds(batch, BATCH_ROWS_MAX);
    if (batch->kinds != NULL)
        batch->kinds[batch->row_count] = (uint8_t)kind;
    batch->row_count++;
}

void mysql_source_reject(MysqlSource *source, const char *why, Str position, Str bytes)
{
    /* A half-written row leaves NULL marks behind. */
    Batch *batch = source->batch;
    for (int32_t i = 0; i < batch->column_count; i++)
        if (batch->columns[i].valid != NULL)
            bitmap_set(batch->columns[i].valid, batch->row_count, true);
    DeadLetter letter = {.table = source->reader.node->source.table->name,
                         .stage = STAGE_DECODE,
                         .code = "WR3143",
                         .reason = why,
                         .position = position,
                         .bytes = bytes};
    if (source->reader.dead_letters != NULL)
        deadletters_add(source->reader.dead_letters, &letter);
    else
        log_event(LOG_WARN, "mysql-cdc", "a row was dropped: %s", why);
}

/* The wanted values of an image as JSON, for the dead letters. */
static void image_print(MysqlSource *source, const Binding *binding, const RowsEvent *rows,
                        int32_t which, Buffer *out)
{
    RowImage image;
    if (!rows_image(rows, which, &image))
        return;
    const uint8_t *at = image.values;
    buffer_append_char(out, '{');
    for (int32_t i = 0, present = 0; i < rows->column_count && at != NULL; i++) {
        if (!rows_bit(rows->present[which], i))
            continue;
        bool is_null = rows_bit(image.nulls, present++);
        const BinlogColumn *column = &binding->map.columns[i];
        Cell cell = {.kind = CELL_NULL};
        const char *why = NULL;
        source->stream.scratch.length = 0;
        const uint8_t *next = at;
        if (!is_null)
            next = value_skip(column, at, rows->end);
        if (!is_null &&
            value_read(column, at, rows->end, &source->stream.scratch, &cell, &why) == NULL)
            cell = (Cell){.kind = CELL_TEXT, .text = STR("?")};
        if (binding->outlets[i].column >= 0) {
            Buffer text = {0};
            cell_print(&text, &cell);
            buffer_append_text(out, out->data[out->length - 1] == '{' ? "" : ", ");
            json_append_quoted(out, column->schema->name);
            buffer_append_text(out, ": ");
            if (is_null)
                buffer_append_text(out, "null");
            else
                json_append_quoted(out, buffer_str(&text));
            buffer_free(&text);
        }
        at = next;
    }
    buffer_append_char(out, '}');
}

/* Walk over an image without reading it; NULL if it is malformed. */
static const uint8_t *image_skip(const Binding *binding, const RowsEvent *rows, int32_t which)
{
    RowImage image;
    if (!rows_image(rows, which, &image))
        return NULL;
    const uint8_t *at = image.values;
    for (int32_t i = 0, present = 0; i < rows->column_count; i++) {
        if (!rows_bit(rows->present[which], i) || rows_bit(image.nulls, present++))
            continue;
        at = value_skip(&binding->map.columns[i], at, rows->end);
        if (at == NULL)
            return NULL;
    }
    return at;
}

typedef struct ImageResult {
    const uint8_t *end; /* NULL: malformed */
    const char *why;    /* of a value that does not fit: the row is rejected */
} ImageResult;

/* The image's wanted values into the batch's next row. */
static ImageResult image_read(MysqlSource *source, const Binding *binding, const RowsEvent *rows,
                              int32_t which)
{
    ImageResult result = {0};
    RowImage image;
    if (!rows_image(rows, which, &image))
        return result;
    Batch *batch = source->batch;
    int32_t row = batch->row_count;
    const uint8_t *at = image.values;
    const BinlogColumn *columns = binding->map.columns;
    Buffer *scratch = &source->stream.scratch;
    for (int32_t i = 0, present = 0; i < rows->column_count; i++) {
        if (!rows_bit(rows->present[which], i))
            continue;
        bool is_null = rows_bit(image.nulls, present++);
        const Outlet *outlet = &binding->outlets[i];
        if (outlet->column < 0 || result.why != NULL) {
            if (!is_null)
                at = value_skip(&columns[i], at, rows->end);
            if (at == NULL)
                return result;
            continue;
        }
        Cell cell;
        cell.kind = CELL_NULL;
        const uint8_t *next = at;
        if (!is_null) {
            next = value_skip(&columns[i], at, rows->end);
            if (next == NULL)
                return result;
            scratch->length = 0;
            if (value_read(&columns[i], at, rows->end, scratch, &cell, &result.why) == NULL) {
                at = next;
                continue;
            }
        }
        (void)outlet_put(outlet, &cell, batch, row, BATCH_ROWS_MAX, &result.why);
        at = next;
    }
    result.end = at;
    source->batch_bytes += at - rows->at;
    return result;
}

/* A wanted column that the image lacks: the row image is not FULL. */
static Status image_check(const MysqlSource *source, const Binding *binding, const RowsEvent *rows,
                          int32_t which, Error *error)
{
    for (int32_t i = 0; i <= binding->last_wanted; i++) {
        if (!bitmap_get(binding->required, i) || rows_bit(rows->present[which], i))
            continue;
        const MysqlColumn *column = binding->map.columns[i].schema;
        Status status = fail(
            error, ERR_LOST, "WR3128",
            "the change of `%.*s.%.*s` behind %s:%llu was logged without column `%.*s`",
            STR_ARGS(binding->map.database), STR_ARGS(binding->map.name), source->stream.safe.file,
            (unsigned long long)source->stream.safe.offset, STR_ARGS(column->name));
        error_hint(error, column->is_virtual
                              ? "take the VIRTUAL column out of CREATE TABLE, or make it STORED"
                              : "run SET GLOBAL binlog_row_image = 'FULL', let applications "
                                "connect again, and start over with --fresh");
        return status;
    }
    return OK;
}

/* One image: into the batch, rejected, or left out because the snapshot has it. */
static Status source_take_image(MysqlSource *source, int32_t which, RowKind kind, Error *error)
{
    SourceStream *stream = &source->stream;
    const Binding *binding = stream->binding;
    RowsEvent *rows = &stream->rows;
    ImageResult result = image_read(source, binding, rows, which);
    if (result.end == NULL)
        return event_fail(&stream->event, "a row is malformed", error);
    if (result.why != NULL) {
        char position[320];
        snprintf(position, sizeof position, "binlog %s:%u", stream->file,
                 stream->event.next_position);
        source->text.length = 0;
        image_print(source, binding, rows, which, &source->text);
        mysql_source_reject(source, result.why, str_from(position), buffer_str(&source->text));
    } else {
        mysql_source_end_row(source, binding->table,
                             (int64_t)stream->event.timestamp * MICROS_PER_SECOND, kind);
    }
    rows->at = result.end;
    return OK;
}

static Status source_pass_image(MysqlSource *source, int32_t which, Error *error)
{
    SourceStream *stream = &source->stream;
    const uint8_t *end = image_skip(stream->binding, &stream->rows, which);
    if (end == NULL)
        return event_fail(&stream->event, "a row is malformed", error);
    stream->rows.at = end;
    return OK;
}

/* While the snapshot's segments still matter, each image is judged by itself: one side of an
 * update may be known and the other not. */
static Status source_take_filtered(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    RowsEvent *rows = &stream->rows;
    int32_t count = rows->kind == ROWS_UPDATE ? 2 : 1;
    bool is_covered[2] = {false, false};
    const uint8_t *start = rows->at;
    for (int32_t i = 0; i < count; i++) {
        TRY(segment_covers(source, i, &is_covered[i], error));
        TRY(source_pass_image(source, i, error));
    }
    rows->at = start;
    for (int32_t i = 0; i < count; i++) {
        RowKind kind = rows->kind == ROWS_WRITE ? ROW_INSERT : ROW_DELETE;
        if (rows->kind == ROWS_UPDATE)
            kind = i == 0 ? (is_covered[1] ? ROW_DELETE : ROW_UPDATE_BEFORE)
                          : (is_covered[0] ? ROW_INSERT : ROW_UPDATE_AFTER);
        TRY(is_covered[i] ? source_pass_image(source, i, error)
                          : source_take_image(source, i, kind, error));
    }
    return OK;
}

static Status source_take_change(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    if (stream->is_filtering)
        return source_take_filtered(source, error);
    switch (stream->rows.kind) {
    case ROWS_WRITE: return source_take_image(source, 0, ROW_INSERT, error);
    case ROWS_DELETE: return source_take_image(source, 0, ROW_DELETE, error);
    case ROWS_UPDATE:
        TRY(source_take_image(source, 0, ROW_UPDATE_BEFORE, error));
        return source_take_image(source, 1, ROW_UPDATE_AFTER, error);
    }
    return OK;
}

Status mysql_source_take_rows(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    RowsEvent *rows = &stream->rows;
    assert(stream->binding != NULL);
    TRY(image_check(source, stream->binding, rows, 0, error));
    if (rows->kind == ROWS_UPDATE)
        TRY(image_check(source, stream->binding, rows, 1, error));
    while (rows_has_next(rows) && mysql_source_has_room(source)) {
        const uint8_t *before = rows->at;
        if (stream->rows_skip > 0) {
            TRY(source_pass_image(source, 0, error));
            if (rows->kind == ROWS_UPDATE)
                TRY(source_pass_image(source, 1, error));
            stream->rows_skip--;
        } else {
            TRY(source_take_change(source, error));
        }
        stream->rows_done++;
        if (rows->at == before) /* a table without columns would go on for ever */
            return event_fail(&stream->event, "a row has no bytes", error);
    }
    return OK;
}
