/* Digests, hexadecimal, base64, character sets, URLs. */
#include <openssl/evp.h>

#include "base/hash.h"
#include "base/memory.h"
#include "data/value.h"
#include "expr/functions/strings.h"
#include "expr/text.h"

static const char HEX_LOWER[] = "0123456789abcdef";
static const char HEX_UPPER[] = "0123456789ABCDEF";

/* ---- MD5, SHA -------------------------------------------------------------------------- */

static void set_digest(Call *call, int32_t row, EVP_MD_CTX *context, const EVP_MD *kind)
{
    StrArg texts = call_str_arg(call, 0);
    Str text = str_arg(&texts, row);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    bool is_ok = EVP_DigestInit_ex2(context, kind, NULL) == 1 &&
                 EVP_DigestUpdate(context, text.data, (size_t)text.length) == 1 &&
                 EVP_DigestFinal_ex(context, digest, &length) == 1;
    if (!is_ok) { /* MD5 under a policy that forbids it */
        call_reject(call, row, "WR4108", "%s is not available on this system",
                    call->node->expr->function->info.name);
        return;
    }
    char *into = eval_text_reserve(call->eval, 2 * (int64_t)length);
    for (unsigned i = 0; i < length; i++) {
        into[2 * i] = HEX_LOWER[digest[i] >> 4];
        into[2 * i + 1] = HEX_LOWER[digest[i] & 15];
    }
    call_set_view(call, row, eval_text_take(call->eval, 2 * (int64_t)length));
}

static const EVP_MD *digest_by_bits(int64_t bits)
{
    switch (bits) {
    case 0: return EVP_md5();
    case 1: return EVP_sha1();
    case 224: return EVP_sha224();
    case 256: return EVP_sha256();
    case 384: return EVP_sha384();
    case 512: return EVP_sha512();
    default: return NULL;
    }
}

/* MD5 is 0, SHA1 is 1, the others are their bits. */
static int64_t digest_bits(const char *name)
{
    int64_t bits = 0;
    if (name[0] == 'S')
        (void)str_parse_int64(str_from(name + 3), &bits);
    return bits;
}

static void digest_kernel(Call *call)
{
    const EVP_MD *kind = digest_by_bits(digest_bits(call->node->expr->function->info.name));
    EVP_MD_CTX *context = memory_expect(EVP_MD_CTX_new());
    for (int32_t i = 0; i < call->rows.count; i++)
        set_digest(call, selection_row(call->rows, i), context, kind);
    EVP_MD_CTX_free(context);
}

static Status bind_digest(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (type.id == TYPE_NULL)
        binding_cast(binding, 0, type_string());
    else if (!type_is_text(type) && !type_is_bytes(type))
        return binding_refuse(binding);
    int64_t bits = digest_bits(binding->function->info.name);
    binding->result = type_char(bits == 0 ? 32 : bits == 1 ? 40 : (int32_t)bits / 4);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static void sha2_kernel(Call *call)
{
    IntArg bits = call_int_arg(call, 1);
    EVP_MD_CTX *context = memory_expect(EVP_MD_CTX_new());
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t wanted = int_arg(&bits, row);
        const EVP_MD *kind = wanted < 224 ? NULL : digest_by_bits(wanted);
        if (kind == NULL)
            call_reject(call, row, "WR4107", "SHA2 takes 224, 256, 384 or 512 bits, not %lld",
                        (long long)wanted);
        else
            set_digest(call, row, context, kind);
    }
    EVP_MD_CTX_free(context);
}

/* ---- HEX, BIN, UNHEX ------------------------------------------------------------------- */

static void hex_text_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        char *into = eval_text_reserve(call->eval, 2 * text.length);
        for (int64_t k = 0; k < text.length; k++) {
            into[2 * k] = HEX_UPPER[(uint8_t)text.data[k] >> 4];
            into[2 * k + 1] = HEX_UPPER[(uint8_t)text.data[k] & 15];
        }
        call_set_view(call, row, eval_text_take(call->eval, 2 * text.length));
    }
}

