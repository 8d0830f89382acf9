/* Names of topics by a regular expression that all of the name has to match. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/memory.h"
#include "connect/kafka/kafka.h"

struct KafkaPattern {
    pcre2_code *code;
    pcre2_match_data *match;
};

Status kafka_pattern_new(Str text, KafkaPattern **out, Error *error)
{
    int code;
    PCRE2_SIZE at;
    *out = NULL;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text.data, (PCRE2_SIZE)text.length,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code, &at, NULL);
    if (compiled == NULL) {
        PCRE2_UCHAR message[128];
        pcre2_get_error_message(code, message, sizeof message);
        return fail(error, ERR_INVALID, "WR3421", "'topic-pattern': %s at position %d",
                    (const char *)message, (int)at);
    }
    *out = memory_allocate((int64_t)sizeof **out);
    **out = (KafkaPattern){compiled, memory_expect(pcre2_match_data_create(1, NULL))};
    return OK;
}

bool kafka_pattern_matches(const KafkaPattern *pattern, Str name)
{
    return pcre2_match(pattern->code, (PCRE2_SPTR)name.data, (PCRE2_SIZE)name.length, 0, 0,
                       pattern->match, NULL) >= 0;
}

void kafka_pattern_free(KafkaPattern *pattern)
{
    if (pattern == NULL)
        return;
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    memory_free(pattern);
}
