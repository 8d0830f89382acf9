/* Rows under one key. */
#include "state/rowset.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum {
    RUN_ROWS_FIRST = 4,
    INDEX_ROWS_MIN = 16, /* fewer are searched one by one */
};

static uint32_t row_hash_at(const RowSetKind *kind, const uint8_t *row)
{
    uint32_t hash;
    memcpy(&hash, row + kind->hash_at, sizeof hash);
    return hash;
}

static bool row_is(const RowSetKind *kind, const uint8_t *row, const uint8_t *probe, uint32_t hash)
{
    if (row_hash_at(kind, row) != hash)
        return false;
    if (kind->columns == NULL)
        return row_equal(kind->layout, row, probe);
    return row_equal_columns(kind->layout, row, probe, kind->columns, kind->column_count);
}

/* ---- Index ----------------------------------------------------------------------------- */

static int64_t run_bytes(int32_t capacity)
{
    return (int64_t)sizeof(RowRun) + (int64_t)sizeof(uint8_t *) * capacity;
}

static int64_t index_bytes(const RowRun *run)
{
    return run->index == NULL ? 0 : ((int64_t)run->index_mask + 1) * (int64_t)sizeof(uint32_t);
}

static void index_put(const RowSetKind *kind, RowRun *run, int32_t position)
{
    uint32_t at = row_hash_at(kind, run->rows[position]) & run->index_mask;
    while (run->index[at] != 0)
        at = (at + 1) & run->index_mask;
    run->index[at] = (uint32_t)position + 1;
}

/* Anew for all rows, with room up to the run's capacity. */
static void index_build(const RowSetKind *kind, RowRun *run, int64_t *bytes)
{
    if (kind->hash_at < 0 || run->capacity < INDEX_ROWS_MIN)
        return;
    *bytes -= index_bytes(run);
    memory_free(run->index);
    uint32_t slots = 2 * INDEX_ROWS_MIN;
    while (slots < 2 * (uint32_t)run->capacity)
        slots *= 2;
    run->index_mask = slots - 1;
    run->index = memory_allocate_zeroed((int64_t)sizeof(uint32_t) * slots);
    *bytes += index_bytes(run);
    for (int32_t i = 0; i < run->used; i++) {
        if (run->rows[i] != NULL)
            index_put(kind, run, i);
    }
}

/* Close the gap as later members of the probe run allow. */
static void index_remove(const RowSetKind *kind, RowRun *run, int32_t position)
{
    uint32_t mask = run->index_mask;
    uint32_t hole = row_hash_at(kind, run->rows[position]) & mask;
    while (run->index[hole] != (uint32_t)position + 1)
        hole = (hole + 1) & mask;
    for (uint32_t at = (hole + 1) & mask; run->index[at] != 0; at = (at + 1) & mask) {
        uint32_t home = row_hash_at(kind, run->rows[run->index[at] - 1]) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            run->index[hole] = run->index[at];
            hole = at;
        }
    }
    run->index[hole] = 0;
}

/* ---- Runs ------------------------------------------------------------------------------ */

static void run_close_gaps(RowRun *run)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < run->used; i++) {
        run->rows[kept] = run->rows[i];
        kept += run->rows[i] != NULL;
    }
    run->used = kept;
    assert(kept == run->live);
}

/* Room for one more. */
static RowRun *run_grow(const RowSetKind *kind, RowSet *set, int64_t *bytes)
{
    RowRun *run = rowset_run(set);
    if (run->used < run->capacity)
        return run;
    bool has_gaps = run->live <= run->capacity / 2;
    if (has_gaps) {
        run_close_gaps(run);
    } else {
        int32_t capacity = run->capacity * 2;
        *bytes += run_bytes(capacity) - run_bytes(run->capacity);
        run = memory_resize(run, run_bytes(capacity));
        run->capacity = capacity;
        set->bits = (uintptr_t)run | 1;
    }
    index_build(kind, run, bytes);
    return run;
}

void rowset_append(const RowSetKind *kind, RowSet *set, uint8_t *row, int64_t *bytes)
{
    assert(row != NULL && ((uintptr_t)row & 1) == 0);
    if (set->bits == 0) {
        set->bits = (uintptr_t)row;
        return;
    }
    if (!rowset_is_run(set)) {
        RowRun *run = memory_allocate(run_bytes(RUN_ROWS_FIRST));
        *run = (RowRun){.capacity = RUN_ROWS_FIRST, .used = 1, .live = 1};
        run->rows[0] = (uint8_t *)set->bits; /* NOLINT(performance-no-int-to-ptr) */
        set->bits = (uintptr_t)run | 1;
        *bytes += run_bytes(RUN_ROWS_FIRST);
    }
    RowRun *run = run_grow(kind, set, bytes);
    run->rows[run->used] = row;
    run->used++;
    run->live++;
    if (run->index != NULL)
        index_put(kind, run, run->used - 1);
}

int32_t rowset_find(const RowSetKind *kind, const RowSet *set, const uint8_t *probe)
{
    assert(kind->hash_at >= 0);
    uint32_t hash = row_hash_at(kind, probe);
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    const RowRun *run = rowset_is_run(set) ? rowset_run(set) : NULL;
    if (run != NULL && run->index != NULL) {
        for (uint32_t at = hash & run->index_mask; run->index[at] != 0;
             at = (at + 1) & run->index_mask) {
            int32_t position = (int32_t)run->index[at] - 1;
            if (row_is(kind, rows[position], probe, hash))
                return position;
        }
        return -1;
    }
    for (int32_t i = 0; i < count; i++) {
        if (rows[i] != NULL && row_is(kind, rows[i], probe, hash))
            return i;
    }
    return -1;
}

uint8_t *rowset_at(const RowSet *set, int32_t position)
{
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    assert(position >= 0 && position < count && rows[position] != NULL);
    return rows[position];
}

uint8_t *rowset_first(const RowSet *set)
{
    uint8_t *one;
    int32_t count, at = 0;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    while (at < count && rows[at] == NULL)
        at++;
    assert(at < count);
    return rows[at];
}

uint8_t *rowset_last(const RowSet *set)
{
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    assert(count > 0 && rows[count - 1] != NULL);
    return rows[count - 1];
}

void rowset_replace(RowSet *set, int32_t position, uint8_t *row)
{
    if (!rowset_is_run(set)) {
        assert(position == 0 && set->bits != 0);
        set->bits = (uintptr_t)row;
        return;
    }
    RowRun *run = rowset_run(set);
    assert(position < run->used && run->rows[position] != NULL);
    run->rows[position] = row;
}

void rowset_remove(const RowSetKind *kind, RowSet *set, int32_t position, int64_t *bytes)
{
    if (!rowset_is_run(set)) {
        assert(position == 0 && set->bits != 0);
        set->bits = 0;
        return;
    }
    RowRun *run = rowset_run(set);
    assert(position < run->used && run->rows[position] != NULL);
    if (run->index != NULL)
        index_remove(kind, run, position);
    run->rows[position] = NULL;
    run->live--;
    while (run->used > 0 && run->rows[run->used - 1] == NULL)
        run->used--; /* the last place is never a gap */
    if (run->live == 0)
        rowset_clear(set, bytes);
}

void rowset_clear(RowSet *set, int64_t *bytes)
{
    if (rowset_is_run(set)) {
        RowRun *run = rowset_run(set);
        *bytes -= run_bytes(run->capacity) + index_bytes(run);
        memory_free(run->index);
        memory_free(run);
    }
    set->bits = 0;
}
