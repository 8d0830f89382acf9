/* When keys are due: slices of keys. */
#include "exec/window/timers.h"

#include <assert.h>

#include "exec/operators.h"

enum {
    LEVEL_BITS = 6, /* a slice is so many times (as a power of 2) as wide as one a level below */
    LEVELS = 8,     /* of which the number of a slice has the last three bits */
    IDLE_LOOKS = 16,
};

static void instant_save(void *owner, const uint8_t *value, Buffer *out)
{
    (void)owner;
    buffer_append_u64(out, *(const uint64_t *)(const void *)value);
}

static bool instant_load(void *owner, uint8_t *value, ByteReader *in)
{
    (void)owner;
    *(uint64_t *)(void *)value = byte_reader_u64(in);
    return true;
}

static const TableCodec instant_codec = {.save = instant_save, .load = instant_load};

static Timestamp *timer_instant(uint8_t *value)
{
    return (Timestamp *)(void *)value;
}

void timers_open(Timers *timers, Operator *op, const TableKey *key, int64_t range_us)
{
    assert(op->task->spill != NULL && range_us > 0);
    if (op->derived == NULL)
        op->derived = keyed_new(NULL);
    int64_t unit_us = range_us >> LEVEL_BITS;
    *timers = (Timers){.unit_us = unit_us > MICROS_PER_MILLI ? unit_us : MICROS_PER_MILLI,
                       .given = TIMESTAMP_MIN,
                       .due = TIMESTAMP_MIN,
                       .found = ARENA_ARRAY(op->task->query, uint8_t *, TIMERS_RUN_MAX),
                       .error = op->task->error};
    slices_open(&timers->slices, op->derived, key, (int32_t)sizeof(Timestamp), &instant_codec,
                NULL);
    slices_spill(&timers->slices, op->task->spill);
}

void timers_close(Timers *timers)
{
    slices_free(&timers->slices);
}

/* ---- Slices ------------------------------------------------------------------------------ */

/* Slices are in order of their first units; of those with the same one, the widest comes first, as
 * its keys go into the others. */
static int64_t slice_number(int64_t unit, int32_t level)
{
    int64_t width = (int64_t)1 << (LEVEL_BITS * level);
    return (unit & -width) * LEVELS + (LEVELS - 1 - level);
}

static int32_t slice_level(int64_t number)
{
    return (int32_t)(LEVELS - 1 - (number & (LEVELS - 1)));
}

static int64_t slice_unit(int64_t number)
{
    return number >> 3;
}

static_assert(LEVELS == 1 << 3, "a level takes three bits");

/* The narrowest in whose wider one the unit is by now, or in the one behind that. */
static int32_t timers_level(const Timers *timers, int64_t unit)
{
    int32_t level = 0;
    while (level < LEVELS - 1) {
        int32_t bits = LEVEL_BITS * (level + 1);
        if (unit >> bits <= (timers->recent >> bits) + 1)
            break;
        level++;
    }
    return level;
}

/* `given`: what was due by then has been given out. */
static void timers_add(Timers *timers, const StateTable *table, const uint8_t *value,
                       Timestamp instant, Timestamp given)
{
    int64_t unit = floor_div(instant, timers->unit_us);
    if (slices_count(&timers->slices) == 0 || unit < timers->recent)
        timers->recent = unit;
    StateTable *slice = slices_get(&timers->slices, slice_number(unit, timers_level(timers, unit)));
    int64_t before = table_count(slice);
    Timestamp *kept = timer_instant(table_find_or_insert_from(slice, table, value));
    if (table_count(slice) > before || *kept <= given || instant < *kept)
        *kept = instant;
}

void timers_put(Timers *timers, const StateTable *table, const uint8_t *value, Timestamp instant)
{
    assert(timers->due < TIMESTAMP_MAX);
    instant = instant > timers->due ? instant : timers->due + 1;
    timers_add(timers, table, value, instant, timers->due);
}

/* ---- What is due ------------------------------------------------------------------------- */

void timers_begin(Timers *timers, Timestamp due)
{
    assert(!timers->is_reading);
    timers->given = timers->due;
    timers->due = due > timers->due ? due : timers->due;
}

/* A slice is filled for a while and then not wanted until its time comes: others need the memory of
 * its entries at hand, which is several times that of its pages. */
static Status timers_put_idle_away(Timers *timers)
{
    for (int32_t i = 0; i < IDLE_LOOKS && i < slices_count(&timers->slices); i++) {
        timers->idle = timers->idle + 1 < slices_count(&timers->slices) ? timers->idle + 1 : 0;
        TRY(table_put_away(slices_at(&timers->slices, timers->idle)->table, timers->error));
    }
    return OK;
}

/* The next values of the slice; 0 at its end. */
static Status timers_read(Timers *timers, const Slice *slice, int32_t *count)
{
    TRY(keyed_make_room(timers->slices.keyed, timers->error));
    if (!timers->is_reading) {
        TRY(table_put_away(slice->table, timers->error));
        timers->cursor = 0;
        timers->is_reading = true;
        timers->recent = slice_unit(slice->number);
    }
    *count = table_read_run(slice->table, &timers->cursor, timers->found, TIMERS_RUN_MAX);
    timers->is_reading = *count > 0;
    return OK;
}

/* Its keys go into narrower slices. */
static Status timers_take_apart(Timers *timers, const Slice *wide)
{
    const StateTable *table = wide->table;
    int64_t number = wide->number;
    int32_t count;
    do {
        TRY(timers_read(timers, &(Slice){number, (StateTable *)(uintptr_t)table}, &count));
        for (int32_t i = 0; i < count; i++)
            timers_add(timers, table, timers->found[i], *timer_instant(timers->found[i]),
                       timers->given);
    } while (count > 0);
    slices_drop(&timers->slices, number);
    return OK;
}

/* Of the values that have been read, those that are due, as values of `table`. */
static int32_t timers_choose(const Timers *timers, const StateTable *slice, int32_t found,
                             StateTable *table, uint8_t **values)
{
    int32_t due = 0, count = 0;
    for (int32_t i = 0; i < found; i++) {
        Timestamp instant = *timer_instant(timers->found[i]);
        timers->found[due] = timers->found[i];
        due += instant > timers->given && instant <= timers->due;
    }
    table_expect_from(table, slice, (const uint8_t *const *)timers->found, due);
    for (int32_t i = 0; i < due; i++) {
        values[count] = table_find_from(table, slice, timers->found[i]);
        count += values[count] != NULL;
    }
    return count;
}

Status timers_next(Timers *timers, StateTable *table, uint8_t **values, int32_t *count)
{
    *count = 0;
    TRY(table_make_room(table, timers->error));
    if (!timers->is_reading)
        TRY(timers_put_idle_away(timers));
    while (*count == 0) {
        const Slice *first = slices_from(&timers->slices, INT64_MIN);
        int64_t due_unit = floor_div(timers->due, timers->unit_us);
        if (first == NULL || slice_unit(first->number) > due_unit)
            return OK;
        Slice slice = *first;
        if (slice_level(slice.number) > 0) {
            TRY(timers_take_apart(timers, &slice));
            continue;
        }
        int32_t found;
        TRY(timers_read(timers, &slice, &found));
        *count = timers_choose(timers, slice.table, found, table, values);
        if (found > 0)
            continue;
        if (slice_unit(slice.number) == due_unit)
            return OK;
        slices_drop(&timers->slices, slice.number);
    }
    return OK;
}

int64_t timers_bytes(const Timers *timers)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < slices_count(&timers->slices); i++)
        bytes += table_bytes(slices_at(&timers->slices, i)->table);
    return bytes;
}
