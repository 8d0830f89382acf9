/* Give records among the dead letters back to the pipeline, which reads them once in its next run.
 * Nothing may run with the data folder meanwhile. */
#ifndef WEIR_JOB_REPLAY_H
#define WEIR_JOB_REPLAY_H

#include "base/status.h"
#include "base/str.h"
#include "base/world.h"
#include "state/lettermark.h"

typedef struct ReplayRequest {
    const char *data_dir;
    Str table;
    const char *code;     /* only letters of it; NULL: all */
    const char *pipeline; /* only its letters; NULL: there must be only one */
    LetterNotice notice;
} ReplayRequest;

typedef struct ReplayResult {
    int64_t taken;
    int64_t replayed_before;
    int64_t without_record;  /* their bytes are no record that a format could read */
    int64_t of_other_format; /* than the first one */
    int64_t damaged;         /* lines, which stay as they are */
    char first_damaged[512]; /* says which one it is */
    char pipeline[128];
} ReplayResult;

/* An error, and nothing done, if no letter can be replayed. */
Status replay_letters(World *world, const ReplayRequest *request, ReplayResult *result,
                      Error *error);

/* Bring to its end what was cut short, for the pipeline of this folder. */
Status replay_finish(World *world, const char *data_dir, const char *writer, Error *error);
/* Whether there is something for its sources to read. */
bool replay_is_there(World *world, const char *data_dir, const char *writer);
/* All of it was read, or will not be. */
Status replay_forget(World *world, const char *data_dir, const char *writer, Error *error);

#endif
