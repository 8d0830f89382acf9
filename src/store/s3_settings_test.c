/* Where keys, regions and addresses come from, and which goes before which. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/s3_settings.h"

static char home[64];

/* NAME=value, one a line. */
static const char *variables;

static const char *test_environment(World *world, const char *name)
{
    static char value[256];
    (void)world;
    if (strcmp(name, "HOME") == 0)
        return home;
    Str rest = str_from(variables);
    while (rest.length > 0) {
        Str text;
        if (!str_is(str_split(str_split(rest, '\n', &rest), '=', &text), name))
            continue;
        snprintf(value, sizeof value, "%.*s", STR_ARGS(text));
        return value;
    }
    return NULL;
}

static WorldKind kind;
static World world = {.kind = &kind};
static Arena *arena;

static int make_home(void **state)
{
    (void)state;
    kind = *world_system()->kind;
    kind.environment = test_environment;
    variables = "";
    arena = arena_new(0);
    snprintf(home, sizeof home, "/tmp/weir-home-XXXXXX");
    return mkdtemp(home) == NULL;
}

static int remove_home(void **state)
{
    (void)state;
    arena_free(arena);
    return world_remove_tree(world_system(), home, NULL) != OK;
}

static void write_home_file(const char *name, const char *text)
{
    Error error = {0};
    const char *folder = arena_printf(arena, "%s/.aws", home);
    assert_int_equal(kind.make_folder(world_system(), folder, &error), OK);
    assert_int_equal(world_replace_file(world_system(), arena_printf(arena, "%s/%s", folder, name),
                                        str_from(text), &error),
                     OK);
}

static S3Settings find(const char *place, StoreOptions options)
{
    S3Settings settings;
    Error error = {0};
    assert_int_equal(s3_settings_find(&world, place, &options, arena, &settings, &error), OK);
    return settings;
}

#define KEYS .access_key = "AK", .secret_key = "SK"

/* ---- Keys -------------------------------------------------------------------------------- */

static void test_options_go_before_the_environment(void **state)
{
    (void)state;
    variables = "AWS_ACCESS_KEY_ID=from-env\nAWS_SECRET_ACCESS_KEY=secret-env\n"
                "AWS_SESSION_TOKEN=token-env\nAWS_REGION=eu-west-1";
    S3Settings settings = find("b", (StoreOptions){KEYS, .region = "us-west-2"});
    assert_string_equal(settings.access_key, "AK");
    assert_string_equal(settings.secret_key, "SK");
    assert_null(settings.session_token);
    assert_string_equal(settings.region, "us-west-2");
    settings = find("b", (StoreOptions){0});
    assert_string_equal(settings.access_key, "from-env");
    assert_string_equal(settings.secret_key, "secret-env");
    assert_string_equal(settings.session_token, "token-env");
    assert_string_equal(settings.region, "eu-west-1");
}

static void test_files_of_aws_come_last(void **state)
{
    (void)state;
    write_home_file("credentials", "# made by hand\n"
                                   "[other]\naws_access_key_id = no\n"
                                   "[default]\n"
                                   "aws_access_key_id = AKFILE\r\n"
                                   "aws_secret_access_key=SK/with=signs+\n"
                                   "aws_session_token =\n");
    write_home_file("config", "[profile work]\nregion = eu-north-1\naws_access_key_id = AKWORK\n"
                              "aws_secret_access_key = SKWORK\naws_session_token = TOKEN\n"
                              "[default]\nregion = eu-south-2\n"
                              "endpoint_url = http://127.0.0.1:9000\n");
    S3Settings settings = find("b", (StoreOptions){0});
    assert_string_equal(settings.access_key, "AKFILE");
    assert_string_equal(settings.secret_key, "SK/with=signs+");
    assert_null(settings.session_token);
    assert_string_equal(settings.region, "eu-south-2");
    assert_string_equal(settings.origin, "http://127.0.0.1:9000");
    variables = "AWS_PROFILE=work\nAWS_ACCESS_KEY_ID=";
    settings = find("b", (StoreOptions){0});
    assert_string_equal(settings.access_key, "AKWORK");
    assert_string_equal(settings.secret_key, "SKWORK");
    assert_string_equal(settings.session_token, "TOKEN");
    assert_string_equal(settings.region, "eu-north-1");
    const char *elsewhere = arena_printf(arena, "%s/.aws/config", home);
    variables =
        arena_printf(arena, "AWS_PROFILE=profile work\nAWS_SHARED_CREDENTIALS_FILE=%s", elsewhere);
    assert_string_equal(find("b", (StoreOptions){0}).access_key, "AKWORK");
}

/* A key from here and its secret from there would never fit. */
static void test_refuses_half_of_the_keys(void **state)
{
    (void)state;
    const StoreOptions halves[] = {
        {0}, {.access_key = "AK"}, {.secret_key = "SK"}, {.session_token = "T"}};
    const char *const places[] = {"default", "secret key", "access key", "default"};
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        S3Settings settings;
        Error error = {0};
        variables = i == 0 ? "" : i < 3 ? "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b" : "";
        assert_int_equal(s3_settings_find(&world, "b", &halves[i], arena, &settings, &error),
                         ERR_INVALID);
        assert_string_equal(error.code, "WR4440");
        assert_non_null(strstr(error.text, places[i]));
    }
}

