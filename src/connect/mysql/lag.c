/* How far a source is behind its server, for whoever watches.
 *
 * By the clock of the machine against that of the server, which writes whole seconds. Nothing is
 * behind when nothing waits to be read and the server is heard of: a connection that is lost, or
 * over which no heartbeat comes, makes it grow. */
#include "base/metrics.h"
#include "connect/mysql/source.h"

/* Heartbeats may be late by one. */
enum { BEATS_MISSED = 2 };

void mysql_lag_open(MysqlSource *source)
{
    const SourceReader *reader = &source->reader;
    const char *more = reader->metric_labels;
    const char *labels =
        arena_printf(reader->arena, "table=\"%.*s\"%s%s",
                     STR_ARGS(reader->node->source.table->name), more[0] != '\0' ? "," : "", more);
    source->lag.seconds =
        metric_get(METRIC_GAUGE, "weir_source_lag_seconds", labels,
                   "How far a source is behind what it reads from.", MICROS_PER_SECOND);
}

void mysql_lag_hear(MysqlSource *source, const Event *event)
{
    bool is_beat = event->type == EVENT_HEARTBEAT || event->type == EVENT_HEARTBEAT_2;
    if (is_beat)
        source->lag.current_us = world_clock_us(source->reader.world);
    else if (event->timestamp != 0) /* 0: made up for this connection */
        source->lag.current_us = (int64_t)event->timestamp * MICROS_PER_SECOND;
}

void mysql_lag_hear_nothing(MysqlSource *source, int64_t silent_us)
{
    if (silent_us < BEATS_MISSED * mysql_stream_beat_us(source))
        source->lag.current_us = world_clock_us(source->reader.world);
}

void mysql_lag_show(const MysqlSource *source)
{
    if (source->lag.current_us == 0)
        return;
    int64_t lag_us = world_clock_us(source->reader.world) - source->lag.current_us;
    metric_set(source->lag.seconds, lag_us > 0 ? lag_us : 0);
}
