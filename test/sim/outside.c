/* The database and the store of a simulated world. */
#include "sim/outside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/value.h"

enum {
    STORES = 5,
    POLL_ROWS_MAX = 9,
    PERMILLE = 1000,
};

Outside *outside;

static bool outside_refuses(void)
{
    return random_below(&outside->seed, PERMILLE) < outside->refusals;
}

/* ---- The database -------------------------------------------------------------------------- */

static void order_fill(Order *order, uint64_t *seed)
{
    order->store = (int32_t)random_below(seed, STORES);
    order->amount = random_below(seed, 1000);
}

static void changes_add(Outside *out, RowKind kind, const Order *row)
{
    out->changes[out->change_count++] = (OrderChange){kind, *row};
}

/* Inserts mostly; of the orders that are there, some change and some go. */
static void changes_make(Outside *out, int32_t count, uint64_t seed)
{
    Order *live = ARENA_ARRAY(out->arena, Order, count + 1);
    int32_t live_count = 0;
    out->changes = ARENA_ARRAY(out->arena, OrderChange, count + 1);
    for (int64_t id = 1; out->change_count < count; id++) {
        int64_t dice = random_below(&seed, 10);
        int32_t which = live_count > 0 ? (int32_t)random_below(&seed, live_count) : 0;
        if (dice < 6 || live_count == 0) {
            Order *order = &live[live_count++];
            *order = (Order){.id = id};
            order_fill(order, &seed);
            changes_add(out, ROW_INSERT, order);
        } else if (dice < 9) {
            changes_add(out, ROW_UPDATE_BEFORE, &live[which]);
            order_fill(&live[which], &seed);
            changes_add(out, ROW_UPDATE_AFTER, &live[which]);
        } else {
            changes_add(out, ROW_DELETE, &live[which]);
            live[which] = live[--live_count];
        }
    }
}

typedef struct ChangesReader {
    SourceReader base;
    int64_t next;
} ChangesReader;

static Status changes_open(SourceReader *base, Str state, Error *error)
{
    (void)error;
    ByteReader bytes = byte_reader(state);
    ((ChangesReader *)base)->next = (int64_t)byte_reader_u64(&bytes);
    atomic_store(&base->progress.phase, PHASE_STREAMING);
    return OK;
}

static Status changes_poll(SourceReader *base, Batch **out, Error *error)
{
    (void)error;
    ChangesReader *reader = (ChangesReader *)base;
    int64_t left = outside->change_count - reader->next;
    if (left <= 0)
        return ERR_END;
    if (outside_refuses())
        return ERR_AGAIN;
    int64_t rows = 1 + random_below(&outside->seed, POLL_ROWS_MAX);
    if (rows > left)
        rows = left;
    Batch *batch = batch_new(&base->node->schema, (int32_t)rows);
    batch_need_kinds(batch, (int32_t)rows);
    for (int32_t i = 0; i < rows; i++) {
        const OrderChange *change = &outside->changes[reader->next + i];
        batch->kinds[i] = (uint8_t)change->kind;
        for (int32_t k = 0; k < batch->column_count; k++) {
            int32_t column = base->node->source.columns[k];
            Value value = {.type = base->node->schema.fields[k].type,
                           .integer = column == 0   ? change->row.id
                                      : column == 1 ? change->row.store
                                                    : change->row.amount};
            value_set(&batch->columns[k], batch->arena, i, (int32_t)rows, &value);
        }
    }
    batch->row_count = (int32_t)rows;
    batch_select_all(batch);
    reader->next += rows;
    *out = batch;
    return OK;
}

static void changes_snapshot(SourceReader *base, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)((ChangesReader *)base)->next);
}

static void changes_close(SourceReader *base)
{
    (void)base;
}

static const SourceKind changes_source = {
    .size = sizeof(ChangesReader),
    .open = changes_open,
    .poll = changes_poll,
    .snapshot = changes_snapshot,
    .close = changes_close,
};

static bool always_bounded(const TableOptions *table)
{
    (void)table;
    return true;
}

static ChangelogMode all_changes(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_ALL;
}

