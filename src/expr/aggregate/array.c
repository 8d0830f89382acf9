/* ARRAY_AGG, JSON_ARRAYAGG and JSON_OBJECTAGG: all values in order of arrival as one value.
 *
 * The JSON kinds keep their values as JSON text already. A member of an object is kept as the bytes
 * of its key, their number in front, and its text behind. */
#include "base/json.h"
#include "data/datetime.h"
#include "data/nested.h"
#include "expr/aggregate/sequence.h"
#include "expr/json/write.h"

static const AggregateKind array_ignoring_kind, json_array_null_kind, json_object_absent_kind;

static bool kind_skips_nulls(const AggregateCall *call)
{
    const AggregateKind *kind = call->kind;
    return kind == &array_ignoring_kind || kind == &json_array_kind ||
           kind == &json_object_absent_kind;
}

static void put(const AggregateRows *in, int32_t index, Physical physical, const ValueEntry *value,
                bool is_null)
{
    Sequence *sequence = sequence_of(aggregate_state(in, index), physical);
    if (aggregate_weight(in->kinds, selection_row(in->rows, index)) > 0)
        sequence_append(sequence, value, is_null);
    else
        sequence_remove(sequence, value, is_null);
}

/* ---- ARRAY_AGG ------------------------------------------------------------------------- */

static void array_update(const AggregateCall *call, const AggregateRows *in)
{
    const Column *column = &in->args[0];
    bool skips_nulls = kind_skips_nulls(call);
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        bool is_null = column_is_null(column, row);
        if (is_null && skips_nulls)
            continue;
        ValueEntry value = {0};
        if (!is_null)
            value = valueset_key(column, row);
        put(in, i, type_physical(call->arg_types[0]), &value, is_null);
    }
}

static void nested_put_entry(NestedBuilder *builder, Type type, const ValueEntry *entry)
{
    Int128 space = 0;
    ValueSet view = {.physical = type_physical(type)};
    Column column = {
        .type = type, .physical = view.physical, .is_constant = true, .values = &space};
    /* A text is borrowed from the entry, so that no arena is needed. */
    if (view.physical == PHYSICAL_STRING) {
        nested_put_str(builder, str_view_str(&entry->text));
        return;
    }
    valueset_put(&view, entry, &column, NULL, 0);
    nested_put_column(builder, &column, 0);
}

static bool array_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                         int32_t row)
{
    const Sequence *sequence = ((const SequenceState *)(const void *)state)->sequence;
    if (sequence_length(sequence) == 0)
        return false;
    NestedBuilder builder = {0};
    nested_begin(&builder, call->result);
    for (int32_t i = sequence->first; i < sequence->count; i++) {
        const Item *item = &sequence->items[i];
        if (item->value.count == 0)
            continue;
        if (item->is_null)
            nested_put_null(&builder);
        else
            nested_put_entry(&builder, call->arg_types[0], &item->value);
    }
    nested_end(&builder);
    ((StrView *)out->values)[row] = str_view_copy(arena, nested_result(&builder));
    nested_builder_free(&builder);
    return true;
}

static bool array_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    return sequence_load_as(type_physical(call->arg_types[0]), state, in);
}

#define ARRAY_KIND(text)                                                                           \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(SequenceState), .owns_heap = true,                   \
        .update = array_update, .merge = sequence_merge, .result = array_result,                   \
        .destroy = sequence_destroy, .save = sequence_save, .load = array_load                     \
    }

const AggregateKind array_kind = ARRAY_KIND("ARRAY_AGG");
static const AggregateKind array_ignoring_kind = ARRAY_KIND("ARRAY_AGG IGNORE NULLS");

/* ---- JSON_ARRAYAGG --------------------------------------------------------------------- */

static void json_array_update(const AggregateCall *call, const AggregateRows *in)
{
    const Column *column = &in->args[0];
    bool skips_nulls = kind_skips_nulls(call);
    Buffer text = {0};
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (skips_nulls && column_is_null(column, row))
            continue;
        Value value = value_get(column, row);
        text.length = 0;
        json_write_value(&text, &value, timezone_utc());
        ValueEntry entry = valueset_key_text(buffer_str(&text));
        put(in, i, PHYSICAL_STRING, &entry, false);
    }
    buffer_free(&text);
}

