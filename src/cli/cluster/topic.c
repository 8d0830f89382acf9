/* weir topic: topics of a hub or a Kafka cluster. */
#include <string.h>

#include "base/json.h"
#include "cli/cluster/cluster.h"

static const Flag topic_flags[] = {
    CLUSTER_FLAGS,
    {"partitions", 'p', FLAG_VALUE, "N", "create: how many (1); produce, consume: the one (all)."},
    {"replicas", 0, FLAG_VALUE, "N", "create: how many copies (1)."},
    {"config", 0, FLAG_VALUE, "KEY=VALUE,…", "create: its configuration, cleanup.policy=compact."},
    {"offset", 'o', FLAG_VALUE, "FROM",
     "consume: earliest, latest (default), N, or @MILLISECONDS."},
    {"number", 'n', FLAG_VALUE, "N", "consume: so many records, then stop."},
    {"end", 'e', FLAG_SWITCH, NULL, "consume: stop at the end that is there now."},
    {"format", 'f', FLAG_VALUE, "FORMAT",
     "consume: %t topic, %p partition, %o offset, %T time, %k key, %v value, %h headers "
     "('%v\\n')."},
    {"key-separator", 'K', FLAG_VALUE, "TEXT",
     "produce: what stands between key and value of a line."},
    {"group", 'g', FLAG_VALUE, "GROUP",
     "consume: as a member of this group, which goes on where it was."},
};

/* ---- Looking ----------------------------------------------------------------------------- */

static ExitCode topic_list(Cli *cli, Cluster *cluster)
{
    const rd_kafka_metadata_t *metadata;
    Status status = cluster_metadata(cluster, NULL, &metadata, NULL);
    if (status != OK)
        return cluster_end(cluster, status);
    Buffer out = {0};
    JsonWriter json = {.out = &out};
    if (cli->is_json) {
        json_begin_object(&json);
        json_key(&json, "schema");
        json_text(&json, "weir.v1.TopicList");
        json_key(&json, "items");
        json_begin_array(&json);
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];
        if (!cli->is_json) {
            buffer_printf(&out, "%s  %d\n", topic->topic, topic->partition_cnt);
            continue;
        }
        json_begin_object(&json);
        json_key(&json, "name");
        json_text(&json, topic->topic);
        json_key(&json, "partitions");
        json_int(&json, topic->partition_cnt);
        json_end_object(&json);
    }
    if (cli->is_json) {
        json_end_array(&json);
        json_end_object(&json);
        buffer_append_char(&out, '\n');
    }
    rd_kafka_metadata_destroy(metadata);
    ExitCode code = report_output(cli, &out);
    buffer_free(&out);
    cluster_close(cluster);
    return code;
}

static Status describe_partitions(Cluster *cluster, const rd_kafka_metadata_topic_t *topic,
                                  Buffer *out)
{
    buffer_append_text(out, "partition  leader  start  end\n");
    for (int i = 0; i < topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *partition = &topic->partitions[i];
        int64_t low = 0, high = 0;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            cluster->handle, topic->topic, partition->id, &low, &high, CLUSTER_TIMEOUT_MS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            buffer_printf(out, "%d  %d  %s\n", partition->id, partition->leader,
                          rd_kafka_err2str(code));
        else
            buffer_printf(out, "%d  %d  %lld  %lld\n", partition->id, partition->leader,
                          (long long)low, (long long)high);
    }
    return OK;
}

/* What the topic has set itself. */
static void describe_config(Cluster *cluster, const char *topic, Buffer *out)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_DescribeConfigs(cluster->handle, &resource, 1, NULL, cluster->queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_event_t *event =
        cluster_await(cluster, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT, "ask for a configuration");
    if (event == NULL)
        return;
    size_t count, entries = 0;
    const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    const rd_kafka_ConfigEntry_t **configs =
        count == 1 ? rd_kafka_ConfigResource_configs(found[0], &entries) : NULL;
    for (size_t i = 0; i < entries; i++)
        if (rd_kafka_ConfigEntry_source(configs[i]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG)
            buffer_printf(out, "%s = %s\n", rd_kafka_ConfigEntry_name(configs[i]),
                          rd_kafka_ConfigEntry_value(configs[i]));
    rd_kafka_event_destroy(event);
}

static ExitCode topic_describe(Cli *cli, Cluster *cluster, const char *name)
{
    const rd_kafka_metadata_t *metadata = NULL;
    const rd_kafka_metadata_topic_t *topic;
    Buffer out = {0};
    Status status = cluster_metadata(cluster, name, &metadata, &topic);
    if (status == OK) {
        status = describe_partitions(cluster, topic, &out);
        describe_config(cluster, name, &out);
        rd_kafka_metadata_destroy(metadata);
    }
    ExitCode code = status == OK ? report_output(cli, &out) : EXIT_OK;
    buffer_free(&out);
    return code != EXIT_OK ? code : cluster_end(cluster, status);
}

/* ---- Making and removing ----------------------------------------------------------------- */

static Status put_configs(Cluster *cluster, rd_kafka_NewTopic_t *topic)
{
    const Cli *cli = cluster->cli;
    const char *config = cli_value(cli, "config");
    Str rest = config != NULL ? str_from(config) : (Str){0};
    while (rest.data != NULL && rest.length > 0) {
        Str value, key = str_split(str_split(rest, ',', &rest), '=', &value);
        if (value.data == NULL)
            return fail(&cluster->error, ERR_INVALID, "WR7005", "--config needs KEY=VALUE");
        rd_kafka_NewTopic_set_config(topic, str_terminated(cli->arena, key),
                                     str_terminated(cli->arena, value));
    }
    return OK;
}

static Status topic_result(Cluster *cluster, const rd_kafka_topic_result_t **results, size_t count,
                           const char *what)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return cluster_fail(cluster, code, what,
                                rd_kafka_topic_result_error_string(results[i]));
    }
    return OK;
}

