/* Records are found by their marks in packs of columns, whichever of their bytes vary. */
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
    assert_true(pack_has_columns(pack));
    for (int32_t i = 0; i < 50; i++) {
        uint64_t mark = trial_mark(i % 8 == 0 ? 255 : varies);
        int32_t from = (int32_t)(trial_next() % (uint64_t)(count + 1));
        assert_int_equal(pack_find(pack, mark, from), find_slowly(pack, mark, from));
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_marks_are_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