/* ---- Places ------------------------------------------------------------------------------ */

static void test_places(void **state)
{
    (void)state;
    const char *const places[][3] = {
        {"bucket", "bucket", ""},
        {"bucket/", "bucket", ""},
        {"my.bucket-1/a", "my.bucket-1", "a/"},
        {"bucket//a/k=v//", "bucket", "a/k=v/"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        S3Settings settings = find(places[i][0], (StoreOptions){KEYS});
        assert_string_equal(settings.bucket, places[i][1]);
        assert_string_equal(settings.prefix, places[i][2]);
    }
    const char *const wrong[] = {"", "/a", "a b", "a?b/c", "KEY:SECRET@bucket/a"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        S3Settings settings;
        Error error = {0};
        assert_int_equal(
            s3_settings_find(&world, wrong[i], &(StoreOptions){KEYS}, arena, &settings, &error),
            ERR_INVALID);
        assert_string_equal(error.code, "WR4431");
    }
}

static void test_addresses(void **state)
{
    (void)state;
    const struct {
        const char *bucket, *endpoint;
        StoreAddressing addressing;
        const char *origin, *host, *path;
    } cases[] = {
        {"b", NULL, STORE_ADDRESSING_AUTO, "https://b.s3.eu-west-1.amazonaws.com",
         "b.s3.eu-west-1.amazonaws.com", ""},
        {"b.c", NULL, STORE_ADDRESSING_AUTO, "https://s3.eu-west-1.amazonaws.com",
         "s3.eu-west-1.amazonaws.com", "/b.c"},
        {"b", NULL, STORE_ADDRESSING_PATH, "https://s3.eu-west-1.amazonaws.com",
         "s3.eu-west-1.amazonaws.com", "/b"},
        {"b", "http://localhost:9000", STORE_ADDRESSING_AUTO, "http://localhost:9000",
         "localhost:9000", "/b"},
        {"b", "http://localhost:9000/", STORE_ADDRESSING_HOST, "http://b.localhost:9000",
         "b.localhost:9000", ""},
        {"b", "storage.example.com", STORE_ADDRESSING_AUTO, "https://storage.example.com",
         "storage.example.com", "/b"},
        {"b", "https://storage.example.com:443/s3/", STORE_ADDRESSING_AUTO,
         "https://storage.example.com", "storage.example.com", "/s3/b"},
        {"b", "http://storage.example.com:80", STORE_ADDRESSING_AUTO, "http://storage.example.com",
         "storage.example.com", "/b"},
        {"b", "http://[::1]:9000", STORE_ADDRESSING_AUTO, "http://[::1]:9000", "[::1]:9000", "/b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        S3Settings settings =
            find(cases[i].bucket,
                 (StoreOptions){KEYS, .region = "eu-west-1", .endpoint = cases[i].endpoint,
                                .addressing = cases[i].addressing});
        assert_string_equal(settings.origin, cases[i].origin);
        assert_string_equal(settings.host, cases[i].host);
        assert_string_equal(settings.path, cases[i].path);
    }
    const char *const wrong[] = {"", "http://", "http://a b", "ftp://host", "http://u:p@host"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        S3Settings settings;
        Error error = {0};
        StoreOptions options = {KEYS, .endpoint = wrong[i]};
        assert_int_equal(s3_settings_find(&world, "b", &options, arena, &settings, &error),
                         ERR_INVALID);
        assert_string_equal(error.code, "WR4431");
    }
}

static void test_addresses_of_the_environment(void **state)
{
    (void)state;
    variables = "AWS_ENDPOINT_URL=http://general:1\nAWS_DEFAULT_REGION=eu-west-9\n"
                "AWS_CA_BUNDLE=/etc/ca.pem";
    S3Settings settings = find("b", (StoreOptions){KEYS});
    assert_string_equal(settings.origin, "http://general:1");
    assert_string_equal(settings.region, "eu-west-9");
    assert_string_equal(settings.ca_file, "/etc/ca.pem");
    variables = "AWS_ENDPOINT_URL=http://general:1\nAWS_ENDPOINT_URL_S3=http://special:2";
    settings = find("b", (StoreOptions){KEYS});
    assert_string_equal(settings.origin, "http://special:2");
    assert_string_equal(settings.region, "us-east-1");
    assert_null(settings.ca_file);
    settings = find("b", (StoreOptions){KEYS, .endpoint = "http://mine:3"});
    assert_string_equal(settings.origin, "http://mine:3");
}

int main(void)
{
#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)
    const struct CMUnitTest tests[] = {
        AT_HOME(test_options_go_before_the_environment),
        AT_HOME(test_files_of_aws_come_last),
        AT_HOME(test_refuses_half_of_the_keys),
        AT_HOME(test_places),
        AT_HOME(test_addresses),
        AT_HOME(test_addresses_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
