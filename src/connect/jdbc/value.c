/* Texts of the servers' results as values. */
#include "data/value.h"
#include "connect/jdbc/jdbc.h"

static bool bool_read(Str text, Value *out)
{
    bool is_true = str_is(text, "1") || str_is(text, "t") || str_is(text, "true") ||
                   (text.length == 1 && text.data[0] == '\x01');
    bool is_false = str_is(text, "0") || str_is(text, "f") || str_is(text, "false") ||
                    (text.length == 1 && text.data[0] == '\0');
    out->integer = is_true;
    return is_true || is_false;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* bytea as PostgreSQL prints it: \x00ff */
static bool hex_read(Str text, Buffer *scratch, Value *out)
{
    scratch->length = 0;
    if (!str_has_prefix(text, STR("\\x")) || text.length % 2 != 0)
        return false;
    for (int64_t i = 2; i < text.length; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buffer_append_char(scratch, (char)(high * 16 + low));
    }
    out->text = buffer_str(scratch);
    return true;
}

/* Digits beyond the declared precision are left out, as of a TIMESTAMP of fewer digits. */
static void timestamp_cut(Type type, Value *out)
{
    int64_t step = 1;
    int32_t digits = type.precision > 6 ? 9 : 6;
    for (int32_t i = type.precision; i < digits; i++)
        step *= 10;
    if (type_physical(type) == PHYSICAL_I128)
        out->wide -= ((out->wide % step) + step) % step;
    else
        out->integer = floor_div(out->integer, step) * step;
}

bool jdbc_value(JdbcKind kind, Str text, Type type, Buffer *scratch, Value *out)
{
    *out = (Value){.type = type};
    if (type.id == TYPE_BOOLEAN)
        return bool_read(text, out);
    if (type_is_bytes(type) && kind == JDBC_POSTGRES)
        return hex_read(text, scratch, out);
    if (!value_parse(text, type, out))
        return false;
    if (type_is_timestamp(type))
        timestamp_cut(type, out);
    return true;
}
