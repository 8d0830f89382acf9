/* Nested values between batches and DuckDB's vectors: ARRAY is LIST, ROW is STRUCT, MAP is MAP,
 * which DuckDB keeps as a list of structs, MULTISET a MAP to counts.
 *
 * Written, the children of all rows are gathered into columns and go the way of columns; read, each
 * row's value is built from the vectors below. */
#include "data/nested.h"
#include "lake/duck_type.h"

/* ---- Types ----------------------------------------------------------------------------- */

static void print_name(Buffer *out, Str name)
{
    buffer_append_char(out, '"');
    for (int64_t i = 0; i < name.length; i++) {
        if (name.data[i] == '"')
            buffer_append_char(out, '"');
        buffer_append_char(out, name.data[i]);
    }
    buffer_append_char(out, '"');
}

void duck_nested_print(Buffer *out, Type type)
{
    assert(type_is_nested(type));
    if (type.id == TYPE_ARRAY) {
        duck_type_print(out, type.children[0]);
        buffer_append_text(out, "[]");
        return;
    }
    buffer_append_text(out, type.id == TYPE_ROW ? "STRUCT(" : "MAP(");
    if (type.id != TYPE_ROW) {
        duck_type_print(out, nested_key_type(type));
        buffer_append_text(out, ", ");
        duck_type_print(out, nested_value_type(type));
    }
    for (int32_t i = 0; type.id == TYPE_ROW && i < type.child_count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        print_name(out, type.child_names[i]);
        buffer_append_char(out, ' ');
        duck_type_print(out, type.children[i]);
    }
    buffer_append_char(out, ')');
}

static duckdb_logical_type struct_make(const DuckApi *api, Type type)
{
    int32_t count = type.child_count;
    Arena *arena = arena_new(0);
    duckdb_logical_type *types = ARENA_ARRAY(arena, duckdb_logical_type, count + 1);
    const char **names = ARENA_ARRAY(arena, const char *, count + 1);
    for (int32_t i = 0; i < count; i++) {
        types[i] = duck_type_make(api, type.children[i]);
        names[i] = str_terminated(arena, type.child_names[i]);
    }
    duckdb_logical_type made = api->duckdb_create_struct_type(types, names, (idx_t)count);
    for (int32_t i = 0; i < count; i++)
        api->duckdb_destroy_logical_type(&types[i]);
    arena_free(arena);
    return made;
}

duckdb_logical_type duck_nested_make(const DuckApi *api, Type type)
{
    if (type.id == TYPE_ROW)
        return struct_make(api, type);
    bool is_array = type.id == TYPE_ARRAY;
    duckdb_logical_type first = duck_type_make(api, type.children[0]);
    duckdb_logical_type second = is_array ? NULL : duck_type_make(api, nested_value_type(type));
    duckdb_logical_type made =
        is_array ? api->duckdb_create_list_type(first) : api->duckdb_create_map_type(first, second);
    api->duckdb_destroy_logical_type(&first);
    if (!is_array)
        api->duckdb_destroy_logical_type(&second);
    return made;
}

/* ---- Writing --------------------------------------------------------------------------- */

static Str column_bytes(const Column *column, int32_t row)
{
    return str_view_str((const StrView *)column->values + column_index(column, row));
}

/* The elements of an ARRAY, the keys (side 0) or values of a MAP. */
static NestedArray list_side(Str bytes, Type type, int32_t side)
{
    if (type.id == TYPE_ARRAY)
        return nested_array(bytes, type.children[0]);
    NestedMap map = nested_map(bytes, type);
    return side == 0 ? map.keys : map.values;
}

static void gather(Column *into, Arena *arena, int32_t at, int32_t capacity, const char *base,
                   const char *slot)
{
    if (slot == NULL)
        column_set_null(into, arena, at, capacity);
    else
        nested_slot_load(into, at, base, slot);
}

static void list_write_side(const DuckApi *api, duckdb_vector vector, const Column *column,
                            Selection rows, int32_t side, int32_t total)
{
    Type type = column->type;
    Type child = side == 0 ? type.children[0] : nested_value_type(type);
    Arena *arena = arena_new(0);
    Column flat = column_new(arena, child, total);
    int32_t at = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        if (column_is_null(column, row))
            continue;
        NestedArray array = list_side(column_bytes(column, row), type, side);
        for (int32_t k = 0; k < array.count; k++, at++) {
            bool is_null = nested_array_is_null(&array, k);
            gather(&flat, arena, at, total, array.base,
                   is_null ? NULL : nested_array_slot(&array, k));
        }
    }
    assert(at == total);
    duck_vector_write(api, vector, &flat, (Selection){.count = total});
    arena_free(arena);
}

static void list_write(const DuckApi *api, duckdb_vector vector, const Column *column,
                       Selection rows)
{
    duckdb_list_entry *entries = api->duckdb_vector_get_data(vector);
    int32_t total = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        int32_t count = 0;
        if (!column_is_null(column, row))
            count = list_side(column_bytes(column, row), column->type, 0).count;
        entries[i] = (duckdb_list_entry){.offset = (uint64_t)total, .length = (uint64_t)count};
        total += count;
    }
    (void)api->duckdb_list_vector_reserve(vector, (idx_t)total);
    (void)api->duckdb_list_vector_set_size(vector, (idx_t)total);
    duckdb_vector child = api->duckdb_list_vector_get_child(vector);
    if (column->type.id == TYPE_ARRAY) {
        list_write_side(api, child, column, rows, 0, total);
        return;
    }
    for (int32_t side = 0; side < 2; side++)
        list_write_side(api, api->duckdb_struct_vector_get_child(child, (idx_t)side), column, rows,
                        side, total);
}

