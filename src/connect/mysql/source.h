/* The reader behind a mysql-cdc table: what its parts share.
 *
 *   source.c    open, poll, snapshot, close; reconnecting
 *   snapshot.c  reads the tables in key order
 *   segment.c   what it has seen
 *   stream.c    reads the binlog
 *   book.c      definitions of the tables as of the position
 *   follow.c    statements of the binlog change them
 *   statement.c statements that change rows stop the source
 *   temporary.c tables of sessions, which such statements may change
 *   binding.c   table maps and where their columns go
 *   xa.c        changes of XA transactions wait for their XA COMMIT
 *   place.c     where in it to go on, on this server or another
 *   decode.c    row images into batches
 *   state.c     the position as bytes
 *   notice.c    warns of what cannot be read exactly
 *   options.c   the options table */
#ifndef WEIR_CONNECT_MYSQL_SOURCE_H
#define WEIR_CONNECT_MYSQL_SOURCE_H

#include "base/backoff.h"
#include "connect/connect.h"
#include "connect/mysql/catalog.h"
#include "connect/mysql/cell.h"
#include "connect/mysql/client.h"
#include "connect/mysql/ddl.h"
#include "connect/mysql/gtid.h"
#include "connect/mysql/payload.h"
#include "connect/mysql/rows.h"

extern const ConnectorInfo mysql_cdc_info;

enum {
    SOURCE_POLL_US = 50000,
    SOURCE_BATCH_BYTES = 8 * 1024 * 1024, /* of strings in a batch, before it is given out */
    BINDING_SLOTS = 1024,                 /* a power of two */
    KEY_COLUMNS_MAX = 32,
    SEGMENTS_MAX = 100000,
};

typedef enum StartMode {
    START_INITIAL,
    START_SNAPSHOT,
    START_EARLIEST,
    START_LATEST,
    START_SPECIFIC,
    START_TIMESTAMP,
} StartMode;

/* Metadata in the order of the connector's list. */
typedef enum SourceMetadata { META_TABLE, META_DATABASE, META_OP_TS, META_ROW_KIND } SourceMetadata;

typedef struct SourceOptions {
    StartMode mode;
    MysqlEndpoint endpoint;
    const TimeZone *zone; /* server-time-zone */
    int64_t chunk_rows;
    int64_t heartbeat_us;
    int64_t timestamp_ms;
    uint32_t server_id_first, server_id_last;
    int64_t connect_retries;
    BinaryMode binary;
    bool is_append_only;
    bool may_lock;
    Str gtid_set;
    const char *file;
    int64_t offset, skip_events, skip_rows;
} SourceOptions;

/* A physical table and its definition as of the position. Tables that are not read stand in the
 * book as well, as far as their database matches: one may be renamed, or be the model of another.
 */
typedef struct SourceTable {
    MysqlTable *schema;  /* in `arena`; without columns where it is not known */
    Arena *arena;        /* of the schema; replaced with it */
    Str why;             /* why the columns are not known; empty: they are */
    int32_t version;     /* of the schema: bindings of another are stale */
    bool is_wanted;      /* its rows are read */
    bool was_wanted;     /* and were when the checkpoint was taken; for those that stand in it */
    bool is_sequence;    /* no table, but it has row events */
    bool is_assumed;     /* the definition is of source->assumed_until, not of the position */
    bool is_snapshotted; /* the snapshot reads or has read it */
} SourceTable;

/* A database and its default character set as of the position. */
typedef struct SourceDatabase {
    Str name;
    Str charset;
} SourceDatabase;

/* A table map met in the binlog and where its columns go. */
typedef struct Binding {
    bool is_used;
    bool is_wanted;
    uint64_t id;
    int32_t version; /* of the table's schema when it was made */
    Arena *arena;
    Str raw; /* the event's body: another one under the same id is another map */
    TableMap map;
    SourceTable *table;
    Outlet *outlets;     /* by column of the map; column -1: not wanted */
    int32_t last_wanted; /* columns behind it are of no interest */
    uint64_t *required;  /* bitmap over columns: must be present in images */
} Binding;