/* Digits of `bits` bits each, without leading zeros. */
static void set_digits(Call *call, int32_t row, uint64_t value, int bits)
{
    char digits[64];
    int32_t at = sizeof digits;
    do {
        digits[--at] = HEX_UPPER[value & ((1U << bits) - 1)];
        value >>= bits;
    } while (value != 0);
    call_set_copy(call, row, str_make(digits + at, (int64_t)sizeof digits - at));
}

static void number_digits(Call *call, int bits)
{
    IntArg numbers = call_int_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        set_digits(call, row, (uint64_t)int_arg(&numbers, row), bits);
    }
}

static void hex_number_kernel(Call *call)
{
    number_digits(call, 4);
}

static void bin_kernel(Call *call)
{
    number_digits(call, 1);
}

static Status bind_hex(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (type_is_integer(type))
        binding_cast(binding, 0, type_simple(TYPE_BIGINT));
    else if (type.id == TYPE_NULL)
        binding_cast(binding, 0, type_string());
    else if (!type_is_text(type))
        return binding_refuse(binding);
    binding->result = type_string();
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static Kernel resolve_hex(const Expr *call)
{
    return type_is_text(call->args[0]->type) ? hex_text_kernel : hex_number_kernel;
}

/* ---- Base 64 --------------------------------------------------------------------------- */

static void to_base64_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        if (text.length > STRING_BYTES_MAX / 2) {
            reject_length(call, row);
            continue;
        }
        char *into = eval_text_reserve(call->eval, (text.length + 2) / 3 * 4 + 1);
        int length = EVP_EncodeBlock((uint8_t *)into, (const uint8_t *)text.data, (int)text.length);
        call_set_view(call, row, eval_text_take(call->eval, length));
    }
}

/* Decoded bytes, or -1. */
static int64_t base64_decode(char *into, Str text)
{
    if (text.length % 4 != 0 || text.length > INT32_MAX)
        return -1;
    if (text.length == 0)
        return 0;
    int length = EVP_DecodeBlock((uint8_t *)into, (const uint8_t *)text.data, (int)text.length);
    if (length < 0)
        return -1;
    /* The library counts the padding as bytes. */
    for (int64_t i = 1; i <= 2 && text.data[text.length - i] == '='; i++)
        length--;
    return length;
}

static void from_base64_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        char *into = eval_text_reserve(call->eval, text.length + 1);
        int64_t length = base64_decode(into, text);
        if (length < 0) {
            call_reject(call, row, "WR4107", "FROM_BASE64 was given a text that is not base 64");
        } else if (text_is_valid(str_make(into, length))) {
            call_set_view(call, row, eval_text_take(call->eval, length));
        } else {
            buffer.length = 0;
            text_repair(&buffer, str_make(into, length));
            call_set_copy(call, row, buffer_str(&buffer));
        }
    }
    buffer_free(&buffer);
}

/* ---- ENCODE, DECODE -------------------------------------------------------------------- */

typedef enum Charset {
    CHARSET_ASCII,
    CHARSET_LATIN1,
    CHARSET_UTF8,
    CHARSET_UTF16,
    CHARSET_UTF16BE,
    CHARSET_UTF16LE,
    CHARSET_COUNT,
} Charset;

enum {
    SHA_HEX_MAX = 128,
    BYTE_ORDER_MARK = 0xfeff,
    REPLACEMENT = 0xfffd,
};

static Charset charset_find(Str name)
{
    static const char *const names[CHARSET_COUNT] = {"US-ASCII", "ISO-8859-1", "UTF-8",
                                                     "UTF-16",   "UTF-16BE",   "UTF-16LE"};
    int charset = 0;
    while (charset < CHARSET_COUNT && !str_equal_ignoring_case(name, str_from(names[charset])))
        charset++;
    return (Charset)charset;
}

