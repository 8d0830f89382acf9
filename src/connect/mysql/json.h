/* MySQL's binary JSON as text. Reference: MySQL 8.0 Source Code Documentation, "json_binary.h:
 * storage format". */
#ifndef WEIR_CONNECT_MYSQL_JSON_H
#define WEIR_CONNECT_MYSQL_JSON_H

#include "base/buffer.h"

/* Append the document; false if the bytes are malformed or nested deeper than JSON_DEPTH_MAX.
 * The text has ", " and ": " as MySQL prints it. An empty value is null. */
bool mysql_json_print(Str bytes, Buffer *out);

#endif
