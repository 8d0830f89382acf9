/* weir group: consumer groups of a hub or a Kafka cluster. */
#include <string.h>

#include "cli/cluster/cluster.h"

static const Flag group_flags[] = {
    CLUSTER_FLAGS,
    {"topic", 't', FLAG_VALUE, "TOPIC", "reset-offsets: of this topic."},
    {"to", 0, FLAG_VALUE, "WHERE", "reset-offsets: earliest, latest, N, or @MILLISECONDS."},
    {"dry-run", 0, FLAG_SWITCH, NULL, "reset-offsets: say what would be set."},
};

/* ---- list -------------------------------------------------------------------------------- */

static ExitCode group_list(Cli *cli, Cluster *cluster)
{
    rd_kafka_ListConsumerGroups(cluster->handle, NULL, cluster->queue);
    rd_kafka_event_t *event =
        cluster_await(cluster, RD_KAFKA_EVENT_LISTCONSUMERGROUPS_RESULT, "list the groups");
    if (event == NULL)
        return cluster_end(cluster, cluster->error.status);
    size_t count;
    Buffer out = {0};
    const rd_kafka_ConsumerGroupListing_t **groups = rd_kafka_ListConsumerGroups_result_valid(
        rd_kafka_event_ListConsumerGroups_result(event), &count);
    for (size_t i = 0; i < count; i++)
        buffer_printf(
            &out, "%s  %s\n", rd_kafka_ConsumerGroupListing_group_id(groups[i]),
            rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(groups[i])));
    rd_kafka_event_destroy(event);
    ExitCode code = report_output(cli, &out);
    buffer_free(&out);
    cluster_close(cluster);
    return code;
}

/* ---- describe ---------------------------------------------------------------------------- */

static void put_member(const rd_kafka_MemberDescription_t *member, Buffer *out)
{
    const rd_kafka_topic_partition_list_t *partitions =
        rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member));
    buffer_printf(out, "member %s at %s:", rd_kafka_MemberDescription_client_id(member),
                  rd_kafka_MemberDescription_host(member));
    for (int i = 0; partitions != NULL && i < partitions->cnt; i++)
        buffer_printf(out, " %s/%d", partitions->elems[i].topic, partitions->elems[i].partition);
    buffer_append_char(out, '\n');
}

static Status describe_members(Cluster *cluster, const char *name, Buffer *out)
{
    rd_kafka_DescribeConsumerGroups(cluster->handle, &name, 1, NULL, cluster->queue);
    rd_kafka_event_t *event =
        cluster_await(cluster, RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT, "describe the group");
    if (event == NULL)
        return cluster->error.status;
    size_t count;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(
            out, "state %s\n",
            rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(groups[i])));
        for (size_t m = 0; m < rd_kafka_ConsumerGroupDescription_member_count(groups[i]); m++)
            put_member(rd_kafka_ConsumerGroupDescription_member(groups[i], m), out);
    }
    rd_kafka_event_destroy(event);
    return OK;
}

static void put_lag(Cluster *cluster, const rd_kafka_topic_partition_t *at, Buffer *out)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        cluster->handle, at->topic, at->partition, &low, &high, CLUSTER_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        buffer_printf(out, "%s  %d  %lld  %s\n", at->topic, at->partition, (long long)at->offset,
                      rd_kafka_err2str(code));
    else
        buffer_printf(out, "%s  %d  %lld  %lld  %lld\n", at->topic, at->partition,
                      (long long)at->offset, (long long)high, (long long)(high - at->offset));
}

static Status describe_offsets(Cluster *cluster, const char *name, Buffer *out)
{
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(name, NULL);
    rd_kafka_ListConsumerGroupOffsets(cluster->handle, &request, 1, NULL, cluster->queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_event_t *event = cluster_await(cluster, RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT,
                                            "ask for the group's offsets");
    if (event == NULL)
        return cluster->error.status;
    size_t count;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    buffer_append_text(out, "topic  partition  offset  end  lag\n");
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(groups[i]);
        for (int p = 0; list != NULL && p < list->cnt; p++)
            if (list->elems[p].offset >= 0)
                put_lag(cluster, &list->elems[p], out);
    }
    rd_kafka_event_destroy(event);
    return OK;
}

static ExitCode group_describe(Cli *cli, Cluster *cluster, const char *name)
{
    Buffer out = {0};
    Status status = describe_members(cluster, name, &out);
    if (status == OK)
        status = describe_offsets(cluster, name, &out);
    ExitCode code = status == OK ? report_output(cli, &out) : EXIT_OK;
    buffer_free(&out);
    ExitCode ended = cluster_end(cluster, status);
    return code != EXIT_OK ? code : ended;
}

/* ---- reset-offsets ----------------------------------------------------------------------- */

