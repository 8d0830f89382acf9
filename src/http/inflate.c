/* Bodies that come packed. */
#include <zlib.h>

#include "http/internal.h"

enum { STEP_BYTES = 64 * 1024, GZIP_WINDOW = 15 + 16 };

Status request_unpack(Str packed, int64_t bytes_max, Buffer *out)
{
    z_stream stream = {.next_in = (Bytef *)packed.data, .avail_in = (uInt)packed.length};
    if (packed.length > UINT32_MAX || inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return ERR_DECODE;
    Status status = OK;
    int code = Z_OK;
    int64_t start = out->length;
    while (status == OK && code != Z_STREAM_END) {
        stream.next_out = (Bytef *)buffer_reserve(out, STEP_BYTES);
        stream.avail_out = STEP_BYTES;
        code = inflate(&stream, Z_NO_FLUSH);
        out->length += STEP_BYTES - (int64_t)stream.avail_out;
        if (code != Z_OK && code != Z_STREAM_END)
            status = ERR_DECODE;
        else if (out->length - start > bytes_max)
            status = ERR_LIMIT;
    }
    /* What follows the end is not ours to guess at. */
    if (status == OK && stream.avail_in > 0)
        status = ERR_DECODE;
    inflateEnd(&stream);
    return status;
}
