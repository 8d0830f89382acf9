/* What a registry holds to whoever else has a hand in its topic, and how much memory it takes. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "registry/internal.h"

static char folder[64];
static Topics *topics;
static Subjects *registry;
static Arena *arena;

static void flush_failed(void *context)
{
    (void)context;
    fail_msg("the log could not be flushed");
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-registry-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(topics_open(world_system(), folder, &(LogOptions){0}, &topics, NULL), OK);
    assert_int_equal(log_start(topics_log(topics), 1, flush_failed, NULL), OK);
    registry = registry_new(world_system(), topics);
    arena = arena_new(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    registry_free(registry);
    arena_free(arena);
    log_stop(topics_log(topics));
    assert_int_equal(topics_close(topics, NULL), OK);
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    return 0;
}

/* What a client sends. */
static RegistryRequest request_of(const char *json)
{
    RegistryRequest request;
    RegistryRefusal refusal;
    if (!registry_read_request(arena, str_from(json), &request, &refusal) ||
        !registry_canonize(registry, arena, &request, false, &refusal))
        fail_msg("%s: %s", json, refusal.text);
    return request;
}

/* The number that it gets, or the code of the refusal as a negative one; its text is in `why`. */
static int32_t put(const char *subject, const RegistryRequest *request, const char **why)
{
    RegistryRefusal refusal = {0};
    int32_t id = 0;
    assert_true(registry_begin(registry, arena, &refusal));
    bool is_good = registry_register(registry, arena, str_from(subject), request, &id, &refusal);
    registry_end(registry);
    *why = refusal.text;
    return is_good ? id : -refusal.code;
}

static void remove_subject(const char *name, bool is_for_good)
{
    RegistryRefusal refusal;
    List gone = {0};
    assert_true(registry_begin(registry, arena, &refusal));
    assert_true(
        registry_remove_subject(registry, arena, str_from(name), is_for_good, &gone, &refusal));
    registry_end(registry);
}

/* From when it was kept in another way. */
static void test_a_topic_that_loses_records(void **state)
{
    (void)state;
    static ConfigEntry deletes = {"cleanup.policy", "delete"};
    const char *why;
    List configs = {0};
    Topic *topic;
    RegistryRequest request = request_of("{\"schema\":\"\\\"int\\\"\"}");
    assert_int_equal(put("s", &request, &why), 1);
    topics_lock(topics);
    topic = topics_find(topics, STR(SCHEMAS_TOPIC));
    list_append(&configs, arena, &deletes);
    assert_int_equal(topics_set_configs(topics, topic, &configs, NULL), OK);
    topics_unlock(topics);
    request = request_of("{\"schema\":\"\\\"long\\\"\"}");
    assert_int_equal(put("s", &request, &why), -REFUSED_STORE);
    assert_non_null(strstr(why, "WR5405"));
    assert_non_null(strstr(why, "cleanup.policy"));
    topics_lock(topics);
    configs.count = 0;
    topic_complete(&configs, arena);
    assert_int_equal(topics_set_configs(topics, topic, &configs, NULL), OK);
    assert_int_equal(topics_add_partitions(topics, topic, 2, NULL), OK);
    topics_unlock(topics);
    assert_int_equal(put("t", &request, &why), -REFUSED_STORE);
    assert_non_null(strstr(why, "one partition"));
}

/* Between reading a request and registering it others may change what it refers to. */
static void test_references_that_change_meanwhile(void **state)
{
    (void)state;
    const char *why;
    const char *using_it = "{\"schema\":\"{\\\"type\\\":\\\"array\\\",\\\"items\\\":\\\"E\\\"}\","
                           "\"references\":[{\"name\":\"E\",\"subject\":\"e\",\"version\":1}]}";
    RegistryRequest first =
        request_of("{\"schema\":\"{\\\"type\\\":\\\"enum\\\",\\\"name\\\":\\\"E\\\","
                   "\\\"symbols\\\":[\\\"A\\\"]}\"}");
    RegistryRequest other =
        request_of("{\"schema\":\"{\\\"type\\\":\\\"enum\\\",\\\"name\\\":\\\"E\\\","
                   "\\\"symbols\\\":[\\\"B\\\"]}\"}");
    assert_int_equal(put("e", &first, &why), 1);
    RegistryRequest request = request_of(using_it);
    remove_subject("e", false);
    assert_int_equal(put("u", &request, &why), -REFUSED_BAD_SCHEMA);
    assert_non_null(strstr(why, "is deleted"));
    remove_subject("e", true);
    assert_int_equal(put("u", &request, &why), -REFUSED_BAD_SCHEMA);
    assert_int_equal(put("e", &other, &why), 2);
    assert_int_equal(put("u", &request, &why), -REFUSED_BAD_SCHEMA);
    assert_non_null(strstr(why, "send it again"));
    request = request_of(using_it);
    assert_int_equal(put("u", &request, &why), 3);
}

