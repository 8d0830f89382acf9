/* The wire format, held against bytes from the protocol's own description, and what must not be
 * read.
 */
#include "base/testing.h"

#include "kafka/schema.h"

static const char schema_text[] =
    "id:h name:s? ids:[i]@1+ rows:[flag:b key:l@2+ data:B?] left:c@0-1";

static Message *sample(Arena *arena, const Schema *schema)
{
    Message *message = message_new(arena, schema);
    message_set_number(message, "id", 258);
    message_set_text(message, "name", "ab");
    message_set_number(message_append(message, "ids", arena), "", -2);
    Message *row = message_append(message, "rows", arena);
    message_set_number(row, "flag", 1);
    message_set_number(row, "key", 3);
    message_set_bytes(row, "data", STR("xyz"));
    message_append(message, "rows", arena);
    message_set_number(message, "left", -1);
    return message;
}

static void test_writes_each_version(void **state)
{
    (void)state;
    static const struct {
        WireVersion version;
        Str bytes;
    } cases[] = {
        {{0, false}, STR("\1\2\0\2ab\0\0\0\2\1\0\0\0\3xyz\0\xff\xff\xff\xff\xff")},
        {{1, false},
         STR("\1\2\0\2ab\0\0\0\1\xff\xff\xff\xfe\0\0\0\2\1\0\0\0\3xyz\0\xff\xff\xff\xff\xff")},
        {{2, false},
         STR("\1\2\0\2ab\0\0\0\1\xff\xff\xff\xfe\0\0\0\2\1\0\0\0\0\0\0\0\3\0\0\0\3xyz\0"
             "\0\0\0\0\0\0\0\0\xff\xff\xff\xff")},
        /* Lengths are varints of one more, structs end with a count of tags; single values do not.
         */
        {{2, true},
         STR("\1\2\3ab\2\xff\xff\xff\xfe\3\1\0\0\0\0\0\0\0\3\4xyz\0\0\0\0\0\0\0\0\0\0\0\0\0")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Arena *arena = arena_new(0);
        const Schema *schema = schema_new(arena, schema_text);
        Buffer out = {0};
        message_write(sample(arena, schema), cases[i].version, &out);
        assert_int_equal(out.length, cases[i].bytes.length);
        assert_memory_equal(out.data, cases[i].bytes.data, out.length);
        Message *read = message_new(arena, schema);
        ByteReader reader = byte_reader(buffer_str(&out));
        assert_true(message_read(read, &reader, cases[i].version, arena));
        assert_int_equal(byte_reader_left(&reader), 0);
        assert_int_equal(message_number(read, "id"), 258);
        assert_true(str_is(message_bytes(read, "name"), "ab"));
        assert_int_equal(message_count(read, "rows"), 2);
        assert_true(str_is(message_bytes(message_item(read, "rows", 0), "data"), "xyz"));
        assert_true(message_is_null(message_item(read, "rows", 1), "data"));
        /* Each shorter piece is refused. */
        for (int64_t length = 0; length < out.length; length++) {
            reader = byte_reader(str_make(out.data, length));
            assert_false(
                message_read(message_new(arena, schema), &reader, cases[i].version, arena));
        }
        buffer_free(&out);
        arena_free(arena);
    }
}

static bool reads(const char *text, Str bytes, bool is_flexible)
{
    Arena *arena = arena_new(0);
    Message *message = message_new(arena, schema_new(arena, text));
    ByteReader reader = byte_reader(bytes);
    bool is_read = message_read(message, &reader, (WireVersion){0, is_flexible}, arena) &&
                   byte_reader_left(&reader) == 0;
    arena_free(arena);
    return is_read;
}

static void test_refuses_what_cannot_be(void **state)
{
    (void)state;
    assert_true(reads("a:s?", STR("\xff\xff"), false));
    assert_false(reads("a:s", STR("\xff\xff"), false));
    assert_false(reads("a:s?", STR("\xff\xfe"), false));
    assert_false(reads("a:[i]", STR("\xff\xff\xff\xff"), false));
    assert_false(reads("a:[i]", STR("\x7f\xff\xff\xff"), false));
    assert_false(reads("a:[b:[c:s]]", STR("\0\0\0\1\x10\0\0\0"), false));
    /* Tags that are not known are skipped; one that is longer than all is not. */
    assert_true(reads("a:c", STR("\7\2\0\1x\1\2yz"), true));
    assert_false(reads("a:c", STR("\7\1\0\x70x"), true));
    assert_false(reads("a:c", STR("\7\xff\xff\xff\xff\xff\xff\xff"), true));
}

/* Those that are set go behind the others, with number and length; readers skip them. */
static void test_writes_fields_by_their_tags(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    const Schema *schema =
        schema_new(arena, "id:c rows:[at:h]@1+#0 epoch:l#2 name:s?#3 later:i@3+#4");
    Message *message = message_new(arena, schema);
    message_set_number(message, "id", 7);
    message_set_number(message_append(message, "rows", arena), "at", 258);
    message_set_number(message, "epoch", 1);
    message_set_number(message, "later", 1);
    const WireVersion flexible = {1, true}, older = {0, true}, plain = {1, false};
    Buffer out = {0};
    message_write(message, flexible, &out);
    Str expected = STR("\7\2\0\4\2\1\2\0\2\10\0\0\0\0\0\0\0\1");
    assert_int_equal(out.length, expected.length);
    assert_memory_equal(out.data, expected.data, out.length);
    Message *read = message_new(arena, schema);
    ByteReader reader = byte_reader(buffer_str(&out));
    assert_true(message_read(read, &reader, flexible, arena));
    assert_int_equal(byte_reader_left(&reader), 0);
    assert_int_equal(message_number(read, "id"), 7);
    assert_int_equal(message_number(read, "epoch"), 0);
    out.length = 0;
    message_write(message, older, &out);
    expected = STR("\7\1\2\10\0\0\0\0\0\0\0\1");
    assert_int_equal(out.length, expected.length);
    assert_memory_equal(out.data, expected.data, out.length);
    out.length = 0;
    message_write(message, plain, &out);
    assert_int_equal(out.length, 1);
    buffer_free(&out);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_each_version),
        cmocka_unit_test(test_writes_fields_by_their_tags),
        cmocka_unit_test(test_refuses_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
