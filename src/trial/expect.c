/* What is expected against what came. */
#include <assert.h>

#include "trial/internal.h"

enum { INDENT = 4 };

/* One text of the lines, each ended. */
static const char *lines_join(TrialRun *run, Lines lines)
{
    Buffer text = {0};
    for (int32_t i = 0; i < lines.count; i++)
        buffer_printf(&text, "%.*s\n", STR_ARGS(lines.items[i]));
    const char *joined = str_terminated(run->result->arena, buffer_str(&text));
    buffer_free(&text);
    return joined;
}

static void expect_lines(TrialRun *run, const TrialStep *step, Lines expected, Lines actual,
                         const char *what)
{
    if (lines_equal(expected, actual))
        return;
    run_fail(run, step->line, "%s differ (- expected, + actual)", what);
    lines_compare(expected, actual, INDENT, run->options->has_color, &run->result->report);
    run_fix(run, &step->body, lines_join(run, actual));
}

static Lines lines_copy(TrialRun *run, Lines lines)
{
    Lines copy = {.items = ARENA_ARRAY(run->arena, Str, lines.count + 1), .count = lines.count};
    for (int32_t i = 0; i < lines.count; i++)
        copy.items[i] = lines.items[i];
    return copy;
}

static void expect_changes(TrialRun *run, const TrialStep *step)
{
    Capture *capture = capture_find(run, step->table, step->line);
    if (capture == NULL)
        return;
    Lines actual = capture_changes(run, capture, capture->seen);
    capture->seen = capture->changes.count;
    Lines expected = lines_split(run->arena, step->body.text);
    if (step->is_any_order) {
        expected = lines_copy(run, expected);
        lines_sort(expected);
        lines_sort(actual);
    }
    expect_lines(run, step, expected, actual, "changes");
}

static void expect_rows(TrialRun *run, const TrialStep *step)
{
    const Capture *capture = capture_find(run, step->table, step->line);
    if (capture == NULL)
        return;
    Lines expected = lines_split(run->arena, step->body.text);
    lines_sort(expected);
    expect_lines(run, step, expected, capture_rows(run, capture), "rows");
}

static void expect_dead_letters(TrialRun *run, const TrialStep *step)
{
    Lines actual = {.items = ARENA_ARRAY(run->arena, Str, run->letters.count + 1)};
    for (int32_t i = run->letters_seen; i < run->letters.count; i++)
        actual.items[actual.count++] = *LIST_AT(run->letters, i, Str);
    run->letters_seen = run->letters.count;
    Lines expected = lines_split(run->arena, step->body.text);
    lines_sort(actual);
    lines_sort(expected);
    expect_lines(run, step, expected, actual, "dead letters");
}

static void expect_plan(TrialRun *run, const TrialStep *step)
{
    Buffer text = {0};
    plan_explain(run->plan, &text);
    Str copy = str_copy(run->arena, buffer_str(&text));
    buffer_free(&text);
    expect_lines(run, step, lines_split(run->arena, step->body.text), lines_split(run->arena, copy),
                 "plans");
}

/* Blank lines between the results are not looked at. */
static Lines lines_without_blank(Lines lines)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < lines.count; i++) {
        if (str_trim(lines.items[i]).length > 0)
            lines.items[kept++] = lines.items[i];
    }
    lines.count = kept;
    return lines;
}

/* What SHOW, DESCRIBE, EXPLAIN and SET answer, one after another. */
static void expect_output(TrialRun *run, const TrialStep *step)
{
    Buffer text = {0};
    for (int32_t i = 0; i < run->plan->results.count; i++)
        statement_result_print(LIST_AT(run->plan->results, i, StatementResult), &text);
    Str copy = str_copy(run->arena, buffer_str(&text));
    buffer_free(&text);
    Lines expected = lines_without_blank(lines_split(run->arena, step->body.text));
    expect_lines(run, step, expected, lines_without_blank(lines_split(run->arena, copy)),
                 "outputs");
}

/* "error[WR2041]: …", the first line. */
static const char *first_line(TrialRun *run, Str text)
{
    Str line = {0};
    (void)line_next(&text, &line);
    return arena_printf(run->result->arena, "%.*s\n", STR_ARGS(line));
}

/* Each line is part of the text, behind what the line before was found in. */
static void expect_error(TrialRun *run, const TrialStep *step)
{
    Buffer text = {0};
    diagnostics_render(run->diagnostics, false, &text);
    Str said = str_copy(run->arena, buffer_str(&text));
    buffer_free(&text);
    if (diagnostics_error_count(run->diagnostics) == 0) {
        run_fail(run, step->line, "an error is expected, but the statements are right");
        return;
    }
    Lines expected = lines_split(run->arena, step->body.text);
    if (expected.count == 0) {
        run_fail(run, step->line, "no line says which error is expected");
        run_fix(run, &step->body, first_line(run, said));
    }
    Str rest = said;
    for (int32_t i = 0; i < expected.count; i++) {
        Str line = str_trim(expected.items[i]);
        int64_t at = str_find(rest, line);
        if (at >= 0) {
            rest = str_make(rest.data + at + line.length, rest.length - at - line.length);
            continue;
        }
        run_fail(run, step->line, "the error does not have `%.*s`%s", STR_ARGS(line),
                 i > 0 ? " behind the lines before" : "");
        buffer_append_str(&run->result->report, said);
        return;
    }
}

void expect_step(TrialRun *run, const TrialStep *step)
{
    switch (step->kind) {
    case STEP_EXPECT_CHANGES: expect_changes(run, step); break;
    case STEP_EXPECT_ROWS: expect_rows(run, step); break;
    case STEP_EXPECT_ERROR: expect_error(run, step); break;
    case STEP_EXPECT_DEAD_LETTERS: expect_dead_letters(run, step); break;
    case STEP_EXPECT_PLAN: expect_plan(run, step); break;
    case STEP_EXPECT_OUTPUT: expect_output(run, step); break;
    case STEP_FEED:
    case STEP_ADVANCE_WATERMARK:
    case STEP_ADVANCE_CLOCK: assert(!"a step that expects"); break;
    }
}
