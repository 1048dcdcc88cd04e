# covers: known:strict-wildcard, known:map-precedence, field:connector.address-space, field:connector.cost
# The most specific pattern wins, then the lowest cost; *.d is not d.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector wide {
    address-space *.wide.example cost 50
    smart-host    wide.own.example
}

connector narrow {
    cost          5
    address-space *.narrow.wide.example, exact.wide.example cost 90
    smart-host    narrow.own.example
}

connector cheap {
    address-space *.wide.example cost 10
    smart-host    cheap.own.example
    tls           off
}

connector exact {
    address-space wide.example
    smart-host    exact.own.example
}

connector internet {
    address-space *
    dns
}
