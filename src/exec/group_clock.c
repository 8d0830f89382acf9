/* The time to live of the keys of GROUP BY, in 32 bits each. */
#include "exec/group_aggregate.h"

enum { TICK_MIN_US = 1000, TICKS_PER_TTL_BITS = 24 };

static int64_t tick_after(const GroupClock *clock, int64_t time_us)
{
    return time_us / clock->tick_us + (time_us % clock->tick_us > 0);
}

GroupClock group_clock(int64_t ttl_us)
{
    int64_t tick_us = ttl_us >> TICKS_PER_TTL_BITS;
    return (GroupClock){.ttl_us = ttl_us, .tick_us = tick_us < TICK_MIN_US ? TICK_MIN_US : tick_us};
}

void group_clock_set(GroupClock *clock, int64_t now_us)
{
    if (clock->ttl_us == 0)
        return;
    clock->now = now_us / clock->tick_us;
    clock->written = (uint32_t)tick_after(clock, now_us);
}

/* Negative: the clock has been set back since. */
static int64_t age_us(const GroupClock *clock, const GroupHead *head)
{
    return (int32_t)((uint32_t)clock->now - head->written) * clock->tick_us;
}

bool group_is_expired(const GroupClock *clock, const GroupHead *head)
{
    return clock->ttl_us > 0 && head->records != 0 && age_us(clock, head) >= clock->ttl_us;
}

int64_t group_written_us(const GroupClock *clock, const GroupHead *head)
{
    return clock->ttl_us == 0 ? 0 : clock->now * clock->tick_us - age_us(clock, head);
}

void group_set_written_us(const GroupClock *clock, GroupHead *head, int64_t written_us)
{
    if (clock->ttl_us == 0)
        return;
    /* What is too old to be told from new, or was written under another time to live, is simply
     * old; what comes from a clock that was ahead is new. */
    int64_t written = tick_after(clock, written_us);
    written = written < clock->now - INT32_MAX ? clock->now - INT32_MAX : written;
    written = written > clock->now + INT32_MAX ? clock->now : written;
    head->written = (uint32_t)written;
}
