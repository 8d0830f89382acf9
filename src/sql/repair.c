/* A misspelt keyword, found by trying.
 *
 * A word that resembles many keywords was meant to be the one with which the statement can be read.
 * So each is put in place of each word near where the parser gave up, and the statement is parsed
 * again; what leads to its end is proposed. */
#include <assert.h>

#include "sql/internal.h"

enum {
    REPAIR_WORDS_BACK = 12, /* words before the place, itself included */
    REPAIR_TOKENS_AHEAD = 2,
    REPAIR_TRIES_MAX = 80,                      /* of one statement */
    REPAIR_STATEMENT_TOKENS_MAX = 4000,         /* longer ones take too long */
    REPAIR_ERRORS_MAX = DIAGNOSTICS_ERRORS_MAX, /* later ones are not shown */
};

typedef struct Repair {
    const Parser *parser; /* as it gave up */
    Token *tokens;
    int32_t first; /* of the statement */
    int32_t tries;
    /* The best so far. */
    int32_t token;
    Keyword keyword;
    int32_t cost; /* 0: none */
    int32_t end;  /* behind the statement */
} Repair;

/* Whether the statement can be read to its end with the keyword in place of the token. */
static bool repair_try(Repair *repair, int32_t token, Keyword keyword, int32_t *end)
{
    Arena *arena = arena_new(0);
    Parser trial = *repair->parser;
    trial.arena = arena;
    trial.diagnostics = diagnostics_new(arena, trial.source);
    trial.at = repair->first;
    trial.depth = trial.height = 0;
    Token kept = repair->tokens[token];
    repair->tokens[token].keyword = (uint16_t)keyword;
    trial.stand_in = &repair->tokens[token];
    bool is_read =
        parse_statement(&trial) != NULL && diagnostics_mistake_count(trial.diagnostics) == 0 &&
        script_parse_end(&trial) &&
        (diagnostics_mistake_count(trial.diagnostics) == 0 || parser_is(&trial, TOKEN_END));
    repair->tokens[token] = kept;
    *end = trial.at;
    arena_free(arena);
    return is_read;
}

/* Letters that are wrong; 0 if the word is too far from the keyword. Of a keyword of two letters
 * both must be there, as any other word is as near. */
static int32_t repair_distance(Str word, Str keyword)
{
    int limit = word.length >= 6 ? 2 : 1;
    int distance = str_edit_distance(word, keyword, limit);
    if (distance > limit || distance >= word.length)
        return 0;
    bool is_swapped =
        word.length == 2 && (word.data[0] | 0x20) == (keyword.data[keyword.length - 1] | 0x20);
    return keyword.length > 2 || word.length == 3 || is_swapped ? distance : 0;
}

/* Fewer wrong letters first, then the same beginning, then the word nearest to the place. */
static int32_t repair_cost(Str word, Str keyword, int32_t distance, int32_t words_back)
{
    bool is_begun = (word.data[0] | 0x20) == (keyword.data[0] | 0x20);
    return distance * 100 + !is_begun * 30 + (word.length > keyword.length) * 20 + words_back + 1;
}

static void repair_word(Repair *repair, int32_t token, int32_t words_back)
{
    Str word = parser_text(repair->parser, repair->tokens[token].span);
    for (int32_t k = NO_KEYWORD + 1; k < KEYWORD_END; k++) {
        Str keyword = keyword_text((Keyword)k);
        int32_t distance = repair_distance(word, keyword);
        if (distance == 0)
            continue;
        int32_t cost = repair_cost(word, keyword, distance, words_back), end = 0;
        if ((repair->cost > 0 && cost >= repair->cost) || repair->tries == REPAIR_TRIES_MAX)
            continue;
        repair->tries++;
        if (!repair_try(repair, token, (Keyword)k, &end))
            continue;
        repair->token = token;
        repair->keyword = (Keyword)k;
        repair->cost = cost;
        repair->end = end;
    }
}

/* Whether the first error since then is one that a misspelt keyword leads to. */
static bool repair_fits(const Diagnostics *list, DiagnosticsMark mark)
{
    int32_t at = mark.item_count;
    while (at < diagnostics_count(list) && diagnostics_at(list, at)->level != DIAGNOSTIC_ERROR)
        at++;
    if (at == diagnostics_count(list))
        return false;
    static const char *const codes[] = {"WR1010", "WR1012", "WR1013", "WR1017",
                                        "WR1011", "WR1023", "WR1037"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (str_is(str_from(diagnostics_at(list, at)->code), codes[i]))
            return true;
    }
    return false;
}

bool script_repair(Parser *parser, int32_t first, DiagnosticsMark mark)
{
    Diagnostics *list = parser->diagnostics;
    if (mark.error_count >= REPAIR_ERRORS_MAX || !repair_fits(list, mark) ||
        parser->at - first > REPAIR_STATEMENT_TOKENS_MAX)
        return false;
    Repair repair = {.parser = parser, .tokens = parser->tokens, .first = first};
    int32_t words_back = 0;
    int32_t last = parser->at + REPAIR_TOKENS_AHEAD;
    if (last > parser->token_count - 1)
        last = parser->token_count - 1;
    for (int32_t i = last; i >= first && words_back < REPAIR_WORDS_BACK; i--) {
        const Token *token = &parser->tokens[i];
        if (token->kind != TOKEN_WORD)
            continue;
        /* NO is a reserved word, and more often ON. */
        if (!keyword_is_reserved((Keyword)token->keyword) ||
            token->span.end - token->span.start == 2)
            repair_word(&repair, i, words_back);
        words_back++;
    }
    if (repair.cost == 0)
        return false;
    diagnostics_rewind(list, mark);
    parser_fail_misspelt(parser, &parser->tokens[repair.token], repair.keyword);
    assert(repair.end > first);
    parser->at = repair.end;
    return true;
}
