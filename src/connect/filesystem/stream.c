/* Plain, gzip and zstd files as one kind of stream. */
#include "connect/filesystem/stream.h"

#include <assert.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/memory.h"
#include "base/str.h"

enum {
    PACKED_BYTES = 256 * 1024,
    SKIP_BYTES = 64 * 1024,
    GZIP_WINDOW = 15 + 16, /* the largest window, with gzip's header */
};

typedef enum Packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD } Packing;

struct FileStream {
    World *world;
    File *file;
    const char *path;
    int64_t offset; /* next byte of the file itself */
    Packing packing;
    char *packed; /* input that is not unpacked yet: from packed_at to packed_end */
    int64_t packed_at, packed_end;
    bool is_file_read; /* nothing is left in the file */
    bool is_mid_frame; /* a member or frame has begun and not ended */
    z_stream gzip;
    ZSTD_DStream *zstd;
};

static Packing packing_of(Str path)
{
    if (str_has_suffix(path, STR(".gz")) || str_has_suffix(path, STR(".gzip")))
        return PACKING_GZIP;
    return str_has_suffix(path, STR(".zst")) ? PACKING_ZSTD : PACKING_NONE;
}

static Status stream_damaged(const FileStream *stream, Error *error)
{
    return fail(error, ERR_DECODE, "WR3403", "%s is not a whole %s file", stream->path,
                stream->packing == PACKING_GZIP ? "gzip" : "zstd");
}

static Status stream_fill(FileStream *stream, Error *error)
{
    if (stream->packed_at < stream->packed_end || stream->is_file_read)
        return OK;
    int64_t got;
    TRY(stream->world->kind->read_at(stream->file, stream->offset, stream->packed, PACKED_BYTES,
                                     &got, error));
    stream->offset += got;
    stream->packed_at = 0;
    stream->packed_end = got;
    stream->is_file_read = got < PACKED_BYTES;
    return OK;
}

/* One step of the unpacker; *got gets what came out, maybe nothing. */
static Status unpack_gzip(FileStream *stream, char *into, int64_t bytes, int64_t *got, Error *error)
{
    z_stream *gzip = &stream->gzip;
    int64_t in_bytes = stream->packed_end - stream->packed_at;
    gzip->next_in = (Bytef *)stream->packed + stream->packed_at;
    gzip->avail_in = (uInt)in_bytes;
    gzip->next_out = (Bytef *)into;
    gzip->avail_out = (uInt)bytes;
    int code = inflate(gzip, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR)
        memory_exhausted(0);
    stream->packed_at += in_bytes - (int64_t)gzip->avail_in;
    *got = bytes - (int64_t)gzip->avail_out;
    stream->is_mid_frame = code != Z_STREAM_END;
    if (code == Z_STREAM_END)
        code = inflateReset(gzip); /* members may follow one another */
    return code == Z_OK || code == Z_BUF_ERROR ? OK : stream_damaged(stream, error);
}

static Status unpack_zstd(FileStream *stream, char *into, int64_t bytes, int64_t *got, Error *error)
{
    ZSTD_inBuffer in = {stream->packed, (size_t)stream->packed_end, (size_t)stream->packed_at};
    ZSTD_outBuffer out = {into, (size_t)bytes, 0};
    size_t code = ZSTD_decompressStream(stream->zstd, &out, &in);
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
        memory_exhausted(0);
    stream->packed_at = (int64_t)in.pos;
    *got = (int64_t)out.pos;
    if (ZSTD_isError(code))
        return stream_damaged(stream, error);
    stream->is_mid_frame = code != 0;
    return OK;
}

static Status stream_unpack(FileStream *stream, char *into, int64_t bytes, int64_t *got,
                            Error *error)
{
    *got = 0;
    while (*got < bytes) {
        TRY(stream_fill(stream, error));
        bool is_input_done = stream->packed_at == stream->packed_end;
        if (is_input_done && !stream->is_mid_frame)
            return OK;
        int64_t more = 0;
        Status status = stream->packing == PACKING_GZIP
                            ? unpack_gzip(stream, into + *got, bytes - *got, &more, error)
                            : unpack_zstd(stream, into + *got, bytes - *got, &more, error);
        *got += more;
        TRY(status);
        if (is_input_done && more == 0 && stream->is_mid_frame)
            return stream_damaged(stream, error);
    }
    return OK;
}

Status stream_read(FileStream *stream, char *into, int64_t bytes, int64_t *got, Error *error)
{
    assert(bytes > 0 && bytes <= INT32_MAX);
    if (stream->packing != PACKING_NONE)
        return stream_unpack(stream, into, bytes, got, error);
    TRY(stream->world->kind->read_at(stream->file, stream->offset, into, bytes, got, error));
    stream->offset += *got;
    return OK;
}

static Status stream_skip(FileStream *stream, int64_t bytes, Error *error)
{
    if (stream->packing == PACKING_NONE) {
        stream->offset = bytes;
        return OK;
    }
    char *ignored = memory_allocate(SKIP_BYTES);
    Status status = OK;
    int64_t got = 1;
    while (bytes > 0 && status == OK && got > 0) {
        status = stream_read(stream, ignored, bytes < SKIP_BYTES ? bytes : SKIP_BYTES, &got, error);
        bytes -= status == OK ? got : 0;
    }
    memory_free(ignored);
    return status;
}

Status stream_open(World *world, const char *path, int64_t offset, FileStream **out, Error *error)
{
    File *file;
    TRY(world->kind->open(world, path, FILE_READ, &file, error));
    FileStream *stream = memory_allocate_zeroed(sizeof *stream);
    stream->world = world;
    stream->file = file;
    stream->path = path;
    stream->packing = packing_of(str_from(path));
    if (stream->packing != PACKING_NONE)
        stream->packed = memory_allocate(PACKED_BYTES);
    if (stream->packing == PACKING_GZIP) {
        int code = inflateInit2(&stream->gzip, GZIP_WINDOW);
        if (code == Z_MEM_ERROR)
            memory_exhausted(0);
        assert(code == Z_OK);
    } else if (stream->packing == PACKING_ZSTD) {
        stream->zstd = memory_expect(ZSTD_createDStream());
    }
    Status status = stream_skip(stream, offset, error);
    if (status != OK) {
        stream_close(stream);
        return status;
    }
    *out = stream;
    return OK;
}

int64_t stream_position(const FileStream *stream)
{
    return stream->offset;
}

bool stream_is_packed(const char *path)
{
    return packing_of(str_from(path)) != PACKING_NONE;
}

void stream_close(FileStream *stream)
{
    if (stream == NULL)
        return;
    if (stream->packing == PACKING_GZIP)
        inflateEnd(&stream->gzip);
    ZSTD_freeDStream(stream->zstd);
    (void)stream->world->kind->close(stream->file, NULL);
    memory_free(stream->packed);
    memory_free(stream);
}
