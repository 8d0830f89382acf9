/* Names of databases and tables as regular expressions: see catalog.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "connect/mysql/catalog.h"

enum { FILTER_MATCH_LIMIT = 100000, FILTER_DEPTH_LIMIT = 1000 };

struct TableFilter {
    pcre2_code *database, *table;
    pcre2_match_context *limits;
};

static Status filter_compile(Str pattern, const char *option, pcre2_code **out, Error *error)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    Buffer whole = {0};
    buffer_printf(&whole, "(?:%.*s)", STR_ARGS(pattern));
    *out = pcre2_compile((PCRE2_SPTR)whole.data, (PCRE2_SIZE)whole.length,
                         PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF, &code, &at, NULL);
    buffer_free(&whole);
    if (*out != NULL)
        return OK;
    char reason[128] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
    return fail(error, ERR_INVALID, "WR3125", "'%s' is not a regular expression: %s at `%.*s`",
                option, reason, STR_ARGS(pattern));
}

Status table_filter_new(Str database, Str table, TableFilter **out, Error *error)
{
    TableFilter *filter = memory_allocate_zeroed(sizeof *filter);
    *out = filter;
    TRY(filter_compile(database, "database-name", &filter->database, error));
    TRY(filter_compile(table, "table-name", &filter->table, error));
    filter->limits = memory_expect(pcre2_match_context_create(NULL));
    pcre2_set_match_limit(filter->limits, FILTER_MATCH_LIMIT);
    pcre2_set_depth_limit(filter->limits, FILTER_DEPTH_LIMIT);
    return OK;
}

void table_filter_free(TableFilter *filter)
{
    if (filter == NULL)
        return;
    pcre2_code_free(filter->database);
    pcre2_code_free(filter->table);
    pcre2_match_context_free(filter->limits);
    memory_free(filter);
}

static bool filter_matches(const TableFilter *filter, const pcre2_code *code, Str name)
{
    pcre2_match_data *match = memory_expect(pcre2_match_data_create(1, NULL));
    int found = pcre2_match(code, (PCRE2_SPTR)name.data, (PCRE2_SIZE)name.length, 0, 0, match,
                            filter->limits);
    if (found == PCRE2_ERROR_NOMEMORY)
        memory_exhausted(0);
    pcre2_match_data_free(match);
    return found >= 0;
}

bool table_filter_matches_database(const TableFilter *filter, Str database)
{
    return filter_matches(filter, filter->database, database);
}

bool table_filter_matches(const TableFilter *filter, Str database, Str name)
{
    return filter_matches(filter, filter->database, database) &&
           filter_matches(filter, filter->table, name);
}
