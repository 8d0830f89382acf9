/* blackhole: a sink that takes every row and keeps none. To measure what comes before it. */
#include "connect/connect.h"

/* As Flink's: nobody reads -U here, so that operators need not make it. */
static ChangelogMode blackhole_write_mode(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_UPSERT;
}

static Status blackhole_open(SinkWriter *writer, Str state, Error *error)
{
    (void)writer, (void)state, (void)error;
    return OK;
}

static Status blackhole_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    (void)writer, (void)batch, (void)error;
    return OK;
}

static Status blackhole_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    (void)writer, (void)checkpoint, (void)state, (void)error;
    return OK;
}

static void blackhole_close(SinkWriter *writer)
{
    (void)writer;
}

static const SinkKind blackhole_sink = {
    .size = sizeof(SinkWriter),
    .open = blackhole_open,
    .write = blackhole_write,
    .prepare = blackhole_prepare,
    .close = blackhole_close,
};

static const ConnectorInfo blackhole_info = {
    .name = "blackhole",
    .summary = "Takes every row and keeps none.",
    .can_write = true,
    .writes_in_place = true,
    .guarantee = SINK_IDEMPOTENT,
    .write_mode = blackhole_write_mode,
};

extern const Connector blackhole_connector;
const Connector blackhole_connector = {.info = &blackhole_info, .sink = &blackhole_sink};
