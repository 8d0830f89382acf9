/* The outcome of tests: for people, for programs, for the CI that reads JUnit's XML. */
#include "base/json.h"
#include "cli/test.h"

bool test_next(TestCursor *cursor, const TestFile **file, const TrialCase **test,
               const TrialResult **result)
{
    const TestSuite *suite = cursor->suite;
    for (; cursor->file < suite->files.count; cursor->file++, cursor->test = 0) {
        const TestFile *at = LIST_AT(suite->files, cursor->file, TestFile);
        while (cursor->test < at->trial->cases.count) {
            int32_t index = cursor->test++;
            if (!at->is_chosen[index])
                continue;
            *file = at;
            *test = LIST_AT(at->trial->cases, index, TrialCase);
            *result = &at->results[index];
            return true;
        }
    }
    return false;
}

void test_list(const TestSuite *suite, Buffer *out)
{
    TestCursor cursor = {.suite = suite};
    const TestFile *file;
    const TrialCase *test;
    const TrialResult *result;
    while (test_next(&cursor, &file, &test, &result))
        buffer_printf(out, "%s:%d: %.*s\n", file->trial->path, test->line, STR_ARGS(test->title));
}

void test_report_text(const TestSuite *suite, Buffer *out)
{
    const Cli *cli = suite->cli;
    TestCursor cursor = {.suite = suite};
    const TestFile *file;
    const TrialCase *test;
    const TrialResult *result;
    while (test_next(&cursor, &file, &test, &result)) {
        if (result->is_passed && !cli->is_verbose)
            continue;
        const char *color = !cli->has_color ? "" : result->is_passed ? "\033[32m" : "\033[1;31m";
        buffer_printf(out, "%s%s%s %s:%d: %.*s\n", color, result->is_passed ? "ok  " : "FAIL",
                      cli->has_color ? "\033[0m" : "", file->trial->path, test->line,
                      STR_ARGS(test->title));
        buffer_append_str(out, buffer_str(&result->report));
        if (!result->is_passed)
            buffer_append_char(out, '\n');
    }
    buffer_printf(out, "%d passed, %d failed\n", suite->passed, suite->failed);
}

void test_report_json(const TestSuite *suite, Buffer *out)
{
    JsonWriter json = {.out = out};
    json_begin_object(&json);
    json_key(&json, "schema");
    json_text(&json, "weir.v1.TestResult");
    json_key(&json, "passed");
    json_int(&json, suite->passed);
    json_key(&json, "failed");
    json_int(&json, suite->failed);
    json_key(&json, "items");
    json_begin_array(&json);
    TestCursor cursor = {.suite = suite};
    const TestFile *file;
    const TrialCase *test;
    const TrialResult *result;
    while (test_next(&cursor, &file, &test, &result)) {
        json_begin_object(&json);
        json_key(&json, "file");
        json_text(&json, file->trial->path);
        json_key(&json, "line");
        json_int(&json, test->line);
        json_key(&json, "title");
        json_str(&json, test->title);
        json_key(&json, "ok");
        json_bool(&json, result->is_passed);
        json_key(&json, "duration_us");
        json_int(&json, result->duration_us);
        json_key(&json, "report");
        json_str(&json, buffer_str(&result->report));
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    buffer_append_char(out, '\n');
}

Status test_export(const TestSuite *suite, Buffer *out, Error *error)
{
    TestCursor cursor = {.suite = suite};
    const TestFile *file;
    const TrialCase *test;
    const TrialResult *result;
    while (test_next(&cursor, &file, &test, &result)) {
        JsonWriter json = {.out = out};
        json_begin_object(&json);
        TRY(trial_export(suite->cli->world, file->trial, test, suite->cli->arena, &json, error));
        if (result->answer.length > 0) {
            json_key(&json, "answer");
            json_raw(&json, buffer_str(&result->answer));
        }
        json_end_object(&json);
        buffer_append_char(out, '\n');
    }
    return OK;
}

/* Text of an attribute or element; what XML cannot hold becomes a question mark. */
static void append_xml(Buffer *out, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '<')
            buffer_append_text(out, "&lt;");
        else if (c == '>')
            buffer_append_text(out, "&gt;");
        else if (c == '&')
            buffer_append_text(out, "&amp;");
        else if (c == '"')
            buffer_append_text(out, "&quot;");
        else if (c < 0x20 && c != '\n' && c != '\t')
            buffer_append_char(out, '?');
        else
            buffer_append_char(out, (char)c);
    }
}

static void junit_seconds(Buffer *out, int64_t duration_us)
{
    buffer_printf(out, " time=\"%lld.%06lld\"", (long long)(duration_us / 1000000),
                  (long long)(duration_us % 1000000));
}

static void junit_case(Buffer *out, const TestFile *file, const TrialCase *test,
                       const TrialResult *result)
{
    buffer_append_text(out, "    <testcase name=\"");
    append_xml(out, test->title);
    buffer_append_text(out, "\" classname=\"");
    append_xml(out, str_from(file->trial->path));
    buffer_printf(out, "\" line=\"%d\"", test->line);
    junit_seconds(out, result->duration_us);
    if (result->is_passed) {
        buffer_append_text(out, "/>\n");
        return;
    }
    Str report = buffer_str(&result->report), first = str_split(report, '\n', &(Str){0});
    buffer_append_text(out, ">\n      <failure message=\"");
    append_xml(out, first);
    buffer_append_text(out, "\">");
    append_xml(out, report);
    buffer_append_text(out, "</failure>\n    </testcase>\n");
}

static void junit_file(Buffer *out, const TestFile *file)
{
    int32_t count = 0, failed = 0;
    int64_t duration_us = 0;
    for (int32_t i = 0; i < file->trial->cases.count; i++) {
        count += file->is_chosen[i];
        failed += file->is_chosen[i] && !file->results[i].is_passed;
        duration_us += file->results[i].duration_us;
    }
    if (count == 0)
        return;
    buffer_append_text(out, "  <testsuite name=\"");
    append_xml(out, str_from(file->trial->path));
    buffer_printf(out, "\" tests=\"%d\" failures=\"%d\"", count, failed);
    junit_seconds(out, duration_us);
    buffer_append_text(out, ">\n");
    for (int32_t i = 0; i < file->trial->cases.count; i++)
        if (file->is_chosen[i])
            junit_case(out, file, LIST_AT(file->trial->cases, i, TrialCase), &file->results[i]);
    buffer_append_text(out, "  </testsuite>\n");
}

void test_report_junit(const TestSuite *suite, Buffer *out)
{
    buffer_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buffer_printf(out, "<testsuites tests=\"%d\" failures=\"%d\">\n", suite->passed + suite->failed,
                  suite->failed);
    for (int32_t i = 0; i < suite->files.count; i++)
        junit_file(out, LIST_AT(suite->files, i, TestFile));
    buffer_append_text(out, "</testsuites>\n");
}
