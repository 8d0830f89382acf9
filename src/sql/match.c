/* MATCH_RECOGNIZE: measures, the pattern, its definitions.
 *
 *     MATCH_RECOGNIZE (
 *         [PARTITION BY …] [ORDER BY …] [MEASURES …] [ONE ROW PER MATCH | ALL ROWS PER MATCH]
 *         [AFTER MATCH SKIP …] PATTERN ( [^] alternation [$] ) [WITHIN interval]
 *         [SUBSET …] DEFINE … )
 *
 *     alternation : sequence { | sequence }
 *     sequence    : quantified { quantified }
 *     quantified  : factor [ * | + | ? | {n} | {n,} | {n,m} | {,m} [ ? ] ]
 *     factor      : name | ( alternation ) | {- alternation -} | PERMUTE(a, b)
 *
 * The grammar is the SQL standard's; what the planner cannot do it refuses with a position. */
#include <assert.h>

#include "sql/internal.h"

static SqlPattern *pattern_parse(Parser *parser);

static SqlPattern *pattern_new(Parser *parser, SqlPatternKind kind, Span span)
{
    SqlPattern *pattern = ARENA_NEW(parser->arena, SqlPattern);
    pattern->kind = kind;
    pattern->span = span;
    return pattern;
}

/* ---- Pattern --------------------------------------------------------------------------- */

/* {n} {n,} {n,m} {,m}, behind the brace. */
static bool pattern_parse_bounds(Parser *parser, SqlPattern *out)
{
    static const int64_t max = 1000000000;
    bool has_min = parser_is(parser, TOKEN_EXACT);
    out->lacks_min = !has_min;
    if (has_min && !parser_parse_count(parser, "a number of rows", max, &out->min))
        return false;
    if (!parser_accept(parser, TOKEN_COMMA)) {
        if (!has_min) {
            parser_fail_expected(parser, "a number of rows such as {2} or {2,5}");
            return false;
        }
        out->max = out->min;
    } else if (parser_is(parser, TOKEN_EXACT)) {
        if (!parser_parse_count(parser, "a number of rows", max, &out->max))
            return false;
    } else if (!has_min) {
        parser_fail_expected(parser, "a number of rows such as {0,5}");
        return false;
    } else {
        out->max = SQL_PATTERN_UNBOUNDED;
    }
    return parser_expect(parser, TOKEN_RIGHT_BRACE, "behind the numbers of the quantifier");
}

static bool pattern_is_quantifier(const Parser *parser)
{
    return parser_is(parser, TOKEN_STAR) || parser_is(parser, TOKEN_PLUS) ||
           parser_is(parser, TOKEN_QUESTION) ||
           (parser_is(parser, TOKEN_LEFT_BRACE) && parser_peek_at(parser, 1)->kind != TOKEN_MINUS);
}

static SqlPattern *pattern_parse_quantifier(Parser *parser, SqlPattern *operand)
{
    SqlPattern *out = pattern_new(parser, SQL_PATTERN_QUANTIFIED, operand->span);
    out->operand = operand;
    out->max = SQL_PATTERN_UNBOUNDED;
    const Token *token = parser_next(parser);
    if (token->kind == TOKEN_PLUS)
        out->min = 1;
    else if (token->kind == TOKEN_QUESTION)
        out->max = 1;
    else if (token->kind == TOKEN_LEFT_BRACE && !pattern_parse_bounds(parser, out))
        return NULL;
    out->is_reluctant = parser_accept(parser, TOKEN_QUESTION);
    out->quantifier_span = parser_span_from(parser, token->span);
    out->span = parser_span_from(parser, operand->span);
    return out;
}

/* PERMUTE(a, b) */
static SqlPattern *pattern_parse_permute(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlPattern *out = pattern_new(parser, SQL_PATTERN_PERMUTE, start);
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "behind PERMUTE"))
        return NULL;
    do {
        SqlPattern *item = pattern_parse(parser);
        if (item == NULL)
            return NULL;
        list_append(&out->items, parser->arena, item);
    } while (parser_accept(parser, TOKEN_COMMA));
    if (!parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the pattern"))
        return NULL;
    out->span = parser_span_from(parser, start);
    return out;
}

/* {- a -} */
static SqlPattern *pattern_parse_exclusion(Parser *parser)
{
    Span start = parser_next(parser)->span;
    parser_next(parser);
    SqlPattern *out = pattern_new(parser, SQL_PATTERN_EXCLUSION, start);
    out->operand = pattern_parse(parser);
    if (out->operand == NULL ||
        !parser_expect(parser, TOKEN_MINUS, "and `}` behind the excluded pattern") ||
        !parser_expect(parser, TOKEN_RIGHT_BRACE, "behind the excluded pattern"))
        return NULL;
    out->span = parser_span_from(parser, start);
    return out;
}

