/* The small tools of base: each is checked at its edges. */
#include "base/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/buffer.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/scan.h"
#include "base/status.h"

static void arena_gives_aligned_memory_and_forgets_it(void **state)
{
    (void)state;
    int64_t before = memory_used_bytes();
    Arena *arena = arena_new(32);
    for (int i = 0; i < 1000; i++)
        assert_int_equal((uintptr_t)arena_allocate(arena, i) % 16, 0);
    arena_reset(arena);
    assert_true(arena_bytes(arena) > 0);
    arena_free(arena);
    assert_int_equal(memory_used_bytes(), before);
}

static void str_helpers_hold_at_their_edges(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(str_parse_int64(STR("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    assert_false(str_parse_int64(STR("9223372036854775808"), &value));
    assert_false(str_parse_int64(STR(""), &value));
    assert_false(str_parse_int64(STR("-"), &value));
    assert_int_equal(str_edit_distance(STR("amout"), STR("amount"), 3), 1);
    assert_int_equal(str_edit_distance(STR("ab"), STR("BA"), 3), 1);
    assert_int_equal(str_edit_distance(STR("abcdef"), STR("uvwxyz"), 2), 3);
    Str rest;
    assert_true(str_is(str_split(STR("a,b"), ',', &rest), "a"));
    assert_true(str_is(rest, "b"));
    assert_true(str_is(str_trim(STR(" \t x \n")), "x"));
    assert_int_equal(str_find(STR("haystack"), STR("st")), 3);
}

/* One flood among rounds of a hundred bytes is held for a while, and not for good. */
static void arena_gives_up_what_only_a_flood_has_needed(void **state)
{
    (void)state;
    enum { SMALL_BYTES = 100, FLOOD_BYTES = 1 << 18, ROUNDS = 1000 };
    Arena *arena = arena_new(0);
    arena_allocate(arena, FLOOD_BYTES);
    arena_reset(arena);
    assert_true(arena_bytes(arena) >= FLOOD_BYTES);
    for (int i = 0; i < ROUNDS; i++) {
        arena_allocate(arena, SMALL_BYTES);
        arena_reset(arena);
    }
    assert_true(arena_bytes(arena) < FLOOD_BYTES / 16);
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < (i % 50 == 0 ? FLOOD_BYTES / SMALL_BYTES : 1); k++)
            arena_allocate(arena, SMALL_BYTES);
        arena_reset(arena);
        assert_true(arena_bytes(arena) >= FLOOD_BYTES / 4); /* floods that come again find it */
    }
    arena_free(arena);
}

static void map_keeps_order(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Map *map = map_new(arena);
    int values[100];
    for (int i = 0; i < 100; i++)
        map_put(map, str_from(arena_printf(arena, "k%d", i)), &values[i]);
    assert_int_equal(map_count(map), 100);
    assert_true(str_is(map_key_at(map, 51), "k51"));
    assert_ptr_equal(map_value_at(map, 51), &values[51]);
    arena_free(arena);
}

/* The map has exactly the keys that are marked, each with its value, and each once. */
static void expect_keys(const Map *map, const char (*keys)[8], const bool *is_there, int count)
{
    int expected = 0;
    for (int i = 0; i < count; i++) {
        assert_ptr_equal(map_find(map, str_from(keys[i])), is_there[i] ? keys[i] : NULL);
        expected += is_there[i];
    }
    assert_int_equal(map_count(map), expected);
    for (int i = 0; i < expected; i++) {
        assert_true(str_is(map_key_at(map, i), map_value_at(map, i)));
        assert_ptr_equal(map_find(map, map_key_at(map, i)), map_value_at(map, i));
    }
}

static void map_forgets_removed_keys(void **state)
{
    (void)state;
    enum { KEYS = 200, STEPS = 20000 };
    static char keys[KEYS][8];
    bool is_there[KEYS] = {false};
    Arena *arena = arena_new(0);
    Map *map = map_new(arena);
    uint64_t random = 7;
    for (int i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof keys[i], "k%d", i);
    for (int step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        int i = (int)((random >> 33) % KEYS);
        bool is_put = (random >> 60) > 7;
        if (is_put)
            map_put(map, str_from(keys[i]), keys[i]);
        else
            assert_int_equal(map_remove(map, str_from(keys[i])), is_there[i]);
        is_there[i] = is_put;
        if (step % 64 == 0)
            expect_keys(map, keys, is_there, KEYS);
    }
    arena_free(arena);
}

static void byte_reader_never_reads_past_the_end(void **state)
{
    (void)state;
    Buffer buffer = {0};
    buffer_append_u32(&buffer, 7);
    buffer_append_bytes(&buffer, STR("weir"));
    ByteReader reader = byte_reader(buffer_str(&buffer));
    assert_int_equal(byte_reader_u32(&reader), 7);
    assert_true(str_is(byte_reader_bytes(&reader), "weir"));
    assert_false(reader.is_short);
    assert_int_equal(byte_reader_u64(&reader), 0);
    assert_true(reader.is_short);
    buffer_free(&buffer);
}

static void json_escapes_what_must_be_escaped(void **state)
{
    (void)state;
    Buffer buffer = {0};
    JsonWriter json = {.out = &buffer};
    json_begin_object(&json);
    json_key(&json, "a\"b");
    json_str(&json, STR("\x01\n\xff\xc3\xa9"));
    json_key(&json, "n");
    json_begin_array(&json);
    json_int(&json, -1);
    json_null(&json);
    json_end_array(&json);
    json_end_object(&json);
    assert_string_equal(buffer_terminated(&buffer),
                        "{\"a\\\"b\":\"\\u0001\\n\xef\xbf\xbd\xc3\xa9\",\"n\":[-1,null]}");
    buffer_free(&buffer);
}

/* In copies of exactly the text's length, so that a sanitizer sees a look beyond it. */
static void scanning_finds_what_a_loop_finds(void **state)
{
    (void)state;
    uint64_t seed = 31;
    const ScanSet set = scan_set(',', '\n', 0xff, 'a');
    for (int round = 0; round < 20000; round++) {
        int64_t length = random_below(&seed, 70);
        char *text = memory_allocate(length + 1);
        for (int64_t i = 0; i < length; i++)
            text[i] = "bcdefg,\n\xff"
                      "a"[random_below(&seed, round % 2 == 0 ? 10 : 6)];
        int64_t wanted = 0;
        while (wanted < length && memchr(",\n\xff"
                                         "a",
                                         text[wanted], 4) == NULL)
            wanted++;
        assert_int_equal(scan_to(text, text + length, &set) - text, wanted);
        for (wanted = 0; wanted < length && memchr("\n\xff", text[wanted], 2) == NULL;)
            wanted++;
        assert_int_equal(scan_to_json_special(text, text + length) - text, wanted);
        memory_free(text);
    }
}

static void crc32c_matches_the_published_check_value(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

/* Short pieces one behind the other go another way than many bytes at once. */
static void crc32c_of_many_bytes_is_that_of_their_pieces(void **state)
{
    (void)state;
    enum { BYTES = 10 * 1024 };
    static unsigned char bytes[BYTES];
    for (int32_t i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)hash_u64((uint64_t)i);
    for (int32_t from = 0; from < 9; from++)
        for (int32_t to = 3000; to <= BYTES; to += 71) {
            uint32_t crc = 0;
            for (int32_t at = from; at < to; at += 100)
                crc = crc32c(crc, bytes + at, at + 100 < to ? 100 : to - at);
            assert_int_equal(crc32c(0, bytes + from, to - from), crc);
        }
}

static void pauses_grow_to_their_limit_and_differ(void **state)
{
    (void)state;
    Backoff backoff = {.first_us = 100, .most_us = 30000000};
    int64_t most_us = 100;
    bool differs = false;
    for (int32_t i = 0; i < 40; i++) {
        int64_t pause_us = backoff_take_us(&backoff, world_system());
        assert_in_range(pause_us, most_us / 2, most_us);
        differs = differs || (pause_us != most_us && pause_us != most_us / 2);
        most_us = most_us * 2 < 30000000 ? most_us * 2 : 30000000;
    }
    assert_true(differs);
    backoff_reset(&backoff);
    assert_in_range(backoff_take_us(&backoff, world_system()), 50, 100);
}

/* A machine whose clock and uptime the test sets. */
typedef struct ClockWorld {
    World base;
    WorldKind kind;
    int64_t wall_us, uptime_us;
} ClockWorld;

static int64_t clock_wall(World *world)
{
    return ((ClockWorld *)world)->wall_us;
}

static int64_t clock_uptime(World *world)
{
    return ((ClockWorld *)world)->uptime_us;
}

static const int64_t SECOND_US = 1000000, YEAR_US = (int64_t)365 * 86400 * 1000000;

static void clock_begin(ClockWorld *world, int64_t wall_us)
{
    *world = (ClockWorld){.wall_us = wall_us, .uptime_us = 5 * SECOND_US};
    world->kind = (WorldKind){.now_us = clock_wall, .uptime_us = clock_uptime};
    world->base.kind = &world->kind;
}

/* So much passes, a look at the time every 50 ms; it must go on by no less than 0.9 of that and no
 * more than 1.1. */
static void clock_pass(ClockWorld *world, int64_t duration_us)
{
    int64_t before_us = world_now_us(&world->base);
    for (int64_t passed_us = 0; passed_us < duration_us; passed_us += 50000) {
        int64_t last_us = world_now_us(&world->base);
        world->wall_us += 50000;
        world->uptime_us += 50000;
        assert_true(world_now_us(&world->base) > last_us);
    }
    int64_t went_us = world_now_us(&world->base) - before_us;
    assert_in_range(went_us, duration_us - duration_us / 10, duration_us + duration_us / 10);
}

static void time_does_not_jump_with_the_clock(void **state)
{
    (void)state;
    const int64_t jumps_us[] = {5 * SECOND_US,     -5 * SECOND_US, 3600 * SECOND_US,
                                -3600 * SECOND_US, 10 * YEAR_US,   -10 * YEAR_US};
    for (size_t i = 0; i < sizeof jumps_us / sizeof jumps_us[0]; i++) {
        ClockWorld world;
        clock_begin(&world, 54 * YEAR_US);
        assert_true(world_now_us(&world.base) == world.wall_us);
        clock_pass(&world, 60 * SECOND_US);
        assert_true(world_clock_lead_us(&world.base) == 0);
        int64_t before_us = world_now_us(&world.base);
        world.wall_us += jumps_us[i];
        assert_true(world_now_us(&world.base) == before_us);
        assert_true(world_clock_lead_us(&world.base) == jumps_us[i]);
        clock_pass(&world, 100 * SECOND_US);
        int64_t left_us = world_clock_lead_us(&world.base);
        bool is_small = jumps_us[i] == 5 * SECOND_US || jumps_us[i] == -5 * SECOND_US;
        assert_true(is_small ? left_us == 0 : (left_us > 0) == (jumps_us[i] > 0));
    }
}

static void time_that_was_not_known_is_believed(void **state)
{
    (void)state;
    ClockWorld world;
    clock_begin(&world, 100 * SECOND_US);
    assert_true(world_now_us(&world.base) == world.wall_us);
    world.wall_us = 54 * YEAR_US;
    world.uptime_us += SECOND_US;
    (void)world_now_us(&world.base);
    assert_true(world_now_us(&world.base) == world.wall_us);
    world_not_before(&world.base, 60 * YEAR_US);
    assert_true(world_now_us(&world.base) == 60 * YEAR_US);
    world_not_before(&world.base, 50 * YEAR_US);
    clock_pass(&world, 10 * SECOND_US);
    assert_true(world_now_us(&world.base) > 60 * YEAR_US);
}

/* What the next sync says in place of the system; 0: nothing. */
static int sync_errno;

static int sync_answer(int descriptor, long call)
{
    if (sync_errno == 0)
        return (int)syscall(call, descriptor);
    errno = sync_errno;
    return -1;
}

/* In place of the library's, in this program. */
int fsync(int descriptor)
{
    return sync_answer(descriptor, SYS_fsync);
}

int fdatasync(int descriptor)
{
    return sync_answer(descriptor, SYS_fdatasync);
}

static void check_sync_error(Status status, const Error *error, int code)
{
    assert_int_equal(status, ERR_IO);
    assert_int_equal(error->status, ERR_IO);
    assert_string_equal(error->code, "WR5009");
    assert_non_null(strstr(error->text, strerror(code)));
    assert_false(error->is_retriable);
}

static void a_sync_that_fails_is_never_an_error_that_passes(void **state)
{
    (void)state;
    static const int codes[] = {EIO, ENOSPC, EDQUOT, EROFS, EINTR, EACCES};
    World *world = world_system();
    char folder[] = "/tmp/weir-base-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char inner[64], path[80];
        snprintf(inner, sizeof inner, "%s/%zu", folder, i);
        snprintf(path, sizeof path, "%s/file", inner);
        assert_int_equal(world->kind->make_folder(world, inner, NULL), OK);
        File *file;
        assert_int_equal(world->kind->open(world, path, FILE_APPEND, &file, NULL), OK);
        sync_errno = codes[i];
        Error error = {0};
        check_sync_error(world->kind->sync(file, &error), &error, codes[i]);
        error = (Error){0};
        check_sync_error(world_replace_file(world, path, STR("x"), &error), &error, codes[i]);
        error = (Error){0};
        check_sync_error(world->kind->sync_folder(world, inner, &error), &error, codes[i]);
        sync_errno = 0;
        assert_int_equal(world->kind->sync_folder(world, inner, &error), ERR_IO);
        assert_int_equal(world->kind->sync_folder(world, folder, NULL), OK);
        assert_int_equal(world->kind->close(file, NULL), OK);
    }
    assert_int_equal(world_remove_tree(world, folder, NULL), OK);
}

/* Blocks go past the page cache where the file system can, the rest does not: all of it is there.
 */
static void what_is_not_read_soon_is_written_all_the_same(void **state)
{
    (void)state;
    enum { BLOCKS = 16 };
    static const int64_t lengths[] = {FILE_BLOCK_BYTES * 4,   100,
                                      FILE_BLOCK_BYTES * 2,   FILE_BLOCK_BYTES * BLOCKS,
                                      FILE_BLOCK_BYTES - 100, 1};
    World *world = world_system();
    char folder[] = "/tmp/weir-base-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/file", folder);
    char *block = memory_map(FILE_BLOCK_BYTES * BLOCKS);
    for (int32_t i = 0; i < FILE_BLOCK_BYTES * BLOCKS; i++)
        block[i] = (char)(i % 251);
    File *file;
    Buffer wanted = {0};
    assert_int_equal(world->kind->open(world, path, FILE_APPEND_UNREAD, &file, NULL), OK);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(world->kind->write(file, block, lengths[i], NULL), OK);
        buffer_append(&wanted, block, lengths[i]);
    }
    assert_int_equal(world->kind->sync(file, NULL), OK);
    assert_int_equal(world->kind->close(file, NULL), OK);
    Arena *arena = arena_new(0);
    Str found;
    assert_int_equal(world_read_file(world, path, INT32_MAX, arena, &found, NULL), OK);
    assert_true(str_equal(found, buffer_str(&wanted)));
    arena_free(arena);
    buffer_free(&wanted);
    memory_unmap(block, FILE_BLOCK_BYTES * BLOCKS);
    assert_int_equal(world_remove_tree(world, folder, NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_aligned_memory_and_forgets_it),
        cmocka_unit_test(str_helpers_hold_at_their_edges),
        cmocka_unit_test(arena_gives_up_what_only_a_flood_has_needed),
        cmocka_unit_test(map_keeps_order),
        cmocka_unit_test(map_forgets_removed_keys),
        cmocka_unit_test(byte_reader_never_reads_past_the_end),
        cmocka_unit_test(json_escapes_what_must_be_escaped),
        cmocka_unit_test(scanning_finds_what_a_loop_finds),
        cmocka_unit_test(crc32c_matches_the_published_check_value),
        cmocka_unit_test(crc32c_of_many_bytes_is_that_of_their_pieces),
        cmocka_unit_test(pauses_grow_to_their_limit_and_differ),
        cmocka_unit_test(time_does_not_jump_with_the_clock),
        cmocka_unit_test(time_that_was_not_known_is_believed),
        cmocka_unit_test(a_sync_that_fails_is_never_an_error_that_passes),
        cmocka_unit_test(what_is_not_read_soon_is_written_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
