/* Inside exec/match/: the state of MATCH_RECOGNIZE and the parts of its work. */
#ifndef WEIR_EXEC_MATCH_MATCH_H
#define WEIR_EXEC_MATCH_MATCH_H

#include "exec/due.h"
#include "exec/match/automaton.h"
#include "exec/match/pending.h"
#include "exec/match/queue.h"
#include "exec/match/rows.h"
#include "exec/operators.h"
#include "state/table.h"

/* What is kept for a key. The rows first … next - 1 are those that a match may still use; row n
 * lies at rows[n mod capacity]. A queue without memory holds only the match that has no row yet. */
typedef struct MatchKey {
    MatchRow **rows;
    int64_t first, next;
    int32_t row_capacity; /* a power of two, or 0 */
    MatchQueue unfinished;
    MatchQueue finished;              /* complete, behind an unfinished one that began earlier */
    MatchRow *waiting, *waiting_last; /* for the watermark, as they came */
    Timestamp waits_from;             /* the earliest of them; valid with one */
    MatchRow *due, *due_last;
    Timestamp timer; /* when the first unfinished match is too old; valid with has_timer */
    bool has_timer;
    bool is_active; /* in the list of keys with due rows */
} MatchKey;

typedef struct MatchTimer {
    Timestamp at;
    MatchKey *key;
} MatchTimer;

/* An aggregate of a condition: its accumulator lies in every unfinished match. */
typedef struct MatchAggregate {
    int32_t slot;
    int32_t offset; /* in a Match */
} MatchAggregate;

/* A match that is complete and due, with what the output takes from it. */
typedef struct MatchFound {
    MatchKey *key;
    const int32_t *counts;
    int64_t start;
    Timestamp time;
} MatchFound;

typedef struct MatchOperator {
    Operator base;
    TableKey key;
    StateTable *table;
    Blocks memory;
    Blocks *blocks; /* &memory */
    Pending pending;
    Blocks heap;
    RowLayout *layout;
    MatchAutomaton automaton;
    int32_t counts_offset, match_bytes;
    /* Conditions, by variable; NULL where any row will do. */
    Program **conditions;
    Schema slot_schema;
    uint64_t *slot_uses; /* bits of the variables whose conditions read the slot */
    MatchAggregate *aggregates;
    int32_t aggregate_count;
    bool owns_heap;     /* an accumulator does */
    MatchTimer *timers; /* a binary heap */
    int32_t timer_count, timer_capacity;
    /* Where state may leave memory, in place of pending and timers: keys with rows that wait, and
     * those with matches that grow too old (spilled.c). */
    DueKeys due_rows, due_timers;
    Timestamp now;      /* then: up to which time they are worked off */
    bool has_rows;      /* what is due now: rows, then matches */
    bool has_watermark; /* which is passed on behind all */
    int64_t taken_rows; /* that are worked off next … */
    int64_t held_most;  /* … at the latest when so much is held */
    /* While rows are worked off. */
    Arena *arena; /* of one chunk */
    Arena *lent;
    MatchKey **active;
    int64_t active_count, active_capacity;
    MatchFound *found;
    int32_t found_count, found_capacity;
    MatchQueue doomed; /* matches that are over once the found ones are out */
    Metric *late, *null_time, *state_bytes, *given_up;
} MatchOperator;

static inline const PlanNode *match_node(const MatchOperator *self)
{
    return self->base.node;
}

static inline MatchRow *match_row(const MatchKey *key, int64_t number)
{
    assert(number >= key->first && number < key->next);
    return key->rows[number & (key->row_capacity - 1)];
}

static inline uint8_t *match_accumulator(Match *match, const MatchAggregate *aggregate)
{
    return (uint8_t *)match + aggregate->offset;
}

/* The rows of a variable, or of all, in a match: the first one's number, and how many. */
static inline int64_t match_range(const MatchOperator *self, int64_t start, const int32_t *counts,
                                  int32_t variable, int64_t *first)
{
    int64_t at = start;
    int32_t variables = self->base.node->match.variable_count;
    for (int32_t i = 0; i < variables; i++) {
        if (i == variable) {
            *first = at;
            return counts[i];
        }
        at += counts[i];
    }
    *first = start;
    return at - start;
}

