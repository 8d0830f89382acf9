/* The time of windows. */
#include "exec/window/clock.h"

#include <assert.h>

static const int64_t MICROS_PER_HOUR = (int64_t)3600 * MICROS_PER_SECOND;

WindowClock window_clock(const WindowSpec *spec, const TimeZone *zone)
{
    bool is_whole = spec->kind == WINDOW_TUMBLE || spec->kind == WINDOW_SESSION;
    int64_t slice_ms = is_whole ? spec->size_ms : spec->slide_ms;
    assert(slice_ms > 0 && spec->size_ms % slice_ms == 0);
    WindowClock clock = {.kind = spec->kind,
                         .slice_us = slice_ms * MICROS_PER_MILLI,
                         .offset_us = spec->offset_ms * MICROS_PER_MILLI,
                         .slices = spec->size_ms / slice_ms};
    if (spec->is_attached)
        clock = (WindowClock){
            .kind = WINDOW_TUMBLE, .slice_us = MICROS_PER_MILLI, .slices = 1, .is_attached = true};
    if (spec->is_local_time && zone != NULL && zone != timezone_utc())
        clock.zone = zone;
    return clock;
}

Timestamp window_local(const WindowClock *clock, Timestamp time)
{
    if (clock->is_attached)
        return window_instant(clock->zone, time - MICROS_PER_MILLI);
    return clock->zone == NULL ? time : timezone_to_local(clock->zone, time);
}

Timestamp window_instant(const TimeZone *zone, Timestamp local)
{
    if (zone == NULL)
        return local;
    Timestamp first = timezone_to_utc(zone, local);
    if (timezone_to_local(zone, first) != local)
        return floor_div(first, MICROS_PER_HOUR) * MICROS_PER_HOUR;
    int32_t later = timezone_offset_at(zone, first + 3 * MICROS_PER_HOUR);
    Timestamp second = local - (int64_t)later * MICROS_PER_SECOND;
    bool is_twice = second > first && timezone_to_local(zone, second) == local;
    return is_twice ? second : first;
}

Timestamp window_time(const WindowClock *clock, int64_t window)
{
    if (clock->is_attached)
        return window_slice_start(clock, window);
    return window_instant(clock->zone, window_slice_end(clock, window) - MICROS_PER_MILLI);
}

int64_t window_fired(const WindowClock *clock, Timestamp watermark)
{
    if (watermark == TIMESTAMP_MIN || watermark == TIMESTAMP_MAX)
        return watermark;
    if (clock->is_attached)
        return window_slice(clock, watermark);
    Timestamp local = window_local(clock, watermark);
    int64_t window = window_slice(clock, local + MICROS_PER_MILLI) - 1;
    if (clock->zone == NULL)
        return window;
    while (window_time(clock, window) > watermark)
        window--;
    while (window_time(clock, window + 1) <= watermark)
        window++;
    return window;
}
