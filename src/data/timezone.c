/* Time zones: the system's compiled tz files, and fixed offsets such as GMT+08:00.
 *
 * A zone is a sorted list of instants with the offset that holds from there on; beyond the
 * last one the file's footer (a POSIX TZ rule) says how the years go on. */
#include "data/datetime.h"

#include <assert.h>
#include <pthread.h>

#include "base/memory.h"
#include "data/tzrule.h"

enum {
    TZIF_HEADER_BYTES = 44,
    ZONE_FILE_BYTES_MAX = 1 << 20,
    ZONE_NAME_BYTES_MAX = 64,
    OFFSET_HOURS_MAX = 18, /* of java.time.ZoneOffset */
};

static const int64_t SECONDS_PER_DAY = 86400;

struct TimeZone {
    struct TimeZone *next;
    char name_bytes[ZONE_NAME_BYTES_MAX];
    Str name;
    int32_t first_offset; /* before the first transition */
    int32_t count;
    int64_t *at;      /* seconds since 1970, ascending */
    int32_t *offsets; /* from at[i] on */
    bool has_rule;
    TzRule rule;
};

static TimeZone utc = {.name = {.data = "UTC", .length = 3}};
static TimeZone *zones;
static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;

const TimeZone *timezone_utc(void)
{
    return &utc;
}

Str timezone_name(const TimeZone *zone)
{
    return zone->name;
}

static int32_t offset_at_second(const TimeZone *zone, int64_t second)
{
    if (zone->count == 0 || second >= zone->at[zone->count - 1]) {
        if (zone->has_rule)
            return tzrule_offset_at(&zone->rule, second);
        return zone->count == 0 ? zone->first_offset : zone->offsets[zone->count - 1];
    }
    /* The last transition that is not after `second`. */
    int32_t low = 0;
    int32_t high = zone->count;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (zone->at[middle] <= second)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? zone->first_offset : zone->offsets[low - 1];
}

int32_t timezone_offset_at(const TimeZone *zone, Timestamp at)
{
    if (zone == &utc)
        return 0;
    return offset_at_second(zone, floor_div(at, MICROS_PER_SECOND));
}

/* Sums that stay at the end of time instead of wrapping. */
static Timestamp shift_seconds(Timestamp micros, int64_t seconds)
{
    Timestamp shifted;
    if (__builtin_add_overflow(micros, seconds * MICROS_PER_SECOND, &shifted))
        return seconds < 0 ? TIMESTAMP_MIN : TIMESTAMP_MAX;
    return shifted;
}

Timestamp timezone_to_local(const TimeZone *zone, Timestamp at)
{
    return zone == &utc ? at : shift_seconds(at, timezone_offset_at(zone, at));
}

/* Offsets a day before and a day after tell whether a change is near. In an overlap both
 * readings are true and the earlier offset wins; in a gap neither is, and the earlier offset
 * shifts the wall clock forward by the gap. */
Timestamp timezone_to_utc(const TimeZone *zone, Timestamp local)
{
    if (zone == &utc)
        return local;
    int64_t second = floor_div(local, MICROS_PER_SECOND);
    int32_t before = offset_at_second(zone, second - SECONDS_PER_DAY);
    int32_t after = offset_at_second(zone, second + SECONDS_PER_DAY);
    if (before != after && offset_at_second(zone, second - before) != before &&
        offset_at_second(zone, second - after) == after)
        return shift_seconds(local, -after);
    return shift_seconds(local, -before);
}

