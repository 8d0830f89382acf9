/* How fast records of Avro become columns, against libavro reading the same records of the same
 * schema into its generic value, on one core, in turns. Prints the best of each and their ratio. */
#include <avro.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "format/format_testing.h"

enum { RECORDS = 200000, ROUNDS = 15 };

static const char *const SCHEMA =
    "{\"type\":\"record\",\"name\":\"record\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
    "{\"name\":\"store\",\"type\":[\"null\",\"int\"]},{\"name\":\"customer\",\"type\":[\"null\","
    "\"string\"]},"
    "{\"name\":\"amount\",\"type\":[\"null\",\"bytes\"]},{\"name\":\"currency\",\"type\":[\"null\","
    "\"string\"]},"
    "{\"name\":\"ts\",\"type\":[\"null\",\"long\"]},{\"name\":\"status\",\"type\":[\"null\","
    "\"string\"]},"
    "{\"name\":\"note\",\"type\":[\"null\",\"string\"]}]}";

typedef struct Records {
    Buffer bytes;
    int64_t ends[RECORDS];
} Records;

static void put_text(Batch *batch, int32_t column, const char *text)
{
    Value value = {.type = type_string(), .text = str_from(text)};
    value_set(&batch->columns[column], batch->arena, 0, 1, &value);
}

static void records_make(FormatBench *bench, Records *out)
{
    for (int32_t i = 0; i < RECORDS; i++) {
        uint64_t random = (uint64_t)i * 0x9e3779b97f4a7c15ULL >> 20;
        char customer[16], note[24];
        Batch *batch = batch_new(&bench->schema, 1);
        snprintf(customer, sizeof customer, "c-%06d", (int)(random % 999983));
        snprintf(note, sizeof note, "order %07d", i);
        ((int64_t *)batch->columns[0].values)[0] = 1000000 + i;
        ((int32_t *)batch->columns[1].values)[0] = (int32_t)(random % 1000);
        put_text(batch, 2, customer);
        ((Int128 *)batch->columns[3].values)[0] = (Int128)(random % 99700);
        put_text(batch, 4, "EUR");
        ((int64_t *)batch->columns[5].values)[0] = (1709251200000 + i * INT64_C(1000)) * 1000;
        put_text(batch, 6, "paid");
        put_text(batch, 7, note);
        batch->row_count = 1;
        (void)bench->format->encoder->encode(bench->encoder, batch, 0, &out->bytes);
        out->ends[i] = out->bytes.length;
        batch_free(batch);
    }
}

static Str records_at(const Records *records, int32_t index)
{
    int64_t start = index == 0 ? 0 : records->ends[index - 1];
    return str_make(records->bytes.data + start, records->ends[index] - start);
}

static int64_t decode_ours(FormatBench *bench, Batch *batch, const Records *records)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < RECORDS; i++) {
        if (batch->row_count == BATCH_ROWS_MAX)
            batch_reset(batch, &bench->wanted, BATCH_ROWS_MAX);
        bench->format->decoder->decode_message(bench->decoder, records_at(records, i), batch,
                                               BATCH_ROWS_MAX);
        sum += ((const int64_t *)batch->columns[0].values)[batch->row_count - 1];
    }
    batch_reset(batch, &bench->wanted, BATCH_ROWS_MAX);
    return sum;
}

static int64_t decode_theirs(avro_value_t *value, avro_reader_t reader, const Records *records)
{
    int64_t sum = 0, id = 0;
    avro_value_t field;
    for (int32_t i = 0; i < RECORDS; i++) {
        Str record = records_at(records, i);
        avro_reader_memory_set_source(reader, record.data, record.length);
        if (avro_value_read(reader, value) != 0 ||
            avro_value_get_by_index(value, 0, &field, NULL) != 0 ||
            avro_value_get_long(&field, &id) != 0)
            return -1;
        sum += id;
    }
    return sum;
}

int main(void)
{
    World *world = world_system();
    const Field fields[] = {{STR("id"), type_not_null(type_simple(TYPE_BIGINT))},
                            {STR("store"), type_simple(TYPE_INT)},
                            {STR("customer"), type_string()},
                            {STR("amount"), type_decimal(10, 2)},
                            {STR("currency"), type_string()},
                            {STR("ts"), type_timestamp(3)},
                            {STR("status"), type_string()},
                            {STR("note"), type_string()}};
    Schema schema = {.fields = fields, .count = 8};
    FormatBench *bench = bench_new("avro", &schema, NULL);
    static Records records;
    avro_schema_t theirs;
    avro_value_t value;
    if (bench_open(bench, NULL) != OK || bench_open_encoder(bench, NULL) != OK ||
        avro_schema_from_json_length(SCHEMA, strlen(SCHEMA), &theirs) != 0)
        return EXIT_FAILURE;
    records_make(bench, &records);
    avro_value_iface_t *kind = avro_generic_class_from_schema(theirs);
    avro_generic_value_new(kind, &value);
    avro_reader_t reader = avro_reader_memory(NULL, 0);
    Batch *batch = batch_new(&bench->wanted, BATCH_ROWS_MAX);
    int64_t best[2] = {INT64_MAX, INT64_MAX};
    for (int32_t round = 0; round < ROUNDS; round++) {
        int64_t start = world_monotonic_us(world);
        int64_t ours = decode_ours(bench, batch, &records);
        int64_t middle = world_monotonic_us(world);
        int64_t others = decode_theirs(&value, reader, &records);
        int64_t end = world_monotonic_us(world);
        if (ours != others || bench->rejects.length > 0)
            return EXIT_FAILURE;
        best[0] = middle - start < best[0] ? middle - start : best[0];
        best[1] = end - middle < best[1] ? end - middle : best[1];
    }
    printf("records: %d of %.0f bytes\n", RECORDS, (double)records.bytes.length / RECORDS);
    printf("weir, into columns:     %6.2f M records/s\n", RECORDS / (double)best[0]);
    printf("libavro, generic value: %6.2f M records/s\n", RECORDS / (double)best[1]);
    printf("avro_decode ratio: %.2f\n", (double)best[1] / (double)best[0]);
    avro_value_decref(&value);
    avro_value_iface_decref(kind);
    avro_reader_free(reader);
    avro_schema_decref(theirs);
    batch_free(batch);
    buffer_free(&records.bytes);
    bench_free(bench);
    return EXIT_SUCCESS;
}
