package weir.conformance;

import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ExplainDetail;
import org.apache.flink.table.api.ExplainFormat;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.api.internal.TableEnvironmentImpl;
import org.apache.flink.table.api.internal.TableEnvironmentInternal;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ContextResolvedTable;
import org.apache.flink.table.catalog.ResolvedCatalogTable;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.catalog.UniqueConstraint;
import org.apache.flink.table.operations.CreateTableASOperation;
import org.apache.flink.table.operations.ReplaceTableAsOperation;
import org.apache.flink.table.operations.EndStatementSetOperation;
import org.apache.flink.table.operations.BeginStatementSetOperation;
import org.apache.flink.table.operations.ModifyOperation;
import org.apache.flink.table.operations.Operation;
import org.apache.flink.table.operations.QueryOperation;
import org.apache.flink.table.operations.SinkModifyOperation;
import org.apache.flink.table.operations.StatementSetOperation;
import org.apache.flink.table.operations.command.ResetOperation;
import org.apache.flink.table.operations.command.SetOperation;
import org.apache.flink.table.operations.ddl.CreateTableOperation;
import org.apache.flink.table.types.DataType;

/** Plans and runs cases, one after another, in one small cluster in this process. */
final class Runner implements AutoCloseable {
    /** What the result of a bare query is called among the sinks. */
    static final String QUERY = "query";

    /** Those of Flink's connectors that are here. */
    private static final Set<String> OWN_CONNECTORS = Set.of("filesystem", "print", "blackhole");

    private static final Duration LIMIT = Duration.ofSeconds(40);
    private static final Pattern BATCH =
            Pattern.compile(
                    "SET\\s+'execution.runtime-mode'\\s*=\\s*'batch'", Pattern.CASE_INSENSITIVE);

    /**
     * A materialized table, which in Flink wants a catalog that keeps it. Here it is a view for
     * those that read it, and a sink by its key.
     */
    private static final Pattern MATERIALIZED =
            Pattern.compile(
                    "CREATE\\s+MATERIALIZED\\s+TABLE\\s+(\\S+?)\\s*"
                            + "(?:\\([^()]*PRIMARY\\s+KEY\\s*\\(([^()]*)\\)[^()]*\\)\\s*)?"
                            + "(?:COMMENT\\s+'[^']*'\\s*)?(?:WITH\\s*\\([^()]*\\)\\s*)?"
                            + "(?:FRESHNESS\\s*=\\s*INTERVAL\\s*'[^']*'\\s*\\w+\\s+)?"
                            + "(?:REFRESH_MODE\\s*=\\s*\\w+\\s+)?AS\\s+(.*)",
                    Pattern.CASE_INSENSITIVE | Pattern.DOTALL);

    private final MiniCluster cluster;
    private final ReentrantLock turn = new ReentrantLock(true);
    private int caseCount;

