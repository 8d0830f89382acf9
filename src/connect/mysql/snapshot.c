/* The tables as they stand, row after row in key order.
 *
 * One transaction with a consistent read sees all tables at one position of the binlog; the
 * queries ask for chunks behind the last key, so that the server never holds a result back for
 * a slow pipeline. When the connection is lost the read is lost, too: what was read so far
 * becomes a segment with its position, and a new transaction at a later position goes on behind
 * the last key. The stream later starts from the first segment's position and leaves out, for
 * each row, the changes that its segment has already seen (snapshot_covers). */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "connect/mysql/source.h"

enum { CHUNK_ROWS_MIN = 65536 };

static SourceTable *snapshot_table(const MysqlSource *source)
{
    return LIST_AT(source->snapshot.order, source->snapshot.at, SourceTable);
}

/* As of the consistent read. */
static const MysqlTable *snapshot_schema(const MysqlSource *source)
{
    return LIST_AT(source->snapshot.schemas, source->snapshot.at, MysqlTable);
}

void mysql_snapshot_free(MysqlSource *source)
{
    for (int32_t i = 0; i < source->segments.count; i++)
        segment_free(LIST_AT(source->segments, i, Segment));
    source->segments.count = 0;
    row_key_free(&source->snapshot.last);
    arena_free(source->snapshot.query_arena);
    arena_free(source->snapshot.schema_arena);
    source->snapshot.query_arena = source->snapshot.schema_arena = NULL;
}

/* ---- the consistent read ---- */

/* Where the stream will begin: XA transactions that are prepared now are waited for, so that those
 * that will be committed behind the consistent read are prepared behind here. Rows in between are
 * left out, as the snapshot has them. */
static Status snapshot_mark(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    Str gtids;
    TRY(mysql_catalog_end(&source->client, source->arena, &stream->safe, &gtids, error));
    gtid_clear(&stream->gtids);
    (void)gtid_parse(&stream->gtids, gtids);
    stream->safe_made = 0;
    stream->server_id = source->snapshot.held->server_id;
    return xa_wait(source, error);
}

/* Begin the transaction, and note where it is. */
static Status snapshot_hold(MysqlSource *source, Error *error)
{
    MysqlClient *client = &source->client;
    BinlogPosition position = {0};
    Str gtids = {.data = ""};
    bool has_binlog = source->options.mode != START_SNAPSHOT;
    if (!has_binlog) {
        Arena *arena = arena_new(0);
        Str row[1];
        Status status = mysql_client_row(client, arena, "SELECT @@global.log_bin", row, 1, error);
        has_binlog = status == OK && str_is(row[0], "1");
        arena_free(arena);
        TRY(status);
    }
    if (source->options.mode != START_SNAPSHOT && source->segments.count == 0)
        TRY(snapshot_mark(source, error));
    if (has_binlog)
        TRY(mysql_moment_begin(source, &position, &gtids, error));
    else
        TRY(mysql_client_execute(client, "START TRANSACTION WITH CONSISTENT SNAPSHOT", error));
    source->snapshot.held->position = position;
    source->snapshot.held->gtids = gtids;
    return OK;
}

static bool keys_agree(const MysqlTable *a, const MysqlTable *b)
{
    if (a->key_count != b->key_count)
        return false;
    for (int32_t i = 0; i < a->key_count; i++)
        if (!str_equal_ignoring_case(a->columns[a->key[i]].name, b->columns[b->key[i]].name))
            return false;
    return true;
}

/* The definitions of what is still to be read. The book may be of an earlier position, from which
 * the stream will go through the statements in between. */
