/* UTF-8 by code points. */
#include "expr/text.h"

static const uint64_t HIGH_BITS = 0x8080808080808080ULL;
enum { REPLACEMENT = 0xfffd };

bool text_is_ascii(Str text)
{
    int64_t i = 0;
    for (; i + 8 <= text.length; i += 8) {
        uint64_t word;
        memcpy(&word, text.data + i, sizeof word);
        if ((word & HIGH_BITS) != 0)
            return false;
    }
    for (; i < text.length; i++)
        if ((text.data[i] & 0x80) != 0)
            return false;
    return true;
}

/* Length of the well-formed character at the front; 1 if there is none. */
static int32_t step_at(Str text, int64_t at)
{
    int32_t step;
    (void)text_code_point(text, at, &step);
    return step;
}

uint32_t text_code_point(Str text, int64_t at, int32_t *step)
{
    const uint8_t *bytes = (const uint8_t *)text.data + at;
    *step = 1;
    if (bytes[0] < 0x80)
        return bytes[0];
    int32_t length = utf8_step(bytes[0]);
    if (length == 1 || at + length > text.length)
        return REPLACEMENT;
    uint32_t code = bytes[0] & (0x7fU >> length);
    for (int32_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        code = code << 6 | (bytes[i] & 0x3fU);
    }
    bool is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    bool is_surrogate = code >= 0xd800 && code < 0xe000;
    if (is_overlong || is_surrogate || code > 0x10ffff)
        return REPLACEMENT;
    *step = length;
    return code;
}

int64_t text_length(Str text)
{
    if (text_is_ascii(text))
        return text.length;
    int64_t count = 0;
    for (int64_t at = 0; at < text.length; at += step_at(text, at))
        count++;
    return count;
}

int64_t text_offset(Str text, int64_t index)
{
    int64_t at = 0;
    for (; index > 0 && at < text.length; index--)
        at += (text.data[at] & 0x80) == 0 ? 1 : step_at(text, at);
    return at;
}

Str text_head(Str text, int64_t characters)
{
    if (text.length <= characters)
        return text;
    return str_make(text.data, text_offset(text, characters));
}

int32_t utf8_encode(uint32_t code, char *out)
{
    uint8_t *bytes = (uint8_t *)out;
    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | code >> 6);
        bytes[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | code >> 12);
        bytes[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    bytes[0] = (uint8_t)(0xf0 | code >> 18);
    bytes[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    bytes[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    bytes[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

bool text_is_valid(Str text)
{
    if (text_is_ascii(text))
        return true;
    for (int64_t at = 0; at < text.length;) {
        int32_t step;
        (void)text_code_point(text, at, &step);
        if (step == 1 && (text.data[at] & 0x80) != 0)
            return false;
        at += step;
    }
    return true;
}

void text_repair(Buffer *out, Str text)
{
    for (int64_t at = 0; at < text.length;) {
        int32_t step;
        char *into = buffer_reserve(out, 4);
        out->length += utf8_encode(text_code_point(text, at, &step), into);
        at += step;
    }
}
