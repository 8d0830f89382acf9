/* The store by hand, so that test/e2e can hold it against real servers.
 *
 *     store LOCATION put NAME FILE          get NAME FILE      the file as an object, and back
 *                    write NAME PIECE       standard input, in pieces of so many bytes
 *                    insist NAME PIECE      the same, and again where nobody answers
 *                    pieces NAME PIECE      all of it, read in pieces, to standard output
 *                    give-up NAME BYTES     a write of so many bytes that is abandoned
 *                    leave NAME BYTES       the same, and the process dies in the middle
 *                    read NAME OFFSET BYTES to standard output
 *                    cat NAME MOST          all of it, if it is not more
 *                    size NAME   list PREFIX   remove NAME   sweep PREFIX
 *                    many NAME COUNT        so many small objects NAME0001, …, by four threads
 *
 * Keys and addresses come from the environment, as AWS names it. An error is printed as CODE, text
 * and hint, and the exit code is 1. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/store.h"

enum { THREADS = 4, INSISTING = 3, INPUT_BYTES = 1024 * 1024 };

static Store *store;
static Error error;

static int64_t number(const char *text)
{
    int64_t value = 0;
    bool is_number = str_parse_int64(str_from(text), &value);
    assert(is_number);
    return value;
}

static Status do_put(const char *name, const char *path)
{
    return store_put_file(store, name, path, &error);
}

static Status do_get(const char *name, const char *path)
{
    return store_get_file(store, name, path, &error);
}

static Status print(Status status, Buffer *bytes)
{
    if (status == OK)
        fwrite(bytes->data, 1, (size_t)bytes->length, stdout);
    buffer_free(bytes);
    return status;
}

/* Whether a call that came to this is to be made again. */
static bool insists(Status status, int32_t *again)
{
    if (status != ERR_UNAVAILABLE || *again == 0)
        return false;
    (*again)--;
    fprintf(stderr, "%s: again\n", error.code);
    return true;
}

/* A call that finds nobody there is made again, so often. */
static Status write_input(const char *name, int64_t bytes, int32_t again)
{
    StoreWrite *write;
    char *buffer = memory_allocate(bytes);
    Status status = store_write_begin(store, name, &write, &error);
    size_t got = (size_t)bytes;
    while (status == OK && got == (size_t)bytes) {
        got = fread(buffer, 1, (size_t)bytes, stdin);
        do
            status = store_write_add(write, str_make(buffer, (int64_t)got), &error);
        while (insists(status, &again));
    }
    memory_free(buffer);
    bool is_open = status != OK;
    if (status == OK) {
        do
            status = store_write_end(write, &error);
        while (insists(status, &again));
        is_open = status == ERR_UNAVAILABLE;
    }
    if (is_open)
        store_write_abandon(write);
    return status;
}

static Status do_write(const char *name, const char *piece)
{
    return write_input(name, number(piece), 0);
}

static Status do_insist(const char *name, const char *piece)
{
    return write_input(name, number(piece), INSISTING);
}

/* Pieces of the object one after the other, as state is read back. */
static Status do_pieces(const char *name, const char *piece)
{
    Buffer out = {0};
    Status status = OK;
    int64_t got = -1;
    while (status == OK && got != out.length) {
        got = out.length;
        status = store_read_at(store, name, got, number(piece), &out, &error);
    }
    return print(status, &out);
}

static Status write_some(const char *name, int64_t bytes, StoreWrite **write)
{
    char *buffer = memory_allocate_zeroed(INPUT_BYTES);
    Status status = store_write_begin(store, name, write, &error);
    for (; status == OK && bytes > 0; bytes -= INPUT_BYTES)
        status = store_write_add(
            *write, str_make(buffer, bytes < INPUT_BYTES ? bytes : INPUT_BYTES), &error);
    memory_free(buffer);
    return status;
}

static Status do_give_up(const char *name, const char *bytes)
{
    StoreWrite *write;
    Status status = write_some(name, number(bytes), &write);
    store_write_abandon(write);
    return status;
}