static const Connector changes_connector = {.info = &sim_changes_info, .source = &changes_source};

const ConnectorInfo sim_changes_info = {
    .name = "sim-changes",
    .summary = "Changes of orders, for tests.",
    .can_read = true,
    .is_bounded = always_bounded,
    .read_mode = all_changes,
    .implementation = &changes_connector,
};

/* ---- The store ----------------------------------------------------------------------------- */

static Status shop_open(SinkWriter *writer, Str state, Error *error)
{
    (void)writer, (void)state, (void)error;
    return OK;
}

static void row_print(const SinkWriter *writer, const Batch *batch, int32_t row, bool is_key,
                      Buffer *out)
{
    const PlanTable *table = writer->node->sink.table;
    for (int32_t i = 0; i < batch->column_count; i++) {
        bool is_part = !is_key;
        for (int32_t k = 0; k < table->key_count; k++)
            is_part = is_part || table->key[k] == writer->node->sink.writes[i];
        if (!is_part)
            continue;
        Value value = value_get(&batch->columns[i], row);
        buffer_append_text(out, out->length > 0 ? "|" : "");
        value_print(out, &value, VALUE_PLAIN, NULL);
    }
}

static Map *store_table(const SinkWriter *writer)
{
    Str name = writer->node->sink.table->name;
    Map *table = map_find(outside->tables, name);
    if (table == NULL) {
        table = map_new(outside->arena);
        map_put(outside->tables, name, table);
    }
    return table;
}

/* Changes as bytes: a kind, the key's text, the row's text. */
static void shop_encode(const SinkWriter *writer, const Batch *batch, Buffer *out)
{
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        Buffer key = {0}, text = {0};
        row_print(writer, batch, row, true, &key);
        row_print(writer, batch, row, false, &text);
        buffer_append_u8(out, (uint8_t)batch_kind(batch, row));
        buffer_append_bytes(out, buffer_str(&key));
        buffer_append_bytes(out, buffer_str(&text));
        buffer_free(&key);
        buffer_free(&text);
    }
}

static void shop_apply(Map *table, Str changes)
{
    ByteReader reader = byte_reader(changes);
    while (byte_reader_left(&reader) > 0) {
        RowKind kind = (RowKind)byte_reader_u8(&reader);
        Str key = byte_reader_bytes(&reader);
        Str text = byte_reader_bytes(&reader);
        if (kind == ROW_DELETE)
            map_remove(table, key);
        else if (kind != ROW_UPDATE_BEFORE)
            map_put(table, key, (void *)str_terminated(outside->arena, text));
    }
}

static Status fail_refused(Error *error)
{
    Status status = fail(error, ERR_UNAVAILABLE, "WR3301", "the store does not answer");
    error->is_retriable = true;
    return status;
}

static Status shop_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    if (outside_refuses())
        return fail_refused(error);
    Buffer changes = {0};
    shop_encode(writer, batch, &changes);
    shop_apply(store_table(writer), buffer_str(&changes));
    buffer_free(&changes);
    return OK;
}

static Status shop_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    (void)writer, (void)checkpoint, (void)state, (void)error;
    return OK;
}

static void shop_close(SinkWriter *writer)
{
    (void)writer;
}

static const SinkKind shop_sink = {
    .size = sizeof(SinkWriter),
    .open = shop_open,
    .write = shop_write,
    .prepare = shop_prepare,
    .close = shop_close,
};

static ChangelogMode upserts(const TableOptions *table)
{
    return table->has_primary_key ? CHANGELOG_UPSERT : CHANGELOG_APPEND;
}

static const Connector shop_connector = {.info = &sim_store_info, .sink = &shop_sink};

const ConnectorInfo sim_store_info = {
    .name = "sim-store",
    .summary = "Rows by key, for tests.",
    .can_write = true,
    .guarantee = SINK_IDEMPOTENT,
    .write_mode = upserts,
    .implementation = &shop_connector,
};

/* The same behind rows that wait for their checkpoint. */
static bool always_held(const TableOptions *table)
{
    (void)table;
    return true;
}

static const Connector held_connector = {.info = &sim_held_info, .sink = &shop_sink};

