/* Materialized tables: what writers put in is what readers see, in key order, page by page,
 * change by change, and again after a restart. */
#include "base/testing.h"

#include <stdio.h>

#include "data/nested.h"
#include "data/value.h"
#include "state/served.h"

static const Field fields[] = {
    {.name = {.data = "store", .length = 5}, .type = {.id = TYPE_INT, .is_nullable = true}},
    {.name = {.data = "name", .length = 4},
     .type = {.id = TYPE_VARCHAR, .is_nullable = true, .precision = TYPE_LENGTH_MAX}},
    {.name = {.data = "amount", .length = 6},
     .type = {.id = TYPE_DECIMAL, .is_nullable = true, .precision = 10, .scale = 2}},
};
static const Schema schema = {.fields = fields, .count = 3};
static const int32_t key_store[] = {0};
static const int32_t key_both[] = {0, 1};

static ServedTable *table_new(const int32_t *key, int32_t key_count, int64_t ttl_us)
{
    ServedSpec spec = {
        .name = "sales", .schema = &schema, .key = key, .key_count = key_count, .ttl_us = ttl_us};
    return served_new(world_system(), &spec);
}

static void put(Batch *batch, RowKind kind, int32_t store, const char *name, int64_t cents)
{
    int32_t row = batch->row_count;
    Value values[] = {
        {.type = fields[0].type, .integer = store},
        {.type = fields[1].type, .text = str_from(name)},
        {.type = fields[2].type, .wide = cents},
    };
    for (int i = 0; i < 3; i++)
        value_set(&batch->columns[i], batch->arena, row, 64, &values[i]);
    batch_need_kinds(batch, 64);
    batch->kinds[row] = (uint8_t)kind;
    batch->row_count++;
    batch_select_all(batch);
}

static void apply(ServedTable *table, RowKind kind, int32_t store, const char *name, int64_t cents)
{
    Batch *batch = batch_new(&schema, 64);
    put(batch, kind, store, name, cents);
    served_apply(table, batch);
    batch_free(batch);
}

static void expect_row(ServedTable *table, int32_t store, const char *json)
{
    Buffer out = {0};
    Value key = {.type = fields[0].type, .integer = store};
    bool is_found = served_find_json(table, &key, &out);
    assert_int_equal(is_found, json != NULL);
    if (json != NULL)
        assert_string_equal(buffer_terminated(&out), json);
    buffer_free(&out);
}

static void an_upsert_replaces_and_a_delete_removes(void **state)
{
    (void)state;
    ServedTable *table = table_new(key_store, 1, 0);
    apply(table, ROW_INSERT, 7, "a", 1050);
    expect_row(table, 7, "{\"store\":7,\"name\":\"a\",\"amount\":10.50}");
    apply(table, ROW_UPDATE_AFTER, 7, "b\"", -5);
    expect_row(table, 7, "{\"store\":7,\"name\":\"b\\\"\",\"amount\":-0.05}");
    assert_int_equal(served_row_count(table), 1);
    apply(table, ROW_DELETE, 7, "", 0);
    expect_row(table, 7, NULL);
    apply(table, ROW_DELETE, 7, "", 0);
    assert_int_equal(served_row_count(table), 0);
    served_free(table);
}

static void an_update_before_alone_removes_its_row_when_the_next_change_is_of_another(void **state)
{
    (void)state;
    ServedTable *table = table_new(key_store, 1, 0);
    apply(table, ROW_INSERT, 1, "a", 1);
    apply(table, ROW_INSERT, 2, "b", 2);
    apply(table, ROW_UPDATE_BEFORE, 1, "a", 1);
    expect_row(table, 1, "{\"store\":1,\"name\":\"a\",\"amount\":0.01}");
    apply(table, ROW_UPDATE_AFTER, 3, "c", 3);
    expect_row(table, 1, NULL);
    apply(table, ROW_UPDATE_BEFORE, 2, "b", 2);
    apply(table, ROW_UPDATE_AFTER, 2, "bb", 4);
    expect_row(table, 2, "{\"store\":2,\"name\":\"bb\",\"amount\":0.04}");
    served_free(table);
}

