/* The list of connectors. Adding one: its folder, and a line here. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#include "connect/connect.h"
#include "format/format.h"

extern const Connector blackhole_connector;
extern const Connector datagen_connector;
extern const Connector deadletters_connector;
extern const Connector filesystem_connector;
extern const Connector jdbc_connector;
extern const Connector kafka_connector;
extern const Connector mysql_cdc_connector;
extern const Connector nexmark_connector;
extern const Connector print_connector;
extern const Connector redis_connector;
extern const Connector upsert_kafka_connector;

static const Connector *const connectors[] = {
    &blackhole_connector, &datagen_connector, &deadletters_connector,  &filesystem_connector,
    &jdbc_connector,      &kafka_connector,   &mysql_cdc_connector,    &nexmark_connector,
    &print_connector,     &redis_connector,   &upsert_kafka_connector,
};

enum { CONNECTOR_COUNT = sizeof connectors / sizeof connectors[0], FORMATS_MAX = 32 };

int32_t connector_count(void)
{
    return CONNECTOR_COUNT;
}

const Connector *connector_at(int32_t index)
{
    assert(index >= 0 && index < CONNECTOR_COUNT);
    return connectors[index];
}

const Connector *connector_find(const ConnectorInfo *info)
{
    if (info->implementation != NULL)
        return info->implementation;
    for (int32_t i = 0; i < CONNECTOR_COUNT; i++)
        if (connectors[i]->info == info)
            return connectors[i];
    return NULL;
}

static const ConnectorInfo *connector_infos[CONNECTOR_COUNT];
static const FormatInfo *format_infos[FORMATS_MAX];
static Registry registry = {.connectors = connector_infos, .formats = format_infos};

static void fill_registry(void)
{
    assert(format_count() <= FORMATS_MAX);
    for (int32_t i = 0; i < CONNECTOR_COUNT; i++)
        connector_infos[i] = connectors[i]->info;
    for (int32_t i = 0; i < format_count(); i++)
        format_infos[i] = &format_at(i)->info;
    registry.connector_count = CONNECTOR_COUNT;
    registry.format_count = format_count();
}

const Registry *connect_registry(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_registry);
    return &registry;
}
