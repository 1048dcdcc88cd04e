# covers: known:self-alias
# A secondary that is the contact's own primary says nothing.

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

contact "Bob" {
    primary   bob@own.example
    secondary robert@own.example, bob@own.example
}
