/* Inside jdbc/: PostgreSQL. */
#ifndef WEIR_CONNECT_JDBC_POSTGRES_H
#define WEIR_CONNECT_JDBC_POSTGRES_H

#include "connect/jdbc/jdbc.h"

typedef struct pg_result PGresult; /* of libpq-fe.h */

/* Fail with the server's or libpq's words; ERR_UNAVAILABLE is retriable. */
Status jdbc_pg_fail(JdbcSession *session, Status status, const char *text, Error *error);
/* The same with what the result says, which is noted in the session as well. */
Status jdbc_pg_refused(JdbcSession *session, const PGresult *result, Error *error);

void jdbc_pg_quote(Buffer *out, Str name);

Status jdbc_pg_connect(JdbcSession *session, Error *error);
void jdbc_pg_drop(JdbcSession *session);

/* The next result of what was sent, the caller's to PQclear; NULL behind the last. Sends what has
 * not been sent meanwhile. ERR_UNAVAILABLE if neither side has said anything for `silence_us` of
 * the session, or at `deadline_us` of the world's monotonic clock: the connection is of no use
 * then. */
Status jdbc_pg_result(JdbcSession *session, int64_t deadline_us, PGresult **out, Error *error);
/* All results of a statement that was sent, but for COPY, which goes on: the last one, the caller's
 * to PQclear. `is_sent` is what libpq said of sending it. */
Status jdbc_pg_answer(JdbcSession *session, bool is_sent, PGresult **out, Error *error);
/* The same for a statement without rows. */
Status jdbc_pg_done(JdbcSession *session, bool is_sent, Error *error);

/* The rows of a result, or its failure. */
Status jdbc_pg_take(JdbcSession *session, const PGresult *result, JdbcTake *take, void *context,
                    Error *error);

/* For sinks and scans: see JdbcDriver. */
Status jdbc_pg_run(JdbcSession *session, Str statement, JdbcTake *take, void *context,
                   Error *error);
Status jdbc_pg_check(JdbcTarget *target, Error *error);
/* From the temporary table into the target, and out of the target. */
void jdbc_pg_write_upsert(const JdbcTarget *target, Buffer *out);
void jdbc_pg_write_delete(const JdbcTarget *target, Buffer *out);
Status jdbc_pg_apply(JdbcTarget *target, const JdbcRow *rows, int32_t count, Error *error);

Status jdbc_pg_scan(JdbcSession *session, Str query, Error *error);
Status jdbc_pg_fetch(JdbcSession *session, int32_t rows_max, JdbcTake *take, void *context,
                     int32_t *count, Error *error);

#endif
