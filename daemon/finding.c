/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings: see finding.h.
 */
#include <stdarg.h>

#include "finding.h"
#include "protocol.h"

static const struct {
        const char *name;
        const char *severity;
} table[_FINDING_MAX] = {
        [FINDING_NO_SUCH_VERSION]   = { "NoSuchVersion",   TKD_SEVERITY_ERROR   },
        [FINDING_NO_INITRAMFS]      = { "NoInitramfs",     TKD_SEVERITY_ERROR   },
        [FINDING_BAD_IMAGE]         = { "BadImage",        TKD_SEVERITY_ERROR   },
        [FINDING_NO_TWIN_SUPPORT]   = { "NoTwinSupport",   TKD_SEVERITY_ERROR   },
        [FINDING_BAD_CONFIG]        = { "BadConfig",       TKD_SEVERITY_ERROR   },
        [FINDING_BAD_POLICY]        = { "BadPolicy",       TKD_SEVERITY_ERROR   },
        [FINDING_BAD_UNIT]          = { "BadUnit",         TKD_SEVERITY_ERROR   },
        [FINDING_NOT_ENOUGH_MEMORY] = { "NotEnoughMemory", TKD_SEVERITY_ERROR   },
        [FINDING_NOT_ENOUGH_CPUS]   = { "NotEnoughCPUs",   TKD_SEVERITY_ERROR   },
        [FINDING_BUSY]              = { "Busy",            TKD_SEVERITY_ERROR   },
        [FINDING_TWIN_EXISTS]       = { "TwinExists",      TKD_SEVERITY_ERROR   },
        [FINDING_NOT_SUPPORTED]     = { "NotSupported",    TKD_SEVERITY_ERROR   },
        [FINDING_FAILED]            = { "Failed",          TKD_SEVERITY_ERROR   },
        [FINDING_NOTHING_MIGRATES]  = { "NothingMigrates", TKD_SEVERITY_WARNING },
        [FINDING_PLAN]              = { "Plan",            TKD_SEVERITY_INFO    },
        [FINDING_SAME_VERSION]      = { "SameVersion",     TKD_SEVERITY_INFO    },
        [FINDING_UNIT]              = { "Unit",            TKD_SEVERITY_INFO    },
};

void findings_add(Findings *f, FindingId id, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        Finding *items;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        items = n < 0 ? NULL : reallocarray(f->items, f->n + 1, sizeof(Finding));
        if (!items) {
                f->oom = true;
                return;
        }
        f->items = items;
        f->items[f->n++] = (Finding) { id, TAKE_PTR(text) };
}

void findings_done(Findings *f) {
        for (size_t i = 0; i < f->n; i++)
                free(f->items[i].text);
        free(f->items);
        *f = (Findings) {};
}

static bool has_severity(const Finding *f, const char *severity) {
        return streq(table[f->id].severity, severity);
}

bool findings_bad(const Findings *f) {
        for (size_t i = 0; i < f->n; i++)
                if (has_severity(&f->items[i], TKD_SEVERITY_ERROR))
                        return true;
        return f->oom;
}

int findings_append(const Findings *f, sd_bus_message *m) {
        static const char *const order[] = { TKD_SEVERITY_ERROR, TKD_SEVERITY_WARNING, TKD_SEVERITY_INFO };
        int r;

        r = sd_bus_message_open_container(m, 'a', "(sss)");
        if (r < 0)
                return r;
        for (size_t s = 0; s < ELEMENTSOF(order); s++)
                for (size_t i = 0; i < f->n; i++) {
                        if (!has_severity(&f->items[i], order[s]))
                                continue;
                        r = sd_bus_message_append(m, "(sss)", table[f->items[i].id].name, order[s], f->items[i].text);
                        if (r < 0)
                                return r;
                }
        return sd_bus_message_close_container(m);
}

int findings_set_error(const Findings *f, sd_bus_error *error) {
        for (size_t i = 0; i < f->n; i++) {
                char name[128];

                if (!has_severity(&f->items[i], TKD_SEVERITY_ERROR))
                        continue;
                snprintf(name, sizeof(name), TKD_ERROR("%s"), table[f->items[i].id].name);
                return sd_bus_error_set(error, name, f->items[i].text);
        }
        return -ENOMEM;
}
