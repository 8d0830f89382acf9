/* MIN and MAX where rows are only added: the best value so far. Where rows can be taken back,
 * bag.c keeps all of them. A NaN replaces nothing and is replaced by nothing. */
#include "expr/aggregate/aggregate.h"
#include "expr/functions/order.h"

#define EXTREME_TEXT "MIN"
#define EXTREME_BETTER(a, b) ((a) < (b))
#define EXTREME(name) min_u8_##name
#define EXTREME_TYPE uint8_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) min_i8_##name
#define EXTREME_TYPE int8_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) min_i16_##name
#define EXTREME_TYPE int16_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) min_i32_##name
#define EXTREME_TYPE int32_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) min_i64_##name
#define EXTREME_TYPE int64_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) min_i128_##name
#define EXTREME_TYPE Int128
#include "expr/kernels/extreme.inc"
#define EXTREME(name) min_f32_##name
#define EXTREME_TYPE float
#include "expr/kernels/extreme.inc"
#define EXTREME(name) min_f64_##name
#define EXTREME_TYPE double
#include "expr/kernels/extreme.inc"
#undef EXTREME_TEXT
#undef EXTREME_BETTER

#define EXTREME_TEXT "MAX"
#define EXTREME_BETTER(a, b) ((a) > (b))
#define EXTREME(name) max_u8_##name
#define EXTREME_TYPE uint8_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) max_i8_##name
#define EXTREME_TYPE int8_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) max_i16_##name
#define EXTREME_TYPE int16_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) max_i32_##name
#define EXTREME_TYPE int32_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) max_i64_##name
#define EXTREME_TYPE int64_t
#include "expr/kernels/extreme.inc"
#define EXTREME(name) max_i128_##name
#define EXTREME_TYPE Int128
#include "expr/kernels/extreme.inc"
#define EXTREME(name) max_f32_##name
#define EXTREME_TYPE float
#include "expr/kernels/extreme.inc"
#define EXTREME(name) max_f64_##name
#define EXTREME_TYPE double
#include "expr/kernels/extreme.inc"

/* ---- Texts ----------------------------------------------------------------------------- */

static void text_offer(TextBox *box, Str text, bool is_max)
{
    if (box->data != NULL) {
        int order = str_compare(text, str_make(box->data, box->length));
        if (is_max ? order <= 0 : order >= 0)
            return;
    }
    text_box_set(box, text);
}

static void text_update(const AggregateCall *call, const AggregateRows *in)
{
    bool is_max = call->kind->name[1] == 'A';
    const Column *column = &in->args[0];
    const StrView *values = column->values;
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (!column_is_null(column, row))
            text_offer(aggregate_state(in, i), str_view_str(&values[column_index(column, row)]),
                       is_max);
    }
}

static void text_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    const TextBox *other = (const void *)from;
    if (other->data != NULL)
        text_offer((void *)into, str_make(other->data, other->length), call->kind->name[1] == 'A');
}

static bool text_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                        int32_t row)
{
    (void)call;
    const TextBox *box = (const void *)state;
    if (box->data == NULL)
        return false;
    ((StrView *)out->values)[row] = str_view_copy(arena, str_make(box->data, box->length));
    return true;
}

static void text_destroy(const AggregateCall *call, uint8_t *state)
{
    (void)call;
    text_box_free((void *)state);
}

static void text_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    (void)call;
    const TextBox *box = (const void *)state;
    buffer_append_u8(out, box->data != NULL);
    if (box->data != NULL)
        buffer_append_bytes(out, str_make(box->data, box->length));
}

static bool text_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    (void)call;
    if (byte_reader_u8(in) == 0)
        return true;
    Str text = byte_reader_bytes(in);
    if (in->is_short)
        return false;
    text_box_set((void *)state, text);
    return true;
}

#define TEXT_KIND(text)                                                                            \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(TextBox), .owns_heap = true, .update = text_update,  \
        .merge = text_merge, .result = text_result, .destroy = text_destroy, .save = text_save,    \
        .load = text_load                                                                          \
    }

static const AggregateKind min_text_kind = TEXT_KIND("MIN");
static const AggregateKind max_text_kind = TEXT_KIND("MAX");

const AggregateKind *extreme_kind(Type arg, bool is_max)
{
    if (type_is_nested(arg))
        return NULL;
    switch (type_physical(arg)) {
    case PHYSICAL_BOOL: return is_max ? &max_u8_kind : &min_u8_kind;
    case PHYSICAL_I8: return is_max ? &max_i8_kind : &min_i8_kind;
    case PHYSICAL_I16: return is_max ? &max_i16_kind : &min_i16_kind;
    case PHYSICAL_I32: return is_max ? &max_i32_kind : &min_i32_kind;
    case PHYSICAL_I64: return is_max ? &max_i64_kind : &min_i64_kind;
    case PHYSICAL_I128: return is_max ? &max_i128_kind : &min_i128_kind;
    case PHYSICAL_F32: return is_max ? &max_f32_kind : &min_f32_kind;
    case PHYSICAL_F64: return is_max ? &max_f64_kind : &min_f64_kind;
    case PHYSICAL_STRING: return is_max ? &max_text_kind : &min_text_kind;
    case PHYSICAL_NONE: break;
    }
    return NULL;
}
