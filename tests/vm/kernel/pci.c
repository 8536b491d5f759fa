/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cases of tests/vm/test_pci.py: PCI functions that a twin takes with the
 * machine, or is lent while both kernels live. Lines in the log that test_pci.py
 * compares between the kernels:
 *
 *   function ADDRESS VENDOR:DEVICE DRIVER BARS
 *   data ADDRESS HASH           of what the disk of this function holds
 *
 * A network device at slot N is in the network 10.0.N.0/24 of QEMU, which
 * answers pings at address 2.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/twin.h>

#include "init.h"

#define FUNCTIONS       "/sys/bus/pci/devices"
#define DATA_BYTES      65536
#define DISKS           6
#define GROUP_DISKS     3
#define MAX_FUNCTIONS   16
#define PATIENCE_MS     20000
#define STEP_MS         50

static int read_text(const char *directory, const char *name, char *buf, size_t size) {
        char path[512];
        ssize_t n = -1;
        int fd;

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                n = read(fd, buf, size - 1);
        close(fd);
        buf[n > 0 ? n : 0] = '\0';
        return n > 0;
}

/* The last component of what a link points to. */
static void read_link(const char *directory, const char *name, char *buf, size_t size) {
        char path[512], target[512];
        ssize_t n;

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        snprintf(buf, size, "%s", n > 0 ? strrchr(target, '/') + 1 : "-");
}

/* Calls one() with each entry of a directory, in the order of the names. */
static int for_each(const char *directory, void (*one)(const char *path, void *arg), void *arg) {
        struct dirent **entries;
        char path[512];
        int n = scandir(directory, &entries, NULL, alphasort), count = 0;

        for (int i = 0; i < n; i++) {
                if (entries[i]->d_name[0] != '.') {
                        snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
                        if (one)
                                one(path, arg);
                        count++;
                }
                free(entries[i]);
        }
        if (n >= 0)
                free(entries);
        return count;
}

static void report_function(const char *path, void *arg) {
        char vendor[16], device[16], driver[64], resource[2048], bars[512] = "";

        (void) arg;
        read_text(path, "vendor", vendor, sizeof(vendor));
        read_text(path, "device", device, sizeof(device));
        read_link(path, "driver", driver, sizeof(driver));
        read_text(path, "resource", resource, sizeof(resource));
        for (char *line = strtok(resource, "\n"); line; line = strtok(NULL, "\n")) {
                unsigned long long first = strtoull(line, NULL, 16);

                if (first)
                        snprintf(bars + strlen(bars), sizeof(bars) - strlen(bars), ",%llx", first);
        }
        dprintf(log_fd, "<5>function %s %.6s:%.6s %s %s\n", strrchr(path, '/') + 1, vendor, device, driver, bars);
}

/* The PCI function that a device of /sys hangs on; 0: none */
static int function_of(const char *path, char address[16]) {
        char real[PATH_MAX], *last = NULL;

        if (!realpath(path, real))
                return 0;
        for (char *part = strtok(real, "/"); part; part = strtok(NULL, "/"))
                if (strlen(part) == strlen("0000:00:00.0") && part[4] == ':' && part[7] == ':' && part[10] == '.')
                        last = part;
        snprintf(address, 16, "%s", last ?: "");
        return last != NULL;
}

/* The node in /dev comes a moment after the entry in /sys. */
static int open_disk(const char *path, int flags) {
        char device[512];
        int fd = -1;

        snprintf(device, sizeof(device), "/dev/%s", strrchr(path, '/') + 1);
        for (int ms = 0; ms < PATIENCE_MS && fd < 0; ms += STEP_MS) {
                fd = open(device, flags | O_DIRECT | O_CLOEXEC);
                if (fd < 0)
                        usleep(STEP_MS * 1000);
        }
        return fd;
}

static void count_disk(const char *path, void *count) {
        char address[16];

        *(int *) count += function_of(path, address);
}

static int wait_disks(int expected) {
        int count;

        for (int ms = 0; ms < PATIENCE_MS; ms += STEP_MS) {
                count = 0;
                for_each("/sys/block", count_disk, &count);
                if (count >= expected)
                        return 1;
                usleep(STEP_MS * 1000);
        }
        return 0;
}

