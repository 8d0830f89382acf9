/* Records are found by their marks in packs of records that are alike, whichever of their bytes
 * vary. */
#include <string.h>

#include "base/testing.h"

#include "base/hash.h"
#include "state/pack.h"

enum { RECORDS = 300, RECORD_BYTES = 17, LENGTH_MAX = 200, TRIALS = 200, CROWD = 70 * 1000 };

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

/* A record some bytes of which vary, of the mark and of what is behind it. */
static void trial_record(uint64_t varies, int32_t length, char *record)
{
    uint64_t mark = trial_mark(varies % 256);
    memset(record, 7, (size_t)length);
    memcpy(record, &mark, sizeof mark);
    for (int32_t at = sizeof mark; at < length; at++)
        if (hash_u64(varies + (uint64_t)at) % 4 == 0)
            record[at] = (char)(trial_next() % 3);
}

static void check_records(const Pack *pack, char (*wanted)[LENGTH_MAX], int32_t count,
                          int32_t length)
{
    static char unpacked[RECORDS][LENGTH_MAX + 3];
    Buffer record = {0};
    assert_int_equal(pack_count(pack), count);
    if (count > 0)
        pack_unpack(pack, (uint8_t *)unpacked[0], sizeof unpacked[0]);
    for (int32_t at = 0; at < count; at++) {
        pack_get(pack, at, &record);
        assert_int_equal(record.length, length);
        assert_memory_equal(record.data, wanted[at], (size_t)length);
        assert_memory_equal(unpacked[at], wanted[at], (size_t)length);
        assert_int_equal(pack_flags((Pack *)(uintptr_t)pack)[at], (uint8_t)wanted[at][9]);
    }
    buffer_free(&record);
}

static void run_change_trial(void)
{
    static char wanted[RECORDS][LENGTH_MAX];
    static uint8_t keeps[RECORDS], flags[RECORDS];
    static Str records[RECORDS];
    Packs *packs = packs_new();
    Pack *pack = NULL;
    uint64_t varies = trial_next();
    int32_t length = 10 + (int32_t)(trial_next() % (LENGTH_MAX - 9));
    int32_t count = 0;
    for (int32_t i = 0; i < RECORDS; i++) {
        int32_t at =
            count == 0 || trial_next() % 2 == 0 ? count : (int32_t)(trial_next() % (uint64_t)count);
        trial_record(varies, length, wanted[at]);
        pack =
            pack_put(packs, pack, at, str_make(wanted[at], (size_t)length), (uint8_t)wanted[at][9]);
        count += at == count;
    }
    check_records(pack, wanted, count, length);
    for (int32_t i = 0; i < count; i++) {
        records[i] = str_make(wanted[i], length);
        flags[i] = (uint8_t)wanted[i][9];
        keeps[i] = trial_next() % 3 != 0;
    }
    check_records(pack_make(packs, records, flags, count), wanted, count, length);
    int32_t kept = 0;
    pack = pack_pick(packs, pack, keeps);
    for (int32_t i = 0; i < count; i++)
        if (keeps[i])
            memmove(wanted[kept++], wanted[i], (size_t)length);
    check_records(pack, wanted, kept, length);
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

static void check_crowd(const Pack *pack)
{
    Buffer record = {0};
    assert_int_equal(pack_count(pack), CROWD);
    for (int32_t at = 0; at < CROWD; at += at < CROWD - 5000 ? 777 : 1) {
        uint64_t there;
        pack_get(pack, at, &record);
        memcpy(&there, record.data, sizeof there);
        assert_int_equal(there, at);
        assert_true(pack_has(pack, at, (uint64_t)at));
        assert_int_equal(pack_flags((Pack *)(uintptr_t)pack)[at], at % 100);
    }
    assert_int_equal(pack_find(pack, CROWD - 1, 0), CROWD - 1);
    assert_int_equal(pack_find(pack, CROWD, 0), -1);
    buffer_free(&record);
}

/* A page that does not divide, as its keys were chosen for that, has as many as there are. */
static void test_packs_may_be_crowded(void **state)
{
    (void)state;
    static uint64_t marks[CROWD];
    static uint8_t flags[CROWD], keeps[CROWD];
    static Str records[CROWD];
    Packs *packs = packs_new();
    Pack *pack = NULL;
    for (int32_t at = 0; at < CROWD; at++) {
        marks[at] = (uint64_t)at;
        records[at] = str_make((const char *)&marks[at], sizeof marks[at]);
        flags[at] = (uint8_t)(at % 100);
        keeps[at] = 1;
        pack = pack_put(packs, pack, at, records[at], flags[at]);
    }
    check_crowd(pack);
    check_crowd(pack_pick(packs, pack, keeps));
    pack = pack_make(packs, records, flags, CROWD);
    check_crowd(pack);
    /* One that is longer: they come to lie in rows. */
    char longer[9] = {0};
    pack = pack_put(packs, pack, 0, str_make(longer, sizeof longer), 0);
    assert_false(pack_is_alike(pack));
    check_crowd(pack);
    packs_free(packs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_marks_are_found),
                                       cmocka_unit_test(test_records_are_kept),
                                       cmocka_unit_test(test_packs_may_be_crowded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
