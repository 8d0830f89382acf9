/* A case at work: its tables, what they were fed and what they caught. */
#ifndef WEIR_TRIAL_INTERNAL_H
#define WEIR_TRIAL_INTERNAL_H

#include <pthread.h>

#include "connect/connect.h"
#include "job/inline.h"
#include "plan/plan.h"
#include "sql/diagnostics.h"
#include "trial/difference.h"
#include "trial/trial.h"
#include "trial/world.h"

typedef struct TrialRun TrialRun;

/* A change that reached a sink or a materialized table. */
typedef struct Change {
    RowKind kind;
    Str row; /* [1, x] */
    Str key; /* of the key columns; "" without a key */
} Change;

/* The end of the line: of every INSERT into one table, of a query, of a materialized table. */
typedef struct Capture {
    Str name;
    const int32_t *key; /* columns of the rows */
    int32_t key_count;
    ChangelogMode accepts;
    List changes; /* Change */
    int32_t seen; /* by expectations of changes so far */
} Capture;

/* A table whose connector the test stands in for. Its `info` is what the plan has of it. */
typedef struct TrialTable {
    ConnectorInfo info; /* first: from a PlanTable's connector back to this */
    Connector connector;
    TrialRun *run;
    Str name, path;
    const StandInColumn *columns;
    int32_t column_count;
    Schema fed; /* the columns that a row has, in declared order */
    OptionSpec options[1];
    bool has_own; /* a connector of its own, whose rules hold; else it has the test's */
    bool is_real; /* read through its own connector: nothing feeds it */
    List rows;    /* TableRow, all that the case feeds: for a job */
    const PlanTable *looked_up; /* a statement looks it up; or NULL */
    List content;               /* const Value *: the rows that it then holds */
} TrialTable;

typedef struct TableRow {
    const Value *values;
    RowKind kind;
} TableRow;

struct TrialRun {
    const TrialFile *file;
    const TrialCase *test;
    const TrialOptions *options;
    TrialResult *result;
    Arena *arena;
    TrialWorld world;
    PlanContext context;
    Source source;
    Diagnostics *diagnostics;
    Plan *plan;
    List tables;   /* TrialTable */
    List captures; /* Capture */
    TrialTable collector;
    List letters; /* Str: "TABLE CODE" */
    int32_t letters_seen;
    pthread_mutex_t lock; /* guards captures and letters, which several threads fill */
    bool is_batched;      /* feeds come as one batch */
    bool is_second;       /* expectations have been looked at already */
    bool has_failed;
};

/* A run that is prepared: the statements planned, tables and captures known. False when there is
 * nothing to run: after a mistake, or because one was expected. */
TrialRun *run_new(World *world, const TrialFile *file, const TrialCase *test,
                  const TrialOptions *options, TrialResult *result);
bool run_prepare(TrialRun *run);
void run_free(TrialRun *run);
/* The text of the file that `--- pipeline` names. */
Status trial_read_pipeline(World *world, const TrialFile *file, const TrialCase *test, Arena *arena,
                           Str *out, Error *error);
/* Whether it may be run in other ways: nothing depends on when rows come, and no lookup on what has
 * been fed so far or on what is still in a cache. */
bool run_has_ways(const TrialRun *run);
/* All steps. */
void run_inline(TrialRun *run);

/* The table that a step speaks of, if a statement reads it; NULL after a failure. */
TrialTable *run_read_table(TrialRun *run, const TrialStep *step);
/* The values of a row that is fed; false after a failure. */
bool run_bind_row(TrialRun *run, const TrialTable *table, const FedRow *row, Value *out);

/* again.c: run once more in the ways that the options ask for. */
void run_again(TrialRun *first);
/* A job: the rows of tables come from here. */
extern const SourceKind table_rows_source;

/* export.c: what came out, as an object. */
void run_answer(TrialRun *run, Buffer *out);

void run_fail_error(TrialRun *run, int32_t line, const Error *error);
/* A failure at a line of the file; the report gets the message, with details to follow. */
void run_fail(TrialRun *run, int32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The lines that would be right for the section. */
void run_fix(TrialRun *run, const SectionBody *body, const char *text);

/* ---- table.c ---------------------------------------------------------------------------- */

/* PlanContext.stand_in. */
const ConnectorInfo *trial_table_stand_in(void *context, const StandInTable *table);
/* The connector of queries that stand alone. */
void trial_table_init_collector(TrialRun *run);
/* The stand-in behind a source or sink, or NULL where the real connector is at work. */
TrialTable *trial_table_of(const PlanTable *table);
TrialTable *trial_table_find(const TrialRun *run, Str name);
/* What the plan says of fed columns. */
void trial_table_finish(TrialRun *run, TrialTable *table);
/* Rows of the table as a batch for one of its sources; each has fed.count values. */
Batch *trial_table_batch(const TrialTable *table, const PlanNode *source, const Value *const *rows,
                         const RowKind *kinds, int32_t count);

/* Which column of a row that is fed the source's column `column` takes. */
int32_t trial_table_fed_index(const TrialTable *table, const PlanTable *plan, int32_t column);

/* ---- lookup.c --------------------------------------------------------------------------- */

/* Note the tables that the plan looks up. */
void trial_lookup_prepare(TrialRun *run);
bool trial_has_lookup(const TrialRun *run);
/* A row was fed to the table. */
void trial_lookup_feed(TrialRun *run, TrialTable *table, const Value *row, RowKind kind);
extern const LookupKind trial_lookup;

/* ---- capture.c -------------------------------------------------------------------------- */

/* One for each name among the plan's roots. */
void captures_make(TrialRun *run);
extern const SinkKind capture_sink;
/* InlineOptions.tap */
void capture_tap(void *context, int32_t root, const Batch *batch);
/* NULL after a failure. An empty name means the only one. */
Capture *capture_find(TrialRun *run, Str name, int32_t line);
/* "+I[1, x]" of the changes from `from` on. */
Lines capture_changes(TrialRun *run, const Capture *capture, int32_t from);
/* The rows that are left when all changes have been applied, sorted. */
Lines capture_rows(TrialRun *run, const Capture *capture);

/* ---- expect.c --------------------------------------------------------------------------- */

/* Compare; failures go to the result. */
void expect_step(TrialRun *run, const TrialStep *step);

#endif
