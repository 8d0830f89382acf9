/* Inside jdbc/: what url.c, the drivers and lookup.c share. */
#ifndef WEIR_CONNECT_JDBC_JDBC_H
#define WEIR_CONNECT_JDBC_JDBC_H

#include "connect/connect.h"

typedef enum JdbcKind { JDBC_MYSQL, JDBC_POSTGRES } JdbcKind;

/* jdbc:mysql://host:port/database?key=value&… Texts lie in the arena, terminated. */
typedef struct JdbcUrl {
    JdbcKind kind;
    const char *host;
    int32_t port;
    const char *database; /* "" if there is none */
    Str parameters;       /* behind the '?' */
    int64_t silence_us; /* how long the server may be silent while it owes an answer; 0: for ever */
    bool says_silence;  /* it is not the one that is taken where nothing is said */
} JdbcUrl;

/* What is wrong with the text, or NULL. */
const char *jdbc_url_parse(Arena *arena, Str text, JdbcUrl *out);
/* The value of a parameter, or NULL. */
const char *jdbc_url_parameter(Arena *arena, const JdbcUrl *url, const char *key);

/* What the last refusal of the server was about. */
typedef enum JdbcRefusal {
    REFUSED_OTHER,
    REFUSED_ROW,    /* values of a row: without it the statement may succeed */
    REFUSED_TABLE,  /* it is not there */
    REFUSED_COLUMN, /* it is not there */
    REFUSED_RIGHTS,
    REFUSED_UPSERT, /* the table has no such unique key */
} JdbcRefusal;

/* A connection, of a look-up or a sink. */
typedef struct JdbcSession {
    LookupReader *reader; /* NULL: of a sink */
    const PlanTable *table;
    World *world;
    int64_t silence_us; /* as in JdbcUrl; of look-ups no more than they may take */
    const JdbcUrl *url;
    const char *user, *password; /* or NULL */
    Str table_name;              /* as the server is told it */
    _Atomic int32_t socket;      /* of the connection, for the thread that interrupts; -1: none */
    _Atomic bool is_interrupted;
    void *connection;
    void *result; /* MySQL: of a query whose rows are still coming; or NULL */
    Buffer statement, text;
    const char **values; /* look-ups, by key column: room for the driver */
    int64_t *starts;
    JdbcRefusal refusal; /* of the last failed statement of a sink */
    Buffer reason;       /* and the server's words for it, with the SQLSTATE */
} JdbcSession;

/* The table of a sink. */
typedef struct JdbcTarget {
    JdbcSession *session;
    const Schema *columns;   /* all physical ones: batches have them in this order */
    const int32_t *key;      /* indexes into columns */
    int32_t key_count;       /* 0: rows are only inserted */
    int32_t applied;         /* runs of rows in the open transaction so far */
    int64_t packet_bytes;    /* MySQL: the longest statement */
    bool needs_transactions; /* what is rolled back must be undone */
    Buffer rows;
} JdbcTarget;

/* A row that is written. */
typedef struct JdbcRow {
    const Batch *batch;
    int32_t row;
} JdbcRow;

static inline bool jdbc_row_is_removed(const JdbcRow *row)
{
    return batch_kind(row->batch, row->row) == ROW_DELETE;
}

/* A row of a result, as texts; NULL has no data. False: it is not what was asked for. */
typedef bool JdbcTake(void *context, const Str *cells, int32_t count);

typedef struct JdbcDriver {
    Status (*connect)(JdbcSession *session, Error *error);
    /* Connect for look-ups and see that the table and its columns are there. */
    Status (*open)(JdbcSession *session, Error *error);
    Status (*find)(JdbcSession *session, const Batch *keys, LookupRows *rows, Error *error);
    void (*close)(JdbcSession *session); /* without a connection, too */
    /* One statement; its rows, if there are any, go to `take` (may be NULL). */
    Status (*run)(JdbcSession *session, Str statement, JdbcTake *take, void *context, Error *error);
    /* See that rows can be written: table, columns, types, key, rights. Once a connection. */
    Status (*check)(JdbcTarget *target, Error *error);
    /* Within a transaction: insert the rows, or bring them in and out by key, where no key comes
     * twice. After a failure with REFUSED_ROW the caller rolls back to its savepoint. */
    Status (*apply)(JdbcTarget *target, const JdbcRow *rows, int32_t count, Error *error);
    /* Begin to read the rows of a query, and read up to so many of them: none at the end. */
    Status (*scan)(JdbcSession *session, Str query, Error *error);
    Status (*fetch)(JdbcSession *session, int32_t rows_max, JdbcTake *take, void *context,
                    int32_t *count, Error *error);
    const char *begin;      /* a transaction that sees what others have committed */
    const char *bytes_type; /* of a column of bytes */
    const char *table_tail; /* behind the columns of CREATE TABLE */
} JdbcDriver;

extern const JdbcDriver jdbc_mysql_driver, jdbc_postgres_driver;
static inline const JdbcDriver *jdbc_driver(JdbcKind kind)
{
    return kind == JDBC_MYSQL ? &jdbc_mysql_driver : &jdbc_postgres_driver;
}

/* The server answers something else than it was asked. */
Status jdbc_malformed(const JdbcSession *session, const char *what, Error *error);
/* The value that a server's text means for a column of this type; text is borrowed, from `scratch`
 * perhaps. False if it means none. */
bool jdbc_value(JdbcKind kind, Str text, Type type, Buffer *scratch, Value *out);
/* Put the text (data NULL: NULL) into column `column` of the row; false if it means no value. */
bool jdbc_put(JdbcSession *session, Batch *batch, int32_t row, int32_t column, Str text);
/* A row that cannot be read: take it back and keep its key as a dead letter. */
void jdbc_reject_row(JdbcSession *session, LookupRows *rows, const Batch *keys, int32_t key,
                     int32_t column, Str text);
/* A key that the server cannot compare with its column: keep it as a dead letter. */
void jdbc_reject_key(JdbcSession *session, const Batch *keys, int32_t key, const char *reason);
/* "a, b" of the columns that are fetched, each quoted by the driver. */
void jdbc_columns(const JdbcSession *session, Buffer *out, void (*quote)(Buffer *out, Str name));
/* The table's name: of database.table each part is quoted. */
void jdbc_table(const JdbcSession *session, Buffer *out, void (*quote)(Buffer *out, Str name));

/* ---- The sink ---------------------------------------------------------------------------- */

/* "a, b" of all columns. */
void jdbc_target_columns(const JdbcTarget *target, Buffer *out,
                         void (*quote)(Buffer *out, Str name));
bool jdbc_target_is_key(const JdbcTarget *target, int32_t column);
/* The column's type in the database does not take what is declared; `is` names it. */
Status jdbc_type_refused(const JdbcTarget *target, int32_t column, const char *is, Error *error);
/* Whether rows of the type can be written. */
bool jdbc_writes_type(JdbcKind kind, Type type);
/* CREATE TABLE as the rows want it, for messages. */
void jdbc_create_table(const JdbcTarget *target, JdbcKind kind, Buffer *out);
/* A row as the text format of COPY wants it, without the end of the line. */
void jdbc_copy_value(Buffer *out, const Value *value, Buffer *scratch);

extern const LookupKind jdbc_lookup;
extern const SinkKind jdbc_sink;
extern const SourceKind jdbc_source;

#endif
