/* weir test: run the cases of test files. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/test.h"
#include "connect/connect.h"

enum {
    PATHS_MAX = 10000,
    FOLDER_DEPTH_MAX = 32,
    FILE_BYTES_MAX = 16 * 1024 * 1024,
    WORKERS_MAX = 64,
};

static const Flag test_flags[] = {
    {"filter", 'k', FLAG_VALUE, "WORD", "Only cases with this in their title or file name."},
    {"list", 0, FLAG_SWITCH, NULL, "List the cases; run nothing."},
    {"update", 0, FLAG_SWITCH, NULL,
     "Write what came out into the expectations that fail; read the difference."},
    {"junit", 0, FLAG_VALUE, "FILE", "Also write the result as JUnit XML."},
    {"jobs", 'j', FLAG_VALUE, "N", "Run N cases at a time (as many as there are cores)."},
    {"batched", 0, FLAG_SWITCH, NULL,
     "Run each case again with all rows of a section in one batch; the same rows must come out."},
    {"shards", 0, FLAG_VALUE, "N",
     "Run each case again as a job with N shards; the same rows must come out."},
    {"export", 0, FLAG_SWITCH, NULL, "Print each case as a line of JSON; run nothing."},
    {"answers", 0, FLAG_SWITCH, NULL,
     "Run each case and print it with what came out as a line of JSON; expect nothing."},
    {"resume", 0, FLAG_SWITCH, NULL, "Stop and resume every operator after each row."},
    {"backend", 0, FLAG_VALUE, "TYPE",
     "With rocksdb, state leaves memory after each row as far as it can; hashmap: it stays."},
};

/* ---- Files ----------------------------------------------------------------------------------- */

static Status suite_add_file(TestSuite *suite, const char *path, Error *error)
{
    Cli *cli = suite->cli;
    Str text;
    TRY(world_read_file(cli->world, path, FILE_BYTES_MAX, cli->arena, &text, error));
    TestFile *file = ARENA_NEW(cli->arena, TestFile);
    TRY(trial_parse(path, text, cli->arena, &file->trial, error));
    int32_t count = file->trial->cases.count;
    file->results = ARENA_ARRAY(cli->arena, TrialResult, count);
    file->is_chosen = ARENA_ARRAY(cli->arena, bool, count);
    list_append(&suite->files, cli->arena, file);
    return OK;
}

static Status suite_add(TestSuite *suite, const char *path, int32_t depth, Error *error)
{
    Cli *cli = suite->cli;
    FileInfo info;
    TRY(cli->world->kind->stat(cli->world, path, &info, error));
    if (!info.is_folder)
        return suite_add_file(suite, path, error);
    if (depth == FOLDER_DEPTH_MAX)
        return OK;
    List names = {0};
    TRY(cli->world->kind->list(cli->world, path, cli->arena, &names, error));
    Str folder = str_from(path);
    while (folder.length > 1 && folder.data[folder.length - 1] == '/')
        folder.length--;
    for (int32_t i = 0; i < names.count; i++) {
        const char *name = LIST_AT(names, i, const char);
        const char *inner = arena_printf(cli->arena, "%.*s/%s", STR_ARGS(folder), name);
        TRY(cli->world->kind->stat(cli->world, inner, &info, error));
        if (info.is_folder || str_has_suffix(str_from(name), STR(".test")))
            TRY(suite_add(suite, inner, depth + 1, error));
    }
    return OK;
}

/* How many cases there are to run. */
static int32_t suite_choose(TestSuite *suite)
{
    const char *word = cli_value(suite->cli, "filter");
    int32_t count = 0;
    for (int32_t i = 0; i < suite->files.count; i++) {
        TestFile *file = LIST_AT(suite->files, i, TestFile);
        for (int32_t k = 0; k < file->trial->cases.count; k++) {
            const TrialCase *test = LIST_AT(file->trial->cases, k, TrialCase);
            file->is_chosen[k] = word == NULL || str_find(test->title, str_from(word)) >= 0 ||
                                 str_find(str_from(file->trial->path), str_from(word)) >= 0;
            count += file->is_chosen[k];
        }
    }
    return count;
}

