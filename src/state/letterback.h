/* Dead letters of a pipeline that goes back, to an older checkpoint or to its beginning.
 *
 * What it has set aside since then comes again, as its rows do: it would stand twice. Those letters
 * leave their file, for one of their own that nobody cuts:
 *
 *     dead-letters/t.jsonl               up to the length that the checkpoint has noted
 *     dead-letters/superseded/t-1.jsonl  what the pipeline has written behind that
 *
 * But for those of tables whose records do not come again. */
#ifndef WEIR_STATE_LETTERBACK_H
#define WEIR_STATE_LETTERBACK_H

#include "state/deadletter.h"
#include "state/lettermark.h"

typedef struct LetterReturn {
    const char *folder;       /* of the dead letters */
    Str writer;               /* whose letters go; those of other pipelines stay where they are */
    const LetterState *state; /* of the checkpoint */
    /* Whether letters of a table stay all the same; NULL: none. */
    bool (*stays)(const void *context, Str table);
    const void *stays_context;
    LetterNotice notice; /* hears what went where, and of files that somebody has changed */
} LetterReturn;

/* After lettermark_settle, by the one who holds the data folder. Durable when OK; may be done again
 * after any failure, and then sets aside twice at worst. */
Status letterback_set_aside(World *world, const LetterReturn *back, Error *error);

#endif