static Status set_offsets(Cluster *cluster, const char *group,
                          const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_AlterConsumerGroupOffsets_t *request =
        rd_kafka_AlterConsumerGroupOffsets_new(group, list);
    rd_kafka_AlterConsumerGroupOffsets(cluster->handle, &request, 1, NULL, cluster->queue);
    rd_kafka_AlterConsumerGroupOffsets_destroy(request);
    rd_kafka_event_t *event = cluster_await(
        cluster, RD_KAFKA_EVENT_ALTERCONSUMERGROUPOFFSETS_RESULT, "set the group's offsets");
    if (event == NULL)
        return cluster->error.status;
    size_t count;
    Status status = OK;
    const rd_kafka_group_result_t **groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
    for (size_t i = 0; status == OK && i < count; i++) {
        const rd_kafka_error_t *error = rd_kafka_group_result_error(groups[i]);
        const rd_kafka_topic_partition_list_t *set = rd_kafka_group_result_partitions(groups[i]);
        if (error != NULL)
            status = cluster_fail(cluster, rd_kafka_error_code(error), "set the group's offsets",
                                  rd_kafka_error_string(error));
        for (int p = 0; status == OK && set != NULL && p < set->cnt; p++)
            if (set->elems[p].err != RD_KAFKA_RESP_ERR_NO_ERROR)
                status = cluster_fail(cluster, set->elems[p].err, "set the group's offsets", NULL);
    }
    rd_kafka_event_destroy(event);
    if (status != OK)
        error_hint(&cluster->error, "offsets can be set while the group has no member");
    return status;
}

static Status find_offsets(Cluster *cluster, const char *topic, const char *to,
                           rd_kafka_topic_partition_list_t *list, Buffer *out)
{
    const rd_kafka_metadata_t *metadata;
    const rd_kafka_metadata_topic_t *found;
    TRY(cluster_metadata(cluster, topic, &metadata, &found));
    Status status = OK;
    for (int32_t p = 0; status == OK && p < found->partition_cnt; p++) {
        int64_t offset;
        status = cluster_find_offset(cluster, topic, p, to, &offset);
        if (status != OK)
            break;
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = offset;
        buffer_printf(out, "%s  %d  %lld\n", topic, p, (long long)offset);
    }
    rd_kafka_metadata_destroy(metadata);
    return status;
}

static ExitCode group_reset(Cli *cli, Cluster *cluster, const char *name)
{
    const char *topic = cli_value(cli, "topic"), *to = cli_value(cli, "to");
    if (topic == NULL || to == NULL) {
        cluster_close(cluster);
        return report_usage(cli, "WR7003",
                            "weir group reset-offsets GROUP --topic TOPIC --to earliest",
                            "`weir group reset-offsets` needs --topic and --to");
    }
    Buffer out = {0};
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    Status status = find_offsets(cluster, topic, to, list, &out);
    if (status == OK && !cli_has(cli, "dry-run"))
        status = set_offsets(cluster, name, list);
    rd_kafka_topic_partition_list_destroy(list);
    ExitCode code = status == OK ? report_output(cli, &out) : EXIT_OK;
    buffer_free(&out);
    ExitCode ended = cluster_end(cluster, status);
    return code != EXIT_OK ? code : ended;
}

/* ---- The command ------------------------------------------------------------------------- */

static ExitCode group_run(Cli *cli)
{
    const char *action = LIST_AT(cli->arguments, 0, const char);
    const char *name = cli->arguments.count > 1 ? LIST_AT(cli->arguments, 1, const char) : NULL;
    bool is_list = strcmp(action, "list") == 0, is_describe = strcmp(action, "describe") == 0;
    bool is_known = is_list || is_describe || strcmp(action, "reset-offsets") == 0;
    if (!is_known || is_list != (name == NULL))
        return report_usage(cli, "WR7003",
                            "weir group list, describe GROUP, or reset-offsets GROUP",
                            "`weir group` does not take this");
    Cluster cluster;
    Status status = cluster_open(cli, RD_KAFKA_PRODUCER, NULL, &cluster);
    if (status != OK)
        return cluster_end(&cluster, status);
    if (is_list)
        return group_list(cli, &cluster);
    return is_describe ? group_describe(cli, &cluster, name) : group_reset(cli, &cluster, name);
}

const Command group_command = {
    .name = "group",
    .arguments = "list|describe|reset-offsets [GROUP]",
    .summary = "Consumer groups of a hub or a Kafka cluster.",
    .details = "reset-offsets sets where the group goes on; no member may be in it meanwhile.",
    .flags = group_flags,
    .flag_count = sizeof group_flags / sizeof group_flags[0],
    .argument_min = 1,
    .argument_max = 2,
    .run = group_run,
};
