/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl: the command line of tkd. This file holds the tables of verbs and options, and reads the command line. */

#include <getopt.h>
#include <locale.h>

#include "bus.h"
#include "pager.h"
#include "tkctl.h"

typedef struct Verb {
        const char *name;
        const char *arguments;
        int min, max; /* arguments after the name */
        int (*run)(Context *c, int argc, char **argv);
        const char *help;
} Verb;

static const Verb verbs[] = {
        { "status",   "",        0, 0, verb_status,   "Show what tkd and the twin are doing" },
        { "list",     "",        0, 0, verb_list,     "List the installed kernels" },
        { "check",    "VERSION", 1, 1, verb_check,    "Find what would keep an upgrade to VERSION from working" },
        { "upgrade",  "VERSION", 1, 1, verb_upgrade,  "Move the running services to kernel VERSION" },
        { "rollback", "",        0, 0, verb_rollback, "Move them back to the kernel that ran before" },
        { "boot",     "VERSION", 1, 1, verb_boot,     "Boot kernel VERSION beside this one, as a twin that stays" },
        { "console",  "",        0, 0, verb_console,  "Log in to the twin" },
        { "log",      "",        0, 0, verb_log,      "Print the kernel log of the twin and follow it" },
        { "give",     "ADDRESS", 1, 1, verb_give,     "Lend a PCI function to the twin" },
        { "take",     "ADDRESS", 1, 1, verb_take,     "Have a PCI function back from the twin" },
        { "release",  "",        0, 0, verb_release,  "Drop the twin and take back what it has" },
        { "cancel",   "[JOB]",   0, 1, verb_cancel,   "Cancel the running job and roll it back" },
        { "history",  "",        0, 0, verb_history,  "List past jobs" },
        { "show",     "[JOB]",   0, 1, verb_show,     "Show a job with its ledger and downtime" },
        { "monitor",  "[JOB]",   0, 1, verb_monitor,  "Follow what tkd does, or one job until it ends" },
};

enum {
        OPTION_ADDRESS = 0x100,
        OPTION_DRY_RUN,
        OPTION_JSON,
        OPTION_MODE,
        OPTION_NO_ASK_PASSWORD,
        OPTION_NO_FOLLOW,
        OPTION_NO_PAGER,
        OPTION_NO_WAIT,
        OPTION_VERSION,
};

typedef struct Option {
        const char *name;
        int value;            /* the short option, if it is a character */
        const char *argument; /* NULL: takes none */
        const char *verbs;    /* that it belongs to; NULL: all */
        const char *help;
} Option;

#define START_VERBS "upgrade rollback boot"
#define MODE_VERBS "check upgrade rollback"
#define WAIT_VERBS START_VERBS " release cancel"

static const Option options[] = {
        { "help",            'h',                    NULL,      NULL,            "Show this help"                             },
        { "version",         OPTION_VERSION,         NULL,      NULL,            "Show the release of tkctl"                  },
        { "host",            'H',                    "HOST",    NULL,            "Talk to tkd on another host, over ssh"      },
        { "machine",         'M',                    "MACHINE", NULL,            "Talk to tkd in a local container"           },
        { "address",         OPTION_ADDRESS,         "ADDRESS", NULL,            "Talk to tkd on the bus at this address"     },
        { "json",            OPTION_JSON,            NULL,      NULL,            "Print JSON"                                 },
        { "mode",            OPTION_MODE,            "MODE",    MODE_VERBS,      "How to upgrade: \"twin\", the default"      },
        { "dry-run",         OPTION_DRY_RUN,         NULL,      START_VERBS,     "Only say whether the job would start"       },
        { "no-wait",         OPTION_NO_WAIT,         NULL,      WAIT_VERBS,      "Do not wait for the end"                    },
        { "lines",           'n',                    "N",       "log",           "Begin with the last N lines"                },
        { "no-follow",       OPTION_NO_FOLLOW,       NULL,      "log",           "End at the end of the log"                  },
        { "no-pager",        OPTION_NO_PAGER,        NULL,      NULL,            "Do not send long output through a pager"    },
        { "no-ask-password", OPTION_NO_ASK_PASSWORD, NULL,      NULL,            "Do not ask for a password"                  },
};

static int print_help(void) {
        char left[FORMAT_MAX];

        printf("tkctl [OPTION...] [VERB] [ARGUMENT]\n\n"
               "Move running services to another kernel without a reboot.\n\nVerbs:\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                snprintf(left, sizeof(left), "%s %s", verbs[i].name, verbs[i].arguments);
                printf("  %-24s %s\n", left, verbs[i].help);
        }

        printf("\nOptions:\n");
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                const Option *o = options + i;
                char letter[] = { '-', (char) o->value, ' ', 0 };

                snprintf(left, sizeof(left), "%s--%s%s%s", o->value < 0x100 ? letter : "   ", o->name,
                         o->argument ? "=" : "", strempty(o->argument));
                printf("  %-24s %s\n", left, o->help);
        }
        printf("\nWithout a verb: status. See tkctl(1) for exit codes and examples.\n");
        return EXIT_OK;
}

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, name))
                        return verbs + i;
        return NULL;
}

static const Option *find_option(int value) {
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (options[i].value == value)
                        return options + i;
        return NULL;
}

static int set_transport(Context *c, Transport transport, const char *target) {
        if (c->transport != TRANSPORT_LOCAL) {
                print_error("Only one of --host, --machine and --address can be given.");
                return EXIT_USAGE;
        }
        c->transport = transport;
        c->target = target;
        return EXIT_OK;
}

