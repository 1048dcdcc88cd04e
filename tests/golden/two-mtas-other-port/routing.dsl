# covers: field:mta.listen, field:connector.to
# A connector to an MTA of ours takes that MTA's own port.

mta edge {
    target     postfix
    hostname   mx.own.example
    address    192.0.2.25
    postmaster bob@own.example
}

mta hub {
    target     exim
    hostname   hub.own.example
    listen     0.0.0.0:2525
    address    10.1.0.25
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example {
    mx edge
}

connector inward {
    from          edge
    to            hub
    address-space own.example
}

connector to-store {
    from       hub
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
