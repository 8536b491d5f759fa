/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Check: see check.h. The machine and the images are looked at here, the units
 * in check-units.c.
 */
#include <inttypes.h>

#include "check-units.h"
#include "command-line.h"
#include "conf-files.h"
#include "files.h"
#include "kernel-image.h"
#include "kernels.h"
#include "log.h"
#include "plan.h"
#include "twin-device.h"

#define MIB                     (UINT64_C(1) << 20)
#define BLOCK_SIZE_DEFAULT      (128 * MIB)
#define TWIN_SLACK              (64 * MIB)      /* page tables, hand-over area, first allocations */

typedef struct Request {
        Check check;
        CheckContext context;
        CheckDoneFn done;
        void *userdata;
} Request;

static void request_finish(Request *q) {
        q->done(&q->check, q->userdata);
        findings_done(&q->check.findings);
        policy_done(&q->check.policy);
        config_done(&q->check.config);
        engine_plan_free(q->check.plan);
        free(q);
}

static uint64_t round_up(uint64_t n, uint64_t granule) {
        return (n + granule - 1) / granule * granule;
}

static bool load_config(Check *c) {
        _cleanup_free_ char *error = NULL;
        int r;

        r = config_load(&c->config, &error);
        if (r < 0)
                findings_add(&c->findings, FINDING_BAD_CONFIG, "%s", error ?: strerror(-r));
        return r >= 0;
}

static bool load_policy(Check *c) {
        _cleanup_free_ char *error = NULL;
        int r;

        r = policy_load(&c->policy, &error);
        if (r < 0)
                findings_add(&c->findings, FINDING_BAD_POLICY, "%s", error ?: strerror(-r));
        return r >= 0;
}

/* "; installed are: A, B", for the message that there is no such version. */
static char *installed_text(const Config *c) {
        Kernels k = {};
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        if (kernels_list(c->kernel, &k) >= 0)
                for (size_t i = 0; i < k.n; i++)
                        fprintf(f, "%s%s", i == 0 ? "; installed: " : ", ", k.items[i].version);
        kernels_done(&k);
        return fclose(f) == 0 ? text : NULL;
}

static void add_no_such_version(Check *c, const char *version, const char *path) {
        _cleanup_free_ char *installed = installed_text(&c->config);

        findings_add(&c->findings, FINDING_NO_SUCH_VERSION, "There is no kernel \"%s\"%s%s%s", version,
                     path ? ": no " : "", strempty(path), strempty(installed));
}

static void judge_image(Check *c, const char *path, const KernelImage *image) {
        const char *version = c->plan->version;

        if (!streq(image->release, version))
                findings_add(&c->findings, FINDING_BAD_IMAGE, "%s is kernel \"%s\", not \"%s\"", path,
                             image->release, version);
        if (!image->twin)
                findings_add(&c->findings, FINDING_NO_TWIN_SUPPORT,
                             "%s was built without twin support (CONFIG_TWIN)", path);
        if ((c->info.flags & TWIN_INFO_LA57) && !image->five_level)
                findings_add(&c->findings, FINDING_NO_TWIN_SUPPORT,
                             "%s was built without 5-level paging (CONFIG_X86_5LEVEL), which the running kernel uses; "
                             "boot that one with no5lvl first", path);
        if (streq(version, running_kernel()))
                findings_add(&c->findings, FINDING_SAME_VERSION, "\"%s\" is the running kernel's own version", version);
}

/* Returns the memory that the kernel needs to start, 0 when it cannot be used. */
static uint64_t check_kernel(Check *c) {
        _cleanup_free_ char *path = config_expand(c->config.kernel, c->plan->version);
        _cleanup_free_ char *rooted = path ? conf_path(path) : NULL;
        KernelImage image;
        int r;

        if (!rooted) {
                c->findings.oom = true;
                return 0;
        }
        r = kernel_image_read(rooted, &image);
        if (r == -ENOENT) {
                add_no_such_version(c, c->plan->version, path);
                return 0;
        }
        if (r != IMAGE_OK) {
                findings_add(&c->findings, FINDING_BAD_IMAGE, "%s: %s", path,
                             r < 0 ? strerror(-r) : image_result_text((ImageResult) r));
                return 0;
        }
        judge_image(c, path, &image);
        c->plan->kernel = TAKE_PTR(rooted);
        return image.init_size;
}

