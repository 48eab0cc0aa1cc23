/*
 * call.c - what methods do with their calls: results, waiting, waking. Layer: core.
 *
 * The functions of object/object.h that need the hub. A parked call is on the wait list of its object and has a timer
 * in the hub; a woken one makes its session ready, and the session writes the reply.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "core/core.h"

/* So many times the length of a message may be stored of it, and this much of a short one. */
#define GROWTH_MAX 16
#define GROWTH_BASE 4096

struct mpm_call *
mpm__call_new(struct mpm_hub *hub)
{
    struct mpm_call *call = hub->spare_call;

    hub->spare_call = NULL;
    if (call == NULL)
        call = mpm__alloc(sizeof *call);
    if (call != NULL) {
        mpm__clear(call, sizeof *call);
        call->hub = hub;
        call->args = hub->args;
    }
    return call;
}

void
mpm__result_wipe(struct mpm_result *result)
{
    struct mpm_object *object = result->object;
    struct mpm_shown *shown = result->shown;

    if (result->text != NULL)
        mpm__free(result->text);
    if (result->attribute != NULL)
        mpm__free(result->attribute);
    mpm_drop(&result->value);
    for (size_t i = 0; i < result->n_list; i++)
        mpm_drop(&result->list[i]);
    mpm__free(result->list);
    *result = (struct mpm_result){ 0 };
    if (object != NULL)
        mpm_object_drop(object);
    if (shown != NULL)
        mpm__unshow(shown);
}

void
mpm__call_free(struct mpm_call *call)
{
    struct mpm_hub *hub = call->hub;

    if (call->result.kind == MPM_R_VALUE && call->result.shown == NULL)
        mpm_drop(&call->result.value);
    else if (call->result.kind > MPM_R_INT) /* the others own nothing */
        mpm__result_wipe(&call->result);
    mpm_forget(hub, &call->value);
    mpm_forget(hub, &call->grant.value);
    if (call->object != NULL)
        mpm_object_drop(call->object);
    if (hub->spare_call == NULL)
        hub->spare_call = call;
    else
        mpm__free(call);
}

void
mpm_calls_init(struct mpm_calls *calls)
{
    mpm__list_init(&calls->list);
    calls->n = 0;
}

