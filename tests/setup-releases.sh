#!/bin/sh
# Makes a small root file system for each Debian release, with that release's Postfix and Exim in it.
#
# `tests/releases` gives what is emitted for a version to the programs of that version, and the laboratory runs them.
# A root is unpacked and not installed: no maintainer script runs, so nothing starts, and each package may come from a
# release that this machine could not install. The mirrors are those of this machine's own apt sources. Run it after
# tests/setup.sh, whose users it takes over. Safe to run again; quick when done.
set -eu
export LC_ALL=C
releases=/opt/mailswitch-lab/releases
suites=${*:-bullseye bookworm trixie forky}

die() { echo "setup-releases.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "run this as root: it makes root file systems"
command -v apt-get >/dev/null || die "this machine has no apt-get: the tests need Debian"
for user in postfix Debian-exim; do
    getent passwd "$user" >/dev/null || die "there is no user $user: run tests/setup.sh first"
done

# What a root begins with: the MTAs, and what their scripts and the laboratory call in it.
wanted="base-files base-passwd bash coreutils dash diffutils findutils grep iproute2 libc-bin mawk mount netbase openssl
    perl-base sed util-linux postfix postfix-cdb postfix-lmdb postfix-pcre libsasl2-modules"
exim="exim4-base exim4-daemon-light"
# What these name and no program here needs: it is told to apt as being there already.
unwanted="adduser cron cron-daemon-common debconf e2fsprogs exim4-config init-system-helpers libfile-fcntllock-perl
    lsb-base passwd perl sysvinit-utils systemd tzdata ucf"

work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The address of an archive (`debian`, `debian-security`) in this machine's sources, in either of their two formats.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -n 's/#.*//; s/^URIs: *//p; s/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' | tr ' ' '\n' |
        grep "/$1/*\$" | head -n 1
}

debian=$(mirror debian)
security=$(mirror debian-security)
[ -n "$debian" ] || die "no apt source of this machine ends in /debian: which mirror shall it be?"

sources() {
    echo "deb $debian $1 main"
    # The suite that is not released yet has no security updates of its own.
    if [ "$1" != forky ] && [ -n "$security" ]; then echo "deb $security $1-security main"; fi
}

# An apt that knows one suite, and a machine where nothing is installed but what is unwanted.
prepare_apt() {
    suite=$1 apt="$work/$1"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
    sources "$suite" >"$apt/sources.list"
    architecture=$(dpkg --print-architecture)
    for package in $unwanted; do
        # Some depend on `perl:any`, which only a package that allows it can be.
        case $package in perl) kind=allowed ;; *) kind=foreign ;; esac
        printf 'Package: %s\nStatus: install ok installed\nVersion: 9999\nArchitecture: %s\n' "$package" "$architecture"
        printf 'Multi-Arch: %s\nMaintainer: none <none@example.org>\nDescription: not wanted\n\n' $kind
    done >"$apt/status"
    cat >"$apt/apt.conf" <<CONF
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::Status "$apt/status";
Dir::Cache "$apt/cache";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
CONF
    APT_CONFIG="$apt/apt.conf" apt-get -qq update
}

# The packages that come with some: each MTA is asked for alone, since apt lets no two of them be together.
closure() {
    APT_CONFIG="$work/$1/apt.conf" apt-get -qq -y --print-uris install $2 |
        sed -n "s/^'[^']*' \([^_]*\)_[^ ]* .*/\1/p"
}

unpack() {
    # Directories that are links in the root stay links: /bin, /lib and /sbin lie in /usr there, as on any Debian since 12.
    dpkg-deb --fsys-tarfile "$1" | tar -x -f - -C "$2" --keep-directory-symlink \
        --exclude './usr/share/doc/*' --exclude './usr/share/man/*' --exclude './usr/share/info/*' \
        --exclude './usr/share/locale/*' --exclude './usr/share/lintian/*' --exclude './usr/share/bug/*' \
        --exclude './usr/share/bash-completion/*' --exclude '*/gconv/*'
}

