/* Programs: trees of expressions made into shared nodes with kernels, and run over batches. */
#include "expr/program.h"

#include "data/value.h"

enum {
    COST_CALL = 1,
    COST_STRING = 8,
    COST_FALLIBLE = 8,
    COST_COSTLY = 100,
};

bool node_is(const Node *node, const char *name)
{
    return node->expr->kind == EXPR_CALL && strcmp(node->expr->function->info.name, name) == 0;
}

/* All of one type, of 64 bits at the most: then total functions really are. */
static bool call_is_plain(const Expr *call)
{
    for (int32_t i = 0; i < call->arg_count; i++) {
        Type type = call->args[i]->type;
        int32_t bytes = physical_bytes(type_physical(type));
        if (bytes == 0 || bytes > 8 || type.id != call->args[0]->type.id)
            return false;
    }
    return true;
}

static uint32_t call_flags(const Expr *call)
{
    if (function_is_cast(call->function))
        return cast_flags(call->args[0]->type, call->type, function_is_try_cast(call->function));
    uint32_t flags = call->function->flags;
    if ((flags & FUNCTION_TOTAL) != 0 && !call_is_plain(call))
        flags &= ~(uint32_t)FUNCTION_TOTAL;
    return flags;
}

typedef struct Compiler {
    Arena *arena;
    Program *program;
    Error *error;
} Compiler;

static Status compile_node(Compiler *compiler, const Expr *expr, Node **out);

/* A node that computes the same, or NULL. Volatile calls are the same only when they are one
 * and the same expression. */
static Node *compiler_find(Compiler *compiler, const Expr *expr)
{
    List nodes = compiler->program->nodes;
    for (int32_t i = 0; i < nodes.count; i++) {
        Node *node = LIST_AT(nodes, i, Node);
        if (node->expr == expr)
            return node;
        bool is_same = node->expr->kind == expr->kind && expr_equal(node->expr, expr);
        if (is_same && !node->is_volatile)
            return node;
    }
    return NULL;
}

/* a AND (b AND c) as one list of operands. */
static void flatten(Arena *arena, const Expr *expr, const Function *function, List *operands)
{
    for (int32_t i = 0; i < expr->arg_count; i++) {
        Expr *arg = expr->args[i];
        if (arg->kind == EXPR_CALL && arg->function == function)
            flatten(arena, arg, function, operands);
        else
            list_append(operands, arena, arg);
    }
}

/* Cheap operands first, those that can reject a row last: what a guard keeps out never runs.
 * Insertion sort, stable. */
static void order_operands(Node *node)
{
    for (int32_t i = 1; i < node->arg_count; i++) {
        Node *moved = node->args[i];
        int32_t at = i;
        for (; at > 0; at--) {
            Node *before = node->args[at - 1];
            bool is_later = before->is_fallible != moved->is_fallible
                                ? before->is_fallible
                                : !moved->is_fallible && before->cost > moved->cost;
            if (!is_later)
                break;
            node->args[at] = before;
        }
        node->args[at] = moved;
    }
}

static Status compile_args(Compiler *compiler, Node *node)
{
    const Expr *expr = node->expr;
    bool is_logic = node_is(node, "AND") || node_is(node, "OR");
    List args = {0};
    if (is_logic)
        flatten(compiler->arena, expr, expr->function, &args);
    else
        for (int32_t i = 0; i < expr->arg_count; i++)
            list_append(&args, compiler->arena, expr->args[i]);
    node->args = ARENA_ARRAY(compiler->arena, Node *, args.count);
    node->arg_count = args.count;
    for (int32_t i = 0; i < args.count; i++) {
        TRY(compile_node(compiler, LIST_AT(args, i, Expr), &node->args[i]));
        node->is_fallible = node->is_fallible || node->args[i]->is_fallible;
        node->is_volatile = node->is_volatile || node->args[i]->is_volatile;
        node->cost += node->args[i]->cost;
    }
    if (is_logic)
        order_operands(node);
    return OK;
}

static Status compile_call(Compiler *compiler, Node *node)
{
    const Expr *expr = node->expr;
    const Function *function = expr->function;
    node->flags = call_flags(expr);
    node->is_fallible = (node->flags & FUNCTION_FALLIBLE) != 0;
    node->is_volatile = (node->flags & FUNCTION_VOLATILE) != 0;
    TRY(compile_args(compiler, node));
    node->cost += COST_CALL;
    node->cost += (node->flags & FUNCTION_FALLIBLE) != 0 ? COST_FALLIBLE : 0;
    node->cost += (node->flags & FUNCTION_COSTLY) != 0 ? COST_COSTLY : 0;
    if (expr->arg_count > 0 && type_physical(expr->args[0]->type) == PHYSICAL_STRING)
        node->cost += COST_STRING;
    node->kernel = function->resolve != NULL ? function->resolve(expr) : function->kernel;
    if (function->resolve_select != NULL)
        node->select = function->resolve_select(expr);
    if (function->prepare != NULL)
        node->prepared = function->prepare(compiler->arena, expr);
    if (node->kernel == NULL || type_physical(expr->type) == PHYSICAL_NONE)
        return fail(compiler->error, ERR_INVALID, "WR2309", "`%s` cannot be computed as %s",
                    function->info.name, type_text(compiler->arena, expr->type));
    return OK;
}

