#!/bin/sh
# Installs what the integration tests need on Debian 12: Postfix as a package, Exim unpacked beside it.
#
# The two cannot both be installed, since each is "the" mail-transport-agent, so Exim's packages are
# unpacked below /opt/mailswitch-lab/exim and only the libraries that it links are installed. No daemon
# is started: the tests run their own in throw-away namespaces. Safe to run again; quick when done.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
exim_root=/opt/mailswitch-lab/exim

die() { echo "setup.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "run this as root: it installs packages"
command -v apt-get >/dev/null || die "this machine has no apt-get: the tests need Debian 12"
PATH="$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"
command -v cargo >/dev/null || die "no cargo found: install Rust 1.95 or later first"
minor=$(rustc --version | sed 's/^rustc 1\.\([0-9]*\)\..*/\1/')
[ "$minor" -ge 95 ] 2>/dev/null || die "found $(rustc --version), but Rust 1.95 or later is needed"

installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

missing() { for package in "$@"; do installed "$package" || printf ' %s' "$package"; done; }

lists_read=
refresh_lists() { [ -n "$lists_read" ] || apt-get -qq update; lists_read=1; }

# A package that is being installed may want to start its daemon: this policy forbids it meanwhile.
forbid_daemons() {
    [ -e /usr/sbin/policy-rc.d ] && return
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
}

install_packages() {
    [ $# -gt 0 ] || return 0
    refresh_lists
    forbid_daemons
    # shellcheck disable=SC2068
    apt-get -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends install $@
}

preseed_postfix() {
    command -v debconf-set-selections >/dev/null || die "debconf is missing"
    debconf-set-selections <<PRESEED
postfix postfix/main_mailer_type select Local only
postfix postfix/mailname string mailswitch.invalid
PRESEED
}

# The libraries are those that the packages themselves name, so that another release's names work too.
exim_libraries() {
    apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        exim4-base exim4-daemon-heavy | sed -n 's/^ *Depends: \(lib[^ ]*\)$/\1/p' | sort -u
}

unpack_exim() {
    refresh_lists
    # shellcheck disable=SC2046
    install_packages $(missing $(exim_libraries))
    work=$(mktemp -d)
    chmod 755 "$work"
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download exim4-base exim4-daemon-heavy)
    rm -rf "$exim_root" "$exim_root.new"
    mkdir -p "$exim_root.new"
    for package in "$work"/*.deb; do dpkg -x "$package" "$exim_root.new"; done
    rm -rf "$work"
    # Renamed last, so that an interrupted run is not taken for a finished one.
    mv "$exim_root.new" "$exim_root"
}

exim_runs() { "$exim_root/usr/sbin/exim4" -C /dev/null -bV >/dev/null 2>&1; }

wanted="postfix postfix-cdb postfix-lmdb postfix-pcre tinycdb libsasl2-modules iproute2 ca-certificates netbase util-linux adduser gcc libc6-dev"
# shellcheck disable=SC2086
absent=$(missing $wanted)
if [ -n "$absent" ]; then
    case " $absent " in *" postfix "*) preseed_postfix ;; esac
    # shellcheck disable=SC2086
    install_packages $absent
fi

# Exim looks its user up by name. The capital letter needs the flag.
if ! getent passwd Debian-exim >/dev/null; then
    adduser --system --group --quiet --force-badname --no-create-home --home /var/spool/exim4 \
        --shell /usr/sbin/nologin Debian-exim
fi
exim_runs || unpack_exim
exim_runs || die "the unpacked Exim does not run: $("$exim_root/usr/sbin/exim4" -C /dev/null -bV 2>&1 | head -n 3)"

postfix_version=$(postconf -h mail_version)
exim_version=$("$exim_root/usr/sbin/exim4" -C /dev/null -bV 2>/dev/null | sed -n '1s/^Exim version \([^ ]*\).*/\1/p')
echo "ready: Postfix $postfix_version, Exim $exim_version, $(cargo --version)"
