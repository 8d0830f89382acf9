/* Inside jdbc/: MySQL and MariaDB. */
#ifndef WEIR_CONNECT_JDBC_MYSQL_H
#define WEIR_CONNECT_JDBC_MYSQL_H

#include "connect/jdbc/jdbc.h"
#include "data/value.h"

/* Fail with what the server or the library says of the last call; noted in the session as well. */
Status jdbc_mysql_refused(JdbcSession *session, Error *error);

void jdbc_mysql_quote(Buffer *out, Str name);
/* A value that is not NULL. */
void jdbc_mysql_literal(JdbcSession *session, Buffer *out, const Value *value);

Status jdbc_mysql_connect(JdbcSession *session, Error *error);
void jdbc_mysql_drop(JdbcSession *session);

/* For the sink: see JdbcDriver. */
Status jdbc_mysql_run(JdbcSession *session, Str statement, JdbcTake *take, void *context,
                      Error *error);
Status jdbc_mysql_check(JdbcTarget *target, Error *error);
/* A statement for as many of the rows from `*next` on as it holds, those that are to be removed or
 * those that are not: target->rows, empty where there are none. */
Status jdbc_mysql_write(JdbcTarget *target, const JdbcRow *rows, int32_t count, bool is_removal,
                        int32_t *next, Error *error);
Status jdbc_mysql_apply(JdbcTarget *target, const JdbcRow *rows, int32_t count, Error *error);

Status jdbc_mysql_scan(JdbcSession *session, Str query, Error *error);
Status jdbc_mysql_fetch(JdbcSession *session, int32_t rows_max, JdbcTake *take, void *context,
                        int32_t *count, Error *error);

#endif
