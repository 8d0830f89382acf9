/* Columns of type ROW of which only single fields are read: the source gives these fields as
 * columns, where its connector and format can, and leaves the rest unread.
 *
 *     source: bid ROW<…> ── CALC ── WATERMARK ── CALC: bid.price, bid.auction
 *     source: bid, bid.price, bid.auction ── … ── CALC: columns of these names
 *
 * Up from the roots it is learnt how each column is used: as a whole, or by which fields. Then the
 * fields are added behind the columns of the source, of the CALCs that hand the column on, of
 * WATERMARKs and of windows; no column changes its number, and pruning takes away the one that
 * nobody reads any more. Other operators use whole columns. */
#include <assert.h>

#include "plan/kind.h"

/* The last columns of PLAN_WINDOW_ASSIGN: start, end and time. */
enum { WINDOW_COLUMNS = 3 };

/* A use of one field, and where the field stands once it is a column. */
typedef struct FieldUse {
    FieldPath path;
    int32_t column; /* -1: none of its own */
} FieldUse;

typedef struct ColumnUse {
    bool is_whole;
    List fields; /* FieldUse */
} ColumnUse;

/* ---- How columns are used -------------------------------------------------------------- */

static bool path_begins(FieldPath path, FieldPath with)
{
    if (with.depth > path.depth)
        return false;
    for (int32_t i = 0; i < with.depth; i++) {
        if (path.fields[i] != with.fields[i])
            return false;
    }
    return true;
}

static void use_add(Planner *planner, ColumnUse *use, FieldPath path)
{
    for (int32_t i = 0; i < use->fields.count; i++) {
        FieldPath known = LIST_AT(use->fields, i, FieldUse)->path;
        if (known.depth == path.depth && path_begins(path, known))
            return;
    }
    FieldUse *field = ARENA_NEW(planner->arena, FieldUse);
    *field = (FieldUse){.path = path, .column = -1};
    list_append(&use->fields, planner->arena, field);
}

static void use_merge(Planner *planner, ColumnUse *into, const ColumnUse *from)
{
    into->is_whole = into->is_whole || from->is_whole;
    for (int32_t i = 0; i < from->fields.count; i++)
        use_add(planner, into, LIST_AT(from->fields, i, FieldUse)->path);
}

static bool expr_is_field(const Expr *expr)
{
    return expr->kind == EXPR_CALL && str_is(str_from(function_name(expr->function)), ".");
}

/* The column at the root of column.field.field …, and the fields; NULL if there is another
 * expression at the root. */
static const Expr *field_root(Planner *planner, const Expr *expr, FieldPath *path)
{
    int32_t depth = 0;
    const Expr *root = expr;
    for (; expr_is_field(root); depth++)
        root = root->args[0];
    if (root->kind != EXPR_COLUMN)
        return NULL;
    int32_t *fields = ARENA_ARRAY(planner->arena, int32_t, depth + 1);
    for (int32_t i = depth; i > 0; i--, expr = expr->args[0])
        fields[i - 1] = (int32_t)expr->args[1]->literal.integer;
    *path = (FieldPath){.fields = fields, .depth = depth};
    return root;
}

static void expr_use(Planner *planner, const Expr *expr, ColumnUse *uses)
{
    FieldPath path;
    if (expr->kind == EXPR_COLUMN) {
        uses[expr->column].is_whole = true;
        return;
    }
    const Expr *root = expr_is_field(expr) ? field_root(planner, expr, &path) : NULL;
    if (root != NULL) {
        use_add(planner, &uses[root->column], path);
        return;
    }
    for (int32_t i = 0; i < expr->arg_count; i++)
        expr_use(planner, expr->args[i], uses);
}

static void calc_use(Planner *planner, const Rel *rel)
{
    ColumnUse *below = rel_input(rel, 0)->uses;
    const PlanNode *node = &rel->node;
    for (int32_t i = 0; i < node->schema.count; i++) {
        const Expr *expr = node->calc.exprs == NULL ? NULL : node->calc.exprs[i];
        if (!rel->uses[i].is_whole && rel->uses[i].fields.count == 0)
            continue;
        if (expr == NULL)
            use_merge(planner, &below[i], &rel->uses[i]);
        else if (expr->kind == EXPR_COLUMN)
            use_merge(planner, &below[expr->column], &rel->uses[i]);
        else
            expr_use(planner, expr, below);
    }
    if (node->calc.filter != NULL)
        expr_use(planner, node->calc.filter, below);
}

static void watermark_use(Planner *planner, const Rel *rel)
{
    ColumnUse *below = rel_input(rel, 0)->uses;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        use_merge(planner, &below[i], &rel->uses[i]);
    below[rel->node.watermark.time_column].is_whole = true;
    expr_use(planner, rel->node.watermark.watermark, below);
}

