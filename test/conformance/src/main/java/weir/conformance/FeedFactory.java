package weir.conformance;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkFunctionProvider;
import org.apache.flink.table.connector.sink.abilities.SupportsPartitioning;
import org.apache.flink.table.connector.sink.abilities.SupportsWritingMetadata;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceFunctionProvider;
import org.apache.flink.table.connector.source.abilities.SupportsReadingMetadata;
import org.apache.flink.table.connector.source.abilities.SupportsWatermarkPushDown;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.connector.source.lookup.LookupOptions;
import org.apache.flink.table.connector.source.lookup.PartialCachingLookupProvider;
import org.apache.flink.table.connector.source.lookup.cache.DefaultLookupCache;
import org.apache.flink.table.connector.source.lookup.cache.LookupCache;
import org.apache.flink.util.TimeUtils;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.RowKind;

/**
 * The connector that stands in for every table of a test case: as a source it gives the rows that
 * the case feeds, as a sink it keeps what arrives.
 */
public final class FeedFactory implements DynamicTableSourceFactory, DynamicTableSinkFactory {
    static final String IDENTIFIER = "feed";
    static final String CASE = "feed.case";
    static final String KINDS = "feed.kinds";
    static final String BOUNDED = "feed.bounded";
    static final String NAME = "feed.name";
    static final String INSTEAD_OF = "feed.instead-of"; // the connector of the script

