/* What reaches the ends of the line, as text. */
#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "data/value.h"
#include "trial/internal.h"

/* ---- Which there are ------------------------------------------------------------------------- */

static Capture *capture_named(const TrialRun *run, Str name)
{
    for (int32_t i = 0; i < run->captures.count; i++) {
        Capture *capture = LIST_AT(run->captures, i, Capture);
        if (str_equal(capture->name, name))
            return capture;
    }
    return NULL;
}

static Str root_name(const PlanNode *root)
{
    return root->kind == PLAN_SINK ? root->sink.table->name : root->serve.name;
}

/* The columns of a sink's rows that are its table's key. */
static void capture_sink_key(TrialRun *run, Capture *capture, const PlanNode *root)
{
    const PlanTable *table = root->sink.table;
    int32_t *key = ARENA_ARRAY(run->arena, int32_t, table->key_count + 1);
    for (int32_t k = 0; k < table->key_count; k++) {
        for (int32_t i = 0; i < root->schema.count; i++)
            if (root->sink.writes[i] == table->key[k])
                key[capture->key_count++] = i;
    }
    capture->key = key;
}

void captures_make(TrialRun *run)
{
    for (int32_t i = 0; i < run->plan->root_count; i++) {
        const PlanNode *root = run->plan->roots[i];
        if (capture_named(run, root_name(root)) != NULL)
            continue;
        Capture *capture = ARENA_NEW(run->arena, Capture);
        capture->name = root_name(root);
        capture->accepts = CHANGELOG_ALL;
        if (root->kind == PLAN_SINK) {
            capture->accepts = root->sink.accepts;
            capture_sink_key(run, capture, root);
        } else {
            capture->key = root->serve.key;
            capture->key_count = root->serve.key_count;
        }
        list_append(&run->captures, run->arena, capture);
    }
}

Capture *capture_find(TrialRun *run, Str name, int32_t line)
{
    if (name.data == NULL && run->captures.count == 1)
        return LIST_AT(run->captures, 0, Capture);
    Capture *capture = name.data == NULL ? NULL : capture_named(run, name);
    if (capture != NULL)
        return capture;
    Buffer names = {0};
    for (int32_t i = 0; i < run->captures.count; i++)
        buffer_printf(&names, "%s`%.*s`", i > 0 ? ", " : "",
                      STR_ARGS(LIST_AT(run->captures, i, Capture)->name));
    if (name.data == NULL)
        run_fail(run, line, "say of which, with `of NAME`: %s",
                 run->captures.count > 0 ? buffer_terminated(&names) : "nothing is written");
    else
        run_fail(run, line, "nothing is written to `%.*s`, only to %s", STR_ARGS(name),
                 run->captures.count > 0 ? buffer_terminated(&names) : "nothing");
    buffer_free(&names);
    return NULL;
}

/* ---- Catching -------------------------------------------------------------------------------- */

/* One line for each row: what would break it is written as an escape. */
static void capture_print(Buffer *out, const Value *value, const TimeZone *zone)
{
    Buffer text = {0};
    value_print(&text, value, VALUE_PRINT, zone);
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '\n')
            buffer_append_text(out, "\\n");
        else if (c == '\r')
            buffer_append_text(out, "\\r");
        else
            buffer_append_char(out, c);
    }
    buffer_free(&text);
}

static Str capture_row_text(TrialRun *run, const Batch *batch, int32_t row)
{
    Buffer text = {0};
    buffer_append_char(&text, '[');
    for (int32_t c = 0; c < batch->column_count; c++) {
        if (c > 0)
            buffer_append_text(&text, ", ");
        Value value = value_get(&batch->columns[c], row);
        capture_print(&text, &value, run->plan->settings.zone);
    }
    buffer_append_char(&text, ']');
    Str copy = str_copy(run->arena, buffer_str(&text));
    buffer_free(&text);
    return copy;
}

static Str capture_key_text(TrialRun *run, const Capture *capture, const Batch *batch, int32_t row)
{
    if (capture->key_count == 0)
        return (Str){0};
    Buffer text = {0};
    for (int32_t k = 0; k < capture->key_count; k++) {
        Value value = value_get(&batch->columns[capture->key[k]], row);
        int64_t start = text.length;
        buffer_append_u32(&text, 0);
        value_print(&text, &value, VALUE_PRINT, run->plan->settings.zone);
        text.data[start] = value.is_null ? 'n' : 'v';
    }
    Str copy = str_copy(run->arena, buffer_str(&text));
    buffer_free(&text);
    return copy;
}

