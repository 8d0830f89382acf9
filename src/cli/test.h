/* What the files of `weir test` share. */
#ifndef WEIR_CLI_TEST_H
#define WEIR_CLI_TEST_H

#include "cli/cli.h"
#include "trial/trial.h"

/* A test file, and what came of those of its cases that ran. */
typedef struct TestFile {
    TrialFile *trial;
    TrialResult *results; /* by case */
    bool *is_chosen;      /* by case */
    int64_t duration_us;
} TestFile;

typedef struct TestSuite {
    Cli *cli;
    List files; /* TestFile */
    int32_t passed, failed;
} TestSuite;

/* The cases that are chosen, one after the other. */
typedef struct TestCursor {
    const TestSuite *suite;
    int32_t file, test;
} TestCursor;
bool test_next(TestCursor *cursor, const TestFile **file, const TrialCase **test,
               const TrialResult **result);

/* What failed, and the count, for people. */
void test_report_text(const TestSuite *suite, Buffer *out);
void test_report_json(const TestSuite *suite, Buffer *out);
void test_report_junit(const TestSuite *suite, Buffer *out);
/* A line of JSON for each case, with the answer of those that ran. */
Status test_export(const TestSuite *suite, Buffer *out, Error *error);
void test_list(const TestSuite *suite, Buffer *out);

#endif
