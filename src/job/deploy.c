/* From the layout to tasks, channels and threads. */
#include "job/internal.h"

#include <stdio.h>

#include "base/ceiling.h"
#include "base/memory.h"
#include "job/exchange.h"

enum {
    CHANNELS_PART =
        16, /* of the limit of memory: what all channels hold; used batches as much again */
    CHANNEL_BYTES_MIN = 64 * 1024,
};

static Metric *deploy_metric(const char *name, const char *labels, const char *help,
                             int64_t divisor)
{
    MetricKind kind = str_has_suffix(str_from(name), STR("_total")) ? METRIC_COUNTER : METRIC_GAUGE;
    return metric_get(kind, name, labels, help, divisor);
}

/* Label text in quotes, with what Prometheus wants escaped. */
static const char *deploy_label(Arena *arena, const char *key, const char *value)
{
    Buffer text = {0};
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            buffer_append_char(&text, '\\');
        if (*at == '\n')
            buffer_append_text(&text, "\\n");
        else
            buffer_append_char(&text, *at);
    }
    char *label = arena_printf(arena, "%s=\"%s\"", key, buffer_terminated(&text));
    buffer_free(&text);
    return label;
}

static void deploy_task_metrics(Job *job, Task *task)
{
    const PlanNode *head = task->fragment->head;
    const char *pipeline = deploy_label(job->arena, "pipeline", job->pipeline);
    const char *labels = arena_printf(job->arena, "%s,%s", pipeline,
                                      deploy_label(job->arena, "operator", head->label));
    task->backpressure =
        deploy_metric("weir_backpressure_seconds_total", labels,
                      "Time that an operator has waited for the ones behind it.", 1000000);
    if (task->reader == NULL) {
        /* Of sources the watermark's own operator tells. */
        labels =
            arena_printf(job->arena, "%s,shard=\"%d\"",
                         deploy_label(job->arena, "operator", head->label), task->context.shard);
        if (job->metric_labels[0] != '\0')
            labels = arena_printf(job->arena, "%s,%s", labels, job->metric_labels);
        task->watermark_delay =
            deploy_metric("weir_watermark_delay_seconds", labels,
                          "How far the watermark is behind the wall clock.", 1000000);
        return;
    }
    const char *source =
        head->kind == PLAN_SOURCE ? str_terminated(job->arena, head->source.table->name) : "values";
    labels =
        arena_printf(job->arena, "%s,%s", pipeline, deploy_label(job->arena, "source", source));
    task->reader->records =
        deploy_metric("weir_source_records_total", labels, "Rows read from each source.", 1);
}

static void deploy_context(Job *job, Task *task, int32_t shard)
{
    TaskContext *context = &task->context;
    context->world = job->world;
    memory_hold(ceiling_holder("batches at work"));
    context->query = arena_new(0);
    context->scratch = arena_new(0);
    memory_hold(NULL);
    context->eval = (EvalContext){
        .world = job->world,
        .scratch = context->scratch,
        .zone = job->plan->settings.zone,
        .watermark = TIMESTAMP_MIN,
        .errors = memory_allocate((int64_t)sizeof(RowError) * ROW_ERRORS_MAX),
    };
    task->row_errors = context->eval.errors;
    context->dead_letters = deadletters_of_task(job->dead_letters);
    context->letter_folders = job->letter_folders;
    context->sink_notes = job->sink_notes;
    context->hub = job->hub;
    context->begin = job->options.begin;
    context->tells_end = job->options.beside != NULL;
    context->metric_labels = job->metric_labels;
    context->keeps_rows = &job->board.is_beside;
    context->spill = job->board.spill;
    context->shard = shard;
    context->shard_count = task->fragment->task_count;
    context->settings = &job->plan->settings;
    context->error = &task->error;
    context->is_stopping = &job->board.is_stopping;
}

static int32_t deploy_root_index(const Plan *plan, const PlanNode *node)
{
    for (int32_t i = 0; i < plan->root_count; i++)
        if (plan->roots[i] == node)
            return i;
    return -1;
}

static Operator *deploy_operator(Job *job, Task *task, const PlanNode *node)
{
    int32_t root = deploy_root_index(job->plan, node);
    if (root < 0 || job->options.preview == NULL)
        return operator_new(&task->context, node);
    task->is_preview = true;
    return preview_new(&task->context, node, &job->previews[root]);
}

/* The operator of the task that makes the output of `node`. */
static Operator *task_operator_of(const Task *task, const PlanNode *node)
{
    if (task->head->node == node)
        return task->head;
    for (int32_t i = 0; i < task->operator_count; i++)
        if (task->operators[i]->node == node)
            return task->operators[i];
    return NULL;
}

