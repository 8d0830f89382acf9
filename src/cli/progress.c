/* How far the job is, for whoever waits for it. */
#include <unistd.h>

#include "cli/cli.h"

enum {
    PROGRESS_LINE_BYTES = 200,
    PROGRESS_UPDATE_US = 250 * 1000,
    PROGRESS_PLAIN_US = 10 * 1000 * 1000,
    SOURCES_SHOWN_MAX = 16,
};

struct ProgressLine {
    Cli *cli;
    bool is_updated; /* one line, written anew */
    bool is_drawn;
    int64_t shown_us;
    int64_t records[SOURCES_SHOWN_MAX]; /* at shown_us */
};

ProgressLine *progress_open(Cli *cli)
{
    ProgressLine *progress = ARENA_NEW(cli->arena, ProgressLine);
    progress->cli = cli;
    /* Where results appear on the same terminal, a line that is written anew would cut them up. */
    progress->is_updated = cli->is_terminal && isatty(STDOUT_FILENO) != 1;
    progress->shown_us = world_monotonic_us(cli->world);
    return progress;
}

static void print_duration(Buffer *out, int64_t seconds)
{
    if (seconds >= 3600)
        buffer_printf(out, "%lld h %lld min", (long long)(seconds / 3600),
                      (long long)(seconds % 3600 / 60));
    else if (seconds >= 60)
        buffer_printf(out, "%lld min %lld s", (long long)(seconds / 60), (long long)(seconds % 60));
    else
        buffer_printf(out, "%lld s", (long long)seconds);
}

/* "snapshot orders: 1,200,000 of about 3,000,000 rows, 400,000 rows/s, 4 s left" */
static void print_source(ProgressLine *progress, Buffer *out, const SourceView *view, int64_t rate,
                         int64_t now_us)
{
    Arena *scratch = arena_new(0);
    const Progress *state = view->progress;
    int32_t phase = atomic_load(&state->phase);
    int64_t done = atomic_load(&state->rows_done);
    int64_t total = atomic_load(&state->rows_total);
    int64_t bytes_done = atomic_load(&state->bytes_done);
    int64_t bytes_total = atomic_load(&state->bytes_total);
    int64_t event_us = atomic_load(&state->event_time_us);
    const char *verb = phase == PHASE_SNAPSHOT   ? "reading "
                       : phase == PHASE_FINISHED ? "read "
                                                 : "";
    buffer_printf(out, "%s%.*s: %s", verb, STR_ARGS(view->table),
                  report_count(scratch, view->records));
    if (phase == PHASE_SNAPSHOT && total > 0)
        buffer_printf(out, " of about %s", report_count(scratch, total));
    buffer_printf(out, " rows, %s rows/s", report_count(scratch, rate));
    if (bytes_total > 0)
        buffer_printf(out, ", %lld %%", (long long)(bytes_done * 100 / bytes_total));
    double part = bytes_total > 0 ? (double)bytes_done / (double)bytes_total
                  : total > 0     ? (double)done / (double)total
                                  : 0;
    if (phase == PHASE_SNAPSHOT && rate > 0 && part > 0.001 && part < 1) {
        double left_rows = (double)view->records / part - (double)view->records;
        buffer_append_text(out, ", ");
        print_duration(out, (int64_t)(left_rows / (double)rate) + 1);
        buffer_append_text(out, " left");
    } else if (phase == PHASE_STREAMING && event_us > 0 && now_us - event_us > 1000000) {
        buffer_append_text(out, ", ");
        print_duration(out, (now_us - event_us) / 1000000);
        buffer_append_text(out, " behind");
    }
    arena_free(scratch);
    (void)progress;
}

void progress_show(void *context, Job *job)
{
    ProgressLine *progress = context;
    World *world = progress->cli->world;
    int64_t now_us = world_monotonic_us(world);
    int64_t passed_us = now_us - progress->shown_us;
    if (passed_us < (progress->is_updated ? PROGRESS_UPDATE_US : PROGRESS_PLAIN_US))
        return;
    progress->shown_us = now_us;
    Buffer line = {0};
    int32_t count = job_source_count(job);
    for (int32_t i = 0; i < count && i < SOURCES_SHOWN_MAX; i++) {
        SourceView view = job_source_at(job, i);
        int64_t rate = (view.records - progress->records[i]) * 1000000 / passed_us;
        progress->records[i] = view.records;
        if (i > 0)
            buffer_append_text(&line, "; ");
        print_source(progress, &line, &view, rate, world_clock_us(world));
    }
    if (line.length > PROGRESS_LINE_BYTES)
        line.length = PROGRESS_LINE_BYTES;
    if (progress->is_updated)
        fprintf(stderr, "\r%s\033[K", buffer_terminated(&line));
    else
        report_note(progress->cli, "%s", buffer_terminated(&line));
    progress->is_drawn = progress->is_updated;
    buffer_free(&line);
}

void progress_finish(ProgressLine *progress)
{
    if (progress->is_drawn)
        fprintf(stderr, "\r\033[K");
    progress->is_drawn = false;
}

void progress_summarize(Cli *cli, const Job *job, bool has_succeeded)
{
    JobSummary summary = job_summary(job);
    Arena *arena = cli->arena;
    const char *verb = !has_succeeded ? "failed" : summary.has_ended ? "done" : "stopped";
    report_note(cli, "%s: %s rows in, %s rows out, %s late, %s dead letters, %.1f s", verb,
                report_count(arena, summary.rows_in), report_count(arena, summary.rows_out),
                report_count(arena, summary.rows_late), report_count(arena, summary.dead_letters),
                (double)summary.duration_us / 1e6);
    if (summary.kept_checkpoint != 0)
        report_note(cli, "the same command%s resumes from checkpoint %lld",
                    cli_has(cli, "fresh") ? " without --fresh" : "",
                    (long long)summary.kept_checkpoint);
}
