/* Rows with what a table outside has for them at the moment.
 *
 *     batch ──> keys, each once ──> cache ──> entries ──> pairs ──> condition ──> out
 *                                     │ not there
 *                                     └──> requests ──> connector ──> rows ──> entries
 *
 * All that a batch needs is asked for together, in requests of many keys; a batch has left when
 * push returns, so barriers and watermarks keep their place. The operator's task has a thread of
 * its own that may wait.
 *
 * There is no state, unless rows that are taken back must leave beside what they came beside
 * (lookup_memory.h): nothing is asked for them then. */
#include "exec/operators.h"

#include <assert.h>

#include "base/memory.h"
#include "data/rowcode.h"
#include "exec/join/lookup_client.h"
#include "exec/join/lookup_full.h"
#include "exec/join/lookup_memory.h"
#include "exec/join/lookup_store.h"
#include "exec/join/output.h"
#include "exec/join/rows.h"

typedef struct LookupJoin {
    Operator base;
    TableKey key;
    Schema key_schema;
    LookupStore store;
    StateTable *unique; /* of the batch at hand: key -> its number, from 1 */
    LookupClient *client;
    LookupFull *full;     /* or, of a copy of the whole table */
    LookupMemory *memory; /* or NULL */
    Program *project;     /* fetched -> right */
    JoinOutput out;
    bool is_left;
    Metric *hits, *bytes, *state_bytes;
} LookupJoin;

/* What is known of the batch at hand. */
typedef struct LookupBatch {
    LookupJoin *self;
    const Batch *batch;
    JoinRows rows;
    int32_t *numbers;         /* by position in rows.keyed: its key's number, from 0 */
    int32_t *first;           /* by number: the first position that has the key */
    int32_t count;            /* of keys */
    LookupEntry **entries;    /* by number; NULL: not found yet */
    bool *are_asked;          /* by number: a row that comes has the key */
    LookupEntry **remembered; /* with a memory, by position: of rows that go; else NULL */
    uint8_t *are_done;        /* by row: it has left */
    int32_t *missing;         /* numbers to ask for */
    int32_t missing_count;
    bool is_eager; /* rows leave as soon as their key is found */
} LookupBatch;

static Status lookup_open(Operator *op)
{
    LookupJoin *self = (LookupJoin *)op;
    const PlanNode *node = op->node;
    Arena *arena = op->task->query;
    const PlanJoin *join = &node->lookup_join.join;
    assert(join->kind == JOIN_INNER || join->kind == JOIN_LEFT);
    self->key = join_table_key(op, join);
    Field *fields = ARENA_ARRAY(arena, Field, join->keys[0].count + 1);
    for (int32_t i = 0; i < join->keys[0].count; i++)
        fields[i] = node->inputs[0]->schema.fields[join->keys[0].columns[i]];
    self->key_schema = (Schema){.fields = fields, .count = join->keys[0].count};
    self->unique = table_new(&self->key, (int32_t)sizeof(int64_t));
    self->is_left = join->kind == JOIN_LEFT;
    const Connector *connector = connector_find(node->lookup_join.table->connector);
    LookupCache cache = node->lookup_join.cache;
    assert(connector->lookup != NULL || cache.kind == LOOKUP_CACHE_FULL);
    if (connector->lookup == NULL)
        self->full = lookup_full_new(op);
    else
        self->client = lookup_client_new(op, connector->lookup);
    /* Who can be asked needs no copy. */
    if (connector->lookup != NULL && cache.kind == LOOKUP_CACHE_FULL)
        cache.kind = LOOKUP_CACHE_NONE;
    lookup_store_open(&self->store, &self->key, &node->lookup_join.right, &cache);
    if (node->lookup_join.remembers)
        self->memory = lookup_memory_new(op, node->lookup_join.state_ttl_us);
    self->hits = metric_get(METRIC_COUNTER, "weir_lookup_cache_hits_total", operator_labels(op, ""),
                            "Keys whose rows were in the cache of look-ups.", 1);
    self->bytes = metric_get(METRIC_GAUGE, "weir_lookup_cache_bytes", operator_shard_labels(op),
                             "Bytes of the cache of look-ups.", 1);
    if (self->memory != NULL)
        self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes",
                                       operator_shard_labels(op), "Bytes of keyed state.", 1);
    TRY(join_output_open_over(&self->out, op, join, &node->lookup_join.right));
    self->out.passes_kinds = node->inputs[0]->changelog != CHANGELOG_APPEND;
    if (node->lookup_join.right.count == 0)
        return OK;
    return program_compile(arena, node->lookup_join.exprs, node->lookup_join.right.count,
                           &node->lookup_join.fetched, &self->project, op->task->error);
}

