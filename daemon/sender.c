/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who sent a method call: see sender.h.
 */
#include <pwd.h>

#include "sender.h"
#include "util.h"

int sender_uid(sd_bus_message *call, uid_t *ret) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        int r;

        r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
        if (r < 0)
                return r;
        return sd_bus_creds_get_euid(creds, ret);
}

int sender_describe(sd_bus_message *call, char **ret) {
        struct passwd *pw;
        uid_t uid;
        int r;

        r = sender_uid(call, &uid);
        if (r < 0)
                return r;
        pw = getpwuid(uid);
        if (pw)
                r = asprintf(ret, "uid %u (%s)", uid, pw->pw_name);
        else
                r = asprintf(ret, "uid %u", uid);
        return r < 0 ? -ENOMEM : 0;
}
