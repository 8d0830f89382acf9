/* Rows given out: gathered as references, made into columns a batch at a time. */
#include "exec/regular_join/regular_join.h"

#include <assert.h>

#include "base/memory.h"

#define GATHER_NAME gather_1
#define GATHER_TYPE uint8_t
#include "exec/regular_join/gather.inc"
#define GATHER_NAME gather_2
#define GATHER_TYPE uint16_t
#include "exec/regular_join/gather.inc"
#define GATHER_NAME gather_4
#define GATHER_TYPE uint32_t
#include "exec/regular_join/gather.inc"
#define GATHER_NAME gather_8
#define GATHER_TYPE uint64_t
#include "exec/regular_join/gather.inc"
#define GATHER_NAME gather_16
#define GATHER_TYPE Uint128
#include "exec/regular_join/gather.inc"

void emit_open(Join *join)
{
    OutRows *out = &join->out;
    out->rows = memory_allocate((int64_t)sizeof(int32_t) * BATCH_ROWS_MAX);
    out->others = memory_allocate((int64_t)sizeof(uint8_t *) * BATCH_ROWS_MAX);
    out->kinds = memory_allocate(BATCH_ROWS_MAX);
    join->made = arena_new(0);
    join->lent = arena_new(0);
    join->tested = arena_new(0);
}

void emit_close(Join *join)
{
    memory_free(join->out.rows);
    memory_free(join->out.others);
    memory_free(join->out.kinds);
    memory_free(join->pairs.rows);
    memory_free(join->pairs.others);
    arena_free(join->made);
    arena_free(join->lent);
    arena_free(join->tested);
}

/* An array whose values are all written, or lie under a NULL, which clears the view of a text. */
static Column column_for(const Schema *schema, int32_t index, int32_t count, Arena *arena)
{
    Type type = schema->fields[index].type;
    Physical physical = type_physical(type);
    if (physical == PHYSICAL_NONE)
        return column_new(arena, type, count);
    int64_t bytes = (int64_t)physical_bytes(physical) * count;
    return (Column){.type = type, .physical = physical, .values = arena_allocate(arena, bytes)};
}

static void gather_values(const Column *from, const int32_t *rows, int32_t count, Column *out)
{
    switch (physical_bytes(from->physical)) {
    case 1: gather_1(out->values, from->values, from->is_constant, rows, count); break;
    case 2: gather_2(out->values, from->values, from->is_constant, rows, count); break;
    case 4: gather_4(out->values, from->values, from->is_constant, rows, count); break;
    case 8: gather_8(out->values, from->values, from->is_constant, rows, count); break;
    case 16: gather_16(out->values, from->values, from->is_constant, rows, count); break;
    default: break;
    }
}

/* A column of the input for the rows; texts stay where they are. */
static void gather_input(const Column *from, const int32_t *rows, int32_t count, Column *out,
                         Arena *arena)
{
    assert(from->physical == out->physical);
    if (from->physical != PHYSICAL_NONE)
        gather_values(from, rows, count, out);
    bool has_padding = false;
    for (int32_t i = 0; i < count; i++)
        has_padding |= rows[i] < 0;
    if (!has_padding && from->valid == NULL)
        return;
    for (int32_t i = 0; i < count; i++) {
        if (rows[i] < 0 || column_is_null(from, rows[i]))
            column_set_null(out, arena, i, count);
    }
}

void emit_columns(const JoinInput *input, RowPairs pairs, ColumnList columns, Column *out,
                  Arena *arena)
{
    const Join *join = input->join;
    int32_t left_count = join->sides[0].schema->count;
    for (int32_t i = 0; i < columns.count; i++) {
        int32_t side = columns.columns[i] < left_count ? 0 : 1;
        int32_t column = side == 0 ? columns.columns[i] : columns.columns[i] - left_count;
        out[i] = column_for(join->sides[side].schema, column, pairs.count, arena);
        if (side == input->side)
            gather_input(&input->batch->columns[column], pairs.rows, pairs.count, &out[i], arena);
        else
            row_gather(join->sides[side].layout, column, (const uint8_t *const *)pairs.others,
                       pairs.count, &out[i], arena);
    }
}

static bool kinds_are_inserts(const OutRows *out)
{
    uint8_t any = 0;
    for (int32_t i = 0; i < out->count; i++)
        any |= out->kinds[i];
    return any == 0;
}

Status emit_flush(const JoinInput *input)
{
    Join *join = input->join;
    OutRows *out = &join->out;
    const PlanNode *node = join->base.node;
    if (out->count == 0)
        return OK;
    Column *columns = ARENA_ARRAY(join->made, Column, node->schema.count + 1);
    emit_columns(input, (RowPairs){out->rows, out->others, out->count},
                 (ColumnList){node->regular_join.join.columns, node->schema.count}, columns,
                 join->made);
    for (int32_t i = 0; i < node->schema.count; i++)
        columns[i].type = node->schema.fields[i].type;
    Batch batch = {.column_count = node->schema.count,
                   .row_count = out->count,
                   .columns = columns,
                   .selection = {.count = out->count},
                   .kinds = kinds_are_inserts(out) ? NULL : out->kinds};
    Status status = operator_emit_lending(&join->base, &batch, join->lent);
    out->count = 0;
    arena_reset(join->made);
    return status;
}

Status emit_row(const JoinInput *input, int32_t row, uint8_t *other, RowKind kind)
{
    OutRows *out = &input->join->out;
    if (out->count == BATCH_ROWS_MAX)
        TRY(emit_flush(input));
    out->rows[out->count] = row;
    out->others[out->count] = other;
    out->kinds[out->count] = (uint8_t)kind;
    out->count++;
    return OK;
}
