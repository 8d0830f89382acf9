package weir.bench;

import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsProjectionPushDown;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

/** The nexmark connector for Flink: the same events as weir's, over Flink's own generator source. */
public final class NexmarkFactory implements DynamicTableSourceFactory {
    private static final ConfigOption<Long> EVENTS = ConfigOptions.key("events.num").longType().noDefaultValue();
    private static final ConfigOption<Long> FIRST_RATE =
        ConfigOptions.key("first-event.rate").longType().noDefaultValue();
    private static final ConfigOption<Long> RATE = ConfigOptions.key("next-event.rate").longType().noDefaultValue();
    private static final ConfigOption<Long> SEED = ConfigOptions.key("seed").longType().noDefaultValue();
    private static final ConfigOption<String> BASE = ConfigOptions.key("base-time").stringType().noDefaultValue();
    private static final ConfigOption<Integer> PERSONS =
        ConfigOptions.key("person.proportion").intType().defaultValue(1);
    private static final ConfigOption<Integer> AUCTIONS =
        ConfigOptions.key("auction.proportion").intType().defaultValue(3);
    private static final ConfigOption<Integer> BIDS = ConfigOptions.key("bid.proportion").intType().defaultValue(46);

    @Override
    public String factoryIdentifier() {
        return "nexmark";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(EVENTS, FIRST_RATE, RATE, SEED, BASE);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(PERSONS, AUCTIONS, BIDS);
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        ReadableConfig options = helper.getOptions();
        if (options.get(PERSONS) != 1 || options.get(AUCTIONS) != 3 || options.get(BIDS) != 46) {
            throw new IllegalArgumentException("only the default proportions are known here");
        }
        long base = LocalDateTime.parse(options.get(BASE), DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss"))
            .toInstant(ZoneOffset.UTC).toEpochMilli();
        return new Source(options.get(EVENTS), options.get(RATE), options.get(SEED), base,
            context.getPhysicalRowDataType());
    }

    /** The table, or those columns and fields of it that the planner asks for. */
    private static final class Source implements ScanTableSource, SupportsProjectionPushDown {
        private final long events, rate, seed, base;
        private final DataType physical;
        private DataType produced;
        private int[][] projection;

        Source(long events, long rate, long seed, long base, DataType physical) {
            this.events = events;
            this.rate = rate;
            this.seed = seed;
            this.base = base;
            this.physical = physical;
            this.produced = physical;
            this.projection = new int[physical.getChildren().size()][];
            Arrays.setAll(projection, i -> new int[] {i});
        }

        @Override
        public boolean supportsNestedProjection() {
            return true;
        }

        @Override
        public void applyProjection(int[][] projectedFields, DataType producedDataType) {
            projection = projectedFields;
            produced = producedDataType;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            List<Part> parts = new ArrayList<>();
            List<LogicalType> columns = physical.getLogicalType().getChildren();
            for (int[] path : projection) {
                parts.add(Part.of(columns, path));
            }
            InternalTypeInfo<RowData> type = InternalTypeInfo.of(produced.getLogicalType());
            return new DataStreamScanProvider() {
                @Override
                public DataStream<RowData> produceDataStream(ProviderContext context,
                    StreamExecutionEnvironment environment) {
                    int subtasks = environment.getParallelism();
                    DataGeneratorSource<RowData> source = new DataGeneratorSource<>(
                        new Events(events, rate, seed, base, subtasks, parts.toArray(new Part[0])), events, type);
                    return environment.fromSource(source, WatermarkStrategy.noWatermarks(), "nexmark", type);
                }

                @Override
                public boolean isBounded() {
                    return true;
                }
            };
        }

        @Override
        public DynamicTableSource copy() {
            Source copy = new Source(events, rate, seed, base, physical);
            copy.applyProjection(projection, produced);
            return copy;
        }

        @Override
        public String asSummaryString() {
            return "nexmark";
        }
    }

    /** Names of the fields of an event, as the benchmark's table has them. */
    static int field(int kind, RowType row, int index) {
        List<String> names = List.of(FIELD_NAMES[kind]);
        int at = names.indexOf(row.getFieldNames().get(index));
        if (at < 0) {
            throw new IllegalArgumentException("no such field: " + row.getFieldNames().get(index));
        }
        return at + (kind == Generator.PERSON ? 0
            : kind == Generator.AUCTION ? Generator.AUCTION_ID : Generator.BID_AUCTION);
    }

    private static final String[][] FIELD_NAMES = {
        {"id", "name", "emailAddress", "creditCard", "city", "state", "dateTime", "extra"},
        {"id", "itemName", "description", "initialBid", "reserve", "dateTime", "expires", "seller", "category",
            "extra"},
        {"auction", "bidder", "price", "channel", "url", "dateTime", "extra"},
    };
}