/* ---- keys.c: rows and matches of a key -------------------------------------------------- */

/* The row waits for the watermark, whether before all others of the key; and does not any more. */
bool key_wait(MatchKey *key, MatchRow *row);
void key_wait_no_more(MatchKey *key, MatchRow *row);
void key_append_row(MatchOperator *self, MatchKey *key, MatchRow *row);
/* Let go of rows that no match can use, and of the key if nothing is left. */
void key_settle(MatchOperator *self, MatchKey *key);
/* Give back all rows and matches of a key that goes. */
void key_clear(MatchOperator *self, MatchKey *key);
Match *match_new(MatchOperator *self, int64_t start, Timestamp started);
Match *match_clone(MatchOperator *self, const Match *match);
void match_free(MatchOperator *self, Match *match);
/* It is to be looked after when its first match is too old. */
void key_schedule(MatchOperator *self, MatchKey *key);
/* The next timer up to the time, or NULL. */
MatchKey *timer_pop(MatchOperator *self, Timestamp time);

/* ---- operator.c: rows that are due ------------------------------------------------------ */

/* In order of time, then of ORDER BY; of equal ones as they are. `other`: room for as many. */
void match_sort_rows(const MatchOperator *self, PendingRow *rows, int64_t count, PendingRow *other);
/* The row, which does not wait any more, is its key's next. */
void match_activate(MatchOperator *self, MatchKey *key, MatchRow *row);
/* Wave after wave, until no key has a row that is due. */
Status match_work(MatchOperator *self);

/* ---- spilled.c: what is due where state may leave memory -------------------------------- */

static inline bool match_spills(const MatchOperator *self)
{
    return self->due_rows.op != NULL;
}

void match_open_spilled(MatchOperator *self);
void match_close_spilled(MatchOperator *self);
/* The row waits for the watermark. */
void match_wait_spilled(MatchOperator *self, MatchKey *key, MatchRow *row);
/* Rows (unless only matches are meant) and matches up to the time; it may leave some for later. */
Status match_advance_spilled(MatchOperator *self, Timestamp time, bool has_rows,
                             bool has_watermark);
Status match_go_on(Operator *op);
/* Of all keys that were loaded. */
Status match_resume_spilled(MatchOperator *self);

/* ---- condition.c: what decides about a row ---------------------------------------------- */

/* One key's next row, with the unfinished matches that it may go on with. */
typedef struct MatchWork {
    MatchKey *key;
    MatchRow *row;
    int32_t first_pair;
    bool has_letter;
} MatchWork;

/* An unfinished match (or NULL) and a row. */
typedef struct MatchPair {
    const Match *match;
    const MatchWork *work;
    int32_t state;
} MatchPair;

enum { TRUTH_FALSE, TRUTH_TRUE, TRUTH_ERROR };

typedef struct MatchTruths {
    uint8_t *values;  /* pair × variables */
    RowError *errors; /* the same, made with the first TRUTH_ERROR */
    int32_t variables;
} MatchTruths;

MatchTruths match_conditions(MatchOperator *self, const MatchPair *pairs, int32_t count);

/* ---- step.c: one row --------------------------------------------------------------------- */

/* Go on with the row of the work; complete matches are added to self->found. */
void match_step(MatchOperator *self, MatchWork *work, const MatchTruths *truths);
/* Matches that began `within` before the time or earlier are over. */
void match_expire(MatchOperator *self, MatchKey *key, Timestamp time);

/* ---- emit.c ------------------------------------------------------------------------------ */

/* Write out self->found, and forget it and the doomed. */
Status match_emit(MatchOperator *self);
/* A row as a dead letter. */
void match_letter(MatchOperator *self, const MatchRow *row, const char *code, const char *reason);

/* ---- snapshot.c -------------------------------------------------------------------------- */

extern const TableCodec match_codec; /* of MatchKey */
Status match_snapshot(Operator *op, int64_t checkpoint, Buffer *out);
Status match_restore(Operator *op, Str state);
/* Timers, and the order of all rows that wait, are made again of what the keys have. */
Status match_resume(Operator *op);

#endif
