/* Any bytes as a file of Avro: no crash, no end without an end, and as many records at the second
 * reading as at the first, also when it begins behind some of them. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/avro_file.h"
#include "format/format_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 200000 };

static void ignore(void *context, int64_t offset, Str record, const char *code, const char *reason)
{
    (void)context, (void)offset, (void)record, (void)code, (void)reason;
}

/* How many records there are behind the first `skip`; -1: it does not open there. */
static int64_t read_all(const DecoderSpec *spec, const char *path, int64_t skip)
{
    AvroFileReader *reader;
    int64_t count = 0, taken;
    Status status = OK;
    if (avro_file_open(spec, path, skip, &reader, NULL) != OK)
        return -1;
    while (status == OK && count < RECORDS_MAX) {
        Batch *batch = batch_new(spec->record, 100);
        status = avro_file_next(reader, batch, 100, &taken, NULL);
        count += taken;
        batch_free(batch);
    }
    avro_file_close(reader);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Field fields[] = {{STR("id"), type_simple(TYPE_INT)}, {STR("t"), type_string()}};
    Schema schema = {.fields = fields, .count = 2};
    const int32_t columns[] = {0, 1};
    char path[64];
    int file = memfd_create("avro", 0);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const char *const pairs[] = {NULL};
    OptionSet options = {.format = &format_find(STR("avro"))->info, .pairs = pairs};
    DecoderSpec spec = {.record = &schema,
                        .columns = columns,
                        .column_count = 2,
                        .world = world_system(),
                        .options = &options,
                        .prefix = "avro.",
                        .reject = ignore};
    int64_t all = read_all(&spec, path, 0);
    if (all > 1 && all < RECORDS_MAX && read_all(&spec, path, all / 2) != all - all / 2)
        abort();
    close(file);
    return 0;
}