static void write_disk(const char *path, void *arg) {
        static char buf[4096] __attribute__((aligned(4096)));
        char address[16];
        int fd;

        (void) arg;
        if (!function_of(path, address))
                return;
        memset(buf, 0, sizeof(buf));
        snprintf(buf, sizeof(buf), "written by the old kernel to %s", address);
        fd = open_disk(path, O_WRONLY | O_DSYNC);
        result("write", fd >= 0 && pwrite(fd, buf, sizeof(buf), sizeof(buf)) == sizeof(buf), path);
        close(fd);
}

static void report_data(const char *path, void *arg) {
        static unsigned char buf[DATA_BYTES] __attribute__((aligned(4096)));
        unsigned long long hash = 0xcbf29ce484222325ULL;
        char address[16];
        int fd;

        (void) arg;
        if (!function_of(path, address))
                return;
        fd = open_disk(path, O_RDONLY);
        if (fd < 0 || read(fd, buf, sizeof(buf)) != sizeof(buf))
                result("read", 0, path);
        close(fd);
        for (size_t i = 0; i < sizeof(buf); i++)
                hash = (hash ^ buf[i]) * 0x100000001b3ULL;
        dprintf(log_fd, "<5>data %s %016llx\n", address, hash);
}

static void report_all_data(int disks) {
        result("disks", wait_disks(disks), "missing");
        for_each("/sys/block", report_data, NULL);
}

/* Reads all disks for ever, so that requests are under way. */
static void keep_reading(const char *path, void *arg) {
        static unsigned char buf[DATA_BYTES] __attribute__((aligned(4096)));
        char address[16];
        int fd;

        (void) arg;
        if (!function_of(path, address) || fork() != 0)
                return;
        fd = open_disk(path, O_RDONLY);
        while (pread(fd, buf, sizeof(buf), 0) == sizeof(buf))
                ;
        _exit(1);
}

static unsigned short checksum(const void *data, size_t size) {
        const unsigned short *word = data;
        unsigned sum = 0;

        for (size_t i = 0; i < size / 2; i++)
                sum += word[i];
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (unsigned short) ~sum;
}

static int ping(const char *interface, int slot) {
        struct icmphdr echo = { .type = ICMP_ECHO, .un.echo = { .id = htons((unsigned short) slot) } };
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000002U | (unsigned) slot << 8) };
        int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP), answered = 0;
        struct pollfd p = { .fd = fd, .events = POLLIN };
        unsigned char answer[256];

        echo.checksum = checksum(&echo, sizeof(echo));
        if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t) strlen(interface) + 1) < 0)
                return 0;
        for (int ms = 0; ms < PATIENCE_MS && !answered; ms += 500) {
                sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *) &to, sizeof(to));
                while (!answered && poll(&p, 1, 500) > 0) {
                        ssize_t n = recv(fd, answer, sizeof(answer), 0);
                        const struct icmphdr *icmp = (const void *) (answer + sizeof(struct iphdr));

                        answered = n >= (ssize_t) (sizeof(struct iphdr) + sizeof(*icmp)) &&
                                icmp->type == ICMP_ECHOREPLY && icmp->un.echo.id == echo.un.echo.id;
                }
        }
        close(fd);
        return answered;
}

static int slot_of(const char *path, const char **interface) {
        char address[16];

        *interface = strrchr(path, '/') + 1;
        return function_of(path, address) ? (int) strtol(address + strlen("0000:00:"), NULL, 16) : -1;
}

static void configure_interface(const char *path, void *arg) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        struct ifreq request = {};
        const char *interface;
        int slot = slot_of(path, &interface), fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        (void) arg;
        if (slot >= 0) {
                snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
                address.sin_addr.s_addr = htonl(0x0a00000fU | (unsigned) slot << 8);
                memcpy(&request.ifr_addr, &address, sizeof(address));
                result_errno("address", ioctl(fd, SIOCSIFADDR, &request), 0);
                address.sin_addr.s_addr = htonl(0xffffff00U);
                memcpy(&request.ifr_netmask, &address, sizeof(address));
                result_errno("netmask", ioctl(fd, SIOCSIFNETMASK, &request), 0);
                request.ifr_flags = IFF_UP | IFF_RUNNING;
                result_errno("up", ioctl(fd, SIOCSIFFLAGS, &request), 0);
        }
        close(fd);
}

