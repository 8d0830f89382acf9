/* The source: opening, polling, going on after trouble. See source.h for its parts. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "connect/mysql/source.h"

enum { BACKOFF_FIRST_US = 200000, BACKOFF_MAX_US = 30000000, DAMAGE_MAX = 3 };

/* ---- what there is ---- */

static int compare_tables(const void *a, const void *b)
{
    const MysqlTable *left = (*(SourceTable *const *)a)->schema;
    const MysqlTable *right = (*(SourceTable *const *)b)->schema;
    int order = str_compare(left->database, right->database);
    return order != 0 ? order : str_compare(left->name, right->name);
}

/* The tables of the snapshot in the order in which they are read. */
static void source_order_tables(MysqlSource *source)
{
    List *order = &source->snapshot.order;
    order->count = 0;
    for (int32_t i = 0; i < source->table_count; i++)
        if (source->tables[i]->is_snapshotted)
            list_append(order, source->arena, source->tables[i]);
    if (order->count > 1)
        qsort(order->items, (size_t)order->count, sizeof(void *), compare_tables);
}

/* Attempts alternate between two arenas; what they agree in is copied. */
static Status settle(MysqlSource *source, Status (*hold)(MysqlSource *, Error *), Arena **arenas,
                     Arena *arena, MysqlCatalog *out, Error *error)
{
    enum { SETTLE_US = 60000000 };
    World *world = source->reader.world;
    int64_t until_us = world_monotonic_us(world) + SETTLE_US;
    MysqlCatalog seen[2];
    TRY(mysql_catalog_read(&source->client, arenas[0], source->filter, &seen[0], error));
    for (int32_t next = 1; world_monotonic_us(world) < until_us; next = 1 - next) {
        arena_reset(arenas[next]);
        TRY(hold(source, error));
        TRY(mysql_catalog_read(&source->client, arenas[next], source->filter, &seen[next], error));
        if (mysql_catalog_join(arena, source->filter, &seen[0], &seen[1], out))
            return OK;
    }
    Status status = fail(error, ERR_UNAVAILABLE, "WR3132",
                         "tables that are read are altered too often to tell how they are at a "
                         "position of the binlog");
    error_hint(error, "start the pipeline when they stay as they are for a second");
    error->is_retriable = true;
    return status;
}

Status mysql_source_settle(MysqlSource *source, Status (*hold)(MysqlSource *, Error *),
                           Arena *arena, MysqlCatalog *out, Error *error)
{
    Arena *arenas[2] = {arena_new(0), arena_new(0)};
    Status status = settle(source, hold, arenas, arena, out, error);
    arena_free(arenas[0]);
    arena_free(arenas[1]);
    return status;
}

Status mysql_source_take_catalog(MysqlSource *source, const MysqlCatalog *catalog, Error *error)
{
    const OptionSet *options = source->reader.node->source.table->options.options;
    bool has_snapshot =
        source->options.mode == START_INITIAL || source->options.mode == START_SNAPSHOT;
    int64_t rows = 0;
    int32_t wanted = 0;
    book_free(source);
    book_take_catalog(source, catalog);
    for (int32_t i = 0; i < source->table_count; i++) {
        SourceTable *table = source->tables[i];
        if (!table->is_wanted || table->is_sequence)
            continue;
        TRY(book_check(source, table->schema, error));
        table->is_snapshotted = has_snapshot;
        rows += table->schema->rows_estimate;
        wanted++;
    }
    if (has_snapshot)
        atomic_store(&source->reader.progress.rows_total, rows);
    source_order_tables(source);
    if (wanted > 0)
        return OK;
    Arena *arena = arena_new(0);
    Status status =
        mysql_catalog_fail_unknown(&source->client, arena, options_text(options, "database-name"),
                                   options_text(options, "table-name"), error);
    arena_free(arena);
    return status;
}

/* ---- opening ---- */

