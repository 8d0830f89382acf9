/* libduckdb, loaded when the first Parquet file is touched and not before: it is 64 MB.
 *
 * A Duck is an in-memory database with one connection, for one thread at a time. Its functions
 * are reached through duck_api, a table filled by dlopen. */
#ifndef WEIR_LAKE_DUCK_H
#define WEIR_LAKE_DUCK_H

#include <duckdb.h>

#include "base/buffer.h"
#include "base/status.h"
#include "base/str.h"

typedef struct Duck Duck;

/* The functions of the C API that lake/ uses, by their own names without the prefix. */
typedef struct DuckApi {
    __typeof__(&duckdb_open_ext) open_ext;
    __typeof__(&duckdb_connect) connect;
    __typeof__(&duckdb_disconnect) disconnect;
    __typeof__(&duckdb_close) close;
    __typeof__(&duckdb_create_config) create_config;
    __typeof__(&duckdb_set_config) set_config;
    __typeof__(&duckdb_destroy_config) destroy_config;
    __typeof__(&duckdb_free) free;
    __typeof__(&duckdb_query) query;
    __typeof__(&duckdb_result_error) result_error;
    __typeof__(&duckdb_destroy_result) destroy_result;
    __typeof__(&duckdb_column_count) column_count;
    __typeof__(&duckdb_column_name) column_name;
    __typeof__(&duckdb_prepare) prepare;
    __typeof__(&duckdb_prepare_error) prepare_error;
    __typeof__(&duckdb_destroy_prepare) destroy_prepare;
    __typeof__(&duckdb_pending_prepared_streaming) pending_prepared_streaming;
    __typeof__(&duckdb_pending_error) pending_error;
    __typeof__(&duckdb_destroy_pending) destroy_pending;
    __typeof__(&duckdb_execute_pending) execute_pending;
    __typeof__(&duckdb_fetch_chunk) fetch_chunk;
    __typeof__(&duckdb_appender_create) appender_create;
    __typeof__(&duckdb_appender_error) appender_error;
    __typeof__(&duckdb_append_data_chunk) append_data_chunk;
    __typeof__(&duckdb_appender_destroy) appender_destroy;
    __typeof__(&duckdb_create_logical_type) create_logical_type;
    __typeof__(&duckdb_create_decimal_type) create_decimal_type;
    __typeof__(&duckdb_destroy_logical_type) destroy_logical_type;
    __typeof__(&duckdb_create_data_chunk) create_data_chunk;
    __typeof__(&duckdb_destroy_data_chunk) destroy_data_chunk;
    __typeof__(&duckdb_data_chunk_get_vector) data_chunk_get_vector;
    __typeof__(&duckdb_data_chunk_get_size) data_chunk_get_size;
    __typeof__(&duckdb_data_chunk_set_size) data_chunk_set_size;
    __typeof__(&duckdb_data_chunk_reset) data_chunk_reset;
    __typeof__(&duckdb_vector_get_data) vector_get_data;
    __typeof__(&duckdb_vector_get_validity) vector_get_validity;
    __typeof__(&duckdb_vector_ensure_validity_writable) vector_ensure_validity_writable;
    __typeof__(&duckdb_vector_assign_string_element_len) vector_assign_string_element_len;
} DuckApi;

/* Load the library if that has not happened. Looked for beside the program, in ../lib from it,
 * where the build found it, and in the system's places. ERR_NOT_FOUND if it is in none. */
Status duck_load(const DuckApi **api, Error *error);

/* A new database with one thread, at most `memory_bytes` of memory (0: DuckDB's own choice) and
 * UTC as its zone. */
Status duck_open(int64_t memory_bytes, Duck **out, Error *error);
/* NULL is allowed. */
void duck_close(Duck *duck);
duckdb_connection duck_connection(Duck *duck);

/* Run statements that give no rows. `what` says in the message what could not be done; ERR_FULL
 * when the disk is full. */
Status duck_execute(Duck *duck, const char *sql, const char *what, Error *error);

/* A failure in DuckDB's words, which name the file. */
Status duck_fail(Error *error, const char *what, const char *reason);

/* "name" and 'text' with quotes doubled. */
void duck_append_name(Buffer *out, Str name);
void duck_append_text(Buffer *out, Str text);

#endif
