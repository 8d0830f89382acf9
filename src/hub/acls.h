/* Access rules: who may do what with which topics, groups, transactional ids, and with the hub
 * itself (Kafka's ACLs, with its numbers). The file FOLDER/acls has a line for each:
 *
 *     TYPE \t PATTERN \t NAME \t PRINCIPAL \t HOST \t OPERATION \t PERMISSION        as numbers and
 * text
 *
 * A rule that denies goes before all that allow; what no rule allows is denied. There are rules as
 * soon as the file is there: without it and without super users everybody may everything. Calls
 * come from one thread at a time. */
#ifndef WEIR_HUB_ACLS_H
#define WEIR_HUB_ACLS_H

#include "base/list.h"
#include "base/status.h"
#include "base/world.h"

enum { ACLS_MAX = 20000, ACL_TEXT_BYTES_MAX = 1024 };

/* 1 stands for any of them, in filters. */
typedef enum AclType { ACL_TOPIC = 2, ACL_GROUP = 3, ACL_CLUSTER = 4, ACL_TRANSACTION = 5 } AclType;
typedef enum AclPattern { ACL_MATCHING = 2, ACL_LITERAL = 3, ACL_PREFIXED = 4 } AclPattern;
typedef enum AclPermission { ACL_DENY = 2, ACL_ALLOW = 3 } AclPermission;
typedef enum AclOperation {
    ACL_ANY = 1,
    ACL_ALL = 2,
    ACL_READ = 3,
    ACL_WRITE = 4,
    ACL_CREATE = 5,
    ACL_DELETE = 6,
    ACL_ALTER = 7,
    ACL_DESCRIBE = 8,
    ACL_CLUSTER_ACTION = 9,
    ACL_DESCRIBE_CONFIGS = 10,
    ACL_ALTER_CONFIGS = 11,
    ACL_IDEMPOTENT_WRITE = 12,
    ACL_OPERATION_LAST = 15,
} AclOperation;

/* The name of the only resource of type ACL_CLUSTER. */
#define ACL_CLUSTER_NAME "kafka-cluster"

typedef struct Acl {
    AclType type;
    AclPattern pattern; /* literal, where "*" is all; or prefixed */
    Str name;
    Str principal, host; /* "User:alice", "User:*"; "10.0.0.1", "*" */
    AclOperation operation;
    AclPermission permission;
} Acl;

typedef struct Acls Acls;

/* Read the file in `folder`, if there is one. `super_users` are principals with semicolons between
 * them, who may everything ("User:alice;bob"); NULL: nobody. Close with acls_close. WR5501. */
Status acls_open(World *world, const char *folder, const char *super_users, Acls **out,
                 Error *error);
/* NULL is allowed. */
void acls_close(Acls *acls);

/* Whether rules count at all. */
bool acls_are_on(const Acls *acls);
/* Another number after each change. */
int64_t acls_version(const Acls *acls);

typedef struct AclAsker {
    const char *user, *host; /* without "User:" */
} AclAsker;

/* Whether he may; always, while rules do not count. */
bool acls_allow(const Acls *acls, const AclAsker *asker, AclOperation operation, AclType type,
                Str name);
/* Whether there is any resource of the type with which he may. */
bool acls_allow_any(const Acls *acls, const AclAsker *asker, AclOperation operation, AclType type);

/* Add those that are not there yet, durably, all of them or none. Their texts are without control
 * characters. WR5508: too many. */
Status acls_add(Acls *acls, const Acl *added, int32_t count, Error *error);

/* What rules have to be to fit; NULL data, 0 and ACL_ANY fit all. */
typedef struct AclFilter {
    int32_t type, pattern, operation, permission;
    Str name, principal, host;
} AclFilter;

bool acl_fits(const Acl *acl, const AclFilter *filter);

int32_t acls_count(const Acls *acls);
/* Until the next change. */
const Acl *acls_at(const Acls *acls, int32_t index);

/* Remove those that fit one of the filters, durably, all of them or none. */
Status acls_remove(Acls *acls, const AclFilter *filters, int32_t count, Error *error);

#endif
