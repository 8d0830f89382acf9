/* Objects in a folder: whole or not there, in which order the disk is asked for what, and nothing
 * left behind when a call fails. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

static char folder[64];

/* The real files, with a list of what was done to them, and one call that fails. */
static WorldKind watched_kind;
static World watched = {.kind = &watched_kind};
static Buffer trace;
static int32_t call_count, failing_call;
static const char *failed; /* it was this kind of call */

static Status note(const char *call, const char *path, Error *error)
{
    const char *below = strstr(path, folder);
    if (below != NULL)
        path += strlen(folder);
    buffer_printf(&trace, "%s %s\n", call, path[0] == '\0' ? "/" : path);
    if (++call_count != failing_call)
        return OK;
    failed = call;
    return fail(error, ERR_FULL, "WR5004", "no room for %s", call);
}

static const WorldKind *real(void)
{
    return world_system()->kind;
}

static Status watched_open(World *world, const char *path, FileMode mode, File **out, Error *error)
{
    (void)world;
    TRY(note(mode == FILE_READ ? "read" : "open", path, error));
    return real()->open(world_system(), path, mode, out, error);
}

static Status watched_write(File *file, const void *bytes, int64_t length, Error *error)
{
    TRY(note("write", "", error));
    return real()->write(file, bytes, length, error);
}

static Status watched_sync(File *file, Error *error)
{
    TRY(note("sync", "", error));
    return real()->sync(file, error);
}

static Status watched_rename(World *world, const char *from, const char *to, Error *error)
{
    (void)world;
    TRY(note("rename", to, error));
    return real()->rename(world_system(), from, to, error);
}

static Status watched_make_folder(World *world, const char *path, Error *error)
{
    (void)world;
    TRY(note("make", path, error));
    return real()->make_folder(world_system(), path, error);
}

static Status watched_sync_folder(World *world, const char *path, Error *error)
{
    (void)world;
    TRY(note("sync folder", path, error));
    return real()->sync_folder(world_system(), path, error);
}

static Status watched_link(World *world, const char *from, const char *to, Error *error)
{
    (void)world;
    TRY(note("link", to, error));
    return real()->link(world_system(), from, to, error);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-store-XXXXXX");
    watched_kind = *real();
    watched_kind.open = watched_open;
    watched_kind.write = watched_write;
    watched_kind.sync = watched_sync;
    watched_kind.rename = watched_rename;
    watched_kind.make_folder = watched_make_folder;
    watched_kind.sync_folder = watched_sync_folder;
    watched_kind.link = watched_link;
    failing_call = 0;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    buffer_free(&trace);
    trace = (Buffer){0};
    return world_remove_tree(world_system(), folder, NULL) != OK;
}

static void forget_trace(void)
{
    trace.length = 0;
    call_count = 0;
}

static Store *open_store(World *world, const char *location)
{
    Store *store;
    Error error = {0};
    assert_int_equal(store_open(world, location, NULL, &store, &error), OK);
    return store;
}

static Status try_put(Store *store, const char *name, const char *text, Error *error)
{
    StoreWrite *write;
    TRY(store_write_begin(store, name, &write, error));
    int64_t half = (int64_t)strlen(text) / 2;
    Status status = store_write_add(write, str_make(text, half), error);
    if (status == OK)
        status = store_write_add(write, str_from(text + half), error);
    if (status == OK)
        return store_write_end(write, error);
    store_write_abandon(write);
    return status;
}

static void put(Store *store, const char *name, const char *text)
{
    Error error = {0};
    assert_int_equal(try_put(store, name, text, &error), OK);
}

static void assert_holds(Store *store, const char *name, const char *text)
{
    Buffer bytes = {0};
    Error error = {0};
    assert_int_equal(store_read_whole(store, name, 1 << 20, &bytes, &error), OK);
    assert_string_equal(buffer_terminated(&bytes), text);
    buffer_free(&bytes);
}

/* Names with a blank between them. */
static void assert_lists(Store *store, const char *prefix, const char *wanted)
{
    Arena *arena = arena_new(0);
    List names = {0};
    Buffer text = {0};
    Error error = {0};
    assert_int_equal(store_list(store, prefix, arena, &names, &error), OK);
    for (int32_t i = 0; i < names.count; i++)
        buffer_printf(&text, "%s%s", i > 0 ? " " : "", LIST_AT(names, i, const char));
    assert_string_equal(buffer_terminated(&text), wanted);
    buffer_free(&text);
    arena_free(arena);
}

