/* The aggregates' public face: binding by name and type, and passing on to the kind. */
#include "expr/aggregate/aggregate.h"

#include "base/memory.h"
#include "expr/internal.h"

typedef enum AggregateName {
    AGGREGATE_COUNT,
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_FIRST_VALUE,
    AGGREGATE_LAST_VALUE,
    AGGREGATE_LISTAGG,
    AGGREGATE_STDDEV_POP,
    AGGREGATE_STDDEV_SAMP,
    AGGREGATE_STDDEV,
    AGGREGATE_VAR_POP,
    AGGREGATE_VAR_SAMP,
    AGGREGATE_VARIANCE,
    AGGREGATE_COLLECT,
    AGGREGATE_ARRAY_AGG,
    AGGREGATE_JSON_ARRAYAGG,
    AGGREGATE_JSON_OBJECTAGG,
    AGGREGATE_PERCENTILE,
    AGGREGATE_APPROX_COUNT_DISTINCT,
    AGGREGATE_LAG,
    AGGREGATE_LISTED,
    /* Clauses of those above make calls of their own. */
    AGGREGATE_ARRAY_AGG_IGNORE_NULLS = AGGREGATE_LISTED,
    AGGREGATE_JSON_ARRAYAGG_NULL,
    AGGREGATE_JSON_OBJECTAGG_ABSENT,
    AGGREGATE_NAMES,
} AggregateName;

static const FunctionInfo infos[AGGREGATE_NAMES] = {
    [AGGREGATE_COUNT] = {"COUNT", "aggregate", "COUNT(*), COUNT([DISTINCT] x, ...) -> BIGINT",
                         "rows, or rows where no argument is NULL", true},
    [AGGREGATE_SUM] = {"SUM", "aggregate", "SUM([DISTINCT] x number) -> type of x",
                       "sum; of integers it wraps, of DECIMAL(p, s) it is DECIMAL(38, s)", true},
    [AGGREGATE_AVG] = {"AVG", "aggregate", "AVG([DISTINCT] x number) -> type of x",
                       "mean; of integers cut to an integer, of DECIMAL with at least 6 digits",
                       true},
    [AGGREGATE_MIN] = {"MIN", "aggregate", "MIN(x) -> type of x", "the smallest value", true},
    [AGGREGATE_MAX] = {"MAX", "aggregate", "MAX(x) -> type of x", "the largest value", true},
    [AGGREGATE_FIRST_VALUE] = {"FIRST_VALUE", "aggregate", "FIRST_VALUE(x) -> type of x",
                               "the first value to arrive that is not NULL", true},
    [AGGREGATE_LAST_VALUE] = {"LAST_VALUE", "aggregate", "LAST_VALUE(x) -> type of x",
                              "the last value to arrive that is not NULL", true},
    [AGGREGATE_LISTAGG] = {"LISTAGG", "aggregate", "LISTAGG(s STRING [, separator]) -> STRING",
                           "the texts in order of arrival, a comma between", true},
    [AGGREGATE_STDDEV_POP] = {"STDDEV_POP", "aggregate", "STDDEV_POP(x number) -> type of AVG(x)",
                              "standard deviation of all there is", true},
    [AGGREGATE_STDDEV_SAMP] = {"STDDEV_SAMP", "aggregate",
                               "STDDEV_SAMP(x number) -> type of AVG(x)",
                               "standard deviation of a sample; NULL of one value", true},
    [AGGREGATE_STDDEV] = {"STDDEV", "aggregate", "STDDEV(x number) -> type of AVG(x)",
                          "STDDEV_SAMP", true},
    [AGGREGATE_VAR_POP] = {"VAR_POP", "aggregate", "VAR_POP(x number) -> type of AVG(x)",
                           "variance of all there is", true},
    [AGGREGATE_VAR_SAMP] = {"VAR_SAMP", "aggregate", "VAR_SAMP(x number) -> type of AVG(x)",
                            "variance of a sample; NULL of one value", true},
    [AGGREGATE_VARIANCE] = {"VARIANCE", "aggregate", "VARIANCE(x number) -> type of AVG(x)",
                            "VAR_SAMP", true},
    [AGGREGATE_COLLECT] = {"COLLECT", "aggregate", "COLLECT([DISTINCT] x) -> MULTISET<type of x>",
                           "the values that are not NULL, each with its count", true},
    [AGGREGATE_ARRAY_AGG] = {"ARRAY_AGG", "aggregate",
                             "ARRAY_AGG([DISTINCT] x [IGNORE NULLS]) -> ARRAY<type of x>",
                             "all values in order of arrival; NULL if there is none", true},
    [AGGREGATE_JSON_ARRAYAGG] = {"JSON_ARRAYAGG", "aggregate",
                                 "JSON_ARRAYAGG(x [NULL | ABSENT ON NULL]) -> STRING",
                                 "the values as a JSON array, without NULLs unless said", true},
    [AGGREGATE_JSON_OBJECTAGG] =
        {"JSON_OBJECTAGG", "aggregate",
         "JSON_OBJECTAGG([KEY] k STRING VALUE x [NULL | ABSENT ON NULL]) -> "
         "STRING",
         "a JSON object of the rows, its keys in order", true},
    [AGGREGATE_PERCENTILE] = {"PERCENTILE", "aggregate",
                              "PERCENTILE(x number, p DOUBLE or ARRAY<DOUBLE> [, frequency]) -> "
                              "DOUBLE or ARRAY<DOUBLE>",
                              "the value at the fraction p of all in order, interpolated", true},
    [AGGREGATE_APPROX_COUNT_DISTINCT] = {"APPROX_COUNT_DISTINCT", "aggregate",
                                         "APPROX_COUNT_DISTINCT(x) -> BIGINT",
                                         "about how many different values there are, within 1 % "
                                         "or so; batch mode only",
                                         true},
    [AGGREGATE_LAG] = {"LAG", "aggregate", "LAG(x [, rows INT [, fallback]]) OVER (…) -> type of x",
                       "the value some rows back (1), or the fallback; only with OVER", true},
    [AGGREGATE_ARRAY_AGG_IGNORE_NULLS] = {"ARRAY_AGG IGNORE NULLS", "aggregate", "", "", true},
    [AGGREGATE_JSON_ARRAYAGG_NULL] = {"JSON_ARRAYAGG NULL ON NULL", "aggregate", "", "", true},
    [AGGREGATE_JSON_OBJECTAGG_ABSENT] = {"JSON_OBJECTAGG ABSENT ON NULL", "aggregate", "", "",
                                         true},
};

