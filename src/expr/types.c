/* Which type a cast may reach, what two types have in common, and how decimals widen. */
#include "expr/internal.h"

/* Table B.4 of the dialect: rows are "from", columns "to". I implicit, E explicit, ! explicit
 * and fallible, - impossible. */
typedef enum CastClass {
    CLASS_TEXT,
    CLASS_BYTES,
    CLASS_BOOLEAN,
    CLASS_DECIMAL,
    CLASS_TINYINT,
    CLASS_SMALLINT,
    CLASS_INT,
    CLASS_BIGINT,
    CLASS_FLOAT,
    CLASS_DOUBLE,
    CLASS_DATE,
    CLASS_TIME,
    CLASS_TIMESTAMP,
    CLASS_TIMESTAMP_LTZ,
    CLASS_INTERVAL,
    CLASS_NESTED,
    CLASS_COUNT,
} CastClass;

static const char cast_table[CLASS_COUNT][CLASS_COUNT + 1] = {
    [CLASS_TEXT] = "I!!!!!!!!!!!!!--",      [CLASS_BYTES] = "EI--------------",
    [CLASS_BOOLEAN] = "E-IEEEEEEE------",   [CLASS_DECIMAL] = "E--IEEEEII------",
    [CLASS_TINYINT] = "E-EIIIIIII----E-",   [CLASS_SMALLINT] = "E-EIEIIIII----E-",
    [CLASS_INT] = "E-EIEEIIII----E-",       [CLASS_BIGINT] = "E-EIEEEIII----E-",
    [CLASS_FLOAT] = "E--IEEEEII------",     [CLASS_DOUBLE] = "E--IEEEEEI------",
    [CLASS_DATE] = "E---------I-EE--",      [CLASS_TIME] = "E----------IEE--",
    [CLASS_TIMESTAMP] = "E---------IIII--", [CLASS_TIMESTAMP_LTZ] = "E---------EEII--",
    [CLASS_INTERVAL] = "E--EEEEE------I-",  [CLASS_NESTED] = "E--------------I",
};

