/* Keys of a table to columns, to bytes and back. */
#include "state/internal.h"

#include "data/nested.h"
#include "data/rowcode.h"

/* ---- Keys out and in -------------------------------------------------------------------- */

static void word_to_column(Column *column, int32_t row, uint64_t word)
{
    switch (column->physical) {
    case PHYSICAL_BOOL: ((uint8_t *)column->values)[row] = (uint8_t)word; break;
    case PHYSICAL_I8: ((int8_t *)column->values)[row] = (int8_t)word; break;
    case PHYSICAL_I16: ((int16_t *)column->values)[row] = (int16_t)word; break;
    case PHYSICAL_I32: ((int32_t *)column->values)[row] = (int32_t)word; break;
    case PHYSICAL_I64: ((int64_t *)column->values)[row] = (int64_t)word; break;
    case PHYSICAL_F32: ((float *)column->values)[row] = (float)word_as_f64(word); break;
    case PHYSICAL_F64: ((double *)column->values)[row] = word_as_f64(word); break;
    case PHYSICAL_NONE:
    case PHYSICAL_I128:
    case PHYSICAL_STRING: assert(false);
    }
}

void table_read_key(const StateTable *table, const uint8_t *value, Batch *into, int32_t capacity)
{
    const Entry *entry = value_entry(table, value);
    int32_t row = into->row_count;
    assert(entry->hash != 0 && row < capacity);
    if (table->key->kind == TABLE_KEY_BYTES) {
        Batch shell = {.column_count = table->key->count,
                       .row_count = row,
                       .columns = into->columns,
                       .selection = {.count = row},
                       .arena = into->arena};
        bool is_read = rowcode_read(str_view_str(&entry->view), &shell, capacity, ROW_INSERT);
        assert(is_read);
        return;
    }
    Column *column = &into->columns[0];
    if (table_is_null_entry(table, entry)) {
        column_set_null(column, into->arena, row, capacity);
        return;
    }
    if (table->key->kind == TABLE_KEY_WORD)
        word_to_column(column, row, entry->word);
    else
        ((StrView *)column->values)[row] = str_view_copy(into->arena, str_view_str(&entry->view));
    if (column->valid != NULL)
        bitmap_set(column->valid, row, true);
}

#define KEY_VALUES(type, expression)                                                               \
    for (int32_t i = 0; i < count; i++) {                                                          \
        uint64_t word = value_entry(table, values[i])->word;                                       \
        ((type *)column->values)[first + i] = (expression);                                        \
    }                                                                                              \
    return true

/* Whether the keys are words of a kind that is written at one go. */
static bool words_to_column(const StateTable *table, const uint8_t *const *values, int32_t count,
                            Column *column, int32_t first)
{
    switch (column->physical) {
    case PHYSICAL_I32: KEY_VALUES(int32_t, (int32_t)word);
    case PHYSICAL_I64: KEY_VALUES(int64_t, (int64_t)word);
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_NONE:
    case PHYSICAL_I128:
    case PHYSICAL_STRING: break;
    }
    return false;
}

void table_read_keys(const StateTable *table, const uint8_t *const *values, int32_t count,
                     Batch *into, int32_t capacity)
{
    int32_t first = into->row_count;
    assert(count >= 0 && first + count <= capacity);
    bool is_plain = table->key->kind == TABLE_KEY_WORD && table->null_index == INDEX_NONE &&
                    into->columns[0].valid == NULL;
    if (is_plain && words_to_column(table, values, count, &into->columns[0], first))
        return;
    for (int32_t i = 0; i < count; i++) {
        into->row_count = first + i;
        table_read_key(table, values[i], into, capacity);
    }
    into->row_count = first;
}

void table_save_key(const StateTable *table, const uint8_t *value, Buffer *out)
{
    const Entry *entry = value_entry(table, value);
    assert(entry->hash != 0);
    buffer_append_u64(out, hash_plain(entry->hash));
    bool is_null = table_is_null_entry(table, entry);
    buffer_append_u8(out, is_null ? 0 : 1);
    if (is_null)
        return;
    if (table->key->kind == TABLE_KEY_WORD)
        buffer_append_u64(out, entry->word);
    else
        buffer_append_bytes(out, str_view_str(&entry->view));
}

/* A saved key; `view` lends its memory to the probe. */
static bool saved_key_read(const StateTable *table, ByteReader *in, Probe *probe, StrView *view,
                           bool *is_null)
{
    *probe = (Probe){.hash = hash_plain(byte_reader_u64(in))};
    uint8_t tag = byte_reader_u8(in);
    *is_null = tag == 0;
    if (in->is_short || probe->hash == 0 || tag > 1)
        return false;
    if (*is_null)
        return table->key->kind != TABLE_KEY_BYTES;
    if (table->key->kind == TABLE_KEY_WORD) {
        probe->word = byte_reader_u64(in);
        return !in->is_short;
    }
    Str text = byte_reader_bytes(in);
    bool is_nested = table->key->kind == TABLE_KEY_TEXT && type_is_nested(table->key->types[0]);
    if (in->is_short || (is_nested && !nested_is_valid(text, table->key->types[0])))
        return false;
    *view = str_view_borrow(text);
    probe->view = view;
    return true;
}

uint8_t *table_load_key(StateTable *table, ByteReader *in)
{
    Probe probe;
    StrView view;
    bool is_null;
    if (!saved_key_read(table, in, &probe, &view, &is_null))
        return NULL;
    return is_null ? table_put_null(table, probe.hash) : table_put_probe(table, &probe);
}

bool table_seek_key(const StateTable *table, ByteReader *in, uint8_t **value)
{
    Probe probe;
    StrView view;
    bool is_null;
    *value = NULL;
    if (!saved_key_read(table, in, &probe, &view, &is_null))
        return false;
    *value = is_null ? table_get_null(table) : table_get_probe(table, &probe);
    return true;
}

uint64_t table_peek_hash(const ByteReader *in)
{
    ByteReader ahead = *in;
    return hash_plain(byte_reader_u64(&ahead));
}