static Status snapshot_take_schemas(MysqlSource *source, const MysqlCatalog *catalog, Error *error)
{
    SourceSnapshot *snapshot = &source->snapshot;
    static const char anew[] = "start over with --fresh";
    arena_free(snapshot->schema_arena);
    snapshot->schema_arena = arena_new(0);
    snapshot->schemas = (List){0};
    for (int32_t i = 0; i < snapshot->order.count; i++) {
        const MysqlTable *before = LIST_AT(snapshot->order, i, SourceTable)->schema;
        const MysqlTable *now = NULL;
        for (int32_t j = 0; j < catalog->tables.count && now == NULL; j++) {
            const MysqlTable *table = LIST_AT(catalog->tables, j, MysqlTable);
            if (str_equal(table->name, before->name) &&
                str_equal(table->database, before->database))
                now = table;
        }
        if (i >= snapshot->at) {
            if (now == NULL)
                return mysql_fail_cut(before, "the table is gone", anew, error);
            if (!keys_agree(before, now))
                return mysql_fail_cut(before, "its primary key has changed", anew, error);
            TRY(book_check(source, now, error));
        }
        MysqlTable *kept = mysql_table_copy(snapshot->schema_arena, now != NULL ? now : before);
        list_append(&snapshot->schemas, snapshot->schema_arena, kept);
    }
    return OK;
}

static Status snapshot_begin(MysqlSource *source, Arena *arena, Error *error)
{
    SourceSnapshot *snapshot = &source->snapshot;
    List *segments = &source->segments;
    ServerInfo info;
    MysqlCatalog catalog;
    TRY(mysql_client_execute(&source->client,
                             "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", error));
    TRY(mysql_catalog_server(&source->client, &info, error));
    Segment *segment = snapshot->held = ARENA_NEW(source->arena, Segment);
    segment->server_id = info.server_id;
    TRY(mysql_source_settle(source, snapshot_hold, arena, &catalog, error));
    (void)gtid_parse(&segment->executed, segment->gtids);
    Status status = OK;
    if (segments->count == 0)
        status = mysql_source_take_catalog(source, &catalog, error);
    else
        status =
            segment_check_order(LIST_AT(*segments, segments->count - 1, Segment), segment, error);
    if (status == OK)
        status = snapshot_take_schemas(source, &catalog, error);
    if (status != OK) {
        segment_free(segment);
        return status;
    }
    list_append(segments, source->arena, segment);
    snapshot->is_open = true;
    snapshot->is_checked = false;
    snapshot->column_count = 0;
    log_event(LOG_INFO, "mysql-cdc", "reading %d table%s as of %s:%llu",
              snapshot->order.count - snapshot->at,
              snapshot->order.count - snapshot->at == 1 ? "" : "s", segment->position.file,
              (unsigned long long)segment->position.offset);
    return OK;
}

Status mysql_snapshot_begin(MysqlSource *source, Error *error)
{
    if (!mysql_client_is_open(&source->client))
        TRY(mysql_client_open(&source->client, error));
    Arena *arena = arena_new(0);
    Status status = snapshot_begin(source, arena, error);
    arena_free(arena);
    return status;
}

/* The row that was read last is where the open segment ends. */
static void segment_end(MysqlSource *source, Segment *segment)
{
    const SourceSnapshot *snapshot = &source->snapshot;
    row_key_free(&segment->upper);
    if (snapshot->at >= snapshot->order.count) {
        segment->database = segment->name = (Str){0};
        return;
    }
    const MysqlTable *schema = snapshot_table(source)->schema;
    segment->database = str_copy(source->arena, schema->database);
    segment->name = str_copy(source->arena, schema->name);
    segment->upper.count = snapshot->last.count;
    memcpy(segment->upper.lengths, snapshot->last.lengths, sizeof segment->upper.lengths);
    buffer_append_str(&segment->upper.text, buffer_str(&snapshot->last.text));
}

void mysql_snapshot_break(MysqlSource *source)
{
    SourceSnapshot *snapshot = &source->snapshot;
    if (!snapshot->is_open)
        return;
    snapshot->is_open = false;
    snapshot->column_count = 0;
    mysql_client_close(&source->client);
    Segment *segment = LIST_AT(source->segments, source->segments.count - 1, Segment);
    segment_end(source, segment);
    /* One that got nowhere is as if it had not been. */
    const Segment *before = source->segments.count > 1
                                ? LIST_AT(source->segments, source->segments.count - 2, Segment)
                                : NULL;
    bool is_empty = before == NULL ? snapshot->at == 0 && snapshot->last.count == 0
                                   : str_equal(before->database, segment->database) &&
                                         str_equal(before->name, segment->name) &&
                                         before->upper.count == segment->upper.count &&
                                         str_equal(buffer_str(&before->upper.text),
                                                   buffer_str(&segment->upper.text));
    if (is_empty) {
        segment_free(segment);
        source->segments.count--;
    }
}