/* ---- Rows that were found ---------------------------------------------------------------- */

/* The right side of the fetched rows; the selection goes on without those that fail. */
static Batch lookup_project(LookupJoin *self, const Batch *fetched)
{
    Operator *op = &self->base;
    const PlanNode *node = op->node;
    EvalContext *eval = &op->task->eval;
    Batch right = *fetched;
    right.arena = NULL;
    right.kinds = NULL;
    right.column_count = node->lookup_join.right.count;
    right.columns = ARENA_ARRAY(op->task->scratch, Column, right.column_count + 1);
    if (self->project == NULL)
        return right;
    eval->error_count = 0;
    program_run(self->project, eval, fetched, right.columns);
    if (eval->error_count == 0)
        return right;
    uint8_t *are_rejected = ARENA_ARRAY(op->task->scratch, uint8_t, fetched->row_count);
    for (int32_t i = 0; i < eval->error_count; i++) {
        Letter letter = {.table = node->lookup_join.table->name,
                         .schema = &node->lookup_join.fetched,
                         .stage = STAGE_COMPUTE,
                         .code = eval->errors[i].code,
                         .reason = eval->errors[i].reason};
        are_rejected[eval->errors[i].row] = 1;
        operator_write_letter(op, &letter, fetched, eval->errors[i].row);
    }
    eval->error_count = 0;
    right.selection = selection_without(right.selection, are_rejected, op->task->scratch);
    return right;
}

/* Keep the rows of one fetched batch; kept[i] is the record of row selection[i]. */
static Selection lookup_keep(LookupJoin *self, const Batch *fetched, StoredRow **kept)
{
    Batch right = lookup_project(self, fetched);
    row_pool_add(&self->store.rows, &right, right.selection, kept);
    return right.selection;
}

/* ---- Keys of a batch --------------------------------------------------------------------- */

/* With a memory, rows that go are not asked for. */
static bool lookup_goes(const LookupBatch *in, int32_t position)
{
    int32_t row = selection_row(in->rows.keyed, position);
    return in->self->memory != NULL && row_kind_is_retraction((uint8_t)batch_kind(in->batch, row));
}

static void lookup_number_keys(LookupBatch *in)
{
    LookupJoin *self = in->self;
    Arena *scratch = self->base.task->scratch;
    int32_t count = in->rows.keyed.count;
    uint8_t **values = ARENA_ARRAY(scratch, uint8_t *, count);
    in->numbers = ARENA_ARRAY(scratch, int32_t, count);
    in->first = ARENA_ARRAY(scratch, int32_t, count);
    in->are_asked = ARENA_ARRAY(scratch, bool, count);
    if (!table_reuse(self->unique))
        table_clear(self->unique);
    table_find_or_insert(self->unique, &in->rows.keys, 0, count, values);
    for (int32_t i = 0; i < count; i++) {
        int64_t *number = (int64_t *)(void *)values[i];
        if (*number == 0) {
            in->first[in->count] = i;
            *number = ++in->count;
        }
        in->numbers[i] = (int32_t)*number - 1;
        in->are_asked[in->numbers[i]] |= !lookup_goes(in, i);
    }
    in->entries = ARENA_ARRAY(scratch, LookupEntry *, in->count + 1);
    in->missing = ARENA_ARRAY(scratch, int32_t, in->count + 1);
}

static void lookup_ask_cache(LookupBatch *in)
{
    LookupJoin *self = in->self;
    int64_t now_us = world_now_us(self->base.task->world);
    bool has_cache = self->store.cache.kind != LOOKUP_CACHE_NONE;
    int32_t asked = 0;
    for (int32_t i = 0; i < in->count; i++) {
        if (!in->are_asked[i])
            continue;
        asked++;
        if (has_cache)
            in->entries[i] = lookup_store_find(&self->store, &in->rows.keys, in->first[i], now_us);
        if (in->entries[i] == NULL)
            in->missing[in->missing_count++] = i;
    }
    metric_add(self->hits, asked - in->missing_count);
}

/* ---- Rows that go ------------------------------------------------------------------------ */

