/* Ordered rows against a plain sorted array, and blocks against themselves. */
#include "base/testing.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "state/ordered.h"

enum { MODEL_MAX = 5000 };

static uint64_t seed;

static int64_t random_below(int64_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)(seed >> 11) % bound;
}

typedef struct Model {
    Blocks blocks;
    OrderedRows rows;
    int64_t keys[MODEL_MAX], ids[MODEL_MAX];
    int64_t count;
} Model;

static Str key_text(char *room, int64_t key)
{
    int length = snprintf(room, 32, "%06ld", (long)key);
    return str_make(room, length);
}

static void model_insert(Model *model, int64_t key, int64_t id)
{
    int64_t place = 0;
    while (place < model->count && model->keys[place] <= key)
        place++;
    for (int64_t i = model->count; i > place; i--) {
        model->keys[i] = model->keys[i - 1];
        model->ids[i] = model->ids[i - 1];
    }
    model->keys[place] = key;
    model->ids[place] = id;
    model->count++;
    char room[32];
    Str text = key_text(room, key);
    int64_t found = ordered_upper(&model->rows, text);
    assert_int_equal(found, place);
    Str bytes = str_make((const char *)&id, sizeof id);
    ordered_insert(&model->rows, &model->blocks, found,
                   ordered_row_new(&model->blocks, text, bytes));
}

static void model_take(Model *model, int64_t place)
{
    OrderedRow *row = ordered_take(&model->rows, &model->blocks, place);
    int64_t id;
    memcpy(&id, ordered_bytes(row).data, sizeof id);
    assert_int_equal(id, model->ids[place]);
    ordered_row_free(&model->blocks, row);
    model->count--;
    for (int64_t i = place; i < model->count; i++) {
        model->keys[i] = model->keys[i + 1];
        model->ids[i] = model->ids[i + 1];
    }
}

static void model_check(const Model *model)
{
    assert_int_equal(model->rows.count, model->count);
    int64_t place = 0;
    while (place < model->count) {
        int32_t count;
        OrderedRow *const *run = ordered_run(&model->rows, place, &count);
        for (int32_t i = 0; i < count; i++, place++) {
            int64_t id;
            memcpy(&id, ordered_bytes(run[i]).data, sizeof id);
            assert_int_equal(id, model->ids[place]);
        }
    }
    for (int32_t i = 0; i < 20; i++) {
        int64_t key = random_below(1000), lower = 0;
        char room[32];
        while (lower < model->count && model->keys[lower] < key)
            lower++;
        assert_int_equal(ordered_lower(&model->rows, key_text(room, key)), lower);
    }
}

/* Grows to `most`, shrinks to nothing, and stays in order all the way; many keys are equal. */
static void model_run(Model *model, int64_t most, int64_t keys)
{
    int64_t id = 0;
    while (model->count < most) {
        for (int32_t i = 0; i < 50 && model->count < most; i++) {
            model_insert(model, random_below(keys), id++);
            if (random_below(4) == 0)
                model_take(model, random_below(model->count));
        }
        model_check(model);
    }
    while (model->count > 0) {
        for (int32_t i = 0; i < 50 && model->count > 0; i++) {
            model_take(model, random_below(3) == 0 ? 0 : random_below(model->count));
            if (random_below(5) == 0)
                model_insert(model, random_below(keys), id++);
        }
        model_check(model);
    }
}

static void test_list_is_a_sorted_array(void **state)
{
    (void)state;
    Model *model = memory_allocate_zeroed((int64_t)sizeof *model);
    for (uint64_t trial = 1; trial <= 12; trial++) {
        seed = trial * 0x9e3779b97f4a7c15ULL;
        model_run(model, trial % 4 == 0 ? 4000 : 20 * (int64_t)trial, trial % 3 == 0 ? 7 : 1000);
        assert_null(model->rows.root);
    }
    blocks_close(&model->blocks);
    memory_free(model);
}

static void test_snapshot_comes_back(void **state)
{
    (void)state;
    Model *model = memory_allocate_zeroed((int64_t)sizeof *model);
    seed = 7;
    for (int64_t id = 0; id < 700; id++)
        model_insert(model, random_below(90), id);
    Buffer saved = {0};
    ordered_save(&model->rows, &saved);
    ordered_clear(&model->rows, &model->blocks);
    ByteReader in = byte_reader(buffer_str(&saved));
    assert_true(ordered_load(&model->rows, &model->blocks, &in));
    assert_int_equal(byte_reader_left(&in), 0);
    model_check(model);
    for (int64_t cut = 0; cut < saved.length; cut += 97) {
        ordered_clear(&model->rows, &model->blocks);
        in = byte_reader(str_make(saved.data, cut));
        assert_false(ordered_load(&model->rows, &model->blocks, &in));
    }
    ordered_clear(&model->rows, &model->blocks);
    buffer_free(&saved);
    blocks_close(&model->blocks);
    memory_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_is_a_sorted_array),
        cmocka_unit_test(test_snapshot_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