static CastClass cast_class(Type type)
{
    switch (type.id) {
    case TYPE_CHAR:
    case TYPE_VARCHAR: return CLASS_TEXT;
    case TYPE_BINARY:
    case TYPE_VARBINARY: return CLASS_BYTES;
    case TYPE_BOOLEAN: return CLASS_BOOLEAN;
    case TYPE_DECIMAL: return CLASS_DECIMAL;
    case TYPE_TINYINT: return CLASS_TINYINT;
    case TYPE_SMALLINT: return CLASS_SMALLINT;
    case TYPE_INT: return CLASS_INT;
    case TYPE_BIGINT: return CLASS_BIGINT;
    case TYPE_FLOAT: return CLASS_FLOAT;
    case TYPE_DOUBLE: return CLASS_DOUBLE;
    case TYPE_DATE: return CLASS_DATE;
    case TYPE_TIME: return CLASS_TIME;
    case TYPE_TIMESTAMP: return CLASS_TIMESTAMP;
    case TYPE_TIMESTAMP_LTZ: return CLASS_TIMESTAMP_LTZ;
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS: return CLASS_INTERVAL;
    case TYPE_NULL:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    return CLASS_NESTED;
}

/* Child by child: the whole is as hard to cast as its hardest child. */
static CastKind cast_kind_nested(Type from, Type to)
{
    if (from.id != to.id || from.child_count != to.child_count)
        return CAST_NONE;
    CastKind worst = CAST_IMPLICIT;
    for (int32_t i = 0; i < from.child_count; i++) {
        CastKind kind = cast_kind(from.children[i], to.children[i]);
        if (kind == CAST_NONE)
            return CAST_NONE;
        if (kind > worst)
            worst = kind;
    }
    return worst;
}

CastKind cast_kind(Type from, Type to)
{
    if (from.id == TYPE_NULL || type_equal(from, to))
        return CAST_IMPLICIT;
    if (to.id == TYPE_NULL)
        return CAST_NONE;
    CastClass from_class = cast_class(from);
    CastClass to_class = cast_class(to);
    if (from_class == CLASS_NESTED && to_class == CLASS_NESTED)
        return cast_kind_nested(from, to);
    if (from_class == CLASS_INTERVAL && to_class == CLASS_INTERVAL && from.id != to.id)
        return CAST_NONE;
    if (from_class == CLASS_TEXT && to.id == TYPE_CHAR && from.id == TYPE_VARCHAR)
        return CAST_EXPLICIT;
    switch (cast_table[from_class][to_class]) {
    case 'I': return CAST_IMPLICIT;
    case 'E': return CAST_EXPLICIT;
    case '!': return to_class == CLASS_BYTES ? CAST_EXPLICIT : CAST_FALLIBLE;
    default: return CAST_NONE;
    }
}

const char *cast_advice(Type from, Type to)
{
    if (type_is_numeric(from) && to.id == TYPE_TIMESTAMP)
        return "use TO_TIMESTAMP(FROM_UNIXTIME(seconds))";
    if (type_is_numeric(from) && to.id == TYPE_TIMESTAMP_LTZ)
        return "use TO_TIMESTAMP_LTZ(number, precision)";
    if (type_is_timestamp(from) && type_is_numeric(to))
        return "use UNIX_TIMESTAMP(CAST(timestamp AS STRING))";
    return NULL;
}

static int32_t integer_digits(TypeId id)
{
    switch ((int)id) {
    case TYPE_TINYINT: return 3;
    case TYPE_SMALLINT: return 5;
    case TYPE_INT: return 10;
    default: assert(id == TYPE_BIGINT); return 19;
    }
}

Type type_as_decimal(Type type)
{
    if (type.id == TYPE_DECIMAL)
        return type;
    Type decimal = type_decimal(integer_digits(type.id), 0);
    decimal.is_nullable = type.is_nullable;
    return decimal;
}

Type type_adjust_decimal(int32_t precision, int32_t scale)
{
    if (precision <= DECIMAL_PRECISION_MAX)
        return type_decimal(precision, scale);
    int32_t whole = precision - scale;
    int32_t least = scale < 6 ? scale : 6;
    int32_t room = DECIMAL_PRECISION_MAX - whole;
    return type_decimal(DECIMAL_PRECISION_MAX, room > least ? room : least);
}

static int32_t max_i32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* Rank in the ladder of numbers, widest last; DECIMAL lies between BIGINT and FLOAT. */
static int32_t numeric_rank(TypeId id)
{
    switch ((int)id) {
    case TYPE_TINYINT: return 0;
    case TYPE_SMALLINT: return 1;
    case TYPE_INT: return 2;
    case TYPE_BIGINT: return 3;
    case TYPE_DECIMAL: return 4;
    case TYPE_FLOAT: return 5;
    default: assert(id == TYPE_DOUBLE); return 6;
    }
}

static bool is_real(Type type)
{
    return type.id == TYPE_FLOAT || type.id == TYPE_DOUBLE;
}

/* Of two reals the first decides: to Flink's planner both are as precise. */
static Type common_numeric(Type a, Type b)
{
    if (is_real(a) && is_real(b))
        return a;
    if (numeric_rank(a.id) < numeric_rank(b.id)) {
        Type swap = a;
        a = b;
        b = swap;
    }
    if (a.id == TYPE_FLOAT && b.id == TYPE_DECIMAL)
        return type_simple(TYPE_DOUBLE);
    if (a.id != TYPE_DECIMAL)
        return a;
    b = type_as_decimal(b);
    int32_t scale = max_i32(a.scale, b.scale);
    int32_t whole = max_i32(a.precision - a.scale, b.precision - b.scale);
    int32_t precision = whole + scale;
    if (precision <= DECIMAL_PRECISION_MAX)
        return type_decimal(precision, scale);
    return type_decimal(DECIMAL_PRECISION_MAX, max_i32(DECIMAL_PRECISION_MAX - whole, 0));
}

/* False when only an exact match will do. */
static bool common_temporal(Type a, Type b, Type *out)
{
    int32_t precision =
        max_i32(type_is_timestamp(a) ? a.precision : 0, type_is_timestamp(b) ? b.precision : 0);
    if (type_is_timestamp(a) && type_is_timestamp(b)) {
        bool is_instant = a.id == TYPE_TIMESTAMP_LTZ || b.id == TYPE_TIMESTAMP_LTZ;
        *out = is_instant ? type_timestamp_ltz(precision) : type_timestamp(precision);
        return true;
    }
    if ((a.id == TYPE_DATE && type_is_timestamp(b)) ||
        (b.id == TYPE_DATE && type_is_timestamp(a))) {
        *out = a.id == TYPE_DATE ? b : a;
        return true;
    }
    if (a.id == TYPE_TIME && b.id == TYPE_TIME) {
        *out = a.precision > b.precision ? a : b;
        return true;
    }
    return false;
}

/* Arrays of their elements' common type, rows of their fields'. */
static bool common_nested(Arena *arena, Type a, Type b, Type *out)
{
    if (a.id != b.id || a.child_count != b.child_count || !type_is_nested(a))
        return false;
    Type *children = ARENA_ARRAY(arena, Type, a.child_count + 1);
    for (int32_t i = 0; i < a.child_count; i++)
        if (!type_common(arena, a.children[i], b.children[i], &children[i]))
            return false;
    *out = a;
    out->children = children;
    return true;
}

bool type_common(Arena *arena, Type a, Type b, Type *out)
{
    bool is_nullable = a.is_nullable || b.is_nullable;
    if (a.id == TYPE_NULL || b.id == TYPE_NULL)
        *out = type_nullable(a.id == TYPE_NULL ? b : a);
    else if (type_equal(a, b) && !type_is_nested(a))
        *out = a;
    else if (type_is_numeric(a) && type_is_numeric(b))
        *out = common_numeric(a, b);
    else if (type_is_text(a) && type_is_text(b))
        *out = type_varchar(max_i32(a.precision, b.precision));
    else if (type_is_bytes(a) && type_is_bytes(b)) {
        *out = type_bytes();
        out->precision = max_i32(a.precision, b.precision);
    } else if (!common_temporal(a, b, out) && !common_nested(arena, a, b, out))
        return false;
    out->is_nullable = is_nullable || a.id == TYPE_NULL || b.id == TYPE_NULL;
    if (a.time_attribute != b.time_attribute)
        out->time_attribute = TIME_NONE;
    return true;
}