/* ---- queries ---- */

static void print_key_column(Buffer *out, const MysqlColumn *column)
{
    buffer_append_text(out, row_key_is_number(column) ? "(" : "");
    mysql_append_name(out, column->name);
    buffer_append_text(out, row_key_is_number(column) ? " + 0)" : "");
}

void mysql_key_print_literal(Buffer *out, const MysqlColumn *column, Str text)
{
    bool is_number = row_key_is_number(column);
    switch ((int)column->type) {
    case MYSQL_TINY:
    case MYSQL_SHORT:
    case MYSQL_INT24:
    case MYSQL_LONG:
    case MYSQL_LONGLONG:
    case MYSQL_YEAR:
    case MYSQL_FLOAT:
    case MYSQL_DOUBLE:
    case MYSQL_NEWDECIMAL: is_number = true; break;
    default: break;
    }
    if (is_number) {
        buffer_append_str(out, text);
        return;
    }
    if (column->charset != CHARSET_BINARY) {
        mysql_append_literal(out, text);
        return;
    }
    buffer_append_text(out, "x'");
    for (int64_t i = 0; i < text.length; i++)
        buffer_printf(out, "%02x", (uint8_t)text.data[i]);
    buffer_append_char(out, '\'');
}

/* (k1 > v1) OR (k1 = v1 AND k2 > v2) …: a range that the server finds in the index. */
static void print_behind(Buffer *out, const MysqlTable *schema, const RowKey *last)
{
    for (int32_t i = 0; i < last->count; i++) {
        buffer_append_text(out, i == 0 ? " WHERE (" : " OR (");
        for (int32_t j = 0; j <= i; j++) {
            const MysqlColumn *column = &schema->columns[schema->key[j]];
            if (j > 0)
                buffer_append_text(out, " AND ");
            print_key_column(out, column);
            buffer_append_text(out, j == i ? " > " : " = ");
            mysql_key_print_literal(out, column, row_key_value(last, j));
        }
        buffer_append_char(out, ')');
    }
}

static void print_order(Buffer *out, const MysqlTable *schema, int64_t limit)
{
    for (int32_t i = 0; i < schema->key_count; i++) {
        buffer_append_text(out, i == 0 ? " ORDER BY " : ", ");
        print_key_column(out, &schema->columns[schema->key[i]]);
    }
    if (schema->key_count > 0)
        buffer_printf(out, " LIMIT %lld", (long long)limit);
}

static int64_t snapshot_limit(const MysqlSource *source)
{
    int64_t rows = source->options.chunk_rows;
    return rows > CHUNK_ROWS_MIN ? rows : CHUNK_ROWS_MIN;
}

/* The column's value as the binlog has it. */
static void print_column(Buffer *out, const MysqlColumn *column)
{
    bool is_foreign = column->charset == CHARSET_OTHER && mysql_column_is_text(column) &&
                      !row_key_is_number(column); /* members come in UTF-8 from both */
    if (is_foreign)                               /* the connection would translate it */
        buffer_append_text(out, "CAST(");
    mysql_append_name(out, column->name);
    if (is_foreign)
        buffer_append_text(out, " AS BINARY)");
    if (column->type == MYSQL_FLOAT) /* as FLOAT it would lose digits */
        buffer_append_text(out, " + 0e0");
}

