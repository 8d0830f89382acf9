/* What all operators share: making, connecting, counting, emitting. */
#include "exec/exec.h"

#include <assert.h>

#include "base/ceiling.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/value.h"
#include "exec/operators.h"

static const OperatorKind *operator_kind_of(PlanKind kind)
{
    switch (kind) {
    case PLAN_CALC: return &calc_operator;
    case PLAN_WATERMARK: return &watermark_operator;
    case PLAN_WINDOW_ASSIGN: return &window_assign_operator;
    case PLAN_WINDOW_AGGREGATE: return &window_aggregate_operator;
    case PLAN_GROUP_AGGREGATE: return &group_aggregate_operator;
    case PLAN_NORMALIZE: return &normalize_operator;
    case PLAN_OVER: return &over_operator;
    case PLAN_RANK: return &rank_operator;
    case PLAN_SORT: return &sort_operator;
    case PLAN_DEDUPLICATE: return &deduplicate_operator;
    case PLAN_WINDOW_RANK: return &window_rank_operator;
    case PLAN_UNION: return &union_operator;
    case PLAN_REGULAR_JOIN: return &regular_join_operator;
    case PLAN_UNNEST: return &unnest_operator;
    case PLAN_INTERVAL_JOIN: return &interval_join_operator;
    case PLAN_TEMPORAL_JOIN: return &temporal_join_operator;
    case PLAN_WINDOW_JOIN: return &window_join_operator;
    case PLAN_REPLICATE: return &replicate_operator;
    case PLAN_SINGLE_ROW: return &single_row_operator;
    case PLAN_UPSERT_MATERIALIZE: return &upsert_materialize_operator;
    case PLAN_LOOKUP_JOIN: return &lookup_join_operator;
    case PLAN_MATCH: return &match_operator;
    case PLAN_SINK: return &sink_operator;
    case PLAN_SERVE: return &serve_operator;
    case PLAN_SOURCE:
    case PLAN_VALUES: break;
    }
    return NULL;
}

static const OperatorKind *operator_kind_for(const PlanNode *node)
{
    bool is_session =
        node->kind == PLAN_WINDOW_AGGREGATE
            ? node->window_aggregate.window.kind == WINDOW_SESSION &&
                  !node->window_aggregate.window.is_attached
            : node->kind == PLAN_WINDOW_ASSIGN && node->window_assign.window.kind == WINDOW_SESSION;
    return is_session ? &session_aggregate_operator : operator_kind_of(node->kind);
}

const char *operator_labels(const Operator *op, const char *more)
{
    Buffer text = {0};
    buffer_append_text(&text, "operator=");
    const char *label = op->node != NULL && op->node->label != NULL ? op->node->label : "";
    json_append_quoted(&text, str_from(label[0] == '\0' ? op->kind->name : label));
    if (op->task->metric_labels != NULL && op->task->metric_labels[0] != '\0')
        buffer_printf(&text, ",%s", op->task->metric_labels);
    if (more[0] != '\0')
        buffer_printf(&text, ",%s", more);
    const char *labels = str_terminated(op->task->query, buffer_str(&text));
    buffer_free(&text);
    return labels;
}

const char *operator_shard_labels(const Operator *op)
{
    return operator_labels(op, arena_printf(op->task->query, "shard=\"%d\"", op->task->shard));
}

Operator *operator_make(TaskContext *task, const OperatorKind *kind, const PlanNode *node,
                        int32_t input_count)
{
    assert(kind->size >= (int32_t)sizeof(Operator) && input_count >= 0);
    Operator *op = arena_allocate_zeroed(task->query, kind->size);
    op->kind = kind;
    op->node = node;
    op->task = task;
    op->inputs = ARENA_ARRAY(task->query, OperatorInput, input_count);
    op->input_count = input_count;
    op->watermark = TIMESTAMP_MIN;
    bool is_of_plan = node != NULL && node->label != NULL && kind == operator_kind_for(node);
    op->holder = ceiling_holder(is_of_plan ? node->label : kind->name);
    for (int32_t i = 0; i < input_count; i++)
        op->inputs[i].watermark = TIMESTAMP_MIN;
    return op;
}

