/* Functions of other databases, and what they are called here. */
#include "plan/internal.h"

static const struct {
    const char *name;
    const char *ours;
} foreign_functions[] = {
    {"ARRAY_LENGTH", "CARDINALITY(array)"},
    {"ARRAY_SIZE", "CARDINALITY(array)"},
    {"CHARINDEX", "LOCATE(part, text)"},
    {"CURDATE", "CURRENT_DATE"},
    {"DATEADD", "date + INTERVAL '1' DAY"},
    {"DATEDIFF", "TIMESTAMPDIFF(DAY, from, to)"},
    {"DATE_ADD", "date + INTERVAL '1' DAY"},
    {"DATE_DIFF", "TIMESTAMPDIFF(DAY, from, to)"},
    {"DATE_PART", "EXTRACT(unit FROM time)"},
    {"DATE_SUB", "date - INTERVAL '1' DAY"},
    {"DATE_TRUNC", "FLOOR(time TO unit)"},
    {"DAY", "DAYOFMONTH(date)"},
    {"FORMAT_DATE", "DATE_FORMAT(time, 'yyyy-MM-dd')"},
    {"GETDATE", "CURRENT_TIMESTAMP"},
    {"GROUP_CONCAT", "LISTAGG(text, ',')"},
    {"IIF", "IF(condition, a, b)"},
    {"ISNULL", "IFNULL(a, b), or a IS NULL"},
    {"JSON_EXTRACT", "JSON_VALUE(text, path)"},
    {"JSON_EXTRACT_SCALAR", "JSON_VALUE(text, path)"},
    {"LCASE", "LOWER(text)"},
    {"LEN", "CHAR_LENGTH(text)"},
    {"LENGTH", "CHAR_LENGTH(text)"},
    {"MEDIAN", "PERCENTILE(x, 0.5)"},
    {"NVL", "COALESCE(a, b)"},
    {"REGEXP_LIKE", "REGEXP(text, pattern)"},
    {"REGEXP_MATCHES", "REGEXP(text, pattern)"},
    {"RLIKE", "REGEXP(text, pattern)"},
    {"SIZE", "CARDINALITY(array)"},
    {"SPLIT_PART", "SPLIT_INDEX(text, separator, index from 0)"},
    {"STRFTIME", "DATE_FORMAT(time, 'yyyy-MM-dd')"},
    {"STRING_AGG", "LISTAGG(text, ',')"},
    {"STRPOS", "LOCATE(part, text)"},
    {"STR_TO_DATE", "TO_DATE(text, 'yyyy-MM-dd')"},
    {"SYSDATE", "CURRENT_TIMESTAMP"},
    {"TO_CHAR", "DATE_FORMAT(time, 'yyyy-MM-dd'), or CAST(x AS STRING)"},
    {"TO_NUMBER", "CAST(text AS DECIMAL(10, 2))"},
    {"TRUNC", "TRUNCATE(number, digits), or FLOOR(time TO unit)"},
    {"UCASE", "UPPER(text)"},
    {"VAR", "VAR_SAMP(x)"},
};

const char *foreign_function_ours(Str name)
{
    for (size_t i = 0; i < sizeof foreign_functions / sizeof foreign_functions[0]; i++) {
        if (str_equal_ignoring_case(name, str_from(foreign_functions[i].name)))
            return foreign_functions[i].ours;
    }
    return NULL;
}
