/* Tables for the tests of connect/filesystem/: a scratch folder, options, and a source or sink on
 * them, driven by hand as the runtime drives them. */
#ifndef WEIR_CONNECT_FILESYSTEM_FILESYSTEM_TESTING_H
#define WEIR_CONNECT_FILESYSTEM_FILESYSTEM_TESTING_H

#include "base/testing.h"

#include <stdlib.h>

#include "base/testing.h"

#include "base/memory.h"
#include "connect/connect.h"
#include "connect/filesystem/internal.h"
#include "connect/filesystem/paths.h"
#include "data/value.h"
#include "format/format.h"

extern const Connector filesystem_connector;

typedef struct TestTable {
    Arena *arena;
    char folder[64];
    PlanTable table;
    PlanNode node;
    DeadLetters *letters;
} TestTable;

static void test_report(void *context, const OptionEntry *entry, const char *code,
                        const char *message, const char *help)
{
    (void)context, (void)help;
    fail_msg("%.*s: %s %s", STR_ARGS(entry->key), code, message);
}

/* `options`: key, value, …, NULL. All columns are read and written in their order; the last
 * `partitions` of them are the partition. */
static inline TestTable *test_table(const Schema *schema, int32_t partitions, const char *format,
                                    const char *const *options)
{
    Arena *arena = arena_new(0);
    TestTable *test = ARENA_NEW(arena, TestTable);
    test->arena = arena;
    memcpy(test->folder, "/tmp/weir-filesystem-XXXXXX", 28);
    assert_non_null(mkdtemp(test->folder));
    OptionEntry entries[16] = {{.key = STR("path"), .value = str_from(test->folder)}};
    int32_t count = 1;
    for (; options != NULL && *options != NULL; options += 2)
        entries[count++] =
            (OptionEntry){.key = str_from(options[0]), .value = str_from(options[1])};
    const FormatInfo *info = &format_find(str_from(format))->info;
    const ConnectorInfo *connector = filesystem_connector.info;
    OptionTable *tables = ARENA_ARRAY(arena, OptionTable, 2);
    tables[0] = (OptionTable){connector->options, connector->option_count, ""};
    tables[1] =
        (OptionTable){info->options, info->option_count, arena_printf(arena, "%s.", format)};
    OptionSet *set;
    OptionRequest request = {.entries = arena_copy(arena, entries, sizeof entries),
                             .entry_count = count,
                             .tables = tables,
                             .table_count = 2,
                             .owner = "filesystem",
                             .report = test_report};
    assert_int_equal(options_bind(arena, &request, &set), OK);
    int32_t *columns = ARENA_ARRAY(arena, int32_t, schema->count);
    for (int32_t i = 0; i < schema->count; i++)
        columns[i] = i;
    test->table = (PlanTable){.name = STR("t"),
                              .connector = connector,
                              .options = {.options = set, .format = info},
                              .physical = *schema,
                              .partition = columns + schema->count - partitions,
                              .partition_count = partitions};
    test->node = (PlanNode){.schema = *schema};
    test->letters = deadletters_open(world_system(), NULL);
    return test;
}

static inline void test_drop(TestTable *test)
{
    deadletters_close(test->letters);
    assert_int_equal(world_remove_tree(world_system(), test->folder, NULL), OK);
    arena_free(test->arena);
}

static inline SourceReader *test_reader(TestTable *test)
{
    SourceReader *reader = arena_allocate_zeroed(test->arena, filesystem_source.size);
    int32_t *columns = ARENA_ARRAY(test->arena, int32_t, test->node.schema.count);
    for (int32_t i = 0; i < test->node.schema.count; i++)
        columns[i] = i < test->table.physical.count ? i : test->table.physical.count - i - 1;
    test->node.source.table = &test->table;
    test->node.source.columns = columns;
    reader->kind = &filesystem_source;
    reader->node = &test->node;
    reader->world = world_system();
    reader->arena = test->arena;
    reader->dead_letters = test->letters;
    reader->zone = timezone_utc();
    return reader;
}

static inline Status test_source_try(TestTable *test, Str state, int32_t threads,
                                     SourceReader **out, Error *error)
{
    *out = test_reader(test);
    (*out)->decode_threads = threads;
    return filesystem_source.open(*out, state, error);
}