static Status do_leave(const char *name, const char *bytes)
{
    StoreWrite *write;
    TRY(write_some(name, number(bytes), &write));
    _exit(0);
}

static Status do_read(const char *name, const char *offset, const char *bytes)
{
    Buffer out = {0};
    Status status = store_read_at(store, name, number(offset), number(bytes), &out, &error);
    return print(status, &out);
}

static Status do_cat(const char *name, const char *most)
{
    Buffer out = {0};
    return print(store_read_whole(store, name, number(most), &out, &error), &out);
}

static Status do_size(const char *name)
{
    int64_t bytes;
    TRY(store_size(store, name, &bytes, &error));
    printf("%lld\n", (long long)bytes);
    return OK;
}

static Status do_list(const char *prefix)
{
    Arena *arena = arena_new(0);
    List names = {0};
    Status status = store_list(store, prefix, arena, &names, &error);
    for (int32_t i = 0; status == OK && i < names.count; i++)
        puts(LIST_AT(names, i, const char));
    arena_free(arena);
    return status;
}

/* ---- Several threads --------------------------------------------------------------------- */

typedef struct Worker {
    pthread_t thread;
    const char *name;
    int64_t first, count;
    Status status;
    Error error;
} Worker;

static void *worker_run(void *argument)
{
    Worker *worker = argument;
    for (int64_t i = worker->first; worker->status == OK && i <= worker->count; i += THREADS) {
        char name[256];
        StoreWrite *write;
        snprintf(name, sizeof name, "%.200s%04lld", worker->name, (long long)i);
        worker->status = store_write_begin(store, name, &write, &worker->error);
        if (worker->status != OK)
            break;
        worker->status = store_write_add(write, str_from(name), &worker->error);
        assert(worker->status == OK); /* it is only gathered */
        worker->status = store_write_end(write, &worker->error);
    }
    return NULL;
}

static Status do_many(const char *name, const char *count)
{
    Worker workers[THREADS] = {0};
    Status status = OK;
    for (int32_t i = 0; i < THREADS; i++) {
        workers[i].name = name;
        workers[i].first = i + 1;
        workers[i].count = number(count);
        int code = pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]);
        assert(code == 0);
    }
    for (int32_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        if (status == OK) {
            status = workers[i].status;
            error = workers[i].error;
        }
    }
    return status;
}

/* ---- The command line -------------------------------------------------------------------- */

static Status run(char **arguments, int count)
{
    const char *command = arguments[0];
    const char *one = count > 1 ? arguments[1] : "";
    const char *two = count > 2 ? arguments[2] : "";
    const char *three = count > 3 ? arguments[3] : "";
    const struct {
        const char *name;
        Status (*run)(const char *one, const char *two);
    } pairs[] = {
        {"insist", do_insist},   {"pieces", do_pieces}, {"put", do_put},
        {"get", do_get},         {"write", do_write},   {"cat", do_cat},
        {"give-up", do_give_up}, {"leave", do_leave},   {"many", do_many},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (strcmp(command, pairs[i].name) == 0)
            return pairs[i].run(one, two);
    if (strcmp(command, "read") == 0)
        return do_read(one, two, three);
    if (strcmp(command, "size") == 0)
        return do_size(one);
    if (strcmp(command, "list") == 0)
        return do_list(one);
    if (strcmp(command, "remove") == 0)
        return store_remove(store, one, &error);
    if (strcmp(command, "sweep") == 0)
        return store_sweep(store, one, &error);
    fprintf(stderr, "store: no command `%s`\n", command);
    exit(64);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: store LOCATION COMMAND …\n");
        return 64;
    }
    Status status = store_open(world_system(), argv[1], NULL, &store, &error);
    if (status == OK) {
        status = run(argv + 2, argc - 2);
        store_close(store);
    }
    if (status != OK)
        fprintf(stderr, "%s %s%s\n%s\n", error.code, error.text,
                error.is_retriable ? " [may pass]" : "", error.hint);
    return status == OK ? 0 : 1;
}
