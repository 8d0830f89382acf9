package weir.conformance;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.MultisetType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** Literals of test cases as values of Flink's table runtime. */
final class Convert {
    private Convert() {}

    static Object toInternal(Literal literal, LogicalType type, ZoneId zone) {
        if (literal.shape() == Literal.Shape.NULL) {
            return null;
        }
        String text = literal.text();
        switch (type.getTypeRoot()) {
            case CHAR:
            case VARCHAR:
                return StringData.fromString(
                        literal.shape() == Literal.Shape.BOOLEAN ? text.toLowerCase() : text);
            case BOOLEAN:
                return Boolean.parseBoolean(text.toLowerCase());
            case BINARY:
            case VARBINARY:
                return literal.shape() == Literal.Shape.BYTES
                        ? HexFormat.of().parseHex(text)
                        : text.getBytes(StandardCharsets.UTF_8);
            case DECIMAL:
                return toDecimal(text, (DecimalType) type);
            case TINYINT:
                return new BigDecimal(text).byteValueExact();
            case SMALLINT:
                return new BigDecimal(text).shortValueExact();
            case INTEGER:
            case INTERVAL_YEAR_MONTH:
                return new BigDecimal(text).intValueExact();
            case BIGINT:
            case INTERVAL_DAY_TIME:
                return new BigDecimal(text).longValueExact();
            case FLOAT:
                return Float.parseFloat(text);
            case DOUBLE:
                return Double.parseDouble(text);
            case DATE:
                return (int) LocalDate.parse(text.substring(0, 10)).toEpochDay();
            case TIME_WITHOUT_TIME_ZONE:
                return (int) (LocalTime.parse(text).toNanoOfDay() / 1_000_000L);
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                return cut(TimestampData.fromLocalDateTime(toDateTime(text)), type);
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
                return cut(TimestampData.fromInstant(toInstant(text, zone)), type);
            case ARRAY:
                return toArray(literal.items(), ((ArrayType) type).getElementType(), zone);
            case MAP:
                return toMap(literal.items(), (MapType) type, zone);
            case MULTISET:
                return toMultiset(literal.items(), ((MultisetType) type).getElementType(), zone);
            case ROW:
                return toRow(literal.items(), type.getChildren(), zone);
            default:
                throw new IllegalArgumentException("cannot feed a column of type " + type);
        }
    }

    private static DecimalData toDecimal(String text, DecimalType type) {
        BigDecimal number =
                new BigDecimal(text).setScale(type.getScale(), RoundingMode.HALF_UP);
        DecimalData decimal =
                DecimalData.fromBigDecimal(number, type.getPrecision(), type.getScale());
        if (decimal == null) {
            throw new IllegalArgumentException(text + " does not fit " + type);
        }
        return decimal;
    }

    private static LocalDateTime toDateTime(String text) {
        String iso = text.trim().replace(' ', 'T');
        return iso.indexOf('T') < 0 ? LocalDate.parse(iso).atStartOfDay() : LocalDateTime.parse(iso);
    }

    private static Instant toInstant(String text, ZoneId zone) {
        String iso = text.trim().replace(' ', 'T');
        int time = iso.indexOf('T');
        boolean hasZone =
                iso.endsWith("Z")
                        || (time > 0 && (iso.indexOf('+', time) > 0 || iso.indexOf('-', time) > 0));
        return hasZone
                ? OffsetDateTime.parse(iso).toInstant()
                : toDateTime(text).atZone(zone).toInstant();
    }

    private static TimestampData cut(TimestampData value, LogicalType type) {
        int precision = LogicalTypeChecks.getPrecision(type);
        int nanos = value.getNanoOfMillisecond();
        if (precision <= 3) {
            long unit = (long) Math.pow(10, 3 - precision);
            long millis = Math.floorDiv(value.getMillisecond(), unit) * unit;
            return TimestampData.fromEpochMillis(millis);
        }
        int unit = (int) Math.pow(10, 9 - precision);
        return TimestampData.fromEpochMillis(value.getMillisecond(), nanos / unit * unit);
    }

    private static GenericArrayData toArray(List<Literal> items, LogicalType type, ZoneId zone) {
        return new GenericArrayData(
                items.stream().map(item -> toInternal(item, type, zone)).toArray());
    }

    private static GenericMapData toMap(List<Literal> items, MapType type, ZoneId zone) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i + 1 < items.size(); i += 2) {
            map.put(
                    toInternal(items.get(i), type.getKeyType(), zone),
                    toInternal(items.get(i + 1), type.getValueType(), zone));
        }
        return new GenericMapData(map);
    }

    private static GenericMapData toMultiset(List<Literal> items, LogicalType type, ZoneId zone) {
        Map<Object, Integer> map = new LinkedHashMap<>();
        for (Literal item : items) {
            map.merge(toInternal(item, type, zone), 1, Integer::sum);
        }
        return new GenericMapData(map);
    }

    static GenericRowData toRow(List<Literal> items, List<LogicalType> types, ZoneId zone) {
        if (items.size() != types.size()) {
            throw new IllegalArgumentException(
                    "a row of " + items.size() + " values for " + types.size() + " columns");
        }
        GenericRowData row = new GenericRowData(types.size());
        for (int i = 0; i < types.size(); i++) {
            row.setField(i, toInternal(items.get(i), types.get(i), zone));
        }
        return row;
    }
}