int32_t aggregate_info_count(void)
{
    return AGGREGATE_LISTED;
}

const FunctionInfo *aggregate_info_at(int32_t index)
{
    assert(index >= 0 && index < AGGREGATE_LISTED);
    return &infos[index];
}

static int32_t aggregate_find(Str name)
{
    for (int32_t i = 0; i < AGGREGATE_NAMES; i++)
        if (str_equal_ignoring_case(str_from(infos[i].name), name))
            return i;
    return -1;
}

bool aggregate_exists(Str name)
{
    return aggregate_find(name) >= 0;
}

/* ---- Binding --------------------------------------------------------------------------- */

static Type average_type(Type arg)
{
    if (arg.id != TYPE_DECIMAL)
        return arg;
    return type_decimal(DECIMAL_PRECISION_MAX, arg.scale > 6 ? arg.scale : 6);
}

/* A collection of the type's values, nullable itself. */
static Type collection_of(Arena *arena, TypeId id, Type element)
{
    Type *child = ARENA_NEW(arena, Type);
    *child = element;
    child->time_attribute = TIME_NONE;
    return (Type){.id = id, .is_nullable = true, .children = child, .child_count = 1};
}

/* Those that give all values. */
static const AggregateKind *aggregate_pick_nested(AggregateName name, AggregateCall *call,
                                                  Arena *arena)
{
    Type arg = call->arg_types[0];
    switch ((int)name) {
    case AGGREGATE_COLLECT:
        call->result = type_not_null(collection_of(arena, TYPE_MULTISET, type_not_null(arg)));
        return collect_kind(arg);
    case AGGREGATE_ARRAY_AGG:
    case AGGREGATE_ARRAY_AGG_IGNORE_NULLS:
        call->result = collection_of(arena, TYPE_ARRAY, arg);
        return array_agg_kind(arg, name == AGGREGATE_ARRAY_AGG_IGNORE_NULLS);
    case AGGREGATE_JSON_ARRAYAGG:
    case AGGREGATE_JSON_ARRAYAGG_NULL:
        call->result = type_not_null(type_string());
        return json_array_agg_kind(arg, name == AGGREGATE_JSON_ARRAYAGG_NULL);
    case AGGREGATE_JSON_OBJECTAGG:
    case AGGREGATE_JSON_OBJECTAGG_ABSENT:
        call->result = type_not_null(type_string());
        return json_object_agg_kind(arg, call->arg_types[1], name == AGGREGATE_JSON_OBJECTAGG);
    default:
        assert(name == AGGREGATE_PERCENTILE);
        call->result = type_simple(TYPE_DOUBLE);
        if (call->arg_types[1].id == TYPE_ARRAY)
            call->result = collection_of(arena, TYPE_ARRAY, type_simple(TYPE_DOUBLE));
        return arg.id == TYPE_DOUBLE ? &percentile_kind : NULL;
    }
}