/* What was remembered as an entry like those that are found. */
static LookupEntry *lookup_recall(LookupJoin *self, FoundRow *found)
{
    const Schema *right = &self->base.node->lookup_join.right;
    LookupEntry *entry = lookup_store_new(&self->store);
    while (found != NULL) {
        Batch *batch = batch_new(right, LOOKUP_ROWS_CAPACITY);
        while (found != NULL && batch->row_count < LOOKUP_ROWS_CAPACITY) {
            FoundRow *next = found->next;
            bool is_whole = rowcode_read(str_make(found->bytes, found->length), batch,
                                         LOOKUP_ROWS_CAPACITY, ROW_INSERT);
            assert(is_whole);
            lookup_memory_give_back(self->memory, found);
            found = next;
        }
        StoredRow *kept[LOOKUP_ROWS_CAPACITY];
        batch_select_all(batch);
        row_pool_add(&self->store.rows, batch, batch->selection, kept);
        for (int32_t i = 0; i < batch->row_count; i++)
            lookup_entry_add(entry, kept[i]);
        batch_free(batch);
    }
    return entry;
}

/* In the order of the rows: one that comes in this batch may go in it. All that was asked for has
 * been found. A row that is known no more leaves nothing. */
static void lookup_remember(LookupBatch *in)
{
    LookupJoin *self = in->self;
    Arena *scratch = self->base.task->scratch;
    int32_t count = in->rows.keyed.count;
    int64_t now_us = world_now_us(self->base.task->world);
    TableKeys keys = lookup_memory_keys(self->memory, in->batch, in->rows.keyed, scratch);
    in->remembered = ARENA_ARRAY(scratch, LookupEntry *, count + 1);
    for (int32_t i = 0; i < count; i++) {
        FoundRow *found;
        LeftRow left = {in->batch, selection_row(in->rows.keyed, i)};
        if (!lookup_goes(in, i))
            lookup_memory_put(self->memory, &keys, i, left, in->entries[in->numbers[i]], now_us);
        else if (lookup_memory_take(self->memory, &keys, i, left, now_us, &found))
            in->remembered[i] = lookup_recall(self, found);
        else
            in->are_done[left.row] = 1;
    }
}

/* ---- Rows out ---------------------------------------------------------------------------- */

static PairSide lookup_side(const LookupBatch *in, int32_t row)
{
    return (PairSide){.batch = in->batch, .row = row};
}

static Status lookup_emit_plain(LookupBatch *in, int32_t row, const LookupEntry *entry)
{
    LookupJoin *self = in->self;
    if (entry == NULL || entry->first == NULL)
        return self->is_left ? join_output_pad(&self->out, 0, lookup_side(in, row)) : OK;
    for (StoredRow *found = entry->first; found != NULL; found = found->next)
        TRY(join_output_add(&self->out, lookup_side(in, row), pair_side(found)));
    return OK;
}

/* A left row goes out beside NULLs, in its place, when the condition holds for none of its rows: so
 * that is found out first. */
typedef struct LookupTested {
    uint8_t *flags; /* by pair */
    int64_t count;
} LookupTested;

static Status lookup_test(LookupBatch *in, int32_t row, const LookupEntry *entry,
                          LookupTested *tested)
{
    LookupJoin *self = in->self;
    for (StoredRow *found = entry->first; found != NULL; found = found->next) {
        PairSide right = pair_side(found);
        right.is_matched = &tested->flags[tested->count++];
        TRY(join_output_add(&self->out, lookup_side(in, row), right));
    }
    return OK;
}

static Status lookup_emit_tested(LookupBatch *in, int32_t row, const LookupEntry *entry,
                                 LookupTested *tested)
{
    LookupJoin *self = in->self;
    bool has_any = false;
    for (StoredRow *found = entry->first; found != NULL; found = found->next) {
        if (!tested->flags[tested->count++])
            continue;
        has_any = true;
        TRY(join_output_add(&self->out, lookup_side(in, row), pair_side(found)));
    }
    return has_any ? OK : join_output_pad(&self->out, 0, lookup_side(in, row));
}

static const LookupEntry *lookup_entry_of(const LookupBatch *in, int32_t position)
{
    if (position < 0)
        return NULL;
    if (in->remembered != NULL && in->remembered[position] != NULL)
        return in->remembered[position];
    return in->entries[in->numbers[position]];
}

