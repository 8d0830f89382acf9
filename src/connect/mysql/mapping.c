/* Which declared types can take which columns of the server: §G.7's table with lenient
 * widening. Refusals are sentences that say what to declare instead. */
#include "connect/mysql/cell.h"

static int32_t integer_bits(TypeId id)
{
    return id == TYPE_TINYINT ? 8 : id == TYPE_SMALLINT ? 16 : id == TYPE_INT ? 32 : 64;
}

static const char *refuse_integer(const MysqlColumn *column, Type declared)
{
    static const struct {
        MysqlType type;
        int32_t bits, digits;
    } sizes[] = {{MYSQL_TINY, 8, 3},   {MYSQL_SHORT, 16, 5},     {MYSQL_INT24, 24, 8},
                 {MYSQL_LONG, 32, 10}, {MYSQL_LONGLONG, 64, 20}, {MYSQL_YEAR, 16, 4}};
    int32_t bits = 64, digits = 20;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].type == column->type) {
            bits = sizes[i].bits;
            digits = sizes[i].digits;
        }
    if (column->is_unsigned && bits < 64)
        bits++;
    switch ((int)declared.id) {
    case TYPE_BOOLEAN:
        return column->type == MYSQL_TINY ? NULL
                                          : "declare an integer type: only TINYINT can be "
                                            "BOOLEAN";
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
        return bits <= integer_bits(declared.id)
                   ? NULL
                   : "declare a wider integer: SMALLINT for TINYINT UNSIGNED, INT for SMALLINT "
                     "UNSIGNED, BIGINT for INT UNSIGNED";
    case TYPE_DECIMAL:
        return declared.precision - declared.scale >= digits
                   ? NULL
                   : "declare a DECIMAL with more digits: DECIMAL(20, 0) for BIGINT UNSIGNED";
    case TYPE_DOUBLE:
    case TYPE_CHAR:
    case TYPE_VARCHAR: return NULL;
    case TYPE_FLOAT: return bits <= 24 ? NULL : "declare DOUBLE: FLOAT loses digits";
    default: return "declare an integer type";
    }
}

static const char *refuse_decimal(const MysqlColumn *column, Type declared)
{
    if (declared.id == TYPE_CHAR || declared.id == TYPE_VARCHAR)
        return NULL;
    if (column->length > DECIMAL_PRECISION_MAX)
        return "declare STRING: no DECIMAL holds more than 38 digits";
    if (declared.id == TYPE_BIGINT && column->scale == 0 && column->length <= 18)
        return NULL;
    if (declared.id != TYPE_DECIMAL)
        return "declare DECIMAL with the column's precision and scale, or STRING";
    bool holds = declared.scale >= column->scale &&
                 declared.precision - declared.scale >= column->length - column->scale;
    return holds ? NULL : "declare DECIMAL with at least the column's precision and scale";
}

static const char *refuse_text(const MysqlColumn *column, Type declared)
{
    if (type_is_bytes(declared))
        return column->charset == CHARSET_OTHER ? NULL : "declare STRING";
    if (!type_is_text(declared))
        return column->type == MYSQL_SET ? "declare STRING: a SET is read as 'a,b'"
                                         : "declare STRING";
    if (column->charset == CHARSET_OTHER)
        return "declare BYTES, or convert the column to utf8mb4: its character set is not one of "
               "utf8mb4, utf8mb3, ascii, latin1";
    return NULL;
}

static const char *refuse_bytes(const MysqlColumn *column, Type declared, BinaryMode binary)
{
    bool is_special = str_is(column->declared, "uuid") || str_is(column->declared, "inet6") ||
                      str_is(column->declared, "inet4");
    if (is_special)
        return "leave the column out: UUID and INET columns are not read yet";
    if (type_is_bytes(declared))
        return NULL;
    if (column->type == MYSQL_GEOMETRY)
        return "declare BYTES: geometry comes as 4 bytes of SRID and well-known binary";
    if (type_is_text(declared) && binary != BINARY_BYTES)
        return NULL;
    return "declare BYTES, or set 'debezium.binary.handling.mode' to base64 or hex for STRING";
}

static const char *refuse_bits(const MysqlColumn *column, Type declared)
{
    if (type_is_bytes(declared) || (declared.id == TYPE_BOOLEAN && column->length == 1))
        return NULL;
    if (type_is_integer(declared) && column->length < integer_bits(declared.id))
        return NULL;
    return "declare BYTES, BOOLEAN for BIT(1), or a wider integer";
}

static const char *refuse_time(const MysqlColumn *column, Type declared)
{
    if (type_is_text(declared))
        return NULL;
    switch ((int)column->type) {
    case MYSQL_DATE:
        return declared.id == TYPE_DATE || declared.id == TYPE_TIMESTAMP ? NULL : "declare DATE";
    case MYSQL_TIME2: return declared.id == TYPE_TIME ? NULL : "declare TIME or STRING";
    default: return type_is_timestamp(declared) ? NULL : "declare TIMESTAMP or TIMESTAMP_LTZ";
    }
}

const char *outlet_refuse(const MysqlColumn *column, Type declared, BinaryMode binary)
{
    if (type_is_nested(declared))
        return column->type == MYSQL_SET ? "declare STRING: a SET is read as 'a,b'"
                                         : "declare a scalar type";
    switch ((int)column->type) {
    case MYSQL_TINY:
    case MYSQL_SHORT:
    case MYSQL_INT24:
    case MYSQL_LONG:
    case MYSQL_LONGLONG:
    case MYSQL_YEAR: return refuse_integer(column, declared);
    case MYSQL_FLOAT:
    case MYSQL_DOUBLE: {
        bool is_real = declared.id == TYPE_DOUBLE || type_is_text(declared) ||
                       (declared.id == TYPE_FLOAT && column->type == MYSQL_FLOAT);
        return is_real ? NULL : "declare DOUBLE";
    }
    case MYSQL_NEWDECIMAL: return refuse_decimal(column, declared);
    case MYSQL_DATE:
    case MYSQL_TIME2:
    case MYSQL_DATETIME2:
    case MYSQL_TIMESTAMP2: return refuse_time(column, declared);
    case MYSQL_BIT: return refuse_bits(column, declared);
    case MYSQL_JSON: return type_is_text(declared) ? NULL : "declare STRING";
    case MYSQL_VECTOR: return type_is_bytes(declared) ? NULL : "declare BYTES";
    default: break;
    }
    if (column->charset == CHARSET_BINARY)
        return refuse_bytes(column, declared, binary);
    return refuse_text(column, declared);
}
