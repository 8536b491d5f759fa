/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Authorisation by polkit: see polkit.h.
 */
#include "log.h"
#include "polkit.h"
#include "protocol.h"
#include "sender.h"
#include "util.h"

#define FLAG_INTERACTIVE        1U
#define INTERACTIVE_USEC        (5 * 60 * USEC_PER_SEC)

typedef struct Question {
        sd_bus_message *call;
        AuthorizedFn fn;
        void *userdata;
        bool interactive;
} Question;

static void question_free(void *p) {
        Question *q = p;

        sd_bus_message_unref(q->call);
        free(q);
}

static int judge_answer(Question *q, sd_bus_message *answer, sd_bus_error *error) {
        const sd_bus_error *failure = sd_bus_message_get_error(answer);
        int authorized, challenge, r;

        if (failure) {
                log_debug("polkit: %s", strempty(failure->message));
                return sd_bus_error_set(error, TKD_ERROR_ACCESS_DENIED,
                                        "Only root may do this while polkit does not answer");
        }
        r = sd_bus_message_enter_container(answer, 'r', "bba{ss}");
        if (r < 0)
                return r;
        r = sd_bus_message_read(answer, "bb", &authorized, &challenge);
        if (r < 0)
                return r;
        if (authorized)
                return q->fn(q->call, q->userdata, error);
        if (challenge && !q->interactive)
                return sd_bus_error_set(error, TKD_ERROR_INTERACTIVE_AUTH, "Interactive authentication required");
        return sd_bus_error_set(error, TKD_ERROR_ACCESS_DENIED, "Permission denied by polkit");
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Question *q = userdata;
        int r;

        r = judge_answer(q, answer, &error);
        if (r < 0)
                return sd_bus_reply_method_errno(q->call, r, &error);
        return 1;
}

static int ask(Question *q, const char *action) {
        sd_bus *bus = sd_bus_message_get_bus(q->call);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, "org.freedesktop.PolicyKit1",
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                                  sd_bus_message_get_sender(q->call), action, 0,
                                  q->interactive ? FLAG_INTERACTIVE : 0, "");
        if (r < 0)
                return r;
        r = sd_bus_call_async(bus, &slot, m, on_answer, q, q->interactive ? INTERACTIVE_USEC : 0);
        if (r < 0)
                return r;
        sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_set_destroy_callback(slot, question_free);
        return 1;
}

int polkit_authorize(sd_bus_message *call, const char *action, AuthorizedFn fn, void *userdata, sd_bus_error *error) {
        Question *q;
        uid_t uid;
        int r;

        r = sender_uid(call, &uid);
        if (r < 0)
                return r;
        if (uid == 0)
                return fn(call, userdata, error);

        q = malloc(sizeof(Question));
        if (!q)
                return -ENOMEM;
        *q = (Question) {
                .call = sd_bus_message_ref(call),
                .fn = fn,
                .userdata = userdata,
                .interactive = sd_bus_message_get_allow_interactive_authorization(call) > 0,
        };
        r = ask(q, action);
        if (r < 0)
                question_free(q);
        return r;
}
