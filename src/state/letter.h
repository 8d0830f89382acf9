/* A line of a file of dead letters: an object of texts, the last of which is its checksum.
 *
 *     {"ts":…,"pipeline":…,"table":…,…,"text":…,"crc32c":"1c291ca3"}
 *
 * The checksum is the CRC-32C of all bytes in front of its comma. A line without one is of an older
 * weir, or somebody has changed it by hand and left the checksum out: it is read if it has exactly
 * the members that were written then. Whatever else stands in a file is damaged. */
#ifndef WEIR_STATE_LETTER_H
#define WEIR_STATE_LETTER_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/status.h"
#include "base/str.h"
#include "base/world.h"

/* Of what stands in the place of a letter whose line is damaged. */
#define LETTER_DAMAGED_CODE "WR4425"

/* What is missing is empty. */
typedef struct Letter {
    Str ts, pipeline, table, stage, code, reason, position, format;
    Str replayed; /* the replay that took it; empty: none did */
    Str bytes;
    bool is_text;    /* the bytes are UTF-8 */
    bool is_damaged; /* the line is no letter: code, reason and position say so, bytes are it */
    bool is_cut;     /* damaged, and the file ends within the line, which may be being written */
} Letter;

/* False if the line is none, or another one than was written. The texts live in the arena, or in
 * the line. */
bool letter_parse(Str line, Arena *arena, Letter *out);

/* The letter as a line with its end; `replayed` and `is_text` are not looked at. */
void letter_append(Buffer *out, const Letter *letter);
/* A line that letter_parse has taken, as one that was replayed. */
void letter_append_replayed(Buffer *out, Str line, const char *id);
/* The same without its checksum, to be shown; without its end. */
void letter_append_unsealed(Buffer *out, Str line);

/* Who takes letters. */
typedef struct LetterTaker {
    /* In the order of the file; `line` is without its end. Damaged ones are among them, that which
     * is cut as the last. Returns false when it has enough. */
    bool (*take)(void *context, Str line, const Letter *letter);
    void *context;
    int64_t count_max; /* 0: any number */
} LetterTaker;

/* The lines of a file, from `offset` on, where one begins; moves it behind the last whole line that
 * was taken. A file that is missing has none. */
Status letters_read(World *world, const char *path, int64_t *offset, const LetterTaker *taker,
                    Error *error);

#endif