static bool json_array_result(const AggregateCall *call, const uint8_t *state, Column *out,
                              Arena *arena, int32_t row)
{
    (void)call;
    const Sequence *sequence = ((const SequenceState *)(const void *)state)->sequence;
    Buffer text = {0};
    buffer_append_char(&text, '[');
    for (int32_t i = 0; sequence != NULL && i < sequence->count; i++) {
        const ValueEntry *value = &sequence->items[i].value;
        if (value->count == 0)
            continue;
        if (text.length > 1)
            buffer_append_char(&text, ',');
        buffer_append_str(&text, str_view_str(&value->text));
    }
    buffer_append_char(&text, ']');
    ((StrView *)out->values)[row] = str_view_copy(arena, buffer_str(&text));
    buffer_free(&text);
    return true;
}

/* ---- JSON_OBJECTAGG -------------------------------------------------------------------- */

/* Rows without a key are left out. */
static void json_object_update(const AggregateCall *call, const AggregateRows *in)
{
    bool skips_nulls = kind_skips_nulls(call);
    Buffer text = {0};
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(&in->args[0], row) || (skips_nulls && column_is_null(&in->args[1], row)))
            continue;
        Value key = value_get(&in->args[0], row), value = value_get(&in->args[1], row);
        text.length = 0;
        buffer_append_bytes(&text, key.text);
        json_write_value(&text, &value, timezone_utc());
        ValueEntry entry = valueset_key_text(buffer_str(&text));
        put(in, i, PHYSICAL_STRING, &entry, false);
    }
    buffer_free(&text);
}

static bool json_object_result(const AggregateCall *call, const uint8_t *state, Column *out,
                               Arena *arena, int32_t row)
{
    (void)call;
    const Sequence *sequence = ((const SequenceState *)(const void *)state)->sequence;
    int32_t length = sequence_length(sequence), count = 0;
    Str *keys = ARENA_ARRAY(arena, Str, length + 1);
    Str *values = ARENA_ARRAY(arena, Str, length + 1);
    int32_t *order = ARENA_ARRAY(arena, int32_t, length + 1);
    for (int32_t i = 0; sequence != NULL && i < sequence->count; i++) {
        if (sequence->items[i].value.count == 0)
            continue;
        ByteReader reader = byte_reader(str_view_str(&sequence->items[i].value.text));
        keys[count] = byte_reader_bytes(&reader);
        values[count++] = byte_reader_take(&reader, byte_reader_left(&reader));
    }
    int32_t kept = json_sort_keys(keys, count, order);
    Buffer text = {0};
    buffer_append_char(&text, '{');
    for (int32_t i = 0; i < kept; i++) {
        if (i > 0)
            buffer_append_char(&text, ',');
        json_append_quoted(&text, keys[order[i]]);
        buffer_append_char(&text, ':');
        buffer_append_str(&text, values[order[i]]);
    }
    buffer_append_char(&text, '}');
    ((StrView *)out->values)[row] = str_view_copy(arena, buffer_str(&text));
    buffer_free(&text);
    return true;
}

static bool json_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    (void)call;
    return sequence_load_as(PHYSICAL_STRING, state, in);
}

#define JSON_KIND(text, updater, finisher)                                                         \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(SequenceState), .owns_heap = true,                   \
        .update = (updater), .merge = sequence_merge, .result = (finisher),                        \
        .destroy = sequence_destroy, .save = sequence_save, .load = json_load                      \
    }

const AggregateKind json_array_kind =
    JSON_KIND("JSON_ARRAYAGG", json_array_update, json_array_result);
static const AggregateKind json_array_null_kind =
    JSON_KIND("JSON_ARRAYAGG NULL ON NULL", json_array_update, json_array_result);
static const AggregateKind json_object_kind =
    JSON_KIND("JSON_OBJECTAGG", json_object_update, json_object_result);
static const AggregateKind json_object_absent_kind =
    JSON_KIND("JSON_OBJECTAGG ABSENT ON NULL", json_object_update, json_object_result);

/* ---- Choosing -------------------------------------------------------------------------- */

const AggregateKind *array_agg_kind(Type arg, bool ignores_nulls)
{
    if (type_physical(arg) == PHYSICAL_NONE)
        return NULL;
    return ignores_nulls ? &array_ignoring_kind : &array_kind;
}

const AggregateKind *json_array_agg_kind(Type arg, bool keeps_nulls)
{
    if (!json_can_write(arg))
        return NULL;
    return keeps_nulls ? &json_array_null_kind : &json_array_kind;
}

const AggregateKind *json_object_agg_kind(Type key, Type value, bool keeps_nulls)
{
    if (!type_is_text(key) || !json_can_write(value))
        return NULL;
    return keeps_nulls ? &json_object_kind : &json_object_absent_kind;
}
