/* Base64 with padding (RFC 4648, section 4). */
#ifndef WEIR_BASE_BASE64_H
#define WEIR_BASE_BASE64_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/str.h"

void base64_encode(Buffer *out, Str bytes);

/* Append the bytes; padding may be missing. False on other characters or a wrong length;
 * `out` then holds a part of them. */
bool base64_decode(Buffer *out, Str text);

#endif