static ExitCode topic_create(Cli *cli, Cluster *cluster, const char *name)
{
    int64_t partitions = 1, replicas = 1;
    char reason[256] = "";
    if (!cli_number(cli, "partitions", 1, &partitions) ||
        !cli_number(cli, "replicas", 1, &replicas)) {
        cluster_close(cluster);
        return EXIT_BAD_USAGE;
    }
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, (int)partitions, (int)replicas, reason, sizeof reason);
    if (topic == NULL)
        return cluster_end(cluster, fail(&cluster->error, ERR_INVALID, "WR7050", "%s", reason));
    Status status = put_configs(cluster, topic);
    if (status == OK) {
        rd_kafka_CreateTopics(cluster->handle, &topic, 1, NULL, cluster->queue);
        rd_kafka_event_t *event =
            cluster_await(cluster, RD_KAFKA_EVENT_CREATETOPICS_RESULT, "make the topic");
        status = event != NULL ? OK : cluster->error.status;
        size_t count;
        if (event != NULL) {
            const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
                rd_kafka_event_CreateTopics_result(event), &count);
            status = topic_result(cluster, results, count, "make the topic");
            rd_kafka_event_destroy(event);
        }
    }
    rd_kafka_NewTopic_destroy(topic);
    return cluster_end(cluster, status);
}

static ExitCode topic_delete(Cluster *cluster, const char *name)
{
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_DeleteTopics(cluster->handle, &topic, 1, NULL, cluster->queue);
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_event_t *event =
        cluster_await(cluster, RD_KAFKA_EVENT_DELETETOPICS_RESULT, "remove the topic");
    if (event == NULL)
        return cluster_end(cluster, cluster->error.status);
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    Status status = topic_result(cluster, results, count, "remove the topic");
    rd_kafka_event_destroy(event);
    return cluster_end(cluster, status);
}

/* ---- The command ------------------------------------------------------------------------- */

static ExitCode topic_run(Cli *cli)
{
    const char *action = LIST_AT(cli->arguments, 0, const char);
    const char *name = cli->arguments.count > 1 ? LIST_AT(cli->arguments, 1, const char) : NULL;
    static const char *const actions[] = {"list",     "create",  "delete",
                                          "describe", "produce", "consume"};
    int32_t found = -1;
    for (int32_t i = 0; i < 6; i++)
        if (strcmp(action, actions[i]) == 0)
            found = i;
    if (found < 0 || (found == 0) != (name == NULL))
        return report_usage(cli, "WR7003",
                            "weir topic list, or create, delete, describe, produce or consume NAME",
                            "`weir topic` does not take this");
    if (found == 4)
        return topic_produce(cli, name);
    if (found == 5)
        return topic_consume(cli, name);
    Cluster cluster;
    Status status = cluster_open(cli, RD_KAFKA_PRODUCER, NULL, &cluster);
    if (status != OK)
        return cluster_end(&cluster, status);
    switch (found) {
    case 0: return topic_list(cli, &cluster);
    case 1: return topic_create(cli, &cluster, name);
    case 2: return topic_delete(&cluster, name);
    default: return topic_describe(cli, &cluster, name);
    }
}

const Command topic_command = {
    .name = "topic",
    .arguments = "list|create|delete|describe|produce|consume [NAME]",
    .summary = "Topics of a hub or a Kafka cluster.",
    .details =
        "produce reads lines from standard input; consume follows until Ctrl-C unless -n or -e is\n"
        "given.",
    .flags = topic_flags,
    .flag_count = sizeof topic_flags / sizeof topic_flags[0],
    .argument_min = 1,
    .argument_max = 2,
    .run = topic_run,
};
