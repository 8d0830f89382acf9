/* FIRST_VALUE, LAST_VALUE and LISTAGG: values in order of arrival, NULLs ignored. Where rows are
 * only added, FIRST_VALUE and LAST_VALUE keep one value. */
#include "expr/aggregate/sequence.h"
#include "base/hash.h"
#include "base/memory.h"

enum { ITEM_CAPACITY_MIN = 8, NO_ITEM = -1, DEAD_MIN = 16 };

static void sequence_link(Sequence *sequence, int32_t index)
{
    Item *item = &sequence->items[index];
    Bucket *bucket = &sequence->buckets[item->value.hash & (uint32_t)(sequence->capacity - 1)];
    item->next = NO_ITEM;
    if (bucket->first == NO_ITEM)
        bucket->first = index;
    else
        sequence->items[bucket->last].next = index;
    bucket->last = index;
}

/* Leave out the dead, with room for `capacity`. */
static void sequence_rebuild(Sequence *sequence, int32_t capacity)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < sequence->count; i++)
        if (sequence->items[i].value.count > 0)
            sequence->items[kept++] = sequence->items[i];
    sequence->count = kept;
    sequence->dead_count = 0;
    sequence->first = 0;
    sequence->capacity = capacity;
    sequence->items = memory_resize(sequence->items, capacity * (int64_t)sizeof(Item));
    sequence->buckets = memory_resize(sequence->buckets, capacity * (int64_t)sizeof(Bucket));
    for (int32_t i = 0; i < capacity; i++)
        sequence->buckets[i] = (Bucket){NO_ITEM, NO_ITEM};
    for (int32_t i = 0; i < kept; i++)
        sequence_link(sequence, i);
}

static bool item_is_long(const Sequence *sequence, const Item *item)
{
    return sequence->physical == PHYSICAL_STRING && item->value.text.length > STR_VIEW_INLINE_MAX;
}

void sequence_append(Sequence *sequence, const ValueEntry *value, bool is_null)
{
    if (sequence->count == sequence->capacity) {
        int32_t live = sequence->count - sequence->dead_count;
        int32_t capacity = sequence->capacity == 0 ? ITEM_CAPACITY_MIN : sequence->capacity;
        sequence_rebuild(sequence, live * 2 > capacity ? capacity * 2 : capacity);
    }
    Item *item = &sequence->items[sequence->count];
    item->value = *value;
    item->value.count = 1;
    item->is_null = is_null;
    if (item_is_long(sequence, item)) {
        char *copy = memory_allocate(value->text.length);
        memcpy(copy, value->text.pointer, value->text.length);
        item->value.text.pointer = copy;
    }
    sequence_link(sequence, sequence->count++);
}