static const AggregateKind *aggregate_pick(AggregateName name, AggregateCall *call, Arena *arena)
{
    Type arg = call->arg_types[0];
    call->result = type_nullable(arg);
    call->result.time_attribute = TIME_NONE;
    switch (name) {
    case AGGREGATE_COUNT:
        call->result = type_not_null(type_simple(TYPE_BIGINT));
        return call->arg_count == 0 ? &count_rows_kind : &count_kind;
    case AGGREGATE_SUM:
        if (arg.id == TYPE_DECIMAL)
            call->result = type_decimal(DECIMAL_PRECISION_MAX, arg.scale);
        return sum_kind(arg);
    case AGGREGATE_AVG: call->result = type_nullable(average_type(arg)); return average_kind(arg);
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        call->is_distinct = false; /* makes no difference */
        return call->has_retractions ? bag_kind(arg, name == AGGREGATE_MAX)
                                     : extreme_kind(arg, name == AGGREGATE_MAX);
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
        return sequence_kind(arg, name == AGGREGATE_LAST_VALUE, call->has_retractions);
    case AGGREGATE_LISTAGG:
        call->result = type_string();
        return type_is_text(arg) ? &listagg_kind : NULL;
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV:
    case AGGREGATE_VAR_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VARIANCE:
        call->result = type_nullable(average_type(arg));
        return variance_kind(arg, infos[name].name);
    case AGGREGATE_COLLECT:
    case AGGREGATE_ARRAY_AGG:
    case AGGREGATE_ARRAY_AGG_IGNORE_NULLS:
    case AGGREGATE_JSON_ARRAYAGG:
    case AGGREGATE_JSON_ARRAYAGG_NULL:
    case AGGREGATE_JSON_OBJECTAGG:
    case AGGREGATE_JSON_OBJECTAGG_ABSENT:
    case AGGREGATE_PERCENTILE: return aggregate_pick_nested(name, call, arena);
    case AGGREGATE_APPROX_COUNT_DISTINCT:
        call->result = type_not_null(type_simple(TYPE_BIGINT));
        return type_physical(arg) == PHYSICAL_NONE || call->has_retractions ? NULL
                                                                            : &approximate_kind;
    case AGGREGATE_LAG: return call->has_retractions || call->is_distinct ? NULL : &lag_kind;
    case AGGREGATE_NAMES: break;
    }
    return NULL;
}

