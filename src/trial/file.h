/* A test file as text: its cases, their statements and their steps, each with its place.
 *
 *     # What the file asks.
 *     --- setup                  statements that all cases share
 *     === a title                the first case
 *     --- sql                    its own statements
 *     --- feed orders            steps, in order
 *     --- expect changes
 *
 * Everything borrows from the text of the file. */
#ifndef WEIR_TRIAL_FILE_H
#define WEIR_TRIAL_FILE_H

#include "base/arena.h"
#include "base/list.h"
#include "base/status.h"
#include "base/str.h"
#include "data/batch.h"
#include "data/datetime.h"

typedef enum StepKind {
    STEP_FEED,
    STEP_ADVANCE_WATERMARK,
    STEP_ADVANCE_CLOCK,
    STEP_EXPECT_CHANGES,
    STEP_EXPECT_ROWS,
    STEP_EXPECT_ERROR,
    STEP_EXPECT_DEAD_LETTERS,
    STEP_EXPECT_PLAN,
    STEP_EXPECT_OUTPUT,
} StepKind;

/* Lines of a section without its mark and without the blank lines at its end. */
typedef struct SectionBody {
    Str text;           /* "" or lines that all end, the last of the file perhaps without "\n" */
    int32_t first_line; /* number of the first line behind the mark */
} SectionBody;

typedef struct TrialStep {
    StepKind kind;
    int32_t line; /* of the mark */
    SectionBody body;
    Str table;           /* fed or advanced; of an expectation the sink, or no data */
    bool is_any_order;   /* STEP_EXPECT_CHANGES */
    Timestamp watermark; /* STEP_ADVANCE_WATERMARK */
    int64_t clock_us;    /* STEP_ADVANCE_CLOCK: by how much */
} TrialStep;

typedef struct TrialCase {
    Str title;
    int32_t line;
    Str only_inline; /* why it is run in one way only; no data: in all */
    Str difference;  /* why Flink answers otherwise; no data: it does not */
    List sql;        /* SectionBody */
    Str pipeline;    /* path as written; no data: none */
    int32_t pipeline_line;
    List steps; /* TrialStep */
} TrialCase;

typedef struct TrialFile {
    const char *path;
    Str text;
    List setup; /* SectionBody */
    List cases; /* TrialCase */
} TrialFile;

/* Read what `text` says. ERR_INVALID for the first mistake, with `path:line` in the error. */
Status trial_parse(const char *path, Str text, Arena *arena, TrialFile **out, Error *error);

static inline bool step_is_expectation(StepKind kind)
{
    return kind >= STEP_EXPECT_CHANGES;
}

/* The next line of *rest without its end, which moves on behind it; false at the end. */
bool line_next(Str *rest, Str *line);

/* A row that is fed: `-U (1, 'a')`. */
typedef struct FedRow {
    RowKind kind;
    Str values; /* with its parentheses */
    int32_t line;
    bool is_good; /* it is one */
} FedRow;

/* The rows of a body one after the other: one per line, but what is in parentheses may go on over
 * several. Blank lines and comments (`# …`) are passed over. */
typedef struct FedCursor {
    Str rest;
    int32_t line; /* of what rest begins with */
} FedCursor;
static inline FedCursor fed_cursor(const SectionBody *body)
{
    return (FedCursor){.rest = body->text, .line = body->first_line};
}
bool fed_next(FedCursor *cursor, FedRow *out);

#endif