/* ---- Running --------------------------------------------------------------------------------- */

typedef struct TestWork {
    const TestFile *file;
    const TrialCase *test;
    TrialResult *result;
} TestWork;

typedef struct TestPool {
    World *world;
    TrialOptions options;
    TestWork *works;
    int32_t work_count;
    _Atomic int32_t next;
} TestPool;

static void *pool_main(void *context)
{
    TestPool *pool = context;
    for (;;) {
        int32_t at = atomic_fetch_add(&pool->next, 1);
        if (at >= pool->work_count)
            return NULL;
        const TestWork *work = &pool->works[at];
        trial_run(pool->world, work->file->trial, work->test, &pool->options, work->result);
    }
}

static void pool_run(TestPool *pool, int64_t worker_count)
{
    pthread_t threads[WORKERS_MAX];
    int32_t started = 0;
    for (int64_t i = 1; i < worker_count && i < pool->work_count && started < WORKERS_MAX; i++)
        if (pthread_create(&threads[started], NULL, pool_main, pool) == 0)
            started++;
    pool_main(pool);
    for (int32_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

static void suite_run(TestSuite *suite, const TrialOptions *options, int32_t count,
                      int64_t worker_count)
{
    Cli *cli = suite->cli;
    TestPool pool = {
        .world = cli->world,
        .options = *options,
        .works = ARENA_ARRAY(cli->arena, TestWork, count),
    };
    TestCursor cursor = {.suite = suite};
    const TestFile *file;
    const TrialCase *test;
    const TrialResult *result;
    while (test_next(&cursor, &file, &test, &result))
        pool.works[pool.work_count++] = (TestWork){file, test, (TrialResult *)result};
    pool_run(&pool, worker_count);
    for (int32_t i = 0; i < pool.work_count; i++) {
        suite->passed += pool.works[i].result->is_passed;
        suite->failed += !pool.works[i].result->is_passed;
    }
}

/* ---- After them ------------------------------------------------------------------------------ */

/* The expectations that failed as they should have been; files that need none stay untouched. */
static Status suite_update(const TestSuite *suite, Error *error)
{
    Status status = OK;
    for (int32_t i = 0; status == OK && i < suite->files.count; i++) {
        const TestFile *file = LIST_AT(suite->files, i, TestFile);
        int32_t fixes = 0;
        for (int32_t k = 0; k < file->trial->cases.count; k++)
            fixes += file->results[k].fix_count;
        if (fixes == 0)
            continue;
        Buffer text = {0};
        trial_update(file->trial, file->results, &text);
        status = world_replace_file(suite->cli->world, file->trial->path, buffer_str(&text), error);
        buffer_free(&text);
        report_note(suite->cli, "%s: %d expectation%s written anew", file->trial->path, fixes,
                    fixes == 1 ? "" : "s");
    }
    return status;
}

static Status suite_write_junit(const TestSuite *suite, Error *error)
{
    const char *path = cli_value(suite->cli, "junit");
    if (path == NULL)
        return OK;
    Buffer text = {0};
    test_report_junit(suite, &text);
    Status status = world_replace_file(suite->cli->world, path, buffer_str(&text), error);
    buffer_free(&text);
    return status;
}

static bool is_exported(const Cli *cli)
{
    return cli_has(cli, "export") || cli_has(cli, "answers");
}

static ExitCode suite_report(const TestSuite *suite)
{
    Buffer text = {0};
    Error error = {0};
    if (is_exported(suite->cli)) {
        if (test_export(suite, &text, &error) != OK) {
            buffer_free(&text);
            return report_failure(suite->cli, &error);
        }
    } else if (cli_has(suite->cli, "list"))
        test_list(suite, &text);
    else if (suite->cli->is_json)
        test_report_json(suite, &text);
    else
        test_report_text(suite, &text);
    ExitCode code = report_output(suite->cli, &text);
    buffer_free(&text);
    return code;
}

static void suite_close(TestSuite *suite)
{
    for (int32_t i = 0; i < suite->files.count; i++) {
        TestFile *file = LIST_AT(suite->files, i, TestFile);
        for (int32_t k = 0; k < file->trial->cases.count; k++)
            trial_result_free(&file->results[k]);
    }
}

static ExitCode suite_finish(TestSuite *suite)
{
    Error error = {0};
    ExitCode code = suite_report(suite);
    if (suite_write_junit(suite, &error) != OK)
        code = report_failure(suite->cli, &error);
    if (cli_has(suite->cli, "update") && suite_update(suite, &error) != OK)
        code = report_failure(suite->cli, &error);
    suite_close(suite);
    bool is_bad = suite->failed > 0 && !is_exported(suite->cli);
    return code == EXIT_OK && is_bad ? EXIT_CHECK_FAILED : code;
}

static bool test_backend(const Cli *cli, bool *is_spilling)
{
    const char *backend = cli_value(cli, "backend");
    *is_spilling = backend != NULL && strcmp(backend, "rocksdb") == 0;
    if (backend == NULL || *is_spilling || strcmp(backend, "hashmap") == 0)
        return true;
    (void)report_usage(cli, "WR7005", NULL, "`--backend %s`: it is `rocksdb` or `hashmap`",
                       backend);
    return false;
}

static ExitCode test_run(Cli *cli)
{
    TestSuite suite = {.cli = cli};
    Error error = {0};
    int64_t worker_count = sysconf(_SC_NPROCESSORS_ONLN);
    if (!cli_number(cli, "jobs", 1, &worker_count))
        return EXIT_BAD_USAGE;
    int64_t shard_count = 0;
    if (!cli_number(cli, "shards", 1, &shard_count))
        return EXIT_BAD_USAGE;
    bool is_spilling = false;
    if (!test_backend(cli, &is_spilling))
        return EXIT_BAD_USAGE;
    TrialOptions options = {.has_color = cli->has_color && !cli->is_json,
                            .has_answer = cli_has(cli, "answers"),
                            .is_batched = cli_has(cli, "batched"),
                            .is_resuming = cli_has(cli, "resume"),
                            .is_spilling = is_spilling,
                            .shard_count =
                                shard_count > SHARDS_MAX ? SHARDS_MAX : (int32_t)shard_count};
    for (int32_t i = 0; i < cli->arguments.count; i++)
        if (suite_add(&suite, LIST_AT(cli->arguments, i, const char), 0, &error) != OK)
            return report_failure(cli, &error);
    int32_t count = suite_choose(&suite);
    if (count == 0) {
        Status status = fail(&error, ERR_NOT_FOUND, "WR7021", "there is no such test");
        (void)status;
        return report_failure(cli, &error);
    }
    if (!cli->is_verbose)
        log_configure(LOG_ERROR, LOG_TEXT, false);
    if (!cli_has(cli, "list") && !cli_has(cli, "export"))
        suite_run(&suite, &options, count, worker_count);
    return suite_finish(&suite);
}

const Command test_command = {
    .name = "test",
    .arguments = "PATH...",
    .summary = "Test pipelines: rows fed, rows expected; no server needed.",
    .details =
        "Each PATH is a test file or a folder with files that end in .test. A file looks so:\n\n"
        "    === orders are counted by store\n"
        "    --- sql\n"
        "    CREATE TABLE orders (store INT);\n"
        "    SELECT store, COUNT(*) FROM orders GROUP BY store;\n"
        "    --- feed orders\n"
        "    (1)\n"
        "    (1)\n"
        "    --- expect changes\n"
        "    +I[1, 1]\n"
        "    -U[1, 1]\n"
        "    +U[1, 2]\n\n"
        "docs/testing.md tells all of it.",
    .flags = test_flags,
    .flag_count = sizeof test_flags / sizeof test_flags[0],
    .argument_min = 1,
    .argument_max = PATHS_MAX,
    .run = test_run,
};
