/* Any text as a schema, and behind its line any bytes as a record of it: no crash, and no row but
 * from bytes that are all used. */
#include <stdlib.h>

#include "format/avro_change.h"
#include "format/avro_default.h"
#include "format/avro_json.h"
#include "format/avro_write.h"
#include "format/format_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_read(Arena *arena, const AvroSchema *writer, const AvroSchema *reader, Str bytes)
{
    static const Str names[] = {STR("x"), STR("y")};
    Type parts[] = {type_simple(TYPE_INT), type_array(arena, type_string())};
    Type row = type_row(parts, names, 2);
    const Field fields[] = {
        {STR("v"), type_simple(TYPE_INT)},
        {STR("s"), type_string()},
        {STR("d"), type_decimal(20, 4)},
        {STR("t"), type_timestamp_ltz(9)},
        {STR("c"), type_simple(TYPE_TIME)},
        {STR("a"), type_array(arena, row)},
        {STR("m"), type_map(arena, type_string(), row)},
        {STR("r"), row},
        {STR("f"), type_simple(TYPE_DOUBLE)},
        {STR("n"), type_simple(TYPE_SMALLINT)},
    };
    enum { COUNT = sizeof fields / sizeof fields[0] };
    Schema schema = {.fields = fields, .count = COUNT};
    int32_t columns[COUNT];
    for (int32_t i = 0; i < COUNT; i++)
        columns[i] = i;
    DecoderSpec spec = {.record = &schema, .columns = columns, .column_count = COUNT};
    EncoderSpec back = {.record = &schema, .columns = columns};
    AvroReading reading = {0};
    AvroReader *resolved;
    AvroWriter *again;
    if (avro_reader_new(arena, &spec, writer, reader, &resolved, NULL) != OK)
        return;
    Batch *batch = batch_new(&schema, 1);
    Buffer out = {0};
    if (avro_read_message(resolved, &reading, bytes, batch, 1)) {
        batch_select_all(batch);
        bench_print(batch, &out);
        out.length = 0;
        if (avro_writer_new(arena, &back, writer, &again, NULL) == OK)
            (void)avro_write(again, batch, 0, &out);
    } else if (reading.code == NULL) {
        abort();
    }
    buffer_free(&out);
    avro_reading_free(&reading);
    batch_free(batch);
}

/* As a change: the rows of one that is good have kinds. */
static void fuzz_change(Arena *arena, const AvroSchema *writer, Str bytes)
{
    const Field fields[] = {{STR("id"), type_simple(TYPE_INT)}, {STR("note"), type_string()}};
    Schema schema = {.fields = fields, .count = 2};
    const int32_t columns[] = {0, 1};
    DecoderSpec spec = {.record = &schema, .columns = columns, .column_count = 2};
    AvroReading reading = {0};
    AvroChanges *changes;
    if (avro_changes_new(arena, &spec, writer, writer, &changes, NULL) != OK)
        return;
    Batch *batch = batch_new(&schema, 2);
    batch_need_kinds(batch, 2);
    if (!avro_changes_read(changes, &reading, bytes, batch, 2) && batch->row_count > 0)
        abort();
    avro_reading_free(&reading);
    batch_free(batch);
}

/* As a record in JSON. */
static void fuzz_json(const AvroSchema *schema, Str bytes)
{
    JsonDocument *document = json_document_new();
    JsonElement root;
    Buffer binary = {0}, json = {0}, again = {0};
    if (bytes.length > 0 && json_document_parse(document, bytes.data, bytes.length, &root) &&
        avro_json_encode(schema, root, &binary)) {
        avro_json_print(schema, buffer_str(&binary), &json);
        if (!json_document_parse(document, json.data, json.length, &root) ||
            !avro_json_encode(schema, root, &again))
            abort();
    }
    buffer_free(&binary);
    buffer_free(&json);
    buffer_free(&again);
    json_document_free(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size == 0 ? NULL : memchr(data, '\n', size);
    size_t length = line == NULL ? size : (size_t)(line - data);
    Arena *arena = arena_new(0);
    AvroSchema *schema;
    if (avro_schema_parse(arena, str_make((const char *)data, (int64_t)length), &schema, NULL) ==
        OK) {
        size_t at = line == NULL ? size : length + 1;
        Str bytes = str_make((const char *)data + at, (int64_t)(size - at));
        fuzz_read(arena, schema, NULL, bytes);
        fuzz_read(arena, schema, schema, bytes);
        fuzz_change(arena, schema, bytes);
        fuzz_json(schema, bytes);
    }
    arena_free(arena);
    return 0;
}
