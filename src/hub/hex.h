/* Bytes as hexadecimal digits, in the files of the hub. */
#ifndef WEIR_HUB_HEX_H
#define WEIR_HUB_HEX_H

#include "base/buffer.h"

static inline void hex_append(Buffer *out, const uint8_t *bytes, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        buffer_printf(out, "%02x", bytes[i]);
}

/* `count` bytes of twice as many small digits; false: they are not. */
static inline bool hex_parse(Str text, uint8_t *out, int64_t count)
{
    static const char digits[] = "0123456789abcdef";
    if (text.length != 2 * count)
        return false;
    for (int64_t i = 0; i < text.length; i++) {
        const char *digit = text.data[i] != '\0' ? strchr(digits, text.data[i]) : NULL;
        if (digit == NULL)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (digit - digits));
    }
    return true;
}

#endif