/* What the query asks for: the wanted columns, then the key. */
static Status snapshot_choose_columns(MysqlSource *source, const MysqlTable *schema, Buffer *sql,
                                      Error *error)
{
    SourceSnapshot *snapshot = &source->snapshot;
    const PlanNode *node = source->reader.node;
    arena_free(snapshot->query_arena);
    snapshot->query_arena = arena_new(0);
    int32_t capacity = node->schema.count + schema->key_count + 1;
    snapshot->outlets = ARENA_ARRAY(snapshot->query_arena, Outlet, capacity);
    snapshot->columns = ARENA_ARRAY(snapshot->query_arena, int32_t, capacity);
    TRY(book_check(source, schema, error));
    int32_t count = 0;
    for (int32_t i = 0; i < node->schema.count; i++) {
        int32_t column = node->source.columns[i];
        if (column < 0)
            continue;
        int32_t at = mysql_table_find(schema, node->source.table->physical.fields[column].name);
        assert(at >= 0);
        snapshot->outlets[count] = book_outlet(source, i, &schema->columns[at]);
        snapshot->columns[count] = at;
        buffer_append_text(sql, count == 0 ? "" : ", ");
        print_column(sql, &schema->columns[at]);
        count++;
    }
    snapshot->key_first = count;
    for (int32_t i = 0; i < schema->key_count; i++) {
        buffer_append_text(sql, count == 0 ? "" : ", ");
        print_key_column(sql, &schema->columns[schema->key[i]]);
        snapshot->columns[count++] = schema->key[i];
    }
    if (count == 0) {
        buffer_append_text(sql, "1");
        count = 1;
        snapshot->key_first = 0;
    }
    return OK;
}

/* Nobody can change a table that the transaction has looked at. Has somebody before? Then the rest
 * is read at a later position. */
static Status snapshot_check_table(MysqlSource *source, const MysqlTable *schema, Error *error)
{
    enum { ERROR_NO_TABLE = 1146, ERROR_TABLE_CHANGED = 1412 };
    MysqlClient *client = &source->client;
    Arena *arena = arena_new(0);
    Buffer sql = {0};
    MysqlTable *now = NULL;
    Str row[1];
    int32_t columns = 0;
    buffer_append_text(&sql, "SELECT 1 FROM ");
    mysql_append_name(&sql, schema->database);
    buffer_append_char(&sql, '.');
    mysql_append_name(&sql, schema->name);
    buffer_append_text(&sql, " LIMIT 0");
    Status status = mysql_client_query(client, buffer_str(&sql), &columns, error);
    bool is_other = status != OK && (client->last_code == ERROR_NO_TABLE ||
                                     client->last_code == ERROR_TABLE_CHANGED);
    while (status == OK)
        status = mysql_client_fetch(client, row, 1, error);
    if (status == ERR_END) {
        status = mysql_catalog_table(client, arena, schema->database, schema->name, &now, error);
        is_other = status == OK && (now == NULL || !mysql_tables_equal(now, schema));
    }
    if (is_other) {
        status = fail(error, ERR_UNAVAILABLE, "WR3134",
                      "`%.*s.%.*s` was changed before the snapshot came to it",
                      STR_ARGS(schema->database), STR_ARGS(schema->name));
        error->is_retriable = true;
    }
    source->snapshot.is_checked = status == OK;
    buffer_free(&sql);
    arena_free(arena);
    return status;
}

static Status snapshot_query(MysqlSource *source, Error *error)
{
    SourceSnapshot *snapshot = &source->snapshot;
    const MysqlTable *schema = snapshot_schema(source);
    if (schema->key_count > KEY_COLUMNS_MAX)
        return fail(error, ERR_LIMIT, "WR3134", "the key of `%.*s.%.*s` has more than %d columns",
                    STR_ARGS(schema->database), STR_ARGS(schema->name), KEY_COLUMNS_MAX);
    if (schema->key_count == 0 && snapshot->table_rows > 0)
        return mysql_fail_cut(schema, "the table has no primary key",
                              "add a primary key, or start over with --fresh", error);
    if (!snapshot->is_checked)
        TRY(snapshot_check_table(source, schema, error));
    Buffer sql = {0};
    buffer_append_text(&sql, "SELECT ");
    Status status = snapshot_choose_columns(source, schema, &sql, error);
    if (status == OK) {
        buffer_append_text(&sql, " FROM ");
        mysql_append_name(&sql, schema->database);
        buffer_append_char(&sql, '.');
        mysql_append_name(&sql, schema->name);
        print_behind(&sql, schema, &snapshot->last);
        print_order(&sql, schema, snapshot_limit(source));
        status =
            mysql_client_query(&source->client, buffer_str(&sql), &snapshot->column_count, error);
        snapshot->query_rows = 0;
    }
    buffer_free(&sql);
    return status;
}

/* ---- rows ---- */

