/* What each kind of node means to the passes: one RelKind per PlanKind, in a file of its own.
 *
 * A pass walks the graph and asks the kind of each node for its part, so that adding a kind is a
 * file in kind/, a line in kind.c, a payload in plan.h and an operator in exec/. What several kinds
 * need for their parts stands below, by pass. */
#ifndef WEIR_PLAN_KIND_H
#define WEIR_PLAN_KIND_H

#include "plan/internal.h"

/* Whether a node must get -U on an input. */
typedef enum UpdateBefore {
    UPDATE_BEFORE_AS_ASKED, /* if one of its consumers needs them */
    UPDATE_BEFORE_NEEDED,
    UPDATE_BEFORE_UNNEEDED,
} UpdateBefore;

/* What updates do to a column of a row that keeps its key. */
typedef enum Monotonicity {
    MONOTONIC_NOT,
    MONOTONIC_CONSTANT,
    MONOTONIC_INCREASING,
    MONOTONIC_DECREASING,
} Monotonicity;

typedef struct RelKind {
    PlanKind kind;
    const char *name; /* "window_aggregate": in JSON, and with dashes in uids */

    /* Interning: everything that makes this rel compute something else than another of the same
     * kind and inputs. NULL: nothing does. */
    void (*digest)(Buffer *out, const Rel *rel);

    /* Changelog. The row kinds of the output; `optional` is CHANGELOG_UPDATE_BEFORE where -U is
     * wanted if it can be had, else 0. NULL: the kinds of the inputs. */
    ChangelogMode (*mode)(const Rel *rel, ChangelogMode optional);
    /* NULL: as asked. */
    UpdateBefore (*asks)(Planner *planner, const Rel *rel, int32_t input);
    /* What a user calls the thing that makes updates of inserts here; NULL (also as the answer):
     * nothing does. */
    const char *(*changes)(const Rel *rel);
    /* A mode is settled on every edge: take over what follows from it. May be NULL. */
    void (*settle)(Planner *planner, Rel *rel);
    /* Batch mode: give final rows only. May be NULL. */
    void (*finalize)(Rel *rel);

    /* Unique keys, by keys_add. NULL: none are known. */
    void (*keys)(Planner *planner, Rel *rel);
    /* How updates of a row change a column. NULL: nothing is known. */
    Monotonicity (*trend)(const Rel *rel, int32_t column);

    /* The window in which each row lies; see window_property.h. NULL: none is known. */
    const struct WindowProperty *(*window)(Planner *planner, Rel *rel);

    /* Pruning. Mark in below[i] the columns of input i that are read for the rel->needed of the
     * output and for the node's own work. */
    void (*mark)(const Rel *rel, bool *const *below);
    /* All inputs are pruned: renumber, leave out what is not needed, fill rel->map. */
    void (*prune)(Planner *planner, Rel *rel);

    /* Sets rel->column_identities and gives the identity. */
    uint64_t (*identify)(Rel *rel);

    /* EXPLAIN: a name of few words; what it does, in one line (NULL: the label says it all). */
    void (*label)(Buffer *out, const PlanNode *node);
    void (*details)(Buffer *out, const PlanNode *node);

    /* With 'rocksdb' EXPLAIN says what stays in memory all the same. */
    StatePlace state;

    /* Where rows must be; distribute_by and its kind. NULL: as they come. */
    void (*distribute)(Planner *planner, PlanNode *node);
} RelKind;

extern const RelKind over_kind, rank_kind, deduplicate_kind, window_rank_kind;

/* Of each PlanKind; never NULL. */
const RelKind *rel_kind(PlanKind kind);

extern const RelKind source_kind;
extern const RelKind values_kind;
extern const RelKind calc_kind;
extern const RelKind watermark_kind;
extern const RelKind window_assign_kind;
extern const RelKind window_aggregate_kind;
extern const RelKind group_aggregate_kind;
extern const RelKind normalize_kind;
extern const RelKind union_kind;
extern const RelKind regular_join_kind;
extern const RelKind interval_join_kind;
extern const RelKind temporal_join_kind;
extern const RelKind window_join_kind;
extern const RelKind lookup_join_kind;
extern const RelKind replicate_kind;
extern const RelKind single_row_kind, sort_kind;
extern const RelKind upsert_materialize_kind;
extern const RelKind unnest_kind;
extern const RelKind match_kind;
extern const RelKind sink_kind;
extern const RelKind serve_kind;

/* ---- Digests (rel.c) ------------------------------------------------------------------- */

void ints_digest(Buffer *out, const int32_t *values, int32_t count);
void aggregates_digest(Buffer *out, const PlanAggregate *aggregates, int32_t count);
void order_digest(Buffer *out, const SortColumn *order, int32_t count);

/* ---- Changelog (changelog.c) ----------------------------------------------------------- */

/* The kinds of all inputs together. */
ChangelogMode inputs_mode(const Rel *rel);
static inline bool mode_has_updates(ChangelogMode mode)
{
    return (mode & CHANGELOG_UPDATE_AFTER) != 0;
}
static inline bool mode_is_append(ChangelogMode mode)
{
    return mode == CHANGELOG_APPEND;
}
/* What makes the changes of the relation, in a user's words: "GROUP BY", "table `t`". */
const char *changes_origin_text(Planner *planner, const Rel *rel);
/* Aggregates over rows that can be taken back may need another form. */
void aggregates_rebind(Planner *planner, const Rel *rel, const PlanAggregate *aggregates,
                       int32_t count);

