/* Loading libduckdb and talking to it. */
#include "lake/duck.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { PATH_BYTES_MAX = 4096 };

struct Duck {
    const DuckApi *api;
    duckdb_database database;
    duckdb_connection connection;
};

static pthread_mutex_t load_mutex = PTHREAD_MUTEX_INITIALIZER;
static DuckApi loaded_api;
static bool is_loaded;

#define ENTRY(name)                                                                                \
    {                                                                                              \
        "duckdb_" #name, offsetof(DuckApi, name)                                                   \
    }

static const struct {
    const char *symbol;
    size_t offset;
} entries[] = {
    ENTRY(open_ext),
    ENTRY(connect),
    ENTRY(disconnect),
    ENTRY(close),
    ENTRY(create_config),
    ENTRY(set_config),
    ENTRY(destroy_config),
    ENTRY(free),
    ENTRY(query),
    ENTRY(result_error),
    ENTRY(destroy_result),
    ENTRY(column_count),
    ENTRY(column_name),
    ENTRY(prepare),
    ENTRY(prepare_error),
    ENTRY(destroy_prepare),
    ENTRY(pending_prepared_streaming),
    ENTRY(pending_error),
    ENTRY(destroy_pending),
    ENTRY(execute_pending),
    ENTRY(fetch_chunk),
    ENTRY(appender_create),
    ENTRY(appender_error),
    ENTRY(append_data_chunk),
    ENTRY(appender_destroy),
    ENTRY(create_logical_type),
    ENTRY(create_decimal_type),
    ENTRY(destroy_logical_type),
    ENTRY(create_data_chunk),
    ENTRY(destroy_data_chunk),
    ENTRY(data_chunk_get_vector),
    ENTRY(data_chunk_get_size),
    ENTRY(data_chunk_set_size),
    ENTRY(data_chunk_reset),
    ENTRY(vector_get_data),
    ENTRY(vector_get_validity),
    ENTRY(vector_ensure_validity_writable),
    ENTRY(vector_assign_string_element_len),
};

static void *load_from(const char *path)
{
    return path[0] == '\0' ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void *load_beside_program(const char *relative)
{
    char path[PATH_BYTES_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = sizeof path - (size_t)(slash - path);
    if ((size_t)snprintf(slash, room, "/%s", relative) >= room)
        return NULL;
    return load_from(path);
}

static Status load_locked(Error *error)
{
    if (is_loaded)
        return OK;
    void *library = load_beside_program("libduckdb.so");
    if (library == NULL)
        library = load_beside_program("../lib/libduckdb.so");
    if (library == NULL)
        library = load_from(WEIR_DUCKDB_BUILD_PATH);
    if (library == NULL)
        library = load_from("libduckdb.so"); /* LD_LIBRARY_PATH and the system's folders */
    if (library == NULL) {
        Status status =
            fail(error, ERR_NOT_FOUND, "WR3401", "could not load libduckdb: %s", dlerror());
        error_hint(error, "Parquet needs it: put libduckdb.so beside weir, in ../lib, or where "
                          "LD_LIBRARY_PATH points to");
        return status;
    }
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        void *symbol = dlsym(library, entries[i].symbol);
        if (symbol == NULL)
            return fail(error, ERR_NOT_FOUND, "WR3401", "libduckdb lacks %s: version 1.4 is needed",
                        entries[i].symbol);
        memcpy((char *)&loaded_api + entries[i].offset, &symbol, sizeof symbol);
    }
    is_loaded = true;
    return OK;
}

Status duck_load(const DuckApi **api, Error *error)
{
    pthread_mutex_lock(&load_mutex);
    Status status = load_locked(error);
    pthread_mutex_unlock(&load_mutex);
    *api = &loaded_api;
    return status;
}

Status duck_fail(Error *error, const char *what, const char *reason)
{
    if (reason == NULL)
        reason = "no reason given";
    bool is_full = strstr(reason, strerror(ENOSPC)) != NULL ||
                   strstr(reason, strerror(EDQUOT)) != NULL ||
                   strstr(reason, strerror(EFBIG)) != NULL;
    Status status = fail(error, is_full ? ERR_FULL : ERR_IO, is_full ? "WR5004" : "WR3402",
                         "could not %s: %s", what, reason);
    if (error != NULL)
        error->is_retriable = is_full;
    return status;
}

Status duck_execute(Duck *duck, const char *sql, const char *what, Error *error)
{
    duckdb_result result;
    Status status = OK;
    if (duck->api->query(duck->connection, sql, &result) != DuckDBSuccess)
        status = duck_fail(error, what, duck->api->result_error(&result));
    duck->api->destroy_result(&result);
    return status;
}

Status duck_open(int64_t memory_bytes, Duck **out, Error *error)
{
    const DuckApi *api;
    TRY(duck_load(&api, error));
    Duck *duck = memory_allocate_zeroed(sizeof *duck);
    duck->api = api;
    duckdb_config config = NULL;
    char memory[32];
    snprintf(memory, sizeof memory, "%lldB", (long long)memory_bytes);
    char *reason = NULL;
    bool is_open =
        api->create_config(&config) == DuckDBSuccess &&
        api->set_config(config, "threads", "1") == DuckDBSuccess &&
        (memory_bytes == 0 || api->set_config(config, "memory_limit", memory) == DuckDBSuccess) &&
        api->open_ext(NULL, &duck->database, config, &reason) == DuckDBSuccess &&
        api->connect(duck->database, &duck->connection) == DuckDBSuccess;
    if (config != NULL)
        api->destroy_config(&config);
    Status status = OK;
    if (!is_open)
        status = fail(error, ERR_INTERNAL, "WR3402", "could not start DuckDB: %s",
                      reason != NULL ? reason : "no reason given");
    if (reason != NULL)
        api->free(reason);
    if (status == OK)
        status = duck_execute(duck, "SET TimeZone = 'UTC'; SET preserve_insertion_order = true",
                              "set up DuckDB", error);
    if (status == OK)
        *out = duck;
    else
        duck_close(duck);
    return status;
}

void duck_close(Duck *duck)
{
    if (duck == NULL)
        return;
    if (duck->connection != NULL)
        duck->api->disconnect(&duck->connection);
    if (duck->database != NULL)
        duck->api->close(&duck->database);
    memory_free(duck);
}

duckdb_connection duck_connection(Duck *duck)
{
    return duck->connection;
}

static void append_quoted(Buffer *out, Str text, char quote)
{
    buffer_append_char(out, quote);
    for (int64_t i = 0; i < text.length; i++) {
        if (text.data[i] == quote)
            buffer_append_char(out, quote);
        buffer_append_char(out, text.data[i]);
    }
    buffer_append_char(out, quote);
}

void duck_append_name(Buffer *out, Str name)
{
    append_quoted(out, name, '"');
}

void duck_append_text(Buffer *out, Str text)
{
    append_quoted(out, text, '\'');
}