static Status source_connect(MysqlSource *source, Error *error)
{
    Status status = OK;
    Backoff backoff = {.first_us = BACKOFF_FIRST_US, .most_us = BACKOFF_MAX_US};
    for (int64_t i = 0; i <= source->options.connect_retries; i++) {
        status = mysql_client_open(&source->client, error);
        if (status == OK || !error->is_retriable)
            return status;
        if (i < source->options.connect_retries &&
            socket_pause(source->client.wire.socket,
                         backoff_take_us(&backoff, source->reader.world)) != OK)
            return fail(error, ERR_CANCELLED, "WR5106", "connecting was interrupted to stop");
    }
    return status;
}

/* Definitions are read as they are now: up to here they are an assumption. */
static Status source_find_start(MysqlSource *source, Error *error)
{
    Str gtids;
    TRY(mysql_stream_find_start(source, error));
    if (source->options.mode == START_LATEST)
        return OK;
    return mysql_catalog_end(&source->client, source->arena, &source->assumed_until, &gtids, error);
}

static Status source_open_stream(MysqlSource *source, Error *error)
{
    MysqlCatalog catalog;
    Arena *arena = arena_new(0);
    source->snapshot.is_done = true;
    source->xa.may_miss = true;
    Status status = mysql_source_settle(source, source_find_start, arena, &catalog, error);
    if (status == OK)
        status = mysql_source_take_catalog(source, &catalog, error);
    arena_free(arena);
    TRY(status);
    mysql_client_close(&source->client);
    return mysql_stream_open(source, error);
}

static Status source_open_fresh(MysqlSource *source, Error *error)
{
    StartMode mode = source->options.mode;
    if (mode != START_SNAPSHOT)
        TRY(mysql_catalog_check_binlog(&source->client, error));
    return mode == START_INITIAL || mode == START_SNAPSHOT ? mysql_snapshot_begin(source, error)
                                                           : source_open_stream(source, error);
}

/* Names in CREATE TABLE may have changed since the checkpoint. Fewer tables than before are fine;
 * but with none of them it is another table, whose rows the snapshot has not read. */
static Status source_check_names(const MysqlSource *source, Error *error)
{
    const SourceTable *lost = NULL;
    bool has_any = false;
    for (int32_t i = 0; i < source->table_count; i++) {
        const SourceTable *table = source->tables[i];
        const MysqlTable *schema = table->schema;
        has_any |= table->was_wanted && table->is_wanted;
        if (table->was_wanted && !table->is_wanted)
            lost = table;
        if (table->is_wanted && !table->was_wanted)
            log_event(
                LOG_WARN, "mysql-cdc",
                "table %.*s.%.*s is read from here on, because CREATE TABLE has changed; what "
                "it held before is not: for that, start over with --fresh",
                STR_ARGS(schema->database), STR_ARGS(schema->name));
    }
    if (has_any || lost == NULL)
        return OK;
    Status status = fail(error, ERR_INVALID, "WR3123",
                         "the checkpoint is of `%.*s.%.*s`, which 'database-name' and "
                         "'table-name' do not match any more",
                         STR_ARGS(lost->schema->database), STR_ARGS(lost->schema->name));
    error_hint(error, "give the names back, or start over with --fresh to read other tables");
    return status;
}

static Status source_open_restored(MysqlSource *source, Str state, Error *error)
{
    TRY(mysql_source_read_state(source, state, error));
    TRY(source_check_names(source, error));
    source_order_tables(source);
    if (!source->snapshot.is_done && source->snapshot.at > source->snapshot.order.count)
        return fail(error, ERR_CORRUPT, "WR3136", "the position in the checkpoint is damaged");
    if (source->options.mode != START_SNAPSHOT)
        TRY(mysql_catalog_check_binlog(&source->client, error));
    if (!source->snapshot.is_done) {
        mysql_snapshot_break(source);
        return OK;
    }
    mysql_client_close(&source->client);
    return OK;
}

