# covers: field:expect.from-anyone, field:expect.at, field:expect.becomes, field:expect.via, field:expect.to, field:expect.rejected

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

contact "Ann" {
    primary   ann@other.example
    secondary ann@own.example
}

expect bob@own.example
expect bob@own.example from anyone at hub to store
expect ann@own.example from anyone -> ann@other.example via internet to internet
expect nobody@own.example rejected
expect nobody@own.example rejected 5.1.1
expect someone@other.example from anyone rejected 5.7.1
expect postmaster@own.example -> bob@own.example