bool operator_keeps_state(const PlanNode *node)
{
    return node->kind != PLAN_SINK && operator_kind_for(node)->snapshot != NULL;
}

Operator *operator_new(TaskContext *task, const PlanNode *node)
{
    static const char name[] = "weir_operator_records_total";
    static const char help[] = "Rows that went into and out of operators.";
    const OperatorKind *kind = operator_kind_for(node);
    assert(kind != NULL);
    Operator *op = operator_make(task, kind, node, node->input_count);
    op->records_in =
        metric_get(METRIC_COUNTER, name, operator_labels(op, "direction=\"in\""), help, 1);
    op->records_out =
        metric_get(METRIC_COUNTER, name, operator_labels(op, "direction=\"out\""), help, 1);
    return op;
}

void operator_connect(Operator *from, Operator *to, int32_t input)
{
    assert(input >= 0 && input < to->input_count);
    Arena *arena = from->task->query;
    int32_t count = from->output_count;
    Operator **outputs = ARENA_ARRAY(arena, Operator *, count + 1);
    int32_t *inputs = ARENA_ARRAY(arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++) {
        outputs[i] = from->outputs[i];
        inputs[i] = from->output_inputs[i];
    }
    outputs[count] = to;
    inputs[count] = input;
    from->outputs = outputs;
    from->output_inputs = inputs;
    from->output_count = count + 1;
}

void operator_restore_watermark(Operator *op, Timestamp watermark)
{
    if (!op->is_restored || watermark < op->restored)
        op->restored = watermark;
    op->is_restored = true;
}

Status operator_start(Operator *op)
{
    if (op->is_restored)
        op->watermark = op->restored;
    return op->kind->start == NULL ? OK : op->kind->start(op);
}

Status operator_go_on(Operator *op)
{
    if (!op->has_more)
        return OK;
    op->has_more = false;
    op->awaited = NULL;
    Metric *before = memory_hold(op->holder);
    Status status = op->kind->go_on(op);
    memory_hold(before);
    return status;
}

bool operator_is_to_pause(const Operator *op)
{
    bool is_saving = op->keyed != NULL && keyed_is_saving(op->keyed) && !op->task->is_hurried;
    return is_saving || operator_is_clogged(op);
}

bool operator_is_to_wait(Operator *op, StateTable *table)
{
    if (table == NULL || op->task->spill == NULL || op->task->is_hurried || !keyed_save_next(table))
        return false;
    op->awaited = table;
    op->has_more = true;
    return true;
}

bool operator_is_waiting(const Operator *op)
{
    return op->awaited != NULL && keyed_save_next(op->awaited);
}

/* Something else comes from above in the same task before the rest was done. */
static Status operator_finish(Operator *op)
{
    if (!op->has_more)
        return OK;
    bool was_hurried = op->task->is_hurried;
    op->task->is_hurried = true;
    Status status = operator_go_on(op);
    op->task->is_hurried = was_hurried;
    assert(status != OK || !op->has_more);
    return status;
}

Status operator_push(Operator *op, int32_t input, Batch *batch)
{
    assert(input >= 0 && input < op->input_count);
    if (batch->selection.count == 0)
        return OK;
    TRY(operator_finish(op));
    if (op->records_in != NULL)
        metric_add(op->records_in, batch->selection.count);
    if (op->inputs[input].is_idle)
        TRY(operator_receive_idle(op, input, false));
    Metric *before = memory_hold(op->holder);
    Status status = op->kind->push(op, input, batch);
    memory_hold(before);
    return status;
}

/* The least watermark of the inputs that are not idle; of all of them if none is active. Those of a
 * union that woke up behind what was said do not count, but keep the input from being at its end.
 */
static Timestamp operator_minimum(const Operator *op, bool *is_idle)
{
    Timestamp active = TIMESTAMP_MAX, all = TIMESTAMP_MAX;
    bool has_laggard = false;
    *is_idle = true;
    for (int32_t i = 0; i < op->input_count; i++) {
        Timestamp watermark = op->inputs[i].watermark;
        all = watermark < all ? watermark : all;
        if (op->inputs[i].is_idle)
            continue;
        *is_idle = false;
        if (op->kind->is_union && watermark < op->watermark)
            has_laggard = true;
        else
            active = watermark < active ? watermark : active;
    }
    if (*is_idle)
        return all;
    return has_laggard && active == TIMESTAMP_MAX ? op->watermark : active;
}

