/* The files that a source knows: those that wait, the one that is read, those that are done.
 * Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_SEEN_H
#define WEIR_CONNECT_FILESYSTEM_SEEN_H

#include "base/map.h"
#include "connect/filesystem/mark.h"

typedef struct SeenFiles {
    World *world;
    Arena *arena;
    bool is_whole; /* files are marked by mark_whole */
    Map *known;    /* by path below the root; the values say nothing */
    Map *done;     /* of those the ones that are; FileMark */
} SeenFiles;

void seen_init(SeenFiles *seen, World *world, Arena *arena, bool is_whole);

/* The file waits to be read. `relative` is borrowed for good. */
void seen_queue(SeenFiles *seen, Str relative);
/* It went away unread: should it come back, it is a new one. */
void seen_gone(SeenFiles *seen, Str relative);
void seen_done(SeenFiles *seen, Str relative, const FileMark *mark);

/* Whether the file was met before. If it was read to its end and is not what it was then, that is
 * told; ERR_LOST if `is_strict` and it is another one. */
Status seen_find(SeenFiles *seen, const FoundFile *file, bool is_strict, bool *is_known,
                 Error *error);

/* The files that are done; `left_out` of the newest are not written. */
void seen_save(const SeenFiles *seen, int32_t left_out, Buffer *out);
void seen_load(SeenFiles *seen, ByteReader *reader);

#endif
