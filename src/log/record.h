/* The records of a batch, one by one, read and written.
 *
 *     length, attributes, timestamp delta, offset delta, key, value, headers
 *
 * Lengths and deltas are zigzag varints; a key or value of length -1 is null. */
#ifndef WEIR_LOG_RECORD_H
#define WEIR_LOG_RECORD_H

#include "log/batch.h"

/* Borrows from the batch, or from the buffer that it was unpacked into. */
typedef struct Record {
    int64_t offset;
    int64_t timestamp_ms;
    bool has_key, has_value;
    Str key, value;
    Str headers; /* their number and they, as they stand */
} Record;

typedef struct RecordReader {
    BatchHeader header;
    ByteReader bytes;
    int32_t left; /* records to come */
    bool is_damaged;
} RecordReader;

/* `batch` is one batch, whole, whose header could be read. What is compressed goes into `scratch`,
 * which is emptied first and must stay as long as the reader. False if it does not unpack. */
bool record_reader_open(RecordReader *reader, Str batch, Buffer *scratch);

/* The next record. False at the end or, with `is_damaged` set, where a record is not whole, or
 * where bytes are left behind the last. */
bool record_read(RecordReader *reader, Record *out);

/* Headers as Record has them: first how many there will be, then each. */
void record_begin_headers(Buffer *out, int32_t count);
void record_add_header(Buffer *out, Str name, Str value);

/* Collects records into one batch at the end of `out`. */
typedef struct BatchWriter {
    Buffer *out;
    int64_t start; /* of the batch in `out` */
    BatchHeader header;
} BatchWriter;

/* `like` gives all but length, checksum, number of records and largest timestamp. */
void batch_begin(BatchWriter *writer, Buffer *out, const BatchHeader *like);
/* In ascending order of offset. */
void batch_add(BatchWriter *writer, const Record *record);
/* Compress if its codec says so, and complete the header. The last offset delta is that of `like`,
 * or of the last record if it is behind that. */
void batch_finish(BatchWriter *writer);

#endif