# What the maintainer scripts of base-passwd, postfix and exim4-base would have done. The users have this machine's
# numbers, so that a file means the same in the root and outside.
finish() {
    new=$1
    cp "$new/usr/share/base-passwd/passwd.master" "$new/etc/passwd"
    cp "$new/usr/share/base-passwd/group.master" "$new/etc/group"
    getent passwd postfix Debian-exim >>"$new/etc/passwd"
    getent group postfix postdrop Debian-exim >>"$new/etc/group"
    chown postfix:postfix "$new/var/lib/postfix"
    chgrp postdrop "$new/usr/sbin/postdrop" "$new/usr/sbin/postqueue"
    chmod 2555 "$new/usr/sbin/postdrop" "$new/usr/sbin/postqueue"
    # Each package adds its line; from 3.11 on the package has the whole table elsewhere and these two are built in.
    {
        echo '# dict-type	so-name (pathname)	dict-function	mkmap-function'
        for map in cdb lmdb pcre; do
            [ -e "$new/usr/lib/postfix/postfix-$map.so" ] || continue
            case $map in pcre) made= ;; *) made="mkmap_${map}_open" ;; esac
            printf '%s\tpostfix-%s.so\tdict_%s_open\t%s\n' "$map" "$map" "$map" "$made"
        done
    } >"$new/etc/postfix/dynamicmaps.cf"
    # postconf(1) wants both, and an emitted folder replaces them.
    : >"$new/etc/postfix/main.cf"
    cp "$new/usr/share/postfix/master.cf.dist" "$new/etc/postfix/master.cf"
    for folder in dev etc/exim4 etc/ssl/certs mnt proc run sys tmp; do mkdir -p "$new/$folder"; done
    chmod 1777 "$new/tmp"
    # OpenSSL's default file of authorities, which Debian 11 does not have yet: it links each one by its hash.
    [ -e "$new/usr/lib/ssl/cert.pem" ] || ln -sf /etc/ssl/certs/ca-certificates.crt "$new/usr/lib/ssl/cert.pem"
    # For others' daemons, and for looks: nothing of that is asked here.
    (cd "$new/etc" && rm -rf cron.* init.d insserv.conf.d issue* logrotate.d motd network ppp profile.d resolvconf \
        rsyslog.d skel ufw update-motd.d)
    rm -rf "$new/usr/share/locale" "$new/usr/share/systemd" "$new/usr/lib/systemd/system"
    ldconfig -r "$new"
}

postfix_of() { chroot "$1" /usr/sbin/postconf -h mail_version 2>/dev/null; }

exim_of() { chroot "$1" /usr/sbin/exim4 -C /dev/null -bV 2>/dev/null | sed -n '1s/^Exim version \([^ ]*\).*/\1/p'; }

made() { [ -n "$(postfix_of "$1")" ] && [ -n "$(exim_of "$1")" ]; }

make_root() {
    suite=$1 root="$releases/$1"
    prepare_apt "$suite"
    { closure "$suite" "$wanted"; closure "$suite" "$exim"; } | sort -u >"$work/$suite/packages"
    [ -s "$work/$suite/packages" ] || die "$suite: $debian does not have it"
    (cd "$work/$suite/debs" && xargs env APT_CONFIG="$work/$suite/apt.conf" apt-get -qq download <"$work/$suite/packages")
    rm -rf "$root" "$root.new"
    mkdir -p "$root.new/usr/bin" "$root.new/usr/lib" "$root.new/usr/sbin" "$root.new/usr/lib64"
    for folder in bin lib lib64 sbin; do ln -s "usr/$folder" "$root.new/$folder"; done
    # By their names, so Postfix after Exim: where both have a file, such as sendmail, it is Postfix's.
    for package in "$work/$suite/debs"/*.deb; do unpack "$package" "$root.new"; done
    finish "$root.new"
    rm -rf "${work:?}/$suite"
    # Renamed last, so that an interrupted run is not taken for a finished one.
    mv "$root.new" "$root"
}

mkdir -p "$releases"
for suite in $suites; do
    made "$releases/$suite" || make_root "$suite" >"$work/$suite.log" 2>&1 &
done
wait

failed=
for suite in $suites; do
    root="$releases/$suite"
    if made "$root"; then
        echo "ready: $suite: Postfix $(postfix_of "$root"), Exim $(exim_of "$root")"
    else
        failed="$failed $suite"
        sed "s/^/$suite: /" "$work/$suite.log" >&2
    fi
done
[ -z "$failed" ] || die "there is no root for$failed"
