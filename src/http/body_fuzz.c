/* A body that comes packed, as of a POST with `Content-Encoding: gzip`: unpacked up to the limit or
 * refused, whatever it would have become. The first byte says how much may come out. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "http/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { UNIT_BYTES = 4096, STEP_BYTES = 64 * 1024 };
    if (size == 0)
        return 0;
    Buffer out = {0};
    int64_t bytes_max = (int64_t)data[0] * UNIT_BYTES;
    buffer_append_text(&out, "before");
    Status status =
        request_unpack(str_make((const char *)data + 1, (int64_t)size - 1), bytes_max, &out);
    int64_t unpacked = out.length - (int64_t)strlen("before");
    assert(status == OK || status == ERR_DECODE || status == ERR_LIMIT);
    assert(status != OK || unpacked <= bytes_max);
    assert(unpacked <= bytes_max + STEP_BYTES);
    buffer_free(&out);
    return 0;
}
