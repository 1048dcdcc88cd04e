# covers: code:target::unsupported, known:one-transport
# Mates of one group that differ in protocol or source address, or give one host two policies.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    address    192.0.2.1, 192.0.2.2
}

system store {
    account bob@own.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector a1 {
    address-space a.example cost 10
    smart-host    a1.own.example
    protocol      smtps
    tls           required
}

connector a2 {
    address-space a.example cost 20
    smart-host    a2.own.example
    tls           required
}

connector b1 {
    address-space  b.example cost 10
    smart-host     b1.own.example
    source-address 192.0.2.1
}

connector b2 {
    address-space  b.example cost 20
    smart-host     b2.own.example
    source-address 192.0.2.2
}

connector c1 {
    address-space c.example cost 10
    smart-host    c1.own.example
}

connector c2 {
    address-space c.example cost 20
    smart-host    c1.own.example
    tls           required
}

connector internet {
    address-space *
    dns
}