/* Returns the size of the initramfs, 0 when it cannot be used. */
static uint64_t check_initramfs(Check *c) {
        _cleanup_free_ char *path = config_expand(c->config.initramfs, c->plan->version);
        _cleanup_free_ char *rooted = path ? conf_path(path) : NULL;
        int64_t size;

        if (!rooted) {
                c->findings.oom = true;
                return 0;
        }
        size = initramfs_check(rooted);
        if (size == -EBADMSG)
                findings_add(&c->findings, FINDING_BAD_IMAGE,
                             "%s is not an initramfs: neither a cpio archive nor compressed", path);
        else if (size < 0)
                findings_add(&c->findings, FINDING_NO_INITRAMFS, "%s, the twin's initramfs: %s", path,
                             strerror((int) -size));
        c->plan->initrd = TAKE_PTR(rooted);
        return size > 0 ? (uint64_t) size : 0;
}

/* A twin that is there already is in the way, unless it is just what an upgrade would boot. */
static void check_twin(Check *c, const CheckContext *x) {
        if (x->twin_kernel && streq(x->twin_kernel, c->plan->version) && x->kind != JOB_BOOT)
                c->plan->attach = true;
        else if (x->twin_kernel)
                findings_add(&c->findings, FINDING_TWIN_EXISTS, "A twin with Linux %s runs already", x->twin_kernel);
        else
                findings_add(&c->findings, FINDING_TWIN_EXISTS, "A twin is there already, its state is \"%s\"",
                             twin_state_to_string(c->info.state));
}

static void check_twin_device(Check *c, const CheckContext *x) {
        int r;

        r = x->twin_fd < 0 ? -ENODEV : x->backend->twin->info(x->twin_fd, &c->info);
        if (r < 0) {
                findings_add(&c->findings, FINDING_NOT_SUPPORTED,
                             "The running kernel %s has no twin support (no /dev/twin)", running_kernel());
                return;
        }
        if (c->info.abi != TWIN_ABI_VERSION)
                findings_add(&c->findings, FINDING_NOT_SUPPORTED,
                             "The running kernel's /dev/twin has interface version %u, this tkd knows version %u",
                             c->info.abi, TWIN_ABI_VERSION);
        else if ((c->info.flags & TWIN_INFO_IS_TWIN) && !(c->info.flags & TWIN_INFO_OWNS_MACHINE))
                findings_add(&c->findings, FINDING_NOT_SUPPORTED,
                             "This kernel is itself a twin that has not taken the machine over yet");
        else if (x->running_job == 0 && c->info.state != TWIN_STATE_NONE)
                check_twin(c, x);
}

/* What is wrong with the CPUs that tkd.conf names, or NULL. */
static const char *judge_cpus(const CpuSet *online, const CpuSet *cpus) {
        if (cpu_set_has(cpus, 0))
                return "CPU 0 cannot be given away";
        for (unsigned cpu = 0; cpu < TWIN_MAX_CPUS; cpu++)
                if (cpu_set_has(cpus, cpu) && !cpu_set_has(online, cpu))
                        return "not all of them are online";
        if (cpu_set_count(cpus) >= cpu_set_count(online))
                return "none would be left for the running kernel";
        return NULL;
}

static void check_cpus(Check *c) {
        _cleanup_free_ char *text = NULL;
        CpuSet online, cpus = c->config.cpus;
        const char *wrong;
        int r;

        r = cpu_set_online(&online);
        if (r < 0) {
                findings_add(&c->findings, FINDING_FAILED, "Cannot tell which CPUs are online: %s", strerror(-r));
                return;
        }
        if (!c->config.has_cpus)
                cpu_set_upper_half(&online, c->info.boot_cpu, &cpus);
        memcpy(c->plan->cpus, cpus.words, sizeof(c->plan->cpus));
        if (cpu_set_count(&cpus) == 0) {
                findings_add(&c->findings, FINDING_NOT_ENOUGH_CPUS,
                             "A twin needs a CPU of its own, and only %u is online", cpu_set_count(&online));
                return;
        }
        wrong = judge_cpus(&online, &cpus);
        text = cpu_set_to_string(&cpus);
        if (wrong)
                findings_add(&c->findings, FINDING_NOT_ENOUGH_CPUS, "TwinCPUs=%s: %s", strempty(text), wrong);
}

static uint64_t memory_available(void) {
        _cleanup_fclose_ FILE *f = fopen("/proc/meminfo", "re");
        char line[256];
        uint64_t kib;

        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1)
                        return kib * 1024;
        return 0;
}

