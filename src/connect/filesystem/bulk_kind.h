/* Formats whose files are read and written as a whole, behind one face. Private to
 * connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_BULK_KIND_H
#define WEIR_CONNECT_FILESYSTEM_BULK_KIND_H

#include "format/format.h"

typedef struct BulkReader BulkReader; /* a file that is read */
typedef struct BulkWriter BulkWriter; /* a file to be, in memory */

/* Rows that a file has no form for. */
typedef struct BulkRefuse {
    void (*take)(void *context, int32_t row, const char *reason);
    void *context;
} BulkRefuse;

typedef struct BulkKind {
    const char *format;
    /* WR3504, WR3505: files cannot have these columns. */
    Status (*check)(Arena *arena, const EncoderSpec *spec, Error *error);
    Status (*writer_open)(const EncoderSpec *spec, BulkWriter **out, Error *error);
    /* Add the rows; the columns are those of the spec. */
    Status (*append)(BulkWriter *writer, const Batch *batch, Selection rows,
                     const BulkRefuse *refuse, Error *error);
    /* About how much memory the rows take. */
    int64_t (*bytes)(const BulkWriter *writer);
    /* Write the file. ERR_FULL, retriable: there is no room. Not synced. */
    Status (*finish)(BulkWriter *writer, const char *path, Error *error);
    void (*writer_free)(BulkWriter *writer); /* NULL is allowed */

    /* The spec's columns of the file, behind so many records. */
    Status (*reader_open)(const DecoderSpec *spec, const char *path, int64_t skip_records,
                          BulkReader **out, Error *error);
    /* The next rows appended to the owned batch; *taken: how many records they were, with those
     * that were left out. ERR_END. */
    Status (*next)(BulkReader *reader, Batch *into, int32_t capacity, int64_t *taken, Error *error);
    void (*reader_free)(BulkReader *reader); /* NULL is allowed */
} BulkKind;

/* Of the format, or NULL: its files are read record by record. */
const BulkKind *bulk_kind_find(const FormatInfo *format);

#endif
