# covers: known:names, known:values, known:keys, known:config-text
# What would be syntax to an MTA is data to us.

mta conf {
    target     postfix
    hostname   conference.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system smtp {
    account bob@own.example
    account "|/bin/touch /tmp/x"@own.example
    account "#x"@own.example
    account ${run{/bin/true}}@own.example
    account /tmp/file@own.example
    account "a, b"@own.example
    account $local_part@own.example
    account {x}@own.example
    account `id`@own.example
    account *@own.example
    account ~root@own.example
}

domain own.example

connector relay {
    to         smtp
    smart-host conference.store.example
}

connector error {
    address-space error.example
    smart-host    error.own.example
    tls           required
}

connector verify {
    address-space verify.example
    smart-host    verify.own.example
}

connector to-to_to--x {
    address-space *
    dns
}

contact "# ${run{/bin/true}} : | \" , ;" {
    primary   "|/bin/sh"@other.example
    secondary pipe@own.example
}

contact ":include:/etc/passwd" {
    primary   ":include:/etc/passwd"@other.example
    secondary include@own.example, ":fail:"@own.example
}

contact "expansion" {
    primary   ${run{/bin/true}}@other.example
    secondary expansion@own.example
}

contact "slashes" {
    primary   /etc/passwd@other.example
    secondary slashes@own.example
}

contact "two" {
    primary   "a@x, b@y"@other.example
    secondary two@own.example
}