static void take(const char *key, const char *value)
{
    BatchHeader header = {0};
    Record record = {.has_key = true, .has_value = value != NULL, .key = str_from(key)};
    if (value != NULL)
        record.value = str_from(value);
    topic_take(registry, &header, &record);
}

/* A schema of some size, written, changed and dropped over and over. */
static void test_memory_that_was_of_use(void **state)
{
    (void)state;
    enum { ROUNDS = 20000, LONG = 2000 };
    char *doc = arena_allocate_zeroed(arena, LONG + 1);
    memset(doc, 'x', LONG);
    Arena *scratch = arena_new(0);
    take("{\"keytype\":\"SCHEMA\",\"subject\":\"kept\",\"version\":1}",
         "{\"id\":1,\"schema\":\"\\\"int\\\"\",\"references\":[{\"name\":\"n\",\"subject\":\"r\","
         "\"version\":1}],\"deleted\":true}");
    take("{\"keytype\":\"CONFIG\",\"subject\":null}", "{\"compatibilityLevel\":\"NONE\"}");
    for (int32_t i = 0; i < ROUNDS; i++) {
        arena_reset(scratch);
        take("{\"keytype\":\"SCHEMA\",\"subject\":\"s\",\"version\":1}",
             arena_printf(scratch, "{\"id\":%d,\"schema\":\"%s%d\",\"schemaType\":\"PROTOBUF\"}",
                          i + 2, doc, i));
        take("{\"keytype\":\"CONFIG\",\"subject\":\"kept\"}",
             i % 2 == 0 ? "{\"compatibilityLevel\":\"FULL\"}"
                        : "{\"compatibilityLevel\":\"BACKWARD\"}");
        if (i % 3 == 0)
            take("{\"keytype\":\"SCHEMA\",\"subject\":\"s\",\"version\":1}", NULL);
    }
    arena_free(scratch);
    assert_true(arena_bytes(registry->arena) < 4 << 20);
    const RegistrySubject *kept = registry_find_subject(registry, STR("kept"));
    assert_int_equal(kept->count, 1);
    assert_true(kept->versions[0].is_deleted && str_is(kept->level, "BACKWARD"));
    const RegistrySchema *schema = registry_find_id(registry, 1);
    assert_ptr_equal(schema, kept->versions[0].schema);
    assert_int_equal(schema->use_count, 1);
    assert_true(str_is(schema->references[0].subject, "r"));
    assert_true(str_is(registry->all.level, "NONE"));
    assert_int_equal(registry->id_max, ROUNDS + 1);
    assert_non_null(registry_find_id(registry, ROUNDS + 1));
    assert_int_equal(map_count(registry->schemas), 2);
}

/* What is beyond is refused, and what is there already is not. */
static void test_bounds(void **state)
{
    (void)state;
    const char *why;
    RegistryRequest request = request_of("{\"schema\":\"\\\"int\\\"\"}");
    RegistryRequest other = request_of("{\"schema\":\"\\\"bytes\\\"\"}");
    RegistryRefusal refusal;
    assert_int_equal(put("s", &request, &why), 1);
    Arena *scratch = arena_new(0);
    for (int32_t i = 1; i < VERSIONS_MAX; i++) {
        arena_reset(scratch);
        take(arena_printf(scratch, "{\"keytype\":\"SCHEMA\",\"subject\":\"s\",\"version\":%d}",
                          i + 1),
             "{\"id\":1,\"schema\":\"\\\"int\\\"\",\"deleted\":true}");
    }
    assert_true(registry_begin(registry, arena, &refusal));
    assert_true(registry_set_level(registry, arena, STR("s"), STR("NONE"), &refusal));
    registry_end(registry);
    assert_int_equal(put("s", &other, &why), -REFUSED_TOO_LARGE);
    assert_non_null(strstr(why, "versions"));
    assert_int_equal(put("s", &request, &why), 1);
    for (int32_t i = 1; i < SUBJECTS_MAX; i++) {
        arena_reset(scratch);
        take(arena_printf(scratch, "{\"keytype\":\"SCHEMA\",\"subject\":\"s%d\",\"version\":1}", i),
             "{\"id\":1,\"schema\":\"\\\"int\\\"\"}");
    }
    arena_free(scratch);
    assert_int_equal(put("more", &request, &why), -REFUSED_TOO_LARGE);
    assert_non_null(strstr(why, "subjects"));
    assert_int_equal(put("s1", &request, &why), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_topic_that_loses_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_references_that_change_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_that_was_of_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