/* ---- Keys (keys.c) --------------------------------------------------------------------- */

void keys_add(Planner *planner, Rel *rel, const int32_t *columns, int32_t count);
bool column_set_holds(const ColumnSet *set, const int32_t *columns, int32_t count);
/* The input's, where columns keep their numbers. */
void keys_pass(Planner *planner, Rel *rel);
/* Those of them that hold the columns by whose hash rows are handed over. Changes of one row then
 * take one way and stay in order; by another key they may overtake each other, so that what comes
 * behind could not go by it. */
void keys_pass_holding(Planner *planner, Rel *rel, const int32_t *columns, int32_t count);
/* The column of which the expression is a one-to-one function, or -1. */
int32_t expr_injective_column(const Expr *expr);
Monotonicity rel_monotonicity(const Rel *rel, int32_t column);

/* ---- Pruning (prune.c) ----------------------------------------------------------------- */

void mark_columns(bool *below, const int32_t *columns, int32_t count);
void mark_order(bool *below, const SortColumn *order, int32_t count);
/* Output column i is input column i, for the first `count`. */
void mark_passed(const Rel *rel, bool *below, int32_t count);
void mark_aggregates(bool *below, const PlanAggregate *aggregates, int32_t count,
                     const bool *needed);
/* Leave out the fields that are not needed; fills rel->map and returns the old positions of the
 * others. */
int32_t *prune_keep_needed(Planner *planner, Rel *rel, int32_t *kept_count);
/* Narrow every input to what this rel itself marks; gives a map of the columns of each. */
int32_t **prune_inputs(Planner *planner, Rel *rel);
/* The input with exactly the columns wanted (by their numbers before pruning), in their order. */
Rel *prune_narrow(Planner *planner, Rel *input, const bool *wanted, int32_t count, int32_t *map);
/* A node whose output is its input's columns, here with their map, and perhaps a number behind
 * them: whether that is still needed. */
bool prune_numbered(Planner *planner, Rel *rel, const int32_t *map, bool has_number);
int32_t *prune_remap(Planner *planner, const int32_t *columns, int32_t count, const int32_t *map);
SortColumn *prune_order(Planner *planner, const SortColumn *order, int32_t count,
                        const int32_t *map);
PlanAggregate *prune_aggregates(Planner *planner, const PlanAggregate *aggregates, int32_t *count,
                                const bool *needed, const int32_t *map);
/* A sink or served table: all columns of the input, in order. */
void prune_root(Planner *planner, Rel *rel);
void mark_root(const Rel *rel, bool *const *below);

/* ---- Identity (identity.c) ------------------------------------------------------------- */

uint64_t identity_text(uint64_t seed, const char *text);
uint64_t identity_str(uint64_t seed, Str text);
/* State that holds values of a type cannot be read as another one. */
uint64_t identity_type(uint64_t seed, Type type);
uint64_t identity_schema(uint64_t seed, const Schema *schema);
/* `rel` is what computes it. */
uint64_t identity_expr(const Rel *rel, const Expr *expr, const uint64_t *columns);
uint64_t identity_window(const Rel *rel, const WindowSpec *window, const uint64_t *columns);
uint64_t identity_table(const TableEntry *entry);
uint64_t identity_aggregate(const PlanAggregate *aggregate, const uint64_t *columns);
/* The seed with the columns' identities; `list` NULL: the first `count` columns. */
uint64_t identity_columns(uint64_t seed, const int32_t *list, int32_t count,
                          const uint64_t *columns);
uint64_t identity_order(uint64_t seed, const SortColumn *order, int32_t count,
                        const uint64_t *columns);
/* Output column i is input column i. */
uint64_t identity_pass_on(Rel *rel);
/* Keys, then aggregates over the only input. */
uint64_t identity_keyed(Rel *rel, const int32_t *keys, int32_t key_count,
                        const PlanAggregate *aggregates, int32_t aggregate_count);

/* ---- EXPLAIN (explain.c) --------------------------------------------------------------- */

void explain_names(Buffer *out, const Schema *schema, const int32_t *columns, int32_t count);
void explain_aggregates(Buffer *out, const PlanNode *node, const PlanAggregate *aggregates,
                        int32_t count);
/* " by a, b" with names of input 0; nothing for no keys. */
void explain_keys(Buffer *out, const PlanNode *node, const int32_t *keys, int32_t key_count);
/* "a, b DESC", with names of input 0. */
void explain_order(Buffer *out, const PlanNode *node, const SortColumn *order, int32_t count);
/* "hop 30 min/1 min". */
void explain_window(Buffer *out, const WindowSpec *window);
/* Connector, format, key and partitions of a table. */
void explain_table(Buffer *out, const PlanTable *table);

/* ---- OVER and Top-N (over.c, top_n.c) -------------------------------------------------- */

/* Report what streaming cannot do, of a node that has not become Top-N. */
void over_check(Planner *planner, Rel *rel);
/* The strategy, once the modes of the input are known. */
void rank_choose(Planner *planner, Rel *rel);

/* ---- Distribution (finish.c) ----------------------------------------------------------- */

/* A node of one input: by the keys, or all on one shard if there are none. */
void distribute_by(Planner *planner, PlanNode *node, const int32_t *keys, int32_t count);

#endif
