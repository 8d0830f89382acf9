/* Files of Avro, read in pieces. */
#include "base/testing.h"

#include <stdlib.h>
#include <unistd.h>

#include "format/avro_file.h"
#include "format/format_testing.h"

enum { RECORDS = 1000, CAPACITY = 64 };

static int32_t rejected;

static void reject(void *context, int64_t offset, Str record, const char *code, const char *reason)
{
    (void)context;
    (void)record;
    (void)code;
    (void)reason;
    assert_int_equal(offset, rejected);
    rejected++;
}

static OptionSet no_options(void)
{
    static const char *const pairs[] = {NULL};
    return (OptionSet){.format = &format_find(STR("avro"))->info, .pairs = pairs};
}

/* Of one column, with a number that is no SMALLINT. */
static void write_file(const char *path)
{
    const Field field = {STR("n"), type_simple(TYPE_INT)};
    const Schema schema = {.fields = &field, .count = 1};
    const int32_t column = 0;
    OptionSet options = no_options();
    EncoderSpec spec = {.record = &schema,
                        .columns = &column,
                        .world = world_system(),
                        .options = &options,
                        .prefix = "avro."};
    AvroFileWriter *writer;
    assert_int_equal(avro_file_writer_open(&spec, &writer, NULL), OK);
    Batch *batch = batch_new(&schema, 1);
    value_set(&batch->columns[0], batch->arena, 0, 1,
              &(Value){.type = field.type, .integer = 40000});
    batch->row_count = 1;
    batch_select_all(batch);
    for (int32_t i = 0; i < RECORDS; i++)
        assert_null(avro_file_write(writer, batch, 0));
    batch_free(batch);
    assert_int_equal(avro_file_finish(writer, path, NULL), OK);
    avro_file_writer_free(writer);
}

/* Or the reader could not be stopped, and would say nothing for as long as the file is. */
static void rejected_records_count(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-avro-XXXXXX";
    const Field field = {STR("n"), type_simple(TYPE_SMALLINT)};
    const Schema schema = {.fields = &field, .count = 1};
    const int32_t column = 0;
    OptionSet options = no_options();
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    write_file(path);
    DecoderSpec spec = {.record = &schema,
                        .columns = &column,
                        .column_count = 1,
                        .world = world_system(),
                        .options = &options,
                        .prefix = "avro.",
                        .reject = reject};
    AvroFileReader *reader;
    assert_int_equal(avro_file_open(&spec, path, 0, &reader, NULL), OK);
    Batch *batch = batch_new(&schema, CAPACITY);
    int64_t taken, total = 0;
    rejected = 0;
    while (avro_file_next(reader, batch, CAPACITY, &taken, NULL) == OK) {
        assert_true(taken > 0 && taken <= CAPACITY);
        assert_int_equal(batch->row_count, 0);
        total += taken;
        assert_int_equal(rejected, total);
    }
    assert_int_equal(total + taken, RECORDS);
    assert_true(taken <= CAPACITY);
    batch_free(batch);
    avro_file_close(reader);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rejected_records_count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