static int64_t big_endian(const char *at, int32_t bytes)
{
    uint64_t value = (at[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (int32_t i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)at[i];
    return (int64_t)value;
}

/* The counts of a TZif header, in the file's order. */
typedef struct TzifHeader {
    int64_t utc_flags, standard_flags, leaps, times, types, chars;
} TzifHeader;

static bool tzif_header(ByteReader *reader, TzifHeader *header)
{
    Str bytes = byte_reader_take(reader, TZIF_HEADER_BYTES);
    if (reader->is_short || memcmp(bytes.data, "TZif", 4) != 0)
        return false;
    int64_t *counts[] = {&header->utc_flags, &header->standard_flags, &header->leaps,
                         &header->times,     &header->types,          &header->chars};
    for (int32_t i = 0; i < 6; i++) {
        *counts[i] = big_endian(bytes.data + 20 + i * 4, 4);
        if (*counts[i] < 0)
            return false;
    }
    return true;
}

static int64_t tzif_bytes(const TzifHeader *header, int32_t time_bytes)
{
    return header->times * (time_bytes + 1) + header->types * 6 + header->chars +
           header->leaps * (time_bytes + 4) + header->standard_flags + header->utc_flags;
}

static bool tzif_body(TimeZone *zone, const TzifHeader *header, ByteReader *reader)
{
    Str times = byte_reader_take(reader, header->times * 8);
    Str indexes = byte_reader_take(reader, header->times);
    Str types = byte_reader_take(reader, header->types * 6);
    byte_reader_take(reader, header->chars + header->leaps * 12 + header->standard_flags +
                                 header->utc_flags);
    if (reader->is_short || header->types == 0)
        return false;
    zone->first_offset = (int32_t)big_endian(types.data, 4);
    zone->count = (int32_t)header->times;
    zone->at = memory_allocate(header->times * (int64_t)sizeof(int64_t));
    zone->offsets = memory_allocate(header->times * (int64_t)sizeof(int32_t));
    for (int32_t i = 0; i < zone->count; i++) {
        uint8_t type = (uint8_t)indexes.data[i];
        zone->at[i] = big_endian(times.data + (int64_t)i * 8, 8);
        if (type >= header->types || (i > 0 && zone->at[i] <= zone->at[i - 1]))
            return false;
        zone->offsets[i] = (int32_t)big_endian(types.data + (int64_t)type * 6, 4);
    }
    return true;
}

/* Version 2 and up: the 32-bit block is skipped, the 64-bit one and its footer are read. */
static bool zone_parse(TimeZone *zone, Str file)
{
    ByteReader reader = byte_reader(file);
    TzifHeader header;
    if (!tzif_header(&reader, &header) || file.data[4] < '2')
        return false;
    byte_reader_take(&reader, tzif_bytes(&header, 4));
    if (!tzif_header(&reader, &header) || !tzif_body(zone, &header, &reader))
        return false;
    Str footer = str_make(reader.at, byte_reader_left(&reader));
    if (footer.length < 2 || footer.data[0] != '\n')
        return true;
    Str rest;
    Str rule = str_split(str_make(footer.data + 1, footer.length - 1), '\n', &rest);
    zone->has_rule = rule.length > 0 && tzrule_parse(rule, &zone->rule);
    return true;
}

/* GMT+8, GMT+08, GMT+08:00. */
static bool zone_fixed(Str name, TimeZone *zone)
{
    if (!str_has_prefix(name, STR("GMT")) || name.length < 5 || name.length > 9)
        return false;
    char sign = name.data[3];
    Str minutes_text;
    Str hours_text = str_split(str_make(name.data + 4, name.length - 4), ':', &minutes_text);
    int64_t hours;
    int64_t minutes = 0;
    if ((sign != '+' && sign != '-') || hours_text.length < 1 || hours_text.length > 2 ||
        hours_text.data[0] < '0' || !str_parse_int64(hours_text, &hours))
        return false;
    if (minutes_text.data != NULL &&
        (minutes_text.length != 2 || minutes_text.data[0] < '0' || minutes_text.data[0] > '5' ||
         !str_parse_int64(minutes_text, &minutes)))
        return false;
    int64_t seconds = hours * 3600 + minutes * 60;
    if (seconds > OFFSET_HOURS_MAX * 3600)
        return false;
    zone->first_offset = (int32_t)(sign == '-' ? -seconds : seconds);
    return true;
}

/* Names are paths below the database's folder: nothing else may be reached by them. */
static bool zone_name_is_sound(Str name)
{
    static const char *const refused[] = {"EST", "MST", "HST", "Factory", "localtime"};
    if (name.length == 0 || name.length >= ZONE_NAME_BYTES_MAX || name.data[0] == '/' ||
        str_has_prefix(name, STR("right/")) || str_has_prefix(name, STR("posix")))
        return false;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (str_is(name, refused[i]))
            return false;
    for (int64_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_digit = c >= '0' && c <= '9';
        if (!is_letter && !is_digit && c != '/' && c != '_' && c != '-' && c != '+')
            return false;
    }
    return true;
}

static void zone_free(TimeZone *zone)
{
    memory_free(zone->at);
    memory_free(zone->offsets);
    memory_free(zone);
}

static bool zone_load(World *world, TimeZone *zone)
{
    if (zone_fixed(zone->name, zone))
        return true;
    if (!zone_name_is_sound(zone->name))
        return false;
    Arena *arena = arena_new(0);
    Str file;
    const char *path = arena_printf(arena, "/usr/share/zoneinfo/%s", zone->name_bytes);
    Status status = world_read_file(world, path, ZONE_FILE_BYTES_MAX, arena, &file, NULL);
    bool is_loaded = status == OK && zone_parse(zone, file);
    arena_free(arena);
    return is_loaded;
}

static Status zone_unknown(Str name, Error *error)
{
    Status status = fail(error, ERR_INVALID, "WR2801", "invalid time zone '%.*s'", STR_ARGS(name));
    error_hint(error, "use a time zone database id such as 'America/Los_Angeles', a fixed offset "
                      "such as 'GMT+08:00', or 'UTC'");
    return status;
}

Status timezone_find(World *world, Str name, const TimeZone **out, Error *error)
{
    *out = &utc;
    if (str_is(name, "UTC"))
        return OK;
    if (name.length == 0 || name.length >= ZONE_NAME_BYTES_MAX)
        return zone_unknown(name, error);
    pthread_mutex_lock(&zones_lock);
    TimeZone *zone = zones;
    while (zone != NULL && !str_equal(zone->name, name))
        zone = zone->next;
    if (zone == NULL) {
        zone = memory_allocate_zeroed(sizeof(TimeZone));
        memcpy(zone->name_bytes, name.data, (size_t)name.length);
        zone->name = str_make(zone->name_bytes, name.length);
        if (zone_load(world, zone)) {
            zone->next = zones;
            zones = zone;
        } else {
            zone_free(zone);
            zone = NULL;
        }
    }
    pthread_mutex_unlock(&zones_lock);
    if (zone == NULL)
        return zone_unknown(name, error);
    *out = zone;
    return OK;
}
