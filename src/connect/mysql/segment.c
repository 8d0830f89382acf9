/* Segments: what the snapshot has seen.
 *
 * A snapshot that was read in one go saw all tables at one position, behind which the stream
 * begins. One that was cut consists of segments, each up to a key and at a position of its own; the
 * stream begins at the first one's, and a change counts for a row only if the segment that holds
 * the row's key was read in front of it. On another server than the segment's, GTIDs tell that. */
#include <assert.h>
#include <string.h>

#include "connect/mysql/source.h"

void row_key_free(RowKey *key)
{
    buffer_free(&key->text);
    *key = (RowKey){0};
}

Str row_key_value(const RowKey *key, int32_t index)
{
    int64_t at = 0;
    for (int32_t i = 0; i < index; i++)
        at += key->lengths[i];
    return str_make(key->text.data + at, key->lengths[index]);
}

bool row_key_is_number(const MysqlColumn *column)
{
    return column->type == MYSQL_ENUM || column->type == MYSQL_SET || column->type == MYSQL_BIT;
}

void segment_free(Segment *segment)
{
    row_key_free(&segment->upper);
    gtid_free(&segment->executed);
}

Status mysql_fail_cut(const MysqlTable *schema, const char *why, const char *hint, Error *error)
{
    Status status =
        fail(error, ERR_LOST, "WR3134", "the snapshot of `%.*s.%.*s` was cut and cannot go on: %s",
             STR_ARGS(schema->database), STR_ARGS(schema->name), why);
    error_hint(error, "%s", hint);
    return status;
}

/* A later part of the snapshot must be of a later moment, on whichever server. */
Status segment_check_order(const Segment *before, const Segment *now, Error *error)
{
    bool is_same = before->server_id == now->server_id;
    if (is_same ? binlog_position_compare(&before->position, &now->position) <= 0
                : before->gtids.length > 0 && gtid_includes(&now->executed, &before->executed))
        return OK;
    if (!is_same && before->gtids.length > 0)
        return mysql_fail_behind(now->server_id, before->gtids, error);
    Status status =
        fail(error, ERR_LOST, is_same ? "WR3137" : "WR3131",
             is_same ? "the binlog of server %u was begun anew since the snapshot began"
                     : "this is another server (server_id %u), and no GTID tells whether it has "
                       "what was read so far",
             now->server_id);
    error_hint(error, "start over with --fresh");
    return status;
}

/* Compare as the server does for this column: < 0, 0, > 0. Text goes by its collation, which
 * only the server knows. */
static Status compare_text(MysqlSource *source, const MysqlColumn *column, Str a, Str b, int *out,
                           Error *error)
{
    Buffer sql = {0}, literal[2] = {{0}, {0}};
    Str texts[2] = {a, b};
    for (int32_t i = 0; i < 2; i++) {
        buffer_append_text(&literal[i], "CONVERT(");
        mysql_append_literal(&literal[i], texts[i]);
        buffer_printf(&literal[i], " USING %.*s)", STR_ARGS(column->charset_name));
        if (column->collation.length > 0)
            buffer_printf(&literal[i], " COLLATE %.*s", STR_ARGS(column->collation));
        buffer_terminated(&literal[i]);
    }
    buffer_printf(&sql, "SELECT IF(%s = %s, 0, IF(%s < %s, -1, 1))", literal[0].data,
                  literal[1].data, literal[0].data, literal[1].data);
    Arena *arena = arena_new(0);
    Str row[1];
    int64_t order = 0;
    Status status = OK;
    if (!mysql_client_is_open(&source->client))
        status = mysql_client_open(&source->client, error);
    if (status == OK)
        status = mysql_client_row(&source->client, arena, buffer_terminated(&sql), row, 1, error);
    if (status == OK && !str_parse_int64(row[0], &order))
        status = fail(error, ERR_DECODE, "WR3104", "the server's comparison is malformed");
    *out = (int)order;
    arena_free(arena);
    buffer_free(&sql);
    buffer_free(&literal[0]);
    buffer_free(&literal[1]);
    return status;
}

static int compare_sign(Int128 a, Int128 b)
{
    return (a > b) - (a < b);
}

static int compare_civil(const Cell *a, const Cell *b)
{
    Int128 value[2];
    const Cell *cells[2] = {a, b};
    for (int32_t i = 0; i < 2; i++)
        value[i] = ((((((Int128)cells[i]->civil.year * 16 + cells[i]->civil.month) * 32 +
                       cells[i]->civil.day) *
                          32 +
                      cells[i]->civil.hour) *
                         64 +
                     cells[i]->civil.minute) *
                        64 +
                    cells[i]->civil.second) *
                       1000000 +
                   cells[i]->civil.microsecond;
    return compare_sign(value[0], value[1]);
}

