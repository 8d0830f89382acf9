/* zlib, snappy, lz4 and zstd behind one pair of calls. Unpacking goes by pieces, so that a few
 * bytes that claim to be gigabytes are found out at the limit. */
#include "log/codec.h"

#include <assert.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bigendian.h"
#include "base/memory.h"

enum {
    PIECE_BYTES = 64 * 1024,
    GZIP_WINDOW = 15 + 16,    /* zlib's way to say: with gzip's header */
    XERIAL_HEADER_BYTES = 16, /* magic, version, compatible version */
    XERIAL_BLOCK_BYTES = 32 * 1024,
};

static const char xerial_magic[8] = {(char)0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

/* Room for the next piece, at most up to one byte beyond the limit: whoever fills that is too
 * large. */
static char *piece_reserve(Buffer *out, int64_t start, int64_t bytes_max, int64_t *room)
{
    int64_t left = bytes_max + 1 - (out->length - start);
    *room = left < PIECE_BYTES ? left : PIECE_BYTES;
    return buffer_reserve(out, *room);
}

static bool is_within(const Buffer *out, int64_t start, int64_t bytes_max)
{
    return out->length - start <= bytes_max;
}

static bool gzip_unpack(Str packed, int64_t bytes_max, Buffer *out)
{
    z_stream stream = {.next_in = (Bytef *)packed.data, .avail_in = (uInt)packed.length};
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        memory_exhausted(0);
    int64_t start = out->length;
    int result = Z_OK;
    while (result == Z_OK && is_within(out, start, bytes_max)) {
        int64_t room;
        stream.next_out = (Bytef *)piece_reserve(out, start, bytes_max, &room);
        stream.avail_out = (uInt)room;
        result = inflate(&stream, Z_NO_FLUSH);
        out->length += room - stream.avail_out;
    }
    inflateEnd(&stream);
    if (result == Z_MEM_ERROR)
        memory_exhausted(0);
    return result == Z_STREAM_END && is_within(out, start, bytes_max);
}

static bool snappy_unpack_block(Str packed, int64_t bytes_max, Buffer *out)
{
    size_t length;
    if (snappy_uncompressed_length(packed.data, (size_t)packed.length, &length) != SNAPPY_OK ||
        length > (size_t)bytes_max)
        return false;
    char *into = buffer_reserve(out, (int64_t)length);
    if (snappy_uncompress(packed.data, (size_t)packed.length, into, &length) != SNAPPY_OK)
        return false;
    out->length += (int64_t)length;
    return true;
}

static bool snappy_unpack(Str packed, int64_t bytes_max, Buffer *out)
{
    if (!str_has_prefix(packed, str_make(xerial_magic, sizeof xerial_magic)))
        return snappy_unpack_block(packed, bytes_max, out);
    ByteReader reader = byte_reader(packed);
    byte_reader_take(&reader, XERIAL_HEADER_BYTES);
    int64_t start = out->length;
    while (!reader.is_short && byte_reader_left(&reader) > 0) {
        Str length = byte_reader_take(&reader, 4);
        Str block = reader.is_short ? (Str){0} : byte_reader_take(&reader, load_be32(length.data));
        if (reader.is_short || !snappy_unpack_block(block, bytes_max - (out->length - start), out))
            return false;
    }
    return !reader.is_short;
}

static bool lz4_unpack(Str packed, int64_t bytes_max, Buffer *out)
{
    LZ4F_dctx *context;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        memory_exhausted(0);
    int64_t start = out->length;
    size_t wanted = 1;
    bool is_good = true;
    while (is_good && wanted != 0 && is_within(out, start, bytes_max)) {
        int64_t room;
        char *into = piece_reserve(out, start, bytes_max, &room);
        size_t got = (size_t)room, taken = (size_t)packed.length;
        wanted = LZ4F_decompress(context, into, &got, packed.data, &taken, NULL);
        is_good = !LZ4F_isError(wanted) && (got > 0 || taken > 0);
        out->length += is_good ? (int64_t)got : 0;
        packed = str_make(packed.data + taken, packed.length - (int64_t)taken);
    }
    LZ4F_freeDecompressionContext(context);
    return is_good && wanted == 0 && is_within(out, start, bytes_max);
}

static bool zstd_unpack(Str packed, int64_t bytes_max, Buffer *out)
{
    ZSTD_DStream *stream = memory_expect(ZSTD_createDStream());
    ZSTD_inBuffer in = {.src = packed.data, .size = (size_t)packed.length};
    int64_t start = out->length;
    size_t wanted = 1;
    bool is_good = true;
    while (is_good && wanted != 0 && is_within(out, start, bytes_max)) {
        int64_t room;
        char *into = piece_reserve(out, start, bytes_max, &room);
        size_t taken_before = in.pos;
        ZSTD_outBuffer piece = {.dst = into, .size = (size_t)room};
        wanted = ZSTD_decompressStream(stream, &piece, &in);
        is_good = !ZSTD_isError(wanted) && (piece.pos > 0 || in.pos > taken_before);
        out->length += is_good ? (int64_t)piece.pos : 0;
    }
    ZSTD_freeDStream(stream);
    return is_good && wanted == 0 && is_within(out, start, bytes_max);
}

bool codec_unpack(Codec codec, Str packed, int64_t bytes_max, Buffer *out)
{
    int64_t start = out->length;
    bool is_good = false;
    switch (codec) {
    case CODEC_NONE:
        is_good = packed.length <= bytes_max;
        if (is_good)
            buffer_append_str(out, packed);
        break;
    case CODEC_GZIP: is_good = gzip_unpack(packed, bytes_max, out); break;
    case CODEC_SNAPPY: is_good = snappy_unpack(packed, bytes_max, out); break;
    case CODEC_LZ4: is_good = lz4_unpack(packed, bytes_max, out); break;
    case CODEC_ZSTD: is_good = zstd_unpack(packed, bytes_max, out); break;
    case CODEC_COUNT: break;
    }
    if (!is_good)
        out->length = start;
    return is_good;
}

/* ---- Packing --------------------------------------------------------------------------------- */

static void gzip_pack(Str plain, Buffer *out)
{
    z_stream stream = {.next_in = (Bytef *)plain.data, .avail_in = (uInt)plain.length};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        memory_exhausted(0);
    int64_t room = (int64_t)deflateBound(&stream, (uLong)plain.length);
    stream.next_out = (Bytef *)buffer_reserve(out, room);
    stream.avail_out = (uInt)room;
    int result = deflate(&stream, Z_FINISH);
    assert(result == Z_STREAM_END);
    out->length += room - stream.avail_out;
    deflateEnd(&stream);
}

static void snappy_pack(Str plain, Buffer *out)
{
    char *header = buffer_reserve(out, XERIAL_HEADER_BYTES);
    memcpy(header, xerial_magic, sizeof xerial_magic);
    store_be32(header + 8, 1);
    store_be32(header + 12, 1);
    out->length += XERIAL_HEADER_BYTES;
    for (int64_t at = 0; at < plain.length; at += XERIAL_BLOCK_BYTES) {
        int64_t left = plain.length - at;
        size_t length = (size_t)(left < XERIAL_BLOCK_BYTES ? left : XERIAL_BLOCK_BYTES);
        size_t packed = snappy_max_compressed_length(length);
        char *into = buffer_reserve(out, (int64_t)packed + 4);
        snappy_status status = snappy_compress(plain.data + at, length, into + 4, &packed);
        assert(status == SNAPPY_OK);
        store_be32(into, (uint32_t)packed);
        out->length += (int64_t)packed + 4;
    }
}

static void lz4_pack(Str plain, Buffer *out)
{
    size_t room = LZ4F_compressFrameBound((size_t)plain.length, NULL);
    char *into = buffer_reserve(out, (int64_t)room);
    size_t packed = LZ4F_compressFrame(into, room, plain.data, (size_t)plain.length, NULL);
    if (LZ4F_isError(packed))
        memory_exhausted(0);
    out->length += (int64_t)packed;
}

static void zstd_pack(Str plain, Buffer *out)
{
    size_t room = ZSTD_compressBound((size_t)plain.length);
    char *into = buffer_reserve(out, (int64_t)room);
    size_t packed =
        ZSTD_compress(into, room, plain.data, (size_t)plain.length, ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(packed))
        memory_exhausted(0);
    out->length += (int64_t)packed;
}

void codec_pack(Codec codec, Str plain, Buffer *out)
{
    switch (codec) {
    case CODEC_GZIP: gzip_pack(plain, out); return;
    case CODEC_SNAPPY: snappy_pack(plain, out); return;
    case CODEC_LZ4: lz4_pack(plain, out); return;
    case CODEC_ZSTD: zstd_pack(plain, out); return;
    case CODEC_NONE:
    case CODEC_COUNT: break;
    }
    buffer_append_str(out, plain);
}