static Status aggregate_check_count(AggregateName name, int32_t arg_count, bool is_distinct,
                                    Error *error)
{
    if (name == AGGREGATE_COUNT && arg_count == 0 && !is_distinct)
        return OK;
    if (name == AGGREGATE_LAG && arg_count >= 1 && arg_count <= 3)
        return OK;
    bool takes_two = name == AGGREGATE_COUNT || name == AGGREGATE_LISTAGG ||
                     name == AGGREGATE_PERCENTILE || name == AGGREGATE_JSON_OBJECTAGG ||
                     name == AGGREGATE_JSON_OBJECTAGG_ABSENT;
    bool needs_two = takes_two && name != AGGREGATE_COUNT && name != AGGREGATE_LISTAGG;
    if ((arg_count == 2 && takes_two) || (arg_count == 3 && name == AGGREGATE_PERCENTILE) ||
        (arg_count == 1 && !needs_two))
        return OK;
    if (needs_two)
        return fail(error, ERR_INVALID, "WR2310", "`%s` takes 2 arguments, not %d",
                    infos[name].name, arg_count);
    if (name == AGGREGATE_COUNT)
        return fail(error, ERR_INVALID, "WR2310", "`COUNT` takes *, or one or two arguments");
    return fail(error, ERR_INVALID, "WR2310", "`%s` takes 1 argument, not %d", infos[name].name,
                arg_count);
}

Status aggregate_bind(Str name, Arena *arena, const Type *args, int32_t arg_count, bool is_distinct,
                      bool has_retractions, AggregateCall **out, Error *error)
{
    int32_t found = aggregate_find(name);
    assert(found >= 0);
    TRY(aggregate_check_count((AggregateName)found, arg_count, is_distinct, error));
    AggregateCall *call = ARENA_NEW(arena, AggregateCall);
    call->arg_count = arg_count;
    for (int32_t i = 0; i < arg_count; i++) {
        call->arg_types[i] = args[i];
        if (type_physical(args[i]) == PHYSICAL_NONE)
            return fail(error, ERR_INVALID, "WR2310", "`%s` cannot be applied to %s",
                        infos[found].name, type_text(arena, type_nullable(args[i])));
    }
    call->is_distinct = is_distinct;
    call->has_retractions = has_retractions;
    call->kind = aggregate_pick((AggregateName)found, call, arena);
    if (call->kind == NULL)
        return fail(error, ERR_INVALID, "WR2310", "`%s` cannot be applied to %s", infos[found].name,
                    type_text(arena, type_nullable(args[0])));
    if (call->is_distinct && distinct_order_kind(call->kind) != NULL) {
        call->kind = distinct_order_kind(call->kind);
    } else if (call->is_distinct && found == AGGREGATE_COLLECT) {
        /* COLLECT sees to it itself. */
    } else if (call->is_distinct && call->kind->owns_heap) {
        return fail(error, ERR_INVALID, "WR2310", "`%s(DISTINCT)` is not supported",
                    infos[found].name);
    } else if (call->is_distinct) {
        AggregateKind *kind = ARENA_NEW(arena, AggregateKind);
        *kind = distinct_kind(call->kind);
        call->kind = kind;
    }
    *out = call;
    return OK;
}

const char *aggregate_name(const AggregateCall *call)
{
    return call->kind->name;
}

bool aggregate_argument(Str name, int32_t index, Type given, Type *wanted)
{
    bool is_percentile = aggregate_find(name) == AGGREGATE_PERCENTILE;
    static const Type real = {.id = TYPE_DOUBLE, .is_nullable = true};
    *wanted = given;
    if (!is_percentile)
        return false;
    if (index == 2)
        *wanted = type_simple(TYPE_BIGINT);
    else if (index == 1 && given.id == TYPE_ARRAY)
        *wanted =
            (Type){.id = TYPE_ARRAY, .is_nullable = true, .children = &real, .child_count = 1};
    else
        *wanted = type_simple(TYPE_DOUBLE);
    return !type_equal(given, *wanted);
}

/* ---- Passing on ------------------------------------------------------------------------ */

int32_t aggregate_state_bytes(const AggregateCall *call)
{
    return call->kind->state_bytes;
}