static Status source_open(SourceReader *reader, Str state, Error *error)
{
    MysqlSource *source = (MysqlSource *)reader;
    const PlanNode *node = reader->node;
    Error own = {0};
    error = error != NULL ? error : &own;
    source->arena = reader->arena;
    source->backoff = (Backoff){.first_us = BACKOFF_FIRST_US, .most_us = BACKOFF_MAX_US};
    TRY(mysql_source_read_options(source, error));
    for (int32_t i = 0; i < node->schema.count; i++)
        source->wants_metadata |= node->source.columns[i] < 0;
    const OptionSet *options = node->source.table->options.options;
    TRY(table_filter_new(options_text(options, "database-name"),
                         options_text(options, "table-name"), &source->filter, error));
    /* Made under the eyes of interrupt, which may come from now on. */
    mysql_client_init(&source->client, reader->world, &source->options.endpoint);
    mysql_client_init(&source->dump, reader->world, &source->options.endpoint);
    __atomic_store_n(&source->is_made, true, __ATOMIC_RELEASE);
    TRY(source_connect(source, error));
    ServerInfo info;
    TRY(mysql_catalog_server(&source->client, &info, error));
    source->name_case = info.name_case;
    TRY(mysql_notice_tables(source, error));
    mysql_lag_open(source);
    TRY(state.length > 0 ? source_open_restored(source, state, error)
                         : source_open_fresh(source, error));
    bool is_bounded = source->options.mode == START_SNAPSHOT;
    atomic_store(&reader->progress.phase, !source->snapshot.is_done ? PHASE_SNAPSHOT
                                          : is_bounded              ? PHASE_FINISHED
                                                                    : PHASE_STREAMING);
    return OK;
}

/* ---- trouble that may pass ---- */

static void source_back_off(MysqlSource *source, const Error *error)
{
    World *world = source->reader.world;
    int64_t pause_us = backoff_take_us(&source->backoff, world);
    source->retry_at_us = world_monotonic_us(world) + pause_us;
    log_event(LOG_WARN, "mysql-cdc", "%s; trying again in %.1f s", error->text,
              (double)pause_us / 1e6);
}

/* Damage may have come from the network: what is damaged is read again, some times. */
static bool source_may_pass(MysqlSource *source, Status status, const Error *error)
{
    if (status == ERR_DECODE)
        return ++source->damage_count <= DAMAGE_MAX;
    return status == ERR_UNAVAILABLE || (status != ERR_CANCELLED && error->is_retriable);
}

/* Close what is broken, keep what was delivered, come back later. */
static void source_break(MysqlSource *source, const Error *error)
{
    if (!source->snapshot.is_done)
        mysql_snapshot_break(source);
    mysql_client_close(&source->client);
    mysql_stream_close(source);
    source_back_off(source, error);
}

/* ---- polling ---- */

/* The snapshot is read: the stream begins where its first segment was read, or a little before. A
 * bounded one is
 * declared to give inserts only, so nothing can be taken back: where it was cut, each of its parts
 * is as of its own moment. */
static Status source_end_snapshot(MysqlSource *source)
{
    SourceSnapshot *snapshot = &source->snapshot;
    SourceStream *stream = &source->stream;
    const Segment *first = LIST_AT(source->segments, 0, Segment);
    snapshot->is_done = true;
    snapshot->is_open = false;
    if (stream->safe.offset == 0) { /* see snapshot_hold */
        stream->safe = first->position;
        stream->server_id = first->server_id;
        gtid_copy(&stream->gtids, &first->executed);
    }
    mysql_client_close(&source->client);
    log_event(LOG_INFO, "mysql-cdc", "the snapshot is read: %lld rows",
              (long long)atomic_load(&source->reader.progress.rows_done));
    bool is_all = source->options.mode == START_SNAPSHOT;
    if (is_all || segments_are_behind(source)) { /* nothing to leave out of what comes */
        for (int32_t i = 0; i < source->segments.count; i++)
            segment_free(LIST_AT(source->segments, i, Segment));
        source->segments.count = 0;
    }
    atomic_store(&source->reader.progress.phase, is_all ? PHASE_FINISHED : PHASE_STREAMING);
    return is_all ? ERR_END : OK;
}