static Status operator_move_on(Operator *op, Timestamp watermark)
{
    if (op->kind->advance == NULL)
        return operator_advance(op, watermark);
    Metric *before = memory_hold(op->holder);
    Status status = op->kind->advance(op, watermark);
    memory_hold(before);
    return status;
}

/* Idleness first when the operator wakes, the watermark first when it falls asleep. */
static Status operator_update(Operator *op)
{
    bool is_idle;
    Timestamp minimum = operator_minimum(op, &is_idle);
    TRY(operator_finish(op));
    if (op->is_idle && !is_idle) {
        op->is_idle = false;
        TRY(op->kind->idle == NULL ? operator_pass_idle(op, false) : op->kind->idle(op, false));
    }
    if (minimum > op->watermark) {
        op->watermark = minimum;
        TRY(operator_move_on(op, minimum));
    }
    if (!op->is_idle && is_idle) {
        TRY(operator_finish(op));
        op->is_idle = true;
        TRY(op->kind->idle == NULL ? operator_pass_idle(op, true) : op->kind->idle(op, true));
    }
    return OK;
}

Status operator_receive_watermark(Operator *op, int32_t input, Timestamp watermark)
{
    assert(input >= 0 && input < op->input_count);
    OperatorInput *in = &op->inputs[input];
    in->is_idle = false;
    if (watermark > in->watermark)
        in->watermark = watermark;
    return operator_update(op);
}

Status operator_receive_idle(Operator *op, int32_t input, bool is_idle)
{
    assert(input >= 0 && input < op->input_count);
    if (op->inputs[input].is_idle == is_idle)
        return OK;
    op->inputs[input].is_idle = is_idle;
    return operator_update(op);
}

Status operator_emit(Operator *op, Batch *batch)
{
    assert(batch->selection.count >= 0 && batch->selection.count <= batch->row_count);
    if (batch->selection.count == 0)
        return OK;
    if (op->records_out != NULL)
        metric_add(op->records_out, batch->selection.count);
    for (int32_t i = 0; i < op->output_count; i++) {
        Batch view = *batch;
        TRY(operator_push(op->outputs[i], op->output_inputs[i], &view));
    }
    return OK;
}

/* What has been pushed has been worked at, and nobody below holds values: one message, such as a
 * watermark that ends a window of millions of keys, may make any number of batches. */
static Status operator_make_room_below(const Operator *op)
{
    for (int32_t i = 0; i < op->output_count; i++) {
        TRY(operator_make_room(op->outputs[i]));
        TRY(operator_make_room_below(op->outputs[i]));
    }
    return OK;
}

Status operator_emit_lending(Operator *op, Batch *batch, Arena *lent)
{
    TaskContext *task = op->task;
    Arena *scratch = task->scratch;
    assert(lent != scratch);
    task->scratch = lent;
    task->eval.scratch = lent;
    Status status = operator_emit(op, batch);
    task->scratch = scratch;
    task->eval.scratch = scratch;
    arena_reset(lent);
    return status != OK || task->spill == NULL ? status : operator_make_room_below(op);
}

Status operator_advance(Operator *op, Timestamp watermark)
{
    for (int32_t i = 0; i < op->output_count; i++)
        TRY(operator_receive_watermark(op->outputs[i], op->output_inputs[i], watermark));
    return OK;
}

Status operator_pass_idle(Operator *op, bool is_idle)
{
    for (int32_t i = 0; i < op->output_count; i++)
        TRY(operator_receive_idle(op->outputs[i], op->output_inputs[i], is_idle));
    return OK;
}

Str operator_letter_table(const PlanNode *node)
{
    const PlanNode *at = node;
    while (at->kind != PLAN_SOURCE && at->input_count > 0)
        at = at->inputs[0];
    if (at->kind == PLAN_SOURCE)
        return at->source.table->name;
    return str_from(node->label == NULL ? "rows" : node->label);
}

