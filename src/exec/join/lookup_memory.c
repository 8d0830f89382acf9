/* What was found for rows that may be taken back. */
#include "exec/join/lookup_memory.h"

#include <assert.h>

#include "base/memory.h"
#include "data/rowcode.h"
#include "exec/operators.h"
#include "state/blocks.h"

typedef struct Finding Finding;
struct Finding {
    Finding *older;
    FoundRow *left; /* the row itself */
    FoundRow *first;
    int64_t written_us;
};

struct LookupMemory {
    Operator *op;
    TableKey key;
    StateTable *table; /* of Finding pointers, never NULL */
    Blocks blocks;
    int64_t ttl_us;
    int64_t cursor; /* of sweeping */
    Buffer bytes;   /* rowcode of the row at hand */
};

LookupMemory *lookup_memory_new(Operator *op, int64_t ttl_us)
{
    const Schema *left = &op->node->inputs[0]->schema;
    LookupMemory *memory = memory_allocate_zeroed((int64_t)sizeof *memory);
    const ColumnList *key = &op->node->lookup_join.memory_key;
    Type *types = ARENA_ARRAY(op->task->query, Type, key->count + 1);
    for (int32_t i = 0; i < key->count; i++)
        types[i] = left->fields[key->columns[i]].type;
    memory->op = op;
    memory->key = table_key(op->task->query, types, key->count);
    memory->table = table_new(&memory->key, (int32_t)sizeof(Finding *));
    memory->ttl_us = ttl_us;
    return memory;
}

static Finding **finding_place(uint8_t *value)
{
    return (Finding **)(void *)value;
}

static int64_t found_bytes(const FoundRow *row)
{
    return (int64_t)sizeof *row + row->length;
}

void lookup_memory_give_back(LookupMemory *memory, FoundRow *row)
{
    blocks_give(&memory->blocks, row, found_bytes(row));
}

static void finding_free(LookupMemory *memory, Finding *finding)
{
    if (finding->left != NULL)
        lookup_memory_give_back(memory, finding->left);
    while (finding->first != NULL) {
        FoundRow *row = finding->first;
        finding->first = row->next;
        lookup_memory_give_back(memory, row);
    }
    blocks_give(&memory->blocks, finding, (int64_t)sizeof *finding);
}

void lookup_memory_free(LookupMemory *memory)
{
    if (memory == NULL)
        return;
    int64_t cursor = 0;
    for (uint8_t *value = table_next(memory->table, &cursor); value != NULL;
         value = table_next(memory->table, &cursor)) {
        while (*finding_place(value) != NULL) {
            Finding *finding = *finding_place(value);
            *finding_place(value) = finding->older;
            finding_free(memory, finding);
        }
    }
    table_free(memory->table);
    blocks_close(&memory->blocks);
    buffer_free(&memory->bytes);
    memory_free(memory);
}

TableKeys lookup_memory_keys(const LookupMemory *memory, const Batch *batch, Selection rows,
                             Arena *arena)
{
    const ColumnList *key = &memory->op->node->lookup_join.memory_key;
    return table_keys(&memory->key, batch, key->columns, rows, arena);
}

static Finding *finding_new(LookupMemory *memory, uint8_t *value, int64_t now_us)
{
    Finding *finding = blocks_take(&memory->blocks, (int64_t)sizeof *finding);
    *finding = (Finding){.older = *finding_place(value), .written_us = now_us};
    *finding_place(value) = finding;
    return finding;
}

static FoundRow *found_new(LookupMemory *memory, Str bytes)
{
    FoundRow *row = blocks_take(&memory->blocks, (int64_t)sizeof *row + bytes.length);
    row->next = NULL;
    row->length = bytes.length;
    if (bytes.length > 0)
        memcpy(row->bytes, bytes.data, (size_t)bytes.length);
    return row;
}

/* Lives until the next row. */
static Str left_bytes(LookupMemory *memory, LeftRow left)
{
    memory->bytes.length = 0;
    rowcode_write(&memory->bytes, left.batch, left.row, NULL,
                  memory->op->node->inputs[0]->schema.count);
    return buffer_str(&memory->bytes);
}

void lookup_memory_put(LookupMemory *memory, const TableKeys *keys, int32_t at, LeftRow left,
                       const LookupEntry *entry, int64_t now_us)
{
    uint8_t *value;
    table_find_or_insert(memory->table, keys, at, 1, &value);
    Finding *finding = finding_new(memory, value, now_us);
    finding->left = found_new(memory, left_bytes(memory, left));
    FoundRow **link = &finding->first;
    int32_t width = memory->op->node->lookup_join.right.count;
    for (const StoredRow *row = entry->first; row != NULL; row = row->next) {
        memory->bytes.length = 0;
        rowcode_write(&memory->bytes, row->chunk->batch, row->row, NULL, width);
        *link = found_new(memory, buffer_str(&memory->bytes));
        link = &(*link)->next;
    }
}

