/* Ascending runs, merged when due. */
#include "exec/match/pending.h"

#include <assert.h>

#include "base/memory.h"

enum { RUN_CAPACITY_MIN = 16, RUNS_MIN = 8, RUN_SPARE_MAX = 65536 };

/* ---- In -------------------------------------------------------------------------------- */

static Timestamp run_last(const PendingRun *run)
{
    assert(run->end > run->begin);
    return run->rows[run->end - 1].time;
}

/* The first run that ends at or before the time, or the number of runs. */
static int32_t pending_find_run(const Pending *pending, Timestamp time)
{
    int32_t low = 0, high = pending->run_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (run_last(&pending->runs[middle]) <= time)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Room for one more row at the end: the front is moved up first, if much of it is gone. */
static void run_reserve(PendingRun *run)
{
    if (run->end < run->capacity)
        return;
    int64_t count = run->end - run->begin;
    if (run->begin > run->capacity / 2) {
        memmove(run->rows, run->rows + run->begin, sizeof(PendingRow) * (size_t)count);
    } else {
        int64_t capacity = run->capacity == 0 ? RUN_CAPACITY_MIN : run->capacity * 2;
        PendingRow *rows = memory_allocate((int64_t)sizeof(PendingRow) * capacity);
        if (count > 0)
            memcpy(rows, run->rows + run->begin, sizeof(PendingRow) * (size_t)count);
        memory_free(run->rows);
        run->rows = rows;
        run->capacity = capacity;
    }
    run->begin = 0;
    run->end = count;
}

void pending_add(Pending *pending, PendingRow row)
{
    int32_t at = pending_find_run(pending, row.time);
    if (at == pending->run_count) {
        if (pending->run_count == pending->run_capacity) {
            int32_t grown = pending->run_capacity * 2;
            pending->run_capacity = grown < RUNS_MIN ? RUNS_MIN : grown;
            pending->runs =
                memory_resize(pending->runs, (int64_t)sizeof(PendingRun) * pending->run_capacity);
        }
        pending->runs[pending->run_count++] = pending->spare;
        pending->spare = (PendingRun){0};
    }
    PendingRun *run = &pending->runs[at];
    run_reserve(run);
    run->rows[run->end++] = row;
    pending->count++;
}

/* ---- Out ------------------------------------------------------------------------------- */

/* The end of the run's rows up to the time. */
static int64_t run_due_end(const PendingRun *run, Timestamp time)
{
    int64_t low = run->begin, high = run->end;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (run->rows[middle].time <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Rows of `a` come first where times are equal. */
static void pending_merge(const PendingRow *a, int64_t a_count, const PendingRow *b,
                          int64_t b_count, PendingRow *out)
{
    int64_t i = 0, j = 0, n = 0;
    while (i < a_count && j < b_count)
        out[n++] = a[i].time <= b[j].time ? a[i++] : b[j++];
    memcpy(out + n, a + i, sizeof(PendingRow) * (size_t)(a_count - i));
    n += a_count - i;
    memcpy(out + n, b + j, sizeof(PendingRow) * (size_t)(b_count - j));
}

static void pending_need_due(Pending *pending, int64_t count)
{
    if (count <= pending->due_capacity)
        return;
    memory_free(pending->due);
    memory_free(pending->other);
    pending->due_capacity = count + count / 2;
    pending->due = memory_allocate((int64_t)sizeof(PendingRow) * pending->due_capacity);
    pending->other = memory_allocate((int64_t)sizeof(PendingRow) * pending->due_capacity);
}

/* The run is empty. */
static void pending_drop_run(Pending *pending, PendingRun *run)
{
    if (pending->spare.rows == NULL && run->capacity <= RUN_SPARE_MAX)
        pending->spare = (PendingRun){.rows = run->rows, .capacity = run->capacity};
    else
        memory_free(run->rows);
}

/* Move the due prefixes into `due`, one behind the other; ends[i] is where the i-th stops. Runs
 * that are empty then are gone. */
static int32_t pending_collect(Pending *pending, Timestamp time, int64_t *ends)
{
    int64_t count = 0;
    int32_t parts = 0, kept = 0;
    for (int32_t i = 0; i < pending->run_count; i++) {
        PendingRun *run = &pending->runs[i];
        int64_t end = run_due_end(run, time);
        int64_t part = end - run->begin;
        if (part > 0) {
            memcpy(pending->due + count, run->rows + run->begin, sizeof(PendingRow) * (size_t)part);
            count += part;
            ends[parts++] = count;
        }
        run->begin = end;
        if (run->begin == run->end)
            pending_drop_run(pending, run);
        else
            pending->runs[kept++] = *run;
    }
    pending->run_count = kept;
    pending->count -= count;
    return parts;
}

/* Merge neighbours until one part is left. */
static void pending_merge_parts(Pending *pending, int64_t *ends, int32_t parts)
{
    while (parts > 1) {
        int64_t from = 0;
        int32_t merged = 0;
        for (int32_t i = 0; i < parts; i += 2) {
            int64_t middle = ends[i];
            int64_t end = i + 1 < parts ? ends[i + 1] : middle;
            pending_merge(pending->due + from, middle - from, pending->due + middle, end - middle,
                          pending->other + from);
            ends[merged++] = end;
            from = end;
        }
        PendingRow *due = pending->due;
        pending->due = pending->other;
        pending->other = due;
        parts = merged;
    }
}

int64_t pending_take(Pending *pending, Timestamp time, PendingRow **out)
{
    int64_t count = 0;
    for (int32_t i = 0; i < pending->run_count; i++)
        count += run_due_end(&pending->runs[i], time) - pending->runs[i].begin;
    if (count == 0)
        return 0;
    pending_need_due(pending, count);
    int64_t *ends = memory_allocate((int64_t)sizeof(int64_t) * pending->run_count);
    int32_t parts = pending_collect(pending, time, ends);
    pending_merge_parts(pending, ends, parts);
    memory_free(ends);
    *out = pending->due;
    return count;
}

void pending_free(Pending *pending)
{
    for (int32_t i = 0; i < pending->run_count; i++)
        memory_free(pending->runs[i].rows);
    memory_free(pending->spare.rows);
    memory_free(pending->runs);
    memory_free(pending->due);
    memory_free(pending->other);
    *pending = (Pending){0};
}

int64_t pending_bytes(const Pending *pending)
{
    int64_t rows = 2 * pending->due_capacity + pending->spare.capacity;
    int64_t bytes = rows * (int64_t)sizeof(PendingRow);
    for (int32_t i = 0; i < pending->run_count; i++)
        bytes += pending->runs[i].capacity * (int64_t)sizeof(PendingRow);
    return bytes;
}