static Status compare_key_value(MysqlSource *source, const MysqlColumn *column, const Cell *cell,
                                Str bound, int *out, Error *error)
{
    Cell other;
    MysqlColumn plain = *column;
    if (row_key_is_number(column)) {
        plain.type = MYSQL_LONGLONG;
        plain.is_unsigned = true;
    }
    if (!cell_parse(&plain, bound, &other))
        return fail(error, ERR_CORRUPT, "WR3136", "the snapshot's key `%.*s` does not read",
                    STR_ARGS(bound));
    switch (cell->kind) {
    case CELL_INT:
    case CELL_INSTANT:
    case CELL_TIME:
        *out = compare_sign(cell->integer, other.kind == CELL_UINT ? (Int128)(uint64_t)other.integer
                                                                   : (Int128)other.integer);
        return OK;
    case CELL_UINT:
        *out = compare_sign((uint64_t)cell->integer, (uint64_t)other.integer);
        return OK;
    case CELL_DECIMAL: *out = compare_sign(cell->wide, other.wide); return OK;
    case CELL_REAL:
    case CELL_FLOAT: *out = (cell->real > other.real) - (cell->real < other.real); return OK;
    case CELL_DATE:
    case CELL_DATETIME: *out = compare_civil(cell, &other); return OK;
    case CELL_BYTES:
        if (row_key_is_number(column)) { /* BIT */
            uint64_t value = 0;
            for (int64_t i = 0; i < cell->text.length; i++)
                value = value << 8 | (uint8_t)cell->text.data[i];
            *out = compare_sign(value, (uint64_t)other.integer);
        } else {
            *out = str_compare(cell->text, bound);
        }
        return OK;
    case CELL_TEXT: return compare_text(source, column, cell->text, bound, out, error);
    case CELL_NULL: break;
    }
    *out = -1;
    return OK;
}

/* The key column `index` of an image. */
static bool image_key(MysqlSource *source, const Binding *binding, const RowsEvent *rows,
                      int32_t which, int32_t index, Cell *out)
{
    RowImage image;
    if (!rows_image(rows, which, &image))
        return false;
    const uint8_t *at = image.values;
    for (int32_t i = 0, present = 0; i < rows->column_count; i++) {
        if (!rows_bit(rows->present[which], i))
            continue;
        bool is_null = rows_bit(image.nulls, present++);
        BinlogColumn column = binding->map.columns[i];
        if (i == index) {
            const char *why = NULL;
            if (column.type == MYSQL_ENUM || column.type == MYSQL_SET)
                column.schema = NULL; /* by number, as the query orders them */
            source->stream.scratch.length = 0;
            out->kind = CELL_NULL;
            return is_null ||
                   value_read(&column, at, rows->end, &source->stream.scratch, out, &why) != NULL;
        }
        if (!is_null)
            at = value_skip(&column, at, rows->end);
        if (at == NULL)
            return false;
    }
    return false;
}

/* Whether the row's key is at or before the segment's end in its table. */
static Status segment_holds_key(MysqlSource *source, const Segment *segment, const Binding *binding,
                                int32_t which, bool *out, Error *error)
{
    const RowsEvent *rows = &source->stream.rows;
    const MysqlTable *schema = binding->table->schema;
    *out = false;
    if (segment->upper.count > 0 && segment->upper.count != schema->key_count)
        return mysql_fail_cut(schema, "its primary key has changed", "start over with --fresh",
                              error);
    for (int32_t i = 0; i < segment->upper.count; i++) {
        Cell cell;
        int order = 0;
        if (!image_key(source, binding, rows, which, schema->key[i], &cell))
            return event_fail(&source->stream.event, "a row is malformed", error);
        TRY(compare_key_value(source, &schema->columns[schema->key[i]], &cell,
                              row_key_value(&segment->upper, i), &order, error));
        if (order != 0) {
            *out = order < 0;
            return OK;
        }
    }
    *out = segment->upper.count > 0;
    return OK;
}

static int compare_names(Str database, Str name, const Segment *segment)
{
    int order = str_compare(database, segment->database);
    return order != 0 ? order : str_compare(name, segment->name);
}

bool segment_has_seen(const MysqlSource *source, const Segment *segment)
{
    const SourceStream *stream = &source->stream;
    if (segment->server_id != stream->server_id)
        return stream->has_gtid && gtid_contains(&segment->executed, &stream->gtid);
    BinlogPosition now = {.offset = stream->event.next_position};
    if (stream->payload.is_open)
        now.offset = stream->payload_end;
    memcpy(now.file, stream->file, sizeof now.file);
    return binlog_position_compare(&now, &segment->position) <= 0;
}

Status segment_covers(MysqlSource *source, int32_t which, bool *out, Error *error)
{
    const Binding *binding = source->stream.binding;
    *out = false;
    if (!binding->table->is_snapshotted)
        return OK;
    const MysqlTable *schema = binding->table->schema;
    for (int32_t i = 0; i < source->segments.count; i++) {
        const Segment *segment = LIST_AT(source->segments, i, Segment);
        bool holds = segment->name.length == 0;
        int order = holds ? -1 : compare_names(schema->database, schema->name, segment);
        holds = holds || order < 0;
        if (!holds && order == 0)
            TRY(segment_holds_key(source, segment, binding, which, &holds, error));
        if (holds) {
            *out = segment_has_seen(source, segment);
            return OK;
        }
    }
    return OK;
}

bool segments_are_behind(const MysqlSource *source)
{
    const SourceStream *stream = &source->stream;
    if (source->segments.count == 0)
        return true;
    const Segment *last = LIST_AT(source->segments, source->segments.count - 1, Segment);
    if (last->server_id == stream->server_id && stream->safe.offset != 0)
        return binlog_position_compare(&stream->safe, &last->position) >= 0;
    return !gtid_is_empty(&last->executed) && gtid_includes(&stream->gtids, &last->executed);
}
