/* x IN (v1, v2, …): a hash set when all values are literals, else a chain of comparisons. */
#include "base/hash.h"
#include "data/value.h"
#include "expr/internal.h"

typedef union InKey {
    Uint128 wide; /* fixed-width values, sign-extended */
    StrView text;
} InKey;

typedef struct InSet {
    uint32_t mask;
    uint32_t *slots; /* key index + 1, or 0 */
    InKey *keys;
    int32_t key_count;
    bool is_text;
    bool has_null; /* then a value that is not found is unknown */
} InSet;

static uint32_t key_hash(const InKey *key, bool is_text)
{
    if (is_text) {
        Str text = str_view_str(&key->text);
        return (uint32_t)hash_bytes(text.data, text.length);
    }
    return (uint32_t)hash_u64((uint64_t)key->wide ^ (uint64_t)(key->wide >> 64) * 31);
}

static bool key_equal(const InKey *a, const InKey *b, bool is_text)
{
    return is_text ? str_view_equal(&a->text, &b->text) : a->wide == b->wide;
}

static bool in_set_has(const InSet *set, const InKey *key)
{
    uint32_t at = key_hash(key, set->is_text) & set->mask;
    for (; set->slots[at] != 0; at = (at + 1) & set->mask)
        if (key_equal(&set->keys[set->slots[at] - 1], key, set->is_text))
            return true;
    return false;
}

static void in_set_add(InSet *set, const InKey *key)
{
    if (in_set_has(set, key))
        return;
    set->keys[set->key_count++] = *key;
    uint32_t at = key_hash(key, set->is_text) & set->mask;
    while (set->slots[at] != 0)
        at = (at + 1) & set->mask;
    set->slots[at] = (uint32_t)set->key_count;
}

/* Reals by value: -0.0 is 0.0. A NaN gives false: it is in no set. */
static bool real_key(double value, InKey *key)
{
    uint64_t word;
    value = value == 0 ? 0 : value;
    memcpy(&word, &value, sizeof word);
    key->wide = word;
    return value == value;
}

static bool column_key(const Column *column, int32_t index, InKey *key)
{
    int64_t word = 0;
    switch (column->physical) {
    case PHYSICAL_BOOL: word = ((const uint8_t *)column->values)[index] != 0; break;
    case PHYSICAL_I8: word = ((const int8_t *)column->values)[index]; break;
    case PHYSICAL_I16: word = ((const int16_t *)column->values)[index]; break;
    case PHYSICAL_I32: word = ((const int32_t *)column->values)[index]; break;
    case PHYSICAL_I64: word = ((const int64_t *)column->values)[index]; break;
    case PHYSICAL_I128: key->wide = ((const Uint128 *)column->values)[index]; return true;
    case PHYSICAL_F32: return real_key((double)((const float *)column->values)[index], key);
    case PHYSICAL_F64: return real_key(((const double *)column->values)[index], key);
    case PHYSICAL_STRING: key->text = ((const StrView *)column->values)[index]; return true;
    case PHYSICAL_NONE: assert(!"no value");
    }
    key->wide = (Uint128)(Int128)word;
    return true;
}

static void *in_prepare(Arena *arena, const Expr *call)
{
    InSet *set = ARENA_NEW(arena, InSet);
    uint32_t slots = 16;
    while (slots < (uint32_t)call->arg_count * 4)
        slots *= 2;
    set->mask = slots - 1;
    set->slots = ARENA_ARRAY(arena, uint32_t, slots);
    set->keys = ARENA_ARRAY(arena, InKey, call->arg_count);
    set->is_text = type_physical(call->args[0]->type) == PHYSICAL_STRING;
    for (int32_t i = 1; i < call->arg_count; i++) {
        const Value *value = &call->args[i]->literal;
        set->has_null = set->has_null || value->is_null;
        if (value->is_null)
            continue;
        Column column = value_column(arena, value);
        InKey key;
        if (column_key(&column, 0, &key))
            in_set_add(set, &key);
    }
    return set;
}

/* Lazy, because the values are in the set and need not be evaluated. */
static void in_kernel(Call *call)
{
    const InSet *set = call->prepared;
    Column column = call_arg(call, 0);
    int32_t step = column_stride(&column);
    call->out = eval_column(call->eval, call->node->expr->type);
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        InKey key;
        if (column_is_null(&column, row)) {
            call_set_null(call, row);
            continue;
        }
        out[row] = column_key(&column, row * step, &key) && in_set_has(set, &key);
        if (!out[row] && set->has_null)
            call_set_null(call, row);
    }
}

static Status bind_in_chain(Binding *binding)
{
    Expr *chain = NULL;
    for (int32_t i = 1; i < binding->arg_count; i++) {
        Expr *sides[] = {binding->args[0], binding->args[i]};
        Expr *links[2] = {chain, NULL};
        TRY(bind_named(binding->arena, "=", sides, 2, &links[1], binding->error));
        if (chain == NULL)
            chain = links[1];
        else
            TRY(bind_named(binding->arena, "OR", links, 2, &chain, binding->error));
    }
    binding->rewritten = chain;
    return OK;
}

static Status bind_in(Binding *binding)
{
    /* Maps are equal in any order of their entries: no set of bytes tells. */
    bool is_literal = binding->arg_count > 2 && !type_is_nested(binding->args[0]->type);
    for (int32_t i = 1; i < binding->arg_count; i++)
        is_literal = is_literal && binding->args[i]->kind == EXPR_LITERAL;
    if (!is_literal)
        return bind_in_chain(binding);
    /* Texts beside a date or time are read as one. */
    Type first = binding->args[0]->type;
    bool is_temporal = first.id == TYPE_DATE || first.id == TYPE_TIME || type_is_timestamp(first);
    for (int32_t i = 1; i < binding->arg_count && is_temporal; i++)
        if (type_is_text(binding->args[i]->type))
            binding_cast(binding, i, first);
    for (int32_t i = 1; i < binding->arg_count; i++)
        if (binding->args[i]->kind != EXPR_LITERAL)
            return bind_in_chain(binding);
    Type common;
    TRY(binding_unify(binding, 0, "the values of IN", &common));
    binding->result = type_simple(TYPE_BOOLEAN);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static const Function functions[] = {
    {.info = {"IN", "comparison", "x IN (a, ...) -> BOOLEAN",
              "equal to one of them; unknown if to none and one is NULL", false},
     .types = "xx*>B",
     .bind = bind_in,
     .kernel = in_kernel,
     .prepare = in_prepare,
     .flags = FUNCTION_LAZY},
};

const FunctionFamily membership_family = {functions, FUNCTION_COUNT(functions)};
