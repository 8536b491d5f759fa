/* SPDX-License-Identifier: GPL-2.0-only */

/* What the verbs have in common that print one array of the manager. */

#include "bus.h"
#include "listing.h"
#include "pager.h"

int listing_show(Context *c, const char *method, ListingReader read, const Column *columns, size_t n_columns) {
        _cleanup_table_ Table *t = table_new(columns, n_columns);
        _cleanup_json_ json_object *array = c->json ? json_object_new_array() : NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        if (!t)
                return print_oom();
        r = bus_call_manager(c, method, &reply);
        if (r != EXIT_OK)
                return r;
        r = read(reply, array, t);
        if (r < 0)
                return bus_bad_reply(c, r);

        pager_open(c);
        if (c->json)
                print_json(array);
        else
                table_print(t);
        return EXIT_OK;
}