static Status compile_node(Compiler *compiler, const Expr *expr, Node **out)
{
    *out = compiler_find(compiler, expr);
    if (*out != NULL)
        return OK;
    Node *node = ARENA_NEW(compiler->arena, Node);
    node->expr = expr;
    if (expr->kind == EXPR_LITERAL)
        node->result = value_column(compiler->arena, &expr->literal);
    if (expr->kind == EXPR_CALL)
        TRY(compile_call(compiler, node));
    list_append(&compiler->program->nodes, compiler->arena, node);
    *out = node;
    return OK;
}

typedef struct ColumnCheck {
    const Schema *input;
} ColumnCheck;

static void check_column(Expr *column, void *context)
{
    const Schema *input = ((ColumnCheck *)context)->input;
    assert(column->column >= 0 && column->column < input->count);
    assert(type_physical(column->type) == type_physical(input->fields[column->column].type));
}

Status program_compile(Arena *arena, Expr *const *exprs, int32_t count, const Schema *input,
                       Program **out, Error *error)
{
    assert(count >= 0);
    Program *program = ARENA_NEW(arena, Program);
    program->roots = ARENA_ARRAY(arena, Node *, count);
    program->root_count = count;
    Compiler compiler = {.arena = arena, .program = program, .error = error};
    ColumnCheck check = {.input = input};
    for (int32_t i = 0; i < count; i++) {
        expr_visit_columns(exprs[i], check_column, &check);
        TRY(compile_node(&compiler, exprs[i], &program->roots[i]));
    }
    *out = program;
    return OK;
}

static Eval eval_begin(Program *program, EvalContext *context, const Batch *batch)
{
    assert(batch->row_count <= BATCH_ROWS_MAX);
    Eval eval = {.context = context,
                 .batch = batch,
                 .scratch = context->scratch,
                 .run = ++program->run,
                 .span = batch->row_count};
    for (int32_t i = 0; i < context->error_count; i++)
        bitmap_set(eval.failed, context->errors[i].row, true);
    return eval;
}

static const Rows *eval_all(Eval *eval)
{
    Selection selection = eval->batch->selection;
    return eval_rows(eval, selection.rows, selection.count, NULL);
}

void program_run(Program *program, EvalContext *context, const Batch *batch, Column *out)
{
    Eval eval = eval_begin(program, context, batch);
    const Rows *rows = eval_all(&eval);
    for (int32_t i = 0; i < program->root_count; i++)
        out[i] = eval_node(&eval, program->roots[i], rows);
}

/* The rows that did not fail. */
static Selection select_unfailed(Eval *eval, Selection rows)
{
    int64_t bytes = (int64_t)sizeof(int32_t) * rows.count;
    int32_t *out = arena_allocate(eval->scratch, bytes);
    int32_t kept = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        out[kept] = row;
        kept += !bitmap_get(eval->failed, row);
    }
    return (Selection){.rows = out, .count = kept};
}

Selection program_select(Program *program, EvalContext *context, const Batch *batch)
{
    assert(program->root_count >= 1);
    assert(program->roots[0]->expr->type.id == TYPE_BOOLEAN ||
           program->roots[0]->expr->type.id == TYPE_NULL);
    Eval eval = eval_begin(program, context, batch);
    const Rows *rows = eval_all(&eval);
    if (program->roots[0]->expr->type.id == TYPE_NULL)
        return (Selection){.rows = eval_rows(&eval, NULL, 0, NULL)->selection.rows};
    Selection kept = eval_select(&eval, program->roots[0], rows)->selection;
    if (context->error_count > 0)
        kept = select_unfailed(&eval, kept);
    return kept;
}

/* ---- Folding --------------------------------------------------------------------------- */

static bool call_is_foldable(const Expr *call)
{
    uint32_t flags = call_flags(call);
    if ((flags & (FUNCTION_VOLATILE | FUNCTION_CLOCK | FUNCTION_ZONE)) != 0)
        return false;
    if (type_physical(call->type) == PHYSICAL_NONE)
        return false;
    for (int32_t i = 0; i < call->arg_count; i++)
        if (call->args[i]->kind != EXPR_LITERAL)
            return false;
    return true;
}

/* A failure leaves the call alone: it is then reported for each row that computes it. */
Expr *expr_fold(Arena *arena, Expr *call)
{
    if (!call_is_foldable(call))
        return call;
    Arena *scratch = arena_new(0);
    RowError errors[1];
    EvalContext context = {.scratch = scratch, .errors = errors};
    Batch batch = {.row_count = 1, .selection = {.count = 1}};
    Schema schema = {0};
    Program *program;
    Expr *folded = call;
    Column column;
    if (program_compile(scratch, &call, 1, &schema, &program, NULL) == OK) {
        program_run(program, &context, &batch, &column);
        if (context.error_count == 0) {
            Value value = value_get(&column, 0);
            value.type = call->type;
            if (!value.is_null && column.physical == PHYSICAL_STRING)
                value.text = str_copy(arena, value.text);
            folded = expr_literal(arena, value);
        }
    }
    arena_free(scratch);
    return folded;
}
