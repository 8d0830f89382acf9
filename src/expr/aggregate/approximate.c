/* APPROX_COUNT_DISTINCT: HyperLogLog with 2^14 registers, a standard error of 0.8 %.
 *
 * Up to a few hundred hashes are kept as they are, so that small groups are counted exactly and
 * cost little; then they become registers. Algorithm: Flajolet, Fusy, Gandouet, Meunier,
 * "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007), with
 * linear counting below 2.5 registers; 64-bit hashes need no correction for large counts. */
#include <math.h>

#include "base/hash.h"
#include "base/memory.h"
#include "data/rowcode.h"
#include "expr/aggregate/aggregate.h"

enum {
    REGISTER_BITS = 14,
    REGISTER_COUNT = 1 << REGISTER_BITS,
    EXACT_MAX = 512, /* hashes; a power of two */
    EXACT_MIN = 16,
};

typedef struct Approximate {
    uint64_t *hashes;   /* open addressing, 0 is empty; NULL: none, or registers */
    uint8_t *registers; /* REGISTER_COUNT of them, or NULL */
    int32_t count, capacity;
} Approximate;

static void registers_add(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = hash << REGISTER_BITS | (uint64_t)1 << (REGISTER_BITS - 1);
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *slot = &registers[hash >> (64 - REGISTER_BITS)];
    if (*slot < rank)
        *slot = rank;
}

static void approximate_condense(Approximate *state)
{
    state->registers = memory_allocate_zeroed(REGISTER_COUNT);
    for (int32_t i = 0; i < state->capacity; i++)
        if (state->hashes[i] != 0)
            registers_add(state->registers, state->hashes[i]);
    memory_free(state->hashes);
    state->hashes = NULL;
    state->count = state->capacity = 0;
}

static void approximate_add(Approximate *state, uint64_t hash);

static void approximate_grow(Approximate *state)
{
    Approximate grown = {.capacity = state->capacity == 0 ? EXACT_MIN : state->capacity * 2};
    grown.hashes = memory_allocate_zeroed(grown.capacity * (int64_t)sizeof(uint64_t));
    for (int32_t i = 0; i < state->capacity; i++)
        if (state->hashes[i] != 0)
            approximate_add(&grown, state->hashes[i]);
    memory_free(state->hashes);
    *state = grown;
}

/* `hash` is not 0. */
static void approximate_add(Approximate *state, uint64_t hash)
{
    assert(hash != 0);
    if (state->registers == NULL && state->count * 4 >= state->capacity * 3) {
        if (state->capacity >= EXACT_MAX)
            approximate_condense(state);
        else
            approximate_grow(state);
    }
    if (state->registers != NULL) {
        registers_add(state->registers, hash);
        return;
    }
    int32_t at = (int32_t)(hash & (uint64_t)(state->capacity - 1));
    while (state->hashes[at] != 0 && state->hashes[at] != hash)
        at = (at + 1) & (state->capacity - 1);
    state->count += state->hashes[at] == 0;
    state->hashes[at] = hash;
}

static void approximate_update(const AggregateCall *call, const AggregateRows *in)
{
    Column column = in->args[0];
    Batch batch = {.column_count = 1, .row_count = BATCH_ROWS_MAX, .columns = &column};
    uint64_t hashes[BATCH_ROWS_MAX];
    (void)call;
    rowcode_hash(&batch, NULL, 1, in->rows, hashes);
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (!column_is_null(&column, row))
            approximate_add(aggregate_state(in, i), hash_u64(hashes[row]) | 1);
    }
}

static void approximate_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    const Approximate *other = (const void *)from;
    Approximate *state = (void *)into;
    for (int32_t i = 0; i < other->capacity; i++)
        if (other->hashes[i] != 0)
            approximate_add(state, other->hashes[i]);
    if (other->registers == NULL)
        return;
    if (state->registers == NULL)
        approximate_condense(state);
    for (int32_t i = 0; i < REGISTER_COUNT; i++)
        if (state->registers[i] < other->registers[i])
            state->registers[i] = other->registers[i];
}

static int64_t registers_estimate(const uint8_t *registers)
{
    double sum = 0;
    int32_t zeros = 0;
    for (int32_t i = 0; i < REGISTER_COUNT; i++) {
        sum += ldexp(1.0, -registers[i]);
        zeros += registers[i] == 0;
    }
    double m = REGISTER_COUNT;
    double estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    if (estimate <= 2.5 * m && zeros > 0)
        estimate = m * log(m / zeros);
    return (int64_t)llround(estimate);
}

static bool approximate_result(const AggregateCall *call, const uint8_t *state, Column *out,
                               Arena *arena, int32_t row)
{
    (void)call, (void)arena;
    const Approximate *approximate = (const void *)state;
    ((int64_t *)out->values)[row] = approximate->registers != NULL
                                        ? registers_estimate(approximate->registers)
                                        : approximate->count;
    return true;
}

static void approximate_destroy(const AggregateCall *call, uint8_t *state)
{
    (void)call;
    Approximate *approximate = (void *)state;
    memory_free(approximate->hashes);
    memory_free(approximate->registers);
    *approximate = (Approximate){0};
}

static void approximate_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    (void)call;
    const Approximate *approximate = (const void *)state;
    buffer_append_u8(out, approximate->registers != NULL);
    if (approximate->registers != NULL) {
        buffer_append(out, approximate->registers, REGISTER_COUNT);
        return;
    }
    buffer_append_u32(out, (uint32_t)approximate->count);
    for (int32_t i = 0; i < approximate->capacity; i++)
        if (approximate->hashes[i] != 0)
            buffer_append_u64(out, approximate->hashes[i]);
}

static bool approximate_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    (void)call;
    Approximate *approximate = (void *)state;
    if (byte_reader_u8(in) != 0) {
        Str registers = byte_reader_take(in, REGISTER_COUNT);
        if (in->is_short)
            return false;
        approximate->registers = memory_allocate(REGISTER_COUNT);
        memcpy(approximate->registers, registers.data, REGISTER_COUNT);
        return true;
    }
    uint32_t count = byte_reader_u32(in);
    for (uint32_t i = 0; i < count && !in->is_short; i++) {
        uint64_t hash = byte_reader_u64(in);
        if (!in->is_short && hash == 0)
            return false;
        if (!in->is_short)
            approximate_add(approximate, hash);
    }
    return !in->is_short;
}

const AggregateKind approximate_kind = {
    .name = "APPROX_COUNT_DISTINCT",
    .state_bytes = sizeof(Approximate),
    .owns_heap = true,
    .update = approximate_update,
    .merge = approximate_merge,
    .result = approximate_result,
    .destroy = approximate_destroy,
    .save = approximate_save,
    .load = approximate_load,
};
