/* The end of the chain in a preview: rows go to a callback instead of a sink. */
#include "job/internal.h"

typedef struct Preview {
    Operator base;
    PreviewRoot *root;
} Preview;

static Status preview_push(Operator *op, int32_t input, Batch *batch)
{
    (void)input;
    PreviewRoot *root = ((Preview *)op)->root;
    pthread_mutex_lock(&root->mutex);
    if (!atomic_load(&root->is_done) &&
        !root->options->preview(root->options->preview_context, root->root, batch)) {
        atomic_store(&root->is_done, true);
        waker_wake(root->coordinator);
    }
    pthread_mutex_unlock(&root->mutex);
    return OK;
}

static Status preview_advance(Operator *op, Timestamp watermark)
{
    (void)op, (void)watermark;
    return OK;
}

static const OperatorKind preview_kind = {
    .name = "preview",
    .size = sizeof(Preview),
    .push = preview_push,
    .advance = preview_advance,
};

Operator *preview_new(TaskContext *task, const PlanNode *node, PreviewRoot *root)
{
    Operator *op = operator_make(task, &preview_kind, node, 1);
    ((Preview *)op)->root = root;
    return op;
}
