/* Tables that are looked up: what they hold at the moment, by the changes that were fed so far. */
#include <assert.h>

#include "trial/internal.h"

void trial_lookup_prepare(TrialRun *run)
{
    for (int32_t i = 0; i < run->plan->node_count; i++) {
        const PlanNode *node = run->plan->nodes[i];
        if (node->kind != PLAN_LOOKUP_JOIN)
            continue;
        TrialTable *table = trial_table_of(node->lookup_join.table);
        assert(table != NULL);
        table->looked_up = node->lookup_join.table;
    }
}

bool trial_has_lookup(const TrialRun *run)
{
    for (int32_t i = 0; i < run->plan->node_count; i++)
        if (run->plan->nodes[i]->kind == PLAN_LOOKUP_JOIN)
            return true;
    return false;
}

/* By the PRIMARY KEY, or by all columns. */
static bool rows_are_same(const TrialTable *table, const Value *a, const Value *b)
{
    const PlanTable *plan = table->looked_up;
    int32_t count = plan->key_count > 0 ? plan->key_count : table->fed.count;
    for (int32_t i = 0; i < count; i++) {
        int32_t at = plan->key_count > 0 ? trial_table_fed_index(table, plan, plan->key[i]) : i;
        bool is_same = a[at].is_null || b[at].is_null ? a[at].is_null && b[at].is_null
                                                      : value_equal(&a[at], &b[at]);
        if (!is_same)
            return false;
    }
    return true;
}

static void content_remove(TrialTable *table, const Value *row)
{
    List *content = &table->content;
    for (int32_t i = 0; i < content->count; i++) {
        if (!rows_are_same(table, LIST_AT(*content, i, const Value), row))
            continue;
        for (int32_t k = i + 1; k < content->count; k++)
            content->items[k - 1] = content->items[k];
        content->count--;
        return;
    }
}

void trial_lookup_feed(TrialRun *run, TrialTable *table, const Value *row, RowKind kind)
{
    if (table->looked_up == NULL)
        return;
    bool is_back = row_kind_is_retraction((uint8_t)kind);
    if (is_back || table->looked_up->key_count > 0)
        content_remove(table, row);
    if (!is_back)
        list_append(&table->content, run->arena, (void *)(uintptr_t)row);
}

/* ---- The connector's part ------------------------------------------------------------------ */

static Status lookup_open(LookupReader *reader, Error *error)
{
    (void)reader, (void)error;
    return OK;
}

static bool row_has_key(const LookupReader *reader, const TrialTable *table, const Value *row,
                        const Batch *keys, int32_t key)
{
    for (int32_t i = 0; i < reader->key_count; i++) {
        int32_t physical = reader->node->lookup_join.columns[reader->keys[i]];
        const Value *value =
            &row[trial_table_fed_index(table, reader->node->lookup_join.table, physical)];
        Value wanted = value_get(&keys->columns[i], key);
        if (value->is_null || !value_equal(value, &wanted))
            return false;
    }
    return true;
}

static void row_add(const LookupReader *reader, const TrialTable *table, const Value *row,
                    LookupRows *rows, int32_t key)
{
    int32_t at;
    Batch *batch = lookup_rows_add(rows, key, &at);
    for (int32_t i = 0; i < batch->column_count; i++) {
        const Value *value = &row[trial_table_fed_index(table, reader->node->lookup_join.table,
                                                        reader->node->lookup_join.columns[i])];
        if (value->is_null)
            column_set_null(&batch->columns[i], batch->arena, at, LOOKUP_ROWS_CAPACITY);
        else
            value_set(&batch->columns[i], batch->arena, at, LOOKUP_ROWS_CAPACITY, value);
    }
}

static Status lookup_find(LookupReader *reader, const Batch *keys, LookupRows *rows, Error *error)
{
    (void)error;
    const TrialTable *table = trial_table_of(reader->node->lookup_join.table);
    for (int32_t key = 0; key < keys->row_count; key++)
        for (int32_t i = 0; i < table->content.count; i++) {
            const Value *row = LIST_AT(table->content, i, const Value);
            if (row_has_key(reader, table, row, keys, key))
                row_add(reader, table, row, rows, key);
        }
    return OK;
}

static void lookup_close(LookupReader *reader)
{
    (void)reader;
}

const LookupKind trial_lookup = {
    .size = sizeof(LookupReader),
    .keys_max = 64,
    .open = lookup_open,
    .find = lookup_find,
    .close = lookup_close,
};
