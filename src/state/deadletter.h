/* Where records go that could not be decoded, computed with or delivered.
 *
 * One file of JSON lines per table under <data-dir>/dead-letters/, written by append. A letter
 * holds the bytes (base64 when they are not UTF-8), where they came from, at which stage they
 * failed, and why. Counted in weir_dead_letter_records_total{table,stage}. Safe from any thread.
 *
 * A checkpoint notes how long each file is, and a resumption cuts what is behind (lettermark.h). So
 * what a task sets aside behind a barrier must not stand in front of what another one sets aside
 * before it: it is held back until the checkpoint has noted the lengths.
 *
 *     task A   a1 a2 | barrier | a3            file   a1 b1 a2 b2 | noted | a3 b3
 *     task B   b1       b2 | barrier | b3 */
#ifndef WEIR_STATE_DEADLETTER_H
#define WEIR_STATE_DEADLETTER_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
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
/* Writes what is left. With the handle of deadletters_open, after all others have gone. */
void deadletters_close(DeadLetters *letters);

typedef struct DeadLetter {
    Str table; /* names the file */
    DeadLetterStage stage;
    const char *code;   /* "WR4101" */
    const char *reason; /* a sentence */
    Str position; /* where in the source: "orders.json:1234", "mysql-bin.000002:5512"; may be "" */
    Str bytes;    /* the record, or the row as JSON */
    const char
        *format; /* of bytes that are a record as it came, which can be read again; or NULL */
} DeadLetter;

/* Each letter is also shown to `observe`, under the lock, so that tests see which there are. */
void deadletters_observe(DeadLetters *letters,
                         void (*observe)(void *context, const DeadLetter *letter), void *context);

/* Never fails towards the caller: what cannot be written waits in memory (deadletters_has_room) or
 * ends the job (deadletters_trouble). All texts are copied. */
void deadletters_add(DeadLetters *letters, const DeadLetter *letter);

/* Durable up to here. */
Status deadletters_sync(DeadLetters *letters, Error *error);

/* Letters written since open, for summaries. */
int64_t deadletters_count(const DeadLetters *letters);

/* ---- As a part of checkpoints ------------------------------------------------------------ */

/* Who writes: the pipeline's folder, and the newest checkpoint there is of it. What the state of
 * the restored one says of letters is taken over; may be empty. Before anything is added; looks how
 * long the files are that are there. */
Status deadletters_begin(DeadLetters *letters, const char *writer, int64_t checkpoint, Str state,
                         Error *error);

typedef struct LetterState {
    int64_t count;  /* of letters, over all runs */
    List lengths;   /* LetterLength: how long each file was */
    bool knows_all; /* no other file was there; false in states of an older weir */
} LetterState;

/* What such a state says; nothing, if it is empty. False: it makes no sense. */
bool deadletters_decode_state(Str state, Arena *arena, LetterState *out);

/* A handle for one task, which lives as long as `letters`. */
DeadLetters *deadletters_of_task(DeadLetters *letters);
/* The task has taken the barrier: what it adds from now on is behind it. */
void deadletters_pass(DeadLetters *task, int64_t checkpoint);

/* All tasks have passed: make durable what belongs to the checkpoint, and append to `state` what a
 * resumption must know. ERR_FULL: nothing was appended, and it may be tried again; after any other
 * failure the disk must not be trusted. */
Status deadletters_checkpoint(DeadLetters *letters, int64_t checkpoint, Buffer *state,
                              Error *error);
/* Whether a resumption would have something to cut. */
bool deadletters_has_mark(const DeadLetters *letters);
/* The pipeline has come to its end: what stands in the files is for good. */
Status deadletters_settle(DeadLetters *letters, Error *error);

/* False when much waits to be written: sources do not read on meanwhile. */
bool deadletters_has_room(DeadLetters *letters);

typedef struct LetterLimits {
    int64_t most;            /* of the pipeline, over all its runs; 0: any number */
    int64_t most_per_minute; /* 0: any number */
} LetterLimits;

/* `alarm` is called, from any thread and under the lock, when deadletters_trouble has something to
 * say. Before anything is added. */
void deadletters_limit(DeadLetters *letters, const LetterLimits *limits,
                       void (*alarm)(void *context), void *context);
/* Why the job must end: there are more than the user allows, or they cannot be written. */
Status deadletters_trouble(DeadLetters *letters, Error *error);

/* ---- The files ----------------------------------------------------------------------------- */

/* Of a table's letters in the folder. */
const char *deadletters_file_name(Arena *arena, Str table);
/* The folder, or NULL. */
const char *deadletters_folder(const DeadLetters *letters);
/* Where records of the table wait that were given back to the pipeline; NULL: nowhere. */
const char *deadletters_replay_folder(const DeadLetters *letters, Arena *arena, Str table);

#endif
