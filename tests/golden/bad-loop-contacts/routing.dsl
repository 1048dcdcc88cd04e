# covers: code:loop::contacts, known:cycle

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

contact "A" {
    primary   b@own.example
    secondary a@own.example
}

contact "B" {
    primary   c@own.example
    secondary b@own.example
}

contact "C" {
    primary   a@own.example
    secondary c@own.example
}