static void append_unit(Buffer *out, Charset charset, uint32_t unit)
{
    bool is_little = charset == CHARSET_UTF16LE;
    buffer_append_u8(out, (uint8_t)(is_little ? unit : unit >> 8));
    buffer_append_u8(out, (uint8_t)(is_little ? unit >> 8 : unit));
}

static void encode_text(Buffer *out, Charset charset, Str text)
{
    if (charset == CHARSET_UTF16)
        append_unit(out, charset, BYTE_ORDER_MARK);
    for (int64_t at = 0; at < text.length;) {
        int32_t step;
        uint32_t code = text_code_point(text, at, &step);
        uint32_t limit = charset == CHARSET_ASCII ? 0x80 : 0x100;
        if (charset == CHARSET_UTF8) {
            buffer_append(out, text.data + at, step);
        } else if (charset <= CHARSET_LATIN1) {
            buffer_append_u8(out, code < limit ? (uint8_t)code : '?');
        } else if (code < 0x10000) {
            append_unit(out, charset, code);
        } else {
            append_unit(out, charset, 0xd800 + ((code - 0x10000) >> 10));
            append_unit(out, charset, 0xdc00 + ((code - 0x10000) & 0x3ff));
        }
        at += step;
    }
}

static uint32_t unit_at(Str bytes, int64_t at, bool is_little)
{
    uint32_t first = (uint8_t)bytes.data[at];
    uint32_t second = (uint8_t)bytes.data[at + 1];
    return is_little ? second << 8 | first : first << 8 | second;
}

static void append_code(Buffer *out, uint32_t code)
{
    out->length += utf8_encode(code, buffer_reserve(out, 4));
}

static void decode_utf16(Buffer *out, Str bytes, bool is_little, int64_t at)
{
    for (; at + 1 < bytes.length; at += 2) {
        uint32_t code = unit_at(bytes, at, is_little);
        if (code >= 0xd800 && code < 0xe000) {
            uint32_t low = at + 3 < bytes.length ? unit_at(bytes, at + 2, is_little) : 0;
            bool is_pair = code < 0xdc00 && low >= 0xdc00 && low < 0xe000;
            if (is_pair)
                at += 2;
            code = is_pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : REPLACEMENT;
        }
        append_code(out, code);
    }
    if (at < bytes.length)
        append_code(out, REPLACEMENT);
}

static void decode_bytes(Buffer *out, Charset charset, Str bytes)
{
    if (charset == CHARSET_UTF8) {
        text_repair(out, bytes);
    } else if (charset <= CHARSET_LATIN1) {
        uint32_t limit = charset == CHARSET_ASCII ? 0x80 : 0x100;
        for (int64_t i = 0; i < bytes.length; i++) {
            uint32_t code = (uint8_t)bytes.data[i];
            append_code(out, code < limit ? code : REPLACEMENT);
        }
    } else {
        bool is_little = charset == CHARSET_UTF16LE;
        bool has_mark = charset == CHARSET_UTF16 && bytes.length >= 2;
        uint32_t mark = has_mark ? unit_at(bytes, 0, true) : 0;
        is_little = is_little || mark == BYTE_ORDER_MARK;
        bool is_marked = mark == BYTE_ORDER_MARK || mark == 0xfffe;
        decode_utf16(out, bytes, is_little, is_marked ? 2 : 0);
    }
}

static void charset_kernel(Call *call)
{
    StrArg values = call_str_arg(call, 0);
    StrArg names = call_str_arg(call, 1);
    bool is_encode = call->node->expr->function->info.name[0] == 'E';
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str name = str_arg(&names, row);
        Charset charset = charset_find(name);
        if (charset == CHARSET_COUNT) {
            call_reject(call, row, "WR4107", "%s does not know the character set '%.*s'",
                        call->node->expr->function->info.name, STR_ARGS(name));
            continue;
        }
        buffer.length = 0;
        if (is_encode)
            encode_text(&buffer, charset, str_arg(&values, row));
        else
            decode_bytes(&buffer, charset, str_arg(&values, row));
        call_set_copy(call, row, buffer_str(&buffer));
    }
    buffer_free(&buffer);
}

