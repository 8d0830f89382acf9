/* The compressions that record batches know, as bytes to bytes. */
#ifndef WEIR_LOG_CODEC_H
#define WEIR_LOG_CODEC_H

#include "base/buffer.h"
#include "base/status.h"

/* Numbers as in the attributes of a batch. */
typedef enum Codec {
    CODEC_NONE,
    CODEC_GZIP,
    CODEC_SNAPPY, /* as snappy-java frames it, or bare */
    CODEC_LZ4,    /* the frame format */
    CODEC_ZSTD,
    CODEC_COUNT,
} Codec;

/* Append what `packed` unpacks to. False, with `out` as it was, if it is damaged or would be larger
 * than `bytes_max`: no more than that is ever held. */
bool codec_unpack(Codec codec, Str packed, int64_t bytes_max, Buffer *out);

/* Append `plain`, packed. */
void codec_pack(Codec codec, Str plain, Buffer *out);

#endif
