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
} JdbcUrl;

/* What is wrong with the text, or NULL. */
const char *jdbc_url_parse(Arena *arena, Str text, JdbcUrl *out);
/* The value of a parameter, or NULL. */
const char *jdbc_url_parameter(Arena *arena, const JdbcUrl *url, const char *key);

/* A connection that looks rows up. */
typedef struct JdbcSession {
    LookupReader *reader;
    const JdbcUrl *url;
    const char *user, *password; /* or NULL */
    Str table_name;              /* as the server is told it */
    _Atomic int32_t socket;      /* of the connection, for the thread that interrupts; -1: none */
    _Atomic bool is_interrupted;
    void *connection;
    Buffer statement, text;
    const char **values; /* by key column: room for the driver */
    int64_t *starts;
} JdbcSession;

typedef struct JdbcDriver {
    /* Connect and see that the table and its columns are there. */
    Status (*open)(JdbcSession *session, Error *error);
    Status (*find)(JdbcSession *session, const Batch *keys, LookupRows *rows, Error *error);
    void (*close)(JdbcSession *session); /* without a connection, too */
} JdbcDriver;

extern const JdbcDriver jdbc_mysql_driver, jdbc_postgres_driver;
static inline const JdbcDriver *jdbc_driver(JdbcKind kind)
{
    return kind == JDBC_MYSQL ? &jdbc_mysql_driver : &jdbc_postgres_driver;
}

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

extern const LookupKind jdbc_lookup;

#endif