static void ping_interface(const char *path, void *arg) {
        const char *interface;
        int slot = slot_of(path, &interface);

        (void) arg;
        if (slot >= 0)
                result("ping", ping(interface, slot), interface);
}

static void configure_network(void) {
        for_each("/sys/class/net", configure_interface, NULL);
}

static void check_network(void) {
        for_each("/sys/class/net", ping_interface, NULL);
}

static void check_devices(int disks) {
        report_all_data(disks);
        check_network();
}

static void old_takeover(void) {
        result("disks", wait_disks(DISKS), "missing");
        for_each("/sys/block", write_disk, NULL);
        configure_network();
        check_devices(DISKS);
        for_each(FUNCTIONS, report_function, NULL);
        result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);
        start(TWIN_CONSOLE "role=pci-takeover");
        for_each("/sys/block", keep_reading, NULL);
        result("committed", wait_event(TWIN_EVENT_COMMITTED, ALIVE_MS), "not told");
        ioctl(twin_fd, TWIN_IOC_PARK);
        result("park", 0, strerror(errno));
}

static void twin_takeover(void) {
        struct twin_takeover arg = {
                .timeout_ms = 60000,
                .parts = TWIN_TAKE_CPUS | TWIN_TAKE_MEMORY | TWIN_TAKE_DEVICES,
        };

        result("nothing before the takeover", for_each(FUNCTIONS, NULL, NULL) == 0, "functions");
        result_errno("commit", ioctl(twin_fd, TWIN_IOC_COMMIT), 0);
        result_errno("take over", ioctl(twin_fd, TWIN_IOC_TAKEOVER, &arg), 0);
        result_errno("take over again", ioctl(twin_fd, TWIN_IOC_TAKEOVER, &arg), 0);
        configure_network();
        check_devices(DISKS);
        for_each(FUNCTIONS, report_function, NULL);
        finish();
}

static int call(unsigned long request, const char *address) {
        struct twin_function arg = {
                .segment = (unsigned short) strtoul(address, NULL, 16),
                .bus = (unsigned char) strtoul(address + 5, NULL, 16),
                .devfn = (unsigned char) (strtoul(address + 8, NULL, 16) << 3 | strtoul(address + 11, NULL, 16)),
        };

        return ioctl(twin_fd, request, &arg);
}

/* Until the other kernel has done its part. */
static int call_until(unsigned long request, const char *address, int error) {
        int r = -1;

        for (int ms = 0; ms < PATIENCE_MS; ms += STEP_MS) {
                r = call(request, address);
                if ((r < 0 ? errno : 0) == error)
                        break;
                usleep(STEP_MS * 1000);
        }
        return r;
}

/* The functions that the drivers of these disks and networks can give away. */
static char lendable[MAX_FUNCTIONS][16];
static int n_lendable;

static void add_lendable(const char *path, void *arg) {
        static const char drivers[] = " virtio-pci nvme e1000e ahci xhci_hcd ";
        char driver[64], word[80];

        (void) arg;
        read_link(path, "driver", driver, sizeof(driver));
        snprintf(word, sizeof(word), " %s ", driver);
        if (n_lendable < MAX_FUNCTIONS && strstr(drivers, word))
                snprintf(lendable[n_lendable++], sizeof(lendable[0]), "%s", strrchr(path, '/') + 1);
}

static void all_until(unsigned long request, const char *what, int error) {
        for (int i = 0; i < n_lendable; i++)
                result_errno(what, call_until(request, lendable[i], error), error);
}