static void assign_use(Planner *planner, const Rel *rel)
{
    ColumnUse *below = rel_input(rel, 0)->uses;
    for (int32_t i = 0; i < rel->node.schema.count - WINDOW_COLUMNS; i++)
        use_merge(planner, &below[i], &rel->uses[i]);
    below[rel->node.window_assign.window.time_column].is_whole = true;
    for (int32_t k = 0; k < rel->node.window_assign.key_count; k++)
        below[rel->node.window_assign.keys[k]].is_whole = true;
}

static void rel_use(Planner *planner, const Rel *rel)
{
    if (rel->node.kind == PLAN_CALC) {
        calc_use(planner, rel);
    } else if (rel->node.kind == PLAN_WINDOW_ASSIGN) {
        assign_use(planner, rel);
    } else if (rel->node.kind == PLAN_WATERMARK) {
        watermark_use(planner, rel);
    } else {
        for (int32_t i = 0; i < rel->node.input_count; i++) {
            const Rel *input = rel_input(rel, i);
            for (int32_t c = 0; c < input->node.schema.count; c++)
                input->uses[c].is_whole = true;
        }
    }
}

/* ---- Columns for fields ---------------------------------------------------------------- */

/* A schema that grows behind the columns it had. */
typedef struct Growth {
    Field *fields;
    int32_t count;
} Growth;

/* As many more as all columns have uses of fields. */
static Growth growth_begin(Planner *planner, const Rel *rel)
{
    int32_t count = rel->node.schema.count, more = 0;
    for (int32_t i = 0; i < count; i++)
        more += rel->uses[i].is_whole ? 0 : rel->uses[i].fields.count;
    Growth growth = {.fields = ARENA_ARRAY(planner->arena, Field, count + more + 1)};
    growth.count = count;
    for (int32_t i = 0; i < count; i++)
        growth.fields[i] = rel->node.schema.fields[i];
    return growth;
}

/* "bid.price", NULL where the row is. */
static Field field_at(Planner *planner, const Field *column, FieldPath path)
{
    Field field = *column;
    for (int32_t i = 0; i < path.depth; i++) {
        bool is_nullable = field.type.is_nullable;
        Str name = field.type.child_names[path.fields[i]];
        field.name = str_from(
            arena_printf(planner->arena, "%.*s.%.*s", STR_ARGS(field.name), STR_ARGS(name)));
        field.type = field.type.children[path.fields[i]];
        field.type.is_nullable = field.type.is_nullable || is_nullable;
    }
    return field;
}

/* Another use takes all of what this one takes a part of. */
static bool use_is_within(const ColumnUse *use, int32_t index)
{
    FieldPath path = LIST_AT(use->fields, index, FieldUse)->path;
    for (int32_t i = 0; i < use->fields.count; i++) {
        FieldPath other = LIST_AT(use->fields, i, FieldUse)->path;
        if (i != index && other.depth < path.depth && path_begins(path, other))
            return true;
    }
    return false;
}

static bool source_reads_fields(const Rel *rel)
{
    const PlanTable *table = rel->node.source.table;
    return table->connector->reads_fields &&
           (table->options.format == NULL || table->options.format->reads_fields);
}

static void source_grow(Planner *planner, Rel *rel)
{
    if (!source_reads_fields(rel))
        return;
    Growth growth = growth_begin(planner, rel);
    int32_t count = rel->node.schema.count;
    int32_t room = count;
    for (int32_t i = 0; i < count; i++)
        room += rel->uses[i].fields.count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, room + 1);
    FieldPath *paths = ARENA_ARRAY(planner->arena, FieldPath, room + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = rel->node.source.columns[i];
    for (int32_t i = 0; i < count; i++) {
        const ColumnUse *use = &rel->uses[i];
        for (int32_t f = 0; !use->is_whole && columns[i] >= 0 && f < use->fields.count; f++) {
            FieldUse *field = LIST_AT(use->fields, f, FieldUse);
            if (use_is_within(use, f))
                continue;
            field->column = growth.count;
            columns[growth.count] = columns[i];
            paths[growth.count] = field->path;
            growth.fields[growth.count++] =
                field_at(planner, &rel->node.schema.fields[i], field->path);
        }
    }
    if (growth.count == count)
        return;
    rel->node.source.columns = columns;
    rel->node.source.paths = paths;
    rel->node.schema = (Schema){.fields = growth.fields, .count = growth.count};
}

/* The use of the input's column whose own column holds all of the field; NULL if there is none. */
static const FieldUse *use_find(const ColumnUse *use, FieldPath path)
{
    for (int32_t i = 0; !use->is_whole && i < use->fields.count; i++) {
        const FieldUse *field = LIST_AT(use->fields, i, FieldUse);
        if (field->column >= 0 && path_begins(path, field->path))
            return field;
    }
    return NULL;
}

/* What reads a part of a column that the input has for a whole field reads that column. True if
 * the rel gets a new column for it. */
static bool use_settle(const ColumnUse *use, FieldUse *field, const FieldUse *below)
{
    if (below == NULL)
        return false;
    field->path = below->path;
    for (int32_t i = 0; i < use->fields.count; i++) {
        const FieldUse *other = LIST_AT(use->fields, i, FieldUse);
        bool is_same = other != field && other->column >= 0 &&
                       other->path.depth == field->path.depth &&
                       path_begins(other->path, field->path);
        if (is_same)
            field->column = other->column;
    }
    return field->column < 0;
}