static void struct_write(const DuckApi *api, duckdb_vector vector, const Column *column,
                         Selection rows)
{
    Type type = column->type;
    for (int32_t f = 0; f < type.child_count; f++) {
        Arena *arena = arena_new(0);
        int32_t slot = nested_row_slot(type, f);
        Column flat = column_new(arena, type.children[f], rows.count);
        for (int32_t i = 0; i < rows.count; i++) {
            int32_t row = selection_row(rows, i);
            const char *base = NULL;
            if (!column_is_null(column, row))
                base = column_bytes(column, row).data;
            bool is_null = base == NULL || nested_row_is_null(base, f);
            gather(&flat, arena, i, rows.count, base, is_null ? NULL : base + slot);
        }
        duckdb_vector child = api->duckdb_struct_vector_get_child(vector, (idx_t)f);
        duck_vector_write(api, child, &flat, (Selection){.count = rows.count});
        arena_free(arena);
    }
}

void duck_nested_write(const DuckApi *api, duckdb_vector vector, const Column *column,
                       Selection rows)
{
    if (column->type.id == TYPE_ROW)
        struct_write(api, vector, column, rows);
    else
        list_write(api, vector, column, rows);
}

/* ---- Reading --------------------------------------------------------------------------- */

/* A vector and those below it. */
typedef struct DuckNode DuckNode;
struct DuckNode {
    Type type;
    DuckWidth width;
    const void *data;
    const uint64_t *valid; /* NULL: all */
    DuckNode *children;
};

static void node_open(const DuckApi *api, Arena *arena, Type type, duckdb_vector vector,
                      DuckNode *node)
{
    *node = (DuckNode){.type = type,
                       .data = api->duckdb_vector_get_data(vector),
                       .valid = api->duckdb_vector_get_validity(vector)};
    if (!type_is_nested(type)) {
        node->width = duck_width(type);
        return;
    }
    int32_t count = type.id == TYPE_ARRAY ? 1 : type.id == TYPE_ROW ? type.child_count : 2;
    node->children = ARENA_ARRAY(arena, DuckNode, count + 1);
    duckdb_vector below = vector;
    if (type.id != TYPE_ROW)
        below = api->duckdb_list_vector_get_child(vector);
    for (int32_t i = 0; i < count; i++) {
        bool is_value = i == 1 && type.id != TYPE_ROW;
        Type child = is_value ? nested_value_type(type) : type.children[i];
        duckdb_vector at =
            type.id == TYPE_ARRAY ? below : api->duckdb_struct_vector_get_child(below, (idx_t)i);
        node_open(api, arena, child, at, &node->children[i]);
    }
}

static bool node_is_null(const DuckNode *node, int64_t index)
{
    return node->valid != NULL && !((node->valid[index / 64] >> (index % 64)) & 1);
}

static void leaf_put(NestedBuilder *builder, const DuckNode *node, int64_t index)
{
    Physical physical = type_physical(node->type);
    if (physical == PHYSICAL_STRING) {
        nested_put_str(builder, str_view_str((const StrView *)node->data + index));
    } else if (node->width == DUCK_SAME) {
        int64_t bytes = physical_bytes(physical);
        nested_put_fixed(builder, (const char *)node->data + index * bytes);
    } else {
        Int128 wide = duck_wide_read(node->width, node->data, index);
        Value value = {.type = node->type};
        if (physical == PHYSICAL_I128)
            value.wide = wide;
        else
            value.integer = (int64_t)wide;
        nested_put_value(builder, &value);
    }
}

static void node_put(NestedBuilder *builder, const DuckNode *node, int64_t index)
{
    if (node_is_null(node, index)) {
        nested_put_null(builder);
        return;
    }
    if (!type_is_nested(node->type)) {
        leaf_put(builder, node, index);
        return;
    }
    nested_begin(builder, node->type);
    if (node->type.id == TYPE_ROW) {
        for (int32_t f = 0; f < node->type.child_count; f++)
            node_put(builder, &node->children[f], index);
    } else {
        const duckdb_list_entry *entry = (const duckdb_list_entry *)node->data + index;
        for (uint64_t k = 0; k < entry->length; k++) {
            node_put(builder, &node->children[0], (int64_t)(entry->offset + k));
            if (node->type.id != TYPE_ARRAY)
                node_put(builder, &node->children[1], (int64_t)(entry->offset + k));
        }
    }
    nested_end(builder);
}

void duck_nested_read(const DuckRead *read, duckdb_vector vector, Column *column)
{
    Arena *arena = arena_new(0);
    NestedBuilder builder = {0};
    DuckNode node;
    node_open(read->api, arena, column->type, vector, &node);
    StrView *out = (StrView *)column->values + read->at;
    for (int32_t i = 0; i < read->count; i++) {
        int64_t index = read->first + i;
        out[i] = (StrView){0};
        if (node_is_null(&node, index))
            continue;
        nested_abandon(&builder);
        node_put(&builder, &node, index);
        out[i] = str_view_copy(read->arena, nested_result(&builder));
    }
    nested_builder_free(&builder);
    arena_free(arena);
}