static void old_refusals(void) {
        struct twin_function arg = { .reserved = 1 };

        result_errno("give without a twin", call(TWIN_IOC_GIVE, "0000:00:04.0"), ESRCH);
        result_errno("accept without a kernel above", call(TWIN_IOC_ACCEPT, "0000:00:04.0"), EPERM);
        result_errno("return without a kernel above", call(TWIN_IOC_RETURN, "0000:00:04.0"), EPERM);
        result_errno("take what was not lent", call(TWIN_IOC_TAKE, "0000:00:04.0"), ENODEV);
        result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);
        start(TWIN_CONSOLE "role=pci-refusals");
        result_errno("give with a reserved field", ioctl(twin_fd, TWIN_IOC_GIVE, &arg), EINVAL);
        result_errno("give what is not there", call(TWIN_IOC_GIVE, "0000:00:1e.0"), ENODEV);
        result_errno("give in an unknown segment", call(TWIN_IOC_GIVE, "0007:00:04.0"), ENODEV);
        result_errno("give the host bridge", call(TWIN_IOC_GIVE, "0000:00:00.0"), EBUSY);
        result_errno("give the LPC bridge", call(TWIN_IOC_GIVE, "0000:00:1f.0"), EBUSY);
        result_errno("give a root port", call(TWIN_IOC_GIVE, "0000:00:07.0"), EBUSY);
        result_errno("give without MSI and freeze", call(TWIN_IOC_GIVE, "0000:00:11.0"), EOPNOTSUPP);
        result("refused in the twin", wait_event(TWIN_STATE_HALTED, ALIVE_MS), "no end");
        result_errno("give to a dead twin", call(TWIN_IOC_GIVE, "0000:00:04.0"), ESRCH);
        result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);
        result_errno("release", ioctl(twin_fd, TWIN_IOC_RELEASE), 0);
}

static void twin_refusals(void) {
        result_errno("give in a twin", call(TWIN_IOC_GIVE, "0000:00:04.0"), EPERM);
        result_errno("take in a twin", call(TWIN_IOC_TAKE, "0000:00:04.0"), EPERM);
        result_errno("accept what was not lent", call(TWIN_IOC_ACCEPT, "0000:00:04.0"), ENODEV);
        result_errno("return what is not there", call(TWIN_IOC_RETURN, "0000:00:04.0"), ENODEV);
        reboot(RB_AUTOBOOT);
}

/* Without ECAM a twin lives all the same. */
static void old_no_ecam(void) {
        configure_network();
        result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);
        start("role=stay");
        result_errno("give without ECAM", call(TWIN_IOC_GIVE, "0000:00:04.0"), EOPNOTSUPP);
        result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);
        result_errno("release", ioctl(twin_fd, TWIN_IOC_RELEASE), 0);
        check_devices(DISKS);
}

/* Behind an IOMMU what cannot be told apart goes together or not at all. */
static void old_group(void) {
        result("in a group", access("/sys/bus/pci/devices/0000:00:05.0/iommu_group", F_OK) == 0, "not there");
        result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);
        start("role=stay");
        result_errno("give one of a group", call(TWIN_IOC_GIVE, "0000:00:05.0"), EBUSY);
        result_errno("give the other", call(TWIN_IOC_GIVE, "0000:00:05.1"), EBUSY);
        result_errno("take what was refused", call(TWIN_IOC_TAKE, "0000:00:05.0"), ENODEV);
        result_errno("give one that is alone", call(TWIN_IOC_GIVE, "0000:00:04.0"), 0);
        result_errno("take it", call(TWIN_IOC_TAKE, "0000:00:04.0"), 0);
        result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);
        result_errno("release", ioctl(twin_fd, TWIN_IOC_RELEASE), 0);
        report_all_data(GROUP_DISKS);
}

static void start_with_functions(const char *role) {
        char append[1024];

        snprintf(append, sizeof(append), TWIN_CONSOLE "role=%s lent=", role);
        for (int i = 0; i < n_lendable; i++)
                snprintf(append + strlen(append), sizeof(append) - strlen(append), "%s%s", i ? "," : "", lendable[i]);
        start(append);
}

/* The twin of role pci-keep says in its log that it has all. */
static void wait_keeping(void) {
        int keeps = 0;

        for (int ms = 0; ms < ALIVE_MS && !keeps; ms += STEP_MS) {
                keeps = log_has("ok keeps all");
                if (!keeps)
                        usleep(STEP_MS * 1000);
        }
        result("twin keeps all", keeps, "not told");
}

