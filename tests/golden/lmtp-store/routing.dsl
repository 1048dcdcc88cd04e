# covers: field:connector.protocol, known:lmtp-service

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
    smart-host [10.0.0.9]:24
    protocol   lmtp
    tls        off
}

connector internet {
    address-space *
    dns
}

contact "Robert" {
    primary   bob@own.example
    secondary robert@own.example
}
