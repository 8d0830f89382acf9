/* Looking at what is resident, and the end when it is too much. */
#include "base/ceiling.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/metrics.h"

static const char CODE[] = "WR4412";
static const char HELD[] = "weir_memory_held_bytes";

enum {
    STEP_PART = 512, /* of the limit */
    STEP_BYTES_MIN = 64 * 1024,
    STEP_BYTES_MAX = 4 * 1024 * 1024,
    TRIM_INTERVAL_MS = 50,
    WAIT_MS = 500, /* others may be about to give something back */
    WAIT_STEP_MS = 10,
    HOLDERS_TOLD = 4,
    KEPT_PART = 64, /* of the limit: what each thread's heap keeps at its end, and … */
    KEPT_BYTES_MIN = 128 * 1024,
    KEPT_BYTES_MAX = 16 * 1024 * 1024,
    PIECE_BYTES_MAX = 4 * 1024 * 1024, /* … from which size on a piece is not of the heap */
    MIB = 1024 * 1024,
};

_Atomic int64_t ceiling_step_bytes = INT64_MAX;
_Thread_local int64_t ceiling_handed_bytes;

static _Atomic int64_t limit; /* 0: none */
static _Atomic bool is_passed;
static _Atomic int64_t trimmed_ms;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The second number of statm: resident pages. */
int64_t ceiling_resident_bytes(void)
{
    static _Atomic int descriptor = -1;
    int file = atomic_load(&descriptor);
    if (file < 0) {
        file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        int none = -1;
        if (file >= 0 && !atomic_compare_exchange_strong(&descriptor, &none, file)) {
            close(file);
            file = none;
        }
    }
    char text[128];
    ssize_t got = file < 0 ? -1 : pread(file, text, sizeof text - 1, 0);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    const char *second = strchr(text, ' ');
    return second == NULL ? 0 : strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

/* What lies free at the end of a thread's heap is not given back by malloc_trim. */
static void ceiling_keep_less(int64_t bytes)
{
    bytes = bytes > KEPT_BYTES_MIN ? bytes : KEPT_BYTES_MIN;
    mallopt(M_TRIM_THRESHOLD, (int)(bytes < KEPT_BYTES_MAX ? bytes : KEPT_BYTES_MAX));
    mallopt(M_MMAP_THRESHOLD, (int)(bytes < PIECE_BYTES_MAX ? bytes : PIECE_BYTES_MAX));
}

void ceiling_set(int64_t limit_bytes)
{
    if (limit_bytes > 0)
        ceiling_keep_less(limit_bytes / KEPT_PART);
    int64_t step = limit_bytes / STEP_PART;
    step = step < STEP_BYTES_MIN ? STEP_BYTES_MIN : step > STEP_BYTES_MAX ? STEP_BYTES_MAX : step;
    atomic_store(&limit, limit_bytes);
    atomic_store(&is_passed, false);
    atomic_store(&ceiling_step_bytes, limit_bytes == 0 ? INT64_MAX : step);
}

bool ceiling_is_passed(void)
{
    return atomic_load_explicit(&is_passed, memory_order_relaxed);
}

int64_t ceiling_share(int64_t part, int64_t most)
{
    int64_t bytes = atomic_load_explicit(&limit, memory_order_relaxed);
    return bytes > 0 && bytes / part < most ? bytes / part : most;
}

void ceiling_trim(void)
{
    int64_t now = now_ms(), before = atomic_load(&trimmed_ms);
    if (now - before >= TRIM_INTERVAL_MS &&
        atomic_compare_exchange_strong(&trimmed_ms, &before, now))
        malloc_trim(0);
}

Metric *ceiling_holder(const char *name)
{
    Buffer labels = {0};
    buffer_append_text(&labels, "holder=");
    json_append_quoted(&labels, str_from(name));
    buffer_append_u8(&labels, 0);
    Metric *metric = metric_get(METRIC_GAUGE, HELD, labels.data,
                                "Memory that was taken and not given back, by who took it.", 1);
    buffer_free(&labels);
    return metric;
}

int32_t ceiling_describe(char *text, int32_t room)
{
    MetricSample largest[HOLDERS_TOLD];
    int32_t count = metrics_largest(HELD, largest, HOLDERS_TOLD), length = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < count && largest[i].value >= MIB && length < room; i++) {
        const char *name = strchr(largest[i].labels, '"');
        name = name == NULL ? "" : name + 1;
        size_t end = strlen(name);
        length += snprintf(text + length, (size_t)(room - length), "%s%lld MiB by %.*s",
                           i == 0 ? "" : ", ", (long long)(largest[i].value / MIB),
                           (int)(end == 0 ? 0 : end - 1), name);
    }
    int64_t others = ceiling_resident_bytes() - memory_used_bytes();
    if (others >= MIB && length < room)
        length += snprintf(text + length, (size_t)(room - length),
                           "%s%lld MiB by libraries and between what is in use",
                           length == 0 ? "" : ", ", (long long)(others / MIB));
    return length < room ? length : room - 1;
}

static void ceiling_end(int64_t resident, int64_t bytes)
{
    char holders[512], text[1280];
    int32_t told = ceiling_describe(holders, sizeof holders);
    int length =
        snprintf(text, sizeof text,
                 "error[%s]: %lld of the %lld MiB of weir.memory.limit are in use%s%s, "
                 "and %lld MiB more are needed at once\n"
                 "   = help: allow more, or give the pipeline less to keep; it resumes "
                 "from its last checkpoint\n"
                 "   = explain: weir explain-error %s\n",
                 CODE, (long long)(resident / MIB), (long long)(atomic_load(&limit) / MIB),
                 told > 0 ? ", " : "", holders, (long long)((bytes + MIB - 1) / MIB), CODE);
    memory_end(text, length < (int)sizeof text ? length : (int)sizeof text - 1);
}

void ceiling_look(int64_t bytes)
{
    int64_t most = atomic_load(&limit), resident = ceiling_resident_bytes();
    ceiling_handed_bytes = 0;
    if (most == 0 || resident == 0)
        return;
    int64_t ceiling = most + most / CEILING_PART_ABOVE;
    if (resident + bytes > most - most / 8) {
        ceiling_trim();
        resident = ceiling_resident_bytes();
    }
    atomic_store_explicit(&is_passed, resident > most, memory_order_relaxed);
    for (int waited = 0; resident + bytes > ceiling; waited += WAIT_STEP_MS) {
        if (waited >= WAIT_MS)
            ceiling_end(resident, bytes);
        nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_MS * 1000000L}, NULL);
        ceiling_trim();
        resident = ceiling_resident_bytes();
    }
}
