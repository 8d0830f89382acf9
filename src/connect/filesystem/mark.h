/* What tells that a file is the one that was read before: its size, and hashes of its first bytes
 * and of those in front of the position. Neither the name (another file may have taken it) nor the
 * inode (a copy on another machine is as good) does. Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_MARK_H
#define WEIR_CONNECT_FILESYSTEM_MARK_H

#include "base/buffer.h"
#include "connect/filesystem/paths.h"
#include "connect/filesystem/stream.h"

enum { MARK_BYTES = 4096 };

/* Bytes of packed files are the unpacked ones. */
typedef struct FileMark {
    int64_t size_bytes; /* of the file itself, packed or not */
    int64_t modified_us;
    uint64_t head_hash, tail_hash;  /* of its first bytes; of those in front of the position */
    int32_t head_bytes, tail_bytes; /* how many: at most MARK_BYTES */
} FileMark;

typedef enum FileChange {
    FILE_SAME,
    FILE_GROWN, /* what was there is there, and more */
    FILE_OTHER,
} FileChange;

/* From the first bytes that were read of a file. */
void mark_head(FileMark *mark, Str bytes);
/* From the bytes that end at the position. */
void mark_tail(FileMark *mark, Str bytes);
/* Of a file that is read as a whole: from its beginning and its end, as it lies there. */
Status mark_whole(World *world, const char *path, FileMark *mark, Error *error);

/* Of marks of mark_whole. */
bool mark_is_same(const FileMark *a, const FileMark *b);

void mark_save(const FileMark *mark, Buffer *out);
void mark_load(ByteReader *reader, FileMark *mark);

/* How a file that was read to its end lies there now; `mark` becomes that of the file as it is. It
 * is opened only if its size or time are others. */
Status mark_compare(World *world, const FoundFile *file, bool is_whole, FileMark *mark,
                    FileChange *change, Error *error);

/* A stream that goes on at `offset` of the file of which `was` was noted there. ERR_LOST if it is
 * another one. */
Status mark_resume(World *world, const char *path, int64_t offset, const FileMark *was,
                   FileStream **out, Error *error);

/* WR3414: the file that was read is another one, is cut, or is gone: `what`. */
Status mark_fail(const char *path, const char *what, Error *error);

#endif
