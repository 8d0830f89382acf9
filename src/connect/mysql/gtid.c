/* Sets of transactions: see gtid.h. */
#include "connect/mysql/gtid.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { GTID_ORIGINS_MAX = 65536, GTID_INTERVALS_MAX = 1 << 20, FLAG_STANDALONE = 1, FLAG_XA = 64 };

void gtid_clear(GtidSet *set)
{
    for (int32_t i = 0; i < set->origin_count; i++)
        memory_free(set->origins[i].intervals);
    set->origin_count = 0;
    set->domain_count = 0;
}

void gtid_free(GtidSet *set)
{
    gtid_clear(set);
    memory_free(set->origins);
    memory_free(set->domains);
    *set = (GtidSet){0};
}

bool gtid_is_empty(const GtidSet *set)
{
    return set->origin_count == 0 && set->domain_count == 0;
}

static GtidOrigin *gtid_origin(const GtidSet *set, const uint8_t *uuid, const char *tag)
{
    for (int32_t i = 0; i < set->origin_count; i++) {
        GtidOrigin *origin = &set->origins[i];
        if (memcmp(origin->uuid, uuid, GTID_UUID_BYTES) == 0 && strcmp(origin->tag, tag) == 0)
            return origin;
    }
    return NULL;
}

static GtidOrigin *gtid_need_origin(GtidSet *set, const uint8_t *uuid, const char *tag)
{
    GtidOrigin *found = gtid_origin(set, uuid, tag);
    if (found != NULL)
        return found;
    if (set->origin_count == set->origin_capacity) {
        set->origin_capacity = set->origin_capacity * 2 + 4;
        set->origins =
            memory_resize(set->origins, (int64_t)sizeof *set->origins * set->origin_capacity);
    }
    GtidOrigin *origin = &set->origins[set->origin_count++];
    *origin = (GtidOrigin){0};
    memcpy(origin->uuid, uuid, GTID_UUID_BYTES);
    snprintf(origin->tag, sizeof origin->tag, "%s", tag);
    return origin;
}

static void origin_insert(GtidOrigin *origin, int32_t at, GtidInterval interval)
{
    if (origin->count == origin->capacity) {
        origin->capacity = origin->capacity * 2 + 4;
        origin->intervals =
            memory_resize(origin->intervals, (int64_t)sizeof *origin->intervals * origin->capacity);
    }
    memmove(origin->intervals + at + 1, origin->intervals + at,
            (size_t)(origin->count - at) * sizeof *origin->intervals);
    origin->intervals[at] = interval;
    origin->count++;
}

/* Join with what it touches. */
static void origin_add(GtidOrigin *origin, GtidInterval add)
{
    int32_t at = origin->count;
    while (at > 0 && origin->intervals[at - 1].end >= add.first)
        at--;
    int32_t behind = at;
    while (behind < origin->count && origin->intervals[behind].first <= add.end) {
        const GtidInterval *touched = &origin->intervals[behind++];
        add.first = touched->first < add.first ? touched->first : add.first;
        add.end = touched->end > add.end ? touched->end : add.end;
    }
    if (behind == at) {
        origin_insert(origin, at, add);
        return;
    }
    origin->intervals[at] = add;
    memmove(origin->intervals + at + 1, origin->intervals + behind,
            (size_t)(origin->count - behind) * sizeof *origin->intervals);
    origin->count -= behind - at - 1;
}

static void gtid_add_domain(GtidSet *set, GtidDomain add)
{
    for (int32_t i = 0; i < set->domain_count; i++)
        if (set->domains[i].domain == add.domain) {
            set->domains[i] = add;
            return;
        }
    if (set->domain_count == set->domain_capacity) {
        set->domain_capacity = set->domain_capacity * 2 + 4;
        set->domains =
            memory_resize(set->domains, (int64_t)sizeof *set->domains * set->domain_capacity);
    }
    set->domains[set->domain_count++] = add;
}

void gtid_add(GtidSet *set, const Gtid *gtid)
{
    if (gtid->is_anonymous)
        return;
    if (gtid->is_mariadb)
        gtid_add_domain(set, gtid->maria);
    else
        origin_add(gtid_need_origin(set, gtid->uuid, gtid->tag),
                   (GtidInterval){gtid->number, gtid->number + 1});
}