Letter operator_letter_about(const Operator *op, int32_t input, DeadLetterStage stage,
                             const char *code, const char *reason)
{
    const PlanNode *from = op->node->inputs[input];
    return (Letter){.table = operator_letter_table(from),
                    .schema = &from->schema,
                    .stage = stage,
                    .code = code,
                    .reason = reason};
}

void operator_write_letter(Operator *op, const Letter *about, const Batch *batch, int32_t row)
{
    const Schema *schema = about->schema;
    assert(schema->count == batch->column_count);
    Buffer text = {0};
    JsonWriter json = {.out = &text};
    Buffer value = {0};
    json_begin_object(&json);
    for (int32_t i = 0; i < schema->count; i++) {
        Value field = value_get(&batch->columns[i], row);
        value.length = 0;
        value_print(&value, &field, VALUE_JSON, op->task->eval.zone);
        json_key_str(&json, schema->fields[i].name);
        json_raw(&json, buffer_str(&value));
    }
    json_end_object(&json);
    DeadLetter letter = {.table = about->table,
                         .stage = about->stage,
                         .code = about->code,
                         .reason = about->reason,
                         .position = str_from(row_kind_text(batch_kind(batch, row))),
                         .bytes = buffer_str(&text)};
    if (op->task->dead_letters != NULL)
        deadletters_add(op->task->dead_letters, &letter);
    buffer_free(&value);
    buffer_free(&text);
}

void operator_letter(Operator *op, const Batch *batch, int32_t row, DeadLetterStage stage,
                     const char *code, const char *reason)
{
    Letter about = operator_letter_about(op, 0, stage, code, reason);
    operator_write_letter(op, &about, batch, row);
}

Selection selection_without(Selection rows, const uint8_t *flags, Arena *arena)
{
    int32_t *kept = arena_allocate(arena, (int64_t)sizeof(int32_t) * rows.count);
    int32_t count = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        kept[count] = row;
        count += !flags[row];
    }
    return (Selection){.rows = kept, .count = count};
}

Batch batch_pick(const Batch *batch, const int32_t *indexes, int32_t count, Arena *arena)
{
    Batch view = *batch;
    view.columns = ARENA_ARRAY(arena, Column, count);
    view.column_count = count;
    view.arena = NULL;
    for (int32_t i = 0; i < count; i++)
        view.columns[i] = batch->columns[indexes[i]];
    return view;
}

void operator_reject_errors(Operator *op, Batch *batch)
{
    EvalContext *eval = &op->task->eval;
    if (eval->error_count == 0)
        return;
    uint8_t *is_rejected = arena_allocate_zeroed(op->task->scratch, batch->row_count);
    for (int32_t i = 0; i < eval->error_count; i++) {
        const RowError *error = &eval->errors[i];
        assert(error->row >= 0 && error->row < batch->row_count);
        if (is_rejected[error->row])
            continue;
        is_rejected[error->row] = 1;
        operator_letter(op, batch, error->row, STAGE_COMPUTE, error->code, error->reason);
    }
    eval->error_count = 0;
    batch->selection = selection_without(batch->selection, is_rejected, op->task->scratch);
}

void operator_interrupt(Operator *op)
{
    if (op->kind == &sink_operator)
        sink_interrupt(op);
    else if (op->kind == &lookup_join_operator)
        lookup_interrupt(op);
}

ServedTable *operator_served_table(Operator *op)
{
    return op->kind == &serve_operator ? serve_table(op) : NULL;
}

ServedTable *operator_give_served_table(Operator *op)
{
    assert(op->kind == &serve_operator);
    return serve_give_table(op);
}

void operator_take_served_table(Operator *op, ServedTable *table)
{
    assert(op->kind == &serve_operator);
    serve_take_table(op, table);
}

Status operator_raise_watermark(Operator *op, Timestamp watermark)
{
    assert(op->kind == &watermark_operator);
    return watermark_raise(op, watermark);
}

Status operator_take_over_time(Operator *op, const Operator *from)
{
    assert(op->kind == from->kind);
    return op->kind == &watermark_operator ? watermark_take_over(op, from) : OK;
}
