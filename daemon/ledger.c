/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger: time stamps of both kernels as a JSON array, see ledger.h.
 */
#include "ledger.h"

int ledger_add(json_object *ledger, const char *event, const char *kernel, uint64_t tsc) {
        _cleanup_json_ json_object *entry = json_object_new_array();

        if (!entry ||
            json_object_array_add(entry, json_object_new_string(event)) < 0 ||
            json_object_array_add(entry, json_object_new_string(kernel)) < 0 ||
            json_object_array_add(entry, json_object_new_int64((int64_t) tsc)) < 0 ||
            json_object_array_add(ledger, json_object_get(entry)) < 0)
                return -ENOMEM;
        return 0;
}

int ledger_parse(json_object *entry, const char **ret_event, const char **ret_kernel, uint64_t *ret_tsc) {
        json_object *event, *kernel, *tsc;

        if (!json_object_is_type(entry, json_type_array) || json_object_array_length(entry) != 3)
                return -EBADMSG;
        event = json_object_array_get_idx(entry, 0);
        kernel = json_object_array_get_idx(entry, 1);
        tsc = json_object_array_get_idx(entry, 2);
        if (!json_object_is_type(event, json_type_string) ||
            !json_object_is_type(kernel, json_type_string) ||
            !json_object_is_type(tsc, json_type_int))
                return -EBADMSG;

        *ret_event = json_object_get_string(event);
        *ret_kernel = json_object_get_string(kernel);
        *ret_tsc = (uint64_t) json_object_get_int64(tsc);
        return 0;
}

static bool ledger_has(json_object *ledger, json_object *entry) {
        for (size_t i = 0; i < json_object_array_length(ledger); i++)
                if (json_object_equal(json_object_array_get_idx(ledger, i), entry))
                        return true;
        return false;
}

int ledger_merge(json_object *ledger, json_object *other) {
        if (!other)
                return 0;
        if (!json_object_is_type(other, json_type_array))
                return -EBADMSG;

        for (size_t i = 0; i < json_object_array_length(other); i++) {
                json_object *entry = json_object_array_get_idx(other, i);
                const char *event, *kernel;
                uint64_t tsc;
                int r;

                r = ledger_parse(entry, &event, &kernel, &tsc);
                if (r < 0)
                        return r;
                if (ledger_has(ledger, entry))
                        continue;
                r = ledger_add(ledger, event, kernel, tsc);
                if (r < 0)
                        return r;
        }
        return 0;
}

json_object *ledger_of_job(json_object *job) {
        json_object *ledger;

        if (json_object_object_get_ex(job, "ledger", &ledger) && json_object_is_type(ledger, json_type_array))
                return ledger;
        ledger = json_object_new_array();
        if (ledger)
                json_object_object_add(job, "ledger", ledger);
        return ledger;
}
