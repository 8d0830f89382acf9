/* When keys of a state table have something due. */
#include "exec/due.h"

#include <assert.h>

#include "exec/operators.h"

enum { IDLE_LOOKS = 64 };

/* Of a key in a bucket: the earliest time, plus one; 0: there is none yet. */
typedef struct DueValue {
    uint64_t time;
} DueValue;

/* ---- Values ------------------------------------------------------------------------------ */

static void due_save(void *owner, const uint8_t *value, Buffer *out)
{
    (void)owner;
    buffer_append_u64(out, ((const DueValue *)(const void *)value)->time);
}

static bool due_load(void *owner, uint8_t *value, ByteReader *in)
{
    (void)owner;
    ((DueValue *)(void *)value)->time = byte_reader_u64(in);
    return !in->is_short;
}

static const TableCodec due_codec = {.save = due_save, .load = due_load};

/* ---- Life -------------------------------------------------------------------------------- */

void due_open(DueKeys *due, Operator *op, const TableKey *key)
{
    assert(op->task->spill != NULL);
    *due = (DueKeys){.op = op, .key = key};
}

void due_close(DueKeys *due)
{
    for (int32_t level = 0; level < DUE_LEVELS; level++)
        for (int32_t digit = 0; digit < DUE_DIGITS; digit++)
            table_free(due->buckets[level][digit]);
    table_free(due->taken);
    *due = (DueKeys){0};
}

int64_t due_bytes(const DueKeys *due)
{
    int64_t bytes = 0;
    for (int32_t level = 0; level < DUE_LEVELS; level++)
        for (uint64_t left = due->filled[level]; left != 0; left &= left - 1)
            bytes += table_bytes(due->buckets[level][__builtin_ctzll(left)]);
    return bytes;
}

Status due_make_room(DueKeys *due)
{
    if (due->op == NULL || due->op->derived == NULL)
        return OK;
    return keyed_make_room(due->op->derived, due->op->task->error);
}

/* ---- Buckets ----------------------------------------------------------------------------- */

static uint64_t due_time(Timestamp time)
{
    return (uint64_t)floor_div(time, MICROS_PER_MILLI) ^ (uint64_t)1 << 63;
}

/* Where a bucket begins, and how many milliseconds are in it, less one. */
static uint64_t bucket_first(const DueKeys *due, int32_t level, int32_t digit)
{
    int32_t shift = level * DUE_DIGIT_BITS, above = shift + DUE_DIGIT_BITS;
    uint64_t prefix = above < 64 ? due->last >> above << above : 0;
    return prefix | (uint64_t)digit << shift;
}

static uint64_t bucket_width(int32_t level)
{
    return ((uint64_t)1 << (level * DUE_DIGIT_BITS)) - 1;
}

static void due_place(DueKeys *due, const StateTable *table, const uint8_t *value, uint64_t time)
{
    assert(time >= due->last);
    uint64_t difference = time ^ due->last;
    int32_t level = difference == 0 ? 0 : (63 - __builtin_clzll(difference)) / DUE_DIGIT_BITS;
    int32_t digit = (int32_t)(time >> (level * DUE_DIGIT_BITS)) & (DUE_DIGITS - 1);
    StateTable **bucket = &due->buckets[level][digit];
    if (*bucket == NULL) {
        *bucket = operator_new_derived_table(due->op, due->key, (int32_t)sizeof(DueValue),
                                             &due_codec, NULL);
        due->filled[level] |= (uint64_t)1 << digit;
    }
    DueValue *placed = (DueValue *)(void *)table_find_or_insert_from(*bucket, table, value);
    if (placed->time == 0 || time + 1 < placed->time)
        placed->time = time + 1;
}

void due_put(DueKeys *due, const StateTable *table, const uint8_t *value, Timestamp time)
{
    uint64_t put = due_time(time);
    due_place(due, table, value, put < due->least ? due->least : put);
}

/* ---- Taking ------------------------------------------------------------------------------ */

/* The first bucket that begins at or before the time; false: there is none. */
static bool due_first(const DueKeys *due, uint64_t time, int32_t *level, int32_t *digit)
{
    for (*level = 0; *level < DUE_LEVELS; ++*level) {
        if (due->filled[*level] == 0)
            continue;
        *digit = __builtin_ctzll(due->filled[*level]);
        return bucket_first(due, *level, *digit) <= time;
    }
    return false;
}

/* The keys of a bucket that is due in part, by smaller digits. */
static Status due_spread(void *context, const StateTable *bucket, const uint8_t *const *values,
                         int32_t count)
{
    DueKeys *due = context;
    for (int32_t i = 0; i < count; i++)
        due_place(due, bucket, values[i], ((const DueValue *)(const void *)values[i])->time - 1);
    return OK;
}

/* A bucket is filled for a while and then not wanted until its time comes: others need the memory
 * of its entries at hand, which is several times that of its pages. */
static Status due_put_idle_away(DueKeys *due)
{
    for (int32_t i = 0; i < IDLE_LOOKS; i++) {
        due->idle = (due->idle + 1) % (DUE_LEVELS * DUE_DIGITS);
        StateTable *bucket = due->buckets[due->idle / DUE_DIGITS][due->idle % DUE_DIGITS];
        if (bucket != NULL)
            TRY(table_put_away(bucket, due->op->task->error));
    }
    return OK;
}

/* What is left of the keys of the bucket that is taken, until it is paused. Those of a run that
 * were left lie where they are until the next is read. */
static Status due_visit(DueKeys *due, DueVisit *visit, void *context)
{
    while (!due->is_paused) {
        if (due->run_next == due->run_count) {
            due->run_count = table_read_run(due->taken, &due->cursor, due->run, DUE_RUN_MAX);
            due->run_next = 0;
        }
        int32_t count = due->run_count - due->run_next;
        if (count == 0) {
            table_free(due->taken);
            due->taken = NULL;
            return OK;
        }
        due->left = 0;
        const uint8_t *const *values = (const uint8_t *const *)due->run + due->run_next;
        TRY(visit(context, due->taken, values, count));
        due->run_next = due->run_count - due->left;
        TRY(due_make_room(due));
    }
    return OK;
}

/* One bucket is one no more. */
static Status due_begin_bucket(DueKeys *due, int32_t level, int32_t digit)
{
    due->taken = due->buckets[level][digit];
    due->buckets[level][digit] = NULL;
    due->filled[level] &= ~((uint64_t)1 << digit);
    due->cursor = 0;
    due->run_count = due->run_next = 0;
    return table_put_away(due->taken, due->op->task->error);
}

void due_begin(DueKeys *due, Timestamp time)
{
    assert(due->taken == NULL);
    uint64_t limit = due_time(time);
    due->least = limit < due->least ? due->least : limit + 1;
}

void due_pause(DueKeys *due, int32_t left)
{
    due->is_paused = true;
    due->left = left;
}

Status due_go_on(DueKeys *due, DueVisit *visit, void *context)
{
    if (due->least == 0)
        return OK;
    uint64_t limit = due->least - 1;
    int32_t level, digit;
    due->is_paused = false;
    if (due->taken != NULL)
        TRY(due_visit(due, visit, context));
    while (due->taken == NULL && due_first(due, limit, &level, &digit)) {
        uint64_t first = bucket_first(due, level, digit), width = bucket_width(level);
        bool is_due = first + width <= limit;
        due->last = is_due ? first + width : first;
        TRY(due_begin_bucket(due, level, digit));
        TRY(is_due ? due_visit(due, visit, context) : due_visit(due, due_spread, due));
    }
    if (due->taken != NULL)
        return OK;
    due->last = limit;
    return due_put_idle_away(due);
}