static Task *deploy_task(Job *job, const Fragment *fragment, int32_t shard)
{
    Task *task = ARENA_NEW(job->arena, Task);
    task->fragment = fragment;
    task->board = &job->board;
    pthread_mutex_init(&task->close_mutex, NULL);
    deploy_context(job, task, shard);
    task->operators = ARENA_ARRAY(job->arena, Operator *, fragment->nodes.count);
    task->writers = ARENA_ARRAY(job->arena, Operator *, job->layout->edge_count);
    for (int32_t i = 0; i < fragment->nodes.count; i++) {
        const PlanNode *node = LIST_AT(fragment->nodes, i, const PlanNode);
        if (node->input_count == 0) {
            source_attach(task, node);
            continue;
        }
        Operator *op = deploy_operator(job, task, node);
        task->operators[task->operator_count++] = op;
        if (i == 0) {
            task->head = op;
            continue;
        }
        for (int32_t k = 0; k < node->input_count; k++)
            operator_connect(task_operator_of(task, node->inputs[k]), op, k);
    }
    deploy_task_metrics(job, task);
    return task;
}

/* ---- Channels ---------------------------------------------------------------------------- */

static Channel *deploy_channel(Job *job, Task *to, int32_t input)
{
    Channel *channel = channel_new();
    job->channels[job->channel_count++] = channel;
    to->inputs[to->input_count++] =
        (TaskInput){.channel = channel, .input = input, .watermark = TIMESTAMP_MIN};
    return channel;
}

/* Channels of one edge: every task of `from` has a writer with one channel to each task it may
 * reach. */
static void deploy_edge(Job *job, const Edge *edge)
{
    Task **to = job->tasks_of[edge->to->id];
    bool is_forward = !edge->is_hash && edge->to->task_count > 1;
    for (int32_t i = 0; i < edge->from->task_count; i++) {
        Task *from = job->tasks_of[edge->from->id][i];
        int32_t count = edge->is_hash ? edge->to->task_count : 1;
        Channel **channels = ARENA_ARRAY(job->arena, Channel *, count);
        for (int32_t k = 0; k < count; k++)
            channels[k] = deploy_channel(job, to[is_forward ? i : k], edge->input);
        ExchangeSpec spec = {.node = edge->passed, .channels = channels, .channel_count = count};
        if (edge->is_hash) {
            const ColumnList *keys = &edge->to->head->distribution_keys[edge->input];
            spec.keys = keys->columns;
            spec.key_count = keys->count;
        }
        Operator *writer = exchange_new(&from->context, &spec);
        from->writers[from->writer_count++] = writer;
        operator_connect(task_operator_of(from, edge->from_node), writer, 0);
    }
}

static void deploy_channels(Job *job)
{
    int32_t channel_max = 0;
    for (int32_t i = 0; i < job->layout->edge_count; i++) {
        const Edge *edge = &job->layout->edges[i];
        channel_max += edge->from->task_count * (edge->is_hash ? edge->to->task_count : 1);
    }
    job->channels = ARENA_ARRAY(job->arena, Channel *, channel_max);
    for (int32_t i = 0; i < job->task_count; i++)
        job->tasks[i]->inputs = ARENA_ARRAY(job->arena, TaskInput, channel_max);
    for (int32_t i = 0; i < job->layout->edge_count; i++)
        deploy_edge(job, &job->layout->edges[i]);
    assert(job->channel_count == channel_max);
    if (job->board.memory_limit == 0)
        return;
    int64_t share = job->board.memory_limit / CHANNELS_PART / (channel_max > 0 ? channel_max : 1);
    for (int32_t i = 0; i < channel_max; i++)
        channel_limit(job->channels[i], share > CHANNEL_BYTES_MIN ? share : CHANNEL_BYTES_MIN);
}

/* ---- Threads ----------------------------------------------------------------------------- */

static void runner_add(Job *job, Runner *runner, Task *task)
{
    if (runner->tasks == NULL) {
        runner->tasks = ARENA_ARRAY(job->arena, Task *, job->task_count);
        runner->waker = runner->is_shared ? job->crew.workers[0].waker : waker_new(job->world);
        runner->crew = &job->crew;
        runner->board = &job->board;
        runner->restored = &job->restored;
    }
    runner->tasks[runner->task_count++] = task;
}

static bool deploy_is_only_source(const Job *job, const Task *task)
{
    for (int32_t i = 0; i < job->task_count; i++)
        if (job->tasks[i] != task && job->tasks[i]->reader != NULL)
            return false;
    return true;
}

/* Whether the workers read this source themselves. They do where there is a core for each of them
 * and none for more, and where they need what it reads: then a thread of its own would only take
 * turns with them. What they make ahead they would make of one source rather than of another, whose
 * rows a join waits for, and a disk that is slow to read would stop what another one brings: that
 * is for the only source. */
static bool deploy_is_shared(const Job *job, const Task *task)
{
    if (task->reader == NULL || task->reader->kind->never_waits == NULL)
        return false;
    if (task->reader->kind->help != NULL && !deploy_is_only_source(job, task))
        return false;
    if (job->options.choose != NULL || job->crew.worker_count < job->board.core_count)
        return false;
    for (int32_t i = 0; i < job->layout->edge_count; i++) {
        const Edge *edge = &job->layout->edges[i];
        if (edge->from == task->fragment && edge->to->task_count > 1)
            return task->reader->kind->never_waits(task->reader);
    }
    return false;
}