static SqlPattern *pattern_parse_factor(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_LEFT_PAREN) {
        parser_next(parser);
        SqlPattern *inner = pattern_parse(parser);
        if (inner == NULL || !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the group"))
            return NULL;
        inner->span = parser_span_from(parser, token->span);
        return inner;
    }
    if (token->kind == TOKEN_LEFT_BRACE && parser_peek_at(parser, 1)->kind == TOKEN_MINUS)
        return pattern_parse_exclusion(parser);
    if (parser_is_keyword(parser, KW_PERMUTE))
        return pattern_parse_permute(parser);
    SqlPattern *out = pattern_new(parser, SQL_PATTERN_VARIABLE, token->span);
    if (!parser_parse_name(parser, "a pattern variable", &out->name))
        return NULL;
    return out;
}

static SqlPattern *pattern_parse_quantified(Parser *parser)
{
    SqlPattern *out = pattern_parse_factor(parser);
    if (out != NULL && pattern_is_quantifier(parser))
        out = pattern_parse_quantifier(parser, out);
    if (out == NULL || !parser_grow(parser))
        return NULL;
    if (!pattern_is_quantifier(parser))
        return out;
    parser_fail_expected(parser, "no second quantifier");
    return NULL;
}

/* Where a sequence ends. */
static bool pattern_is_end(const Parser *parser)
{
    const Token *token = parser_peek(parser);
    return token->kind == TOKEN_RIGHT_PAREN || token->kind == TOKEN_PIPE ||
           token->kind == TOKEN_COMMA || token->kind == TOKEN_MINUS || token->kind == TOKEN_END ||
           (token->kind == TOKEN_WORD && str_is(parser_text(parser, token->span), "$"));
}

/* One item is itself; several are a list. */
static SqlPattern *pattern_list(Parser *parser, SqlPatternKind kind, List items, Span start)
{
    if (items.count == 1)
        return LIST_AT(items, 0, SqlPattern);
    SqlPattern *out = pattern_new(parser, kind, parser_span_from(parser, start));
    out->items = items;
    return out;
}

static SqlPattern *pattern_parse_sequence(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    List items = {0};
    do {
        SqlPattern *item = pattern_parse_quantified(parser);
        if (item == NULL)
            return NULL;
        list_append(&items, parser->arena, item);
    } while (!pattern_is_end(parser));
    return pattern_list(parser, SQL_PATTERN_CONCAT, items, start);
}

static SqlPattern *pattern_parse_alternation(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    List items = {0};
    do {
        SqlPattern *item = pattern_parse_sequence(parser);
        if (item == NULL)
            return NULL;
        list_append(&items, parser->arena, item);
    } while (parser_accept(parser, TOKEN_PIPE));
    return pattern_list(parser, SQL_PATTERN_ALTERNATION, items, start);
}

static SqlPattern *pattern_parse(Parser *parser)
{
    if (!parser_enter(parser))
        return NULL;
    SqlPattern *out = pattern_parse_alternation(parser);
    parser_leave(parser);
    return out;
}

static bool match_parse_pattern(Parser *parser, SqlMatch *match)
{
    if (!parser_expect_keyword(parser, KW_PATTERN, "in MATCH_RECOGNIZE") ||
        !parser_expect(parser, TOKEN_LEFT_PAREN, "behind PATTERN"))
        return false;
    Span start = parser_peek(parser)->span;
    match->starts_strict = parser_accept(parser, TOKEN_CARET);
    match->pattern = pattern_parse(parser);
    if (match->pattern == NULL)
        return false;
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_WORD && str_is(parser_text(parser, token->span), "$")) {
        parser_next(parser);
        match->ends_strict = true;
    }
    match->pattern_span = parser_span_from(parser, start);
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "at the end of PATTERN");
}

/* ---- The other clauses ----------------------------------------------------------------- */

