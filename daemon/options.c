/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of methods: see options.h.
 */
#include "options.h"
#include "protocol.h"

static int bad_type(const char *key, const char *wanted, const char *type, sd_bus_error *error) {
        return sd_bus_error_setf(error, TKD_ERROR_BAD_OPTION, "Option \"%s\" must be of type %s, not %s",
                                 key, wanted, type);
}

static int read_mode(sd_bus_message *call, const char *type, Options *o, sd_bus_error *error) {
        const char *s;
        int r;

        if (!streq(type, "s"))
                return bad_type(TKD_OPTION_MODE, "s", type, error);
        r = sd_bus_message_read(call, "v", "s", &s);
        if (r < 0)
                return r;
        if (!streq(s, TKD_MODE_TWIN))
                return sd_bus_error_setf(error, TKD_ERROR_BAD_OPTION,
                                         "Option \"mode\" is \"%s\", but only \"" TKD_MODE_TWIN "\" is known", s);
        o->mode = TKD_MODE_TWIN;
        return 0;
}

static int read_dry_run(sd_bus_message *call, const char *type, Options *o, sd_bus_error *error) {
        int b, r;

        if (!streq(type, "b"))
                return bad_type(TKD_OPTION_DRY_RUN, "b", type, error);
        r = sd_bus_message_read(call, "v", "b", &b);
        if (r < 0)
                return r;
        o->dry_run = b;
        return 0;
}

static int read_option(sd_bus_message *call, OptionFlags allowed, Options *o, sd_bus_error *error) {
        const char *key, *type;
        int r;

        r = sd_bus_message_read(call, "s", &key);
        if (r < 0)
                return r;
        r = sd_bus_message_peek_type(call, NULL, &type);
        if (r < 0)
                return r;
        if (streq(key, TKD_OPTION_MODE) && (allowed & OPTION_MODE))
                return read_mode(call, type, o, error);
        if (streq(key, TKD_OPTION_DRY_RUN) && (allowed & OPTION_DRY_RUN))
                return read_dry_run(call, type, o, error);
        return sd_bus_error_setf(error, TKD_ERROR_UNKNOWN_OPTION, "Unknown option \"%s\"", key);
}

int options_read(sd_bus_message *call, OptionFlags allowed, Options *ret, sd_bus_error *error) {
        Options o = { .mode = TKD_MODE_TWIN };
        int r;

        r = sd_bus_message_enter_container(call, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
                r = read_option(call, allowed, &o, error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(call);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret = o;
        return sd_bus_message_exit_container(call);
}