static int page(ServedTable *table, const ServedFilter *filters, int count, int limit,
                Buffer *cursor)
{
    Buffer out = {0};
    Buffer next = {0};
    Error error = {0};
    ServedPage wanted = {
        .filters = filters, .filter_count = count, .limit = limit, .cursor = buffer_str(cursor)};
    Status status = served_page_json(table, &wanted, &out, &next, &error);
    assert_int_equal(status, OK);
    int rows = 0;
    for (int64_t i = 0; i < out.length; i++)
        rows += out.data[i] == '{';
    buffer_free(&out);
    buffer_free(cursor);
    *cursor = next;
    return rows;
}

static void pages_visit_every_row_once_in_key_order(void **state)
{
    (void)state;
    ServedTable *table = table_new(key_both, 2, 0);
    for (int i = 0; i < 500; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i % 5);
        apply(table, ROW_INSERT, i / 5 - 50, name, i);
    }
    Buffer cursor = {0};
    int total = 0;
    int pages = 0;
    do {
        total += page(table, NULL, 0, 7, &cursor);
        pages++;
    } while (cursor.length > 0);
    assert_int_equal(total, 500);
    assert_int_equal(pages, 72);
    ServedFilter store = {
        .column = 0, .op = FILTER_EQ, .value = {.type = fields[0].type, .integer = -3}};
    assert_int_equal(page(table, &store, 1, 100, &cursor), 5);
    ServedFilter range[] = {
        {.column = 0, .op = FILTER_GE, .value = {.type = fields[0].type, .integer = -50}},
        {.column = 0, .op = FILTER_LT, .value = {.type = fields[0].type, .integer = -48}},
    };
    assert_int_equal(page(table, range, 2, 100, &cursor), 10);
    ServedPage foreign = {.limit = 1, .cursor = STR("zz")};
    Error error = {0};
    Buffer out = {0};
    assert_int_equal(served_page_json(table, &foreign, &out, &cursor, &error), ERR_INVALID);
    buffer_free(&out);
    buffer_free(&cursor);
    served_free(table);
}

static void followers_get_each_change_once_and_learn_of_lost_history(void **state)
{
    (void)state;
    ServedTable *table = table_new(key_store, 1, 0);
    Error error = {0};
    Buffer out = {0};
    int64_t next = 0;
    assert_int_equal(served_changes_json(table, -1, 10, &out, &next, &error), OK);
    assert_int_equal(next, 0);
    apply(table, ROW_INSERT, 1, "a", 1);
    apply(table, ROW_UPDATE_AFTER, 1, "a", 2);
    assert_int_equal(served_changes_json(table, next, 10, &out, &next, &error), OK);
    assert_string_equal(
        buffer_terminated(&out),
        "{\"op\":\"+I\",\"seq\":1,\"row\":{\"store\":1,\"name\":\"a\",\"amount\":0.01}}\n"
        "{\"op\":\"+U\",\"seq\":2,\"row\":{\"store\":1,\"name\":\"a\",\"amount\":0.02}}\n");
    for (int i = 0; i < SERVED_CHANGES_MAX; i++)
        apply(table, ROW_UPDATE_AFTER, 1, "a", i);
    assert_int_equal(served_changes_json(table, 1, 10, &out, &next, &error), ERR_LOST);
    buffer_free(&out);
    served_free(table);
}

static void rows_expire_after_their_ttl(void **state)
{
    (void)state;
    ServedTable *table = table_new(key_store, 1, 1000000);
    apply(table, ROW_INSERT, 1, "a", 1);
    apply(table, ROW_INSERT, 2, "a", 1);
    apply(table, ROW_UPDATE_AFTER, 1, "a", 2);
    int64_t now_us = world_now_us(world_system());
    served_expire(table, now_us);
    assert_int_equal(served_row_count(table), 2);
    served_expire(table, now_us + 2000000);
    assert_int_equal(served_row_count(table), 0);
    served_free(table);
}

