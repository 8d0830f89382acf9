/* The signer against signatures that others have made. Three tables: AWS's signing test suite (as
 * far as it concerns a service whose paths are not tidied up; header values stand here as they are
 * signed, trimmed and joined), the four examples of the S3 documentation, and requests as this
 * folder sends them, signed by botocore 1.44. */
#include "base/testing.h"

#include "store/sigv4.h"

typedef struct Case {
    const char *method, *path;
    const char *query;   /* name=value, not encoded, one a line */
    const char *headers; /* name:value, one a line, beside host and x-amz-date */
    const char *payload;
    const char *signature;
} Case;

typedef struct Suite {
    const char *access_key, *secret_key;
    const char *region, *service;
    const char *host;
    int64_t seconds; /* since 1970 */
    bool signs_hash; /* x-amz-content-sha256 is sent along */
    const Case *cases;
    size_t case_count;
} Suite;

#define LETTERS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define TOKEN_SHORT "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define TOKEN_LONG                                                                                 \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSP" \
    "fIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT" \
    "7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlz" \
    "m8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

static const Case suite_cases[] = {
    {"GET", "/", "", "my-header1:value2,value2,value1", "",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"GET", "/", "", "my-header1:value1 value2 value3", "",
     "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"},
    {"GET", "/", "", "my-header1:value4,value1,value3,value2", "",
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"GET", "/", "", "my-header2:\"a b c\"\nmy-header1:value1", "",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"GET", "/example1/example2/../..", "", "", "",
     "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b"},
    {"GET", "/example/..", "", "", "",
     "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"},
    {"GET", "/./", "", "", "", "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145"},
    {"GET", "/./example", "", "", "",
     "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff"},
    {"GET", "//", "", "", "", "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e"},
    {"GET", "//example//", "", "", "",
     "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"},
    {"GET", "/example space/", "", "", "",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"GET", "/-._~" LETTERS, "", "", "",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"GET", "/\u1234", "", "", "",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"GET", "/", "Param1=value1", "", "",
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"GET", "/", "Param-3=Value3\nParam=Value2\n\u1234=Value1", "", "",
     "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {"GET", "/", "Param2=value2\nParam1=value1", "", "",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"GET", "/", "-._~" LETTERS "=-._~" LETTERS, "", "",
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"GET", "/", "\u1234=bar", "", "",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"GET", "/", "", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"GET", "/", "", "x-amz-security-token:" TOKEN_SHORT, "",
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {"POST", "/", "", "", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"POST", "/", "", "my-header1:value1", "",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"POST", "/", "", "my-header1:VALUE1", "",
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"POST", "/", "", "x-amz-security-token:" TOKEN_LONG, "",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"POST", "/", "Param1=value1", "", "",
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
};

static const Case form_cases[] = {
    {"POST", "/", "",
     "content-type:application/x-www-form-urlencoded; charset=utf-8\ncontent-length:13",
     "Param1=value1", "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"},
    {"POST", "/", "", "content-type:application/x-www-form-urlencoded\ncontent-length:13",
     "Param1=value1", "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
};

static const Case document_cases[] = {
    {"GET", "/test.txt", "", "range:bytes=0-9", "",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT", "/test$file.text", "",
     "date:Fri, 24 May 2013 00:00:00 GMT\nx-amz-storage-class:REDUCED_REDUNDANCY",
     "Welcome to Amazon S3.", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET", "/", "lifecycle=", "", "",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET", "/", "max-keys=2\nprefix=J", "", "",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static const Case own_cases[] = {
    {"GET", "/bucket/a=1/b=2/part-0.bin", "", "", "",
     "3ed141af892d093524ada2a7903fb919c73a6c286011cffe904f1155f9283391"},
    {"GET", "/bucket/with space+plus&and%percent", "", "", "",
     "0f580b1bacffa9e5e44cefb8e32ef4376b398e5ff5b6354dfee7898f37e4d4d1"},
    {"PUT", "/bucket/k=v/\u00fcml\u00e4ut/\u65e5\u672c", "", "", "payload",
     "e3c4d22e8d8012ce7ae5d698e2399b76f194cbfe4d180af61aa5eb9daa51dcad"},
    {"GET", "/bucket/!*'();:@$,?#[]~", "", "", "",
     "e7785024ddd84bfaf0571968f09b057a01f106e5e2d2ea85d6e97ae339f50fb0"},
    {"GET", "/bucket/a//b/../c/.", "", "", "",
     "725b54bcac0831d4909b63250b68e7a1f73e359f56c9a4c889839dd6fd8e5de5"},
    {"GET", "/bucket", "prefix=jobs/k=v/a b+c\nlist-type=2\ncontinuation-token=1/abc+==", "", "",
     "9a23be6dec7b77ff60cc6979ccf01a56461d21f6cc281805aeb8cb6eda878de1"},
    {"POST", "/bucket/big", "uploads=", "", "",
     "46c2c03b45b7a425a5eafe937747680c9e5fa5069699808804032735fafe9894"},
    {"PUT", "/bucket/big", "uploadId=x/y+z==\npartNumber=10", "", "0123456789",
     "34fc0a788b64ba4d0d0e8cdd7f299c72fedb7bd401289136d450154d409c561e"},
    {"DELETE", "/bucket/gone", "", "x-amz-security-token:TOKEN/with+signs==", "",
     "ffa5cf1edf19b6ad15a3ee5724a6baca88eb1dce0bf991b043bc692b398d0476"},
};

/* `separator` stands in each line between name and value. */
static int32_t split_fields(const char *lines, char separator, SigField *fields, int32_t count)
{
    Str rest = str_from(lines);
    while (rest.length > 0) {
        Str value;
        Str name = str_split(str_split(rest, '\n', &rest), separator, &value);
        fields[count++] = (SigField){.name = name, .value = value};
    }
    return count;
}

static void check_case(const Suite *suite, const Case *one)
{
    SigField query[4], headers[8];
    char time[SIGV4_TIME_BYTES], hash[SIGV4_HASH_BYTES];
    sigv4_time(suite->seconds * 1000000, time);
    sigv4_hash(str_from(one->payload), hash);
    int32_t header_count = split_fields(one->headers, ':', headers, 0);
    headers[header_count++] = (SigField){STR("x-amz-date"), str_from(time)};
    headers[header_count++] = (SigField){STR("host"), str_from(suite->host)};
    if (suite->signs_hash)
        headers[header_count++] = (SigField){STR("x-amz-content-sha256"), str_from(hash)};
    SigRequest request = {.method = one->method,
                          .path = str_from(one->path),
                          .query = query,
                          .query_count = split_fields(one->query, '=', query, 0),
                          .headers = headers,
                          .header_count = header_count,
                          .payload_hash = hash,
                          .time = time};
    SigKey key = {.access_key = str_from(suite->access_key),
                  .secret_key = str_from(suite->secret_key),
                  .region = str_from(suite->region),
                  .service = str_from(suite->service)};
    Buffer out = {0};
    sigv4_sign(&request, &key, &out);
    Str signature = STR("Signature=");
    int64_t at = str_find(buffer_str(&out), signature);
    assert_true(at > 0);
    assert_string_equal(buffer_terminated(&out) + at + signature.length, one->signature);
    buffer_free(&out);
}

static void check_suite(const Suite *suite)
{
    for (size_t i = 0; i < suite->case_count; i++)
        check_case(suite, &suite->cases[i]);
}

#define CASES(table) .cases = (table), .case_count = sizeof(table) / sizeof((table)[0])

static void test_signs_as_the_suite_of_aws(void **state)
{
    (void)state;
    Suite suite = {.access_key = "AKIDEXAMPLE",
                   .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                   .region = "us-east-1",
                   .service = "service",
                   .host = "example.amazonaws.com",
                   .seconds = 1440938160, /* 2015-08-30 12:36:00 UTC */
                   CASES(suite_cases)};
    check_suite(&suite);
    suite.cases = form_cases;
    suite.case_count = sizeof form_cases / sizeof form_cases[0];
    suite.signs_hash = true;
    check_suite(&suite);
}

static void test_signs_as_the_documentation_of_s3(void **state)
{
    (void)state;
    Suite suite = {.access_key = "AKIAIOSFODNN7EXAMPLE",
                   .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                   .region = "us-east-1",
                   .service = "s3",
                   .host = "examplebucket.s3.amazonaws.com",
                   .seconds = 1369353600, /* 2013-05-24 00:00:00 UTC */
                   .signs_hash = true,
                   CASES(document_cases)};
    check_suite(&suite);
}

static void test_signs_as_another_client(void **state)
{
    (void)state;
    Suite suite = {.access_key = "AKIDEXAMPLE",
                   .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                   .region = "eu-central-1",
                   .service = "s3",
                   .host = "127.0.0.1:4568",
                   .seconds = 1709251199, /* 2024-02-29 23:59:59 UTC */
                   .signs_hash = true,
                   CASES(own_cases)};
    check_suite(&suite);
}

/* The whole header, once. */
static void test_prints_the_header(void **state)
{
    (void)state;
    SigField headers[] = {{STR("x-amz-date"), STR("20150830T123600Z")},
                          {STR("host"), STR("example.amazonaws.com")}};
    char hash[SIGV4_HASH_BYTES];
    sigv4_hash(STR(""), hash);
    SigRequest request = {.method = "GET",
                          .path = STR("/"),
                          .headers = headers,
                          .header_count = 2,
                          .payload_hash = hash,
                          .time = "20150830T123600Z"};
    SigKey key = {STR("AKIDEXAMPLE"), STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                  STR("us-east-1"), STR("service")};
    Buffer out = {0};
    sigv4_sign(&request, &key, &out);
    assert_string_equal(
        buffer_terminated(&out),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs_as_the_suite_of_aws),
        cmocka_unit_test(test_signs_as_the_documentation_of_s3),
        cmocka_unit_test(test_signs_as_another_client),
        cmocka_unit_test(test_prints_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
