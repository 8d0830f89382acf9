/* print: rows to standard output as text, one line each: `+I[1, apple, null]`.
 *
 * The form is Row.toString of Flink's print connector. A line is prefixed by the identifier and,
 * when there are several writers, by the number of the writer from 1: `id:3> +I[...]`. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "connect/connect.h"
#include "data/value.h"

enum { PRINT_FLUSH_BYTES = 64 * 1024, LOOK_INTERVAL_MS = 100 };

typedef struct PrintSink {
    SinkWriter base;
    FILE *stream;
    Buffer text;
    Buffer prefix;
    bool is_file; /* takes what it is given, and at once */
    _Atomic bool is_interrupted;
} PrintSink;

static const OptionSpec print_options[] = {
    {.key = "print-identifier", .type = OPTION_TEXT, .help = "Text put in front of every line."},
    {.key = "standard-error",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Write to standard error instead of standard output."},
    {.key = "sink.parallelism",
     .type = OPTION_INT,
     .help = "Accepted for Flink's sake: weir writes from one thread."},
};

static ChangelogMode print_write_mode(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_ALL;
}

static Status print_open(SinkWriter *writer, Str state, Error *error)
{
    (void)state, (void)error;
    PrintSink *sink = (PrintSink *)writer;
    const OptionSet *options = writer->node->sink.table->options.options;
    sink->stream = options_bool(options, "standard-error") ? stderr : stdout;
    struct stat status;
    sink->is_file = fstat(fileno(sink->stream), &status) == 0 && S_ISREG(status.st_mode);
    Str identifier = options_text(options, "print-identifier");
    buffer_append_str(&sink->prefix, identifier);
    if (writer->subtask_count > 1)
        buffer_printf(&sink->prefix, "%s%d", identifier.length > 0 ? ":" : "", writer->subtask + 1);
    if (sink->prefix.length > 0)
        buffer_append_text(&sink->prefix, "> ");
    return OK;
}

/* What a pipe takes at once when it is ready, so that a reader who has stopped reading does not
 * keep the program from its end. 0, or the error. */
static int print_put(PrintSink *sink)
{
    struct pollfd output = {.fd = fileno(sink->stream), .events = POLLOUT};
    int64_t length = sink->text.length;
    for (int64_t at = 0; at < length;) {
        if (atomic_load(&sink->is_interrupted))
            return ECANCELED;
        if (poll(&output, 1, LOOK_INTERVAL_MS) <= 0)
            continue;
        int64_t piece = sink->is_file || length - at < PIPE_BUF ? length - at : PIPE_BUF;
        ssize_t wrote = write(output.fd, sink->text.data + at, (size_t)piece);
        if (wrote < 0 && errno != EINTR && errno != EAGAIN)
            return errno;
        at += wrote > 0 ? wrote : 0;
    }
    return 0;
}

static Status print_flush(PrintSink *sink, Error *error)
{
    if (sink->text.length == 0)
        return OK;
    flockfile(sink->stream); /* lines of several sinks stay whole, and behind what others said */
    int code = __fpending(sink->stream) > 0 && fflush(sink->stream) != 0 ? errno : print_put(sink);
    funlockfile(sink->stream);
    sink->text.length = 0;
    /* Whoever read has seen enough (`weir run … | head`): no error, but the end. */
    if (code == EPIPE || code == ECANCELED)
        return fail(error, ERR_CANCELLED, "WR3391", "the reader of standard output has ended");
    if (code != 0)
        return fail(error, ERR_IO, "WR3391", "could not write to standard %s",
                    sink->stream == stderr ? "error" : "output");
    return OK;
}

static void print_interrupt(SinkWriter *writer)
{
    atomic_store(&((PrintSink *)writer)->is_interrupted, true);
}

static Status print_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    PrintSink *sink = (PrintSink *)writer;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        buffer_append_str(&sink->text, buffer_str(&sink->prefix));
        buffer_append_text(&sink->text, row_kind_text(batch_kind(batch, row)));
        buffer_append_char(&sink->text, '[');
        for (int32_t column = 0; column < batch->column_count; column++) {
            if (column > 0)
                buffer_append_text(&sink->text, ", ");
            Value value = value_get(&batch->columns[column], row);
            value_print(&sink->text, &value, VALUE_PRINT, (const struct TimeZone *)writer->zone);
        }
        buffer_append_text(&sink->text, "]\n");
        if (sink->text.length >= PRINT_FLUSH_BYTES)
            TRY(print_flush(sink, error));
    }
    return print_flush(sink, error);
}

static Status print_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    (void)checkpoint, (void)state;
    return print_flush((PrintSink *)writer, error);
}

static void print_close(SinkWriter *writer)
{
    PrintSink *sink = (PrintSink *)writer;
    buffer_free(&sink->text);
    buffer_free(&sink->prefix);
}

static const SinkKind print_sink = {
    .size = sizeof(PrintSink),
    .open = print_open,
    .write = print_write,
    .prepare = print_prepare,
    .interrupt = print_interrupt,
    .close = print_close,
};

static const ConnectorInfo print_info = {
    .name = "print",
    .summary = "Writes rows to standard output, one line each, such as +I[1, apple].",
    .options = print_options,
    .option_count = sizeof print_options / sizeof print_options[0],
    .can_write = true,
    .guarantee = SINK_AT_LEAST_ONCE,
    .write_mode = print_write_mode,
};

extern const Connector print_connector;
const Connector print_connector = {.info = &print_info, .sink = &print_sink};