static bool item_is(const Sequence *sequence, const Item *item, const ValueEntry *value,
                    bool is_null)
{
    const ValueEntry *a = &item->value, *b = value;
    if (a->hash != b->hash || item->is_null != is_null)
        return false;
    if (sequence->physical == PHYSICAL_STRING)
        return str_view_equal(&a->text, &b->text);
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

void sequence_remove(Sequence *sequence, const ValueEntry *value, bool is_null)
{
    if (sequence->capacity == 0)
        return;
    Bucket *bucket = &sequence->buckets[value->hash & (uint32_t)(sequence->capacity - 1)];
    int32_t before = NO_ITEM;
    int32_t at = bucket->first;
    while (at != NO_ITEM && !item_is(sequence, &sequence->items[at], value, is_null)) {
        before = at;
        at = sequence->items[at].next;
    }
    if (at == NO_ITEM)
        return;
    Item *item = &sequence->items[at];
    if (before == NO_ITEM)
        bucket->first = item->next;
    else
        sequence->items[before].next = item->next;
    if (bucket->last == at)
        bucket->last = before;
    if (item_is_long(sequence, item))
        memory_free((void *)(uintptr_t)item->value.text.pointer);
    item->value.count = 0;
    sequence->dead_count++;
    if (sequence->dead_count > DEAD_MIN && sequence->dead_count * 2 > sequence->count)
        sequence_rebuild(sequence, sequence->capacity);
}

static const ValueEntry *sequence_end(Sequence *sequence, bool is_last)
{
    while (sequence->first < sequence->count && sequence->items[sequence->first].value.count == 0)
        sequence->first++;
    if (sequence->first == sequence->count)
        return NULL;
    int32_t at = is_last ? sequence->count - 1 : sequence->first;
    while (sequence->items[at].value.count == 0)
        at--;
    return &sequence->items[at].value;
}

/* ---- The aggregate over a sequence ----------------------------------------------------- */

Sequence *sequence_of(void *state, Physical physical)
{
    SequenceState *holder = state;
    if (holder->sequence == NULL) {
        holder->sequence = memory_allocate_zeroed(sizeof(Sequence));
        holder->sequence->physical = physical;
    }
    return holder->sequence;
}

static void sequence_update(const AggregateCall *call, const AggregateRows *in)
{
    const Column *column = &in->args[0];
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(column, row))
            continue;
        Sequence *sequence = sequence_of(aggregate_state(in, i), type_physical(call->arg_types[0]));
        ValueEntry value = valueset_key(column, row);
        if (call->arg_count == 2 && sequence->separator.data == NULL) {
            const StrView *views = in->args[1].values;
            text_box_set(&sequence->separator,
                         str_view_str(&views[column_index(&in->args[1], row)]));
        }
        if (aggregate_weight(in->kinds, row) > 0)
            sequence_append(sequence, &value, false);
        else
            sequence_remove(sequence, &value, false);
    }
}

/* What arrived in `from` arrived later. */
void sequence_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    const Sequence *other = ((const SequenceState *)(const void *)from)->sequence;
    if (other == NULL)
        return;
    (void)call;
    Sequence *sequence = sequence_of(into, other->physical);
    if (sequence->separator.data == NULL && other->separator.data != NULL)
        text_box_set(&sequence->separator,
                     str_make(other->separator.data, other->separator.length));
    for (int32_t i = 0; i < other->count; i++)
        if (other->items[i].value.count > 0)
            sequence_append(sequence, &other->items[i].value, other->items[i].is_null);
}

static bool sequence_result(const AggregateCall *call, const uint8_t *state, Column *out,
                            Arena *arena, int32_t row)
{
    Sequence *sequence = ((const SequenceState *)(const void *)state)->sequence;
    bool is_last = call->kind->name[0] == 'L';
    const ValueEntry *value = sequence == NULL ? NULL : sequence_end(sequence, is_last);
    if (value == NULL)
        return false;
    ValueSet view = {.physical = sequence->physical};
    valueset_put(&view, value, out, arena, row);
    return true;
}

static bool listagg_result(const AggregateCall *call, const uint8_t *state, Column *out,
                           Arena *arena, int32_t row)
{
    (void)call;
    Sequence *sequence = ((const SequenceState *)(const void *)state)->sequence;
    if (sequence == NULL || sequence_end(sequence, false) == NULL)
        return false;
    Str separator = STR(",");
    if (sequence->separator.data != NULL)
        separator = str_make(sequence->separator.data, sequence->separator.length);
    Buffer buffer = {0};
    bool is_first = true;
    for (int32_t i = sequence->first; i < sequence->count; i++) {
        const ValueEntry *value = &sequence->items[i].value;
        if (value->count == 0)
            continue;
        if (!is_first)
            buffer_append_str(&buffer, separator);
        is_first = false;
        buffer_append_str(&buffer, str_view_str(&value->text));
    }
    ((StrView *)out->values)[row] = str_view_copy(arena, buffer_str(&buffer));
    buffer_free(&buffer);
    return true;
}

void sequence_destroy(const AggregateCall *call, uint8_t *state)
{
    (void)call;
    SequenceState *holder = (void *)state;
    Sequence *sequence = holder->sequence;
    holder->sequence = NULL;
    if (sequence == NULL)
        return;
    for (int32_t i = 0; i < sequence->count; i++)
        if (sequence->items[i].value.count > 0 && item_is_long(sequence, &sequence->items[i]))
            memory_free((void *)(uintptr_t)sequence->items[i].value.text.pointer);
    memory_free(sequence->items);
    memory_free(sequence->buckets);
    text_box_free(&sequence->separator);
    memory_free(sequence);
}

