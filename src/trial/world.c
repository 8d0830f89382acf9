/* A clock that stands still. */
#include "trial/world.h"

#include "base/random.h"

static const int64_t START_US = (int64_t)1704067200 * 1000000; /* 2024-01-01 00:00:00 UTC */

static int64_t trial_now_us(World *world)
{
    return ((TrialWorld *)world)->now_us;
}

/* Whoever waits, waits by the test's clock. */
static void trial_sleep_us(World *world, int64_t duration_us)
{
    ((TrialWorld *)world)->now_us += duration_us;
}

/* Options name variables for servers that no test needs: what is not set is something that a text,
 * a number and a port may be. */
static const char *trial_environment(World *world, const char *name)
{
    if (strcmp(name, "TZ") == 0)
        return "UTC"; /* wherever the test runs */
    const char *value = world_environment(((TrialWorld *)world)->real, name);
    return value != NULL ? value : "1";
}

static uint64_t trial_random_u64(World *world)
{
    return random_next(&((TrialWorld *)world)->seed);
}

void trial_world_init(TrialWorld *world, World *real)
{
    *world = (TrialWorld){.kind = *real->kind, .real = real, .now_us = START_US, .seed = 1};
    world->kind.now_us = trial_now_us;
    world->kind.monotonic_us = trial_now_us;
    world->kind.uptime_us = NULL;
    world->kind.sleep_us = trial_sleep_us;
    world->kind.random_u64 = trial_random_u64;
    world->kind.environment = trial_environment;
    world->base.kind = &world->kind;
}

static int64_t real_monotonic_us(World *world)
{
    return world_monotonic_us(((TrialWorld *)world)->real);
}

static void real_sleep_us(World *world, int64_t duration_us)
{
    World *real = ((TrialWorld *)world)->real;
    real->kind->sleep_us(real, duration_us);
}

static uint64_t real_random_u64(World *world)
{
    World *real = ((TrialWorld *)world)->real;
    return real->kind->random_u64(real);
}

void trial_world_let_run(TrialWorld *world)
{
    world->kind.monotonic_us = real_monotonic_us;
    world->kind.sleep_us = real_sleep_us;
    world->kind.random_u64 = real_random_u64; /* safe from several threads */
}