/* Two of them may be in use at a time. */
static const char *path_of(const char *name)
{
    static char paths[2][256];
    static int32_t at;
    at = 1 - at;
    snprintf(paths[at], sizeof paths[at], "%s%s%s", folder, name[0] == '\0' ? "" : "/", name);
    return paths[at];
}

static bool exists(const char *name)
{
    FileInfo info;
    return real()->stat(world_system(), path_of(name), &info, NULL) == OK;
}

/* ---- Objects ----------------------------------------------------------------------------- */

static void test_reads_back_what_was_written(void **state)
{
    (void)state;
    Store *store = open_store(world_system(), folder);
    Error error = {0};
    put(store, "chk-7/STATE", "abcdefgh");
    put(store, "empty", "");
    assert_holds(store, "chk-7/STATE", "abcdefgh");
    assert_holds(store, "empty", "");
    put(store, "chk-7/STATE", "another");
    assert_holds(store, "chk-7/STATE", "another");
    int64_t bytes;
    Buffer part = {0};
    assert_int_equal(store_size(store, "chk-7/STATE", &bytes, &error), OK);
    assert_int_equal(bytes, 7);
    assert_int_equal(store_read_at(store, "chk-7/STATE", 1, 2, &part, &error), OK);
    assert_int_equal(store_read_at(store, "chk-7/STATE", 4, 8, &part, &error), OK);
    assert_int_equal(store_read_at(store, "chk-7/STATE", 90, 8, &part, &error), OK);
    assert_string_equal(buffer_terminated(&part), "noher");
    buffer_free(&part);
    store_close(store);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    Store *store = open_store(world_system(), path_of("not-yet"));
    Error error = {0};
    int64_t bytes;
    Buffer whole = {0};
    assert_lists(store, "", "");
    assert_int_equal(store_size(store, "a/b", &bytes, &error), ERR_NOT_FOUND);
    assert_int_equal(store_read_at(store, "a/b", 0, 8, &whole, &error), ERR_NOT_FOUND);
    assert_int_equal(store_read_whole(store, "a/b", 8, &whole, &error), ERR_NOT_FOUND);
    assert_int_equal(store_remove(store, "a/b", &error), OK);
    assert_int_equal(store_sweep(store, "", &error), OK);
    assert_false(exists("not-yet"));
    put(store, "a/b", "text");
    assert_int_equal(store_size(store, "a", &bytes, &error), ERR_NOT_FOUND);
    assert_int_equal(store_read_whole(store, "a/b", 3, &whole, &error), ERR_LIMIT);
    assert_string_equal(error.code, "WR4432");
    assert_non_null(strstr(error.text, "not-yet/a/b"));
    buffer_free(&whole);
    store_close(store);
}

static void test_nothing_shows_before_the_end(void **state)
{
    (void)state;
    Store *store = open_store(world_system(), folder);
    StoreWrite *write;
    Error error = {0};
    int64_t bytes;
    assert_int_equal(store_write_begin(store, "a/b", &write, &error), OK);
    assert_int_equal(store_write_add(write, STR("text"), &error), OK);
    assert_lists(store, "", "");
    assert_int_equal(store_size(store, "a/b", &bytes, &error), ERR_NOT_FOUND);
    store_write_abandon(write);
    store_write_abandon(NULL);
    assert_false(exists("a"));
    store_close(store);
}