/* The key of a row as the text protocol gives it, value after value. Zero-initialise. */
typedef struct RowKey {
    Buffer text;
    int32_t lengths[KEY_COLUMNS_MAX];
    int32_t count; /* 0: none */
} RowKey;

/* Rows up to a key of a table (all of the tables before it, too) that were read at a position.
 * The tables are ordered by database and name. */
typedef struct Segment {
    BinlogPosition position;
    uint32_t server_id; /* of the server that `position` belongs to */
    Str gtids;
    GtidSet executed;   /* the same, read; owned */
    Str database, name; /* of the table it ends in; empty: the end of all */
    RowKey upper;       /* empty: the end of the table */
} Segment;

typedef struct SourceSnapshot {
    bool is_done;
    bool is_open;        /* the consistent read stands */
    Segment *held;       /* where it is, while it is being set up */
    List order;          /* SourceTable *, ascending by name */
    Arena *schema_arena; /* of the next */
    List schemas;        /* MysqlTable *, as of the consistent read; in the same order */
    int32_t at;          /* table that is being read */
    bool is_checked;     /* its definition is held in place by the read, and is that of `schemas` */
    RowKey last;         /* of the row read last; count 0: none yet */
    int64_t table_rows;  /* read from the table so far */
    int64_t query_rows;  /* read by the running query */
    int32_t column_count; /* of the running query; 0: none runs */
    Arena *query_arena;
    Outlet *outlets;   /* per column of the query */
    int32_t *columns;  /* columns of the table behind them */
    int32_t key_first; /* columns of the query from here on are the key */
} SourceSnapshot;

/* How far the source is behind: see lag.c. */
typedef struct SourceLag {
    struct Metric *seconds;
    int64_t current_us; /* by the clock: all that was so far has been read; 0: not known yet */
} SourceLag;

typedef struct SourceStream {
    BinlogFormat format;
    bool is_open;
    char file[256];
    uint32_t file_made;    /* when `file` was begun, in seconds since 1970; 0: not known yet */
    BinlogPosition safe;   /* end of the last complete transaction */
    uint32_t safe_made;    /* likewise, of its file */
    bool is_place_checked; /* `safe` was found on the server, by this process */
    GtidSet gtids;         /* executed up to `safe` */
    Gtid gtid;             /* of the running transaction */
    bool has_gtid;
    bool is_in_transaction;
    int64_t rows_done;   /* wanted rows of the running transaction that were delivered */
    int64_t rows_skip;   /* wanted rows of it that were delivered before a restart */
    int64_t events_skip; /* scan.startup.specific-offset.skip-events */
    uint32_t server_id;  /* of the server that `safe` belongs to */
    int64_t last_heard_us;
    int64_t last_event_us; /* likewise, but heartbeats */
    Event event;           /* of `rows` */
    RowsEvent rows;
    Binding *binding; /* of `rows`; NULL: none open */
    Payload payload;
    uint32_t payload_end; /* next position of the payload event */
    Buffer inflated, scratch, sql_scratch;
    bool is_filtering; /* the position is within the snapshot's segments */
} SourceStream;

/* An XA transaction that is prepared. */
typedef struct PreparedXa {
    Buffer id;     /* as statements of the binlog write it: X'67',X'62',1 */
    Buffer events; /* table maps and rows of tables that are read, without checksums */
} PreparedXa;

typedef struct SourceXa {
    PreparedXa *held; /* in the order in which they were prepared */
    int32_t count, capacity;
    int64_t bytes;  /* of the events of all */
    Buffer taken;   /* events of the transaction that is being prepared */
    bool is_taking; /* the running transaction is one */
    bool is_giving; /* the running transaction is an XA COMMIT, or its end */
    int32_t giving; /* number of the one whose events come */
    int64_t at;     /* bytes of its events that have been given */
    Event commit;   /* the event of the XA COMMIT */
    bool may_miss;  /* one that was prepared in front of the start is not an error */
} SourceXa;

