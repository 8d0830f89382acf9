/* Metadata columns that change records of JSON give: members of the record beside its rows. Private
 * to format/. */
#ifndef WEIR_FORMAT_JSON_METADATA_H
#define WEIR_FORMAT_JSON_METADATA_H

#include "format/json_row.h"

typedef enum JsonMetadataKind {
    JSON_METADATA_TEXT,    /* STRING */
    JSON_METADATA_TEXTS,   /* ARRAY<STRING> */
    JSON_METADATA_NUMBERS, /* MAP<STRING, INT> */
    JSON_METADATA_PAIRS,   /* MAP<STRING, STRING> */
    JSON_METADATA_MILLIS,  /* TIMESTAMP_LTZ(3) from milliseconds since 1970 */
    JSON_METADATA_SECONDS, /* TIMESTAMP_LTZ(3) from seconds since 1970 */
} JsonMetadataKind;

/* Which member a metadata column is, in the order of FormatInfo.metadata. */
typedef struct JsonMetadataField {
    const char *member;
    JsonMetadataKind kind;
    int32_t place; /* which object it is a member of, by the numbers of the format */
} JsonMetadataField;

/* One wanted column. */
typedef struct JsonMetadataColumn {
    const JsonMetadataField *field;
    int32_t batch_column;
    int32_t twin; /* the first wanted one of the same member, or itself */
} JsonMetadataColumn;

typedef struct JsonMetadata {
    JsonRow row; /* code and reason of the last failure are here */
    JsonMetadataColumn *columns;
    int32_t count; /* 0: nothing is wanted, nothing is to be called */
} JsonMetadata;

/* The columns that the spec wants of the objects at that place. */
Status json_metadata_open(Arena *arena, const DecoderSpec *spec, const JsonMetadataField *fields,
                          int32_t place, JsonMetadata *metadata, Error *error);
void json_metadata_close(JsonMetadata *metadata);

void json_metadata_begin(JsonMetadata *metadata, Batch *batch, int32_t capacity);

/* The object whose brace is the walk's next token, for its rows `first` … `end` - 1. False: a
 * member is no value of its column. */
bool json_metadata_read(JsonMetadata *metadata, JsonWalk walk, int32_t first, int32_t end);
/* The record has no such object: NULL. */
void json_metadata_read_none(JsonMetadata *metadata, int32_t first, int32_t end);

#endif