/* All go to the twin and come back twice: returned, and with its death. */
static void old_lend(void) {
        result("disks", wait_disks(DISKS), "missing");
        configure_network();
        check_devices(DISKS);
        for_each(FUNCTIONS, add_lendable, NULL);
        result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);

        start_with_functions("pci-borrow");
        all_until(TWIN_IOC_GIVE, "give", 0);
        all_until(TWIN_IOC_GIVE, "give again", EALREADY);
        result("returned", wait_event(TWIN_STATE_HALTED, 2 * ALIVE_MS), "no end");
        all_until(TWIN_IOC_TAKE, "take", 0);
        check_devices(DISKS);
        result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);

        start_with_functions("pci-keep");
        for_each("/sys/block", keep_reading, NULL);
        all_until(TWIN_IOC_GIVE, "give", 0);
        wait_keeping();
        all_until(TWIN_IOC_TAKE, "take from a live twin", EBUSY);
        result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);
        all_until(TWIN_IOC_TAKE, "take after the kill", ENODEV);
        check_devices(DISKS);
        result_errno("release", ioctl(twin_fd, TWIN_IOC_RELEASE), 0);
        check_devices(DISKS);
        for_each(FUNCTIONS, report_function, NULL);
}

/* The machine goes down while the twin has its devices. */
static void old_reboot(void) {
        result("disks", wait_disks(DISKS), "missing");
        for_each(FUNCTIONS, add_lendable, NULL);
        result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);
        start_with_functions("pci-keep");
        all_until(TWIN_IOC_GIVE, "give", 0);
        wait_keeping();
        all_until(TWIN_IOC_TAKE, "take from a live twin", EBUSY);
}

static void read_lent(void) {
        static char line[4096];
        char *list = read_text("/proc", "cmdline", line, sizeof(line)) ? strstr(line, "lent=") : NULL;

        for (char *p = list ? strtok(list + strlen("lent="), ", \n") : NULL; p; p = strtok(NULL, ", \n"))
                if (n_lendable < MAX_FUNCTIONS && strlen(p) == strlen("0000:00:00.0"))
                        snprintf(lendable[n_lendable++], sizeof(lendable[0]), "%s", p);
}

static void accept_all(void) {
        read_lent();
        result("functions", n_lendable > 0, "none named");
        all_until(TWIN_IOC_ACCEPT, "accept", 0);
        all_until(TWIN_IOC_ACCEPT, "accept again", EALREADY);
        result("nothing but these", for_each(FUNCTIONS, NULL, NULL) == n_lendable, "others");
        configure_network();
        check_devices(DISKS);
}

static void twin_borrow(void) {
        accept_all();
        all_until(TWIN_IOC_RETURN, "return", 0);
        all_until(TWIN_IOC_RETURN, "return again", ENODEV);
        result("all returned", for_each(FUNCTIONS, NULL, NULL) == 0, "some left");
        reboot(RB_AUTOBOOT);
}

/* Dies with requests under way. */
static void twin_keep(void) {
        accept_all();
        for_each("/sys/block", keep_reading, NULL);
        result("keeps all", 1, NULL);
        for (;;)
                pause();
}

static const struct {
        const char *name;
        void (*run)(void);
} old_cases[] = {
        { "pci-takeover", old_takeover },
        { "pci-refusals", old_refusals },
        { "pci-no-ecam",  old_no_ecam  },
        { "pci-group",    old_group    },
        { "pci-lend",     old_lend     },
        { "pci-reboot",   old_reboot   },
}, twin_cases[] = {
        { "pci-takeover", twin_takeover },
        { "pci-refusals", twin_refusals },
        { "pci-borrow",   twin_borrow   },
        { "pci-keep",     twin_keep     },
};

int pci_old(const char *what) {
        for (size_t i = 0; i < sizeof(old_cases) / sizeof(*old_cases); i++)
                if (strncmp(what, old_cases[i].name, strlen(old_cases[i].name)) == 0)
                        return old_cases[i].run(), 1;
        return 0;
}

int pci_twin(const char *role) {
        for (size_t i = 0; i < sizeof(twin_cases) / sizeof(*twin_cases); i++)
                if (strncmp(role, twin_cases[i].name, strlen(twin_cases[i].name)) == 0)
                        return twin_cases[i].run(), 1;
        return 0;
}