/* A temporary table of a session that logs statements. */
typedef struct TemporaryTable {
    uint32_t server_id, thread_id;
    Buffer database, name;
} TemporaryTable;

typedef struct TemporaryTables {
    TemporaryTable *items; /* in the order in which they were made */
    int32_t count, capacity;
} TemporaryTables;

typedef struct MysqlSource {
    SourceReader reader; /* must be first */
    SourceOptions options;
    Arena *arena;
    TableFilter *filter;
    MysqlClient client; /* catalogue, snapshot, comparing keys */
    MysqlClient dump;   /* binlog */
    bool is_made;       /* the clients exist */
    SourceTable **tables;
    int32_t table_count, table_capacity;
    List databases; /* SourceDatabase *, those that match the filter */
    NameCase name_case;
    BinlogPosition assumed_until; /* see SourceTable.is_assumed; offset 0: none is */
    Binding bindings[BINDING_SLOTS];
    List segments; /* Segment *, in order of the rows */
    SourceSnapshot snapshot;
    SourceStream stream;
    SourceLag lag;
    SourceXa xa;
    TemporaryTables temporary;
    Batch *batch; /* being filled; NULL: none */
    int64_t batch_bytes;
    Backoff backoff;
    int32_t damage_count; /* damaged packets and events met in a row */
    int64_t retry_at_us;  /* monotonic; 0: now */
    bool wants_metadata;
    Status failure; /* comes after the rows that were read before it */
    Error failure_error;
    Buffer text;
} MysqlSource;

/* ---- options.c ---- */
Status mysql_source_read_options(MysqlSource *source, Error *error);

/* ---- book.c ---- */
/* Whether the server takes the names of tables or databases for the same. */
bool mysql_names_agree(const MysqlSource *source, Str a, Str b);
SourceTable *book_find(const MysqlSource *source, Str database, Str name);
/* A new one; the schema is copied. */
SourceTable *book_add(MysqlSource *source, const MysqlTable *schema);
void book_set(SourceTable *table, const MysqlTable *schema);
/* From now on its columns are not known, for this reason. */
void book_set_unknown(SourceTable *table, Str why);
void book_remove(MysqlSource *source, SourceTable *table);
/* All that the catalogue has, as of `assumed_until` of the source if that is set. */
void book_take_catalog(MysqlSource *source, const MysqlCatalog *catalog);
void book_free(MysqlSource *source);
/* The default character set of a database; NULL data where it is not known. */
Str book_charset(const MysqlSource *source, Str database);
void book_set_charset(MysqlSource *source, Str database, Str charset);
/* The declared name of column `output` of the batch; NULL data: it is metadata. */
Str book_wanted(const MysqlSource *source, int32_t output);
/* Every wanted column exists and fits the declared type. */
Status book_check(MysqlSource *source, const MysqlTable *schema, Error *error);
/* One of them: `column` is what is wanted as `output`; NULL: `schema` has none of that name. */
Status book_check_column(MysqlSource *source, const MysqlTable *schema, int32_t output,
                         const MysqlColumn *column, Error *error);
/* How column `output` of the batch takes `column`. */
Outlet book_outlet(const MysqlSource *source, int32_t output, const MysqlColumn *column);

/* ---- follow.c ---- */
/* Take a statement of the binlog into the book. One after which a table cannot be read as it is
 * declared fails in place, with the book as it was: then it comes again. */
Status follow_statement(MysqlSource *source, const QueryEvent *query, Error *error);

/* ---- statement.c ---- */
/* WR3135 for a statement that may have changed rows that are read: the binlog has none of them. */
Status statement_check(const MysqlSource *source, const QueryEvent *query, Error *error);
/* Whether it alters a temporary table, whose name may be that of one that is read. */
bool statement_is_of_temporary(const MysqlSource *source, const QueryEvent *query);
/* Behind MariaDB's "SET STATEMENT name = value, … FOR". */
Str statement_text(Str sql);
/* Behind CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS]; false for all else. */
bool statement_take_create(SqlLexer *lexer, bool *is_temporary);