    Runner() throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(128));
        configuration.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(64));
        configuration.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(64));
        configuration.setString("rest.bind-port", "0");
        configuration.setString("jobstore.max-capacity", "2");
        configuration.setString("jobstore.type", "Memory");
        cluster =
                new MiniCluster(
                        new MiniClusterConfiguration.Builder()
                                .setConfiguration(configuration)
                                .withRandomPorts()
                                .setNumTaskManagers(1)
                                .setNumSlotsPerTaskManager(8)
                                .build());
        cluster.start();
    }

    @Override
    public void close() throws Exception {
        cluster.close();
    }

    /** Runs one case; never throws: what went wrong is part of the answer. */
    Map<String, Object> run(JsonNode request) {
        Map<String, Object> answer = new LinkedHashMap<>();
        for (String name : List.of("file", "title")) {
            if (request.has(name)) {
                answer.put(name, request.get(name).asText());
            }
        }
        turn.lock();
        try {
            VirtualClock.reset();
            new Attempt(request, answer).run();
        } catch (Throwable error) {
            answer.putIfAbsent("refused", Errors.describe(error));
        } finally {
            turn.unlock();
        }
        return answer;
    }

    /** One case on its way. */
    private final class Attempt {
        private final JsonNode request;
        private final Map<String, Object> answer;
        private final int number = ++caseCount;
        private final boolean isBatch;
        private final StreamExecutionEnvironment environment;
        private final StreamTableEnvironment tables;
        private final TableEnvironmentInternal internal;
        private final List<ModifyOperation> inserts = new ArrayList<>();
        private boolean isInSet;
        private final StringBuilder output = new StringBuilder();

        Attempt(JsonNode request, Map<String, Object> answer) {
            this.request = request;
            this.answer = answer;
            String script = text("setup") + "\n" + text("sql");
            isBatch = BATCH.matcher(script).find();
            Configuration configuration = new Configuration();
            configuration.setString("parallelism.default", "1");
            configuration.setString("pipeline.object-reuse", "true");
            configuration.setString("pipeline.auto-watermark-interval", "0");
            configuration.setString("execution.buffer-timeout.interval", "0 ms");
            configuration.setString("restart-strategy.type", "disable");
            // A checkpoint is lost when a task ends meanwhile, such as one of constants.
            configuration.setString("execution.checkpointing.timeout", "3 s");
            configuration.setString(
                    "execution.checkpointing.tolerable-failed-checkpoints", "1000000");
            environment = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
            EnvironmentSettings.Builder settings = EnvironmentSettings.newInstance();
            tables =
                    StreamTableEnvironment.create(
                            environment,
                            (isBatch ? settings.inBatchMode() : settings.inStreamingMode())
                                    .build());
            tables.getConfig().setLocalTimeZone(ZoneId.of("UTC"));
            internal = (TableEnvironmentInternal) tables;
        }

        private String text(String name) {
            return request.has(name) ? request.get(name).asText() : "";
        }

        void run() throws Exception {
            for (String statement : Script.statements(text("setup") + ";\n" + text("sql"))) {
                Matcher materialized = MATERIALIZED.matcher(statement);
                if (materialized.matches()) {
                    captureMaterialized(materialized);
                    continue;
                }
                for (Operation operation : internal.getParser().parse(statement)) {
                    execute(operation);
                }
            }
            if (expects("output")) {
                answer.put("output", output.toString().lines().toList());
            }
            if (inserts.isEmpty()) {
                return;
            }
            if (request.path("plan").asBoolean()) {
                answer.put(
                        "plan",
                        internal.explainInternal(
                                new ArrayList<>(inserts),
                                ExplainFormat.TEXT,
                                ExplainDetail.CHANGELOG_MODE));
            }
            List<Transformation<?>> transformations =
                    ((TableEnvironmentImpl) tables).getPlanner().translate(inserts);
            if (request.path("check").asBoolean()) {
                return;
            }
            transformations.forEach(environment::addOperator);
            lead(environment.getStreamGraph());
        }

        private void execute(Operation operation) {
            if (isInSet
                    && !(operation instanceof ModifyOperation)
                    && !(operation instanceof EndStatementSetOperation)) {
                throw new ValidationException("Only INSERT statements are in a statement set.");
            }
            if (operation instanceof BeginStatementSetOperation) {
                isInSet = true;
            } else if (operation instanceof EndStatementSetOperation) {
                isInSet = false;
            } else if (operation instanceof SetOperation set) {
                if (set.getKey().isPresent()
                        && !set.getKey().get().equals("execution.runtime-mode")) {
                    tables.getConfig().set(set.getKey().get(), set.getValue().orElseThrow());
                }
            } else if (operation instanceof ResetOperation reset) {
                reset.getKey()
                        .ifPresent(key -> tables.getConfig().getConfiguration().removeKey(key));
            } else if (operation instanceof QueryOperation query) {
                inserts.add(captureQuery(query, QUERY, List.of()));
            } else if (operation instanceof CreateTableASOperation create) {
                internal.executeInternal(withOurConnector(create.getCreateTableOperation()));
                inserts.add(create.toSinkModifyOperation(internal.getCatalogManager()));
            } else if (operation instanceof ReplaceTableAsOperation replace) {
                replace(replace);
            } else if (operation instanceof CreateTableOperation create) {
                internal.executeInternal(withOurConnector(create));
            } else if (operation instanceof StatementSetOperation set) {
                inserts.addAll(set.getOperations());
            } else if (operation instanceof ModifyOperation insert) {
                inserts.add(insert);
            } else {
                output.append(Output.of(internal.executeInternal(operation), operation));
            }
        }

        /** Our catalog does not do it in one step. */
        private void replace(ReplaceTableAsOperation replace) {
            CreateTableOperation create = replace.getCreateTableOperation();
            boolean isThere =
                    internal.getCatalogManager().getTable(create.getTableIdentifier()).isPresent();
            if (!isThere && !replace.isCreateOrReplace()) {
                throw new ValidationException(
                        "The table " + create.getTableIdentifier() + " to be replaced is not there.");
            }
            internal.getCatalogManager().dropTable(create.getTableIdentifier(), true);
            internal.executeInternal(withOurConnector(create));
            inserts.add(
                    new SinkModifyOperation(
                            internal.getCatalogManager()
                                    .getTable(create.getTableIdentifier())
                                    .orElseThrow(),
                            replace.getChild()));
        }

        private void captureMaterialized(Matcher statement) {
            String name = statement.group(1);
            internal.executeSql("CREATE VIEW " + name + " AS " + statement.group(3));
            List<String> key = new ArrayList<>();
            if (statement.group(2) != null) {
                for (String column : statement.group(2).split(",")) {
                    key.add(column.strip().replace("`", ""));
                }
            }
            Operation all = internal.getParser().parse("SELECT * FROM " + name).get(0);
            inserts.add(captureQuery((QueryOperation) all, name.replace("`", ""), key));
        }

        private ModifyOperation captureQuery(
                QueryOperation query, String name, List<String> key) {
            ResolvedSchema schema = query.getResolvedSchema();
            List<Column> columns = new ArrayList<>();
            Schema.Builder unresolved = Schema.newBuilder();
            for (Column column : schema.getColumns()) {
                // As in Flink's own collecting sink, where time attributes are plain times.
                boolean isNullable = !key.contains(column.getName());
                DataType type = DataTypes.of(plain(column).copy(isNullable));
                columns.add(Column.physical(column.getName(), type));
                unresolved.column(column.getName(), type);
            }
            if (!key.isEmpty()) {
                unresolved.primaryKey(key);
            }
            CatalogTable table =
                    CatalogTable.of(
                            unresolved.build(), null, List.of(), options(name, Set.of()));
            ResolvedSchema resolved =
                    new ResolvedSchema(
                            columns,
                            List.of(),
                            key.isEmpty() ? null : UniqueConstraint.primaryKey("key", key));
            return new SinkModifyOperation(
                    ContextResolvedTable.anonymous(new ResolvedCatalogTable(table, resolved)),
                    query);
        }

        private org.apache.flink.table.types.logical.LogicalType plain(Column column) {
            return org.apache.flink.table.types.logical.utils.LogicalTypeUtils
                    .removeTimeAttributes(column.getDataType().getLogicalType());
        }

        private Map<String, String> options(String table, Set<String> kinds) {
            Map<String, String> options = new HashMap<>();
            options.put("connector", FeedFactory.IDENTIFIER);
            options.put(FeedFactory.NAME, table);
            options.put(FeedFactory.CASE, Integer.toString(number));
            options.put(FeedFactory.BOUNDED, Boolean.toString(isBatch));
            if (!kinds.isEmpty()) {
                options.put(FeedFactory.KINDS, String.join(",", kinds));
            }
            return options;
        }

        /** Puts our connector in the place of the table's own. */
        private CreateTableOperation withOurConnector(CreateTableOperation create) {
            CatalogTable table = create.getCatalogTable();
            String connector = table.getOptions().get("connector");
            if (keepsConnector(connector)) {
                return create;
            }
            String name = create.getTableIdentifier().getObjectName();
            Map<String, String> changed = new HashMap<>(table.getOptions());
            changed.putAll(options(name, kinds(name, table)));
            if (connector != null && !connector.equals(FeedFactory.IDENTIFIER)) {
                changed.put(FeedFactory.INSTEAD_OF, connector);
            }
            return new CreateTableOperation(
                    create.getTableIdentifier(),
                    table.copy(changed),
                    create.isIgnoreIfExists(),
                    create.isTemporary());
        }

        /**
         * Tables that the case feeds nothing are read as they are, and where an error is expected
         * it may be one of the connector's.
         */
        private boolean keepsConnector(String connector) {
            if (connector == null) {
                return false;
            }
            if (expects("output")) {
                return true;
            }
            boolean hasFeed = false;
            for (JsonNode step : request.path("steps")) {
                hasFeed |= step.has("feed");
            }
            return connector.equals("datagen")
                    ? !hasFeed
                    : expects("error") && OWN_CONNECTORS.contains(connector);
        }

        private boolean expects(String what) {
            for (JsonNode step : request.path("steps")) {
                if (step.path("expect").asText().equals(what)) {
                    return true;
                }
            }
            return false;
        }

        /** The kinds that the table says it has, or else those that the case feeds. */
        private Set<String> kinds(String name, CatalogTable table) {
            String declared = table.getOptions().get("changelog-mode");
            if (declared != null) {
                return new TreeSet<>(List.of(declared.split(",")));
            }
            Set<String> kinds = new TreeSet<>();
            kinds.add("I");
            for (JsonNode step : request.path("steps")) {
                if (step.path("feed").asText().equals(name)) {
                    for (JsonNode row : step.path("rows")) {
                        String line = row.asText().strip();
                        kinds.add(
                                line.startsWith("-U")
                                        ? "UB"
                                        : line.startsWith("+U")
                                                ? "UA"
                                                : line.startsWith("-D") ? "D" : "I");
                    }
                }
            }
            if (kinds.contains("UB")) {
                kinds.add("UA");
            }
            return kinds;
        }

        private void lead(StreamGraph graph) throws Exception {
            boolean isJoined =
                    graph.getStreamNodes().stream().anyMatch(node -> node.getInEdges().size() > 1);
            JobGraph jobGraph = graph.getJobGraph();
            ZoneId zone = tables.getConfig().getLocalTimeZone();
            Conductor conductor = new Conductor(number, zone, LIMIT);
            for (ModifyOperation insert : inserts) {
                if (insert instanceof SinkModifyOperation sink) {
                    ContextResolvedTable table = sink.getContextResolvedTable();
                    conductor.capture(
                            table.isAnonymous()
                                    ? table.getTable().getOptions().get(FeedFactory.NAME)
                                    : table.getIdentifier().getObjectName());
                }
            }
            try {
                JobID job = cluster.submitJob(jobGraph).get().getJobID();
                CompletableFuture<JobResult> result = cluster.requestJobResult(job);
                try {
                    Steps steps = new Steps(conductor, request, answer);
                    steps.play(cluster, job, result, isBatch, isJoined);
                } catch (TimeoutException late) {
                    answer.put("failed", "no end within " + LIMIT.toSeconds() + " seconds");
                } finally {
                    if (!result.isDone()) {
                        cluster.cancelJob(job);
                        result.get(20, TimeUnit.SECONDS);
                    }
                }
            } finally {
                conductor.close();
            }
        }
    }
}
