/* What a run that ended badly has left behind in the files of dead letters, and how it goes.
 *
 * A run that sets a letter aside first leaves its mark in the folder: who it is, the newest
 * checkpoint it had then, and how long each file was before it wrote. Each of its checkpoints notes
 * the lengths anew. Whoever opens the folder next, be it another pipeline, cuts each file at the
 * newest length that is noted, and removes the mark. A file is told by its length and by the bytes
 * in front of it: one that somebody has moved or changed is left alone. */
#ifndef WEIR_STATE_LETTERMARK_H
#define WEIR_STATE_LETTERMARK_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/status.h"
#include "base/world.h"

enum { LETTER_CHECK_BYTES = 1024 };

/* How long a file is, and the checksum of the LETTER_CHECK_BYTES in front of that. */
typedef struct LetterLength {
    Str name; /* in the folder */
    int64_t bytes;
    uint32_t check;
} LetterLength;

typedef struct LetterMark {
    Str writer;         /* the folder of the pipeline, below jobs/ */
    int64_t checkpoint; /* the newest one when the run began; 0: none */
    List lengths;       /* LetterLength */
} LetterMark;

/* Replaces the one that is there; durable when OK. */
Status lettermark_write(World *world, const char *folder, const LetterMark *mark, Error *error);
/* *out is NULL if there is none. */
Status lettermark_read(World *world, const char *folder, Arena *arena, LetterMark **out,
                       Error *error);

/* Who hears what was left alone. */
typedef struct LetterNotice {
    void (*say)(void *context, const char *text);
    void *context;
} LetterNotice;

/* Cut what is behind `lengths` (those of the checkpoint; a file that is not among them: as the mark
 * has it) and remove the mark. */
Status lettermark_settle(World *world, const char *folder, const LetterMark *mark,
                         const List *lengths, const LetterNotice *notice, Error *error);
/* Remove the mark alone: the files are good as they are. */
Status lettermark_remove(World *world, const char *folder, Error *error);

/* How long each file of letters in the folder is now. */
Status lettermark_measure(World *world, const char *folder, Arena *arena, List *lengths,
                          Error *error);
/* Cut a file, durably; one of which nothing is left goes. */
Status lettermark_cut(World *world, const char *path, int64_t bytes, Error *error);
/* The check of a file that is `bytes` long. */
Status lettermark_check(World *world, const char *path, int64_t bytes, uint32_t *out, Error *error);

/* Lengths in the state of a checkpoint. False: they make no sense. */
void lettermark_encode(const List *lengths, Buffer *out);
bool lettermark_decode(ByteReader *reader, Arena *arena, List *lengths);

#endif
