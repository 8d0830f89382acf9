/* Where records go that could not be decoded, computed with or delivered.
 *
 * One file of JSON lines per table under <data-dir>/dead-letters/, written by append and
 * synced with each checkpoint. A letter holds the bytes (base64 when they are not UTF-8),
 * where they came from, at which stage they failed, and why. Counted in
 * weir_dead_letter_records_total{table,stage}. Safe from any thread. */
#ifndef WEIR_STATE_DEADLETTER_H
#define WEIR_STATE_DEADLETTER_H

#include "base/status.h"
#include "base/str.h"
#include "base/world.h"

typedef struct DeadLetters DeadLetters;

typedef enum DeadLetterStage {
    STAGE_DECODE,  /* bytes that are no record */
    STAGE_COMPUTE, /* an expression failed for the row */
    STAGE_LATE,    /* behind the watermark */
    STAGE_DELIVER, /* the target refused it */
} DeadLetterStage;

/* `folder` is made on first use; with NULL letters are only counted. */
DeadLetters *deadletters_open(World *world, const char *folder);
void deadletters_close(DeadLetters *letters);

typedef struct DeadLetter {
    Str table; /* names the file */
    DeadLetterStage stage;
    const char *code;   /* "WR4101" */
    const char *reason; /* a sentence */
    Str position; /* where in the source: "orders.json:1234", "mysql-bin.000002:5512"; may be "" */
    Str bytes;    /* the record, or the row as JSON */
} DeadLetter;

/* Each letter is also shown to `observe`, under the lock, so that tests see which there are. */
void deadletters_observe(DeadLetters *letters,
                         void (*observe)(void *context, const DeadLetter *letter), void *context);

/* Never fails towards the caller: when the letter itself cannot be written (disk full) it is
 * counted as lost in weir_dead_letter_write_failures_total and logged. All texts are copied. */
void deadletters_add(DeadLetters *letters, const DeadLetter *letter);

/* Durable up to here. */
Status deadletters_sync(DeadLetters *letters, Error *error);

/* Letters written since open, for summaries. */
int64_t deadletters_count(const DeadLetters *letters);

#endif
