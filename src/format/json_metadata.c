/* The object is read as a row whose columns are the metadata that are wanted. */
#include "format/json_metadata.h"

#include <assert.h>

static Type member_type(Arena *arena, JsonMetadataKind kind)
{
    switch (kind) {
    case JSON_METADATA_TEXT: return type_string();
    case JSON_METADATA_TEXTS: return type_array(arena, type_string());
    case JSON_METADATA_NUMBERS: return type_map(arena, type_string(), type_simple(TYPE_INT));
    case JSON_METADATA_PAIRS: return type_map(arena, type_string(), type_string());
    case JSON_METADATA_MILLIS:
    case JSON_METADATA_SECONDS: break;
    }
    /* Stored as it is, then turned to microseconds in place. */
    return type_simple(TYPE_BIGINT);
}

static int64_t member_micros(JsonMetadataKind kind)
{
    if (kind == JSON_METADATA_SECONDS)
        return MICROS_PER_SECOND;
    return kind == JSON_METADATA_MILLIS ? MICROS_PER_MILLI : 0;
}

static int32_t column_twin(const JsonMetadata *metadata, int32_t index)
{
    int32_t twin = 0;
    while (metadata->columns[twin].field != metadata->columns[index].field)
        twin++;
    return twin;
}

Status json_metadata_open(Arena *arena, const DecoderSpec *spec, const JsonMetadataField *fields,
                          int32_t place, JsonMetadata *metadata, Error *error)
{
    int32_t most = spec->metadata_count;
    *metadata = (JsonMetadata){0};
    if (most == 0)
        return OK;
    metadata->columns = ARENA_ARRAY(arena, JsonMetadataColumn, most);
    Field *members = ARENA_ARRAY(arena, Field, most);
    int32_t *places = ARENA_ARRAY(arena, int32_t, most);
    int32_t *owners = ARENA_ARRAY(arena, int32_t, most);
    Schema record = {.fields = members};
    for (int32_t i = 0; i < most; i++) {
        const JsonMetadataField *field = &fields[spec->metadata[i]];
        if (field->place != place)
            continue;
        int32_t at = metadata->count++;
        JsonMetadataColumn *column = &metadata->columns[at];
        column->field = field;
        column->batch_column = spec->first_column + spec->column_count + i;
        column->twin = column_twin(metadata, at);
        if (column->twin != at)
            continue;
        owners[record.count] = at;
        places[record.count] = record.count;
        members[record.count++] =
            (Field){.name = str_from(field->member), .type = member_type(arena, field->kind)};
    }
    if (metadata->count == 0)
        return OK;
    DecoderSpec row = *spec;
    row.record = &record;
    row.columns = places;
    row.column_count = record.count;
    row.paths = NULL;
    TRY(json_row_open(arena, &row, false, &metadata->row, error));
    for (int32_t i = 0; i < record.count; i++)
        metadata->row.top.columns[i].batch_column = metadata->columns[owners[i]].batch_column;
    return OK;
}

void json_metadata_close(JsonMetadata *metadata)
{
    if (metadata->count > 0)
        json_row_close(&metadata->row);
}

void json_metadata_begin(JsonMetadata *metadata, Batch *batch, int32_t capacity)
{
    if (metadata->count > 0)
        json_row_begin(&metadata->row, batch, capacity);
}

/* A number of milliseconds or seconds into the time that it is. */
static bool time_finish(JsonMetadata *metadata, const JsonMetadataColumn *from, int32_t index)
{
    const Column *column = &metadata->row.batch->columns[from->batch_column];
    int64_t micros = member_micros(from->field->kind);
    int64_t *value = (int64_t *)column->values + index;
    if (micros == 0 || column_is_null(column, index) ||
        !__builtin_mul_overflow(*value, micros, value))
        return true;
    return json_row_fail(&metadata->row, "WR3502", "field `%s` is out of the range of times",
                         from->field->member);
}

bool json_metadata_read(JsonMetadata *metadata, JsonWalk walk, int32_t first, int32_t end)
{
    assert(metadata->count > 0 && first < end);
    Batch *batch = metadata->row.batch;
    int32_t capacity = metadata->row.capacity;
    if (!json_row_read(&metadata->row, &walk, first))
        return false;
    for (int32_t i = 0; i < metadata->count; i++) {
        const JsonMetadataColumn *from = &metadata->columns[i];
        Column *column = &batch->columns[from->batch_column];
        const Column *twin = &batch->columns[metadata->columns[from->twin].batch_column];
        if (from->twin == i && !time_finish(metadata, from, first))
            return false;
        for (int32_t row = from->twin == i ? first + 1 : first; row < end; row++)
            column_copy_row(column, batch->arena, row, capacity, twin, first);
    }
    return true;
}

void json_metadata_read_none(JsonMetadata *metadata, int32_t first, int32_t end)
{
    Batch *batch = metadata->row.batch;
    for (int32_t i = 0; i < metadata->count; i++)
        for (int32_t row = first; row < end; row++)
            column_set_null(&batch->columns[metadata->columns[i].batch_column], batch->arena, row,
                            metadata->row.capacity);
}
