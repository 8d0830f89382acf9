/* What is read from the XML of an S3 server, and which errors its refusals become. */
#include "base/testing.h"

#include <curl/curl.h>

#include "store/s3_answer.h"
#include "store/s3_refusal.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NAMESPACE " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static Arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static S3Answer read(const char *xml)
{
    S3Answer answer;
    assert_true(s3_answer_read(str_from(xml), arena, &answer));
    return answer;
}

static void test_reads_a_list(void **state)
{
    (void)state;
    S3Answer answer = read(
        XML "<ListBucketResult" NAMESPACE ">"
            "<Name>b</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount>"
            "<IsTruncated>true</IsTruncated><NextContinuationToken>1/a+b==</NextContinuationToken>"
            "<Contents><Key>p/k=v/&lt;a&amp;b&gt; \xc3\xbc</Key><Size>3</Size>"
            "<Owner><ID>x</ID></Owner></Contents>"
            "<Contents><Size>3</Size><Key>p/&#65;<![CDATA[<]]></Key></Contents>"
            "<CommonPrefixes><Prefix>p/q/</Prefix></CommonPrefixes>"
            "</ListBucketResult>");
    assert_false(answer.is_refusal);
    assert_true(answer.is_truncated);
    assert_string_equal(answer.next_token, "1/a+b==");
    assert_int_equal(answer.keys.count, 2);
    assert_string_equal(LIST_AT(answer.keys, 0, char), "p/k=v/<a&b> \xc3\xbc");
    assert_string_equal(LIST_AT(answer.keys, 1, char), "p/A<");
    assert_int_equal(answer.upload_ids.count, 0);
    answer = read("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
    assert_false(answer.is_truncated);
    assert_int_equal(answer.keys.count, 0);
    assert_string_equal(answer.next_token, "");
}

static void test_reads_uploads(void **state)
{
    (void)state;
    S3Answer answer =
        read("<ListMultipartUploadsResult><NextKeyMarker>b</NextKeyMarker>"
             "<NextUploadIdMarker>2</NextUploadIdMarker><IsTruncated>true</IsTruncated>"
             "<Upload><Key>a</Key><UploadId>1</UploadId><Initiator><ID>i</ID></Initiator></Upload>"
             "<Upload><Key>without id</Key></Upload>"
             "<Upload><UploadId>2</UploadId><Key>b</Key></Upload></ListMultipartUploadsResult>");
    assert_string_equal(answer.next_key, "b");
    assert_string_equal(answer.next_upload, "2");
    assert_int_equal(answer.keys.count, 2);
    assert_int_equal(answer.upload_ids.count, 2);
    assert_string_equal(LIST_AT(answer.keys, 1, char), "b");
    assert_string_equal(LIST_AT(answer.upload_ids, 1, char), "2");
    answer = read("<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
                  "<UploadId>x.y_z</UploadId></InitiateMultipartUploadResult>");
    assert_string_equal(answer.upload_id, "x.y_z");
}

/* S3 keeps a slow answer alive by white space, also before the declaration. */
static void test_reads_a_late_answer(void **state)
{
    (void)state;
    S3Answer answer = read(" \n  " XML "<Error><Code>InternalError</Code></Error>\n");
    assert_true(answer.is_refusal);
    assert_string_equal(answer.code, "InternalError");
}

static void test_refuses_what_is_not_of_s3(void **state)
{
    (void)state;
    const char *const nested = /* one string, deeper than any answer */
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>"
        "</a></a></a></a></a></a></a></a>";
    const char *const wrong[] = {
        "",
        "  ",
        "not xml",
        "<html><body>Bad Gateway</html>",
        "<Error><Code>x</Code>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><Error><Code>&b;</Code></Error>",
        nested,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        S3Answer answer;
        assert_false(s3_answer_read(str_from(wrong[i]), arena, &answer));
    }
}

/* ---- Refusals ---------------------------------------------------------------------------- */

static const S3Settings settings = {
    .bucket = "bucket", .region = "us-east-1", .origin = "https://host"};

/* Answers of AWS as its documentation has them. */
static void test_tells_refusals(void **state)
{
    (void)state;
    const struct {
        int32_t status;
        const char *key, *code; /* code: NULL for an answer without a body */
        const char *region;
        Status means;
        const char *error, *hint;
        bool may_pass;
    } cases[] = {
        {404, "k", "NoSuchKey", "", ERR_NOT_FOUND, "WR4450", "", false},
        {404, "k", NULL, "", ERR_NOT_FOUND, "WR4450", "", false},
        {404, "", NULL, "", ERR_INVALID, "WR4443", "s3.endpoint", false},
        {404, "k", "NoSuchBucket", "", ERR_INVALID, "WR4443", "create it", false},
        {404, "k", "NoSuchUpload", "", ERR_IO, "WR4448", "", false},
        {403, "k", "AccessDenied", "", ERR_PERMISSION, "WR4441", "s3:PutObject", false},
        {403, "k", NULL, "", ERR_PERMISSION, "WR4441", "s3:PutObject", false},
        {403, "k", "OfAnotherServer", "", ERR_PERMISSION, "WR4441", "s3:PutObject", false},
        {403, "k", "InvalidAccessKeyId", "", ERR_PERMISSION, "WR4442", "compare", false},
        {403, "k", "SignatureDoesNotMatch", "", ERR_PERMISSION, "WR4442", "compare", false},
        {400, "k", "ExpiredToken", "", ERR_PERMISSION, "WR4442", "run out", false},
        {403, "k", "RequestTimeTooSkewed", "", ERR_PERMISSION, "WR4445", "clock", false},
        {301, "k", "PermanentRedirect", "eu-west-1", ERR_INVALID, "WR4444", "`eu-west-1`", false},
        {301, "k", NULL, "", ERR_INVALID, "WR4444", "of the bucket", false},
        {400, "k", "AuthorizationHeaderMalformed", "eu-west-1", ERR_INVALID, "WR4444",
         "`eu-west-1`", false},
        {400, "k", NULL, "eu-west-1", ERR_INVALID, "WR4444", "`eu-west-1`", false},
        {400, "k", NULL, "us-east-1", ERR_IO, "WR4448", "", false},
        {400, "k", "KeyTooLongError", "", ERR_IO, "WR4448", "", false},
        {400, "k", "RequestTimeout", "", ERR_UNAVAILABLE, "WR4447", "", true},
        {429, "k", "Throttled", "", ERR_UNAVAILABLE, "WR4447", "", true},
        {500, "k", "InternalError", "", ERR_UNAVAILABLE, "WR4447", "", true},
        {503, "k", "SlowDown", "", ERR_UNAVAILABLE, "WR4447", "", true},
        {502, "k", NULL, "", ERR_UNAVAILABLE, "WR4447", "", true},
        {501, "k", "NotImplemented", "", ERR_IO, "WR4448", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Error error = {0};
        S3Refusal refusal = {.settings = &settings,
                             .key = cases[i].key,
                             .status = cases[i].status,
                             .region = cases[i].region};
        const char *body = cases[i].code == NULL
                               ? "<html>Sorry</html>"
                               : arena_printf(arena,
                                              XML "<Error><Code>%s</Code><Message>So it is"
                                                  "</Message><RequestId>4</RequestId></Error>",
                                              cases[i].code);
        s3_refusal_read(&refusal, str_from(body), arena);
        assert_false(s3_refusal_is_success(&refusal));
        assert_int_equal(s3_refusal_may_pass(&refusal), cases[i].may_pass);
        assert_int_equal(s3_refusal_tell(&refusal, &error), cases[i].means);
        assert_string_equal(error.code, cases[i].error);
        assert_non_null(strstr(error.hint, cases[i].hint));
        assert_int_equal(error.is_retriable, cases[i].may_pass);
    }
}

static void test_takes_the_region_from_the_body(void **state)
{
    (void)state;
    Error error = {0};
    S3Refusal refusal = {.settings = &settings, .key = "k", .status = 400, .region = ""};
    s3_refusal_read(&refusal,
                    STR("<Error><Code>AuthorizationHeaderMalformed</Code>"
                        "<Region>eu-central-1</Region></Error>"),
                    arena);
    assert_int_equal(s3_refusal_tell(&refusal, &error), ERR_INVALID);
    assert_string_equal(error.code, "WR4444");
    assert_non_null(strstr(error.hint, "eu-central-1"));
}

static void test_tells_broken_connections(void **state)
{
    (void)state;
    const struct {
        CURLcode code;
        bool may_pass;
        const char *error;
    } cases[] = {
        {CURLE_COULDNT_CONNECT, true, "WR4447"},
        {CURLE_COULDNT_RESOLVE_HOST, true, "WR4447"},
        {CURLE_PARTIAL_FILE, true, "WR4447"},
        {CURLE_OPERATION_TIMEDOUT, true, "WR4447"},
        {CURLE_SSL_CONNECT_ERROR, true, "WR4446"},
        {CURLE_PEER_FAILED_VERIFICATION, false, "WR4446"},
        {CURLE_SSL_CACERT_BADFILE, false, "WR4446"},
        {CURLE_URL_MALFORMAT, false, "WR4448"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Error error = {0};
        S3Refusal refusal = {.settings = &settings,
                             .key = "k",
                             .region = "",
                             .curl_code = (int32_t)cases[i].code,
                             .why = "as it was told"};
        s3_refusal_read(&refusal, (Str){0}, arena);
        assert_int_equal(s3_refusal_may_pass(&refusal), cases[i].may_pass);
        Status status = s3_refusal_tell(&refusal, &error);
        assert_true(status != OK && status != ERR_NOT_FOUND);
        assert_string_equal(error.code, cases[i].error);
        assert_non_null(strstr(error.text, "as it was told"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_a_list),
        cmocka_unit_test(test_reads_uploads),
        cmocka_unit_test(test_reads_a_late_answer),
        cmocka_unit_test(test_refuses_what_is_not_of_s3),
        cmocka_unit_test(test_tells_refusals),
        cmocka_unit_test(test_takes_the_region_from_the_body),
        cmocka_unit_test(test_tells_broken_connections),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
