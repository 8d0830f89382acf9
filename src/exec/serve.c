/* Keeps a materialized table: the changelog goes into a ServedTable that serve/ reads. */
#include "exec/operators.h"

#include <assert.h>

typedef struct ServeOperator {
    Operator base;
    ServedTable *table;
    bool is_inherited; /* with its rows */
} ServeOperator;

static Status serve_open(Operator *op)
{
    const PlanNode *node = op->node;
    if (((ServeOperator *)op)->is_inherited)
        return OK;
    ServedSpec spec = {
        .name = str_terminated(op->task->query, node->serve.name),
        .comment = node->serve.comment,
        .schema = &node->schema,
        .key = node->serve.key,
        .key_count = node->serve.key_count,
        .ttl_us = node->serve.ttl_us,
        .freshness_us = node->serve.freshness_us,
    };
    ((ServeOperator *)op)->table = served_new(op->task->world, &spec);
    return OK;
}

static Status serve_push(Operator *op, int32_t input, Batch *batch)
{
    assert(input == 0);
    served_apply(((ServeOperator *)op)->table, batch);
    return operator_emit(op, batch);
}

static Status serve_advance(Operator *op, Timestamp watermark)
{
    served_set_watermark(((ServeOperator *)op)->table, watermark);
    return operator_advance(op, watermark);
}

static Status serve_tick(Operator *op, int64_t now_us)
{
    served_expire(((ServeOperator *)op)->table, now_us);
    return OK;
}

static Status serve_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    served_save(((ServeOperator *)op)->table, out);
    return OK;
}

static Status serve_restore(Operator *op, Str state)
{
    const ServeOperator *serve = (const ServeOperator *)op;
    return serve->is_inherited ? OK : served_load(serve->table, state, op->task->error);
}

static void serve_close(Operator *op)
{
    ServeOperator *serve = (ServeOperator *)op;
    if (serve->table == NULL)
        return;
    served_free(serve->table);
    serve->table = NULL;
}

ServedTable *serve_table(Operator *op)
{
    return ((ServeOperator *)op)->table;
}

ServedTable *serve_give_table(Operator *op)
{
    ServeOperator *serve = (ServeOperator *)op;
    ServedTable *table = serve->table;
    serve->table = NULL;
    return table;
}

void serve_take_table(Operator *op, ServedTable *table)
{
    ServeOperator *serve = (ServeOperator *)op;
    assert(serve->table == NULL);
    serve->table = table;
    serve->is_inherited = true;
}

const OperatorKind serve_operator = {
    .name = "serve",
    .size = sizeof(ServeOperator),
    .open = serve_open,
    .push = serve_push,
    .advance = serve_advance,
    .tick = serve_tick,
    .snapshot = serve_snapshot,
    .restore = serve_restore,
    .close = serve_close,
};
