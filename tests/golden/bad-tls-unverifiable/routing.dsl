# covers: code:tls::unverifiable

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

connector internet {
    address-space *
    dns
}

connector by-number {
    address-space other.example
    smart-host    192.0.2.9
    tls           verified
}

connector by-dns {
    address-space another.example
    dns
    tls           verified
}
