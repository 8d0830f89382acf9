/* Findings about what stock Flink does not have. */
#include "sql/extension.h"

#include <assert.h>

static const char *const versions[] = {
    [FLINK_1_20] = "1.20", [FLINK_2_0] = "2.0", [FLINK_2_1] = "2.1",
    [FLINK_2_2] = "2.2",   [FLINK_2_3] = "2.3",
};

typedef struct ExtensionInfo {
    const char *name;
    FlinkVersion since;
    const char *what;
    const char *instead;
} ExtensionInfo;

static const ExtensionInfo extensions[] = {
#define EXTENSION_INFO(name, since, what, instead)                                                 \
    [EXTENSION_##name] = {#name, FLINK_##since, what, instead},
    EXTENSIONS(EXTENSION_INFO)
#undef EXTENSION_INFO
};

static const ExtensionInfo *extension_info(Extension extension)
{
    assert((int32_t)extension >= 0 && extension < EXTENSION_COUNT);
    return &extensions[extension];
}

const char *extension_name(Extension extension)
{
    return extension_info(extension)->name;
}

FlinkVersion flink_version_find(Str text)
{
    for (int32_t i = FLINK_1_20; i < FLINK_NEVER; i++) {
        if (str_is(text, versions[i]))
            return (FlinkVersion)i;
    }
    return FLINK_UNKNOWN;
}

void flink_version_list(Buffer *out, const char *joint)
{
    for (int32_t i = FLINK_1_20; i < FLINK_NEVER; i++)
        buffer_printf(out, "%s%s", i == FLINK_1_20 ? "" : joint, versions[i]);
}

void extension_report(Diagnostics *list, Extension extension, Span span, const char *name)
{
    const ExtensionInfo *info = extension_info(extension);
    FlinkVersion target = diagnostics_target(list);
    if (target == FLINK_UNKNOWN || target >= info->since)
        return;
    const char *quote = name != NULL ? "`" : "";
    Diagnostic *d =
        diagnostics_add(list, DIAGNOSTIC_EXTENSION, "WR7010", span,
                        "Flink %s does not have %s%s%s%s%s", versions[target], info->what,
                        name != NULL ? " " : "", quote, name != NULL ? name : "", quote);
    d->extension = (int32_t)extension;
    if (info->since != FLINK_NEVER)
        diagnostic_label(d, "since Flink %s", versions[info->since]);
    diagnostic_help(d, "%s", info->instead);
}
