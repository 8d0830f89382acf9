/* What a file holds and what a table shows: records in the file, partition columns in its path,
 * metadata about it. Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_LAYOUT_H
#define WEIR_CONNECT_FILESYSTEM_LAYOUT_H

#include "connect/connect.h"
#include "connect/filesystem/paths.h"
#include "data/value.h"

/* In the order of the connector's list of metadata. */
typedef enum FileMetadata {
    METADATA_PATH,
    METADATA_NAME,
    METADATA_SIZE,
    METADATA_MODIFIED,
    METADATA_COUNT,
} FileMetadata;

/* An output column that is the same for all rows of a file. */
typedef struct FileColumn {
    int32_t output; /* its place among the node's columns */
    Type type;
    Str partition; /* the partition column's name, or empty: metadata */
    FileMetadata metadata;
} FileColumn;

typedef struct FileLayout {
    Schema record;           /* physical columns without the partition columns */
    int32_t *record_columns; /* record column of each decoded column */
    FieldPath *paths;        /* the field of it that is decoded */
    int32_t *outputs;        /* output place of each decoded column */
    int32_t decoded_count;
    ColumnBound *bounds; /* of decoded columns: what the source's node has of them */
    int32_t bound_count;
    FileColumn *constants;
    int32_t constant_count;
    Schema decoded; /* the batch a decoder fills: decoded columns, then room for the constants */
    Str default_partition;
} FileLayout;

/* Physical columns of a table that stand in its files; `places` (may be NULL) gets the record
 * column of each physical column, -1 for partition columns. */
Schema layout_record(Arena *arena, const PlanTable *table, int32_t *places);

void layout_of_source(Arena *arena, const PlanNode *node, FileLayout *out);

/* Values of the constants for one file, in the arena. ERR_INVALID when the path lacks a
 * partition or its value is none of the column's type. */
Status layout_file_values(const FileLayout *layout, const FoundFile *file, Arena *arena,
                          Value **out, Error *error);

/* Bring a decoded batch into the order of the output, with the file's values as constants. */
void layout_arrange(const FileLayout *layout, const Value *values, Batch *batch);

#endif
