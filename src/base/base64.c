/* Base64. */
#include "base/base64.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(Buffer *out, Str bytes)
{
    char *to = buffer_reserve(out, (bytes.length + 2) / 3 * 4);
    const char *start = to;
    for (int64_t i = 0; i < bytes.length; i += 3) {
        int64_t left = bytes.length - i;
        uint32_t word = (uint32_t)(uint8_t)bytes.data[i] << 16;
        word |= left > 1 ? (uint32_t)(uint8_t)bytes.data[i + 1] << 8 : 0;
        word |= left > 2 ? (uint32_t)(uint8_t)bytes.data[i + 2] : 0;
        *to++ = ALPHABET[word >> 18];
        *to++ = ALPHABET[word >> 12 & 63];
        *to++ = left > 1 ? ALPHABET[word >> 6 & 63] : '=';
        *to++ = left > 2 ? ALPHABET[word & 63] : '=';
    }
    out->length += to - start;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(Buffer *out, Str text)
{
    if (text.length % 4 == 0)
        for (int i = 0; i < 2 && text.length > 0 && text.data[text.length - 1] == '='; i++)
            text.length--;
    if (text.length % 4 == 1)
        return false;
    uint32_t word = 0;
    for (int64_t i = 0; i < text.length; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0)
            return false;
        word = word << 6 | (uint32_t)digit;
        if (i % 4 > 0)
            buffer_append_u8(out, (uint8_t)(word >> (6 - 2 * (i % 4))));
    }
    return true;
}