bool gtid_contains(const GtidSet *set, const Gtid *gtid)
{
    if (gtid->is_anonymous)
        return false;
    if (gtid->is_mariadb) {
        for (int32_t i = 0; i < set->domain_count; i++)
            if (set->domains[i].domain == gtid->maria.domain)
                return gtid->maria.sequence <= set->domains[i].sequence;
        return false;
    }
    const GtidOrigin *origin = gtid_origin(set, gtid->uuid, gtid->tag);
    for (int32_t i = 0; origin != NULL && i < origin->count; i++)
        if (gtid->number >= origin->intervals[i].first && gtid->number < origin->intervals[i].end)
            return true;
    return false;
}

static bool origin_includes(const GtidOrigin *origin, const GtidInterval *part)
{
    for (int32_t i = 0; origin != NULL && i < origin->count; i++)
        if (origin->intervals[i].first <= part->first && part->end <= origin->intervals[i].end)
            return true;
    return false;
}

bool gtid_includes(const GtidSet *set, const GtidSet *part)
{
    for (int32_t i = 0; i < part->domain_count; i++) {
        Gtid last = {.is_mariadb = true, .maria = part->domains[i]};
        if (!gtid_contains(set, &last))
            return false;
    }
    for (int32_t i = 0; i < part->origin_count; i++) {
        const GtidOrigin *wanted = &part->origins[i];
        const GtidOrigin *origin = gtid_origin(set, wanted->uuid, wanted->tag);
        for (int32_t j = 0; j < wanted->count; j++)
            if (!origin_includes(origin, &wanted->intervals[j]))
                return false;
    }
    return true;
}

void gtid_copy(GtidSet *into, const GtidSet *from)
{
    gtid_clear(into);
    for (int32_t i = 0; i < from->domain_count; i++)
        gtid_add_domain(into, from->domains[i]);
    for (int32_t i = 0; i < from->origin_count; i++) {
        const GtidOrigin *origin = &from->origins[i];
        GtidOrigin *copy = gtid_need_origin(into, origin->uuid, origin->tag);
        for (int32_t j = 0; j < origin->count; j++)
            origin_add(copy, origin->intervals[j]);
    }
}

/* ---- text ---- */

static int32_t hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool uuid_parse(Str text, uint8_t *uuid)
{
    int32_t digits = 0;
    for (int64_t i = 0; i < text.length; i++) {
        if (text.data[i] == '-')
            continue;
        int32_t digit = hex_digit(text.data[i]);
        if (digit < 0 || digits >= 2 * GTID_UUID_BYTES)
            return false;
        uuid[digits / 2] = (uint8_t)(digits % 2 == 0 ? digit << 4 : uuid[digits / 2] | digit);
        digits++;
    }
    return digits == 2 * GTID_UUID_BYTES;
}

static bool number_parse(Str text, uint64_t max, uint64_t *out)
{
    int64_t value = 0;
    if (!str_parse_int64(str_trim(text), &value) || value < 0 || (uint64_t)value > max)
        return false;
    *out = (uint64_t)value;
    return true;
}

static bool origin_parse(GtidSet *set, Str text)
{
    Str rest;
    uint8_t uuid[GTID_UUID_BYTES] = {0};
    if (!uuid_parse(str_trim(str_split(text, ':', &rest)), uuid))
        return false;
    char tag[GTID_TAG_BYTES + 1] = "";
    int32_t count = 0;
    while (rest.data != NULL) {
        Str part = str_trim(str_split(rest, ':', &rest));
        if (part.length > 0 && (part.data[0] < '0' || part.data[0] > '9')) {
            if (part.length > GTID_TAG_BYTES)
                return false;
            snprintf(tag, sizeof tag, "%.*s", STR_ARGS(part));
            continue;
        }
        Str last;
        uint64_t first = 0, end = 0;
        if (!number_parse(str_split(part, '-', &last), INT64_MAX - 1, &first) || first == 0)
            return false;
        end = first;
        if (last.data != NULL && (!number_parse(last, INT64_MAX - 1, &end) || end < first))
            return false;
        origin_add(gtid_need_origin(set, uuid, tag), (GtidInterval){first, end + 1});
        count++;
    }
    return count > 0;
}

static bool domain_parse(GtidSet *set, Str text)
{
    Str server, sequence;
    uint64_t number[3];
    Str domain = str_split(text, '-', &server);
    if (server.data == NULL)
        return false;
    server = str_split(server, '-', &sequence);
    if (sequence.data == NULL || !number_parse(domain, UINT32_MAX, &number[0]) ||
        !number_parse(server, UINT32_MAX, &number[1]) ||
        !number_parse(sequence, INT64_MAX, &number[2]))
        return false;
    gtid_add_domain(set, (GtidDomain){(uint32_t)number[0], (uint32_t)number[1], number[2]});
    return true;
}