/* The rows to emit now, as pairs of row and position among the keyed ones (-1: its key is NULL). */
typedef struct LookupDue {
    int32_t *rows, *positions;
    int32_t count;
} LookupDue;

/* Those whose key is found and that have not left yet, in their order. */
static LookupDue lookup_due(LookupBatch *in)
{
    Arena *scratch = in->self->base.task->scratch;
    Selection all = in->batch->selection;
    LookupDue due = {.rows = ARENA_ARRAY(scratch, int32_t, all.count),
                     .positions = ARENA_ARRAY(scratch, int32_t, all.count)};
    int32_t position = 0;
    for (int32_t i = 0; i < all.count; i++) {
        int32_t row = selection_row(all, i);
        bool is_keyed =
            position < in->rows.keyed.count && selection_row(in->rows.keyed, position) == row;
        int32_t at = is_keyed ? position++ : -1;
        if (in->are_done[row] || (is_keyed && lookup_entry_of(in, at) == NULL))
            continue;
        in->are_done[row] = 1;
        due.rows[due.count] = row;
        due.positions[due.count++] = at;
    }
    return due;
}

static Status lookup_emit_conditional(LookupBatch *in, const LookupDue *due)
{
    LookupJoin *self = in->self;
    int64_t pairs = 0;
    for (int32_t i = 0; i < due->count; i++) {
        const LookupEntry *entry = lookup_entry_of(in, due->positions[i]);
        for (const StoredRow *found = entry == NULL ? NULL : entry->first; found != NULL;
             found = found->next)
            pairs++;
    }
    LookupTested tested = {.flags = memory_allocate_zeroed(pairs + 1)};
    Status status = OK;
    self->out.is_silent = true;
    for (int32_t i = 0; i < due->count && status == OK; i++)
        if (lookup_entry_of(in, due->positions[i]) != NULL)
            status = lookup_test(in, due->rows[i], lookup_entry_of(in, due->positions[i]), &tested);
    if (status == OK)
        status = join_output_flush(&self->out);
    self->out.is_silent = false;
    self->out.is_tested = true;
    tested.count = 0;
    for (int32_t i = 0; i < due->count && status == OK; i++) {
        const LookupEntry *entry = lookup_entry_of(in, due->positions[i]);
        status = entry == NULL ? join_output_pad(&self->out, 0, lookup_side(in, due->rows[i]))
                               : lookup_emit_tested(in, due->rows[i], entry, &tested);
    }
    if (status == OK)
        status = join_output_flush(&self->out);
    self->out.is_tested = false;
    memory_free(tested.flags);
    return status;
}