static void check_memory(Check *c, uint64_t kernel, uint64_t initramfs) {
        EnginePlan *p = c->plan;
        uint64_t available = (c->info.flags & TWIN_INFO_BOOT_REGION) ? c->info.mem_size : memory_available();
        uint64_t needed = kernel + initramfs + TWIN_SLACK, block = c->info.block_size ?: BLOCK_SIZE_DEFAULT;

        if (c->config.memory < needed)
                findings_add(&c->findings, FINDING_NOT_ENOUGH_MEMORY,
                             "TwinMemory= is %" PRIu64 " MiB, but kernel and initramfs need %" PRIu64 " MiB to start",
                             c->config.memory / MIB, needed / MIB);
        p->pmem_size = round_up(c->config.checkpoint_memory, block);
        p->mem_size = round_up(c->config.memory, block) + p->pmem_size;
        if (p->mem_size > available)
                findings_add(&c->findings, FINDING_NOT_ENOUGH_MEMORY,
                             "The twin needs %" PRIu64 " MiB (TwinMemory= and CheckpointMemory=), but only %" PRIu64
                             " MiB are available", p->mem_size / MIB, available / MIB);
}

static int make_plan(Check *c, const char *version) {
        c->plan = calloc(1, sizeof(EnginePlan));
        if (!c->plan)
                return -ENOMEM;
        c->plan->version = strdup(version);
        c->plan->tkd_version = strdup(TKD_VERSION);
        c->plan->handover_dir = conf_path(ENGINE_HANDOVER_DIR);
        return c->plan->version && c->plan->tkd_version && c->plan->handover_dir ? 0 : -ENOMEM;
}

static int make_command_line(Check *c) {
        _cleanup_free_ char *path = conf_path("/etc/machine-id"), *machine = NULL, *id = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        r = command_line_of_machine(&machine);
        if (r < 0)
                return r;
        if (read_text_file(path, &id) < 0)
                log_debug("The machine has no id");
        return command_line_compose(machine, c->config.command_line, id, &c->plan->cmdline);
}

static void set_from_config(Check *c) {
        EnginePlan *p = c->plan;
        int r;

        r = make_command_line(c);
        if (r < 0)
                findings_add(&c->findings, FINDING_FAILED, "Cannot make the command line of the twin: %s", strerror(-r));
        p->boot_timeout_usec = c->config.step_usec[STEP_BOOT] ?: USEC_NEVER;
        p->restore_timeout_usec = c->config.step_usec[STEP_MIGRATE] ?: USEC_NEVER;
        p->commit_timeout_usec = c->config.step_usec[STEP_COMMIT] ?: USEC_NEVER;
}

static void add_plan_finding(Check *c) {
        _cleanup_free_ char *cpus = cpu_set_to_string((const CpuSet *) c->plan->cpus);

        if (!findings_bad(&c->findings))
                findings_add(&c->findings, FINDING_PLAN, "%s %s beside %s with CPUs %s and %" PRIu64
                             " MiB, %" PRIu64 " MiB of them for the checkpoint", c->plan->version,
                             c->plan->attach ? "runs already" : "will start", running_kernel(),
                             strempty(cpus), c->plan->mem_size / MIB, c->plan->pmem_size / MIB);
}

/* The twin that runs has what it needs. */
static void plan_from_twin(Check *c) {
        memcpy(c->plan->cpus, c->info.cpus, sizeof(c->plan->cpus));
        c->plan->mem_size = c->info.mem_size;
        c->plan->pmem_size = c->info.pmem_size;
}

static void check_new_twin(Check *c, const char *version) {
        uint64_t kernel = 0, initramfs = 0;

        if (kernel_version_valid(version)) {
                kernel = check_kernel(c);
                if (kernel > 0)
                        initramfs = check_initramfs(c);
        } else
                add_no_such_version(c, version, NULL);
        check_cpus(c);
        check_memory(c, kernel, initramfs);
}

static void check_machine(Check *c, const CheckContext *x, const char *version) {
        if (x->running_job > 0)
                findings_add(&c->findings, FINDING_BUSY, "Job %" PRIu64 " is running; only one at a time",
                             x->running_job);
        check_twin_device(c, x);
        if (!load_config(c))
                return;
        set_from_config(c);
        if (c->plan->attach)
                plan_from_twin(c);
        else
                check_new_twin(c, version);
        add_plan_finding(c);
}

static void on_units(void *userdata) {
        request_finish(userdata);
}

int check_start(const CheckContext *context, const char *version, CheckDoneFn done, void *userdata) {
        Request *q = malloc(sizeof(Request));
        int r;

        if (!q)
                return -ENOMEM;
        *q = (Request) { .context = *context, .done = done, .userdata = userdata };
        r = make_plan(&q->check, version);
        if (r < 0) {
                engine_plan_free(q->check.plan);
                free(q);
                return r;
        }
        check_machine(&q->check, context, version);
        if (context->kind == JOB_BOOT || !load_policy(&q->check)) {
                request_finish(q);
                return 0;
        }
        r = check_units_start(context->bus, &q->check, on_units, q);
        if (r < 0) {
                findings_add(&q->check.findings, FINDING_FAILED, "Cannot ask systemd for its units: %s", strerror(-r));
                request_finish(q);
        }
        return 0;
}
