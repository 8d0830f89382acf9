/* A line of a file of dead letters, read back: only what deadletter.c writes, an object of texts.
 */
#ifndef WEIR_STATE_LETTER_H
#define WEIR_STATE_LETTER_H

#include "base/arena.h"
#include "base/list.h"
#include "base/status.h"
#include "base/str.h"
#include "base/world.h"

/* What is missing is empty. */
typedef struct Letter {
    Str ts, pipeline, table, stage, code, reason, position, format;
    Str replayed; /* the replay that took it; empty: none did */
    Str bytes;
    bool is_text; /* the bytes are UTF-8 */
} Letter;

/* False if the line is none. The texts live in the arena, or in the line. */
bool letter_parse(Str line, Arena *arena, Letter *out);

/* Who takes letters. Returns false when it has enough. */
typedef struct LetterTaker {
    bool (*take)(void *context, Str line, const Letter *letter);
    /* What is no letter, with its line's end if it has one; NULL: passed over. */
    void (*keep)(void *context, Str bytes);
    void *context;
    int64_t count_max; /* 0: any number */
} LetterTaker;

/* Whole lines of a file, from `offset` on; moves it behind what was taken. A file that is missing
 * has none. */
Status letters_read(World *world, const char *path, int64_t *offset, const LetterTaker *taker,
                    Error *error);

#endif
