/* Which bytes of a segment have had their checksums compared a while ago at most, so that they need
 * not be looked at again before they are sent from their file: more than half of what that cost.
 *
 * What is remembered is coarse: of each piece of the file one range, and when the oldest part of it
 * was compared. Readers in several places of one piece take it from each other. That is 16 bytes
 * for a megabyte of the log that was written or read, for as long as its segment is there. */
#ifndef WEIR_LOG_CHECKED_H
#define WEIR_LOG_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CHECKED_PIECE_BYTES = 1024 * 1024,
    CHECKED_FOR_US = 600 * 1000 * 1000, /* then it is compared again */
};

typedef struct CheckedPiece {
    int64_t since_us;  /* by the monotonic clock */
    uint32_t from, to; /* in the piece; the same: nothing */
} CheckedPiece;

/* Zeroed: nothing is known. */
typedef struct Checked {
    CheckedPiece *pieces;
    int32_t count;
} Checked;

/* The bytes at the position are what they should be. */
void checked_note(Checked *checked, int64_t position, int64_t bytes, int64_t now_us);
/* Whether that is known of all of them. */
bool checked_has(const Checked *checked, int64_t position, int64_t bytes, int64_t now_us);
void checked_free(Checked *checked);

#endif
