/* What the files of connect/filesystem/ share. */
#ifndef WEIR_CONNECT_FILESYSTEM_INTERNAL_H
#define WEIR_CONNECT_FILESYSTEM_INTERNAL_H

#include "connect/connect.h"

extern const SourceKind filesystem_source;
extern const SinkKind filesystem_sink;

#endif