struct mpm_call *
mpm_calls_first(const struct mpm_calls *calls)
{
    struct mpm_link *link = mpm__list_first(&calls->list);

    return link != NULL ? MPM_CONTAINER(link, struct mpm_call, link) : NULL;
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static enum mpm_outcome
set_result(struct mpm_call *call, enum mpm_result_kind kind)
{
    if (call->result.kind != MPM_R_UNSET)
        mpm__result_wipe(&call->result);
    call->result.kind = kind;
    return MPM_DONE;
}

enum mpm_outcome
mpm_return_none(struct mpm_call *call)
{
    return set_result(call, MPM_R_NONE);
}

enum mpm_outcome
mpm_return_bool(struct mpm_call *call, bool v)
{
    set_result(call, MPM_R_BOOL);
    call->result.boolean = v;
    return MPM_DONE;
}

enum mpm_outcome
mpm_return_int(struct mpm_call *call, int64_t v)
{
    set_result(call, MPM_R_INT);
    call->result.integer = v;
    return MPM_DONE;
}

/* A text for a client, who could not read the reply if it were not UTF-8. */
static char *
copy_text(const char *text)
{
    size_t len = strlen(text);
    char *copy = mpm__copy_text(text, len);

    if (copy != NULL)
        mpm__utf8_repair((uint8_t *)copy, len);
    return copy;
}

enum mpm_outcome
mpm_return_text(struct mpm_call *call, const char *utf8)
{
    char *text = copy_text(utf8);

    if (text == NULL)
        return mpm_raise_code(call, MPM_ENOMEM);
    set_result(call, MPM_R_TEXT);
    call->result.text = text;
    return MPM_DONE;
}

enum mpm_outcome
mpm_return_value(struct mpm_call *call, const struct mpm_value *v)
{
    const struct mpm_pins *pins = mpm__value_pins(v);
    struct mpm_shown *shown = NULL;
    int r = pins != NULL ? mpm__show(&shown, pins) : 0;

    if (r != 0)
        return mpm_raise_code(call, r);
    set_result(call, MPM_R_VALUE);
    call->result.value = mpm_value_hold(v);
    call->result.shown = shown;
    return MPM_DONE;
}

enum mpm_outcome
mpm_return_arg(struct mpm_call *call, int i)
{
    struct mpm_value v = { 0 };
    int r = mpm_keep(call->args[i], &v);

    if (r == 0 && call->protocol == 2 && call->args[i].doc->has_names)
        r = mpm__pin_nested(call, &v); /* whose proxies come back as copies */
    if (r == 0)
        mpm_return_value(call, &v);
    else
        mpm_raise_code(call, r);
    mpm__unpin(&v);
    mpm_drop(&v);
    return MPM_DONE;
}

static enum mpm_outcome
return_several(struct mpm_call *call, const struct mpm_value *v, size_t n, bool is_tuple)
{
    struct mpm_value *list = mpm__array(n, sizeof *list);
    const struct mpm_pins *pins;
    struct mpm_shown *shown = NULL;
    int r = list != NULL || n == 0 ? 0 : MPM_ENOMEM;

    for (size_t i = 0; r == 0 && i < n; i++)
        if ((pins = mpm__value_pins(&v[i])) != NULL)
            r = mpm__show(&shown, pins);
    if (r != 0) {
        mpm__free(list);
        mpm__unshow(shown);
        return mpm_raise_code(call, r);
    }
    set_result(call, MPM_R_LIST);
    for (size_t i = 0; i < n; i++)
        list[i] = mpm_value_hold(&v[i]);
    call->result.list = list;
    call->result.n_list = n;
    call->result.is_tuple = is_tuple;
    call->result.shown = shown;
    return MPM_DONE;
}

enum mpm_outcome
mpm_return_list(struct mpm_call *call, const struct mpm_value *v, size_t n)
{
    return return_several(call, v, n, false);
}

enum mpm_outcome
mpm_return_tuple(struct mpm_call *call, const struct mpm_value *v, size_t n)
{
    return return_several(call, v, n, true);
}

static void
meet(void *arg, const struct mpm_pins *pins)
{
    struct mpm_hub *hub = arg;

    if (mpm__show(&hub->met, pins) != 0)
        hub->built.error = MPM_ENOMEM;
}

static void
forget_met(struct mpm_hub *hub)
{
    struct mpm_shown *met = hub->met;

    hub->met = NULL;
    mpm__unshow(met);
}

struct mpm_writer *
mpm_result_writer(struct mpm_call *call)
{
    struct mpm_hub *hub = call->hub;

    mpm__buf_clear(&hub->built);
    forget_met(hub);
    hub->writer = (struct mpm_writer){ .out = &hub->built, .protocol = call->protocol, .met = meet, .met_arg = hub };
    return &hub->writer;
}

enum mpm_outcome
mpm_return_built(struct mpm_call *call)
{
    struct mpm_hub *hub = call->hub;

    if (hub->built.error != 0) {
        mpm_raise_code(call, hub->built.error);
        forget_met(hub);
        return MPM_DONE;
    }
    set_result(call, MPM_R_BUILT);
    call->result.shown = hub->met;
    hub->met = NULL;
    return MPM_DONE;
}

enum mpm_outcome
mpm_return_object(struct mpm_call *call, struct mpm_object *object)
{
    set_result(call, MPM_R_OBJECT);
    call->result.object = object;
    return MPM_DONE;
}

static enum mpm_outcome
raise_text(struct mpm_call *call, enum mpm_py error, const char *format, va_list ap)
{
    char text[512];
    char *copy = NULL;

    if (format != NULL) {
        vsnprintf(text, sizeof text, format, ap);
        copy = copy_text(text);
        if (copy == NULL) /* MemoryError() without arguments needs no memory */
            error = MPM_PY_MEMORY_ERROR;
    }
    set_result(call, MPM_R_ERROR);
    call->result.error = error;
    call->result.text = copy;
    call->result.has_arg = copy != NULL;
    return MPM_DONE;
}

enum mpm_outcome
mpm_raise(struct mpm_call *call, enum mpm_py error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    raise_text(call, error, format, ap);
    va_end(ap);
    return MPM_DONE;
}

enum mpm_outcome
mpm_raise_ref(struct mpm_call *call, enum mpm_py error, struct mpm_ref arg)
{
    struct mpm_value value = { 0 };

    if (mpm_keep(arg, &value) != 0)
        return mpm_raise_code(call, MPM_ENOMEM);
    set_result(call, MPM_R_ERROR);
    call->result.error = error;
    call->result.value = value;
    call->result.has_arg = true;
    return MPM_DONE;
}

enum mpm_outcome
mpm_raise_attribute(struct mpm_call *call, const char *attribute, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    raise_text(call, MPM_PY_ATTRIBUTE_ERROR, format, ap);
    va_end(ap);
    if (call->result.text != NULL)
        call->result.attribute = copy_text(attribute); /* without memory the name is left out */
    return MPM_DONE;
}

enum mpm_outcome
mpm_raise_code(struct mpm_call *call, int code)
{
    switch (code) {
    case MPM_ENOMEM:
        return mpm_raise(call, MPM_PY_MEMORY_ERROR, NULL);
    case MPM_ELIMIT:
        return mpm_raise(call, MPM_PY_MEMORY_ERROR,
            "the stored values would take more than --max-memory %llu bytes; remove some or raise the limit",
            (unsigned long long)call->hub->options.max_memory);
    case MPM_ETYPE:
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "value of another type");
    case MPM_ERANGE:
        return mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "number out of range");
    case MPM_ETOOBIG:
        return mpm_raise(call, MPM_PY_MEMORY_ERROR, "values that share a part would take more than %d times their message; "
            "store them one by one", GROWTH_MAX);
    default:
        return mpm_raise(call, MPM_PY_RUNTIME_ERROR, "%s", mpm_error_text(code));
    }
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static void
enter_list(struct mpm_call *call, struct mpm_calls *calls, const struct mpm_wait_kind *kind)
{
    mpm__list_append(&calls->list, &call->link);
    calls->n++;
    call->calls = calls;
    call->wait = kind;
    call->object->n_waiting++;
}

