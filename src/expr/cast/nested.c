/* Casts between nested types: the children of all rows go as one column through the cast of the
 * child, level by level, and are put together again. */
#include "data/nested.h"
#include "expr/cast/cast.h"

typedef struct NestedCast NestedCast;
struct NestedCast {
    Type from, to;
    NestedCast **children; /* of nested types; NULL where the bytes stay */
    Program *leaf;         /* of others: one column cast; NULL for the untyped NULL */
};

static NestedCast *cast_compile(Arena *arena, Type from, Type to)
{
    if (cast_is_alias(from, to))
        return NULL;
    NestedCast *cast = ARENA_NEW(arena, NestedCast);
    cast->from = from;
    cast->to = to;
    if (type_is_nested(from) && type_is_nested(to)) {
        assert(from.child_count == to.child_count);
        cast->children = ARENA_ARRAY(arena, NestedCast *, from.child_count + 1);
        for (int32_t i = 0; i < from.child_count; i++)
            cast->children[i] = cast_compile(arena, from.children[i], to.children[i]);
    } else if (from.id != TYPE_NULL) {
        Field field = {.name = STR("child"), .type = type_nullable(from)};
        Schema input = {.fields = &field, .count = 1};
        Expr *expr = expr_cast(arena, expr_column(arena, 0, type_nullable(from)), to, false);
        Status status = program_compile(arena, &expr, 1, &input, &cast->leaf, NULL);
        assert(status == OK);
    }
    return cast;
}

void *cast_nested_prepare(Arena *arena, const Expr *call)
{
    Type from = call->args[0]->type;
    if (!type_is_nested(from) || !type_is_nested(call->type))
        return NULL;
    return cast_compile(arena, from, call->type);
}

/* ---- Running --------------------------------------------------------------------------- */

/* The children in one column. */
typedef struct Children {
    Column column;
    int32_t count;
    int32_t *owners; /* the call's row that each belongs to, for errors */
} Children;

static Column cast_column(Call *call, const NestedCast *cast, const Children *in);

static void cast_reject(Call *call, int32_t row, const RowError *error)
{
    if (function_is_try_cast(call->node->expr->function))
        call_set_null(call, row);
    else
        call_reject(call, row, error->code, "%s", error->reason);
}

/* A part of a flat column that begins at a multiple of 64. */
static Column column_from(const Column *column, int32_t start)
{
    Column part = *column;
    part.values = (char *)column->values + (int64_t)start * physical_bytes(column->physical);
    part.valid = column->valid == NULL ? NULL : column->valid + start / 64;
    return part;
}

static void cast_leaf_part(Call *call, const NestedCast *cast, const Children *in, int32_t start,
                           Column *out)
{
    Arena *scratch = call->eval->scratch;
    int32_t count = in->count - start < BATCH_ROWS_MAX ? in->count - start : BATCH_ROWS_MAX;
    Column column = column_from(&in->column, start);
    Batch batch = {
        .column_count = 1, .row_count = count, .columns = &column, .selection = {.count = count}};
    EvalContext context = *call->eval->context;
    context.errors = arena_allocate(scratch, (int64_t)sizeof(RowError) * ROW_ERRORS_MAX);
    context.error_count = 0;
    Column cast_out;
    program_run(cast->leaf, &context, &batch, &cast_out);
    for (int32_t i = 0; i < count; i++) {
        Value value = value_get(&cast_out, i);
        value.type = cast->to;
        value_set(out, scratch, start + i, in->count, &value);
    }
    for (int32_t i = 0; i < context.error_count; i++)
        cast_reject(call, in->owners[start + context.errors[i].row], &context.errors[i]);
}

static Column cast_leaf(Call *call, const NestedCast *cast, const Children *in)
{
    Column out = column_new(call->eval->scratch, cast->to, in->count);
    for (int32_t i = 0; cast->leaf == NULL && i < in->count; i++)
        column_set_null(&out, call->eval->scratch, i, in->count);
    for (int32_t start = 0; cast->leaf != NULL && start < in->count; start += BATCH_ROWS_MAX)
        cast_leaf_part(call, cast, in, start, &out);
    return out;
}

static Str column_value(const Column *column, int32_t index)
{
    return str_view_str((const StrView *)column->values + index);
}

/* The elements of an ARRAY, or of one side of a MAP. */
static NestedArray side_of(const NestedCast *cast, Str bytes, int32_t side)
{
    if (cast->from.id == TYPE_ARRAY)
        return nested_array(bytes, cast->from.children[0]);
    NestedMap map = nested_map(bytes, cast->from);
    return side == 0 ? map.keys : map.values;
}

static Children children_new(Call *call, Type type, int32_t count)
{
    Arena *scratch = call->eval->scratch;
    return (Children){.column = column_new(scratch, type, count),
                      .count = count,
                      .owners = arena_allocate(scratch, (int64_t)sizeof(int32_t) * count)};
}

