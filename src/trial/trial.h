/* Tests of pipelines as data: a case feeds rows to the tables that its statements read and says
 * what must come out. No server, no file, no clock: every table is fed or captured here, rows go
 * through one at a time, and time is what the case says.
 *
 *     trial_parse (trial/file.h) ── trial_run ── result ── trial_update
 *
 * The format is described in docs/testing.md. */
#ifndef WEIR_TRIAL_TRIAL_H
#define WEIR_TRIAL_TRIAL_H

#include "base/buffer.h"
#include "base/json.h"
#include "base/world.h"
#include "trial/file.h"

typedef struct TrialOptions {
    bool has_color;   /* in reports */
    bool has_answer;  /* TrialResult.answer is wanted */
    bool is_resuming; /* every operator is stopped and resumed after every row */
    bool is_spilling; /* all state that can leaves memory after every row */

    /* Run each case that passes once more, in another way that must leave the same rows: all rows
     * of a feed in one batch; a job with threads and exchanges and so many shards. Cases that move
     * time or depend on when rows come are left out of the latter. */
    bool is_batched;
    int32_t shard_count; /* 0: not */
} TrialOptions;

/* New lines for the body of a section, bytes start … end - 1 of the file. */
typedef struct TrialFix {
    int64_t start, end;
    const char *text;
} TrialFix;

/* Zero-initialise; trial_result_free gives it up. */
typedef struct TrialResult {
    bool is_passed;
    Buffer report;     /* why not, for people; lines */
    Buffer answer;     /* what came out, as a JSON object */
    int32_t fix_count; /* expectations that would hold with other lines */
    TrialFix *fixes;   /* in order of the file; texts in `arena` */
    Arena *arena;
    int64_t duration_us; /* of the real clock */
} TrialResult;

/* Run one case. Safe from several threads at once for different results. */
void trial_run(World *world, const TrialFile *file, const TrialCase *test,
               const TrialOptions *options, TrialResult *result);
void trial_result_free(TrialResult *result);

/* The case as keys and values of a JSON object that the caller has begun, for programs that ask
 * another engine the same: statements as text, and the steps. Fails if its pipeline cannot be
 * read. */
Status trial_export(World *world, const TrialFile *file, const TrialCase *test, Arena *arena,
                    JsonWriter *json, Error *error);

/* The text of the file with the fixes of its cases' results (in their order) put in. */
void trial_update(const TrialFile *file, const TrialResult *results, Buffer *out);

#endif