/* ---- HASH_CODE ------------------------------------------------------------------------- */

/* Stable within weir; Java's values are its own. */
static void hash_code_kernel(Call *call)
{
    int32_t *out = call->out.values;
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Value value = value_get(&call->args[0], row);
        buffer.length = 0;
        value_print(&buffer, &value, VALUE_PLAIN, timezone_utc());
        out[row] = (int32_t)hash_bytes(buffer.data, buffer.length);
    }
    buffer_free(&buffer);
}

#define DIGEST_ROW(sign, chars)                                                                    \
    {                                                                                              \
        .info = {sign, "hash", sign "(s STRING) -> CHAR(" chars ")",                               \
                 "the digest in lower-case hexadecimal", false},                                   \
        .types = "S>s", .bind = bind_digest, .kernel = digest_kernel,                              \
        .flags = FUNCTION_COSTLY | FUNCTION_FALLIBLE                                               \
    }

enum { FALLIBLE = FUNCTION_FALLIBLE };

static Status bind_sha2(Binding *binding)
{
    TRY(binding_by_types(binding));
    binding->result.precision = SHA_HEX_MAX;
    return OK;
}

static const Function functions[] = {
    DIGEST_ROW("MD5", "32"),
    DIGEST_ROW("SHA1", "40"),
    DIGEST_ROW("SHA224", "56"),
    DIGEST_ROW("SHA256", "64"),
    DIGEST_ROW("SHA384", "96"),
    DIGEST_ROW("SHA512", "128"),
    {.info = {"SHA2", "hash", "SHA2(s STRING, bits INT) -> VARCHAR(128)",
              "the digest of 224, 256, 384 or 512 bits in lower-case hexadecimal", false},
     .types = "Si>s",
     .bind = bind_sha2,
     .kernel = sha2_kernel,
     .flags = FUNCTION_COSTLY | FUNCTION_FALLIBLE},
    {.info = {"HASH_CODE", "hash", "HASH_CODE(x) -> INT", "a hash; not Flink's values", false},
     .types = "x>I",
     .kernel = hash_code_kernel},
    {.info = {"HEX", "string", "HEX(n BIGINT), HEX(s STRING) -> STRING",
              "upper-case hexadecimal of a number or of bytes", false},
     .types = "x>s",
     .bind = bind_hex,
     .resolve = resolve_hex},
    {.info = {"BIN", "string", "BIN(n BIGINT) -> STRING", "binary, in two's complement", false},
     .types = "i>s",
     .kernel = bin_kernel},
    {.info = {"TO_BASE64", "string", "TO_BASE64(s STRING) -> STRING", "base 64 of the bytes",
              false},
     .types = "s>s",
     .kernel = to_base64_kernel,
     .flags = FALLIBLE},
    {.info = {"FROM_BASE64", "string", "FROM_BASE64(s STRING) -> STRING",
              "the text that the base 64 stands for", false},
     .types = "s>s",
     .kernel = from_base64_kernel,
     .flags = FALLIBLE},
    {.info = {"ENCODE", "string", "ENCODE(s STRING, charset STRING) -> BYTES",
              "US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE or UTF-16LE", false},
     .types = "ss>b",
     .kernel = charset_kernel,
     .flags = FALLIBLE},
    {.info = {"DECODE", "string", "DECODE(b BYTES, charset STRING) -> STRING",
              "US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE or UTF-16LE", false},
     .types = "bs>s",
     .kernel = charset_kernel,
     .flags = FALLIBLE},
};

const FunctionFamily encoding_family = {functions, FUNCTION_COUNT(functions)};
