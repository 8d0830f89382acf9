/* What the joins that keep rows by key have in common: taking a batch apart, the chains of rows in
 * the entries of a key, and their way into and out of checkpoints.
 *
 * State is saved entry by entry while rows go on (state/keyed.h): table_find_or_insert says that
 * one changes; who comes to an entry by another way, such as a row whose time has come, says
 * table_touch first. What stands for entries and rows elsewhere, in queues, is made again at the
 * start. */
#ifndef WEIR_EXEC_JOIN_ROWS_H
#define WEIR_EXEC_JOIN_ROWS_H

#include "exec/exec.h"
#include "exec/join/kept.h"
#include "exec/join/time_queue.h"
#include "state/table.h"

/* The rows of one key and side, in order of time; of one time, in order of arrival. */
typedef struct RowChain {
    KeptRow *first, *last;
} RowChain;

/* `row->time` and nothing else of its place is set. */
void row_chain_insert(RowChain *chain, KeptRow *row);
/* At the end, whatever its time. */
void row_chain_append(RowChain *chain, KeptRow *row);
void row_chain_remove(RowChain *chain, KeptRow *row);
/* By time, whatever order they have; of one time as they are. */
void row_chain_sort(RowChain *chain);

/* The rows of a batch that a join can work with, in scratch. `keys` are by position in `keyed`;
 * rows of `unkeyed` have a NULL among their keys and meet no partner. */
typedef struct JoinRows {
    Selection keyed, unkeyed;
    TableKeys keys;
} JoinRows;

/* The selected rows of input `input` by their keys. */
JoinRows join_rows(const Operator *op, const PlanJoin *join, const TableKey *key, int32_t input,
                   const Batch *batch);

/* Those of `rows` that are not keyed, as the `keyed` ones of a result of their own: for operators
 * that keep them all the same. */
JoinRows join_rows_unkeyed(const Operator *op, const PlanJoin *join, const TableKey *key,
                           int32_t input, const Batch *batch, const JoinRows *rows);

/* What keys of a join look like; the same for both inputs. */
TableKey join_table_key(const Operator *op, const PlanJoin *join);

/* Dead letters for the selected rows whose time is NULL; the selection goes on without them. */
void join_reject_null_times(Operator *op, int32_t input, int32_t time_column, Batch *batch,
                            Metric *null_times);

static inline Timestamp join_time(const Batch *batch, int32_t column, int32_t row)
{
    const Column *times = &batch->columns[column];
    assert(times->physical == PHYSICAL_I64);
    return ((const int64_t *)times->values)[column_index(times, row)];
}

/* For how long each input's watermark has stood behind the wall clock, so that one that holds a
 * join up can be seen. */
typedef struct JoinDelays {
    Metric *inputs[2];
} JoinDelays;
JoinDelays join_delays_open(const Operator *op);
void join_delays_tick(const JoinDelays *delays, const Operator *op, int64_t now_us);

/* ---- Rows of both inputs, by key -------------------------------------------------------- */

/* The value of a state table: what is kept of a key. Rows with a NULL in a key that means no
 * partner have entries like others, in which they stand as they came. */
typedef struct JoinEntry {
    RowChain chains[2]; /* by input */
    bool is_unkeyed;    /* of such a key: its rows do not meet */
} JoinEntry;

static inline JoinEntry *join_entry(uint8_t *value)
{
    return (JoinEntry *)(void *)value;
}

static inline bool join_entry_is_empty(const JoinEntry *entry)
{
    return entry->chains[0].first == NULL && entry->chains[1].first == NULL;
}

/* Add a row, whose time is set. */
void join_entry_keep(JoinEntry *entry, int32_t input, KeptRow *row);

/* Of tables of entries, whose owner are the KeptRows of both inputs; an entry that is deleted takes
 * its rows along. */
extern const TableCodec join_entry_codec;

/* A table of entries whose rows are in `kept`, by input: the keyed state of the operator, to be
 * freed before they are closed. An entry that is deleted takes its rows along. */
StateTable *join_entries_new(Operator *op, const TableKey *key, KeptRows *kept);

/* ---- Checkpoints ------------------------------------------------------------------------- */

/* The rows of a chain: of each its time, is_matched, kind and the row itself. */
void row_chain_save(const RowChain *chain, const KeptRows *kept, Buffer *out);
/* They are appended to the chain and belong to `entry`; false on malformed bytes. */
bool row_chain_load(RowChain *chain, KeptRows *kept, uint8_t *entry, ByteReader *in);
/* Give all rows back. */
void row_chain_clear(RowChain *chain, KeptRows *kept);

#endif
