/* One JSON value, as its raw bytes, into a column. Private to format/. */
#ifndef WEIR_FORMAT_JSON_VALUE_H
#define WEIR_FORMAT_JSON_VALUE_H

#include "format/json_row.h"

/* Convert by the rules of the json format (Flink 1.20, JsonToRowDataConverters). `raw` is the
 * whole value, quotes included. Writes the value only. */
TextResult json_value_store(JsonRow *row, JsonColumn *column, Str raw, int32_t index);

#endif
