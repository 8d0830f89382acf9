/* Blocks of JSON lines into records: one index for many lines, and the way back to single lines
 * when one of them is not JSON. Private to format/. */
#ifndef WEIR_FORMAT_JSON_LINES_H
#define WEIR_FORMAT_JSON_LINES_H

#include "format/format.h"
#include "format/json_walk.h"

/* Take the record that the walk is at the start of; rows go to the batch. False: it was not
 * taken, *code and *reason say why. */
typedef bool JsonRecord(void *context, JsonWalk *walk, const char **code, const char **reason);

/* Zero-initialise the lower part. */
typedef struct JsonLines {
    JsonIndex *index;
    JsonRecord *record;
    void *context;
    int32_t rows_per_record; /* at the most, unless `record` makes room itself … */
    int32_t rows_spare;      /* … which it seldom has to while so many are left */
    bool drops_rejects;      /* ignore-parse-errors */
    FormatReject *reject;
    void *reject_context;

    int64_t window_bytes; /* how much is indexed at once */
    int64_t line_bytes;   /* a running mean */
    Buffer escaped;
    Buffer message;
} JsonLines;

void json_lines_open(JsonLines *lines, const DecoderSpec *spec);
void json_lines_close(JsonLines *lines);

/* As DecoderKind.decode and decode_message. */
void json_lines_decode(JsonLines *lines, Str block, Batch *into, int32_t capacity, int64_t *used);
void json_lines_message(JsonLines *lines, Str message);

int64_t json_lines_last_end(Str bytes);

#endif