static Status lookup_emit(LookupBatch *in)
{
    LookupJoin *self = in->self;
    LookupDue due = lookup_due(in);
    if (due.count == 0)
        return OK;
    if (self->is_left && self->out.condition != NULL)
        return lookup_emit_conditional(in, &due);
    for (int32_t i = 0; i < due.count; i++)
        TRY(lookup_emit_plain(in, due.rows[i], lookup_entry_of(in, due.positions[i])));
    return join_output_flush(&self->out);
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* An answer: entries for the keys of the request, with and without rows. */
static Status lookup_take_answer(void *context, LookupRequest *request)
{
    LookupBatch *in = context;
    LookupJoin *self = in->self;
    for (int32_t i = 0; i < request->keys->row_count; i++) {
        int32_t number = in->missing[request->first + i];
        if (in->entries[number] == NULL)
            in->entries[number] = lookup_store_new(&self->store);
    }
    const LookupRows *found = request->rows;
    for (int32_t b = 0; b < found->used; b++) {
        StoredRow *kept[LOOKUP_ROWS_CAPACITY];
        Batch *batch = found->batches[b];
        batch_select_all(batch);
        Selection rows = lookup_keep(self, batch, kept);
        for (int32_t i = 0; i < rows.count; i++) {
            int32_t key = found->keys[b][selection_row(rows, i)];
            assert(key < request->keys->row_count);
            lookup_entry_add(in->entries[in->missing[request->first + key]], kept[i]);
        }
    }
    return in->is_eager ? lookup_emit(in) : OK;
}

/* A batch of the keys missing[first …]. */
static Batch *lookup_key_batch(const LookupBatch *in, int32_t first, int32_t count)
{
    LookupJoin *self = in->self;
    const ColumnList *keys = &self->base.node->lookup_join.join.keys[0];
    Arena *scratch = self->base.task->scratch;
    int32_t *rows = ARENA_ARRAY(scratch, int32_t, count);
    for (int32_t i = 0; i < count; i++)
        rows[i] = selection_row(in->rows.keyed, in->first[in->missing[first + i]]);
    Batch view = batch_pick(in->batch, keys->columns, keys->count, scratch);
    view.kinds = NULL;
    Batch *batch = batch_new(&self->key_schema, count);
    batch_append(batch, &view, (Selection){.rows = rows, .count = count}, count);
    return batch;
}

static Status lookup_ask_once(LookupBatch *in)
{
    LookupJoin *self = in->self;
    int32_t most = lookup_client_keys_max(self->client);
    int32_t count = (in->missing_count + most - 1) / most;
    LookupRequest *requests = ARENA_ARRAY(self->base.task->scratch, LookupRequest, count + 1);
    for (int32_t i = 0; i < count; i++) {
        int32_t first = i * most;
        int32_t left = in->missing_count - first;
        requests[i] = (LookupRequest){
            .first = first, .keys = lookup_key_batch(in, first, left < most ? left : most)};
    }
    Status status = lookup_client_run(self->client, requests, count, lookup_take_answer, in);
    for (int32_t i = 0; i < count; i++)
        batch_free((Batch *)(uintptr_t)requests[i].keys);
    return status;
}

/* Leave in `missing` the keys that have no row. */
static void lookup_still_missing(LookupBatch *in)
{
    int32_t count = 0;
    for (int32_t i = 0; i < in->missing_count; i++) {
        int32_t number = in->missing[i];
        in->missing[count] = number;
        count += in->entries[number]->first == NULL;
    }
    in->missing_count = count;
}

static Status lookup_ask(LookupBatch *in)
{
    LookupJoin *self = in->self;
    const PlanNode *node = self->base.node;
    int32_t attempts = node->lookup_join.attempts;
    int32_t asked_count = in->missing_count;
    int32_t *asked = ARENA_ARRAY(self->base.task->scratch, int32_t, asked_count + 1);
    memcpy(asked, in->missing, sizeof(int32_t) * (size_t)asked_count);
    /* A row whose key has no rows yet may not leave before the last attempt. */
    in->is_eager = node->lookup_join.is_async && !node->lookup_join.is_ordered && attempts == 1;
    for (int32_t i = 0; i < attempts && in->missing_count > 0; i++) {
        if (i > 0 && !lookup_client_pause(self->client, node->lookup_join.retry_us))
            return ERR_CANCELLED;
        TRY(lookup_ask_once(in));
        lookup_still_missing(in);
    }
    int64_t now_us = world_now_us(self->base.task->world);
    for (int32_t i = 0; i < asked_count; i++)
        lookup_store_put(&self->store, &in->rows.keys, in->first[asked[i]], in->entries[asked[i]],
                         now_us);
    return OK;
}

static Status lookup_work(LookupBatch *in)
{
    LookupJoin *self = in->self;
    if (in->rows.keyed.count > 0) {
        lookup_number_keys(in);
        lookup_ask_cache(in);
    }
    /* Of a copy of the whole table, what is not there does not exist. */
    for (int32_t i = 0; self->full != NULL && i < in->missing_count; i++)
        in->entries[in->missing[i]] = lookup_store_new(&self->store);
    if (self->full == NULL && in->missing_count > 0)
        TRY(lookup_ask(in));
    if (self->memory != NULL)
        lookup_remember(in);
    return lookup_emit(in);
}

/* ---- A copy of the whole table ----------------------------------------------------------- */

static void lookup_take_copied(LookupJoin *self, Batch *batch, const PlanJoin *by_fetched)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    batch_select_all(batch);
    JoinRows rows = join_rows(op, by_fetched, &self->key, 0, batch);
    Batch keyed = *batch;
    keyed.selection = rows.keyed;
    StoredRow **kept = ARENA_ARRAY(scratch, StoredRow *, rows.keyed.count + 1);
    Selection stored = lookup_keep(self, &keyed, kept);
    int32_t position = 0;
    for (int32_t i = 0; i < stored.count; i++) {
        while (selection_row(rows.keyed, position) != selection_row(stored, i))
            position++;
        LookupEntry *entry = lookup_store_find(&self->store, &rows.keys, position, 0);
        if (entry == NULL) {
            entry = lookup_store_new(&self->store);
            lookup_entry_add(entry, kept[i]);
            lookup_store_put(&self->store, &rows.keys, position, entry, 0);
        } else {
            lookup_entry_add(entry, kept[i]);
        }
        lookup_store_release(&self->store, entry);
    }
    batch_free(batch);
}

