/* Nulls, slots, texts: each ROW is written in one go into one piece of memory for all of them. */
#include "connect/nexmark/row.h"

#include "data/nested.h"

typedef struct RowPart {
    void *values; /* int64_t or StrView, by row of the run */
    int32_t slot;
    bool is_text;
} RowPart;

/* Where the bytes of the texts begin: behind the last slot. */
static int32_t row_fixed_bytes(Type type)
{
    int32_t last = type.child_count - 1;
    return nested_row_slot(type, last) + nested_slot_bytes(type.children[last]);
}

static RowPart *parts_make(const NexmarkRun *run, const NexmarkField *fields, Type type)
{
    RowPart *parts = ARENA_ARRAY(run->arena, RowPart, type.child_count);
    for (int32_t i = 0; i < type.child_count; i++) {
        bool is_text = nexmark_field(fields[i])->shape == NEXMARK_TEXT;
        int64_t width = is_text ? (int64_t)sizeof(StrView) : (int64_t)sizeof(int64_t);
        parts[i] = (RowPart){
            .values = arena_allocate(run->arena, width * run->count),
            .slot = nested_row_slot(type, i),
            .is_text = is_text,
        };
        nexmark_fill(run, fields[i], parts[i].values);
    }
    return parts;
}

static int64_t row_bytes(const RowPart *parts, int32_t count, int32_t row, int32_t fixed)
{
    int64_t bytes = fixed;
    for (int32_t i = 0; i < count; i++)
        bytes += parts[i].is_text ? ((const StrView *)parts[i].values)[row].length : 0;
    return bytes;
}

/* The fields of a nexmark event are never NULL. */
static void row_write(const RowPart *parts, int32_t count, int32_t row, int32_t fixed, char *out)
{
    uint32_t end = (uint32_t)fixed;
    memset(out, 0, (size_t)(count + 7) / 8);
    for (int32_t i = 0; i < count; i++) {
        if (!parts[i].is_text) {
            memcpy(out + parts[i].slot, (const int64_t *)parts[i].values + row, sizeof(int64_t));
            continue;
        }
        Str text = str_view_str((const StrView *)parts[i].values + row);
        uint32_t place[2] = {end, (uint32_t)text.length};
        memcpy(out + parts[i].slot, place, sizeof place);
        if (text.length > 0)
            memcpy(out + end, text.data, (size_t)text.length);
        end += place[1];
    }
}

void nexmark_fill_rows(const NexmarkRun *run, NexmarkKind kind, const NexmarkField *fields,
                       Column *into)
{
    into->valid = run->valid[kind];
    if (run->row_counts[kind] == 0)
        return;
    Type type = into->type;
    const RowPart *parts = parts_make(run, fields, type);
    int32_t fixed = row_fixed_bytes(type);
    StrView *out = into->values;
    const int32_t *rows = run->rows[kind];
    for (int32_t i = 0; i < run->row_counts[kind]; i++) {
        int64_t bytes = row_bytes(parts, type.child_count, rows[i], fixed);
        char *at = arena_allocate(run->arena, bytes);
        row_write(parts, type.child_count, rows[i], fixed, at);
        out[rows[i]] = str_view_borrow(str_make(at, bytes));
    }
}

void nexmark_fill_column(const NexmarkRun *run, NexmarkField field, Column *into)
{
    const NexmarkFieldInfo *info = nexmark_field(field);
    into->valid = run->valid[info->kind];
    if (info->shape == NEXMARK_TIME && field != AUCTION_EXPIRES)
        into->values = run->times; /* of all rows, whatever they are */
    else
        nexmark_fill(run, field, into->values);
}
