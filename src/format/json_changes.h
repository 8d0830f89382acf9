/* Change records that name their kind and hold the new rows whole and of the old ones only the
 * columns that changed: canal-json and maxwell-json. Private to format/. */
#ifndef WEIR_FORMAT_JSON_CHANGES_H
#define WEIR_FORMAT_JSON_CHANGES_H

#include "format/json_metadata.h"

typedef enum ChangeAction {
    CHANGE_INSERT,
    CHANGE_UPDATE,
    CHANGE_DELETE,
    CHANGE_SKIP, /* nothing about rows */
    CHANGE_LOSS, /* rows went away without being named: nobody can follow that */
} ChangeAction;

typedef struct ChangeType {
    Str name; /* as it stands in the record, with its quotes */
    ChangeAction action;
} ChangeType;

typedef struct ChangeDialect {
    const ChangeType *types;
    int32_t type_count;
    bool has_lists;   /* "data" and "old" are lists of rows */
    bool marks_ddl;   /* "isDdl" says that a record is none of rows */
    bool has_filters; /* options database.include and table.include */
    const JsonMetadataField *metadata;
    /* What is written around a row. */
    const char *before, *behind_insert, *behind_delete;
} ChangeDialect;

Status json_changes_open(Arena *arena, const DecoderSpec *spec, const ChangeDialect *dialect,
                         Decoder **out, Error *error);
void json_changes_decode(Decoder *base, Str block, Batch *into, int32_t capacity, int64_t *used);
void json_changes_message(Decoder *base, Str message, Batch *into, int32_t capacity);
int64_t json_changes_last_end(Decoder *base, Str bytes);
void json_changes_close(Decoder *base);

Status json_changes_encoder_open(Arena *arena, const EncoderSpec *spec,
                                 const ChangeDialect *dialect, Encoder **out, Error *error);
const char *json_changes_encode(Encoder *encoder, const Batch *batch, int32_t row, Buffer *out);
void json_changes_encoder_close(Encoder *encoder);

#endif
