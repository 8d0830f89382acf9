/* LAG: the value some rows back. The last values are kept in a ring, in heap memory; where there is
 * none so far back, or it is NULL, the fallback of the newest row is given, as Flink does. */
#include "expr/aggregate/aggregate.h"

#include "base/memory.h"

typedef struct LagCell {
    char *bytes;
    int32_t length, capacity;
    bool is_null;
} LagCell;

typedef struct Lag {
    int32_t room; /* of the ring: the offset and one */
    int32_t first, count;
    LagCell fallback;
    LagCell cells[];
} Lag;

typedef struct LagState {
    Lag *lag; /* NULL: no row yet */
} LagState;

static void cell_set(LagCell *cell, const Column *column, int32_t row)
{
    cell->is_null = column_is_null(column, row);
    cell->length = 0;
    if (cell->is_null)
        return;
    int32_t index = column_index(column, row);
    int32_t width = physical_bytes(column->physical);
    Str bytes = str_make((const char *)column->values + (int64_t)index * width, width);
    if (column->physical == PHYSICAL_STRING)
        bytes = str_view_str((const StrView *)column->values + index);
    if (bytes.length > cell->capacity || cell->bytes == NULL) {
        cell->capacity = (int32_t)bytes.length + 8;
        cell->bytes = memory_resize(cell->bytes, cell->capacity);
    }
    if (bytes.length > 0)
        memcpy(cell->bytes, bytes.data, (size_t)bytes.length);
    cell->length = (int32_t)bytes.length;
}

static bool cell_get(const LagCell *cell, Column *out, Arena *arena, int32_t row)
{
    if (cell->is_null)
        return false;
    if (out->physical == PHYSICAL_STRING) {
        ((StrView *)out->values)[row] = str_view_copy(arena, str_make(cell->bytes, cell->length));
        return true;
    }
    int32_t width = physical_bytes(out->physical);
    assert(cell->length == width);
    memcpy((char *)out->values + (int64_t)row * width, cell->bytes, (size_t)width);
    return true;
}

static Lag *lag_new(int32_t room)
{
    assert(room > 0);
    int64_t bytes = (int64_t)sizeof(Lag) + (int64_t)sizeof(LagCell) * room;
    Lag *lag = memory_allocate_zeroed(bytes);
    lag->room = room;
    lag->fallback.is_null = true;
    return lag;
}

/* The cell of the next value; the oldest one goes when the ring is full. */
static LagCell *lag_push(Lag *lag)
{
    if (lag->count == lag->room) {
        lag->first = (lag->first + 1) % lag->room;
        lag->count--;
    }
    return &lag->cells[(lag->first + lag->count++) % lag->room];
}

/* How many rows back; constant. */
static int32_t lag_offset(const AggregateCall *call, const AggregateRows *in, int32_t row)
{
    if (call->arg_count < 2)
        return 1;
    const Column *offset = &in->args[1];
    assert(offset->physical == PHYSICAL_I32);
    return ((const int32_t *)offset->values)[column_index(offset, row)];
}

static void lag_update(const AggregateCall *call, const AggregateRows *in)
{
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        LagState *state = aggregate_state(in, i);
        assert(aggregate_weight(in->kinds, row) > 0);
        if (state->lag == NULL)
            state->lag = lag_new(lag_offset(call, in, row) + 1);
        cell_set(lag_push(state->lag), &in->args[0], row);
        if (call->arg_count == 3)
            cell_set(&state->lag->fallback, &in->args[2], row);
    }
}

static void cell_copy(LagCell *into, const LagCell *from)
{
    into->is_null = from->is_null;
    into->length = from->length;
    if (from->length > into->capacity) {
        into->capacity = from->length;
        into->bytes = memory_resize(into->bytes, into->capacity);
    }
    if (from->length > 0)
        memcpy(into->bytes, from->bytes, (size_t)from->length);
}

/* What is in `from` came later. */
static void lag_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    LagState *state = (LagState *)(void *)into;
    const Lag *other = ((const LagState *)(const void *)from)->lag;
    if (other == NULL)
        return;
    if (state->lag == NULL)
        state->lag = lag_new(other->room);
    for (int32_t i = 0; i < other->count; i++)
        cell_copy(lag_push(state->lag), &other->cells[(other->first + i) % other->room]);
    cell_copy(&state->lag->fallback, &other->fallback);
}

static bool lag_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                       int32_t row)
{
    (void)call;
    const Lag *lag = ((const LagState *)(const void *)state)->lag;
    if (lag == NULL)
        return false;
    const LagCell *cell = &lag->cells[lag->first];
    if (lag->count < lag->room || cell->is_null)
        cell = &lag->fallback;
    return cell_get(cell, out, arena, row);
}

static void lag_destroy(const AggregateCall *call, uint8_t *state)
{
    (void)call;
    LagState *holder = (LagState *)(void *)state;
    for (int32_t i = 0; holder->lag != NULL && i < holder->lag->room; i++)
        memory_free(holder->lag->cells[i].bytes);
    if (holder->lag != NULL)
        memory_free(holder->lag->fallback.bytes);
    memory_free(holder->lag);
    holder->lag = NULL;
}

static void cell_save(const LagCell *cell, Buffer *out)
{
    buffer_append_u8(out, cell->is_null);
    buffer_append_bytes(out, str_make(cell->bytes, cell->length));
}

static bool cell_load(LagCell *cell, ByteReader *in)
{
    cell->is_null = byte_reader_u8(in) != 0;
    Str bytes = byte_reader_bytes(in);
    if (in->is_short)
        return false;
    LagCell from = {.bytes = (char *)(uintptr_t)bytes.data,
                    .length = (int32_t)bytes.length,
                    .is_null = cell->is_null};
    cell_copy(cell, &from);
    return true;
}

static void lag_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    (void)call;
    const Lag *lag = ((const LagState *)(const void *)state)->lag;
    buffer_append_u32(out, lag == NULL ? 0 : (uint32_t)lag->room);
    if (lag == NULL)
        return;
    buffer_append_u32(out, (uint32_t)lag->count);
    cell_save(&lag->fallback, out);
    for (int32_t i = 0; i < lag->count; i++)
        cell_save(&lag->cells[(lag->first + i) % lag->room], out);
}

/* A value of fixed width must have it. */
static bool lag_is_sound(const AggregateCall *call, const LagCell *cell)
{
    Physical physical = type_physical(call->result);
    return cell->is_null || physical == PHYSICAL_STRING || cell->length == physical_bytes(physical);
}

static bool lag_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    LagState *holder = (LagState *)(void *)state;
    uint32_t room = byte_reader_u32(in);
    if (room == 0)
        return !in->is_short;
    uint32_t count = byte_reader_u32(in);
    if (in->is_short || room > LAG_OFFSET_MAX + 1 || count > room)
        return false;
    Lag *lag = holder->lag = lag_new((int32_t)room);
    if (!cell_load(&lag->fallback, in) || !lag_is_sound(call, &lag->fallback))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        LagCell *cell = lag_push(lag);
        if (!cell_load(cell, in) || !lag_is_sound(call, cell))
            return false;
    }
    return true;
}

const AggregateKind lag_kind = {
    .name = "LAG",
    .state_bytes = (int32_t)sizeof(LagState),
    .owns_heap = true,
    .update = lag_update,
    .merge = lag_merge,
    .result = lag_result,
    .destroy = lag_destroy,
    .save = lag_save,
    .load = lag_load,
};
