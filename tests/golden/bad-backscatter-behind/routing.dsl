# covers: code:backscatter::unverified
# An MTA of ours that hands a foreign domain on decides nothing about its recipients.

mta edge {
    target     postfix
    hostname   edge.own.example
    address    10.0.0.25
    trust      10.0.0.0/8
    postmaster bob@own.example
}

mta hub {
    target     exim
    hostname   hub.own.example
    address    10.0.0.26
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example {
    mx edge
}

relay domain partner.example {
    on edge
}

connector inward {
    from          edge
    to            hub
    address-space *
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    from          hub
    address-space *
    dns
}
