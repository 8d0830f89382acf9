/* One file being written: hidden until it is committed.
 *
 *     writing ──part_close──► closed, synced ──part_publish──► visible
 *
 * What is written goes to memory first, so taking rows cannot fail; part_flush carries it to the
 * file and may be repeated after a failure. Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_PART_H
#define WEIR_CONNECT_FILESYSTEM_PART_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "base/world.h"
#include "connect/filesystem/bulk_kind.h"

typedef struct Part {
    World *world;
    Str partition;      /* "day=2024-01-02/store=1", or empty */
    const char *folder; /* where the file lies */
    const char *hidden; /* its path while it is written */
    const char *final;  /* its path afterwards */
    File *file;         /* NULL: not open */
    Buffer buffer;      /* not in the file yet */
    int64_t file_bytes; /* of the file that count; behind them there may be rubbish */
    bool is_torn;       /* there may be: cut the file before the next write */
    bool is_synced;     /* file_bytes are durable */
    bool is_listed;     /* its folder durably holds it */
    int64_t opened_us, written_us;
    const BulkKind *kind; /* of a bulk format; NULL: it is none */
    BulkWriter *bulk;     /* until it is written; then `file` and `buffer` are not used */
} Part;

/* Write the buffer to the file. ERR_FULL is retriable. */
Status part_flush(Part *part, Error *error);

/* Give the file's descriptor back until there is more to write. */
Status part_rest(Part *part, Error *error);

/* Flush and make durable. A failed sync is not retriable: the file cannot be trusted. */
Status part_sync(Part *part, Error *error);

/* The file is complete and durable. */
Status part_close(Part *part, Error *error);

/* The status as it is; of a full disk the error says that it may be tried again. */
Status part_retriable(Status status, Error *error);

/* WR3412: what was in progress is not there any more, or not all of it. */
Status part_fail_gone(const char *hidden, Error *error);

/* Rename a closed file into view. The folder is not synced. */
Status part_publish(World *world, const char *hidden, const char *final, Error *error);

/* Bytes the file would have now. */
int64_t part_bytes(const Part *part);

/* Let go of memory and descriptors; files stay as they are. */
void part_free(Part *part);

#endif
