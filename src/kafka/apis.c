/* The requests that are known, with their versions and schemas. What is not here is not announced
 * to clients, and they do without it. */
#include <assert.h>

#include "kafka/internal.h"

enum { NEVER = 1000 };

static const Api apis[] = {
    {PRODUCE_KEY, "Produce", 3, 13, 9,
     "transactional_id:s? acks:h timeout_ms:i topics:[name:s@0-12 topic_id:u@13+"
     " partitions:[index:i records:R?]]",
     "topics:[name:s@0-12 topic_id:u@13+ partitions:[index:i error_code:h base_offset:l "
     "log_append_time_ms:l"
     " log_start_offset:l@5+ record_errors:[batch_index:i message:s?]@8+ error_message:s?@8+]]"
     " throttle_time_ms:i",
     handle_produce},
    {FETCH_KEY, "Fetch", 4, 17, 12,
     "replica_id:i@0-14 max_wait_ms:i min_bytes:i max_bytes:i isolation_level:c session_id:i@7+"
     " session_epoch:i@7+ topics:[topic:s@0-12 topic_id:u@13+ partitions:[partition:i"
     " current_leader_epoch:i@9+ fetch_offset:l last_fetched_epoch:i@12+ log_start_offset:l@5+"
     " partition_max_bytes:i]] forgotten_topics_data:[topic:s@0-12 topic_id:u@13+"
     " partitions:[i]]@7+ rack_id:s@11+",
     "throttle_time_ms:i error_code:h@7+ session_id:i@7+ responses:[topic:s@0-12 topic_id:u@13+"
     " partitions:[partition_index:i error_code:h high_watermark:l last_stable_offset:l"
     " log_start_offset:l@5+ aborted_transactions:[producer_id:l first_offset:l]?"
     " preferred_read_replica:i@11+ records:R?]]",
     handle_fetch},
    {2, "ListOffsets", 1, 10, 6,
     "replica_id:i isolation_level:c@2+ topics:[name:s partitions:[partition_index:i"
     " current_leader_epoch:i@4+ timestamp:l]] timeout_ms:i@10+",
     "throttle_time_ms:i@2+ topics:[name:s partitions:[partition_index:i error_code:h timestamp:l"
     " offset:l leader_epoch:i@4+]]",
     handle_list_offsets},
    {3, "Metadata", 0, 13, 9,
     "topics:[topic_id:u@10+ name:s?]? allow_auto_topic_creation:b@4+ "
     "include_cluster_authorized_operations:b@8-10"
     " include_topic_authorized_operations:b@8+",
     "throttle_time_ms:i@3+ brokers:[node_id:i host:s port:i rack:s?@1+] cluster_id:s?@2+"
     " controller_id:i@1+ topics:[error_code:h name:s? topic_id:u@10+ is_internal:b@1+ "
     "partitions:[error_code:h"
     " partition_index:i leader_id:i leader_epoch:i@7+ replica_nodes:[i] isr_nodes:[i]"
     " offline_replicas:[i]@5+] topic_authorized_operations:i@8+]"
     " cluster_authorized_operations:i@8-10 error_code:h@13+",
     handle_metadata},
    {8, "OffsetCommit", 2, 9, 8,
     "group_id:s generation_id:i member_id:s retention_time_ms:l@2-4 group_instance_id:s?@7+"
     " topics:[name:s partitions:[partition_index:i committed_offset:l committed_leader_epoch:i@6+"
     " committed_metadata:s?]]",
     "throttle_time_ms:i@3+ topics:[name:s partitions:[partition_index:i error_code:h]]",
     handle_offset_commit},
    {9, "OffsetFetch", 1, 9, 6,
     "group_id:s@0-7 topics:[name:s partition_indexes:[i]]?@0-7 groups:[group_id:s"
     " member_id:s?@9+ member_epoch:i@9+ topics:[name:s partition_indexes:[i]]?]@8+"
     " require_stable:b@7+",
     "throttle_time_ms:i@3+ topics:[name:s partitions:[partition_index:i committed_offset:l"
     " committed_leader_epoch:i@5+ metadata:s? error_code:h]]@0-7 error_code:h@2-7"
     " groups:[group_id:s topics:[name:s partitions:[partition_index:i committed_offset:l"
     " committed_leader_epoch:i metadata:s? error_code:h]] error_code:h]@8+",
     handle_offset_fetch},
    {10, "FindCoordinator", 0, 6, 3, "key:s@0-3 key_type:c@1+ coordinator_keys:[s]@4+",
     "throttle_time_ms:i@1+ error_code:h@0-3 error_message:s?@1-3 node_id:i@0-3 host:s@0-3"
     " port:i@0-3 coordinators:[key:s node_id:i host:s port:i error_code:h error_message:s?]@4+",
     handle_find_coordinator},
    {11, "JoinGroup", 0, 9, 6,
     "group_id:s session_timeout_ms:i rebalance_timeout_ms:i@1+ member_id:s"
     " group_instance_id:s?@5+ protocol_type:s protocols:[name:s metadata:B] reason:s?@8+",
     "throttle_time_ms:i@2+ error_code:h generation_id:i protocol_type:s?@7+ protocol_name:s?"
     " leader:s skip_assignment:b@9+ member_id:s"
     " members:[member_id:s group_instance_id:s?@5+ metadata:B]",
     handle_join_group},
    {12, "Heartbeat", 0, 4, 4, "group_id:s generation_id:i member_id:s group_instance_id:s?@3+",
     "throttle_time_ms:i@1+ error_code:h", handle_heartbeat},
    {13, "LeaveGroup", 0, 5, 4,
     "group_id:s member_id:s@0-2 members:[member_id:s group_instance_id:s? reason:s?@5+]@3+",
     "throttle_time_ms:i@1+ error_code:h members:[member_id:s group_instance_id:s?"
     " error_code:h]@3+",
     handle_leave_group},
    {14, "SyncGroup", 0, 5, 4,
     "group_id:s generation_id:i member_id:s group_instance_id:s?@3+ protocol_type:s?@5+"
     " protocol_name:s?@5+ assignments:[member_id:s assignment:B]",
     "throttle_time_ms:i@1+ error_code:h protocol_type:s?@5+ protocol_name:s?@5+ assignment:B",
     handle_sync_group},
    {15, "DescribeGroups", 0, 6, 5, "groups:[s] include_authorized_operations:b@3+",
     "throttle_time_ms:i@1+ groups:[error_code:h error_message:s?@6+ group_id:s group_state:s "
     "protocol_type:s"
     " protocol_data:s members:[member_id:s group_instance_id:s?@4+ client_id:s client_host:s"
     " member_metadata:B member_assignment:B] authorized_operations:i@3+]",
     handle_describe_groups},
    {16, "ListGroups", 0, 5, 3, "states_filter:[s]@4+ types_filter:[s]@5+",
     "throttle_time_ms:i@1+ error_code:h groups:[group_id:s protocol_type:s group_state:s@4+"
     " group_type:s@5+]",
     handle_list_groups},
    {SASL_HANDSHAKE_KEY, "SaslHandshake", 0, 1, NEVER, "mechanism:s", "error_code:h mechanisms:[s]",
     handle_sasl_handshake},
    {API_VERSIONS_KEY, "ApiVersions", 0, 4, 3,
     "client_software_name:s@3+ client_software_version:s@3+",
     "error_code:h api_keys:[api_key:h min_version:h max_version:h] throttle_time_ms:i@1+"
     " supported_features:[name:s min_version:h max_version:h]@4+#0"
     " finalized_features_epoch:l@3+#1"
     " finalized_features:[name:s max_version_level:h min_version_level:h]@3+#2",
     handle_api_versions},
    {19, "CreateTopics", 2, 7, 5,
     "topics:[name:s num_partitions:i replication_factor:h assignments:[partition_index:i"
     " broker_ids:[i]] configs:[name:s value:s?]] timeout_ms:i validate_only:b",
     "throttle_time_ms:i topics:[name:s topic_id:u@7+ error_code:h error_message:s?"
     " num_partitions:i@5+"
     " replication_factor:h@5+ configs:[name:s value:s? read_only:b config_source:c"
     " is_sensitive:b]?@5+]",
     handle_create_topics},
    {20, "DeleteTopics", 1, 6, 4, "topics:[name:s? topic_id:u]@6+ topic_names:[s]@1-5 timeout_ms:i",
     "throttle_time_ms:i responses:[name:s? topic_id:u@6+ error_code:h error_message:s?@5+]",
     handle_delete_topics},
    {21, "DeleteRecords", 0, 2, 2,
     "topics:[name:s partitions:[partition_index:i offset:l]] timeout_ms:i",
     "throttle_time_ms:i topics:[name:s partitions:[partition_index:i low_watermark:l"
     " error_code:h]]",
     handle_delete_records},
    {22, "InitProducerId", 0, 5, 2,
     "transactional_id:s? transaction_timeout_ms:i producer_id:l@3+ producer_epoch:h@3+",
     "throttle_time_ms:i error_code:h producer_id:l producer_epoch:h", handle_init_producer_id},
    {23, "OffsetForLeaderEpoch", 2, 4, 4,
     "replica_id:i@3+ topics:[topic:s partitions:[partition:i current_leader_epoch:i"
     " leader_epoch:i]]",
     "throttle_time_ms:i topics:[topic:s partitions:[error_code:h partition:i leader_epoch:i"
     " end_offset:l]]",
     handle_leader_epoch},
    {24, "AddPartitionsToTxn", 0, 3, 3,
     "transactional_id:s producer_id:l producer_epoch:h topics:[name:s partitions:[i]]",
     "throttle_time_ms:i topics:[name:s partitions:[partition_index:i error_code:h]]",
     handle_add_partitions},
    {ADD_OFFSETS_KEY, "AddOffsetsToTxn", 0, 4, 3,
     "transactional_id:s producer_id:l producer_epoch:h group_id:s",
     "throttle_time_ms:i error_code:h", handle_add_offsets},
    {26, "EndTxn", 0, 5, 3, "transactional_id:s producer_id:l producer_epoch:h committed:b",
     "throttle_time_ms:i error_code:h producer_id:l@5+ producer_epoch:h@5+",
     handle_end_transaction},
    {TRANSACTION_COMMIT_KEY, "TxnOffsetCommit", 0, 5, 3,
     "transactional_id:s group_id:s producer_id:l producer_epoch:h generation_id:i@3+"
     " member_id:s@3+ group_instance_id:s?@3+ topics:[name:s partitions:[partition_index:i"
     " committed_offset:l committed_leader_epoch:i@2+ committed_metadata:s?]]",
     "throttle_time_ms:i topics:[name:s partitions:[partition_index:i error_code:h]]",
     handle_transaction_commit},
    {29, "DescribeAcls", 1, 3, 2,
     "resource_type_filter:c resource_name_filter:s? pattern_type_filter:c principal_filter:s?"
     " host_filter:s? operation:c permission_type:c",
     "throttle_time_ms:i error_code:h error_message:s? resources:[resource_type:c resource_name:s"
     " pattern_type:c acls:[principal:s host:s operation:c permission_type:c]]",
     handle_describe_acls},
    {30, "CreateAcls", 1, 3, 2,
     "creations:[resource_type:c resource_name:s resource_pattern_type:c principal:s host:s"
     " operation:c permission_type:c]",
     "throttle_time_ms:i results:[error_code:h error_message:s?]", handle_create_acls},
    {31, "DeleteAcls", 1, 3, 2,
     "filters:[resource_type_filter:c resource_name_filter:s? pattern_type_filter:c"
     " principal_filter:s? host_filter:s? operation:c permission_type:c]",
     "throttle_time_ms:i filter_results:[error_code:h error_message:s? matching_acls:[error_code:h"
     " error_message:s? resource_type:c resource_name:s pattern_type:c principal:s host:s"
     " operation:c permission_type:c]]",
     handle_delete_acls},
    {32, "DescribeConfigs", 1, 4, 4,
     "resources:[resource_type:c resource_name:s configuration_keys:[s]?] include_synonyms:b"
     " include_documentation:b@3+",
     "throttle_time_ms:i results:[error_code:h error_message:s? resource_type:c resource_name:s"
     " configs:[name:s value:s? read_only:b config_source:c is_sensitive:b synonyms:[name:s"
     " value:s? source:c] config_type:c@3+ documentation:s?@3+]]",
     handle_describe_configs},
    {33, "AlterConfigs", 0, 2, 2,
     "resources:[resource_type:c resource_name:s configs:[name:s value:s?]] validate_only:b",
     "throttle_time_ms:i responses:[error_code:h error_message:s? resource_type:c"
     " resource_name:s]",
     handle_alter_configs},
    {35, "DescribeLogDirs", 1, 4, 2, "topics:[topic:s partitions:[i]]?",
     "throttle_time_ms:i error_code:h@3+ results:[error_code:h log_dir:s topics:[name:s"
     " partitions:[partition_index:i partition_size:l offset_lag:l is_future_key:b]]"
     " total_bytes:l@4+ usable_bytes:l@4+]",
     handle_describe_log_dirs},
    {SASL_AUTHENTICATE_KEY, "SaslAuthenticate", 0, 2, 2, "auth_bytes:B",
     "error_code:h error_message:s? auth_bytes:B session_lifetime_ms:l@1+",
     handle_sasl_authenticate},
    {37, "CreatePartitions", 0, 3, 2,
     "topics:[name:s count:i assignments:[broker_ids:[i]]?] timeout_ms:i validate_only:b",
     "throttle_time_ms:i results:[name:s error_code:h error_message:s?]", handle_create_partitions},
    {42, "DeleteGroups", 0, 2, 2, "groups_names:[s]",
     "throttle_time_ms:i results:[group_id:s error_code:h]", handle_delete_groups},
    {44, "IncrementalAlterConfigs", 0, 1, 1,
     "resources:[resource_type:c resource_name:s configs:[name:s config_operation:c value:s?]]"
     " validate_only:b",
     "throttle_time_ms:i responses:[error_code:h error_message:s? resource_type:c"
     " resource_name:s]",
     handle_alter_configs_by_step},
    {46, "ListPartitionReassignments", 0, 0, 0,
     "timeout_ms:i topics:[name:s partition_indexes:[i]]?",
     "throttle_time_ms:i error_code:h error_message:s? topics:[name:s partitions:["
     "partition_index:i replicas:[i] adding_replicas:[i] removing_replicas:[i]]]",
     handle_list_reassignments},
    {47, "OffsetDelete", 0, 0, NEVER, "group_id:s topics:[name:s partitions:[partition_index:i]]",
     "error_code:h throttle_time_ms:i topics:[name:s partitions:[partition_index:i"
     " error_code:h]]",
     handle_offset_delete},
    {48, "DescribeClientQuotas", 0, 1, 1,
     "components:[entity_type:s match_type:c match:s?] strict:b",
     "throttle_time_ms:i error_code:h error_message:s? entries:[entity:[entity_type:s"
     " entity_name:s?] values:[key:s value:l]]?",
     handle_describe_quotas},
    {49, "AlterClientQuotas", 0, 1, 1,
     "entries:[entity:[entity_type:s entity_name:s?] ops:[key:s value:l remove:b]] validate_only:b",
     "throttle_time_ms:i entries:[error_code:h error_message:s? entity:[entity_type:s"
     " entity_name:s?]]",
     handle_alter_quotas},
    {50, "DescribeUserScramCredentials", 0, 0, 0, "users:[name:s]?",
     "throttle_time_ms:i error_code:h error_message:s? results:[user:s error_code:h"
     " error_message:s? credential_infos:[mechanism:c iterations:i]]",
     handle_describe_scram},
    {51, "AlterUserScramCredentials", 0, 0, 0,
     "deletions:[name:s mechanism:c] upsertions:[name:s mechanism:c iterations:i salt:B"
     " salted_password:B]",
     "throttle_time_ms:i results:[user:s error_code:h error_message:s?]", handle_alter_scram},
    {60, "DescribeCluster", 0, 2, 0,
     "include_cluster_authorized_operations:b endpoint_type:c@1+ include_fenced_brokers:b@2+",
     "throttle_time_ms:i error_code:h error_message:s? endpoint_type:c@1+ cluster_id:s"
     " controller_id:i brokers:[broker_id:i host:s port:i rack:s? is_fenced:b@2+]"
     " cluster_authorized_operations:i",
     handle_describe_cluster},
    {61, "DescribeProducers", 0, 0, 0, "topics:[name:s partition_indexes:[i]]",
     "throttle_time_ms:i topics:[name:s partitions:[partition_index:i error_code:h"
     " error_message:s? active_producers:[producer_id:l producer_epoch:i last_sequence:i"
     " last_timestamp:l coordinator_epoch:i current_txn_start_offset:l]]]",
     handle_describe_producers},
    {65, "DescribeTransactions", 0, 0, 0, "transactional_ids:[s]",
     "throttle_time_ms:i transaction_states:[error_code:h transactional_id:s transaction_state:s"
     " transaction_timeout_ms:i transaction_start_time_ms:l producer_id:l producer_epoch:h"
     " topics:[topic:s partitions:[i]]]",
     handle_describe_transactions},
    {66, "ListTransactions", 0, 1, 0,
     "state_filters:[s] producer_id_filters:[l] duration_filter:l@1+",
     "throttle_time_ms:i error_code:h unknown_state_filters:[s]"
     " transaction_states:[transactional_id:s producer_id:l transaction_state:s]",
     handle_list_transactions},
    {74, "ListConfigResources", 0, 1, 0, "resource_types:[c]@1+",
     "throttle_time_ms:i error_code:h config_resources:[resource_name:s resource_type:c@1+]",
     handle_list_config_resources},
    {DESCRIBE_TOPIC_PARTITIONS_KEY, "DescribeTopicPartitions", 0, 0, 0,
     "topics:[name:s] response_partition_limit:i cursor:c",
     "throttle_time_ms:i topics:[error_code:h name:s? topic_id:u is_internal:b partitions:["
     "error_code:h partition_index:i leader_id:i leader_epoch:i replica_nodes:[i] isr_nodes:[i]"
     " eligible_leader_replicas:[i]? last_known_elr:[i]? offline_replicas:[i]]"
     " topic_authorized_operations:i] next_cursor:c",
     handle_describe_topic_partitions},
};

enum { API_COUNT = sizeof apis / sizeof apis[0] };
static_assert((int)API_COUNT <= (int)API_COUNT_MAX, "a broker has room for all schemas");

int32_t api_count(void)
{
    return API_COUNT;
}

const Api *api_at(int32_t index)
{
    assert(index >= 0 && index < API_COUNT);
    return &apis[index];
}