    static final ConfigOption<Integer> CASE_OPTION =
            ConfigOptions.key(CASE).intType().noDefaultValue();

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(CASE_OPTION);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        return new Source(new Table(context));
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        return new Sink(new Table(context));
    }

    static ChangelogMode modeOf(String kinds) {
        ChangelogMode.Builder mode = ChangelogMode.newBuilder();
        for (String kind : kinds.split(",")) {
            mode.addContainedKind(
                    switch (kind.strip()) {
                        case "I" -> RowKind.INSERT;
                        case "UB" -> RowKind.UPDATE_BEFORE;
                        case "UA" -> RowKind.UPDATE_AFTER;
                        case "D" -> RowKind.DELETE;
                        default -> throw new IllegalArgumentException("no kind of row: " + kind);
                    });
        }
        return mode.build();
    }

    /** The columns of the primary key, counted among those that are stored. */
    private static int[] physicalPositions(ResolvedSchema schema) {
        int[] keys = schema.getPrimaryKeyIndexes();
        int[] positions = new int[keys.length];
        for (int i = 0; i < keys.length; i++) {
            for (int c = 0; c < keys[i]; c++) {
                positions[i] += schema.getColumns().get(c).isPhysical() ? 1 : 0;
            }
        }
        return positions;
    }

    /** What the catalog says of a table. */
    private static final class Table {
        final String name;
        final int caseNumber;
        final String kinds;
        final boolean isBounded;
        final boolean takesInsertsOnly;
        final Map<String, String> options;
        final ResolvedSchema schema;
        final DataType physicalType;

        Table(Context context) {
            options = context.getCatalogTable().getOptions();
            name = options.getOrDefault(NAME, context.getObjectIdentifier().getObjectName());
            caseNumber = Integer.parseInt(options.get(CASE));
            kinds = options.getOrDefault(KINDS, "I");
            isBounded = Boolean.parseBoolean(options.getOrDefault(BOUNDED, "false"));
            schema = context.getCatalogTable().getResolvedSchema();
            takesInsertsOnly =
                    takesInsertsOnly(
                            options.getOrDefault(INSTEAD_OF, ""),
                            options.getOrDefault("format", options.getOrDefault("value.format", "")),
                            schema.getPrimaryKey().isPresent());
            physicalType = schema.toPhysicalRowDataType();
        }

        /** Whether the connector that we stand in for is one that cannot take back a row. */
        private static boolean takesInsertsOnly(String connector, String format, boolean hasKey) {
            return switch (connector) {
                case "filesystem", "kinesis", "firehose" -> true;
                case "kafka" -> !format.contains("debezium")
                        && !format.contains("canal")
                        && !format.contains("maxwell");
                case "jdbc", "elasticsearch-7", "opensearch" -> !hasKey;
                default -> false;
            };
        }

        Map<String, DataType> metadata(boolean isWritten) {
            Map<String, DataType> types = new LinkedHashMap<>();
            for (Column column : schema.getColumns()) {
                if (column instanceof Column.MetadataColumn metadata
                        && !(isWritten && metadata.isVirtual())) {
                    types.put(
                            metadata.getMetadataKey().orElse(metadata.getName()),
                            metadata.getDataType().nullable());
                }
            }
            return types;
        }
    }

    private static final class Source
            implements ScanTableSource,
                    LookupTableSource,
                    SupportsReadingMetadata,
                    SupportsWatermarkPushDown {
        private final Table table;
        private List<String> metadataKeys = List.of();
        private WatermarkStrategy<RowData> watermarks;

        Source(Table table) {
            this.table = table;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return modeOf(table.kinds);
        }

        /** Columns as they are fed, and which of them stand where in the row that is produced. */
        private FeedLayout layout() {
            List<LogicalType> types = new ArrayList<>();
            List<Boolean> isVirtual = new ArrayList<>();
            List<Integer> physical = new ArrayList<>();
            Map<String, Integer> metadata = new HashMap<>();
            for (Column column : table.schema.getColumns()) {
                if (column.isPhysical()) {
                    physical.add(types.size());
                } else if (column instanceof Column.MetadataColumn m) {
                    metadata.put(m.getMetadataKey().orElse(m.getName()), types.size());
                } else {
                    continue;
                }
                types.add(column.getDataType().getLogicalType());
                isVirtual.add(!column.isPhysical() && !column.isPersisted());
            }
            List<Integer> produced = new ArrayList<>(physical);
            metadataKeys.forEach(key -> produced.add(metadata.get(key)));
            return new FeedLayout(
                    types, isVirtual, produced.stream().mapToInt(Integer::intValue).toArray());
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            return SourceFunctionProvider.of(
                    new FeedFunction(table.caseNumber, table.name, layout(), watermarks),
                    table.isBounded);
        }

        @Override
        public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext context) {
            int[] keys = new int[context.getKeys().length];
            for (int i = 0; i < keys.length; i++) {
                keys[i] = context.getKeys()[i][0];
            }
            FeedLookup lookup =
                    new FeedLookup(
                            table.caseNumber,
                            table.name,
                            layout(),
                            keys,
                            physicalPositions(table.schema));
            LookupCache cache = cache();
            return cache == null
                    ? LookupFunctionProvider.of(lookup)
                    : PartialCachingLookupProvider.of(lookup, cache);
        }

        /** As the table's options ask for: those of Flink, or the older ones of jdbc and redis. */
        private LookupCache cache() {
            Configuration options = Configuration.fromMap(table.options);
            DefaultLookupCache cache = null;
            if (options.get(LookupOptions.CACHE_TYPE) == LookupOptions.LookupCacheType.PARTIAL) {
                // Flink's connectors want a limit; cases shall not have to name one.
                boolean hasLimit =
                        options.contains(LookupOptions.PARTIAL_CACHE_MAX_ROWS)
                                || options.contains(LookupOptions.PARTIAL_CACHE_EXPIRE_AFTER_ACCESS)
                                || options.contains(LookupOptions.PARTIAL_CACHE_EXPIRE_AFTER_WRITE);
                if (!hasLimit) {
                    options.set(LookupOptions.PARTIAL_CACHE_MAX_ROWS, Long.MAX_VALUE);
                }
                cache = DefaultLookupCache.fromConfig(options);
            } else if (table.options.containsKey("lookup.cache.max-rows")
                    && table.options.containsKey("lookup.cache.ttl")) {
                boolean isRedis = table.options.get(INSTEAD_OF).equals("redis");
                String ttl = table.options.get("lookup.cache.ttl");
                cache =
                        DefaultLookupCache.newBuilder()
                                .maximumSize(
                                        Long.parseLong(
                                                table.options.get("lookup.cache.max-rows")))
                                .expireAfterWrite(
                                        TimeUtils.parseDuration(
                                                isRedis && ttl.matches("\\d+") ? ttl + " s" : ttl))
                                .cacheMissingKey(
                                        !isRedis
                                                && !"false"
                                                        .equals(
                                                                table.options.get(
                                                                        "lookup.cache.caching-missing-key")))
                                .build();
            }
            return cache == null ? null : new ClockedCache(cache);
        }

        @Override
        public Map<String, DataType> listReadableMetadata() {
            return table.metadata(false);
        }

        @Override
        public void applyReadableMetadata(List<String> keys, DataType producedType) {
            metadataKeys = keys;
        }

        @Override
        public void applyWatermark(WatermarkStrategy<RowData> strategy) {
            watermarks = strategy;
        }

        @Override
        public DynamicTableSource copy() {
            Source copy = new Source(table);
            copy.metadataKeys = metadataKeys;
            copy.watermarks = watermarks;
            return copy;
        }

        @Override
        public String asSummaryString() {
            return "feed " + table.name;
        }
    }

    private static final class Sink
            implements DynamicTableSink,
                    SupportsWritingMetadata,
                    SupportsPartitioning {
        private final Table table;
        private DataType consumedType;

        Sink(Table table) {
            this.table = table;
            this.consumedType = table.physicalType;
        }

        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            if (table.takesInsertsOnly) {
                return ChangelogMode.insertOnly();
            }
            return table.schema.getPrimaryKey().isPresent()
                    ? ChangelogMode.upsert()
                    : ChangelogMode.all();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            return SinkFunctionProvider.of(
                    new CaptureFunction(
                            table.caseNumber,
                            table.name,
                            physicalPositions(table.schema),
                            context.createDataStructureConverter(consumedType)));
        }

        @Override
        public Map<String, DataType> listWritableMetadata() {
            return table.metadata(true);
        }

        @Override
        public void applyWritableMetadata(List<String> keys, DataType consumed) {
            consumedType = consumed;
        }

        @Override
        public void applyStaticPartition(Map<String, String> partition) {}

        @Override
        public DynamicTableSink copy() {
            Sink copy = new Sink(table);
            copy.consumedType = consumedType;
            return copy;
        }

        @Override
        public String asSummaryString() {
            return "capture " + table.name;
        }
    }
}
