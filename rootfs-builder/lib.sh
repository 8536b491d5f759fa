# SPDX-License-Identifier: GPL-2.0-only
#
# Shared by the scripts of rootfs-builder: where things are, the cache, the
# distribution's mirror. To be sourced by bash with `set -eu` in force.

TKD_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TKD_CACHE=${TKD_CACHE:-/var/cache/tkd}
TKD_SUITE=trixie

# say TEXT...: one line of progress; stdout is kept for results.
say() {
        printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

die() {
        say "$*"
        exit 1
}

# need PACKAGE...: install what the host lacks.
need() {
        local missing=() p

        for p in "$@"; do
                dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
        done
        [ ${#missing[@]} -gt 0 ] || return 0

        say "installing ${missing[*]}"
        mkdir -p "$TKD_CACHE"
        (
                flock 9
                export DEBIAN_FRONTEND=noninteractive
                apt-get install -qy --no-install-recommends "${missing[@]}" ||
                        { apt-get update -q && apt-get install -qy --no-install-recommends "${missing[@]}"; }
        ) 9>"$TKD_CACHE/apt.lock" >&2
}

# mirror: the address of the host's own Debian mirror.
mirror() {
        local site

        site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
        [ -n "$site" ] || { apt-get update -q >&2
                site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1); }
        [ -n "$site" ] || die "no Debian mirror in the sources of apt"
        echo "$site"
}

# hash_of WORD...: a short hash of the words and, where a word names a file
# or a directory below the source tree, of its content.
hash_of() {
        local w

        for w in "$@"; do
                if [ -d "$w" ]; then
                        (
                                cd "$w"
                                find . -type f ! -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
                                find . ! -type d ! -path '*/__pycache__/*' -printf '%p %m %l\n' | LC_ALL=C sort
                        )
                elif [ -f "$w" ]; then
                        sha256sum <"$w"
                else
                        echo "$w"
                fi
        done | sha256sum | cut -c 1-16
}

# prune DIR: drop all but the entries of a cache directory used last.
prune() {
        local entry

        find "$1" -mindepth 1 -maxdepth 1 ! -name '*.lock' ! -name '*.tmp.*' -printf '%T@ %p\n' | sort -rn |
                tail -n +9 | cut -d ' ' -f 2- | while read -r entry; do rm -rf "$entry" "$entry.lock"; done
}

# cached PATH FUNCTION ARG...: print PATH; make it first by FUNCTION, which is
# given a name to create, then ARG. Nothing half made ever gets the final
# name, and two callers do not build the same thing twice.
cached() {
        local path=$1 t

        shift
        if [ ! -e "$path" ]; then
                mkdir -p "$(dirname "$path")"
                exec 9>"$path.lock"
                flock 9
                if [ ! -e "$path" ]; then
                        rm -rf "$path".tmp.*
                        t=$(date +%s)
                        say "building $path"
                        "$1" "$path.tmp.$$" "${@:2}" >&2 9>&-
                        mv "$path.tmp.$$" "$path"
                        prune "$(dirname "$path")"
                        say "built $path in $(($(date +%s) - t)) s"
                fi
                exec 9>&-
        fi
        touch -c "$path"
        echo "$path"
}

# bootstrap TARGET PACKAGES [MMDEBSTRAP-OPTION...]: a Debian tree at TARGET (a
# directory, or a tar archive when its name says so).
bootstrap() {
        local target=$1 packages=$2 format=directory

        shift 2
        case $target in *.tar*) format=tar ;; esac
        need mmdebstrap debian-archive-keyring
        mmdebstrap --mode=root --variant=minbase --format="$format" \
                --include="${packages// /,}" \
                --dpkgopt='path-exclude=/usr/share/locale/*' \
                --dpkgopt='path-exclude=/usr/share/info/*' \
                --aptopt='Acquire::Languages "none"' \
                --aptopt='Acquire::Retries "5"' \
                "$@" "$TKD_SUITE" "$target" "$(mirror)" >&2
}

# in_buildroot FUNCTION ARG...: run a function of this script, with this
# library and the variables it named in TKD_EXPORT, in the buildroot.
in_buildroot() {
        local script

        script=". \"$TKD_TOP/rootfs-builder/lib.sh\"; $(declare -f "$1")"
        [ -z "${TKD_EXPORT:-}" ] || script="$(declare -p $TKD_EXPORT); $script"
        "$TKD_TOP/rootfs-builder/in-buildroot" bash -euc "$script; \"\$@\"" "$0" "$@"
}

# lay_out DIR OVERLAY TREE TOOLS: fill DIR with what an image has on top of the
# base tree: the files of overlay/common and overlay/OVERLAY, tkd, our programs.
lay_out() {
        mkdir -p "$1/usr/lib/tkd-test"
        cp -a "$TKD_TOP/rootfs-builder/overlay/common/." "$TKD_TOP/rootfs-builder/overlay/$2/." "$3/." "$1"
        cp -a "$4/agent" "$4/tick" "$1/usr/lib/tkd-test"
        chown -R 0:0 "$1"
}

# mask DIR UNIT...: as systemctl mask does.
mask() {
        local unit

        for unit in "${@:2}"; do ln -sf /dev/null "$1/etc/systemd/system/$unit"; done
}
