/* The members of a JSON object by which a change record says what it is. Private to format/. */
#ifndef WEIR_FORMAT_JSON_MEMBERS_H
#define WEIR_FORMAT_JSON_MEMBERS_H

#include "format/json_row.h"

/* One that is looked for. After the scan: its value if it is an object or array, as a walk to start
 * at, else the raw bytes of the scalar; neither: there is none. Of several the last counts. */
typedef struct JsonMember {
    Str key; /* as it stands there, with its quotes */
    JsonWalk nested;
    Str scalar;
} JsonMember;

/* Walk over the object that begins with the next token. False: it is none or is malformed, and
 * `row` says why (WR3501). */
bool json_members_scan(JsonRow *row, JsonWalk *walk, JsonMember *members, int32_t count);

#endif