const ConnectorInfo sim_held_info = {
    .name = "sim-held",
    .summary = "Rows by key that wait for their checkpoint, for tests.",
    .can_write = true,
    .guarantee = SINK_IDEMPOTENT,
    .holds_rows = always_held,
    .write_mode = upserts,
    .implementation = &held_connector,
};

/* ---- The ledger ---------------------------------------------------------------------------- */

typedef struct LedgerWriter {
    SinkWriter base;
    Buffer pending, prepared;
} LedgerWriter;

/* A number of a checkpoint, and its changes. As a database that keeps the number in the same
 * transaction: what it has is not applied again. */
static Status ledger_apply(const SinkWriter *writer, Str prepared, Error *error)
{
    if (prepared.length == 0)
        return OK;
    if (outside_refuses())
        return fail_refused(error);
    ByteReader reader = byte_reader(prepared);
    int64_t checkpoint = (int64_t)byte_reader_u64(&reader);
    if (checkpoint <= outside->ledger_checkpoint)
        return OK;
    outside->ledger_checkpoint = checkpoint;
    shop_apply(store_table(writer), byte_reader_take(&reader, byte_reader_left(&reader)));
    return OK;
}

static Status ledger_open(SinkWriter *writer, Str state, Error *error)
{
    return ledger_apply(writer, state, error);
}

static Status ledger_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    if (outside_refuses())
        return fail_refused(error);
    shop_encode(writer, batch, &((LedgerWriter *)writer)->pending);
    return OK;
}

static Status ledger_prepare(SinkWriter *base, int64_t checkpoint, Buffer *state, Error *error)
{
    LedgerWriter *writer = (LedgerWriter *)base;
    if (outside_refuses())
        return fail_refused(error);
    writer->prepared.length = 0;
    buffer_append_u64(&writer->prepared, (uint64_t)checkpoint);
    buffer_append_str(&writer->prepared, buffer_str(&writer->pending));
    writer->pending.length = 0;
    buffer_append_str(state, buffer_str(&writer->prepared));
    return OK;
}

static Status ledger_commit(SinkWriter *writer, int64_t checkpoint, Error *error)
{
    (void)checkpoint;
    return ledger_apply(writer, buffer_str(&((LedgerWriter *)writer)->prepared), error);
}

static void ledger_close(SinkWriter *base)
{
    LedgerWriter *writer = (LedgerWriter *)base;
    buffer_free(&writer->pending);
    buffer_free(&writer->prepared);
}

static const SinkKind ledger_sink = {
    .size = sizeof(LedgerWriter),
    .open = ledger_open,
    .write = ledger_write,
    .prepare = ledger_prepare,
    .commit = ledger_commit,
    .close = ledger_close,
};

static const Connector ledger_connector = {.info = &sim_ledger_info, .sink = &ledger_sink};

const ConnectorInfo sim_ledger_info = {
    .name = "sim-ledger",
    .summary = "Rows by key, with the checkpoint, for tests.",
    .can_write = true,
    .guarantee = SINK_TRANSACTIONAL,
    .write_mode = upserts,
    .implementation = &ledger_connector,
};

/* ---- Both ---------------------------------------------------------------------------------- */

Outside *outside_new(uint64_t seed, int32_t change_count)
{
    Arena *arena = arena_new(0);
    Outside *made = ARENA_NEW(arena, Outside);
    made->arena = arena;
    made->tables = map_new(arena);
    made->seed = seed;
    changes_make(made, change_count, random_next(&made->seed));
    return made;
}

void outside_free(Outside *old)
{
    if (old != NULL)
        arena_free(old->arena);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void outside_print(const Outside *from, const char *table, Buffer *out)
{
    const Map *rows = map_find(from->tables, str_from(table));
    int32_t count = rows == NULL ? 0 : map_count(rows);
    const char **lines = ARENA_ARRAY(from->arena, const char *, count + 1);
    for (int32_t i = 0; i < count; i++)
        lines[i] = map_value_at(rows, i);
    qsort(lines, (size_t)count, sizeof *lines, compare_lines);
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%s\n", lines[i]);
}
