/* DuckDB, loaded when it is first needed: it is 64 MB, and most jobs do without.
 *
 * The library is looked for at $WEIR_DUCKDB, in ../lib beside the program, and where it lay when
 * weir was built. Its functions are reached through a table under their own names. */
#ifndef WEIR_LAKE_DUCK_H
#define WEIR_LAKE_DUCK_H

#include <duckdb.h>

#include "base/status.h"
#include "base/str.h"

#define DUCK_FUNCTIONS(X)                                                                          \
    X(duckdb_create_config)                                                                        \
    X(duckdb_set_config)                                                                           \
    X(duckdb_destroy_config)                                                                       \
    X(duckdb_open_ext)                                                                             \
    X(duckdb_free)                                                                                 \
    X(duckdb_connect)                                                                              \
    X(duckdb_disconnect)                                                                           \
    X(duckdb_query)                                                                                \
    X(duckdb_result_error)                                                                         \
    X(duckdb_destroy_result)                                                                       \
    X(duckdb_prepare)                                                                              \
    X(duckdb_prepare_error)                                                                        \
    X(duckdb_destroy_prepare)                                                                      \
    X(duckdb_pending_prepared_streaming)                                                           \
    X(duckdb_pending_error)                                                                        \
    X(duckdb_execute_pending)                                                                      \
    X(duckdb_destroy_pending)                                                                      \
    X(duckdb_fetch_chunk)                                                                          \
    X(duckdb_create_logical_type)                                                                  \
    X(duckdb_create_decimal_type)                                                                  \
    X(duckdb_create_list_type)                                                                     \
    X(duckdb_create_map_type)                                                                      \
    X(duckdb_create_struct_type)                                                                   \
    X(duckdb_destroy_logical_type)                                                                 \
    X(duckdb_create_data_chunk)                                                                    \
    X(duckdb_data_chunk_reset)                                                                     \
    X(duckdb_data_chunk_get_vector)                                                                \
    X(duckdb_data_chunk_get_size)                                                                  \
    X(duckdb_data_chunk_set_size)                                                                  \
    X(duckdb_destroy_data_chunk)                                                                   \
    X(duckdb_vector_get_data)                                                                      \
    X(duckdb_vector_get_validity)                                                                  \
    X(duckdb_vector_ensure_validity_writable)                                                      \
    X(duckdb_vector_assign_string_element_len)                                                     \
    X(duckdb_list_vector_get_child)                                                                \
    X(duckdb_list_vector_reserve)                                                                  \
    X(duckdb_list_vector_set_size)                                                                 \
    X(duckdb_struct_vector_get_child)                                                              \
    X(duckdb_appender_create)                                                                      \
    X(duckdb_append_data_chunk)                                                                    \
    X(duckdb_appender_flush)                                                                       \
    X(duckdb_appender_error)                                                                       \
    X(duckdb_appender_destroy)

typedef struct DuckApi {
#define DUCK_FIELD(name) __typeof__(name) *name;
    DUCK_FUNCTIONS(DUCK_FIELD)
#undef DUCK_FIELD
} DuckApi;

/* The functions, and a connection to the process's one database in memory, whose memory and
 * threads are bounded. Disconnect with the API. ERR_NOT_FOUND with a hint when there is no
 * library. Safe from any thread. */
Status duck_connect(const DuckApi **api, duckdb_connection *out, Error *error);

/* Run a statement without a result. ERR_FULL when the device is full. */
Status duck_run(const DuckApi *api, duckdb_connection connection, const char *sql, Error *error);

/* Fill the error with DuckDB's message and choose the status by it. */
Status duck_fail(const char *message, const char *what, Error *error);

#endif
