/* Batches that kafka-python has made, in each compression; batches of our own; damage. */
#include "base/testing.h"

#include <stdlib.h>

#include "log/batch_testing.h"

/* Three records: a key, a value and a header; no key; no value. Made by kafka-python 3.0.12. */
static const char *const made_by_kafka_python[CODEC_COUNT] = {
    [CODEC_NONE] =
        "00000000000000000000008600000000022EACD8B70000000000020000018BCFE568000000018BCFE5"
        "6802FFFFFFFFFFFFFFFFFFFFFFFFFFFF0000000350000000046B303876616C75652D3076616C75652D"
        "3076616C75652D3076616C75652D30020268027844000202013876616C75652D3176616C75652D3176"
        "616C75652D3176616C75652D310010000404046B320100",
    [CODEC_GZIP] =
        "00000000000000000000006E000000000221FF6FB00001000000020000018BCFE568000000018BCFE5"
        "6802FFFFFFFFFFFFFFFFFFFFFFFFFFFF000000031F8B080071F30B6B02FF0B60606060C936B0284BCC"
        "294DD535C04A3131653055B83030313142951962A5180418585858B28D181900C47977A855000000",
    [CODEC_SNAPPY] =
        "000000000000000000000078000000000234BDFC4D0002000000020000018BCFE568000000018BCF"
        "E56802FFFFFFFFFFFFFFFFFFFFFFFFFFFF0000000382534E41505059000000000100000001000000"
        "33553850000000046B303876616C75652D3052070024020268027844000202010D27003109273A07"
        "00240010000404046B320100",
    [CODEC_LZ4] =
        "00000000000000000000007B000000000272F4EDB70003000000020000018BCFE568000000018BCFE5"
        "6802FFFFFFFFFFFFFFFFFFFFFFFFFFFF0000000304224D18684055000000000000009E33000000FF00"
        "50000000046B303876616C75652D30070002A3020268027844000202012700123127000B0700A00010"
        "000404046B32010000000000",
    [CODEC_ZSTD] =
        "00000000000000000000006B000000000212C0A85E0004000000020000018BCFE568000000018BCFE5"
        "6802FFFFFFFFFFFFFFFFFFFFFFFFFFFF0000000328B52FFD20558D0100440250000000046B30387661"
        "6C75652D3002026802784400020201310010000404046B3201000400A0031857A90CD157EA",
};

static Str unhex(const char *text, Buffer *out)
{
    out->length = 0;
    for (; text[0] != '\0'; text += 2) {
        char pair[3] = {text[0], text[1], '\0'};
        buffer_append_u8(out, (uint8_t)strtoul(pair, NULL, 16));
    }
    return buffer_str(out);
}

static void test_reads_what_others_write(void **state)
{
    (void)state;
    Buffer bytes = {0}, text = {0}, scratch = {0};
    for (int32_t codec = 0; codec < CODEC_COUNT; codec++) {
        Str batch = unhex(made_by_kafka_python[codec], &bytes);
        BatchHeader header;
        assert_true(batch_read_header(batch, &header));
        assert_int_equal(batch_codec(&header), codec);
        assert_null(batch_find_fault(batch, &header, false, &scratch));
        assert_string_equal(batch_find_fault(batch, &header, true, &scratch),
                            "a record without a key in a topic that is compacted");
        text.length = 0;
        test_print(batch, &text);
        assert_string_equal(buffer_terminated(&text),
                            "0@1700000000000 k0=value-0value-0value-0value-0\n"
                            "1@1700000000001 -=value-1value-1value-1value-1\n"
                            "2@1700000000002 k2=-\n");
    }
    buffer_free(&bytes);
    buffer_free(&text);
    buffer_free(&scratch);
}

/* Without compression there is one way to write a batch: that of kafka-python. */
static void test_writes_the_same_bytes(void **state)
{
    (void)state;
    Buffer bytes = {0}, scratch = {0}, ours = {0};
    for (int32_t codec = 0; codec < CODEC_COUNT; codec++) {
        Str batch = unhex(made_by_kafka_python[codec], &bytes);
        RecordReader reader;
        assert_true(record_reader_open(&reader, batch, &scratch));
        ours.length = 0;
        BatchWriter writer;
        batch_begin(&writer, &ours, &reader.header);
        for (Record record; record_read(&reader, &record);)
            batch_add(&writer, &record);
        batch_finish(&writer);
        if (codec == CODEC_NONE)
            assert_memory_equal(ours.data, batch.data, batch.length);
        Buffer before = {0}, after = {0};
        test_print(batch, &before);
        test_print(buffer_str(&ours), &after);
        assert_string_equal(buffer_terminated(&before), buffer_terminated(&after));
        buffer_free(&before);
        buffer_free(&after);
    }
    buffer_free(&bytes);
    buffer_free(&scratch);
    buffer_free(&ours);
}

/* Any bit that is under the checksum, and those before it but the offset and the leader epoch,
 * which the log sets itself. */
