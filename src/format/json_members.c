/* One walk over an object, for a few members of it. */
#include "format/json_members.h"

static const char *const CODE_MALFORMED = "WR3501";

/* Take one member's value. */
static bool member_take(JsonRow *row, JsonWalk *walk, Str key, JsonMember *members, int32_t count)
{
    uint32_t position;
    JsonWalk start = *walk;
    char c = json_walk_next(walk, &position);
    if (!json_begins_value(c))
        return json_row_fail(row, CODE_MALFORMED, "malformed json: a value is expected");
    JsonMember *member = NULL;
    for (int32_t i = 0; i < count && member == NULL; i++)
        if (str_equal(key, members[i].key))
            member = &members[i];
    bool is_nested = c == '{' || c == '[';
    if (member != NULL) {
        member->nested = is_nested ? start : (JsonWalk){0};
        member->scalar = is_nested ? (Str){0} : json_walk_scalar(walk, position);
    }
    if (is_nested && !json_walk_skip_nested(walk, &position))
        return json_row_fail(row, CODE_MALFORMED, "the record ends inside a value");
    return true;
}

bool json_members_scan(JsonRow *row, JsonWalk *walk, JsonMember *members, int32_t count)
{
    uint32_t position;
    for (int32_t i = 0; i < count; i++)
        members[i] = (JsonMember){.key = members[i].key};
    if (json_walk_next(walk, &position) != '{')
        return json_row_fail(row, CODE_MALFORMED, "the record is not a json object");
    char c = json_walk_next(walk, &position);
    while (c != '}') {
        Str key = json_walk_scalar(walk, position);
        uint32_t colon;
        if (c != '"' || json_walk_next(walk, &colon) != ':')
            return json_row_fail(row, CODE_MALFORMED, "malformed json: a field name is expected");
        if (!member_take(row, walk, key, members, count))
            return false;
        c = json_walk_next(walk, &position);
        if (c == '}')
            break;
        if (c != ',')
            return json_row_fail(row, CODE_MALFORMED,
                                 "malformed json: a comma or a closing brace is expected");
        c = json_walk_next(walk, &position);
        if (c == '}')
            return json_row_fail(row, CODE_MALFORMED, "malformed json: a field name is expected");
    }
    return true;
}