/* Every row under its key, in a store that takes the place of the old one. */
static void lookup_take_copy(LookupJoin *self)
{
    Operator *op = &self->base;
    Arena *arena = arena_new(0);
    List batches = {0};
    if (lookup_full_take(self->full, &batches, arena)) {
        const PlanNode *node = op->node;
        lookup_store_close(&self->store);
        lookup_store_open(&self->store, &self->key, &node->lookup_join.right,
                          &node->lookup_join.cache);
        PlanJoin by_fetched = {
            .keys = {node->lookup_join.join.keys[1], node->lookup_join.join.keys[1]}};
        Arena *scratch = op->task->scratch;
        op->task->scratch = op->task->eval.scratch = arena;
        for (int32_t i = 0; i < batches.count; i++)
            lookup_take_copied(self, LIST_AT(batches, i, Batch), &by_fetched);
        op->task->scratch = op->task->eval.scratch = scratch;
    }
    arena_free(arena);
}

static Status lookup_push(Operator *op, int32_t input, Batch *batch)
{
    LookupJoin *self = (LookupJoin *)op;
    assert(input == 0);
    if (self->full != NULL)
        lookup_take_copy(self);
    LookupBatch in = {.self = self, .batch = batch};
    in.rows = join_rows(op, &op->node->lookup_join.join, &self->key, 0, batch);
    in.are_done = ARENA_ARRAY(op->task->scratch, uint8_t, batch->row_count);
    Status status = lookup_work(&in);
    for (int32_t i = 0; i < in.count; i++)
        if (in.entries[i] != NULL)
            lookup_store_release(&self->store, in.entries[i]);
    for (int32_t i = 0; in.remembered != NULL && i < in.rows.keyed.count; i++)
        if (in.remembered[i] != NULL)
            lookup_store_release(&self->store, in.remembered[i]);
    row_pool_settle(&self->store.rows);
    return status;
}

static Status lookup_tick(Operator *op, int64_t now_us)
{
    LookupJoin *self = (LookupJoin *)op;
    if (self->full != NULL) {
        lookup_full_tick(self->full, now_us);
        lookup_take_copy(self);
    }
    metric_set(self->bytes, lookup_store_bytes(&self->store));
    if (self->memory == NULL)
        return OK;
    lookup_memory_sweep(self->memory, now_us);
    metric_set(self->state_bytes, lookup_memory_bytes(self->memory));
    return OK;
}

static Status lookup_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    LookupJoin *self = (LookupJoin *)op;
    (void)checkpoint;
    if (self->memory != NULL)
        lookup_memory_save(self->memory, out);
    return OK;
}

static Status lookup_restore(Operator *op, Str state)
{
    LookupJoin *self = (LookupJoin *)op;
    if (state.length == 0 || (self->memory != NULL && lookup_memory_load(self->memory, state)))
        return OK;
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}

static Status lookup_start(Operator *op)
{
    LookupJoin *self = (LookupJoin *)op;
    if (self->full == NULL)
        return lookup_client_open(self->client);
    TRY(lookup_full_open(self->full));
    lookup_take_copy(self);
    return OK;
}

void lookup_interrupt(Operator *op)
{
    LookupJoin *self = (LookupJoin *)op;
    if (self->client != NULL)
        lookup_client_interrupt(self->client);
    if (self->full != NULL)
        lookup_full_interrupt(self->full);
}

static void lookup_close(Operator *op)
{
    LookupJoin *self = (LookupJoin *)op;
    lookup_client_close(self->client);
    lookup_full_close(self->full);
    self->client = NULL;
    self->full = NULL;
    if (self->unique == NULL)
        return;
    lookup_store_close(&self->store);
    lookup_memory_free(self->memory);
    self->memory = NULL;
    table_free(self->unique);
    self->unique = NULL;
    join_output_close(&self->out);
}

const OperatorKind lookup_join_operator = {
    .name = "lookup-join",
    .size = sizeof(LookupJoin),
    .open = lookup_open,
    .push = lookup_push,
    .tick = lookup_tick,
    .start = lookup_start,
    .snapshot = lookup_snapshot,
    .restore = lookup_restore,
    .close = lookup_close,
};
