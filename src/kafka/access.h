/* What the peer of a call may do. */
#ifndef WEIR_KAFKA_ACCESS_H
#define WEIR_KAFKA_ACCESS_H

#include "kafka/internal.h"

/* Whether he may; who comes from within the process may everything, who has a key what its roles
 * say, others what the access rules say. */
bool call_may(Call *call, AclOperation operation, AclType type, Str name);

/* WIRE_NONE, or the error that says what he may not. */
WireError call_check(Call *call, AclOperation operation, AclType type, Str name);
WireError call_check_cluster(Call *call, AclOperation operation);

/* Whether he may make a topic of that name. */
bool call_may_create(Call *call, Str topic);

/* Whether there is any topic that he may write to. */
bool call_may_write_somewhere(Call *call);

/* What he may do with it, as bits; ACL_UNASKED unless the request has set `field` or that is NULL.
 */
int32_t call_operations(Call *call, const char *field, AclType type, Str name);

/* broker_partition for who may do that with the topic. */
WireError call_partition(Call *call, AclOperation operation, Str topic, int64_t index,
                         Partition **out);

/* Set the response's only error code if he may not; then the call is done. */
bool call_is_refused(Call *call, AclOperation operation, AclType type, Str name);

#endif
