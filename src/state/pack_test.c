/* Records are found by their marks in packs of records that are alike, whichever of their bytes
 * vary. */
#include <string.h>

#include "base/testing.h"

#include "base/hash.h"
#include "state/pack.h"

enum { RECORDS = 300, RECORD_BYTES = 17, TRIALS = 200 };

static uint64_t seed;

static uint64_t trial_next(void)
{
    return seed = hash_u64(seed + 1);
}

/* Bytes that vary take few values, so that many marks are alike in some of them, and some in all.
 */
static uint64_t trial_mark(uint64_t varies)
{
    uint64_t mark = 0;
    for (int32_t at = 0; at < 8; at++)
        if ((varies >> at & 1) != 0)
            mark |= (trial_next() % 5) << (8 * at);
    return mark;
}

static int32_t find_slowly(const Pack *pack, uint64_t mark, int32_t from)
{
    Buffer record = {0};
    int32_t found = -1;
    for (int32_t at = from; at < pack_count(pack) && found < 0; at++) {
        uint64_t there;
        pack_get(pack, at, &record);
        memcpy(&there, record.data, sizeof there);
        found = there == mark ? at : -1;
    }
    buffer_free(&record);
    return found;
}

static void run_trial(void)
{
    Packs *packs = packs_new();
    Pack *pack = NULL;
    uint64_t varies = trial_next() % 256;
    int32_t count = 1 + (int32_t)(trial_next() % RECORDS);
    for (int32_t at = 0; at < count; at++) {
        uint64_t mark = trial_mark(varies);
        char record[RECORD_BYTES] = {0};
        memcpy(record, &mark, sizeof mark);
        pack = pack_put(packs, pack, at, str_make(record, sizeof record), 0);
    }
    assert_true(pack_is_alike(pack));
    for (int32_t i = 0; i < 50; i++) {
        uint64_t mark = trial_mark(i % 8 == 0 ? 255 : varies);
        int32_t from = (int32_t)(trial_next() % (uint64_t)(count + 1));
        assert_int_equal(pack_find(pack, mark, from), find_slowly(pack, mark, from));
        bool is_there = find_slowly(pack, mark, from) == from;
        assert_true(pack_has(pack, from, mark) == is_there);
        pack_prefetch_record(pack, mark);
    }
    packs_free(packs);
}

static void test_marks_are_found(void **state)
{
    (void)state;
    for (seed = 1; seed < TRIALS; seed++) {
        uint64_t before = seed;
        run_trial();
        seed = before;
    }
}

/* A record of several bytes that vary, of the mark and of what is behind it. */
static void trial_record(uint64_t varies, uint64_t varies_behind, char *record)
{
    uint64_t mark = trial_mark(varies), behind = trial_mark(varies_behind);
    memset(record, 7, RECORD_BYTES);
    memcpy(record, &mark, sizeof mark);
    memcpy(record + sizeof mark, &behind, sizeof behind);
}

static void check_records(const Pack *pack, char (*wanted)[RECORD_BYTES], int32_t count)
{
    static char unpacked[RECORDS][RECORD_BYTES + 3];
    Buffer record = {0};
    assert_int_equal(pack_count(pack), count);
    if (count > 0)
        pack_unpack(pack, (uint8_t *)unpacked[0], sizeof unpacked[0]);
    for (int32_t at = 0; at < count; at++) {
        pack_get(pack, at, &record);
        assert_int_equal(record.length, RECORD_BYTES);
        assert_memory_equal(record.data, wanted[at], RECORD_BYTES);
        assert_memory_equal(unpacked[at], wanted[at], RECORD_BYTES);
        assert_int_equal(pack_flags((Pack *)(uintptr_t)pack)[at], (uint8_t)wanted[at][9]);
    }
    buffer_free(&record);
}

static void run_change_trial(void)
{
    static char wanted[RECORDS][RECORD_BYTES];
    static uint8_t keeps[RECORDS], flags[RECORDS];
    static Str records[RECORDS];
    Packs *packs = packs_new();
    Pack *pack = NULL;
    uint64_t varies = trial_next() % 256, varies_behind = trial_next() % 256;
    int32_t count = 0;
    for (int32_t i = 0; i < RECORDS; i++) {
        int32_t at =
            count == 0 || trial_next() % 2 == 0 ? count : (int32_t)(trial_next() % (uint64_t)count);
        trial_record(varies, varies_behind, wanted[at]);
        pack =
            pack_put(packs, pack, at, str_make(wanted[at], RECORD_BYTES), (uint8_t)wanted[at][9]);
        count += at == count;
    }
    check_records(pack, wanted, count);
    for (int32_t i = 0; i < count; i++) {
        records[i] = str_make(wanted[i], RECORD_BYTES);
        flags[i] = (uint8_t)wanted[i][9];
        keeps[i] = trial_next() % 3 != 0;
    }
    check_records(pack_make(packs, records, flags, count), wanted, count);
    int32_t kept = 0;
    pack = pack_pick(packs, pack, keeps);
    for (int32_t i = 0; i < count; i++)
        if (keeps[i])
            memmove(wanted[kept++], wanted[i], RECORD_BYTES);
    check_records(pack, wanted, kept);
    packs_free(packs);
}

/* Whichever of their bytes vary, records are what they were last put as. */
static void test_records_are_kept(void **state)
{
    (void)state;
    for (seed = 1; seed < TRIALS; seed++) {
        uint64_t before = seed;
        run_change_trial();
        seed = before;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_marks_are_found),
                                       cmocka_unit_test(test_records_are_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
