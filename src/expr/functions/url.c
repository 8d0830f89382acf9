/* PARSE_URL and KEYVALUE: parts of texts that follow a form. */
#include "expr/internal.h"

/* scheme://user@host:port/path?query#ref; parts that are missing have NULL data. */
typedef struct Url {
    Str protocol, authority, user_info, host, path, query, file, ref;
} Url;

/* Cut `rest` at the first of the characters in `ends`; returns what is before. */
static Str take_until(Str *rest, const char *ends)
{
    int64_t length = 0;
    while (length < rest->length &&
           (rest->data[length] == 0 || strchr(ends, rest->data[length]) == NULL))
        length++;
    Str taken = str_make(rest->data, length);
    *rest = str_make(rest->data + length, rest->length - length);
    return taken;
}

static bool is_scheme(Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_other = i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.');
        if (!is_letter && !is_other)
            return false;
    }
    return text.length > 0;
}

static Str skip_one(Str text)
{
    return str_make(text.data + 1, text.length - 1);
}

static void url_split_authority(Url *url)
{
    Str host = url->authority;
    int64_t at = str_find(host, STR("@"));
    if (at >= 0) {
        url->user_info = str_make(host.data, at);
        host = str_make(host.data + at + 1, host.length - at - 1);
    }
    bool is_bracketed = host.length > 0 && host.data[0] == '[';
    Str after = host;
    url->host = is_bracketed ? take_until(&after, "]") : take_until(&after, ":");
    if (is_bracketed && after.length > 0)
        url->host.length++;
}

static bool url_parse(Str text, Url *url)
{
    *url = (Url){0};
    Str rest = str_trim(text);
    url->protocol = take_until(&rest, ":/?#");
    if (rest.length == 0 || rest.data[0] != ':' || !is_scheme(url->protocol))
        return false;
    rest = skip_one(rest);
    if (str_has_prefix(rest, STR("//"))) {
        rest = str_make(rest.data + 2, rest.length - 2);
        url->authority = take_until(&rest, "/?#");
        url_split_authority(url);
    }
    const char *file_start = rest.data;
    url->path = take_until(&rest, "?#");
    if (rest.length > 0 && rest.data[0] == '?') {
        rest = skip_one(rest);
        url->query = take_until(&rest, "#");
    }
    url->file = str_make(file_start, rest.data - file_start);
    if (rest.length > 0)
        url->ref = skip_one(rest);
    return true;
}

static Str url_part(const Url *url, Str name)
{
    const struct {
        const char *name;
        Str part;
    } parts[] = {
        {"PROTOCOL", url->protocol},  {"AUTHORITY", url->authority},
        {"USERINFO", url->user_info}, {"HOST", url->host},
        {"PATH", url->path},          {"QUERY", url->query},
        {"FILE", url->file},          {"REF", url->ref},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (str_is(name, parts[i].name))
            return parts[i].part;
    return (Str){0};
}

/* The value of the first pair with the key; NULL data if there is none. */
static Str pair_value(Str text, Str pair_separator, Str value_separator, Str key)
{
    if (pair_separator.length == 0 || value_separator.length == 0)
        return (Str){0};
    for (bool is_last = false; !is_last;) {
        int64_t end = str_find(text, pair_separator);
        is_last = end < 0;
        Str pair = str_make(text.data, is_last ? text.length : end);
        int64_t at = str_find(pair, value_separator);
        if (at >= 0 && str_equal(str_make(pair.data, at), key)) {
            at += value_separator.length;
            return str_make(pair.data + at, pair.length - at);
        }
        if (!is_last) {
            end += pair_separator.length;
            text = str_make(text.data + end, text.length - end);
        }
    }
    return (Str){0};
}

static void set_part(Call *call, int32_t row, Str part)
{
    if (part.data == NULL)
        call_set_null(call, row);
    else
        call_set_str(call, row, part);
}

static void parse_url_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    StrArg names = call_str_arg(call, 1);
    bool has_key = call->node->arg_count == 3;
    StrArg keys = has_key ? call_str_arg(call, 2) : (StrArg){0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Url url;
        Str name = str_arg(&names, row);
        Str part = {0};
        if (url_parse(str_arg(&texts, row), &url) && (!has_key || str_is(name, "QUERY")))
            part = url_part(&url, name);
        if (has_key && part.data != NULL)
            part = pair_value(part, STR("&"), STR("="), str_arg(&keys, row));
        set_part(call, row, part);
    }
}

static void keyvalue_kernel(Call *call)
{
    StrArg args[4];
    for (int32_t k = 0; k < 4; k++)
        args[k] = call_str_arg(call, k);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str part = pair_value(str_arg(&args[0], row), str_arg(&args[1], row),
                              str_arg(&args[2], row), str_arg(&args[3], row));
        set_part(call, row, part);
    }
}

static const Function functions[] = {
    {.info = {"PARSE_URL", "string", "PARSE_URL(url STRING, part STRING [, key STRING]) -> STRING",
              "HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE, USERINFO, or a key of QUERY",
              false},
     .types = "ss?s>s!",
     .kernel = parse_url_kernel},
    {.info = {"KEYVALUE", "string",
              "KEYVALUE(s STRING, pair STRING, value STRING, key STRING) -> STRING",
              "the value of a key in a text such as 'a=1;b=2', with its two separators", false},
     .types = "ssss>s!",
     .kernel = keyvalue_kernel},
};

const FunctionFamily url_family = {functions, FUNCTION_COUNT(functions)};
