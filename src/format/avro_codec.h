/* How blocks of Avro's files are packed. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_CODEC_H
#define WEIR_FORMAT_AVRO_CODEC_H

#include "base/buffer.h"

typedef enum AvroCodec {
    AVRO_CODEC_NULL,
    AVRO_CODEC_DEFLATE, /* without a header */
    AVRO_CODEC_SNAPPY,  /* and behind it the CRC-32 of what was packed */
    AVRO_CODEC_ZSTANDARD,
} AvroCodec;

/* "null", "deflate", "snappy", "zstandard". */
bool avro_codec_find(Str name, AvroCodec *out);
const char *avro_codec_name(AvroCodec codec);

/* Append what it unpacks to. False: it is damaged, or has more than `bytes_max`. */
bool avro_codec_unpack(AvroCodec codec, Str packed, int64_t bytes_max, Buffer *out);
void avro_codec_pack(AvroCodec codec, Str plain, Buffer *out);

#endif
