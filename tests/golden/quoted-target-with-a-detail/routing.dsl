# The detail of a sub-address goes inside the quotes that the target needs, also where the secondary begins with the separator.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    subaddress "-"
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

contact "Spaced" {
    primary   "two words"@partner.example
    secondary -9@own.example, two@own.example
}

contact "Plain" {
    primary   plain@partner.example
    secondary -8@own.example
}
