# SPDX-License-Identifier: GPL-2.0-only
#
# Run in a machine by fidelity.py: prints what can be seen of it, in sections
# that begin with "## NAME". What the sections hold is read by fidelity.py.

section() {
        printf '\n## %s\n' "$1"
}

section cpuinfo
cat /proc/cpuinfo
section cpus
grep -s . /sys/devices/system/cpu/{online,offline,present,possible} /sys/devices/system/cpu/vulnerabilities/* \
        /sys/devices/system/cpu/smt/active /sys/devices/system/cpu/cpuidle/current_*
ls /sys/devices/system/node
section memory
grep -E '^(MemTotal|SwapTotal|HugePages_Total):' /proc/meminfo
section iomem
cat /proc/iomem
section ioports
cat /proc/ioports
section pci
lspci -D -vv -n
section interrupts
cat /proc/interrupts
section acpi
for d in /sys/bus/acpi/devices/*; do
        echo "device ${d##*/} $(cat "$d/hid" 2>/dev/null) $(cat "$d/status" 2>/dev/null) $(basename "$(readlink "$d/physical_node")")"
done
find /sys/firmware/acpi/tables -type f -printf 'table %P\n'
grep -s . /sys/firmware/acpi/interrupts/* /sys/firmware/acpi/pm_profile
grep -s . /sys/power/{state,mem_sleep,disk}
section devices
for d in /sys/bus/*/devices/*; do
        bus=${d#/sys/bus/}
        echo "${bus%%/*} ${d##*/} driver=$(basename "$(readlink "$d/driver")")"
done
for c in ata_port hwmon hwrng input iommu misc mmc_host net nvme power_supply powercap ptp rtc scsi_disk scsi_host thermal \
        tpm usb_host vc watchdog; do
        for d in /sys/class/$c/*; do
                [ -e "$d" ] && echo "class $c ${d##*/} $(cat "$d"/{name,identity,type} 2>/dev/null | tr '\n' ' ')"
        done
done
cat /proc/tty/driver/serial
sed 's/^/console /' /proc/consoles
section block
lsblk -Pno NAME,SIZE,TYPE,FSTYPE,LABEL,UUID,RO,ROTA
section net
ip -o link
ip -o addr
ip route
ss -ltnH
section clock
grep -s . /sys/devices/system/clocksource/clocksource0/*_clocksource /sys/devices/system/clockevents/*/current_device
date +%s.%N
section mounts
findmnt -rno TARGET,SOURCE,FSTYPE,OPTIONS
section kernel
grep -s . /proc/sys/kernel/{tainted,panic,panic_on_oops,pid_max,nmi_watchdog,watchdog,sysrq,randomize_va_space,threads-max,ostype} \
        /sys/kernel/{kexec_loaded,kexec_crash_loaded,kexec_crash_size} /proc/mtrr
cat /etc/machine-id /etc/hostname
hostname
section log
dmesg --level=emerg,alert,crit,err,warn --notime
section units
systemctl is-system-running
systemctl list-units --failed --no-legend --plain
section command-line
cat /proc/cmdline
