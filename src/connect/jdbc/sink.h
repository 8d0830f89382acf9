/* Inside jdbc/: what the files of the sink share. */
#ifndef WEIR_CONNECT_JDBC_SINK_H
#define WEIR_CONNECT_JDBC_SINK_H

#include "connect/jdbc/jdbc.h"
#include "state/table.h"

/* ---- Rows that wait (rows.c) ------------------------------------------------------------- */

/* Owned batches of the table's physical columns, in order. Zero-initialise. */
typedef struct JdbcRows {
    Batch **batches;
    int32_t count, capacity;
    int64_t row_count;
    int64_t bytes; /* of all batches */
} JdbcRows;

/* Copies of the selected rows behind those there are. */
void jdbc_rows_add(JdbcRows *rows, const Schema *schema, const Batch *batch);
void jdbc_rows_clear(JdbcRows *rows);
/* All rows of `from` move to the empty `into`. */
void jdbc_rows_move(JdbcRows *into, JdbcRows *from);
/* Rows of a batch from `row` on as bytes, for checkpoints and staging: at least one, and as many
 * more as `bytes_max` hold. The row behind them. */
int32_t jdbc_batch_save(const Batch *batch, int32_t row, int64_t bytes_max, Buffer *out);
/* The other direction: a batch behind those there are; false on malformed bytes. */
bool jdbc_batch_load(JdbcRows *rows, const Schema *schema, Str bytes);

/* ---- The sink ---------------------------------------------------------------------------- */

enum { JDBC_WRITER_BYTES = 33 };

/* What a checkpoint has made ready. */
typedef struct JdbcEpoch {
    int64_t attempt;                /* the run that made it */
    int64_t checkpoint;             /* 0: nothing is prepared */
    int64_t committed;              /* of the same run, before it: the database must have that */
    int64_t staged_from, staged_to; /* chunks in the database, which come before … */
    JdbcRows rows;                  /* … these */
} JdbcEpoch;

typedef struct JdbcSink {
    SinkWriter base;
    JdbcUrl url;
    JdbcSession session;
    const JdbcDriver *driver;
    JdbcTarget target;
    bool is_connected, was_connected;
    int64_t rows_max;    /* rows that wait before they are sent; 0: only the time counts */
    int64_t interval_us; /* how long they wait at the most; 0: only the number counts */
    bool is_exact;
    int64_t memory_bytes;  /* exactly once: rows in memory before they are staged */
    const int32_t *inputs; /* column of the batch for each physical column, or -1 */
    JdbcRows waiting;
    int64_t waiting_since_us;
    TableKey key_shape;
    StateTable *later; /* keys of a run of rows, from its end on */
    Arena *scratch;
    Buffer letters; /* rows the server refused: reason, bytes, row kind; until the commit */
    Buffer posted;  /* those that a transaction has told of which has not committed */
    /* Exactly once (exact.c). */
    char writer[JDBC_WRITER_BYTES];
    int64_t attempt;
    int32_t claim_tries; /* since the last attempt that began */
    int64_t committed;   /* the last checkpoint of this run that had rows */
    int64_t staged_next; /* chunks of this run so far */
    int64_t staged_from; /* the first of them that belongs to `waiting` */
    JdbcEpoch prepared;
    bool has_refused; /* weir_refused holds letters that the next checkpoint notes */
} JdbcSink;

/* Connect and check, unless that is done. */
Status jdbc_sink_connect(JdbcSink *sink, Error *error);
void jdbc_sink_drop(JdbcSink *sink);

/* A transaction: begin, write, commit. After any failure the connection is dropped, which undoes
 * it. Rows the server refuses are left out and become dead letters with the commit. */
Status jdbc_sink_begin(JdbcSink *sink, Error *error);
Status jdbc_sink_apply(JdbcSink *sink, const JdbcRows *rows, Error *error);
/* Leave the row out; session.reason says why. */
void jdbc_sink_refuse(JdbcSink *sink, const Batch *batch, int32_t row);
Status jdbc_sink_end(JdbcSink *sink, Error *error);
/* The end in two steps, in the order that is asked for. */
Status jdbc_sink_post_letters(JdbcSink *sink, Error *error);
Status jdbc_sink_commit(JdbcSink *sink, Error *error);

/* ---- Exactly once (exact.c) -------------------------------------------------------------- */

/* Take the writer's place: after this no older run commits. Finishes what `state` has prepared. */
Status jdbc_exact_open(JdbcSink *sink, Str state, Error *error);
/* The waiting rows are the checkpoint's. */
void jdbc_exact_prepare(JdbcSink *sink, int64_t checkpoint, Buffer *state);
Status jdbc_exact_commit(JdbcSink *sink, Error *error);
/* Carry the waiting rows to the database, where nobody sees them yet. */
Status jdbc_exact_stage(JdbcSink *sink, Error *error);

#endif
