/* The bytes of a file in order, unpacked when its name says that it is packed (.gz, .gzip,
 * .zst). Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_STREAM_H
#define WEIR_CONNECT_FILESYSTEM_STREAM_H

#include "base/status.h"
#include "base/world.h"

typedef struct FileStream FileStream;

/* Ready to read from `offset` (of the unpacked bytes). */
Status stream_open(World *world, const char *path, int64_t offset, FileStream **out, Error *error);

/* Up to `bytes`; *got < bytes only at the end. ERR_DECODE when a packed file is damaged: *got is
 * what came out in front of that. */
Status stream_read(FileStream *stream, char *into, int64_t bytes, int64_t *got, Error *error);

/* Of the file itself: how much was taken from it. */
int64_t stream_position(const FileStream *stream);

/* Whether the name says so. */
bool stream_is_packed(const char *path);

/* NULL is allowed. */
void stream_close(FileStream *stream);

#endif