/* One that sleeps is enough, which will call the next one; those before it that do not will look
 * again before they do. */
static void crew_call(const void *context)
{
    const Crew *crew = context;
    bool has_woken = false;
    for (int32_t i = 0; i < crew->worker_count && !has_woken; i++) {
        has_woken = waker_is_waiting(crew->workers[i].waker);
        waker_wake(crew->workers[i].waker);
    }
}

/* The source is read by the workers, who make its rows beside each other where it lets them. */
static void deploy_shared(Job *job, Runner *runner, Task *task)
{
    task->is_shared = true;
    runner->is_shared = true;
    runner_add(job, runner, task);
    if (task->reader->kind->help == NULL)
        return;
    task->reader->helper_count = job->crew.worker_count;
    task->reader->call_helpers = crew_call;
    task->reader->call_context = &job->crew;
}

/* Workers come first, one per shard that has something to do; then what they read themselves; then
 * a thread per source and sink. */
static void deploy_runners(Job *job)
{
    Runner *workers = ARENA_ARRAY(job->arena, Runner, job->shard_count + job->task_count);
    int32_t count = 0;
    job->crew.workers = workers;
    for (int32_t shard = 0; shard < job->shard_count; shard++) {
        Runner *worker = &workers[count];
        for (int32_t i = 0; i < job->task_count; i++) {
            Task *task = job->tasks[i];
            if (task->fragment->kind == FRAGMENT_SHARDS && task->context.shard == shard)
                runner_add(job, worker, task);
        }
        count += worker->task_count > 0;
    }
    job->crew.worker_count = count;
    job->crew.shared = &workers[count];
    for (int32_t i = 0; i < job->task_count; i++)
        if (deploy_is_shared(job, job->tasks[i]))
            deploy_shared(job, &workers[count++], job->tasks[i]);
    job->crew.shared_count = count - job->crew.worker_count;
    for (int32_t i = 0; i < job->task_count; i++)
        if (job->tasks[i]->fragment->kind != FRAGMENT_SHARDS && !job->tasks[i]->is_shared)
            runner_add(job, &workers[count++], job->tasks[i]);
    job->runners = workers;
    job->runner_count = count;
}

static Runner *deploy_runner_of(Job *job, const Task *task)
{
    for (int32_t i = 0; i < job->runner_count; i++)
        for (int32_t k = 0; k < job->runners[i].task_count; k++)
            if (job->runners[i].tasks[k] == task)
                return &job->runners[i];
    assert(!"every task has a thread");
    return NULL;
}

/* In the same order as deploy_edge made the channels. */
static void deploy_connect_wakers(Job *job)
{
    int32_t at = 0;
    for (int32_t e = 0; e < job->layout->edge_count; e++) {
        const Edge *edge = &job->layout->edges[e];
        int32_t count = edge->is_hash ? edge->to->task_count : 1;
        bool is_forward = !edge->is_hash && edge->to->task_count > 1;
        for (int32_t i = 0; i < edge->from->task_count; i++) {
            Runner *writer = deploy_runner_of(job, job->tasks_of[edge->from->id][i]);
            for (int32_t k = 0; k < count; k++) {
                Task *to = job->tasks_of[edge->to->id][is_forward ? i : k];
                channel_connect(job->channels[at++], deploy_runner_of(job, to)->waker,
                                writer->waker);
            }
        }
    }
    assert(at == job->channel_count);
}

void deploy(Job *job)
{
    const Plan *plan = job->plan;
    job->metric_labels =
        job->options.beside == NULL ? "" : deploy_label(job->arena, "job", job->pipeline);
    job->layout = layout_make(job->arena, plan, job->shard_count);
    job->previews = ARENA_ARRAY(job->arena, PreviewRoot, plan->root_count);
    for (int32_t i = 0; i < plan->root_count; i++) {
        job->previews[i].options = &job->options;
        job->previews[i].root = i;
        pthread_mutex_init(&job->previews[i].mutex, NULL);
        job->previews[i].coordinator = job->board.coordinator;
    }
    int32_t task_max = 0;
    for (int32_t i = 0; i < job->layout->fragment_count; i++)
        task_max += job->layout->fragments[i]->task_count;
    job->tasks = ARENA_ARRAY(job->arena, Task *, task_max);
    job->tasks_of = ARENA_ARRAY(job->arena, Task **, job->layout->fragment_count);
    for (int32_t i = 0; i < job->layout->fragment_count; i++) {
        const Fragment *fragment = job->layout->fragments[i];
        job->tasks_of[i] = &job->tasks[job->task_count];
        for (int32_t shard = 0; shard < fragment->task_count; shard++)
            job->tasks[job->task_count++] = deploy_task(job, fragment, shard);
    }
    deploy_channels(job);
    deploy_runners(job);
    deploy_connect_wakers(job);
    job->board.shard_count = job->shard_count;
    job->board.ends_missing = job->task_count;
    job->board.opens_missing = job->runner_count;
}