static void snapshot_keep_key(MysqlSource *source, const Str *values, int32_t count)
{
    SourceSnapshot *snapshot = &source->snapshot;
    RowKey *last = &snapshot->last;
    last->text.length = 0;
    last->count = count;
    for (int32_t i = 0; i < count; i++) {
        Str value = values[snapshot->key_first + i];
        last->lengths[i] = (int32_t)value.length;
        buffer_append_str(&last->text, value);
    }
}

static void snapshot_reject(MysqlSource *source, const MysqlTable *schema, const char *why,
                            const Str *values)
{
    const SourceSnapshot *snapshot = &source->snapshot;
    Buffer row = {0};
    JsonWriter json = {.out = &row};
    json_begin_object(&json);
    for (int32_t i = 0; i < snapshot->key_first; i++) {
        json_key_str(&json, schema->columns[snapshot->columns[i]].name);
        if (values[i].data == NULL)
            json_null(&json);
        else
            json_str(&json, values[i]);
    }
    json_end_object(&json);
    Buffer position = {0};
    buffer_printf(&position, "snapshot of %.*s.%.*s", STR_ARGS(schema->database),
                  STR_ARGS(schema->name));
    mysql_source_reject(source, why, buffer_str(&position), buffer_str(&row));
    buffer_free(&row);
    buffer_free(&position);
}

static void snapshot_take_row(MysqlSource *source, const Str *values)
{
    SourceSnapshot *snapshot = &source->snapshot;
    SourceTable *table = snapshot_table(source);
    const MysqlTable *schema = snapshot_schema(source);
    Batch *batch = source->batch;
    const char *why = NULL;
    for (int32_t i = 0; i < snapshot->key_first && why == NULL; i++) {
        Cell cell;
        const MysqlColumn *column = &schema->columns[snapshot->columns[i]];
        if (!cell_parse(column, values[i], &cell)) {
            why = "a value does not read as its column's type";
            break;
        }
        source->batch_bytes += values[i].length;
        (void)outlet_put(&snapshot->outlets[i], &cell, batch, batch->row_count, BATCH_ROWS_MAX,
                         &why);
    }
    if (why == NULL)
        mysql_source_end_row(source, table, 0, ROW_INSERT);
    else
        snapshot_reject(source, schema, why, values);
    snapshot_keep_key(source, values, schema->key_count);
    snapshot->table_rows++;
    snapshot->query_rows++;
    atomic_fetch_add(&source->reader.progress.rows_done, 1);
}

static void snapshot_next_table(MysqlSource *source)
{
    SourceSnapshot *snapshot = &source->snapshot;
    snapshot->at++;
    snapshot->is_checked = false;
    snapshot->last.count = 0;
    snapshot->last.text.length = 0;
    snapshot->table_rows = 0;
}

Status mysql_snapshot_poll(MysqlSource *source, Error *error)
{
    enum { QUERY_COLUMNS_MAX = 4096 };
    SourceSnapshot *snapshot = &source->snapshot;
    static _Thread_local Str values[QUERY_COLUMNS_MAX];
    if (!snapshot->is_open)
        TRY(mysql_snapshot_begin(source, error));
    while (mysql_source_has_room(source)) {
        if (snapshot->at >= snapshot->order.count)
            return ERR_END;
        if (snapshot->column_count == 0)
            TRY(snapshot_query(source, error));
        if (snapshot->column_count > QUERY_COLUMNS_MAX)
            return fail(error, ERR_LIMIT, "WR3134", "a table has more than %d columns",
                        QUERY_COLUMNS_MAX);
        Status status = mysql_client_fetch(&source->client, values, snapshot->column_count, error);
        if (status == ERR_END) {
            snapshot->column_count = 0;
            bool is_whole = snapshot_schema(source)->key_count == 0 ||
                            snapshot->query_rows < snapshot_limit(source);
            if (is_whole)
                snapshot_next_table(source);
            continue;
        }
        TRY(status);
        snapshot_take_row(source, values);
        /* Give out what is there rather than wait for more. */
        if (source->batch->row_count > 0 && !wire_is_ready(&source->client.wire) &&
            source->batch->row_count * 2 >= BATCH_ROWS_MAX)
            return OK;
    }
    return OK;
}
