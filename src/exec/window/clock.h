/* The time of windows: slices by number, when they end and when they fire.
 *
 * Time is cut into slices of the slide (HOP), step (CUMULATE) or size (TUMBLE), counted from the
 * epoch plus the offset, in the wall clock of the session zone when the attribute is
 * TIMESTAMP_LTZ. A window is named by its last slice:
 *
 *     slices   … | 4 | 5 | 6 | 7 | …        HOP of 3: window 6 is slices 4, 5, 6; slice 4 is in
 *                                           windows 4, 5 and 6
 *
 * All times in microseconds. Windows fire when the watermark reaches their last millisecond. */
#ifndef WEIR_EXEC_WINDOW_CLOCK_H
#define WEIR_EXEC_WINDOW_CLOCK_H

#include "data/datetime.h"
#include "plan/plan.h"

typedef struct WindowClock {
    WindowKind kind;
    int64_t slice_us;
    int64_t offset_us;
    int64_t slices;       /* in the largest window */
    const TimeZone *zone; /* NULL: no shift */
    bool is_attached;     /* times are ends of windows, slices the milliseconds in which they end */
} WindowClock;

WindowClock window_clock(const WindowSpec *spec, const TimeZone *zone);

/* Wall clock of the attribute's value. */
Timestamp window_local(const WindowClock *clock, Timestamp time);

/* The slice of a wall clock time. */
static inline int64_t window_slice(const WindowClock *clock, Timestamp local)
{
    return floor_div(local - clock->offset_us, clock->slice_us);
}

/* Wall clock: first microsecond of the slice, and behind its last. */
static inline Timestamp window_slice_start(const WindowClock *clock, int64_t slice)
{
    return slice * clock->slice_us + clock->offset_us;
}

static inline Timestamp window_slice_end(const WindowClock *clock, int64_t slice)
{
    return window_slice_start(clock, slice + 1);
}

/* First slice of the window that ends with `slice`. */
static inline int64_t window_first_slice(const WindowClock *clock, int64_t slice)
{
    switch (clock->kind) {
    case WINDOW_SESSION:
    case WINDOW_TUMBLE: return slice;
    case WINDOW_HOP: return slice - clock->slices + 1;
    case WINDOW_CUMULATE: return floor_div(slice, clock->slices) * clock->slices;
    }
    return slice;
}

/* The last window that a slice belongs to. */
static inline int64_t window_last_of(const WindowClock *clock, int64_t slice)
{
    switch (clock->kind) {
    case WINDOW_SESSION:
    case WINDOW_TUMBLE: return slice;
    case WINDOW_HOP: return slice + clock->slices - 1;
    case WINDOW_CUMULATE: return window_first_slice(clock, slice) + clock->slices - 1;
    }
    return slice;
}

/* From wall clock to the instant at which a timer for it goes off; `zone` NULL: no shift. A wall
 * clock time that comes twice means the second; one that is skipped means the instant of the jump
 * (hours are whole there, as in Flink). */
Timestamp window_instant(const TimeZone *zone, Timestamp local);

/* window_time: the last millisecond of the window, of the attribute's type. It is also the
 * watermark at which the window fires. */
Timestamp window_time(const WindowClock *clock, int64_t window);

/* The last window that has fired at this watermark; INT64_MIN for TIMESTAMP_MIN, INT64_MAX for
 * TIMESTAMP_MAX. Never goes back when watermarks do not. */
int64_t window_fired(const WindowClock *clock, Timestamp watermark);

#endif