static void a_saved_table_loads_the_same_and_damage_is_found(void **state)
{
    (void)state;
    ServedTable *table = table_new(NULL, 0, 0);
    for (int i = 0; i < 100; i++)
        apply(table, ROW_INSERT, i, "a name longer than inline", i);
    Buffer saved = {0};
    served_save(table, &saved);
    ServedTable *again = table_new(NULL, 0, 0);
    Error error = {0};
    assert_int_equal(served_load(again, buffer_str(&saved), &error), OK);
    assert_int_equal(served_row_count(again), 100);
    assert_int_equal(served_sequence(again), 100);
    Buffer saved_again = {0};
    served_save(again, &saved_again);
    assert_true(str_equal(buffer_str(&saved), buffer_str(&saved_again)));
    for (int64_t cut = 0; cut < saved.length; cut += 97) {
        ServedTable *damaged = table_new(NULL, 0, 0);
        assert_int_equal(served_load(damaged, str_make(saved.data, cut), &error), ERR_CORRUPT);
        served_free(damaged);
    }
    buffer_free(&saved);
    buffer_free(&saved_again);
    served_free(table);
    served_free(again);
}

/* Arrays and objects are JSON of their own, also after a restart; bytes that are none are found. */
static void nested_values_are_served_as_json(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    const Type parts[] = {type_string(), type_decimal(10, 2)};
    const Str names[] = {STR("n"), STR("price")};
    const Field columns[] = {{STR("id"), type_simple(TYPE_INT)},
                             {STR("items"), type_array(arena, type_row(parts, names, 2))}};
    const Schema nested_schema = {.fields = columns, .count = 2};
    ServedSpec spec = {
        .name = "baskets", .schema = &nested_schema, .key = key_store, .key_count = 1};
    ServedTable *table = served_new(world_system(), &spec);
    NestedBuilder builder = {0};
    nested_begin(&builder, columns[1].type);
    nested_begin(&builder, columns[1].type.children[0]);
    nested_put_str(&builder, STR("a \"b\""));
    Int128 cents = 1050;
    nested_put_fixed(&builder, &cents);
    nested_end(&builder);
    nested_put_null(&builder);
    nested_end(&builder);
    Batch *batch = batch_new(&nested_schema, 1);
    Value id = {.type = columns[0].type, .integer = 7};
    Value items = {.type = columns[1].type, .text = nested_result(&builder)};
    value_set(&batch->columns[0], batch->arena, 0, 1, &id);
    value_set(&batch->columns[1], batch->arena, 0, 1, &items);
    batch->row_count = 1;
    batch_select_all(batch);
    served_apply(table, batch);
    Buffer saved = {0}, out = {0};
    served_save(table, &saved);
    ServedTable *again = served_new(world_system(), &spec);
    Error error = {0};
    assert_int_equal(served_load(again, buffer_str(&saved), &error), OK);
    assert_true(served_find_json(again, &id, &out));
    assert_string_equal(buffer_terminated(&out),
                        "{\"id\":7,\"items\":[{\"n\":\"a \\\"b\\\"\",\"price\":10.50},null]}");
    /* The number of elements lies at the start of the value. */
    char *at = memmem(saved.data, (size_t)saved.length, items.text.data, (size_t)items.text.length);
    assert_non_null(at);
    at[0] = 9;
    ServedTable *damaged = served_new(world_system(), &spec);
    assert_int_equal(served_load(damaged, buffer_str(&saved), &error), ERR_CORRUPT);
    served_free(damaged);
    served_free(table);
    served_free(again);
    batch_free(batch);
    nested_builder_free(&builder);
    buffer_free(&saved);
    buffer_free(&out);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upsert_replaces_and_a_delete_removes),
        cmocka_unit_test(an_update_before_alone_removes_its_row_when_the_next_change_is_of_another),
        cmocka_unit_test(pages_visit_every_row_once_in_key_order),
        cmocka_unit_test(followers_get_each_change_once_and_learn_of_lost_history),
        cmocka_unit_test(rows_expire_after_their_ttl),
        cmocka_unit_test(a_saved_table_loads_the_same_and_damage_is_found),
        cmocka_unit_test(nested_values_are_served_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
