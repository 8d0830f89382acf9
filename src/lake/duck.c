/* Loading DuckDB. */
#include "lake/duck.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/ceiling.h"
#include "base/world.h"

enum { PATH_BYTES_MAX = 4096 };

static pthread_mutex_t duck_lock = PTHREAD_MUTEX_INITIALIZER;
static DuckApi duck_api;
static duckdb_database duck_database; /* NULL: not open yet */

/* Of what the process may have, that part at the most. */
enum { MEMORY_BYTES_MAX = 512 << 20, MEMORY_PART = 2 };

/* Settings of the one database: nothing is fetched from anywhere. */
static const char *const SETTINGS[][2] = {
    {"threads", "2"},
    {"autoinstall_known_extensions", "false"},
    {"autoload_known_extensions", "false"},
    {"allow_community_extensions", "false"},
    {"temp_directory", ""},
    /* What is free goes back to the system. */
    {"allocator_flush_threshold", "1MB"},
    {"allocator_background_threads", "true"},
};

/* Lazily: of its 24,000 functions that are called by way of a table most never are, and to look all
 * of them up took longer than everything else at the start. */
static void *duck_load_library(void)
{
    World *world = world_system();
    char path[PATH_BYTES_MAX];
    const char *given = world->kind->environment(world, "WEIR_DUCKDB");
    if (given != NULL && given[0] != '\0')
        return dlopen(given, RTLD_LAZY | RTLD_LOCAL);
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
    if (length > 0) {
        path[length] = '\0';
        char *slash = strrchr(path, '/');
        snprintf(slash, 32, "/../lib/libduckdb.so");
        void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
        if (library != NULL)
            return library;
    }
    return dlopen(WEIR_DUCKDB_BUILD_PATH, RTLD_LAZY | RTLD_LOCAL);
}

static Status duck_load(Error *error)
{
    void *library = duck_load_library();
    if (library == NULL) {
        Status status =
            fail(error, ERR_NOT_FOUND, "WR3461", "could not load DuckDB: %s", dlerror());
        error_hint(error, "parquet needs libduckdb.so: set WEIR_DUCKDB to its path, or put it into "
                          "../lib beside the program");
        return status;
    }
#define DUCK_LOAD(name)                                                                            \
    *(void **)&duck_api.name = dlsym(library, #name);                                              \
    if (duck_api.name == NULL)                                                                     \
        return fail(error, ERR_INVALID, "WR3461", "this DuckDB has no function " #name);
    DUCK_FUNCTIONS(DUCK_LOAD)
#undef DUCK_LOAD
    return OK;
}

static Status duck_open(Error *error)
{
    if (duck_database != NULL)
        return OK;
    TRY(duck_load(error));
    duckdb_config config = NULL;
    char *message = NULL;
    if (duck_api.duckdb_create_config(&config) != DuckDBSuccess)
        return fail(error, ERR_INTERNAL, "WR3462", "could not configure DuckDB");
    char memory[32];
    snprintf(memory, sizeof memory, "%lldKiB",
             (long long)ceiling_share(MEMORY_PART, MEMORY_BYTES_MAX) / 1024);
    (void)duck_api.duckdb_set_config(config, "memory_limit", memory);
    for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0]; i++)
        (void)duck_api.duckdb_set_config(config, SETTINGS[i][0], SETTINGS[i][1]);
    duckdb_state state = duck_api.duckdb_open_ext(NULL, &duck_database, config, &message);
    duck_api.duckdb_destroy_config(&config);
    if (state == DuckDBSuccess)
        return OK;
    duck_database = NULL;
    Status status = fail(error, ERR_INTERNAL, "WR3462", "could not start DuckDB: %s",
                         message == NULL ? "no reason given" : message);
    duck_api.duckdb_free(message);
    return status;
}

Status duck_connect(const DuckApi **api, duckdb_connection *out, Error *error)
{
    pthread_mutex_lock(&duck_lock);
    Status status = duck_open(error);
    pthread_mutex_unlock(&duck_lock);
    TRY(status);
    *api = &duck_api;
    if (duck_api.duckdb_connect(duck_database, out) != DuckDBSuccess)
        return fail(error, ERR_INTERNAL, "WR3462", "could not connect to DuckDB");
    return OK;
}

Status duck_fail(const char *message, const char *what, Error *error)
{
    Str text = message == NULL ? STR("no reason given") : str_from(message);
    Str line = str_trim(text);
    bool is_full = str_find(text, STR("No space left")) >= 0 ||
                   str_find(text, STR("File too large")) >= 0 ||
                   str_find(text, STR("quota exceeded")) >= 0;
    Status status = is_full                                      ? ERR_FULL
                    : str_find(text, STR("Out of Memory")) >= 0  ? ERR_LIMIT
                    : str_find(text, STR("No files found")) >= 0 ? ERR_NOT_FOUND
                    : str_find(text, STR("Binder Error")) >= 0   ? ERR_INVALID
                    : str_find(text, STR("Invalid Input Error")) >= 0 ||
                            str_find(text, STR("Invalid Error")) >= 0 ||
                            /* It says of itself that it is longer than it is. */
                            str_find(text, STR("Could not read enough bytes")) >= 0
                        ? ERR_DECODE
                        : ERR_IO;
    bool is_short = status == ERR_LIMIT && ceiling_share(1, INT64_MAX) != INT64_MAX;
    status = fail(error, status,
                  is_full    ? "WR3463"
                  : is_short ? "WR4412"
                             : "WR3464",
                  "could not %s: %.*s", what, STR_ARGS(line));
    if (is_short)
        error_hint(error, "DuckDB may have half of weir.memory.limit: allow more, or write files "
                          "with smaller row groups");
    return status;
}

Status duck_run(const DuckApi *api, duckdb_connection connection, const char *sql, Error *error)
{
    duckdb_result result;
    Status status = OK;
    if (api->duckdb_query(connection, sql, &result) != DuckDBSuccess)
        status = duck_fail(api->duckdb_result_error(&result), "run a statement in DuckDB", error);
    api->duckdb_destroy_result(&result);
    return status;
}