static inline SourceReader *test_source_helped(TestTable *test, int32_t helpers,
                                               void (*call)(const void *context),
                                               const void *context)
{
    SourceReader *reader = test_reader(test);
    reader->decode_threads = helpers;
    reader->helper_count = helpers;
    reader->call_helpers = call;
    reader->call_context = context;
    Error error = {0};
    if (filesystem_source.open(reader, (Str){0}, &error) != OK)
        fail_msg("%s", error.text);
    return reader;
}

static inline SourceReader *test_source(TestTable *test, Str state, int32_t threads)
{
    Error error = {0};
    SourceReader *reader;
    if (test_source_try(test, state, threads, &reader, &error) != OK)
        fail_msg("%s", error.text);
    return reader;
}

static inline SinkWriter *test_sink_with(TestTable *test, Str state, const char *notes)
{
    SinkWriter *writer = arena_allocate_zeroed(test->arena, filesystem_sink.size);
    int32_t *writes = ARENA_ARRAY(test->arena, int32_t, test->node.schema.count);
    for (int32_t i = 0; i < test->node.schema.count; i++)
        writes[i] = i;
    test->node.sink.table = &test->table;
    test->node.sink.writes = writes;
    writer->kind = &filesystem_sink;
    writer->node = &test->node;
    writer->world = world_system();
    writer->arena = test->arena;
    writer->zone = timezone_utc();
    writer->subtask_count = 1;
    writer->notes = notes;
    test->node.uid = "sink";
    Error error = {0};
    if (filesystem_sink.open(writer, state, &error) != OK)
        fail_msg("%s", error.text);
    return writer;
}

static inline SinkWriter *test_sink(TestTable *test, Str state)
{
    return test_sink_with(test, state, NULL);
}

static inline SinkWriter *test_sink_of(TestTable *test, const char *notes)
{
    return test_sink_with(test, (Str){0}, notes);
}

/* Rows as text, "a|b\n", until the end or `rows` of them. */
static inline Status test_read(SourceReader *reader, Buffer *out, int64_t rows)
{
    Error error = {0};
    Status status = OK;
    while (rows > 0) {
        Batch *batch = NULL;
        status = reader->kind->poll(reader, &batch, &error);
        if (status == ERR_AGAIN)
            continue;
        if (status != OK)
            break;
        for (int32_t row = 0; row < batch->row_count; row++) {
            for (int32_t c = 0; c < batch->column_count; c++) {
                Value value = value_get(&batch->columns[c], row);
                buffer_append_text(out, c > 0 ? "|" : "");
                value_print(out, &value, VALUE_PLAIN, NULL);
            }
            buffer_append_char(out, '\n');
        }
        rows -= batch->row_count;
        batch_free(batch);
    }
    return status;
}

static inline void test_put(const TestTable *test, const char *name, Str content)
{
    World *world = world_system();
    Arena *arena = arena_new(0);
    char *path = arena_printf(arena, "%s/%s", test->folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(world->kind->make_folder(world, path, NULL), OK);
    *slash = '/';
    assert_int_equal(world_replace_file(world, path, content, NULL), OK);
    arena_free(arena);
}

/* What readers see: "relative: content" of every visible file, names cut at "part-". */
static inline void test_list(const TestTable *test, bool with_hidden, Buffer *out)
{
    World *world = world_system();
    Arena *arena = arena_new(0);
    List files = {0};
    Status status = with_hidden ? paths_find_hidden(world, arena, test->folder, &files, NULL)
                                : paths_find(world, arena, test->folder, &files, NULL);
    assert_int_equal(status, OK);
    for (int32_t i = 0; i < files.count; i++) {
        const FoundFile *file = LIST_AT(files, i, FoundFile);
        Str content;
        assert_int_equal(world_read_file(world, file->path, 1 << 26, arena, &content, NULL), OK);
        int64_t part = str_find(file->relative, STR("part-"));
        Str name = str_make(file->relative.data, part < 0 ? file->relative.length : part);
        buffer_printf(out, "%.*s: %.*s", STR_ARGS(name), STR_ARGS(content));
    }
    arena_free(arena);
}

#endif
