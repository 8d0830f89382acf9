/* A batch from outside: it is taken or refused, and what is taken comes out again record by record;
 * written anew it says the same. */
#include <assert.h>
#include <stddef.h>

#include "log/batch_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(Str batch)
{
    Buffer scratch = {0}, again = {0}, before = {0}, after = {0};
    RecordReader reader;
    bool is_open = record_reader_open(&reader, batch, &scratch);
    assert(is_open);
    BatchWriter writer;
    batch_begin(&writer, &again, &reader.header);
    for (Record record; record_read(&reader, &record);)
        batch_add(&writer, &record);
    assert(!reader.is_damaged);
    batch_finish(&writer);
    test_print(batch, &before);
    test_print(buffer_str(&again), &after);
    assert(str_equal(buffer_str(&before), buffer_str(&after)));
    buffer_free(&scratch);
    buffer_free(&again);
    buffer_free(&before);
    buffer_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Buffer bytes = {0}, scratch = {0};
    buffer_append(&bytes, data, (int64_t)size);
    BatchHeader header;
    if (batch_read_header(buffer_str(&bytes), &header) && header.bytes == bytes.length) {
        /* Else nothing would ever get beyond the checksum. */
        batch_write_header(bytes.data, bytes.length, &header);
        if (batch_find_fault(buffer_str(&bytes), &header, false, &scratch) == NULL)
            write_again(buffer_str(&bytes));
    }
    buffer_free(&bytes);
    buffer_free(&scratch);
    return 0;
}
