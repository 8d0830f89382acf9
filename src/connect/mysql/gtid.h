/* Which transactions have been read, by their global identifiers.
 *
 *   MySQL:   "uuid[:tag]:1-5:7,uuid:1"    every transaction ever seen, as intervals
 *   MariaDB: "domain-server-sequence,…"   the last transaction of each domain
 *
 * Reference: MySQL 8.4 Reference Manual, "GTID Format and Storage"; MySQL 8.0 Source Code
 * Documentation, "Previous_gtids_event", "Gtid_event" and "mysql::serialization"; MariaDB
 * Knowledge Base, "Gtid_event" and "Gtid_list_event". */
#ifndef WEIR_CONNECT_MYSQL_GTID_H
#define WEIR_CONNECT_MYSQL_GTID_H

#include "connect/mysql/event.h"

enum { GTID_UUID_BYTES = 16, GTID_TAG_BYTES = 32 };

typedef struct GtidInterval {
    uint64_t first, end; /* [first, end) */
} GtidInterval;

/* The transactions of one origin (and tag), intervals ascending and apart. */
typedef struct GtidOrigin {
    uint8_t uuid[GTID_UUID_BYTES];
    char tag[GTID_TAG_BYTES + 1]; /* "" when it has none */
    GtidInterval *intervals;
    int32_t count, capacity;
} GtidOrigin;

typedef struct GtidDomain {
    uint32_t domain, server;
    uint64_t sequence;
} GtidDomain;

/* Zero-initialise; free with gtid_free. Of either form, or empty. */
typedef struct GtidSet {
    GtidOrigin *origins;
    int32_t origin_count, origin_capacity;
    GtidDomain *domains;
    int32_t domain_count, domain_capacity;
} GtidSet;

/* One transaction. */
typedef struct Gtid {
    bool is_mariadb;
    bool is_anonymous;
    bool is_standalone; /* MariaDB: one statement without BEGIN and COMMIT */
    bool is_xa;         /* MariaDB: it will be prepared, not committed */
    uint8_t uuid[GTID_UUID_BYTES];
    char tag[GTID_TAG_BYTES + 1];
    GtidDomain maria;
    uint64_t number;
} Gtid;

void gtid_free(GtidSet *set);
void gtid_clear(GtidSet *set);
bool gtid_is_empty(const GtidSet *set);
void gtid_copy(GtidSet *into, const GtidSet *from);

void gtid_add(GtidSet *set, const Gtid *gtid);
bool gtid_contains(const GtidSet *set, const Gtid *gtid);
/* Whether all of `part` is in the set. */
bool gtid_includes(const GtidSet *set, const GtidSet *part);

/* Either form, told apart by its looks; white space is ignored. False if it is neither. */
bool gtid_parse(GtidSet *set, Str text);
void gtid_print(Buffer *out, const GtidSet *set);

/* The form of COM_BINLOG_DUMP_GTID and PREVIOUS_GTIDS. */
void gtid_encode(Buffer *out, const GtidSet *set);

/* GTID, ANONYMOUS_GTID, GTID_TAGGED and MariaDB's GTID. */
Status gtid_read(const Event *event, Gtid *out, Error *error);

/* PREVIOUS_GTIDS and MariaDB's GTID_LIST, added to the set. */
Status gtid_read_set(const Event *event, GtidSet *set, Error *error);

#endif
