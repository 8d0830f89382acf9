/* Files that are read as a whole, row by row: parquet, avro. The same items as blocks.h gives, with
 * offsets that count rows. Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_BULK_H
#define WEIR_CONNECT_FILESYSTEM_BULK_H

#include "connect/filesystem/blocks.h"
#include "connect/filesystem/bulk_kind.h"
#include "connect/filesystem/layout.h"

/* Zero-initialise, then set kind, spec, world and layout. */
typedef struct BulkFiles {
    const BulkKind *kind; /* NULL: there are none */
    DecoderSpec spec;     /* without reject */
    World *world;
    const FileLayout *layout;
    List files; /* FoundFile, in order */
    int32_t next;
    const FoundFile *file;
    BulkReader *reader;
    BlocksReject *reject; /* while bulk_next goes on */
    void *reject_context;
    int64_t row;        /* of the file, delivered so far */
    int64_t first_row;  /* where the first file begins */
    FileMark mark;      /* of the file; of the first one before it is opened */
    bool passes_damage; /* as BlocksSpec's */
} BulkFiles;

void bulk_add(BulkFiles *bulk, Arena *arena, const FoundFile *file, int64_t offset,
              const FileMark *mark);

/* The next item; ERR_END when all files are delivered. */
Status bulk_next(BulkFiles *bulk, BlocksItem *out, BlocksReject *reject, void *context,
                 Error *error);
void bulk_close(BulkFiles *bulk);

#endif
