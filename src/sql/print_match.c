/* Printing MATCH_RECOGNIZE on one line. */
#include <assert.h>

#include "sql/internal.h"

static void print_pattern(Buffer *out, const SqlPattern *pattern, bool is_operand);

static void print_patterns(Buffer *out, List items, const char *between)
{
    for (int32_t i = 0; i < items.count; i++) {
        buffer_append_text(out, i > 0 ? between : "");
        const SqlPattern *item = LIST_AT(items, i, SqlPattern);
        print_pattern(out, item, item->kind == SQL_PATTERN_ALTERNATION);
    }
}

static void print_quantifier(Buffer *out, const SqlPattern *pattern)
{
    if (pattern->max == SQL_PATTERN_UNBOUNDED && pattern->min <= 1)
        buffer_append_char(out, pattern->min == 0 ? '*' : '+');
    else if (pattern->max == SQL_PATTERN_UNBOUNDED)
        buffer_printf(out, "{%lld,}", (long long)pattern->min);
    else if (pattern->lacks_min)
        buffer_printf(out, "{,%lld}", (long long)pattern->max);
    else if (pattern->min == 0 && pattern->max == 1)
        buffer_append_char(out, '?');
    else if (pattern->min == pattern->max)
        buffer_printf(out, "{%lld}", (long long)pattern->min);
    else
        buffer_printf(out, "{%lld,%lld}", (long long)pattern->min, (long long)pattern->max);
    buffer_append_text(out, pattern->is_reluctant ? "?" : "");
}

static void print_pattern_body(Buffer *out, const SqlPattern *pattern)
{
    switch (pattern->kind) {
    case SQL_PATTERN_VARIABLE: sql_print_name(out, pattern->name.text); break;
    case SQL_PATTERN_CONCAT: print_patterns(out, pattern->items, " "); break;
    case SQL_PATTERN_ALTERNATION: print_patterns(out, pattern->items, " | "); break;
    case SQL_PATTERN_QUANTIFIED:
        print_pattern(out, pattern->operand, true);
        print_quantifier(out, pattern);
        break;
    case SQL_PATTERN_PERMUTE:
        buffer_append_text(out, "PERMUTE(");
        print_patterns(out, pattern->items, ", ");
        buffer_append_char(out, ')');
        break;
    case SQL_PATTERN_EXCLUSION:
        buffer_append_text(out, "{- ");
        print_pattern(out, pattern->operand, false);
        buffer_append_text(out, " -}");
        break;
    }
}

/* What is quantified, and an alternation within a sequence, needs parentheses. */
static void print_pattern(Buffer *out, const SqlPattern *pattern, bool is_operand)
{
    bool needs_parentheses = is_operand && (pattern->kind == SQL_PATTERN_CONCAT ||
                                            pattern->kind == SQL_PATTERN_ALTERNATION ||
                                            pattern->kind == SQL_PATTERN_QUANTIFIED);
    buffer_append_text(out, needs_parentheses ? "(" : "");
    print_pattern_body(out, pattern);
    buffer_append_text(out, needs_parentheses ? ")" : "");
}

static void print_skip(Buffer *out, const SqlMatch *match)
{
    static const char *const texts[] = {
        [SQL_SKIP_UNSPECIFIED] = "",
        [SQL_SKIP_TO_NEXT_ROW] = " AFTER MATCH SKIP TO NEXT ROW",
        [SQL_SKIP_PAST_LAST_ROW] = " AFTER MATCH SKIP PAST LAST ROW",
        [SQL_SKIP_TO_FIRST] = " AFTER MATCH SKIP TO FIRST ",
        [SQL_SKIP_TO_LAST] = " AFTER MATCH SKIP TO LAST ",
    };
    buffer_append_text(out, texts[match->skip]);
    if (match->skip == SQL_SKIP_TO_FIRST || match->skip == SQL_SKIP_TO_LAST)
        sql_print_name(out, match->skip_to.text);
}

static void print_measures(Buffer *out, List measures)
{
    for (int32_t i = 0; i < measures.count; i++) {
        const SqlMeasure *measure = LIST_AT(measures, i, SqlMeasure);
        buffer_append_text(out, i > 0 ? ", " : " MEASURES ");
        sql_print_expr(out, measure->expr);
        buffer_append_text(out, " AS ");
        sql_print_name(out, measure->name.text);
    }
}

static void print_subsets(Buffer *out, List subsets)
{
    for (int32_t i = 0; i < subsets.count; i++) {
        const SqlPatternSubset *subset = LIST_AT(subsets, i, SqlPatternSubset);
        buffer_append_text(out, i > 0 ? ", " : " SUBSET ");
        sql_print_name(out, subset->name.text);
        buffer_append_text(out, " = ");
        print_names(out, subset->variables);
    }
}

static void print_definitions(Buffer *out, List definitions)
{
    for (int32_t i = 0; i < definitions.count; i++) {
        const SqlPatternDefinition *definition = LIST_AT(definitions, i, SqlPatternDefinition);
        buffer_append_text(out, i > 0 ? ", " : " DEFINE ");
        sql_print_name(out, definition->name.text);
        buffer_append_text(out, " AS ");
        sql_print_expr(out, definition->condition);
    }
}

void print_match(Buffer *out, const SqlMatch *match)
{
    static const char *const rows[] = {
        [SQL_ROWS_UNSPECIFIED] = "",
        [SQL_ROWS_ONE] = " ONE ROW PER MATCH",
        [SQL_ROWS_ALL] = " ALL ROWS PER MATCH",
    };
    print_table(out, match->input);
    Buffer body = {0};
    if (match->partition_by.count > 0) {
        buffer_append_text(&body, " PARTITION BY ");
        print_expr_list(&body, match->partition_by);
    }
    print_order_by(&body, match->order_by);
    print_measures(&body, match->measures);
    buffer_append_text(&body, rows[match->rows]);
    print_skip(&body, match);
    buffer_append_text(&body, match->starts_strict ? " PATTERN (^ " : " PATTERN (");
    print_pattern(&body, match->pattern, false);
    buffer_append_text(&body, match->ends_strict ? " $)" : ")");
    if (match->within != NULL) {
        buffer_append_text(&body, " WITHIN ");
        sql_print_expr(&body, match->within);
    }
    print_subsets(&body, match->subsets);
    print_definitions(&body, match->definitions);
    buffer_append_text(out, " MATCH_RECOGNIZE (");
    buffer_append(out, body.data + 1, body.length - 1);
    buffer_append_char(out, ')');
    buffer_free(&body);
}