static int set_lines(Context *c, const char *value) {
        if (parse_u64(value, &c->lines) >= 0)
                return EXIT_OK;
        print_error("\"%s\" is not a number of lines.", value);
        return EXIT_USAGE;
}

static int set_option(Context *c, int value, const char *argument) {
        switch (value) {
        case 'H':
                return set_transport(c, TRANSPORT_REMOTE, argument);
        case 'M':
                return set_transport(c, TRANSPORT_MACHINE, argument);
        case OPTION_ADDRESS:
                return set_transport(c, TRANSPORT_ADDRESS, argument);
        case 'n':
                return set_lines(c, argument);
        case OPTION_JSON:
                c->json = true;
                break;
        case OPTION_MODE:
                c->mode = argument;
                break;
        case OPTION_DRY_RUN:
                c->dry_run = true;
                break;
        case OPTION_NO_WAIT:
                c->no_wait = true;
                break;
        case OPTION_NO_FOLLOW:
                c->no_follow = true;
                break;
        case OPTION_NO_PAGER:
                c->no_pager = true;
                break;
        case OPTION_NO_ASK_PASSWORD:
                c->ask_password = false;
                break;
        }
        return EXIT_OK;
}

static bool word_in_list(const char *list, const char *word) {
        size_t n = strlen(word);

        for (const char *p = list; (p = strstr(p, word)); p += n)
                if ((p == list || p[-1] == ' ') && (p[n] == 0 || p[n] == ' '))
                        return true;
        return false;
}

/* An option that the verb would ignore is a mistake of the caller, who expects something from it. */
static int check_options(const Verb *v, const bool given[static ELEMENTSOF(options)]) {
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                if (!given[i] || !options[i].verbs || word_in_list(options[i].verbs, v->name))
                        continue;
                print_error("--%s has no meaning for \"%s\". See \"tkctl --help\".", options[i].name, v->name);
                return EXIT_USAGE;
        }
        return EXIT_OK;
}

static void fill_getopt(struct option *longs, char *shorts) {
        *shorts++ = ':'; /* a missing argument gives ':', and getopt prints nothing itself */
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                const Option *o = options + i;

                longs[i] = (struct option) {
                        .name = o->name,
                        .has_arg = o->argument ? required_argument : no_argument,
                        .val = o->value,
                };
                if (o->value >= 0x100)
                        continue;
                *shorts++ = (char) o->value;
                if (o->argument)
                        *shorts++ = ':';
        }
        *shorts = 0;
}

static int print_bad_option(const char *option, bool lacks_argument) {
        if (lacks_argument)
                print_error("Option \"%s\" needs a value. See \"tkctl --help\".", option);
        else
                print_error("Unknown or ambiguous option, or one that takes no value: \"%s\". See \"tkctl --help\".", option);
        return EXIT_USAGE;
}

/* Returns -1 to go on, or the exit code. */
static int parse_options(Context *c, int argc, char **argv, bool given[static ELEMENTSOF(options)]) {
        struct option longs[ELEMENTSOF(options) + 1] = {};
        char shorts[2 * ELEMENTSOF(options) + 2];
        int value, r;

        fill_getopt(longs, shorts);
        while ((value = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
                if (value == 'h')
                        return print_help();
                if (value == OPTION_VERSION)
                        return printf("tkctl " TKD_VERSION "\n") < 0 ? EXIT_FAILED : EXIT_OK;
                if (value == '?' || value == ':')
                        return print_bad_option(argv[optind - 1], value == ':');
                given[find_option(value) - options] = true;
                r = set_option(c, value, optarg);
                if (r != EXIT_OK)
                        return r;
        }
        return -1;
}

static int find_and_check_verb(int argc, char **argv, const Verb **ret) {
        const Verb *v = find_verb(argv[0]);

        if (!v) {
                print_error("Unknown verb \"%s\". See \"tkctl --help\".", argv[0]);
                return EXIT_USAGE;
        }
        if (argc - 1 < v->min) {
                print_error("\"%s\" needs %s. See \"tkctl --help\".", v->name, v->arguments);
                return EXIT_USAGE;
        }
        if (argc - 1 > v->max) {
                print_error("Too many arguments for \"%s\": \"%s\". See \"tkctl --help\".", v->name, argv[v->max + 1]);
                return EXIT_USAGE;
        }
        *ret = v;
        return EXIT_OK;
}

static int run(Context *c, int argc, char **argv) {
        static char *no_verb[] = { (char *) "status", NULL };
        bool given[ELEMENTSOF(options)] = {};
        const Verb *v;
        int r;

        r = parse_options(c, argc, argv, given);
        if (r >= 0)
                return r;
        argv = argc > optind ? argv + optind : no_verb;
        argc = argc > optind ? argc - optind : 1;

        r = find_and_check_verb(argc, argv, &v);
        if (r != EXIT_OK)
                return r;
        r = check_options(v, given);
        if (r != EXIT_OK)
                return r;
        r = bus_open(c);
        if (r != EXIT_OK)
                return r;
        return v->run(c, argc - 1, argv + 1);
}

int main(int argc, char **argv) {
        Context c = { .ask_password = true, .lines = UINT64_MAX };
        int r;

        setlocale(LC_ALL, "");
        setlinebuf(stdout);
        r = run(&c, argc, argv);
        sd_bus_flush_close_unref(c.bus);
        pager_close();
        return r;
}
