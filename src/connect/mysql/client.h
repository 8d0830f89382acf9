/* One connection to a MySQL or MariaDB server: greeting, authentication, text queries.
 *
 *   mysql_client_open -> mysql_client_execute / _query … _fetch … -> mysql_client_close
 *
 * Results are streamed: rows are read as they are fetched, never collected. A result must be
 * fetched to its end, or dropped with the connection. Local files are never sent, whatever the
 * server asks. Reference: MySQL 8.0 Source Code Documentation, "Client/Server Protocol";
 * MariaDB Knowledge Base, "Client/Server Protocol". */
#ifndef WEIR_CONNECT_MYSQL_CLIENT_H
#define WEIR_CONNECT_MYSQL_CLIENT_H

#include "connect/mysql/wire.h"

typedef enum MysqlTls { MYSQL_TLS_OFF, MYSQL_TLS_PREFERRED, MYSQL_TLS_REQUIRED } MysqlTls;

/* Where and as whom; borrowed by clients. */
typedef struct MysqlEndpoint {
    SocketTarget target;
    const char *user;
    Str password;
    MysqlTls tls;
    TlsOptions tls_options;
    int64_t connect_timeout_us;
    int64_t query_timeout_us; /* how long the server may be silent while it answers */
} MysqlEndpoint;

typedef struct MysqlClient {
    const MysqlEndpoint *endpoint;
    Wire wire;
    Buffer out; /* the packet being built */
    char server_version[64];
    bool is_mariadb;
    int32_t version; /* 101119 for 10.11.19, 80036 for 8.0.36 */
    uint32_t connection_id;
    uint64_t capabilities;
    uint16_t last_code; /* of the last error packet, 0: none */
    char last_message[512];
} MysqlClient;

void mysql_client_init(MysqlClient *client, World *world, const MysqlEndpoint *endpoint);
void mysql_client_free(MysqlClient *client);
void mysql_client_interrupt(MysqlClient *client);

/* ERR_UNAVAILABLE (retriable): no connection; ERR_PERMISSION: user or password refused. */
Status mysql_client_open(MysqlClient *client, Error *error);
void mysql_client_close(MysqlClient *client);
bool mysql_client_is_open(const MysqlClient *client);

/* A statement whose rows, if any, are of no interest. */
Status mysql_client_execute(MysqlClient *client, const char *sql, Error *error);

/* Send a query and read the description of its columns. */
Status mysql_client_query(MysqlClient *client, Str sql, int32_t *column_count, Error *error);

/* The next row: `values[i].data` is NULL for NULL; valid until the next fetch. ERR_END behind
 * the last row. */
Status mysql_client_fetch(MysqlClient *client, Str *values, int32_t column_count, Error *error);

/* The first row of a query, values copied to the arena, or ERR_NOT_FOUND when it has none. */
Status mysql_client_row(MysqlClient *client, Arena *arena, const char *sql, Str *values,
                        int32_t column_count, Error *error);

/* Send a command packet: `command` and then `body`. */
Status mysql_client_command(MysqlClient *client, uint8_t command, Str body, Error *error);

/* Read an OK packet, or fail with the server's error. */
Status mysql_client_expect_ok(MysqlClient *client, Error *error);

/* What an error packet says as a Status: by its number a matter of rights, of a server that
 * goes away, or of the statement. */
Status mysql_client_fail(MysqlClient *client, Str packet, Error *error);

/* `text` as a literal that means the same in every sql_mode: _utf8mb4 x'…'. */
void mysql_append_literal(Buffer *out, Str text);
/* `name` in backticks. */
void mysql_append_name(Buffer *out, Str name);

#endif
