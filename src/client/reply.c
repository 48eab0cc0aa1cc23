/*
 * reply.c - takes (kind, payload) apart: a value, a proxy, or what the server raised. Layer: client.
 *
 * A message is checked with memory that the client keeps, and becomes a document only when somebody wants it: the
 * block of a long one as it is, a short one as a copy. Source: CPython Lib/multiprocessing/managers.py, convert_to_error.
 */
#include "client/client.h"

#include <string.h>

#include "base/error.h"
#include "client/document.h"
#include "pickle/names.h"
#include "value/read.h"
#include "value/repr.h"

void
mpm__reply_forget(struct mpm_client *c)
{
    struct mpm_raised *raised = &c->raised;

    if (!raised->is_set && raised->reply == NULL)
        return;
    raised->is_set = false;
    raised->exception = (struct mpm_exception){ 0 };
    mpm_document_close(raised->reply);
    raised->reply = NULL;
}

void
mpm__raised_wipe(struct mpm_raised *raised)
{
    mpm_document_close(raised->reply);
    mpm__buf_wipe(&raised->type);
    mpm__buf_wipe(&raised->text);
    *raised = (struct mpm_raised){ 0 };
}

/* Ends a C string, which has no other NUL. */
static void
end_text(struct mpm_buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] == '\0')
            text->data[i] = '?';
    mpm__buf_u8(text, '\0');
}

/* str(exception), as the last line of a traceback has it. */
static int
write_exception_text(struct mpm_raised *raised, const char *type, struct mpm_ref args)
{
    struct mpm_parts parts = { 0 };
    const uint8_t *text;
    size_t len;
    int r = mpm__parts(args, &parts);

    if (r == MPM_ETYPE)
        r = 0;
    if (r == 0 && parts.items.n == 1 && strcmp(type, "builtins.KeyError") != 0 &&
        mpm__decode_text(mpm__part(&parts, 0), &raised->text, &text, &len) == 0) {
        if (raised->text.len == 0)
            mpm__buf_put(&raised->text, text, len);
    } else if (r == 0 && parts.items.n != 0) {
        r = mpm__repr(parts.items.n == 1 ? mpm__part(&parts, 0) : args, &raised->text);
        if (r == MPM_ELIMIT || r == MPM_ERANGE) {
            mpm__buf_text(&raised->text, "...");
            r = 0;
        }
    }
    mpm__parts_wipe(&parts);
    return r;
}

static int
take_exception(struct mpm_raised *raised, struct mpm_ref payload)
{
    const uint8_t *module, *name;
    struct mpm_parts parts = { 0 };
    size_t module_len, name_len;
    int r = mpm__read_global(payload, &module, &module_len, &name, &name_len);

    if (r == 0) {
        (void)mpm__name_to(3, &module, &module_len, &name, &name_len);
        if (module_len == 6 && memcmp(module, "_queue", 6) == 0) { /* where 3.7 and later define queue.Empty */
            module++;
            module_len--;
        }
        mpm__buf_put(&raised->type, module, module_len);
        mpm__buf_u8(&raised->type, '.');
        mpm__buf_put(&raised->type, name, name_len);
        r = mpm__parts(payload, &parts);
    }
    if (r == 0 && parts.items.n >= 2)
        raised->exception.args = mpm__part(&parts, 1);
    mpm__parts_wipe(&parts);
    end_text(&raised->type);
    if (r == 0 && raised->type.error == 0 && raised->exception.args.doc != NULL)
        r = write_exception_text(raised, (const char *)raised->type.data, raised->exception.args);
    return r;
}

/* The last line of what traceback.format_exc() gave. */
static int
take_traceback(struct mpm_raised *raised, struct mpm_ref payload)
{
    const uint8_t *text;
    size_t len, start;
    int r = mpm__read_text(payload, &text, &len);

    if (r != 0)
        return r;
    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (start = len; start > 0 && text[start - 1] != '\n'; start--)
        ;
    mpm__buf_text(&raised->type, "multiprocessing.managers.RemoteError");
    mpm__buf_u8(&raised->type, '\0');
    mpm__buf_put(&raised->text, text + start, len - start);
    return 0;
}

/* The server raised: takes the reply. */
static int
take_failure(struct mpm_raised *raised, struct mpm_document *reply, bool is_error, struct mpm_ref payload,
    struct mpm_error *err)
{
    int r;

    mpm__buf_clear(&raised->type);
    mpm__buf_clear(&raised->text);
    raised->reply = reply;
    r = is_error ? take_exception(raised, payload) : take_traceback(raised, payload);
    end_text(&raised->text);
    if (r == 0)
        r = raised->type.error != 0 ? raised->type.error : raised->text.error;
    if (r == MPM_ETYPE)
        return mpm__fail(err, MPM_EPROTO, 0, "the server's exception is none");
    if (r != 0)
        return mpm__fail(err, r, 0, "no memory for the server's exception");
    raised->exception.type = (const char *)raised->type.data;
    raised->exception.text = (const char *)raised->text.data;
    raised->is_set = true;
    return mpm__fail(err, MPM_EREMOTE, 0, "%.60s: %.90s", raised->exception.type, raised->exception.text);
}

