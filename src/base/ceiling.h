/* A ceiling for what the process has resident, kept where memory is handed out.
 *
 * Whoever reads input waits long before it (job/pressure.c), and between two batches a job that is
 * above its limit ends in order. This is for what grows within one batch, however large its rows
 * are: an allocation that would lead above the ceiling, a little higher than the limit, is not
 * made. The process then ends as one that has run out of memory (memory.h), with WR4412 and who
 * holds what.
 *
 *     0 ........ 3/4 sources wait ....... limit: jobs end ... ceiling: the process ends
 *
 * The system is asked what is resident whenever a thread has been handed some hundred KiB. */
#ifndef WEIR_BASE_CEILING_H
#define WEIR_BASE_CEILING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Above the limit by this part of it. Threads may at the same time make use of what each has been
 * allowed, so that the most there ever is lies a little higher. */
enum { CEILING_PART_ABOVE = 25 };

/* 0: none. From any thread; one limit for the process. */
void ceiling_set(int64_t limit_bytes);

/* More than the limit was resident at the last look. */
bool ceiling_is_passed(void);

/* What is resident now, by the system's accounting; 0 if it does not say. A process that is forked
 * after the first call hears of its parent. */
int64_t ceiling_resident_bytes(void);

/* A bound for what somebody holds for a while: this part of the limit, or `most` if that is less or
 * there is no limit. */
int64_t ceiling_share(int64_t part, int64_t most);

/* Give back to the system what is free, unless somebody has just done so. */
void ceiling_trim(void);

/* Who holds most, and how much is resident that nobody here asked for: "200 MiB by join, 31 MiB by
 * t, 40 MiB by libraries and between what is in use". Asks for no memory, and does not wait. The
 * length. */
int32_t ceiling_describe(char *text, int32_t room);

/* The gauge of what somebody holds, for memory_hold. */
struct Metric *ceiling_holder(const char *name);

/* ---- For memory.c ------------------------------------------------------------------------ */

/* Bytes that a thread may be handed until the next look; INT64_MAX without a limit. */
extern _Atomic int64_t ceiling_step_bytes;
extern _Thread_local int64_t ceiling_handed_bytes;

void ceiling_look(int64_t bytes);

/* The thread is about to get so much. Does not return if that is too much. */
static inline void ceiling_admit(int64_t bytes)
{
    ceiling_handed_bytes += bytes;
    if (ceiling_handed_bytes >= atomic_load_explicit(&ceiling_step_bytes, memory_order_relaxed))
        ceiling_look(bytes);
}

#endif
