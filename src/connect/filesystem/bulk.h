/* Files that are read as a whole, row by row: parquet. The same items as blocks.h gives, with
 * offsets that count rows. Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_BULK_H
#define WEIR_CONNECT_FILESYSTEM_BULK_H

#include "connect/filesystem/blocks.h"
#include "connect/filesystem/layout.h"
#include "lake/parquet.h"

/* Zero-initialise, then set world and layout. */
typedef struct BulkFiles {
    World *world;
    const FileLayout *layout;
    List files; /* FoundFile, in order */
    int32_t next;
    const FoundFile *file;
    ParquetReader *reader;
    int64_t row;        /* of the file, delivered so far */
    int64_t first_row;  /* where the first file begins */
    FileMark mark;      /* of the file; of the first one before it is opened */
    bool passes_damage; /* as BlocksSpec's */
} BulkFiles;

void bulk_add(BulkFiles *bulk, Arena *arena, const FoundFile *file, int64_t offset,
              const FileMark *mark);

/* The next item; ERR_END when all files are delivered. */
Status bulk_next(BulkFiles *bulk, Arena *arena, BlocksItem *out, BlocksReject *reject,
                 void *context, Error *error);
void bulk_close(BulkFiles *bulk);

#endif