/* ---- temporary.c ---- */
/* A statement may make or drop one. */
void temporary_follow(MysqlSource *source, const QueryEvent *query);
/* Whether the session behind the stream's event has one of the name. */
bool temporary_has(const MysqlSource *source, uint32_t thread_id, Str database, Str name);
/* The server was started anew. */
void temporary_forget_server(MysqlSource *source, uint32_t server_id);
void temporary_write_state(const MysqlSource *source, Buffer *out);
void temporary_read_state(MysqlSource *source, ByteReader *reader);
void temporary_free(MysqlSource *source);

/* ---- binding.c ---- */
/* The binding of a table map event, made or found. */
Status binding_make(MysqlSource *source, const Event *event, Binding **out, Error *error);
/* NULL when no map has the id. */
Binding *binding_find(MysqlSource *source, uint64_t id);
/* All maps must come again. */
void binding_forget_all(MysqlSource *source);
void binding_free_all(MysqlSource *source);

/* ---- decode.c ---- */
/* Room for a change (two rows) in the batch; makes one if there is none. */
bool mysql_source_has_room(MysqlSource *source);
void mysql_source_end_row(MysqlSource *source, const SourceTable *table, int64_t op_us,
                          RowKind kind);
/* Rows of the open event into the batch, until it is full or the event ends. */
Status mysql_source_take_rows(MysqlSource *source, Error *error);
void mysql_source_reject(MysqlSource *source, const char *why, Str position, Str bytes);

/* ---- source.c ---- */
/* Calls `hold`, which takes hold of a position, until no definition changes meanwhile: then `out`,
 * in the arena, is what there is at the position. */
Status mysql_source_settle(MysqlSource *source, Status (*hold)(MysqlSource *, Error *),
                           Arena *arena, MysqlCatalog *out, Error *error);
/* Begin the book with what there is; ERR_NOT_FOUND when no table is to be read. */
Status mysql_source_take_catalog(MysqlSource *source, const MysqlCatalog *catalog, Error *error);

/* ---- moment.c ---- */

/* Begin a transaction that reads consistently, on source->client, and say which position of the
 * binlog it sees, with the transactions up to there (`gtids`, in source->arena; empty without
 * GTIDs). On MySQL, without a lock, that needs a moment in which nothing is committed: WR3132 when
 * none is found within ten seconds. The server must write a binlog. */
Status mysql_moment_begin(MysqlSource *source, BinlogPosition *position, Str *gtids, Error *error);

/* ---- snapshot.c ---- */
Status mysql_snapshot_begin(MysqlSource *source, Error *error);
/* Fill the batch; ERR_END behind the last row. */
Status mysql_snapshot_poll(MysqlSource *source, Error *error);
/* The connection is gone: what was read so far becomes a segment. */
void mysql_snapshot_break(MysqlSource *source);
void mysql_snapshot_free(MysqlSource *source);
/* WR3134: the snapshot of the table cannot go on. */
Status mysql_fail_cut(const MysqlTable *schema, const char *why, const char *hint, Error *error);

/* ---- segment.c ---- */
void row_key_free(RowKey *key);
Str row_key_value(const RowKey *key, int32_t index);
/* Whether the column is compared by its number, not by its text: ENUM, SET, BIT. */
bool row_key_is_number(const MysqlColumn *column);
void segment_free(Segment *segment);
/* Whether the stream's event is part of what was read at the segment's position. */
bool segment_has_seen(const MysqlSource *source, const Segment *segment);
/* Whether the stream is behind all that the segments have seen. */
bool segments_are_behind(const MysqlSource *source);
/* A later part of the snapshot must be of a later moment, on whichever server. */
Status segment_check_order(const Segment *before, const Segment *now, Error *error);
/* Whether image `which` of the open row event says nothing new: its row was read at or behind
 * the stream's position. The event's cursor stands at the image. */
Status segment_covers(MysqlSource *source, int32_t which, bool *out, Error *error);
/* The literal of `text` for comparing with the column. */
void mysql_key_print_literal(Buffer *out, const MysqlColumn *column, Str text);

