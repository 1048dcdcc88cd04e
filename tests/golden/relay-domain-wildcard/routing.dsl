# covers: field:domain.relay, field:domain.verify, known:wildcard-domains
# A gateway in front of other people's domains, asked at RCPT time.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system branches {
    domain *.branch.example, branch.example
}

domain own.example

relay domain *.branch.example {
    verify
}

relay domain branch.example {
    verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-branches {
    to         branches
    smart-host branches.own.example
}

connector internet {
    address-space *
    dns
}