static void
leave_list(struct mpm_call *call)
{
    if (call->calls == NULL)
        return;
    mpm__list_remove(&call->link);
    call->calls->n--;
    call->calls = NULL;
    call->object->n_waiting--;
}

enum mpm_outcome
mpm_wait(struct mpm_call *call, struct mpm_calls *calls, const struct mpm_wait_kind *kind, int64_t deadline_ns)
{
    call->timer.kind = MPM_TIMER_CALL;
    if (mpm__heap_set(&call->hub->deadlines, &call->timer, deadline_ns) != 0)
        return mpm_raise_code(call, MPM_ENOMEM);
    enter_list(call, calls, kind);
    call->since_ns = call->now_ns;
    call->wait_number = ++call->hub->n_waits;
    mpm__list_append(&call->hub->parked, &call->parked);
    call->hub->n_parked++;
    return MPM_PARKED;
}

void
mpm_wait_move(struct mpm_call *call, struct mpm_calls *calls, const struct mpm_wait_kind *kind, int64_t deadline_ns)
{
    leave_list(call);
    enter_list(call, calls, kind);
    /* a timer that is set moves without memory; one that is not set is asked to stay unset (MPM_FOREVER) */
    if (call->timer.place != 0 || deadline_ns == MPM_FOREVER)
        (void)mpm__heap_set(&call->hub->deadlines, &call->timer, deadline_ns);
}