/* There was no memory to take the message, which may have come with a reference to an object. */
static void
let_go_unread(struct mpm_client *c, const struct mpm_message *message, enum mpm_wanted wanted)
{
    struct mpm_document *d;
    const uint8_t *typeid, *ident;
    size_t typeid_len, len;
    struct mpm_ref kind;
    int r = MPM_ETYPE;

    if (wanted == MPM_WANTED_VERDICT || mpm_document_open(message->body, message->len, &d, NULL) != 0)
        return;
    if (d->doc.n_fields == 2) {
        kind = (struct mpm_ref){ &d->doc, d->doc.fields[0] };
        d->root = d->doc.fields[1];
        if (mpm__text_is(kind, "#PROXY"))
            r = mpm__reply_token(d, &typeid, &typeid_len, &ident, &len);
        else if (wanted == MPM_WANTED_OBJECT && mpm__text_is(kind, "#RETURN"))
            r = mpm__created_ident(d, &ident, &len);
    }
    if (r == 0)
        mpm__let_go(c, ident, len);
    mpm_document_close(d);
}

int
mpm__reply_take(struct mpm_client *c, const struct mpm_message *message, enum mpm_wanted wanted, bool *is_proxy,
    struct mpm_document **out, struct mpm_error *err)
{
    struct mpm_document *d = NULL;
    struct mpm_doc doc;
    struct mpm_ref kind;
    bool is_return, is_error;
    int r;

    if (message->len > MPM_PICKLE_LEN_MAX)
        return mpm__fail(err, MPM_ETOOBIG, 0, "a reply of %zu bytes: a pickle has at most 4 GiB", message->len);
    r = mpm__check(&c->checker, message->body, message->len, false, &doc, err);
    if (r == 0 && doc.n_fields != 2)
        r = mpm__fail(err, MPM_EPROTO, 0, "a reply is no pair of kind and payload");
    if (r != 0)
        goto out;
    if (c->protocol == 0)
        c->protocol = doc.protocol < 2 ? 2 : doc.protocol > 5 ? 5 : doc.protocol;
    kind = (struct mpm_ref){ &doc, doc.fields[0] };
    is_return = mpm__text_is(kind, "#RETURN");
    is_error = !is_return && mpm__text_is(kind, "#ERROR");
    *is_proxy = !is_return && !is_error && mpm__text_is(kind, "#PROXY");
    if (is_return && wanted < MPM_WANTED_VALUE) {
        *out = NULL;
        goto out;
    }
    if (!is_return && !*is_proxy && !is_error && !mpm__text_is(kind, "#TRACEBACK") &&
        !mpm__text_is(kind, "#UNSERIALIZABLE")) {
        r = mpm__fail(err, MPM_EPROTO, 0, "a reply of a kind that is not known");
        goto out;
    }
    if (mpm__document_make(&c->checker, &doc, message->block, &d) != 0) {
        r = mpm__fail(err, MPM_ENOMEM, 0, "no memory for a reply");
    } else if (is_return || *is_proxy) {
        d->root = d->doc.fields[1];
        *out = d;
    } else {
        r = take_failure(&c->raised, d, is_error, (struct mpm_ref){ &d->doc, d->doc.fields[1] }, err);
    }
out:
    mpm__checker_trim(&c->checker);
    if (r == MPM_ENOMEM)
        let_go_unread(c, message, wanted);
    return r;
}

int
mpm__created_ident(const struct mpm_document *created, const uint8_t **ident, size_t *len)
{
    struct mpm_parts parts;
    int r = mpm__parts(mpm_document_root(created), &parts);

    if (r == 0)
        r = parts.items.n == 2 ? mpm__read_text(mpm__part(&parts, 0), ident, len) : MPM_ETYPE;
    mpm__parts_wipe(&parts);
    return r;
}

int
mpm__reply_token(const struct mpm_document *proxy, const uint8_t **typeid, size_t *typeid_len, const uint8_t **ident,
    size_t *ident_len)
{
    struct mpm_token_ref token;
    struct mpm_parts parts;
    int r = mpm__parts(mpm_document_root(proxy), &parts); /* (exposed, Token) */

    if (r == 0)
        r = parts.items.n == 2 ? mpm__read_token(mpm__part(&parts, 1), &token) : MPM_ETYPE;
    mpm__parts_wipe(&parts);
    if (r == 0)
        r = mpm__read_text(token.typeid, typeid, typeid_len);
    if (r == 0)
        r = mpm__read_text(token.ident, ident, ident_len);
    return r;
}