static void children_set(Call *call, Children *children, int32_t at, int32_t owner,
                         const Value *value)
{
    children->owners[at] = owner;
    value_set(&children->column, call->eval->scratch, at, children->count, value);
}

static Column cast_children(Call *call, const NestedCast *child, const Children *children)
{
    return child == NULL ? children->column : cast_column(call, child, children);
}

static Column gather_side(Call *call, const NestedCast *cast, const Children *in, int32_t side)
{
    Type type = side == 0 ? cast->from.children[0] : nested_value_type(cast->from);
    int32_t count = 0;
    for (int32_t i = 0; i < in->count; i++)
        if (!column_is_null(&in->column, i))
            count += side_of(cast, column_value(&in->column, i), side).count;
    Children children = children_new(call, type, count);
    int32_t at = 0;
    for (int32_t i = 0; i < in->count; i++) {
        if (column_is_null(&in->column, i))
            continue;
        NestedArray array = side_of(cast, column_value(&in->column, i), side);
        for (int32_t k = 0; k < array.count; k++) {
            Value value = nested_array_value(&array, k, type);
            children_set(call, &children, at++, in->owners[i], &value);
        }
    }
    /* A MULTISET's counts stay what they are. */
    const NestedCast *child = side < cast->from.child_count ? cast->children[side] : NULL;
    return cast_children(call, child, &children);
}

static Column gather_field(Call *call, const NestedCast *cast, const Children *in, int32_t field)
{
    Children children = children_new(call, cast->from.children[field], in->count);
    Value null = {.type = cast->from.children[field], .is_null = true};
    for (int32_t i = 0; i < in->count; i++) {
        Value value = null;
        if (!column_is_null(&in->column, i))
            value = nested_row_value(column_value(&in->column, i), cast->from, field);
        children_set(call, &children, i, in->owners[i], &value);
    }
    return cast_children(call, cast->children[field], &children);
}

static void column_set_built(Call *call, Column *out, int32_t index, NestedBuilder *builder)
{
    nested_end(builder);
    Str bytes = nested_result(builder);
    ((StrView *)out->values)[index] = str_view_copy(call->eval->scratch, bytes);
}

static Column cast_rows(Call *call, const NestedCast *cast, const Children *in)
{
    Arena *scratch = call->eval->scratch;
    int32_t width = cast->to.child_count;
    Column *fields = arena_allocate(scratch, (int64_t)sizeof(Column) * (width + 1));
    for (int32_t f = 0; f < width; f++)
        fields[f] = gather_field(call, cast, in, f);
    Column out = column_new(scratch, cast->to, in->count);
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < in->count; i++) {
        if (column_is_null(&in->column, i)) {
            column_set_null(&out, scratch, i, in->count);
            continue;
        }
        nested_begin(&builder, cast->to);
        for (int32_t f = 0; f < width; f++)
            nested_put_column(&builder, &fields[f], i);
        column_set_built(call, &out, i, &builder);
    }
    nested_builder_free(&builder);
    return out;
}

static Column cast_lists(Call *call, const NestedCast *cast, const Children *in)
{
    Arena *scratch = call->eval->scratch;
    int32_t sides = cast->from.id == TYPE_ARRAY ? 1 : 2;
    Column columns[2];
    for (int32_t side = 0; side < sides; side++)
        columns[side] = gather_side(call, cast, in, side);
    Column out = column_new(scratch, cast->to, in->count);
    NestedBuilder builder = {0};
    int32_t at = 0;
    for (int32_t i = 0; i < in->count; i++) {
        if (column_is_null(&in->column, i)) {
            column_set_null(&out, scratch, i, in->count);
            continue;
        }
        int32_t count = side_of(cast, column_value(&in->column, i), 0).count;
        nested_begin(&builder, cast->to);
        for (int32_t k = 0; k < count; k++, at++)
            for (int32_t side = 0; side < sides; side++)
                nested_put_column(&builder, &columns[side], at);
        column_set_built(call, &out, i, &builder);
    }
    nested_builder_free(&builder);
    return out;
}

/* Everything as the target type, flat, in scratch memory. */
static Column cast_column(Call *call, const NestedCast *cast, const Children *in)
{
    if (cast->children == NULL)
        return cast_leaf(call, cast, in);
    return cast->to.id == TYPE_ROW ? cast_rows(call, cast, in) : cast_lists(call, cast, in);
}

void cast_nested_kernel(Call *call)
{
    const Column *arg = &call->args[0];
    Children in = children_new(call, arg->type, call->rows.count);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        in.owners[i] = row;
        ((StrView *)in.column.values)[i] = ((const StrView *)arg->values)[column_index(arg, row)];
    }
    Column out = cast_column(call, call->prepared, &in);
    for (int32_t i = 0; i < call->rows.count; i++)
        call_set_view(call, in.owners[i], ((const StrView *)out.values)[i]);
}
