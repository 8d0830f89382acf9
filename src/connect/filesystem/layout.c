/* From a file's columns to a table's. */
#include "connect/filesystem/layout.h"

#include <string.h>

static bool is_partition_column(const PlanTable *table, int32_t column)
{
    for (int32_t i = 0; i < table->partition_count; i++)
        if (table->partition[i] == column)
            return true;
    return false;
}

Schema layout_record(Arena *arena, const PlanTable *table, int32_t *places)
{
    int32_t *picks = ARENA_ARRAY(arena, int32_t, table->physical.count);
    int32_t count = 0;
    for (int32_t i = 0; i < table->physical.count; i++) {
        bool is_in_file = !is_partition_column(table, i);
        if (places != NULL)
            places[i] = is_in_file ? count : -1;
        if (is_in_file)
            picks[count++] = i;
    }
    return schema_pick(arena, &table->physical, picks, count);
}

static void layout_take_bounds(Arena *arena, const PlanNode *node, FileLayout *out)
{
    out->bounds = ARENA_ARRAY(arena, ColumnBound, node->source.bound_count + 1);
    for (int32_t i = 0; i < node->source.bound_count; i++) {
        ColumnBound bound = node->source.bounds[i];
        for (int32_t column = 0; column < out->decoded_count; column++) {
            if (out->outputs[column] != bound.column)
                continue;
            out->bounds[out->bound_count] = bound;
            out->bounds[out->bound_count++].column = column;
        }
    }
}

void layout_of_source(Arena *arena, const PlanNode *node, FileLayout *out)
{
    const PlanTable *table = node->source.table;
    int32_t count = node->schema.count;
    int32_t *places = ARENA_ARRAY(arena, int32_t, table->physical.count);
    *out = (FileLayout){.record = layout_record(arena, table, places)};
    out->record_columns = ARENA_ARRAY(arena, int32_t, count);
    out->paths = ARENA_ARRAY(arena, FieldPath, count);
    out->outputs = ARENA_ARRAY(arena, int32_t, count);
    out->constants = ARENA_ARRAY(arena, FileColumn, count);
    Field *fields = ARENA_ARRAY(arena, Field, count);
    for (int32_t i = 0; i < count; i++) {
        int32_t column = node->source.columns[i];
        if (column >= 0 && places[column] >= 0) {
            fields[out->decoded_count] = table->physical.fields[column];
            if (node->source.paths != NULL) {
                fields[out->decoded_count].type = node->schema.fields[i].type;
                out->paths[out->decoded_count] = node->source.paths[i];
            }
            out->outputs[out->decoded_count] = i;
            out->record_columns[out->decoded_count++] = places[column];
            continue;
        }
        FileColumn *constant = &out->constants[out->constant_count++];
        *constant = (FileColumn){.output = i, .type = node->schema.fields[i].type};
        if (column >= 0)
            constant->partition = table->physical.fields[column].name;
        else
            constant->metadata = (FileMetadata)(-column - 1);
        assert(column >= 0 || constant->metadata < METADATA_COUNT);
    }
    layout_take_bounds(arena, node, out);
    /* Places without room of their own: the constants bring theirs. */
    for (int32_t i = 0; i < out->constant_count; i++)
        fields[out->decoded_count + i] = (Field){.type = type_simple(TYPE_NULL)};
    out->decoded = (Schema){.fields = fields, .count = count};
    Str name = options_text(table->options.options, "partition.default-name");
    out->default_partition = str_copy(arena, name);
}

static Value metadata_value(const FileColumn *column, const FoundFile *file)
{
    Value value = {.type = column->type};
    const char *slash = strrchr(file->path, '/');
    switch (column->metadata) {
    case METADATA_PATH: value.text = str_from(file->path); break;
    case METADATA_NAME: value.text = str_from(slash == NULL ? file->path : slash + 1); break;
    case METADATA_SIZE: value.integer = file->size_bytes; break;
    case METADATA_MODIFIED:
        value.integer = file->modified_us - floor_mod(file->modified_us, MICROS_PER_MILLI);
        break;
    case METADATA_COUNT: break;
    }
    return value;
}

static Status partition_value(const FileLayout *layout, const FileColumn *column,
                              const FoundFile *file, Arena *arena, Value *out, Error *error)
{
    Str escaped;
    if (!path_partition(file->relative, column->partition, &escaped))
        return fail(error, ERR_INVALID, "WR3404",
                    "file %s lies outside of the partitions: its path has no folder '%.*s=…'",
                    file->path, STR_ARGS(column->partition));
    Buffer text = {0};
    path_unescape(&text, escaped);
    Str value = str_copy(arena, buffer_str(&text));
    buffer_free(&text);
    *out = (Value){.type = column->type, .is_null = true};
    if (str_equal(value, layout->default_partition) || value_parse(value, column->type, out))
        return OK;
    return fail(error, ERR_INVALID, "WR3404",
                "file %s: partition value '%.*s' of column `%.*s` is not of type %s", file->path,
                STR_ARGS(value), STR_ARGS(column->partition), type_text(arena, column->type));
}

Status layout_file_values(const FileLayout *layout, const FoundFile *file, Arena *arena,
                          Value **out, Error *error)
{
    *out = ARENA_ARRAY(arena, Value, layout->constant_count);
    for (int32_t i = 0; i < layout->constant_count; i++) {
        const FileColumn *column = &layout->constants[i];
        if (column->partition.length == 0)
            (*out)[i] = metadata_value(column, file);
        else
            TRY(partition_value(layout, column, file, arena, &(*out)[i], error));
    }
    return OK;
}

void layout_arrange(const FileLayout *layout, const Value *values, Batch *batch)
{
    int32_t count = layout->decoded.count;
    assert(batch->column_count == count && batch->arena != NULL);
    Column *arranged = arena_allocate(batch->arena, (int64_t)sizeof(Column) * count);
    for (int32_t i = 0; i < layout->decoded_count; i++)
        arranged[layout->outputs[i]] = batch->columns[i];
    for (int32_t i = 0; i < layout->constant_count; i++) {
        Column constant = value_column(batch->arena, &values[i]);
        arranged[layout->constants[i].output] = constant;
    }
    memcpy(batch->columns, arranged, sizeof(Column) * (size_t)count);
}
