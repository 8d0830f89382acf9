#include "format/avro_codec.h"

#include <snappy-c.h>
#include <zlib.h>

#include "base/bigendian.h"
#include "base/memory.h"
#include "log/codec.h"

enum {
    PIECE_BYTES = 64 * 1024,
    RAW_WINDOW = -15, /* zlib's way to say: without a header */
    CHECKSUM_BYTES = 4,
    MEMORY_LEVEL = 8,
};

static const char *const NAMES[] = {"null", "deflate", "snappy", "zstandard"};

bool avro_codec_find(Str name, AvroCodec *out)
{
    for (int32_t i = 0; i < (int32_t)(sizeof NAMES / sizeof NAMES[0]); i++) {
        if (!str_is(name, NAMES[i]))
            continue;
        *out = (AvroCodec)i;
        return true;
    }
    return false;
}

const char *avro_codec_name(AvroCodec codec)
{
    return NAMES[codec];
}

/* ---- Deflate --------------------------------------------------------------------------------- */

static bool inflate_all(Str packed, int64_t bytes_max, Buffer *out)
{
    z_stream stream = {.next_in = (Bytef *)packed.data, .avail_in = (uInt)packed.length};
    int64_t start = out->length;
    int result = Z_OK;
    if (inflateInit2(&stream, RAW_WINDOW) != Z_OK)
        memory_exhausted(0);
    while (result == Z_OK && out->length - start <= bytes_max) {
        stream.next_out = (Bytef *)buffer_reserve(out, PIECE_BYTES);
        stream.avail_out = PIECE_BYTES;
        result = inflate(&stream, Z_NO_FLUSH);
        out->length += PIECE_BYTES - stream.avail_out;
    }
    bool is_whole = result == Z_STREAM_END; /* some leave a part of zlib's checksum behind it */
    inflateEnd(&stream);
    if (result == Z_MEM_ERROR)
        memory_exhausted(0);
    return is_whole && out->length - start <= bytes_max;
}

static void deflate_all(Str plain, Buffer *out)
{
    z_stream stream = {.next_in = (Bytef *)plain.data, .avail_in = (uInt)plain.length};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_WINDOW, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        memory_exhausted(0);
    int64_t room = (int64_t)deflateBound(&stream, (uLong)plain.length);
    stream.next_out = (Bytef *)buffer_reserve(out, room);
    stream.avail_out = (uInt)room;
    deflate(&stream, Z_FINISH); /* there is room for all of it */
    out->length += room - stream.avail_out;
    deflateEnd(&stream);
}

/* ---- Snappy ---------------------------------------------------------------------------------- */

static uint32_t checksum(const char *bytes, int64_t length)
{
    return (uint32_t)crc32_z(0, (const Bytef *)bytes, (z_size_t)length);
}

static bool unsnap(Str packed, int64_t bytes_max, Buffer *out)
{
    size_t length;
    if (packed.length < CHECKSUM_BYTES)
        return false;
    size_t inner = (size_t)(packed.length - CHECKSUM_BYTES);
    if (snappy_uncompressed_length(packed.data, inner, &length) != SNAPPY_OK ||
        length > (size_t)bytes_max)
        return false;
    char *to = buffer_reserve(out, (int64_t)length);
    if (snappy_uncompress(packed.data, inner, to, &length) != SNAPPY_OK ||
        checksum(to, (int64_t)length) != load_be32(packed.data + inner))
        return false;
    out->length += (int64_t)length;
    return true;
}

static void snap(Str plain, Buffer *out)
{
    size_t length = snappy_max_compressed_length((size_t)plain.length);
    char sum[CHECKSUM_BYTES];
    char *to = buffer_reserve(out, (int64_t)length);
    snappy_compress(plain.data, (size_t)plain.length, to, &length); /* there is room */
    out->length += (int64_t)length;
    store_be32(sum, checksum(plain.data, plain.length));
    buffer_append(out, sum, sizeof sum);
}

/* ---- Any ------------------------------------------------------------------------------------- */

bool avro_codec_unpack(AvroCodec codec, Str packed, int64_t bytes_max, Buffer *out)
{
    switch (codec) {
    case AVRO_CODEC_DEFLATE: return inflate_all(packed, bytes_max, out);
    case AVRO_CODEC_SNAPPY: return unsnap(packed, bytes_max, out);
    case AVRO_CODEC_ZSTANDARD: return codec_unpack(CODEC_ZSTD, packed, bytes_max, out);
    case AVRO_CODEC_NULL: break;
    }
    buffer_append_str(out, packed);
    return packed.length <= bytes_max;
}

void avro_codec_pack(AvroCodec codec, Str plain, Buffer *out)
{
    switch (codec) {
    case AVRO_CODEC_DEFLATE: deflate_all(plain, out); return;
    case AVRO_CODEC_SNAPPY: snap(plain, out); return;
    case AVRO_CODEC_ZSTANDARD: codec_pack(CODEC_ZSTD, plain, out); return;
    case AVRO_CODEC_NULL: break;
    }
    buffer_append_str(out, plain);
}
