/* Cases and what came of them as JSON, for programs that ask another engine the same. */
#include <assert.h>

#include "sql/extension.h"
#include "trial/internal.h"

/* ---- The case -------------------------------------------------------------------------------- */

static void export_bodies(JsonWriter *json, const char *key, Str before, const List *bodies)
{
    Buffer text = {0};
    buffer_append_str(&text, before);
    for (int32_t i = 0; i < bodies->count; i++)
        buffer_append_str(&text, LIST_AT(*bodies, i, SectionBody)->text);
    json_key(json, key);
    json_str(json, buffer_str(&text));
    buffer_free(&text);
}

static void export_feed(JsonWriter *json, const TrialStep *step)
{
    json_key(json, "feed");
    json_str(json, step->table);
    json_key(json, "rows");
    json_begin_array(json);
    FedCursor cursor = fed_cursor(&step->body);
    FedRow row;
    Buffer text = {0};
    while (fed_next(&cursor, &row)) {
        text.length = 0;
        buffer_printf(&text, "%s %.*s", row_kind_text(row.kind), STR_ARGS(row.values));
        json_str(json, buffer_str(&text));
    }
    buffer_free(&text);
    json_end_array(json);
}

static const char *expectation_name(StepKind kind)
{
    switch (kind) {
    case STEP_EXPECT_CHANGES: return "changes";
    case STEP_EXPECT_ROWS: return "rows";
    case STEP_EXPECT_ERROR: return "error";
    case STEP_EXPECT_DEAD_LETTERS: return "dead letters";
    case STEP_EXPECT_PLAN: return "plan";
    case STEP_EXPECT_OUTPUT: return "output";
    case STEP_FEED:
    case STEP_ADVANCE_WATERMARK:
    case STEP_ADVANCE_CLOCK: break;
    }
    assert(!"a step that expects");
    return "";
}

static void export_expectation(JsonWriter *json, const TrialStep *step)
{
    json_key(json, "expect");
    json_text(json, expectation_name(step->kind));
    json_key(json, "of");
    json_str(json, step->table);
    json_key(json, "any order");
    json_bool(json, step->is_any_order);
    json_key(json, "lines");
    json_begin_array(json);
    Str rest = step->body.text, line;
    while (line_next(&rest, &line))
        json_str(json, line);
    json_end_array(json);
}

static void export_step(JsonWriter *json, const TrialStep *step)
{
    json_begin_object(json);
    if (step->kind == STEP_FEED) {
        export_feed(json, step);
    } else if (step->kind == STEP_ADVANCE_WATERMARK) {
        json_key(json, "watermark");
        json_str(json, step->table);
        json_key(json, "to_us");
        json_int(json, step->watermark);
    } else if (step->kind == STEP_ADVANCE_CLOCK) {
        json_key(json, "clock_us");
        json_int(json, step->clock_us);
    } else {
        export_expectation(json, step);
    }
    json_end_object(json);
}

static void export_optional(JsonWriter *json, const char *key, Str text)
{
    json_key(json, key);
    if (text.data == NULL)
        json_null(json);
    else
        json_str(json, text);
}

Status trial_export(World *world, const TrialFile *file, const TrialCase *test, Arena *arena,
                    JsonWriter *json, Error *error)
{
    Str pipeline = {0};
    if (test->pipeline.data != NULL)
        TRY(trial_read_pipeline(world, file, test, arena, &pipeline, error));
    json_key(json, "file");
    json_text(json, file->path);
    json_key(json, "line");
    json_int(json, test->line);
    json_key(json, "title");
    json_str(json, test->title);
    export_optional(json, "differs", test->difference);
    export_bodies(json, "setup", pipeline, &file->setup);
    export_bodies(json, "sql", (Str){0}, &test->sql);
    json_key(json, "steps");
    json_begin_array(json);
    for (int32_t i = 0; i < test->steps.count; i++)
        export_step(json, LIST_AT(test->steps, i, TrialStep));
    json_end_array(json);
    return OK;
}

/* ---- What came out --------------------------------------------------------------------------- */

static void export_lines(JsonWriter *json, const char *key, Lines lines)
{
    json_key(json, key);
    json_begin_array(json);
    for (int32_t i = 0; i < lines.count; i++)
        json_str(json, lines.items[i]);
    json_end_array(json);
}

static void export_errors(JsonWriter *json, const Diagnostics *diagnostics)
{
    json_key(json, "errors");
    json_begin_array(json);
    for (int32_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const Diagnostic *diagnostic = diagnostics_at(diagnostics, i);
        if (diagnostic->level != DIAGNOSTIC_ERROR)
            continue;
        json_begin_object(json);
        json_key(json, "code");
        json_text(json, diagnostic->code);
        json_key(json, "message");
        json_text(json, diagnostic->message);
        json_end_object(json);
    }
    json_end_array(json);
}

/* What Flink 1.20 lacks of the statements. */
static void export_extensions(JsonWriter *json, const Diagnostics *diagnostics)
{
    json_key(json, "extensions");
    json_begin_array(json);
    for (int32_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const Diagnostic *diagnostic = diagnostics_at(diagnostics, i);
        if (diagnostic->level != DIAGNOSTIC_EXTENSION)
            continue;
        json_begin_object(json);
        json_key(json, "name");
        json_text(json, extension_name((Extension)diagnostic->extension));
        json_key(json, "message");
        json_text(json, diagnostic->message);
        json_end_object(json);
    }
    json_end_array(json);
}

static void export_sinks(TrialRun *run, JsonWriter *json)
{
    json_key(json, "sinks");
    json_begin_object(json);
    for (int32_t i = 0; i < run->captures.count; i++) {
        const Capture *capture = LIST_AT(run->captures, i, Capture);
        json_key_str(json, capture->name);
        json_begin_object(json);
        export_lines(json, "changes", capture_changes(run, capture, 0));
        export_lines(json, "rows", capture_rows(run, capture));
        json_end_object(json);
    }
    json_end_object(json);
}

void run_answer(TrialRun *run, Buffer *out)
{
    JsonWriter json = {.out = out};
    json_begin_object(&json);
    json_key(&json, "passed");
    json_bool(&json, !run->has_failed);
    json_key(&json, "report");
    json_str(&json, buffer_str(&run->result->report));
    if (run->diagnostics != NULL)
        export_errors(&json, run->diagnostics);
    if (run->diagnostics != NULL)
        export_extensions(&json, run->diagnostics);
    export_sinks(run, &json);
    Lines letters = {.items = ARENA_ARRAY(run->arena, Str, run->letters.count + 1)};
    for (int32_t i = 0; i < run->letters.count; i++)
        letters.items[letters.count++] = *LIST_AT(run->letters, i, Str);
    export_lines(&json, "dead letters", letters);
    json_end_object(&json);
}