/* The expression with fields that have columns read from there. */
static Expr *expr_grow(Planner *planner, Expr *expr, const Rel *input)
{
    FieldPath path;
    const Expr *root = expr_is_field(expr) ? field_root(planner, expr, &path) : NULL;
    const FieldUse *field = root == NULL ? NULL : use_find(&input->uses[root->column], path);
    if (field != NULL && field->path.depth == path.depth) {
        Expr *column = expr_column(planner->arena, field->column, expr->type);
        column->span_start = expr->span_start;
        column->span_end = expr->span_end;
        return column;
    }
    if (expr->arg_count == 0)
        return expr;
    Expr *copy = arena_copy(planner->arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(planner->arena, Expr *, expr->arg_count);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = expr_grow(planner, expr->args[i], input);
    return copy;
}

static void calc_grow(Planner *planner, Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    PlanNode *node = &rel->node;
    int32_t count = node->schema.count;
    Expr *const *old = node->calc.exprs;
    if (old == NULL)
        old = rel_columns(planner, &node->schema);
    Growth growth = growth_begin(planner, rel);
    int32_t room = count;
    for (int32_t i = 0; i < count; i++)
        room += rel->uses[i].fields.count;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, room + 1);
    for (int32_t i = 0; i < count; i++)
        exprs[i] = expr_grow(planner, old[i], input);
    for (int32_t i = 0; i < count; i++) {
        const ColumnUse *use = &rel->uses[i];
        for (int32_t f = 0; !use->is_whole && f < use->fields.count; f++) {
            FieldUse *field = LIST_AT(use->fields, f, FieldUse);
            const FieldUse *below = NULL;
            if (old[i]->kind == EXPR_COLUMN)
                below = use_find(&input->uses[old[i]->column], field->path);
            if (!use_settle(use, field, below))
                continue;
            Field grown = field_at(planner, &node->schema.fields[i], field->path);
            field->column = growth.count;
            exprs[growth.count] = expr_column(planner->arena, below->column, grown.type);
            growth.fields[growth.count++] = grown;
        }
    }
    if (node->calc.filter != NULL)
        node->calc.filter = expr_grow(planner, node->calc.filter, input);
    if (node->calc.exprs != NULL || growth.count > count)
        node->calc.exprs = exprs;
    node->schema = (Schema){.fields = growth.fields, .count = growth.count};
}

/* The columns are the input's, and `own` more behind them: behind those come the added ones. */
static void passed_grow(Planner *planner, Rel *rel, int32_t own)
{
    const Rel *input = rel_input(rel, 0);
    int32_t count = rel->node.schema.count, passed = count - own;
    int32_t all = input->node.schema.count + own;
    Field *fields = ARENA_ARRAY(planner->arena, Field, all + 1);
    for (int32_t i = 0; i < all; i++)
        fields[i] = i < count ? rel->node.schema.fields[i] : input->node.schema.fields[i - own];
    rel->node.schema = (Schema){.fields = fields, .count = all};
    for (int32_t i = 0; i < passed; i++) {
        const ColumnUse *use = &rel->uses[i];
        for (int32_t f = 0; !use->is_whole && f < use->fields.count; f++) {
            FieldUse *field = LIST_AT(use->fields, f, FieldUse);
            const FieldUse *below = use_find(&input->uses[i], field->path);
            if (use_settle(use, field, below))
                field->column = below->column + own;
        }
    }
}

static void watermark_grow(Planner *planner, Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    rel->node.watermark.watermark = expr_grow(planner, rel->node.watermark.watermark, input);
    passed_grow(planner, rel, 0);
}

/* Pruning puts the added columns before the window's again. */
static void assign_grow(Planner *planner, Rel *rel)
{
    int32_t count = rel->node.schema.count;
    passed_grow(planner, rel, WINDOW_COLUMNS);
    rel->grown_count = rel->node.schema.count - count;
}

/* Columns that are handed on together must be numbered in the schemas as they are now. */
void pass_fields(Planner *planner)
{
    bool is_any = false;
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        rel->uses = ARENA_ARRAY(planner->arena, ColumnUse, rel->node.schema.count + 1);
        is_any = is_any || (rel->node.kind == PLAN_SOURCE && source_reads_fields(rel));
    }
    if (!is_any)
        return;
    for (int32_t i = planner->rels.count - 1; i >= 0; i--)
        rel_use(planner, LIST_AT(planner->rels, i, Rel));
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        if (rel->node.kind == PLAN_SOURCE)
            source_grow(planner, rel);
        else if (rel->node.kind == PLAN_CALC)
            calc_grow(planner, rel);
        else if (rel->node.kind == PLAN_WATERMARK)
            watermark_grow(planner, rel);
        else if (rel->node.kind == PLAN_WINDOW_ASSIGN)
            assign_grow(planner, rel);
    }
}
