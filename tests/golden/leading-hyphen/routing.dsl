# Postfix takes no address that begins with a hyphen, unless it is told to.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster -b@own.example
}

system store {
    account -b@own.example
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

contact "Eight" {
    primary   -8@partner.example
    secondary eight@own.example, -9@own.example
}
