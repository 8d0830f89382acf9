/* Checkpoints that take long: who is waited for, and what is said of it. */
#include "base/log.h"
#include "job/internal.h"

enum { NAMED_MAX = 3 };

/* Rows before a barrier, which a slow sink has to take before it comes to that. */
static int64_t count_rows(const Job *job)
{
    int64_t rows = 0;
    for (int32_t i = 0; i < job->task_count; i++)
        for (int32_t k = 0; k < job->tasks[i]->operator_count; k++) {
            const Metric *records = job->tasks[i]->operators[k]->records_in;
            rows += records != NULL ? metric_value(records) : 0; /* a preview's end has none */
        }
    return rows;
}

bool overdue_has_moved(const Job *job, Overdue *overdue, int64_t pending, int32_t acks_missing)
{
    int64_t rows = atomic_load(&job->is_stop_wanted) ? count_rows(job) : 0;
    if (overdue->pending == pending && overdue->acks_missing == acks_missing &&
        overdue->rows == rows)
        return false;
    overdue->rows = rows;
    if (overdue->pending != pending)
        overdue->has_told = false;
    overdue->pending = pending;
    overdue->acks_missing = acks_missing;
    return true;
}

/* Those that the others wait for, too, come last in the order of tasks: a sink that takes nothing
 * holds up all before it. */
static void append_missing(const Job *job, int64_t pending, Buffer *out)
{
    const char *named[NAMED_MAX];
    int32_t count = 0;
    for (int32_t i = job->task_count - 1; i >= 0 && count < NAMED_MAX; i--) {
        const Task *task = job->tasks[i];
        const List *nodes = &task->fragment->nodes;
        const char *label = LIST_AT(*nodes, nodes->count - 1, const PlanNode)->label;
        bool is_named = atomic_load(&task->acknowledged) >= pending;
        for (int32_t k = 0; k < count; k++)
            is_named = is_named || strcmp(named[k], label) == 0;
        if (is_named)
            continue;
        named[count++] = label;
        buffer_printf(out, "%s`%s`", count > 1 ? ", " : "", label);
    }
    if (count == 0)
        buffer_append_text(out, "the disk or the bucket of checkpoints");
}

void overdue_tell(const Job *job, Overdue *overdue, int64_t running_us)
{
    int64_t timeout_us = job->plan->settings.checkpoint_timeout_us;
    if (overdue->pending == 0 || overdue->has_told || timeout_us == 0 || running_us < timeout_us)
        return;
    Buffer who = {0};
    append_missing(job, overdue->pending, &who);
    log_event(LOG_WARN, "job",
              "checkpoint %lld is under way for %lld s and goes on: it waits for %s. Until it is "
              "complete nothing is committed, and a restart goes on from the one before",
              (long long)overdue->pending, (long long)(running_us / 1000000),
              buffer_terminated(&who));
    buffer_free(&who);
    overdue->has_told = true;
}

Status overdue_fail(const Job *job, const Overdue *overdue, int64_t waited_us, Error *error)
{
    Buffer who = {0};
    append_missing(job, overdue->pending, &who);
    Status status = fail(error, ERR_UNAVAILABLE, "WR4405",
                         "the last checkpoint has not moved for %lld seconds: it waits for %s",
                         (long long)(waited_us / 1000000), buffer_terminated(&who));
    buffer_free(&who);
    error->is_retriable = true;
    error_hint(error,
               "a sink does not take what it is given, or a look-up gets no answer; the next "
               "run resumes from the checkpoint before");
    return status;
}
