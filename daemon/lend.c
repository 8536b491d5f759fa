/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lends a PCI function to a twin that runs, and has it back: the old kernel's
 * half, and the twin's.
 */
#include "pci-function.h"
#include "reception.h"
#include "worker.h"

#define LEND_TIMEOUT_USEC (30 * USEC_PER_SEC)

/* The twin first shows that it can answer; then nothing is taken from a driver in vain. */
static int ask_twin(Worker *w, const char *request, const char *answer, EngineError *e) {
        json_object *body = json_object_new_object();
        char address[PCI_FUNCTION_MAX];
        int r;

        json_object_object_add(body, "function",
                               json_object_new_string(pci_function_format(address, &w->plan->function)));
        r = worker_ask(w, request, body, e);
        if (r >= 0)
                r = worker_answer(w, answer, LEND_TIMEOUT_USEC, "TwinFailed", e);
        return r > 0 ? engine_error_set(e, -EALREADY, "TwinFailed", "The twin has committed by itself") : r;
}

static int explain_give(const char *address, int r, EngineError *e) {
        switch (r) {
        case -ESRCH:
                return engine_error_set(e, r, "NoTwin", "There is no twin that lives");
        case -ENODEV:
                return engine_error_set(e, r, "NoSuchFunction", "There is no PCI function %s", address);
        case -EALREADY:
                return engine_error_set(e, r, "FunctionBusy", "%s is lent to the twin already", address);
        case -EBUSY:
                return engine_error_set(e, r, "FunctionBusy", "%s cannot go alone: it is a bridge, has virtual functions or "
                                        "shares an IOMMU group", address);
        case -EOPNOTSUPP:
                return engine_error_set(e, r, "CannotLend", "%s cannot be lent: its driver cannot bring it to rest, or it has "
                                        "no MSI, or the machine no ECAM", address);
        default:
                return engine_error_set(e, r, "Failed", "Cannot lend %s: %m", address);
        }
}

/* The twin did not want it; its driver here goes on. */
static void take_back(Worker *w, const char *address, EngineError *e) {
        _cleanup_free_ char *why = e->message ? strdup(e->message) : NULL;
        int r;

        r = w->backend->twin->take(w->device_fd, &w->plan->function);
        if (r >= 0)
                return;
        engine_error_clear(e);
        engine_error_set(e, r, "TwinFailed", "%s; and %s cannot be had back: %m", strempty(why), address);
}

int lend_give(Worker *w, EngineError *e) {
        const struct twin_function *f = &w->plan->function;
        char address[PCI_FUNCTION_MAX];
        int r;

        pci_function_format(address, f);
        r = worker_attach(w, LEND_TIMEOUT_USEC, e);
        if (r < 0)
                return r;
        r = w->backend->twin->give(w->device_fd, f);
        if (r < 0)
                return explain_give(address, r, e);
        r = ask_twin(w, "accept", "accepted", e);
        if (r < 0)
                take_back(w, address, e);
        return r;
}

/* A dead twin needs not be asked. */
static int let_go(Worker *w, EngineError *e) {
        struct twin_info info;
        int r;

        r = worker_info(w, &info, e);
        if (r < 0 || info.state != TWIN_STATE_ALIVE)
                return r;
        r = worker_attach(w, LEND_TIMEOUT_USEC, e);
        return r < 0 ? r : ask_twin(w, "return", "returned", e);
}

int lend_take(Worker *w, EngineError *e) {
        char address[PCI_FUNCTION_MAX];
        int r;

        pci_function_format(address, &w->plan->function);
        r = let_go(w, e);
        if (r < 0)
                return r;
        r = w->backend->twin->take(w->device_fd, &w->plan->function);
        if (r == -ENODEV)
                return engine_error_set(e, r, "NoSuchFunction", "%s is not lent to the twin", address);
        if (r == -EBUSY)
                return engine_error_set(e, r, "FunctionBusy", "The twin still has %s", address);
        return r < 0 ? engine_error_set(e, r, "Failed", "Cannot have %s back: %m", address) : 0;
}

/* @harmless: an error that means that there is nothing left to do. */
static int call_for_old(Reception *c, json_object *frame, int (*call)(int fd, const struct twin_function *f), int harmless,
                        const char *what, EngineError *e) {
        const char *address = strempty(frame_get_string(frame, "function"));
        struct twin_function f;
        int r;

        if (pci_function_parse(address, &f) < 0)
                return engine_error_set(e, -EINVAL, "TwinFailed", "The request names no PCI function");
        r = call(c->device_fd, &f);
        return r < 0 && r != harmless ? engine_error_set(e, r, "TwinFailed", "Cannot %s %s: %m", what, address) : 0;
}

int reception_accept(Reception *c, json_object *frame, EngineError *e) {
        return call_for_old(c, frame, c->backend->twin->accept, -EALREADY, "accept", e);
}

/* What was never accepted, or is gone already, needs not be returned. */
int reception_return(Reception *c, json_object *frame, EngineError *e) {
        return call_for_old(c, frame, c->backend->twin->return_, -ENODEV, "let go of", e);
}
