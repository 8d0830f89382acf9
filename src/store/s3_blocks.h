/* What was read last, so that many small reads in a row are few requests.
 *
 * State comes back in pieces of some hundred kilobytes, of several threads at a time; a request
 * takes as long as some megabytes. A small read fetches all of the block that it lies in, and a few
 * blocks are kept until something is written or removed. Large reads pass by. */
#ifndef WEIR_STORE_S3_BLOCKS_H
#define WEIR_STORE_S3_BLOCKS_H

#include "store/s3_client.h"

typedef struct S3Blocks S3Blocks;

/* The client must outlive it. */
S3Blocks *s3_blocks_new(S3Client *client);
void s3_blocks_free(S3Blocks *blocks);

/* As store_read_at. Safe from any thread. */
Status s3_blocks_read(S3Blocks *blocks, const char *key, int64_t offset, int64_t bytes, Buffer *out,
                      Error *error);

/* Objects change. */
void s3_blocks_forget(S3Blocks *blocks);

#endif
