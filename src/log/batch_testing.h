/* For tests: batches as producers send them. */
#ifndef WEIR_LOG_BATCH_TESTING_H
#define WEIR_LOG_BATCH_TESTING_H

#include <stdio.h>

#include "log/record.h"

typedef struct TestBatch {
    int32_t records;      /* 0 as 1 */
    int64_t timestamp_ms; /* of the first; the others follow by 1 ms */
    const char *key;      /* of all records, or NULL */
    const char *value;    /* NULL: "value N"; "" makes a tombstone */
    Codec codec;
    bool has_producer, is_transactional;
    int64_t producer_id;
    int16_t epoch;
    int32_t sequence;
    int32_t padding; /* bytes that are added to each value */
} TestBatch;

/* `out` is emptied first. */
static inline void test_batch(Buffer *out, const TestBatch *batch)
{
    int32_t count = batch->records > 0 ? batch->records : 1;
    BatchHeader like = {.attributes =
                            batch->codec | (batch->is_transactional ? BATCH_IS_TRANSACTIONAL : 0),
                        .last_offset_delta = count - 1,
                        .base_timestamp_ms = batch->timestamp_ms,
                        .producer_id = batch->has_producer ? batch->producer_id : -1,
                        .producer_epoch = batch->has_producer ? batch->epoch : -1,
                        .base_sequence = batch->has_producer ? batch->sequence : -1};
    out->length = 0;
    BatchWriter writer;
    batch_begin(&writer, out, &like);
    Buffer text = {0};
    for (int32_t i = 0; i < count; i++) {
        text.length = 0;
        if (batch->value != NULL)
            buffer_append_text(&text, batch->value);
        else
            buffer_printf(&text, "value %d", (int)i);
        bool is_tombstone = batch->value != NULL && batch->value[0] == '\0';
        if (batch->padding > 0)
            memset(buffer_reserve(&text, batch->padding), '.', (size_t)batch->padding);
        text.length += batch->padding;
        batch_add(&writer, &(Record){.offset = i,
                                     .timestamp_ms = batch->timestamp_ms + i,
                                     .has_key = batch->key != NULL,
                                     .key = str_from(batch->key != NULL ? batch->key : ""),
                                     .has_value = !is_tombstone,
                                     .value = buffer_str(&text)});
    }
    batch_finish(&writer);
    buffer_free(&text);
}

/* The records of all batches in `bytes`, a line each: "12@1000 key=value\n", "-" for null. */
static inline void test_print(Str bytes, Buffer *out)
{
    Buffer scratch = {0};
    BatchHeader header;
    while (batch_read_header(bytes, &header) && header.bytes <= bytes.length) {
        RecordReader reader;
        Str batch = str_make(bytes.data, header.bytes);
        Record record;
        if (!batch_is_intact(batch) || !record_reader_open(&reader, batch, &scratch))
            buffer_append_text(out, "damaged\n");
        else
            while (record_read(&reader, &record))
                buffer_printf(out, "%lld@%lld %.*s=%.*s\n", (long long)record.offset,
                              (long long)record.timestamp_ms,
                              STR_ARGS(record.has_key ? record.key : STR("-")),
                              STR_ARGS(record.has_value ? record.value : STR("-")));
        bytes = str_make(bytes.data + header.bytes, bytes.length - header.bytes);
    }
    if (bytes.length > 0)
        buffer_append_text(out, "half a batch\n");
    buffer_free(&scratch);
}

#endif