bool gtid_parse(GtidSet *set, Str text)
{
    Str rest = str_trim(text);
    while (rest.length > 0) {
        Str part = str_trim(str_split(rest, ',', &rest));
        bool is_mysql = str_find(part, STR(":")) >= 0;
        if (!(is_mysql ? origin_parse(set, part) : domain_parse(set, part)))
            return false;
    }
    return set->origin_count == 0 || set->domain_count == 0;
}

void gtid_print(Buffer *out, const GtidSet *set)
{
    const char *comma = "";
    for (int32_t i = 0; i < set->domain_count; i++, comma = ",")
        buffer_printf(out, "%s%u-%u-%llu", comma, set->domains[i].domain, set->domains[i].server,
                      (unsigned long long)set->domains[i].sequence);
    for (int32_t i = 0; i < set->origin_count; i++, comma = ",") {
        const GtidOrigin *origin = &set->origins[i];
        buffer_append_text(out, comma);
        for (int32_t j = 0; j < GTID_UUID_BYTES; j++)
            buffer_printf(out, "%s%02x", j == 4 || j == 6 || j == 8 || j == 10 ? "-" : "",
                          origin->uuid[j]);
        if (origin->tag[0] != '\0')
            buffer_printf(out, ":%s", origin->tag);
        for (int32_t j = 0; j < origin->count; j++) {
            const GtidInterval *interval = &origin->intervals[j];
            buffer_printf(out, ":%llu", (unsigned long long)interval->first);
            if (interval->end > interval->first + 1)
                buffer_printf(out, "-%llu", (unsigned long long)interval->end - 1);
        }
    }
}

/* ---- bytes ---- */

static bool gtid_has_tags(const GtidSet *set)
{
    for (int32_t i = 0; i < set->origin_count; i++)
        if (set->origins[i].tag[0] != '\0')
            return true;
    return false;
}

void gtid_encode(Buffer *out, const GtidSet *set)
{
    /* Sets with tags have a 1 in the lowest and the highest byte of the count. */
    bool has_tags = gtid_has_tags(set);
    uint64_t count = (uint64_t)set->origin_count;
    buffer_append_u64(out, has_tags ? (uint64_t)1 << 56 | count << 8 | 1 : count);
    for (int32_t i = 0; i < set->origin_count; i++) {
        const GtidOrigin *origin = &set->origins[i];
        buffer_append(out, origin->uuid, GTID_UUID_BYTES);
        if (has_tags) {
            buffer_append_u8(out, (uint8_t)(strlen(origin->tag) << 1));
            buffer_append_text(out, origin->tag);
        }
        buffer_append_u64(out, (uint64_t)origin->count);
        for (int32_t j = 0; j < origin->count; j++) {
            buffer_append_u64(out, origin->intervals[j].first);
            buffer_append_u64(out, origin->intervals[j].end);
        }
    }
}

/* A number whose trailing one bits in the first byte count the bytes that follow. */
static uint64_t read_varlen(ByteReader *reader)
{
    uint8_t first = byte_reader_u8(reader);
    int32_t more = first == 0xff ? 8 : __builtin_ctz(~(unsigned)first);
    uint64_t value = more >= 7 ? 0 : (uint64_t)first >> (more + 1);
    int32_t shift = more >= 7 ? 0 : 7 - more;
    for (int32_t i = 0; i < more; i++, shift += 8)
        value |= (uint64_t)byte_reader_u8(reader) << shift;
    return value;
}

static Status gtid_read_tagged(const Event *event, Gtid *out, Error *error)
{
    enum { FIELD_FLAGS = 0, FIELD_UUID = 1, FIELD_NUMBER = 2, FIELD_TAG = 3 };
    ByteReader reader = byte_reader(event->body);
    uint64_t version = read_varlen(&reader);
    (void)read_varlen(&reader); /* size */
    (void)read_varlen(&reader); /* last field that must be understood */
    int32_t found = 0;
    while (found < 4 && !reader.is_short && version == 1) {
        uint64_t field = read_varlen(&reader);
        if (field == FIELD_FLAGS) {
            (void)read_varlen(&reader);
        } else if (field == FIELD_UUID) {
            for (int32_t i = 0; i < GTID_UUID_BYTES; i++)
                out->uuid[i] = (uint8_t)read_varlen(&reader);
        } else if (field == FIELD_NUMBER) {
            out->number = read_varlen(&reader) >> 1; /* the lowest bit is the sign */
        } else if (field == FIELD_TAG) {
            uint64_t length = read_varlen(&reader);
            if (length > GTID_TAG_BYTES)
                break;
            Str tag = byte_reader_take(&reader, (int64_t)length);
            if (!reader.is_short)
                snprintf(out->tag, sizeof out->tag, "%.*s", STR_ARGS(tag));
        } else {
            break;
        }
        found++;
    }
    if (found < 4 || reader.is_short || out->number == 0)
        return event_fail(event, "a tagged GTID is malformed", error);
    return OK;
}

