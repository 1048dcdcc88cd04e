# covers: field:mta.max-size, field:mta.queue-lifetime, field:connector.max-size, field:connector.concurrency, known:size

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    max-size   50MB
    queue-lifetime 2d
}

system store {
    account bob@own.example
}

domain own.example

connector to-store {
    to          store
    smart-host  store.own.example
    max-size    10MB
    concurrency 2
}

connector internet {
    address-space *
    dns
}
