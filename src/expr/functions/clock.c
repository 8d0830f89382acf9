/* What depends on when it is asked: the clock and the watermark. One value per batch. */
#include "expr/cast/cast.h"
#include "expr/functions/calendar.h"

static Timestamp now_millis(const Call *call)
{
    Timestamp now = world_now_us(call->eval->context->world);
    return now - floor_mod(now, MICROS_PER_MILLI);
}

static Timestamp now_local(const Call *call)
{
    return timezone_to_local(eval_zone(call->eval), now_millis(call));
}

static void now_kernel(Call *call)
{
    ((int64_t *)call->out.values)[0] = now_millis(call);
}

static void localtimestamp_kernel(Call *call)
{
    ((int64_t *)call->out.values)[0] = now_local(call);
}

static void current_date_kernel(Call *call)
{
    ((int32_t *)call->out.values)[0] = (int32_t)floor_div(now_local(call), MICROS_PER_DAY);
}

static void current_time_kernel(Call *call)
{
    int64_t micros = floor_mod(now_local(call), MICROS_PER_DAY);
    ((int32_t *)call->out.values)[0] = (int32_t)(micros / MICROS_PER_SECOND) * 1000;
}

static Status bind_instant(Binding *binding)
{
    binding->result = type_not_null(type_timestamp_ltz(3));
    if (binding->function->info.name[0] == 'P')
        binding->result.time_attribute = TIME_PROCTIME;
    return OK;
}

static Status bind_local(Binding *binding)
{
    binding->result = type_not_null(type_timestamp(3));
    return OK;
}

static Status bind_date(Binding *binding)
{
    binding->result = type_not_null(type_simple(TYPE_DATE));
    return OK;
}

static Status bind_time(Binding *binding)
{
    binding->result = type_not_null(type_simple(TYPE_TIME));
    return OK;
}

/* ---- CURRENT_WATERMARK ----------------------------------------------------------------- */

/* Lazy, because the argument's values do not matter. */
static void watermark_kernel(Call *call)
{
    Timestamp watermark = call->eval->context->watermark;
    call->out = eval_null(call->eval, call->node->expr->type);
    if (watermark == TIMESTAMP_MIN)
        return;
    call->out.valid[0] = 1;
    ((int64_t *)call->out.values)[0] = watermark - floor_mod(watermark, MICROS_PER_MILLI);
}

static Status bind_watermark(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (!type_is_timestamp(type))
        return binding_refuse(binding);
    binding->result = type.id == TYPE_TIMESTAMP ? type_timestamp(3) : type_timestamp_ltz(3);
    return OK;
}

#define CLOCK_ROW(sign, form, binder, function_kernel, zone, text)                                 \
    {                                                                                              \
        .info = {sign, "temporal", form, text, false}, .types = ">x", .bind = binder,              \
        .kernel = function_kernel, .flags = FUNCTION_CLOCK | (zone)                                \
    }

static const Function functions[] = {
    CLOCK_ROW("NOW", "NOW() -> TIMESTAMP_LTZ(3) NOT NULL", bind_instant, now_kernel, 0, "the time"),
    CLOCK_ROW("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP -> TIMESTAMP_LTZ(3) NOT NULL", bind_instant,
              now_kernel, 0, "the time"),
    CLOCK_ROW("CURRENT_ROW_TIMESTAMP", "CURRENT_ROW_TIMESTAMP() -> TIMESTAMP_LTZ(3) NOT NULL",
              bind_instant, now_kernel, 0, "the time"),
    CLOCK_ROW("PROCTIME", "PROCTIME() -> TIMESTAMP_LTZ(3) NOT NULL *PROCTIME*", bind_instant,
              now_kernel, 0, "the time, as a time attribute"),
    CLOCK_ROW("LOCALTIMESTAMP", "LOCALTIMESTAMP -> TIMESTAMP(3) NOT NULL", bind_local,
              localtimestamp_kernel, FUNCTION_LOCAL, "the time in the session's zone"),
    CLOCK_ROW("CURRENT_DATE", "CURRENT_DATE -> DATE NOT NULL", bind_date, current_date_kernel,
              FUNCTION_LOCAL, "the date in the session's zone"),
    CLOCK_ROW("CURRENT_TIME", "CURRENT_TIME -> TIME(0) NOT NULL", bind_time, current_time_kernel,
              FUNCTION_LOCAL, "the time of day in the session's zone"),
    CLOCK_ROW("LOCALTIME", "LOCALTIME -> TIME(0) NOT NULL", bind_time, current_time_kernel,
              FUNCTION_LOCAL, "the time of day in the session's zone"),
    {.info = {"CURRENT_WATERMARK", "temporal", "CURRENT_WATERMARK(rowtime) -> type of rowtime",
              "the watermark here; NULL if there is none yet", false},
     .types = "x>0",
     .bind = bind_watermark,
     .kernel = watermark_kernel,
     .flags = FUNCTION_CLOCK | FUNCTION_LAZY},
};

const FunctionFamily clock_family = {functions, FUNCTION_COUNT(functions)};
