/* Runs SQL by libduckdb and says how long each run took.
 *
 *     duckdb_sql LIBRARY THREADS REPEATS SETUP QUERY
 *
 * SETUP and QUERY are files, SETUP may be empty text. SETUP runs once; QUERY runs REPEATS times
 * in the same process, and each run prints `seconds cpu_seconds rows` to standard output; the rows
 * of the result are fetched and dropped. The time is that of the query alone: what it takes to load
 * the library and to start is not counted against DuckDB. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define DUCKDB_API_EXCLUDE_FUNCTIONS 1
#include "duckdb.h"

/* The few functions taken from the library, which is opened at run time as weir does it. */
typedef struct Duck {
    duckdb_state (*create_config)(duckdb_config *);
    duckdb_state (*set_config)(duckdb_config, const char *, const char *);
    duckdb_state (*open_ext)(const char *, duckdb_database *, duckdb_config, char **);
    duckdb_state (*connect)(duckdb_database, duckdb_connection *);
    duckdb_state (*query)(duckdb_connection, const char *, duckdb_result *);
    const char *(*result_error)(duckdb_result *);
    duckdb_data_chunk (*fetch_chunk)(duckdb_result);
    idx_t (*chunk_size)(duckdb_data_chunk);
    void (*destroy_chunk)(duckdb_data_chunk *);
    void (*destroy_result)(duckdb_result *);
    void (*disconnect)(duckdb_connection *);
    void (*close)(duckdb_database *);
} Duck;

static bool duck_load(const char *path, Duck *duck)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "duckdb_sql: %s\n", dlerror());
        return false;
    }
    const struct {
        const char *name;
        void *slot;
    } wanted[] = {
        {"duckdb_create_config", &duck->create_config},
        {"duckdb_set_config", &duck->set_config},
        {"duckdb_open_ext", &duck->open_ext},
        {"duckdb_connect", &duck->connect},
        {"duckdb_query", &duck->query},
        {"duckdb_result_error", &duck->result_error},
        {"duckdb_fetch_chunk", &duck->fetch_chunk},
        {"duckdb_data_chunk_get_size", &duck->chunk_size},
        {"duckdb_destroy_data_chunk", &duck->destroy_chunk},
        {"duckdb_destroy_result", &duck->destroy_result},
        {"duckdb_disconnect", &duck->disconnect},
        {"duckdb_close", &duck->close},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (symbol == NULL) {
            fprintf(stderr, "duckdb_sql: no %s in %s\n", wanted[i].name, path);
            return false;
        }
        *(void **)wanted[i].slot = symbol;
    }
    return true;
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    long bytes = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)bytes + 1);
    if (text != NULL && fread(text, 1, (size_t)bytes, file) != (size_t)bytes)
        text[0] = 0;
    fclose(file);
    return text;
}

/* Rows of the result, or -1 after saying what went wrong. */
static int64_t duck_run(const Duck *duck, duckdb_connection connection, const char *sql)
{
    duckdb_result result;
    if (duck->query(connection, sql, &result) != DuckDBSuccess) {
        fprintf(stderr, "duckdb_sql: %s\n", duck->result_error(&result));
        duck->destroy_result(&result);
        return -1;
    }
    int64_t rows = 0;
    for (;;) {
        duckdb_data_chunk chunk = duck->fetch_chunk(result);
        if (chunk == NULL)
            break;
        rows += (int64_t)duck->chunk_size(chunk);
        duck->destroy_chunk(&chunk);
    }
    duck->destroy_result(&result);
    return rows;
}

static bool duck_measure(const Duck *duck, duckdb_connection connection, int repeats,
                         const char *sql)
{
    for (int i = 0; i < repeats; i++) {
        double began = now_seconds(), cpu_began = cpu_seconds();
        int64_t rows = duck_run(duck, connection, sql);
        if (rows < 0)
            return false;
        printf("%.6f %.6f %lld\n", now_seconds() - began, cpu_seconds() - cpu_began,
               (long long)rows);
        fflush(stdout);
    }
    return true;
}

int main(int argc, char **argv)
{
    Duck duck;
    if (argc != 6) {
        fprintf(stderr, "usage: duckdb_sql LIBRARY THREADS REPEATS SETUP QUERY\n");
        return 64;
    }
    char *setup = read_text(argv[4]), *query = read_text(argv[5]);
    if (setup == NULL || query == NULL) {
        fprintf(stderr, "duckdb_sql: could not read %s or %s\n", argv[4], argv[5]);
        return 66;
    }
    if (!duck_load(argv[1], &duck))
        return 69;

    duckdb_config config;
    duckdb_database database;
    duckdb_connection connection;
    char *message = NULL;
    if (duck.create_config(&config) != DuckDBSuccess ||
        duck.set_config(config, "threads", argv[2]) != DuckDBSuccess ||
        duck.open_ext(NULL, &database, config, &message) != DuckDBSuccess ||
        duck.connect(database, &connection) != DuckDBSuccess) {
        fprintf(stderr, "duckdb_sql: could not open: %s\n", message != NULL ? message : "?");
        return 70;
    }
    bool is_good = (setup[0] == 0 || duck_run(&duck, connection, setup) >= 0) &&
                   duck_measure(&duck, connection, (int)strtol(argv[3], NULL, 10), query);
    duck.disconnect(&connection);
    duck.close(&database);
    free(setup);
    free(query);
    return is_good ? 0 : 70;
}