void sequence_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    (void)call;
    const Sequence *sequence = ((const SequenceState *)(const void *)state)->sequence;
    int32_t live = sequence == NULL ? 0 : sequence->count - sequence->dead_count;
    buffer_append_u32(out, (uint32_t)live);
    bool has_separator = sequence != NULL && sequence->separator.data != NULL;
    buffer_append_u8(out, has_separator);
    if (has_separator)
        buffer_append_bytes(out, str_make(sequence->separator.data, sequence->separator.length));
    for (int32_t i = 0; sequence != NULL && i < sequence->count; i++) {
        if (sequence->items[i].value.count == 0)
            continue;
        buffer_append_u8(out, sequence->items[i].is_null);
        if (!sequence->items[i].is_null)
            valueset_save_value(sequence->physical, &sequence->items[i].value, out);
    }
}

bool sequence_load_as(Physical physical, uint8_t *state, ByteReader *in)
{
    Sequence *sequence = sequence_of(state, physical);
    uint32_t live = byte_reader_u32(in);
    if (byte_reader_u8(in) != 0)
        text_box_set(&sequence->separator, byte_reader_bytes(in));
    for (uint32_t i = 0; i < live && !in->is_short; i++) {
        bool is_null = byte_reader_u8(in) != 0;
        ValueEntry value = {0};
        if (!is_null)
            value = valueset_load_value(sequence->physical, in);
        if (!in->is_short)
            sequence_append(sequence, &value, is_null);
    }
    return !in->is_short;
}

static bool sequence_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    return sequence_load_as(type_physical(call->arg_types[0]), state, in);
}

#define SEQUENCE_KIND(text, finisher)                                                              \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(SequenceState), .owns_heap = true,                   \
        .update = sequence_update, .merge = sequence_merge, .result = (finisher),                  \
        .destroy = sequence_destroy, .save = sequence_save, .load = sequence_load                  \
    }

static const AggregateKind first_sequence_kind = SEQUENCE_KIND("FIRST_VALUE", sequence_result);
static const AggregateKind last_sequence_kind = SEQUENCE_KIND("LAST_VALUE", sequence_result);
const AggregateKind listagg_kind = SEQUENCE_KIND("LISTAGG", listagg_result);

/* ---- One value ------------------------------------------------------------------------- */

typedef struct OneValue {
    uint64_t words[2];
    int64_t has_value;
} OneValue;

static void one_offer(const AggregateCall *call, OneValue *one, const uint64_t *words)
{
    if (one->has_value && call->kind->name[0] == 'F')
        return;
    memcpy(one->words, words, sizeof one->words);
    one->has_value = 1;
}

static void one_update(const AggregateCall *call, const AggregateRows *in)
{
    const Column *column = &in->args[0];
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(column, row))
            continue;
        ValueEntry value = valueset_key(column, row);
        one_offer(call, aggregate_state(in, i), value.words);
    }
}

static void one_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    const OneValue *other = (const void *)from;
    if (other->has_value)
        one_offer(call, (void *)into, other->words);
}

static bool one_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                       int32_t row)
{
    const OneValue *one = (const void *)state;
    if (!one->has_value)
        return false;
    ValueSet view = {.physical = type_physical(call->arg_types[0])};
    ValueEntry value = {.words = {one->words[0], one->words[1]}};
    valueset_put(&view, &value, out, arena, row);
    return true;
}

#define ONE_KIND(text)                                                                             \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(OneValue), .update = one_update, .merge = one_merge, \
        .result = one_result                                                                       \
    }

static const AggregateKind first_kind = ONE_KIND("FIRST_VALUE");
static const AggregateKind last_kind = ONE_KIND("LAST_VALUE");

const AggregateKind *sequence_kind(Type arg, bool is_last, bool has_retractions)
{
    if (has_retractions || type_physical(arg) == PHYSICAL_STRING)
        return is_last ? &last_sequence_kind : &first_sequence_kind;
    return is_last ? &last_kind : &first_kind;
}