void
mpm_unpark(struct mpm_call *call)
{
    leave_list(call);
    mpm__heap_unset(&call->hub->deadlines, &call->timer);
    if (mpm_link_is_on(&call->parked)) {
        mpm__list_remove(&call->parked);
        call->hub->n_parked--;
    }
    call->wait = NULL;
}

void
mpm_wake(struct mpm_call *call)
{
    mpm_unpark(call);
    mpm__session_set_ready(call->session);
}

void
mpm__call_cancel(struct mpm_call *call)
{
    const struct mpm_wait_kind *kind = call->wait;

    mpm_unpark(call);
    if (kind != NULL && kind->cancel != NULL)
        kind->cancel(call);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

int
mpm_charge(struct mpm_hub *hub, size_t n)
{
    uint64_t max = hub->options.max_memory;

    if (max != 0 && n > 0 && (hub->memory > max || n > max - hub->memory))
        return MPM_ELIMIT;
    hub->memory += n;
    return 0;
}

void
mpm_discharge(struct mpm_hub *hub, size_t n)
{
    hub->memory -= n;
}

/* Takes the result r of making and pinning the value, too. */
static int
keep_new(struct mpm_call *call, int r, struct mpm_value *value, struct mpm_value *out)
{
    uint32_t *stored = mpm__value_stored(value);

    if (r == 0 && stored != NULL)
        r = mpm_charge(call->hub, mpm__value_cost(value) + mpm__pins_cost(value));
    if (r == 0) {
        if (stored != NULL)
            *stored = 1;
        *out = *value;
        return 0;
    }
    mpm__unpin(value);
    mpm_drop(value);
    return r;
}

int
mpm_keep_ref(struct mpm_call *call, struct mpm_ref ref, struct mpm_value *out)
{
    struct mpm_value value = { 0 };
    int r = mpm_keep(ref, &value);

    if (r != 0)
        return r;
    return keep_new(call, ref.doc->has_names ? mpm__pin_nested(call, &value) : 0, &value, out);
}

int
mpm_keep_made(struct mpm_call *call, struct mpm_value *made, struct mpm_value *out)
{
    struct mpm_value value = *made;

    *made = (struct mpm_value){ 0 };
    return keep_new(call, 0, &value, out);
}

int
mpm_keep_again(struct mpm_call *call, const struct mpm_value *v, struct mpm_value *out)
{
    uint32_t *stored = mpm__value_stored(v);
    const struct mpm_pins *pins = mpm__value_pins(v);
    struct mpm_value value = { 0 };
    int r;

    if (stored == NULL || (*stored < UINT32_MAX / 2 && (pins == NULL || mpm__pins_are_of(pins, call->object)))) {
        *out = mpm_value_hold(v);
        if (stored != NULL)
            ++*stored;
        return 0;
    }
    r = mpm__value_clone(v, &value);
    if (r != 0)
        return r;
    return keep_new(call, pins != NULL ? mpm__pin_again(call, pins, &value) : 0, &value, out);
}

uint64_t
mpm_keep_allowance(const struct mpm_doc *doc)
{
    return (uint64_t)doc->len * GROWTH_MAX + GROWTH_BASE;
}

int
mpm_keep_spend(uint64_t *left, const struct mpm_value *v)
{
    uint64_t cost = mpm__value_cost(v);

    if (cost > *left)
        return MPM_ETOOBIG;
    *left -= cost;
    return 0;
}

int
mpm_keep_arg(struct mpm_call *call, int i, struct mpm_value *out)
{
    return mpm_keep_ref(call, call->args[i], out);
}

void
mpm_forget(struct mpm_hub *hub, struct mpm_value *v)
{
    uint32_t *stored = v->tag == MPM_TAG_BLOB ? mpm__value_stored(v) : NULL;

    if (stored != NULL && *stored != 0 && --*stored == 0) {
        hub->memory -= mpm__value_cost(v) + mpm__pins_cost(v);
        mpm__unpin(v);
    }
    mpm_drop(v);
}