/* Findings that are too old leave the key; the newest ones stand first. */
static void key_expire(LookupMemory *memory, uint8_t *value, int64_t now_us)
{
    Finding **link = finding_place(value);
    while (*link != NULL && now_us - (*link)->written_us < memory->ttl_us)
        link = &(*link)->older;
    while (*link != NULL) {
        Finding *finding = *link;
        *link = finding->older;
        finding_free(memory, finding);
    }
}

bool lookup_memory_take(LookupMemory *memory, const TableKeys *keys, int32_t at, LeftRow left,
                        int64_t now_us, FoundRow **out)
{
    uint8_t *value;
    *out = NULL;
    table_find(memory->table, keys, at, 1, &value);
    if (value == NULL)
        return false;
    if (memory->ttl_us > 0)
        key_expire(memory, value, now_us);
    Str row = left_bytes(memory, left);
    Finding **link = finding_place(value);
    while (*link != NULL && !str_equal(row, str_make((*link)->left->bytes, (*link)->left->length)))
        link = &(*link)->older;
    Finding *finding = *link;
    if (finding != NULL) {
        *link = finding->older;
        *out = finding->first;
        finding->first = NULL;
        finding_free(memory, finding);
    }
    if (*finding_place(value) == NULL)
        table_delete(memory->table, value);
    return finding != NULL;
}

void lookup_memory_sweep(LookupMemory *memory, int64_t now_us)
{
    enum { LOOKED_AT = 256 };
    uint8_t *values[LOOKED_AT];
    if (memory->ttl_us == 0)
        return;
    int32_t count = table_next_run(memory->table, &memory->cursor, values, LOOKED_AT);
    if (count == 0)
        memory->cursor = 0;
    for (int32_t i = 0; i < count; i++) {
        key_expire(memory, values[i], now_us);
        if (*finding_place(values[i]) == NULL)
            table_delete(memory->table, values[i]);
    }
}

int64_t lookup_memory_bytes(const LookupMemory *memory)
{
    return table_bytes(memory->table) + memory->blocks.held_bytes;
}

/* ---- Checkpoints ----------------------------------------------------------------------- */

static void finding_save(const Finding *finding, Buffer *out)
{
    uint32_t count = 0;
    for (const FoundRow *row = finding->first; row != NULL; row = row->next)
        count++;
    buffer_append_u64(out, (uint64_t)finding->written_us);
    buffer_append_bytes(out, str_make(finding->left->bytes, finding->left->length));
    buffer_append_u32(out, count);
    for (const FoundRow *row = finding->first; row != NULL; row = row->next)
        buffer_append_bytes(out, str_make(row->bytes, row->length));
}

void lookup_memory_save(const LookupMemory *memory, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)table_count(memory->table));
    int64_t cursor = 0;
    for (uint8_t *value = table_next(memory->table, &cursor); value != NULL;
         value = table_next(memory->table, &cursor)) {
        uint32_t count = 0;
        for (const Finding *finding = *finding_place(value); finding != NULL;
             finding = finding->older)
            count++;
        table_save_key(memory->table, value, out);
        buffer_append_u32(out, count);
        for (const Finding *finding = *finding_place(value); finding != NULL;
             finding = finding->older)
            finding_save(finding, out);
    }
}

static bool finding_load(LookupMemory *memory, Finding *finding, ByteReader *in)
{
    finding->written_us = (int64_t)byte_reader_u64(in);
    Str left = byte_reader_bytes(in);
    if (in->is_short)
        return false;
    finding->left = found_new(memory, left);
    uint32_t count = byte_reader_u32(in);
    FoundRow **link = &finding->first;
    for (uint32_t i = 0; i < count; i++) {
        Str bytes = byte_reader_bytes(in);
        if (in->is_short)
            return false;
        *link = found_new(memory, bytes);
        link = &(*link)->next;
    }
    return !in->is_short;
}

/* Newest first, as they were saved; those of other shards are read and given up. */
static bool key_load(LookupMemory *memory, ByteReader *in)
{
    bool is_own = operator_owns_hash(memory->op, table_peek_hash(in));
    uint8_t *value = table_load_key(memory->table, in);
    uint32_t count = byte_reader_u32(in);
    if (value == NULL || in->is_short || count == 0 || *finding_place(value) != NULL)
        return false;
    Finding **link = finding_place(value);
    bool is_whole = true;
    for (uint32_t i = 0; i < count && is_whole; i++) {
        Finding *finding = blocks_take(&memory->blocks, (int64_t)sizeof *finding);
        *finding = (Finding){0};
        is_whole = finding_load(memory, finding, in);
        if (is_own) {
            *link = finding;
            link = &finding->older;
        } else {
            finding_free(memory, finding);
        }
    }
    if (!is_own)
        table_delete(memory->table, value);
    return is_whole;
}

bool lookup_memory_load(LookupMemory *memory, Str state)
{
    ByteReader in = byte_reader(state);
    uint64_t count = byte_reader_u64(&in);
    bool is_whole = !in.is_short;
    for (uint64_t i = 0; i < count && is_whole; i++)
        is_whole = key_load(memory, &in);
    return is_whole && byte_reader_left(&in) == 0;
}
