/* RAND, RAND_INTEGER and UUID. With a seed: java.util.Random's sequence, one per call site. */
#include <stdio.h>

#include "expr/internal.h"

/* The generator of java.util.Random (its documentation gives the formulas). */
typedef struct JavaRandom {
    uint64_t state;
    bool is_seeded;
} JavaRandom;

static void java_seed(JavaRandom *random, int64_t seed)
{
    random->state = ((uint64_t)seed ^ 0x5deece66dULL) & ((1ULL << 48) - 1);
    random->is_seeded = true;
}

static int32_t java_next(JavaRandom *random, int bits)
{
    random->state = (random->state * 0x5deece66dULL + 0xb) & ((1ULL << 48) - 1);
    return (int32_t)(uint32_t)(random->state >> (48 - bits));
}

static double java_double(JavaRandom *random)
{
    int64_t high = (int64_t)java_next(random, 26) << 27;
    int64_t low = java_next(random, 27);
    return (double)(high + low) * 0x1.0p-53;
}

static int32_t java_integer(JavaRandom *random, int32_t bound)
{
    assert(bound > 0);
    if ((bound & (bound - 1)) == 0)
        return (int32_t)(((int64_t)bound * java_next(random, 31)) >> 31);
    for (;;) {
        int32_t bits = java_next(random, 31);
        int32_t value = bits % bound;
        if ((int64_t)bits - value + (bound - 1) <= INT32_MAX)
            return value;
    }
}

static void *random_prepare(Arena *arena, const Expr *call)
{
    (void)call;
    return ARENA_NEW(arena, JavaRandom);
}

static uint64_t world_random(const Call *call)
{
    World *world = call->eval->context->world;
    return world->kind->random_u64(world);
}

static void rand_kernel(Call *call)
{
    JavaRandom *random = call->prepared;
    double *out = call->out.values;
    bool has_seed = call->node->arg_count == 1;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (has_seed && !random->is_seeded) {
            IntArg seed = call_int_arg(call, 0);
            java_seed(random, int_arg(&seed, row));
        }
        out[row] = has_seed ? java_double(random) : (double)(world_random(call) >> 11) * 0x1.0p-53;
    }
}

static void rand_integer_kernel(Call *call)
{
    JavaRandom *random = call->prepared;
    int32_t *out = call->out.values;
    int32_t count = call->node->arg_count;
    IntArg seed = call_int_arg(call, 0);
    IntArg bounds = call_int_arg(call, count - 1);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t bound = int_arg(&bounds, row);
        if (bound <= 0 || bound > INT32_MAX) {
            call_reject(call, row, "WR4104", "the bound of RAND_INTEGER must be above 0, not %lld",
                        (long long)bound);
            continue;
        }
        if (count == 2 && !random->is_seeded)
            java_seed(random, int_arg(&seed, row));
        out[row] = count == 2 ? java_integer(random, (int32_t)bound)
                              : (int32_t)(world_random(call) % (uint64_t)bound);
    }
}

static void uuid_kernel(Call *call)
{
    enum { UUID_CHARS = 36 };
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        uint64_t high = (world_random(call) & ~0xf000ULL) | 0x4000;
        uint64_t low = (world_random(call) >> 2) | (1ULL << 63);
        char *text = eval_text_reserve(call->eval, UUID_CHARS + 1);
        (void)snprintf(text, UUID_CHARS + 1, "%08x-%04x-%04x-%04x-%012llx", (uint32_t)(high >> 32),
                       (uint32_t)(high >> 16) & 0xffff, (uint32_t)high & 0xffff,
                       (uint32_t)(low >> 48), (unsigned long long)(low & 0xffffffffffffULL));
        call_set_view(call, row, eval_text_take(call->eval, UUID_CHARS));
    }
}

static Status bind_uuid(Binding *binding)
{
    binding->result = type_not_null(type_char(36));
    return OK;
}

static const Function functions[] = {
    {.info = {"RAND", "math", "RAND([seed INT]) -> DOUBLE NOT NULL",
              "0 <= r < 1; with a seed always the same sequence", false},
     .types = "?i>d",
     .kernel = rand_kernel,
     .prepare = random_prepare,
     .flags = FUNCTION_VOLATILE},
    {.info = {"RAND_INTEGER", "math", "RAND_INTEGER([seed INT,] bound INT) -> INT NOT NULL",
              "0 <= r < bound", false},
     .types = "i?i>I",
     .kernel = rand_integer_kernel,
     .prepare = random_prepare,
     .flags = FUNCTION_VOLATILE | FUNCTION_FALLIBLE},
    {.info = {"UUID", "string", "UUID() -> CHAR(36) NOT NULL", "a random identifier, version 4",
              false},
     .types = ">s",
     .bind = bind_uuid,
     .kernel = uuid_kernel,
     .flags = FUNCTION_VOLATILE},
};

const FunctionFamily random_family = {functions, FUNCTION_COUNT(functions)};