/* ---- notice.c ---- */
/* Warn of tables that are read, whose changes the binlog or the snapshot does not show in full. */
Status mysql_notice_tables(MysqlSource *source, Error *error);

/* ---- xa.c ---- */
/* The running transaction is one that will be prepared. */
void xa_begin(MysqlSource *source);
/* A table map or a row event of it: kept if its table is read. */
Status xa_take(MysqlSource *source, Error *error);
/* XA_PREPARE; *gives: it is committed at the same time (ONE PHASE), see xa_commit. */
Status xa_prepare(MysqlSource *source, bool *gives, Error *error);
/* Behind "XA COMMIT": *gives says that its events come now, from xa_next; else it is done. */
Status xa_commit(MysqlSource *source, Str id, bool *gives, Error *error);
/* Behind "XA ROLLBACK". */
void xa_roll_back(MysqlSource *source, Str id);
/* The next event of the one that is committed; behind the last an XID. */
Status xa_next(MysqlSource *source, Event *out, Error *error);
/* The running transaction is over: what was given is let go. */
void xa_end(MysqlSource *source);
/* The stream begins anew behind the last complete transaction. */
void xa_break(MysqlSource *source);
void xa_free(MysqlSource *source);
void xa_write_state(const MysqlSource *source, Buffer *out);
void xa_read_state(MysqlSource *source, ByteReader *reader);
/* Until none is prepared any more of those that are now, behind the end of the binlog as of before;
 * WR3144 when that takes too long. */
Status xa_wait(MysqlSource *source, Error *error);

/* ---- stream.c ---- */
Status mysql_stream_open(MysqlSource *source, Error *error);
void mysql_stream_close(MysqlSource *source);
void mysql_stream_free(MysqlSource *source);
/* How often the server says that it is there, in microseconds. */
int64_t mysql_stream_beat_us(const MysqlSource *source);
/* Fill the batch. ERR_AGAIN: nothing now. */
Status mysql_stream_poll(MysqlSource *source, Error *error);
/* The first position for modes without a snapshot. */
Status mysql_stream_find_start(MysqlSource *source, Error *error);

/* ---- lag.c ---- */

void mysql_lag_open(MysqlSource *source);
/* An event has come, or none for so long. */
void mysql_lag_hear(MysqlSource *source, const Event *event);
void mysql_lag_hear_nothing(MysqlSource *source, int64_t silent_us);
/* Into the metric, whether the server is there or not. */
void mysql_lag_show(const MysqlSource *source);

/* ---- place.c ---- */
/* Whether to ask the server for the stream's place by GTID or by file and offset; an error when it
 * does not have it. */
Status mysql_place_choose(MysqlSource *source, const ServerInfo *info, bool *by_gtid, Error *error);
/* Whether the server's binlog still reaches to where the stream is; asked when nothing comes. */
Status mysql_place_check_end(MysqlSource *source, Error *error);
/* Whether a transaction can come next. */
Status mysql_place_check_next(MysqlSource *source, const Gtid *gtid, Error *error);
/* WR3130: what comes next is gone. */
Status mysql_fail_lost(MysqlSource *source, const char *why, Error *error);
/* WR3137: the server's binlog is not the one that was read. */
Status mysql_fail_other_history(MysqlSource *source, const char *why, Error *error);
/* WR3139: the server has another history under the same numbers, or did not log ours. */
Status mysql_fail_diverged(MysqlSource *source, const char *why, Error *error);
/* WR3138: the server lacks some of the transactions that the pipeline has. */
Status mysql_fail_behind(uint32_t server_id, Str gtids, Error *error);

/* ---- state.c ---- */
void mysql_source_write_state(const MysqlSource *source, Buffer *out);
Status mysql_source_read_state(MysqlSource *source, Str bytes, Error *error);

/* < 0, 0, > 0 by number of file, then offset. */
int binlog_position_compare(const BinlogPosition *a, const BinlogPosition *b);

#endif