static void capture_batch(TrialRun *run, Capture *capture, const Batch *batch)
{
    static const ChangelogMode bits[] = {
        [ROW_INSERT] = CHANGELOG_INSERT,
        [ROW_UPDATE_BEFORE] = CHANGELOG_UPDATE_BEFORE,
        [ROW_UPDATE_AFTER] = CHANGELOG_UPDATE_AFTER,
        [ROW_DELETE] = CHANGELOG_DELETE,
    };
    pthread_mutex_lock(&run->lock);
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        RowKind kind = batch_kind(batch, row);
        if ((capture->accepts & bits[kind]) == 0)
            continue; /* a sink by key skips -U */
        Change *change = ARENA_NEW(run->arena, Change);
        change->kind = kind;
        change->row = capture_row_text(run, batch, row);
        change->key = capture_key_text(run, capture, batch, row);
        list_append(&capture->changes, run->arena, change);
    }
    pthread_mutex_unlock(&run->lock);
}

void capture_tap(void *context, int32_t root, const Batch *batch)
{
    TrialRun *run = context;
    Capture *capture = capture_named(run, root_name(run->plan->roots[root]));
    assert(capture != NULL);
    capture_batch(run, capture, batch);
}

static Status capture_open(SinkWriter *writer, Str state, Error *error)
{
    (void)writer, (void)state, (void)error;
    return OK;
}

static Status capture_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    (void)error;
    const TrialTable *table = trial_table_of(writer->node->sink.table);
    assert(table != NULL);
    Capture *capture = capture_named(table->run, writer->node->sink.table->name);
    assert(capture != NULL);
    capture_batch(table->run, capture, batch);
    return OK;
}

static Status capture_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    (void)writer, (void)checkpoint, (void)state, (void)error;
    return OK;
}

static void capture_close(SinkWriter *writer)
{
    (void)writer;
}

const SinkKind capture_sink = {
    .size = sizeof(SinkWriter),
    .open = capture_open,
    .write = capture_write,
    .prepare = capture_prepare,
    .close = capture_close,
};

/* ---- Looking at it --------------------------------------------------------------------------- */

static Str change_text(TrialRun *run, RowKind kind, Str row)
{
    return str_from(arena_printf(run->arena, "%s%.*s", row_kind_text(kind), STR_ARGS(row)));
}

Lines capture_changes(TrialRun *run, const Capture *capture, int32_t from)
{
    Lines lines = {.items = ARENA_ARRAY(run->arena, Str, capture->changes.count - from + 1)};
    for (int32_t i = from; i < capture->changes.count; i++) {
        const Change *change = LIST_AT(capture->changes, i, Change);
        lines.items[lines.count++] = change_text(run, change->kind, change->row);
    }
    return lines;
}

/* Rows by what tells them apart: the key, or without one all of the row. */
typedef struct Held {
    Str row;
    int32_t count;
} Held;

static Held *held_find(TrialRun *run, Map *rows, Str key)
{
    Held *held = map_find(rows, key);
    if (held == NULL) {
        held = ARENA_NEW(run->arena, Held);
        map_put(rows, key, held);
    }
    return held;
}

Lines capture_rows(TrialRun *run, const Capture *capture)
{
    Map *rows = map_new(run->arena);
    bool has_key = capture->key_count > 0;
    for (int32_t i = 0; i < capture->changes.count; i++) {
        const Change *change = LIST_AT(capture->changes, i, Change);
        Held *held = held_find(run, rows, has_key ? change->key : change->row);
        held->row = change->row;
        bool is_retraction = row_kind_is_retraction((uint8_t)change->kind);
        if (has_key)
            held->count = !is_retraction;
        else
            held->count += is_retraction ? -1 : 1;
    }
    int32_t total = 0;
    for (int32_t i = 0; i < map_count(rows); i++)
        total += abs(((const Held *)map_value_at(rows, i))->count);
    Lines lines = {.items = ARENA_ARRAY(run->arena, Str, total + 1)};
    for (int32_t i = 0; i < map_count(rows); i++) {
        const Held *held = map_value_at(rows, i);
        for (int32_t k = 0; k < held->count; k++)
            lines.items[lines.count++] = change_text(run, ROW_INSERT, held->row);
        for (int32_t k = held->count; k < 0; k++) /* taken back, but never given */
            lines.items[lines.count++] = change_text(run, ROW_DELETE, held->row);
    }
    lines_sort(lines);
    return lines;
}