static bool match_parse_measures(Parser *parser, SqlMatch *match)
{
    do {
        SqlMeasure *measure = ARENA_NEW(parser->arena, SqlMeasure);
        measure->expr = parse_expr(parser);
        if (measure->expr == NULL ||
            !parser_expect_keyword(parser, KW_AS, "and a name behind the measure") ||
            !parser_parse_name(parser, "a name for the measure", &measure->name))
            return false;
        list_append(&match->measures, parser->arena, measure);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

/* ONE ROW PER MATCH, ALL ROWS PER MATCH [SHOW | OMIT EMPTY MATCHES | WITH UNMATCHED ROWS] */
static bool match_parse_rows(Parser *parser, SqlMatch *match)
{
    Span start = parser_peek(parser)->span;
    bool is_one = parser_next(parser)->keyword == KW_ONE;
    match->rows = is_one ? SQL_ROWS_ONE : SQL_ROWS_ALL;
    if (!parser_expect_keyword(parser, is_one ? KW_ROW : KW_ROWS, "PER MATCH") ||
        !parser_expect_keyword(parser, KW_PER, "MATCH behind ROW") ||
        !parser_expect_keyword(parser, KW_MATCH, "behind PER"))
        return false;
    match->rows_span = parser_span_from(parser, start);
    return true;
}

static bool match_parse_skip_target(Parser *parser, SqlMatch *match)
{
    match->skip = SQL_SKIP_TO_LAST;
    bool is_word_first = parser_is_keyword(parser, KW_FIRST) && parser_is_name_at(parser, 1);
    bool is_word_last = parser_is_keyword(parser, KW_LAST) && parser_is_name_at(parser, 1);
    if (is_word_first)
        match->skip = SQL_SKIP_TO_FIRST;
    if (is_word_first || is_word_last)
        parser_next(parser);
    return parser_parse_name(parser, "NEXT ROW or a pattern variable", &match->skip_to);
}

/* AFTER MATCH SKIP { TO NEXT ROW | PAST LAST ROW | TO [FIRST | LAST] v } */
static bool match_parse_skip(Parser *parser, SqlMatch *match)
{
    Span start = parser_next(parser)->span;
    if (!parser_expect_keyword(parser, KW_MATCH, "SKIP behind AFTER") ||
        !parser_expect_keyword(parser, KW_SKIP, "behind AFTER MATCH"))
        return false;
    if (parser_accept_keyword(parser, KW_PAST)) {
        match->skip = SQL_SKIP_PAST_LAST_ROW;
        if (!parser_expect_keyword(parser, KW_LAST, "ROW behind PAST") ||
            !parser_expect_keyword(parser, KW_ROW, "behind PAST LAST"))
            return false;
    } else if (!parser_expect_keyword(parser, KW_TO, "or PAST LAST ROW behind SKIP")) {
        return false;
    } else if (parser_accept_keyword(parser, KW_NEXT)) {
        match->skip = SQL_SKIP_TO_NEXT_ROW;
        if (!parser_expect_keyword(parser, KW_ROW, "behind NEXT"))
            return false;
    } else if (!match_parse_skip_target(parser, match)) {
        return false;
    }
    match->skip_span = parser_span_from(parser, start);
    return true;
}

static bool match_parse_subsets(Parser *parser, SqlMatch *match)
{
    do {
        SqlPatternSubset *subset = ARENA_NEW(parser->arena, SqlPatternSubset);
        if (!parser_parse_name(parser, "a name for the subset", &subset->name) ||
            !parser_expect(parser, TOKEN_EQUAL, "behind the name of the subset") ||
            !parser_parse_names(parser, "a pattern variable", &subset->variables))
            return false;
        list_append(&match->subsets, parser->arena, subset);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

static bool match_parse_definitions(Parser *parser, SqlMatch *match)
{
    if (!parser_expect_keyword(parser, KW_DEFINE, "behind the pattern"))
        return false;
    do {
        SqlPatternDefinition *definition = ARENA_NEW(parser->arena, SqlPatternDefinition);
        if (!parser_parse_name(parser, "a pattern variable", &definition->name) ||
            !parser_expect_keyword(parser, KW_AS, "and a condition in DEFINE"))
            return false;
        definition->condition = parse_expr(parser);
        if (definition->condition == NULL)
            return false;
        list_append(&match->definitions, parser->arena, definition);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

static bool match_parse_head(Parser *parser, SqlMatch *match)
{
    if (parser_accept_keyword(parser, KW_PARTITION) &&
        (!parser_expect_keyword(parser, KW_BY, "behind PARTITION") ||
         !parse_expr_list(parser, &match->partition_by)))
        return false;
    if (parser_is_keyword(parser, KW_ORDER) && !parse_order_by(parser, &match->order_by))
        return false;
    if (parser_accept_keyword(parser, KW_MEASURES) && !match_parse_measures(parser, match))
        return false;
    if ((parser_is_keyword(parser, KW_ONE) || parser_is_keyword(parser, KW_ALL)) &&
        !match_parse_rows(parser, match))
        return false;
    return !parser_is_keyword(parser, KW_AFTER) || match_parse_skip(parser, match);
}

SqlTable *parse_match(Parser *parser, SqlTable *input)
{
    Span start = parser_next(parser)->span;
    SqlMatch *match = ARENA_NEW(parser->arena, SqlMatch);
    match->span = start;
    match->input = input;
    input->span = parser_span_from(parser, input->span);
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "behind MATCH_RECOGNIZE") ||
        !match_parse_head(parser, match) || !match_parse_pattern(parser, match))
        return NULL;
    if (parser_accept_keyword(parser, KW_WITHIN)) {
        match->within = parse_expr(parser);
        if (match->within == NULL)
            return NULL;
    }
    if (parser_accept_keyword(parser, KW_SUBSET) && !match_parse_subsets(parser, match))
        return NULL;
    if (!match_parse_definitions(parser, match) ||
        !parser_expect(parser, TOKEN_RIGHT_PAREN, "at the end of MATCH_RECOGNIZE"))
        return NULL;
    SqlTable *table = ARENA_NEW(parser->arena, SqlTable);
    table->kind = SQL_TABLE_MATCH;
    table->span = parser_span_from(parser, input->span);
    table->match = match;
    return table;
}