bool aggregate_counts_rows(const AggregateCall *call)
{
    return call->kind == &count_rows_kind;
}

bool aggregate_owns_heap(const AggregateCall *call)
{
    return call->kind->owns_heap;
}

void aggregate_update(const AggregateCall *call, uint8_t *const *states, int32_t state_offset,
                      const Column *args, Selection rows, const uint8_t *kinds)
{
    if (rows.count == 0)
        return;
    AggregateRows in = {
        .states = states, .offset = state_offset, .args = args, .rows = rows, .kinds = kinds};
    call->kind->update(call, &in);
}

void aggregate_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    assert(into != from);
    call->kind->merge(call, into, from);
}

void aggregate_merge_run(const AggregateCall *call, const AggregatePairs *pairs)
{
    if (call->kind->combine_run != NULL) {
        call->kind->combine_run(pairs, 1);
        return;
    }
    for (int32_t i = 0; i < pairs->count; i++)
        aggregate_merge(call, aggregate_into(pairs, i), aggregate_from(pairs, i));
}

void aggregate_subtract_run(const AggregateCall *call, const AggregatePairs *pairs)
{
    assert(call->kind->subtract != NULL);
    if (call->kind->combine_run != NULL) {
        call->kind->combine_run(pairs, -1);
        return;
    }
    for (int32_t i = 0; i < pairs->count; i++)
        aggregate_subtract(call, aggregate_into(pairs, i), aggregate_from(pairs, i));
}

bool aggregate_is_invertible(const AggregateCall *call)
{
    return call->kind->subtract != NULL;
}

void aggregate_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    assert(call->kind->subtract != NULL);
    assert(into != from);
    call->kind->subtract(call, into, from);
}

void aggregate_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                      int32_t row, int32_t capacity)
{
    assert(!out->is_constant);
    assert(row >= 0 && row < capacity);
    if (!call->kind->result(call, state, out, arena, row))
        column_set_null(out, arena, row, capacity);
}

void aggregate_result_run(const AggregateCall *call, const AggregateStates *states, Column *out,
                          Arena *arena, int32_t row, int32_t capacity)
{
    assert(!out->is_constant);
    assert(row >= 0 && states->count >= 0 && row + states->count <= capacity);
    if (call->kind->result_run != NULL && out->valid == NULL &&
        call->kind->result_run(states, out, row))
        return;
    for (int32_t i = 0; i < states->count; i++)
        aggregate_result(call, states->states[i] + states->offset, out, arena,
                         row + aggregate_run_row(states, i), capacity);
}

void aggregate_destroy(const AggregateCall *call, uint8_t *state)
{
    if (call->kind->destroy != NULL)
        call->kind->destroy(call, state);
}

void aggregate_save(const AggregateCall *call, const uint8_t *state, Buffer *out)
{
    if (call->kind->save != NULL)
        call->kind->save(call, state, out);
    else
        buffer_append(out, state, call->kind->state_bytes);
}

int32_t aggregate_plain_bytes(const AggregateCall *call)
{
    return call->kind->save == NULL ? call->kind->state_bytes : 0;
}

bool aggregate_load(const AggregateCall *call, uint8_t *state, ByteReader *in)
{
    if (call->kind->load != NULL)
        return call->kind->load(call, state, in) && !in->is_short;
    Str bytes = byte_reader_take(in, call->kind->state_bytes);
    if (in->is_short)
        return false;
    memcpy(state, bytes.data, (size_t)bytes.length);
    return true;
}

/* ---- Texts ----------------------------------------------------------------------------- */

void text_box_set(TextBox *box, Str text)
{
    assert(text.length <= INT32_MAX - 16);
    if (box->data == NULL || box->capacity < text.length) {
        box->capacity = (int32_t)text.length + 8;
        box->data = memory_resize(box->data, box->capacity);
    }
    if (text.length > 0)
        memcpy(box->data, text.data, (size_t)text.length);
    box->length = (int32_t)text.length;
}

void text_box_free(TextBox *box)
{
    memory_free(box->data);
    *box = (TextBox){0};
}