static void test_finds_each_bit_that_is_wrong(void **state)
{
    (void)state;
    Buffer bytes = {0}, scratch = {0};
    Str batch = unhex(made_by_kafka_python[CODEC_LZ4], &bytes);
    for (int64_t bit = 8 * 8; bit < batch.length * 8; bit++) {
        if (bit >= 12 * 8 && bit < 16 * 8)
            continue;
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        BatchHeader header;
        assert_true(!batch_read_header(batch, &header) ||
                    batch_find_fault(batch, &header, false, &scratch) != NULL);
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    buffer_free(&bytes);
    buffer_free(&scratch);
}

static const char *fault_of(Buffer *bytes, BatchHeader header)
{
    batch_write_header(bytes->data, bytes->length, &header);
    Buffer scratch = {0};
    assert_true(batch_read_header(buffer_str(bytes), &header));
    const char *fault = batch_find_fault(buffer_str(bytes), &header, false, &scratch);
    buffer_free(&scratch);
    return fault != NULL ? fault : "none";
}

static void test_refuses_what_does_not_add_up(void **state)
{
    (void)state;
    Buffer bytes = {0};
    test_batch(&bytes, &(TestBatch){.records = 3, .timestamp_ms = 1000});
    BatchHeader good;
    assert_true(batch_read_header(buffer_str(&bytes), &good));
    assert_string_equal(fault_of(&bytes, good), "none");
    BatchHeader bad = good;
    bad.record_count = 2;
    bad.last_offset_delta = 1;
    assert_string_equal(fault_of(&bytes, bad), "a record of the batch is not whole");
    bad = good;
    bad.record_count = bad.last_offset_delta = 3;
    assert_string_equal(fault_of(&bytes, bad),
                        "the offsets of the batch do not count its records from 0");
    bad = good;
    bad.max_timestamp_ms = 1001;
    assert_string_equal(fault_of(&bytes, bad),
                        "a record is later than the largest timestamp of its batch");
    bad = good;
    bad.attributes = 5;
    assert_string_equal(fault_of(&bytes, bad), "the batch has attributes that are not known");
    bad = good;
    bad.attributes = CODEC_ZSTD;
    assert_string_equal(fault_of(&bytes, bad), "the records of the batch do not unpack");
    bad = good;
    bad.attributes = BATCH_IS_TRANSACTIONAL;
    assert_string_equal(fault_of(&bytes, bad), "the batch is of a transaction and has no producer");
    bad = good;
    bad.producer_id = 7;
    assert_string_equal(fault_of(&bytes, bad),
                        "the producer of the batch has no epoch or no sequence");
    buffer_free(&bytes);
}

/* As compaction does it: another base, the same timestamps, however far away. */
static void test_timestamps_survive_another_base(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, -1, 0, INT64_MAX};
    Buffer bytes = {0}, scratch = {0};
    for (size_t i = 0; i < sizeof times / sizeof times[0] * 2; i++) {
        int64_t base = i % 2 == 0 ? INT64_C(1700000000000) : INT64_MIN;
        bytes.length = 0;
        BatchWriter writer;
        batch_begin(&writer, &bytes, &(BatchHeader){.base_timestamp_ms = base});
        batch_add(&writer, &(Record){.timestamp_ms = times[i / 2]});
        batch_finish(&writer);
        RecordReader reader;
        Record record;
        assert_true(record_reader_open(&reader, buffer_str(&bytes), &scratch));
        assert_true(record_read(&reader, &record));
        assert_true(record.timestamp_ms == times[i / 2]);
    }
    buffer_free(&bytes);
    buffer_free(&scratch);
}

/* A megabyte of zeros in a few bytes: held back at the limit, whatever the compression. */
static void test_unpacks_up_to_the_limit(void **state)
{
    (void)state;
    enum { PLAIN_BYTES = 1 << 20 };
    Buffer plain = {0}, packed = {0}, out = {0};
    memset(buffer_reserve(&plain, PLAIN_BYTES), 0, PLAIN_BYTES);
    plain.length = PLAIN_BYTES;
    for (int32_t codec = 0; codec < CODEC_COUNT; codec++) {
        packed.length = out.length = 0;
        codec_pack((Codec)codec, buffer_str(&plain), &packed);
        assert_true(codec_unpack((Codec)codec, buffer_str(&packed), PLAIN_BYTES, &out));
        assert_int_equal(out.length, PLAIN_BYTES);
        assert_memory_equal(out.data, plain.data, PLAIN_BYTES);
        out.length = 3;
        assert_false(codec_unpack((Codec)codec, buffer_str(&packed), PLAIN_BYTES - 1, &out));
        assert_int_equal(out.length, 3);
        if (codec == CODEC_NONE)
            continue;
        Str cut = str_make(packed.data, packed.length - 1);
        assert_false(codec_unpack((Codec)codec, cut, PLAIN_BYTES, &out));
    }
    buffer_free(&plain);
    buffer_free(&packed);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_others_write),
        cmocka_unit_test(test_writes_the_same_bytes),
        cmocka_unit_test(test_finds_each_bit_that_is_wrong),
        cmocka_unit_test(test_refuses_what_does_not_add_up),
        cmocka_unit_test(test_timestamps_survive_another_base),
        cmocka_unit_test(test_unpacks_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