static void test_lists_by_prefix_in_the_order_of_bytes(void **state)
{
    (void)state;
    Store *store = open_store(world_system(), folder);
    const char *const names[] = {"a/b/c",   "a-b",   "chk-70/M", "chk-7/S",
                                 "chk-7/M", "a/b/d", "k=v/x"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put(store, names[i], "text");
    assert_lists(store, "", "a-b a/b/c a/b/d chk-7/M chk-7/S chk-70/M k=v/x");
    assert_lists(store, "a", "a-b a/b/c a/b/d");
    assert_lists(store, "a/", "a/b/c a/b/d");
    assert_lists(store, "a/b/d", "a/b/d");
    assert_lists(store, "chk-7", "chk-7/M chk-7/S chk-70/M");
    assert_lists(store, "chk-7/", "chk-7/M chk-7/S");
    assert_lists(store, "x/", "");
    store_close(store);
}

static void test_empty_folders_go_with_the_last_object(void **state)
{
    (void)state;
    Store *store = open_store(world_system(), folder);
    Error error = {0};
    put(store, "a/b/c", "text");
    put(store, "a/d", "text");
    assert_int_equal(store_remove(store, "a/b/c", &error), OK);
    assert_false(exists("a/b"));
    assert_holds(store, "a/d", "text");
    assert_int_equal(store_remove(store, "a/d", &error), OK);
    assert_false(exists("a"));
    assert_true(exists(""));
    put(store, "a/b/c", "again");
    assert_holds(store, "a/b/c", "again");
    store_close(store);
}

static void test_refuses_names(void **state)
{
    (void)state;
    Store *store = open_store(world_system(), folder);
    const char *const names[] = {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a.tmp", "a.tmp/b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        Error error = {0};
        assert_int_equal(try_put(store, names[i], "text", &error), ERR_INVALID);
        assert_string_equal(error.code, "WR4430");
    }
    put(store, "..a/.b/c..", "text");
    assert_holds(store, "..a/.b/c..", "text");
    store_close(store);
}

/* ---- Locations --------------------------------------------------------------------------- */

static void test_locations_of_folders(void **state)
{
    (void)state;
    const char *const forms[][2] = {{"", ""}, {"", "/"}, {"file://", ""}, {"file:", ""}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char location[128], name[16];
        Arena *arena = arena_new(0);
        snprintf(location, sizeof location, "%s%s%s", forms[i][0], folder, forms[i][1]);
        snprintf(name, sizeof name, "object-%d", (int)i);
        Store *store = open_store(world_system(), location);
        put(store, name, "text");
        assert_true(exists(name));
        assert_string_equal(store_path(store, name, arena), path_of(name));
        assert_string_equal(store_path(store, "", arena), folder);
        store_close(store);
        arena_free(arena);
    }
}

static void test_refuses_locations(void **state)
{
    (void)state;
    const char *const locations[] = {"", "file://host/path", "file://", "hdfs://host/path"};
    for (size_t i = 0; i < sizeof locations / sizeof locations[0]; i++) {
        Store *store;
        Error error = {0};
        assert_int_equal(store_open(world_system(), locations[i], NULL, &store, &error),
                         ERR_INVALID);
        assert_string_equal(error.code, "WR4431");
        assert_null(store);
    }
}

/* ---- Files ------------------------------------------------------------------------------- */

static void write_file(const char *name, const char *text)
{
    Error error = {0};
    assert_int_equal(world_replace_file(world_system(), path_of(name), str_from(text), &error), OK);
}

/* By a link, which both names show, and without one, where the world has none. */
static void test_puts_and_gets_files(void **state)
{
    (void)state;
    Error error = {0};
    for (int32_t has_links = 0; has_links < 2; has_links++) {
        watched_kind.link = has_links ? watched_link : NULL;
        Store *store = open_store(&watched, path_of(has_links ? "by-link" : "by-copy"));
        write_file("file", "first");
        assert_int_equal(store_put_file(store, "a/b", path_of("file"), &error), OK);
        assert_int_equal(store_put_file(store, "a/b", path_of("file"), &error), OK);
        assert_holds(store, "a/b", "first");
        assert_lists(store, "", "a/b");
        assert_int_equal(store_sweep(store, "", &error), OK);
        assert_int_equal(store_get_file(store, "a/b", path_of("got"), &error), OK);
        assert_true(exists("got"));
        /* The world's own replacing makes a new file: the object keeps the old one. */
        write_file("file", "second");
        assert_holds(store, "a/b", "first");
        assert_int_equal(real()->remove(world_system(), path_of("got"), &error), OK);
        assert_int_equal(store_get_file(store, "not/there", path_of("got"), &error), ERR_NOT_FOUND);
        assert_false(exists("got"));
        assert_int_equal(store_put_file(store, "c", path_of("missing"), &error), ERR_NOT_FOUND);
        store_close(store);
    }
}

/* A leftover may be another name of a file in use. */
static void test_a_leftover_is_not_written_into(void **state)
{
    (void)state;
    Store *store = open_store(world_system(), folder);
    Error error = {0};
    write_file("file", "in use");
    assert_int_equal(real()->link(world_system(), path_of("file"), path_of("object.tmp"), &error),
                     OK);
    put(store, "object", "another text");
    assert_holds(store, "file", "in use");
    store_close(store);
}

static void test_sweeps_leftovers(void **state)
{
    (void)state;
    Store *store = open_store(world_system(), folder);
    Error error = {0};
    put(store, "a/b", "text");
    put(store, "x/y", "text");
    put(store, "old.d/z", "text");
    write_file("a/b.tmp", "half");
    write_file("x/y.tmp", "half");
    assert_int_equal(real()->rename(world_system(), path_of("old.d"), path_of("old.tmp"), &error),
                     OK);
    assert_lists(store, "", "a/b x/y");
    assert_int_equal(store_sweep(store, "a/", &error), OK);
    assert_false(exists("a/b.tmp"));
    assert_true(exists("x/y.tmp"));
    assert_int_equal(store_sweep(store, "", &error), OK);
    assert_false(exists("x/y.tmp"));
    assert_false(exists("old.tmp"));
    assert_lists(store, "", "a/b x/y");
    store_close(store);
}

/* ---- The disk ---------------------------------------------------------------------------- */

static void test_order_of_syncs(void **state)
{
    (void)state;
    Store *store = open_store(&watched, path_of("root"));
    put(store, "first", "");
    forget_trace();
    put(store, "chk-7/STATE", "text");
    assert_string_equal(buffer_terminated(&trace), "make /root/chk-7\n"
                                                   "sync folder /root\n"
                                                   "open /root/chk-7/STATE.tmp\n"
                                                   "write /\n"
                                                   "write /\n"
                                                   "sync /\n"
                                                   "rename /root/chk-7/STATE\n"
                                                   "sync folder /root/chk-7\n");
    forget_trace();
    put(store, "chk-7/MANIFEST", "");
    assert_string_equal(buffer_terminated(&trace), "open /root/chk-7/MANIFEST.tmp\n"
                                                   "sync /\n"
                                                   "rename /root/chk-7/MANIFEST\n"
                                                   "sync folder /root/chk-7\n");
    write_file("file", "text");
    forget_trace();
    Error error = {0};
    assert_int_equal(store_put_file(store, "chk-7/FILE", path_of("file"), &error), OK);
    assert_string_equal(buffer_terminated(&trace), "read /file\n"
                                                   "sync /\n"
                                                   "link /root/chk-7/FILE.tmp\n"
                                                   "rename /root/chk-7/FILE\n"
                                                   "sync folder /root/chk-7\n");
    forget_trace();
    assert_int_equal(store_remove(store, "chk-7/FILE", &error), OK);
    assert_string_equal(buffer_terminated(&trace), "sync folder /root/chk-7\n");
    store_close(store);
}

/* Another process may have made the folders and died before it synced them. */
static void test_a_new_store_trusts_no_folder(void **state)
{
    (void)state;
    Store *store = open_store(&watched, path_of("root"));
    put(store, "a/b", "");
    store_close(store);
    store = open_store(&watched, path_of("root"));
    forget_trace();
    put(store, "a/c", "");
    assert_non_null(strstr(buffer_terminated(&trace), "sync folder /\n"));
    assert_non_null(strstr(buffer_terminated(&trace), "sync folder /root\n"));
    store_close(store);
}

/* Each call in turn: nothing is left but what was there, and the next try succeeds. */
static void test_a_full_disk_leaves_nothing_behind(void **state)
{
    (void)state;
    int32_t calls = INT32_MAX;
    for (int32_t k = 1; k <= calls; k++) {
        failing_call = 0;
        Store *store = open_store(&watched, path_of("root"));
        put(store, "old", "text");
        forget_trace();
        failing_call = k;
        Error error = {0};
        Status status = try_put(store, "a/b/c", "text", &error);
        failing_call = 0;
        if (status == OK) {
            calls = k - 1;
        } else {
            bool is_sync = str_has_prefix(str_from(failed), STR("sync"));
            assert_int_equal(status, is_sync ? ERR_IO : ERR_FULL);
            if (status == ERR_FULL)
                assert_false(exists("root/a"));
            assert_int_equal(try_put(store, "a/b/c", "text", &error), OK);
        }
        assert_lists(store, "", "a/b/c old");
        assert_int_equal(store_remove(store, "a/b/c", &error), OK);
        assert_int_equal(store_remove(store, "old", &error), OK);
        store_close(store);
    }
    assert_int_equal(calls, 10);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_reads_back_what_was_written),
        IN_FOLDER(test_what_is_not_there),
        IN_FOLDER(test_nothing_shows_before_the_end),
        IN_FOLDER(test_lists_by_prefix_in_the_order_of_bytes),
        IN_FOLDER(test_empty_folders_go_with_the_last_object),
        IN_FOLDER(test_refuses_names),
        IN_FOLDER(test_locations_of_folders),
        IN_FOLDER(test_refuses_locations),
        IN_FOLDER(test_puts_and_gets_files),
        IN_FOLDER(test_a_leftover_is_not_written_into),
        IN_FOLDER(test_sweeps_leftovers),
        IN_FOLDER(test_order_of_syncs),
        IN_FOLDER(test_a_new_store_trusts_no_folder),
        IN_FOLDER(test_a_full_disk_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
