/* A handful of blocks, the one used longest ago goes first. */
#include "store/s3_blocks.h"

#include <assert.h>
#include <pthread.h>

#include "base/memory.h"

enum { BLOCK_BYTES = 8 * 1024 * 1024, BLOCKS_KEPT = 4 };

typedef struct Block {
    char *key; /* NULL: free */
    int64_t offset;
    int64_t used; /* when, on a clock that counts uses */
    Buffer bytes; /* fewer than BLOCK_BYTES at the end of the object */
} Block;

struct S3Blocks {
    S3Client *client;
    pthread_mutex_t mutex; /* guards what follows */
    Block blocks[BLOCKS_KEPT];
    int64_t clock;
    int64_t forgotten; /* how often */
};

S3Blocks *s3_blocks_new(S3Client *client)
{
    S3Blocks *blocks = memory_allocate_zeroed((int64_t)sizeof *blocks);
    blocks->client = client;
    pthread_mutex_init(&blocks->mutex, NULL);
    return blocks;
}

static void block_clear(Block *block)
{
    memory_free(block->key);
    buffer_free(&block->bytes);
    *block = (Block){0};
}

void s3_blocks_free(S3Blocks *blocks)
{
    for (int32_t i = 0; i < BLOCKS_KEPT; i++)
        block_clear(&blocks->blocks[i]);
    pthread_mutex_destroy(&blocks->mutex);
    memory_free(blocks);
}

void s3_blocks_forget(S3Blocks *blocks)
{
    pthread_mutex_lock(&blocks->mutex);
    blocks->forgotten++;
    for (int32_t i = 0; i < BLOCKS_KEPT; i++)
        block_clear(&blocks->blocks[i]);
    pthread_mutex_unlock(&blocks->mutex);
}

static Status fetch(const S3Blocks *blocks, const char *key, int64_t offset, int64_t bytes,
                    Buffer *out, Error *error)
{
    S3Request request = {.method = "GET", .key = key, .offset = offset, .bytes = bytes};
    S3Reply reply = {0};
    Status status = s3_send(blocks->client, &request, &reply, error);
    if (status == OK)
        buffer_append_str(out, buffer_str(&reply.body));
    s3_reply_free(&reply);
    return status;
}

/* What `block` has of the bytes from `offset` on. */
static void block_take(const Block *block, int64_t offset, int64_t bytes, Buffer *out)
{
    int64_t from = offset - block->offset;
    int64_t there = block->bytes.length - from;
    if (there > 0)
        buffer_append(out, block->bytes.data + from, there < bytes ? there : bytes);
}

static bool blocks_find(S3Blocks *blocks, const char *key, int64_t offset, int64_t bytes,
                        Buffer *out)
{
    int64_t start = offset / BLOCK_BYTES * BLOCK_BYTES;
    bool is_found = false;
    pthread_mutex_lock(&blocks->mutex);
    for (int32_t i = 0; i < BLOCKS_KEPT && !is_found; i++) {
        Block *block = &blocks->blocks[i];
        is_found = block->key != NULL && block->offset == start && strcmp(block->key, key) == 0;
        if (is_found) {
            block->used = ++blocks->clock;
            block_take(block, offset, bytes, out);
        }
    }
    pthread_mutex_unlock(&blocks->mutex);
    return is_found;
}

/* Unless something has changed since it was asked for. Takes the bytes over. */
static void blocks_keep(S3Blocks *blocks, const char *key, Block *block, int64_t forgotten)
{
    pthread_mutex_lock(&blocks->mutex);
    Block *place = &blocks->blocks[0];
    for (int32_t i = 1; i < BLOCKS_KEPT; i++)
        if (blocks->blocks[i].used < place->used)
            place = &blocks->blocks[i];
    if (blocks->forgotten == forgotten) {
        int64_t length = (int64_t)strlen(key) + 1;
        block->key = memory_allocate(length);
        memcpy(block->key, key, (size_t)length);
        block->used = ++blocks->clock;
        block_clear(place);
        *place = *block;
        *block = (Block){0};
    }
    pthread_mutex_unlock(&blocks->mutex);
    block_clear(block);
}

/* A read that lies within one block. */
static Status blocks_read_within(S3Blocks *blocks, const char *key, int64_t offset, int64_t bytes,
                                 Buffer *out, Error *error)
{
    if (blocks_find(blocks, key, offset, bytes, out))
        return OK;
    pthread_mutex_lock(&blocks->mutex);
    int64_t forgotten = blocks->forgotten;
    pthread_mutex_unlock(&blocks->mutex);
    Block block = {.offset = offset / BLOCK_BYTES * BLOCK_BYTES};
    Status status = fetch(blocks, key, block.offset, BLOCK_BYTES, &block.bytes, error);
    if (status != OK) {
        block_clear(&block);
        return status;
    }
    block_take(&block, offset, bytes, out);
    blocks_keep(blocks, key, &block, forgotten);
    return OK;
}

Status s3_blocks_read(S3Blocks *blocks, const char *key, int64_t offset, int64_t bytes, Buffer *out,
                      Error *error)
{
    assert(bytes > 0);
    if (bytes >= BLOCK_BYTES / 2)
        return fetch(blocks, key, offset, bytes, out, error);
    int64_t left = BLOCK_BYTES - offset % BLOCK_BYTES;
    int64_t first = bytes < left ? bytes : left;
    int64_t before = out->length;
    TRY(blocks_read_within(blocks, key, offset, first, out, error));
    if (first == bytes || out->length - before < first)
        return OK;
    return blocks_read_within(blocks, key, offset + first, bytes - first, out, error);
}
