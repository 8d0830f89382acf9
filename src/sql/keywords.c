/* Looking up keywords. */
#include "sql/keywords.h"

#include <assert.h>
#include <string.h>

#include "sql/sql.h"

enum { KEYWORD_BYTES_MAX = 40 };

typedef struct KeywordEntry {
    Str text;
    KeywordClass class;
} KeywordEntry;

static const KeywordEntry keyword_entries[] = {{{"", 0}, KEYWORD_PLAIN},
#define KEYWORD_ENTRY(word, class) {{#word, sizeof(#word) - 1}, class},
                                               KEYWORDS(KEYWORD_ENTRY)
#undef KEYWORD_ENTRY
};

Keyword keyword_find(Str word)
{
    if (word.length == 0 || word.length > KEYWORD_BYTES_MAX)
        return NO_KEYWORD;
    char upper[KEYWORD_BYTES_MAX];
    for (int64_t i = 0; i < word.length; i++) {
        char c = word.data[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    Str key = str_make(upper, word.length);
    int32_t low = 1, high = KEYWORD_END - 1;
    while (low <= high) {
        int32_t middle = low + (high - low) / 2;
        int order = str_compare(key, keyword_entries[middle].text);
        if (order == 0)
            return (Keyword)middle;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return NO_KEYWORD;
}

Str keyword_text(Keyword keyword)
{
    assert(keyword > NO_KEYWORD && keyword < KEYWORD_END);
    return keyword_entries[keyword].text;
}

KeywordClass keyword_class(Keyword keyword)
{
    assert(keyword >= NO_KEYWORD && keyword < KEYWORD_END);
    return keyword_entries[keyword].class;
}

bool sql_is_reserved(Str word)
{
    return keyword_is_reserved(keyword_find(word));
}