static Status gtid_read_maria(const Event *event, Gtid *out, Error *error)
{
    ByteReader reader = byte_reader(event->body);
    out->is_mariadb = true;
    out->maria.sequence = byte_reader_u64(&reader);
    out->maria.domain = byte_reader_u32(&reader);
    out->maria.server = event->server_id;
    uint8_t flags = byte_reader_u8(&reader);
    out->is_standalone = (flags & FLAG_STANDALONE) != 0;
    out->is_xa = (flags & FLAG_XA) != 0;
    return reader.is_short ? event_fail(event, "a GTID is cut short", error) : OK;
}

Status gtid_read(const Event *event, Gtid *out, Error *error)
{
    *out = (Gtid){0};
    if (event->type == EVENT_MARIA_GTID)
        return gtid_read_maria(event, out, error);
    if (event->type == EVENT_GTID_TAGGED)
        return gtid_read_tagged(event, out, error);
    ByteReader reader = byte_reader(event->body);
    (void)byte_reader_u8(&reader);
    Str uuid = byte_reader_take(&reader, GTID_UUID_BYTES);
    out->number = byte_reader_u64(&reader);
    out->is_anonymous = event->type == EVENT_ANONYMOUS_GTID;
    if (reader.is_short)
        return event_fail(event, "a GTID is cut short", error);
    memcpy(out->uuid, uuid.data, GTID_UUID_BYTES);
    return OK;
}

static Status gtid_read_list(const Event *event, GtidSet *set, Error *error)
{
    ByteReader reader = byte_reader(event->body);
    uint32_t count = byte_reader_u32(&reader) & 0x0fffffff;
    for (uint32_t i = 0; i < count && !reader.is_short; i++) {
        GtidDomain domain = {.domain = byte_reader_u32(&reader)};
        domain.server = byte_reader_u32(&reader);
        domain.sequence = byte_reader_u64(&reader);
        if (!reader.is_short)
            gtid_add_domain(set, domain);
    }
    return reader.is_short ? event_fail(event, "a list of GTIDs is cut short", error) : OK;
}

Status gtid_read_set(const Event *event, GtidSet *set, Error *error)
{
    if (event->type == EVENT_MARIA_GTID_LIST)
        return gtid_read_list(event, set, error);
    ByteReader reader = byte_reader(event->body);
    uint64_t count = byte_reader_u64(&reader);
    bool has_tags = count >> 56 == 1;
    if (has_tags)
        count = count >> 8 & 0xffffffffffff;
    for (uint64_t i = 0; i < count && i < GTID_ORIGINS_MAX && !reader.is_short; i++) {
        Str uuid = byte_reader_take(&reader, GTID_UUID_BYTES);
        char tag[GTID_TAG_BYTES + 1] = "";
        uint64_t length = has_tags ? read_varlen(&reader) : 0;
        Str text = byte_reader_take(&reader, length <= GTID_TAG_BYTES ? (int64_t)length : 0);
        uint64_t intervals = byte_reader_u64(&reader);
        if (reader.is_short || length > GTID_TAG_BYTES)
            break;
        if (text.length > 0)
            snprintf(tag, sizeof tag, "%.*s", STR_ARGS(text));
        for (uint64_t j = 0; j < intervals && j < GTID_INTERVALS_MAX; j++) {
            GtidInterval interval = {.first = byte_reader_u64(&reader)};
            interval.end = byte_reader_u64(&reader);
            if (reader.is_short || interval.end <= interval.first)
                return event_fail(event, "a set of GTIDs is malformed", error);
            origin_add(gtid_need_origin(set, (const uint8_t *)uuid.data, tag), interval);
        }
    }
    return reader.is_short ? event_fail(event, "a set of GTIDs is cut short", error) : OK;
}