static Status source_poll_once(MysqlSource *source, Error *error)
{
    if (!source->snapshot.is_done) {
        Status status = mysql_snapshot_poll(source, error);
        return status == ERR_END ? source_end_snapshot(source) : status;
    }
    if (source->options.mode == START_SNAPSHOT)
        return ERR_END;
    return mysql_stream_poll(source, error);
}

/* What was filled, or `status` when there is nothing. */
static Status source_give(MysqlSource *source, Status status, Batch **out)
{
    Batch *batch = source->batch;
    if (batch == NULL || batch->row_count == 0)
        return status == OK ? ERR_AGAIN : status;
    batch_select_all(batch);
    *out = batch;
    source->batch = NULL;
    return OK;
}

static Status source_poll_patiently(MysqlSource *source, Batch **out, Error *error)
{
    SourceReader *reader = &source->reader;
    Error own = {0};
    error = error != NULL ? error : &own;
    *out = NULL;
    if (source->failure != OK) {
        *error = source->failure_error;
        return source->failure;
    }
    if (source->retry_at_us != 0) {
        int64_t wait_us = source->retry_at_us - world_monotonic_us(reader->world);
        if (wait_us > 0) {
            int64_t pause_us = wait_us < SOURCE_POLL_US ? wait_us : SOURCE_POLL_US;
            if (socket_pause(source->dump.wire.socket, pause_us) != OK)
                return fail(error, ERR_CANCELLED, "WR5106", "reading was interrupted to stop");
            return ERR_AGAIN;
        }
        source->retry_at_us = 0;
    }
    Status status = source_poll_once(source, error);
    if (status == OK || status == ERR_AGAIN || status == ERR_END) {
        if (status != ERR_AGAIN) {
            backoff_reset(&source->backoff);
            source->damage_count = 0;
        }
        return source_give(source, status, out);
    }
    if (source_may_pass(source, status, error)) {
        source_break(source, error);
        return source_give(source, ERR_AGAIN, out);
    }
    /* What was read before the failure is good and comes first; where history ends, a checkpoint is
     * worth its while. */
    error->is_in_place |= status == ERR_LOST;
    source->failure = status;
    source->failure_error = *error;
    return source_give(source, status, out);
}

static Status source_poll(SourceReader *reader, Batch **out, Error *error)
{
    MysqlSource *source = (MysqlSource *)reader;
    Status status = source_poll_patiently(source, out, error);
    mysql_lag_show(source);
    return status;
}

static void source_snapshot(SourceReader *reader, Buffer *out)
{
    mysql_source_write_state((MysqlSource *)reader, out);
}

static void source_interrupt(SourceReader *reader)
{
    MysqlSource *source = (MysqlSource *)reader;
    if (!__atomic_load_n(&source->is_made, __ATOMIC_ACQUIRE))
        return;
    mysql_client_interrupt(&source->client);
    mysql_client_interrupt(&source->dump);
}

static void source_close(SourceReader *reader)
{
    MysqlSource *source = (MysqlSource *)reader;
    batch_free(source->batch);
    source->batch = NULL;
    if (source->is_made) {
        mysql_client_free(&source->client);
        mysql_client_free(&source->dump);
        source->is_made = false;
    }
    mysql_snapshot_free(source);
    mysql_stream_free(source);
    book_free(source);
    table_filter_free(source->filter);
    source->filter = NULL;
    buffer_free(&source->text);
}

static const SourceKind mysql_cdc_source = {
    .size = sizeof(MysqlSource),
    .open = source_open,
    .poll = source_poll,
    .snapshot = source_snapshot,
    .interrupt = source_interrupt,
    .close = source_close,
};

extern const Connector mysql_cdc_connector;
const Connector mysql_cdc_connector = {.info = &mysql_cdc_info, .source = &mysql_cdc_source};
